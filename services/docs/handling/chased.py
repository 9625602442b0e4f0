"""A sender's chase, passed on to those who have the document now: whoever it is assigned to and those who hold its tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from services.docs import numbering, store_incoming, store_registry
from services.docs.circulation import consumer as circulation
from services.docs.handling import domain, store
from services.docs.handling.desk import READERS, heads_of, title_of
from services.docs.handling.domain import Holder
from services.docs.incoming import Incoming
from services.docs.step import fact_of, ourselves
from shared import outbox
from shared.db import Tx
from shared.events import Envelope
from shared.events.docs import ArrivalChased, DeliveryChased


def receive_chased(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """What circulation does with it, and then the people are told."""
    circulation.receive_chased(tx, envelope, source=source)
    stated = fact_of(envelope, DeliveryChased)
    if stated.partner or stated.receiver.agency_id is None:
        return
    held = store_incoming.find_delivered_for_update(tx, stated.delivery_id)
    if held is None or held.chased_at != stated.at:
        return  # it was over by then
    now = datetime.now(UTC)
    if people := holders_of(tx, held, now):
        fact = ArrivalChased(
            delivery_id=held.delivery_id,
            incoming_id=held.id,
            agency_id=held.agency_id,
            title=title_of(held),
            sender_name=held.sender.name,
            people=people,
            note=stated.note,
            by=ourselves(),
            at=now,
        )
        outbox.put(tx, fact, source=source)


def holders_of(tx: Tx, held: Incoming, now: datetime) -> tuple[UUID, ...]:
    """Who works on it: the one it is assigned to, and of each open task its person, or its unit's head."""
    posts = [p for p in store_registry.list_posts(tx, held.agency_id, numbering.today(now)) if p.roles & READERS]
    found = [held.assignee_id] if held.assignee_id else []
    for task in store.list_of(tx, held.id):
        if task.state in domain.ENDED:
            continue
        holder: Holder = task.holder
        found += [holder.person_id] if holder.person_id else [each.person_id for each in heads_of(posts, holder)]
    here = {each.person_id for each in posts}
    return tuple(each for each in dict.fromkeys(found) if each in here)
