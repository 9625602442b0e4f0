"""CA adapters: how a certificate is asked for and how the CA is told that one has ended.

One small interface; its callers are jobs, so a call may take seconds and may be repeated. The implementation here
speaks to the development CA, which is no real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import httpx

from services.registry.refusals import CA_REFUSED, CA_UNREACHABLE
from shared.errors import Rejected

TIMEOUT = 10.0  # seconds; half of a job's lease, so that an answer is never waited for in vain


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a CA. `key` makes repeating it harmless; names have at most 64 characters (X.520)."""

    key: str
    csr_pem: str
    profile: str  # person | agency
    common_name: str
    organisation: str | None = None
    organisation_id: str | None = None
    title: str | None = None
    email: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An issued certificate; `chain_pem` its issuers."""

    pem: str
    chain_pem: str


class CertificateAuthority(Protocol):
    """Every method raises Rejected: with status 503 when it may be tried again, otherwise for good."""

    name: str

    def issue(self, order: Order) -> Answer:
        """The same order (by its key) gets the same certificate."""

    def end(self, serial: str, reason: str) -> None:
        """Revoke, `certificateHold` or `removeFromCRL` (RFC 5280 §5.3.1); the same again changes nothing."""


class DevelopmentCA:
    """The development PKI over HTTP (deploy/devpki): POST /ca/issue and /ca/revoke with a bearer secret."""

    name = "devpki"

    def __init__(self, url: str, secret: Callable[[], str]) -> None:
        self.url = url
        self.secret = secret  # read at each call: the CA may be set up after we have started

    def issue(self, order: Order) -> Answer:
        subject = {
            "common_name": order.common_name,
            "organisation": order.organisation,
            "organisation_id": order.organisation_id,
            "title": order.title,
            "email": order.email,
        }
        body: dict[str, Any] = {
            "csr": order.csr_pem,
            "profile": order.profile,
            "subject": {name: value for name, value in subject.items() if value},
        }
        if order.not_before and order.not_after:
            body |= {"not_before": order.not_before.isoformat(), "not_after": order.not_after.isoformat()}
        found = self._post("/ca/issue", body, key=order.key)
        return Answer(pem=found["certificate"], chain_pem=found["chain"])

    def end(self, serial: str, reason: str) -> None:
        self._post("/ca/revoke", {"serial": serial, "reason": reason})

    def _post(self, path: str, body: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.secret()}"} | ({"Idempotency-Key": key} if key else {})
        try:
            answer = httpx.post(self.url + path, json=body, headers=headers, timeout=TIMEOUT)
        except httpx.HTTPError as error:
            raise Rejected(CA_UNREACHABLE, why=type(error).__name__) from error
        if answer.status_code >= 500:
            raise Rejected(CA_UNREACHABLE, why=f"HTTP {answer.status_code}")
        if answer.is_error:
            raise _refusal(answer)
        found: dict[str, Any] = answer.json()
        return found


def _refusal(answer: httpx.Response) -> Rejected:
    """The CA's own words, when it gives a problem document."""
    try:
        problem = answer.json()
        code, vi, en = str(problem["code"]), str(problem["detail"]), str(problem.get("detail_en", problem["detail"]))
    except (ValueError, KeyError, TypeError):
        code, vi, en = f"http_{answer.status_code}", answer.reason_phrase, answer.reason_phrase
    return Rejected(CA_REFUSED, code=code, reason_vi=vi, reason_en=en)
