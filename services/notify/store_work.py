"""Open and ended work of notices in PostgreSQL: whose notices a fact ends, and what was ended before it was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.notify.settling import Settled, Work
from services.notify.store import act_for_people
from shared.db import Tx


def end(tx: Tx, settled: Iterable[Settled], *, by: str | None, at: datetime) -> int:
    """Mark the notices of that work as done; how many. What is asked for later, but was stated earlier, is done too."""
    ended: dict[UUID, UUID] = {}
    for each in sorted(settled, key=lambda s: (s.work.subject, s.work.kind, str(s.person_id))):
        _note(tx, each, by, at)
        rows = tx.execute(
            "DELETE FROM open_work WHERE subject = %s AND kind = %s AND (%s::uuid IS NULL OR person_id = %s)"
            " RETURNING notice_id, person_id",
            [each.work.subject, each.work.kind, each.person_id, each.person_id],
        ).fetchall()
        ended |= {row["notice_id"]: row["person_id"] for row in rows}
    if ended:
        act_for_people(tx, set(ended.values()))
        tx.execute(
            "UPDATE notice SET done_at = %s, done_by = %s WHERE id = ANY(%s) AND done_at IS NULL", [at, by, list(ended)]
        )
    return len(ended)


def _note(tx: Tx, each: Settled, by: str | None, at: datetime) -> None:
    tx.execute(
        "INSERT INTO ended_work AS e (subject, kind, person_id, by_name, at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (subject, kind, person_id) DO UPDATE SET at = excluded.at, by_name = excluded.by_name"
        " WHERE e.at < excluded.at",
        [each.work.subject, each.work.kind, each.person_id, by, at],
    )


def begin(tx: Tx, work: Work, person_id: UUID, notice_id: UUID, *, asked_at: datetime) -> None:
    """A notice speaks of that work: open, unless what ends it was stated after it was asked for and came first."""
    row = tx.execute(
        "SELECT at, by_name FROM ended_work WHERE subject = %s AND kind = %s AND at > %s"
        " AND (person_id IS NULL OR person_id = %s) ORDER BY at DESC LIMIT 1",
        [work.subject, work.kind, asked_at, person_id],
    ).fetchone()
    if row:
        tx.execute("UPDATE notice SET done_at = %s, done_by = %s WHERE id = %s", [row["at"], row["by_name"], notice_id])
        return
    tx.execute(
        "INSERT INTO open_work (subject, kind, person_id, notice_id) VALUES (%s, %s, %s, %s)",
        [work.subject, work.kind, person_id, notice_id],
    )


def forget(tx: Tx, *, ended_before: datetime, held_before: datetime) -> int:
    """Drop what nothing will ask for any more; how many facts were held in vain, for a document that never came."""
    tx.execute("DELETE FROM ended_work WHERE at < %s", [ended_before])
    return tx.execute("DELETE FROM held WHERE needs = 'document' AND held_at < %s", [held_before]).rowcount
