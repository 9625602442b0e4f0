"""Submitting a document, and submitting it again after it was returned. Whatever goes wrong, what was typed stays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from services.portal.refusals import AGENCY_NOT_FOUND, FILE_MISSING, FILE_TOO_LARGE, FORM_SENT_ALREADY
from shared.errors import IDEMPOTENCY_KEY_REUSED, Rejected

router = APIRouter(include_in_schema=False)

MAX_FILE = 256  # MB, as docs has it


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that docs has already: it is not chosen again when something else was wrong."""

    file_id: str
    kind: str
    filename: str

    @property
    def field(self) -> str:
        return f"{self.file_id}|{self.kind}|{self.filename}"


@router.get("/documents/new")
def show_submission(visit: Reading, intake: UUID | None = None) -> Response:
    """Empty, or with a file that came in another way and has passed its steps."""
    visit.need("clerk")
    if intake is None:
        return _page(visit, Form(), [])
    item = visit.api.get("docs", f"/intake/{intake}")
    name = item["filename"].replace("|", "-")
    uploaded = [Uploaded(item["file_id"], "main", name)] if item["file_id"] else []
    return _page(visit, Form([("intake", str(intake))]), uploaded)


@router.post("/documents/new")
def submit(visit: Posting, form: Posted) -> Response:
    uploaded = uploaded_in(form)
    if form.get("reopen"):
        return _page(visit, form, uploaded)
    if form.get("add") or form.get("leave"):
        return _with_agencies(visit, form, uploaded)
    try:
        uploaded = _upload(visit, form, uploaded)
        body = _body(form, uploaded) | {"type_code": form.get("type_code")}
        made = visit.api.post("docs", "/documents", body, key=form.get("once"))
    except UploadRefused as refused:
        return _page(visit, form, refused.uploaded, error=refused.rejected)
    except Rejected as rejected:
        # Gone back in the browser and changed: the same form makes no second document, however often it is sent.
        again = rejected.code == IDEMPOTENCY_KEY_REUSED.code
        return _page(visit, form, uploaded, error=Rejected(FORM_SENT_ALREADY) if again else rejected)
    if form.get("intake"):
        # The document stands whatever comes of this: only the list of what came in says it.
        parts_of({"used": lambda: visit.api.post("docs", f"/intake/{form.get('intake')}/use", key=form.get("once"))})
    return visit.to(f"/documents/{made['id']}", "submitted")


@router.get("/documents/{document_id}/resubmit")
def show_resubmission(visit: Reading, document_id: UUID) -> Response:
    document = visit.api.get("docs", f"/documents/{document_id}")
    typed = [
        ("symbol", document["symbol"]),
        ("abstract", document["abstract"]),
        ("urgency", str(document["urgency"])),
        *(("reviewer", review["person_id"]) for review in document["reviewers"]),
        ("signing_order", document["signing_order"]),
        *(("further", signer["authority_id"]) for signer in document["signers"][1:]),
        *(("co_issuer", each["identifier"]) for each in document["co_issuers"]),
    ]
    return _page(visit, Form(typed), [], document=document)


@router.post("/documents/{document_id}/resubmit")
def resubmit(visit: Posting, form: Posted, document_id: UUID) -> Response:
    document = visit.api.get("docs", f"/documents/{document_id}")
    uploaded = uploaded_in(form)
    if form.get("reopen"):
        return _page(visit, form, uploaded, document=document)
    if form.get("add") or form.get("leave"):
        return _with_agencies(visit, form, uploaded, document=document)
    try:
        uploaded = _upload(visit, form, uploaded)
        visit.api.post("docs", f"/documents/{document_id}/resubmit", _body(form, uploaded), key=form.get("once"))
    except UploadRefused as refused:
        return _page(visit, form, refused.uploaded, document=document, error=refused.rejected)
    except Rejected as rejected:
        return _page(visit, form, uploaded, document=document, error=rejected)
    return visit.to(f"/documents/{document_id}", "resubmitted")


def _with_agencies(
    visit: Visit, form: Form, uploaded: list[Uploaded], *, document: dict[str, Any] | None = None
) -> Response:
    """The same form with one more agency that issues the document too, or without one. Files that were chosen stay."""
    try:
        uploaded = _upload(visit, form, uploaded, main_needed=False)
        words = form.get("co_issuer_words") if form.get("add") else ""
        found = visit.api.get("docs", "/agencies", q=words, limit=2)["items"] if words else []
    except UploadRefused as refused:
        return _page(visit, form, refused.uploaded, document=document, error=refused.rejected)
    except Rejected as rejected:
        return _page(visit, form, uploaded, document=document, error=rejected)
    fits = [each for each in found if len(found) == 1 or each["identifier"].lower() == words.lower()]
    error = Rejected(AGENCY_NOT_FOUND, words=words) if words and not fits else None
    chosen = [each for each in form.all("co_issuer") if each != form.get("leave")]
    chosen += [each["identifier"] for each in fits if each["identifier"] not in chosen]
    kept = [pair for pair in form.pairs if pair[0] not in {"co_issuer", "co_issuer_words", "add", "leave"}]
    typed = Form([*kept, *(("co_issuer", each) for each in chosen)], [])
    return _page(visit, typed, uploaded, document=document, error=error)


def _page(
    visit: Visit,
    typed: Form,
    uploaded: list[Uploaded],
    *,
    document: dict[str, Any] | None = None,
    error: Rejected | None = None,
) -> Response:
    try:
        choices = visit.api.get("docs", "/choices")
    except Rejected as rejected:
        choices, error = {"types": [], "authorities": [], "reviewers": [], "registers": []}, error or rejected
    others, missing = parts_of(
        {
            each: partial(visit.api.get, "docs", f"/agencies/{quote(each, safe='')}/authorities")
            for each in typed.all("co_issuer")
        }
    )
    return visit.page(
        "submission.html",
        error=error or next(iter(missing.values()), None),
        typed=typed,
        uploaded=uploaded,
        choices=choices,
        others=list(others.values()),
        document=document,
        once=typed.once(error),
    )


class UploadRefused(Exception):
    """One file was refused; those before it are with docs already."""

    def __init__(self, rejected: Rejected, uploaded: list[Uploaded]) -> None:
        self.rejected = rejected
        self.uploaded = uploaded


def uploaded_in(form: Form) -> list[Uploaded]:
    """Of two main files the later one counts: it was brought to replace the earlier."""
    rows = [value.split("|", 2) for value in form.all("uploaded")]
    dropped = set(form.all("drop"))
    found = [Uploaded(*row) for row in rows if len(row) == 3 and row[0] not in dropped]
    mains = [each for each in found if each.kind == "main"]
    return [each for each in found if each.kind != "main" or each is mains[-1]]


def _upload(visit: Visit, form: Form, before: list[Uploaded], *, main_needed: bool = True) -> list[Uploaded]:
    """New files go to docs one by one; a new main file takes the place of the earlier one."""
    main, annexes = form.files("main"), form.files("annex")
    done = [each for each in before if not (main and each.kind == "main")]
    for kind, file in [("main", f) for f in main[:1]] + [("annex", f) for f in annexes]:
        done.append(upload_one(visit, form, file, kind, done))
    if main_needed and not any(each.kind == "main" for each in done):
        raise UploadRefused(Rejected(FILE_MISSING), done)
    return sorted(done, key=lambda each: each.kind != "main")


def upload_files(visit: Visit, form: Form, before: list[Uploaded]) -> list[Uploaded]:
    """The new files of a form that may still lack its main one."""
    return _upload(visit, form, before, main_needed=False)


def upload_one(visit: Visit, form: Form, file: UploadFile, kind: str, done: list[Uploaded]) -> Uploaded:
    """To docs; raises UploadRefused with those that are `done` already."""
    name = (file.filename or "").replace("|", "-")
    try:
        _check_size(file, name)
        key = f"{form.get('once')}-{_digest(file.file)}"
        made = visit.api.upload("docs", "/files", file.file, key=key, filename=name)
    except Rejected as rejected:
        raise UploadRefused(rejected, done) from rejected
    return Uploaded(str(made["file_id"]), kind, name)


def _check_size(file: UploadFile, name: str) -> None:
    """Said before hundreds of megabytes go on; what a PDF must be otherwise, docs says."""
    if (file.size or 0) > MAX_FILE * 1024 * 1024:
        raise Rejected(FILE_TOO_LARGE, name=name, limit=MAX_FILE)


def _digest(file: BinaryIO) -> str:
    """With the same bytes an upload may be repeated, with others of the same name it is another."""
    found = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(1024 * 1024):
        found.update(chunk)
    return found.hexdigest()


def _body(form: Form, uploaded: list[Uploaded]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "symbol": form.get("symbol"),
        "abstract": form.get("abstract"),
        "urgency": int(form.get("urgency")) if form.get("urgency").isdecimal() else 0,
        "parts": [{"file_id": each.file_id, "kind": each.kind} for each in uploaded],
        "reviewer_ids": form.all("reviewer"),
        "further_authority_ids": form.all("further"),
        "signing_order": "fixed" if form.get("signing_order") == "fixed" else "any",
        "co_issuers": form.all("co_issuer"),
    }
    if form.get("authority_id"):
        body["authority_id"] = form.get("authority_id")
    return body
