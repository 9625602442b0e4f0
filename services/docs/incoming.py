"""A document that arrived: validated, refused or registered, assigned, handled, completed (NĐ 30 arts 21–24).

The receiver's own aggregate: what happens inside the agency stays here, the sender hears the status only.
None means that this very thing has been done already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.docs import refusals
from services.docs.delivery import AGREED, ASKED, DECLINED, ENDED, NEXT, REFUSED, TAKEN_BACK, About, Asked
from services.docs.step import Reason, Step, ourselves
from shared.errors import Rejected
from shared.events import Actor, BlobRef
from shared.events.docs import (
    DeliveryChased,
    DeliveryDispatched,
    DeliveryRenewed,
    DeliveryStatusReported,
    Descriptor,
    Part,
    Party,
    Relation,
    ValidateDocument,
)
from shared.events.signing import Debt, DocumentDelayed, DocumentValidated, PartValidated, SignatureSummary

ARRIVED, REGISTERED, ASSIGNED, STARTED, COMPLETED = "01", "03", "04", "05", "06"
_WORTH = {"TOTAL_FAILED": 0, "INDETERMINATE": 1, "TOTAL_PASSED": 2}


@dataclass(frozen=True, slots=True)
class Validation:
    """signing's verdict; `code` is set when the file could not be validated at all."""

    indication: str
    sub_indication: str | None
    code: str | None
    reason_vi: str
    reason_en: str
    signatures: tuple[SignatureSummary, ...]
    report: BlobRef | None
    annexes: tuple[PartValidated, ...] = ()
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Destroyed:
    """A file whose content was destroyed here because its sender took the document back."""

    filename: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One arrived document of one receiving agency."""

    id: UUID
    delivery_id: UUID
    document_id: UUID
    sender: Party
    receiver: Party
    descriptor: Descriptor
    signer_name: str
    parts: tuple[Part, ...]
    arrived_at: datetime
    status: str = ARRIVED
    reason: str | None = None
    reason_code: str | None = None
    arrival_number: int | None = None
    validation: Validation | None = None
    delayed: Reason | None = None
    assignee_id: UUID | None = None
    assignee_name: str | None = None
    owes: tuple[Debt, ...] = ()
    renewal: BlobRef | None = None  # a better version, not yet validated
    renewed_annexes: tuple[Part, ...] = ()  # likewise, of annexes
    came_by: str | None = None  # as in ValidateDocument
    relations: tuple[Relation, ...] = ()
    asked: Asked | None = None
    chased_at: datetime | None = None
    destroyed: tuple[Destroyed, ...] = ()
    duplicate_of: UUID | None = None  # an earlier arrival that looks like the same document
    version: int = 0

    @property
    def agency_id(self) -> UUID:
        if self.receiver.agency_id is None:
            raise ValueError("a receiver's agency lives here")
        return self.receiver.agency_id

    @property
    def by_partner(self) -> bool:
        """Whether its bytes are in our own store; those of an agency here are its sender's."""
        return (self.came_by or "").startswith("partner:")


def arrive(fact: DeliveryDispatched, incoming_id: UUID, at: datetime) -> Step[Incoming]:
    """The system itself tells the sender that it arrived, the same day (NĐ 30 art. 21.2c), and orders validation."""
    by = ourselves()
    made = Incoming(
        id=incoming_id,
        delivery_id=fact.delivery_id,
        document_id=fact.document_id,
        sender=fact.sender,
        receiver=fact.receiver,
        descriptor=fact.descriptor,
        signer_name=fact.signer_name,
        parts=fact.parts,
        arrived_at=at,
        owes=fact.owes,
        came_by=_way(fact),
        relations=fact.relations,
    )
    order = _validate(made, by, at)
    return Step(made, "arrived", by, at, tell=(_report(made, by, at), order))


def _way(fact: DeliveryDispatched) -> str:
    """A partner's document says so by the system that stated it; every other one is of an agency here."""
    system = fact.by.system or ""
    return system if system.startswith("partner:") else "network"


def _validate(incoming: Incoming, by: Actor, at: datetime) -> ValidateDocument:
    """Of everything as it stands, or as it would with the better versions that came."""
    better = {part.ordinal: part for part in incoming.renewed_annexes}
    return ValidateDocument(
        incoming_id=incoming.id,
        agency_id=incoming.agency_id,
        content=incoming.renewal or incoming.parts[0].content,
        annexes=tuple(better.get(part.ordinal, part) for part in incoming.parts[1:]),
        type_code=incoming.descriptor.type_code,
        came_by=incoming.came_by,
        by=by,
        at=at,
    )


def receive_renewed(incoming: Incoming, fact: DeliveryRenewed) -> Step[Incoming] | None:
    """A better version came: it is validated before it takes the other's place, and after the other's own verdict."""
    known = {each.content.sha256 for each in incoming.parts[:1]} | {incoming.renewal.sha256 if incoming.renewal else ""}
    renewal = incoming.renewal if fact.content.sha256 in known else fact.content
    standing = (*incoming.parts, *incoming.renewed_annexes)
    better = {part.ordinal: part for part in fact.annexes if all(part.content != one.content for one in standing)}
    if incoming.status in ENDED or (renewal == incoming.renewal and not better):
        return None
    by = ourselves()
    annexes = {part.ordinal: part for part in incoming.renewed_annexes} | better
    after = replace(incoming, renewal=renewal, renewed_annexes=tuple(annexes.values()), owes=fact.owes)
    order = _validate(after, by, fact.at)
    return Step(after, "renewal_arrived", by, fact.at, tell=(order,) if incoming.validation else ())


def receive_renewal_validated(incoming: Incoming, fact: DocumentValidated) -> Step[Incoming]:
    """The better version of each file stands from here on, unless its verdict is worse than the one that we have."""
    held, renewal = incoming.validation, incoming.renewal
    before = held.indication if held else "TOTAL_FAILED"
    takes_main = renewal is not None and _WORTH[fact.indication] >= _WORTH[before] and fact.code is None
    parts, verdicts = list(incoming.parts), {each.ordinal: each for each in held.annexes} if held else {}
    if renewal is not None and takes_main:
        parts[0] = parts[0].model_copy(update={"content": renewal})
    new = {each.ordinal: each for each in fact.annexes}
    for better in incoming.renewed_annexes:
        verdict = new[better.ordinal]
        old = verdicts.get(better.ordinal)
        if verdict.code is None and _WORTH[verdict.indication] >= _WORTH[old.indication if old else "TOTAL_FAILED"]:
            verdicts[better.ordinal] = verdict
            parts = [better if part.ordinal == better.ordinal else part for part in parts]
    validation = _verdict(fact) if takes_main or held is None else held
    after = replace(
        incoming,
        parts=tuple(parts),
        validation=replace(validation, annexes=tuple(verdicts[n] for n in sorted(verdicts))),
        renewal=None,
        renewed_annexes=(),
    )
    act = "renewed" if after.parts != incoming.parts else "renewal_refused"
    return Step(after, act, fact.by, fact.at, detail=fact.indication)


def _is_of_renewal(incoming: Incoming, fact: DocumentValidated) -> bool:
    """Whether the verdict is on the better versions that we have last ordered to be looked at."""
    if not incoming.renewal and not incoming.renewed_annexes:
        return False
    found = {each.ordinal: each.sha256 for each in fact.annexes}
    main = incoming.renewal or incoming.parts[0].content
    return fact.sha256 == main.sha256 and all(
        found.get(part.ordinal) == part.content.sha256 for part in incoming.renewed_annexes
    )


def _report(incoming: Incoming, by: Actor, at: datetime) -> DeliveryStatusReported:
    return DeliveryStatusReported(
        delivery_id=incoming.delivery_id,
        document_id=incoming.document_id,
        sender=incoming.sender,
        receiver=incoming.receiver,
        status=incoming.status,
        reason=incoming.reason,
        reason_code=incoming.reason_code,
        arrival_number=incoming.arrival_number,
        assignee_id=incoming.assignee_id if incoming.status == ASSIGNED else None,
        incoming_id=incoming.id,
        by=by,
        at=at,
    )


def receive_validated(incoming: Incoming, fact: DocumentValidated) -> Step[Incoming] | None:
    """A failed document, or one with a failed annex, is returned at once with the reason (art. 21.2); anything else is
    for the clerk to judge.
    """
    if not incoming.parts:
        return None  # its content is gone, and what was found out about it with it
    if incoming.validation and _is_of_renewal(incoming, fact):
        return receive_renewal_validated(incoming, fact)
    if incoming.validation is not None:
        return None
    known = replace(incoming, validation=_verdict(fact), delayed=None)
    failed = _failed(incoming, fact)
    if incoming.status != ARRIVED or failed is None:
        waits = known.renewal or known.renewed_annexes
        then = (_validate(known, ourselves(), fact.at),) if waits else ()
        return Step(known, "validated", fact.by, fact.at, detail=fact.indication, tell=then)
    code, reason = failed
    refused = replace(known, status=REFUSED, reason=reason, reason_code=code)
    told = _report(refused, fact.by, fact.at)
    return Step(refused, "refused_automatically", fact.by, fact.at, detail=reason, tell=(told,))


def find_unfit(incoming: Incoming, why: Reason, filename: str, at: datetime, *, forget: bool) -> Step[Incoming] | None:
    """A file of it may not be taken (its type, malware, a stamp of secrecy): who has done nothing with it yet sends it
    back at once; later it is written down for the clerk. `forget`: the content is destroyed here, whoever has begun with it.
    """
    if not incoming.parts:
        return None
    by, after = ourselves(), incoming
    if forget:
        gone = tuple(Destroyed(each.filename, each.content.sha256, each.content.size) for each in incoming.parts)
        after = replace(
            after, parts=(), destroyed=gone, validation=None, delayed=None, renewal=None, renewed_annexes=()
        )
    if incoming.status == ARRIVED:
        after = replace(after, status=REFUSED, reason=why.vi, reason_code=why.code)
        return Step(after, "refused_automatically", by, at, detail=why.vi, tell=(_report(after, by, at),))
    return Step(after, "file_unfit", by, at, detail=f"{filename}: {why.vi}")


def _failed(incoming: Incoming, fact: DocumentValidated) -> tuple[str, str] | None:
    """Code and sentence of the first part that failed, the main text before the annexes."""
    if fact.indication == "TOTAL_FAILED" or fact.code is not None:
        return fact.code or fact.sub_indication or fact.indication, fact.reason_vi
    names = {part.ordinal: part.filename for part in incoming.parts}
    for annex in fact.annexes:
        if annex.indication == "TOTAL_FAILED":
            code = annex.code or annex.sub_indication or annex.indication
            return code, f"Phụ lục “{names.get(annex.ordinal, annex.ordinal)}”: {annex.reason_vi}"
    return None


def _verdict(fact: DocumentValidated) -> Validation:
    return Validation(
        indication=fact.indication,
        sub_indication=fact.sub_indication,
        code=fact.code,
        reason_vi=fact.reason_vi,
        reason_en=fact.reason_en,
        signatures=fact.signatures,
        report=fact.report,
        annexes=fact.annexes,
        policy=fact.policy,
    )


def receive_delayed(incoming: Incoming, fact: DocumentDelayed) -> Step[Incoming] | None:
    reason = Reason(fact.code, fact.reason_vi, fact.reason_en)
    if incoming.validation is not None or incoming.delayed == reason or not incoming.parts:
        return None
    return Step(replace(incoming, delayed=reason), "validation_delayed", fact.by, fact.at, detail=fact.code)


def may_register(incoming: Incoming) -> bool:
    """False: it is registered already (a second click). Raises Rejected when it was refused or is not validated."""
    if incoming.arrival_number is not None and incoming.status != TAKEN_BACK:
        return False
    _check_open(incoming, REGISTERED)
    if incoming.asked and incoming.asked.is_open_recall:
        raise Rejected(refusals.RECALL_PENDING, sender=incoming.sender.name)
    if incoming.validation is None:
        raise Rejected(refusals.NOT_VALIDATED_YET)
    return True


def register(incoming: Incoming, number: int, by: Actor, at: datetime) -> Step[Incoming]:
    """Entered in the register of arrivals; the sender hears "received"."""
    may_register(incoming)
    after = replace(incoming, status=REGISTERED, arrival_number=number)
    return Step(after, "registered", by, at, detail=str(number), tell=(_report(after, by, at),))


def refuse(incoming: Incoming, reason: str, by: Actor, at: datetime) -> Step[Incoming] | None:
    """Not for us, or not acceptable: back to the sender with the reason."""
    if incoming.status == REFUSED:
        return None
    _check_open(incoming, REFUSED)
    after = replace(incoming, status=REFUSED, reason=reason, reason_code="refused_by_clerk")
    return Step(after, "refused", by, at, detail=reason, tell=(_report(after, by, at),))


def assign(incoming: Incoming, person_id: UUID, name: str, by: Actor, at: datetime) -> Step[Incoming] | None:
    """To whoever shall handle it; before work has begun it may go to somebody else."""
    if incoming.status == ASSIGNED and incoming.assignee_id == person_id:
        return None
    if incoming.status != ASSIGNED:
        _check_open(incoming, ASSIGNED)
    after = replace(incoming, status=ASSIGNED, assignee_id=person_id, assignee_name=name)
    return Step(after, "assigned", by, at, detail=name, tell=(_report(after, by, at),))


def start(incoming: Incoming, by: Actor, at: datetime) -> Step[Incoming] | None:
    if incoming.status == STARTED:
        return None
    _check_open(incoming, STARTED)
    after = replace(incoming, status=STARTED)
    return Step(after, "started", by, at, tell=(_report(after, by, at),))


def complete(incoming: Incoming, note: str | None, by: Actor, at: datetime) -> Step[Incoming] | None:
    """The work is done. The note is the agency's own and does not travel."""
    if incoming.status == COMPLETED:
        return None
    _check_open(incoming, COMPLETED)
    after = replace(incoming, status=COMPLETED)
    return Step(after, "completed", by, at, detail=note, tell=(_report(after, by, at),))


# --- what the sender asks afterwards


def receive_recall(incoming: Incoming, fact: DeliveryStatusReported) -> Step[Incoming] | None:
    """The sender asks to take it back (13): the clerk answers. Who has refused it anyway has nothing to decide."""
    if incoming.status == TAKEN_BACK or (incoming.asked and incoming.asked.is_open_recall):
        return None
    asked = replace(incoming, asked=Asked("recall", ASKED, fact.reason or "", fact.at))
    if incoming.status == REFUSED:
        return agree_to_recall(asked, None, ourselves(), fact.at)
    return Step(asked, "recall_asked", fact.by, fact.at, detail=fact.reason)


def agree_to_recall(incoming: Incoming, note: str | None, by: Actor, at: datetime) -> Step[Incoming] | None:
    """The document is cancelled here (NĐ 30 art. 18.4b): its content is destroyed, what it was and that it was taken
    back stays (annex VI III.8).
    """
    if incoming.status == TAKEN_BACK:
        return None
    asked = _open_recall(incoming)
    after = replace(
        incoming,
        status=incoming.status if incoming.status == REFUSED else TAKEN_BACK,
        asked=asked.answered(agreed=True, why=note, at=at),
        destroyed=tuple(Destroyed(p.filename, p.content.sha256, p.content.size) for p in incoming.parts),
        parts=(),
        validation=None,
        delayed=None,
        renewal=None,
        renewed_annexes=(),
        reason=incoming.reason if incoming.status == REFUSED else asked.reason,
    )
    return Step(
        after, "recall_agreed", by, at, detail=note, tell=(_answer(after, AGREED, "recall", note, by=by, at=at),)
    )


def decline_recall(incoming: Incoming, reason: str, by: Actor, at: datetime) -> Step[Incoming] | None:
    """The document stays here, with the reason why; the sender may ask again."""
    if incoming.asked and incoming.asked.about == "recall" and incoming.asked.status == DECLINED:
        return None
    asked = _open_recall(incoming)
    after = replace(incoming, asked=asked.answered(agreed=False, why=reason, at=at))
    told = _answer(after, DECLINED, "recall", reason, by=by, at=at)
    return Step(after, "recall_declined", by, at, detail=reason, tell=(told,))


def _open_recall(incoming: Incoming) -> Asked:
    if incoming.asked is None or not incoming.asked.is_open_recall:
        raise Rejected(refusals.NOTHING_ASKED)
    return incoming.asked


def answer_later(
    earlier: Incoming, about: About, *, agreed: bool, later: Incoming, by: Actor, at: datetime
) -> Step[Incoming] | None:
    """A later document updates or replaces this one: by taking it up or refusing it the agency answers (15, 16)."""
    if earlier.status in ENDED:
        return None
    why = None if agreed else later.reason
    status = AGREED if agreed else DECLINED
    told = _answer(earlier, status, about, why, by=by, at=at)
    return Step(earlier, f"{status}_{about}", by, at, detail=later.descriptor.number_symbol, tell=(told,))


def receive_chased(incoming: Incoming, fact: DeliveryChased) -> Step[Incoming] | None:
    """The sender asks to get on with it."""
    if incoming.status in ENDED:
        return None
    return Step(replace(incoming, chased_at=fact.at), "chased", fact.by, fact.at, detail=fact.note)


def _answer(
    incoming: Incoming, status: str, about: About, why: str | None, *, by: Actor, at: datetime
) -> DeliveryStatusReported:
    return DeliveryStatusReported(
        delivery_id=incoming.delivery_id,
        document_id=incoming.document_id,
        sender=incoming.sender,
        receiver=incoming.receiver,
        status=status,
        reason=why,
        about=about,
        by=by,
        at=at,
    )


def _check_open(incoming: Incoming, new: str) -> None:
    if incoming.status == REFUSED:
        raise Rejected(refusals.ALREADY_REFUSED)
    if incoming.status == TAKEN_BACK:
        raise Rejected(refusals.TAKEN_BACK, sender=incoming.sender.name)
    if new not in NEXT[incoming.status]:
        raise Rejected(refusals.STATUS_NOT_POSSIBLE, current=incoming.status, new=new)
