"""HTTP of notify: a person's own inbox, live stream and preferences. Nobody sees anybody else's."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from services.notify import store
from services.notify.refusals import PEOPLE_ONLY, PERSON_INACTIVE
from services.notify.stream import Stream, as_view
from shared import db, outbox
from shared.errors import INVALID_REQUEST, Rejected
from shared.events.notify import NotifyAct
from shared.http import Tx, Who, decode_cursor, encode_cursor
from shared.tokens import Principal

PAGE = 30

router = APIRouter(tags=["notify"])


class View(BaseModel):
    """What goes over the wire."""

    model_config = ConfigDict(frozen=True)


class NoticeView(View):
    """One notice. `link` is a path of the portal; `done`: what it asks for is done, by `done_by` when that was a person."""

    id: UUID
    at: str
    title: str
    text: str
    link: str
    read: bool
    done: bool
    done_by: str | None


class NoticePage(View):
    """Newest first; `unread` counts what is open in the whole inbox: neither read nor done."""

    items: list[NoticeView]
    next_cursor: str | None
    unread: int


class Preferences(View):
    """Whether notices also go out by e-mail."""

    email: bool


def person(tx: Tx, who: Who) -> Principal:
    """The person who asks, their own notices made visible; partners and people who have left are refused."""
    if who.person_id is None:
        raise Rejected(PEOPLE_ONLY)
    if not store.is_active(tx, who.person_id):
        raise Rejected(PERSON_INACTIVE)
    store.act_for_people(tx, [who.person_id])
    return who


Me = Annotated[Principal, Depends(person)]


def id_of(me: Principal) -> UUID:
    if me.person_id is None:
        raise Rejected(PEOPLE_ONLY)
    return me.person_id


@router.get("/notices")
def list_notices(
    tx: Tx, me: Me, *, unread: bool = False, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> NoticePage:
    """The caller's notices, newest first."""
    before = _number(cursor)
    found = store.list_notices(tx, id_of(me), unread=unread, before=before, limit=PAGE + 1)
    page = found[:PAGE]
    return NoticePage(
        items=[NoticeView.model_validate(as_view(notice)) for notice in page],
        next_cursor=encode_cursor(page[-1].number) if len(found) > PAGE else None,
        unread=store.count_unread(tx, id_of(me)),
    )


def _number(cursor: str | None) -> int | None:
    values = decode_cursor(cursor, 1)
    if values is None:
        return None
    if not values[0].isdecimal() or len(values[0]) > 18:
        raise Rejected(INVALID_REQUEST, where="/query/cursor")
    return int(values[0])


@router.post("/notices/{notice_id}/read")
def read_notice(notice_id: UUID, request: Request, tx: Tx, me: Me) -> NoticeView:
    """Mark a notice as read; a second time changes nothing."""
    notice, changed = store.mark_read(tx, id_of(me), notice_id)
    if changed:
        act = NotifyAct(
            by=me.actor(), at=notice.read_at, act="notice_read", object_kind="notice", object_id=str(notice.id)
        )
        outbox.put(tx, act, source=request.app.state.source)
    return NoticeView.model_validate(as_view(notice))


@router.get("/preferences")
def get_preferences(tx: Tx, me: Me) -> Preferences:
    return Preferences(email=store.wants_mail(tx, id_of(me)))


@router.put("/preferences")
def set_preferences(wanted: Preferences, request: Request, tx: Tx, me: Me) -> Preferences:
    """What is asked for twice is one change."""
    changed_at = store.save_preference(tx, id_of(me), email=wanted.email)
    if changed_at is not None:
        act = NotifyAct(
            by=me.actor(),
            at=changed_at,
            act="preference_changed",
            object_kind="person",
            object_id=str(id_of(me)),
            detail={"email": str(wanted.email).lower()},
        )
        outbox.put(tx, act, source=request.app.state.source)
    return wanted


@router.get("/stream", response_class=StreamingResponse)
def stream(
    request: Request, who: Who, last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$")] = None
) -> StreamingResponse:
    """Server-Sent Events `notice`; `Last-Event-ID` goes on after that one, without it only what comes from now on.

    No transaction is held while the connection is open: it is ended before the first line.
    """
    live: Stream = request.app.state.stream
    with db.transaction(request.app.state.pool) as tx:
        me = id_of(person(tx, who))
        after = store.last_number(tx, me) if last_event_id is None else int(last_event_id)
    return StreamingResponse(
        live.listen(me, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
