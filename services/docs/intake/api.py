"""HTTP for what came in: its steps, another try, use and discard; registration as an incoming document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import Field

from services.docs import access, store_incoming, store_numbering, store_registry
from services.docs.access import Acting, Clerk, DoorDep, Identifier, Line, Member, Text, UploadDep
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.intake import desk as desks
from services.docs.intake import domain, paper, refusals, secrecy, store, store_upload
from services.docs.intake.api_upload import desk_of
from services.docs.intake.domain import Channel, Item, Origin, Passing, State, StepState
from services.docs.intake.paper import Arrival, Sender
from services.docs.intake.secrecy import Level
from services.docs.refusals import TYPE_UNKNOWN
from services.docs.registers import entering
from services.docs.standing import sees_all
from services.docs.store import find_files
from services.docs.views import Body, ReasonView, View, reason_view
from shared import jobs, outbox
from shared.errors import IDEMPOTENCY_KEY_REQUIRED, NotFound, Rejected
from shared.events.docs import DocsAct, Part, Party
from shared.http import Once, encode_cursor, require
from shared.ids import new_id

router = APIRouter(tags=["intake"])
TYPE_OF_A_PAPER = "CV"


class StepView(View):
    name: str
    state: StepState
    at: datetime | None
    attempts: int
    reason: ReasonView | None


class OriginView(View):
    name: str
    subject: str | None
    reference: str | None


class ItemView(View):
    """Something that came in, with each step that it passed, stands at, or has still to pass."""

    id: UUID
    channel: Channel
    kind: str
    filename: str
    origin: OriginView
    state: State
    reason: ReasonView | None
    media_type: str | None
    size: int | None
    page_count: int | None
    file_id: UUID | None
    used_for: UUID | None
    received_at: datetime
    steps: list[StepView]
    version: int


class ItemPage(View):
    items: list[ItemView]
    next_cursor: str | None


def _view(acting: Acting, item: Item) -> ItemView:
    """A mail's subject is its sender's words: for whoever sees all mails (`api_mails.py`), and for whoever may know of the
    arrival that came of it.
    """
    told = item.used_for is not None or sees_all(acting.post)
    origin = OriginView(
        name=item.origin.name, subject=item.origin.subject if told else None, reference=item.origin.reference
    )
    return ItemView(
        id=item.id,
        channel=item.channel,
        kind=item.kind,
        filename=item.filename,
        origin=origin,
        state=item.state,
        reason=reason_view(item.reason),
        media_type=item.media_type,
        size=item.source.size if item.source else None,
        page_count=item.page_count,
        file_id=item.file_id,
        used_for=item.used_for,
        received_at=item.received_at,
        steps=[_step(each) for each in item.steps],
        version=item.version,
    )


def _step(each: Passing) -> StepView:
    return StepView(
        name=each.name, state=each.state, at=each.at, attempts=each.attempts, reason=reason_view(each.reason)
    )


# --- reading


@router.get("/intake")
def list_items(acting: Member, state: State | None = None, cursor: str | None = None) -> ItemPage:
    """What came in at the agency, newest first."""
    found = store.list_items(acting.tx, state, access.cursor_id(cursor), access.PAGE + 1)
    items = found[: access.PAGE]
    more = encode_cursor(items[-1].id) if len(found) > access.PAGE else None
    return ItemPage(items=[_view(acting, each) for each in items], next_cursor=more)


@router.get("/incoming/{incoming_id}/intake")
def list_items_of(incoming_id: UUID, acting: Member) -> list[ItemView]:
    """The steps that the files of an arrival passed: those of a partner's message, or what it was registered from."""
    store_incoming.get(acting.tx, incoming_id)  # whoever may not know of it gets no list either
    return [_view(acting, each) for each in store.list_of(acting.tx, incoming_id)]


@router.get("/intake/{item_id}")
def get_item(item_id: UUID, acting: Member) -> ItemView:
    return _view(acting, store.get(acting.tx, item_id))


@router.get("/intake/{item_id}/content", response_class=Response)
def get_content(item_id: UUID, door: DoorDep) -> Response:
    """The PDF, once all steps have passed: before, nobody opens what came in."""
    with door.open("clerk", "leader") as acting:
        item = store.get(acting.tx, item_id)
        if item.state not in {"ready", "used"} or item.file_id is None:
            raise Rejected(refusals.NOT_READY)
        _note_reading(acting, item)
        file = find_files(acting.tx, [item.file_id])[item.file_id]
    return access.send_file(door.office.blobs, file.content, file.filename)


@router.get("/intake/{item_id}/text", response_class=Response)
def get_text(item_id: UUID, door: DoorDep) -> Response:
    """The text of the file, its layer and what was recognised; pages apart by form feeds."""
    with door.open("clerk", "leader") as acting:
        item = store.get(acting.tx, item_id)
        if item.state not in {"ready", "used"} or item.reading is None:
            raise NotFound("lớp chữ của tệp")
        _note_reading(acting, item)
    return access.send_file(door.office.blobs, item.reading, f"{item.filename}.txt")


def _note_reading(acting: Acting, item: Item) -> None:
    """Of the arrival that it became, of itself before that."""
    if item.used_for is not None:
        access.note_reading(acting, "incoming", item.used_for)
    else:
        access.note_reading(acting, "intake", item.id)


# --- bringing in and acting


@router.post("/intake", status_code=201, dependencies=[Depends(require("clerk"))])
def bring(
    file: UploadDep, door: DoorDep, request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    channel: Literal["web", "rest"] = "rest",
) -> ItemView:  # fmt: skip
    """A file in one request; what it is, and whether it will do, is found by the steps and seen here. A slow line takes
    the resumable way (`/uploads`).
    """
    if not idempotency_key:
        raise Rejected(IDEMPOTENCY_KEY_REQUIRED)
    data = file.path.read_bytes()
    item_id = new_id()
    content = desk_of(request).quarantine(item_id).put(data, desks.UNKNOWN_TYPE)
    with door.open("clerk") as acting:

        def act() -> ItemView:
            item = desks.begin(
                acting.tx,
                item_id=item_id,
                agency_id=acting.agency_id,
                channel=channel,
                filename=file.filename,
                origin=Origin(acting.by.name, acting.person_id),
                at=acting.now(),
                source=content,
            )
            return _view(acting, item)

        same = hashlib.sha256(f"POST /intake {file.filename} {content.sha256}".encode()).hexdigest()
        answer = Once(acting.tx, door.who, idempotency_key, same).run(act, ItemView)
        if answer.id != item_id:  # the first request's item has these bytes in its own quarantine
            desks.purge(acting.tx, [content])
        return answer


@router.post("/intake/{item_id}/retry")
def retry(item_id: UUID, acting: Clerk) -> ItemView:
    """Do the step that failed, was refused, or waits, again now."""
    item = store.lock(acting.tx, item_id)
    after = domain.retry(item, acting.now())
    if after is not None:
        store.save(acting.tx, after)
        if item.state == "working":
            jobs.hurry(acting.tx, desks.STEP, desks.subject_of(item_id))
        else:
            desks.put_on(acting.tx, after)
        _record(acting, "intake_retried", item_id)
    return _view(acting, store.get(acting.tx, item_id))


@router.post("/intake/{item_id}/discard")
def discard(item_id: UUID, acting: Clerk) -> ItemView:
    """Not wanted: the bytes are erased, the line stays."""
    item = store.lock(acting.tx, item_id)
    after = domain.discard(item)
    if after is not None:
        _erase(acting, item, after)
        _record(acting, "intake_discarded", item_id)
    return _view(acting, store.get(acting.tx, item_id))


def _erase(acting: Acting, before: Item, after: Item) -> None:
    refs = list(desks.contents_of(before))
    if before.upload_id is not None:
        refs += store_upload.pieces(acting.tx, before.upload_id)
        store_upload.remove(acting.tx, before.upload_id)
    desks.purge(acting.tx, refs)
    store.save(acting.tx, after)


@router.post("/intake/{item_id}/use")
def use(item_id: UUID, acting: Clerk) -> ItemView:
    """It becomes part of a draft: `file_id` is what the draft names."""
    item = store.lock(acting.tx, item_id)
    store.save(acting.tx, domain.use(item))
    _record(acting, "intake_used", item_id)
    return _view(acting, store.get(acting.tx, item_id))


# --- as an incoming document


class RegisterBody(Body):
    """What the clerk reads on the document. The sender is an agency of the registry, or named as the paper does."""

    sender_identifier: Identifier | None = None
    sender_name: Line | None = None
    number_symbol: Annotated[Text, Field(min_length=1, max_length=60)]
    dated: date | None = None
    type_code: str = Field(default=TYPE_OF_A_PAPER, max_length=10)
    abstract: Line
    urgency: int = Field(default=0, ge=0, le=3)
    signer_name: Annotated[Text, Field(max_length=200)] = ""
    secrecy: Level | None = None
    annex_ids: list[UUID] = Field(default=[], max_length=20, description="further items, as annexes")
    even_if_known: bool = Field(default=False, description="the clerk has seen the warning of a duplicate")


class RegisteredView(View):
    incoming_id: UUID
    arrival_number: int


@router.post("/intake/{item_id}/register", status_code=201)
def register(item_id: UUID, body: RegisterBody, door: DoorDep, request: Request) -> RegisteredView:
    """Enter what came in, on paper or by mail, in the register of arrivals; again it gives the number that was taken."""
    if body.secrecy is not None:
        with door.open("clerk") as acting:
            _refuse_as_secret(acting, item_id, body.secrecy)
        raise Rejected(refusals.SECRET_DOCUMENT, **secrecy.params(body.secrecy, "form"))
    with door.open("clerk") as acting:
        item = store.get(acting.tx, item_id)
        files = find_files(acting.tx, [item.file_id] if item.file_id else [])
    signed = any(paper.SIGNATURE_MARK in door.office.blobs.get(file.content) for file in files.values())
    del request
    with door.open("clerk") as acting:
        return _register(acting, item_id, body, signed=signed)


def _refuse_as_secret(acting: Acting, item_id: UUID, level: Level) -> None:
    item = store.lock(acting.tx, item_id)
    if item.state not in {"ready", "working"}:
        raise Rejected(refusals.NOT_READY)
    at, last = acting.now(), item.steps[-1]
    told = replace(last, state="refused", at=at, reason=secrecy.reason(level, "form"))
    after = replace(domain.purged(item), state="refused", file_id=None, steps=(*item.steps[:-1], told))
    _erase(acting, item, after)
    _record(acting, "secret_refused", item_id)


def _register(acting: Acting, item_id: UUID, body: RegisterBody, *, signed: bool) -> RegisteredView:
    """1. the items, 2. who sent it, and whether it is here already, 3. the number, 4. the document; its text
    is found by what was recognised.
    """
    item = store.lock(acting.tx, item_id)  # 1
    if item.used_for is not None:
        held = store_incoming.get(acting.tx, item.used_for)
        return RegisteredView(incoming_id=held.id, arrival_number=held.arrival_number or 0)
    incoming_id = new_id()
    used = [domain.use(each, incoming_id) for each in (item, *_locked(acting, body.annex_ids, item_id))]
    arrival = _arrival(acting, body)  # 2
    known = store.find_arrivals(acting.tx, arrival.number_symbol, arrival.sender.words, arrival.dated)
    if known and not body.even_if_known:
        raise Rejected(
            refusals.DUPLICATE_ARRIVAL,
            number_symbol=arrival.number_symbol,
            sender=known[0]["sender"],
            arrival=known[0]["arrival_number"] or "—",
        )
    taken, day = entering.take_arrival(acting)  # 3
    store_numbering.enter(
        acting.tx, acting.agency_id, taken, subject=incoming_id, day=day, direction="in", number_symbol=None
    )
    step = paper.register(  # 4
        arrival,
        _parts(acting, used),
        incoming_id=incoming_id,
        ids=(new_id(), new_id()),
        receiver=acting.agency(),
        number=taken.last,
        signed=signed,
        by=acting.by,
        at=acting.now(),
    )
    store_incoming.keep_incoming(acting.tx, step, source=acting.office.source, new=True)
    for each in used:
        store.save(acting.tx, each)
    _record(acting, "incoming_registered", incoming_id)
    return RegisteredView(incoming_id=incoming_id, arrival_number=taken.last)


def _locked(acting: Acting, ids: Iterable[UUID], main: UUID) -> list[Item]:
    return [store.lock(acting.tx, each) for each in sorted({*ids} - {main})]


def _arrival(acting: Acting, body: RegisterBody) -> Arrival:
    kind = DOCUMENT_TYPES.get(body.type_code)
    if kind is None:
        raise Rejected(TYPE_UNKNOWN, code=body.type_code)
    return Arrival(
        sender=Sender(_sender(acting, body)),
        number_symbol=body.number_symbol,
        dated=body.dated,
        type_code=kind.code,
        type_name=kind.vi,
        abstract=body.abstract,
        urgency=body.urgency,
        signer_name=body.signer_name,
    )


def _sender(acting: Acting, body: RegisterBody) -> Party:
    if body.sender_identifier:
        found = store_registry.find_agencies(acting.tx, [body.sender_identifier], acting.today())
        if body.sender_identifier not in found:
            raise Rejected(refusals.SENDER_UNKNOWN, identifier=body.sender_identifier)
        return found[body.sender_identifier].party
    if not body.sender_name:
        raise Rejected(refusals.SENDER_MISSING)
    return Party(agency_id=None, identifier="", name=body.sender_name)


def _parts(acting: Acting, items: list[Item]) -> tuple[Part, ...]:
    files = find_files(acting.tx, [item.file_id for item in items if item.file_id])
    return tuple(
        Part(ordinal=n, kind="annex" if n else "main", filename=file.filename, content=file.content)
        for n, item in enumerate(items)
        if item.file_id and (file := files[item.file_id])
    )


def _record(acting: Acting, act: str, subject: UUID) -> None:
    """No fact topic carries it: the ledger hears it as an act."""
    stated = DocsAct(act=act, object_kind="intake", object_id=str(subject), by=acting.by, at=datetime.now(UTC))
    outbox.put(acting.tx, stated, source=acting.office.source)
