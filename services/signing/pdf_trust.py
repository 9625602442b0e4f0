"""Trust and the network: roots, revocation data and time stamps, fetched over HTTP with limits.

Nothing here is called while a database transaction or a lock is held. The libraries' own logs are silenced,
since they print whole subjects and personal certificates carry identity numbers there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from asn1crypto import cms, tsp, x509
from pyhanko.sign.general import SignedDataCerts
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError, handle_tsp_response
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    ExpiredError,
    NotYetValidError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.fetchers.api import FetcherBackend, Fetchers, FetchLimits
from pyhanko_certvalidator.fetchers.common_utils import FetchBudget
from pyhanko_certvalidator.fetchers.requests_fetchers.cert_fetch_client import RequestsCertificateFetcher
from pyhanko_certvalidator.fetchers.requests_fetchers.crl_client import RequestsCRLFetcher
from pyhanko_certvalidator.fetchers.requests_fetchers.ocsp_client import RequestsOCSPFetcher
from pyhanko_certvalidator.path import ValidationPath

from services.signing.refusals import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_TRUSTED,
    CERTIFICATE_REVOKED,
    REVOCATION_UNAVAILABLE,
    TSA_UNAVAILABLE,
)
from shared.errors import Rejected

for _noisy in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_noisy).setLevel(logging.CRITICAL + 1)

# Answers are made after the moment that is judged, by other people's clocks; also what a busy machine may lag.
TOLERANCE = timedelta(minutes=1)
MAX_ANSWER = 8 * 1024 * 1024
LIMITS = FetchLimits(max_requests=60, max_cert_requests=10, max_aia_urls_per_object=3)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we believe and what we may fetch.

    `roots` are DER certificates, pinned by configuration. `fetch` permits OCSP, CRL and issuer look-ups at the
    http(s) addresses that certificates name, on `hosts` only when that is given; `timeout` is seconds a request.
    """

    roots: tuple[bytes, ...]
    fetch: bool = True
    timeout: float = 5.0
    hosts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class TimeStampService:
    """RFC 3161 servers, tried in this order, `tries` rounds, `timeout` seconds a request."""

    urls: tuple[str, ...]
    timeout: float = 5.0
    tries: int = 2


def _request(
    method: str,
    url: str,
    *,
    timeout: float,
    hosts: frozenset[str] | None,
    headers: dict[str, str],
    data: bytes | None = None,
) -> requests.Response:
    """One bounded request without redirects; OSError (requests.RequestException) when anything is off."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or (hosts is not None and parts.hostname not in hosts):
        raise requests.exceptions.InvalidURL("address not permitted")
    with requests.request(
        method, url, data=data, headers=headers, timeout=timeout, stream=True, allow_redirects=False
    ) as answer:
        body = b""
        for chunk in answer.iter_content(65536):
            body += chunk
            if len(body) > MAX_ANSWER:
                raise requests.exceptions.ContentDecodingError("answer too large")
        answer._content = body  # noqa: SLF001  requests keeps what was streamed nowhere else
        if answer.status_code != requests.codes.ok:
            raise requests.RequestException(f"status code {answer.status_code}")
        return answer


class _Bounded:
    """Replaces the two calls through which pyHanko's fetchers reach the network."""

    def __init__(self, trust: Trust, budget: FetchBudget) -> None:
        super().__init__(per_request_timeout=trust.timeout, budget=budget)  # type: ignore[call-arg]
        self.trust = trust

    def _get(self, url: str, acceptable_content_types: Sequence[str]) -> Awaitable[requests.Response]:
        headers = {"Accept": ",".join(acceptable_content_types)}
        return asyncio.to_thread(self._ask, "GET", url, headers)

    def _post(
        self, url: str, data: bytes, *, content_type: str, acceptable_content_types: Sequence[str]
    ) -> Awaitable[requests.Response]:
        headers = {"Accept": ",".join(acceptable_content_types), "Content-Type": content_type}
        return asyncio.to_thread(self._ask, "POST", url, headers, data)

    def _ask(self, method: str, url: str, headers: dict[str, str], data: bytes | None = None) -> requests.Response:
        return _request(method, url, timeout=self.trust.timeout, hosts=self.trust.hosts, headers=headers, data=data)


class _Certificates(_Bounded, RequestsCertificateFetcher):  # type: ignore[misc]
    pass


class _Crls(_Bounded, RequestsCRLFetcher):  # type: ignore[misc]
    pass


class _Ocsps(_Bounded, RequestsOCSPFetcher):  # type: ignore[misc]
    pass


def fetchers(trust: Trust) -> Fetchers:
    """Fresh fetchers with a budget of their own."""
    budget = FetchBudget(LIMITS)
    return Fetchers(
        ocsp_fetcher=_Ocsps(trust, budget),
        crl_fetcher=_Crls(trust, budget),
        cert_fetcher=_Certificates(trust, budget),
    )


class Backend(FetcherBackend):  # type: ignore[misc]
    """The same fetchers for pyHanko's AdES validation, which asks a backend."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust

    def get_fetchers(self) -> Fetchers:
        return fetchers(self.trust)

    async def close(self) -> None:
        """Nothing is kept open."""


def load(certificate: bytes) -> x509.Certificate:
    return x509.Certificate.load(certificate)


def context(trust: Trust, others: Sequence[x509.Certificate] = (), **more: Any) -> ValidationContext:
    """A validation context that demands revocation data for every certificate below the root."""
    return ValidationContext(
        trust_roots=[load(root) for root in trust.roots],
        other_certs=list(others),
        allow_fetching=trust.fetch,
        fetchers=fetchers(trust) if trust.fetch else None,
        revocation_mode="require",
        time_tolerance=TOLERANCE,
        crls=[],
        ocsps=[],
        **more,
    )


async def path_to_root(
    certificate: x509.Certificate, within: ValidationContext, *, time_stamping: bool = False
) -> ValidationPath:
    """The validated path, its revocation data kept in `within`; Rejected with the reason otherwise."""
    validator = CertificateValidator(certificate, validation_context=within)
    try:
        if time_stamping:
            return await validator.async_validate_usage(set(), {"time_stamping"})
        return await validator.async_validate_path()
    except RevokedError:
        raise Rejected(CERTIFICATE_REVOKED) from None
    except (ExpiredError, NotYetValidError):
        raise Rejected(CERTIFICATE_EXPIRED) from None
    except PathBuildingError:
        raise Rejected(CERTIFICATE_NOT_TRUSTED, why="no path to a trusted root") from None
    except PathValidationError as error:
        why = type(error).__name__
        refusal = REVOCATION_UNAVAILABLE if "Revinfo" in why else CERTIFICATE_NOT_TRUSTED
        raise Rejected(refusal, why=why) from None
    except (ValidationError, OSError) as error:
        raise Rejected(REVOCATION_UNAVAILABLE, why=type(error).__name__) from None


def check_certificate(certificate: bytes, chain: Sequence[bytes], trust: Trust) -> None:
    """TT 15/2025: before signing, the certificate leads to a root, is in its validity and is not revoked."""

    async def check() -> None:
        within = context(trust, [load(c) for c in chain])
        await path_to_root(load(certificate), within)

    asyncio.run(check())


class TimeStamps(TimeStamper):  # type: ignore[misc]
    """pyHanko's time-stamper over a pool of servers; every failure becomes Rejected(tsa_unavailable)."""

    def __init__(self, service: TimeStampService) -> None:
        super().__init__()
        self.service = service

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return await asyncio.to_thread(self._ask, lambda answer: answer, req)

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        nonce, request = self.request_cms(message_digest, md_algorithm)

        def accept(answer: tsp.TimeStampResp) -> cms.ContentInfo:
            token = handle_tsp_response(answer, nonce)
            imprint = token["content"]["encap_content_info"]["content"].parsed["message_imprint"]
            if imprint["hashed_message"].native != message_digest:
                raise TimestampRequestError("imprint differs")
            return token

        return await asyncio.to_thread(self._ask, accept, request)

    def _ask(self, accept: Callable[[tsp.TimeStampResp], Any], request: tsp.TimeStampReq) -> Any:
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        last: Exception | None = None
        for url in self.service.urls * self.service.tries:
            try:
                answer = _request(
                    "POST", url, timeout=self.service.timeout, hosts=None, headers=headers, data=request.dump()
                )
                return accept(tsp.TimeStampResp.load(answer.content))
            except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                last = error
        raise Rejected(TSA_UNAVAILABLE) from last


def certificates_of(signed_data: cms.SignedData) -> SignedDataCerts:
    return extract_certs_for_validation(signed_data)
