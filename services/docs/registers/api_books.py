"""HTTP for the register books: pages of lines for the screen, and whole books ordered as PDF or spreadsheet."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.docs import access, standing, store_workdays
from services.docs.access import Acting, DoorDep, Member
from services.docs.registers import books, store, store_books, work
from services.docs.registers.books import BOOKS, Kind
from services.docs.registers.refusals import PRINT_NOT_READY, PRINT_SAYS_TOO_MUCH
from services.docs.registers.store_books import Place, Print
from services.docs.views import Body, ReasonView, View
from shared import outbox
from shared.errors import INVALID_REQUEST, Rejected
from shared.events.docs import DocsAct
from shared.http import OnceOnly, answer, decode_cursor, encode_cursor
from shared.ids import new_id

router = APIRouter()


class PrintBody(Body):
    kind: Kind
    format: Literal["pdf", "xlsx"]
    register_code: str | None = Field(default=None, max_length=12)
    year: int
    since: date | None = None
    until: date | None = None


class LineView(View):
    """One text a column; `document_id` or `incoming_id` where there is something to open."""

    cells: tuple[str, ...]
    void: bool
    document_id: UUID | None = None
    incoming_id: UUID | None = None


class BookView(View):
    """A page of a book. `registers`: those that this kind of book can be opened for."""

    kind: Kind
    title: str
    register_code: str | None
    register_name: str | None
    registers: list[tuple[str, str]]
    year: int
    columns: list[str]
    items: list[LineView]
    entries: int
    void: int
    next_cursor: str | None


class PrintView(View):
    id: UUID
    kind: Kind
    title: str
    register_code: str | None
    year: int
    since: date | None
    until: date | None
    format: str
    ordered_by: str
    ordered_at: datetime
    state: str
    entries: int | None
    pages: int | None
    size: int | None
    reason: ReasonView | None


class PrintsView(View):
    items: list[PrintView]


class Asked(Body):
    """Which lines: of a register (the first of its kind when none is named), a year (this one), some of its days."""

    register_code: str | None = Field(default=None, max_length=12)
    year: int | None = None
    since: date | None = None
    until: date | None = None
    cursor: str | None = Field(default=None, max_length=300)


@router.get("/books/{kind}", response_model=BookView)
def read_book(kind: Kind, door: DoorDep, asked: Annotated[Asked, Query()]) -> Response:
    """Lines in the order of numbers (of what was sent: of days)."""
    with door.open("clerk", "leader") as acting:
        return answer(_page(kind, acting, asked))


def _page(kind: Kind, acting: Acting, asked: Asked) -> BookView:
    period = books.period(asked.year or acting.today().year, asked.since, asked.until)
    plan = store.plan_for(acting.tx, acting.agency_id, period.year)
    register = books.register_of(kind, plan, asked.register_code)
    span = None
    if register:
        span = store_books.span(acting.tx, acting.agency_id, register.code, period)
        rows = store_books.read_entries(
            acting.tx,
            acting.agency_id,
            kind,
            code=register.code,
            year=period.year,
            span=span,
            after=_number(asked.cursor),
            limit=access.PAGE + 1,
        )
    else:
        rows = store_books.read_sent(
            acting.tx, acting.agency_id, period, after=_place(asked.cursor), limit=access.PAGE + 1
        )
    page = rows[: access.PAGE]
    calendar, today = store_workdays.calendar_for(acting.tx, acting.agency_id), acting.today()
    more = None
    if len(rows) > access.PAGE:
        last = page[-1]
        more = encode_cursor(last["number"]) if register else encode_cursor(last["sent_at"].isoformat(), last["id"])
    return BookView(
        kind=kind,
        title=BOOKS[kind].title,
        register_code=register.code if register else None,
        register_name=register.name if register else None,
        registers=[(each.code, each.name) for each in plan.of(*BOOKS[kind].registers)],
        year=period.year,
        columns=[column.head for column in BOOKS[kind].columns],
        items=[_line_view(books.line(kind, row, calendar, today)) for row in page],
        entries=span.entries if span else store_books.count_sent(acting.tx, acting.agency_id, period),
        void=span.void if span else 0,
        next_cursor=more,
    )


def _line_view(line: books.Line) -> LineView:
    what, subject = line.subject or (None, None)
    return LineView(
        cells=line.cells,
        void=line.void,
        document_id=subject if what == "document" else None,
        incoming_id=subject if what == "incoming" else None,
    )


def _number(cursor: str | None) -> int:
    values = decode_cursor(cursor, 1)
    if values is None:
        return 0
    if not values[0].isdecimal() or len(values[0]) > 9:
        raise Rejected(INVALID_REQUEST, where="/query/cursor")
    return int(values[0])


def _place(cursor: str | None) -> Place | None:
    values = decode_cursor(cursor, 2)
    if values is None:
        return None
    try:
        return datetime.fromisoformat(values[0]), UUID(values[1])
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where="/query/cursor") from error


# --- as a file


@router.post("/book-prints", status_code=201)
def order_print(body: PrintBody, acting: Member, once: OnceOnly) -> PrintView:
    """A whole book, made by the worker; a moment for a thousand lines, a minute for very many."""

    def act() -> PrintView:
        period = books.period(body.year, body.since, body.until)
        plan = store.plan_for(acting.tx, acting.agency_id, period.year)
        register = books.register_of(body.kind, plan, body.register_code)
        order = Print(
            id=new_id(),
            agency_id=acting.agency_id,
            kind=body.kind,
            register_code=register.code if register else None,
            year=period.year,
            since=period.since,
            until=period.until,
            format=body.format,
            ordered_by=acting.by,
            ordered_at=acting.now(),
            keys=standing.keys_of(acting.post),
        )
        work.order(acting.tx, order)
        _tell(acting, order)
        return _print_view(order)

    return once.run(act, PrintView)


def _tell(acting: Acting, order: Print) -> None:
    act = DocsAct(
        by=acting.by,
        at=order.ordered_at,
        act="book_printed",
        object_kind="book_print",
        object_id=str(order.id),
        detail={"book": order.kind, "register": order.register_code or "", "year": str(order.year)},
    )
    outbox.put(acting.tx, act, source=acting.office.source)


@router.get("/book-prints")
def list_prints(acting: Member) -> PrintsView:
    """One's own newest orders; who sees all of the agency's documents sees everybody's."""
    found = store_books.list_prints(acting.tx, acting.agency_id, access.PAGE)
    return PrintsView(items=[_print_view(each) for each in found])


@router.get("/book-prints/{print_id}")
def get_print(print_id: UUID, acting: Member) -> PrintView:
    return _print_view(store_books.get_print(acting.tx, print_id))


@router.get("/book-prints/{print_id}/content", response_class=Response)
def get_print_content(print_id: UUID, door: DoorDep) -> Response:
    """The file. Raises Rejected(print_not_ready), Rejected(print_says_too_much) when something in it is kept from the
    reader since.
    """
    with door.open("clerk", "leader") as acting:
        found = store_books.get_print(acting.tx, print_id)
        if store_books.says_too_much(acting.tx, found):
            raise Rejected(PRINT_SAYS_TOO_MUCH)
    if found.content is None:
        raise Rejected(PRINT_NOT_READY)
    name = f"so-{found.kind}-{found.register_code or 'chuyen-giao'}-{found.year}.{found.format}"
    return access.send_file(door.office.blobs, found.content, name)


def _print_view(found: Print) -> PrintView:
    return PrintView(
        id=found.id,
        kind=found.kind,
        title=BOOKS[found.kind].title,
        register_code=found.register_code,
        year=found.year,
        since=found.since,
        until=found.until,
        format=found.format,
        ordered_by=found.ordered_by.name,
        ordered_at=found.ordered_at,
        state=found.state,
        entries=found.entries,
        pages=found.pages,
        size=found.content.size if found.content else None,
        reason=ReasonView(**found.reason) if found.reason else None,
    )
