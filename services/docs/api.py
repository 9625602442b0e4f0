"""HTTP for documents on their way out: submitted, reviewed, numbered, voided, dispatched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Response
from pydantic import Field

from services.docs import (
    access,
    api_copies,
    api_exchange,
    api_files,
    api_incoming,
    api_proof,
    api_workdays,
    document,
    drafting,
    numbering,
    standing,
    store,
    store_numbering,
    store_registry,
)
from services.docs.access import Acting, Clerk, DoorDep, IfMatch, Member, ReasonLine
from services.docs.catalogue import STATUSES, refusal_sentence
from services.docs.circulation import api as circulation
from services.docs.circulation import dispatching
from services.docs.circulation.api import DispatchBody
from services.docs.circulation.views import AskedView, asked_view
from services.docs.delivery import Delivery
from services.docs.document import Document, State
from services.docs.drafting import ResubmitBody, SubmitBody
from services.docs.figures import api as figures_api
from services.docs.finding import api as finding_api
from services.docs.finding import api_counters, api_pages
from services.docs.handling import api as handling_api
from services.docs.intake import api as intake_api
from services.docs.intake import api_mails, api_upload
from services.docs.ledger import api as ledger_api
from services.docs.registers import api as registers_api
from services.docs.registers import entering
from services.docs.review import api as review_api
from services.docs.review import refusals as review_refusals
from services.docs.review import reviewing
from services.docs.review import store_drafts as review_drafts
from services.docs.standing import Authority, signer_stopped
from services.docs.step import Reason, Step
from services.docs.store import Entry
from services.docs.terms import SigningOrder
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
from services.docs.views_terms import CoIssuerView, OriginalView, SignerPlaceView, SignerView, terms_view
from services.docs.workfile import api as workfile_api
from shared import db
from shared.errors import Rejected
from shared.events.signing import Debt
from shared.http import OnceOnly, answer, create_app, encode_cursor
from shared.ids import new_id
from shared.inbox import Follower

CERTIFICATE_REVOKED = "certificate_revoked"  # the code under which signing states it

router = APIRouter(tags=["documents"])


def make_app(pool: db.Pool, office: access.Office, follower: Follower) -> FastAPI:
    """The ASGI application; `follower` serves the operator's replay of parked events."""
    app = create_app(
        "docs",
        pool,
        # Tried one after the other: what people have open all day stands first.
        api_counters.router,
        router,
        api_incoming.router,
        finding_api.router,
        registers_api.router,
        api_files.router,
        api_exchange.router,
        api_copies.router,
        api_proof.router,
        api_pages.router,
        api_upload.router,
        intake_api.router,
        api_mails.router,
        ledger_api.router,
        circulation.router,
        api_workdays.router,
        *review_api.ROUTERS,
        figures_api.router,
        handling_api.router,
        *workfile_api.ROUTERS,
        follower=follower,
        large={r"/docs/v1/((exchange/)?files|intake|uploads(/[^/]+)?|file-lists/[0-9]+/import)": None},
        source=office.source,
        silent=access.NO_ACTS,
    )
    app.state.office = office
    return app


# --- what comes in


class ReasonBody(Body):
    reason: ReasonLine


class ReturnBody(ReasonBody):
    to_stage: str | None = Field(default=None, max_length=40, description="an earlier stage; none: the author")
    resume_at: str | None = Field(
        default=None,
        max_length=40,
        description="where the author's revised document begins again; none: as its workflow says",
    )


class IssueBody(Body):
    register_code: str | None = Field(default=None, max_length=20)


# --- what goes out


class AuthorView(View):
    person_id: UUID
    name: str


class ReviewView(View):
    person_id: UUID
    name: str
    approved: bool


class ContentView(View):
    sha256: str
    size: int


class DeliveryView(View):
    delivery_id: UUID
    receiver: PartyView
    partner: str | None
    status: str
    status_vi: str
    reason: str | None
    reason_code: str | None
    reason_vi: str | None  # what a partner's code means; `reason` is then in its own words
    arrival_number: int | None
    dispatched_at: datetime
    asked: AskedView | None
    history: list[EntryView]


class WaitingView(View):
    role: str
    name: str | None


class DocumentLine(View):
    """A document in a list."""

    id: UUID
    state: State
    state_reason: ReasonView | None
    type_code: str
    type_name: str
    symbol: str
    abstract: str
    urgency: int
    number: int | None
    number_symbol: str | None
    issued_on: date | None
    agency: PartyView
    author: AuthorView
    signer: SignerView | None  # none of a copy, which the agency alone certifies
    waiting_for: WaitingView | None
    submitted_at: datetime
    version: int


class DocumentView(DocumentLine):
    reviewers: list[ReviewView]
    parts: list[PartView]
    issued_parts: list[PartView] = Field(description="as they are sent: annexes in files of their own are signed too")
    signers: list[SignerPlaceView]
    signing_order: SigningOrder
    co_issuers: list[CoIssuerView]
    original: OriginalView | None = Field(description="what a copy or extract was made of")
    content: ContentView | None
    level: str | None
    owes: tuple[Debt, ...]
    history: list[EntryView]
    deliveries: list[DeliveryView]
    disposed: str | None = Field(description="the decision by which its content was destroyed")


class DocumentPage(View):
    items: list[DocumentLine]
    next_cursor: str | None


def _stopped(tx: db.Tx, found: Sequence[Document]) -> dict[UUID, Reason | None]:
    """Of documents that wait for a signature: why it can't come now, judged at each reading on what registry states.

    What was stated when the certificate was taken away no longer holds once the signer has another one.
    """
    waiting = {each.id: each.waits_for for each in found if each.state == "awaiting_signature" and each.waits_for}
    certificates = store_registry.certificates_of(tx, list(set(waiting.values())))
    authorities = _authorities(tx, found)
    now = datetime.now(UTC)
    reasons: dict[UUID, Reason | None] = {}
    for each in found:
        theirs = certificates.get(waiting[each.id], []) if each.id in waiting else []
        name = next((s.name for s in each.signers if s.person_id == each.waits_for), "")
        problem = _unauthorised(each, authorities, numbering.today(now)) or signer_stopped(theirs, now, name=name)
        if problem:
            reasons[each.id] = Reason(problem.code, problem.sentence.vi, problem.sentence.en)
        elif theirs and each.state_reason and each.state_reason.code == CERTIFICATE_REVOKED:
            reasons[each.id] = None
    return reasons


def _authorities(tx: db.Tx, found: Sequence[Document]) -> dict[UUID, Authority]:
    """Those under which the documents that wait for a signature are to be signed."""
    waiting = [each for each in found if each.state == "awaiting_signature"]
    return store_registry.find_authorities(tx, [signer.authority_id for each in waiting for signer in each.signers])


def _unauthorised(held: Document, authorities: Mapping[UUID, Authority], day: date) -> Rejected | None:
    """Why the one for whom a document waits may not sign it on that day."""
    if held.state != "awaiting_signature":
        return None
    for signer in held.signers:
        if signer.person_id == held.waits_for:
            try:
                drafting.signer_still(held, signer, authorities.get(signer.authority_id), day)
            except Rejected as error:
                return error
    return None


def _line(held: Document, stopped: Mapping[UUID, Reason | None]) -> dict[str, Any]:
    waiting, number = document.waiting_for(held), held.numbering
    signer = held.signers[0] if held.signers else None
    return {
        "id": held.id,
        "state": held.state,
        "state_reason": reason_view(stopped.get(held.id, held.state_reason)),
        "type_code": held.type_code,
        "type_name": held.type_name,
        "symbol": held.symbol,
        "abstract": held.abstract,
        "urgency": held.urgency,
        "number": number.number if number else None,
        "number_symbol": number.number_symbol if number else None,
        "issued_on": number.issued_on if number else None,
        "author": AuthorView(person_id=held.author_id, name=held.author_name),
        "agency": party_view(held.agency),
        "signer": SignerView(**signer.model_dump(include=set(SignerView.model_fields))) if signer else None,
        "waiting_for": WaitingView(role=waiting.role, name=waiting.name) if waiting else None,
        "submitted_at": held.submitted_at,
        "version": held.version,
    }


def _view(tx: db.Tx, held: Document) -> DocumentView:
    deliveries = store.list_deliveries(tx, held.id)
    histories = store.histories(tx, [held.id, *(d.id for d in deliveries)])
    return DocumentView(
        **_line(held, _stopped(tx, [held])),
        reviewers=[ReviewView(person_id=r.person_id, name=r.name, approved=r.approved) for r in held.reviews],
        parts=part_views(held.parts),
        issued_parts=part_views(held.issued_parts) if held.state == "issued" else [],
        **terms_view(held),
        content=ContentView(sha256=held.content.sha256, size=held.content.size),
        level=held.level,
        owes=held.owes,
        history=entry_views(histories[held.id]),
        deliveries=[_delivery_view(d, histories[d.id]) for d in deliveries],
        disposed=store.find_disposal(tx, held.id),
    )


def _delivery_view(held: Delivery, history: list[Entry]) -> DeliveryView:
    return DeliveryView(
        delivery_id=held.id,
        receiver=party_view(held.receiver),
        partner=held.partner,
        status=held.status,
        status_vi=STATUSES[held.status],
        reason=held.reason,
        reason_code=held.reason_code,
        reason_vi=refusal_sentence(held.reason_code) if held.partner else None,
        arrival_number=held.arrival_number,
        dispatched_at=held.dispatched_at,
        asked=asked_view(held.asked),
        history=entry_views(history),
    )


# --- reading


@router.get("/documents", response_model=DocumentPage)
def list_documents(door: DoorDep, state: State | None = None, cursor: str | None = None) -> Response:
    """The agency's documents, newest first."""
    with door.open("clerk", "leader") as acting:
        found = store.list_documents(acting.tx, state, access.cursor_id(cursor), access.PAGE + 1)
        items = found[: access.PAGE]
        stopped = _stopped(acting.tx, items)
    more = encode_cursor(items[-1].id) if len(found) > access.PAGE else None
    return answer(DocumentPage(items=[DocumentLine(**_line(each, stopped)) for each in items], next_cursor=more))


@router.get("/documents/{document_id}")
def get_document(document_id: UUID, acting: Member, response: Response) -> DocumentView:
    held = store.get(acting.tx, document_id)
    access.etag(response, held.version)
    return _view(acting.tx, held)


@router.get("/documents/{document_id}/content", response_class=Response)
def get_content(document_id: UUID, door: DoorDep) -> Response:
    """The current PDF of the main part: submitted, prepared, signed or sealed."""
    with door.open("clerk", "leader") as acting:
        held = store.get(acting.tx, document_id)
        access.note_reading(acting, "document", document_id)
    return access.send_file(door.office.blobs, held.content, held.parts[0].filename)


@router.get("/documents/{document_id}/issued-parts/{ordinal}/content", response_class=Response)
def get_issued_part(document_id: UUID, ordinal: int, door: DoorDep) -> Response:
    """A part as it is sent: the sealed main text, an annex with the agency's signature."""
    with door.open("clerk", "leader") as acting:
        held = store.get(acting.tx, document_id)
        document.check_issued(held)
        part = access.part_at(held.issued_parts, ordinal)
        access.note_reading(acting, "document", document_id)
    return access.send_file(door.office.blobs, part.content, part.filename)


@router.get("/documents/{document_id}/parts/{ordinal}/content", response_class=Response)
def get_part(document_id: UUID, ordinal: int, door: DoorDep) -> Response:
    """A part as it was submitted."""
    with door.open("clerk", "leader") as acting:
        part = access.part_at(store.get(acting.tx, document_id).parts, ordinal)
        access.note_reading(acting, "document", document_id)
    return access.send_file(door.office.blobs, part.content, part.filename)


# --- submitting and reviewing


@router.post("/documents", status_code=201)
def submit(body: SubmitBody, acting: Clerk, once: OnceOnly) -> DocumentView:
    def act() -> DocumentView:
        draft = drafting.drafted(acting, body, new_id())
        reviewing.submit(acting, draft, body.workflow)
        review_drafts.record_round(acting.tx, draft, body.parts, "submitted", by=acting.by, at=draft.submitted_at)
        return _view(acting.tx, store.get(acting.tx, draft.id))

    return once.run(act, DocumentView)


@router.post("/documents/{document_id}/resubmit")
def resubmit(document_id: UUID, body: ResubmitBody, acting: Clerk, if_match: IfMatch = None) -> DocumentView:
    held = store.lock(acting.tx, document_id)
    access.check_version(if_match, held.version)
    revised = drafting.revised(acting, held, body)
    step = reviewing.resubmit(acting, held, revised, chosen=body.reviewer_ids)
    review_drafts.record_round(acting.tx, revised, body.parts, "resubmitted", by=acting.by, at=step.at)
    return _made(acting, held, step, None)


class ApproveBody(Body):
    stage: str | None = Field(default=None, max_length=40, description="the stage that the reviewer saw")


@router.post("/documents/{document_id}/approve")
def approve(
    document_id: UUID, acting: Member, body: ApproveBody | None = None, if_match: IfMatch = None
) -> DocumentView:
    """Whoever approves last sends it to its signer, who must have authority on that very day."""
    held = store.lock(acting.tx, document_id)
    if route := reviewing.route_of(acting.tx, held, acting.now()):
        step = reviewing.approve(acting, held, route, body.stage if body else None)
        return _made(acting, held, step, if_match)
    if document.is_last_review(held, acting.person_id):
        held = drafting.fresh(acting, held)
    step = document.approve(held, acting.person_id, acting.by, acting.now())
    return _made(acting, held, step, if_match)


@router.post("/documents/{document_id}/return")
def return_for_revision(document_id: UUID, body: ReturnBody, acting: Member, if_match: IfMatch = None) -> DocumentView:
    """By a reviewer or a signer, of a co-issuer too; by a clerk when nobody else can any more; by its author while it
    is reviewed. With `to_stage` not to the author but to an earlier stage of its workflow.
    """
    held = store.get(acting.tx, document_id)
    if any(each.person_id == acting.person_id for each in held.signers):
        db.act_for(acting.tx, held.agency_id)
    held = store.lock(acting.tx, document_id)
    route = reviewing.route_of(acting.tx, held, acting.now())
    if held.state == "in_review" and (route or body.to_stage):
        if route is None:
            raise Rejected(review_refusals.STAGE_NOT_BEFORE)
        step = reviewing.give_back(acting, held, route, body.reason, to=body.to_stage, resume_at=body.resume_at)
        return _made(acting, held, step, if_match)
    if body.resume_at is not None:
        reviewing.resume_later(acting, held, body.resume_at)
    against = _unauthorised(held, _authorities(acting.tx, [held]), acting.today())
    stranded = (against is not None and "clerk" in acting.post.roles) or reviewing.may_withdraw(acting, held)
    step = document.return_for_revision(held, acting.person_id, body.reason, acting.by, acting.now(), stranded=stranded)
    return _made(acting, held, step, if_match)


def _made(acting: Acting, held: Document, step: Step[Document] | None, if_match: str | None) -> DocumentView:
    """Keep the step; no step means that it was done before, and the answer is the same (a second click)."""
    if step:
        access.check_version(if_match, held.version)
        store.keep_document(acting.tx, step, source=acting.office.source)
        access.note_step(acting, "document", held.id, step)
    return _view(acting.tx, store.get(acting.tx, held.id))


# --- number, seal, dispatch


@router.post("/documents/{document_id}/issue")
def issue(document_id: UUID, acting: Clerk, body: IssueBody | None = None, if_match: IfMatch = None) -> DocumentView:
    """Take the next number and order the seal, in one transaction; again it gives the number that was taken."""
    held = store.lock(acting.tx, document_id)
    if not document.may_take_number(held):
        return _made(acting, held, None, None)
    standing.check_fresh(store_registry.oldest_copy(acting.tx), acting.now(), acting.office.stale_after)
    register, day = entering.take_outgoing(acting, held.type_code, held.symbol, body.register_code if body else None)
    step = document.issue(
        held, register_code=register.code, number=register.last, day=day, by=acting.by, at=acting.now()
    )
    symbol = step.after.descriptor.number_symbol
    store_numbering.enter(
        acting.tx, acting.agency_id, register, subject=held.id, day=day, direction="out", number_symbol=symbol
    )
    return _made(acting, held, step, if_match)


@router.post("/documents/{document_id}/void-number")
def void_number(document_id: UUID, body: ReasonBody, acting: Clerk, if_match: IfMatch = None) -> DocumentView:
    held = store.lock(acting.tx, document_id)
    step = document.void_number(held, body.reason, acting.by, acting.now())
    if step:
        store_numbering.void(acting.tx, held.id, body.reason, by=acting.by.name, at=acting.now())
    return _made(acting, held, step, if_match)


@router.post("/documents/{document_id}/dispatch")
def dispatch(document_id: UUID, body: DispatchBody, acting: Clerk, once: OnceOnly) -> DocumentView:
    """One decision: to all recipients or, when one is wrong, to nobody."""

    def act() -> DocumentView:
        held = store.lock(acting.tx, document_id)
        dispatching.send(acting, held, body.choice, body.note)
        return _view(acting.tx, held)

    return once.run(act, DocumentView)
