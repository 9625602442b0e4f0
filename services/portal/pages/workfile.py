"""Work files: the list of a year, files and what stands in them, archive, disposal, packages to take along."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, today_in_vietnam
from shared.errors import NotFound, Rejected

router = APIRouter(include_in_schema=False)

TYPES = {"pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
LINE = ("id", "code", "heading", "title", "years", "basis", "person", "note", "ended")
BLANK = 3  # empty lines under the list, to add some
SETS = ("submit", "freeze", "unfreeze", "dispose")
PLACES = {
    "document": "documents",
    "incoming": "incoming",
    "draft": "drafts",
}  # of what is put into a file: where its page is
Year = Annotated[int, Query(ge=2000, le=2999)]


# --- the list of a year


@router.get("/file-list")
def show_list(visit: Reading, year: Year = 0) -> Response:
    return _list_page(visit, year or today_in_vietnam().year)


def _list_page(
    visit: Visit, year: int, *, error: Rejected | None = None, typed: list[dict[str, Any]] | None = None
) -> Response:
    found = visit.api.get("docs", f"/file-lists/{year}")
    blank = [dict.fromkeys(LINE, "") | {"fresh": True} for _ in range(BLANK)]
    return visit.page(
        "file_list.html",
        error=error,
        found=found,
        year=year,
        lines=typed or [*found["lines"], *blank],
        may_edit=visit.has("clerk", "officer", "leader"),
        may_approve=visit.has("leader"),
    )


@router.post("/file-list/{year}")
def save_list(visit: Posting, form: Posted, year: int) -> Response:
    """Lines come as columns of equal length; a line without a code is none."""
    columns = {name: [text for key, text in form.pairs if key == name] for name in LINE if name != "ended"}
    ended = set(form.all("ended"))
    typed = [dict(zip(columns, row, strict=False)) for row in zip(*columns.values(), strict=False)]
    lines = []
    for each in typed:
        if not each["code"].strip():
            continue
        lines.append(
            each
            | {
                "id": each["id"] or None,
                "years": _years(each["years"]),
                "ended": each["id"] in ended,
            }
        )
    try:
        visit.api.put("docs", f"/file-lists/{year}", {"lines": lines}, version=form.get("version"))
    except Rejected as rejected:
        kept = [each | {"ended": each["id"] in ended, "fresh": not each["id"]} for each in typed]
        return _list_page(visit, year, error=rejected, typed=kept)
    return visit.to(f"/file-list?year={year}")


def _years(typed: str) -> int | None:
    """None: for ever. What is no number is 0, which docs refuses: nothing is kept for ever because of a slip."""
    years = typed.strip()
    if years.casefold() in ("", "vĩnh viễn"):
        return None
    return int(years) if years.isdecimal() and len(years) < 4 else 0


@router.post("/file-list/{year}/approve")
def approve_list(visit: Posting, form: Posted, year: int) -> Response:
    try:
        visit.api.post("docs", f"/file-lists/{year}/approve", {"basis": form.get("basis")}, key=form.get("once"))
    except Rejected as rejected:
        return _list_page(visit, year, error=rejected)
    return visit.to(f"/file-list?year={year}")


@router.post("/file-list/{year}/import")
def import_list(visit: Posting, form: Posted, year: int) -> Response:
    try:
        file = next(iter(form.files("file")), None)
        if file is None:
            raise NotFound("tệp XLSX")
        visit.api.upload(
            "docs",
            f"/file-lists/{year}/import",
            file.file,
            key=form.get("once"),
            filename=file.filename or "danh-muc.xlsx",
        )
    except Rejected as rejected:
        return _list_page(visit, year, error=rejected)
    return visit.to(f"/file-list?year={year}")


@router.get("/file-list/{year}/sheet.{form}")
def get_list_sheet(visit: Reading, year: int, form: str) -> Response:
    return _sheet(visit, f"/file-lists/{year}/sheet", form, f"danh-muc-ho-so-{year}")


def _sheet(visit: Visit, path: str, form: str, name: str, query: str = "") -> Response:
    if form not in TYPES:
        raise NotFound("tệp")
    return relay(visit, "docs", f"{path}.{form}{query}", filename=f"{name}.{form}", media_type=TYPES[form])


# --- files


@router.get("/work-files")
def list_files(
    visit: Reading,
    *,
    state: str = "",
    show: str = "",
    document: str = "",
    incoming: str = "",
    draft: str = "",
    cursor: str = "",
) -> Response:
    """All, mine (`show`) or those that are due; with a document it is the page on which it is put into one."""
    given = {"document": document, "incoming": incoming, "draft": draft}
    kind = next((name for name in PLACES if given[name]), "document")
    return _files_page(visit, state, show, kind=kind, subject=given[kind], cursor=cursor)


def _files_page(
    visit: Visit,
    state: str,
    show: str,
    *,
    kind: str = "document",
    subject: str = "",
    cursor: str = "",
    error: Rejected | None = None,
    typed: Form | None = None,
) -> Response:
    found = visit.api.get(
        "docs",
        "/work-files",
        state="open" if subject and not state else state,
        mine="true" if show == "mine" else "",
        due="true" if show == "due" else "",
        cursor=cursor,
    )
    year = today_in_vietnam().year
    return visit.page(
        "work_files.html",
        error=error,
        files=found,
        chosen=state,
        show=show,
        kind=kind,
        subject=subject,
        places=PLACES,
        standing=visit.api.get("docs", "/work-files", subject=subject)["items"] if subject else [],
        suggested=visit.api.get("docs", "/work-files/suggested", kind=kind, subject_id=subject)["items"]
        if subject
        else [],
        lines=[each for each in visit.api.get("docs", f"/file-lists/{year}")["lines"] if not each["ended"]],
        typed=typed or Form(),
        today=today_in_vietnam().isoformat(),
    )


@router.post("/work-files")
def open_file(visit: Posting, form: Posted) -> Response:
    body: dict[str, Any] = {
        "title": form.get("title"),
        "construction": form.get("construction") == "yes",
        "note": form.get("note"),
    }
    if form.get("line_id"):
        body["line_id"] = form.get("line_id")
    elif form.get("reason"):
        body["outside"] = {
            "code": form.get("code"),
            "years": _years(form.get("years")),
            "reason": form.get("reason"),
        }
    try:
        made = visit.api.post("docs", "/work-files", body, key=form.get("once"))
        if form.get("subject"):
            put = {"kind": form.get("kind"), "subject_id": form.get("subject")}
            visit.api.post("docs", f"/work-files/{made['id']}/members", put, key=form.get("once") + "-put")
    except Rejected as rejected:
        kind = form.get("kind") if form.get("kind") in PLACES else "document"
        return _files_page(visit, "", "", kind=kind, subject=form.get("subject"), error=rejected, typed=form)
    return visit.to(f"/work-files/{made['id']}")


@router.post("/work-files/{act}/several")
def act_on_several(visit: Posting, form: Posted, act: str) -> Response:
    if act not in SETS:
        raise NotFound(act)
    try:
        visit.api.post("docs", f"/work-files/{act}", _set(form, form.all("file")), key=form.get("once"))
    except Rejected as rejected:
        return _files_page(visit, form.get("state"), "", error=rejected, typed=form)
    return visit.to("/work-files")


def _set(form: Form, ids: list[str]) -> dict[str, Any]:
    """What handing over, freezing or disposing of needs, as far as the form has it."""
    body: dict[str, Any] = {"file_ids": ids}
    body |= {
        name: form.get(name)
        for name in ("minutes", "number", "day", "text", "decision", "decided_on")
        if form.get(name)
    }
    if form.get("members"):
        body["members"] = [each.strip() for each in form.get("members").splitlines() if each.strip()]
    return body


@router.get("/work-files/{file_id}")
def show_file(visit: Reading, file_id: UUID) -> Response:
    return _file_page(visit, file_id)


def _file_page(visit: Visit, file_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    found = visit.api.get("docs", f"/work-files/{file_id}")
    due = found["archive_due"]
    return visit.page(
        "work_file.html",
        error=error,
        file=found,
        places=PLACES,
        typed=typed or Form(),
        today=today_in_vietnam().isoformat(),
        late=bool(due and found["state"] == "closed" and date.fromisoformat(due) < today_in_vietnam()),
    )


@router.get("/work-files/{file_id}/contents.{form}")
def get_contents(visit: Reading, file_id: UUID, form: str) -> Response:
    return _sheet(visit, f"/work-files/{file_id}/contents", form, "muc-luc-van-ban")


@router.get("/work-file-submission.{form}")
def get_submission(visit: Reading, form: str, minutes: Annotated[str, Query(max_length=100)]) -> Response:
    return _sheet(visit, "/work-files/submission", form, "muc-luc-nop-luu", f"?minutes={quote(minutes, safe='')}")


@router.get("/work-file-exports/{export_id}/package.zip")
def get_package(visit: Reading, export_id: UUID) -> Response:
    path = f"/work-file-exports/{export_id}/content"
    return relay(visit, "docs", path, filename=f"ho-so-{export_id}.zip", media_type="application/zip")


BODIES = {
    "members": ("kind", "subject_id", "note"),
    "take-out": ("reason",),
    "sort": (),
    "close": ("ended_on", "settled_on"),
    "reopen": ("reason",),
    "hold-back": ("number", "day", "text", "until"),
    "accept": (),
    "return": ("reason",),
    "exports": (),
}


@router.post("/work-files/{file_id}/{act}")
def act_on_file(visit: Posting, form: Posted, file_id: UUID, act: str) -> Response:
    """One act on one file; those that the service takes for sets are a set of one."""
    if act not in BODIES and act not in SETS:
        raise NotFound(act)
    body: dict[str, Any]
    if act in SETS:
        path, body = f"/work-files/{act}", _set(form, [str(file_id)])
    else:
        path = f"/work-files/{file_id}/{act}"
        body = {name: form.get(name) for name in BODIES[act] if form.get(name)}
        if act == "take-out":
            path = f"/work-files/{file_id}/members/{UUID(form.get('subject_id'))}/take-out"
    try:
        visit.api.post("docs", path, body, key=form.get("once"))
    except Rejected as rejected:
        return _file_page(visit, file_id, error=rejected, typed=form)
    return visit.to(f"/work-files/{file_id}")
