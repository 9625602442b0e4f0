"""The use cases of a document's discussion: who may read it, remarks, opinions asked and given, their reminders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.docs import store as documents
from services.docs import store_workdays
from services.docs.access import Acting
from services.docs.document import Document
from services.docs.numbering import today
from services.docs.review import opinions, refusals, reviewing, store, store_drafts, store_talk
from services.docs.review.drafts import Draft, Person
from services.docs.review.opinions import Opinion, Request, Verdict
from services.docs.review.people import Directory
from services.docs.review.store_talk import Anchor, Remark
from services.docs.review.workflow import Who
from services.docs.step import ourselves
from shared import outbox
from shared.db import Tx
from shared.errors import NotFound, Refusal, Rejected
from shared.events.docs import OpinionAsked, OpinionGiven, RemarkMade
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Subject:
    """What is talked about: a draft, or the document that it has become."""

    id: UUID
    agency_id: UUID
    title: str
    document: Document | None
    draft: Draft | None


def subject_of(acting: Acting, subject_id: UUID, *, lock: bool = False) -> Subject:
    """Of a document for all who see it; of a draft for its author, its editors, and whoever was asked or mentioned.

    Raises NotFound. `lock`: the row, before facts about it are stated (invariant 1).
    """
    draft = store_drafts.find(acting.tx, subject_id)
    if draft and lock:
        draft = store_drafts.lock(acting.tx, subject_id)
    try:
        held = (documents.lock if lock else documents.get)(acting.tx, subject_id)
    except NotFound:
        held = None
    if held is not None:
        return Subject(held.id, held.agency_id, reviewing.title_of(held), held, draft)
    if draft is None or not (draft.may_edit(acting.person_id) or _was_asked(acting, subject_id)):
        raise NotFound("văn bản")
    return Subject(draft.id, draft.agency_id, draft.title, None, draft)


def _was_asked(acting: Acting, subject_id: UUID) -> bool:
    if acting.person_id in store_talk.people_concerned(acting.tx, subject_id):
        return True
    directory = store.directory_of(acting.tx, acting.agency_id, acting.now())
    requests = store_talk.list_requests(acting.tx, subject_id)
    return any(opinions.seats_of(each, acting.person_id, directory) for each in requests)


# --- remarks


def remark(
    acting: Acting, subject: Subject, text: str, *, answers: UUID | None, anchor: Anchor | None, mentions: list[UUID]
) -> Remark:
    """Say something, perhaps in answer to a remark, perhaps to somebody: who is mentioned is told."""
    known = {each.id for each in store_talk.list_remarks(acting.tx, subject.id)}
    if answers is not None and answers not in known:
        raise Rejected(refusals.REMARK_UNKNOWN)
    people = people_named(acting, mentions)
    made = Remark(new_id(), subject.id, acting.agency_id, answers, acting.by, acting.now(), text, anchor, tuple(people))
    store_talk.add_remark(acting.tx, made)
    _state(acting, subject, RemarkMade, remark_id=made.id, mentions=tuple(each.person_id for each in people))
    return made


def people_named(acting: Acting, ids: list[UUID], unknown: Refusal = refusals.MENTIONED_UNKNOWN) -> list[Person]:
    """Colleagues of today, by id; refuses with `unknown`."""
    held = {each.person_id: each for each in store.directory_of(acting.tx, acting.agency_id, acting.now()).held()}
    if any(each not in held for each in ids):
        raise Rejected(unknown)
    return [Person(each, held[each].name) for each in dict.fromkeys(ids)]


# --- opinions


def ask(acting: Acting, subject: Subject, question: str, asked: list[Who], due_on: date | None) -> Request:
    now, calendar = acting.now(), store_workdays.calendar_for(acting.tx, acting.agency_id)
    if due_on is not None and (due_on < today(now) or not calendar.works(due_on)):
        raise Rejected(refusals.DUE_NOT_AHEAD)
    directory = store.directory_of(acting.tx, acting.agency_id, now)
    wanted = Request(
        id=new_id(),
        subject_id=subject.id,
        agency_id=acting.agency_id,
        by=acting.by,
        at=now,
        question=question,
        asked=tuple(asked),
        due_at=calendar.end_of(due_on) if due_on else None,
    )
    made = opinions.ask(wanted, directory, acting.person_id)
    store_talk.add_request(acting.tx, made, opinions.next_look(made, calendar, now))
    people = _people(made, [], directory)
    _state(acting, subject, OpinionAsked, request_id=made.id, people=people, due_at=made.due_at)
    return made


def answer(acting: Acting, subject: Subject, request_id: UUID, verdict: Verdict, text: str) -> None:
    """One answer for every place on which somebody may speak; what was answered before stands."""
    request = _request_of(acting, subject, request_id)
    directory = store.directory_of(acting.tx, acting.agency_id, acting.now())
    seats = opinions.seats_of(request, acting.person_id, directory)
    opinions.check_answer(request, seats, verdict, text)
    made = [Opinion(request.id, seat, acting.person_id, acting.by, acting.now(), verdict, text) for seat in seats]
    if not sum(store_talk.add_opinion(acting.tx, acting.agency_id, each) for each in made):
        return
    if request.by.person_id is not None:
        _state(acting, subject, OpinionGiven, request_id=request.id, asked_by=request.by.person_id, verdict=verdict)
    answers = store_talk.list_opinions(acting.tx, [request.id])
    if not opinions.waiting(request, answers, directory):
        store_talk.save_request(acting.tx, request, None)  # nobody is to be reminded any more


def close(acting: Acting, subject: Subject, request_id: UUID) -> None:
    """Who asked needs no more answers."""
    request = _request_of(acting, subject, request_id)
    if request.by.person_id != acting.person_id:
        raise Rejected(refusals.OPINION_CLOSED_BY_ASKER)
    if request.closed_at is None:
        store_talk.save_request(acting.tx, replace(request, closed_at=acting.now()), None)


def _request_of(acting: Acting, subject: Subject, request_id: UUID) -> Request:
    request = store_talk.lock_request(acting.tx, request_id)
    if request.subject_id != subject.id:
        raise NotFound("yêu cầu ý kiến")
    return request


def _people(request: Request, answers: list[Opinion], directory: Directory) -> tuple[UUID, ...]:
    found = opinions.waiting(request, answers, directory).values()
    return tuple(dict.fromkeys(one.person_id for people in found for one in people))


def _state(acting: Acting, subject: Subject, kind: type[Any], **more: Any) -> None:
    fact = kind(
        document_id=subject.id, agency_id=subject.agency_id, title=subject.title, by=acting.by, at=acting.now(), **more
    )
    outbox.put(acting.tx, fact, source=acting.office.source)


def look_after(tx: Tx, request_id: UUID, now: datetime, *, source: str) -> None:
    """Remind those who have not answered; once the deadline has passed also who asked. What the worker does."""
    request = store_talk.lock_request(tx, request_id)
    calendar = store_workdays.calendar_for(tx, request.agency_id)
    level = opinions.due_level(request, calendar, now)
    answers = store_talk.list_opinions(tx, [request.id])
    people = _people(request, answers, store.directory_of(tx, request.agency_id, now))
    after = replace(request, reminded=max(level, request.reminded))
    if people and level > request.reminded:
        asker = (request.by.person_id,) if level == opinions.OVERDUE and request.by.person_id else ()
        fact = OpinionAsked(
            document_id=request.subject_id,
            agency_id=request.agency_id,
            title=_title(tx, request.subject_id),
            request_id=request.id,
            people=(*people, *asker),
            due_at=request.due_at,
            standing="overdue" if level == opinions.OVERDUE else "due_soon",
            by=ourselves(),
            at=now,
        )
        outbox.put(tx, fact, source=source)
    store_talk.save_request(tx, after, opinions.next_look(after, calendar, now) if people else None)


def _title(tx: Tx, subject_id: UUID) -> str:
    """The row is locked: a fact about it is stated."""
    draft = store_drafts.find(tx, subject_id)
    try:
        return reviewing.title_of(documents.lock(tx, subject_id))
    except NotFound:
        return store_drafts.lock(tx, subject_id).title if draft else ""
