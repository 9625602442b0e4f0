"""Tasks and slips as they are answered over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.docs.handling import domain
from services.docs.handling.desk import Desk
from services.docs.handling.domain import ENDED, Part, Standing, State, Task
from services.docs.views import EntryView, View


class HolderView(View):
    name: str
    person_id: UUID | None
    unit: str | None
    unit_key: str | None


class ExtensionView(View):
    until: date
    reason: str
    by: str
    at: datetime


class TaskLine(View):
    id: UUID
    incoming_id: UUID
    parent_id: UUID | None
    part: Part
    holder: HolderView
    instruction: str
    due_on: date | None
    given_by: str
    giver_post: str | None
    given_at: datetime
    state: State
    reason: str | None
    percent: int
    proposal: str | None
    proposed_at: datetime | None
    ended_at: datetime | None
    extension: ExtensionView | None
    standing: Standing
    working_days_left: int | None = Field(description="until the deadline; negative: late by so many")
    version: int


class DocumentOfTask(View):
    """What the task's document is called."""

    number_symbol: str | None
    type_name: str
    abstract: str
    agency_name: str = Field(description="whom it came from")
    urgency: int


class TaskInList(TaskLine):
    document: DocumentOfTask


class TaskPage(View):
    items: list[TaskInList]
    next_cursor: str | None


class TaskView(TaskInList):
    beneath: list[TaskLine]
    history: list[EntryView]
    may_work: bool
    may_decide: bool
    may_reopen: bool = Field(description="it was closed, and may be returned as not done")


class SlipView(View):
    """The three blocks of annex IV.VII: the leader's, the unit heads', the handlers' (those with a proposal)."""

    incoming_id: UUID
    leader: list[TaskLine]
    heads: list[TaskLine]
    proposals: list[TaskLine]
    may_give: bool


class UnitView(View):
    key: str
    name: str


class PersonView(View):
    person_id: UUID
    name: str
    post: str
    unit: str | None


class ChoicesView(View):
    units: list[UnitView]
    people: list[PersonView]


def line(task: Task, desk: Desk) -> dict[str, Any]:
    today, asked = desk.acting.today(), task.extension
    return {
        "id": task.id,
        "incoming_id": task.incoming_id,
        "parent_id": task.parent_id,
        "part": task.part,
        "holder": HolderView(
            name=task.holder.name,
            person_id=task.holder.person_id,
            unit=task.holder.unit,
            unit_key=task.holder.unit_key,
        ),
        "instruction": task.instruction,
        "due_on": task.due_on,
        "given_by": task.giver.name,
        "giver_post": task.giver.post,
        "given_at": task.given_at,
        "state": task.state,
        "reason": task.reason,
        "percent": task.percent,
        "proposal": task.proposal,
        "proposed_at": task.proposed_at,
        "ended_at": task.ended_at,
        "extension": ExtensionView(until=asked.until, reason=asked.reason, by=asked.by, at=asked.at) if asked else None,
        "standing": task.standing(today, desk.calendar),
        "working_days_left": desk.calendar.between(today, task.due_on)
        if task.due_on and task.state not in ENDED
        else None,
        "version": task.version,
    }


def document_of(about: dict[str, Any]) -> DocumentOfTask:
    return DocumentOfTask(
        number_symbol=about.get("number_symbol"),
        type_name=about["type_name"],
        abstract=about["abstract"],
        agency_name=about["agency_name"],
        urgency=about.get("urgency", 0),
    )


def slip(incoming_id: UUID, tasks: list[Task], desk: Desk, *, may_give: bool) -> SlipView:
    kept = [each for each in tasks if each.state != "withdrawn"]
    return SlipView(
        incoming_id=incoming_id,
        leader=[TaskLine(**line(each, desk)) for each in kept if each.parent_id is None],
        heads=[TaskLine(**line(each, desk)) for each in kept if each.parent_id is not None],
        proposals=[TaskLine(**line(each, desk)) for each in kept if each.proposal],
        may_give=may_give,
    )


def choices(desk: Desk) -> ChoicesView:
    units = {
        key: UnitView(key=key, name=post.unit)
        for post in desk.posts
        if post.unit and (key := domain.unit_key(post.unit_id, post.unit))
    }
    people = {
        post.person_id: PersonView(person_id=post.person_id, name=post.name, post=post.title, unit=post.unit)
        for post in desk.posts
    }
    return ChoicesView(units=sorted(units.values(), key=lambda each: each.name), people=list(people.values()))
