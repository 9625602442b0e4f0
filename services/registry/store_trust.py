"""Registry's tables: the only SQL about trust anchors, revocation data and the sources that they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from psycopg.types.json import Jsonb

from services.registry.anchor import PinnedAnchor, Terms
from services.registry.status_data import Answer, Question
from services.registry.trust import Anchor
from shared.db import Tx
from shared.errors import NotFound, Rejected
from shared.events import BlobRef

Row = dict[str, Any]

# --- trust anchors


def list_anchors(tx: Tx) -> list[PinnedAnchor]:
    """All of them, the withdrawn too, by fingerprint."""
    return [_anchor(row) for row in tx.execute("SELECT * FROM trust_anchor ORDER BY fingerprint").fetchall()]


def find_anchor(tx: Tx, fingerprint: str) -> PinnedAnchor | None:
    """Locked until the transaction ends."""
    row = tx.execute("SELECT * FROM trust_anchor WHERE fingerprint = %s FOR UPDATE", [fingerprint]).fetchone()
    return _anchor(row) if row else None


def get_anchor(tx: Tx, fingerprint: str) -> PinnedAnchor:
    found = find_anchor(tx, fingerprint)
    if found is None:
        raise NotFound("CA gốc", "trust anchor")
    return found


def lock_pinning(tx: Tx) -> None:
    """Two who pin the same anchor at the same time come one after the other."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('registry.trust_anchor', 0))")


def save_anchor(tx: Tx, pinned: PinnedAnchor) -> None:
    tx.execute(
        "INSERT INTO trust_anchor (fingerprint, subject, pem, purposes, trusted_from, trusted_until, withdrawn_at,"
        " withdrawn_reason, version, stated) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, true) ON CONFLICT (fingerprint)"
        " DO UPDATE SET purposes = excluded.purposes, trusted_from = excluded.trusted_from,"
        " trusted_until = excluded.trusted_until, withdrawn_at = excluded.withdrawn_at,"
        " withdrawn_reason = excluded.withdrawn_reason, version = excluded.version, stated = true",
        [
            pinned.fingerprint,
            pinned.anchor.subject,
            pinned.anchor.pem,
            list(pinned.terms.purposes),
            pinned.terms.start,
            pinned.terms.until,
            pinned.withdrawn_at,
            pinned.withdrawn_reason,
            pinned.version,
        ],
    )


def lock_unstated(tx: Tx) -> list[PinnedAnchor]:
    """Anchors that no event told of yet."""
    rows = tx.execute("SELECT * FROM trust_anchor WHERE NOT stated FOR UPDATE").fetchall()
    return [_anchor(row) for row in rows]


def _anchor(row: Row) -> PinnedAnchor:
    # Not read_anchor: what was fit to be pinned then is listed also when it has expired since.
    return PinnedAnchor(
        anchor=Anchor(row["fingerprint"], x509.load_pem_x509_certificate(row["pem"].encode())),
        terms=Terms(purposes=tuple(row["purposes"]), start=row["trusted_from"], until=row["trusted_until"]),
        withdrawn_at=row["withdrawn_at"],
        withdrawn_reason=row["withdrawn_reason"],
        version=row["version"],
    )


# --- which certificates are looked after


def list_unwatched(tx: Tx, limit: int) -> list[Row]:
    """id, fingerprint, pem, chain_pem of certificates in use whose sources are not known yet."""
    return tx.execute(
        "SELECT id, fingerprint, pem, chain_pem FROM certificate c WHERE status IN ('active', 'suspended')"
        " AND NOT EXISTS (SELECT FROM revocation_watched w WHERE w.fingerprint = c.fingerprint) ORDER BY id LIMIT %s",
        [limit],
    ).fetchall()


def watch(tx: Tx, fingerprint: str, certificate_id: UUID | None, asked: Iterable[Question]) -> None:
    """Keep what is to be asked about a certificate; asking again for the same changes nothing."""
    tx.execute(
        "INSERT INTO revocation_watched (fingerprint, certificate_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [fingerprint, certificate_id],
    )
    for question in asked:
        tx.execute(
            "INSERT INTO revocation_source (kind, url) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [question.kind, question.url],
        )
        own = certificate_id if question.kind == "ocsp" else None
        tx.execute(
            "INSERT INTO revocation_data (id, kind, url, certificate_id, pem, issuer_pem) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [
                question.id,
                question.kind,
                question.url,
                own,
                pem_of(question.certificate) if question.certificate else None,
                pem_of(question.issuer),
            ],
        )


def is_watched(tx: Tx, fingerprint: str) -> bool:
    found = tx.execute("SELECT FROM revocation_watched WHERE fingerprint = %s", [fingerprint])
    return found.rowcount == 1


def end_unused(tx: Tx) -> None:
    """Nothing is asked any more about certificates that have ended; about one that is in use again it is."""
    tx.execute(
        "UPDATE revocation_data d SET ended = NOT used.now FROM ("
        " SELECT id, status IN ('active', 'suspended') AS now FROM certificate) AS used"
        " WHERE used.id = d.certificate_id AND d.ended = used.now"
    )


# --- asking


@dataclass(frozen=True, slots=True)
class Due:
    """A question whose turn it is, and what is known already."""

    question: Question
    certificate_id: UUID | None
    before: Answer | None  # without its bytes
    blob: BlobRef | None


def claim_due(tx: Tx, limit: int, lease: timedelta) -> list[Due]:
    """Questions to ask now, held for `lease`. Of a source that is down only one, so that an outage costs one wait."""
    rows = tx.execute(
        "SELECT d.*, s.down_since IS NOT NULL AS down FROM revocation_data d JOIN revocation_source s USING (kind, url)"
        " WHERE NOT d.ended AND d.due_at <= now() AND s.retry_at <= now()"
        " ORDER BY s.down_since IS NOT NULL, d.due_at, d.id LIMIT %s FOR UPDATE OF d SKIP LOCKED",
        [limit],
    ).fetchall()
    probed: set[tuple[str, str]] = set()
    taken = []
    for row in rows:
        source = row["kind"], row["url"]
        if not (row["down"] and source in probed):
            taken.append(row)
        if row["down"]:
            probed.add(source)
    rows = taken
    tx.execute(
        "UPDATE revocation_data SET due_at = now() + %s WHERE id = ANY(%s)", [lease, [row["id"] for row in rows]]
    )
    return [_due(row) for row in rows]


def release(tx: Tx, asked: Iterable[Due]) -> None:
    """Questions that were claimed and not asked, since their source turned out to be down."""
    tx.execute("UPDATE revocation_data SET due_at = now() WHERE id = ANY(%s)", [[one.question.id for one in asked]])


def save_answer(tx: Tx, asked: Due, answer: Answer, blob: BlobRef, due_at: datetime) -> None:
    """The newest answer, and its source answers."""
    if asked.blob is not None and asked.blob.sha256 != blob.sha256:
        tx.execute(
            "INSERT INTO revocation_blob_spent (sha256, blob) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [asked.blob.sha256, Jsonb(asked.blob.model_dump(mode="json"))],
        )
    tx.execute(
        "UPDATE revocation_data SET status = %s, this_update = %s, next_update = %s, fetched_at = now(), blob = %s,"
        " due_at = %s, problem_code = NULL, problem_vi = NULL, problem_en = NULL WHERE id = %s",
        [
            answer.status,
            answer.this_update,
            answer.next_update,
            Jsonb(blob.model_dump(mode="json")),
            due_at,
            asked.question.id,
        ],
    )
    tx.execute(
        "UPDATE revocation_source SET last_success = now(), down_since = NULL, failures = 0, retry_at = now(),"
        " problem_code = NULL, problem_vi = NULL, problem_en = NULL WHERE kind = %s AND url = %s",
        [asked.question.kind, asked.question.url],
    )


def save_problem(tx: Tx, asked: Due, error: Rejected, *, down: bool, pause: timedelta) -> None:
    """No answer. `down` says that the source as a whole gave none; the question's turn comes when it answers again."""
    told = [error.code, error.sentence.vi, error.sentence.en]
    tx.execute(
        "UPDATE revocation_data SET due_at = now() + %s, problem_code = %s, problem_vi = %s, problem_en = %s WHERE id = %s",
        [timedelta(0) if down else pause, *told, asked.question.id],
    )
    if down:
        tx.execute(
            "UPDATE revocation_source SET down_since = coalesce(down_since, now()), failures = failures + 1,"
            " retry_at = now() + least(interval '5 seconds' * (1 + failures), interval '30 seconds'),"
            " problem_code = %s, problem_vi = %s, problem_en = %s WHERE kind = %s AND url = %s",
            [*told, asked.question.kind, asked.question.url],
        )


def hurry_listed(tx: Tx, issuer_pem: str, serials: Iterable[int]) -> None:
    """A new list names these: what their responder says of them is asked at once."""
    wanted = set(serials)
    if not wanted:
        return
    rows = tx.execute(
        "SELECT id, pem FROM revocation_data WHERE kind = 'ocsp' AND issuer_pem = %s AND status = 'good'", [issuer_pem]
    ).fetchall()
    listed = [row["id"] for row in rows if x509.load_pem_x509_certificate(row["pem"].encode()).serial_number in wanted]
    tx.execute("UPDATE revocation_data SET due_at = now() WHERE id = ANY(%s)", [listed])


def _due(row: Row) -> Due:
    certificate = x509.load_pem_x509_certificate(row["pem"].encode()) if row["pem"] else None
    issuer = x509.load_pem_x509_certificate(row["issuer_pem"].encode())
    before = Answer(b"", row["this_update"], row["next_update"], row["status"]) if row["blob"] else None
    return Due(
        Question(row["kind"], row["url"], issuer, certificate),
        row["certificate_id"],
        before,
        BlobRef.model_validate(row["blob"]) if row["blob"] else None,
    )


# --- blobs that are not needed any more


def list_spent(tx: Tx, older_than: timedelta, limit: int) -> list[BlobRef]:
    rows = tx.execute(
        "SELECT blob FROM revocation_blob_spent s WHERE spent_at < now() - %s AND NOT EXISTS"
        " (SELECT FROM revocation_data d WHERE d.blob ->> 'sha256' = s.sha256) ORDER BY spent_at LIMIT %s",
        [older_than, limit],
    ).fetchall()
    return [BlobRef.model_validate(row["blob"]) for row in rows]


def forget_spent(tx: Tx, digests: Iterable[str]) -> None:
    tx.execute("DELETE FROM revocation_blob_spent WHERE sha256 = ANY(%s)", [list(digests)])


# --- how it stands

SOURCES = (
    "SELECT s.kind, s.url, s.last_success, s.down_since, s.problem_code, s.problem_vi, s.problem_en,"
    " count(d.id) FILTER (WHERE NOT d.ended) AS questions,"
    " count(d.id) FILTER (WHERE NOT d.ended AND d.next_update > now()) AS fresh,"
    " min(d.next_update) FILTER (WHERE NOT d.ended AND d.next_update > now()) AS lasts_until,"
    " max(d.next_update) FILTER (WHERE NOT d.ended AND d.next_update > now()) AS last_until,"
    " min(d.due_at) FILTER (WHERE NOT d.ended) AS next_fetch"
    " FROM revocation_source s LEFT JOIN revocation_data d USING (kind, url) GROUP BY s.kind, s.url"
    " ORDER BY s.kind, s.url"
)


def list_sources(tx: Tx) -> list[Row]:
    return tx.execute(SOURCES).fetchall()  # type: ignore[arg-type,unused-ignore]


def list_data(tx: Tx, *, kind: str | None, url: str | None, problems: bool, after: str | None, limit: int) -> list[Row]:
    """By id."""
    return tx.execute(
        "SELECT id, kind, url, certificate_id, pem, issuer_pem, status, this_update, next_update, fetched_at, due_at,"
        " problem_code, problem_vi, problem_en FROM revocation_data WHERE NOT ended"
        " AND (%(after)s::text IS NULL OR id > %(after)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)"
        " AND (%(url)s::text IS NULL OR url = %(url)s)"
        " AND (NOT %(problems)s OR problem_code IS NOT NULL OR status <> 'good' OR next_update <= now())"
        " ORDER BY id LIMIT %(limit)s",
        {"kind": kind, "url": url, "problems": problems, "after": after, "limit": limit},
    ).fetchall()


def figures(tx: Tx) -> Row:
    """sources, down, questions, fresh; lasts: seconds until the first kept answer runs out."""
    row = tx.execute(
        "SELECT (SELECT count(*) FROM revocation_source) AS sources,"
        " (SELECT count(*) FROM revocation_source WHERE down_since IS NOT NULL) AS down,"
        " count(*) AS questions, count(*) FILTER (WHERE next_update > now()) AS fresh,"
        " coalesce(extract(epoch FROM min(next_update) FILTER (WHERE next_update > now()) - now()), 0)::float AS lasts"
        " FROM revocation_data WHERE NOT ended"
    ).fetchone()
    assert row is not None  # noqa: S101  an aggregate gives one row
    return row


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
