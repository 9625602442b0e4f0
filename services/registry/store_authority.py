"""Registry's tables: the only SQL about delegations, who sees which authority, and absences."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from services.registry.absence import Absence
from services.registry.authority import Authority
from services.registry.period import Period
from services.registry.store import authority_of
from shared.db import Tx
from shared.errors import NotFound

Row = dict[str, Any]

# Overseers of the agency signed for or of where the signer works, the signer, and who passed it on.
VISIBLE = (
    "(current_setting('vanthu.scope', true) = '*' OR u.person_id = acting_person() OR u.delegated_by = acting_person()"
    " OR EXISTS (SELECT FROM post o JOIN agency a ON a.id IN (o.agency_id, u.agency_id)"
    "  WHERE o.id = u.post_id AND in_scope(a.identifier)))"
)


def get_visible(tx: Tx, authority_id: UUID) -> Authority:
    """NotFound, too, for what the acting person has nothing to do with."""
    row = tx.execute(f"SELECT u.* FROM authority u WHERE u.id = %s AND {VISIBLE}", [authority_id]).fetchone()  # noqa: S608  our constant
    if row is None:
        raise NotFound("thẩm quyền ký", "authority")
    return authority_of(row)


def list_visible(
    tx: Tx, *, agency_id: UUID | None, person_id: UUID | None, after: UUID | None, limit: int
) -> list[Authority]:
    """Oldest first."""
    rows = tx.execute(
        "SELECT u.* FROM authority u WHERE (%(after)s::uuid IS NULL OR u.id > %(after)s)"  # noqa: S608  our constant
        " AND (%(agency)s::uuid IS NULL OR u.agency_id = %(agency)s)"
        f" AND (%(person)s::uuid IS NULL OR u.person_id = %(person)s) AND {VISIBLE} ORDER BY u.id LIMIT %(limit)s",
        {"after": after, "agency": agency_id, "person": person_id, "limit": limit},
    ).fetchall()
    return [authority_of(row) for row in rows]


def list_delegated(tx: Tx, authority_id: UUID) -> list[Authority]:
    """What was passed on of an authority, oldest first."""
    rows = tx.execute("SELECT * FROM authority WHERE delegated_from = %s ORDER BY id", [authority_id]).fetchall()
    return [authority_of(row) for row in rows]


# --- absences


def add_absence(tx: Tx, absence: Absence) -> None:
    tx.execute(
        "INSERT INTO absence (id, person_id, managed_by, valid_from, valid_until, reason, version)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            absence.id,
            absence.person_id,
            absence.managed_by,
            absence.period.start,
            absence.period.until,
            absence.reason,
            absence.version,
        ],
    )


def save_absence(tx: Tx, absence: Absence) -> None:
    """What can change: its last day."""
    tx.execute(
        "UPDATE absence SET valid_until = %s, version = %s WHERE id = %s",
        [absence.period.until, absence.version, absence.id],
    )


def get_absence(tx: Tx, absence_id: UUID) -> Absence:
    row = tx.execute("SELECT * FROM absence WHERE id = %s", [absence_id]).fetchone()
    if row is None:
        raise NotFound("lần vắng mặt", "absence")
    return _absence(row)


def lock_absence(tx: Tx, absence_id: UUID) -> Absence:
    """Of what the acting person may change; NotFound otherwise."""
    row = tx.execute("SELECT * FROM absence WHERE id = %s FOR UPDATE", [absence_id]).fetchone()
    if row is None:
        raise NotFound("lần vắng mặt", "absence")
    return _absence(row)


def list_absences(
    tx: Tx, *, since: date, agency_id: UUID | None = None, person_id: UUID | None = None
) -> list[Absence]:
    """Those that last until that day or longer, by their first day."""
    rows = tx.execute(
        "SELECT * FROM absence WHERE valid_until >= %(since)s AND (%(agency)s::uuid IS NULL OR managed_by = %(agency)s)"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s) ORDER BY valid_from, id",
        {"since": since, "agency": agency_id, "person": person_id},
    ).fetchall()
    return [_absence(row) for row in rows]


def away_until(tx: Tx, people: set[UUID], day: date) -> dict[UUID, date]:
    """Who of these people is away on that day, and until when, as far as the acting person may see."""
    rows = tx.execute(
        "SELECT person_id, max(valid_until) AS until FROM absence WHERE person_id = ANY(%s)"
        " AND %s BETWEEN valid_from AND valid_until GROUP BY person_id",
        [list(people), day],
    ).fetchall()
    return {row["person_id"]: row["until"] for row in rows}


def list_delegated_for(tx: Tx, absence_id: UUID) -> list[UUID]:
    """The authorities that were passed on for an absence and stand, locked."""
    rows = tx.execute(
        "SELECT id FROM authority WHERE absence_id = %s AND NOT withdrawn ORDER BY id FOR UPDATE", [absence_id]
    ).fetchall()
    return [row["id"] for row in rows]


def _absence(row: Row) -> Absence:
    return Absence(
        id=row["id"],
        person_id=row["person_id"],
        managed_by=row["managed_by"],
        period=Period(row["valid_from"], row["valid_until"]),
        reason=row["reason"],
        version=row["version"],
    )
