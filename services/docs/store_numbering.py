"""Registers and the book in PostgreSQL: the only place where a number is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from uuid import UUID

import psycopg

from services.docs import refusals
from services.docs.numbering import Register
from shared.db import Tx
from shared.errors import Rejected


def lock_register(tx: Tx, agency_id: UUID, code: str, year: int) -> Register:
    """The register of a year, made when it is first used; nobody else takes a number from it until our commit."""
    tx.execute(
        "INSERT INTO register (agency_id, code, year, last) VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING",
        [agency_id, code, year],
    )
    row = tx.execute(
        "SELECT last FROM register WHERE agency_id = %s AND code = %s AND year = %s FOR UPDATE",
        [agency_id, code, year],
    ).fetchone()
    if row is None:
        raise LookupError(f"register {code} of {year} is not visible: for which agency does this transaction act?")
    return Register(code, year, row["last"])


def enter(
    tx: Tx,
    agency_id: UUID,
    taken: Register,
    *,
    subject: UUID,
    day: date,
    direction: str,
    number_symbol: str | None,
    block: object = None,
    secret: bool = False,
) -> None:
    """Write the number just taken from a locked register (its new `last`) into the register and the book.

    `block`: the range for paper that it is reserved in.
    """
    tx.execute(
        "UPDATE register SET last = %s WHERE agency_id = %s AND code = %s AND year = %s",
        [taken.last, agency_id, taken.code, taken.year],
    )
    with told_apart():
        tx.execute(
            "INSERT INTO book (agency_id, register_code, year, number, direction, number_symbol, entered_on, subject_id,"
            " block_id, secret) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [agency_id, taken.code, taken.year, taken.last, direction, number_symbol, day, subject, block, secret],
        )


@contextmanager
def told_apart() -> Iterator[None]:
    """Raises Rejected(number_symbol_taken) for what the book's index refuses."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name == "book_symbol":
            raise Rejected(refusals.NUMBER_SYMBOL_TAKEN) from error
        raise


def entered_on(tx: Tx, subject: UUID) -> date:
    """The day on which a document was entered in its book; LookupError when it was not."""
    row = tx.execute("SELECT entered_on FROM book WHERE subject_id = %s", [subject]).fetchone()
    if row is None:
        raise LookupError("not in the book")
    found: date = row["entered_on"]
    return found


def void(tx: Tx, subject: UUID, reason: str, *, by: str | None = None, at: datetime | None = None) -> None:
    """Mark the number of a document as void, once; the entry stays in the book with the reason, by whom and when."""
    tx.execute(
        "UPDATE book SET void_reason = %s, void_by = %s, void_at = %s WHERE subject_id = %s", [reason, by, at, subject]
    )
