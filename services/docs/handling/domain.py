"""Tasks on a document that arrived: who gives them to whom, how they go on, who decides that they are done. Pure.

A task is a person's, or a unit's until its head gives it on. The leader's, the unit heads' and the handlers' tasks of a
document together are its assignment slip (NĐ 30 annex IV.VII).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.docs.handling import refusals
from services.docs.standing import Post, in_unit, is_head, leads_agency
from services.docs.step import Step
from services.docs.text import fold
from services.docs.workdays import VIETNAM as VIETNAM  # noqa: PLC0414  days on paper
from services.docs.workdays import Calendar
from shared.errors import Rejected
from shared.events import Actor
from shared.events.docs import TaskAct, TaskChanged

Part = Literal["lead", "joint", "handler"]
State = Literal["open", "started", "proposed", "returned", "declined", "done", "withdrawn"]
Standing = Literal["ended", "overdue", "due_soon", "on_time", "no_deadline"]
ENDED = frozenset({"done", "withdrawn"})
SOON = 3  # working days


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a task is; without a person it is the unit's."""

    name: str
    person_id: UUID | None = None
    unit: str | None = None
    unit_id: UUID | None = None

    @property
    def unit_key(self) -> str | None:
        return unit_key(self.unit_id, self.unit)

    def same(self, other: Holder) -> bool:
        return (self.person_id, None if self.person_id else self.unit_key) == (
            other.person_id,
            None if other.person_id else other.unit_key,
        )


def unit_key(unit_id: UUID | None, unit: str | None) -> str | None:
    """What a unit is known by: its id on record, else its name without marks."""
    return str(unit_id) if unit_id else (fold(unit) if unit else None)


def person_holder(post: Post) -> Holder:
    return Holder(post.name, post.person_id, post.unit, post.unit_id)


@dataclass(frozen=True, slots=True)
class Extension:
    """More time that is asked for."""

    until: date
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Task:
    id: UUID
    agency_id: UUID
    incoming_id: UUID
    parent_id: UUID | None
    part: Part
    holder: Holder
    instruction: str
    due_on: date | None
    giver: Actor
    given_at: datetime
    state: State = "open"
    reason: str | None = None  # why it was returned or withdrawn
    percent: int = 0
    proposal: str | None = None
    proposed_at: datetime | None = None
    ended_at: datetime | None = None
    extension: Extension | None = None
    told: Literal["due_soon", "overdue"] | None = None
    readers: tuple[UUID, ...] = ()  # keys (standing.py) of those who have to do with it
    version: int = 0

    def standing(self, today: date, calendar: Calendar) -> Standing:
        if self.state in ENDED:
            return "ended"
        if self.due_on is None:
            return "no_deadline"
        if calendar.last_day(self.due_on) < today:
            return "overdue"
        return "due_soon" if calendar.before(self.due_on, SOON) <= today else "on_time"


@dataclass(frozen=True, slots=True)
class Telling:
    """What a fact about a task says beside it: of which document, and who is to be told."""

    title: str
    people: tuple[UUID, ...] = ()


def next_look(task: Task, calendar: Calendar) -> datetime | None:
    """When the deadline is worth a word again: when three working days are left, and when it has passed."""
    if task.due_on is None or task.state in ENDED or task.told == "overdue":
        return None
    soon = calendar.start_of(calendar.before(task.due_on, SOON))
    return calendar.end_of(calendar.last_day(task.due_on)) if task.told == "due_soon" or task.given_at >= soon else soon


# --- who may what


def may_work(task: Task, post: Post, posts: tuple[Post, ...]) -> bool:
    """Whose it is; of a unit its head, or anybody of it while it has none."""
    own = task.holder
    if own.person_id is not None:
        return own.person_id == post.person_id
    return _works_for(own.unit_id, own.unit, post, posts)


def works_for_unit(post: Post, posts: tuple[Post, ...]) -> bool:
    """Whether what is given to the unit of this post is this person's to do."""
    return _works_for(post.unit_id, post.unit, post, posts)


def _works_for(unit_id: UUID | None, unit: str | None, post: Post, posts: tuple[Post, ...]) -> bool:
    members = [each for each in posts if in_unit(each, unit_id, unit)]
    heads = {each.person_id for each in members if is_head(each)}
    return post.person_id in (heads or {each.person_id for each in members})


def may_decide(task: Task, post: Post) -> bool:
    return task.giver.person_id == post.person_id or leads_agency(post)


def check_worker(task: Task, post: Post, posts: tuple[Post, ...]) -> None:
    _check_open(task)
    if not may_work(task, post, posts):
        raise Rejected(refusals.NOT_YOUR_TASK, name=task.holder.name)


def check_giver(task: Task, post: Post, *, done_too: bool = False) -> None:
    if not (done_too and task.state == "done"):
        _check_open(task)
    if not may_decide(task, post):
        raise Rejected(refusals.NOT_THE_GIVER, name=task.giver.name)


def _check_open(task: Task) -> None:
    if task.state in ENDED:
        raise Rejected(refusals.TASK_ENDED)


def check_due(due_on: date | None, parent: Task | None, today: date, calendar: Calendar) -> None:
    """A working day from today on, not later than that of the task above."""
    if due_on is None:
        return
    if due_on < today:
        raise Rejected(refusals.DUE_PAST, day=f"{due_on:%d/%m/%Y}")
    if not calendar.works(due_on):
        after = calendar.after(due_on, 1)
        raise Rejected(refusals.DUE_DAY_OFF, day=f"{due_on:%d/%m/%Y}", next=f"{after:%d/%m/%Y}")
    if parent and parent.due_on and due_on > parent.due_on:
        raise Rejected(refusals.DUE_AFTER_PARENT, day=f"{due_on:%d/%m/%Y}", parent=f"{parent.due_on:%d/%m/%Y}")


# --- the acts; None means that this very thing has been done already


def give(task: Task, by: Actor, at: datetime, telling: Telling) -> Step[Task]:
    return _step(task, "given", by, at, telling, detail=task.holder.name)


def start(task: Task, by: Actor, at: datetime, telling: Telling) -> Step[Task] | None:
    if task.state == "started":
        return None
    return _step(replace(task, state="started"), "started", by, at, telling)


def note(task: Task, percent: int | None, text: str, *, by: Actor, at: datetime, telling: Telling) -> Step[Task]:
    """How far it is; who writes that has begun."""
    state: State = "started" if task.state == "open" else task.state
    after = replace(task, percent=task.percent if percent is None else percent, state=state)
    said = text if percent is None else f"{percent} %{': ' if text else ''}{text}"
    return _step(after, "noted", by, at, telling, detail=said)


def propose(task: Task, text: str, by: Actor, at: datetime, telling: Telling) -> Step[Task] | None:
    """What the handler proposes, for whoever gave the task to decide."""
    if task.state == "proposed" and task.proposal == text:
        return None
    after = replace(task, state="proposed", proposal=text, proposed_at=at, reason=None)
    return _step(after, "proposed", by, at, telling, detail=text)


def _check_parts(beneath: list[Task]) -> None:
    if names := sorted({each.holder.name for each in beneath if each.state not in ENDED}):
        raise Rejected(refusals.PARTS_OPEN, names=", ".join(names))


def close(
    task: Task, beneath: list[Task], text: str | None, *, by: Actor, at: datetime, telling: Telling
) -> Step[Task] | None:
    """The work is done, says who gave it. Rejected(parts_open) while work given on from it goes on."""
    if task.state == "done":
        return None
    _check_parts(beneath)
    return _step(replace(task, state="done", percent=100, ended_at=at), "closed", by, at, telling, detail=text)


def decline(
    task: Task, beneath: list[Task], reason: str, *, by: Actor, at: datetime, telling: Telling
) -> Step[Task] | None:
    """Who was given it says that it is not theirs to do; whoever gave it passes it on, withdraws it, or insists."""
    if task.state == "declined" and task.reason == reason:
        return None
    _check_parts(beneath)
    return _step(replace(task, state="declined", reason=reason), "declined", by, at, telling, detail=reason)


def give_back(task: Task, reason: str, by: Actor, at: datetime, telling: Telling) -> Step[Task]:
    """What was proposed is not good enough, what was closed is not done after all, or who declined has to do it."""
    if task.state not in ("proposed", "declined", "done"):
        raise Rejected(refusals.NOT_PROPOSED)
    after = replace(task, state="returned", reason=reason, ended_at=None, told=None)
    return _step(after, "returned", by, at, telling, detail=reason)


def set_due(task: Task, due_on: date, reason: str, *, by: Actor, at: datetime, telling: Telling) -> Step[Task] | None:
    """Another deadline, by who gave the task; more time that was asked for is answered with it."""
    if task.due_on == due_on:
        return None
    was = f"{task.due_on:%d/%m/%Y}" if task.due_on else "không có"
    after = replace(task, due_on=due_on, extension=None, told=None)
    return _step(after, "deadline_set", by, at, telling, detail=f"{was} → {due_on:%d/%m/%Y}: {reason}")


def withdraw(task: Task, reason: str, by: Actor, at: datetime, telling: Telling) -> Step[Task]:
    after = replace(task, state="withdrawn", reason=reason, ended_at=at)
    return _step(after, "called_off", by, at, telling, detail=reason)


def pass_on(
    task: Task, to: Holder, readers: tuple[UUID, ...], reason: str, *, by: Actor, at: datetime, telling: Telling
) -> Step[Task] | None:
    """To somebody else, who begins anew; what was said stays."""
    if task.holder.same(to):
        return None
    after = replace(task, holder=to, readers=readers, state="open", reason=None, extension=None, told=None)
    return _step(after, "reassigned", by, at, telling, detail=f"{to.name}: {reason}" if reason else to.name)


def ask_extension(
    task: Task, until: date, reason: str, *, by: Actor, at: datetime, telling: Telling
) -> Step[Task] | None:
    """None when just that is asked already (a second click)."""
    asked = task.extension
    if asked and (asked.until, asked.reason, asked.by) == (until, reason, by.name):
        return None
    if task.due_on is None or until <= task.due_on:
        raise Rejected(refusals.EXTENSION_NOT_LATER, due=f"{task.due_on:%d/%m/%Y}" if task.due_on else "—")
    after = replace(task, extension=Extension(until, reason, by.name, at))
    return _step(after, "extension_asked", by, at, telling, detail=f"{until:%d/%m/%Y}: {reason}")


def answer_extension(
    task: Task, reason: str | None, *, agreed: bool, by: Actor, at: datetime, telling: Telling
) -> Step[Task]:
    if task.extension is None:
        raise Rejected(refusals.NO_EXTENSION_ASKED)
    if not agreed:
        return _step(replace(task, extension=None), "extension_refused", by, at, telling, detail=reason)
    until = task.extension.until
    after = replace(task, due_on=until, extension=None, told=None)
    said = f"{until:%d/%m/%Y}" + (f": {reason}" if reason else "")
    return _step(after, "extension_granted", by, at, telling, detail=said)


def remind(task: Task, by: Actor, at: datetime, calendar: Calendar, telling: Telling) -> Step[Task] | None:
    """The deadline comes near, or has passed."""
    if task.due_on is None or task.state in ENDED:
        return None
    late = at >= calendar.end_of(calendar.last_day(task.due_on))
    what: Literal["due_soon", "overdue"] = "overdue" if late else "due_soon"
    if task.told in (what, "overdue"):
        return None
    return _step(replace(task, told=what), what, by, at, telling)


def _step(
    after: Task, act: TaskAct, by: Actor, at: datetime, telling: Telling, *, detail: str | None = None
) -> Step[Task]:
    others = tuple(each for each in dict.fromkeys(telling.people) if each != by.person_id)
    fact = TaskChanged(
        task_id=after.id,
        agency_id=after.agency_id,
        incoming_id=after.incoming_id,
        act=act,
        title=telling.title,
        holder=after.holder.name,
        due_on=after.due_on,
        reason=after.reason if act in ("returned", "called_off", "declined") else None,
        people=others,
        by=by,
        at=at,
    )
    return Step(after, act, by, at, detail=detail, tell=(fact,))
