"""Validating signed PDFs of anybody's making: roots, limits, kept data and fetchers in, the engine's report out.

The engine (clients/verify) judges; what the registry believes and what the network gives comes from pdf_trust.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime

from asn1crypto import ocsp
from pyhanko_certvalidator.authority import AuthorityWithCert
from pyhanko_certvalidator.errors import CRLFetchError, OCSPFetchError
from vanthu_verify import Source, engine

from services.signing.pdf_read import BROKEN, check_bytes
from services.signing.pdf_report import ValidationReport
from services.signing.pdf_trust import DOCUMENTS, LIMITS, TIME_STAMPS, Trust, fetchers, load

POLICY = "default"
# Within the 20 s that a file has: a server that is asked last within PATIENCE may take ANSWER for the connection and
# twice that for the whole of its answer.
PATIENCE, ANSWER = 8.0, 4.0  # seconds


def validate(pdf: bytes, trust: Trust, *, at: datetime | None = None, policy: str = POLICY) -> ValidationReport:
    """Judge every signature and time stamp of a document at the time `at` (aware; default now).

    Fetches revocation data when `trust.fetch` and `at` is None; issuers' certificates are never fetched, since
    their addresses are the file's own words. Rejected only for what is no readable PDF file at all.
    """
    check_bytes(pdf)
    believed = engine.Trust(
        roots=tuple(dict.fromkeys(root for one in DOCUMENTS for root in trust.roots_for(one))),
        stamp_roots=trust.roots_for(TIME_STAMPS),
        fetch=_Online(trust).fetch if trust.fetch else None,
    )
    return engine.validate(pdf, believed, at=at, policy_name=policy)


class _Online:
    """The service's fetchers as the engine asks: OCSP first, lists where that gives nothing."""

    def __init__(self, trust: Trust) -> None:
        self.trust = replace(trust, timeout=min(trust.timeout, ANSWER))
        self.until = time.monotonic() + PATIENCE
        self.left = LIMITS.max_requests
        self.kept = {one.content for one in trust.kept}

    def fetch(self, certificate: bytes, issuer: bytes) -> list[Source]:
        if self.left <= 0 or time.monotonic() > self.until:
            return []
        self.left -= 1
        return asyncio.run(self._ask(certificate, issuer))

    async def _ask(self, certificate: bytes, issuer: bytes) -> list[Source]:
        subject, authority = load(certificate), AuthorityWithCert(load(issuer))
        online = fetchers(self.trust)
        try:
            answer = await online.ocsp_fetcher.fetch(subject, authority)
            return [self._source("ocsp", one) for one in (answer if isinstance(answer, list) else [answer])]
        except (OCSPFetchError, *BROKEN):
            if time.monotonic() > self.until:
                return []
        try:
            return [self._source("crl", one) for one in await online.crl_fetcher.fetch(subject)]
        except (CRLFetchError, *BROKEN):
            return []

    def _source(self, kind: str, found: object) -> Source:
        # Some fetchers give a container around the answer.
        inner = getattr(found, "ocsp_response_data", None) or getattr(found, "crl_data", None) or found
        content: bytes = inner.dump() if isinstance(inner, ocsp.OCSPResponse) or hasattr(inner, "dump") else b""
        return Source(kind, content, "kept" if content in self.kept else "fetched")
