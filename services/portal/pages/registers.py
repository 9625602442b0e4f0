"""Register books on screen and as files, which registers an agency keeps, numbers for paper, lines of paper documents."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from services.portal import wording_registers as words
from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of, today_in_vietnam
from shared.errors import NotFound, Rejected

router = APIRouter(include_in_schema=False)

Day = Annotated[str, Query(max_length=10, pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Year = Annotated[str, Query(max_length=4, pattern=r"^(\d{4})?$")]
Short = Annotated[str, Query(max_length=300)]
BLANK_LINES = 3  # of the form for registers, for new ones
TYPES = {"pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


# --- books


@router.get("/books")
def first_book() -> Response:
    return RedirectResponse("/books/out", 303)


@router.get("/books/prints")
def show_prints(visit: Reading) -> Response:
    visit.need("clerk", "leader")
    return visit.page("book_prints.html", words=words, prints=visit.api.get("docs", "/book-prints")["items"])


@router.get("/books/prints/{print_id}/{name}")
def download_print(visit: Reading, print_id: UUID, name: str) -> Response:
    kind = TYPES.get(name.rpartition(".")[2], TYPES["pdf"])
    return relay(visit, "docs", f"/book-prints/{print_id}/content", filename=name[-80:], media_type=kind)


@router.post("/books/prints")
def order_print(visit: Posting, form: Posted) -> Response:
    body = {name: form.get(name) or None for name in ("kind", "format", "register_code", "since", "until")}
    body["year"] = int(form.get("year")) if form.get("year").isdecimal() else today_in_vietnam().year  # type: ignore[assignment]
    try:
        visit.api.post("docs", "/book-prints", body, key=form.get("once"))
    except Rejected as rejected:
        prints = visit.api.get("docs", "/book-prints")["items"]
        return visit.page("book_prints.html", error=rejected, words=words, prints=prints)
    return visit.to("/books/prints", "book_ordered")


class Asked(BaseModel):
    """Which lines of a book, as the filter sends it: empty fields are no wish."""

    register_code: str = Field(default="", max_length=12, alias="register")
    year: str = Field(default="", pattern=r"^(\d{4})?$")
    since: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    until: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    cursor: str = Field(default="", max_length=300)


@router.get("/books/{kind}")
def show_book(visit: Reading, kind: str, asked: Annotated[Asked, Query()]) -> Response:
    visit.need("clerk", "leader")
    if kind not in words.BOOKS:
        raise NotFound("sổ")
    typed = asked.model_dump() | {"year": asked.year or str(today_in_vietnam().year)}
    try:
        found = visit.api.get("docs", f"/books/{kind}", **asked.model_dump())
    except Rejected as rejected:
        return visit.page("book.html", error=rejected, words=words, kind=kind, book=None, typed=typed)
    return visit.page("book.html", words=words, kind=kind, book=found, typed=typed)


# --- which registers


@router.get("/registers")
def show_registers(visit: Reading, year: Year = "") -> Response:
    visit.need("clerk", "leader", "officer")
    return _registers_page(visit, year=year)


def _registers_page(
    visit: Visit, *, year: str = "", error: Rejected | None = None, typed: Form | None = None
) -> Response:
    plan = visit.api.get("docs", "/registers", year=year)
    this = today_in_vietnam().year
    base = plan["planned"] or plan
    rows = _typed_registers(typed) if typed else [_as_typed(each) for each in base["registers"]]
    blank: list[dict[str, str]] = [dict.fromkeys(("code", "kind", "name", "types", "body"), "")] * BLANK_LINES
    return visit.page(
        "registers.html",
        error=error,
        words=words,
        plan=plan,
        rows=[*rows, *blank],
        this=this,
        typed=typed or Form([("from_year", str(this + 1)), ("basis", base["basis"])]),
        versions={str(each["from_year"]): each["version"] for each in (plan, plan["planned"]) if each},
    )


def _as_typed(register: dict[str, Any]) -> dict[str, str]:
    return {
        "code": register["code"],
        "kind": register["kind"],
        "name": register["name"],
        "types": ", ".join(register["types"]),
        "body": register["body"] or "",
    }


def _typed_registers(form: Form) -> list[dict[str, str]]:
    columns = {
        name: [value.strip() for key, value in form.pairs if key == name]
        for name in ("code", "kind", "name", "types", "body")
    }
    found = [dict(zip(columns, values, strict=False)) for values in zip(*columns.values(), strict=False)]
    return [row for row in found if row["code"] or row["name"]]


@router.post("/registers")
def decide_registers(visit: Posting, form: Posted) -> Response:
    year = form.get("from_year")
    body = {
        "from_year": int(year) if year.isdecimal() and len(year) == 4 else 0,
        "basis": form.get("basis"),
        "registers": [
            {
                "code": row["code"],
                "kind": row["kind"] or "out",
                "name": row["name"],
                "types": [each.strip() for each in row["types"].replace(";", ",").split(",") if each.strip()],
                "body": row["body"] or None,
            }
            for row in _typed_registers(form)
        ],
    }
    try:
        visit.api.put("docs", "/registers", body, version=form.get(f"version_{year}") or "0")
    except Rejected as rejected:
        return _registers_page(visit, error=rejected, typed=form)
    return visit.to("/registers", "registers_decided")


@router.post("/registers/{code}/{year}/close")
def close_register(visit: Posting, form: Posted, code: str, year: int) -> Response:
    try:
        visit.api.post("docs", f"/registers/{code}/{year}/close", key=form.get("once"))
    except Rejected as rejected:
        return _registers_page(visit, year=str(year), error=rejected)
    return visit.to("/registers", "register_closed")


# --- numbers for paper


@router.get("/paper-numbers")
def show_paper(visit: Reading, register: Short = "", number: Short = "") -> Response:
    visit.need("clerk", "leader")
    return _paper_page(visit, typed=Form([("register_code", register), ("number", number)]))


def _paper_page(visit: Visit, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    found, missing = parts_of(
        {
            "plan": lambda: visit.api.get("docs", "/registers"),
            "blocks": lambda: visit.api.get("docs", "/number-blocks"),
            "choices": lambda: visit.api.get("docs", "/choices"),
        }
    )
    return visit.page(
        "paper_numbers.html",
        error=error or next(iter(missing.values()), None),
        words=words,
        registers=found.get("plan", {"registers": []})["registers"],
        blocks=found.get("blocks", {"items": []})["items"],
        types=found.get("choices", {"types": []})["types"],
        typed=typed or Form(),
        today=today_in_vietnam().isoformat(),
    )


@router.post("/paper-numbers/reserve")
def reserve(visit: Posting, form: Posted) -> Response:
    count = form.get("count")
    body = {
        "register_code": form.get("register_code"),
        "count": int(count) if count.isdecimal() and len(count) < 6 else 0,
        "purpose": form.get("purpose"),
    }
    return _done(visit, form, "/number-blocks", body, "numbers_reserved")


@router.post("/paper-numbers/{block_id}/return")
def return_block(visit: Posting, form: Posted, block_id: UUID) -> Response:
    body = {"reason": form.get("reason")}
    return _done(visit, form, f"/number-blocks/{block_id}/return", body, "numbers_returned")


@router.post("/paper-numbers/void")
def void_number(visit: Posting, form: Posted) -> Response:
    code, year, number = (form.get(name) for name in ("register_code", "year", "number"))
    if not (year.isdecimal() and number.isdecimal()):
        raise NotFound("số")
    body = {"reason": form.get("reason")}
    return _done(visit, form, f"/registers/{code}/{year}/{number}/void", body, "paper_voided")


PAPER = (
    *("register_code", "type_code", "symbol", "abstract", "signed_on", "signer", "author", "author_symbol"),
    *("received_on", "recipients", "copies", "keeper", "secrecy", "late_reason", "note", "number"),
)


@router.post("/paper-numbers/register")
def register_paper(visit: Posting, form: Posted) -> Response:
    body: dict[str, Any] = {name: form.get(name) for name in PAPER if form.get(name)}
    return _done(visit, form, "/registers/paper", body, "paper_registered")


def _done(visit: Visit, form: Form, path: str, body: dict[str, Any], done: str) -> Response:
    try:
        visit.api.post("docs", path, body, key=form.get("once"))
    except Rejected as rejected:
        return _paper_page(visit, error=rejected, typed=form)
    return visit.to("/paper-numbers", done)


# --- figures


@router.get("/figures/documents")
def show_figures(visit: Reading, since: Day = "", until: Day = "", by: Short = "month") -> Response:
    visit.need("clerk", "leader", "officer")
    by = by if by in words.GROUPS else "month"
    typed = {"since": since, "until": until, "by": by}
    try:
        found = visit.api.get("docs", "/figures", **typed)
    except Rejected as rejected:
        return visit.page("document_figures.html", error=rejected, words=words, found=None, typed=typed, bars=[])
    return visit.page("document_figures.html", words=words, found=found, typed=typed, bars=_bars(found["items"]))


def _bars(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Widths of what went out and came in, against the longest of all; at most forty groups are drawn."""
    most = max((each["counts"][name] for each in items for name in ("out", "in")), default=0) or 1
    return [
        {
            "name": each["name"],
            "out": each["counts"]["out"],
            "in": each["counts"]["in"],
            "out_width": round(480 * each["counts"]["out"] / most),
            "in_width": round(480 * each["counts"]["in"] / most),
        }
        for each in items[:40]
    ]


@router.post("/figures/documents/recount")
def recount(visit: Posting, form: Posted) -> Response:
    asked = {name: form.get(name) for name in ("since", "until") if form.get(name)}
    visit.api.post("docs", "/figures/recount?" + urlencode(asked), {}, key=form.get("once"))
    return visit.to("/figures/documents?" + urlencode(asked | {"by": form.get("by"), "done": "figures_recounted"}))


@router.get("/figures/documents/file.{kind}")
def download_figures(visit: Reading, kind: str, since: Day = "", until: Day = "", by: Short = "month") -> Response:
    visit.need("clerk", "leader", "officer")
    kind = kind if kind in ("csv", "xlsx") else "xlsx"
    asked = "&".join(f"{name}={value}" for name, value in (("since", since), ("until", until)) if value)
    by = by if by in words.GROUPS else "month"
    media = "text/csv" if kind == "csv" else TYPES["xlsx"]
    return relay(
        visit, "docs", f"/figures.{kind}?by={by}&{asked}", filename=f"so-lieu-van-ban.{kind}", media_type=media
    )
