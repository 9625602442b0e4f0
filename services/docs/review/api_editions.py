"""HTTP for the versions of a draft or document: who made which when, its files, and what changed between two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.docs import access
from services.docs.access import Door, DoorDep, Member
from services.docs.finding import reading
from services.docs.finding.domain import Source
from services.docs.review import comparing, drafts, refusals, speaking, store_drafts, talking
from services.docs.review.comparing import Passage
from services.docs.review.drafts import LABELS
from services.docs.review.store_drafts import Edition, KeptPart
from services.docs.views import View
from shared.errors import NotFound, Rejected

router = APIRouter(tags=["versions"])

Number = Annotated[int, Query(ge=1)]
MOST = 400_000  # characters of a text that are compared


class EditionPartView(View):
    ordinal: int
    kind: str
    filename: str
    sha256: str
    size: int


class EditionView(View):
    number: int
    act: str
    by: str
    post: str | None
    at: datetime
    parts: list[EditionPartView]


class FieldView(View):
    field: str
    label: str
    before: str
    after: str


class PieceView(View):
    kind: Literal["same", "added", "removed"]
    text: str


class PassageView(View):
    kind: Literal["same", "added", "removed", "changed"]
    before: list[PieceView]
    after: list[PieceView]


class PartChangeView(View):
    """One file in both versions. `unread`: why there is no text to compare."""

    before: str | None
    after: str | None
    same_file: bool
    words_removed: int
    words_added: int
    passages: list[PassageView]
    unread: str | None


class ComparisonView(View):
    before: EditionView
    after: EditionView
    fields: list[FieldView]
    parts: list[PartChangeView]


@router.get("/documents/{document_id}/editions")
def list_editions(document_id: UUID, acting: Member) -> list[EditionView]:
    """Every version of the draft and every round of the document, oldest first."""
    talking.subject_of(acting, document_id)
    return [_view(each) for each in store_drafts.list_editions(acting.tx, document_id)]


@router.get("/documents/{document_id}/editions/{number}/parts/{ordinal}/content", response_class=Response)
def get_part(document_id: UUID, number: int, ordinal: int, door: DoorDep) -> Response:
    """A file as it was in that version."""
    with door.open("clerk", "leader") as acting:
        talking.subject_of(acting, document_id)
        parts = store_drafts.get_edition(acting.tx, document_id, number).parts
        if ordinal >= len(parts):
            raise NotFound("phần của văn bản")
        access.note_reading(acting, "document", document_id, version=str(number))
    return access.send_file(door.office.blobs, parts[ordinal].content, parts[ordinal].filename)


@router.get("/documents/{document_id}/comparison")
def compare(document_id: UUID, door: DoorDep, before: Number = 1, after: Number = 1) -> ComparisonView:
    """Two versions side by side: the form field by field, the files' texts word by word."""
    with door.open("clerk", "leader") as acting:
        talking.subject_of(acting, document_id)
        access.note_reading(acting, "document", document_id, version=f"{before}, {after}")
        old = store_drafts.get_edition(acting.tx, document_id, before)
        new = store_drafts.get_edition(acting.tx, document_id, after)
        words = speaking.speaker(acting)
    return ComparisonView(
        before=_view(old),
        after=_view(new),
        fields=[
            FieldView(
                field=each.field,
                label=LABELS[each.field],
                before=words.say(each.field, each.base),
                after=words.say(each.field, each.mine),
            )
            for each in drafts.differences(old.fields, new.fields, old.fields)
            if each.field != "parts"
        ],
        parts=[_compared(door, one, other) for one, other in zip_longest(old.parts, new.parts)],
    )


@dataclass(frozen=True, slots=True)
class Read:
    text: str
    unread: str | None = None


def _compared(door: Door, old: KeptPart | None, new: KeptPart | None) -> PartChangeView:
    same = old is not None and new is not None and old.content.sha256 == new.content.sha256
    before, after = (Read("") if same else _read(door, each) for each in (old, new))
    unread = before.unread or after.unread
    found: list[Passage] = [] if same or unread else comparing.compare(before.text, after.text)
    removed, added = comparing.changed_words(found)
    return PartChangeView(
        before=old.filename if old else None,
        after=new.filename if new else None,
        same_file=same,
        words_removed=removed,
        words_added=added,
        passages=[
            PassageView(
                kind=each.kind,
                before=[PieceView(kind=p.kind, text=p.text) for p in each.before],
                after=[PieceView(kind=p.kind, text=p.text) for p in each.after],
            )
            for each in found
        ],
        unread=unread,
    )


def _read(door: Door, part: KeptPart | None) -> Read:
    """Its text, read in a process of its own and kept; a scan without a text layer has none."""
    if part is None:
        return Read("")
    reader = reading.Reader(door.pool, door.office.blobs, door.office.workshop)
    try:
        text = reading.text_of(reader, Source(0, part.content.sha256), part.content)
    except Rejected as rejected:
        return Read("", rejected.sentence.vi)
    if not text.strip():
        return Read("", refusals.TEXT_NOT_READ.say(name=part.filename).vi)
    return Read(text[:MOST])


def _view(edition: Edition) -> EditionView:
    return EditionView(
        number=edition.number,
        act=edition.act,
        by=edition.by.name,
        post=edition.by.post,
        at=edition.at,
        parts=[
            EditionPartView(ordinal=n, kind=p.kind, filename=p.filename, sha256=p.content.sha256, size=p.content.size)
            for n, p in enumerate(edition.parts)
        ],
    )
