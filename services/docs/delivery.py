"""The sender's side of a delivery, and the order in which a delivery's status may change (STANDARDS of the exchange).

The receiver reports 01 arrived, 02 refused, 03 registered, 04 assigned, 05 in work, 06 done. A refusal is possible
only before registering and is an end; nothing goes back. Beside that the sender may ask (13) to take the document back,
or to let a later one update or replace it; the receiver agrees (15) or refuses (16). Taken back is an end too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from services.docs import refusals
from services.docs.document import Document, check_issued
from services.docs.standing import Agency
from services.docs.step import Step
from shared.errors import Rejected
from shared.events import Actor
from shared.events.docs import DeliveryDispatched, DeliveryRenewed, DeliveryStatusReported, Party, Relation

SENT, REFUSED, COMPLETED = "00", "02", "06"
ASKED: Final = "13"
AGREED: Final = "15"
DECLINED: Final = "16"
TAKEN_BACK: Final = "15"  # a recall that was agreed to
ENDED = frozenset({REFUSED, TAKEN_BACK})  # whoever has it no more may be sent it again
About = Literal["recall", "updates", "replaces"]

NEXT: Mapping[str, frozenset[str]] = {
    "00": frozenset({"01", "02", "03"}),
    "01": frozenset({"02", "03"}),
    "02": frozenset(),
    "03": frozenset({"04", "05", "06"}),
    "04": frozenset({"05", "06"}),
    "05": frozenset({"06"}),
    "06": frozenset(),
    TAKEN_BACK: frozenset(),
}


def next_status(current: str, new: str, reason: str | None) -> Literal["same", "next"]:
    """Whether a reported status is news; Rejected(status_not_possible, reason_required) when it can't be true."""
    if new == current:
        return "same"
    if new not in NEXT.get(current, frozenset()):
        raise Rejected(refusals.STATUS_NOT_POSSIBLE, current=current, new=new)
    if new == REFUSED and not reason:
        raise Rejected(refusals.REASON_REQUIRED)
    return "next"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sender asked of one recipient, and what came of it (STANDARDS T7: 13, then 15 or 16)."""

    about: About
    status: Literal["13", "15", "16"]
    reason: str
    at: datetime
    answer: str | None = None
    answered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status == ASKED

    @property
    def is_open_recall(self) -> bool:
        return self.is_open and self.about == "recall"

    def answered(self, *, agreed: bool, why: str | None, at: datetime) -> Asked:
        return replace(self, status=AGREED if agreed else DECLINED, answer=why, answered_at=at)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient's delivery as its sender knows it."""

    id: UUID
    agency_id: UUID  # the sender's
    document_id: UUID
    receiver: Party
    partner: str | None
    dispatched_at: datetime
    status: str = SENT
    reason: str | None = None
    reason_code: str | None = None
    arrival_number: int | None = None
    dispatch_id: UUID | None = None
    asked: Asked | None = None
    chased_at: datetime | None = None
    version: int = 0


def dispatch(
    document: Document,
    recipient: Agency,
    delivery_id: UUID,
    by: Actor,
    at: datetime,
    *,
    dispatch_id: UUID | None = None,
    relations: tuple[Relation, ...] = (),
) -> Step[Delivery]:
    """One issued document to one recipient."""
    check_issued(document)
    fact = DeliveryDispatched(
        delivery_id=delivery_id,
        document_id=document.id,
        sender=document.agency,
        receiver=recipient.party,
        partner=recipient.partner,
        descriptor=document.descriptor,
        signer_name=document.signed_for,
        parts=document.issued_parts,
        owes=document.owes,
        dispatch_id=dispatch_id,
        relations=relations,
        by=by,
        at=at,
    )
    made = Delivery(
        id=delivery_id,
        agency_id=document.agency_id,
        document_id=document.id,
        receiver=recipient.party,
        partner=recipient.partner,
        dispatched_at=at,
        dispatch_id=dispatch_id,
    )
    return Step(made, SENT, by, at, tell=(fact,))


def renewed(delivery: Delivery, before: Document, document: Document, by: Actor, at: datetime) -> DeliveryRenewed:
    """The better version of a document, and of those annexes that became better, goes to everybody who has it."""
    return DeliveryRenewed(
        delivery_id=delivery.id,
        document_id=document.id,
        sender=document.agency,
        receiver=delivery.receiver,
        partner=delivery.partner,
        content=document.content,
        previous_sha256=before.content.sha256,
        level=document.level or "",
        owes=document.owes,
        annexes=tuple(part for part in document.terms.annexes if part not in before.terms.annexes),
        by=by,
        at=at,
    )


def standing_recipients(deliveries: Iterable[Delivery]) -> set[str]:
    """Identifiers of those who have the document; whoever refused it or gave it back may be sent it again."""
    return {each.receiver.identifier for each in deliveries if each.status not in ENDED}


def receive_status(delivery: Delivery, fact: DeliveryStatusReported) -> Step[Delivery] | None:
    """What the receiver says; the same status again is no news."""
    if fact.status in (AGREED, DECLINED):
        return _receive_answer(delivery, fact)
    if next_status(delivery.status, fact.status, fact.reason) == "same":
        return None
    after = replace(
        delivery,
        status=fact.status,
        reason=fact.reason,
        reason_code=fact.reason_code,
        arrival_number=fact.arrival_number or delivery.arrival_number,
    )
    return Step(after, fact.status, fact.by, fact.at, detail=fact.reason)


def _receive_answer(delivery: Delivery, fact: DeliveryStatusReported) -> Step[Delivery] | None:
    """15 or 16. A recall that was agreed to ends the delivery; an answer to nothing that is open is no news."""
    about = fact.about or "recall"
    if delivery.asked is None or not delivery.asked.is_open or delivery.asked.about != about:
        return None
    agreed = fact.status == AGREED
    after = replace(delivery, asked=delivery.asked.answered(agreed=agreed, why=fact.reason, at=fact.at))
    if agreed and about == "recall" and delivery.status != REFUSED:
        after = replace(after, status=TAKEN_BACK, reason=None, reason_code=None)
    return Step(after, fact.status if about == "recall" else f"{fact.status}_{about}", fact.by, fact.at, fact.reason)
