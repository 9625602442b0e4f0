"""Resumable uploads over HTTP: the tus protocol 1.0 (core, creation, creation-with-upload, expiration, checksum,
termination). What has arrived when a line is cut stays, and the sender goes on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from services.docs.access import MAX_FILE, Door, DoorDep, file_name, note
from services.docs.access import Upload as ReceivedFile
from services.docs.intake import desk as desks
from services.docs.intake import office, refusals, secrecy, store_upload
from services.docs.intake import upload as tus
from services.docs.intake.desk import Desk
from services.docs.intake.domain import Origin
from services.docs.intake.upload import Checksum, Upload
from services.docs.refusals import FILE_TOO_LARGE
from shared import jobs
from shared.db import Tx
from shared.errors import EMPTY_FILE, Rejected
from shared.events import BlobRef
from shared.http import problem
from shared.ids import new_id

PIECE = 2 * 1024 * 1024  # bytes: what a server that dies in the middle of a request loses at most
KINDS = frozenset({"intake", "form"})
PATH = "/docs/v1/uploads"


class TusRoute(APIRoute):
    """Every answer names the protocol's version, refusals too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def with_version(request: Request) -> Response:
            try:
                answer = await handle(request)
            except Rejected as error:
                params: dict[str, Any] = error.params
                answer = problem(request, error.refusal, **params)
                if error.code == refusals.UPLOAD_OFFSET.code:
                    answer.headers["Upload-Offset"] = str(error.params["offset"])
            answer.headers["Tus-Resumable"] = tus.VERSION
            answer.headers["Cache-Control"] = "no-store"
            return answer

        return with_version


def screen(request: Request, file: ReceivedFile) -> None:
    """For the ways in that answer at once (a draft's file, a partner's): refused when the name says that it is secret,
    when it is by its content nothing that is taken here (macros, what unpacks without end), or when the scanner, if there
    is one, finds something. 503 while the scanner is away: nothing is kept then.
    """
    if level := secrecy.in_title(Path(file.filename).stem):
        raise Rejected(refusals.SECRET_DOCUMENT, **secrecy.params(level, "name"))
    office.type_of(file.path, file.filename)
    desks.scan(desk_of(request).programs, file.path, file.filename)


router = APIRouter(prefix="/uploads", tags=["uploads"], route_class=TusRoute)

Version = Annotated[str | None, Header(alias="Tus-Resumable", max_length=20)]


def desk_of(request: Request) -> Desk:
    found: Desk = request.app.state.intake
    return found


@router.options("", status_code=204)
@router.options("/{upload_id}", status_code=204)
def offer(response: Response) -> None:
    """What this server can do; asked without a log-in."""
    response.headers.update(
        {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(MAX_FILE),
            "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        }
    )


@router.post("", status_code=201)
async def create(request: Request, door: DoorDep, tus_resumable: Version = None) -> Response:
    """Begin an upload of a known length. `Upload-Metadata`: filename, kind (intake, or form: it becomes part of a
    document that is being written), secrecy. The first bytes may come along.
    """
    tus.check_version(tus_resumable)
    made = await run_in_threadpool(_begin, request, door)
    if request.headers.get("content-type") == tus.PIECE:
        made = await _take(request, door, made.id, 0)
    return Response(status_code=201, headers={"Location": f"{PATH}/{made.id}", **_state(made)})


def _begin(request: Request, door: Door) -> Upload:
    headers = request.headers
    size = tus.number_of("Upload-Length", headers.get("upload-length"))
    said = tus.metadata_of(headers.get("upload-metadata"))
    kind = said.get("kind", "intake")
    level = said.get("secrecy") or None
    if kind not in KINDS:
        raise Rejected(refusals.UPLOAD_HEADERS, header="Upload-Metadata")
    if size > MAX_FILE:
        raise Rejected(FILE_TOO_LARGE, limit_mb=MAX_FILE // 1024 // 1024)
    if size == 0:
        raise Rejected(EMPTY_FILE)
    if level is not None:
        # Before any of it is here.
        known = next((each for each in secrecy.LEVELS if each == level), None)
        if known is None:
            raise Rejected(refusals.UPLOAD_HEADERS, header="Upload-Metadata")
        raise Rejected(refusals.SECRET_DOCUMENT, **secrecy.params(known, "form"))
    name = file_name(said.get("filename", ""))
    with door.open("clerk") as acting:
        if store_upload.count_unfinished(acting.tx) >= tus.MOST_AT_ONCE:
            raise Rejected(refusals.TOO_MANY_UPLOADS, limit=tus.MOST_AT_ONCE)
        at = acting.now()
        made = Upload(
            id=new_id(),
            agency_id=acting.agency_id,
            person_id=acting.person_id,
            person_name=acting.by.name,
            filename=name,
            size=size,
            kind=kind,
            secrecy=None,
            made_at=at,
            expires_at=at + tus.LIFETIME,
        )
        store_upload.add(acting.tx, made)
        payload = {"upload_id": str(made.id), "agency_id": str(made.agency_id)}
        jobs.put(acting.tx, desks.EXPIRE, f"upload:{made.id}", payload, delay=tus.LIFETIME)
    return made


@router.head("/{upload_id}")
def ask(upload_id: UUID, door: DoorDep, tus_resumable: Version = None) -> Response:
    """How many bytes are here for good."""
    tus.check_version(tus_resumable)
    held = _mine(door, upload_id)
    if not held.is_whole and held.expires_at <= door.clock():
        raise Rejected(refusals.UPLOAD_GONE)
    return Response(status_code=200, headers={"Upload-Length": str(held.size), **_state(held)})


@router.patch("/{upload_id}", status_code=204)
async def add(upload_id: UUID, request: Request, door: DoorDep, tus_resumable: Version = None) -> Response:
    """More bytes, which begin at `Upload-Offset`. With `Upload-Checksum` they count only if all came and none changed;
    without, whatever came before a line was cut counts.
    """
    tus.check_version(tus_resumable)
    if request.headers.get("content-type") != tus.PIECE:
        raise Rejected(refusals.UPLOAD_MEDIA_TYPE)
    start = tus.number_of("Upload-Offset", request.headers.get("upload-offset"))
    held = await run_in_threadpool(_mine, door, upload_id)
    tus.add_piece(held, start, 0, door.clock())  # a wrong offset is told before the bytes are read
    after = await _take(request, door, upload_id, start)
    return Response(status_code=204, headers=_state(after))


@router.delete("/{upload_id}", status_code=204)
def end(upload_id: UUID, request: Request, door: DoorDep, tus_resumable: Version = None) -> Response:
    """Not wanted any more: its pieces are erased. Of a whole one the item lives on."""
    tus.check_version(tus_resumable)
    _mine(door, upload_id)
    with door.open("clerk") as acting:
        held = store_upload.lock(acting.tx, upload_id)
        if held.item_id is None:
            desks.purge(acting.tx, store_upload.pieces(acting.tx, upload_id))
            store_upload.remove(acting.tx, upload_id)
    del request
    return Response(status_code=204)


def _mine(door: Door, upload_id: UUID) -> Upload:
    with door.open("clerk") as acting:
        return store_upload.get(acting.tx, upload_id, acting.person_id)


def _state(held: Upload) -> dict[str, str]:
    headers = {"Upload-Offset": str(held.offset)}
    if held.item_id:
        headers["Vanthu-Item"] = str(held.item_id)
    if not held.is_whole:
        headers["Upload-Expires"] = tus.http_date(held.expires_at)
    return headers


# --- taking bytes in


@dataclass(slots=True)
class _Sink:
    """Where one request's bytes go: each piece is stored and counted by itself, or all at the end after a check."""

    desk: Desk
    door: Door
    upload_id: UUID
    offset: int
    checksum: Checksum | None
    waiting: list[BlobRef] = field(default_factory=list)
    running: Any = None

    def add(self, data: bytes) -> None:
        content = self.desk.quarantine(self.upload_id).put(data, desks.UNKNOWN_TYPE)
        self.waiting.append(content)
        if self.checksum is None:
            try:
                self.settle()
            except Rejected:
                self.drop()
                raise
        else:
            self.running = self.running or hashlib.new(self.checksum.algorithm, usedforsecurity=False)
            self.running.update(data)

    def settle(self) -> None:
        """Count what is stored. Two requests at once: the row's lock lets one be first, the other one's pieces do not
        follow on any more.
        """
        with self.door.open("clerk") as acting:
            held, at = store_upload.lock(acting.tx, self.upload_id), acting.now()
            for content in self.waiting:
                after = tus.add_piece(held, self.offset, content.size, at)
                store_upload.add_piece(acting.tx, held, self.offset, content)
                self.offset, held = after.offset, after
            if held.is_whole and held.item_id is None:
                held = replace(held, item_id=new_id())
                _received(acting.tx, held, at)
                note(acting, "upload_received", "upload", held.id, channel="web", purpose=held.kind)
            store_upload.save(acting.tx, held)
        self.waiting.clear()

    def finish(self, *, whole: bool) -> None:
        if self.checksum is None:
            return
        right = whole and (self.running.digest() if self.running else b"") == self.checksum.digest
        if right:
            self.settle()
            return
        self.drop()
        if whole:
            raise Rejected(refusals.UPLOAD_CHECKSUM)

    def drop(self) -> None:
        """What does not count is erased; bytes that lie under the same digest in a piece that counts stay."""
        with self.door.open("clerk") as acting:
            counted = {ref.sha256 for ref in store_upload.pieces(acting.tx, self.upload_id)}
            desks.purge(acting.tx, [ref for ref in self.waiting if ref.sha256 not in counted])


def _received(tx: Tx, held: Upload, at: datetime) -> None:
    if held.item_id is None:
        raise ValueError("an upload that is whole becomes an item")
    desks.begin(
        tx,
        item_id=held.item_id,
        agency_id=held.agency_id,
        channel="web",
        filename=held.filename,
        origin=Origin(held.person_name, held.person_id),
        at=at,
        upload_id=held.id,
        kind=held.kind,
    )


async def _take(request: Request, door: Door, upload_id: UUID, start: int) -> Upload:
    """The request's body into the upload, in pieces; a cut line ends it early and keeps what came."""
    sink = _Sink(desk_of(request), door, upload_id, start, tus.checksum_of(request.headers.get("upload-checksum")))
    piece, whole = bytearray(), True
    try:
        async for chunk in request.stream():
            piece += chunk
            if len(piece) >= PIECE:
                await run_in_threadpool(sink.add, bytes(piece))
                piece.clear()
    except ClientDisconnect:
        whole = False
    if piece:
        await run_in_threadpool(sink.add, bytes(piece))
    await run_in_threadpool(lambda: sink.finish(whole=whole))
    return await run_in_threadpool(_mine, door, upload_id)
