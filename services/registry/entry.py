"""Before a certificate is let in: what its CA says of it now, and that its key is where its holder says it is."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography import x509

from services.registry import catalogue, evidence, revocation, status_data, store, trust
from services.registry import store_certificates as certificates
from services.registry import store_receipts as receipts
from services.registry.directory import Desk
from services.registry.refusals_lifecycle import (
    CHALLENGE_ENDED,
    POSSESSION_UNPROVED,
    REVOKED_AT_CA,
    STATUS_UNCHECKED,
    UNKNOWN_AT_CA,
)
from services.registry.revocation import Reach
from services.registry.scope import EVERYWHERE
from services.registry.trust import Checked
from shared import db
from shared.errors import Rejected
from shared.ids import new_id

AT_ONCE = 8  # questions to CAs under way


def ask_ca(pool: db.Pool, pem: str, chain_pem: str, reach: Reach) -> None:
    """Refuse what its CA has revoked, does not know, or can't be asked about now. Never within a transaction.

    1. Only a certificate that passes every other check is asked about: what it names as its responder is then an
    address that a pinned CA vouches for. What fails here is refused with its reason where it is registered.
    2. One that names neither a responder nor a list can't be asked about, and its CA wants it so.
    """
    if why := ask_cas(pool, {"": pem}, chain_pem, reach).get(""):
        raise why


def ask_cas(pool: db.Pool, pems: Mapping[str, str], chain_pem: str, reach: Reach) -> dict[str, Rejected]:
    """The same for many certificates, by any name: which are refused, and why.

    A CA that is silent is not waited for again and again: the others of the same issuer get the same answer.
    """
    with db.transaction(pool) as tx:
        store.act_within(tx, EVERYWHERE)
        anchors = certificates.list_anchors(tx)
    silent: dict[bytes, Rejected] = {}

    def ask(pem: str) -> Rejected | None:
        try:
            checked = trust.check(pem, chain_pem, anchors, datetime.now(UTC))  # 1
        except Rejected:
            return None
        issuer = checked.certificate.issuer.public_bytes()
        if issuer in silent:
            return silent[issuer]
        try:
            _judge(checked, reach)
        except Rejected as why:
            if why.code == STATUS_UNCHECKED.code:
                silent[issuer] = why
            return why
        return None

    with ThreadPoolExecutor(AT_ONCE, "ask-ca") as threads:
        found = zip(pems, threads.map(ask, pems.values()), strict=True)
        return {name: why for name, why in found if why}


def _judge(checked: Checked, reach: Reach) -> None:
    issuer = x509.load_pem_x509_certificates(checked.chain_pem.encode())[0]
    if not any(status_data.questions(checked.certificate, issuer)):  # 2
        return
    found = revocation.standing(checked.certificate, issuer, reach)
    if found.status == "revoked":
        at = found.revoked_at.isoformat() if found.revoked_at else "–"
        raise Rejected(REVOKED_AT_CA, serial=checked.serial, at=at)
    if found.status == "unknown":
        raise Rejected(UNKNOWN_AT_CA, serial=checked.serial)
    if found.status == "unreachable":
        why = found.problem.code if found.problem else "–"
        raise Rejected(STATUS_UNCHECKED, serial=checked.serial, why=why)


# --- possession


def challenge(desk: Desk, person_id: UUID) -> tuple[UUID, bytes, datetime]:
    """A text for a token's key to sign: its id, the text, until when. For whoever asked, once."""
    now = datetime.now(UTC)
    receipts.sweep_challenges(desk.tx, now)
    challenge_id, nonce = new_id(), secrets.token_hex(32)
    until = now + timedelta(minutes=catalogue.current().limits["challenge_minutes"])
    receipts.add_challenge(desk.tx, challenge_id, nonce, person_id, until)
    return challenge_id, evidence.challenge_text(nonce), until


def check_possession(desk: Desk, pem: str, challenge_id: UUID, signature: bytes, person_id: UUID) -> None:
    """The challenge was signed by the certificate's key; it is used up with the certificate's entry."""
    nonce = receipts.take_challenge(desk.tx, challenge_id, person_id, datetime.now(UTC))
    if nonce is None:
        raise Rejected(CHALLENGE_ENDED)
    if not evidence.signed_by(pem, evidence.challenge_text(nonce), signature, "raw"):
        raise Rejected(POSSESSION_UNPROVED)
