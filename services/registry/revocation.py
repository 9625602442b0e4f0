"""Asking CAs over HTTP, within bounds: OCSP answers and CRLs for the cache, and one certificate's status now.

Every call waits for somebody else's server: never inside a transaction.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import httpx
from asn1crypto import core, tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from services.registry import status_data
from services.registry.refusals_trust import STATUS_NOT_PERMITTED, STATUS_UNREACHABLE, STATUS_UNREADABLE
from services.registry.status_data import Answer, Question
from shared.errors import Rejected

MAX_ANSWER = 8 * 1024 * 1024  # bytes; a list of a large CA has some megabytes
OCSP_REQUEST, OCSP_ANSWER, CRL = "application/ocsp-request", "application/ocsp-response", "application/pkix-crl"


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be asked: `hosts` only, when given; `timeout` is seconds for a whole answer."""

    hosts: frozenset[str] | None = None
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the CA says of a certificate now. `unreachable`: no source gave an answer, `problem` says why."""

    status: Literal["good", "revoked", "unknown", "unreachable"]
    reason: str | None = None
    revoked_at: datetime | None = None
    problem: Rejected | None = None


def fetch(question: Question, reach: Reach, *, nonce: bytes | None = None) -> Answer:
    """The verified answer. Raises Rejected: 503 when nobody answered, otherwise what is wrong with the answer."""
    if question.kind == "ocsp":
        headers = {"Content-Type": OCSP_REQUEST, "Accept": OCSP_ANSWER}
        content = request("POST", question.url, reach, headers=headers, data=status_data.ask(question, nonce))
    else:
        content = request("GET", question.url, reach, headers={"Accept": CRL})
    return status_data.read(question, content, datetime.now(UTC), nonce)


def standing(certificate: x509.Certificate, issuer: x509.Certificate, reach: Reach) -> Standing:
    """What the CA says of this certificate at this moment.

    Its responders are asked first, with a nonce, then its lists; the first answer counts. A certificate that names
    neither is "unknown".
    """
    problem: Rejected | None = None
    for question in sorted(status_data.questions(certificate, issuer), key=lambda one: one.kind, reverse=True):
        nonce = secrets.token_bytes(16) if question.kind == "ocsp" else None
        try:
            answer = fetch(question, reach, nonce=nonce)
        except Rejected as error:
            problem = error
            continue
        if question.kind == "ocsp" and answer.status is not None:
            return Standing(answer.status, answer.reason, answer.revoked_at)
        entry = status_data.revoked_in(answer.content, certificate.serial_number)
        if entry is None:
            return Standing("good")
        return Standing("revoked", _reason(entry), entry.revocation_date_utc)
    return Standing("unreachable" if problem else "unknown", problem=problem)


def stamping_certificates(url: str, reach: Reach) -> Sequence[x509.Certificate]:
    """The certificates that a time-stamping authority sends along (RFC 3161, certReq): its own and its CAs'.

    The operator's own address, so no list of hosts bounds it. Nothing is believed of them before a path is found.
    """
    digest = secrets.token_bytes(32)
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest}
    query = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "cert_req": True}).dump()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    content = request("POST", url, Reach(None, reach.timeout), headers=headers, data=query)
    try:
        token = tsp.TimeStampResp.load(content)["time_stamp_token"]
        if isinstance(token, core.Void):
            raise Rejected(STATUS_UNREADABLE, url=url)
        return pkcs7.load_der_pkcs7_certificates(token.dump())
    except (ValueError, TypeError, KeyError) as error:
        raise Rejected(STATUS_UNREADABLE, url=url) from error


def request(method: str, url: str, reach: Reach, *, headers: dict[str, str], data: bytes | None = None) -> bytes:
    """One bounded request: a permitted address, no redirect, at most MAX_ANSWER bytes within the timeout as a whole."""
    if not status_data.may_ask(url, reach.hosts):
        raise Rejected(STATUS_NOT_PERMITTED, url=url)
    until = time.monotonic() + reach.timeout
    body = bytearray()
    try:
        with httpx.stream(
            method, url, headers=headers, content=data, timeout=reach.timeout, follow_redirects=False
        ) as answer:
            if answer.status_code != httpx.codes.OK:
                raise Rejected(STATUS_UNREACHABLE, url=url, why=f"HTTP {answer.status_code}")
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise Rejected(STATUS_UNREADABLE, url=url)
                if time.monotonic() > until:
                    raise Rejected(STATUS_UNREACHABLE, url=url, why="timeout")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Rejected(STATUS_UNREACHABLE, url=url, why=type(error).__name__) from error
    return bytes(body)


def _reason(entry: x509.RevokedCertificate) -> str | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return None
