"""Finding documents: one box, every field, what was found marked; searches kept and shared; results as a list to take along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.datastructures import QueryParams

from services.portal.forms import Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

ONE = (
    *(
        "q",
        "issuer",
        "recipient",
        "signer",
        "author",
        "handler",
        "symbol",
        "number",
        "arrival_number",
        "sort",
        "urgent",
    ),
    *("since", "until", "issued_since", "issued_until", "arrived_since", "arrived_until"),
)
MANY = ("kind", "type", "state", "register", "urgency")
SHOWN = ("number_symbol", "day", "party", "state")  # columns beside the abstract, until others are chosen
FORMS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def asked_of(query: QueryParams | Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, by the names of the docs API; empty fields are left out."""
    get = query.getlist if isinstance(query, QueryParams) else lambda name: _list(query.get(name))
    asked: dict[str, Any] = {
        name: values[0].strip()[:500] for name in ONE if (values := get(name)) and values[0].strip()
    }
    return asked | {name: values[:40] for name in MANY if (values := [each for each in get(name) if each])}


def _list(value: Any) -> list[str]:
    return [] if value is None else [str(each) for each in value] if isinstance(value, list) else [str(value)]


@router.get("/search")
def show_search(visit: Reading) -> Response:
    return _page(visit)


def _page(visit: Visit, error: Rejected | None = None) -> Response:
    visit.need("clerk", "leader")
    query = visit.request.query_params
    asked = asked_of(query)
    columns = query.getlist("column") or list(SHOWN)
    loaders = {
        "choices": lambda: visit.api.get("docs", "/search/choices"),
        "saved": lambda: visit.api.get("docs", "/searches"),
    }
    if asked:
        loaders["results"] = lambda: visit.api.get("docs", "/search", **asked, cursor=query.get("cursor", "")[:300])
    found, missing = parts_of(loaders)
    problem = error or next(iter(missing.values()), None)
    link = urlencode({**asked, "column": columns}, doseq=True)
    return visit.page(
        "search.html",
        error=problem,
        asked=asked,
        columns=columns,
        link=link,
        choices=found.get("choices"),
        results=found.get("results"),
        saved=[each | {"link": urlencode(asked_of(each["query"]), doseq=True)} for each in _items(found)],
        more_open=bool(set(asked) - {"q", "kind", "sort"}),
    )


def _items(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.get("saved", {"items": []})["items"]
    return rows


@router.get("/search/export.{form}")
def export(visit: Reading, form: str) -> Response:
    """The whole result with the columns that are shown, the abstract among them."""
    visit.need("clerk", "leader")
    form = form if form in FORMS else "xlsx"
    query = visit.request.query_params
    columns = ["abstract", *(each for each in query.getlist("column") if each != "abstract")]
    path = f"/search/export.{form}?{urlencode({**asked_of(query), 'column': columns}, doseq=True)}"
    return relay(visit, "docs", path, filename=f"ket-qua-tim-kiem.{form}", media_type=FORMS[form])


@router.post("/search/save")
def save(visit: Posting, form: Posted) -> Response:
    """Under a name; `query` is the search as the address has it."""
    asked = asked_of(QueryParams(form.get("query")))
    body = {"name": form.get("name"), "query": asked, "shared": form.get("shared") == "yes"}
    back = f"/search?{urlencode(asked, doseq=True)}"
    visit.api.post("docs", "/searches", body, key=form.get("once"))
    return visit.to(back, "search_saved") if not asked else _see(back, "search_saved")


def _see(address: str, done: str) -> Response:
    return Response(status_code=303, headers={"Location": f"{address}&done={done}"})


@router.get("/texts")
def list_unread(visit: Reading) -> Response:
    """Documents that are not found by what stands in their files, why, and another try."""
    return _unread(visit)


def _unread(visit: Visit, error: Rejected | None = None) -> Response:
    visit.need("clerk", "leader")
    return visit.page("texts.html", error=error, unread=visit.api.get("docs", "/texts")["items"])


@router.post("/texts/{subject_id}/read")
def read_again(visit: Posting, form: Posted, subject_id: UUID) -> Response:
    try:
        visit.api.post("docs", f"/texts/{subject_id}/read", {}, key=form.get("once"))
    except Rejected as rejected:
        return _unread(visit, rejected)
    return visit.to("/texts", "text_asked_for")


@router.post("/search/{search_id}/remove")
def remove(visit: Posting, search_id: UUID) -> Response:
    visit.api.delete("docs", f"/searches/{search_id}")
    return visit.to("/search", "search_removed")
