"""Choosing to whom an issued document goes: by search, by level, all communes at once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from services.portal import store
from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit
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
) -> Response:
    document = visit.api.get("docs", f"/documents/{document_id}")
    sent = {each["receiver"]["identifier"] for each in document["deliveries"]}
    found = visit.api.get("docs", "/agencies", q=search.q, level=search.level, limit=LIMIT)["items"]
    more = visit.api.get("docs", "/agencies", level=search.add_all, limit=LIMIT)["items"] if search.add_all else []
    chosen = list(dict.fromkeys([*search.recipient, *(each["identifier"] for each in more)]))
    chosen = [identifier for identifier in chosen if identifier not in sent]
    with transaction(visit.site.pool) as tx:
        names = store.names_of_agencies(tx, chosen)
    return visit.page(
        "dispatch.html",
        error=error,
        document=document,
        search=search,
        chosen=[{"identifier": identifier, "name": names.get(identifier, identifier)} for identifier in chosen],
        found=[each for each in found if each["identifier"] not in {*chosen, *sent}],
        sent=len(sent),
        once=once,
    )


@router.post("/documents/{document_id}/dispatch")
def dispatch(visit: Posting, form: Posted, document_id: UUID) -> Response:
    recipients = _chosen(form)
    try:
        visit.api.post("docs", f"/documents/{document_id}/dispatch", {"recipients": recipients}, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, document_id, Search(recipient=recipients), error=rejected, once=form.once(rejected))
    return visit.to(f"/documents/{document_id}", "dispatched")


def _chosen(form: Form) -> list[str]:
    return list(dict.fromkeys(form.all("recipient")))
