"""What docs does when signing, registry, portal, partners or docs itself state something."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from services.docs import (
    consumer_exchange,
    counter_seal,
    delivery,
    document,
    incoming,
    proof,
    store,
    store_incoming,
    store_proof,
    store_registry,
)
from services.docs.circulation import consumer as circulation
from services.docs.circulation import receiving
from services.docs.document import Document
from services.docs.handling import chased
from services.docs.intake import arrivals
from services.docs.ledger import consumer as ledger
from services.docs.step import Step, fact_of
from services.docs.workfile import erasing
from shared import outbox
from shared.db import Tx, act_for
from shared.events import Envelope, Event, exchange, portal, registry, signing
from shared.events.docs import (
    DELIVERY,
    DeliveryChased,
    DeliveryDispatched,
    DeliveryReceiptGiven,
    DeliveryRenewed,
    DeliveryStatusReported,
)
from shared.ids import new_id
from shared.inbox import Follower, Handler
from shared.tokens import receive_key

GROUP = "docs"


def make_follower(source: str, partners: Iterable[str]) -> Follower:
    """What docs follows; `source` names this deployment in what it states itself."""
    topics = (
        signing.DOCUMENT.name,
        DELIVERY.name,
        portal.KEY.name,
        registry.AGENCY.name,
        registry.PERSON.name,
        registry.AUTHORITY.name,
        registry.CERTIFICATE.name,
        *(exchange.INBOUND.of(name) for name in partners),
    )
    stating: dict[type[Event], Callable[..., None]] = {
        signing.DocumentPrepared: receive_prepared_document,
        signing.DocumentSigned: receive_signed_document,
        signing.DocumentCounterSealed: receive_counter_sealed_document,
        signing.DocumentSealed: receive_sealed_document,
        signing.DocumentRefused: receive_refused_document,
        signing.DocumentDelayed: receive_delayed_document,
        signing.DocumentAugmented: receive_augmented_document,
        signing.DocumentValidated: receive_validated_document,
        signing.TreeHeadSealed: ledger.receive_sealed_head,
        DeliveryDispatched: receive_dispatched_delivery,
        DeliveryRenewed: receive_renewed_delivery,
        DeliveryStatusReported: receive_delivery_status,
        DeliveryChased: chased.receive_chased,
        DeliveryReceiptGiven: circulation.receive_receipt,
        signing.ReceiptSealed: receiving.receive_sealed_receipt,
        exchange.DocumentSent: consumer_exchange.receive_partner_document,
        exchange.RecallSent: consumer_exchange.receive_partner_recall,
        exchange.RecallAnswered: consumer_exchange.receive_partner_answer,
        exchange.StatusSent: consumer_exchange.receive_partner_status,
    }
    handlers: dict[type[Event], Handler] = {kind: partial(handle, source=source) for kind, handle in stating.items()}
    handlers |= {
        signing.DocumentErased: erasing.receive_erased_document,
        portal.KeyStated: receive_key,
        registry.AgencyStated: receive_agency,
        registry.PersonStated: receive_person,
        registry.AbsenceStated: receive_absence,
        registry.AuthorityStated: receive_authority,
        registry.CertificateStated: receive_certificate,
        registry.Heartbeat: receive_heartbeat,
    }
    answer = partial(consumer_exchange.answer_unreadable, source=source)
    return Follower(GROUP, topics, handlers, on_malformed=answer)


# --- registry: the last state is copied


def receive_agency(tx: Tx, envelope: Envelope) -> None:
    store_registry.put_agency(tx, fact_of(envelope, registry.AgencyStated))


def receive_person(tx: Tx, envelope: Envelope) -> None:
    store_registry.put_person(tx, fact_of(envelope, registry.PersonStated))


def receive_absence(tx: Tx, envelope: Envelope) -> None:
    store_registry.put_absence(tx, fact_of(envelope, registry.AbsenceStated), envelope.seq)


def receive_authority(tx: Tx, envelope: Envelope) -> None:
    store_registry.put_authority(tx, fact_of(envelope, registry.AuthorityStated))


def receive_certificate(tx: Tx, envelope: Envelope) -> None:
    store_registry.put_certificate(tx, fact_of(envelope, registry.CertificateStated))


def receive_heartbeat(tx: Tx, envelope: Envelope) -> None:
    store_registry.put_heartbeat(tx, fact_of(envelope, registry.Heartbeat))


# --- signing


def receive_prepared_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, signing.DocumentPrepared)
    _move_on(tx, stated.document_id, lambda held: document.receive_prepared(held, stated), source)


def receive_signed_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, signing.DocumentSigned)
    _move_on(tx, stated.document_id, lambda held: document.receive_signed(held, stated), source)


def receive_sealed_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, signing.DocumentSealed)
    _move_on(tx, stated.document_id, lambda held: document.receive_sealed(held, stated), source)


def receive_counter_sealed_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, signing.DocumentCounterSealed)
    _move_on(tx, stated.document_id, lambda held: counter_seal.receive(held, stated), source)


def receive_refused_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, signing.DocumentRefused)
    if ledger.receive_delayed_head(tx, stated):
        return
    if stated.agency_id is not None:
        _move_on(tx, stated.document_id, lambda held: counter_seal.receive_trouble(held, stated), source)
        return
    _move_on(tx, stated.document_id, lambda held: document.receive_refused(held, stated), source)


def receive_delayed_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """Of a document on its way out, of an arrived one that is being validated, or of a tree head of the ledger."""
    stated = fact_of(envelope, signing.DocumentDelayed)
    if ledger.receive_delayed_head(tx, stated):
        return
    if stated.agency_id is not None:
        _move_on(tx, stated.document_id, lambda held: counter_seal.receive_trouble(held, stated), source)
    elif stated.stage != "validate":
        _move_on(tx, stated.document_id, lambda held: document.receive_delayed(held, stated), source)
    elif _act_for_owner(tx, stated.document_id, "incoming"):
        step = incoming.receive_delayed(store_incoming.lock(tx, stated.document_id), stated)
        if step:
            store_incoming.keep_incoming(tx, step, source=source)


def receive_augmented_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """A better version: it stands from here on, the one before stays reachable, and whoever has it is told."""
    stated = fact_of(envelope, signing.DocumentAugmented)
    if not _act_for_owner(tx, stated.document_id, "document"):
        return
    held = store.lock(tx, stated.document_id)
    step = proof.receive_augmented(held, stated)
    if step is None:
        return
    for part in proof.replaced(held.issued_parts, step.after.issued_parts):
        store_proof.add_version(tx, held.id, held.agency_id, part.content, level=held.level, until=stated.at)
    store.keep_document(tx, step, source=source)
    for each in store.list_deliveries(tx, held.id):
        if each.status not in delivery.ENDED:
            fact = delivery.renewed(each, held, step.after, step.by, step.at)
            outbox.put(tx, fact, source=source)


def receive_validated_document(tx: Tx, envelope: Envelope, *, source: str) -> None:
    stated = fact_of(envelope, signing.DocumentValidated)
    if _act_for_owner(tx, stated.incoming_id, "incoming"):
        held = store_incoming.lock(tx, stated.incoming_id)
        step = incoming.receive_validated(held, stated)
        if step is None:
            return
        for part in proof.replaced(held.parts, step.after.parts):
            store_proof.add_version(tx, held.id, held.agency_id, part.content, level=None, until=stated.at)
        store_incoming.keep_incoming(tx, step, source=source)
        receiving.after_step(tx, step, source=source)


def _move_on(tx: Tx, document_id: UUID, rule: Callable[[Document], Step[Document] | None], source: str) -> None:
    if not _act_for_owner(tx, document_id, "document"):
        return  # not a document of this deployment
    step = rule(store.lock(tx, document_id))
    if step:
        store.keep_document(tx, step, source=source)


def _act_for_owner(tx: Tx, subject: UUID, kind: str) -> bool:
    agency = store.find_agency_of(tx, subject, kind)
    act_for(tx, agency)
    return agency is not None


# --- deliveries: the sender's fact becomes the receiver's row, and back


def receive_dispatched_delivery(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """To an agency here: it arrives in that agency's rows. To one behind a partner: out on the partner's topic."""
    stated = fact_of(envelope, DeliveryDispatched)
    if stated.partner:
        consumer_exchange.deliver_to_partner(tx, stated, stated.partner, source=source)
    else:
        act_for(tx, stated.receiver.agency_id)
        step = incoming.arrive(stated, new_id(), datetime.now(UTC))
        receiving.keep_arrival(tx, step, source=source)
        arrivals.begin(tx, step.after, step.at)


def receive_renewed_delivery(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """A better version of what was delivered: to the receiver's validation, or out on the partner's topic."""
    stated = fact_of(envelope, DeliveryRenewed)
    if stated.partner:
        consumer_exchange.renew_at_partner(tx, stated, stated.partner, source=source)
        return
    step = receiving.step_at_receiver(tx, stated, incoming.receive_renewed)
    if step:
        store_incoming.keep_incoming(tx, step, source=source)


def receive_delivery_status(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """What the receiver reports, into the sender's row, or on to the partner that sent it; 13 goes the other way."""
    stated = fact_of(envelope, DeliveryStatusReported)
    if stated.status == delivery.ASKED:
        circulation.receive_recall(tx, stated, source=source)
        return
    sender = stated.sender.agency_id
    agency = store_registry.find_agency(tx, sender) if sender else None
    if agency and agency.partner:
        consumer_exchange.report_to_partner(tx, stated, agency.partner, source=source)
        return
    act_for(tx, sender)
    held = store.find_delivery_for_update(tx, stated.delivery_id)
    step = delivery.receive_status(held, stated) if held else None
    if step:
        store.keep_delivery(tx, step, source=source)
