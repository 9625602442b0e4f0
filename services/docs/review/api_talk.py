"""HTTP for what is said about a draft or document: remarks in threads, opinions asked and given."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, Field

from services.docs.access import Acting, Line, Member
from services.docs.review import opinions, store, store_talk, talking
from services.docs.review.api_views import AskedView, asked_views
from services.docs.review.drafts import Person
from services.docs.review.opinions import Opinion
from services.docs.review.store_talk import Anchor, Remark
from services.docs.review.workflow import Who
from services.docs.text import clean_lines
from services.docs.views import Body, View
from shared.http import OnceOnly

router = APIRouter(tags=["discussion"])


Words = Annotated[str, AfterValidator(clean_lines), Field(max_length=8000)]


class AnchorBody(Body):
    part: int = Field(default=0, ge=0, le=100)
    page: int | None = Field(default=None, ge=1, le=5000)
    quote: Line | None = None


class RemarkBody(Body):
    text: Annotated[Words, Field(min_length=1)]
    answers: UUID | None = None
    anchor: AnchorBody | None = None
    mentions: list[UUID] = Field(default=[], max_length=20)


class PersonView(View):
    person_id: UUID
    name: str


class RemarkView(View):
    remark_id: UUID
    answers: UUID | None
    by: str
    post: str | None
    at: datetime
    text: str
    anchor: AnchorBody | None
    mentions: list[PersonView]


class AskBody(Body):
    """`asked`: people, units, posts; `due_on` is a working day, until its closing time."""

    question: Annotated[Words, Field(min_length=1)]
    asked: list[Who] = Field(min_length=1, max_length=30)
    due_on: date | None = None


class AnswerBody(Body):
    verdict: Literal["agreed", "remarks", "disagreed"]
    text: Words = ""


class OpinionView(View):
    seat: int
    by: str
    post: str | None
    at: datetime
    verdict: str
    text: str


class PlaceView(View):
    """One of those who were asked; `waiting`: who may answer while nobody has."""

    seat: int
    asks: str
    waiting: list[AskedView]


class RequestView(View):
    request_id: UUID
    by: str
    at: datetime
    question: str
    due_at: datetime | None
    late: bool
    closed_at: datetime | None
    places: list[PlaceView]
    opinions: list[OpinionView]
    may_answer: bool
    may_close: bool


@router.get("/documents/{document_id}/remarks")
def list_remarks(document_id: UUID, acting: Member) -> list[RemarkView]:
    """Oldest first; what answers another names it."""
    talking.subject_of(acting, document_id)
    return [_remark(each) for each in store_talk.list_remarks(acting.tx, document_id)]


@router.post("/documents/{document_id}/remarks", status_code=201)
def make_remark(document_id: UUID, body: RemarkBody, acting: Member, once: OnceOnly) -> RemarkView:
    """Whoever reads it may say something; who is mentioned is told."""

    def act() -> RemarkView:
        subject = talking.subject_of(acting, document_id, lock=True)
        anchor = Anchor(**body.anchor.model_dump()) if body.anchor else None
        made = talking.remark(acting, subject, body.text, answers=body.answers, anchor=anchor, mentions=body.mentions)
        return _remark(made)

    return once.run(act, RemarkView)


@router.get("/documents/{document_id}/opinions")
def list_opinions(document_id: UUID, acting: Member) -> list[RequestView]:
    talking.subject_of(acting, document_id)
    return _requests(acting, document_id)


@router.post("/documents/{document_id}/opinions", status_code=201)
def ask_opinions(document_id: UUID, body: AskBody, acting: Member, once: OnceOnly) -> RequestView:
    """Ask people, units or posts of the agency what they think, until a day."""

    def act() -> RequestView:
        subject = talking.subject_of(acting, document_id, lock=True)
        talking.ask(acting, subject, body.question, body.asked, body.due_on)
        return _requests(acting, document_id)[-1]

    return once.run(act, RequestView)


@router.post("/documents/{document_id}/opinions/{request_id}/answer")
def answer(document_id: UUID, request_id: UUID, body: AnswerBody, acting: Member) -> list[RequestView]:
    """Agreed, with remarks, or not; given once, it stands."""
    subject = talking.subject_of(acting, document_id, lock=True)
    talking.answer(acting, subject, request_id, body.verdict, body.text)
    return _requests(acting, document_id)


@router.post("/documents/{document_id}/opinions/{request_id}/close")
def close(document_id: UUID, request_id: UUID, acting: Member) -> list[RequestView]:
    """No more answers are needed; by who asked."""
    talking.close(acting, talking.subject_of(acting, document_id, lock=True), request_id)
    return _requests(acting, document_id)


def _remark(each: Remark) -> RemarkView:
    anchor = each.anchor
    return RemarkView(
        remark_id=each.id,
        answers=each.answers,
        by=each.by.name,
        post=each.by.post,
        at=each.at,
        text=each.text,
        anchor=AnchorBody(part=anchor.part, page=anchor.page, quote=anchor.quote) if anchor else None,
        mentions=[_person(person) for person in each.mentions],
    )


def _person(person: Person) -> PersonView:
    return PersonView(person_id=person.person_id, name=person.name)


def _requests(acting: Acting, subject: UUID) -> list[RequestView]:
    requests = store_talk.list_requests(acting.tx, subject)
    answers = store_talk.list_opinions(acting.tx, [each.id for each in requests])
    directory = store.directory_of(acting.tx, acting.agency_id, acting.now())
    found = []
    for request in requests:
        own = [each for each in answers if each.request_id == request.id]
        waiting = opinions.waiting(request, own, directory)
        mine = set(opinions.seats_of(request, acting.person_id, directory))
        done = {each.seat for each in own if each.person_id == acting.person_id}
        found.append(
            RequestView(
                request_id=request.id,
                by=request.by.name,
                at=request.at,
                question=request.question,
                due_at=request.due_at,
                late=bool(waiting and request.due_at and acting.now() > request.due_at),
                closed_at=request.closed_at,
                places=[
                    PlaceView(seat=n, asks=who.label, waiting=asked_views(waiting.get(n, ())))
                    for n, who in enumerate(request.asked)
                ],
                opinions=[_opinion(each) for each in own],
                may_answer=request.closed_at is None and bool(mine - done),
                may_close=request.closed_at is None and request.by.person_id == acting.person_id,
            )
        )
    return found


def _opinion(each: Opinion) -> OpinionView:
    return OpinionView(
        seat=each.seat, by=each.by.name, post=each.by.post, at=each.at, verdict=each.verdict, text=each.text
    )
