"""Which registers an agency keeps, in which of them a document counts, and what may be changed when (NĐ 30 art. 15, 22).

The head of an agency decides: one series for all types, or some types apart. Legal normative documents, copies, secret
documents and councils that use the agency's seal always count apart. A decision holds from the first of January.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from services.docs.catalogue import ARRIVALS, COPIES, DOCUMENT_TYPES, OUTGOING, REGISTERS, DocumentType
from services.docs.numbering import GROUPS
from services.docs.refusals import REGISTER_UNKNOWN
from services.docs.registers import refusals
from shared.errors import Rejected
from shared.events import Actor

Kind = Literal["out", "legal", "council", "copy", "in", "secret_out", "secret_in"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CODE = re.compile(r"[A-ZĐ][A-ZĐ0-9.-]{0,11}")
MOST = 60  # registers of one agency
LARGEST_BLOCK = 500
FIRST_YEAR, LAST_YEAR = 2000, 2999


@dataclass(frozen=True, slots=True)
class Register:
    """One register of a decision. `types`: what counts in it, of kind `out` none means whatever counts nowhere else.

    `body` is a council's abbreviation in the symbol (`HĐTĐ` in `05/QĐ-HĐTĐ`).
    """

    code: str
    kind: Kind
    name: str
    types: tuple[str, ...] = ()
    body: str | None = None

    @property
    def direction(self) -> Literal["out", "in"]:
        return "in" if self.kind in ("in", "secret_in") else "out"

    @property
    def secret(self) -> bool:
        return self.kind in ("secret_out", "secret_in")


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision on registers. `version` 0: the one that holds until an agency decides."""

    from_year: int
    registers: tuple[Register, ...]
    basis: str = ""
    decided_by: Actor | None = None
    decided_at: datetime | None = None
    version: int = 0
    by_code: Mapping[str, Register] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_code", {each.code: each for each in self.registers})

    def get(self, code: str) -> Register:
        """Raises Rejected(register_unknown)."""
        if found := self.by_code.get(code):
            return found
        raise Rejected(REGISTER_UNKNOWN, code=code)

    def of(self, *kinds: Kind) -> tuple[Register, ...]:
        return tuple(each for each in self.registers if each.kind in kinds)


def standard() -> Plan:
    """One series for everything, one for copies, one for arrivals, one for each type of legal documents."""
    legal = (
        Register(f"PL-{kind.abbreviation}", "legal", f"Sổ đăng ký {kind.vi.lower()}", (kind.code,))
        for kind in DOCUMENT_TYPES.values()
        if kind.legal
    )
    return Plan(
        FIRST_YEAR,
        (
            Register(OUTGOING, "out", REGISTERS[OUTGOING].vi),
            *legal,
            Register(COPIES, "copy", REGISTERS[COPIES].vi),
            Register(ARRIVALS, "in", REGISTERS[ARRIVALS].vi),
        ),
    )


# --- what a decision may say


def check(registers: Sequence[Register]) -> None:
    """Whether a list of registers is one that an agency may keep; raises Rejected(plan_…) naming what is wrong."""
    if len(registers) > MOST:
        raise Rejected(refusals.PLAN_TOO_LONG, most=MOST)
    _check_each(registers)
    for kind in ("copy", "in"):
        if not any(each.kind == kind for each in registers):
            raise Rejected(refusals.PLAN_LACKS, what=refusals.KIND_NAMES[kind][0], what_en=refusals.KIND_NAMES[kind][1])
    if sum(each.kind == "copy" for each in registers) > 1:
        raise Rejected(refusals.PLAN_ONE_COPIES)
    _check_types(registers)
    bodies = [each.body for each in registers if each.kind == "council"]
    if len(set(bodies)) < len(bodies):
        raise Rejected(refusals.PLAN_BODY_TWICE, body=next(b for b in bodies if bodies.count(b) > 1))


def _check_each(registers: Sequence[Register]) -> None:
    codes = [each.code for each in registers]
    for each in registers:
        if not CODE.fullmatch(each.code):
            raise Rejected(refusals.PLAN_CODE_MALFORMED, code=each.code)
        if codes.count(each.code) > 1:
            raise Rejected(refusals.PLAN_CODE_TWICE, code=each.code)
        body_fits = each.body is not None and GROUPS.fullmatch(each.body) and each.body == each.body.upper()
        if (each.kind == "council") != (each.body is not None) or (each.body is not None and not body_fits):
            raise Rejected(refusals.PLAN_BODY_MALFORMED, code=each.code, body=each.body or "")


def _check_types(registers: Sequence[Register]) -> None:
    """Every type counts in exactly one register: legal ones each alone, the others in one that names them or the rest."""
    seen: set[str] = set()
    for each in registers:
        for code in each.types:
            kind = DOCUMENT_TYPES.get(code)
            if kind is None or kind.copy or each.kind not in ("out", "legal"):
                raise Rejected(refusals.PLAN_TYPE_WRONG, type=code, code=each.code)
            if kind.legal != (each.kind == "legal") or (kind.legal and len(each.types) > 1):
                raise Rejected(refusals.PLAN_LEGAL_APART, type=kind.vi, type_en=kind.en)
            if code in seen:
                raise Rejected(refusals.PLAN_TYPE_TWICE, type=kind.vi, type_en=kind.en)
            seen.add(code)
    rest = [each for each in registers if each.kind == "out" and not each.types]
    if len(rest) > 1:
        raise Rejected(refusals.PLAN_TYPE_TWICE, type="còn lại", type_en="of the rest")
    for kind in DOCUMENT_TYPES.values():
        if not kind.copy and kind.code not in seen and (kind.legal or not rest):
            raise Rejected(refusals.PLAN_TYPE_NOWHERE, type=kind.vi, type_en=kind.en)


# --- from when it holds


def places(plan: Plan) -> dict[str, str]:
    """What counts where: types, councils and arrivals by the code of their register."""
    found = {f"type:{kind.code}": _by_type(plan, kind).code for kind in DOCUMENT_TYPES.values()}
    found |= {f"body:{each.body}": each.code for each in plan.of("council")}
    return found | {f"{each.kind}:{each.code}": each.code for each in plan.of("in", "secret_out", "secret_in")}


def touched(held: Plan, wanted: Plan) -> frozenset[str]:
    """Registers of the plan in force that something would leave or come to: in mid-year they must be unused."""
    before, after = places(held), places(wanted)
    moved = {code for what in before for code in (before[what], after.get(what, "")) if after.get(what) != before[what]}
    swapped = {c for c, each in held.by_code.items() if c in wanted.by_code and wanted.by_code[c].kind != each.kind}
    return frozenset((moved | swapped) - {""})


def check_change(held: Plan, wanted: Plan, *, this_year: int, used: Collection[str]) -> None:
    """Numbers count from 1 January to 31 December (NĐ 30 art. 15): what has been used this year stays as it is until then.

    `used` are the codes of this year's registers that hold a number. Raises Rejected(plan_in_the_past, register_in_use).
    """
    check(wanted.registers)
    if not this_year <= wanted.from_year <= this_year + 1:
        raise Rejected(refusals.PLAN_YEAR_WRONG, year=wanted.from_year, this=this_year, next=this_year + 1)
    if wanted.from_year > this_year:
        return
    if in_use := sorted(touched(held, wanted) & set(used)):
        raise Rejected(refusals.REGISTER_IN_USE, codes=", ".join(in_use), year=this_year, next=this_year + 1)


# --- where a document counts


def organ_of(kind: DocumentType, symbol: str) -> str:
    """The part of a symbol that says who issues: `UBND` of `QĐ-UBND`, `UBND-VX` of the letter `UBND-VX`."""
    prefix = f"{kind.abbreviation}-" if kind.abbreviation else ""
    return symbol.removeprefix(prefix)


def register_for(plan: Plan, type_code: str, symbol: str, asked: str | None = None) -> Register:
    """Where a document of this type and symbol counts; a council's by the council in its symbol.

    `asked`: a register that the clerk named, which must be this one. Raises Rejected(register_unknown, register_of_others).
    """
    kind = DOCUMENT_TYPES.get(type_code) or DOCUMENT_TYPES["CV"]
    organ = organ_of(kind, symbol)
    council = next(
        (c for c in plan.of("council") if c.body and (organ == c.body or organ.startswith(f"{c.body}-"))), None
    )
    found = council if council and not kind.copy and not kind.legal else _by_type(plan, kind)
    if asked is not None and asked != found.code:
        named = plan.get(asked)
        if named.kind not in ("out", "legal", "council") or kind.copy:
            raise Rejected(REGISTER_UNKNOWN, code=asked)
        raise Rejected(refusals.REGISTER_OF_OTHERS, name=named.name, right=found.name)
    return found


def _by_type(plan: Plan, kind: DocumentType) -> Register:
    if kind.copy:
        return plan.of("copy")[0]
    for each in plan.of("out", "legal"):
        if kind.code in each.types:
            return each
    return next(each for each in plan.of("out") if not each.types)


def arrivals_register(plan: Plan, asked: str | None) -> Register:
    """Where an arrived document is entered: the first register of arrivals, or another that the clerk names."""
    if asked is None:
        return plan.of("in")[0]
    found = plan.get(asked)
    if found.kind != "in":
        raise Rejected(REGISTER_UNKNOWN, code=asked)
    return found


# --- numbers for paper


@dataclass(frozen=True, slots=True)
class Block:
    """Numbers `first` to `last` of a register and year, given to paper; `left` of them are neither used nor void."""

    id: UUID
    register_code: str
    year: int
    first: int
    last: int
    purpose: str
    taken_by: Actor
    taken_at: datetime
    returned_at: datetime | None
    left: tuple[int, ...]


def check_block(register: Register, count: int) -> None:
    """Raises Rejected(block_size_wrong, block_of_arrivals)."""
    if register.direction == "in":
        raise Rejected(refusals.BLOCK_OF_ARRIVALS, name=register.name)
    if not 1 <= count <= LARGEST_BLOCK:
        raise Rejected(refusals.BLOCK_SIZE_WRONG, most=LARGEST_BLOCK)


def returned_reason(year: int) -> str:
    """Why a number of a block is void after its year (it stands in the book)."""
    return f"Số dành cho văn bản giấy, hết năm {year} không dùng, trả lại"
