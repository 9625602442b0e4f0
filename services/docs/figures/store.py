"""Counting an agency's day from its rows, and summing what was counted. The only SQL of the figures.

The count sees one agency's rows (row-level security); those who oversee several read its numbers, never its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.figures.domain import By, Count, Scope
from services.docs.numbering import PAPER_ZONE
from services.docs.workdays import Calendar
from shared.db import Tx

COUNTING = 0x66696775  # "figu": one worker counts at a time
DAY = timedelta(days=1)
LONGEST_BREAK = timedelta(days=20)  # a deadline on a day off ends with the next working day: Tết at most


@dataclass(frozen=True, slots=True)
class Day:
    """A day of an agency, and its calendar, by which things are in time or late (NĐ 30 arts 4.2c, 18.1) as of `today`."""

    agency_id: UUID
    day: date
    calendar: Calendar
    today: date


def recount(tx: Tx, wanted: Day) -> None:
    """An agency's day, counted anew from its rows; the transaction acts for that agency."""
    tx.execute("DELETE FROM figure_day WHERE agency_id = %s AND day = %s", [wanted.agency_id, wanted.day])
    tx.execute(
        f"INSERT INTO figure_day (agency_id, day, type_code, measure, count) {_COUNTED}"  # noqa: S608  our own words
        " SELECT %(agency)s, %(day)s, type_code, measure, count(*) FROM counted GROUP BY type_code, measure",
        _values(tx, wanted),
    )


def counted(tx: Tx, wanted: Day) -> dict[tuple[str, str], int]:
    """The same without keeping it, by type and measure: what the kept figures are compared with."""
    rows = tx.execute(
        f"{_COUNTED} SELECT type_code, measure, count(*)::int AS n FROM counted GROUP BY type_code, measure",  # noqa: S608
        _values(tx, wanted),
    ).fetchall()
    return {(row["type_code"], row["measure"]): row["n"] for row in rows}


def kept(tx: Tx, agency_id: UUID, day: date) -> dict[tuple[str, str], int]:
    rows = tx.execute(
        "SELECT type_code, measure, count FROM figure_day WHERE agency_id = %s AND day = %s", [agency_id, day]
    ).fetchall()
    return {(row["type_code"], row["measure"]): row["count"] for row in rows}


def _values(tx: Tx, wanted: Day) -> dict[str, object]:
    values: dict[str, object] = {
        "agency": wanted.agency_id,
        "day": wanted.day,
        "today": wanted.today,
        "before": wanted.calendar.before(wanted.day, 1),
        "after": wanted.calendar.after(wanted.day, 1),
        "start": datetime.combine(wanted.day, time(), PAPER_ZONE),
        "end": datetime.combine(wanted.day + DAY, time(), PAPER_ZONE),
    }
    rows = tx.execute(
        "SELECT DISTINCT t.due_on FROM incoming i JOIN task t ON t.incoming_id = i.id AND t.due_on IS NOT NULL"
        " WHERE i.agency_id = %(agency)s AND i.arrived_at >= %(start)s AND i.arrived_at < %(end)s",
        values,
    ).fetchall()
    last = {row["due_on"]: wanted.calendar.last_day(row["due_on"]) for row in rows}
    return values | {"last": Jsonb({due.isoformat(): day.isoformat() for due, day in last.items()})}


# Issued on the day. In time: on the day of the last signature or the next working day.
_OUT = """
SELECT d.type_code, m.measure FROM document d
LEFT JOIN LATERAL (SELECT day_in_vietnam(max(h.at)) AS day FROM history h WHERE h.subject_id = d.id AND h.act = 'signed') s ON true
CROSS JOIN LATERAL (VALUES
    ('out', true), ('out_electronic', true),
    ('out_sent', EXISTS (SELECT FROM delivery v WHERE v.document_id = d.id)),
    ('out_both', d.signers <> '[]'), ('out_agency', d.signers = '[]'),
    ('out_on_time', coalesce(s.day, d.issued_on) >= %(before)s), ('out_late', coalesce(s.day, d.issued_on) < %(before)s)
) m(measure, holds)
WHERE d.agency_id = %(agency)s AND d.issued_on = %(day)s AND d.state = 'issued' AND m.holds
"""
# On paper; secret ones are never exchanged electronically and stay out of the figures.
_PAPER = """
SELECT p.type_code, m.measure FROM paper_entry p JOIN book b ON b.subject_id = p.id AND b.void_reason IS NULL
CROSS JOIN LATERAL (VALUES
    ('out', p.direction = 'out'), ('out_paper', p.direction = 'out'),
    ('out_on_time', p.direction = 'out' AND p.late_reason IS NULL), ('out_late', p.direction = 'out' AND p.late_reason IS NOT NULL),
    ('in', p.direction = 'in'), ('in_paper', p.direction = 'in'),
    ('in_registered_on_time', p.direction = 'in' AND p.late_reason IS NULL),
    ('in_registered_late', p.direction = 'in' AND p.late_reason IS NOT NULL)
) m(measure, holds)
WHERE p.agency_id = %(agency)s AND p.secrecy IS NULL AND m.holds
    AND (p.direction = 'out' AND p.signed_on = %(day)s OR p.direction = 'in' AND p.received_on = %(day)s)
"""
# Sent on the day, and what the receivers said of it since.
_SENT = """
SELECT d.type_code, m.measure FROM delivery v JOIN document d ON d.id = v.document_id
LEFT JOIN LATERAL (SELECT day_in_vietnam(min(h.at)) AS day FROM history h
    WHERE h.subject_id = v.id AND h.act IN ('03', '04', '05', '06')) r ON true
CROSS JOIN LATERAL (VALUES
    ('sent', true), ('sent_received', v.status IN ('03', '04', '05', '06')),
    ('sent_received_on_time', v.status IN ('03', '04', '05', '06') AND r.day <= %(after)s),
    ('sent_received_late', v.status IN ('03', '04', '05', '06') AND r.day > %(after)s),
    ('sent_refused', v.status = '02'), ('sent_recalled', v.status = '15'), ('sent_silent', v.status IN ('00', '01'))
) m(measure, holds)
WHERE v.agency_id = %(agency)s AND v.dispatched_at >= %(start)s AND v.dispatched_at < %(end)s AND m.holds
"""
# Arrived on the day. In time: registered on that day or the next working day, handled by the slip's deadline. An agency
# signs under its own name.
_IN = """
SELECT i.descriptor ->> 'type_code' AS type_code, m.measure FROM incoming i
LEFT JOIN LATERAL (SELECT day_in_vietnam(min(h.at)) AS day FROM history h
    WHERE h.subject_id = i.id AND h.act = 'registered') r ON true
LEFT JOIN LATERAL (SELECT coalesce(bool_or(s ->> 'signer' = i.sender ->> 'name'), false) AS agency,
        coalesce(bool_or(s ->> 'signer' <> i.sender ->> 'name'), false) AS person
    FROM jsonb_array_elements(coalesce(i.validation -> 'signatures', '[]')) s
    WHERE s ->> 'indication' <> 'TOTAL_FAILED') g ON true
LEFT JOIN LATERAL (SELECT day_in_vietnam(max(h.at)) AS day FROM history h
    WHERE h.subject_id = i.id AND h.act = 'completed') c ON true
LEFT JOIN LATERAL (SELECT (%(last)s ->> coalesce(max(t.due_on) FILTER (WHERE t.part = 'lead'), max(t.due_on))::text)::date AS day
    FROM task t WHERE t.incoming_id = i.id AND t.parent_id IS NULL AND t.state <> 'withdrawn') due ON true
CROSS JOIN LATERAL (SELECT i.status = '06' AS done, i.status IN ('03', '04', '05') AS open) now
CROSS JOIN LATERAL (VALUES
    ('in', true), ('in_electronic', true),
    ('in_both', g.agency AND g.person), ('in_agency', g.agency AND NOT g.person), ('in_person', g.person AND NOT g.agency),
    ('in_unsigned', i.validation IS NOT NULL AND NOT g.agency AND NOT g.person),
    ('in_registered_on_time', r.day <= %(after)s), ('in_registered_late', r.day > %(after)s),
    ('in_refused', i.status = '02'), ('in_waiting', i.status = '01'),
    ('in_done', now.done), ('in_done_on_time', now.done AND c.day <= due.day), ('in_done_late', now.done AND c.day > due.day),
    ('in_done_free', now.done AND due.day IS NULL),
    ('in_open', now.open), ('in_open_on_time', now.open AND due.day >= %(today)s), ('in_open_late', now.open AND due.day < %(today)s),
    ('in_open_free', now.open AND due.day IS NULL)
) m(measure, holds)
WHERE i.agency_id = %(agency)s AND i.arrived_at >= %(start)s AND i.arrived_at < %(end)s AND m.holds
"""
_COUNTED = f"WITH counted AS ({_OUT} UNION ALL {_PAPER} UNION ALL {_SENT} UNION ALL {_IN})"


# --- what is to be counted again


def try_lock(tx: Tx) -> bool:
    """Whether this worker counts now; until the transaction ends."""
    row = tx.execute("SELECT pg_try_advisory_xact_lock(%s) AS won", [COUNTING]).fetchone()
    return bool(row and row["won"])


def take_touched(tx: Tx, limit: int) -> set[tuple[UUID, date]]:
    """Agencies and days of which something changed, taken off the list together with what they are counted to."""
    rows = tx.execute(
        "DELETE FROM figure_touched WHERE pos IN (SELECT pos FROM figure_touched ORDER BY pos LIMIT %s)"
        " RETURNING agency_id, day",
        [limit],
    ).fetchall()
    return {(row["agency_id"], row["day"]) for row in rows}


def missed(tx: Tx, since: date, today: date) -> int:
    """Have those days counted anew on which something arrived whose deadline passed since a day: with the date alone it
    has become late. Of the agency of the transaction.
    """
    return tx.execute(
        "INSERT INTO figure_touched (agency_id, day) SELECT DISTINCT i.agency_id, day_in_vietnam(i.arrived_at)"
        " FROM task t JOIN incoming i ON i.id = t.incoming_id"
        " WHERE t.parent_id IS NULL AND t.ended_at IS NULL AND t.due_on >= %s AND t.due_on < %s",
        [since - LONGEST_BREAK, today],
    ).rowcount


def last_turn(tx: Tx) -> date | None:
    """Up to which day `missed` was asked."""
    row = tx.execute("SELECT day FROM figure_turn").fetchone()
    return row["day"] if row else None


def turned(tx: Tx, day: date) -> None:
    tx.execute("INSERT INTO figure_turn (day) VALUES (%s) ON CONFLICT (one) DO UPDATE SET day = excluded.day", [day])


def waiting(tx: Tx) -> int:
    """How many changes are not counted yet."""
    row = tx.execute("SELECT count(*) AS n FROM figure_touched").fetchone()
    return row["n"] if row else 0


def touch(tx: Tx, agency_id: UUID, scope: Scope, first: date, last: date) -> int:
    """Have a period counted anew: of one agency, or of all that are overseen. How many days of agencies."""
    with overseeing(tx, scope):
        done = tx.execute(
            "INSERT INTO figure_touched (agency_id, day) SELECT a.agency_id, day::date FROM agency a,"
            " generate_series(%s::date, %s::date, interval '1 day') day"
            " WHERE a.partner IS NULL AND (a.agency_id = %s OR oversees(a.identifier))",
            [first, last, agency_id],
        )
    return done.rowcount


# --- reading


@contextmanager
def overseeing(tx: Tx, scope: Scope) -> Iterator[None]:
    """Inside of the block the figures of the overseen agencies are visible, too."""
    tx.execute("SELECT set_config('vanthu.oversees', %s, true)", [str(scope)])
    yield
    tx.execute("SELECT set_config('vanthu.oversees', '', true)")


# Who has ended stands on a line of its own: another may have the identifier since.
_KEYS: dict[By, tuple[str, str]] = {
    "agency": (
        "concat_ws(' ', a.identifier, CASE WHEN a.valid_until < %(today)s THEN a.valid_until END)",
        (
            "max(concat_ws(' ', a.name, CASE WHEN a.valid_until < %(today)s"
            " THEN '(đến hết ' || to_char(a.valid_until, 'DD/MM/YYYY') || ')' END))"
        ),
    ),
    "level": ("a.level", "a.level"),
    "type": ("f.type_code", "f.type_code"),
    "month": ("to_char(f.day, 'YYYY-MM')", "to_char(f.day, 'YYYY-MM')"),
}


def sums(tx: Tx, agency_id: UUID, scope: Scope, by: By, *, period: tuple[date, date], today: date) -> list[Count]:
    """Of the agency, or of all that are overseen, this one among them; both days included."""
    key, name = _KEYS[by]
    own = "" if scope.patterns else " AND f.agency_id = %(agency)s"
    with overseeing(tx, scope):
        rows = tx.execute(
            f"SELECT {key} AS key, {name} AS name, f.measure, sum(f.count)::int AS count"  # noqa: S608  our own words
            f" FROM figure_day f JOIN agency a ON a.agency_id = f.agency_id WHERE f.day BETWEEN %(first)s AND %(last)s{own}"
            f" GROUP BY {key}, f.measure",
            {"agency": agency_id, "first": period[0], "last": period[1], "today": today},
        ).fetchall()
    return [Count(**row) for row in rows]
