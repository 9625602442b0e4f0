"""What a notice says when its document is restricted after it was sent: kept beside the inboxes, without a word of it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from services.notify.domain import Call
from services.notify.store import Notice, act_for_people
from shared.db import Tx


def add(tx: Tx, notice: Notice, subjects: Iterable[UUID], agency_id: UUID | None, blind: Call) -> None:
    for subject in subjects:
        tx.execute(
            "INSERT INTO told_at_large (notice_id, subject_id, person_id, agency_id, title, text)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [notice.id, subject, notice.person_id, agency_id, blind.title, blind.text],
        )


def withdraw(tx: Tx, agency_id: UUID, subject: UUID) -> int:
    """The agency has restricted it: notices of its people at large lose their words, for good; how many."""
    rows = tx.execute(
        "DELETE FROM told_at_large t WHERE subject_id = %(subject)s AND (agency_id = %(agency)s OR agency_id IS NULL"
        " AND EXISTS (SELECT FROM post p WHERE p.person_id = t.person_id AND p.agency_id = %(agency)s))"
        " RETURNING notice_id, person_id, title, text",
        {"subject": subject, "agency": agency_id},
    ).fetchall()
    if not rows:
        return 0
    act_for_people(tx, {row["person_id"] for row in rows})
    tx.execute(
        "UPDATE notice n SET title = w.title, text = w.text, reason = NULL"
        " FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS w (id, title, text) WHERE n.id = w.id",
        [[row[name] for row in rows] for name in ("notice_id", "title", "text")],
    )
    return len(rows)
