"""HTTP for documents that arrived: seen with their validation, registered or refused, assigned, handled."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.docs import access, incoming, refusals, store, store_incoming, store_numbering, store_registry
from services.docs.access import Acting, Clerk, DoorDep, IfMatch, Member, ReasonLine, Text
from services.docs.catalogue import STATUSES
from services.docs.circulation import duplicates, receiving
from services.docs.circulation import store as circulation
from services.docs.circulation.refusals import CONTENT_DESTROYED
from services.docs.circulation.views import AskedView, asked_view
from services.docs.handling import desk as handling
from services.docs.incoming import Incoming
from services.docs.registers import entering
from services.docs.step import Step
from services.docs.views import (
    Body,
    EntryView,
    PartView,
    PartyView,
    ReasonView,
    View,
    entry_views,
    part_views,
    party_view,
    reason_view,
)
from shared.errors import NotFound, Rejected
from shared.events.signing import Debt, SignatureSummary
from shared.http import answer, encode_cursor

router = APIRouter(tags=["incoming"])

Status = Literal["01", "02", "03", "04", "05", "06", "15"]


class RegisterBody(Body):
    """`despite_duplicate`: it looks like one that is registered already, and has to be registered nevertheless.
    `register_code`: which register of arrivals, where the agency keeps several.
    """

    despite_duplicate: bool = False
    register_code: str | None = Field(default=None, max_length=20)


class RefuseBody(Body):
    reason: ReasonLine


class AssignBody(Body):
    person_id: UUID


class CompleteBody(Body):
    note: Annotated[Text, Field(max_length=1000)] | None = None


class AnnexVerdictView(View):
    """The verdict on an annex in a file of its own."""

    ordinal: int
    filename: str
    indication: str
    code: str | None
    reason_vi: str
    signatures: tuple[SignatureSummary, ...]


class ValidationView(View):
    indication: str
    sub_indication: str | None
    code: str | None
    reason_vi: str
    reason_en: str
    signatures: tuple[SignatureSummary, ...]
    has_report: bool
    annexes: tuple[AnnexVerdictView, ...] = ()
    policy: str | None = None


class AssigneeView(View):
    person_id: UUID
    name: str


class IncomingLine(View):
    """An arrived document in a list."""

    id: UUID
    delivery_id: UUID
    sender: PartyView
    number_symbol: str | None
    type_code: str
    type_name: str
    abstract: str
    issued_on: date | None
    urgency: int
    signer_name: str
    status: Status
    status_vi: str
    reason: str | None
    reason_code: str | None
    arrival_number: int | None
    arrived_at: datetime
    assignee: AssigneeView | None
    validation: ValidationView | None
    delayed: ReasonView | None
    owes: tuple[Debt, ...]
    asked: AskedView | None
    duplicate_of: UUID | None = Field(description="an earlier arrival that looks like the same document")
    version: int


class IncomingView(IncomingLine):
    parts: list[PartView]
    history: list[EntryView]
    disposed: str | None = Field(description="the decision by which its content was destroyed")


class IncomingPage(View):
    items: list[IncomingLine]
    next_cursor: str | None


def _line(held: Incoming) -> dict[str, Any]:
    about = held.descriptor
    assigned = held.assignee_id is not None and held.assignee_name is not None
    return {
        "id": held.id,
        "delivery_id": held.delivery_id,
        "sender": party_view(held.sender),
        "number_symbol": about.number_symbol,
        "type_code": about.type_code,
        "type_name": about.type_name,
        "abstract": about.abstract,
        "issued_on": about.issued_on,
        "urgency": about.urgency,
        "signer_name": held.signer_name,
        "status": held.status,
        "status_vi": STATUSES[held.status],
        "reason": held.reason,
        "reason_code": held.reason_code,
        "arrival_number": held.arrival_number,
        "arrived_at": held.arrived_at,
        "assignee": {"person_id": held.assignee_id, "name": held.assignee_name} if assigned else None,
        "validation": _validation(held),
        "delayed": reason_view(held.delayed),
        "owes": held.owes,
        "asked": asked_view(held.asked),
        "duplicate_of": held.duplicate_of,
        "version": held.version,
    }


def _validation(held: Incoming) -> ValidationView | None:
    found = held.validation
    if found is None:
        return None
    return ValidationView(
        indication=found.indication,
        sub_indication=found.sub_indication,
        code=found.code,
        reason_vi=found.reason_vi,
        reason_en=found.reason_en,
        signatures=found.signatures,
        has_report=found.report is not None,
        annexes=tuple(
            AnnexVerdictView(
                ordinal=each.ordinal,
                filename=next((p.filename for p in held.parts if p.ordinal == each.ordinal), ""),
                indication=each.indication,
                code=each.code,
                reason_vi=each.reason_vi,
                signatures=each.signatures,
            )
            for each in found.annexes
        ),
        policy=found.policy,
    )


def _view(acting: Acting, incoming_id: UUID) -> IncomingView:
    held = store_incoming.get(acting.tx, incoming_id)
    history = store.histories(acting.tx, [held.id])[held.id]
    return IncomingView(
        **_line(held),
        parts=part_views(held.parts),
        history=entry_views(history),
        disposed=store.find_disposal(acting.tx, held.id),
    )


def _made(acting: Acting, held: Incoming, step: Step[Incoming] | None, if_match: str | None) -> IncomingView:
    """Keep the step; no step means that it was done before, and the answer is the same (a second click)."""
    if step:
        access.check_version(if_match, held.version)
        store_incoming.keep_incoming(acting.tx, step, source=acting.office.source)
        receiving.after_step(acting.tx, step, source=acting.office.source)
    return _view(acting, held.id)


# --- reading


@router.get("/incoming", response_model=IncomingPage)
def list_incoming(door: DoorDep, status: Status | None = None, cursor: str | None = None) -> Response:
    """What arrived at the agency, newest first."""
    with door.open("clerk", "leader") as acting:
        found = store_incoming.list_incoming(acting.tx, status, access.cursor_id(cursor), access.PAGE + 1)
    items = found[: access.PAGE]
    more = encode_cursor(items[-1].id) if len(found) > access.PAGE else None
    return answer(IncomingPage(items=[IncomingLine(**_line(each)) for each in items], next_cursor=more))


@router.get("/incoming/{incoming_id}")
def get_incoming(incoming_id: UUID, acting: Member, response: Response) -> IncomingView:
    found = _view(acting, incoming_id)
    access.etag(response, found.version)
    return found


@router.get("/incoming/{incoming_id}/content", response_class=Response)
def get_content(incoming_id: UUID, door: DoorDep) -> Response:
    """The main part, checked against the digest that the sender declared."""
    return get_part(incoming_id, 0, door)


@router.get("/incoming/{incoming_id}/parts/{ordinal}/content", response_class=Response)
def get_part(incoming_id: UUID, ordinal: int, door: DoorDep) -> Response:
    with door.open("clerk", "leader") as acting:
        held = store_incoming.get(acting.tx, incoming_id)
        _check_kept(held)
        part = access.part_at(held.parts, ordinal)
        access.note_reading(acting, "incoming", incoming_id)
    return access.send_file(door.office.blobs, part.content, part.filename)


@router.get("/incoming/{incoming_id}/report", response_class=Response)
def get_report(incoming_id: UUID, door: DoorDep) -> Response:
    """Signing's validation report, JSON."""
    with door.open("clerk", "leader") as acting:
        held = store_incoming.get(acting.tx, incoming_id)
        _check_kept(held)
        validation = held.validation
    if validation is None or validation.report is None:
        raise NotFound("báo cáo kiểm tra chữ ký")
    return access.send_file(door.office.blobs, validation.report, "bao-cao-kiem-tra.json")


def _check_kept(held: Incoming) -> None:
    """What its sender took back is gone (annex VI III.8); the answer says so and since when."""
    if held.destroyed and held.asked and held.asked.answered_at:
        raise Rejected(CONTENT_DESTROYED, sender=held.sender.name, day=f"{held.asked.answered_at:%d/%m/%Y}")


# --- acting


@router.post("/incoming/{incoming_id}/register")
def register(
    incoming_id: UUID, acting: Clerk, body: RegisterBody | None = None, if_match: IfMatch = None
) -> IncomingView:
    """Enter it in the register of arrivals; again it gives the number that was taken."""
    held = store_incoming.lock(acting.tx, incoming_id)
    if not incoming.may_register(held):
        return _made(acting, held, None, None)
    twins = circulation.twins_of(acting.tx, held)
    duplicates.check_registration(twins, despite=body is not None and body.despite_duplicate)
    taken, day = entering.take_arrival(acting, body.register_code if body else None)
    store_numbering.enter(
        acting.tx, acting.agency_id, taken, subject=held.id, day=day, direction="in", number_symbol=None
    )
    return _made(acting, held, incoming.register(held, taken.last, acting.by, acting.now()), if_match)


@router.post("/incoming/{incoming_id}/refuse")
def refuse(incoming_id: UUID, body: RefuseBody, acting: Clerk, if_match: IfMatch = None) -> IncomingView:
    held = store_incoming.lock(acting.tx, incoming_id)
    return _made(acting, held, incoming.refuse(held, body.reason, acting.by, acting.now()), if_match)


@router.post("/incoming/{incoming_id}/assign")
def assign(incoming_id: UUID, body: AssignBody, acting: Member, if_match: IfMatch = None) -> IncomingView:
    held = store_incoming.lock(acting.tx, incoming_id)
    posts = store_registry.list_posts(acting.tx, acting.agency_id, acting.today())
    person = next((post for post in posts if post.person_id == body.person_id), None)
    if person is None:
        raise Rejected(refusals.ASSIGNEE_UNKNOWN)
    step = incoming.assign(held, person.person_id, person.name, acting.by, acting.now())
    made = _made(acting, held, step, if_match)
    if step:
        handling.after_assign(acting, held, person.person_id)
    return made


@router.post("/incoming/{incoming_id}/start")
def start(incoming_id: UUID, acting: Member, if_match: IfMatch = None) -> IncomingView:
    held = store_incoming.lock(acting.tx, incoming_id)
    made = _made(acting, held, incoming.start(held, acting.by, acting.now()), if_match)
    handling.after_start(acting, held)
    return made


@router.post("/incoming/{incoming_id}/complete")
def complete(
    incoming_id: UUID, acting: Member, body: CompleteBody | None = None, if_match: IfMatch = None
) -> IncomingView:
    held = store_incoming.lock(acting.tx, incoming_id)
    note = body.note if body else None
    made = _made(acting, held, incoming.complete(held, note, acting.by, acting.now()), if_match)
    handling.after_complete(acting, held)
    return made
