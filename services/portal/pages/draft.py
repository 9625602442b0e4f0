"""Drafts: the list, the editor that saves what is typed by itself, and the page that shows what two people changed at once."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from services.portal.forms import Form, Posted
from services.portal.pages.submission import Uploaded, UploadRefused, upload_files, uploaded_in
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import STALE_VERSION, Rejected

router = APIRouter(include_in_schema=False)

ONE = ("type_code", "abstract", "symbol", "authority_id", "workflow", "note")
MANY = {"further_authority_ids": "further", "reviewer_ids": "reviewer"}


@router.get("/drafts")
def list_drafts(visit: Reading, cursor: Annotated[str, Query(max_length=300)] = "") -> Response:
    try:
        found = visit.api.get("docs", "/drafts", cursor=cursor)
    except Rejected as rejected:
        return visit.page("drafts.html", error=rejected, drafts=None, files=[])
    files: list[dict[str, Any]] = []
    if visit.has("clerk"):
        beside, _ = parts_of({"files": lambda: visit.api.get("docs", "/intake", state="ready")})
        files = beside.get("files", {}).get("items", [])
    return visit.page("drafts.html", drafts=found, files=files)


@router.post("/drafts")
def make_draft(visit: Posting, form: Posted) -> Response:
    """Empty, or with a file that came in another way and has passed its steps."""
    body: dict[str, Any] = {}
    if form.get("intake"):
        item = visit.api.get("docs", f"/intake/{form.get('intake')}")
        body = {"parts": [{"file_id": item["file_id"], "kind": "main", "filename": item["filename"]}]}
    made = visit.api.post("docs", "/drafts", body, key=form.get("once"))
    if form.get("intake"):
        # The draft stands whatever comes of this: only the list of what came in says it.
        parts_of({"used": lambda: visit.api.post("docs", f"/intake/{form.get('intake')}/use", key=form.get("once"))})
    return visit.to(f"/drafts/{made['draft_id']}")


@router.get("/drafts/{draft_id}")
def show_draft(visit: Reading, draft_id: UUID) -> Response:
    """The form as it was last saved; what was typed and never saved is offered above it."""
    draft = visit.api.get("docs", f"/drafts/{draft_id}")
    return _page(visit, draft, _typed(draft["fields"], draft["version"]))


@router.get("/drafts/{draft_id}/unsaved")
def show_unsaved(visit: Reading, draft_id: UUID) -> Response:
    """The form as it was typed, on the version on which it was typed: saved, it is compared with what others saved."""
    draft = visit.api.get("docs", f"/drafts/{draft_id}")
    typed = draft["typed"]
    if typed is None:
        return visit.to(f"/drafts/{draft_id}")
    return _page(visit, draft, _typed(typed["fields"], typed["base"]))


@router.post("/drafts/{draft_id}")
def save_draft(visit: Posting, form: Posted, draft_id: UUID) -> Response:
    """Saved, and submitted when that button was pressed. Whatever goes wrong, what was typed stays on the page."""
    draft = visit.api.get("docs", f"/drafts/{draft_id}")
    uploaded = uploaded_in(form)
    if form.get("reopen"):
        return _page(visit, draft, form, uploaded=uploaded)
    try:
        uploaded = upload_files(visit, form, uploaded)
        fields = fields_of(form, uploaded)
        saved = visit.api.put("docs", f"/drafts/{draft_id}", fields, version=form.get("version"))
        if form.get("submit"):
            made = visit.api.post("docs", f"/drafts/{draft_id}/submit", {}, key=form.get("once"))
            return visit.to(f"/documents/{made['document_id']}", "submitted")
    except UploadRefused as refused:
        return _page(visit, draft, form, uploaded=refused.uploaded, error=refused.rejected)
    except Rejected as rejected:
        if rejected.code == STALE_VERSION.code and rejected.params.get("differences"):
            return _merge_page(visit, draft, rejected)
        fresh = visit.api.get("docs", f"/drafts/{draft_id}")
        kept = Form([pair for pair in form.pairs if pair[0] != "version"] + [("version", str(fresh["version"]))])
        saved_now = rejected.code != STALE_VERSION.code and fresh["version"] != draft["version"]
        return _page(visit, fresh, kept if saved_now else form, uploaded=uploaded, error=rejected)
    return visit.to(f"/drafts/{saved['draft_id']}", "draft_saved")


@router.post("/drafts/{draft_id}/typed")
def keep_typed(visit: Posting, form: Posted, draft_id: UUID) -> Response:
    """What a script sends while somebody types; files are not among it."""
    body = {"base": int(form.get("version") or 1), "fields": fields_of(form, uploaded_in(form))}
    kept = visit.api.put("docs", f"/drafts/{draft_id}/typed", body)
    return JSONResponse({"at": kept["at"], "differs": kept["differs"]})


@router.post("/drafts/{draft_id}/typed/drop")
def drop_typed(visit: Posting, form: Posted, draft_id: UUID) -> Response:
    visit.api.post("docs", f"/drafts/{draft_id}/typed/drop", {}, key=form.get("once"))
    return visit.to(f"/drafts/{draft_id}")


@router.post("/drafts/{draft_id}/merge")
def merge(visit: Posting, form: Posted, draft_id: UUID) -> Response:
    """For each field the side that was chosen, on top of what the other saved; then the form, to be looked over."""
    draft = visit.api.get("docs", f"/drafts/{draft_id}")
    typed = draft["typed"] or {"fields": draft["fields"]}
    mine = {name: typed["fields"][name] for name in draft["fields"] if form.get(f"take_{name}") == "mine"}
    fields = draft["fields"] | mine
    if int(form.get("version") or 0) != draft["version"]:
        return _page(visit, draft, _typed(fields, draft["version"]), error=Rejected(STALE_VERSION))
    visit.api.put("docs", f"/drafts/{draft_id}", fields, version=str(draft["version"]))
    return visit.to(f"/drafts/{draft_id}", "draft_merged")


@router.post("/drafts/{draft_id}/editors")
def share(visit: Posting, form: Posted, draft_id: UUID) -> Response:
    draft = visit.api.get("docs", f"/drafts/{draft_id}")
    try:
        visit.api.put("docs", f"/drafts/{draft_id}/editors", {"person_ids": form.all("editor")})
    except Rejected as rejected:
        return _page(visit, draft, _typed(draft["fields"], draft["version"]), error=rejected)
    return visit.to(f"/drafts/{draft_id}", "draft_shared")


@router.post("/drafts/{draft_id}/drop")
def drop_draft(visit: Posting, form: Posted, draft_id: UUID) -> Response:
    visit.api.post("docs", f"/drafts/{draft_id}/drop", {}, key=form.get("once"))
    return visit.to("/drafts", "draft_dropped")


def _typed(fields: dict[str, Any], version: int) -> Form:
    """Saved fields as a form has them."""
    pairs = [
        (name, str(fields[name] if fields[name] is not None else "")) for name in (*ONE, "urgency", "signing_order")
    ]
    pairs += [(field, each) for name, field in MANY.items() for each in fields[name]]
    pairs += [("co_issuers", "\n".join(fields["co_issuers"])), ("version", str(version))]
    pairs += [("uploaded", f"{p['file_id']}|{p['kind']}|{p['filename']}") for p in fields["parts"]]
    return Form(pairs)


def fields_of(form: Form, uploaded: list[Uploaded]) -> dict[str, Any]:
    """A form as docs has it; what is wrong in it, docs says."""
    fields: dict[str, Any] = {name: form.get(name) for name in ONE}
    fields["authority_id"] = fields["authority_id"] or None
    fields["urgency"] = int(form.get("urgency")) if form.get("urgency").isdecimal() else 0
    fields["signing_order"] = "fixed" if form.get("signing_order") == "fixed" else "any"
    fields["co_issuers"] = form.get("co_issuers").split()
    fields |= {name: form.all(field) for name, field in MANY.items()}
    fields["parts"] = [{"file_id": p.file_id, "kind": p.kind, "filename": p.filename[:200]} for p in uploaded]
    return fields


def _page(
    visit: Visit,
    draft: dict[str, Any],
    typed: Form,
    *,
    uploaded: list[Uploaded] | None = None,
    error: Rejected | None = None,
) -> Response:
    found, missing = parts_of(
        {
            "choices": lambda: visit.api.get("docs", "/choices"),
            "workflows": lambda: visit.api.get("docs", "/workflows")["items"],
            "preview": lambda: _preview(visit, typed),
            "others": lambda: [
                visit.api.get("docs", f"/agencies/{quote(each, safe='')}/authorities")
                for each in typed.get("co_issuers").split()
            ],
        }
    )
    choices = found.get("choices") or {"types": [], "authorities": [], "reviewers": []}
    return visit.page(
        "draft.html",
        error=error or missing.get("choices") or missing.get("others"),
        draft=draft,
        typed=typed,
        uploaded=uploaded_in(typed) if uploaded is None else uploaded,
        choices=choices,
        workflows=found.get("workflows", []),
        preview=found.get("preview"),
        others=found.get("others", []),
        once=typed.once(error),
        mine=str(visit.person.person_id) == draft["author"]["person_id"],
    )


def _preview(visit: Visit, typed: Form) -> Any:
    """Who would be asked if it were submitted now; nothing without a type or a workflow."""
    if not typed.get("type_code") or not typed.get("workflow"):
        return None
    body = {
        "type_code": typed.get("type_code"),
        "code": typed.get("workflow"),
        "urgency": int(typed.get("urgency", "0")) if typed.get("urgency").isdecimal() else 0,
        "reviewer_ids": typed.all("reviewer"),
    }
    return visit.api.post("docs", "/workflows/preview", body, key=typed.get("once"))


def _merge_page(visit: Visit, draft: dict[str, Any], conflict: Rejected) -> Response:
    return visit.page("draft_merge.html", status=409, draft=draft, conflict=conflict.params)
