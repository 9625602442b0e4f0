"""HTTP in front of signing: what waits for me, its bytes, the two calls of a signature, validation reports."""

from __future__ import annotations

import base64
import hashlib
import ssl
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.signing import batch, copies, craft, erasing, store, store_preparation
from services.signing.batch import Given, Wanted
from services.signing.desk import Desk, cached_notice, told
from services.signing.domain import Document
from services.signing.refusals import PREPARATION_EXPIRED, REPORT_NOT_READY
from services.signing.session import Preparation
from services.signing.word import Word
from shared import outbox
from shared.db import Tx, transaction
from shared.errors import FORBIDDEN, IDEMPOTENCY_KEY_REQUIRED, INVALID_REQUEST, NotFound, Rejected
from shared.events import BlobRef
from shared.events.signing import SigningAct
from shared.http import Once, Who
from shared.tokens import Principal

MAX_BATCH = 100
READERS = ("clerk", "leader")
MECHANISMS = {"rsa_pkcs1": "rsa-pkcs1v15", "rsa_pss": "rsa-pss", "ecdsa": "ecdsa"}
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Characters of base64: a raw RSA-8192 signature has 1368, a DER one of ECDSA P-521 188.
Base64 = Annotated[str, Field(max_length=4096)]

router = APIRouter(tags=["signing"])


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Reason(View):
    """A reason against signing, said before the PIN."""

    code: str
    vi: str
    en: str


class ProblemView(View):
    """Why one document of a pile was refused; the fields of an RFC 9457 problem that matter in a list."""

    code: str
    detail_vi: str
    detail_en: str


class TaskView(View):
    """A document that waits for the bearer's signature; `size` in bytes."""

    document_id: UUID
    type_name: str
    abstract: str
    symbol: str
    agency_name: str
    capacity: str
    block: tuple[str, ...]
    signer_name: str
    page_count: int | None
    sha256: str
    size: int
    waiting_since: datetime
    problems: list[Reason]


class LaterView(View):
    """A document that the bearer signs after others (fixed order); it can't be prepared before `waits_for` signed."""

    document_id: UUID
    type_name: str
    abstract: str
    symbol: str
    agency_name: str
    waits_for: str
    place: int
    places: int
    waiting_since: datetime


class TaskList(View):
    """`items` may be signed now; `later` wait for others to sign first."""

    items: list[TaskView]
    later: list[LaterView] = []
    next_cursor: None = None


class WantedItem(View):
    document_id: UUID
    base_sha256: Sha256


class PreparationRequest(View):
    """`rsa_pss` asks for RSASSA-PSS where the token can do it (TT 15/2025); else RSA keys sign PKCS#1 v1.5."""

    certificate_pem: str = Field(max_length=65536)
    items: list[WantedItem] = Field(min_length=1, max_length=MAX_BATCH)
    rsa_pss: bool = False


class PreparedItem(View):
    """Base and update together are the exact file; the client recomputes its digest over `byte_range`."""

    document_id: UUID
    preparation_id: UUID | None = None
    base_sha256: str | None = None
    update_b64: str | None = None
    byte_range: tuple[int, int, int, int] | None = None
    signed_attributes_b64: str | None = None
    digest_algorithm: Literal["sha256", "sha384", "sha512"] | None = None
    mechanism: str | None = None
    expires_at: datetime | None = None
    problem: ProblemView | None = None


class PreparedList(View):
    items: list[PreparedItem]


class StoredItem(View):
    """What an Idempotency-Key remembers of one document: the prepared bytes stay in their own row."""

    document_id: UUID
    preparation_id: UUID | None = None
    problem: ProblemView | None = None


class StoredList(View):
    items: list[StoredItem]


class CompletionItem(View):
    preparation_id: UUID
    signature_b64: Base64


class CompletionRequest(View):
    items: list[CompletionItem] = Field(min_length=1, max_length=MAX_BATCH)


class CompletedItem(View):
    preparation_id: UUID
    document_id: UUID | None = None
    state: Literal["accepted", "refused"]
    problem: ProblemView | None = None


class CompletedList(View):
    items: list[CompletedItem]


class PreparationView(View):
    preparation_id: UUID
    document_id: UUID
    state: str
    expires_at: datetime
    problem: ProblemView | None = None
    notice: Reason | None = Field(default=None, description="what the signer should know although all went well")


class PreparationList(View):
    items: list[PreparationView]


@router.get("/tasks")
def list_tasks(request: Request, who: Who) -> TaskList:
    """What waits for the bearer, whichever of their posts the token names, each with all reasons against signing."""
    desk: Desk = request.app.state.desk
    if who.person_id is None:
        raise Rejected(FORBIDDEN)
    desk.workshop.warm(craft.warm)  # whoever looks at what waits will soon sign
    with transaction(desk.pool, agency=who.agency_id) as tx:
        store.act_for_person(tx, who.person_id)
        word = Word(tx, desk, store.now(tx))
        waiting = store.list_waiting_for(tx, who.person_id)
        now = [d for d in waiting if d.signer_of(who.person_id) in d.may_sign]
        return TaskList(
            items=[_task(word, d, who.person_id) for d in now],
            later=[_later(d, who.person_id) for d in waiting if d not in now],
        )


@router.get("/documents/{document_id}/content", response_class=Response)
def fetch_content(
    document_id: UUID, request: Request, who: Who, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The current bytes; the entity tag is their SHA-256."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as tx:
        _require_reader(tx, who)
        document = batch.enter(tx, who, document_id)
        erasing.check(tx, document_id)
        etag = f'"{document.content.sha256}"'
        if if_none_match == etag:
            return Response(status_code=304, headers={"ETag": etag})
        detail = {"sha256": document.content.sha256}
        _record(tx, desk, who, act="content_fetched", object_id=str(document_id), detail=detail)
    return Response(desk.blobs.get(document.content), media_type="application/pdf", headers=_headers(etag))


@router.post("/preparations", status_code=201, response_model_exclude_none=True)
def prepare(
    body: PreparationRequest,
    request: Request,
    who: Who,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> PreparedList:
    """Begin signatures over documents as they stand. No transaction is open while the PDFs are worked on."""
    desk: Desk = request.app.state.desk
    if not idempotency_key:
        raise Rejected(IDEMPOTENCY_KEY_REQUIRED)
    wanted = [Wanted(item.document_id, item.base_sha256) for item in body.items]
    results = batch.prepare(desk, who, _certificate(body.certificate_pem), wanted, pss=body.rsa_pss)
    fingerprint = hashlib.sha256(b"preparations\n" + body.model_dump_json().encode()).hexdigest()
    with transaction(desk.pool, agency=who.agency_id) as tx:
        store.act_for_person(tx, who.person_id)
        if who.person_id:
            store_preparation.forget_expired(tx, who.person_id)
        once = Once(tx, who, idempotency_key, fingerprint)
        stored = once.run(lambda: _store(tx, wanted, results), StoredList)
        return PreparedList(items=[_prepared(tx, item, who) for item in stored.items])


@router.post("/completions", response_model_exclude_none=True)
def complete(body: CompletionRequest, request: Request, who: Who) -> CompletedList:
    """Hand in raw signatures. Repeating this is harmless; embedding and time stamp follow as a job."""
    desk: Desk = request.app.state.desk
    raws = [_raw(item.signature_b64) for item in body.items]
    read = [Given(i.preparation_id, raw) for i, raw in zip(body.items, raws, strict=True) if raw is not None]
    taken = iter(batch.complete(desk, who, read))
    unreadable = Rejected(INVALID_REQUEST, where="/body/items/signature_b64")
    return CompletedList(
        items=[
            _completed(item.preparation_id, unreadable if raw is None else next(taken))
            for item, raw in zip(body.items, raws, strict=True)
        ]
    )


@router.get("/preparations", response_model_exclude_none=True)
def list_preparations(
    request: Request, who: Who, wanted: Annotated[list[UUID], Query(alias="id", max_length=MAX_BATCH)]
) -> PreparationList:
    """How these signatures of the bearer's stand, in no order; one that is not theirs, or unknown, is left out."""
    return PreparationList(items=_told(request.app.state.desk, who, wanted))


@router.get("/preparations/{preparation_id}", response_model_exclude_none=True)
def get_preparation(preparation_id: UUID, request: Request, who: Who) -> PreparationView:
    """How a signature stands: prepared, completing, completed, failed or expired."""
    for found in _told(request.app.state.desk, who, [preparation_id]):
        return found
    raise NotFound("lần ký", "preparation")


def _told(desk: Desk, who: Principal, wanted: list[UUID]) -> list[PreparationView]:
    with transaction(desk.pool) as tx:
        store.act_for_person(tx, who.person_id)
        found = store_preparation.list_told(tx, wanted, who.person_id)
        at = store.now(tx)
    return [
        PreparationView(
            preparation_id=one.id,
            document_id=one.document_id,
            state=one.told_state(at),
            expires_at=one.expires_at,
            problem=_problem(one.problem) if one.problem else None,
            notice=_notice(one),
        )
        for one in found
    ]


def _notice(preparation: Preparation) -> Reason | None:
    """What weighs most: something of the proof is owed, else kept data stood in for the CA."""
    if preparation.notice:
        return Reason(**preparation.notice)
    cached = preparation.cached_revocation_as_of
    return Reason(**cached_notice(cached)) if cached else None


@router.get("/reports/{sha256}", response_class=Response)
def fetch_report(sha256: str, request: Request, who: Who) -> Response:
    """The validation report (JSON) of bytes that the bearer's agency received."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool, agency=who.agency_id) as tx:
        _require_reader(tx, who)
        outcome = store.latest_outcome(tx, sha256)
        if outcome is None or outcome.get("report") is None:
            raise Rejected(REPORT_NOT_READY)
        _record(tx, desk, who, act="report_read", object_id=sha256, detail={})
    report = BlobRef.model_validate(outcome["report"])
    return Response(desk.blobs.get(report), media_type="application/json", headers=_headers(f'"{report.sha256}"'))


def _task(word: Word, document: Document, person_id: UUID) -> TaskView:
    signer = document.signer_of(person_id)
    assert signer is not None  # noqa: S101  it waits for this person
    return TaskView(
        document_id=document.id,
        type_name=document.descriptor.type_name,
        abstract=document.descriptor.abstract,
        symbol=document.descriptor.symbol,
        agency_name=document.descriptor.agency_name,
        capacity=signer.capacity,
        block=signer.block,
        signer_name=signer.name,
        page_count=document.page_count,
        sha256=document.content.sha256,
        size=document.content.size,
        waiting_since=document.waiting_since,
        problems=[Reason(**told(p)) for p in word.problems(document, signer)],
    )


def _later(document: Document, person_id: UUID) -> LaterView:
    signer = document.signer_of(person_id)
    assert signer is not None  # noqa: S101  it waits for this person
    return LaterView(
        document_id=document.id,
        type_name=document.descriptor.type_name,
        abstract=document.descriptor.abstract,
        symbol=document.descriptor.symbol,
        agency_name=document.descriptor.agency_name,
        waits_for=document.may_sign[0].name,
        place=signer.ordinal,
        places=len(document.signers),
        waiting_since=document.waiting_since,
    )


def _store(tx: Tx, wanted: list[Wanted], results: list[Preparation | Rejected]) -> StoredList:
    items = []
    for item, result in zip(wanted, results, strict=True):
        if isinstance(result, Rejected):
            items.append(StoredItem(document_id=item.document_id, problem=_problem(told(result))))
        else:
            store_preparation.add(tx, result)
            items.append(StoredItem(document_id=item.document_id, preparation_id=result.id))
    return StoredList(items=items)


def _prepared(tx: Tx, item: StoredItem, who: Principal) -> PreparedItem:
    """An item as the client gets it; a late second click may find its preparation used up."""
    if item.preparation_id is None:
        return PreparedItem(document_id=item.document_id, problem=item.problem)
    preparation = store_preparation.get(tx, item.preparation_id, who.person_id)
    half = preparation.prepared
    if half is None:
        return PreparedItem(document_id=item.document_id, problem=_problem(told(Rejected(PREPARATION_EXPIRED))))
    return PreparedItem(
        document_id=preparation.document_id,
        preparation_id=preparation.id,
        base_sha256=preparation.base_sha256,
        update_b64=half["update"],
        byte_range=tuple(half["byte_range"]),
        signed_attributes_b64=half["signed_attributes"],
        digest_algorithm=half.get("digest", "sha256"),
        mechanism=MECHANISMS[half["mechanism"]],
        expires_at=preparation.expires_at,
    )


def _completed(preparation_id: UUID, taken: Preparation | Rejected) -> CompletedItem:
    """Each signature for itself: one that is refused stops no other."""
    if isinstance(taken, Rejected):
        return CompletedItem(preparation_id=preparation_id, state="refused", problem=_problem(told(taken)))
    return CompletedItem(preparation_id=preparation_id, document_id=taken.document_id, state="accepted")


def _raw(signature: str) -> bytes | None:
    """None for what is no base64."""
    try:
        return base64.b64decode(signature, validate=True)
    except ValueError:
        return None


def _certificate(pem: str) -> bytes:
    try:
        return ssl.PEM_cert_to_DER_cert(pem.strip())
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where="/body/certificate_pem") from error


def _require_reader(tx: Tx, who: Principal) -> None:
    """Decided on our copy: the token may be minutes older than a person's leave."""
    if not copies.is_active(tx, who.person_id, who.post_id, READERS):
        raise Rejected(FORBIDDEN)


def _record(tx: Tx, desk: Desk, who: Principal, *, act: str, object_id: str, detail: dict[str, str]) -> None:
    """An act for the ledger that no fact carries."""
    kind = "document" if act == "content_fetched" else "report"
    event = SigningAct(by=who.actor(), at=store.now(tx), act=act, object_kind=kind, object_id=object_id, detail=detail)
    outbox.put(tx, event, source=desk.source)


def _problem(reason: dict[str, str]) -> ProblemView:
    return ProblemView(code=reason["code"], detail_vi=reason["vi"], detail_en=reason["en"])


def _headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
