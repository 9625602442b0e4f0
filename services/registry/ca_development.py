"""The development CA (deploy/devpki) over HTTP. It is no real CA: nobody is identified by what it issues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from services.registry.ca import TIMEOUT, Alone, Answer, Order, reached
from services.registry.refusals import CA_REFUSED
from shared.errors import Rejected


class DevelopmentCA(Alone):
    """POST /ca/issue and /ca/revoke with a bearer secret; the order's key is the Idempotency-Key."""

    name = "devpki"
    answers_later = False

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
        answer = reached(lambda: httpx.post(self.url + path, json=body, headers=headers, timeout=TIMEOUT))
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
