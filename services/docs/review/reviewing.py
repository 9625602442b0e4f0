"""The use cases of review: a document enters a workflow, is agreed to, given back, looked after while it waits.

The document's row is locked by the caller; route, history and facts are kept in the same transaction.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.docs import document, drafting, store_proof, store_workdays
from services.docs import refusals as docs_refusals
from services.docs import store as documents
from services.docs.access import Acting
from services.docs.document import Document, Review
from services.docs.review import escalation, refusals, route, store
from services.docs.review.escalation import Reminder
from services.docs.review.route import Route, Situation
from services.docs.review.workflow import STANDARD, Workflow, standard, suits
from services.docs.step import Step, ourselves
from shared import outbox
from shared.db import Tx
from shared.errors import Rejected
from shared.events import Actor, Event
from shared.events.docs import ReviewAnswered, ReviewAsked, ReviewDue

AUTOMATIC = "auto"  # the workflow that the type of document has


def title_of(held: Document) -> str:
    return " ".join(f"{held.type_name}: {held.abstract}".split())


def situation(tx: Tx, held: Document, now: datetime) -> Situation:
    return Situation(
        directory=store.directory_of(tx, held.agency_id, now),
        calendar=store_workdays.calendar_for(tx, held.agency_id),
        now=now,
        signers=frozenset(each.person_id for each in held.signers),
        urgency=held.urgency,
    )


# --- which workflow


@dataclass(frozen=True, slots=True)
class Chosen:
    code: str
    version: int
    body: Workflow


def workflow_for(tx: Tx, type_code: str, code: str = AUTOMATIC) -> Chosen:
    """The agency's workflow of that type, else its own for all types, else the default; or the one that is named.

    Raises Rejected(workflow_unknown).
    """
    own = [each for each in store.list_workflows(tx) if suits(each.body, type_code)]
    if code == AUTOMATIC:
        own.sort(key=lambda each: not each.body.types)
        return Chosen(own[0].code, own[0].version, own[0].body) if own else Chosen(STANDARD, 1, standard())
    if code == STANDARD:
        return Chosen(STANDARD, 1, standard())
    for each in own:
        if each.code == code:
            return Chosen(each.code, each.version, each.body)
    raise Rejected(refusals.WORKFLOW_UNKNOWN, code=code[:40])


# --- entering


def submit(acting: Acting, draft: Document, code: str | None) -> None:
    """A new document: with a workflow on its route, without one to the reviewers that it names, whom the agency's own
    deadline holds.
    """
    now = acting.now()
    if code is None and not draft.reviews:
        documents.keep_document(
            acting.tx, document.submit(draft, acting.by, now), source=acting.office.source, new=True
        )
        return
    at = situation(acting.tx, draft, now)
    if code is None:
        begun = route.begin_listed(draft.reviews, draft.author_id, acting.policy().review_days, at)
    else:
        chosen = workflow_for(acting.tx, draft.type_code, code)
        people = [each.person_id for each in draft.reviews]
        begun = route.begin(chosen.body, chosen.code, chosen.version, author_id=draft.author_id, chosen=people, at=at)
    begun, _ = route.newly_asked(replace(begun, text=text_of(draft)), at.directory)
    routed = replace(draft, reviews=_reviews(begun, at))
    step = document.submit(routed, acting.by, now, routed=not begun.is_complete)
    documents.keep_document(acting.tx, step, source=acting.office.source, new=True)
    store.save_route(acting.tx, draft.id, draft.agency_id, begun, escalation.next_look(begun, at))


def resubmit(acting: Acting, held: Document, revised: Document, *, chosen: list[UUID] | None) -> Step[Document]:
    """Revised and again: by the workflow that it began with, from where the return said."""
    known = store.find_route(acting.tx, held.id)
    if held.state not in ("returned", "refused"):
        raise Rejected(docs_refusals.NOT_RETURNED)
    if known is None and not revised.reviews:
        return document.resubmit(held, revised, acting.by, acting.now())
    at = situation(acting.tx, revised, acting.now())
    if known is None:
        days = acting.policy().review_days
        known = route.begin_listed(revised.reviews, held.author_id, days, at)
    elif not known.code and chosen is not None:
        if not revised.reviews:
            store.drop_route(acting.tx, held.id)
            return document.resubmit(held, revised, acting.by, acting.now())
        known = route.listed_again(known, revised.reviews)
    begun = route.again(known, chosen, text_of(revised), at)
    begun, _ = route.newly_asked(begun, at.directory)
    routed = replace(revised, reviews=_reviews(begun, at))
    step = document.resubmit(held, routed, acting.by, acting.now(), routed=not begun.is_complete)
    store.save_route(acting.tx, held.id, held.agency_id, begun, escalation.next_look(begun, at))
    return step


def text_of(held: Document) -> str:
    """A digest of what reviewers agree to: type, abstract, and the files in their order."""
    words = [held.type_code, held.abstract, *(f"{part.kind} {part.content.sha256}" for part in held.parts)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def route_of(tx: Tx, held: Document, now: datetime) -> Route | None:
    """Its route; of a document with a list of reviewers from before they were kept as one, the one that the list makes."""
    known = store.find_route(tx, held.id)
    if known is None and held.reviews and held.state == "in_review":
        return route.of_reviews(held.reviews, held.author_id, situation(tx, held, now))
    return known


def put_on_record(tx: Tx, held: Document, now: datetime) -> None:
    """A document whose list of reviewers was made before lists had a deadline gets the agency's, from now on. The row
    must be locked.
    """
    if held.state != "in_review" or not held.reviews or store.find_route(tx, held.id) is not None:
        return
    at, days = situation(tx, held, now), store_proof.get_policy(tx, held.agency_id).review_days
    begun = replace(route.of_reviews(held.reviews, held.author_id, at, days=days), text=text_of(held))
    store.save_route(tx, held.id, held.agency_id, begun, escalation.next_look(begun, at))


def _reviews(on: Route, at: Situation) -> tuple[Review, ...]:
    return () if on.is_complete else route.mirrored(on, at.directory)


# --- answers


def approve(acting: Acting, held: Document, known: Route, stage: str | None) -> Step[Document] | None:
    """Somebody whose turn it is agrees; None: they did so before."""
    at = situation(acting.tx, held, acting.now())
    if held.state != "in_review":
        if any(seat.by == acting.person_id for leg in known.legs for seat in leg.seats):
            return None
        raise Rejected(docs_refusals.NOT_IN_REVIEW)
    after = route.approve(known, acting.person_id, at, stage)
    if after is None:
        return None
    agreed = [leg.stage.name for leg, was in zip(after.legs, known.legs, strict=True) if leg.filled > was.filled]
    detail = ", ".join(agreed) or None
    if after.is_complete:
        store.save_route(acting.tx, held.id, held.agency_id, after, None)
        reviews = {s.by: Review(s.by, s.name or "", approved=True) for leg in after.legs for s in leg.seats if s.by}
        return document.finish_review(
            drafting.fresh(acting, held), tuple(reviews.values()), acting.by, at.now, detail=detail
        )
    return _moved(acting.tx, held, known, after, at=at, word=Word("approved", acting.by, detail))


def give_back(
    acting: Acting, held: Document, known: Route, reason: str, *, to: str | None, resume_at: str | None
) -> Step[Document] | None:
    """To the author, or to an earlier stage (`to`): by whose turn it is; to the author also by themself, and by a clerk
    when nobody is left who could answer. `resume_at`: where the revised document begins again.
    """
    if held.state == "returned":
        return None
    if held.state != "in_review":
        raise Rejected(refusals.NOT_UNDER_REVIEW)
    at = situation(acting.tx, held, acting.now())
    turn = route.may_answer(known, acting.person_id, at.directory)
    stranded = "clerk" in acting.post.roles and route.is_stuck(known, at.directory)
    if not (turn or (to is None and (stranded or acting.person_id == held.author_id))):
        raise Rejected(docs_refusals.NOT_YOURS_TO_RETURN)
    if to is None:
        after = route.given_back(known, acting.person_id, resume_at, at)
        store.save_route(acting.tx, held.id, held.agency_id, after, None)
        return document.return_for_revision(held, acting.person_id, reason, acting.by, at.now, stranded=True)
    after = route.back_to(known, to, at)
    name = next(leg.stage.name for leg in after.legs if leg.stage.key == to)
    return _moved(acting.tx, held, known, after, at=at, word=Word("sent_back", acting.by, f"{name}: {reason}", reason))


def resume_later(acting: Acting, held: Document, resume_at: str) -> None:
    """The leader gives it back instead of signing, and says at which stage of review it begins again."""
    known = store.find_route(acting.tx, held.id)
    if known is None:
        raise Rejected(refusals.STAGE_NOT_BEFORE)
    at = situation(acting.tx, held, acting.now())
    store.save_route(acting.tx, held.id, held.agency_id, route.given_back(known, None, resume_at, at), None)


def replace_reviewer(
    acting: Acting, held: Document, *, stage: str, seat: int, person_id: UUID, reason: str
) -> Step[Document]:
    """Somebody else answers in the place of who can't or does not; the reason stays in the history."""
    if held.state != "in_review":
        raise Rejected(refusals.NOT_UNDER_REVIEW)
    at = situation(acting.tx, held, acting.now())
    known = route_of(acting.tx, held, at.now)
    if known is None:
        raise Rejected(refusals.SEAT_NOT_OPEN)
    is_clerk = "clerk" in acting.post.roles
    after = route.replace_reviewer(known, stage, seat, new=person_id, by=acting.person_id, is_clerk=is_clerk, at=at)
    before = next(leg.seats[seat].who.label for leg in known.legs if leg.stage.key == stage)
    detail = f"{before} → {at.directory.name_of(person_id)}: {reason}"
    return _moved(acting.tx, held, known, after, at=at, word=Word("reviewer_replaced", acting.by, detail))


def may_withdraw(acting: Acting, held: Document) -> bool:
    """Of a document with reviewers and no route: whether its author takes it back, or a clerk whose reviewers are gone."""
    if held.state != "in_review":
        return False
    if acting.person_id == held.author_id:
        return True
    here = store.directory_of(acting.tx, held.agency_id, acting.now())
    left = [each for each in held.reviews if not each.approved and not here.is_here(each.person_id)]
    return "clerk" in acting.post.roles and bool(left)


@dataclass(frozen=True, slots=True)
class Word:
    """What is written down of an act: its name in the history, by whom, and what they added."""

    act: Literal["approved", "sent_back", "reviewer_replaced", "reviewers_changed"]
    by: Actor
    detail: str | None
    reason: str | None = None


def _freed(held: Document, was: Route, on: Route, at: Situation, word: Word) -> tuple[Event, ...]:
    """Of those whose turn it was, the ones whose turn it is no more."""
    before, after = (
        {one.person_id: None for turn in route.turns(each, at.directory) for one in turn.people} for each in (was, on)
    )
    people = tuple(each for each in before if each not in after)
    if not people:
        return ()
    return (
        ReviewAnswered(
            document_id=held.id, agency_id=held.agency_id, act=word.act, people=people, by=word.by, at=at.now
        ),
    )


def _moved(tx: Tx, held: Document, was: Route, after: Route, *, at: Situation, word: Word) -> Step[Document]:
    """The document with the route's reviewers of now, and the facts to those whose turn it has become."""
    told, fresh = route.newly_asked(after, at.directory)
    store.save_route(tx, held.id, held.agency_id, told, escalation.next_look(told, at))
    moved = replace(held, reviews=route.mirrored(told, at.directory))
    facts = (*_freed(held, was, told, at, word), *_asked(held, told, fresh, at.now, word))
    return Step(moved, word.act, word.by, at.now, detail=word.detail, tell=facts)


def _asked(
    held: Document, on: Route, fresh: dict[str, tuple[UUID, ...]], at: datetime, word: Word
) -> tuple[Event, ...]:
    return tuple(
        ReviewAsked(
            document_id=held.id,
            agency_id=held.agency_id,
            title=title_of(held),
            stage=leg.stage.name,
            people=fresh[leg.stage.key],
            due_at=leg.due_at,
            reason=word.reason,
            by=word.by,
            at=at,
        )
        for leg in on.open_legs
        if leg.stage.key in fresh
    )


# --- looking after what waits


def look_after(tx: Tx, held: Document, known: Route, now: datetime, *, source: str) -> list[Reminder]:
    """Ask who has come into somebody's place, remind, and say when to look again; what the worker does by itself."""
    if held.state != "in_review":
        store.rest(tx, held.id)
        return []
    at, by = situation(tx, held, now), ourselves()
    told, fresh = route.newly_asked(known, at.directory)
    told, reminders = escalation.remind(told, at)
    store.save_route(tx, held.id, held.agency_id, told, escalation.next_look(told, at))
    facts = [
        *_asked(held, told, fresh, now, Word("reviewers_changed", by, None)),
        *(_due(held, each, by, now) for each in reminders),
    ]
    mirror = route.mirrored(told, at.directory)
    if mirror != held.reviews:
        names = ", ".join(each.name for each in mirror if not each.approved)
        step = Step(
            replace(held, reviews=mirror), "reviewers_changed", by, now, detail=names or None, tell=tuple(facts)
        )
        documents.keep_document(tx, step, source=source)
    else:
        for fact in facts:
            outbox.put(tx, fact, source=source)
    return reminders


def _due(held: Document, each: Reminder, by: Actor, at: datetime) -> ReviewDue:
    return ReviewDue(
        document_id=held.id,
        agency_id=held.agency_id,
        title=title_of(held),
        stage=each.stage,
        standing=each.kind,
        due_at=each.due_at,
        people=each.people,
        clerks=each.clerks,
        by=by,
        at=at,
    )
