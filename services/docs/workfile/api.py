"""HTTP for work files: opened, filled, closed, handed to the archive, frozen, disposed of, taken out as a package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from services.docs import access, numbering
from services.docs.access import Acting, DoorDep, IfMatch, Line, Member, ReasonLine, Text, acting_as
from services.docs.finding import store as finding
from services.docs.refusals import CONTENT_DISPOSED
from services.docs.review import talking
from services.docs.step import Step
from services.docs.views import Body
from services.docs.workfile import api_lists, domain, erasing, listing, printing, store, subjects, work
from services.docs.workfile.domain import Consent, Disposal, Kind, Place, State, WorkFile
from services.docs.workfile.refusals import EXPORT_NOT_READY
from services.docs.workfile.store import Export, Wanted
from services.docs.workfile.views import (
    ExportView,
    FilePage,
    FilesView,
    FileView,
    export_view,
    line_of,
    view_of,
)
from shared import outbox
from shared.errors import NotFound, Rejected
from shared.events.docs import DocsAct
from shared.http import OnceOnly, encode_cursor
from shared.ids import new_id

router = APIRouter(tags=["work files"])
ROUTERS = (api_lists.router, router)

Leader = Annotated[Acting, Depends(acting_as("leader"))]
Number = Annotated[Text, Field(min_length=1, max_length=100)]
Form = Literal["pdf", "xlsx"]
MOST_AT_ONCE = 200


# --- what comes in


class OutsideBody(Body):
    """Of a file outside of the list: a code and retention of its own, and why."""

    code: Annotated[Text, Field(min_length=1, max_length=20)]
    years: int | None = Field(default=None, ge=2, le=70)
    basis: Annotated[Text, Field(max_length=200)] = ""
    reason: ReasonLine


class OpenBody(Body):
    title: Line
    line_id: UUID | None = Field(default=None, description="of the year's file list")
    year: int | None = Field(default=None, ge=2000, le=2999)
    outside: OutsideBody | None = None
    construction: bool = False
    note: Annotated[Text, Field(max_length=500)] = ""


class MemberBody(Body):
    kind: Kind
    subject_id: UUID
    note: Annotated[Text, Field(max_length=500)] = ""


class ReasonBody(Body):
    reason: ReasonLine


class CloseBody(Body):
    ended_on: date
    settled_on: date | None = None


class OrderBody(Body):
    """Somebody's written word: consent to hold back, an order to freeze."""

    number: Number
    day: date
    text: Annotated[Text, Field(max_length=1000)] = ""


class HoldBody(OrderBody):
    until: date


class SetBody(Body):
    file_ids: list[UUID] = Field(min_length=1, max_length=MOST_AT_ONCE)


class SubmitBody(SetBody):
    minutes: Number


class FreezeBody(SetBody, OrderBody):
    pass


class DisposeBody(SetBody):
    decision: Number
    decided_on: date
    members: list[Annotated[Text, Field(min_length=1, max_length=100)]] = Field(min_length=1, max_length=20)


def _made(acting: Acting, step: Step[WorkFile], response: Response | None = None, *, new: bool = False) -> FileView:
    store.keep(acting.tx, step, source=acting.office.source, new=new)
    kept = store.get(acting.tx, step.after.id)
    if response is not None:
        access.etag(response, kept.version)
    return view_of(acting, kept)


def _locked(acting: Acting, file_id: UUID, if_match: str | None) -> tuple[WorkFile, int]:
    file = store.get(acting.tx, file_id, lock=True)
    access.check_version(if_match, file.version)
    return file, store.count_members(acting.tx, file_id)


# --- lists and pages


@router.get("/work-files")
def list_files(
    acting: Member,
    *,
    state: State | None = None,
    mine: bool = False,
    due: bool = False,
    year: int | None = None,
    subject: UUID | None = None,
    cursor: str | None = None,
) -> FilePage:
    """The agency's, newest first. `due`: those that the archive has to have within 30 days; `subject`: a document in them."""
    wanted = Wanted(
        state=state,
        keeper=acting.person_id if mine else None,
        year=year,
        subject=subject,
        due_by=acting.today() + domain.WARNED_AHEAD if due else None,
    )
    found = store.list_files(acting.tx, acting.agency_id, wanted, access.cursor_id(cursor), access.PAGE + 1)
    more = encode_cursor(found[access.PAGE - 1][0].id) if len(found) > access.PAGE else None
    return FilePage(items=[line_of(file, members) for file, members in found[: access.PAGE]], next_cursor=more)


@router.get("/work-files/suggested")
def suggest(acting: Member, kind: Kind, subject_id: UUID) -> FilesView:
    """Open files of what a document answers, updates or is answered by: where it most likely belongs."""
    subjects.get(acting.tx, kind, subject_id)
    found = store.files_of(acting.tx, subjects.related(acting.tx, kind, subject_id))
    files = {file.id: file for file, subject in found if file.state == "open" and subject != subject_id}
    return FilesView(items=[line_of(each, store.count_members(acting.tx, each.id)) for each in files.values()])


@router.get("/work-files/submission.{form}", response_class=Response)
def get_submission(form: Form, door: DoorDep, minutes: Annotated[str, Query(max_length=100)]) -> Response:
    """The list that goes with the minutes under which files were handed over."""
    with door.open("clerk", "leader") as acting:
        files = store.list_submitted(acting.tx, acting.agency_id, minutes)
        if not files:
            raise NotFound("biên bản giao nhận")
        lines = [(each, subjects.lines(acting.tx, store.list_members(acting.tx, each.id))) for each in files]
        day = subjects.printed_at(files[0].submission.at) if files[0].submission else ""
        made = printing.submission(acting.agency().name, lines, minutes=minutes, day=day)
    return api_lists.send_sheet(made, form, "muc-luc-nop-luu", door.office.workshop)


@router.get("/work-files/{file_id}")
def get_file(file_id: UUID, acting: Member, response: Response) -> FileView:
    file = store.get(acting.tx, file_id)
    access.etag(response, file.version)
    return view_of(acting, file)


@router.get("/work-files/{file_id}/contents.{form}", response_class=Response)
def get_contents(file_id: UUID, form: Form, door: DoorDep) -> Response:
    """The contents list with the decree's columns."""
    with door.open("clerk", "leader") as acting:
        file = store.get(acting.tx, file_id)
        lines = subjects.lines(acting.tx, store.list_members(acting.tx, file_id))
        made = printing.contents(file, acting.agency().name, lines)
    return api_lists.send_sheet(made, form, f"muc-luc-van-ban-{file.year}", door.office.workshop)


# --- acting


@router.post("/work-files", status_code=201)
def open_file(body: OpenBody, acting: Member, once: OnceOnly) -> FileView:
    """Under a line of the approved list, or outside of it with a reason."""

    def act() -> FileView:
        year = body.year or acting.today().year
        place = Place("", "", None, "")
        if body.line_id:
            place = listing.place_under(store.find_list(acting.tx, acting.agency_id, year), body.line_id, year).place
        elif body.outside:
            place = Place(body.outside.code, "", body.outside.years, body.outside.basis)
        file = WorkFile(
            id=new_id(),
            agency_id=acting.agency_id,
            place=place,
            title=body.title,
            year=year,
            keeper_id=acting.person_id,
            keeper=acting.post.name,
            opened_on=acting.today(),
            outside_because=body.outside.reason if body.outside and not body.line_id else None,
            construction=body.construction,
            note=body.note,
        )
        return _made(acting, domain.open_file(file, acting.by, acting.now()), new=True)

    return once.run(act, FileView)


@router.post("/work-files/{file_id}/members")
def put_in(file_id: UUID, body: MemberBody, acting: Member, response: Response) -> FileView:
    """A reference to a document that the person may see; nothing is copied. It may stand in other files, too."""
    file, count = _locked(acting, file_id, None)
    if body.kind == "draft":
        talking.subject_of(acting, body.subject_id)  # a draft is for its author, its editors and those who were asked
    found = subjects.get(acting.tx, body.kind, body.subject_id)
    now = acting.now()
    step = domain.put_in(file, body.kind, body.subject_id, acting.by, now, members=count, what=subjects.name_of(found))
    member = store.Member(count + 1, body.kind, body.subject_id, acting.by, now, body.note)
    store.add_member(acting.tx, file, member)
    return _made(acting, step, response)


@router.post("/work-files/{file_id}/members/{subject_id}/take-out")
def take_out(file_id: UUID, subject_id: UUID, body: ReasonBody, acting: Member, response: Response) -> FileView:
    file, _ = _locked(acting, file_id, None)
    members = store.list_members(acting.tx, file_id)
    member = next((each for each in members if each.subject_id == subject_id), None)
    if member is None:
        raise NotFound("văn bản trong hồ sơ")
    what = subjects.name_of(subjects.get(acting.tx, member.kind, subject_id))
    step = domain.take_out(file, member.kind, subject_id, acting.by, acting.now(), reason=body.reason, what=what)
    store.remove_member(acting.tx, file_id, subject_id)
    store.set_order(acting.tx, file_id, [each.subject_id for each in members if each is not member])
    return _made(acting, step, response)


@router.post("/work-files/{file_id}/sort")
def sort(file_id: UUID, acting: Member, response: Response) -> FileView:
    """The contents list in the order of the documents' dates."""
    file, _ = _locked(acting, file_id, None)
    members = store.list_members(acting.tx, file_id)
    ordered = subjects.order_by_date(subjects.lines(acting.tx, members))
    if file.state == "open" and ordered != [each.subject_id for each in members]:
        store.set_order(acting.tx, file_id, ordered)
        told = DocsAct(
            by=acting.by, at=acting.now(), act="work_file_sorted", object_kind="workfile", object_id=str(file_id)
        )
        outbox.put(acting.tx, told, source=acting.office.source)
    access.etag(response, file.version)
    return view_of(acting, file)


@router.post("/work-files/{file_id}/close")
def close(file_id: UUID, body: CloseBody, acting: Member, response: Response, if_match: IfMatch = None) -> FileView:
    file, count = _locked(acting, file_id, if_match)
    step = domain.close(
        file,
        acting.by,
        acting.now(),
        ended_on=body.ended_on,
        settled_on=body.settled_on,
        today=acting.today(),
        members=count,
        unfinished=subjects.unfinished(acting.tx, store.list_members(acting.tx, file_id)),
    )
    return _made(acting, step, response)


@router.post("/work-files/{file_id}/reopen")
def reopen(file_id: UUID, body: ReasonBody, acting: Member, response: Response, if_match: IfMatch = None) -> FileView:
    file, count = _locked(acting, file_id, if_match)
    return _made(acting, domain.reopen(file, acting.by, acting.now(), reason=body.reason, members=count), response)


@router.post("/work-files/{file_id}/hold-back")
def hold_back(file_id: UUID, body: HoldBody, acting: Member, response: Response, if_match: IfMatch = None) -> FileView:
    """Kept by its unit beyond the law's day, at most two years, with written consent."""
    file, count = _locked(acting, file_id, if_match)
    held = file.held_back
    if held and (held.number, held.day, held.text, file.held_until) == (body.number, body.day, body.text, body.until):
        access.etag(response, file.version)
        return view_of(acting, file)  # a second click
    return _made(acting, domain.hold_back(file, _word(acting, body), body.until, acting.by, members=count), response)


@router.post("/work-files/{file_id}/accept")
def accept(file_id: UUID, acting: Member, response: Response, if_match: IfMatch = None) -> FileView:
    """Into the archive, by somebody else than who handed it over."""
    file, count = _locked(acting, file_id, if_match)
    return _made(acting, domain.accept(file, acting.by, acting.now(), members=count), response)


@router.post("/work-files/{file_id}/return")
def give_back(
    file_id: UUID, body: ReasonBody, acting: Member, response: Response, if_match: IfMatch = None
) -> FileView:
    file, _ = _locked(acting, file_id, if_match)
    return _made(acting, domain.give_back(file, body.reason, acting.by, acting.now()), response)


def _word(acting: Acting, body: OrderBody) -> Consent:
    return Consent(body.number, body.day, body.text, acting.by.name, acting.now())


# --- several at once: all or none


def _each(acting: Acting, ids: Sequence[UUID], act: Callable[[WorkFile, int], Step[WorkFile]]) -> FilesView:
    made = []
    for file_id in sorted(set(ids)):  # in one order: whoever wants several waits for the other
        file, count = _locked(acting, file_id, None)
        step = act(file, count)
        store.keep(acting.tx, step, source=acting.office.source)
        made.append(line_of(step.after, count))
    return FilesView(items=made)


@router.post("/work-files/submit")
def submit(body: SubmitBody, acting: Member) -> FilesView:
    """Hand files to the archive under one set of minutes; `submission.pdf` is the list that goes with it."""
    return _each(
        acting,
        body.file_ids,
        lambda file, count: domain.submit(file, body.minutes, acting.by, acting.now(), members=count),
    )


@router.post("/work-files/freeze")
def freeze(body: FreezeBody, acting: Member) -> FilesView:
    """On order: nothing of these is changed or disposed of until it is lifted."""
    word = _word(acting, body)
    return _each(acting, body.file_ids, lambda file, count: domain.freeze(file, word, acting.by, members=count))


@router.post("/work-files/unfreeze")
def unfreeze(body: FreezeBody, acting: Leader) -> FilesView:
    word = _word(acting, body)
    return _each(acting, body.file_ids, lambda file, count: domain.unfreeze(file, word, acting.by, members=count))


@router.post("/work-files/dispose")
def dispose(body: DisposeBody, acting: Leader) -> FilesView:
    """Destroy the content of files whose time is over, by a decision. What stands in a file that is kept stays."""
    gone = Disposal(body.decision, body.decided_on, tuple(body.members), acting.by.name, acting.now())

    def act(file: WorkFile, _count: int) -> Step[WorkFile]:
        domain.may_dispose(file, acting.today())
        members = store.list_members(acting.tx, file.id)
        elsewhere = {
            subject
            for other, subject in store.files_of(acting.tx, [each.subject_id for each in members])
            if other.id != file.id and other.state != "disposed" and other.id not in body.file_ids
        }
        content = {
            each.subject_id: subjects.all_content(acting.tx, each.kind, each.subject_id)
            for each in members
            if each.subject_id not in elsewhere
        }
        digests = sorted({ref.sha256 for parts in content.values() for _, ref in parts})
        step = domain.dispose(file, gone, acting.by, acting.today(), destroyed=digests)
        for subject_id, parts in content.items():
            store.add_destroyed(acting.tx, step.after, subject_id, parts)
            finding.put_text(acting.tx, subject_id, "", "")
        erasing.order(acting.tx, file, acting.by)
        return step

    return _each(acting, body.file_ids, act)


# --- packages


@router.post("/work-files/{file_id}/exports", status_code=201)
def order_export(file_id: UUID, acting: Member, once: OnceOnly) -> ExportView:
    """The whole file as a package that needs no Vanthu; the worker makes it."""

    def act() -> ExportView:
        file, count = _locked(acting, file_id, None)
        order = Export(
            id=new_id(),
            agency_id=file.agency_id,
            file_id=file.id,
            ordered_by=acting.by,
            ordered_at=acting.now(),
        )
        step = domain.exported(file, acting.by, order.ordered_at, members=count)
        store.keep(acting.tx, step, source=acting.office.source)
        work.order(acting.tx, order, acting.post)
        return export_view(order)

    return once.run(act, ExportView)


@router.get("/work-file-exports/{export_id}")
def get_export(export_id: UUID, acting: Member) -> ExportView:
    return export_view(store.get_export(acting.tx, export_id))


@router.get("/work-file-exports/{export_id}/content", response_class=Response)
def get_package(export_id: UUID, door: DoorDep) -> Response:
    with door.open("clerk", "leader") as acting:
        found = store.get_export(acting.tx, export_id)
        file = store.get(acting.tx, found.file_id)
        subjects.check_package_known(acting.tx, found, mine=found.ordered_by.person_id == acting.person_id)
        if file.disposal is not None:
            raise Rejected(CONTENT_DISPOSED, decision=file.disposal.decision)
        if found.content is None:
            raise Rejected(EXPORT_NOT_READY)
        access.note_reading(acting, "workfile", file.id)
    day = numbering.today(found.ordered_at)
    return access.send_large(door.office.blobs, found.content, f"ho-so-{file.place.code}-{day:%Y%m%d}.zip")
