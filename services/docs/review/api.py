"""HTTP for a document's route through review: who has done what, whose turn it is, until when; and replacing a reviewer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.docs import access, store
from services.docs.access import Acting, Member, ReasonLine
from services.docs.document import Document
from services.docs.review import api_drafts, api_editions, api_talk, api_workflows, reviewing, route
from services.docs.review import store as routes
from services.docs.review.api_views import AskedView, asked_views
from services.docs.review.people import candidates, is_head_over
from services.docs.review.route import Leg, Route, Seat, Situation
from services.docs.views import Body, View

router = APIRouter(tags=["review"])
ROUTERS = (router, api_workflows.router, api_drafts.router, api_editions.router, api_talk.router)


class SeatView(View):
    """One of those whom a stage asks. `people`: who may answer now; none while it waits: nobody can."""

    seat: int
    asks: str
    by: str | None
    at: datetime | None
    instead_of: str | None
    kept: route.Kept | None = Field(description="an approval of an earlier round that still stands, and why")
    people: list[AskedView]


class StageView(View):
    key: str
    name: str
    state: Literal["waiting", "open", "done", "skipped"]
    with_previous: bool
    needed: int
    opened_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    late: bool
    skipped_for: str | None
    seats: list[SeatView]


class RouteView(View):
    """`may_*`: what the reader may do now. `back_to`: the stages to which it can be given back, newest first. Of a document
    that was given back to its author `resume_default` is where it begins again.
    """

    document_id: UUID
    workflow: str | None
    code: str | None
    version: int | None
    round: int
    stages: list[StageView]
    stuck: bool
    my_stage: str | None
    may_return: bool
    may_withdraw: bool
    may_replace: bool
    back_to: list[dict[str, str]]
    resume_at: list[dict[str, str]] = Field(description="where the document may begin again once its author revised it")
    resume_default: str | None = Field(description="where it does when the return does not say; none: all stages anew")


class ReplaceBody(Body):
    stage: str = Field(max_length=40)
    seat: int = Field(ge=0, le=100)
    person_id: UUID
    reason: ReasonLine


@router.get("/documents/{document_id}/route")
def get_route(document_id: UUID, acting: Member) -> RouteView:
    """Of a document without a workflow the one stage of its reviewers; no stages when it had none."""
    held = store.get(acting.tx, document_id)
    at = reviewing.situation(acting.tx, held, acting.now())
    known = routes.find_route(acting.tx, document_id)
    if known is None and held.reviews:
        known = route.of_reviews(held.reviews, held.author_id, at)  # submitted before lists were kept as routes
    return _view(acting, held, known, at)


@router.post("/documents/{document_id}/replace-reviewer")
def replace_reviewer(
    document_id: UUID, body: ReplaceBody, acting: Member, if_match: access.IfMatch = None
) -> RouteView:
    """Somebody else answers instead, with a reason; by a clerk or the head of a unit."""
    held = store.lock(acting.tx, document_id)
    access.check_version(if_match, held.version)
    step = reviewing.replace_reviewer(acting, held, **body.model_dump())
    store.keep_document(acting.tx, step, source=acting.office.source)
    return get_route(document_id, acting)


def _view(acting: Acting, held: Document, known: Route | None, at: Situation) -> RouteView:
    reviewed = held.state == "in_review"
    turns = route.turns(known, at.directory) if known and reviewed else []
    mine = [t.leg.stage.key for t in turns if any(one.person_id == acting.person_id for one in t.people)]
    is_clerk = "clerk" in acting.post.roles
    concerned = [one.person_id for t in turns for one in t.people] + [held.author_id]
    stuck = bool(known) and reviewed and route.is_stuck(known, at.directory) if known else False
    returns = bool(known) and reviewed and route.may_answer(known, acting.person_id, at.directory) if known else False
    signs = held.state == "awaiting_signature" and any(s.person_id == acting.person_id for s in held.signers)
    resumable = route.resumable(known, acting.person_id, at.directory) if known and (returns or signs) else ()
    return RouteView(
        document_id=held.id,
        workflow=known.name if known else None,
        code=known.code or None if known else None,
        version=known.version or None if known else None,
        round=known.round if known else 1,
        stages=[_stage(leg, known, at, reviewed=reviewed) for leg in known.legs] if known else [],
        stuck=stuck,
        my_stage=mine[0] if mine else None,
        may_return=returns or (stuck and is_clerk),
        may_withdraw=reviewed and acting.person_id == held.author_id,
        may_replace=bool(turns) and (is_clerk or is_head_over(acting.person_id, concerned, at.directory)),
        back_to=[{"key": leg.stage.key, "name": leg.stage.name} for leg in reversed(route.stages_before(known))]
        if known and returns
        else [],
        resume_at=[{"key": leg.stage.key, "name": leg.stage.name} for leg in resumable],
        resume_default=_resume_default(known, acting, at, reviewed=reviewed) if known else None,
    )


def _resume_default(known: Route, acting: Acting, at: Situation, *, reviewed: bool) -> str | None:
    if not reviewed:
        return known.resume_at
    own = route.returning(known, acting.person_id, at.directory)
    return own.stage.key if own and known.after_return == "from_return" else None


def _stage(leg: Leg, known: Route, at: Situation, *, reviewed: bool) -> StageView:
    seats = leg.seats or tuple(Seat(who) for who in leg.stage.who)
    waits = reviewed and leg.state in ("open", "waiting")
    return StageView(
        key=leg.stage.key,
        name=leg.stage.name,
        state=leg.state,
        with_previous=leg.stage.with_previous,
        needed=leg.stage.needed(len(seats)),
        opened_at=leg.opened_at,
        due_at=leg.due_at,
        ended_at=leg.ended_at,
        late=bool(leg.due_at and leg.due_at < (leg.ended_at or at.now) and leg.state in ("open", "done")),
        skipped_for=leg.skipped_for,
        seats=[
            SeatView(
                seat=n,
                asks=seat.who.label,
                by=seat.name,
                at=seat.at,
                instead_of=seat.instead_of,
                kept=seat.kept,
                people=asked_views(candidates(seat.who, at.directory, known.author_id))
                if waits and seat.by is None
                else [],
            )
            for n, seat in enumerate(seats)
        ],
    )
