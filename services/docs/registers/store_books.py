"""Reading the books from PostgreSQL, page by page: an agency's own lines (row-level security), by number or by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.numbering import PAPER_ZONE
from services.docs.registers.books import Kind, Period
from services.docs.store import json_of
from shared.db import Tx
from shared.errors import NotFound
from shared.events import Actor, BlobRef

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """Which numbers of a register and year a period covers: without a gap, so they are counted by subtraction."""

    first: int
    last: int
    void: int = 0

    @property
    def entries(self) -> int:
        return max(self.last - self.first + 1, 0)


def span(tx: Tx, agency_id: UUID, code: str, period: Period) -> Span:
    """Dates in a register never go back, so a period is a range of numbers."""
    place = {"agency": agency_id, "code": code, "year": period.year, "since": period.since, "until": period.until}
    where = "agency_id = %(agency)s AND register_code = %(code)s AND year = %(year)s"
    row = tx.execute(
        f"SELECT (SELECT min(number) FROM book WHERE {where} AND entered_on >= coalesce(%(since)s, '-infinity'::date)) AS first,"  # noqa: S608  own words
        f" (SELECT max(number) FROM book WHERE {where} AND entered_on <= coalesce(%(until)s, 'infinity'::date)) AS last",
        place,
    ).fetchone()
    if row is None or row["first"] is None or row["last"] is None or row["first"] > row["last"]:
        return Span(1, 0)
    counted = tx.execute(
        f"SELECT count(*) AS n FROM book WHERE {where} AND number BETWEEN %(first)s AND %(last)s AND void_reason IS NOT NULL",  # noqa: S608
        place | {"first": row["first"], "last": row["last"]},
    ).fetchone()
    return Span(row["first"], row["last"], counted["n"] if counted else 0)


# A number whose document the reader may not know is `withheld`: row-level security leaves the book's own line alone.
# Fetched by number first, joined after: a page costs its lines, however long the book is.
_PAGE = (
    "WITH page AS MATERIALIZED (SELECT * FROM book b WHERE b.agency_id = %(agency)s AND b.register_code = %(code)s"
    " AND b.year = %(year)s AND b.number > %(after)s AND b.number BETWEEN %(first)s AND %(last)s"
    " ORDER BY b.number LIMIT %(limit)s)"
)
_BOOK = (
    "b.number, b.number_symbol, b.entered_on, b.void_reason, b.void_by, b.void_at, p.id IS NOT NULL AS is_paper,"
    " p.secrecy, p.late_reason, p.note"
)
_OUT = (
    f"{_PAGE} SELECT {_BOOK}, d.id AS document_id, coalesce(d.type_name, p.type_name) AS type_name,"  # noqa: S608  own words
    " coalesce(d.abstract, p.abstract) AS abstract, coalesce(d.issued_on, p.signed_on) AS dated,"
    " coalesce(d.signers -> 0 ->> 'name', p.signer) AS signer, d.author_name, p.recipients, p.copies, p.keeper, k.purpose,"
    " s.names, s.sent, s.sent_at, s.received, d.id IS NULL AND p.id IS NULL AND b.block_id IS NULL AS withheld"
    " FROM page b LEFT JOIN document d ON d.id = b.subject_id LEFT JOIN paper_entry p ON p.id = b.subject_id"
    " LEFT JOIN number_block k ON k.id = b.block_id"
    " LEFT JOIN LATERAL (SELECT (array_agg(v.receiver ->> 'name' ORDER BY v.receiver_identifier))[1:12] AS names,"
    "  count(*)::int AS sent, min(v.dispatched_at) AS sent_at,"
    "  (count(*) FILTER (WHERE v.status IN ('03', '04', '05', '06')))::int AS received"
    "  FROM delivery v WHERE v.document_id = d.id HAVING count(*) > 0) s ON true ORDER BY b.number"
)
_IN = (
    f"{_PAGE} SELECT {_BOOK}, i.id AS incoming_id, coalesce(i.arrived_at, p.received_on::timestamptz) AS arrived,"  # noqa: S608
    " coalesce(i.sender ->> 'name', p.author) AS author,"
    " coalesce(i.descriptor ->> 'number_symbol', p.author_symbol) AS author_symbol,"
    " coalesce((i.descriptor ->> 'issued_on')::date, p.signed_on) AS dated,"
    " coalesce(i.descriptor ->> 'type_name', p.type_name) AS type_name,"
    " coalesce(i.descriptor ->> 'abstract', p.abstract) AS abstract, NULL AS purpose,"
    " coalesce(i.assignee_name, p.keeper) AS assignee, i.status, h.assigned_at, h.status_at, k.due, k.joint, k.percent,"
    " (SELECT array_agg(d.number_symbol ORDER BY d.issued_on) FROM document_relation r JOIN document d ON d.id = r.document_id"
    "  WHERE r.agency_id = i.agency_id AND r.target = i.document_id AND r.kind = 'answers' AND d.number_symbol IS NOT NULL)"
    " AS answers, i.id IS NULL AND p.id IS NULL AS withheld"
    " FROM page b LEFT JOIN incoming i ON i.id = b.subject_id LEFT JOIN paper_entry p ON p.id = b.subject_id"
    " LEFT JOIN LATERAL (SELECT max(h.at) FILTER (WHERE h.act = 'assigned') AS assigned_at,"
    "  max(h.at) FILTER (WHERE h.act IN ('registered', 'assigned', 'started', 'completed')) AS status_at"
    "  FROM history h WHERE h.subject_id = i.id) h ON true"
    # The assignment slip: the deadline of who leads, where there is none the latest of those who join; as in the figures.
    " LEFT JOIN LATERAL (SELECT coalesce(max(t.due_on) FILTER (WHERE t.part = 'lead'), max(t.due_on)) AS due,"
    "  string_agg(t.name, ', ' ORDER BY t.id) FILTER (WHERE t.part = 'joint') AS joint,"
    "  max(t.percent) FILTER (WHERE t.part = 'lead') AS percent"
    "  FROM task t WHERE t.incoming_id = i.id AND t.parent_id IS NULL AND t.state <> 'withdrawn') k ON true ORDER BY b.number"
)


def read_entries(
    tx: Tx, agency_id: UUID, kind: Kind, *, code: str, year: int, span: Span, after: int = 0, limit: int
) -> list[Row]:
    """Lines of a register with numbers over `after`, by number.

    Planned each time: kept for any numbers, the plan reads deliveries in bulk, ten times slower where there are a million.
    """
    return tx.execute(
        _OUT if kind in ("out", "copies") else _IN,
        {
            "agency": agency_id,
            "code": code,
            "year": year,
            "first": span.first,
            "last": span.last,
            "after": after,
            "limit": limit,
        },
        prepare=False,
    ).fetchall()


Place = tuple[datetime, UUID]


def _days(period: Period) -> dict[str, datetime]:
    first = period.since or date(period.year, 1, 1)
    last = period.until or date(period.year, 12, 31)
    return {
        "start": datetime.combine(first, time(), PAPER_ZONE),
        "end": datetime.combine(last + timedelta(days=1), time(), PAPER_ZONE),
    }


def read_sent(tx: Tx, agency_id: UUID, period: Period, *, after: Place | None = None, limit: int) -> list[Row]:
    """What was sent in a period, in the order of sending; `after` is the place of the last line before."""
    start = _days(period)["start"]
    at, delivery = after or (start, UUID(int=0))
    return tx.execute(
        "WITH page AS MATERIALIZED (SELECT * FROM delivery v WHERE v.agency_id = %(agency)s"
        " AND (v.dispatched_at, v.id) > (%(at)s, %(id)s) AND v.dispatched_at >= %(start)s AND v.dispatched_at < %(end)s"
        " ORDER BY v.dispatched_at, v.id LIMIT %(limit)s)"
        " SELECT v.id, v.document_id, v.dispatched_at AS sent_at, v.receiver ->> 'name' AS receiver, v.status, v.reason,"
        " v.arrival_number, d.number_symbol FROM page v JOIN document d ON d.id = v.document_id"
        " ORDER BY v.dispatched_at, v.id",
        _days(period) | {"agency": agency_id, "at": at, "id": delivery, "limit": limit},
    ).fetchall()


def count_sent(tx: Tx, agency_id: UUID, period: Period) -> int:
    row = tx.execute(
        "SELECT count(*) AS n FROM delivery WHERE agency_id = %(agency)s AND dispatched_at >= %(start)s"
        " AND dispatched_at < %(end)s",
        _days(period) | {"agency": agency_id},
    ).fetchone()
    return row["n"] if row else 0


# --- books ordered as a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A book ordered as a file. It is printed as its orderer reads it, who holds these `keys` to what is restricted."""

    id: UUID
    agency_id: UUID
    kind: Kind
    register_code: str | None
    year: int
    since: date | None
    until: date | None
    format: str
    ordered_by: Actor
    ordered_at: datetime
    keys: tuple[UUID, ...]
    state: str = "waiting"
    entries: int | None = None
    pages: int | None = None
    content: BlobRef | None = None
    reason: dict[str, str] | None = None

    @property
    def period(self) -> Period:
        return Period(self.year, self.since, self.until)


PRINT = (
    "SELECT id, agency_id, kind, register_code, year, since, until, format, ordered_by, ordered_at, keys, state, entries,"
    " pages, content, reason FROM book_print"
)


def says_too_much(tx: Tx, order: Print) -> bool:
    """Whether something in a printed book was kept from its reader after it was ordered."""
    row = tx.execute(
        "SELECT EXISTS (SELECT FROM restriction r JOIN restriction_alias a ON a.alias_id = r.subject_id"
        " JOIN book b ON b.subject_id = r.subject_id WHERE NOT may_know(r.readers) AND a.since >= %(at)s"
        " AND (%(code)s::text IS NULL OR b.register_code = %(code)s) AND b.year = %(year)s AND b.entered_on <= %(day)s) AS yes",
        {
            "at": order.ordered_at,
            "code": order.register_code,
            "year": order.year,
            "day": order.ordered_at.astimezone(PAPER_ZONE).date(),
        },
    ).fetchone()
    return bool(row and row["yes"])


def add_print(tx: Tx, order: Print) -> None:
    tx.execute(
        "INSERT INTO book_print (id, agency_id, kind, register_code, year, since, until, format, ordered_by, ordered_at,"
        " state, keys, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            order.id,
            order.agency_id,
            order.kind,
            order.register_code,
            order.year,
            order.since,
            order.until,
            order.format,
            json_of(order.ordered_by),
            order.ordered_at,
            order.state,
            list(order.keys),
            [order.agency_id, order.ordered_by.person_id],
        ],
    )


def get_print(tx: Tx, print_id: UUID) -> Print:
    row = tx.execute(f"{PRINT} WHERE id = %s", [print_id]).fetchone()
    if row is None:
        raise NotFound("bản in sổ")
    return _print(row)


def list_prints(tx: Tx, agency_id: UUID, limit: int) -> list[Print]:
    """The newest first."""
    rows = tx.execute(f"{PRINT} WHERE agency_id = %s ORDER BY id DESC LIMIT %s", [agency_id, limit]).fetchall()
    return [_print(row) for row in rows]


def end_print(
    tx: Tx, print_id: UUID, *, content: BlobRef | None, entries: int, pages: int | None, reason: dict[str, str] | None
) -> None:
    tx.execute(
        "UPDATE book_print SET state = %s, content = %s, entries = %s, pages = %s, reason = %s WHERE id = %s",
        [
            "done" if content else "failed",
            json_of(content),
            entries,
            pages,
            Jsonb(reason) if reason else None,
            print_id,
        ],
    )


def _print(row: Row) -> Print:
    content = BlobRef.model_validate(row["content"]) if row["content"] else None
    return Print(
        **{**row, "ordered_by": Actor.model_validate(row["ordered_by"]), "content": content, "keys": tuple(row["keys"])}
    )
