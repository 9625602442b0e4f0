"""The record of erased bytes beside the disposal by which they went: which service, when, which digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.workfile.domain import WorkFile
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Erasure:
    """What one service erased of a document, or (`docs`, with the file's own id) of the whole file. SHA-256."""

    document_id: UUID
    service: str
    at: datetime
    erased: tuple[str, ...]
    kept: tuple[str, ...]


def add(
    tx: Tx, file: WorkFile, document_id: UUID, service: str, *, erased: Sequence[str], kept: Sequence[str], at: datetime
) -> None:
    tx.execute(
        "INSERT INTO content_erased (agency_id, file_id, document_id, service, at, erased, kept)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [file.agency_id, file.id, document_id, service, at, Jsonb(list(erased)), Jsonb(list(kept))],
    )


def list_of(tx: Tx, file_id: UUID) -> list[Erasure]:
    rows = tx.execute(
        "SELECT document_id, service, at, erased, kept FROM content_erased WHERE file_id = %s ORDER BY at, document_id",
        [file_id],
    ).fetchall()
    return [Erasure(**{**row, "erased": tuple(row["erased"]), "kept": tuple(row["kept"])}) for row in rows]


def forget_exports(tx: Tx, file_id: UUID) -> None:
    """Packages that were made of a file hold its content too."""
    tx.execute("UPDATE work_file_export SET content = NULL WHERE file_id = %s", [file_id])
