"""What the worker does for registers: makes ordered books as files, and returns numbers for paper when their year is over."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from services.docs import numbering, store_registry, store_workdays
from services.docs.registers import books, domain, due, store, store_books
from services.docs.registers.books import Facts, Line
from services.docs.registers.refusals import BOOK_TOO_LARGE
from services.docs.registers.store_books import Print, Span
from services.docs.step import ourselves
from shared import db, jobs, outbox, telemetry
from shared.blobs import Blobs
from shared.errors import Rejected
from shared.events.docs import DocsAct
from shared.workshop import Workshop

log = logging.getLogger(__name__)

PRINT = "print_book"  # kind of job; its subject is the order's id
BATCH = 500  # lines read in one short transaction
PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
RETURNS = 0x72657475  # "retu": one worker returns numbers at a time
INTERVAL = 600.0  # seconds


def order(tx: db.Tx, wanted: Print) -> None:
    """A book as a file: its row, and the job that makes it."""
    store_books.add_print(tx, wanted)
    jobs.put(tx, PRINT, str(wanted.id), {"agency_id": str(wanted.agency_id)})


class Press:
    """Makes ordered books. Drawing is done in a process of its own, since it holds the interpreter for seconds."""

    def __init__(self, pool: db.Pool, blobs: Blobs, workshop: Workshop) -> None:
        self.pool = pool
        self.blobs = blobs
        self.workshop = workshop

    @property
    def kind(self) -> jobs.Kind:
        return jobs.Kind(run=self.run, on_failure=self.tell, max_attempts=5)

    def run(self, job: jobs.Job) -> jobs.Commit:
        from services.docs.registers import printing  # its libraries cost a start that prints nothing half a second

        agency_id, print_id = UUID(job.payload["agency_id"]), UUID(job.subject)
        with db.transaction(self.pool, agency=agency_id) as tx:
            wanted = store_books.get_print(tx, print_id)
            know_as_orderer(tx, wanted)
            facts, span = facts_of(tx, wanted)
        with tempfile.TemporaryDirectory(prefix="vanthu-book-") as folder:
            lines, out = Path(folder) / "lines", Path(folder) / "book"
            with lines.open("w", encoding="utf-8") as file:
                for line in read_all(self.pool, wanted, span):
                    file.write(json.dumps(line.cells, ensure_ascii=False) + "\n")
            pages = None
            if wanted.format == "pdf":
                pages = self.workshop.run(printing.make_pdf, wanted.kind, facts, lines, out)
            else:
                self.workshop.run(printing.make_xlsx, wanted.kind, facts, lines, out)
            content = self.blobs.put(out.read_bytes(), PDF if wanted.format == "pdf" else XLSX)

        def commit(tx: db.Tx) -> None:
            db.act_for(tx, agency_id)
            store_books.end_print(tx, print_id, content=content, entries=facts.entries, pages=pages, reason=None)

        return commit

    def tell(self, tx: db.Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  shared.jobs' shape
        """Whoever ordered it sees why there is none."""
        if not final:
            return
        said = error.sentence if isinstance(error, Rejected) else None
        reason = {
            "code": error.code if isinstance(error, Rejected) else "print_failed",
            "vi": said.vi if said else "Không tạo được tệp; hãy đặt in lại, nếu vẫn lỗi hãy báo quản trị.",
            "en": said.en
            if said
            else "The file could not be made; order it again, and tell the operator if it fails again.",
        }
        db.act_for(tx, UUID(job.payload["agency_id"]))
        store_books.end_print(tx, UUID(job.subject), content=None, entries=0, pages=None, reason=reason)


def facts_of(tx: db.Tx, wanted: Print) -> tuple[Facts, Span | None]:
    """What the covers say, and the numbers that the book holds. Raises Rejected(book_too_large)."""
    agency = store_registry.find_agency(tx, wanted.agency_id)
    span = register = None
    if wanted.register_code:
        register = store.plan_for(tx, wanted.agency_id, wanted.year).get(wanted.register_code)
        span = store_books.span(tx, wanted.agency_id, wanted.register_code, wanted.period)
    entries = span.entries if span else store_books.count_sent(tx, wanted.agency_id, wanted.period)
    if entries > books.MOST_LINES:
        raise Rejected(BOOK_TOO_LARGE, count=entries, most=books.MOST_LINES)
    facts = Facts(
        agency=agency.name if agency else "",
        title=books.BOOKS[wanted.kind].title,
        register=register.name if register else None,
        period=wanted.period,
        entries=entries,
        first=span.first if span and span.entries else None,
        last=span.last if span and span.entries else None,
        void=span.void if span else 0,
        printed_at=wanted.ordered_at,
        printed_by=wanted.ordered_by.name,
    )
    return facts, span


def know_as_orderer(tx: db.Tx, wanted: Print) -> None:
    """From here on what its orderer may read is read, as on their screen."""
    if wanted.ordered_by.person_id:
        db.know_as(tx, wanted.ordered_by.person_id, wanted.keys)


def read_all(pool: db.Pool, wanted: Print, span: Span | None) -> Iterator[Line]:
    """Every line of a book, batch by batch, each batch in a transaction of its own."""
    number, place = 0, None
    today = numbering.today(wanted.ordered_at)
    with db.transaction(pool, agency=wanted.agency_id) as tx:
        calendar = store_workdays.calendar_for(tx, wanted.agency_id)
    while True:
        with db.transaction(pool, agency=wanted.agency_id) as tx:
            know_as_orderer(tx, wanted)
            if span is not None and wanted.register_code:
                rows = store_books.read_entries(
                    tx,
                    wanted.agency_id,
                    wanted.kind,
                    code=wanted.register_code,
                    year=wanted.year,
                    span=span,
                    after=number,
                    limit=BATCH,
                )
            else:
                rows = store_books.read_sent(tx, wanted.agency_id, wanted.period, after=place, limit=BATCH)
        yield from (books.line(wanted.kind, row, calendar, today) for row in rows)
        if len(rows) < BATCH:
            return
        number = rows[-1].get("number", 0)
        place = (rows[-1]["sent_at"], rows[-1]["id"]) if span is None else None


# --- numbers for paper whose year is over


def return_overdue(tx: db.Tx, source: str, now: datetime) -> int:
    """Numbers of past years' ranges that nobody used are void from the second working day of the new year on: what was
    signed on the last day may still be registered on the first (NĐ 30 art. 15.2). How many numbers.
    """
    if not store.try_lock(tx, RETURNS):
        return 0
    today, returned = numbering.today(now), 0
    for agency_id in store.agencies(tx):
        db.act_for(tx, agency_id)
        for block in store.open_blocks(tx, agency_id, today.year):
            if today >= due.second_working_day(tx, agency_id, block.year + 1):
                held = store.lock_block(tx, block.id)
                reason = domain.returned_reason(block.year)
                by = ourselves()
                returned += store.return_block(tx, held, reason=reason, by=by.name, at=now)
                act = DocsAct(
                    by=by,
                    at=now,
                    act="numbers_returned",
                    object_kind="number_block",
                    object_id=str(block.id),
                    detail={"register": block.register_code, "year": str(block.year), "reason": reason},
                )
                outbox.put(tx, act, source=source)
    db.act_for(tx, None)
    return returned


def returns(pool: db.Pool, source: str) -> Callable[[threading.Event], None]:
    """The worker's loop."""

    def loop(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat("number returns", limit=INTERVAL * 3)
        while not stop.is_set():
            alive.touch()
            try:
                with db.transaction(pool) as tx:
                    return_overdue(tx, source, datetime.now(UTC))
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("number returns: database not reachable, trying again: %s", str(error).splitlines()[0])
            stop.wait(INTERVAL)

    return loop
