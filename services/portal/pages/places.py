"""Where signatures, seal, number and date stand on a document's pages: looked at, moved and confirmed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from shared.errors import INVALID_REQUEST, Rejected

router = APIRouter(include_in_schema=False)

MM = 72 / 25.4
SIDES = ("left", "top", "width", "height")
MOST_PAGES = 6  # drawn on one page of ours; others are one click away


@dataclass(frozen=True, slots=True)
class Field:
    """A place with its measures in millimetres from the top left corner of its page, as people read a ruler."""

    what: str
    label: str
    page: int
    left: float
    top: float
    width: float
    height: float
    found: bool
    basis: str

    @property
    def kind(self) -> str:
        """signer, seal or blank: what of its measures may change."""
        if self.what.startswith("signer"):
            return "signer"
        return "seal" if self.what == "seal" or self.what.startswith("co_seal") else "blank"

    @property
    def points(self) -> tuple[float, float, float, float]:
        return self.left * MM, self.top * MM, self.width * MM, self.height * MM


@router.get("/documents/{document_id}/places")
def show_places(visit: Reading, document_id: UUID, page: Annotated[int, Query(ge=0)] = 0) -> Response:
    """`page` is one more page to be drawn, where a place shall go."""
    return _page(visit, document_id, more=page)


@router.get("/documents/{document_id}/pages/{number}")
def show_page(
    visit: Reading, document_id: UUID, number: int, width: Annotated[Literal["360", "720", "1080"], Query()] = "720"
) -> Response:
    path = f"/documents/{document_id}/pages/{number}?width={width}"
    return relay(visit, "signing", path, filename=f"{document_id}-{number}.png", media_type="image/png")


@router.post("/documents/{document_id}/places")
def set_places(visit: Posting, form: Posted, document_id: UUID) -> Response:
    try:
        wanted = [_wanted(form, what) for what in form.all("what")]
        body = {"places": wanted}
        visit.api.put("signing", f"/documents/{document_id}/places", body, version=form.get("version"))
    except Rejected as rejected:
        return _page(visit, document_id, error=rejected, typed=form)
    return visit.to(f"/documents/{document_id}/places", "places_set")


@router.post("/documents/{document_id}/places/asking")
def set_asking(visit: Posting, form: Posted, document_id: UUID) -> Response:
    """The agency's own rule for documents in which nothing is found."""
    try:
        visit.api.put("signing", "/placing", {"ask": form.get("ask") == "yes"})
    except Rejected as rejected:
        return _page(visit, document_id, error=rejected)
    return visit.to(f"/documents/{document_id}/places", "placing_set")


def _page(
    visit: Visit, document_id: UUID, *, more: int = 0, error: Rejected | None = None, typed: Form | None = None
) -> Response:
    document = visit.api.get("docs", f"/documents/{document_id}")
    loaders = {
        "places": lambda: visit.api.get("signing", f"/documents/{document_id}/places"),
        "placing": lambda: visit.api.get("signing", "/placing"),
    }
    found, missing = parts_of(loaders)
    places = found.get("places")
    fields = [_typed(_field(place), typed) for place in places["places"]] if places else []
    return visit.page(
        "places.html",
        error=error,
        document=document,
        places=places,
        problem=missing.get("places"),
        placing=found.get("placing"),
        fields=fields,
        drawn=_drawn(places, fields, more) if places else [],
        may_set=visit.has("clerk"),
    )


def _drawn(places: dict[str, Any], fields: list[Field], more: int) -> list[dict[str, Any]]:
    """The pages that carry a place, and one more that was asked for, with their sizes in points."""
    numbers = sorted({field.page for field in fields} | ({more} if more else set()))
    known = [number for number in numbers if 1 <= number <= len(places["pages"])]
    chosen = known[:MOST_PAGES]
    if more in known and more not in chosen:
        chosen[-1] = more
    return [
        {"number": n, "width": places["pages"][n - 1][0], "height": places["pages"][n - 1][1]} for n in sorted(chosen)
    ]


def _field(place: dict[str, Any]) -> Field:
    x0, y0, x1, y1 = place["box"]
    left, top, width, height = (round(v / MM, 1) for v in (x0, y0, x1 - x0, y1 - y0))
    return Field(
        what=place["what"],
        label=place["label"],
        page=place["page"],
        left=left,
        top=top,
        width=width,
        height=height,
        found=place["found"],
        basis=place["basis"],
    )


def _typed(field: Field, typed: Form | None) -> Field:
    """After a refusal what was typed stands, where it can be shown at all."""
    if typed is None:
        return field
    try:
        page = int(typed.get(f"page.{field.what}") or field.page)
        left, top, width, height = (float(typed.get(f"{side}.{field.what}") or getattr(field, side)) for side in SIDES)
    except ValueError:
        return field
    return replace(field, page=page, left=left, top=top, width=width, height=height)


def _wanted(form: Form, what: str) -> dict[str, Any]:
    try:
        page = int(form.get(f"page.{what}"))
        left, top, width, height = (float(form.get(f"{side}.{what}").replace(",", ".")) * MM for side in SIDES)
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where=what[:40]) from error
    return {"what": what, "page": page, "box": [left, top, left + width, top + height]}
