"""Decisions on registers, numbers for paper and what was registered of it, in PostgreSQL; seen by the agency alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs import store_numbering
from services.docs.numbering import Register as Counter
from services.docs.registers.domain import Block, Plan, Register, standard
from services.docs.registers.refusals import NUMBER_NOT_PAPER, REGISTER_CLOSED
from services.docs.store import json_of
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import Actor

Row = dict[str, Any]

# --- decisions


def plan_for(tx: Tx, agency_id: UUID, year: int) -> Plan:
    """The decision in force in a year, or the registers that every agency has until it decides."""
    row = tx.execute(
        "SELECT from_year, basis, registers, decided_by, decided_at, version FROM register_plan"
        " WHERE agency_id = %s AND from_year <= %s ORDER BY from_year DESC LIMIT 1",
        [agency_id, year],
    ).fetchone()
    return _plan(row) if row else standard()


def find_plan(tx: Tx, agency_id: UUID, from_year: int) -> Plan | None:
    """The decision made for just that year."""
    row = tx.execute(
        "SELECT from_year, basis, registers, decided_by, decided_at, version FROM register_plan"
        " WHERE agency_id = %s AND from_year = %s",
        [agency_id, from_year],
    ).fetchone()
    return _plan(row) if row else None


def save_plan(tx: Tx, agency_id: UUID, plan: Plan) -> None:
    """Raises Rejected(stale_version) when somebody else has decided since it was read."""
    done = tx.execute(
        "INSERT INTO register_plan AS p (agency_id, from_year, basis, registers, decided_by, decided_at, version)"
        " VALUES (%(agency)s, %(year)s, %(basis)s, %(registers)s, %(by)s, %(at)s, 1)"
        " ON CONFLICT (agency_id, from_year) DO UPDATE SET basis = excluded.basis, registers = excluded.registers,"
        " decided_by = excluded.decided_by, decided_at = excluded.decided_at, version = p.version + 1"
        " WHERE p.version = %(version)s",
        {
            "agency": agency_id,
            "year": plan.from_year,
            "basis": plan.basis,
            "registers": Jsonb([asdict(each) | {"types": list(each.types)} for each in plan.registers]),
            "by": json_of(plan.decided_by),
            "at": plan.decided_at,
            "version": plan.version,
        },
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def _plan(row: Row) -> Plan:
    registers = tuple(Register(**{**each, "types": tuple(each["types"])}) for each in row["registers"])
    return Plan(**{**row, "registers": registers, "decided_by": Actor.model_validate(row["decided_by"])})


def lock_counters(tx: Tx, agency_id: UUID, codes: Iterable[str], year: int) -> None:
    """Nobody takes a number from these registers until our commit; in the order of their codes, so that two do not wait
    for each other.
    """
    for code in sorted(codes):
        store_numbering.lock_register(tx, agency_id, code, year)


# --- how registers stand


@dataclass(frozen=True, slots=True)
class Standing:
    """A register of a year: its last number, how many are void, how many reserved ones are left, when it was closed."""

    code: str
    year: int
    last: int
    void: int
    left: int
    closed_on: date | None


def standing(tx: Tx, agency_id: UUID, year: int) -> dict[str, Standing]:
    """By code; registers that were never used in the year are not there, or with 0."""
    rows = tx.execute(
        "SELECT r.code, r.year, r.last, r.closed_on,"
        " (SELECT count(*) FROM book b WHERE (b.agency_id, b.register_code, b.year) = (r.agency_id, r.code, r.year)"
        "   AND b.void_reason IS NOT NULL) AS void,"
        " (SELECT count(*) FROM book b WHERE (b.agency_id, b.register_code, b.year) = (r.agency_id, r.code, r.year)"
        "   AND b.block_id IS NOT NULL AND b.number_symbol IS NULL AND b.void_reason IS NULL) AS left"
        " FROM register r WHERE r.agency_id = %s AND r.year = %s",
        [agency_id, year],
    ).fetchall()
    return {row["code"]: Standing(**row) for row in rows}


def used_codes(tx: Tx, agency_id: UUID, year: int) -> set[str]:
    rows = tx.execute(
        "SELECT code FROM register WHERE agency_id = %s AND year = %s AND last > 0", [agency_id, year]
    ).fetchall()
    return {row["code"] for row in rows}


def close(tx: Tx, agency_id: UUID, code: str, year: int, day: date) -> None:
    """The register must be locked."""
    tx.execute(
        "UPDATE register SET closed_on = %s WHERE agency_id = %s AND code = %s AND year = %s AND closed_on IS NULL",
        [day, agency_id, code, year],
    )


def check_open(tx: Tx, agency_id: UUID, code: str, year: int) -> None:
    """Raises Rejected(register_closed)."""
    row = tx.execute(
        "SELECT closed_on FROM register WHERE agency_id = %s AND code = %s AND year = %s", [agency_id, code, year]
    ).fetchone()
    if row and row["closed_on"]:
        raise Rejected(REGISTER_CLOSED, code=code, year=year)


# --- numbers for paper


def take_block(tx: Tx, agency_id: UUID, block: Block, counter: Counter, *, subjects: Sequence[UUID], day: date) -> None:
    """Enter a range right after a locked register's last number; `subjects` are the ids of its entries to come."""
    tx.execute(
        "INSERT INTO number_block (id, agency_id, register_code, year, first, last, purpose, taken_by, taken_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            block.id,
            agency_id,
            block.register_code,
            block.year,
            block.first,
            block.last,
            block.purpose,
            json_of(block.taken_by),
            block.taken_at,
        ],
    )
    for number, subject in zip(range(block.first, block.last + 1), subjects, strict=True):
        store_numbering.enter(
            tx,
            agency_id,
            Counter(counter.code, counter.year, number),
            subject=subject,
            day=day,
            direction="out",
            number_symbol=None,
            block=block.id,
        )


BLOCKS = (
    "SELECT k.id, k.register_code, k.year, k.first, k.last, k.purpose, k.taken_by, k.taken_at, k.returned_at,"
    " coalesce((SELECT array_agg(b.number ORDER BY b.number) FROM book b WHERE b.block_id = k.id"
    "  AND b.number_symbol IS NULL AND b.void_reason IS NULL), '{}') AS left FROM number_block k"
)


def list_blocks(tx: Tx, agency_id: UUID, year: int | None = None) -> list[Block]:
    rows = tx.execute(
        f"{BLOCKS} WHERE k.agency_id = %(agency)s AND (%(year)s::int IS NULL OR k.year = %(year)s)"
        " ORDER BY k.year DESC, k.register_code, k.first DESC LIMIT 500",
        {"agency": agency_id, "year": year},
    ).fetchall()
    return [_block(row) for row in rows]


def open_blocks(tx: Tx, agency_id: UUID, before_year: int) -> list[Block]:
    """Of past years, not yet returned."""
    rows = tx.execute(
        f"{BLOCKS} WHERE k.agency_id = %s AND k.year < %s AND k.returned_at IS NULL ORDER BY k.taken_at",
        [agency_id, before_year],
    ).fetchall()
    return [_block(row) for row in rows]


def lock_block(tx: Tx, block_id: UUID) -> Block:
    """Raises NotFound."""
    row = tx.execute("SELECT FROM number_block WHERE id = %s FOR UPDATE", [block_id]).rowcount
    found = tx.execute(f"{BLOCKS} WHERE k.id = %s", [block_id]).fetchone()
    if not row or found is None:
        raise NotFound("dải số")
    return _block(found)


def _block(row: Row) -> Block:
    return Block(**{**row, "taken_by": Actor.model_validate(row["taken_by"]), "left": tuple(row["left"])})


def return_block(tx: Tx, block: Block, *, reason: str, by: str, at: datetime) -> int:
    """What is left of it is void; how many numbers."""
    tx.execute("UPDATE number_block SET returned_at = %s WHERE id = %s", [at, block.id])
    done = tx.execute(
        "UPDATE book SET void_reason = %s, void_by = %s, void_at = %s"
        " WHERE block_id = %s AND number_symbol IS NULL AND void_reason IS NULL",
        [reason, by, at, block.id],
    )
    return done.rowcount


def find_reserved(tx: Tx, agency_id: UUID, code: str, year: int, number: int) -> UUID | None:
    """The subject of a reserved number that is free, its entry locked."""
    row = tx.execute(
        "SELECT subject_id FROM book WHERE (agency_id, register_code, year, number) = (%s, %s, %s, %s)"
        " AND block_id IS NOT NULL AND number_symbol IS NULL AND void_reason IS NULL FOR UPDATE",
        [agency_id, code, year, number],
    ).fetchone()
    return row["subject_id"] if row else None


def use_reserved(tx: Tx, subject: UUID, number_symbol: str) -> None:
    """Raises Rejected(number_symbol_taken)."""
    with store_numbering.told_apart():
        tx.execute("UPDATE book SET number_symbol = %s WHERE subject_id = %s", [number_symbol, subject])


# --- paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What the register says of a document on paper; `id` is its subject in the book."""

    id: UUID
    direction: str
    type_code: str
    type_name: str
    signed_on: date
    registered_by: Actor
    registered_at: datetime
    secrecy: str | None = None
    abstract: str | None = None
    signer: str | None = None
    author: str | None = None
    author_symbol: str | None = None
    received_on: date | None = None
    recipients: str | None = None
    copies: int | None = None
    keeper: str | None = None
    late_reason: str | None = None
    note: str | None = None


PAPER = tuple(Paper.__dataclass_fields__)


def add_paper(tx: Tx, agency_id: UUID, paper: Paper) -> None:
    values = {name: getattr(paper, name) for name in PAPER} | {"registered_by": json_of(paper.registered_by)}
    names = ", ".join(PAPER)
    tx.execute(
        f"INSERT INTO paper_entry (agency_id, {names}) VALUES (%(agency)s, {', '.join(f'%({n})s' for n in PAPER)})",  # noqa: S608  own names
        values | {"agency": agency_id},
    )


def void_paper(tx: Tx, agency_id: UUID, place: tuple[str, int, int], *, reason: str, by: str, at: datetime) -> UUID:
    """Of a paper document, registered or still to come; its subject. `place`: register, year, number.

    Raises Rejected(number_not_paper).
    """
    row = tx.execute(
        "UPDATE book b SET void_reason = %s, void_by = %s, void_at = %s"
        " WHERE (b.agency_id, b.register_code, b.year, b.number) = (%s, %s, %s, %s) AND b.void_reason IS NULL"
        " AND (b.block_id IS NOT NULL OR EXISTS (SELECT FROM paper_entry p WHERE p.id = b.subject_id)) RETURNING subject_id",
        [reason, by, at, agency_id, *place],
    ).fetchone()
    if row is None:
        raise Rejected(NUMBER_NOT_PAPER, number=place[2])
    found: UUID = row["subject_id"]
    return found


def agencies(tx: Tx) -> list[UUID]:
    """All that live here; the copy of the registry is open to the worker."""
    rows = tx.execute("SELECT agency_id FROM agency WHERE partner IS NULL ORDER BY agency_id").fetchall()
    return [row["agency_id"] for row in rows]


def try_lock(tx: Tx, key: int) -> bool:
    """Whether this worker is the one that does it now; until the transaction ends."""
    row = tx.execute("SELECT pg_try_advisory_xact_lock(%s) AS won", [key]).fetchone()
    return bool(row and row["won"])
