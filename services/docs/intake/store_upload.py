"""Resumable uploads and their pieces in PostgreSQL: a piece counts from the commit that writes its row and the offset."""

from __future__ import annotations

from uuid import UUID

from services.docs.intake.upload import Upload
from services.docs.store import json_of
from shared.db import Tx
from shared.errors import NotFound
from shared.events import BlobRef

WHAT = "lượt tải tệp"


def add(tx: Tx, upload: Upload) -> None:
    tx.execute(
        'INSERT INTO upload (id, agency_id, person_id, person_name, filename, size, "offset", kind, secrecy, made_at,'
        " expires_at, item_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            upload.id,
            upload.agency_id,
            upload.person_id,
            upload.person_name,
            upload.filename,
            upload.size,
            upload.offset,
            upload.kind,
            upload.secrecy,
            upload.made_at,
            upload.expires_at,
            upload.item_id,
        ],
    )


def get(tx: Tx, upload_id: UUID, person_id: UUID) -> Upload:
    """One's own: a colleague's upload is not to be continued."""
    return _upload(
        tx.execute("SELECT * FROM upload WHERE id = %s AND person_id = %s", [upload_id, person_id]).fetchone()
    )


def lock(tx: Tx, upload_id: UUID) -> Upload:
    """Nobody else adds a piece until the transaction ends."""
    return _upload(tx.execute("SELECT * FROM upload WHERE id = %s FOR UPDATE", [upload_id]).fetchone())


def find_for_update(tx: Tx, upload_id: UUID) -> Upload | None:
    row = tx.execute("SELECT * FROM upload WHERE id = %s FOR UPDATE", [upload_id]).fetchone()
    return Upload(**row) if row else None


def count_unfinished(tx: Tx) -> int:
    row = tx.execute('SELECT count(*) AS n FROM upload WHERE "offset" < size').fetchone()
    return row["n"] if row else 0


def save(tx: Tx, upload: Upload) -> None:
    """The row must be locked."""
    tx.execute(
        'UPDATE upload SET "offset" = %s, expires_at = %s, item_id = %s WHERE id = %s',
        [upload.offset, upload.expires_at, upload.item_id, upload.id],
    )


def add_piece(tx: Tx, upload: Upload, start: int, content: BlobRef) -> None:
    tx.execute(
        "INSERT INTO upload_piece (upload_id, start, agency_id, content) VALUES (%s, %s, %s, %s)",
        [upload.id, start, upload.agency_id, json_of(content)],
    )


def pieces(tx: Tx, upload_id: UUID) -> list[BlobRef]:
    """In the order in which they make the file."""
    rows = tx.execute("SELECT content FROM upload_piece WHERE upload_id = %s ORDER BY start", [upload_id]).fetchall()
    return [BlobRef.model_validate(row["content"]) for row in rows]


def remove_pieces(tx: Tx, upload_id: UUID) -> None:
    tx.execute("DELETE FROM upload_piece WHERE upload_id = %s", [upload_id])


def remove(tx: Tx, upload_id: UUID) -> None:
    tx.execute("DELETE FROM upload WHERE id = %s", [upload_id])


def _upload(row: dict[str, object] | None) -> Upload:
    if row is None:
        raise NotFound(WHAT)
    return Upload(**row)  # type: ignore[arg-type]
