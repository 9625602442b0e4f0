"""Circulation with partners: taking back in both directions, chasing, and relations in the partner's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from services.docs import refusals, store_exchange
from services.docs.circulation import refusals as own
from services.docs.delivery import AGREED, ASKED, DECLINED, ENDED, TAKEN_BACK, Asked
from services.docs.exchange import OutDelivery, SentDelivery, read_reason
from shared import outbox
from shared.db import Tx
from shared.errors import Rejected
from shared.events import Actor
from shared.events.docs import (
    DeliveryChased,
    DeliveryReceiptGiven,
    DeliveryStatusReported,
    DocumentRef,
    Party,
    Relation,
)
from shared.events.exchange import (
    OUTBOUND,
    REPLIES,
    DeliveryUrged,
    RecallAnswered,
    RecallRequested,
    RecallSent,
    ReceiptGiven,
    RelatedDocument,
)

# --- to a partner


def ask_back(tx: Tx, fact: DeliveryStatusReported, partner: str, *, source: str) -> None:
    """13 to an agency behind a partner: out on its topic, once."""
    with store_exchange.as_partner(tx, partner):
        held = store_exchange.find_out_for_update(tx, fact.delivery_id)
        if held is None or held.status in ENDED:
            return
        asked = Asked("recall", ASKED, fact.reason or "", fact.at)
        store_exchange.save_out(tx, replace(held, asked=asked))
    told = RecallRequested(delivery_id=fact.delivery_id, reason=asked.reason, at=fact.at)
    outbox.put(tx, told, source=source, topic=OUTBOUND.of(partner))


def urge(tx: Tx, fact: DeliveryChased, partner: str, *, source: str) -> None:
    told = DeliveryUrged(delivery_id=fact.delivery_id, note=fact.note, at=fact.at)
    outbox.put(tx, told, source=source, topic=OUTBOUND.of(partner))


def give_receipt(tx: Tx, fact: DeliveryReceiptGiven, partner: str, *, source: str) -> None:
    told = ReceiptGiven(
        delivery_id=fact.delivery_id,
        receipt_id=fact.receipt_id,
        text=fact.text,
        signature=fact.signature,
        stamped_at=fact.stamped_at,
    )
    outbox.put(tx, told, source=source, topic=REPLIES.of(partner))


def related_for_partner(relations: Sequence[Relation]) -> tuple[RelatedDocument, ...]:
    return tuple(
        RelatedDocument(
            kind=each.kind,
            document_id=each.document.document_id,
            number_symbol=each.document.number_symbol,
            issued_on=each.document.issued_on,
            reason=each.reason,
        )
        for each in relations
    )


# --- from a partner


def relations_of(
    related: Sequence[RelatedDocument], sender_identifier: str, mine: dict[UUID, UUID]
) -> tuple[Relation, ...]:
    """A partner's relations in our words. `mine`: by which delivery of ours it got what it answers."""
    return tuple(
        Relation(
            kind=each.kind,
            reason=read_reason(each.reason),
            document=DocumentRef(
                document_id=each.document_id,
                delivery_id=mine.get(each.document_id) if each.kind == "answers" else None,
                agency_identifier="" if each.kind == "answers" else sender_identifier,
                number_symbol=read_reason(each.number_symbol),
                issued_on=each.issued_on,
            ),
        )
        for each in related
    )


def accept_recall(tx: Tx, raw: RecallSent, partner: str, *, source: str) -> SentDelivery:
    """A partner takes back what it sent to an agency here: from here on as any sender's recall."""
    reason, held = read_reason(raw.reason), store_exchange.find_sent_for_update(tx, raw.delivery_id)
    if reason is None:
        raise Rejected(refusals.TEXT_NOT_ALLOWED, where="data/reason")
    if held is None or held.sender is None or held.receiver is None:
        raise Rejected(refusals.DELIVERY_UNKNOWN, delivery_id=raw.delivery_id)
    if held.status == TAKEN_BACK or (held.asked and held.asked.is_open):
        return held  # said before
    now = datetime.now(UTC)  # the time of our own receipt; a partner's clock is not evidence
    asked = replace(held, asked=Asked("recall", ASKED, reason, now))
    store_exchange.save_sent(tx, asked)
    by = _staff(raw.staff, partner, held.sender)
    fact = _status(held, held.sender, held.receiver, status=ASKED, reason=reason, by=by)
    outbox.put(tx, fact, source=source)
    return asked


def accept_answer(tx: Tx, raw: RecallAnswered, partner: str, *, source: str) -> OutDelivery:
    """A partner has destroyed what was taken back (15), or refuses (16, with a reason)."""
    reason, held = read_reason(raw.reason), store_exchange.find_out_for_update(tx, raw.delivery_id)
    if held is None:
        raise Rejected(refusals.DELIVERY_UNKNOWN, delivery_id=raw.delivery_id)
    if held.asked is None:
        raise Rejected(refusals.NOTHING_ASKED)
    if not held.asked.is_open:
        if (held.asked.status == AGREED) != raw.agreed:
            raise Rejected(refusals.NOTHING_ASKED)
        return held  # said before
    if not raw.agreed and reason is None:
        raise Rejected(own.DECLINED_WITHOUT_REASON)
    now = datetime.now(UTC)
    asked = held.asked.answered(agreed=raw.agreed, why=reason, at=now)
    status = TAKEN_BACK if raw.agreed and held.status not in ENDED else held.status
    store_exchange.save_out(tx, replace(held, asked=asked, status=status))
    by = _staff(raw.staff, partner, held.receiver)
    answer = AGREED if raw.agreed else DECLINED
    outbox.put(tx, _status(held, held.sender, held.receiver, status=answer, reason=reason, by=by), source=source)
    return replace(held, asked=asked, status=status)


def _staff(given: str, partner: str, agency: Party) -> Actor:
    return Actor(name=read_reason(given) or partner, agency_id=agency.agency_id, system=f"partner:{partner}")


def _status(
    held: SentDelivery | OutDelivery,
    sender: Party,
    receiver: Party,
    *,
    status: str,
    reason: str | None,
    by: Actor,
) -> DeliveryStatusReported:
    return DeliveryStatusReported(
        delivery_id=held.delivery_id,
        document_id=held.document_id,
        sender=sender,
        receiver=receiver,
        status=status,
        reason=reason,
        about="recall",
        by=by,
        at=datetime.now(UTC),
    )


def after_report(held: SentDelivery, fact: DeliveryStatusReported) -> SentDelivery | None:
    """What a partner's delivery is after its recipient's report; None when it is no news."""
    if fact.status not in (AGREED, DECLINED):
        return None if held.status == fact.status else replace(held, status=fact.status)
    if (fact.about or "recall") != "recall":
        return held  # about a later document: nothing of this one changes, the partner is told
    if held.asked is None or not held.asked.is_open:
        return None
    agreed = fact.status == AGREED
    status = TAKEN_BACK if agreed and held.status not in ENDED else held.status
    return replace(held, status=status, asked=held.asked.answered(agreed=agreed, why=fact.reason, at=fact.at))
