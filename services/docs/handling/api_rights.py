"""HTTP for need to know: who within the agency may read a document, changes of that, the agency's policy.

That the rest is not seen is the database's doing (migration 0018): a row that is not for somebody is not there for them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from services.docs import access, store, store_incoming, store_registry
from services.docs.access import Acting, Member
from services.docs.handling import desk as handling
from services.docs.handling import domain, store_rights
from services.docs.handling.refusals import HOLDER_UNKNOWN, OWN_CHANGE
from services.docs.handling.store_rights import Change, Named, Restriction
from services.docs.standing import keys_of, sees_all, unit_reader
from services.docs.step import Step
from services.docs.views import Body, View
from shared import outbox
from shared.errors import FORBIDDEN, Rejected
from shared.events import Event
from shared.events.docs import ArrivalAccessChanged, ArrivalPolicyChanged, DocumentAccessChanged

router = APIRouter(tags=["rights"])

Head = Annotated[Acting, Depends(access.acting_as("leader"))]


class AccessBody(Body):
    """Restricted, these may read it beside those who have to do with it: author, reviewers, signers, whoever it is
    assigned to with the head of their unit, the registrar, the agency's head.
    """

    restricted: bool
    people: list[UUID] = Field(default=[], max_length=200)
    units: list[str] = Field(default=[], max_length=50)


class NamedView(View):
    key: str
    name: str


class ChangeView(View):
    subject_id: UUID
    kind: str
    said: str
    by: str
    at: datetime


class AccessView(View):
    restricted: bool
    people: list[NamedView]
    units: list[NamedView]
    unconfirmed: list[ChangeView]
    may_change: bool
    may_confirm: bool


class PolicyBody(Body):
    """`need_to_know`: what arrives from now on is only for those it is given to."""

    need_to_know: bool


class PolicyView(PolicyBody):
    may_change: bool


@router.get("/access/changes")
def list_changes(acting: Member) -> list[ChangeView]:
    """Changes of access that nobody has confirmed, of documents that the reader may see."""
    return [_change(each) for each in store_rights.open_changes(acting.tx)]


@router.get("/access/policy")
def get_policy(acting: Member) -> PolicyView:
    return _policy(acting)


@router.put("/access/policy")
def change_policy(body: PolicyBody, acting: Head) -> PolicyView:
    """By a leader; it counts for what arrives afterwards."""
    if store_rights.is_need_to_know(acting.tx, acting.agency_id) != body.need_to_know:
        store_rights.save_policy(acting.tx, acting.agency_id, need_to_know=body.need_to_know)
        known = body.need_to_know
        fact = ArrivalPolicyChanged(agency_id=acting.agency_id, need_to_know=known, by=acting.by, at=acting.now())
        outbox.put(acting.tx, fact, source=acting.office.source)
    return _policy(acting)


def _policy(acting: Acting) -> PolicyView:
    known = store_rights.is_need_to_know(acting.tx, acting.agency_id)
    return PolicyView(need_to_know=known, may_change="leader" in acting.post.roles)


@router.get("/documents/{document_id}/access")
def get_document_access(document_id: UUID, acting: Member) -> AccessView:
    held = store.get(acting.tx, document_id)
    return _view(acting, document_id, own=held.author_id == acting.person_id)


@router.post("/documents/{document_id}/access")
def change_document_access(document_id: UUID, body: AccessBody, acting: Member) -> AccessView:
    """By its author, a leader or the registrar."""
    held = store.lock(acting.tx, document_id)
    own = held.author_id == acting.person_id
    if held.agency_id != acting.agency_id:
        raise Rejected(FORBIDDEN)

    def fact(at: datetime) -> Event:
        return DocumentAccessChanged(
            document_id=document_id,
            agency_id=acting.agency_id,
            restricted=body.restricted,
            readers=_readers(acting, document_id) if body.restricted else (),
            by=acting.by,
            at=at,
        )

    _change_access(acting, "document", document_id, body, fact=fact, own=own)
    return _view(acting, document_id, own=own)


@router.post("/documents/{document_id}/access/confirm")
def confirm_document_access(document_id: UUID, acting: Member) -> AccessView:
    held = store.lock(acting.tx, document_id)
    return _confirm(acting, document_id, own=held.author_id == acting.person_id)


@router.get("/incoming/{incoming_id}/access")
def get_incoming_access(incoming_id: UUID, acting: Member) -> AccessView:
    store_incoming.get(acting.tx, incoming_id)
    return _view(acting, incoming_id)


@router.post("/incoming/{incoming_id}/access")
def change_incoming_access(incoming_id: UUID, body: AccessBody, acting: Member) -> AccessView:
    """By a leader or the registrar."""
    held = store_incoming.lock(acting.tx, incoming_id)

    def fact(at: datetime) -> Event:
        return ArrivalAccessChanged(
            delivery_id=held.delivery_id,
            incoming_id=held.id,
            agency_id=acting.agency_id,
            restricted=body.restricted,
            by=acting.by,
            at=at,
        )

    _change_access(acting, "incoming", incoming_id, body, fact=fact)
    return _view(acting, incoming_id)


@router.post("/incoming/{incoming_id}/access/confirm")
def confirm_incoming_access(incoming_id: UUID, acting: Member) -> AccessView:
    store_incoming.lock(acting.tx, incoming_id)
    return _confirm(acting, incoming_id)


def _may_change(acting: Acting, *, own: bool) -> bool:
    return own or sees_all(acting.post) or "leader" in acting.post.roles


def _change_access(
    acting: Acting,
    kind: str,
    subject: UUID,
    body: AccessBody,
    *,
    fact: Callable[[datetime], Event],
    own: bool = False,
) -> None:
    """`fact`: what is stated of the change, at its time."""
    if not _may_change(acting, own=own):
        raise Rejected(FORBIDDEN)
    wanted, keys = _wanted(acting, body)
    if store_rights.find(acting.tx, subject) == wanted:
        return
    store_rights.save(acting.tx, subject, acting.agency_id, wanted, keys)
    said = "Mở cho cả cơ quan"
    if wanted:
        said = "Hạn chế" + "".join(f", {each.name}" for each in (*wanted.people, *wanted.units))
    at = acting.now()
    store_rights.add_change(acting.tx, acting.agency_id, subject, kind, said, by=acting.by, at=at)
    step = Step(subject, "access_changed", acting.by, at, detail=said, tell=(fact(at),))
    store.keep(
        acting.tx,
        step,
        lambda _tx, _subject: None,
        subject=subject,
        agency=acting.agency_id,
        source=acting.office.source,
    )


def _readers(acting: Acting, subject: UUID) -> tuple[UUID, ...]:
    """The people here whose posts open it today, for services that do not know by which keys."""
    keys = store_rights.readers_of(acting.tx, subject)
    posts = store_registry.list_posts(acting.tx, acting.agency_id, acting.today())
    return tuple(sorted({each.person_id for each in posts if keys & set(keys_of(each))}))


def _wanted(acting: Acting, body: AccessBody) -> tuple[Restriction | None, tuple[UUID, ...]]:
    """What is asked for by name, and the keys that it gives; whoever restricts keeps theirs."""
    if not body.restricted:
        return None, ()
    desk = handling.desk_of(acting)
    people = {each.person_id: each for each in desk.posts}
    units = {domain.unit_key(each.unit_id, each.unit): each for each in desk.posts if each.unit}
    if any(each not in people for each in body.people) or any(each not in units for each in body.units):
        raise Rejected(HOLDER_UNKNOWN)
    named = Restriction(
        tuple(Named(str(each), people[each].name) for each in dict.fromkeys(body.people)),
        tuple(Named(each, units[each].unit or "") for each in dict.fromkeys(body.units)),
    )
    readers = (unit_reader(acting.agency_id, units[each].unit_id, units[each].unit) for each in body.units)
    return named, (acting.person_id, *body.people, *(each for each in readers if each))


def _confirm(acting: Acting, subject: UUID, *, own: bool = False) -> AccessView:
    """By somebody else than who changed it, who sees to the agency's documents."""
    if not (sees_all(acting.post) or "leader" in acting.post.roles):
        raise Rejected(FORBIDDEN)
    found = store_rights.open_changes(acting.tx, subject)
    if any(each.by.person_id == acting.person_id for each in found):
        raise Rejected(OWN_CHANGE)
    if found:
        store_rights.confirm(acting.tx, subject, acting.by, acting.now())
        access.note(acting, "access_confirmed", found[0].kind, subject)
    return _view(acting, subject, own=own)


def _view(acting: Acting, subject: UUID, *, own: bool = False) -> AccessView:
    held, changes = store_rights.find(acting.tx, subject), store_rights.open_changes(acting.tx, subject)
    return AccessView(
        restricted=held is not None,
        people=[_named(each) for each in held.people] if held else [],
        units=[_named(each) for each in held.units] if held else [],
        unconfirmed=[_change(each) for each in changes],
        may_change=_may_change(acting, own=own),
        may_confirm=bool(changes)
        and (sees_all(acting.post) or "leader" in acting.post.roles)
        and all(each.by.person_id != acting.person_id for each in changes),
    )


def _named(each: Named) -> NamedView:
    return NamedView(key=each.key, name=each.name)


def _change(each: Change) -> ChangeView:
    return ChangeView(subject_id=each.subject_id, kind=each.kind, said=each.said, by=each.by.name, at=each.at)
