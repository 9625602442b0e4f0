"""The receiver's side: what arrives with relations, what its sender asks, what the clerk answers. Loads, decides, saves, tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.docs import incoming, store_incoming, store_numbering
from services.docs.circulation import duplicates
from services.docs.circulation import store as kept
from services.docs.delivery import ENDED, REFUSED
from services.docs.incoming import ARRIVED, Incoming
from services.docs.step import Step
from shared.db import Tx
from shared.events import Actor


def keep_arrival(tx: Tx, step: Step[Incoming], *, source: str) -> None:
    """A document arrives: with the earlier arrival that it looks like. What came before it and says that it updates or
    replaces it may have been taken up already: the two travel by different keys.
    """
    twins = duplicates.standing(kept.twins_of(tx, step.after))
    made = replace(step, after=replace(step.after, duplicate_of=twins[0].incoming_id if twins else None))
    store_incoming.keep_incoming(tx, made, source=source, new=True)
    for row in kept.arrived_relations_to(tx, [step.after.document_id]):
        later = store_incoming.get(tx, row["incoming_id"])
        if row["kind"] != "answers" and later.status != ARRIVED:
            answer_for_earlier(tx, later, step.by, step.at, source=source)


def answer_for_earlier(tx: Tx, later: Incoming, by: Actor, at: datetime, *, source: str) -> None:
    """A document that updates or replaces earlier ones was taken up or refused: their sender is told for each (15, 16)."""
    for relation in later.relations:
        if relation.kind == "answers":
            continue
        for incoming_id in kept.arrivals_of(tx, [relation.document.document_id]):
            held = store_incoming.lock(tx, incoming_id)
            agreed = later.status not in ENDED
            step = incoming.answer_later(held, relation.kind, agreed=agreed, later=later, by=by, at=at)
            if step:
                store_incoming.keep_incoming(tx, step, source=source)


def after_step(tx: Tx, step: Step[Incoming], *, source: str) -> None:
    """What follows from a step that was just kept."""
    if step.act == "registered" or step.after.status == REFUSED:
        answer_for_earlier(tx, step.after, step.by, step.at, source=source)


def keep_recall(tx: Tx, step: Step[Incoming], *, source: str) -> None:
    """A recall that was agreed to destroys the content; the number stays in the book, marked with the reason."""
    store_incoming.keep_incoming(tx, step, source=source)
    if step.act == "recall_agreed":
        kept.forget_content(tx, step.after.id)
        if step.after.arrival_number is not None:
            asked = step.after.asked
            store_numbering.void(tx, step.after.id, f"Đã thu hồi: {asked.reason if asked else ''}")
