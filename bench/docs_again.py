"""What happened in an office's first year happens again in those after: loaded documents once more, some hundred days later, as
other documents of other numbers, copied inside the database in a fraction of the time that telling them took.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg

FUNCTIONS = (
    # A UUIDv7 of so many days later, so that newer documents have higher ids as ever.
    (
        "CREATE OR REPLACE FUNCTION bench_later(named uuid, days integer) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$"
        " SELECT (lpad(to_hex(('x' || left(named::text, 8) || substr(named::text, 10, 4))::bit(48)::bigint + days * 86400000::bigint),"
        "  12, '0') || substr(named::text, 15))::uuid $$"
    ),
    # Beyond the numbers of its year, and of what comes into that year from another: a register with gaps, which nobody counts.
    (
        "CREATE OR REPLACE FUNCTION bench_number(number integer, round integer, year integer) RETURNS integer LANGUAGE sql IMMUTABLE"
        " AS $$ SELECT number + 200000 * round + 50000 * (year % 4) $$"
    ),
)
YEAR = "extract(year FROM {0} + %(days)s)::int"
# By table: the day that says whether it is within the period, and what is other than before.
CHANGED: dict[str, tuple[str, dict[str, str]]] = {
    "search_entry": (
        "t.day",
        {
            "id": "bench_later(t.id, %(days)s)",
            "day": "t.day + %(days)s",
            "issued_on": "t.issued_on + %(days)s",
            "arrived_on": "t.arrived_on + %(days)s",
            "number": "CASE WHEN t.kind = 'document' THEN bench_number(t.number, %(round)s, extract(year FROM t.day)::int) ELSE t.number END",
            "arrival_number": "bench_number(t.arrival_number, %(round)s, extract(year FROM t.day)::int)",
        },
    ),
    "history": (
        "t.at",
        {"subject_id": "bench_later(t.subject_id, %(days)s)", "at": "t.at + %(days)s * interval '1 day'"},
    ),
    "document": (
        "t.submitted_at",
        {
            "id": "bench_later(t.id, %(days)s)",
            "submitted_at": "t.submitted_at + %(days)s * interval '1 day'",
            "issued_on": "t.issued_on + %(days)s",
            "number": "bench_number(t.number, %(round)s, t.year)",
            "number_symbol": "bench_number(t.number, %(round)s, t.year) || substring(t.number_symbol FROM '/.*')",
            "year": YEAR.format("t.issued_on"),
        },
    ),
    "incoming": (
        "t.arrived_at",
        {
            "id": "bench_later(t.id, %(days)s)",
            "delivery_id": "bench_later(t.delivery_id, %(days)s)",
            "document_id": "bench_later(t.document_id, %(days)s)",
            "arrived_at": "t.arrived_at + %(days)s * interval '1 day'",
            "arrival_number": "bench_number(t.arrival_number, %(round)s, extract(year FROM t.arrived_at)::int)",
        },
    ),
    "delivery": (
        "t.dispatched_at",
        {
            "id": "bench_later(t.id, %(days)s)",
            "document_id": "bench_later(t.document_id, %(days)s)",
            "dispatched_at": "t.dispatched_at + %(days)s * interval '1 day'",
            "arrival_number": "bench_number(t.arrival_number, %(round)s, extract(year FROM t.dispatched_at)::int)",
        },
    ),
    "book": (
        "t.entered_on",
        {
            "year": YEAR.format("t.entered_on"),
            "number": "bench_number(t.number, %(round)s, t.year)",
            "number_symbol": "bench_number(t.number, %(round)s, t.year) || substring(t.number_symbol FROM '/.*')",
            "entered_on": "t.entered_on + %(days)s",
            "subject_id": "bench_later(t.subject_id, %(days)s)",
        },
    ),
}
# Tables that are filled side by side.
TOGETHER = (("search_entry",), ("history",), ("document", "book", "delivery", "incoming"))


class LoadedBefore(Exception):
    """A period can be copied into later ones once only: its documents get the same ids each time."""


def assert_empty(connection: psycopg.Connection[tuple[object, ...]], first: date, days: int) -> None:
    """There is nothing yet of the period that will be copied. Raises LoadedBefore."""
    ends = _end(first, days)
    if connection.execute("SELECT 1 FROM search_entry WHERE day >= %s AND day < %s LIMIT 1", [first, ends]).fetchone():
        raise LoadedBefore(
            f"there are documents from {first:%d/%m/%Y} to {ends:%d/%m/%Y} already; so many can be loaded once only."
            " Load fewer, or begin with an empty stack (make clean)."
        )


def again(admin: str, first: date, days: int, until: date) -> None:
    """What there is, from `first` on, once more `days` days later, twice that, and so on until that day."""
    with psycopg.connect(admin, autocommit=True) as connection:
        for function in FUNCTIONS:
            connection.execute(function.encode())
    with ThreadPoolExecutor(len(TOGETHER)) as pool:
        list(pool.map(lambda tables: _copy(admin, tables, first, days, until), TOGETHER))
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO whereabouts (subject_id, kind, agency_id) SELECT id, 'document', agency_id FROM document"
            " UNION ALL SELECT id, 'incoming', agency_id FROM incoming ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO register (agency_id, code, year, last) SELECT agency_id, register_code, year, max(number) FROM book"
            " GROUP BY 1, 2, 3 ON CONFLICT (agency_id, code, year) DO UPDATE SET last = excluded.last"
        )
        for table in (
            "document",
            "incoming",
        ):  # what was restricted is so in its later form: the end of its id is the same
            connection.execute(
                "INSERT INTO restriction SELECT t.id, t.agency_id, r.people, r.units, r.keys, r.readers FROM restriction r"  # noqa: S608
                f" JOIN {table} t ON substr(t.id::text, 15) = substr(r.subject_id::text, 15) ON CONFLICT DO NOTHING".encode()
            )
        connection.execute("DROP FUNCTION bench_later, bench_number")


def _copy(admin: str, tables: Sequence[str], first: date, days: int, until: date) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        for table in tables:
            day, changed = CHANGED[table]
            rows = connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = ''"
                " AND attidentity = '' AND NOT attisdropped",
                [table],
            ).fetchall()
            names = [str(row[0]) for row in rows]
            values = ", ".join(changed.get(name, f"t.{name}") for name in names)
            # Each round reads what was told first, not what the round before made.
            query = (
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} t"  # noqa: S608  own names
                f" WHERE {day} >= %(first)s AND {day} < %(end)s AND {day} + %(days)s * interval '1 day' < %(until)s"
            )
            round_ = 1
            while days * round_ < (until - first).days:
                asked = {
                    "days": days * round_,
                    "round": round_,
                    "until": until,
                    "first": first,
                    "end": _end(first, days),
                }
                connection.execute(query.encode(), asked)
                print(f"load: {table} again, {days * round_} days later", flush=True)
                round_ += 1


def _end(first: date, days: int) -> date:
    return date.fromordinal(first.toordinal() + days)
