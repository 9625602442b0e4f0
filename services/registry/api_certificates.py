"""HTTP in front of certificates and the requests for them."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, Base64Bytes, ConfigDict, Field

from services.registry import entry, evidence, issuance, receipts, store, store_receipts, upload
from services.registry import store_certificates as certificates
from services.registry.certificate import Certificate, CertificateRequest, Kind, RequestState, Stage, Status
from services.registry.edge import Caller, Limit, Officer, Reader, Shape, Text, cursor_id, desk, etag
from services.registry.receipts import Proof
from services.registry.refusals import HOLDER_NEEDED
from services.registry.refusals_lifecycle import RECEIPT_BY_ANOTHER, UPLOAD_UNREADABLE
from services.registry.scope import Scope
from services.registry.store_receipts import Receipt
from shared.db import Tx as Transaction
from shared.errors import FORBIDDEN, Rejected
from shared.http import OnceOnly, Tx, Who, encode_cursor
from shared.ids import moment

router = APIRouter()

Pem = Annotated[str, Field(max_length=50_000)]


class CertificateIn(Shape):
    """A certificate issued elsewhere, with its holder: as PEM, or as a file (`content`: PEM, DER or PKCS#7, base64).

    Read from a token: `challenge_id` and `signature` prove that its key is there. `device_id`: it is on that device
    and may be used only after the receipt. `procedure_id`: it answers that procedure.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"content": "MIIB…", "person_id": "0190…", "device_id": "0190…", "procedure_id": "0190…"},
                {"pem": "-----BEGIN CERTIFICATE-----…", "chain_pem": "", "agency_id": "0190…"},
            ]
        }
    )

    pem: Pem = ""
    chain_pem: Pem = ""
    content: str | None = Field(default=None, max_length=200_000)
    person_id: UUID | None = None
    agency_id: UUID | None = None
    device_id: UUID | None = None
    procedure_id: UUID | None = None
    challenge_id: UUID | None = None
    signature: Base64Bytes | None = Field(default=None, max_length=10_000)

    def files(self) -> tuple[str, str]:
        """Certificate and chain as PEM; what was sent along as a chain counts beside what the file holds."""
        if self.content is None:
            return self.pem, self.chain_pem
        try:
            content = b64decode(self.content, validate=True)
        except ValueError as error:
            raise Rejected(UPLOAD_UNREADABLE) from error
        pem, issuers = upload.read(content)
        return pem, issuers + self.chain_pem


class CertificateView(Shape):
    certificate_id: UUID
    kind: Kind
    person_id: UUID | None
    agency_id: UUID | None
    pem: str
    chain_pem: str
    fingerprint: str
    spki_sha256: str
    serial: str
    not_before: datetime
    not_after: datetime
    status: Status
    stage: Stage
    reason: str | None
    renews: UUID | None
    device_id: UUID | None
    managed_by: UUID
    version: int

    @classmethod
    def of(cls, certificate: Certificate) -> CertificateView:
        return cls(
            certificate_id=certificate.id,
            kind=certificate.kind,
            person_id=certificate.person_id,
            agency_id=certificate.agency_id,
            pem=certificate.pem,
            chain_pem=certificate.chain_pem,
            fingerprint=certificate.fingerprint,
            spki_sha256=certificate.spki_sha256,
            serial=certificate.serial,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            status=certificate.status,
            stage=certificate.stage,
            reason=certificate.reason,
            renews=certificate.renews,
            device_id=certificate.device_id,
            managed_by=certificate.managed_by,
            version=certificate.version,
        )


class CertificateFile(CertificateView):
    """`ca_problem` (Vietnamese): why the CA has not heard of the last change yet."""

    ca_problem: str | None


class CertificatePage(Shape):
    items: list[CertificateView]
    next_cursor: str | None


@router.get("/certificates")
def list_certificates(
    *,
    tx: Tx,
    _who: Reader,
    person_id: UUID | None = None,
    agency_id: UUID | None = None,
    status: Status | None = None,
    kind: Kind | None = None,
    q: Annotated[str, Query(max_length=200)] = "",
    ends_within: Annotated[int | None, Query(ge=0, le=3660, description="days")] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> CertificatePage:
    """Those of the agencies that the reader oversees, and their own. `q` is part of the holder's name, or the beginning of
    a serial number; `ends_within`: those that may still be used, and no longer so many days from now.
    """
    found = certificates.list_certificates(
        tx,
        person_id=person_id,
        agency_id=agency_id,
        status=status,
        kind=kind,
        query=q,
        ends_by=None if ends_within is None else datetime.now(UTC) + timedelta(days=ends_within),
        after=cursor_id(cursor),
        limit=limit + 1,
    )
    page, more = found[:limit], len(found) > limit
    items = [CertificateView.of(certificate) for certificate in page]
    return CertificatePage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.get("/certificates/{certificate_id}")
def get_certificate(certificate_id: UUID, tx: Tx, _who: Reader, response: Response) -> CertificateFile:
    certificate = certificates.get(tx, certificate_id)
    etag(response, certificate.version)
    problem = certificates.ca_problem(tx, certificate_id)
    return CertificateFile(**CertificateView.of(certificate).model_dump(), ca_problem=problem)


def ask_ca(body: CertificateIn, request: Request, who: Who) -> None:
    """What its CA says, asked before the endpoint's transaction begins (so it stands first among the parameters).

    Whose post it is counts inside the transaction; here the token's word keeps others from making us ask.
    """
    if "officer" not in who.roles:
        raise Rejected(FORBIDDEN)
    entry.ask_ca(request.app.state.pool, *body.files(), request.app.state.reach)


@router.post("/certificates", status_code=201)
def enter_certificate(
    *,
    body: CertificateIn,
    _asked: Annotated[None, Depends(ask_ca)],
    request: Request,
    tx: Tx,
    who: Officer,
    once: OnceOnly,
) -> CertificateView:
    """Register a certificate: strength, usage, time, path, holder, and that its CA has not revoked it."""

    def act() -> CertificateView:
        whose = issuance.holder(tx, body.person_id, body.agency_id)
        who.require(tx, whose.managed_by)
        at = desk(request, tx, who)
        pem, chain_pem = body.files()
        made = issuance.enter(at, pem, chain_pem, whose, device_id=body.device_id, procedure_id=body.procedure_id)
        if body.challenge_id:
            entry.check_possession(at, made.pem, body.challenge_id, body.signature or b"", who.person.id)
        return CertificateView.of(made)

    return once.run(act, CertificateView)


# --- a token in the reader


class ChallengeView(Shape):
    """`text` (UTF-8) is signed on the token with SHA-256 (PKCS#1 v1.5, PSS or ECDSA) until `until`, and used once."""

    challenge_id: UUID
    text: str
    until: datetime


@router.post("/certificates/challenge", status_code=201)
def challenge(request: Request, tx: Tx, who: Officer) -> ChallengeView:
    challenge_id, text, until = entry.challenge(desk(request, tx, who), who.person.id)
    return ChallengeView(challenge_id=challenge_id, text=text.decode(), until=until)


# --- hand-over and receipt


class ReceiptText(Shape):
    """What the holder signs: the UTF-8 bytes of `text`."""

    text: str
    sha256: str


class ReceiptIn(Shape):
    """`signed`: a signature by the certificate's key, raw or CMS. `paper`: the scan's reference, and why on paper."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "signed", "signature": "MEUC…", "form": "raw"},
                {"kind": "paper", "reference": "BBBG-12/2026, trang 3", "reason": "Máy trạm chưa cài trình ký"},
            ]
        }
    )

    kind: Literal["signed", "paper"]
    signature: Base64Bytes | None = Field(default=None, max_length=60_000)
    form: evidence.Form = "raw"
    reference: Text | None = None
    reason: Text | None = None


class ReceiptView(Shape):
    receipt_id: UUID
    certificate_id: UUID
    procedure_id: UUID | None
    kind: Literal["signed", "paper"]
    text: str
    sha256: str
    reference: str | None
    reason: str | None
    at: datetime
    by: str

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptView:
        return cls(
            receipt_id=receipt.id,
            certificate_id=receipt.certificate_id,
            procedure_id=receipt.procedure_id,
            kind=receipt.kind,
            text=receipt.body,
            sha256=receipt.sha256,
            reference=receipt.reference,
            reason=receipt.reason,
            at=receipt.at,
            by=receipt.by.name,
        )


class ReceiptPage(Shape):
    items: list[ReceiptView]


@router.post("/certificates/{certificate_id}/hand-over")
def hand_over(certificate_id: UUID, request: Request, tx: Tx, who: Officer) -> CertificateView:
    """The device goes to its holder, who owes a receipt."""
    before = _lock(tx, who, certificate_id)
    return CertificateView.of(receipts.hand_over(desk(request, tx, who), before))


@router.get("/certificates/{certificate_id}/receipt-text")
def receipt_text(certificate_id: UUID, tx: Tx, _who: Reader) -> ReceiptText:
    text = receipts.text(tx, certificates.get(tx, certificate_id))
    return ReceiptText(text=text, sha256=hashlib.sha256(text.encode()).hexdigest())


@router.post("/certificates/{certificate_id}/receipt")
def confirm_receipt(certificate_id: UUID, body: ReceiptIn, request: Request, tx: Tx, who: Reader) -> CertificateView:
    """By the holder or the agency's clerk; a paper receipt is entered by the clerk or an officer. Then it is active."""
    certificate = certificates.get(tx, certificate_id)
    agency = store.get_agency(tx, certificate.managed_by)
    is_holder = certificate.person_id == who.person.id
    is_clerk = "clerk" in who.post.roles and who.agency.id == agency.id
    oversees = who.scope.covers(agency.facts.identifier)
    if not ((is_holder or is_clerk) if body.kind == "signed" else oversees):
        raise Rejected(RECEIPT_BY_ANOTHER)
    # What the holder signs for is theirs to confirm, though they oversee nothing.
    store.act_within(tx, Scope((*who.scope.patterns, agency.facts.identifier)), who.person.id)
    proof = Proof(
        kind=body.kind, signature=body.signature, form=body.form, reference=body.reference, reason=body.reason
    )
    before = certificates.lock(tx, certificate_id)
    after, _receipt = receipts.confirm(desk(request, tx, who), before, proof)
    return CertificateView.of(after)


@router.get("/certificates/{certificate_id}/receipts")
def list_receipts(certificate_id: UUID, tx: Tx, _who: Reader) -> ReceiptPage:
    found = store_receipts.list_receipts(tx, certificates.get(tx, certificate_id).id)
    return ReceiptPage(items=[ReceiptView.of(receipt) for receipt in found])


class StageView(Shape):
    stage: Stage
    status: Status
    since: datetime
    by: str


class StagePage(Shape):
    items: list[StageView]


@router.get("/certificates/{certificate_id}/stages")
def list_stages(certificate_id: UUID, tx: Tx, _who: Reader) -> StagePage:
    """Its whole life so far, oldest first."""
    rows = certificates.list_stages(tx, certificates.get(tx, certificate_id).id)
    return StagePage(items=[StageView(**row) for row in rows])


# --- the end of a certificate


class RevocationIn(Shape):
    """`reason` as in RFC 5280: unspecified, keyCompromise, affiliationChanged, superseded, …"""

    reason: str = Field(max_length=60)


class SuspensionIn(Shape):
    reason: Text = Field(min_length=1)


def _lock(tx: Transaction, who: Caller, certificate_id: UUID) -> Certificate:
    """To be changed: one's own certificate is seen from anywhere, yet ended by those who oversee it only."""
    before = certificates.lock(tx, certificate_id)
    who.require(tx, before.managed_by)
    return before


@router.post("/certificates/{certificate_id}/revoke")
def revoke(certificate_id: UUID, body: RevocationIn, request: Request, tx: Tx, who: Officer) -> CertificateView:
    """For ever; stated at once, the CA is told by a job."""
    before = _lock(tx, who, certificate_id)
    return CertificateView.of(issuance.revoke(desk(request, tx, who), before, body.reason))


@router.post("/certificates/{certificate_id}/suspend")
def suspend(certificate_id: UUID, body: SuspensionIn, request: Request, tx: Tx, who: Officer) -> CertificateView:
    before = _lock(tx, who, certificate_id)
    return CertificateView.of(issuance.suspend(desk(request, tx, who), before, body.reason))


@router.post("/certificates/{certificate_id}/resume")
def resume(certificate_id: UUID, request: Request, tx: Tx, who: Officer) -> CertificateView:
    before = _lock(tx, who, certificate_id)
    return CertificateView.of(issuance.resume(desk(request, tx, who), before))


# --- requests to the CA


class RequestIn(Shape):
    """`kind` says the same as the holder, so that a seal is never asked for by mistake."""

    csr_pem: Pem
    kind: Kind
    person_id: UUID | None = None
    agency_id: UUID | None = None
    procedure_id: UUID | None = None
    device_id: UUID | None = None


class Why(Shape):
    code: str
    vi: str
    en: str


class RequestView(Shape):
    """`problem` says why a request waits (state `requested`) or was refused."""

    request_id: UUID
    kind: Kind
    person_id: UUID | None
    agency_id: UUID | None
    state: RequestState
    certificate_id: UUID | None
    problem: Why | None
    not_before: AwareDatetime | None
    not_after: AwareDatetime | None

    @classmethod
    def of(cls, found: CertificateRequest) -> RequestView:
        problem = None
        if found.problem_code:
            problem = Why(code=found.problem_code, vi=found.problem_vi or "", en=found.problem_en or "")
        return cls(
            request_id=found.id,
            kind=found.kind,
            person_id=found.person_id,
            agency_id=found.agency_id,
            state=found.state,
            certificate_id=found.certificate_id,
            problem=problem,
            not_before=found.not_before,
            not_after=found.not_after,
        )


class AskedView(RequestView):
    """The same with who asked, and when."""

    requested_by: str
    requested_at: datetime


class RequestPage(Shape):
    items: list[AskedView]
    next_cursor: str | None


@router.get("/certificate-requests")
def list_requests(
    *,
    tx: Tx,
    _who: Reader,
    state: RequestState | None = None,
    person_id: UUID | None = None,
    agency_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> RequestPage:
    """What was asked of the CA, the newest first: those of the agencies that the reader oversees, and one's own."""
    found = certificates.list_requests(
        tx, state=state, person_id=person_id, agency_id=agency_id, before=cursor_id(cursor), limit=limit + 1
    )
    page, more = found[:limit], len(found) > limit
    items = [
        AskedView(**RequestView.of(each).model_dump(), requested_by=by.name, requested_at=moment(each.id))
        for each, by in page
    ]
    return RequestPage(items=items, next_cursor=encode_cursor(page[-1][0].id) if more else None)


@router.post("/certificate-requests", status_code=201)
def request_certificate(body: RequestIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> RequestView:
    """Order a certificate; the CA is asked by a job (GET the request until it is no longer `requested`)."""

    def act() -> RequestView:
        whose = issuance.holder(tx, body.person_id, body.agency_id)
        who.require(tx, whose.managed_by)
        if whose.kind != body.kind:
            raise Rejected(HOLDER_NEEDED)
        return RequestView.of(
            issuance.request(
                desk(request, tx, who),
                body.csr_pem,
                whose,
                procedure_id=body.procedure_id,
                device_id=body.device_id,
            )
        )

    return once.run(act, RequestView)


@router.get("/certificate-requests/{request_id}")
def get_request(request_id: UUID, tx: Tx, _who: Reader) -> RequestView:
    found, _by = certificates.get_request(tx, request_id)
    return RequestView.of(found)
