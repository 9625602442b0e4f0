"""HTTP for drafts: made, edited by several, saved without losing anything, submitted.

Of two who save at once the second is answered 412 with both sides field by field, and what they typed is kept.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import Field

from services.docs import access, drafting, store
from services.docs.access import Acting, Clerk, IfMatch, Member
from services.docs.document import Document
from services.docs.review import drafts, refusals, reviewing, speaking, store_drafts, talking
from services.docs.review.drafts import REVISED, Draft, Fields, Person
from services.docs.review.store_drafts import Typed
from services.docs.views import Body, View
from shared import outbox
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events.docs import DocsAct
from shared.http import PROBLEM, OnceOnly, encode_cursor
from shared.ids import new_id

router = APIRouter(tags=["drafts"])


class EditorView(View):
    person_id: UUID
    name: str


class TypedView(View):
    """What the reader typed on version `base` and has not saved; `differs`: something else was saved meanwhile."""

    base: int
    fields: Fields
    at: datetime
    differs: bool


class DraftLineView(View):
    draft_id: UUID
    title: str
    type_code: str
    author: EditorView
    editors: list[EditorView]
    version: int
    changed_at: datetime


class DraftView(DraftLineView):
    """`missing`: what it still needs before it can be submitted. `document_state`: once it was submitted."""

    state: str
    document_state: str | None
    fields: Fields
    typed: TypedView | None
    may_edit: bool
    missing: str | None


class DraftPage(View):
    items: list[DraftLineView]
    next_cursor: str | None


class TypedBody(Body):
    base: int = Field(ge=1)
    fields: Fields


class EditorsBody(Body):
    person_ids: list[UUID] = Field(max_length=20)


class SubmittedView(View):
    document_id: UUID
    state: str


@router.get("/drafts")
def list_drafts(acting: Member, cursor: str | None = None) -> DraftPage:
    """Those that the reader may edit, newest first."""
    found = store_drafts.list_own(acting.tx, acting.person_id, access.cursor_id(cursor), access.PAGE + 1)
    more = encode_cursor(found[access.PAGE - 1].id) if len(found) > access.PAGE else None
    return DraftPage(items=[DraftLineView(**_line(each)) for each in found[: access.PAGE]], next_cursor=more)


@router.post("/drafts", status_code=201)
def make_draft(acting: Clerk, once: OnceOnly, body: Fields | None = None) -> DraftView:
    """A draft of the caller; everything in it may still be missing."""

    def act() -> DraftView:
        now = acting.now()
        author = Person(acting.person_id, acting.post.name)
        made = Draft(new_id(), acting.agency_id, author, (), body or Fields(), "draft", 1, now, now)
        store_drafts.add(acting.tx, made)
        _record(acting, made, "made")
        return _view(acting, made)

    return once.run(act, DraftView)


@router.get("/drafts/{draft_id}")
def get_draft(draft_id: UUID, acting: Member, response: Response) -> DraftView:
    """For its author and editors, and for those who were asked about it."""
    found = talking.subject_of(acting, draft_id).draft
    if found is None:
        raise NotFound("dự thảo")
    access.etag(response, found.version)
    return _view(acting, found)


@router.put("/drafts/{draft_id}", response_model=DraftView)
def save_draft(
    draft_id: UUID, body: Fields, acting: Member, response: Response, if_match: IfMatch = None
) -> DraftView | Response:
    """Save the whole form as a new version. If-Match: the version that was opened; 412 tells what another saved since."""
    if if_match is None:
        raise Rejected(refusals.VERSION_NEEDED)
    held = _lock(acting, draft_id)
    try:
        access.check_version(if_match, held.version)
    except Rejected:
        return _conflict(acting, held, body, if_match)
    if after := drafts.save(held, body, acting.now()):
        store_drafts.save(acting.tx, after, seen=held.version)
        _record(acting, after, "saved")
    store_drafts.drop_typed(acting.tx, draft_id, acting.person_id)
    access.etag(response, (after or held).version)
    return _view(acting, after or held)


def _conflict(acting: Acting, held: Draft, mine: Fields, if_match: str) -> Response:
    """Both sides field by field, and a form that has what both changed; what came is kept as being typed."""
    base = _version_of(if_match)
    was = next((e.fields for e in store_drafts.list_editions(acting.tx, held.id) if e.number == base), held.fields)
    typed = Typed(base if base > 0 else held.version, mine, acting.now())
    store_drafts.put_typed(acting.tx, held, acting.person_id, typed)
    last = store_drafts.list_editions(acting.tx, held.id)[-1]
    words = speaking.speaker(acting)
    said = STALE_VERSION.say()
    body = {
        "type": f"urn:vanthu:problem:{STALE_VERSION.code}",
        "title": STALE_VERSION.code,
        "status": STALE_VERSION.status,
        "code": STALE_VERSION.code,
        "detail": said.vi,
        "detail_vi": said.vi,
        "detail_en": said.en,
        "version": held.version,
        "saved_by": last.by.name,
        "saved_at": last.at,
        "differences": [
            asdict(each)
            | {f"{side}_text": words.say(each.field, getattr(each, side)) for side in ("base", "mine", "theirs")}
            for each in drafts.differences(was, mine, held.fields)
        ],
        "merged": drafts.merged(was, mine, held.fields),
    }
    return JSONResponse(jsonable_encoder(body), status_code=STALE_VERSION.status, media_type=PROBLEM)


def _version_of(if_match: str) -> int:
    text = if_match.strip().removeprefix("W/").strip('"')
    return int(text) if text.isdecimal() and len(text) < 9 else 0


@router.put("/drafts/{draft_id}/typed")
def keep_typed(draft_id: UUID, body: TypedBody, acting: Member) -> TypedView:
    """What is being typed, kept for this person until they save: a lost session loses nothing. No version is made."""
    held = store_drafts.get(acting.tx, draft_id)
    drafts.check_editable(held, acting.person_id, _document(acting, draft_id))
    typed = Typed(body.base, body.fields, acting.now())
    store_drafts.put_typed(acting.tx, held, acting.person_id, typed)
    return _typed(held, typed)


@router.post("/drafts/{draft_id}/typed/drop")
def drop_typed(draft_id: UUID, acting: Member) -> DraftView:
    """What was typed is not wanted any more."""
    store_drafts.drop_typed(acting.tx, draft_id, acting.person_id)
    return get_draft(draft_id, acting, Response())


@router.put("/drafts/{draft_id}/editors")
def share_draft(draft_id: UUID, body: EditorsBody, acting: Member) -> DraftView:
    """Who beside the author may edit it; the author says."""
    held = _lock(acting, draft_id)
    people = talking.people_named(acting, body.person_ids, unknown=refusals.EDITOR_UNKNOWN)
    after = drafts.share(held, people, acting.now())
    if after.editors != held.editors:
        store_drafts.save(acting.tx, after, seen=held.version)
        _record(acting, after, "shared")
    return _view(acting, store_drafts.get(acting.tx, draft_id))


@router.post("/drafts/{draft_id}/drop")
def drop_draft(draft_id: UUID, acting: Member) -> DraftView:
    """It is not wanted any more; its versions and what was said stay."""
    held = store_drafts.lock(acting.tx, draft_id)
    if held.state != "dropped":
        drafts.check_editable(held, acting.person_id, _document(acting, draft_id))
        if held.state == "submitted":
            raise Rejected(refusals.DRAFT_CLOSED)
        after = replace(held, state="dropped", version=held.version + 1, changed_at=acting.now())
        store_drafts.save(acting.tx, after, seen=held.version)
        _record(acting, after, "dropped")
    return _view(acting, store_drafts.get(acting.tx, draft_id))


@router.post("/drafts/{draft_id}/submit")
def submit_draft(draft_id: UUID, acting: Clerk, once: OnceOnly, if_match: IfMatch = None) -> SubmittedView:
    """It becomes the document of the same id; returned and revised, that document goes its way again."""

    def act() -> SubmittedView:
        held = _lock(acting, draft_id)
        access.check_version(if_match, held.version)
        before = _document(acting, draft_id)
        if before is None:
            body = drafts.submission(held.fields)
            made = drafting.drafted(acting, body, held.id)
            made = replace(made, author_id=held.author.person_id, author_name=held.author.name)
            reviewing.submit(acting, made, body.workflow)
        else:
            _again(acting, held, store.lock(acting.tx, draft_id))
        after = replace(held, state="submitted", version=held.version + 1, changed_at=acting.now())
        store_drafts.save(acting.tx, after, seen=held.version)
        _record(acting, after, "resubmitted" if before else "submitted")
        return SubmittedView(document_id=draft_id, state=store.get(acting.tx, draft_id).state)

    return once.run(act, SubmittedView)


def _again(acting: Acting, draft: Draft, held: Document) -> None:
    if draft.fields.type_code != held.type_code:
        raise Rejected(refusals.TYPE_FIXED, type=held.type_name)
    body = drafts.resubmission(draft.fields)
    revised = drafting.revised(acting, held, body)
    step = reviewing.resubmit(acting, held, revised, chosen=body.reviewer_ids)
    store.keep_document(acting.tx, step, source=acting.office.source)


def _lock(acting: Acting, draft_id: UUID) -> Draft:
    held = store_drafts.lock(acting.tx, draft_id)
    if not held.may_edit(acting.person_id):
        talking.subject_of(acting, draft_id)  # who may not even read it is told that there is none
    drafts.check_editable(held, acting.person_id, _document(acting, draft_id))
    return held


def _record(acting: Acting, draft: Draft, act: str) -> None:
    """Keep the version, and say for the ledger who made it."""
    now = acting.now()
    store_drafts.record(acting.tx, draft, act, by=acting.by, at=now)
    fact = DocsAct(
        act=f"draft_{act}",
        object_kind="document",
        object_id=str(draft.id),
        detail={"version": str(draft.version)},
        by=acting.by,
        at=now,
    )
    outbox.put(acting.tx, fact, source=acting.office.source)


def _document(acting: Acting, draft_id: UUID) -> Document | None:
    try:
        return store.get(acting.tx, draft_id)
    except NotFound:
        return None


def _line(draft: Draft) -> dict[str, Any]:
    return {
        "draft_id": draft.id,
        "title": draft.title,
        "type_code": draft.fields.type_code,
        "author": EditorView(person_id=draft.author.person_id, name=draft.author.name),
        "editors": [EditorView(person_id=each.person_id, name=each.name) for each in draft.editors],
        "version": draft.version,
        "changed_at": draft.changed_at,
    }


def _view(acting: Acting, draft: Draft) -> DraftView:
    typed = store_drafts.find_typed(acting.tx, draft.id, acting.person_id)
    held = _document(acting, draft.id)
    editable = draft.state == "draft" or (draft.state == "submitted" and held is not None and held.state in REVISED)
    return DraftView(
        **_line(draft),
        state=draft.state,
        document_state=held.state if held else None,
        fields=draft.fields,
        typed=_typed(draft, typed) if typed and typed.fields != draft.fields else None,
        may_edit=editable and draft.may_edit(acting.person_id),
        missing=_missing(draft.fields),
    )


def _typed(draft: Draft, typed: Typed) -> TypedView:
    return TypedView(base=typed.base, fields=typed.fields, at=typed.at, differs=typed.base != draft.version)


def _missing(fields: Fields) -> str | None:
    try:
        drafts.submission(fields)
    except Rejected as rejected:
        return str(rejected.params.get("fields", ""))
    return None
