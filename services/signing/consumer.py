"""What signing does when docs orders or takes back, registry states, and portal states its keys: rows and jobs only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from services.signing import (
    completing,
    copies,
    copies_trust,
    counter_sealing,
    domain,
    erasing,
    head_sealing,
    preparing,
    sealing,
    stopping,
    store,
    store_access,
    store_longevity,
    store_preparation,
    validating,
)
from services.signing.desk import state_refusal, told
from services.signing.domain import Document, State
from services.signing.refusals import DOCUMENT_UNKNOWN, NO_SIGNERS, PREPARATION_FAILED
from shared import outbox
from shared.db import Tx, act_for
from shared.errors import Rejected
from shared.events import Envelope, Event
from shared.events.docs import (
    CounterSealDocument,
    DocumentAccessChanged,
    DocumentReturned,
    EraseDocument,
    NumberVoided,
    PrepareCopy,
    PrepareDocument,
    SealDocument,
    SealReceipt,
    SealTreeHead,
    ValidateDocument,
)
from shared.events.portal import KeyStated
from shared.events.registry import (
    AgencyStated,
    AnchorStated,
    AuthorityStated,
    CertificateStated,
    Heartbeat,
    PersonStated,
    RevocationDataStated,
    TrustConfirmed,
)
from shared.events.signing import DocumentSealed
from shared.inbox import Follower
from shared.tokens import receive_key

Stated = TypeVar("Stated", bound=Event)

TOPICS = ("signing.commands", "docs.document", *copies.TOPICS, *copies_trust.TOPICS, "portal.key")
_SIGNING = (preparing.KIND, completing.KIND)


def follower(source: str) -> Follower:
    """`source` is this deployment's CloudEvents source, for what is stated in answer."""

    def with_source(handle: Callable[[Tx, Envelope, str], None]) -> Callable[[Tx, Envelope], None]:
        return lambda tx, envelope: handle(tx, envelope, source)

    return Follower(
        "signing",
        TOPICS,
        {
            PrepareDocument: with_source(receive_order_to_prepare),
            PrepareCopy: receive_order_to_prepare_copy,
            CounterSealDocument: with_source(receive_order_to_counter_seal),
            SealDocument: with_source(receive_order_to_seal),
            ValidateDocument: receive_order_to_validate,
            SealTreeHead: with_source(receive_order_to_seal_head),
            SealReceipt: receive_order_to_seal_receipt,
            EraseDocument: receive_order_to_erase,
            DocumentAccessChanged: _keep(store_access.keep),
            DocumentReturned: receive_return,
            NumberVoided: receive_voided_number,
            AgencyStated: _keep(copies.keep_agency),
            PersonStated: _keep(copies.keep_person),
            AuthorityStated: _keep(copies.keep_authority),
            CertificateStated: receive_certificate,
            Heartbeat: _keep(copies.keep_heartbeat),
            AnchorStated: _keep(copies_trust.keep_anchor),
            TrustConfirmed: _keep(copies_trust.confirm),
            RevocationDataStated: _keep(copies_trust.keep_revocation_data),
            KeyStated: receive_key,
        },
    )


def receive_order_to_prepare(tx: Tx, envelope: Envelope, source: str) -> None:
    """A new document, or a new round of a returned one. A return that overtook its order ends it at once."""
    command = envelope.data
    assert isinstance(command, PrepareDocument)  # noqa: S101  registered for this type
    act_for(tx, command.descriptor.agency_id)
    if not command.signers:
        state_refusal(tx, source, command.document_id, "prepare", Rejected(NO_SIGNERS))
        return
    known = store.find(tx, command.document_id)
    if known is None:
        document = domain.order(command)
        store.add(tx, document)
    elif domain.order_again(known, command):
        store.drop_jobs(tx, command.document_id, *_SIGNING)
        again = domain.order_again(store.lock(tx, command.document_id), command)
        if again is None:
            return
        store_preparation.fail_all(tx, again.id, told(Rejected(PREPARATION_FAILED)))
        store.save(tx, again)
        document = store.get(tx, again.id)
    else:
        return
    store_longevity.begin(tx, document.id, document.agency_id, unchecked_allowed=command.unchecked_allowed)
    returned = store.find_withdrawal(tx, document.id)
    if returned and (ended := domain.cancel(document, returned)):
        store.save(tx, ended)
    else:
        preparing.put(tx, document)


def receive_order_to_prepare_copy(tx: Tx, envelope: Envelope) -> None:
    """A copy or extract that the agency certifies; an order that came before changes nothing."""
    command = envelope.data
    assert isinstance(command, PrepareCopy)  # noqa: S101  registered for this type
    act_for(tx, command.descriptor.agency_id)
    if store.find(tx, command.document_id) is None:
        document = domain.order_copy(command)
        store.add(tx, document)
        store_longevity.begin(tx, document.id, document.agency_id, unchecked_allowed=command.unchecked_allowed)
        preparing.put(tx, document)


def receive_order_to_counter_seal(tx: Tx, envelope: Envelope, source: str) -> None:
    """A co-issuer's clerk wants their agency's seal on the document; asking again while it waits changes nothing."""
    command = envelope.data
    assert isinstance(command, CounterSealDocument)  # noqa: S101  registered for this type
    act_for(tx, command.agency_id)
    document = store.find_and_lock(tx, command.document_id)
    if document is None:
        unknown = Rejected(DOCUMENT_UNKNOWN)
        state_refusal(tx, source, command.document_id, "seal", unknown, agency_id=command.co_agency_id)
        return
    try:
        after, own = domain.order_counter_seal(document, command)
    except Rejected as error:
        state_refusal(tx, source, command.document_id, "seal", error, agency_id=command.co_agency_id)
        return
    if after != document:
        store.save(tx, after)
        counter_sealing.put(tx, after, own)


def receive_order_to_seal(tx: Tx, envelope: Envelope, source: str) -> None:
    """Number and date from docs; a number that was voided meanwhile is not sealed."""
    command = envelope.data
    assert isinstance(command, SealDocument)  # noqa: S101  registered for this type
    act_for(tx, command.agency_id)
    document = store.find_and_lock(tx, command.document_id)
    if document is None:
        state_refusal(tx, source, command.document_id, "seal", Rejected(DOCUMENT_UNKNOWN))
        return
    voided = store.find_withdrawal(tx, document.id, number=command.number)
    if voided is not None and voided >= command.at:
        return
    try:
        after = domain.order_seal(document, command)
    except Rejected as error:
        state_refusal(tx, source, document.id, "seal", error)
        return
    if after.state is State.SEALED:
        _state_seal_again(tx, after, source)
    elif after != document:
        store.save(tx, after)
        sealing.put(tx, after)


def receive_order_to_validate(tx: Tx, envelope: Envelope) -> None:
    """Look at what arrived, as soon as a worker is free."""
    command = envelope.data
    assert isinstance(command, ValidateDocument)  # noqa: S101  registered for this type
    act_for(tx, command.agency_id)
    store.add_validation(
        tx,
        command.incoming_id,
        command.agency_id,
        command.content,
        at=command.at,
        annexes=command.annexes,
        type_code=command.type_code,
        came_by=command.came_by,
    )
    validating.put(tx, command)


def receive_order_to_seal_head(tx: Tx, envelope: Envelope, source: str) -> None:
    command = envelope.data
    assert isinstance(command, SealTreeHead)  # noqa: S101  registered for this type
    head_sealing.receive_order(tx, command, source=source)


def receive_certificate(tx: Tx, envelope: Envelope) -> None:
    """The copy, what is stopped by it, and what waited for it."""
    stated = envelope.data
    assert isinstance(stated, CertificateStated)  # noqa: S101  registered for this type
    stopping.receive_certificate(tx, stated)
    head_sealing.receive_seal_certificate(tx, stated)


def receive_order_to_seal_receipt(tx: Tx, envelope: Envelope) -> None:
    command = envelope.data
    assert isinstance(command, SealReceipt)  # noqa: S101  registered for this type
    head_sealing.receive_receipt_order(tx, command)


def receive_order_to_erase(tx: Tx, envelope: Envelope) -> None:
    command = envelope.data
    assert isinstance(command, EraseDocument)  # noqa: S101  registered for this type
    erasing.receive_order(tx, command)


def receive_return(tx: Tx, envelope: Envelope) -> None:
    """The document is no longer to be signed: what is under way comes to nothing."""
    fact = envelope.data
    assert isinstance(fact, DocumentReturned)  # noqa: S101  registered for this type
    act_for(tx, fact.agency_id)
    store.add_withdrawal(tx, fact.document_id, fact.agency_id, at=fact.at)
    known = store.find(tx, fact.document_id)
    if known is None or domain.cancel(known, fact.at) is None:
        return
    store.drop_jobs(tx, fact.document_id, *_SIGNING)
    document = store.lock(tx, fact.document_id)
    if ended := domain.cancel(document, fact.at):
        store_preparation.fail_all(tx, document.id, told(Rejected(PREPARATION_FAILED)))
        store.save(tx, ended)


def receive_voided_number(tx: Tx, envelope: Envelope) -> None:
    """The number is given up: a seal that was not made yet is not made."""
    fact = envelope.data
    assert isinstance(fact, NumberVoided)  # noqa: S101  registered for this type
    act_for(tx, fact.agency_id)
    store.add_withdrawal(tx, fact.document_id, fact.agency_id, number=fact.number, at=fact.at)
    known = store.find(tx, fact.document_id)
    if known is None or domain.void(known, fact.number) is None:
        return
    store.drop_jobs(tx, fact.document_id, sealing.KIND)
    document = store.lock(tx, fact.document_id)
    if after := domain.void(document, fact.number):
        store.save(tx, after)


def _state_seal_again(tx: Tx, document: Document, source: str) -> None:
    """Docs asks for a seal that stands: it is told so once more."""
    numbering = domain.check_seal(document)
    fact = DocumentSealed(
        by=numbering.by,
        at=store.now(tx),
        document_id=document.id,
        content=document.content,
        number=numbering.number,
        level=document.level or "",
        parts=document.terms.sealed_annexes,
        owes=store_longevity.get(tx, document.id, document.agency_id).owes,
    )
    outbox.put(tx, fact, source=source)


def _keep(keep: Callable[[Tx, Stated], None]) -> Callable[[Tx, Envelope], None]:
    """A handler that keeps a copy of what the registry states; the follower gives it this type of event only."""
    return lambda tx, envelope: keep(tx, cast("Stated", envelope.data))
