"""HTTP for registers: which ones an agency keeps, numbers for paper, lines of paper documents, void numbers, closed years."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.docs import access, numbering, store_numbering
from services.docs.access import Acting, Clerk, IfMatch, Line, Member, ReasonLine, Text
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.refusals import TYPE_UNKNOWN
from services.docs.registers import api_books, domain, due, entering, refusals, store
from services.docs.registers.domain import Block, Plan, Register
from services.docs.registers.store import Paper, Standing
from services.docs.views import Body, View
from shared import outbox
from shared.errors import Rejected
from shared.events.docs import DocsAct
from shared.http import OnceOnly
from shared.ids import new_id

router = APIRouter(tags=["registers"])
router.include_router(api_books.router)

Anybody = Annotated[Acting, Depends(access.acting_as("clerk", "leader", "officer"))]
Code = Annotated[Text, Field(min_length=1, max_length=12)]
Short = Annotated[Text, Field(max_length=200)]
Secrecy = Literal["MẬT", "TỐI MẬT", "TUYỆT MẬT"]


class RegisterBody(Body):
    """`types`: codes of the catalogue; of kind `out` none means all that count nowhere else. `body`: of a council."""

    code: Code
    kind: domain.Kind
    name: Annotated[Text, Field(min_length=1, max_length=200)]
    types: list[Annotated[Text, Field(max_length=10)]] = Field(default=[], max_length=60)
    body: Annotated[Text, Field(min_length=1, max_length=20)] | None = None


class PlanBody(Body):
    """`basis`: the decision of the head that says so (NĐ 30 art. 15)."""

    from_year: int = Field(ge=2000, le=2999)
    basis: Annotated[Text, Field(min_length=1, max_length=300)]
    registers: list[RegisterBody] = Field(min_length=1, max_length=200)


class BlockBody(Body):
    register_code: Code
    count: int = Field(ge=1, le=10_000)
    purpose: Line


class PaperBody(Body):
    """A line of the register. `number`: one reserved for paper; left out, the next number is taken."""

    register_code: Code
    number: int | None = Field(default=None, ge=1, le=10_000_000)
    type_code: Annotated[Text, Field(max_length=10)]
    symbol: Annotated[Text, Field(min_length=1, max_length=30)] | None = None
    abstract: Line | None = None
    signed_on: date
    signer: Short | None = None
    author: Short | None = None
    author_symbol: Annotated[Text, Field(max_length=60)] | None = None
    received_on: date | None = None
    recipients: Annotated[Text, Field(max_length=2000)] | None = None
    copies: int | None = Field(default=None, ge=0, le=100_000)
    keeper: Short | None = None
    secrecy: Secrecy | None = None
    late_reason: Line | None = None
    note: Line | None = None


class ReasonBody(Body):
    reason: ReasonLine


# --- what goes out


class RegisterView(View):
    """A register with how it stands in the year asked for. `left`: reserved for paper and still free."""

    code: str
    kind: str
    name: str
    types: tuple[str, ...]
    body: str | None
    last: int
    void: int
    left: int
    closed_on: date | None


class PlanView(View):
    """The registers in force in `year`. `planned`: a decision for the year after, not yet in force."""

    year: int
    from_year: int
    basis: str
    decided_by: str | None
    decided_at: datetime | None
    version: int
    registers: list[RegisterView]
    planned: PlanView | None
    may_change: bool


class PreviewView(View):
    """How a document would be numbered if it were issued now; nothing is taken."""

    register_code: str
    register_name: str
    number: int
    number_symbol: str
    symbol: str


class BlockView(View):
    id: UUID
    register_code: str
    year: int
    first: int
    last: int
    purpose: str
    taken_by: str
    taken_at: datetime
    returned_at: datetime | None
    left: tuple[int, ...]


class BlocksView(View):
    items: list[BlockView]


class EnteredView(View):
    """A line that was entered: its number, and of an outgoing document number and symbol."""

    register_code: str
    year: int
    number: int
    number_symbol: str | None


def _plan_view(acting: Acting, plan: Plan, year: int, *, planned: Plan | None = None) -> PlanView:
    stands = store.standing(acting.tx, acting.agency_id, year)
    return PlanView(
        year=year,
        from_year=plan.from_year,
        basis=plan.basis,
        decided_by=plan.decided_by.name if plan.decided_by else None,
        decided_at=plan.decided_at,
        version=plan.version,
        registers=[_register_view(each, stands.get(each.code)) for each in plan.registers],
        planned=_plan_view(acting, planned, planned.from_year) if planned else None,
        may_change=True,
    )


def _register_view(each: Register, stands: Standing | None) -> RegisterView:
    return RegisterView(
        code=each.code,
        kind=each.kind,
        name=each.name,
        types=each.types,
        body=each.body,
        last=stands.last if stands else 0,
        void=stands.void if stands else 0,
        left=stands.left if stands else 0,
        closed_on=stands.closed_on if stands else None,
    )


def _block_view(block: Block) -> BlockView:
    return BlockView(
        id=block.id,
        register_code=block.register_code,
        year=block.year,
        first=block.first,
        last=block.last,
        purpose=block.purpose,
        taken_by=block.taken_by.name,
        taken_at=block.taken_at,
        returned_at=block.returned_at,
        left=block.left,
    )


def _tell(acting: Acting, act: str, kind: str, object_id: str, **detail: object) -> None:
    """What no fact topic carries reaches the ledger this way (invariant 9)."""
    said = {name: str(value) for name, value in detail.items() if value is not None}
    fact = DocsAct(by=acting.by, at=acting.now(), act=act, object_kind=kind, object_id=object_id, detail=said)
    outbox.put(acting.tx, fact, source=acting.office.source)


# --- which registers


@router.get("/registers")
def get_registers(acting: Anybody, response: Response, year: int | None = None) -> PlanView:
    """In force this year, or in the year asked for."""
    this = acting.today().year
    wanted = year or this
    plan = store.plan_for(acting.tx, acting.agency_id, wanted)
    planned = store.find_plan(acting.tx, acting.agency_id, this + 1) if wanted == this else None
    access.etag(response, plan.version if plan.from_year == wanted else 0)
    return _plan_view(acting, plan, wanted, planned=planned)


@router.put("/registers")
def decide(body: PlanBody, acting: Anybody, response: Response, if_match: IfMatch = None) -> PlanView:
    """From 1 January of the next year, or of this year as far as what it changes holds no number yet."""
    tx, this = acting.tx, acting.today().year
    before = store.find_plan(tx, acting.agency_id, body.from_year)
    access.check_version(if_match, before.version if before else 0)
    held = store.plan_for(tx, acting.agency_id, this)
    wanted = Plan(
        body.from_year,
        tuple(Register(**each.model_dump() | {"types": tuple(each.types)}) for each in body.registers),
        basis=body.basis,
        decided_by=acting.by,
        decided_at=acting.now(),
        version=before.version if before else 0,
    )
    domain.check(wanted.registers)
    if wanted.from_year == this:
        store.lock_counters(tx, acting.agency_id, domain.touched(held, wanted), this)
    used = store.used_codes(tx, acting.agency_id, this)
    domain.check_change(held, wanted, this_year=this, used=used)
    store.save_plan(tx, acting.agency_id, wanted)
    codes = " ".join(each.code for each in wanted.registers)
    _tell(
        acting, "registers_decided", "agency", str(acting.agency_id), year=body.from_year, basis=body.basis, codes=codes
    )
    return get_registers(acting, response, body.from_year)


@router.get("/registers/preview")
def preview(acting: Member, type_code: str, symbol: str, register_code: str | None = None) -> PreviewView:
    """Of a type and symbol as the form has them. Raises Rejected(type_unknown, symbol_malformed, …)."""
    kind = DOCUMENT_TYPES.get(type_code)
    if kind is None:
        raise Rejected(TYPE_UNKNOWN, code=type_code[:10])
    year = acting.today().year
    whole = numbering.symbol_of(kind, symbol)
    register = domain.register_for(store.plan_for(acting.tx, acting.agency_id, year), type_code, whole, register_code)
    stands = store.standing(acting.tx, acting.agency_id, year).get(register.code)
    number = (stands.last if stands else 0) + 1
    return PreviewView(
        register_code=register.code,
        register_name=register.name,
        number=number,
        number_symbol=numbering.printed(type_code, number, whole, year),
        symbol=whole,
    )


@router.post("/registers/{code}/{year}/close")
def close(code: str, year: int, acting: Clerk) -> PlanView:
    """The book of a past year is bound: nothing is entered or voided any more. Done twice it stays as it was."""
    store.plan_for(acting.tx, acting.agency_id, year).get(code)
    if year >= acting.today().year:
        raise Rejected(refusals.REGISTER_NOT_OVER, year=year)
    store_numbering.lock_register(acting.tx, acting.agency_id, code, year)
    stands = store.standing(acting.tx, acting.agency_id, year)[code]
    if stands.left:
        raise Rejected(refusals.REGISTER_HAS_OPEN_NUMBERS, code=code, year=year, count=stands.left)
    if stands.closed_on is None:
        store.close(acting.tx, acting.agency_id, code, year, acting.today())
        _tell(acting, "register_closed", "agency", str(acting.agency_id), register=code, year=year, last=stands.last)
    return _plan_view(acting, store.plan_for(acting.tx, acting.agency_id, year), year)


# --- numbers for paper


@router.get("/number-blocks")
def list_blocks(acting: Member, year: int | None = None) -> BlocksView:
    return BlocksView(items=[_block_view(each) for each in store.list_blocks(acting.tx, acting.agency_id, year)])


@router.post("/number-blocks", status_code=201)
def reserve(body: BlockBody, acting: Clerk, once: OnceOnly) -> BlockView:
    """The next numbers of this year, for documents that will be issued on paper."""

    def act() -> BlockView:
        block = entering.reserve(acting, body.register_code, body.count, body.purpose)
        span = f"{block.first}–{block.last}"
        _tell(acting, "numbers_reserved", "number_block", str(block.id), register=block.register_code, numbers=span)
        return _block_view(block)

    return once.run(act, BlockView)


@router.post("/number-blocks/{block_id}/return")
def return_block(block_id: UUID, body: ReasonBody, acting: Clerk) -> BlockView:
    """What is left of a range is void with the reason; a range returned before stays as it is."""
    block = store.lock_block(acting.tx, block_id)
    if block.returned_at is None:
        store.check_open(acting.tx, acting.agency_id, block.register_code, block.year)
        count = store.return_block(acting.tx, block, reason=body.reason, by=acting.by.name, at=acting.now())
        _tell(acting, "numbers_returned", "number_block", str(block_id), reason=body.reason, count=count)
    return _block_view(store.lock_block(acting.tx, block_id))


@router.post("/registers/paper", status_code=201)
def register_paper(body: PaperBody, acting: Clerk, once: OnceOnly) -> EnteredView:
    """The line of a document that was issued or came on paper; late ones say why."""

    def act() -> EnteredView:
        fields = body.model_dump(exclude={"register_code", "number", "symbol"})
        paper = Paper(
            id=new_id(), direction="out", type_name="", registered_by=acting.by, registered_at=acting.now(), **fields
        )
        day = due.next_working_day(acting.tx, acting.agency_id, body.received_on or body.signed_on)
        line = entering.Line(code=body.register_code, paper=paper, due=day, number=body.number, symbol=body.symbol)
        if acting.today() <= day:
            line = replace(line, paper=replace(paper, late_reason=None))
        counter, printed = entering.register_paper(acting, line)
        place = {"register": counter.code, "year": counter.year, "number": counter.last}
        _tell(acting, "paper_registered", "paper", str(paper.id), **place, late=line.paper.late_reason)
        return EnteredView(register_code=counter.code, year=counter.year, number=counter.last, number_symbol=printed)

    return once.run(act, EnteredView)


@router.post("/registers/{code}/{year}/{number}/void")
def void_number(code: str, year: int, number: int, body: ReasonBody, acting: Clerk) -> EnteredView:
    """A paper document's, or one reserved for paper. It stays in the book with the reason and is never used again."""
    store.check_open(acting.tx, acting.agency_id, code, year)
    place = (code, year, number)
    subject = store.void_paper(
        acting.tx, acting.agency_id, place, reason=body.reason, by=acting.by.name, at=acting.now()
    )
    _tell(acting, "number_voided", "paper", str(subject), register=code, year=year, number=number, reason=body.reason)
    return EnteredView(register_code=code, year=year, number=number, number_symbol=None)
