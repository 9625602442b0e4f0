"""Texts that are sealed, heads of the ledger's tree and receipts, as signing keeps them: the order, and what was made of it.

The only SQL on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import Tx
from shared.events import Actor
from shared.events.docs import SealReceipt, SealTreeHead

TextPurpose = Literal["tree_head", "receipt"]


@dataclass(frozen=True, slots=True)
class TreeHead:
    """An ordered head, or a receipt; `signature` is the CMS over `text`, `stamped_at` none while its stamp is owed."""

    head_id: UUID
    purpose: TextPurpose
    agency_id: UUID
    text: str
    asked: Actor
    signature: bytes | None
    certificate_serial: str | None
    stamped_at: datetime | None
    delayed: str | None


def add(tx: Tx, order: SealTreeHead | SealReceipt) -> bool:
    """Keep the order; False when it came before."""
    is_head = isinstance(order, SealTreeHead)
    added = tx.execute(
        "INSERT INTO tree_head (head_id, purpose, agency_id, text, asked, ordered_at) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [
            order.head_id if isinstance(order, SealTreeHead) else order.receipt_id,
            "tree_head" if is_head else "receipt",
            order.agency_id,
            order.text,
            Jsonb(order.by.model_dump(mode="json", exclude_none=True)),
            order.at,
        ],
    )
    return added.rowcount == 1


def find(tx: Tx, head_id: UUID) -> TreeHead | None:
    return _of(tx.execute("SELECT * FROM tree_head WHERE head_id = %s", [head_id]).fetchone())


def find_and_lock(tx: Tx, head_id: UUID) -> TreeHead | None:
    return _of(tx.execute("SELECT * FROM tree_head WHERE head_id = %s FOR UPDATE", [head_id]).fetchone())


def permit_first(tx: Tx, head_id: UUID, at: datetime) -> bool:
    """Whether this is the first time that the key is used for it."""
    return (
        tx.execute(
            "UPDATE tree_head SET permitted_at = %s WHERE head_id = %s AND permitted_at IS NULL", [at, head_id]
        ).rowcount
        == 1
    )


def seal(tx: Tx, head_id: UUID, signature: bytes, *, serial: str, stamped_at: datetime | None) -> None:
    tx.execute(
        "UPDATE tree_head SET signature = %s, certificate_serial = %s, stamped_at = %s, delayed = NULL WHERE head_id = %s",
        [signature, serial, stamped_at, head_id],
    )


def delay(tx: Tx, head_id: UUID, code: str) -> None:
    tx.execute("UPDATE tree_head SET delayed = %s WHERE head_id = %s", [code, head_id])


def lock_seal(tx: Tx, agency_id: UUID) -> None:
    """Held until the end of the transaction: a head that finds no certificate, and a certificate that finds no head
    waiting, never pass each other by.
    """
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('seal:' || %s, 0))", [str(agency_id)])


def list_waiting(tx: Tx, agency_id: UUID, code: str) -> list[UUID]:
    """Heads that wait for this reason and for which nothing is being done."""
    rows = tx.execute(
        "SELECT head_id FROM tree_head h WHERE agency_id = %s AND purpose = 'tree_head' AND signature IS NULL"
        " AND delayed = %s AND NOT EXISTS (SELECT FROM job j WHERE j.subject = h.head_id::text AND j.state = 'waiting')"
        " ORDER BY ordered_at",
        [agency_id, code],
    ).fetchall()
    return [row["head_id"] for row in rows]


def _of(row: dict[str, Any] | None) -> TreeHead | None:
    if row is None:
        return None
    return TreeHead(
        head_id=row["head_id"],
        purpose=row["purpose"],
        agency_id=row["agency_id"],
        text=row["text"],
        asked=Actor.model_validate(row["asked"]),
        signature=bytes(row["signature"]) if row["signature"] else None,
        certificate_serial=row["certificate_serial"],
        stamped_at=row["stamped_at"],
        delayed=row["delayed"],
    )
