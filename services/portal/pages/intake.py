"""What came in: the list with each file's steps, bringing files, another try, use as a draft or as an incoming document;
and the way through for resumable uploads, which the browser's script makes.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from services.portal.refusals import FILE_MISSING, FOREIGN_FORM
from shared.errors import Rejected
from shared.http import problem

router = APIRouter(include_in_schema=False)

ACTS = {"retry": "intake_retried", "discard": "intake_discarded"}
FIELDS = (
    "sender_identifier",
    "sender_name",
    "number_symbol",
    "dated",
    "type_code",
    "abstract",
    "signer_name",
    "secrecy",
)
MAX_PIECE = 1024 * 1024  # bytes; the script sends half of it
# What goes along in either direction between browser and docs (tus 1.0).
ASKED = ("tus-resumable", "upload-length", "upload-offset", "upload-metadata", "upload-checksum", "content-type")
TOLD = ("tus-resumable", "upload-offset", "upload-length", "upload-expires", "vanthu-item")
UPLOADS = "/docs/v1/uploads"


@router.get("/intake")
def list_items(
    visit: Reading,
    state: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    return _list(visit, state=state, cursor=cursor)


def _list(visit: Visit, *, state: str = "", cursor: str = "", error: Rejected | None = None) -> Response:
    found: Any = None
    try:
        found = visit.api.get("docs", "/intake", state=state, cursor=cursor)
    except Rejected as rejected:
        error = error or rejected
    mails, _ = parts_of({"mails": lambda: visit.api.get("docs", "/intake-mails")})
    told: dict[str, Any] = mails.get("mails", {})
    return visit.page(
        "intake_list.html",
        error=error,
        found=found,
        chosen=state,
        mails=told.get("items", []),
        mails_withheld=told.get("withheld", False),
    )


@router.post("/intake")
def bring(visit: Posting, form: Posted) -> Response:
    """Without the script: all files in one request."""
    files = form.files("file")
    if not files:
        return _list(visit, error=Rejected(FILE_MISSING))
    made: dict[str, Any] = {}
    for n, file in enumerate(files):
        try:
            key = f"{form.get('once')}-{n}"
            made = visit.api.upload("docs", "/intake", file.file, key=key, filename=file.filename, channel="web")
        except Rejected as rejected:
            return _list(visit, error=rejected)
    return visit.to(f"/intake/{made['id']}" if len(files) == 1 else "/intake", "intake_brought")


@router.get("/intake/{item_id}")
def show_item(visit: Reading, item_id: UUID) -> Response:
    return _page(visit, item_id)


def _page(visit: Visit, item_id: UUID, *, typed: Form | None = None, error: Rejected | None = None) -> Response:
    item = visit.api.get("docs", f"/intake/{item_id}")
    found: dict[str, Any] = {}
    if item["state"] == "ready" and visit.has("clerk"):
        found, _ = parts_of({"choices": lambda: visit.api.get("docs", "/choices")})
    types = found.get("choices", {}).get("types", [])
    typed = typed or Form([("type_code", "CV"), ("urgency", "0")])
    return visit.page("intake.html", error=error, brought=item, types=types, typed=typed)


@router.get("/intake/{item_id}/content")
def show_content(visit: Reading, item_id: UUID) -> Response:
    return relay(visit, "docs", f"/intake/{item_id}/content", filename=f"{item_id}.pdf")


@router.get("/intake/{item_id}/status")
def show_status(visit: Reading, item_id: UUID) -> Response:
    """For the script of a form that waits for its file."""
    item = visit.api.get("docs", f"/intake/{item_id}")
    return JSONResponse({name: item[name] for name in ("state", "reason", "file_id", "filename")})


@router.post("/intake/{item_id}/register")
def register(visit: Posting, form: Posted, item_id: UUID) -> Response:
    """As an incoming document; what was typed stays when something is wrong."""
    body: dict[str, Any] = {name: form.get(name) for name in FIELDS if form.get(name)}
    body["urgency"] = int(form.get("urgency")) if form.get("urgency").isdigit() else 0
    body["even_if_known"] = bool(form.get("even_if_known"))
    try:
        made = visit.api.post("docs", f"/intake/{item_id}/register", body, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, item_id, typed=form, error=rejected)
    return visit.to(f"/incoming/{made['incoming_id']}", "intake_registered")


@router.post("/intake/{item_id}/{act}")
def act_on_item(visit: Posting, form: Posted, item_id: UUID, act: str) -> Response:
    if act not in ACTS:
        return visit.to(f"/intake/{item_id}")
    try:
        visit.api.post("docs", f"/intake/{item_id}/{act}", key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, item_id, error=rejected)
    return visit.to(f"/intake/{item_id}", ACTS[act])


# --- resumable uploads


@router.post("/uploads")
async def create_upload(request: Request, visit: Reading) -> Response:
    return await _pass(request, visit, "/uploads")


@router.head("/uploads/{upload_id}")
async def ask_upload(request: Request, visit: Reading, upload_id: UUID) -> Response:
    return await _pass(request, visit, f"/uploads/{upload_id}")


@router.patch("/uploads/{upload_id}")
async def add_to_upload(request: Request, visit: Reading, upload_id: UUID) -> Response:
    return await _pass(request, visit, f"/uploads/{upload_id}")


@router.delete("/uploads/{upload_id}")
async def end_upload(request: Request, visit: Reading, upload_id: UUID) -> Response:
    return await _pass(request, visit, f"/uploads/{upload_id}")


async def _pass(request: Request, visit: Visit, path: str) -> Response:
    """To docs as the person. What came of a piece before the line was cut goes on too, so that it counts."""
    if not visit.session.accepts(request.headers.get("x-csrf", "")):
        return problem(request, FOREIGN_FORM)
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_PIECE:
                break
    except ClientDisconnect:
        pass
    headers = {name: value for name in ASKED if (value := request.headers.get(name)) is not None}

    def call() -> Response:
        try:
            answer = visit.api.pass_on("docs", request.method, path, headers=headers, content=bytes(data))
        except Rejected as rejected:
            params: dict[str, Any] = rejected.params
            return problem(request, rejected.refusal, **params)
        told = {name: answer.headers[name] for name in TOLD if name in answer.headers}
        if location := answer.headers.get("location"):
            told["Location"] = location.replace(UPLOADS, "/uploads", 1)
        if "content-type" in answer.headers:
            told["Content-Type"] = answer.headers["content-type"]
        return Response(answer.content, answer.status_code, headers=told)

    return await run_in_threadpool(call)
