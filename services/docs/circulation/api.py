"""HTTP for what a sender does with an issued document: who gets it, where it is, taking back, chasing, its relations."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.docs import store, store_incoming, store_registry
from services.docs.access import Acting, Clerk, Identifier, Member, ReasonLine, Text
from services.docs.circulation import api_arrivals, api_groups, api_receipts, asking, dispatching, refusals, relations
from services.docs.circulation import store as kept
from services.docs.circulation.addressing import Choice
from services.docs.circulation.relations import Kept, Kind
from services.docs.circulation.views import (
    AddresseesView,
    ChainView,
    CirculationView,
    DispatchView,
    addressees_view,
    delivery_lines,
    named_view,
    recall_views,
)
from services.docs.delivery import ENDED
from services.docs.document import Document, check_issued, return_for_revision
from services.docs.views import Body, PartyView, View, party_view
from shared.db import itself
from shared.errors import NotFound, Rejected
from shared.http import OnceOnly
from shared.ids import new_id

router = APIRouter(tags=["circulation"])


class ChoiceBody(Body):
    """To whom: agencies by national identifier, groups, whole trees (an agency and all beneath it), without some."""

    recipients: list[Identifier] = Field(default=[], max_length=1000)
    groups: list[UUID] = Field(default=[], max_length=50)
    trees: list[Identifier] = Field(default=[], max_length=50)
    left_out: list[Identifier] = Field(default=[], max_length=1000)

    @property
    def choice(self) -> Choice:
        return Choice(tuple(self.recipients), tuple(self.groups), tuple(self.trees), frozenset(self.left_out))


class DispatchBody(ChoiceBody):
    note: Annotated[Text, Field(max_length=1000)] | None = None


class RecallBody(Body):
    """No `delivery_ids`: from everybody who has it, which freezes the document."""

    reason: ReasonLine
    delivery_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=1000)
    even_if_completed: bool = False


class ChaseBody(Body):
    """No `delivery_ids`: everybody who has not finished and was not chased today."""

    delivery_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=1000)
    note: Annotated[Text, Field(max_length=1000)] | None = None


class WithdrawBody(Body):
    reason: ReasonLine


class WithdrawnView(View):
    document_id: UUID
    state: str


class RelationBody(Body):
    """What the document is to another: `document_id` of the agency's own for updates and replaces, `incoming_id` for
    answers. `complete`: sending the answer completes the work on what it answers.
    """

    kind: Kind
    document_id: UUID | None = None
    incoming_id: UUID | None = None
    reason: ReasonLine | None = None
    complete: bool = False


# --- before it is signed


@router.post("/documents/{document_id}/withdraw")
def withdraw(document_id: UUID, body: WithdrawBody, acting: Clerk) -> WithdrawnView:
    """The clerk who submitted a document takes it back before anybody has signed it, to revise and submit the same one
    again. A second click changes nothing.
    """
    held = store.lock(acting.tx, document_id)
    if held.state not in ("awaiting_signature", "returned") or held.terms.signed:
        raise Rejected(refusals.NOT_WITHDRAWN_NOW)
    if acting.person_id != held.author_id:
        raise Rejected(refusals.NOT_YOURS_TO_WITHDRAW, name=held.author_name)
    step = return_for_revision(held, acting.person_id, body.reason, acting.by, acting.now(), stranded=True)
    if step:
        store.keep_document(acting.tx, replace(step, act="withdrawn"), source=acting.office.source)
    return WithdrawnView(document_id=held.id, state="returned")


# --- who gets it


@router.post("/documents/{document_id}/recipients")
def preview(document_id: UUID, body: ChoiceBody, acting: Member) -> AddresseesView:
    """Who exactly would get the document now; nothing is sent and nothing kept."""
    return addressees_view(dispatching.work_out(acting, store.get(acting.tx, document_id), body.choice))


# --- where it is


@router.get("/documents/{document_id}/circulation")
def show(document_id: UUID, acting: Member) -> CirculationView:
    return _view(acting, store.get(acting.tx, document_id))


def _view(acting: Acting, held: Document) -> CirculationView:
    deliveries = store.list_deliveries(acting.tx, held.id)
    histories = store.histories(acting.tx, [each.id for each in deliveries])
    recalls = kept.list_recalls(acting.tx, [held.id])[held.id]
    follows = kept.relations_of(acting.tx, held.id)
    receivers = [each.receiver.agency_id for each in deliveries if each.receiver.agency_id]
    lines = delivery_lines(
        deliveries,
        histories,
        acting.now(),
        given={each.delivery_id for each in kept.receipts_of(acting.tx, held.id)},
        sealing=store_registry.sealing_among(acting.tx, receivers, acting.now()),
    )
    return CirculationView(
        document_id=held.id,
        dispatches=[_dispatch_view(row) for row in kept.list_dispatches(acting.tx, held.id)],
        recalls=recall_views(recalls),
        frozen=asking.is_frozen(recalls, deliveries) is not None,
        may_chase=any(each.may_chase for each in lines),
        may_recall=any(each.may_recall for each in lines),
        deliveries=lines,
        chain=_chain(acting, held, follows),
        suggested=_suggested(acting, held, follows),
    )


def _dispatch_view(row: kept.Row) -> DispatchView:
    chosen = row["chosen"]
    return DispatchView(
        dispatch_id=row["id"],
        at=row["at"],
        by=row["by"].name,
        recipients=row["recipients"],
        note=row["note"],
        named=chosen["named"],
        groups=[each["name"] for each in chosen["groups"]],
        trees=chosen["trees"],
        left_out=chosen["left_out"],
    )


def _chain(acting: Acting, held: Document, follows: list[Kept]) -> ChainView:
    followed = kept.relations_to(acting.tx, [held.id])
    arrived = kept.arrived_relations_to(acting.tx, [held.id])  # replies to it, from those who got it
    answers = {row["incoming_id"]: store_incoming.get(acting.tx, row["incoming_id"]) for row in arrived}
    replaced = kept.replacements_of(acting.tx, held.id)
    names = kept.named_documents(
        acting.tx,
        [
            *(each.target for each in follows),
            *(each.document_id for each in followed),
            *(each.document_id for each in answers.values()),
            *(each.id for each in replaced.values()),
        ],
    )
    way = relations.chain(held.id, {document_id: each.id for document_id, each in replaced.items()})
    return ChainView(
        follows=[
            named_view(
                each.kind,
                names.get(each.target),
                document_id=each.target,
                reason=each.reason,
                relation_id=each.id,
                complete=each.complete,
            )
            for each in follows
        ],
        followed_by=[
            named_view(each.kind, names.get(each.document_id), document_id=each.document_id, reason=each.reason)
            for each in followed
        ]
        + [
            named_view("answers", names.get(each.document_id), document_id=each.document_id)
            for each in answers.values()
        ],
        current=named_view("replaces", names.get(way[-1]), document_id=way[-1]) if len(way) > 1 else None,
    )


def _suggested(acting: Acting, held: Document, follows: list[Kept]) -> list[PartyView]:
    """Whoever has what it updates or replaces, and whoever asked what it answers."""
    own = {each.receiver.identifier for each in store.list_deliveries(acting.tx, held.id) if each.status not in ENDED}
    found = {}
    for each in follows:
        if each.incoming_id is not None:
            if answered := store_incoming.find(acting.tx, each.incoming_id):  # none that the reader may not know
                found[answered.sender.identifier] = answered.sender
            continue
        for delivery in store.list_deliveries(acting.tx, each.target):
            if delivery.status not in ENDED:
                found[delivery.receiver.identifier] = delivery.receiver
    return [party_view(each) for identifier, each in found.items() if identifier not in own]


# --- taking back, chasing


@router.post("/documents/{document_id}/recall")
def recall(document_id: UUID, body: RecallBody, acting: Clerk, once: OnceOnly) -> CirculationView:
    """Ask everybody, or some, to give the document back (13). The receivers agree (15) or refuse (16)."""

    def act() -> CirculationView:
        chosen = set(body.delivery_ids) if body.delivery_ids is not None else None
        dispatching.take_back(acting, document_id, chosen, body.reason, even_if_completed=body.even_if_completed)
        return _view(acting, store.get(acting.tx, document_id))

    return once.run(act, CirculationView)


@router.post("/documents/{document_id}/chase")
def chase(document_id: UUID, body: ChaseBody, acting: Clerk, once: OnceOnly) -> CirculationView:
    def act() -> CirculationView:
        dispatching.chase(
            acting, document_id, set(body.delivery_ids) if body.delivery_ids is not None else None, body.note
        )
        return _view(acting, store.get(acting.tx, document_id))

    return once.run(act, CirculationView)


# --- relations


@router.post("/documents/{document_id}/relations", status_code=201)
def relate(document_id: UUID, body: RelationBody, acting: Clerk, once: OnceOnly) -> CirculationView:
    """Link a document to what it updates, replaces or answers, before it is sent; an answer may be linked afterwards too."""

    def act() -> CirculationView:
        held = store.lock(acting.tx, document_id)
        deliveries = store.list_deliveries(acting.tx, held.id)
        asking.check_not_frozen(kept.list_recalls(acting.tx, [held.id])[held.id], deliveries)
        target, incoming_id = _target(acting, held, body)
        made = Kept(
            id=new_id(),
            document_id=held.id,
            kind=body.kind,
            target=target,
            incoming_id=incoming_id,
            reason=body.reason,
            complete=body.complete and incoming_id is not None,
            at=acting.now(),
            by=acting.by,
        )
        if incoming_id is None and deliveries:
            raise Rejected(refusals.SENT_WITHOUT_RELATION)
        kept.add_relation(acting.tx, acting.agency_id, made)
        if made.complete and incoming_id is not None and deliveries:
            dispatching.complete_answered(acting, held, incoming_id)
        return _view(acting, held)

    return once.run(act, CirculationView)


def _target(acting: Acting, held: Document, body: RelationBody) -> tuple[UUID, UUID | None]:
    """The other document's id, and the incoming document that it is, both found and fit to be linked."""
    if body.kind == "answers":
        if body.incoming_id is None:
            raise NotFound("văn bản đến")
        arrived = store_incoming.lock(acting.tx, body.incoming_id)
        relations.check_answered(arrived)
        return arrived.document_id, arrived.id
    check_issued(held)
    if body.document_id is None:
        raise NotFound("văn bản")
    # Locked: of two that want to replace the same document one is told of the other.
    earlier = held if body.document_id == held.id else store.lock(acting.tx, body.document_id)
    with itself(acting.tx):  # what the clerk may not know replaces it all the same
        before = kept.followed_by(acting.tx, earlier.id)
    replaced = dispatching.replaced_by(acting, earlier)
    relations.check_later(held, earlier, replaced_by=replaced, before=before)
    return earlier.id, None


@router.delete("/documents/{document_id}/relations/{relation_id}", status_code=204)
def unrelate(document_id: UUID, relation_id: UUID, acting: Clerk) -> None:
    held = store.lock(acting.tx, document_id)
    if store.list_deliveries(acting.tx, held.id):
        raise Rejected(refusals.RELATION_SENT)
    if not any(each.id == relation_id for each in kept.relations_of(acting.tx, held.id)):
        raise NotFound("liên kết")
    kept.remove_relation(acting.tx, relation_id)


router.include_router(api_groups.router)
router.include_router(api_arrivals.router)
router.include_router(api_receipts.router)
