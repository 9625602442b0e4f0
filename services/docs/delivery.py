"""The sender's side of a delivery, and the order in which a delivery's status may change (STANDARDS of the exchange).

The receiver reports 01 arrived, 02 refused, 03 registered, 04 assigned, 05 in work, 06 done. A refusal is possible
only before registering and is an end; nothing goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.docs import refusals
from services.docs.document import Document, check_issued
from services.docs.standing import Agency
from services.docs.step import Step
from shared.errors import Rejected
from shared.events import Actor
from shared.events.docs import DeliveryDispatched, DeliveryRenewed, DeliveryStatusReported, Party

SENT = "00"
REFUSED = "02"

NEXT: Mapping[str, frozenset[str]] = {
    "00": frozenset({"01", "02", "03"}),
    "01": frozenset({"02", "03"}),
    "02": frozenset(),
    "03": frozenset({"04", "05", "06"}),
    "04": frozenset({"05", "06"}),
    "05": frozenset({"06"}),
    "06": frozenset(),
}


def next_status(current: str, new: str, reason: str | None) -> Literal["same", "next"]:
    """Whether a reported status is news; Rejected(status_not_possible, reason_required) when it can't be true."""
    if new == current:
        return "same"
    if new not in NEXT[current]:
        raise Rejected(refusals.STATUS_NOT_POSSIBLE, current=current, new=new)
    if new == REFUSED and not reason:
        raise Rejected(refusals.REASON_REQUIRED)
    return "next"


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
    version: int = 0


def dispatch(document: Document, recipient: Agency, delivery_id: UUID, by: Actor, at: datetime) -> Step[Delivery]:
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
    """Identifiers of those who have the document; whoever refused it may be sent it again."""
    return {each.receiver.identifier for each in deliveries if each.status != REFUSED}


def receive_status(delivery: Delivery, fact: DeliveryStatusReported) -> Step[Delivery] | None:
    """What the receiver says; the same status again is no news."""
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
