"""HTTP for the pictures that visible signatures show: a person's own handwritten signature, the seal of one's agency."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from services.signing import copies, craft, store, store_picture
from services.signing.api import View
from services.signing.desk import Desk
from services.signing.refusals_picture import PICTURE_TOO_LARGE
from shared import outbox
from shared.db import Tx, transaction
from shared.errors import FORBIDDEN, NotFound, Rejected
from shared.events.signing import SigningAct
from shared.http import Who
from shared.tokens import Principal

MAX_BYTES = 512 * 1024
SIGNERS = ("leader", "clerk", "officer")
SEES = {"signature": SIGNERS, "seal": SIGNERS}
SETS = {"signature": SIGNERS, "seal": ("clerk", "officer")}

router = APIRouter(tags=["pictures"])
Kind = Literal["signature", "seal"]
KINDS: tuple[Kind, ...] = ("signature", "seal")


class PictureView(View):
    """`may_change`: the bearer may replace or remove it."""

    kind: Kind
    sha256: str | None = None
    size: int | None = None
    set_by: str | None = None
    set_at: datetime | None = None
    may_change: bool


class PictureList(View):
    items: list[PictureView]


async def _body(request: Request, _who: Who) -> bytes:
    """The file, counted while it comes: a header may say anything."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MAX_BYTES:
            raise Rejected(PICTURE_TOO_LARGE, limit_kb=MAX_BYTES // 1024)
    return bytes(found)


@router.get("/pictures")
def list_pictures(request: Request, who: Who) -> PictureList:
    """The bearer's own signature, and the seal of the agency at which they act, with or without a picture."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as tx:
        kinds = [kind for kind in KINDS if _is(tx, who, SEES[kind])]
        if not kinds:
            raise Rejected(FORBIDDEN)
        return PictureList(items=[_view(tx, who, kind) for kind in kinds])


@router.get("/pictures/{kind}", response_class=Response)
def get_picture(
    kind: Kind, request: Request, who: Who, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The PNG."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as tx:
        found = store_picture.find(tx, _subject(tx, who, kind, SEES[kind]))
    if found is None:
        raise NotFound("ảnh", "picture")
    headers = {
        "ETag": f'"{found.sha256[:32]}"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(found.png, media_type="image/png", headers=headers)


@router.post("/pictures/{kind}")
def put_picture(kind: Kind, request: Request, who: Who, png: Annotated[bytes, Depends(_body)]) -> PictureView:
    """From the next signature on. What is not as the decree wants it is refused, and the one before stays."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as tx:
        subject = _subject(tx, who, kind, SETS[kind])
    made = desk.workshop.run(craft.checked_picture, png, kind)
    sha256 = hashlib.sha256(made).hexdigest()
    with transaction(desk.pool) as tx:
        held = store_picture.find(tx, subject)
        if held is None or held.sha256 != sha256:
            store_picture.save(tx, subject, kind, made, sha256, by=who.actor(), at=store.now(tx))
            outbox.put(tx, _act(tx, who, "picture_set", kind, subject, sha256=sha256), source=desk.source)
        return _view(tx, who, kind)


@router.delete("/pictures/{kind}")
def remove_picture(kind: Kind, request: Request, who: Who) -> PictureView:
    """From the next signature on the name, or a drawn seal, stands there again; what was signed stays as it is."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as tx:
        subject = _subject(tx, who, kind, SETS[kind])
        if store_picture.drop(tx, subject):
            outbox.put(tx, _act(tx, who, "picture_removed", kind, subject), source=desk.source)
        return _view(tx, who, kind)


def _is(tx: Tx, who: Principal, roles: tuple[str, ...]) -> bool:
    return copies.is_active(tx, who.person_id, who.post_id, roles)


def _subject(tx: Tx, who: Principal, kind: Kind, roles: tuple[str, ...]) -> UUID:
    """Whose it is. Decided on our copy of the registry: the token may be minutes older than a person's leave."""
    subject = who.person_id if kind == "signature" else who.agency_id
    if subject is None or not _is(tx, who, roles):
        raise Rejected(FORBIDDEN)
    return subject


def _view(tx: Tx, who: Principal, kind: Kind) -> PictureView:
    found = store_picture.find(tx, _subject(tx, who, kind, SEES[kind]))
    may = _is(tx, who, SETS[kind])
    if found is None:
        return PictureView(kind=kind, may_change=may)
    return PictureView(
        kind=kind,
        sha256=found.sha256,
        size=len(found.png),
        set_by=found.set_by,
        set_at=found.set_at,
        may_change=may,
    )


def _act(tx: Tx, who: Principal, act: str, kind: Kind, subject: UUID, **detail: str) -> SigningAct:
    return SigningAct(
        by=who.actor(),
        at=store.now(tx),
        act=act,
        object_kind="person" if kind == "signature" else "agency",
        object_id=str(subject),
        detail={"kind": kind} | detail,
    )
