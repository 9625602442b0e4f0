"""Tables of units, and of what became of agencies: the only SQL about them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from psycopg.errors import UniqueViolation

from services.registry.names import fold
from services.registry.period import Period
from services.registry.refusals_directory import UNIT_CODE_TAKEN
from services.registry.store import Row
from services.registry.succession import Succession
from services.registry.unit import Unit, UnitFacts
from shared.db import Tx
from shared.errors import NotFound, Rejected


def get(tx: Tx, unit_id: UUID) -> Unit:
    row = tx.execute("SELECT * FROM unit WHERE id = %s", [unit_id]).fetchone()
    if row is None:
        raise NotFound("đơn vị", "unit")
    return _unit(row)


def lock(tx: Tx, unit_id: UUID) -> Unit:
    """A unit that one does not oversee is found by `get`, not by this."""
    row = tx.execute("SELECT * FROM unit WHERE id = %s FOR UPDATE", [unit_id]).fetchone()
    if row is None:
        raise NotFound("đơn vị", "unit")
    return _unit(row)


def get_units(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Unit]:
    """Those of the ids that exist."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = tx.execute("SELECT * FROM unit WHERE id = ANY(%s)", [wanted]).fetchall()
    return {row["id"]: _unit(row) for row in rows}


def list_units(
    tx: Tx,
    *,
    agencies: Iterable[UUID] | None = None,
    query: str = "",
    after: tuple[UUID, str] | None = None,
    limit: int | None = None,
) -> list[Unit]:
    """By agency and code; of some agencies, or of all."""
    rows = tx.execute(
        "SELECT * FROM unit WHERE (%(agencies)s::uuid[] IS NULL OR agency_id = ANY(%(agencies)s))"
        " AND (%(agency)s::uuid IS NULL OR (agency_id, code) > (%(agency)s, %(code)s))"
        " AND strpos(folded, %(folded)s) > 0 ORDER BY agency_id, code LIMIT %(limit)s",
        {
            "agencies": None if agencies is None else list(agencies),
            "agency": after[0] if after else None,
            "code": after[1] if after else "",
            "folded": fold(query),
            "limit": limit,
        },
    ).fetchall()
    return [_unit(row) for row in rows]


def list_above(tx: Tx, unit_id: UUID | None) -> frozenset[UUID]:
    """The unit and all above it."""
    rows = tx.execute(
        "WITH RECURSIVE above AS (SELECT id, parent_id FROM unit WHERE id = %s"
        " UNION SELECT u.id, u.parent_id FROM unit u JOIN above ON u.id = above.parent_id) SELECT id FROM above",
        [unit_id],
    ).fetchall()
    return frozenset(row["id"] for row in rows)


def values(unit: Unit) -> tuple[object, ...]:
    """As the table has its columns."""
    facts = unit.facts
    period = facts.period
    folded = fold(f"{facts.code} {facts.name}")
    head = (unit.id, facts.agency_id, facts.code, facts.name, folded, facts.parent_id)
    return (*head, period.start, period.until, unit.version)


def save(tx: Tx, unit: Unit) -> None:
    """Insert or replace. Raises Rejected(unit_code_taken)."""
    try:
        with tx.transaction():
            tx.execute(
                "INSERT INTO unit (id, agency_id, code, name, folded, parent_id, valid_from, valid_until, version)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                " folded = excluded.folded, parent_id = excluded.parent_id, valid_from = excluded.valid_from,"
                " valid_until = excluded.valid_until, version = excluded.version",
                list(values(unit)),
            )
    except UniqueViolation as error:
        raise Rejected(UNIT_CODE_TAKEN, code=unit.facts.code) from error


def _unit(row: Row) -> Unit:
    return Unit(
        id=row["id"],
        version=row["version"],
        facts=UnitFacts(
            agency_id=row["agency_id"],
            code=row["code"],
            name=row["name"],
            parent_id=row["parent_id"],
            period=Period(row["valid_from"], row["valid_until"]),
        ),
    )


# --- what became of agencies


def add_succession(tx: Tx, said: Succession) -> None:
    tx.execute(
        "INSERT INTO succession (id, kind, day, decision, predecessor_ids, successor_ids) VALUES (%s, %s, %s, %s, %s, %s)",
        [said.id, said.kind, said.day, said.decision, list(said.predecessor_ids), list(said.successor_ids)],
    )


def get_succession(tx: Tx, succession_id: UUID) -> Succession:
    row = tx.execute("SELECT * FROM succession WHERE id = %s", [succession_id]).fetchone()
    if row is None:
        raise NotFound("lần sáp nhập, chia tách", "succession")
    return _succession(row)


def list_successions(
    tx: Tx, *, agency_id: UUID | None = None, after: UUID | None = None, limit: int | None = None
) -> list[Succession]:
    """Oldest entry first; of one agency: in which it ended or began."""
    rows = tx.execute(
        "SELECT * FROM succession WHERE (%(after)s::uuid IS NULL OR id > %(after)s) AND (%(agency)s::uuid IS NULL"
        " OR predecessor_ids @> ARRAY[%(agency)s] OR successor_ids @> ARRAY[%(agency)s]) ORDER BY id LIMIT %(limit)s",
        {"agency": agency_id, "after": after, "limit": limit},
    ).fetchall()
    return [_succession(row) for row in rows]


def _succession(row: Row) -> Succession:
    return Succession(
        id=row["id"],
        kind=row["kind"],
        day=row["day"],
        decision=row["decision"],
        predecessor_ids=tuple(row["predecessor_ids"]),
        successor_ids=tuple(row["successor_ids"]),
    )
