"""Registry's tables: the only SQL about orders to CAs that are asked by hand, and the batches that went to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.registry.ca_files import Line
from shared.db import Tx
from shared.errors import NotFound
from shared.events import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class CaOrder:
    """An order to a CA that answers later: to issue (for a request) or to end (a certificate)."""

    id: UUID
    ca: str
    kind: str  # issue | end
    state: str = "waiting"  # waiting | sent | answered | refused
    managed_by: UUID
    request_id: UUID | None = None
    certificate_id: UUID | None = None
    name: str
    spki_sha256: str | None = None
    asked: dict[str, Any]
    entered_at: datetime
    batch_id: UUID | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    id: UUID
    ca: str
    made_at: datetime
    made_by: Actor
    orders: int
    sha256: str


ORDER = (
    "id, ca, kind, state, managed_by, request_id, certificate_id, name, spki_sha256, asked, entered_at, batch_id, line"
)
BATCH = "id, ca, made_at, made_by, orders, sha256"


def add_order(tx: Tx, order: CaOrder) -> None:
    """A request's second order changes nothing: its first one waits already."""
    tx.execute(
        "INSERT INTO ca_order (id, ca, kind, state, managed_by, request_id, certificate_id, name, spki_sha256, asked,"
        " entered_at) VALUES (%s, %s, %s, 'waiting', %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            order.id,
            order.ca,
            order.kind,
            order.managed_by,
            order.request_id,
            order.certificate_id,
            order.name,
            order.spki_sha256,
            Jsonb(order.asked),
            order.entered_at,
        ],
    )


def lock_waiting(tx: Tx, ca: str) -> list[CaOrder]:
    """What waits for a CA, oldest first. Two batches that are made at once do not share an order."""
    rows = tx.execute(
        f"SELECT {ORDER} FROM ca_order WHERE ca = %s AND state = 'waiting' ORDER BY entered_at, id FOR UPDATE",  # noqa: S608  column names of ours
        [ca],
    ).fetchall()
    return [CaOrder(**row) for row in rows]


def lock_sent(tx: Tx, keys: Sequence[str]) -> dict[str, CaOrder]:
    """Orders that were sent and wait for their certificate, by key."""
    rows = tx.execute(
        f"SELECT {ORDER} FROM ca_order WHERE state = 'sent' AND kind = 'issue' AND spki_sha256 = ANY(%s)"  # noqa: S608  as above
        " ORDER BY id FOR UPDATE",
        [list(keys)],
    ).fetchall()
    return {row["spki_sha256"]: CaOrder(**row) for row in rows}


def lock_order(tx: Tx, order_id: UUID) -> CaOrder:
    row = tx.execute(f"SELECT {ORDER} FROM ca_order WHERE id = %s FOR UPDATE", [order_id]).fetchone()  # noqa: S608  as above
    if row is None:
        raise NotFound("yêu cầu gửi nơi cấp", "order")
    return CaOrder(**row)


def list_orders(
    tx: Tx,
    *,
    state: str | None = None,
    batch_id: UUID | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[CaOrder]:
    rows = tx.execute(
        f"SELECT {ORDER} FROM ca_order WHERE (%(state)s::text IS NULL OR state = %(state)s)"  # noqa: S608  as above
        " AND (%(batch)s::uuid IS NULL OR batch_id = %(batch)s) AND (%(after)s::uuid IS NULL OR id > %(after)s)"
        " ORDER BY id LIMIT %(limit)s",
        {"state": state, "batch": batch_id, "after": after, "limit": limit},
    ).fetchall()
    return [CaOrder(**row) for row in rows]


def count_sent(tx: Tx) -> int:
    row = tx.execute("SELECT count(*) AS n FROM ca_order WHERE state = 'sent' AND kind = 'issue'").fetchone()
    return int(row["n"]) if row else 0


def mark_sent(tx: Tx, batch_id: UUID, lines: Sequence[Line]) -> None:
    """An order to end has no answer to wait for: it is done with the batch."""
    with tx.cursor() as cursor:
        cursor.executemany(
            "UPDATE ca_order SET state = CASE kind WHEN 'end' THEN 'answered' ELSE 'sent' END, batch_id = %s, line = %s"
            " WHERE id = %s",
            [(batch_id, line.line, line.order_id) for line in lines],
        )


def mark_answered(tx: Tx, order_id: UUID, certificate_id: UUID) -> None:
    tx.execute("UPDATE ca_order SET state = 'answered', certificate_id = %s WHERE id = %s", [certificate_id, order_id])


def mark_refused(tx: Tx, order_id: UUID) -> None:
    tx.execute("UPDATE ca_order SET state = 'refused' WHERE id = %s", [order_id])


def registered(tx: Tx, fingerprints: Sequence[str]) -> dict[str, UUID]:
    """Which of these certificates are registered already, and under which id."""
    rows = tx.execute("SELECT fingerprint, id FROM certificate WHERE fingerprint = ANY(%s)", [list(fingerprints)])
    return {row["fingerprint"]: row["id"] for row in rows.fetchall()}


def add_batch(tx: Tx, batch: Batch, file: bytes) -> None:
    tx.execute(
        "INSERT INTO ca_batch (id, ca, made_at, made_by, orders, file, sha256) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            batch.id,
            batch.ca,
            batch.made_at,
            Jsonb(batch.made_by.model_dump(mode="json")),
            batch.orders,
            file,
            batch.sha256,
        ],
    )


def get_batch(tx: Tx, batch_id: UUID) -> Batch:
    row = tx.execute(f"SELECT {BATCH} FROM ca_batch WHERE id = %s", [batch_id]).fetchone()  # noqa: S608  as above
    if row is None:
        raise NotFound("đợt gửi nơi cấp", "batch")
    return _batch(row)


def get_batch_file(tx: Tx, batch_id: UUID) -> bytes:
    row = tx.execute("SELECT file FROM ca_batch WHERE id = %s", [batch_id]).fetchone()
    if row is None:
        raise NotFound("đợt gửi nơi cấp", "batch")
    return bytes(row["file"])


def list_batches(tx: Tx, *, before: UUID | None, limit: int) -> list[Batch]:
    """Newest first."""
    rows = tx.execute(
        f"SELECT {BATCH} FROM ca_batch WHERE %(before)s::uuid IS NULL OR id < %(before)s ORDER BY id DESC LIMIT %(limit)s",  # noqa: S608  as above
        {"before": before, "limit": limit},
    ).fetchall()
    return [_batch(row) for row in rows]


def _batch(row: dict[str, Any]) -> Batch:
    return Batch(**row | {"made_by": Actor.model_validate(row["made_by"])})
