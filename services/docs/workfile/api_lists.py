"""HTTP for the file list of a year: drafted, approved, amended; in from a spreadsheet, out as spreadsheet or PDF."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi import Path as InPath
from pydantic import Field, TypeAdapter, ValidationError

from services.docs import access, sheets
from services.docs.access import Acting, DoorDep, IfMatch, Text, UploadDep, acting_as
from services.docs.sheets import Sheet
from services.docs.views import Body, View
from services.docs.workfile import listing, store
from services.docs.workfile.listing import FileList, Line
from services.docs.workfile.refusals import LIST_EMPTY, LIST_SHEET_BROKEN
from shared import outbox
from shared.errors import INVALID_REQUEST, Rejected
from shared.events.docs import DocsAct
from shared.ids import new_id
from shared.workshop import Workshop

router = APIRouter(tags=["work files"])

Drafter = Annotated[Acting, Depends(acting_as("clerk", "officer", "leader"))]
Head = Annotated[Acting, Depends(acting_as("leader"))]
Year = Annotated[int, InPath(ge=2000, le=2999)]
Form = Literal["pdf", "xlsx"]
MOST_UNPACKED = 64 * 1024 * 1024  # bytes of a spreadsheet
TYPES = {"pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class LineBody(Body):
    id: UUID | None = Field(default=None, description="of a line that is there already")
    code: Annotated[Text, Field(min_length=1, max_length=20)]
    heading: Annotated[Text, Field(max_length=200)] = ""
    title: Annotated[Text, Field(min_length=1, max_length=500)]
    years: int | None = Field(default=None, description="how long its files are kept; none: for ever")
    basis: Annotated[Text, Field(max_length=200)] = ""
    person: Annotated[Text, Field(max_length=100)] = ""
    note: Annotated[Text, Field(max_length=500)] = ""
    ended: bool = False


class ListBody(Body):
    lines: list[LineBody] = Field(max_length=listing.MOST_LINES)


class ApproveBody(Body):
    basis: Annotated[Text, Field(max_length=200)] = Field(default="", description="the decision, such as 12/QĐ-UBND")


class LineView(View):
    id: UUID
    code: str
    heading: str
    title: str
    years: int | None
    retention: str
    basis: str
    person: str
    note: str
    ended: bool


class ListView(View):
    year: int
    approved: bool
    approved_by: str | None
    approved_at: datetime | None
    basis: str | None
    drafted_by: str | None
    lines: list[LineView]
    version: int


BODIES = TypeAdapter(list[LineBody])


def view(found: FileList) -> ListView:
    return ListView(
        year=found.year,
        approved=found.approved_at is not None,
        approved_by=found.approved_by.name if found.approved_by else None,
        approved_at=found.approved_at,
        basis=found.basis,
        drafted_by=found.drafted_by.name,
        lines=[
            LineView(
                id=e.id,
                code=e.code,
                heading=e.heading,
                title=e.title,
                years=e.years,
                retention=listing.retention(e.years),
                basis=e.basis,
                person=e.person,
                note=e.note,
                ended=e.ended,
            )
            for e in found.lines
        ],
        version=found.version,
    )


def _held(acting: Acting, year: int, *, lock: bool = False) -> FileList:
    """The list as it stands; an empty draft when nobody has begun it."""
    found = store.find_list(acting.tx, acting.agency_id, year, lock=lock)
    return found or FileList(agency_id=acting.agency_id, year=year, lines=(), drafted_by=acting.by)


@router.get("/file-lists/{year}")
def get_list(year: Year, acting: Drafter, response: Response) -> ListView:
    found = _held(acting, year)
    access.etag(response, found.version)
    return view(found)


@router.put("/file-lists/{year}")
def save_list(year: Year, body: ListBody, acting: Drafter, response: Response, if_match: IfMatch = None) -> ListView:
    """The whole list. Of an approved one no line disappears: it is marked as ended."""
    held = _held(acting, year, lock=True)
    access.check_version(if_match, held.version)
    return _saved(acting, held, body.lines, response)


def _saved(acting: Acting, held: FileList, bodies: Sequence[LineBody], response: Response) -> ListView:
    known = {each.code.casefold(): each.id for each in held.lines}
    own = {each.id for each in held.lines}
    lines = []
    for each in bodies:
        line_id = each.id if each.id in own else known.get(each.code.casefold())
        values: dict[str, Any] = each.model_dump(exclude={"id"})
        lines.append(Line(id=line_id or new_id(), **values))
    listing.amend(held, lines)
    if len({each.id for each in lines}) < len(lines):
        raise Rejected(INVALID_REQUEST, where="/lines")
    after = FileList(
        agency_id=held.agency_id,
        year=held.year,
        lines=tuple(lines),
        drafted_by=acting.by,
        approved_by=held.approved_by,
        approved_at=held.approved_at,
        basis=held.basis,
        version=held.version,
    )
    if after.lines == held.lines:
        access.etag(response, held.version)
        return view(held)  # a second click changes nothing
    return _kept(acting, after, "file_list_amended" if held.approved_at else "file_list_drafted", response)


def _kept(acting: Acting, after: FileList, act: str, response: Response) -> ListView:
    store.save_list(acting.tx, after)
    told = DocsAct(
        by=acting.by,
        at=acting.now(),
        act=act,
        object_kind="file_list",
        object_id=f"{acting.agency_id}-{after.year}",
        detail={"year": str(after.year), "lines": str(len(after.lines)), "basis": after.basis or ""},
    )
    outbox.put(acting.tx, told, source=acting.office.source)
    kept = _held(acting, after.year)
    access.etag(response, kept.version)
    return view(kept)


@router.post("/file-lists/{year}/approve")
def approve(year: Year, body: ApproveBody, acting: Head, response: Response, if_match: IfMatch = None) -> ListView:
    """By the head of the agency; from then on files are opened under it."""
    held = _held(acting, year, lock=True)
    access.check_version(if_match, held.version)
    if not held.lines:
        raise Rejected(LIST_EMPTY)
    if held.approved_at and held.basis == (body.basis or None):
        access.etag(response, held.version)
        return view(held)
    after = FileList(
        agency_id=held.agency_id,
        year=year,
        lines=held.lines,
        drafted_by=held.drafted_by,
        approved_by=acting.by,
        approved_at=acting.now(),
        basis=body.basis or None,
        version=held.version,
    )
    return _kept(acting, after, "file_list_approved", response)


@router.post("/file-lists/{year}/import", dependencies=[Depends(acting_as("clerk", "officer", "leader"))])
def import_list(year: Year, file: UploadDep, door: DoorDep, response: Response) -> ListView:
    """A spreadsheet as `sheet.xlsx` gives it. Lines with a code that is there change that line, others are added."""
    rows = read_sheet(file.path, door.office.workshop)
    try:
        bodies = BODIES.validate_python(rows)
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        raise Rejected(INVALID_REQUEST, where="/" + "/".join(str(each) for each in where)) from error
    with door.open("clerk", "officer", "leader") as acting:
        held = _held(acting, year, lock=True)
        coming = {each.code.casefold() for each in bodies}
        stay = [
            LineBody(**{name: getattr(e, name) for name in LineBody.model_fields})
            for e in held.lines
            if e.code.casefold() not in coming
        ]
        return _saved(acting, held, [*stay, *bodies], response)


def read_sheet(path: Path, workshop: Workshop) -> list[dict[str, object]]:
    """In a process of its own: a spreadsheet is a ZIP of somebody else's."""
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(each.file_size for each in packed.infolist()) > MOST_UNPACKED:
                raise Rejected(LIST_SHEET_BROKEN, column="–")
    except (zipfile.BadZipFile, OSError) as error:
        raise Rejected(LIST_SHEET_BROKEN, column="–") from error
    rows = workshop.run(read_rows, path)
    if rows is None:
        raise Rejected(LIST_SHEET_BROKEN, column="–")
    return listing.rows_of(rows)


def read_rows(path: Path) -> list[list[object]] | None:
    """The first sheet's lines; None when it can't be read."""
    from openpyxl import load_workbook

    try:
        with path.open("rb") as file:  # by its name the library would judge whether it is a spreadsheet
            book = load_workbook(file, read_only=True, data_only=True)
            rows = book.worksheets[0].iter_rows(values_only=True, max_row=listing.MOST_LINES + 1)
            found = [list(row) for row in rows]
    except Exception:  # noqa: BLE001  whatever the library says to a broken file
        return None
    return found


@router.get("/file-lists/{year}/sheet.{form}", response_class=Response)
def get_sheet(year: Year, form: Form, door: DoorDep) -> Response:
    """With the decree's columns; an empty list's spreadsheet is the form to fill in."""
    with door.open("clerk", "officer", "leader") as acting:
        made = listing.sheet(_held(acting, year), acting.agency().name)
    return send_sheet(made, form, f"danh-muc-ho-so-{year}", door.office.workshop)


def send_sheet(made: Sheet, form: str, name: str, workshop: Workshop) -> Response:
    data = workshop.run(sheets.to_pdf, made) if form == "pdf" else sheets.to_xlsx(made)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "no-store"}
    return Response(data, media_type=TYPES[form], headers=headers)
