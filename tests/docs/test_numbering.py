"""Invariant 4: a number is never skipped and never used twice, under any interleaving, concurrency and crash."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from services.docs import numbering, store_numbering
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.numbering import Register
from shared import db
from shared.errors import Rejected
from shared.ids import new_id
from tests.docs.conftest import Docs, ok
from tests.support.postgres import Database

DAY = date(2026, 3, 2)


# --- symbols (NĐ 30 annex I.II.3)


@pytest.mark.parametrize(
    ("type_code", "given", "number", "printed"),
    [
        ("QĐ", "UBND", 15, "15/QĐ-UBND"),
        ("QĐ", "QĐ-UBND", 5, "05/QĐ-UBND"),
        ("CV", "UBND-VX", 5, "05/UBND-VX"),
        ("CV", "ubnd-vp", 231, "231/UBND-VP"),
        ("TTr", "ttr-snv", 9, "09/TTr-SNV"),
        ("CTr", "HĐND", 10, "10/CTr-HĐND"),
    ],
)
def test_a_symbol_is_written_as_the_decree_prints_it(type_code: str, given: str, number: int, printed: str) -> None:
    kind = DOCUMENT_TYPES[type_code]
    assert numbering.number_symbol(number, numbering.symbol_of(kind, given)) == printed


@pytest.mark.parametrize("given", ["", "-", "UBND", "UBND-", "-VX", "UBND--VX", "UBND VX", "UBND/VX", "A" * 29 + "-B"])
def test_a_malformed_symbol_is_refused(given: str) -> None:
    with pytest.raises(Rejected) as refused:
        numbering.symbol_of(DOCUMENT_TYPES["CV"], given)
    assert refused.value.code == "symbol_malformed"


# --- on PostgreSQL


def take(tx: db.Tx, agency: UUID, subject: UUID | None = None, *, code: str = "VB", symbol: str = "QĐ-UBND") -> int:
    """What issuing a document does with the register."""
    taken = numbering.take_next(store_numbering.lock_register(tx, agency, code, DAY.year))
    printed = numbering.number_symbol(taken.last, symbol)
    store_numbering.enter(
        tx, agency, taken, subject=subject or new_id(), day=DAY, direction="out", number_symbol=printed
    )
    return taken.last


@pytest.fixture
def base(database: Callable[[str], Database]) -> Database:
    return database("docs")


def numbers(base: Database, agency: UUID) -> list[int]:
    with db.open_pool(base.app) as pool, db.transaction(pool, agency=agency) as tx:
        rows = tx.execute("SELECT number FROM book ORDER BY register_code, year, number").fetchall()
    return [row["number"] for row in rows]


def test_sixteen_clerks_at_once_get_all_numbers_without_a_gap(base: Database) -> None:
    agency, taken, lock = new_id(), [], threading.Lock()
    with db.open_pool(base.app, max_size=16) as pool:

        def clerk(_: int) -> None:
            for _issue in range(12):
                with db.transaction(pool, agency=agency) as tx:
                    number = take(tx, agency)
                with lock:
                    taken.append(number)

        with ThreadPoolExecutor(16) as clerks:
            list(clerks.map(clerk, range(16)))
    assert sorted(taken) == list(range(1, 16 * 12 + 1))
    assert numbers(base, agency) == sorted(taken)


def test_a_connection_killed_in_the_middle_leaves_no_gap(base: Database) -> None:
    """Every third clerk's connection is cut after the number was taken and before it was committed."""
    agency, kept, lock = new_id(), [], threading.Lock()

    def clerk(n: int) -> None:
        with psycopg.connect(base.app, row_factory=psycopg.rows.dict_row) as own:
            try:
                with own.transaction():
                    db.act_for(own, agency)
                    number = take(own, agency)
                    if n % 3 == 0:
                        with psycopg.connect(base.admin, autocommit=True) as admin:
                            admin.execute("SELECT pg_terminate_backend(%s)", [own.info.backend_pid])
                    own.execute("SELECT 1")
            except psycopg.OperationalError:
                return
        with lock:
            kept.append(number)

    with ThreadPoolExecutor(16) as clerks:
        list(clerks.map(clerk, range(48)))
    assert len(kept) == 32
    assert sorted(kept) == list(range(1, 33))
    assert numbers(base, agency) == sorted(kept)


def test_registers_of_agencies_and_years_count_for_themselves(base: Database) -> None:
    one, two = new_id(), new_id()
    with db.open_pool(base.app) as pool:
        for agency in (one, two, one):
            with db.transaction(pool, agency=agency) as tx:
                take(tx, agency)
        with db.transaction(pool, agency=one) as tx:
            register = store_numbering.lock_register(tx, one, "VB", DAY.year + 1)
    assert register == Register("VB", 2027, 0)
    assert (numbers(base, one), numbers(base, two)) == ([1, 2], [1])


def test_the_same_number_and_symbol_is_not_used_twice_in_a_year(base: Database) -> None:
    agency = new_id()
    with db.open_pool(base.app) as pool:
        with db.transaction(pool, agency=agency) as tx:
            take(tx, agency)
        with pytest.raises(Rejected) as refused, db.transaction(pool, agency=agency) as tx:
            take(tx, agency, code="KHAC")
    assert refused.value.code == "number_symbol_taken"
    assert numbers(base, agency) == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM book",
        "UPDATE book SET number = 9",
        "UPDATE book SET void_reason = NULL",
        "UPDATE register SET last = last + 2",
        "UPDATE register SET last = 0",
        "DELETE FROM register",
    ],
)
def test_the_book_can_not_be_rewritten_in_the_database_either(base: Database, statement: str) -> None:
    agency = new_id()
    with db.open_pool(base.app) as pool:
        with db.transaction(pool, agency=agency) as tx:
            subject = new_id()
            take(tx, agency, subject)
            store_numbering.void(tx, subject, "đóng dấu hỏng")
        with pytest.raises(psycopg.errors.RaiseException), db.transaction(pool, agency=agency) as tx:
            tx.execute(statement)  # type: ignore[arg-type,unused-ignore]


class Numbering(RuleBasedStateMachine):
    """Clerks open transactions, take numbers, commit, roll back, void and lose connections in any order.

    A clerk who would wait for another's lock is turned away at once (lock_timeout), so that one thread can play all.
    """

    pool: db.Pool
    base: Database

    def __init__(self) -> None:
        super().__init__()
        self.agency = new_id()
        self.book: dict[int, UUID] = {}
        self.void: set[int] = set()
        self.open: list[psycopg.Connection[psycopg.rows.DictRow]] = []

    clerks = Bundle("clerks")

    @rule(target=clerks)
    def begin(self) -> object:
        connection = psycopg.connect(self.base.app, row_factory=psycopg.rows.dict_row)
        self.open.append(connection)
        connection.execute("SET lock_timeout = '1ms'")
        connection.commit()
        db.act_for(connection, self.agency)
        return (connection, {})

    @rule(target=clerks, clerk=consumes(clerks), count=st.integers(1, 3))
    def take_numbers(
        self, clerk: tuple[psycopg.Connection[psycopg.rows.DictRow], dict[int, UUID]], count: int
    ) -> object:
        connection, taken = clerk
        try:
            for _ in range(count):
                subject = new_id()
                taken = taken | {take(connection, self.agency, subject): subject}
        except psycopg.errors.LockNotAvailable:
            connection.close()
            return multiple()
        return (connection, taken)

    @rule(clerk=consumes(clerks))
    def commit(self, clerk: tuple[psycopg.Connection[psycopg.rows.DictRow], dict[int, UUID]]) -> None:
        connection, taken = clerk
        connection.commit()
        connection.close()
        assert not taken.keys() & self.book.keys(), "a number was given twice"
        self.book |= taken

    @rule(clerk=consumes(clerks))
    def roll_back(self, clerk: tuple[psycopg.Connection[psycopg.rows.DictRow], dict[int, UUID]]) -> None:
        clerk[0].rollback()
        clerk[0].close()

    @rule(clerk=consumes(clerks))
    def lose_the_connection(self, clerk: tuple[psycopg.Connection[psycopg.rows.DictRow], dict[int, UUID]]) -> None:
        with psycopg.connect(self.base.admin, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 60000)", [clerk[0].info.backend_pid])

    @rule(which=st.randoms(use_true_random=False))
    def void_one(self, which: random.Random) -> None:
        left = sorted(self.book.keys() - self.void)
        if left:
            number = which.choice(left)
            with db.transaction(self.pool, agency=self.agency) as tx:
                store_numbering.void(tx, self.book[number], "hỏng")
            self.void.add(number)

    @invariant()
    def the_book_is_whole(self) -> None:
        with db.transaction(self.pool, agency=self.agency) as tx:
            rows = tx.execute("SELECT number, subject_id, void_reason FROM book ORDER BY number").fetchall()
        assert [row["number"] for row in rows] == list(range(1, len(rows) + 1)), "a number was skipped"
        assert {row["number"]: row["subject_id"] for row in rows} == self.book
        assert {row["number"] for row in rows if row["void_reason"]} == self.void

    def teardown(self) -> None:
        for connection in self.open:
            connection.close()


def test_numbers_stay_whole_whatever_clerks_do(base: Database) -> None:
    with db.open_pool(base.app, max_size=4) as pool:
        Numbering.pool, Numbering.base = pool, base
        quick = hypothesis_settings(max_examples=25, stateful_step_count=25, deadline=None, database=None)
        run_state_machine_as_test(Numbering, settings=quick)


def test_sixteen_clerks_issue_over_http_and_registers_stay_whole(docs: Docs) -> None:
    documents = [docs.signed(docs.a) for _ in range(16)]
    with ThreadPoolExecutor(16) as clerks:
        answers = list(clerks.map(lambda d: ok(docs.post(docs.a.clerk, f"/documents/{d}/issue")), documents))
    assert sorted(answer["number"] for answer in answers) == list(range(1, 17))
