"""Taking numbers: which register, the next number under its lock, and the lines of documents on paper.

A decision on registers may change while somebody waits for the lock, and the year may end; both are looked at again once
the lock is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from services.docs import numbering, store_numbering
from services.docs.access import Acting
from services.docs.catalogue import DOCUMENT_TYPES, DocumentType
from services.docs.numbering import Register as Counter
from services.docs.refusals import TYPE_UNKNOWN
from services.docs.registers import domain, refusals, store
from services.docs.registers.domain import Block, Plan, Register
from services.docs.registers.store import Paper
from shared.errors import Rejected
from shared.ids import new_id

Choose = Callable[[Plan], Register]


def take(acting: Acting, choose: Choose) -> tuple[Counter, date]:
    """This year's register after one more number, locked, and the day, read once the lock is ours: so the dates in a book
    never go back, and whoever waited over New Year gets the new year's first numbers.
    """
    while True:
        year = acting.today().year
        chosen = choose(store.plan_for(acting.tx, acting.agency_id, year))
        counter = store_numbering.lock_register(acting.tx, acting.agency_id, chosen.code, year)
        day = acting.today()
        if day.year == year and choose(store.plan_for(acting.tx, acting.agency_id, year)).code == chosen.code:
            return numbering.take_next(counter), day


def take_outgoing(acting: Acting, type_code: str, symbol: str, asked: str | None) -> tuple[Counter, date]:
    """For a document to be issued; `asked`: the register that the clerk named, if any."""
    return take(acting, lambda plan: domain.register_for(plan, type_code, symbol, asked))


def take_arrival(acting: Acting, asked: str | None = None) -> tuple[Counter, date]:
    """For an arrived document."""
    return take(acting, lambda plan: domain.arrivals_register(plan, asked))


# --- numbers for paper


def reserve(acting: Acting, code: str, count: int, purpose: str) -> Block:
    """A range of this year's next numbers for documents on paper."""
    domain.check_block(store.plan_for(acting.tx, acting.agency_id, acting.today().year).get(code), count)
    counter, day = take(acting, lambda plan: plan.get(code))
    block = Block(
        id=new_id(),
        register_code=code,
        year=counter.year,
        first=counter.last,
        last=counter.last + count - 1,
        purpose=purpose,
        taken_by=acting.by,
        taken_at=acting.now(),
        returned_at=None,
        left=tuple(range(counter.last, counter.last + count)),
    )
    store.take_block(acting.tx, acting.agency_id, block, counter, subjects=[new_id() for _ in range(count)], day=day)
    return block


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a clerk enters of a document on paper; `number` is one reserved for paper, none takes the next."""

    code: str
    number: int | None
    symbol: str | None
    due: date  # by when it had to be registered: the next working day
    paper: Paper


def register_paper(acting: Acting, line: Line) -> tuple[int, str | None]:
    """Enter it; its number, and number with symbol of an outgoing one."""
    today, year = acting.today(), line.paper.signed_on.year if line.number else acting.today().year
    register = store.plan_for(acting.tx, acting.agency_id, year).get(line.code)
    kind = _type_of(line.paper.type_code)
    symbol = _check(register, kind, line, today)
    paper = replace(line.paper, direction=register.direction, type_name=kind.vi)
    if paper.direction == "out" and line.number is not None:
        return _use_reserved(acting, register, line, paper, symbol or "")
    counter, day = take(acting, lambda plan: plan.get(line.code))
    printed = numbering.printed(kind.code, counter.last, symbol, counter.year) if symbol else None
    store_numbering.enter(
        acting.tx,
        acting.agency_id,
        counter,
        subject=paper.id,
        day=day,
        direction=register.direction,
        number_symbol=printed,
        secret=register.secret,
    )
    store.add_paper(acting.tx, acting.agency_id, paper)
    return counter.last, printed


def _use_reserved(
    acting: Acting, register: Register, line: Line, paper: Paper, symbol: str
) -> tuple[int, str | None]:
    year, number = paper.signed_on.year, line.number or 0
    store.check_open(acting.tx, acting.agency_id, register.code, year)
    found = store.find_reserved(acting.tx, acting.agency_id, register.code, year, number)
    if found is None:
        raise Rejected(refusals.NUMBER_NOT_RESERVED, number=number, code=register.code, year=year)
    printed = numbering.printed(paper.type_code, number, symbol, year)
    store.use_reserved(acting.tx, found[0], printed)
    store.add_paper(acting.tx, acting.agency_id, replace(paper, id=found[0]))
    return number, printed


def _type_of(code: str) -> DocumentType:
    if kind := DOCUMENT_TYPES.get(code):
        return kind
    raise Rejected(TYPE_UNKNOWN, code=code)


def _check(register: Register, kind: DocumentType, line: Line, today: date) -> str | None:
    """What is to be printed after the slash, none of an arrival; refuses what the register can't say of a paper."""
    paper = line.paper
    if paper.signed_on > today or paper.signed_on.year < today.year - 1:
        raise Rejected(refusals.PAPER_DATE_WRONG, day=paper.signed_on)
    if paper.received_on is not None and not paper.signed_on <= paper.received_on <= today:
        raise Rejected(refusals.PAPER_DATE_WRONG, day=paper.received_on)
    if (paper.secrecy is not None) != register.secret:
        raise Rejected(refusals.SECRECY_WRONG)
    if register.secret and (paper.abstract or paper.note):
        raise Rejected(refusals.SECRET_WITHOUT_CONTENT)
    _require(not register.secret and not paper.abstract, "trích yếu", "the abstract")
    if register.direction == "in":
        _require(not paper.author, "tác giả văn bản", "whose document it is")
        _require(paper.received_on is None, "ngày đến", "the day of arrival")
    if today > line.due and not paper.late_reason:
        raise Rejected(refusals.LATE_REASON_REQUIRED, due=line.due)
    if register.direction == "in":
        return None
    _require(not line.symbol, "ký hiệu", "the symbol")
    symbol = numbering.symbol_of(kind, line.symbol or "")
    return symbol


def _require(lacks: bool, vi: str, en: str) -> None:  # noqa: FBT001  a condition and its words
    if lacks:
        raise Rejected(refusals.PAPER_LACKS, what=vi, what_en=en)


def check_type(plan: Plan, register: Register, type_code: str, symbol: str) -> None:
    """A paper counts where an electronic document of its type and symbol would; raises Rejected(paper_type_wrong)."""
    if register.secret or register.direction == "in":
        return
    right = domain.register_for(plan, type_code, symbol)
    if right.code != register.code:
        raise Rejected(refusals.PAPER_TYPE_WRONG, type=type_code, right=right.name)


DAY = timedelta(days=1)
Subject = UUID
