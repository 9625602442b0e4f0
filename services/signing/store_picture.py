"""SQL of the pictures that visible signatures show. A row is seen by whoever names its subject: callers look at the right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import Tx
from shared.events import Actor


@dataclass(frozen=True, slots=True)
class Picture:
    """A checked PNG (picture.py), who set it and when."""

    png: bytes
    sha256: str
    set_by: str
    set_at: datetime


def _name(tx: Tx, subject_id: UUID) -> None:
    tx.execute("SELECT set_config('vanthu.picture', %s, true)", [str(subject_id)])


def find(tx: Tx, subject_id: UUID) -> Picture | None:
    """Of a person, their signature; of an agency, its seal."""
    _name(tx, subject_id)
    row = tx.execute("SELECT png, sha256, set_by, set_at FROM picture WHERE subject_id = %s", [subject_id]).fetchone()
    return Picture(bytes(row["png"]), row["sha256"], row["set_by"].get("name", ""), row["set_at"]) if row else None


def find_png(tx: Tx, subject_id: UUID | None) -> bytes | None:
    found = find(tx, subject_id) if subject_id else None
    return found.png if found else None


def save(tx: Tx, subject_id: UUID, kind: str, png: bytes, sha256: str, *, by: Actor, at: datetime) -> None:
    _name(tx, subject_id)
    tx.execute(
        "INSERT INTO picture (subject_id, kind, png, sha256, set_by, set_at) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (subject_id) DO UPDATE SET kind = excluded.kind, png = excluded.png, sha256 = excluded.sha256,"
        " set_by = excluded.set_by, set_at = excluded.set_at",
        [subject_id, kind, png, sha256, Jsonb(by.model_dump(mode="json", exclude_none=True)), at],
    )


def drop(tx: Tx, subject_id: UUID) -> bool:
    """Whether there was one."""
    _name(tx, subject_id)
    return tx.execute("DELETE FROM picture WHERE subject_id = %s", [subject_id]).rowcount == 1
