"""Taking numbers: which register, the next number under its lock, and the lines of documents on paper.

A decision on registers may change while somebody waits for the lock, and the year may end; both are looked at again once
the lock is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

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
    """The year's register after one more number, locked, and the day, read once the lock is ours: so the dates in a book
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
    paper: Paper
    due: date  # by when it had to be registered (NĐ 30 art. 4.2c: the next working day)
    number: int | None = None
    symbol: str | None = None


def register_paper(acting: Acting, line: Line) -> tuple[Counter, str | None]:
    """Enter it; register with its number, and number with symbol of an outgoing one.

    An outgoing document counts in the year of its date, an arrived one in the year in which it is entered.
    """
    today = acting.today()
    paper, kind = line.paper, _type_of(line.paper.type_code)
    if paper.signed_on > today or paper.signed_on.year < today.year - 1:
        raise Rejected(refusals.PAPER_DATE_WRONG, day=paper.signed_on)
    plan = store.plan_for(acting.tx, acting.agency_id, paper.signed_on.year)
    register = plan.get(line.code)
    _check(register, line, today)
    if register.direction == "in":
        counter, day = take(acting, lambda now: now.get(line.code))
        return _enter(acting, register, counter, day=day, paper=replace(paper, type_name=kind.vi), printed=None)
    symbol = numbering.symbol_of(kind, line.symbol or "")
    right = domain.register_for(plan, kind.code, symbol)
    if not register.secret and right.code != register.code:
        raise Rejected(refusals.PAPER_TYPE_WRONG, type=kind.vi, right=right.name)
    paper = replace(paper, type_name=kind.vi)
    if line.number is not None:
        return _use_reserved(acting, Counter(register.code, paper.signed_on.year, line.number), paper, symbol)
    counter, day = _next_of(acting, register.code, paper.signed_on.year)
    printed = numbering.printed(kind.code, counter.last, symbol, counter.year)
    return _enter(acting, register, counter, day=day, paper=paper, printed=printed)


def _next_of(acting: Acting, code: str, year: int) -> tuple[Counter, date]:
    """The next number of this year's register, or of last year's while its book is open."""
    if year == acting.today().year:
        return take(acting, lambda plan: plan.get(code))
    counter = store_numbering.lock_register(acting.tx, acting.agency_id, code, year)
    store.check_open(acting.tx, acting.agency_id, code, year)
    return numbering.take_next(counter), acting.today()


def _enter(
    acting: Acting, register: Register, counter: Counter, *, day: date, paper: Paper, printed: str | None
) -> tuple[Counter, str | None]:
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
    store.add_paper(acting.tx, acting.agency_id, replace(paper, direction=register.direction))
    return counter, printed


def _use_reserved(acting: Acting, wanted: Counter, paper: Paper, symbol: str) -> tuple[Counter, str]:
    store.check_open(acting.tx, acting.agency_id, wanted.code, wanted.year)
    subject = store.find_reserved(acting.tx, acting.agency_id, wanted.code, wanted.year, wanted.last)
    if subject is None:
        raise Rejected(refusals.NUMBER_NOT_RESERVED, number=wanted.last, code=wanted.code, year=wanted.year)
    printed = numbering.printed(paper.type_code, wanted.last, symbol, wanted.year)
    store.use_reserved(acting.tx, subject, printed)
    store.add_paper(acting.tx, acting.agency_id, replace(paper, id=subject, direction="out"))
    return wanted, printed


def _type_of(code: str) -> DocumentType:
    if kind := DOCUMENT_TYPES.get(code):
        return kind
    raise Rejected(TYPE_UNKNOWN, code=code)


def _check(register: Register, line: Line, today: date) -> None:
    """Refuses what the register can't say of a paper, and a late line without its reason."""
    paper = line.paper
    if paper.received_on is not None and not paper.signed_on <= paper.received_on <= today:
        raise Rejected(refusals.PAPER_DATE_WRONG, day=paper.received_on)
    if (paper.secrecy is not None) != register.secret:
        raise Rejected(refusals.SECRECY_WRONG)
    if register.secret and (paper.abstract or paper.note):
        raise Rejected(refusals.SECRET_WITHOUT_CONTENT)
    lacks = [
        (not register.secret and not paper.abstract, "trích yếu", "the abstract"),
        (register.direction == "out" and not line.symbol, "ký hiệu", "the symbol"),
        (register.direction == "in" and not paper.author, "tác giả văn bản", "whose document it is"),
        (register.direction == "in" and paper.received_on is None, "ngày đến", "the day of arrival"),
    ]
    for lacking, vi, en in lacks:
        if lacking:
            raise Rejected(refusals.PAPER_LACKS, what=vi, what_en=en)
    if today > line.due and not paper.late_reason:
        raise Rejected(refusals.LATE_REASON_REQUIRED, due=line.due)
