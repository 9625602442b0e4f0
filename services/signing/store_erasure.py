"""Orders to erase and what came of them, and which bytes a document has here. Nothing but digests outlives the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.signing import store
from shared.db import Tx
from shared.errors import NotFound
from shared.events import BlobRef
from shared.events.docs import EraseDocument


def add(tx: Tx, order: EraseDocument) -> bool:
    """False when this disposal has ordered it before."""
    done = tx.execute(
        "INSERT INTO erasure (workfile_id, document_id, agency_id, decision, decided_on, decided_by, whole, content, kept,"
        " ordered_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            order.workfile_id,
            order.document_id,
            order.agency_id,
            order.decision,
            order.decided_on,
            Jsonb(order.by.model_dump(mode="json", exclude_none=True)),
            order.whole,
            Jsonb([each.model_dump(mode="json") for each in order.content]),
            Jsonb(list(order.kept)),
            order.at,
        ],
    )
    return done.rowcount == 1


def get(tx: Tx, workfile_id: UUID, document_id: UUID) -> dict[str, Any]:
    row = tx.execute(
        "SELECT * FROM erasure WHERE workfile_id = %s AND document_id = %s", [workfile_id, document_id]
    ).fetchone()
    if row is None:
        raise NotFound("lệnh xóa nội dung", "erasure")
    return row


def end(
    tx: Tx, workfile_id: UUID, document_id: UUID, *, erased: Sequence[str], left: Sequence[str], at: datetime
) -> bool:
    """False when it had ended before."""
    done = tx.execute(
        "UPDATE erasure SET erased_at = %s, erased = %s, left_over = %s"
        " WHERE workfile_id = %s AND document_id = %s AND erased_at IS NULL",
        [at, Jsonb(list(erased)), Jsonb(list(left)), workfile_id, document_id],
    )
    return done.rowcount == 1


def find_decision(tx: Tx, document_id: UUID) -> tuple[str, date] | None:
    """The decision by which all of a document is, or is about to be, erased."""
    row = tx.execute(
        "SELECT decision, decided_on FROM erasure WHERE document_id = %s AND whole LIMIT 1", [document_id]
    ).fetchone()
    return (row["decision"], row["decided_on"]) if row else None


def forget_work(tx: Tx, document_id: UUID) -> None:
    """No proof is kept alive of what is erased: no debt, no renewal, no job. Called before the document is locked."""
    tx.execute("DELETE FROM job WHERE subject = %s", [f"augment:{document_id}"])
    tx.execute("DELETE FROM longevity WHERE document_id = %s", [document_id])


def contents(tx: Tx, document_id: UUID) -> list[BlobRef]:
    """Every revision of a document and its annexes, as far as the transaction sees it."""
    rows = tx.execute("SELECT content FROM revision WHERE document_id = %s", [document_id]).fetchall()
    found = [BlobRef.model_validate(row["content"]) for row in rows]
    if document := store.find(tx, document_id):
        found += [document.content, *(part.content for part in document.terms.sealed_annexes)]
    return found


_USED = (
    "SELECT sha256, document_id FROM revision"
    " UNION ALL SELECT content_sha256, id FROM document"
    " UNION ALL SELECT p #>> '{content,sha256}', d.id FROM document d,"
    "  jsonb_array_elements(coalesce(d.terms -> 'sealed_annexes', '[]') || coalesce(d.terms -> 'annexes', '[]')) p"
)


def used_by_others(tx: Tx, digests: Sequence[str], document_id: UUID) -> set[str]:
    """Those that another document of the transaction's agency has, which is not erased itself."""
    rows = tx.execute(
        f"SELECT DISTINCT u.sha256 FROM ({_USED}) u WHERE u.sha256 = ANY(%s) AND u.document_id <> %s"  # noqa: S608  ours
        " AND NOT EXISTS (SELECT FROM erasure e WHERE e.document_id = u.document_id AND e.whole)",
        [list(digests), document_id],
    ).fetchall()
    return {row["sha256"] for row in rows}
