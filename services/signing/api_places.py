"""HTTP for the places of a document: where its fields stand, its pages as pictures, and the clerk's corrections."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field

from services.signing import batch, copies, craft, placing, preparing, store, store_places
from services.signing.api import READERS, Reason, View
from services.signing.box import MM, Box
from services.signing.desk import Desk
from services.signing.domain import Document, State
from services.signing.placing import Placing
from services.signing.refusals_places import PAGE_MISSING, PLACES_NOT_READY
from shared import outbox
from shared.db import Tx, transaction
from shared.errors import FORBIDDEN, STALE_VERSION, Rejected
from shared.events.signing import SigningAct
from shared.http import Who
from shared.tokens import Principal

CLERKS = ("clerk",)
KEPT_BYTES = 32 * 1024 * 1024
Points = Annotated[float, Field(ge=-20_000, le=20_000, allow_inf_nan=False)]

router = APIRouter(tags=["places"])


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and what answers work with."""

    who: Principal
    desk: Desk

    def need(self, tx: Tx, roles: Sequence[str]) -> None:
        """Decided on our copy: the token may be minutes older than a person's leave."""
        if not copies.is_active(tx, self.who.person_id, self.who.post_id, roles):
            raise Rejected(FORBIDDEN)


def _visitor(request: Request, who: Who) -> Visitor:
    return Visitor(who, request.app.state.desk)


Asking = Annotated[Visitor, Depends(_visitor)]


class PlaceView(View):
    """A field: `box` is x0, y0, x1, y1 in points on the page as shown, origin top left; `basis` says how it was found."""

    what: str
    label: str
    page: int
    box: tuple[float, float, float, float]
    found: bool
    basis: str


class Notice(Reason):
    """Something to look at before the document goes to its leader."""

    what: str


class PlacesView(View):
    """`waits`: the document goes on when its clerk has confirmed these places; `preparing`: they are being taken up.
    `pages`: width and height in points.
    """

    document_id: UUID
    version: int
    sha256: str
    waits: bool
    preparing: bool
    movable: bool
    seal_mm: float
    pages: tuple[tuple[float, float], ...]
    places: tuple[PlaceView, ...]
    notices: tuple[Notice, ...]
    set_by: str | None = None
    set_at: datetime | None = None


class WantedPlace(View):
    """Where a field shall stand; of a seal only the middle counts, it keeps its actual size."""

    what: str = Field(max_length=40)
    page: int = Field(ge=1, le=100_000)
    box: tuple[Points, Points, Points, Points]


class PlacesBody(View):
    """Fields that are not named stay where they are."""

    places: tuple[WantedPlace, ...] = Field(default=(), max_length=100)


class PlacingView(View):
    """What the agency wants when a place is not found; `default`: it has not decided, the deployment's rule holds."""

    ask: bool
    default: bool


class PlacingBody(View):
    ask: bool


@router.get("/documents/{document_id}/places")
def get_places(document_id: UUID, response: Response, asking: Asking) -> PlacesView:
    """Where the fields stand, for everybody who may read the document."""
    desk, who = asking.desk, asking.who
    with transaction(desk.pool) as tx:
        asking.need(tx, READERS)
        document = batch.enter(tx, who, document_id)
        found = _placing(tx, document)
    response.headers["ETag"] = f'"{found.version}"'
    return _view(document, found)


@router.put("/documents/{document_id}/places")
def put_places(
    document_id: UUID,
    body: PlacesBody,
    response: Response,
    asking: Asking,
    if_match: Annotated[str | None, Header()] = None,
) -> PlacesView:
    """The clerk's places, also to confirm them as they are. The document is prepared anew from its approved bytes;
    whoever began a signature over the older ones is told base_changed.
    """
    desk, who = asking.desk, asking.who
    with transaction(desk.pool, agency=who.agency_id) as tx:
        asking.need(tx, CLERKS)
        document = store.lock(tx, document_id)
        if document.agency_id != who.agency_id:
            raise Rejected(FORBIDDEN)
        batch.check_known(tx, who, document)
        known = _placing(tx, document)
        if if_match is None or if_match.strip().removeprefix("W/").strip('"') != str(known.version):
            raise Rejected(STALE_VERSION)
        wanted = [(place.what, Box(place.page, *place.box)) for place in body.places]
        at = store.now(tx)
        after = placing.move(document, known, wanted, by=who.actor(), at=at)
        store_places.save(tx, after)
        again = placing.prepare_again(document, after, at)
        store.save(tx, again)
        preparing.put(tx, again)
        detail = {place.what: f"{place.page}" for place in body.places}
        _record(tx, desk, who, act="places_set", document_id=document_id, detail=detail)
        found, document = _placing(tx, document), store.get(tx, document_id)
    response.headers["ETag"] = f'"{found.version}"'
    return _view(document, found)


@router.get("/documents/{document_id}/pages/{page}", response_class=Response)
def show_page(
    document_id: UUID,
    page: int,
    asking: Asking,
    width: Annotated[Literal["360", "720", "1080"], Query()] = "720",
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A page as a PNG, at most `width` pixels wide. The entity tag holds the digest, so a page is sent once."""
    desk, who = asking.desk, asking.who
    with transaction(desk.pool) as tx:
        asking.need(tx, READERS)
        document = batch.enter(tx, who, document_id)
        name = (document.content.sha256, page, int(width))
        headers = _headers(f'"{name[0][:32]}-{page}-{width}"')
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if page < 1 or (document.page_count and page > document.page_count):
            raise Rejected(PAGE_MISSING, page=page, pages=document.page_count or 0)
        detail = {"sha256": document.content.sha256, "page": str(page)}
        _record(tx, desk, who, act="page_shown", document_id=document_id, detail=detail)
    drawn = PICTURES.get(name)
    if drawn is None:
        drawn = desk.workshop.run(craft.draw_page, desk.blobs.get(document.content), page, int(width))
        PICTURES.put(name, drawn)
    return Response(drawn, media_type="image/png", headers=headers)


@router.get("/placing")
def get_placing(asking: Asking) -> PlacingView:
    """Whether the bearer's agency wants its clerk asked when a place is not found in the text."""
    desk, who = asking.desk, asking.who
    with transaction(desk.pool, agency=who.agency_id) as tx:
        ask = store_places.find_ask(tx, who.agency_id) if who.agency_id else None
    return PlacingView(ask=desk.ask_for_places if ask is None else ask, default=ask is None)


@router.put("/placing")
def put_placing(body: PlacingBody, asking: Asking) -> PlacingView:
    """From the next document on."""
    desk, who = asking.desk, asking.who
    with transaction(desk.pool, agency=who.agency_id) as tx:
        asking.need(tx, CLERKS)
        if who.agency_id is None:
            raise Rejected(FORBIDDEN)
        if store_places.find_ask(tx, who.agency_id) != body.ask:
            store_places.save_ask(tx, who.agency_id, ask=body.ask, by=who.actor())
            event = SigningAct(
                by=who.actor(),
                at=store.now(tx),
                act="placing_set",
                object_kind="agency",
                object_id=str(who.agency_id),
                detail={"ask": str(body.ask).lower()},
            )
            outbox.put(tx, event, source=desk.source)
    return PlacingView(ask=body.ask, default=False)


class Pictures:
    """Drawn pages by digest, page and width: the last ones asked for, up to a number of bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._size = 0

    def get(self, name: tuple[str, int, int]) -> bytes | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def put(self, name: tuple[str, int, int], drawn: bytes) -> None:
        with self._lock:
            if name not in self._kept and len(drawn) <= self._most:
                self._kept[name] = drawn
                self._size += len(drawn)
            while self._size > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)


PICTURES = Pictures(KEPT_BYTES)  # of this process; what they show is in the digest, who may see it is asked each time


def _placing(tx: Tx, document: Document) -> Placing:
    """The places of the standing round; Rejected(places_not_ready) before it was prepared."""
    found = store_places.find(tx, document.id)
    if found is None or found.round != document.ordered_at:
        raise Rejected(PLACES_NOT_READY)
    return found


def _view(document: Document, found: Placing) -> PlacesView:
    seal = next(p.box.width for p in found.places if p.what == placing.SEAL)
    return PlacesView(
        document_id=document.id,
        version=found.version,
        sha256=document.content.sha256,
        waits=found.waits and document.state is State.PREPARING,
        preparing=not found.waits and document.state is State.PREPARING,
        movable=placing.is_movable(document, found),
        seal_mm=round(seal / MM, 1),
        pages=found.pages,
        places=tuple(
            PlaceView(
                what=p.what,
                label=placing.label(p.what, document),
                page=p.box.page,
                box=(p.box.x0, p.box.y0, p.box.x1, p.box.y1),
                found=p.found,
                basis=p.basis,
            )
            for p in found.places
        ),
        notices=tuple(Notice(**notice) for notice in found.notices),
        set_by=found.set_by.name if found.set_by else None,
        set_at=found.set_at,
    )


def _record(tx: Tx, desk: Desk, who: Principal, *, act: str, document_id: UUID, detail: dict[str, str]) -> None:
    event = SigningAct(
        by=who.actor(),
        at=store.now(tx),
        act=act,
        object_kind="document",
        object_id=str(document_id),
        detail=detail,
    )
    outbox.put(tx, event, source=desk.source)


def _headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
