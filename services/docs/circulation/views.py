"""What circulation's answers are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.docs.catalogue import STATUSES, refusal_sentence
from services.docs.circulation.addressing import Addressees, Ended
from services.docs.circulation.asking import Recall, may_ask_back, may_chase
from services.docs.circulation.duplicates import Twin
from services.docs.circulation.relations import Kind, Named
from services.docs.delivery import Asked, Delivery
from services.docs.store import Entry
from services.docs.views import EntryView, PartyView, View, entry_views, party_view


class AskedView(View):
    about: Literal["recall", "updates", "replaces"]
    status: Literal["13", "15", "16"]
    status_vi: str
    reason: str
    at: datetime
    answer: str | None
    answered_at: datetime | None


def asked_view(asked: Asked | None) -> AskedView | None:
    if asked is None:
        return None
    return AskedView(
        about=asked.about,
        status=asked.status,
        status_vi=STATUSES[asked.status],
        reason=asked.reason,
        at=asked.at,
        answer=asked.answer,
        answered_at=asked.answered_at,
    )


class NamedView(View):
    """A document in a chain; `page` says where this agency has it, none when it has it not."""

    document_id: UUID
    kind: Kind
    number_symbol: str | None
    issued_on: date | None
    agency_name: str
    abstract: str
    page: Literal["document", "incoming"] | None
    page_id: UUID | None
    reason: str | None
    relation_id: UUID | None
    complete: bool


def named_view(
    kind: Kind,
    found: Named | None,
    *,
    document_id: UUID,
    number_symbol: str | None = None,
    issued_on: date | None = None,
    agency_name: str = "",
    reason: str | None = None,
    relation_id: UUID | None = None,
    complete: bool = False,
) -> NamedView:
    return NamedView(
        document_id=document_id,
        kind=kind,
        number_symbol=found.number_symbol if found else number_symbol,
        issued_on=found.issued_on if found else issued_on,
        agency_name=found.agency_name if found else agency_name,
        abstract=found.abstract if found else "",
        page=("document" if found.own else "incoming") if found else None,
        page_id=found.page_id if found else None,
        reason=reason,
        relation_id=relation_id,
        complete=complete,
    )


class ChainView(View):
    """`follows`: what it updates, replaces, answers. `followed_by`: what does so to it. `current`: what stands now, when
    it was replaced.
    """

    follows: list[NamedView]
    followed_by: list[NamedView]
    current: NamedView | None


class RecipientView(View):
    identifier: str
    name: str
    partner: str | None
    ways: list[str]


class EndedView(View):
    identifier: str
    name: str
    until: date | None
    successors: list[PartyView]


class AddresseesView(View):
    """Who exactly gets it, and what stands in the way: then nothing is sent to anybody."""

    recipients: list[RecipientView]
    ended: list[EndedView]
    unknown: list[str]
    repeated: list[str]
    already: list[PartyView]
    names_sender: bool


def addressees_view(found: Addressees) -> AddresseesView:
    return AddresseesView(
        recipients=[
            RecipientView(
                identifier=each.agency.identifier,
                name=each.agency.name,
                partner=each.agency.partner,
                ways=list(each.ways),
            )
            for each in found.recipients
        ],
        ended=[ended_view(each) for each in found.ended],
        unknown=found.unknown,
        repeated=found.repeated,
        already=[party_view(each.party) for each in found.already],
        names_sender=found.named_sender,
    )


def ended_view(found: Ended) -> EndedView:
    return EndedView(
        identifier=found.agency.identifier,
        name=found.agency.name,
        until=found.agency.valid_until,
        successors=[party_view(each.party) for each in found.successors],
    )


class DecisionView(View):
    """One decision to send, or to take back."""

    at: datetime
    by: str
    recipients: int
    note: str | None


class DispatchView(DecisionView):
    dispatch_id: UUID
    named: list[str]
    groups: list[str]
    trees: list[str]
    left_out: list[str]


class RecallView(DecisionView):
    whole: bool


def recall_views(recalls: Iterable[Recall]) -> list[RecallView]:
    return [RecallView(at=r.at, by=r.by.name, recipients=r.recipients, note=r.reason, whole=r.whole) for r in recalls]


Receipted = Literal["given", "expected", "no_seal", "partner", "none"]


class DeliveryLine(View):
    """`receipt`: whether the receiver's sealed receipt is here, and why it is not: no seal is registered for the agency,
    another system gives its own, or it is on its way.
    """

    delivery_id: UUID
    dispatch_id: UUID | None
    receiver: PartyView
    partner: str | None
    status: str
    status_vi: str
    reason: str | None
    reason_vi: str | None  # what a partner's code means; `reason` is then in its own words
    arrival_number: int | None
    dispatched_at: datetime
    asked: AskedView | None
    chased_at: datetime | None
    may_chase: bool
    may_recall: bool
    receipt: Receipted
    history: list[EntryView]


def receipted(delivery: Delivery, given: Collection[UUID], sealing: Collection[UUID]) -> Receipted:
    """`given`: deliveries that have a receipt; `sealing`: agencies that have a seal."""
    if delivery.id in given:
        return "given"
    if delivery.partner:
        return "partner"
    if delivery.receiver.agency_id not in sealing:
        return "no_seal"
    return "none" if delivery.status == "00" else "expected"


def delivery_lines(
    deliveries: Iterable[Delivery],
    histories: Mapping[UUID, list[Entry]],
    now: datetime,
    *,
    given: Collection[UUID],
    sealing: Collection[UUID],
) -> list[DeliveryLine]:
    return [
        DeliveryLine(
            delivery_id=each.id,
            dispatch_id=each.dispatch_id,
            receiver=party_view(each.receiver),
            partner=each.partner,
            status=each.status,
            status_vi=STATUSES[each.status],
            reason=each.reason,
            reason_vi=refusal_sentence(each.reason_code) if each.partner else None,
            arrival_number=each.arrival_number,
            dispatched_at=each.dispatched_at,
            asked=asked_view(each.asked),
            chased_at=each.chased_at,
            may_chase=may_chase(each, now),
            may_recall=may_ask_back(each),
            receipt=receipted(each, given, sealing),
            history=entry_views(histories[each.id]),
        )
        for each in deliveries
    ]


class CirculationView(View):
    """Everything about where a document is: decisions, recipients, chain."""

    document_id: UUID
    dispatches: list[DispatchView]
    recalls: list[RecallView]
    frozen: bool
    may_chase: bool
    may_recall: bool
    deliveries: list[DeliveryLine]
    chain: ChainView
    suggested: list[PartyView]


class TwinView(View):
    """`hidden`: there is one that the reader may not know, and nothing of it is said but whom to ask about it."""

    incoming_id: UUID | None = None
    number_symbol: str | None = None
    issued_on: date | None = None
    abstract: str = ""
    status: str | None = None
    arrival_number: int | None = None
    arrived_at: datetime | None = None
    like: Literal["identifier", "number"]
    hidden: bool = False
    ask: str | None = None


def twin_view(each: Twin) -> TwinView:
    if each.hidden:
        return TwinView(like=each.like, hidden=True, ask=each.ask)
    return TwinView(
        incoming_id=each.incoming_id,
        number_symbol=each.number_symbol,
        issued_on=each.issued_on,
        abstract=each.abstract,
        status=each.status,
        arrival_number=each.arrival_number,
        arrived_at=each.arrived_at,
        like=each.like,
    )


class DestroyedView(View):
    filename: str
    sha256: str
    size: int


class ArrivalView(View):
    """What circulation knows of an incoming document beside what it is."""

    incoming_id: UUID
    asked: AskedView | None
    chased_at: datetime | None
    destroyed: list[DestroyedView]
    twins: list[TwinView]
    chain: ChainView
