"""Acts on tasks and what they do to their document: assigned (04), begun (05), completed (06), in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.docs import incoming as arrivals
from services.docs import store_incoming, store_registry, store_workdays
from services.docs.access import Acting
from services.docs.handling import domain, refusals, store
from services.docs.handling.domain import ENDED, Holder, Part, Task, Telling
from services.docs.incoming import ASSIGNED, COMPLETED, REGISTERED, STARTED, Incoming
from services.docs.standing import Post, head_reader, in_unit, is_deputy, is_head
from services.docs.step import Step
from services.docs.workdays import Calendar
from shared.errors import Rejected
from shared.events import Actor
from shared.ids import new_id

WORKING = (REGISTERED, ASSIGNED, STARTED)
READERS = frozenset({"clerk", "leader"})


@dataclass(frozen=True, slots=True)
class To:
    """Whom something is given: a person, or a unit by its key."""

    person_id: UUID | None = None
    unit_key: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What every act on a document's tasks needs, read once."""

    acting: Acting
    posts: tuple[Post, ...]
    calendar: Calendar

    @property
    def by(self) -> Actor:
        return self.acting.by

    def keep(self, step: Step[Task] | None, *, new: bool = False) -> None:
        if step:
            look = domain.next_look(step.after, self.calendar)
            store.keep_task(self.acting.tx, step, look, source=self.acting.office.source, new=new)

    def keep_document(self, step: Step[Incoming] | None) -> None:
        if step:
            store_incoming.keep_incoming(self.acting.tx, step, source=self.acting.office.source)

    def holder(self, to: To) -> Holder:
        """Rejected(holder_unknown) for whoever does not work here today."""
        for post in self.posts:
            if to.person_id is not None and post.person_id == to.person_id:
                return domain.person_holder(post)
            if to.person_id is None and to.unit_key and domain.unit_key(post.unit_id, post.unit) == to.unit_key:
                return Holder(post.unit or "", unit=post.unit, unit_id=post.unit_id)
        raise Rejected(refusals.HOLDER_UNKNOWN)

    def people(self, holder: Holder) -> tuple[UUID, ...]:
        """Who is told of a holder's task: themselves; of a unit its head, else all of it."""
        if holder.person_id is not None:
            return (holder.person_id,)
        return tuple(each.person_id for each in heads_of(self.posts, holder))

    def readers(self, holder: Holder) -> tuple[UUID, ...]:
        """Keys of those who may read the document because of a task: whose it is, and the head of their unit."""
        head = head_reader(self.acting.agency_id, holder.unit_id, holder.unit)
        return (*self.people(holder), *([head] if head else []))

    def told(self, held: Incoming, people: Iterable[UUID | None]) -> Telling:
        return Telling(title_of(held), tuple(each for each in people if each is not None))


def desk_of(acting: Acting) -> Desk:
    posts = store_registry.list_posts(acting.tx, acting.agency_id, acting.today())
    readers = tuple(each for each in posts if each.roles & READERS)
    return Desk(acting, readers, store_workdays.calendar_for(acting.tx, acting.agency_id))


def heads_of(posts: Iterable[Post], holder: Holder) -> list[Post]:
    members = [each for each in posts if in_unit(each, holder.unit_id, holder.unit)]
    return [p for p in members if is_head(p)] or [p for p in members if is_deputy(p)] or members


def title_of(held: Incoming) -> str:
    about = held.descriptor
    return " ".join(f"{about.number_symbol or about.type_name}: {about.abstract}".split())


# --- the leader's block


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of what is given: to whom, until when, what for."""

    to: To
    due_on: date | None
    instruction: str


def give_slip(acting: Acting, held: Incoming, lead: Wanted | None, joint: list[Wanted]) -> None:
    """The leader's instruction: who leads, who joins, until when each. More who join may be named later."""
    if held.status not in WORKING:
        raise Rejected(refusals.NOT_TO_HANDLE, status=held.status)
    desk = desk_of(acting)
    open_now = [each for each in store.list_of(acting.tx, held.id) if each.state not in ENDED]
    leading = next((each for each in open_now if each.part == "lead"), None)
    if lead and leading:
        raise Rejected(refusals.LEAD_GIVEN, name=leading.holder.name)
    if lead is None and leading is None:
        raise Rejected(refusals.LEAD_NEEDED)
    taken = [each.holder for each in open_now if each.parent_id is None]
    for n, wanted in enumerate([*([lead] if lead else []), *joint]):
        holder = desk.holder(wanted.to)
        if any(holder.same(each) for each in taken):
            raise Rejected(refusals.HOLDER_REPEATED, name=holder.name)
        taken.append(holder)
        leads = lead is not None and n == 0
        give(desk, held, holder, wanted, part="lead" if leads else "joint")
        if leads:
            assign_document(desk, held, holder)


def give(desk: Desk, held: Incoming, holder: Holder, wanted: Wanted, *, part: Part, parent: Task | None = None) -> Task:
    acting = desk.acting
    domain.check_due(wanted.due_on, parent, acting.today(), desk.calendar)
    task = Task(
        id=new_id(),
        agency_id=acting.agency_id,
        incoming_id=held.id,
        parent_id=parent.id if parent else None,
        part=part,
        holder=holder,
        instruction=wanted.instruction,
        due_on=wanted.due_on,
        giver=desk.by,
        given_at=acting.now(),
        readers=desk.readers(holder),
    )
    desk.keep(domain.give(task, desk.by, acting.now(), desk.told(held, desk.people(holder))), new=True)
    return task


def assign_document(desk: Desk, held: Incoming, holder: Holder) -> None:
    """To its lead: of a unit to whoever heads it. Once work has begun the status stays."""
    if held.status == STARTED:
        return
    people = heads_of(desk.posts, holder) if holder.person_id is None else []
    person_id = holder.person_id or (people[0].person_id if people else None)
    if person_id is None:
        raise Rejected(refusals.HOLDER_UNKNOWN)
    name = holder.name if holder.person_id else f"{people[0].name} ({holder.name})"
    desk.keep_document(arrivals.assign(held, person_id, name, desk.by, desk.acting.now()))


# --- a task's own acts


def opened(acting: Acting, task_id: UUID) -> tuple[Desk, Incoming, Task]:
    """The task and its document, both locked, the document first; NotFound for those who may not see it."""
    incoming_id = store.get(acting.tx, task_id).incoming_id
    held = store_incoming.lock(acting.tx, incoming_id)
    task = store.lock(acting.tx, task_id)
    if held.status not in (*WORKING, COMPLETED):
        raise Rejected(refusals.NOT_TO_HANDLE, status=held.status)
    return desk_of(acting), held, task


def begin_document(desk: Desk, held: Incoming) -> Incoming:
    """The first who begins begins the document's handling (05)."""
    if held.status in (REGISTERED, ASSIGNED):
        desk.keep_document(arrivals.start(held, desk.by, desk.acting.now()))
        return store_incoming.lock(desk.acting.tx, held.id)
    return held


def close(desk: Desk, held: Incoming, task: Task, text: str | None) -> None:
    """With the last of the leader's tasks the document is completed (06)."""
    acting, tasks = desk.acting, store.list_of(desk.acting.tx, held.id)
    beneath = [each for each in tasks if each.parent_id == task.id]
    telling = desk.told(held, desk.people(task.holder))
    desk.keep(domain.close(task, beneath, text, by=desk.by, at=acting.now(), telling=telling))
    others = [each for each in tasks if each.parent_id is None and each.id != task.id and each.state not in ENDED]
    if task.parent_id is None and not others:
        held = begin_document(desk, held)
        desk.keep_document(arrivals.complete(held, text, desk.by, acting.now()))


def withdraw(desk: Desk, held: Incoming, task: Task, reason: str) -> None:
    """With it goes what was given on from it. Rejected(lead_needed) for the lead's: that is passed on instead."""
    if task.part == "lead":
        raise Rejected(refusals.LEAD_NEEDED)
    for each in [task, *_beneath(task, store.list_of(desk.acting.tx, held.id))]:
        if each.state not in ENDED:
            telling = desk.told(held, desk.people(each.holder))
            desk.keep(domain.withdraw(each, reason, desk.by, desk.acting.now(), telling))


def _beneath(task: Task, tasks: list[Task]) -> list[Task]:
    own = [each for each in tasks if each.parent_id == task.id]
    return own + [deeper for each in own for deeper in _beneath(each, tasks)]


def check_due(desk: Desk, due_on: date, task: Task) -> None:
    """A new deadline of a task, against today, the calendar and the task above."""
    above = store.get(desk.acting.tx, task.parent_id) if task.parent_id else None
    domain.check_due(due_on, above, desk.acting.today(), desk.calendar)


def give_back(desk: Desk, held: Incoming, task: Task, reason: str) -> None:
    """A closed task is opened again, as long as its document is being handled and the task above it goes on."""
    acting = desk.acting
    if task.state == "done":
        if held.status not in WORKING:
            raise Rejected(refusals.NOT_TO_HANDLE, status=held.status)
        if task.parent_id and store.get(acting.tx, task.parent_id).state in ENDED:
            raise Rejected(refusals.ABOVE_ENDED)
        leading = _leading(acting, held.id)
        if task.part == "lead" and leading:
            raise Rejected(refusals.LEAD_GIVEN, name=leading.holder.name)
    telling = desk.told(held, desk.people(task.holder))
    desk.keep(domain.give_back(task, reason, desk.by, acting.now(), telling))


def set_due(desk: Desk, held: Incoming, task: Task, due_on: date, reason: str) -> None:
    """Another deadline, not later than the task above has, nor earlier than those given on from it."""
    check_due(desk, due_on, task)
    beneath = _beneath(task, store.list_of(desk.acting.tx, held.id))
    later = [each.holder.name for each in beneath if each.state not in ENDED and each.due_on and each.due_on > due_on]
    if later:
        raise Rejected(refusals.DUE_BEFORE_PARTS, day=f"{due_on:%d/%m/%Y}", names=", ".join(later))
    telling = desk.told(held, desk.people(task.holder))
    desk.keep(domain.set_due(task, due_on, reason, by=desk.by, at=desk.acting.now(), telling=telling))


def pass_on(desk: Desk, held: Incoming, task: Task, to: To, reason: str) -> None:
    acting, holder = desk.acting, desk.holder(to)
    people = (*desk.people(holder), *desk.people(task.holder))
    step = domain.pass_on(
        task, holder, desk.readers(holder), reason, by=desk.by, at=acting.now(), telling=desk.told(held, people)
    )
    desk.keep(step)
    if step and task.part == "lead":
        assign_document(desk, held, holder)


# --- what is done on the document's own page


def after_assign(acting: Acting, held: Incoming, person_id: UUID) -> None:
    """Assigned without a slip: the person leads, with no deadline; whoever led before passes it on."""
    desk = desk_of(acting)
    leading = _leading(acting, held.id)
    if leading is None:
        give(desk, held, desk.holder(To(person_id)), Wanted(To(person_id), None, ""), part="lead")
        return
    holder = desk.holder(To(person_id))
    telling = desk.told(held, (*desk.people(holder), *desk.people(leading.holder)))
    desk.keep(domain.pass_on(leading, holder, desk.readers(holder), "", by=desk.by, at=acting.now(), telling=telling))


def after_start(acting: Acting, held: Incoming) -> None:
    leading = _leading(acting, held.id)
    desk = desk_of(acting)
    if leading and leading.state == "open" and domain.may_work(leading, acting.post, desk.posts):
        telling = desk.told(held, (leading.giver.person_id,))
        desk.keep(domain.start(leading, desk.by, acting.now(), telling))


def after_complete(acting: Acting, held: Incoming) -> None:
    """The document is done, and with it whatever was still open on it, beneath before above."""
    desk, at = desk_of(acting), acting.now()
    for each in reversed(store.list_of(acting.tx, held.id)):
        if each.state not in ENDED:
            telling = desk.told(held, desk.people(each.holder))
            desk.keep(domain.close(each, [], None, by=desk.by, at=at, telling=telling))


def _leading(acting: Acting, incoming_id: UUID) -> Task | None:
    found = store.list_of(acting.tx, incoming_id)
    return next((each for each in found if each.part == "lead" and each.state not in ENDED), None)


def due_of(desk: Desk, due_on: date | None, working_days: int | None) -> date | None:
    """A deadline as a day, given as one or as so many working days from today."""
    if due_on is None and working_days is not None:
        return desk.calendar.after(desk.acting.today(), working_days)
    return due_on
