"""Partners: taking in what they send, answering every message, and sending them what is theirs.

A message is taken whole or refused whole; a refusal is an answer on the partner's replies topic, never a parked
event, so one bad message holds nothing up.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.docs import exchange, numbering, refusals, standing, store_exchange, store_registry
from services.docs.catalogue import REFUSAL_CODES, refusal_sentence
from services.docs.circulation import partners
from services.docs.delivery import ENDED, NEXT, SENT, TAKEN_BACK, next_status
from services.docs.exchange import OutDelivery, SentDelivery
from services.docs.step import fact_of
from shared import outbox
from shared.db import Tx
from shared.errors import Rejected, Sentence
from shared.events import Actor, Envelope, Event, MalformedEvent
from shared.events.docs import DeliveryDispatched, DeliveryRenewed, DeliveryStatusReported, Party
from shared.events.exchange import (
    INBOUND,
    OUTBOUND,
    REPLIES,
    AgencyRef,
    DeliveryRef,
    DocumentDelivered,
    DocumentRenewed,
    DocumentSent,
    MessageAccepted,
    MessageRejected,
    RecallAnswered,
    RecallSent,
    StatusReported,
    StatusSent,
)
from shared.ids import new_id
from shared.inbox import Record

MAX_MESSAGE_ID = 200
MAX_DETAIL = 2000  # characters


def _partner(topic: str) -> str:
    return topic.removeprefix(INBOUND.prefix)


def _reply(tx: Tx, partner: str, event: Event, source: str) -> None:
    outbox.put(tx, event, source=source, topic=REPLIES.of(partner))


# --- inbound


def receive_partner_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    sent = fact_of(envelope, DocumentSent)
    _answer(tx, envelope, lambda partner: _accept_document(tx, envelope, sent, partner, source), source)


def receive_partner_status(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, StatusSent)
    _answer(tx, envelope, lambda partner: _accept_status(tx, envelope, stated, partner, source), source)


def receive_partner_recall(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """A partner asks to take back what it sent."""
    raw = fact_of(envelope, RecallSent)

    def accept(partner: str) -> MessageAccepted:
        held = partners.accept_recall(tx, raw, partner, source=source)
        ref = DeliveryRef(recipient=held.recipient, delivery_id=held.delivery_id)
        return MessageAccepted(message_id=str(envelope.id), document_id=held.document_id, deliveries=(ref,))

    _answer(tx, envelope, accept, source)


def receive_partner_answer(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """A partner answers our asking to give a document back."""
    raw = fact_of(envelope, RecallAnswered)

    def accept(partner: str) -> MessageAccepted:
        held = partners.accept_answer(tx, raw, partner, source=source)
        ref = DeliveryRef(recipient=_ref(held.receiver), delivery_id=held.delivery_id)
        return MessageAccepted(message_id=str(envelope.id), document_id=held.document_id, deliveries=(ref,))

    _answer(tx, envelope, accept, source)


def _answer(tx: Tx, envelope: Envelope, accept: Callable[[str], MessageAccepted], source: str) -> None:
    """Accepted, or refused with nothing of it kept. "Not now" (503) is no answer: the message comes again."""
    partner = _partner(envelope.topic)
    reply: MessageAccepted | MessageRejected
    try:
        with tx.transaction(), store_exchange.as_partner(tx, partner):
            reply = accept(partner)
    except Rejected as error:
        if error.refusal.status == 503:
            raise
        partition, offset = envelope.place or (-1, -1)
        reply = _rejection(str(envelope.id), error.code, error.sentence, partition, offset)
    _reply(tx, partner, reply, source)


def _accept_document(tx: Tx, envelope: Envelope, raw: DocumentSent, partner: str, source: str) -> MessageAccepted:
    """1. clean text, 2. sender, date and recipients, 3. the files, 4. one delivery for each recipient."""
    now = datetime.now(UTC)
    day = numbering.today(now)
    sent = exchange.read_sent(raw)  # 1
    print_of_it = exchange.fingerprint(sent)
    store_exchange.lock_document_id(tx, partner, sent.document_id)
    if before := store_exchange.list_sent(tx, sent.document_id):
        if any(delivery.fingerprint != print_of_it for delivery in before):
            raise Rejected(refusals.DOCUMENT_ID_REUSED, document_id=sent.document_id)
        return _accepted(envelope, sent.document_id, before)
    claimed = sent.message.sender.identifier  # 2
    wanted = [recipient.identifier for recipient in sent.recipients]
    known = store_registry.find_agencies(tx, [claimed, *wanted], day)
    sender = exchange.check_sender(known.get(claimed), sent, partner, day)
    exchange.check_date(sent, day)
    recipients = standing.recipients_by(wanted, known, sender.agency_id, day)
    exchange.check_local(recipients)
    uploaded = store_exchange.find_files(tx, [file.sha256 for file in sent.message.files])  # 3
    parts = exchange.parts_of(sent.message.files, uploaded)
    answered = store_exchange.out_by_document(tx, [each.document_id for each in sent.relations])
    relations = partners.relations_of(sent.relations, sender.identifier, answered)
    made = []
    for recipient in recipients:  # 4
        delivery_id = new_id()
        told = AgencyRef(identifier=recipient.identifier, name=recipient.name)
        held = SentDelivery(
            delivery_id,
            partner,
            sent.document_id,
            print_of_it,
            told,
            SENT,
            now,
            sender=sender.party,
            receiver=recipient.party,
        )
        made.append(held)
        store_exchange.add_sent(tx, made[-1])
        fact = exchange.dispatched(
            sent,
            delivery_id=delivery_id,
            sender=sender,
            recipient=recipient,
            parts=parts,
            relations=relations,
            partner=partner,
            at=now,
        )
        outbox.put(tx, fact, source=source)
    return _accepted(envelope, sent.document_id, made)


def _accepted(envelope: Envelope, document_id: UUID, made: list[SentDelivery]) -> MessageAccepted:
    refs = tuple(DeliveryRef(recipient=each.recipient, delivery_id=each.delivery_id) for each in made)
    return MessageAccepted(message_id=str(envelope.id), document_id=document_id, deliveries=refs)


def _accept_status(tx: Tx, envelope: Envelope, raw: StatusSent, partner: str, source: str) -> MessageAccepted:
    """The partner's word on a delivery to it goes to the sender like any receiver's."""
    reason = exchange.read_reason(raw.reason)
    staff = exchange.read_reason(raw.staff) or partner
    held = store_exchange.find_out_for_update(tx, raw.delivery_id)
    if held is None:
        raise Rejected(refusals.DELIVERY_UNKNOWN, delivery_id=raw.delivery_id)
    if next_status(held.status, raw.status, reason) == "next":
        code = _refusal_code(raw)
        store_exchange.save_out(tx, replace(held, status=raw.status))
        fact = DeliveryStatusReported(
            delivery_id=held.delivery_id,
            document_id=held.document_id,
            sender=held.sender,
            receiver=held.receiver,
            status=raw.status,
            reason=reason,
            reason_code=code,
            reason_vi=refusal_sentence(code),
            by=Actor(name=staff, agency_id=held.receiver.agency_id, system=f"partner:{partner}"),
            at=datetime.now(UTC),  # the time of our own receipt; a partner's clock is not evidence
        )
        outbox.put(tx, fact, source=source)
    ref = DeliveryRef(recipient=_ref(held.receiver), delivery_id=held.delivery_id)
    return MessageAccepted(message_id=str(envelope.id), document_id=held.document_id, deliveries=(ref,))


def _refusal_code(raw: StatusSent) -> str | None:
    """With 02, a code that people here are told in their own words; the partner's are quoted beside it."""
    if raw.status != "02":
        return None
    return raw.reason_code if raw.reason_code in REFUSAL_CODES else "refused_by_partner"


def _ref(party: Party) -> AgencyRef:
    return AgencyRef(identifier=party.identifier, name=party.name)


# --- records that can't be read


def answer_unreadable(tx: Tx, record: Record, error: MalformedEvent, *, source: str) -> bool:
    """A partner's unreadable record is answered once and dropped; anybody else's is parked (False)."""
    if not record.topic.startswith(INBOUND.prefix):
        return False
    if store_exchange.first_refusal(tx, record.topic, record.partition, record.offset, error.code):
        detail = "".join(c if c.isprintable() else "�" for c in error.detail)[:500]
        sentence = refusals.MESSAGE_UNREADABLE.say(detail=detail)
        message_id = _readable_id(record.value) or f"{record.topic}:{record.partition}:{record.offset}"
        reply = _rejection(message_id, error.code, sentence, record.partition, record.offset)
        _reply(tx, _partner(record.topic), reply, source)
    return True


def _readable_id(value: bytes | None) -> str | None:
    try:
        found: Any = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    claimed = found.get("id") if isinstance(found, dict) else None
    fits = isinstance(claimed, str) and 0 < len(claimed) <= MAX_MESSAGE_ID and claimed.isprintable()
    return claimed if fits else None


def _rejection(message_id: str, code: str, sentence: Sentence, partition: int, offset: int) -> MessageRejected:
    return MessageRejected(
        message_id=message_id,
        code=code,
        detail_vi=_bounded(sentence.vi),
        detail_en=_bounded(sentence.en),
        partition=partition,
        offset=offset,
    )


def _bounded(detail: str) -> str:
    """A sentence may name a thousand recipients; the reply must fit into one event."""
    return detail if len(detail) <= MAX_DETAIL else f"{detail[: MAX_DETAIL - 1]}…"


# --- outbound


def deliver_to_partner(tx: Tx, fact: DeliveryDispatched, partner: str, *, source: str) -> None:
    """A delivery to an agency behind a partner: kept so that the partner may fetch its files, and put on its topic."""
    message = exchange.message_for_partner(fact)
    out = OutDelivery(
        delivery_id=fact.delivery_id,
        partner=partner,
        document_id=fact.document_id,
        sender=fact.sender,
        receiver=fact.receiver,
        message=message,
        parts=fact.parts,
        status=SENT,
        delivered_at=datetime.now(UTC),
    )
    with store_exchange.as_partner(tx, partner):
        store_exchange.add_out(tx, out)
    delivered = DocumentDelivered(
        delivery_id=fact.delivery_id,
        message=message,
        recipient=_ref(fact.receiver),
        owes=fact.owes,
        document_id=fact.document_id,
        relations=partners.related_for_partner(fact.relations),
    )
    outbox.put(tx, delivered, source=source, topic=OUTBOUND.of(partner))


def renew_at_partner(tx: Tx, fact: DeliveryRenewed, partner: str, *, source: str) -> None:
    """The better version of each delivered file: kept so that the partner may fetch it beside the earlier one."""
    better = []
    with store_exchange.as_partner(tx, partner):
        held = store_exchange.find_out_for_update(tx, fact.delivery_id)
        if held is None or held.status in ENDED:
            return
        for part in (held.parts[0].model_copy(update={"content": fact.content}), *fact.annexes):
            if held.file(part.content.sha256) is None:
                better.append((part, held.newest(part.ordinal)))
                store_exchange.add_later(tx, held.delivery_id, part)
    for part, before in better:
        renewed = DocumentRenewed(
            delivery_id=fact.delivery_id,
            file=exchange.file_for_partner(part, fact.delivery_id),
            previous_sha256=before.content.sha256,
            level=fact.level,
            owes=fact.owes,
        )
        outbox.put(tx, renewed, source=source, topic=OUTBOUND.of(partner))


def report_to_partner(tx: Tx, fact: DeliveryStatusReported, partner: str, *, source: str) -> None:
    """How a document that a partner sent stands at its recipient. Who handles it there is not the partner's matter."""
    with store_exchange.as_partner(tx, partner):
        held = store_exchange.find_sent_for_update(tx, fact.delivery_id)
        after = partners.after_report(held, fact) if held else None
        if held is None or after is None:
            return
        if fact.status in NEXT and fact.status != TAKEN_BACK:
            next_status(held.status, fact.status, fact.reason)
        store_exchange.save_sent(tx, after)
    told = StatusReported(
        delivery_id=fact.delivery_id,
        document_id=fact.document_id,
        recipient=held.recipient,
        status=fact.status,
        reason=fact.reason,
        reason_code=fact.reason_code,
        about=fact.about,
        at=fact.at,
    )
    _reply(tx, partner, told, source)
