"""For the operator: is each service well, what waits to be published, what was parked and why; and the partners."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal import store
from services.portal.clients import IN_WORDS
from services.portal.forms import Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared import inbox, outbox
from shared.db import transaction
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

OTHERS = ("docs", "signing", "registry", "notify")


@router.get("/system")
def show_system(visit: Reading) -> Response:
    visit.need("operator")
    return _page(visit)


def _page(visit: Visit, *, error: Rejected | None = None) -> Response:
    rows = [_row(visit, service) for service in OTHERS]
    return visit.page("system.html", error=error, services=[*rows, _own_row(visit)], ended=None)


def _row(visit: Visit, service: str) -> dict[str, Any]:
    found, missing = parts_of(
        {
            "backlog": lambda: visit.api.get(service, "/backlog"),
            "parked": lambda: visit.api.get(service, "/parked"),
        }
    )
    return {
        "name": service,
        "vi": IN_WORDS[service],
        "backlog": found.get("backlog"),
        "parked": found.get("parked", []),
        "problem": missing.get("backlog") or missing.get("parked"),
    }


def _own_row(visit: Visit) -> dict[str, Any]:
    """Ourselves from our own tables: asking over HTTP would take a thread to wait for another."""
    with transaction(visit.site.pool) as tx:
        parked = [{**row, "since": row["since"].isoformat()} for row in inbox.list_parked(tx)]
        backlog = outbox.backlog(tx)
    return {"name": "portal", "vi": IN_WORDS["portal"], "backlog": backlog, "parked": parked, "problem": None}


@router.post("/system/replay")
def replay(visit: Posting, form: Posted) -> Response:
    """Takes the parked events of one key in, in order."""
    visit.need("operator")
    service, topic, key = form.get("service"), form.get("topic"), form.get("key")
    try:
        if service == "portal":
            with transaction(visit.site.pool) as tx:
                taken, because = visit.request.app.state.follower.replay(tx, topic, key)
            ended = {"taken": taken, "stopped_because": because}
        elif service in OTHERS:
            path = f"/parked/{quote(topic, safe='')}/{quote(key, safe='')}/replay"
            ended = visit.api.post(service, path, key=form.get("once"))
        else:
            return visit.to("/system")
    except Rejected as rejected:
        return _page(visit, error=rejected)
    rows = [_row(visit, each) for each in OTHERS]
    return visit.page("system.html", services=[*rows, _own_row(visit)], ended={**ended, "topic": topic, "key": key})


@router.get("/partners")
def show_partners(visit: Reading) -> Response:
    visit.need("officer", "operator")
    with transaction(visit.site.pool) as tx:
        partners = store.list_partners(tx)
    return visit.page("partners.html", partners=partners, site=visit.site)
