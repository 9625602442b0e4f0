"""What notify does when others state facts: keeps its copies, and tells the person whose turn it is.

The notice is written and its e-mail ordered in the transaction that takes the fact in; sending is a job.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.notify import expiry, store, store_expiry, store_words, store_work
from services.notify.answering import answer_mail
from services.notify.domain import (
    Call,
    Clerks,
    Delivery,
    Document,
    DocumentUnknown,
    Known,
    Person,
    title_of,
    whose_turn,
)
from services.notify.mailing import order
from services.notify.settling import settled_by, work_of
from services.notify.withholding import BEYOND, subjects_of, withheld
from shared.db import Tx
from shared.events import Envelope, Event, docs, portal, registry, signing, workfile
from shared.inbox import Follower, Handler
from shared.tokens import receive_key

MAIL_AGE = timedelta(days=2)  # a service that starts from nothing reads years of facts; nobody is mailed about those


def follower() -> Follower:
    tell: dict[type[Event], Handler] = dict.fromkeys(
        (
            docs.DocumentReturned,
            docs.ReviewAsked,
            docs.ReviewAnswered,
            docs.DocumentApproved,
            docs.DocumentNumbered,
            docs.ReviewDue,
            docs.RemarkMade,
            docs.OpinionAsked,
            docs.OpinionGiven,
            docs.TaskChanged,
            docs.NumberVoided,
            docs.DeliveryStatusReported,
            docs.DeliveryChased,
            docs.ArrivalChased,
            workfile.WorkfileDue,
            workfile.WorkfileSubmitted,
            workfile.WorkfileReturned,
            workfile.WorkfileStood,
            signing.DocumentPrepared,
            signing.DocumentSigned,
            signing.DocumentCounterSealed,
            signing.DocumentRefused,
            signing.DocumentDelayed,
            signing.DocumentOwing,
            signing.DocumentAugmented,
            signing.DocumentValidated,
        ),
        call_whose_turn_it_is,
    )
    return Follower(
        "notify",
        (
            docs.DOCUMENT.name,
            docs.DELIVERY.name,
            docs.TASK.name,
            workfile.WORKFILE.name,
            docs.INTAKE.name,
            signing.DOCUMENT.name,
            registry.AGENCY.name,
            registry.PERSON.name,
            registry.CERTIFICATE.name,
            portal.KEY.name,
        ),
        {
            **tell,
            docs.MailAnswered: answer_mail,
            docs.DocumentSubmitted: learn_submitted_document,
            docs.DocumentIssued: learn_issued_document,
            docs.DeliveryDispatched: learn_delivery,
            docs.DocumentAccessChanged: learn_access,
            docs.ArrivalAccessChanged: learn_access,
            docs.ArrivalPolicyChanged: learn_policy,
            registry.AgencyStated: copy_agency,
            registry.PersonStated: copy_person,
            registry.CertificateStated: copy_certificate,
            registry.Heartbeat: note_heartbeat,
            portal.KeyStated: receive_key,
        },
    )


# --- copies


def copy_agency(tx: Tx, envelope: Envelope) -> None:
    agency = envelope.data
    assert isinstance(agency, registry.AgencyStated)  # noqa: S101  registered for this type
    store.save_agency(tx, agency)


def copy_person(tx: Tx, envelope: Envelope) -> None:
    person = envelope.data
    assert isinstance(person, registry.PersonStated)  # noqa: S101  registered for this type
    store.save_person(tx, person)


def copy_certificate(tx: Tx, envelope: Envelope) -> None:
    certificate = envelope.data
    assert isinstance(certificate, registry.CertificateStated)  # noqa: S101  registered for this type
    store_expiry.save_certificate(tx, certificate)


def note_heartbeat(tx: Tx, envelope: Envelope) -> None:
    """Everybody stated so far is known now: facts that waited for an agency's clerks may go on."""
    heartbeat = envelope.data
    assert isinstance(heartbeat, registry.Heartbeat)  # noqa: S101  registered for this type
    store.save_heartbeat(tx, heartbeat.of, heartbeat.as_of)
    if heartbeat.of == registry.PERSON.name:
        for waiting in store.release_for_clerks(tx):
            call_whose_turn_it_is(tx, waiting)


def learn_submitted_document(tx: Tx, envelope: Envelope) -> None:
    """A document, or its next draft, gets its title here; facts that came before it go on."""
    submitted = envelope.data
    assert isinstance(submitted, docs.DocumentSubmitted)  # noqa: S101  registered for this type
    _learn(tx, submitted.descriptor, submitted.document_id, submitted.author_id)
    call_whose_turn_it_is(tx, envelope)


def learn_issued_document(tx: Tx, envelope: Envelope) -> None:
    issued = envelope.data
    assert isinstance(issued, docs.DocumentIssued)  # noqa: S101  registered for this type
    _learn(tx, issued.descriptor, issued.document_id, issued.author_id)
    call_whose_turn_it_is(tx, envelope)


def _learn(tx: Tx, descriptor: docs.Descriptor, document_id: UUID, author_id: UUID) -> None:
    store.lock_document(tx, document_id)
    store.save_document(
        tx,
        Document(
            id=document_id,
            agency_id=descriptor.agency_id,
            author_id=author_id,
            title=title_of(descriptor),
            symbol=descriptor.number_symbol,
        ),
    )
    for waiting in store.release_for_document(tx, document_id):
        call_whose_turn_it_is(tx, waiting)


def learn_delivery(tx: Tx, envelope: Envelope) -> None:
    dispatched = envelope.data
    assert isinstance(dispatched, docs.DeliveryDispatched)  # noqa: S101  registered for this type
    store.save_delivery(
        tx,
        Delivery(
            id=dispatched.delivery_id,
            title=title_of(dispatched.descriptor),
            symbol=dispatched.descriptor.number_symbol,
        ),
    )
    if dispatched.receiver.agency_id and store.needs_to_know(tx, dispatched.receiver.agency_id):
        store.save_restricted(tx, dispatched.receiver.agency_id, dispatched.delivery_id, restricted=True)
    call_whose_turn_it_is(tx, envelope)


def learn_access(tx: Tx, envelope: Envelope) -> None:
    """A document, or what arrived, is restricted at an agency, or open again."""
    fact = envelope.data
    assert isinstance(fact, docs.DocumentAccessChanged | docs.ArrivalAccessChanged)  # noqa: S101  registered for these
    subject = fact.delivery_id if isinstance(fact, docs.ArrivalAccessChanged) else fact.document_id
    store.lock_document(tx, subject)
    store.save_restricted(tx, fact.agency_id, subject, restricted=fact.restricted)
    if fact.restricted:
        store_words.withdraw(tx, fact.agency_id, subject)


def learn_policy(tx: Tx, envelope: Envelope) -> None:
    fact = envelope.data
    assert isinstance(fact, docs.ArrivalPolicyChanged)  # noqa: S101  registered for this type
    store.save_policy(tx, fact.agency_id, need_to_know=fact.need_to_know)


# --- notices


def call_whose_turn_it_is(tx: Tx, envelope: Envelope) -> None:
    """Write the notices of a fact and order their e-mails, or hold the fact until it can be said for whom it is."""
    if waiting := expiry.waits(envelope.data):
        store_expiry.save_waiting(tx, waiting, at=envelope.time)
    if ended := settled_by(envelope.data):
        store_work.end(tx, ended, by=_who(envelope.data), at=envelope.time)
    try:
        calls = _calls(tx, envelope)
    except DocumentUnknown as unknown:
        store.hold_for_document(tx, unknown.document_id, envelope)
        return
    told: dict[UUID, tuple[Call, Call]] = {}
    for call, blind in calls:
        if isinstance(call.to, Person):
            told.setdefault(call.to.person_id, (call, blind))
        else:
            _tell_clerks(tx, call.to, (call, blind), told, envelope)
    work = work_of(envelope.data)
    for notice in store.add_notices(tx, {person: call for person, (call, _) in told.items()}, envelope):
        _keep_other_words(tx, notice, envelope.data, *told[notice.person_id])
        if work:
            store_work.begin(tx, work, notice.person_id, notice.id, asked_at=envelope.time)
        if datetime.now(UTC) - envelope.time < MAIL_AGE:
            order(tx, notice.id, notice.person_id)


def _who(fact: Event) -> str | None:
    """Who ended the work, when it was a person."""
    by = getattr(fact, "by", None)
    return by.name if by is not None and by.person_id is not None else None


def _calls(tx: Tx, envelope: Envelope) -> list[tuple[Call, Call]]:
    """Whom to tell what, and the same without a word of the document. Of what an agency has restricted its clerks at
    large, and whoever the fact only happens to reach, read that there is something, and where.
    """
    event, known = envelope.data, _known(tx, envelope)
    calls = whose_turn(event, known)
    if not calls or not subjects_of(event):
        return [(call, call) for call in calls]
    keeping = store.restricting(tx, subjects_of(event))
    beyond = bool(keeping) and isinstance(event, BEYOND)
    return [
        (blind if beyond or (isinstance(call.to, Clerks) and call.to.agency_id in keeping) else call, blind)
        for call, blind in zip(calls, withheld(event, known), strict=True)
    ]


def _keep_other_words(tx: Tx, notice: store.Notice, event: Event, call: Call, blind: Call) -> None:
    """Of a notice to clerks at large, or beyond: what it says once its document is restricted."""
    at_large = call.to if isinstance(call.to, Clerks) else None
    if call != blind and (at_large or isinstance(event, BEYOND)):
        store_words.add(tx, notice, subjects_of(event), at_large.agency_id if at_large else None, blind)


def _tell_clerks(
    tx: Tx, clerks: Clerks, said: tuple[Call, Call], told: dict[UUID, tuple[Call, Call]], envelope: Envelope
) -> None:
    if store.is_behind_a_partner(tx, clerks.agency_id):
        return
    people = store.list_clerks(tx, clerks) if store.people_are_known(tx) else []
    if not people:
        # Who has been told by then is not told again: the notice is unique to event and person.
        store.hold_for_clerks(tx, clerks.agency_id, envelope)
    for person in people:
        told.setdefault(person, said)


def _known(tx: Tx, envelope: Envelope) -> Known:
    fact = envelope.data
    if isinstance(fact, docs.DeliveryStatusReported | docs.DeliveryChased):
        return Known(
            document=store.find_document(tx, fact.document_id), delivery=store.find_delivery(tx, fact.delivery_id)
        )
    document_id = getattr(fact, "document_id", None)
    if not isinstance(document_id, UUID):
        return Known()
    store.lock_document(tx, document_id)
    return Known(document=store.find_document(tx, document_id))
