"""Pages of a document as pictures: what can be looked at on a slow line before, or instead of, the whole file."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from services.portal.pages.pdf import relay
from services.portal.pages.visit import Reading

router = APIRouter(include_in_schema=False)

Of = Literal["documents", "incoming"]
Width = Literal["160", "480", "720", "1080"]
Page = Annotated[int, Path(ge=1, le=100_000)]


@router.get("/{of}/{subject_id}/pages/{ordinal}/{page}")
def show_page(visit: Reading, of: Of, subject_id: UUID, ordinal: int, page: Page) -> Response:
    """One page, with the way to the others."""
    known = visit.api.get("docs", f"/{of}/{subject_id}/parts/{ordinal}/pages")
    shown = min(page, known["pages"])
    return visit.page("preview.html", base=f"/{of}/{subject_id}", ordinal=ordinal, shown=shown, known=known)


def picture_of(of: Of, subject_id: UUID, ordinal: int, page: Page, width: Width) -> str:
    return f"/{of}/{subject_id}/parts/{ordinal}/pages/{page}.webp?width={width}"


@router.get("/{of}/{subject_id}/pages/{ordinal}/{page}/{width}.webp")
def show_picture(visit: Reading, picture: Annotated[str, Depends(picture_of)]) -> Response:
    """Asked for each time, and sent again only when it changed: a page is signed, and the next person at a shared computer is
    another one.
    """
    return relay(visit, "docs", picture, filename="trang.webp", media_type="image/webp")
