"""Choosing to whom an issued document goes: by search, by level, by group, by whole tree; and seeing who exactly gets it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from services.portal import domain, store
from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.db import transaction
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

LIMIT = 500


class Search(BaseModel):
    """What was ticked travels in the address while one goes on searching: so it works without scripts and survives
    a reload.
    """

    model_config = ConfigDict(frozen=True)

    q: str = Field(default="", max_length=100)
    level: str = Field(default="", max_length=20)
    add_all: str = Field(default="", max_length=20)
    recipient: list[str] = []
    group: list[str] = []
    tree: list[str] = []
    left_out: list[str] = []

    @property
    def body(self) -> dict[str, list[str]]:
        return {
            "recipients": self.recipient,
            "groups": self.group,
            "trees": self.tree,
            "left_out": self.left_out,
        }


@router.get("/documents/{document_id}/dispatch")
def show_dispatch(visit: Reading, document_id: UUID, search: Annotated[Search, Query()]) -> Response:
    return _page(visit, document_id, search)


def _page(
    visit: Visit,
    document_id: UUID,
    search: Search,
    *,
    once: str = "",
    error: Rejected | None = None,
    note: str = "",
) -> Response:
    document = visit.api.get("docs", f"/documents/{document_id}")
    sent = {each["receiver"]["identifier"] for each in document["deliveries"] if each["status"] not in ("02", "15")}
    found = visit.api.get("docs", "/agencies", q=search.q, level=search.level, limit=LIMIT)["items"]
    more = visit.api.get("docs", "/agencies", level=search.add_all, limit=LIMIT)["items"] if search.add_all else []
    named = list(dict.fromkeys([*search.recipient, *(each["identifier"] for each in more)]))
    own = document["agency"]["identifier"]
    named = [identifier for identifier in named if identifier not in sent and identifier != own]
    trees = [each for each in dict.fromkeys(search.tree) if each]
    search = search.model_copy(update={"recipient": named, "tree": trees})
    seen = parts_of(
        {
            "preview": lambda: _preview(visit, document_id, search),
            "groups": lambda: _groups(visit),
            "where": lambda: visit.api.get("docs", f"/documents/{document_id}/circulation"),
        }
    )
    where = seen[0].get("where", {"chain": {"current": None, "follows": []}, "suggested": []})
    preview = seen[0].get("preview", NOBODY)
    chosen = {each["identifier"] for each in preview["recipients"]}
    with transaction(visit.site.pool) as tx:
        names = store.names_of_agencies(tx, [*search.tree, *search.left_out])
    return visit.page(
        "dispatch.html",
        error=error or next(iter(seen[1].values()), None),
        document=document,
        search=search,
        preview=preview,
        groups=seen[0].get("groups", []),
        names=names,
        current=where["chain"]["current"],
        follows=where["chain"]["follows"],
        suggested=[each for each in where["suggested"] if each["identifier"] not in {*chosen, *search.left_out}],
        found=[each for each in found if each["identifier"] not in {*chosen, *sent, own}],
        sent=len(sent),
        once=once,
        note=note,
    )


NOBODY: dict[str, Any] = {"recipients": [], "ended": [], "unknown": [], "already": []}


def _preview(visit: Visit, document_id: UUID, search: Search) -> dict[str, Any]:
    """Who exactly would get it now. Asking changes nothing."""
    if not (search.recipient or search.group or search.tree):
        return NOBODY
    found: dict[str, Any] = visit.api.post(
        "docs", f"/documents/{document_id}/recipients", search.body, key=domain.new_secret()
    )
    return found


def _groups(visit: Visit) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = visit.api.get("docs", "/address-groups")["items"]
    return found


@router.post("/documents/{document_id}/dispatch")
def dispatch(visit: Posting, form: Posted, document_id: UUID) -> Response:
    search, note = _chosen(form), form.get("note")
    body = {**search.body, "note": note or None}
    try:
        visit.api.post("docs", f"/documents/{document_id}/dispatch", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, document_id, search, error=rejected, once=form.once(rejected), note=note)
    return visit.to(f"/documents/{document_id}", "dispatched")


def _chosen(form: Form) -> Search:
    """What is ticked of what was shown: by name, or left out of a group or tree."""
    ticked = list(dict.fromkeys(form.all("recipient")))
    groups, trees = form.all("group"), form.all("tree")
    if not (groups or trees):
        return Search(recipient=ticked)
    unticked = [each for each in form.get("shown").split() if each not in ticked]
    return Search(
        recipient=[each for each in form.get("named").split() if each in ticked],
        group=groups,
        tree=trees,
        left_out=list(dict.fromkeys([*form.all("left_out"), *unticked])),
    )
