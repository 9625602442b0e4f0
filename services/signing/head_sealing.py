"""The jobs `seal_head` and `stamp_head`: a head of the ledger's tree sealed by the platform's key, or a receipt sealed by
its agency's, then time-stamped.

A silent TSA holds nothing up: the text is sealed and told, its time stamp is owed and paid by a job of its own.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import Any
from uuid import UUID

from services.signing import authority, copies, craft, craft_head, seal_policy, seal_use, store, store_heads
from services.signing.craft_head import SealedText
from services.signing.desk import Desk, believed, online_or_kept, require_fresh_copy, told
from services.signing.domain import SYSTEM
from services.signing.keys import public_key_of
from services.signing.refusals import SEAL_CERTIFICATE_MISSING
from services.signing.seal_policy import Permit, Use
from services.signing.store_heads import TreeHead
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected
from shared.events import Event
from shared.events.docs import SealReceipt, SealTreeHead
from shared.events.registry import CertificateStated
from shared.events.signing import DocumentDelayed, DocumentRefused, ReceiptSealed, SigningAct, TreeHeadSealed

log = logging.getLogger(__name__)

KIND, STAMP = "seal_head", "stamp_head"


def receive_order(tx: Tx, order: SealTreeHead, *, source: str) -> None:
    """Docs orders a head to be sealed; what is no head's text is refused at once."""
    act_for(tx, order.agency_id)
    try:
        seal_policy.check_head_text(order.text, order.log_id, order.size, order.root)
    except Rejected as error:
        _state_refusal(tx, source, order.head_id, error)
        return
    if store_heads.add(tx, order):
        jobs.put(tx, KIND, str(order.head_id), {"agency_id": str(order.agency_id)})


def receive_seal_certificate(tx: Tx, certificate: CertificateStated) -> None:
    """A seal may be used from now on: heads that waited for it are sealed."""
    if certificate.kind != "seal" or certificate.agency_id is None or certificate.status != "active":
        return
    act_for(tx, certificate.agency_id)
    store_heads.lock_seal(tx, certificate.agency_id)
    for head_id in store_heads.list_waiting(tx, certificate.agency_id, SEAL_CERTIFICATE_MISSING.code):
        jobs.put(tx, KIND, str(head_id), {"agency_id": str(certificate.agency_id)})


def _wait_for_certificate(tx: Tx, desk: Desk, head_id: UUID, agency_id: UUID) -> None:
    """No failed job: nothing can be tried before the registry states a certificate, and then it goes on by itself."""
    act_for(tx, agency_id)
    store_heads.lock_seal(tx, agency_id)
    head = store_heads.find_and_lock(tx, head_id)
    if head is None or head.signature:
        return
    missing = Rejected(SEAL_CERTIFICATE_MISSING)
    if _has_seal(tx, agency_id):  # stated meanwhile
        jobs.put(tx, KIND, str(head_id), {"agency_id": str(agency_id)})
    elif head.delayed != missing.code:
        if not store_heads.list_waiting(tx, agency_id, missing.code):
            log.info("heads of the ledger wait for a seal certificate of agency %s", agency_id)
        _wait(tx, desk.source, head_id, missing)


def _has_seal(tx: Tx, agency_id: UUID) -> bool:
    at = store.now(tx)
    return any(authority.unusable(c, at) is None for c in copies.seal_certificates_of(tx, agency_id))


def receive_receipt_order(tx: Tx, order: SealReceipt) -> None:
    """Docs orders a receipt to be sealed. An agency that has no seal yet gives none; nothing waits for one."""
    act_for(tx, order.agency_id)
    if _has_seal(tx, order.agency_id) and store_heads.add(tx, order):
        jobs.put(tx, KIND, str(order.receipt_id), {"agency_id": str(order.agency_id)})


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction, as every seal: permitted and recorded first, then made."""
    head_id, agency_id = UUID(job.subject), UUID(job.payload["agency_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        head = store_heads.find(tx, head_id)
        if head is None or head.signature:
            return lambda _tx: None
        at = store.now(tx)
        permit = _permit(tx, desk, head)
        if head.purpose == "tree_head" and not _has_seal(tx, agency_id):
            return lambda tx: _wait_for_certificate(tx, desk, head_id, agency_id)
        candidates = seal_use.usable(copies.seal_certificates_of(tx, agency_id), at)
        network = believed(tx, desk, at, new=True)
    certificates = [(c.der, c.chain_pem) for c in candidates]

    def work(reach: craft.Network) -> SealedText:
        with seal_use.permitted_keys(desk, permit) as keys:
            return desk.workshop.run(
                craft_head.seal_text,
                head.text.encode(),
                certificates,
                sealed_at=at.replace(microsecond=0),
                pss=desk.keys.pss,
                keys=keys,
                network=reach,
            )

    # A silent CA holds up nothing either: whoever checks the head later asks it about this certificate anyway.
    made = online_or_kept(desk, network, [c.id for c in candidates], work, unchecked=True)

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        current = store_heads.find_and_lock(tx, head_id)
        if current is None or current.signature:
            return
        seal_use.check_still_usable(tx, agency_id, candidates, store.now(tx))
        serial = next(c.serial for c in candidates if c.der == made.certificate)
        _keep(tx, desk, current, made, serial)
        if made.stamped_at is None:
            jobs.put(tx, STAMP, str(head_id), job.payload)

    return commit


def stamp(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """The time stamp that was owed."""
    head_id, agency_id = UUID(job.subject), UUID(job.payload["agency_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        head = store_heads.find(tx, head_id)
        if head is None or head.signature is None or head.stamped_at:
            return lambda _tx: None
        network = believed(tx, desk, store.now(tx), new=True)
    cms, stamped_at = desk.workshop.run(craft_head.stamp, head.signature, network)

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        current = store_heads.find_and_lock(tx, head_id)
        if current and current.signature == head.signature:
            _keep(tx, desk, current, SealedText(cms, b"", stamped_at), head.certificate_serial or "")

    return commit


def on_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """Told once a reason: the head waits, or can't be sealed."""
    act_for(tx, UUID(job.payload["agency_id"]))
    head = store_heads.find_and_lock(tx, UUID(job.subject))
    if head is None or head.signature:
        return
    reason = told(error)
    if head.purpose == "receipt":
        store_heads.delay(tx, head.head_id, reason["code"])
        return  # nobody's turn: the delivery goes on without it
    if final:
        _state_refusal(tx, desk.source, head.head_id, error)
        return
    if head.delayed != reason["code"]:
        _wait(tx, desk.source, head.head_id, error)


def _wait(tx: Tx, source: str, head_id: UUID, error: Exception) -> None:
    """The head stands and waits, and says for what."""
    reason = told(error)
    store_heads.delay(tx, head_id, reason["code"])
    delayed = DocumentDelayed(
        by=SYSTEM,
        at=store.now(tx),
        document_id=head_id,
        stage="seal",
        code=reason["code"],
        reason_vi=reason["vi"],
        reason_en=reason["en"],
    )
    outbox.put(tx, delayed, source=source)


def on_stamp_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001
    """An owed time stamp is told by what is missing from the published head; the job comes again."""


def _permit(tx: Tx, desk: Desk, head: TreeHead) -> Permit:
    """The policy's word, recorded before the key is touched; the transaction is committed by then."""
    at = store.now(tx)
    certificates = copies.seal_certificates_of(tx, head.agency_id)
    require_fresh_copy(tx, at, desk.stale_after, about=[head.agency_id, *(c.id for c in certificates)])
    sha256 = hashlib.sha256(head.text.encode()).hexdigest()
    use = Use(head.purpose, head.head_id, head.agency_id, sha256, head.asked, number_symbol=None)
    identifier = copies.find_identifier(tx, head.agency_id)
    if head.purpose == "receipt":
        seal_policy.check_receipt(use, head.text, identifier=identifier)
    else:
        seal_policy.check_head(use, identifier=identifier, sealer=desk.ledger_sealer)
    keys = frozenset(public_key_of(c.der) for c in certificates if authority.unusable(c, at) is None)
    if store_heads.permit_first(tx, head.head_id, at):
        act = SigningAct(
            by=head.asked,
            at=at,
            act="seal_permitted",
            object_kind=head.purpose,
            object_id=str(head.head_id),
            detail=use.detail(),
        )
        outbox.put(tx, act, source=desk.source)
    return Permit(use, keys)


def _keep(tx: Tx, desk: Desk, head: TreeHead, made: SealedText, serial: str) -> None:
    store_heads.seal(tx, head.head_id, made.cms, serial=serial, stamped_at=made.stamped_at)
    said: dict[str, Any] = {
        "by": SYSTEM,
        "at": store.now(tx),
        "text": head.text,
        "signature": base64.b64encode(made.cms).decode(),
        "certificate_serial": serial,
        "stamped_at": made.stamped_at,
    }
    fact: Event = (
        TreeHeadSealed(head_id=head.head_id, **said)
        if head.purpose == "tree_head"
        else ReceiptSealed(receipt_id=head.head_id, agency_id=head.agency_id, **said)
    )
    outbox.put(tx, fact, source=desk.source)


def _state_refusal(tx: Tx, source: str, head_id: UUID, error: Exception) -> None:
    reason = told(error)
    refused = DocumentRefused(
        by=SYSTEM,
        at=store.now(tx),
        document_id=head_id,
        stage="seal",
        code=reason["code"],
        reason_vi=reason["vi"],
        reason_en=reason["en"],
    )
    outbox.put(tx, refused, source=source)
