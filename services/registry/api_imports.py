"""HTTP in front of imports and exports: a file comes in, is previewed, and is committed as it was previewed."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, File, Form, Header, Request, Response, UploadFile

from services.registry import exporting, intake, sheets, store_bulk, store_imports
from services.registry.columns import SHEETS, Sheet
from services.registry.edge import Caller, Limit, Officer, Shape, cursor_id, desk
from services.registry.issuance import today
from services.registry.planning import Officer as Importer
from services.registry.refusals_import import FILE_TOO_BIG
from services.registry.store_imports import Counts, Import
from shared.errors import IDEMPOTENCY_KEY_REQUIRED, INVALID_REQUEST, Rejected
from shared.http import Once, OnceOnly, Tx, Who, decode_cursor, encode_cursor

router = APIRouter(tags=["import and export"])
PATH = r"/registry/v1/imports"  # takes a file
MAX_REQUEST = 2 * sheets.MAX_FILE  # up to here the answer says what the limit of a file is


class ImportView(Shape):
    """`counts`: by sheet (agencies, units, people) how many are new, changed, same. It can be committed when
    `error_count` is 0 and `committed_at` is null.
    """

    import_id: UUID
    filename: str
    sha256: str
    counts: Counts
    error_count: int
    previewed_by: str
    previewed_at: datetime
    committed_by: str | None
    committed_at: datetime | None

    @classmethod
    def of(cls, made: Import) -> ImportView:
        return cls(
            import_id=made.id,
            filename=made.filename,
            sha256=made.sha256,
            counts=made.counts,
            error_count=made.error_count,
            previewed_by=made.previewed_by,
            previewed_at=made.previewed_at,
            committed_by=made.committed_by,
            committed_at=made.committed_at,
        )


class ImportPage(Shape):
    items: list[ImportView]
    next_cursor: str | None


class ChangeView(Shape):
    """One thing as it is and as the file says it; empty: nothing."""

    field: str
    before: str
    after: str


class RowView(Shape):
    """One row, or all rows of a person, that would make something new or change it. `row` as a spreadsheet counts."""

    sheet: Sheet
    row: int
    name: str
    state: Literal["new", "changed"]
    changes: list[ChangeView]


class RowPage(Shape):
    items: list[RowView]
    next_cursor: str | None


class ErrorView(Shape):
    sheet: Sheet
    row: int
    column: str | None
    code: str
    detail_vi: str
    detail_en: str


class ErrorPage(Shape):
    items: list[ErrorView]
    next_cursor: str | None


def _importer(who: Caller) -> Importer:
    return Importer(who.scope, who.person.id, today())


@router.post("/imports", status_code=201)
def preview(
    *,
    file: Annotated[UploadFile, File(description="CSV (UTF-8, UTF-16; , ; or tab) or XLSX, as in the template")],
    convert: Annotated[Literal["tcvn3"] | None, Form(description="what the file is to be converted from")] = None,
    request: Request,
    tx: Tx,
    bearer: Who,
    who: Officer,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> ImportView:
    """What importing the file would do: nothing is changed yet. `rows` and `errors` of the import say more."""
    if not idempotency_key:
        raise Rejected(IDEMPOTENCY_KEY_REQUIRED)
    name = file.filename or "?"
    content = file.file.read(sheets.MAX_FILE + 1)
    if len(content) > sheets.MAX_FILE:
        raise Rejected(FILE_TOO_BIG, file=name, limit_mb=sheets.MAX_FILE >> 20)

    def act() -> ImportView:
        at = desk(request, tx, who)
        return ImportView.of(
            intake.preview(at, _importer(who), who.agency, name, content, convert_tcvn3=convert == "tcvn3")
        )

    same = hashlib.sha256(b"\n".join([b"POST /imports", str(convert).encode(), content])).hexdigest()
    return Once(tx, bearer, idempotency_key, same).run(act, ImportView)


@router.get("/imports")
def list_imports(tx: Tx, _who: Officer, cursor: str | None = None, limit: Limit = 50) -> ImportPage:
    """Newest first: those of one's own agency and of those that one oversees."""
    found = store_imports.list_imports(tx, after=cursor_id(cursor), limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [ImportView.of(each) for each in page]
    return ImportPage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.get("/imports/{import_id}")
def get_import(import_id: UUID, tx: Tx, _who: Officer) -> ImportView:
    return ImportView.of(store_imports.get(tx, import_id))


@router.get("/imports/{import_id}/rows")
def list_rows(import_id: UUID, tx: Tx, _who: Officer, cursor: str | None = None, limit: Limit = 100) -> RowPage:
    """The rows that would make something new or change it, in the order of the file's sheets."""
    store_imports.get(tx, import_id)
    found = store_imports.list_entries(tx, import_id, after=_position(cursor), limit=limit + 1)
    items = [
        RowView(
            sheet=entry.sheet,
            row=entry.row,
            name=entry.name,
            state="new" if entry.state == "new" else "changed",
            changes=[ChangeView(field=each.name, before=each.before, after=each.after) for each in entry.fields],
        )
        for _position, entry in found[:limit]
    ]
    return RowPage(items=items, next_cursor=encode_cursor(found[limit - 1][0]) if len(found) > limit else None)


@router.get("/imports/{import_id}/errors")
def list_errors(import_id: UUID, tx: Tx, _who: Officer, cursor: str | None = None, limit: Limit = 100) -> ErrorPage:
    """What is wrong, by sheet and row, in both languages."""
    store_imports.get(tx, import_id)
    found = store_imports.list_errors(tx, import_id, after=_position(cursor), limit=limit + 1)
    items = [
        ErrorView(
            sheet=error.sheet,
            row=error.row,
            column=error.column,
            code=error.code,
            detail_vi=error.sentence.vi,
            detail_en=error.sentence.en,
        )
        for _position, error in found[:limit]
    ]
    return ErrorPage(items=items, next_cursor=encode_cursor(found[limit - 1][0]) if len(found) > limit else None)


def _position(cursor: str | None) -> int:
    values = decode_cursor(cursor, 1)
    if values is None:
        return -1
    if not values[0].isdigit() or len(values[0]) > 9:
        raise Rejected(INVALID_REQUEST, where="/query/cursor")
    return int(values[0])


@router.post("/imports/{import_id}/commit")
def commit(import_id: UUID, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> ImportView:
    """All of what was previewed, or nothing: 409 `import_stale` when the directory has changed so that it would differ."""

    def act() -> ImportView:
        return ImportView.of(intake.commit(desk(request, tx, who), _importer(who), import_id))

    return once.run(act, ImportView)


# --- out again


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/exports/directory.csv", response_class=Response)
def export_csv(request: Request, tx: Tx, who: Officer, sheet: Sheet = "people") -> Response:
    """Agencies, units or people in scope, with the columns of the import."""
    content = exporting.csv_of(sheet, store_bulk.load(tx), who.scope)
    desk(request, tx, who).record("export_directory", "export", sheet, format="csv")
    return _file(content, exporting.CSV, f"{sheet}.csv")


@router.get("/exports/directory.xlsx", response_class=Response)
def export_xlsx(request: Request, tx: Tx, who: Officer, sheet: Sheet | None = None) -> Response:
    """One sheet, or all three in one workbook."""
    content = exporting.xlsx_of((sheet,) if sheet else tuple(SHEETS), store_bulk.load(tx), who.scope)
    desk(request, tx, who).record("export_directory", "export", sheet or "directory", format="xlsx")
    return _file(content, exporting.XLSX, f"{sheet or 'directory'}.xlsx")


@router.get("/import-template.csv", response_class=Response)
def template_csv(_tx: Tx, _who: Officer, sheet: Sheet = "people") -> Response:
    """The columns with one row as an example."""
    return _file(exporting.template_csv(sheet), exporting.CSV, f"{sheet}.csv")


@router.get("/import-template.xlsx", response_class=Response)
def template_xlsx(_tx: Tx, _who: Officer) -> Response:
    return _file(exporting.template_xlsx(), exporting.XLSX, "directory.xlsx")
