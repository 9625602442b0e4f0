"""What partners uploaded, sent and got. Visible inside `as_partner` only (row-level security by partner)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from services.docs.exchange import OutDelivery, SentDelivery
from services.docs.store import asked_json, asked_of, json_of
from shared.db import Tx
from shared.errors import NotFound
from shared.events import BlobRef
from shared.events.docs import Part, Party
from shared.events.exchange import AgencyRef, Message


@contextmanager
def as_partner(tx: Tx, partner: str) -> Iterator[None]:
    """Inside, this partner's rows are visible; afterwards nobody's, since a batch of events shares a transaction."""
    tx.execute("SELECT set_config('vanthu.partner', %s, true)", [partner])
    yield
    tx.execute("SELECT set_config('vanthu.partner', '', true)")


def first_refusal(tx: Tx, topic: str, partition: int, offset: int, code: str) -> bool:
    """False when this unreadable record was answered before."""
    done = tx.execute(
        'INSERT INTO refused_record (topic, partition, "offset", code) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING',
        [topic, partition, offset, code],
    )
    return done.rowcount == 1


# --- files


def put_file(tx: Tx, partner: str, filename: str, content: BlobRef, at: datetime) -> None:
    """The same bytes again are the same file; the first name stays. What no message names is kept for 30 days from the last time."""
    tx.execute(
        "INSERT INTO partner_file (partner, sha256, filename, content, uploaded_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (partner, sha256) DO UPDATE SET uploaded_at = excluded.uploaded_at",
        [partner, content.sha256, filename, json_of(content), at],
    )


def find_files(tx: Tx, digests: Sequence[str]) -> dict[str, BlobRef]:
    rows = tx.execute("SELECT sha256, content FROM partner_file WHERE sha256 = ANY(%s)", [list(digests)]).fetchall()
    return {row["sha256"]: BlobRef.model_validate(row["content"]) for row in rows}


# --- what a partner sent


def lock_document_id(tx: Tx, partner: str, document_id: UUID) -> None:
    """One message about a partner's document at a time: two of them may not both be the first."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"exchange:{partner}:{document_id}"])


def list_sent(tx: Tx, document_id: UUID) -> list[SentDelivery]:
    rows = tx.execute("SELECT * FROM exchange_in WHERE document_id = %s ORDER BY delivery_id", [document_id]).fetchall()
    return [_sent(row) for row in rows]


def add_sent(tx: Tx, sent: SentDelivery) -> None:
    tx.execute(
        "INSERT INTO exchange_in (delivery_id, partner, document_id, fingerprint, recipient, status, received_at, sender,"
        " receiver) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            sent.delivery_id,
            sent.partner,
            sent.document_id,
            sent.fingerprint,
            json_of(sent.recipient),
            sent.status,
            sent.received_at,
            json_of(sent.sender),
            json_of(sent.receiver),
        ],
    )


def find_sent_for_update(tx: Tx, delivery_id: UUID) -> SentDelivery | None:
    row = tx.execute("SELECT * FROM exchange_in WHERE delivery_id = %s FOR UPDATE", [delivery_id]).fetchone()
    return _sent(row) if row else None


def save_sent(tx: Tx, sent: SentDelivery) -> None:
    tx.execute(
        "UPDATE exchange_in SET status = %s, asked = %s WHERE delivery_id = %s",
        [sent.status, asked_json(sent.asked), sent.delivery_id],
    )


def _sent(row: dict[str, Any]) -> SentDelivery:
    return SentDelivery(
        **{
            **row,
            "recipient": AgencyRef.model_validate(row["recipient"]),
            "sender": Party.model_validate(row["sender"]) if row["sender"] else None,
            "receiver": Party.model_validate(row["receiver"]) if row["receiver"] else None,
            "asked": asked_of(row["asked"]),
        }
    )


# --- what a partner got


def add_out(tx: Tx, out: OutDelivery) -> None:
    tx.execute(
        "INSERT INTO exchange_out (delivery_id, partner, document_id, sender, receiver, message, parts, status,"
        " delivered_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            out.delivery_id,
            out.partner,
            out.document_id,
            json_of(out.sender),
            json_of(out.receiver),
            json_of(out.message),
            json_of(out.parts),
            out.status,
            out.delivered_at,
        ],
    )


def get_out(tx: Tx, delivery_id: UUID) -> OutDelivery:
    row = tx.execute("SELECT * FROM exchange_out WHERE delivery_id = %s", [delivery_id]).fetchone()
    if row is None:
        raise NotFound("lần gửi")
    return _out(row)


def find_out_for_update(tx: Tx, delivery_id: UUID) -> OutDelivery | None:
    row = tx.execute("SELECT * FROM exchange_out WHERE delivery_id = %s FOR UPDATE", [delivery_id]).fetchone()
    return _out(row) if row else None


def add_later(tx: Tx, delivery_id: UUID, part: Part) -> None:
    """A better version of the main part, reachable from now on."""
    tx.execute(
        "UPDATE exchange_out SET later = later || %s::jsonb WHERE delivery_id = %s", [json_of([part]), delivery_id]
    )


def list_out(tx: Tx, before: UUID | None, limit: int) -> list[OutDelivery]:
    """Newest first; `before` is the last id of the page before."""
    rows = tx.execute(
        "SELECT * FROM exchange_out WHERE (%(before)s::uuid IS NULL OR delivery_id < %(before)s)"
        " ORDER BY delivery_id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    ).fetchall()
    return [_out(row) for row in rows]


def save_out(tx: Tx, out: OutDelivery) -> None:
    tx.execute(
        "UPDATE exchange_out SET status = %s, asked = %s WHERE delivery_id = %s",
        [out.status, asked_json(out.asked), out.delivery_id],
    )


def out_by_document(tx: Tx, document_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """By which delivery of ours the partner got these documents; the newest of several."""
    rows = tx.execute(
        "SELECT document_id, delivery_id FROM exchange_out WHERE document_id = ANY(%s) ORDER BY delivery_id",
        [list(document_ids)],
    ).fetchall()
    return {row["document_id"]: row["delivery_id"] for row in rows}


def _out(row: dict[str, Any]) -> OutDelivery:
    return OutDelivery(
        **{
            **row,
            "sender": Party.model_validate(row["sender"]),
            "receiver": Party.model_validate(row["receiver"]),
            "message": Message.model_validate(row["message"]),
            "parts": tuple(Part.model_validate(p) for p in row["parts"]),
            "later": tuple(Part.model_validate(p) for p in row["later"]),
            "asked": asked_of(row["asked"]),
        }
    )
