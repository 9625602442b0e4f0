"""HTTP for pages of a document as pictures: small ones to find it in a list, larger ones to read; drawn once each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from services.docs import access, store, store_incoming
from services.docs.access import Acting, Door, DoorDep
from services.docs.finding import reading
from services.docs.finding.reading import Reader
from services.docs.views import View
from shared.errors import INVALID_REQUEST, Rejected
from shared.events.docs import Part

Form = Literal["png", "webp"]

router = APIRouter(tags=["page pictures"])


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page, how wide, in which format, and what the browser has already."""

    ordinal: int
    page: int
    form: Form
    width: int
    known: str


def asked(
    ordinal: int,
    page: int,
    form: Form,
    width: Annotated[int, Query(description=f"pixels: one of {', '.join(map(str, reading.WIDTHS))}")] = 720,
    if_none_match: Annotated[str, Header(max_length=200)] = "",
) -> Asked:
    if width not in reading.WIDTHS:
        raise Rejected(INVALID_REQUEST, where="/query/width")
    return Asked(ordinal, page, form, width, if_none_match)


AskedDep = Annotated[Asked, Depends(asked)]


class PagesView(View):
    pages: int
    filename: str
    widths: tuple[int, ...] = reading.WIDTHS


@router.get("/documents/{document_id}/parts/{ordinal}/pages")
def count_pages(document_id: UUID, ordinal: int, door: DoorDep) -> PagesView:
    """Of a part as it stands now."""
    return _count(door, _part(door, document_id, ordinal))


@router.get("/incoming/{incoming_id}/parts/{ordinal}/pages")
def count_incoming_pages(incoming_id: UUID, ordinal: int, door: DoorDep) -> PagesView:
    return _count(door, _incoming_part(door, incoming_id, ordinal))


@router.get("/documents/{document_id}/parts/{ordinal}/pages/{page}.{form}", response_class=Response)  # noqa: FAST003  in AskedDep
def draw_page(document_id: UUID, page: AskedDep, door: DoorDep) -> Response:
    """A page of a part as it stands now: the main part with what has been signed and sealed on it."""
    return _picture(door, _part(door, document_id, page.ordinal, page), page)


@router.get("/incoming/{incoming_id}/parts/{ordinal}/pages/{page}.{form}", response_class=Response)  # noqa: FAST003  in AskedDep
def draw_incoming_page(incoming_id: UUID, page: AskedDep, door: DoorDep) -> Response:
    return _picture(door, _incoming_part(door, incoming_id, page.ordinal, page), page)


def _part(door: Door, document_id: UUID, ordinal: int, looked: Asked | None = None) -> Part:
    with door.open("clerk", "leader") as acting:
        held = store.get(acting.tx, document_id)
        _look(acting, "document", document_id, looked)
    parts = held.issued_parts if held.state == "issued" else (held.issued_parts[0], *held.parts[1:])
    return access.part_at(parts, ordinal)


def _incoming_part(door: Door, incoming_id: UUID, ordinal: int, looked: Asked | None = None) -> Part:
    with door.open("clerk", "leader") as acting:
        held = store_incoming.get(acting.tx, incoming_id)
        _look(acting, "incoming", incoming_id, looked)
        return access.part_at(held.parts, ordinal)


def _look(acting: Acting, kind: str, subject: UUID, looked: Asked | None) -> None:
    """A page that is large enough to be read is read; the small picture in a list is not."""
    if looked is not None and looked.width > reading.WIDTHS[0]:
        access.note_reading(acting, kind, subject, page=str(looked.page))
    else:
        access.check_kept(acting.tx, subject)


def _count(door: Door, part: Part) -> PagesView:
    return PagesView(pages=reading.pages_of(_reader(door), part.content), filename=part.filename)


def _reader(door: Door) -> Reader:
    return Reader(door.pool, door.office.blobs, door.office.workshop)


def _picture(door: Door, part: Part, asked: Asked) -> Response:
    tag = f'"{part.content.sha256}-{asked.page}-{asked.width}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in asked.known:
        return Response(status_code=304, headers=headers)
    drawn = reading.picture_of(_reader(door), part.content, asked.page, asked.width, asked.form)
    return Response(door.office.blobs.get(drawn), media_type=drawn.media_type, headers=headers)
