"""The receiver's side: what arrives with relations, what its sender asks, what the clerk answers. Loads, decides, saves, tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from services.docs import incoming, store_incoming, store_numbering
from services.docs.circulation import duplicates, receipts
from services.docs.circulation import store as kept
from services.docs.circulation.receipts import Kind, Receipt
from services.docs.delivery import ENDED, REFUSED
from services.docs.erasure import work as erasure
from services.docs.incoming import ARRIVED, Incoming
from services.docs.step import Step, fact_of, ourselves
from shared import outbox
from shared.db import Tx, act_for, itself
from shared.events import Actor, Envelope, signing
from shared.events.docs import (
    DeliveryChased,
    DeliveryReceiptGiven,
    DeliveryRenewed,
    DeliveryStatusReported,
    SealReceipt,
)
from shared.ids import new_id

Stated = TypeVar("Stated", DeliveryChased, DeliveryRenewed, DeliveryStatusReported)


def keep_arrival(tx: Tx, step: Step[Incoming], *, source: str) -> None:
    """A document arrives: with the earlier arrival that it looks like. What came before it and says that it updates or
    replaces it may have been taken up already: the two travel by different keys.
    """
    twins = duplicates.standing(kept.twins_of(tx, step.after))
    made = replace(step, after=replace(step.after, duplicate_of=twins[0].incoming_id if twins else None))
    store_incoming.keep_incoming(tx, made, source=source, new=True)
    order_receipt(tx, made.after, "arrived", step.at, source=source)
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


def step_at_receiver(
    tx: Tx, stated: Stated, rule: Callable[[Incoming, Stated], Step[Incoming] | None]
) -> Step[Incoming] | None:
    """What a fact of the sender does to the receiver's row, locked; None where there is none, or nothing to do."""
    act_for(tx, stated.receiver.agency_id)
    held = store_incoming.find_delivered_for_update(tx, stated.delivery_id)
    return rule(held, stated) if held else None


def after_step(tx: Tx, step: Step[Incoming], *, source: str) -> None:
    """What follows from a step that was just kept."""
    if step.act == "registered":
        order_receipt(tx, step.after, "registered", step.at, source=source)
    if step.act == "registered" or step.after.status == REFUSED:
        with itself(tx):  # also for one that whoever answers may not know
            answer_for_earlier(tx, step.after, step.by, step.at, source=source)


def order_receipt(tx: Tx, arrived: Incoming, kind: Kind, at: datetime, *, source: str) -> None:
    """The agency's own seal on what it got, put by itself (art. 21.2c); nothing waits for it."""
    receipt_id = new_id()
    made = Receipt(
        receipt_id=receipt_id,
        delivery_id=arrived.delivery_id,
        document_id=arrived.document_id,
        kind=kind,
        given=True,
        text=receipts.text_of(arrived, kind, receipt_id, at),
        made_at=at,
    )
    kept.put_receipt(tx, arrived.agency_id, made)
    order = SealReceipt(receipt_id=receipt_id, agency_id=arrived.agency_id, text=made.text, by=ourselves(), at=at)
    outbox.put(tx, order, source=source)


def receive_sealed_receipt(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """Signing has sealed it: kept here, and given to the sender."""
    stated = fact_of(envelope, signing.ReceiptSealed)
    act_for(tx, stated.agency_id)
    made = kept.find_receipt(tx, stated.receipt_id)
    if made is None or made.text != stated.text:
        return
    held = store_incoming.find_delivered_for_update(tx, made.delivery_id)
    if held is None:
        return
    sealed = replace(made, signature=stated.signature, stamped_at=stated.stamped_at)
    kept.put_receipt(tx, stated.agency_id, sealed)
    fact = DeliveryReceiptGiven(
        delivery_id=held.delivery_id,
        document_id=held.document_id,
        receipt_id=made.receipt_id,
        kind=made.kind,
        sender=held.sender,
        receiver=held.receiver,
        text=made.text,
        signature=stated.signature,
        stamped_at=stated.stamped_at,
        by=stated.by,
        at=stated.at,
    )
    outbox.put(tx, fact, source=source)


def keep_recall(tx: Tx, step: Step[Incoming], *, source: str) -> None:
    """A recall that was agreed to destroys the content; the number stays in the book, marked with the reason."""
    store_incoming.keep_incoming(tx, step, source=source)
    if step.act == "recall_agreed":
        if step.after.by_partner:
            digests = (each.sha256 for each in step.after.destroyed)
            erasure.order(tx, step.after.id, step.after.agency_id, step.act, digests)
        kept.forget_content(tx, step.after.id)
        if step.after.arrival_number is not None:
            asked = step.after.asked
            store_numbering.void(tx, step.after.id, f"Đã thu hồi: {asked.reason if asked else ''}")
