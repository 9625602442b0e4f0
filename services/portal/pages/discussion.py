"""What lives on a document or draft beside its file: its versions, what changed between two, remarks and opinions."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

ACTIONS = {"remarks": "remarked", "opinions": "opinion_asked", "answer": "opinion_given", "close": "opinion_closed"}


@router.get("/documents/{document_id}/discussion")
def show_discussion(visit: Reading, document_id: UUID) -> Response:
    return _page(visit, document_id)


@router.post("/documents/{document_id}/discussion")
def say(visit: Posting, form: Posted, document_id: UUID) -> Response:
    """A remark, a question for opinions, an opinion, or that no more are needed: whichever form was sent."""
    base, request_id = f"/documents/{document_id}", form.get("request_id")
    path = {"answer": f"{base}/opinions/{request_id}/answer", "close": f"{base}/opinions/{request_id}/close"}.get(
        form.get("what"), f"{base}/{'opinions' if form.get('what') == 'opinions' else 'remarks'}"
    )
    try:
        visit.api.post("docs", path, _body(form), key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, document_id, typed=form, error=rejected)
    return visit.to(f"{base}/discussion", ACTIONS.get(form.get("what"), "remarked"))


def _body(form: Form) -> dict[str, Any]:
    if form.get("what") == "answer":
        return {"verdict": form.get("verdict"), "text": form.get("text")}
    if form.get("what") == "close":
        return {}
    if form.get("what") == "opinions":
        asked = [
            {"kind": "person", "person_id": each.partition("|")[0], "name": each.partition("|")[2]}
            for each in form.all("person")
        ]
        asked += [{"kind": "unit", "unit": each} for each in form.all("unit")]
        asked += [{"kind": "post", "title": each} for each in form.all("post")]
        return {"question": form.get("question"), "asked": asked, "due_on": form.get("due_on") or None}
    body: dict[str, Any] = {"text": form.get("text"), "mentions": form.all("mention")}
    if form.get("answers"):
        body["answers"] = form.get("answers")
    if form.get("page").isdecimal() or form.get("quote"):
        page = int(form.get("page")) if form.get("page").isdecimal() else None
        body["anchor"] = {"part": 0, "page": page, "quote": form.get("quote") or None}
    return body


def _page(visit: Visit, document_id: UUID, *, typed: Form | None = None, error: Rejected | None = None) -> Response:
    remarks = visit.api.get("docs", f"/documents/{document_id}/remarks")
    opinions = visit.api.get("docs", f"/documents/{document_id}/opinions")
    directory = visit.api.get("docs", "/workflows/directory")
    return visit.page(
        "discussion.html",
        error=error,
        about=about(visit, document_id),
        remarks=remarks,
        opinions=opinions,
        directory=directory,
        typed=typed or Form(),
    )


def about(visit: Visit, document_id: UUID) -> dict[str, str]:
    """What a page about a document or draft is called, and where it leads back to."""
    try:
        found = visit.api.get("docs", f"/documents/{document_id}")
    except Rejected as rejected:
        if rejected.refusal.status != 404:
            raise
        draft = visit.api.get("docs", f"/drafts/{document_id}")
        return {"id": str(document_id), "title": draft["title"], "href": f"/drafts/{document_id}"}
    return {"id": str(document_id), "title": found["abstract"], "href": f"/documents/{document_id}"}


# --- versions


@router.get("/documents/{document_id}/versions")
def show_versions(visit: Reading, document_id: UUID) -> Response:
    editions = visit.api.get("docs", f"/documents/{document_id}/editions")
    return visit.page("versions.html", about=about(visit, document_id), editions=editions)


@router.get("/documents/{document_id}/compare")
def compare(
    visit: Reading,
    document_id: UUID,
    before: Annotated[int, Query(ge=1)] = 1,
    after: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """Two versions side by side."""
    editions = visit.api.get("docs", f"/documents/{document_id}/editions")
    shown, error = None, None
    try:
        shown = visit.api.get("docs", f"/documents/{document_id}/comparison", before=before, after=after)
    except Rejected as rejected:
        error = rejected
    return visit.page(
        "compare.html",
        error=error,
        about=about(visit, document_id),
        editions=editions,
        shown=shown,
        before=before,
        after=after,
    )


@router.get("/documents/{document_id}/versions/{number}/{ordinal}")
def show_version_file(visit: Reading, document_id: UUID, number: int, ordinal: int) -> Response:
    path = f"/documents/{document_id}/editions/{number}/parts/{ordinal}/content"
    return relay(visit, "docs", path, filename=f"{document_id}-{number}-{ordinal}.pdf")
