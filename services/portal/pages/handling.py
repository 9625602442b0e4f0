"""The handling of what arrived: the assignment slip of a document, lists of tasks, the page of one."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

# act → (what the page says afterwards, which fields go along)
ACTS = {
    "give": ("task_given", ("due_on", "instruction")),
    "start": ("started", ()),
    "note": ("task_noted", ("percent", "text")),
    "propose": ("task_proposed", ("text",)),
    "close": ("task_closed", ("text",)),
    "return": ("task_returned", ("reason",)),
    "withdraw": ("task_withdrawn", ("reason",)),
    "reassign": ("task_reassigned", ("reason",)),
    "decline": ("task_declined", ("reason",)),
    "deadline": ("deadline_set", ("due_on", "reason")),
    "extend": ("extension_asked", ("until", "reason")),
    "extension": ("extension_answered", ("agreed", "reason")),
}
MOST_JOINT = 6  # lines of the form


@router.get("/tasks")
def list_tasks(
    visit: Reading,
    whose: Annotated[str, Query(max_length=10)] = "mine",
    when: Annotated[str, Query(max_length=10)] = "any",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    found, error = None, None
    try:
        found = visit.api.get("docs", "/tasks", whose=whose, when=when, cursor=cursor)
    except Rejected as rejected:
        error = rejected
    address = "/tasks?" + urlencode({"whose": whose, "when": when})
    return visit.page("tasks.html", error=error, tasks=found, whose=whose, when=when, address=address)


@router.get("/tasks/{task_id}")
def show_task(visit: Reading, task_id: UUID) -> Response:
    return _page(visit, task_id)


def _page(visit: Visit, task_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    task = visit.api.get("docs", f"/tasks/{task_id}")
    return visit.page("task.html", error=error, task=task, choices=_choices(visit), typed=typed or Form())


def _choices(visit: Visit) -> list[tuple[str, str]]:
    """To whom something can be given: units, then people, each with what it is known by."""
    found, _ = parts_of({"choices": lambda: visit.api.get("docs", "/handling/choices")})
    choices = found.get("choices", {"units": [], "people": []})
    units = [(f"unit:{each['key']}", each["name"]) for each in choices["units"]]
    people = [
        (
            f"person:{each['person_id']}",
            f"{each['name']} – {each['post']}{(each['unit'] and ', ' + each['unit']) or ''}",
        )
        for each in choices["people"]
    ]
    return units + people


def _to(chosen: str) -> dict[str, Any]:
    kind, _, key = chosen.partition(":")
    return {"unit_key": key} if kind == "unit" else {"person_id": key or None}


@router.post("/tasks/{task_id}/{act}")
def act_on_task(visit: Posting, form: Posted, task_id: UUID, act: str) -> Response:
    if act not in ACTS:
        return visit.to(f"/tasks/{task_id}")
    done, names = ACTS[act]
    body: dict[str, Any] = {name: form.get(name) for name in names if form.get(name)}
    if act in ("give", "reassign"):
        body |= _to(form.get("to"))
    try:
        visit.api.post("docs", f"/tasks/{task_id}/{act}", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, task_id, error=rejected, typed=form)
    return visit.to(f"/tasks/{task_id}", done)


@router.get("/incoming/{incoming_id}/slip.pdf")
def print_slip(visit: Reading, incoming_id: UUID) -> Response:
    return relay(visit, "docs", f"/incoming/{incoming_id}/slip.pdf", filename=f"phieu-giai-quyet-{incoming_id}.pdf")


@router.get("/incoming/{incoming_id}/slip")
def show_slip(visit: Reading, incoming_id: UUID) -> Response:
    return _slip(visit, incoming_id)


def _slip(visit: Visit, incoming_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    arrival = visit.api.get("docs", f"/incoming/{incoming_id}")
    slip = visit.api.get("docs", f"/incoming/{incoming_id}/slip")
    return visit.page(
        "slip.html",
        error=error,
        arrival=arrival,
        slip=slip,
        choices=_choices(visit) if slip["may_give"] else [],
        leads=any(each["part"] == "lead" and not each["ended_at"] for each in slip["leader"]),
        typed=typed or Form(),
        joint=range(1, MOST_JOINT + 1),
    )


@router.post("/incoming/{incoming_id}/slip")
def give_slip(visit: Posting, form: Posted, incoming_id: UUID) -> Response:
    def line(prefix: str) -> dict[str, Any]:
        more = {
            name: form.get(f"{prefix}-{name}") for name in ("due_on", "instruction") if form.get(f"{prefix}-{name}")
        }
        return _to(form.get(f"{prefix}-to")) | more

    body: dict[str, Any] = {
        "joint": [line(f"joint{n}") for n in range(1, MOST_JOINT + 1) if form.get(f"joint{n}-to")],
    }
    if form.get("lead-to"):
        body["lead"] = line("lead")
    try:
        visit.api.post("docs", f"/incoming/{incoming_id}/slip", body, key=form.get("once"))
    except Rejected as rejected:
        return _slip(visit, incoming_id, error=rejected, typed=form)
    return visit.to(f"/incoming/{incoming_id}/slip", "slip_given")
