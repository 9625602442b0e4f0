"""Registry's tables: the only SQL about procedures and their steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from services.registry.procedure import OPEN, Procedure
from services.registry.refusals_lifecycle import PROCEDURE_OPEN
from shared.db import Tx
from shared.errors import NotFound, Rejected
from shared.events import Actor

FIELDS = tuple(f.name for f in fields(Procedure))
COLUMNS = ", ".join(FIELDS)
VALUES = ", ".join(f"%({name})s" for name in FIELDS)
CHANGES = ", ".join(f"{name} = excluded.{name}" for name in FIELDS if name != "id")


@dataclass(frozen=True, slots=True)
class Step:
    """One state that a procedure came to: when, by whom, why."""

    state: str
    at: datetime
    by: Actor
    reason: str | None


def save(tx: Tx, procedure: Procedure, at: datetime, by: Actor) -> None:
    """Insert or replace, with the step in the history. Raises Rejected(procedure_open): one of a kind at a time."""
    row = {name: getattr(procedure, name) for name in FIELDS} | {"details": Jsonb(dict(procedure.details))}
    try:
        with tx.transaction():
            tx.execute(
                f"INSERT INTO procedure ({COLUMNS}) VALUES ({VALUES}) ON CONFLICT (id) DO UPDATE SET {CHANGES}",  # noqa: S608  column names of ours
                row,
            )
    except UniqueViolation as error:
        raise Rejected(PROCEDURE_OPEN) from error
    tx.execute(
        "INSERT INTO procedure_step (procedure_id, managed_by, person_id, state, reason, at, by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            procedure.id,
            procedure.managed_by,
            procedure.person_id,
            procedure.state,
            procedure.reason,
            at,
            Jsonb(by.model_dump(mode="json")),
        ],
    )


def get(tx: Tx, procedure_id: UUID) -> Procedure:
    row = tx.execute("SELECT * FROM procedure WHERE id = %s", [procedure_id]).fetchone()
    if row is None:
        raise NotFound("thủ tục", "procedure")
    return _procedure(row)


def lock(tx: Tx, procedure_id: UUID) -> Procedure:
    tx.execute("SELECT FROM procedure WHERE id = %s FOR UPDATE", [procedure_id])
    return get(tx, procedure_id)


def get_many(tx: Tx, ids: Sequence[UUID]) -> list[Procedure]:
    """In the order asked for; raises NotFound for one that is not there."""
    rows = tx.execute("SELECT * FROM procedure WHERE id = ANY(%s)", [list(ids)]).fetchall()
    found = {row["id"]: _procedure(row) for row in rows}
    for each in ids:
        if each not in found:
            raise NotFound("thủ tục", "procedure")
    return [found[each] for each in ids]


def find_open(tx: Tx, kind: str, certificate_id: UUID) -> Procedure | None:
    row = tx.execute(
        "SELECT * FROM procedure WHERE kind = %s AND certificate_id = %s AND state = ANY(%s)",
        [kind, certificate_id, list(OPEN)],
    ).fetchone()
    return _procedure(row) if row else None


def find_by_result(tx: Tx, certificate_id: UUID) -> Procedure | None:
    """The procedure that brought a certificate, locked."""
    row = tx.execute("SELECT * FROM procedure WHERE result_id = %s FOR UPDATE", [certificate_id]).fetchone()
    return _procedure(row) if row else None


def list_procedures(
    tx: Tx,
    *,
    kind: str | None = None,
    state: str | None = None,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    due_after: datetime | None = None,
    due_before: datetime | None = None,
    open_only: bool = False,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[Procedure]:
    """Oldest first. `agency_id` is the applicant; `due_…`: those still open, by when they are due."""
    rows = tx.execute(
        "SELECT * FROM procedure WHERE (%(after)s::uuid IS NULL OR id > %(after)s)"
        " AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (%(agency)s::uuid IS NULL OR managed_by = %(agency)s)"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s)"
        " AND (NOT %(open)s OR state = ANY(%(states)s))"
        " AND (%(due)s::timestamptz IS NULL OR (due_at <= %(due)s AND state = ANY(%(states)s)))"
        " AND (%(late)s::timestamptz IS NULL OR due_at > %(late)s)"
        " ORDER BY id LIMIT %(limit)s",
        {
            "after": after,
            "kind": kind,
            "state": state,
            "agency": agency_id,
            "person": person_id,
            "due": due_before,
            "late": due_after,
            "open": open_only,
            "states": list(OPEN),
            "limit": limit,
        },
    ).fetchall()
    return [_procedure(row) for row in rows]


def list_steps(tx: Tx, procedure_id: UUID) -> list[Step]:
    """Oldest first."""
    rows = tx.execute("SELECT * FROM procedure_step WHERE procedure_id = %s ORDER BY id", [procedure_id]).fetchall()
    return [Step(row["state"], row["at"], Actor.model_validate(row["by"]), row["reason"]) for row in rows]


def _procedure(row: dict[str, Any]) -> Procedure:
    return Procedure(**{name: row[name] for name in FIELDS})


# --- what the clock finds

OF_THE_CLOCK = (
    " AND NOT EXISTS (SELECT FROM procedure p WHERE p.certificate_id = c.id AND p.kind = %(kind)s"
    " AND (p.state = ANY(%(open)s) OR p.details ? 'opened_by'))"
)


def list_left(tx: Tx, today: date, limit: int) -> list[UUID]:
    """Live certificates of people who have left: inactive, or without a post on that day; no revocation is asked yet."""
    return _ids(
        tx,
        "SELECT c.id FROM certificate c JOIN person h ON h.id = c.person_id"
        " WHERE c.status IN ('active', 'suspended') AND (NOT h.active OR NOT EXISTS (SELECT FROM post o"
        "   WHERE o.person_id = h.id AND o.valid_from <= %(today)s AND coalesce(o.valid_until >= %(today)s, true)))",
        "revoke",
        today,
        limit,
    )


def list_seals_left(tx: Tx, today: date, limit: int) -> list[UUID]:
    """Live seal certificates of agencies that have ended; no revocation is asked yet."""
    return _ids(
        tx,
        "SELECT c.id FROM certificate c JOIN agency a ON a.id = c.agency_id"
        " WHERE c.status IN ('active', 'suspended') AND a.valid_until < %(today)s",
        "revoke",
        today,
        limit,
    )


def list_moved(tx: Tx, today: date, limit: int) -> list[tuple[UUID, UUID]]:
    """Live certificates whose holder works elsewhere now, and where: the first of today's posts."""
    rows = tx.execute(
        "SELECT c.id, (SELECT o.agency_id FROM post o WHERE o.person_id = h.id AND o.valid_from <= %(today)s"
        "   AND coalesce(o.valid_until >= %(today)s, true) ORDER BY o.ordinal LIMIT 1) AS agency_id"
        " FROM certificate c JOIN person h ON h.id = c.person_id"
        " WHERE c.status IN ('active', 'suspended') AND h.active"
        " AND EXISTS (SELECT FROM post o WHERE o.person_id = h.id AND o.valid_from <= %(today)s"
        "   AND coalesce(o.valid_until >= %(today)s, true))"
        " AND NOT EXISTS (SELECT FROM post o WHERE o.person_id = h.id AND o.agency_id = c.managed_by"
        "   AND o.valid_from <= %(today)s AND coalesce(o.valid_until >= %(today)s, true))"
        " ORDER BY c.id LIMIT %(limit)s",
        {"today": today, "limit": limit},
    ).fetchall()
    return [(row["id"], row["agency_id"]) for row in rows]


def list_owed_devices(tx: Tx, today: date, limit: int) -> list[UUID]:
    """The newest certificate of each device that is still out though all on it have ended."""
    return _ids(
        tx,
        "SELECT c.id FROM certificate c JOIN device d ON d.id = c.device_id"
        " WHERE d.place IN ('at_agency', 'with_person') AND c.status IN ('revoked', 'expired')"
        " AND NOT EXISTS (SELECT FROM certificate n WHERE n.device_id = d.id"
        "   AND (n.status IN ('active', 'suspended') OR n.id > c.id))",
        "return_device",
        today,
        limit,
    )


def _ids(tx: Tx, query: str, kind: str, today: date, limit: int) -> list[UUID]:
    values = {"today": today, "kind": kind, "open": list(OPEN), "limit": limit}
    rows = tx.execute(f"{query}{OF_THE_CLOCK} ORDER BY c.id LIMIT %(limit)s", values).fetchall()  # type: ignore[arg-type,unused-ignore]
    return [row["id"] for row in rows]
