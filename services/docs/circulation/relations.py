"""What documents are to one another: one updates or replaces an earlier one (STANDARDS T6), one answers another.

The chain is the same on both sides: the sender keeps it by its documents, the receiver by what arrived with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.docs.circulation import refusals
from services.docs.delivery import ENDED, Delivery
from services.docs.document import Document, check_issued
from services.docs.incoming import ARRIVED, Incoming
from shared.errors import Refusal, Rejected
from shared.events import Actor
from shared.events.docs import DocumentRef, Relation

Kind = Literal["updates", "replaces", "answers"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A relation of an outgoing document, as it is kept. `target` is the other document's id as its sender gave it."""

    id: UUID
    document_id: UUID
    kind: Kind
    target: UUID
    incoming_id: UUID | None
    reason: str | None
    complete: bool
    at: datetime
    by: Actor


@dataclass(frozen=True, slots=True)
class Named:
    """A document as others speak of it, and where this agency has it: among its own, or among what arrived."""

    document_id: UUID
    number_symbol: str | None
    issued_on: date | None
    agency_name: str
    abstract: str
    own: bool
    page_id: UUID  # of the document, or of the incoming document


def chain(start: UUID, replaced_by: Mapping[UUID, UUID]) -> list[UUID]:
    """From a document to the one that stands now, following what replaced what. Never round in a circle."""
    found = [start]
    while (following := replaced_by.get(found[-1])) is not None and following not in found:
        found.append(following)
    return found


def check_later(
    later: Document, earlier: Document, *, replaced_by: Mapping[UUID, Document], before: Collection[UUID]
) -> None:
    """Whether an issued document may update or replace an issued one of the same agency. `replaced_by` is the way from
    the earlier one to that which stands now, `before` are those that the earlier one itself follows, however far back.
    """
    check_issued(later)
    if earlier.agency_id != later.agency_id or earlier.state != "issued" or earlier.id == later.id:
        raise Rejected(refusals.NOT_OWN_DOCUMENT)
    if later.id in before:
        raise Rejected(refusals.RELATED_IN_A_CIRCLE, number=earlier.descriptor.number_symbol)
    check_stands(earlier, replaced_by, refusals.ALREADY_REPLACED)


def check_stands(held: Document, replaced_by: Mapping[UUID, Document], refusal: Refusal) -> None:
    """Nothing took its place; else Rejected with this refusal, which names what stands now."""
    way = chain(held.id, {document_id: other.id for document_id, other in replaced_by.items()})
    if len(way) > 1:
        current = next(each for each in replaced_by.values() if each.id == way[-1]).descriptor
        raise Rejected(
            refusal,
            number=held.descriptor.number_symbol,
            current=current.number_symbol,
            day=f"{current.issued_on:%d/%m/%Y}" if current.issued_on else "",
        )


def check_answered(arrived: Incoming) -> None:
    """Only what is in the register of arrivals can be answered."""
    if arrived.status in ENDED or arrived.status == ARRIVED:
        raise Rejected(refusals.ANSWER_NOT_REGISTERED)


def told(
    kept: Sequence[Kept],
    *,
    earlier: Mapping[UUID, Document],
    answered: Mapping[UUID, Incoming],
    deliveries: Sequence[Delivery],
    receiver: str,
) -> tuple[Relation, ...]:
    """`earlier` and `answered` by the other documents' ids. What one recipient (by identifier) is told of a document's relations: which of its own documents is updated or
    replaced. That it answers something, only whoever asked is told.
    """
    found = []
    for each in kept:
        if each.kind != "answers":
            about = earlier[each.target].descriptor
            theirs = [d for d in deliveries if d.document_id == each.target and d.receiver.identifier == receiver]
            has = next((d.id for d in theirs if d.status not in ENDED), None)
            ref = DocumentRef(
                document_id=each.target,
                delivery_id=has,
                agency_identifier=about.agency_identifier,
                number_symbol=about.number_symbol,
                issued_on=about.issued_on,
            )
        elif (asked := answered.get(each.target)) and asked.sender.identifier == receiver:
            ref = DocumentRef(
                document_id=each.target,
                delivery_id=asked.delivery_id,
                agency_identifier=asked.descriptor.agency_identifier,
                number_symbol=asked.descriptor.number_symbol,
                issued_on=asked.descriptor.issued_on,
            )
        else:
            continue
        found.append(Relation(kind=each.kind, document=ref, reason=each.reason))
    return tuple(found)
