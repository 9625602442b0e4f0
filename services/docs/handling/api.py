"""HTTP for the handling of what arrived: the assignment slip, tasks and what is done on them, lists of tasks."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field, model_validator

from services.docs import access, store, store_incoming
from services.docs.access import Acting, IfMatch, Member, ReasonLine
from services.docs.handling import api_rights, domain, views
from services.docs.handling import desk as handling
from services.docs.handling import slip as slips
from services.docs.handling import store as tasks
from services.docs.handling.desk import Desk, To, Wanted
from services.docs.handling.domain import Task
from services.docs.handling.refusals import HOLDER_REPEATED
from services.docs.handling.views import ChoicesView, SlipView, TaskInList, TaskLine, TaskPage, TaskView
from services.docs.incoming import Incoming
from services.docs.standing import sees_all
from services.docs.text import clean_lines
from services.docs.views import Body, entry_views
from shared.errors import FORBIDDEN, INVALID_REQUEST, Rejected
from shared.http import OnceOnly, decode_cursor, encode_cursor

router = APIRouter(tags=["handling"])
router.include_router(api_rights.router)

Words = Annotated[str, AfterValidator(clean_lines), Field(max_length=4000)]


class ToBody(Body):
    """To a person or to a unit, one of the two."""

    person_id: UUID | None = None
    unit_key: str | None = Field(default=None, max_length=300)

    @model_validator(mode="after")
    def _one(self) -> ToBody:
        if (self.person_id is None) == (not self.unit_key):
            raise ValueError("either person_id or unit_key")
        return self

    @property
    def to(self) -> To:
        return To(self.person_id, self.unit_key)


class GiveBody(ToBody):
    """`due_on`, or `working_days` from today; neither: no deadline."""

    due_on: date | None = None
    working_days: int | None = Field(default=None, ge=1, le=250)
    instruction: Words = ""

    def wanted(self, desk: Desk) -> Wanted:
        due = handling.due_of(desk, self.due_on, self.working_days)
        return Wanted(self.to, due, self.instruction)


class SlipBody(Body):
    lead: GiveBody | None = None
    joint: list[GiveBody] = Field(default=[], max_length=50)


class NoteBody(Body):
    percent: int | None = Field(default=None, ge=0, le=100)
    text: Words = ""

    @model_validator(mode="after")
    def _something(self) -> NoteBody:
        if self.percent is None and not self.text:
            raise ValueError("a note says something: text or percent")
        return self


class ProposeBody(Body):
    text: Annotated[Words, Field(min_length=1)]


class CloseBody(Body):
    text: Words | None = None


class ReasonBody(Body):
    reason: ReasonLine


class ExtendBody(ReasonBody):
    until: date


class DueBody(ReasonBody):
    due_on: date


class AnswerBody(Body):
    agreed: bool
    reason: Words | None = None


class PassOnBody(ToBody):
    reason: ReasonLine


@router.get("/handling/choices")
def list_choices(acting: Member) -> ChoicesView:
    """Units and people of the agency to whom something can be given."""
    return views.choices(handling.desk_of(acting))


# --- the slip


@router.get("/incoming/{incoming_id}/slip")
def get_slip(incoming_id: UUID, acting: Member) -> SlipView:
    return _slip(acting, store_incoming.get(acting.tx, incoming_id))


@router.post("/incoming/{incoming_id}/slip", status_code=201)
def give_slip(incoming_id: UUID, body: SlipBody, acting: Member, once: OnceOnly) -> SlipView:
    """The leader's instruction, or what a clerk enters for the leader: who leads, who joins, until when each."""

    def act() -> SlipView:
        held = store_incoming.lock(acting.tx, incoming_id)
        desk = handling.desk_of(acting)
        lead = body.lead.wanted(desk) if body.lead else None
        handling.give_slip(acting, held, lead, [each.wanted(desk) for each in body.joint])
        return _slip(acting, store_incoming.get(acting.tx, incoming_id))

    return once.run(act, SlipView)


def _slip(acting: Acting, held: Incoming) -> SlipView:
    may_give = held.status in handling.WORKING
    return views.slip(held.id, tasks.list_of(acting.tx, held.id), handling.desk_of(acting), may_give=may_give)


@router.get("/incoming/{incoming_id}/slip.pdf", response_class=Response)
def print_slip(incoming_id: UUID, acting: Member) -> Response:
    held = store_incoming.get(acting.tx, incoming_id)
    found = _slip(acting, held)
    about = held.descriptor
    printed = slips.Slip(
        agency=held.receiver.name,
        document=(
            ("Số đến", str(held.arrival_number or "—")),
            ("Số, ký hiệu", about.number_symbol or "—"),
            ("Ngày văn bản", f"{about.issued_on:%d/%m/%Y}" if about.issued_on else "—"),
            ("Nơi gửi", held.sender.name),
            ("Tên loại và trích yếu", f"{about.type_name}: {about.abstract}"),
        ),
        leader=[_row(each) for each in found.leader],
        heads=[_row(each) for each in found.heads],
        proposals=[_proposal(each) for each in found.proposals],
    )
    headers = {"Content-Disposition": 'inline; filename="phieu-giai-quyet.pdf"', "Cache-Control": "private, no-cache"}
    return Response(slips.to_pdf(printed), media_type="application/pdf", headers=headers)


def _row(each: TaskLine) -> slips.Row:
    part = {"lead": "Chủ trì", "joint": "Phối hợp", "handler": "Giải quyết"}[each.part]
    due = f"{each.due_on:%d/%m/%Y}" if each.due_on else ""
    said = f"{each.given_by}, ngày {each.given_at.astimezone(domain.VIETNAM):%d/%m/%Y}"
    return slips.Row(f"{part}: {each.holder.name}", due, each.instruction, said)


def _proposal(each: TaskLine) -> slips.Row:
    day = f", ngày {each.proposed_at.astimezone(domain.VIETNAM):%d/%m/%Y}" if each.proposed_at else ""
    return slips.Row("", "", each.proposal or "", f"{each.holder.name}{day}")


# --- tasks


@router.get("/tasks")
def list_tasks(
    acting: Member,
    whose: Literal["mine", "unit", "given", "all"] = "mine",
    when: Literal["any", "overdue", "due_soon"] = "any",
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> TaskPage:
    """Open tasks, most pressing first: one's own, one's unit's, those one has given; all, for the agency's head and
    registrar.
    """
    if whose == "all" and not sees_all(acting.post):
        raise Rejected(FORBIDDEN)
    desk, skip = handling.desk_of(acting), _skip(cursor)
    rows = tasks.list_tasks(acting.tx, whose, when, _asked(desk) | {"skip": skip, "most": access.PAGE + 1})
    items = [TaskInList(**views.line(task, desk), document=views.document_of(about)) for task, about in rows]
    more = encode_cursor(str(skip + access.PAGE)) if len(rows) > access.PAGE else None
    return TaskPage(items=items[: access.PAGE], next_cursor=more)


def _skip(cursor: str | None) -> int:
    values = decode_cursor(cursor, 1)
    if values and not values[0].isdecimal():
        raise Rejected(INVALID_REQUEST, where="/query/cursor")
    return int(values[0]) if values else 0


def _asked(desk: Desk) -> dict[str, Any]:
    post, today = desk.acting.post, desk.acting.today()
    unit = domain.unit_key(post.unit_id, post.unit)
    return {
        "me": post.person_id,
        "unit": unit,
        "headed": unit if domain.works_for_unit(post, desk.posts) else None,
        "before": desk.calendar.before(today, 1),
        "soon": desk.calendar.after(today, domain.SOON),
    }


@router.get("/counters/tasks")
def count_tasks(acting: Member) -> dict[str, int]:
    """Open tasks of whoever asks: open, due_soon, overdue; to_decide waits for who gave it."""
    return tasks.count_tasks(acting.tx, _asked(handling.desk_of(acting)))


@router.get("/tasks/{task_id}")
def get_task(task_id: UUID, acting: Member, response: Response) -> TaskView:
    task = tasks.get(acting.tx, task_id)
    access.etag(response, task.version)
    return _task(acting, task)


def _task(acting: Acting, task: Task) -> TaskView:
    desk, held = handling.desk_of(acting), store_incoming.get(acting.tx, task.incoming_id)
    beneath = [each for each in tasks.list_of(acting.tx, held.id) if each.parent_id == task.id]
    open_now = task.state not in domain.ENDED and held.status in handling.WORKING
    return TaskView(
        **views.line(task, desk),
        document=views.document_of(held.descriptor.model_dump(mode="json")),
        beneath=[TaskLine(**views.line(each, desk)) for each in beneath],
        history=entry_views(store.histories(acting.tx, [task.id])[task.id]),
        may_work=open_now and domain.may_work(task, acting.post, desk.posts),
        may_decide=open_now and domain.may_decide(task, acting.post),
        may_reopen=task.state == "done" and held.status in handling.WORKING and domain.may_decide(task, acting.post),
    )


class _Act:
    """One act on one task: opened, its version checked, done, answered."""

    def __init__(self, acting: Acting, task_id: UUID, if_match: str | None) -> None:
        self.acting = acting
        self.desk, self.held, self.task = handling.opened(acting, task_id)
        access.check_version(if_match, self.task.version)
        self.by, self.at = acting.by, acting.now()

    def worker(self) -> None:
        domain.check_worker(self.task, self.acting.post, self.desk.posts)

    def giver(self) -> None:
        domain.check_giver(self.task, self.acting.post)

    def tell_giver(self) -> domain.Telling:
        return self.desk.told(self.held, (self.task.giver.person_id,))

    def tell_holder(self) -> domain.Telling:
        return self.desk.told(self.held, self.desk.people(self.task.holder))

    def answer(self) -> TaskView:
        return _task(self.acting, tasks.get(self.acting.tx, self.task.id))


@router.post("/tasks/{task_id}/give", status_code=201)
def give(task_id: UUID, body: GiveBody, acting: Member, once: OnceOnly) -> TaskView:
    """The unit's head gives it to a person, or part of it; who holds a task may have others do part of it."""

    def act() -> TaskView:
        one = _Act(acting, task_id, None)
        one.worker()
        wanted = body.wanted(one.desk)
        holder = one.desk.holder(wanted.to)
        open_now = [t for t in tasks.list_of(acting.tx, one.held.id) if t.state not in domain.ENDED]
        if holder.same(one.task.holder) or any(t.parent_id == task_id and t.holder.same(holder) for t in open_now):
            raise Rejected(HOLDER_REPEATED, name=holder.name)
        handling.give(one.desk, one.held, holder, wanted, part="handler", parent=one.task)
        return one.answer()

    return once.run(act, TaskView)


@router.post("/tasks/{task_id}/start")
def start(task_id: UUID, acting: Member, if_match: IfMatch = None) -> TaskView:
    """The first who begins begins the document's handling (05)."""
    one = _Act(acting, task_id, if_match)
    one.worker()
    handling.begin_document(one.desk, one.held)
    one.desk.keep(domain.start(one.task, one.by, one.at, one.desk.told(one.held, ())))
    return one.answer()


@router.post("/tasks/{task_id}/note")
def note(task_id: UUID, body: NoteBody, acting: Member) -> TaskView:
    one = _Act(acting, task_id, None)
    one.worker()
    handling.begin_document(one.desk, one.held)
    telling = one.desk.told(one.held, ())
    one.desk.keep(domain.note(one.task, body.percent, body.text, by=one.by, at=one.at, telling=telling))
    return one.answer()


@router.post("/tasks/{task_id}/propose")
def propose(task_id: UUID, body: ProposeBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    one = _Act(acting, task_id, if_match)
    one.worker()
    handling.begin_document(one.desk, one.held)
    one.desk.keep(domain.propose(one.task, body.text, one.by, one.at, one.tell_giver()))
    return one.answer()


@router.post("/tasks/{task_id}/close")
def close(task_id: UUID, acting: Member, body: CloseBody | None = None, if_match: IfMatch = None) -> TaskView:
    """By who gave it. With the last of the leader's tasks the document is completed (06)."""
    one = _Act(acting, task_id, if_match)
    if one.task.state != "done":
        one.giver()
        handling.close(one.desk, one.held, one.task, body.text or None if body else None)
    return one.answer()


@router.post("/tasks/{task_id}/return")
def give_back(task_id: UUID, body: ReasonBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    """What was proposed or closed is not done yet; or who declined has to do it all the same."""
    one = _Act(acting, task_id, if_match)
    domain.check_giver(one.task, acting.post, done_too=True)
    handling.give_back(one.desk, one.held, one.task, body.reason)
    return one.answer()


@router.post("/tasks/{task_id}/decline")
def decline(task_id: UUID, body: ReasonBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    """By who holds it: not theirs to do, and why. It stays theirs until whoever gave it decides."""
    one = _Act(acting, task_id, if_match)
    one.worker()
    beneath = [each for each in tasks.list_of(acting.tx, one.held.id) if each.parent_id == task_id]
    step = domain.decline(one.task, beneath, body.reason, by=one.by, at=one.at, telling=one.tell_giver())
    one.desk.keep(step)
    return one.answer()


@router.post("/tasks/{task_id}/deadline")
def set_due(task_id: UUID, body: DueBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    """Another deadline, by who gave it, with the reason; the history keeps who allowed it."""
    one = _Act(acting, task_id, if_match)
    one.giver()
    handling.set_due(one.desk, one.held, one.task, body.due_on, body.reason)
    return one.answer()


@router.post("/tasks/{task_id}/withdraw")
def withdraw(task_id: UUID, body: ReasonBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    """By who gave it; the lead's task is passed on instead, for somebody has to lead."""
    one = _Act(acting, task_id, if_match)
    one.giver()
    handling.withdraw(one.desk, one.held, one.task, body.reason)
    return one.answer()


@router.post("/tasks/{task_id}/reassign")
def pass_on(task_id: UUID, body: PassOnBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    one = _Act(acting, task_id, if_match)
    one.giver()
    handling.pass_on(one.desk, one.held, one.task, body.to, body.reason)
    return one.answer()


@router.post("/tasks/{task_id}/extend")
def ask_extension(task_id: UUID, body: ExtendBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    """More time, asked by who holds it of who gave it; never beyond the task above."""
    one = _Act(acting, task_id, if_match)
    one.worker()
    one.desk.keep(
        domain.ask_extension(one.task, body.until, body.reason, by=one.by, at=one.at, telling=one.tell_giver())
    )
    handling.check_due(one.desk, body.until, one.task)
    return one.answer()


@router.post("/tasks/{task_id}/extension")
def answer_extension(task_id: UUID, body: AnswerBody, acting: Member, if_match: IfMatch = None) -> TaskView:
    one = _Act(acting, task_id, if_match)
    one.giver()
    if body.agreed and one.task.extension:
        handling.check_due(one.desk, one.task.extension.until, one.task)
    telling, reason = one.tell_holder(), body.reason or None
    one.desk.keep(domain.answer_extension(one.task, reason, agreed=body.agreed, by=one.by, at=one.at, telling=telling))
    return one.answer()
