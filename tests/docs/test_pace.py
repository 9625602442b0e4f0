"""What a page reads does not grow with what an agency keeps: of many thousand rows it takes, through indexes and under the
policies that hide the restricted ones, about what it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from bench import docs_load
from services.docs import standing, store, store_incoming, store_registry
from services.docs.finding import counting, lexemes
from services.docs.finding import store as finding
from services.docs.finding.domain import Wanted
from services.docs.registers import books, store_books
from services.docs.registers import store as registers
from shared import db
from tests.docs.conftest import Docs

LOADED_ON = date(2026, 11, 18)  # in the middle of a week and a year: at the turn of one the registers are nearly empty
TIMES = 150  # as many of everything that was loaded
# Everything once more, under other ids, numbers and days; one in fifty is restricted to nobody in the test.
OTHER = """CREATE FUNCTION pg_temp.other(named uuid, n integer) RETURNS uuid LANGUAGE sql
    AS $$ SELECT overlay(named::text PLACING substr(md5(named::text || n), 1, 12) FROM 25)::uuid $$"""
RESTRICTED = "CASE WHEN n % 50 = 0 THEN ARRAY[gen_random_uuid()] END"
CHANGED = {
    "document": ({"id": "pg_temp.other(t.id, n)"}, "t.state = 'issued' OR n < 4"),
    "incoming": (
        {"id": "pg_temp.other(t.id, n)", "delivery_id": "gen_random_uuid()", "restricted_to": RESTRICTED},
        "t.status = '06' OR n < 4",
    ),
    "book": (
        {
            "number": "t.number + 1000 * n",
            "number_symbol": "t.number_symbol || n",
            "subject_id": "pg_temp.other(t.subject_id, n)",
        },
        "true",
    ),
    "search_entry": (
        {
            "id": "pg_temp.other(t.id, n)",
            "day": "t.day - n",
            "words": "ts_filter(t.words, '{a}')",
            "body": "''",
            "restricted_to": RESTRICTED,
        },
        "true",
    ),
}
READ = (
    "SELECT coalesce(sum(seq_tup_read) FILTER (WHERE relname ~ '^(document|incoming|book|search_entry.*|restriction)$'), 0)::int AS walked,"
    " coalesce(sum(idx_tup_fetch), 0)::int AS fetched FROM pg_stat_xact_user_tables"
)


@pytest.fixture
def full(docs: Docs) -> Docs:
    docs_load.load(docs.database.admin, 90, processes=1, today=LOADED_ON)
    with psycopg.connect(docs.database.admin, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(OTHER)
        # Of what was loaded nothing is older than a day: most of it is done now.
        admin.execute("UPDATE incoming SET status = '06' WHERE status IN ('03', '04') AND right(id::text, 1) > '3'")
        for table, (changed, which) in CHANGED.items():
            multiply(admin, table, changed, which)
        admin.execute(
            "INSERT INTO restriction (subject_id, agency_id, people, units, keys)"
            " SELECT id, agency_id, '[]', '[]', '{}' FROM document WHERE id::text ~ '[05]$'"
        )
        admin.execute("ANALYZE")
    return docs


def multiply(admin: psycopg.Connection[Any], table: str, changed: dict[str, str], which: str) -> None:
    rows = admin.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = '' AND NOT attisdropped",
        [table],
    ).fetchall()
    names = [str(row[0]) for row in rows]
    values = (changed.get(name, f"t.{name}") for name in names)
    admin.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table} t, generate_series(1, {TIMES}) n"  # noqa: S608  own names
        f" WHERE {which}".encode()
    )


def test_a_page_reads_what_it_shows(full: Docs) -> None:
    agency = full.a
    year = LOADED_ON.year
    kept = full.rows(agency.agency_id, "SELECT (SELECT count(*) FROM document) + (SELECT count(*) FROM incoming) AS n")
    assert kept[0]["n"] > 2000
    (rare,) = full.rows(agency.agency_id, "SELECT abstract FROM search_entry ORDER BY abstract LIMIT 1")
    words = [word.plain for word in lexemes.words(rare["abstract"])][-3:]

    def book(tx: db.Tx, kind: books.Kind) -> list[Any]:
        period = books.period(year, None, None)
        register = books.register_of(kind, registers.plan_for(tx, agency.agency_id, year), None)
        assert register
        span = store_books.span(tx, agency.agency_id, register.code, period)
        return store_books.read_entries(tx, agency.agency_id, kind, code=register.code, year=year, span=span, limit=51)

    def search(tx: db.Tx, asked: str) -> list[Any]:
        tsquery = lexemes.query(asked).tsquery
        return finding.find(tx, Wanted(), tsquery, reader=agency.clerk.person_id, skip=0, most=21)

    pages: dict[str, tuple[Callable[[db.Tx], Any], int]] = {
        "inbox": (lambda tx: store_incoming.list_incoming(tx, None, None, 51), 120),
        "arrived, of one status": (lambda tx: store_incoming.list_incoming(tx, "06", None, 51), 120),
        "outgoing": (lambda tx: store.list_documents(tx, None, None, 51), 120),
        "outgoing, of one state": (lambda tx: store.list_documents(tx, "issued", None, 51), 120),
        "register of what went out": (lambda tx: book(tx, "out"), 350),
        "register of what arrived": (lambda tx: book(tx, "in"), 350),
        "counters": (lambda tx: counting.count_open(tx, agency.clerk.person_id), 600),
        "search, three words": (lambda tx: search(tx, " ".join(words)), 1200),
        "search, newest": (lambda tx: search(tx, ""), 1200),
    }
    read = {name: rows_read(full, ask) for name, (ask, _) in pages.items()}
    assert all(walked == 0 for walked, _ in read.values()), read
    assert {name: fetched for name, (_, fetched) in read.items() if fetched > pages[name][1]} == {}


def rows_read(docs: Docs, ask: Callable[[db.Tx], Any]) -> tuple[int, int]:
    """Of the large tables: how many rows were read one after the other, and how many through indexes."""
    who = docs.a.clerk
    with db.transaction(docs.pool, agency=docs.a.agency_id, person=who.person_id) as tx:
        post = store_registry.list_posts(tx, docs.a.agency_id, datetime.now(UTC).date())
        mine = next(each for each in post if each.person_id == who.person_id)
        db.know_as(tx, who.person_id, standing.keys_of(mine))
        before = tx.execute(READ).fetchone()
        assert ask(tx)
        after = tx.execute(READ).fetchone()
        assert before
        assert after
        return after["walked"] - before["walked"], after["fetched"] - before["fetched"]
