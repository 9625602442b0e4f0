"""What waits for the one who is logged in, by role, with counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.pages.visit import Reading, Visit, parts_of
from shared import inbox
from shared.db import transaction

router = APIRouter(include_in_schema=False)

SHOWN = 4
MOST = 100  # more are said to be more
ENDING = 60  # days before the end of a certificate that its renewal is asked for
# (figure, what to do, colour, where)
FIRST = (
    ("returned", "sửa và trình lại", "bad", "/documents"),
    ("refused", "thay tệp", "bad", "/documents"),
    ("tasks", "ký", "act", "/documents"),
    ("signed", "cấp số, đóng dấu", "act", "/documents"),
    ("in_01", "đăng ký văn bản đến", "act", "/incoming"),
)

# What an officer looks after, by figure: where it is asked for, and with what.
OFFICE: dict[str, tuple[str, dict[str, Any]]] = {
    "to_approve": ("/procedures", {"state": "requested"}),
    "procedures_overdue": ("/procedures", {"standing": "overdue"}),
    "procedures_due": ("/procedures", {"standing": "due_soon"}),
    "ending": ("/certificates", {"ends_within": ENDING}),
    "suspended": ("/certificates", {"status": "suspended"}),
}
INTAKE = {"intake_ready": "ready", "intake_failed": "failed"}  # figure → state of what came in
OTHERS = ("docs", "signing", "registry", "notify")
Loaders = dict[str, Callable[[], Any]]


@router.get("/")
def show_home(visit: Reading) -> Response:
    """Each figure is asked for by itself: a service that is down leaves the others standing."""
    found, missing = parts_of(_documents(visit) | _signing(visit) | _operating(visit) | _notices(visit))
    problems = {problem.sentence.vi: problem for problem in missing.values()}
    return visit.page(
        "home.html",
        found=found,
        counts=_counts(found),
        problems=list(problems.values()),
        first_things=_first_things(found),
        parked=_count_parked(found),
        deadlines=[
            each for name in ("overdue", "due_soon") for each in found.get(name, {"items": []})["items"][:SHOWN]
        ],
    )


def _counts(found: dict[str, Any]) -> dict[str, tuple[int, bool]]:
    """By the name of the figure, how many, and whether there are more than were counted."""
    counters = found.get("counters")
    counts: dict[str, tuple[int, bool]] = {}
    if counters:
        most = counters["most"]
        by_name = (
            counters["documents"] | {f"in_{each}": n for each, n in counters["incoming"].items()} | counters["mine"]
        )
        counts = {name: (min(n, most - 1), n >= most) for name, n in by_name.items()}
    counts |= {f"tasks_{name}": (n, n >= 1000) for name, n in found.get("handling", {}).items()}
    if tasks := found.get("tasks"):
        counts["tasks"] = (len(tasks["items"]), bool(tasks.get("next_cursor")))
    for name in (*INTAKE, *OFFICE):
        if brought := found.get(name):
            counts[name] = (len(brought["items"]), bool(brought.get("next_cursor")))
    return counts


def _count_parked(found: dict[str, Any]) -> int:
    """Of the services that answered."""
    return sum(len(rows) for name, rows in found.items() if name.startswith("parked_"))


def _first_things(found: dict[str, Any]) -> list[dict[str, str]]:
    """The few that nobody else will do, most pressing kind first."""
    rows = []
    for key, what, tone, path in FIRST:
        for item in found.get(key, {"items": []})["items"][:SHOWN]:
            who = (
                item["sender"]["name"]
                if "sender" in item
                else item.get("agency_name") or (item["signer"] or item["agency"])["name"]
            )
            about = f"{item['type_name']} · {who}"
            href = f"{path}/{item.get('document_id') or item['id']}"
            rows.append({"abstract": item["abstract"], "about": about, "what": what, "tone": tone, "href": href})
    return rows[: 2 * SHOWN]


def _documents(visit: Visit) -> Loaders:
    if not visit.has("clerk", "leader"):
        return {}
    loaders: Loaders = {
        "counters": lambda: visit.api.get("docs", "/counters"),
        "handling": lambda: visit.api.get("docs", "/counters/tasks"),
        "overdue": lambda: visit.api.get("docs", "/tasks", when="overdue"),
        "due_soon": lambda: visit.api.get("docs", "/tasks", when="due_soon"),
    }
    if visit.has("clerk"):
        states = ("returned", "refused", "signed")
        loaders |= {each: partial(visit.api.get, "docs", "/documents", state=each) for each in states}
        loaders |= {name: partial(visit.api.get, "docs", "/intake", state=state) for name, state in INTAKE.items()}
    return loaders | {"in_01": partial(visit.api.get, "docs", "/incoming", status="01")}


def _signing(visit: Visit) -> Loaders:
    return {"tasks": lambda: visit.api.get("signing", "/tasks")} if visit.has("leader") else {}


def _notices(visit: Visit) -> Loaders:
    return {"notices": lambda: visit.api.get("notify", "/notices", unread=True)}


def _operating(visit: Visit) -> Loaders:
    loaders: Loaders = {}
    if visit.has("officer"):
        loaders |= {
            name: partial(visit.api.get, "registry", path, limit=MOST, **asked)
            for name, (path, asked) in OFFICE.items()
        }
    if visit.has("operator"):
        loaders["parked_portal"] = lambda: _own_parked(visit)
        loaders |= {f"parked_{each}": partial(visit.api.get, each, "/parked") for each in OTHERS}
    return loaders


def _own_parked(visit: Visit) -> list[dict[str, Any]]:
    with transaction(visit.site.pool) as tx:
        return inbox.list_parked(tx)
