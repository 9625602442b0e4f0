"""The pictures that visible signatures show: a person's own handwritten signature, the seal of their agency."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Posted
from services.portal.pages.pdf import relay
from services.portal.pages.visit import Posting, Reading, Visit
from services.portal.refusals import FILE_NOT_CHOSEN
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

Kind = Literal["signature", "seal"]
WORDS = {
    "signature": ("Ảnh chữ ký viết tay của tôi", "màu xanh", "tên của bạn"),
    "seal": ("Ảnh con dấu của cơ quan", "màu đỏ, cắt sát con dấu", "con dấu vẽ sẵn với tên cơ quan"),
}


@router.get("/pictures")
def show_pictures(visit: Reading) -> Response:
    visit.need("clerk", "leader", "officer")
    return _page(visit)


def _page(visit: Visit, *, error: Rejected | None = None) -> Response:
    try:
        items = visit.api.get("signing", "/pictures")["items"]
    except Rejected as rejected:
        items, error = [], error or rejected
    return visit.page("pictures.html", error=error, items=items, words=WORDS)


@router.get("/pictures/{kind}")
def show_picture(visit: Reading, kind: Kind) -> Response:
    return relay(visit, "signing", f"/pictures/{kind}", filename=f"{kind}.png", media_type="image/png")


@router.post("/pictures/{kind}")
def set_picture(visit: Posting, form: Posted, kind: Kind) -> Response:
    files = form.files("file")
    if not files:
        return _page(visit, error=Rejected(FILE_NOT_CHOSEN))
    try:
        visit.api.upload("signing", f"/pictures/{kind}", files[0].file, key="")
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return visit.to("/pictures", "saved")


@router.post("/pictures/{kind}/remove")
def remove_picture(visit: Posting, kind: Kind) -> Response:
    try:
        visit.api.delete("signing", f"/pictures/{kind}")
    except Rejected as rejected:
        return _page(visit, error=rejected)
    return visit.to("/pictures", "saved")
