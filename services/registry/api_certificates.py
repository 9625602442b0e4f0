"""HTTP in front of certificates and the requests for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, Field

from services.registry import issuance
from services.registry import store_certificates as certificates
from services.registry.certificate import Certificate, CertificateRequest, Kind, RequestState, Status
from services.registry.edge import Caller, Limit, Officer, Reader, Shape, Text, cursor_id, desk, etag
from services.registry.refusals import HOLDER_NEEDED
from shared.db import Tx as Transaction
from shared.errors import Rejected
from shared.http import OnceOnly, Tx, encode_cursor

router = APIRouter()

Pem = Annotated[str, Field(max_length=50_000)]


class CertificateIn(Shape):
    """A certificate issued elsewhere, with its holder; `chain_pem` may be empty when the root issued it itself."""

    pem: Pem
    chain_pem: Pem = ""
    person_id: UUID | None = None
    agency_id: UUID | None = None


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
    reason: str | None
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
            reason=certificate.reason,
            version=certificate.version,
        )


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
    cursor: str | None = None,
    limit: Limit = 50,
) -> CertificatePage:
    """Those of the agencies that the reader oversees, and their own."""
    found = certificates.list_certificates(
        tx, person_id=person_id, agency_id=agency_id, status=status, after=cursor_id(cursor), limit=limit + 1
    )
    page, more = found[:limit], len(found) > limit
    items = [CertificateView.of(certificate) for certificate in page]
    return CertificatePage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.get("/certificates/{certificate_id}")
def get_certificate(certificate_id: UUID, tx: Tx, _who: Reader, response: Response) -> CertificateView:
    certificate = certificates.get(tx, certificate_id)
    etag(response, certificate.version)
    return CertificateView.of(certificate)


@router.post("/certificates", status_code=201)
def enter_certificate(body: CertificateIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> CertificateView:
    def act() -> CertificateView:
        whose = issuance.holder(tx, body.person_id, body.agency_id)
        who.require(tx, whose.managed_by)
        return CertificateView.of(issuance.enter(desk(request, tx, who), body.pem, body.chain_pem, whose))

    return once.run(act, CertificateView)


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


@router.post("/certificate-requests", status_code=201)
def request_certificate(body: RequestIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> RequestView:
    """Order a certificate; the CA is asked by a job (GET the request until it is no longer `requested`)."""

    def act() -> RequestView:
        whose = issuance.holder(tx, body.person_id, body.agency_id)
        who.require(tx, whose.managed_by)
        if whose.kind != body.kind:
            raise Rejected(HOLDER_NEEDED)
        return RequestView.of(issuance.request(desk(request, tx, who), body.csr_pem, whose))

    return once.run(act, RequestView)


@router.get("/certificate-requests/{request_id}")
def get_request(request_id: UUID, tx: Tx, _who: Reader) -> RequestView:
    found, _by = certificates.get_request(tx, request_id)
    return RequestView.of(found)
