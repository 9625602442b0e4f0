"""What every endpoint of docs stands on: who acts from which post, in which transaction, at what time; and uploads.

The token says who it is; what they may do is decided here on our own copy of the registry's facts.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import AfterValidator, Field
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse

from services.docs import numbering, pdf, refusals, standing, store, store_exchange, store_proof, store_registry
from services.docs.proof import Policy
from services.docs.standing import Post
from services.docs.step import Step
from services.docs.text import clean
from shared import db, outbox
from shared.blobs import Blobs
from shared.errors import INVALID_REQUEST, STALE_VERSION, NotFound, Rejected
from shared.events import Actor, BlobRef
from shared.events.docs import DocsAct, Part, Party
from shared.http import Tx, Who, decode_cursor
from shared.tokens import Principal
from shared.workshop import Workshop

MAX_FILE = 256 * 1024 * 1024  # bytes; what signing takes
MAX_DRAINED = 1024 * 1024 * 1024  # of a file that is too large; read and dropped so that the answer gets through
PAGE = 50

# Requests that write and are no act by themselves.
NO_ACTS = {
    "POST /uploads": "an upload is one when it is whole, and is told as what came in",
    "PATCH /uploads/{upload_id}": "a piece of an upload",
    "PUT /drafts/{draft_id}/typed": "what somebody types is kept for them every few seconds; saving it is the act",
    "POST /drafts/{draft_id}/typed/drop": "as keeping it",
}


@dataclass(frozen=True, slots=True)
class Office:
    """What the composition root gives to all endpoints."""

    source: str
    blobs: Blobs
    stale_after: float  # seconds
    workshop: Workshop = field(default_factory=lambda: Workshop(size=1, timeout=30.0, memory=pdf.MEMORY))  # draws pages


# What waits for nobody is `async`: FastAPI sends each plain function to a thread, which costs more than these do.


async def office_of(request: Request) -> Office:
    found: Office = request.app.state.office
    return found


def clock() -> datetime:
    return datetime.now(UTC)


async def clock_dependency() -> Callable[[], datetime]:
    """The clock itself, not a time: number and date are decided after waiting for a lock. Tests override it."""
    return clock


OfficeDep = Annotated[Office, Depends(office_of)]
Clock = Annotated[Callable[[], datetime], Depends(clock_dependency)]


# --- people


@dataclass(frozen=True, slots=True)
class Acting:
    """A person at their post, in a transaction that sees their agency's rows."""

    tx: db.Tx
    post: Post
    by: Actor
    clock: Callable[[], datetime]
    office: Office

    @property
    def agency_id(self) -> UUID:
        return self.post.agency_id

    @property
    def person_id(self) -> UUID:
        return self.post.person_id

    def now(self) -> datetime:
        return self.clock()

    def today(self) -> date:
        """On paper: the day in Việt Nam."""
        return numbering.today(self.clock())

    def policy(self) -> Policy:
        """The agency's, on signing and dispatching."""
        return store_proof.get_policy(self.tx, self.agency_id)

    def agency(self) -> Party:
        found = store_registry.find_agency(self.tx, self.agency_id)
        if found is None:
            raise Rejected(refusals.NOT_IN_POST)
        return found.party


def act(tx: db.Tx, who: Principal, now: Callable[[], datetime], office: Office, roles: tuple[str, ...]) -> Acting:
    """The bearer at their post, if they hold it today with one of the roles; refuses otherwise."""
    if who.person_id is None or who.post_id is None or who.agency_id is None:
        raise Rejected(refusals.PEOPLE_ONLY)
    found = store_registry.find_post(tx, who.person_id, who.post_id)
    post = standing.may_act(found, who.agency_id, numbering.today(now()), *roles)
    db.know_as(tx, post.person_id, standing.keys_of(post))
    by = Actor(person_id=post.person_id, name=post.name, post=post.title, agency_id=post.agency_id)
    return Acting(tx, post, by, now, office)


def acting_as(*roles: str) -> Callable[..., Acting]:
    def dependency(tx: Tx, who: Who, now: Clock, office: OfficeDep) -> Acting:
        return act(tx, who, now, office, roles)

    return dependency


Clerk = Annotated[Acting, Depends(acting_as("clerk"))]
Member = Annotated[Acting, Depends(acting_as("clerk", "leader"))]


@dataclass(frozen=True, slots=True)
class Door:
    """For endpoints that also move files: their transactions are short and hold no file (invariant 12); and for what people
    have open all day: opened by the endpoint itself, in its own thread, a transaction costs a quarter less than as a dependency.
    """

    pool: db.Pool
    who: Principal
    clock: Callable[[], datetime]
    office: Office

    @contextmanager
    def open(self, *roles: str) -> Iterator[Acting]:
        with db.transaction(self.pool, agency=self.who.agency_id, person=self.who.person_id) as tx:
            yield act(tx, self.who, self.clock, self.office, roles)

    @contextmanager
    def open_for_partner(self) -> Iterator[db.Tx]:
        with db.transaction(self.pool) as tx, store_exchange.as_partner(tx, partner_name(self.who)):
            yield tx


async def door_of(request: Request, who: Who, now: Clock, office: OfficeDep) -> Door:
    return Door(request.app.state.pool, who, now, office)


DoorDep = Annotated[Door, Depends(door_of)]


def partner_name(who: Principal) -> str:
    if who.kind != "partner" or not who.partner:
        raise Rejected(refusals.PARTNERS_ONLY)
    return who.partner


async def partner_only(who: Who) -> None:
    """Before anything of a request's body is read."""
    partner_name(who)


# --- two clerks at once


def check_version(if_match: str | None, version: int) -> None:
    """If-Match names the version that the person saw; Rejected(stale_version) when it has changed since."""
    if if_match and if_match.strip() != "*" and if_match.strip().removeprefix("W/").strip('"') != str(version):
        raise Rejected(STALE_VERSION)


IfMatch = Annotated[str | None, Header(max_length=100)]


def etag(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'


# --- texts

Text = Annotated[str, AfterValidator(clean)]
Line = Annotated[Text, Field(min_length=1, max_length=500)]
Identifier = Annotated[Text, Field(min_length=1, max_length=35)]
ReasonLine = Annotated[Text, Field(min_length=1, max_length=1000)]


# --- files


@dataclass(frozen=True, slots=True)
class Upload:
    """A request's body on disk, with the name that the person gave it."""

    path: Path
    filename: str
    size: int


async def upload_of(
    request: Request, _who: Who, filename: Annotated[str, Query(max_length=500)]
) -> AsyncIterator[Upload]:
    """The body, streamed to disk: no upload is ever held in memory while it comes in."""
    name = file_name(filename)
    with tempfile.NamedTemporaryFile(prefix="vanthu-upload-") as file:
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_FILE:
                    file.write(chunk)
                elif size > MAX_DRAINED:
                    break
        except ClientDisconnect as error:
            raise Rejected(refusals.FILE_CUT_OFF) from error
        if size > MAX_FILE:
            raise Rejected(refusals.FILE_TOO_LARGE, limit_mb=MAX_FILE // 1024 // 1024)
        file.flush()
        yield Upload(Path(file.name), name, size)


def file_name(given: str) -> str:
    """The name without any path, cleaned; Rejected(invalid_request) when nothing is left of it."""
    try:
        name = clean(given.replace("\\", "/").rpartition("/")[2])[-200:]
    except ValueError:
        name = ""
    if not name:
        raise Rejected(INVALID_REQUEST, where="/query/filename")
    return name


UploadDep = Annotated[Upload, Depends(upload_of)]


def check_kept(tx: db.Tx, subject: UUID) -> None:
    """Before content of a document, arrival or draft is given out: Rejected(content_disposed) when there is none."""
    if decision := store.find_disposal(tx, subject):
        raise Rejected(refusals.CONTENT_DISPOSED, decision=decision)


def note_reading(acting: Acting, kind: str, subject: UUID, **detail: str) -> None:
    """Opening a document (`document`, `incoming`, or all of a `workfile`) is an act where the reader's agency wants it
    recorded, whatever the content is given out as: a file, a page's picture, a print, a comparison, a package. What was
    disposed of can't be.
    """
    check_kept(acting.tx, subject)
    if acting.policy().record_reading:
        note(acting, "document_read", kind, subject, **detail)


def note(acting: Acting, act: str, kind: str, subject: UUID, **detail: str) -> None:
    """An act that no fact tells, about the subject."""
    at = acting.now()
    told = DocsAct(act=act, object_kind=kind, object_id=str(subject), detail=detail, by=acting.by, at=at)
    outbox.put(acting.tx, told, source=acting.office.source)


def note_step(acting: Acting, kind: str, subject: UUID, step: Step[Any]) -> None:
    """A step that states no fact (an approval that is not the last, an order to others) is an act."""
    if not any(event.TOPIC.kind == "fact" for event in step.tell):
        note(acting, step.act, kind, subject)


def send_file(blobs: Blobs, content: BlobRef, filename: str) -> Response:
    """The bytes, checked against their digest on reading; the digest is the ETag."""
    return Response(
        blobs.get(content),
        media_type=content.media_type,
        headers={
            "ETag": f'"{content.sha256}"',
            "Content-Disposition": f"inline; filename*=UTF-8''{quote(filename, safe='')}",
            "Cache-Control": "private, no-cache",
        },
    )


def send_large(blobs: Blobs, content: BlobRef, filename: str) -> Response:
    """As `send_file`, of what may be larger than memory: checked on its way to a file, which is sent and removed."""
    with tempfile.NamedTemporaryFile(prefix="vanthu-send-", delete=False) as file:
        path = Path(file.name)
    try:
        blobs.copy(content, path)
    except Rejected:
        path.unlink()
        raise
    return FileResponse(
        path,
        media_type=content.media_type,
        headers={
            "ETag": f'"{content.sha256}"',
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
            "Cache-Control": "private, no-cache",
        },
        background=BackgroundTask(path.unlink),
    )


def part_at(parts: tuple[Part, ...], ordinal: int) -> Part:
    """The part with that ordinal; NotFound."""
    found = next((part for part in parts if part.ordinal == ordinal), None)
    if found is None:
        raise NotFound("phần của văn bản")
    return found


def cursor_id(cursor: str | None) -> UUID | None:
    """The id after which a page begins, from a cursor that we made."""
    values = decode_cursor(cursor, 1)
    try:
        return UUID(values[0]) if values else None
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where="/query/cursor") from error
