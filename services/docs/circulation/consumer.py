"""What circulation does when the other side of a delivery states something."""

from __future__ import annotations

from services.docs import incoming, store, store_incoming, store_registry
from services.docs.circulation import partners, receiving
from services.docs.circulation import store as kept
from services.docs.circulation.receipts import Receipt
from services.docs.step import fact_of
from shared.db import Tx, act_for
from shared.events import Envelope
from shared.events.docs import DeliveryChased, DeliveryReceiptGiven, DeliveryStatusReported


def receive_recall(tx: Tx, stated: DeliveryStatusReported, *, source: str) -> None:
    """13, from the sender: into the receiver's row, or on to the partner behind which the receiver is."""
    if stated.partner:
        partners.ask_back(tx, stated, stated.partner, source=source)
        return
    step = receiving.step_at_receiver(tx, stated, incoming.receive_recall)
    if step:
        receiving.keep_recall(tx, step, source=source)


def receive_chased(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, DeliveryChased)
    if stated.partner:
        partners.urge(tx, stated, stated.partner, source=source)
        return
    step = receiving.step_at_receiver(tx, stated, incoming.receive_chased)
    if step:
        store_incoming.keep_incoming(tx, step, source=source)


def receive_receipt(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """The receiver's receipt, into the sender's keeping, or on to the partner that sent the document."""
    stated = fact_of(envelope, DeliveryReceiptGiven)
    sender = stated.sender.agency_id
    agency = store_registry.find_agency(tx, sender) if sender else None
    if agency and agency.partner:
        partners.give_receipt(tx, stated, agency.partner, source=source)
        return
    act_for(tx, sender)
    if sender and store.find_delivery_for_update(tx, stated.delivery_id):
        made = Receipt(
            receipt_id=stated.receipt_id,
            delivery_id=stated.delivery_id,
            document_id=stated.document_id,
            kind=stated.kind,
            given=False,
            text=stated.text,
            made_at=stated.at,
            signature=stated.signature,
            stamped_at=stated.stamped_at,
        )
        kept.put_receipt(tx, sender, made)
