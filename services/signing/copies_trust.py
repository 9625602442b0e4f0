"""Our copies of the registry's trust anchors and of the revocation data that it keeps. The only SQL on them."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import Tx
from shared.errors import Refusal, Rejected
from shared.events import BlobRef
from shared.events.registry import AnchorStated, RevocationDataStated, TrustConfirmed

TRUST, REVOCATION = "registry.trust", "registry.revocation"
TOPICS = (TRUST, REVOCATION)

# For the operator who looks at what is parked; until then the anchor is not believed.
ANCHOR_DIFFERS = Refusal(
    "anchor_differs",
    vi="Chứng thư gốc nhận được không khớp dấu vân tay đã nêu; không tin chứng thư này.",
    en="The anchor received does not have the fingerprint stated; it is not believed.",
    status=422,
)


@dataclass(frozen=True, slots=True)
class StatedAnchor:
    """A root CA as the registry states it; `der` is the certificate."""

    fingerprint: str
    der: bytes
    purposes: tuple[str, ...]
    trusted_from: datetime
    trusted_until: datetime | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class KeptReference:
    """Where kept revocation data lie; the fields are those of kept.Kept."""

    kind: str
    url: str
    issuer_sha256: str
    serial: str | None
    content: BlobRef
    this_update: datetime
    next_update: datetime


def keep_anchor(tx: Tx, anchor: AnchorStated) -> None:
    """Raises Rejected(anchor_differs): its key is parked and the anchor believed by nobody."""
    der = ssl.PEM_cert_to_DER_cert(anchor.pem)
    if hashlib.sha256(der).hexdigest() != anchor.fingerprint:
        raise Rejected(ANCHOR_DIFFERS)
    tx.execute(
        "INSERT INTO trust_anchor (fingerprint, der, purposes, trusted_from, trusted_until, withdrawn)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (fingerprint) DO UPDATE SET purposes = excluded.purposes,"
        " trusted_from = excluded.trusted_from, trusted_until = excluded.trusted_until, withdrawn = excluded.withdrawn",
        [
            anchor.fingerprint,
            der,
            list(anchor.purposes),
            anchor.trusted_from,
            anchor.trusted_until,
            anchor.withdrawn_at is not None,
        ],
    )


def confirm(tx: Tx, confirmed: TrustConfirmed) -> None:
    tx.execute(
        "INSERT INTO registry_copy (topic, as_of) VALUES (%s, %s)"
        " ON CONFLICT (topic) DO UPDATE SET as_of = greatest(registry_copy.as_of, excluded.as_of)",
        [TRUST, confirmed.as_of],
    )


def keep_revocation_data(tx: Tx, data: RevocationDataStated) -> None:
    """The newest answer to a question; what has run out long ago is forgotten on the way."""
    tx.execute(
        "INSERT INTO revocation_data (id, kind, url, certificate_id, issuer_sha256, serial, content, this_update,"
        " next_update) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
        " content = excluded.content, this_update = excluded.this_update, next_update = excluded.next_update",
        [
            data.data_id,
            data.kind,
            data.url,
            data.certificate_id,
            data.issuer_sha256,
            data.serial,
            Jsonb(data.content.model_dump(mode="json")),
            data.this_update,
            data.next_update,
        ],
    )


def as_of(tx: Tx) -> datetime | None:
    """How old our copy of the anchors is."""
    row = tx.execute("SELECT as_of FROM registry_copy WHERE topic = %s", [TRUST]).fetchone()
    return row["as_of"] if row else None


def list_anchors(tx: Tx) -> list[StatedAnchor]:
    rows = tx.execute(
        "SELECT fingerprint, der, purposes, trusted_from, trusted_until, withdrawn FROM trust_anchor"
        " ORDER BY fingerprint"
    ).fetchall()
    return [StatedAnchor(**{**row, "purposes": tuple(row["purposes"])}) for row in rows]


def list_parked(tx: Tx) -> set[str]:
    """Fingerprints of which something was stated that we could not take in: it may be a withdrawal."""
    rows = tx.execute("SELECT DISTINCT key FROM parked WHERE topic = %s", [TRUST]).fetchall()
    return {row["key"] for row in rows}


def list_kept(tx: Tx, certificates: Iterable[UUID]) -> list[KeptReference]:
    """What is still fresh: every list, and the answers about CAs, time stamps and these registered certificates."""
    rows = tx.execute(
        "SELECT kind, url, issuer_sha256, serial, content, this_update, next_update FROM revocation_data"
        " WHERE next_update > now() AND (certificate_id IS NULL OR certificate_id = ANY(%s))",
        [list(certificates)],
    ).fetchall()
    return [KeptReference(**{**row, "content": BlobRef.model_validate(row["content"])}) for row in rows]


def list_ended(tx: Tx) -> frozenset[str]:
    """SHA-256 (hex) of the certificates that the registry has revoked or suspended, while they would still be valid."""
    rows = tx.execute(
        "SELECT encode(sha256(der), 'hex') AS sha256 FROM certificate"
        " WHERE status IN ('revoked', 'suspended') AND not_after > now()"
    ).fetchall()
    return frozenset(row["sha256"] for row in rows)
