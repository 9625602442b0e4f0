"""What circulation does when the other side of a delivery states something."""

from __future__ import annotations

from services.docs import incoming, store_incoming
from services.docs.circulation import partners, receiving
from services.docs.step import fact_of
from shared.db import Tx, act_for
from shared.events import Envelope
from shared.events.docs import DeliveryChased, DeliveryStatusReported


def receive_recall(tx: Tx, stated: DeliveryStatusReported, *, source: str) -> None:
    """13, from the sender: into the receiver's row, or on to the partner behind which the receiver is."""
    if stated.partner:
        partners.ask_back(tx, stated, stated.partner, source=source)
        return
    act_for(tx, stated.receiver.agency_id)
    held = store_incoming.find_delivered_for_update(tx, stated.delivery_id)
    step = incoming.receive_recall(held, stated) if held else None
    if step:
        receiving.keep_recall(tx, step, source=source)


def receive_chased(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, DeliveryChased)
    if stated.partner:
        partners.urge(tx, stated, stated.partner, source=source)
        return
    act_for(tx, stated.receiver.agency_id)
    held = store_incoming.find_delivered_for_update(tx, stated.delivery_id)
    step = incoming.receive_chased(held, stated) if held else None
    if step:
        store_incoming.keep_incoming(tx, step, source=source)
