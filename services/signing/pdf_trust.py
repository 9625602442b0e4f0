"""Trust and the network: roots, revocation data and time stamps, fetched over HTTP with limits.

Nothing here is called while a database transaction or a lock is held. The libraries' own logs are silenced,
since they print whole subjects and personal certificates carry identity numbers there.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from asn1crypto import cms, crl, ocsp, x509
from pyhanko.sign.general import SignedDataCerts
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.authority import Authority, AuthorityWithCert
from pyhanko_certvalidator.errors import (
    CRLFetchError,
    ExpiredError,
    NotYetValidError,
    OCSPFetchError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.fetchers.api import FetcherBackend, Fetchers, FetchLimits
from pyhanko_certvalidator.fetchers.common_utils import FetchBudget, enumerate_delivery_point_urls
from pyhanko_certvalidator.fetchers.requests_fetchers.cert_fetch_client import RequestsCertificateFetcher
from pyhanko_certvalidator.fetchers.requests_fetchers.crl_client import RequestsCRLFetcher
from pyhanko_certvalidator.fetchers.requests_fetchers.ocsp_client import RequestsOCSPFetcher
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.util import get_relevant_crl_dps

from services.signing.breaker import Breaker, Silent
from services.signing.kept import Kept
from services.signing.pdf_http import ask
from services.signing.pdf_verified import Remembering
from services.signing.refusals import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_TRUSTED,
    CERTIFICATE_REVOKED,
    CLOCK_DIFFERS,
    REVOCATION_UNAVAILABLE,
)
from shared.errors import Rejected

for _noisy in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_noisy).setLevel(logging.CRITICAL + 1)

# Answers are made after the moment that is judged, by other people's clocks; also what a busy machine may lag.
# A clock that is further off is said to be (clock_differs) instead of being guessed around.
TOLERANCE = timedelta(minutes=1)
# The purposes that the registry states of a root.
SIGN_DOCUMENTS, SEAL_DOCUMENTS, TIME_STAMPS = ("sign_documents", "seal_documents", "time_stamps")
DOCUMENTS = (SIGN_DOCUMENTS, SEAL_DOCUMENTS)
LIMITS = FetchLimits(max_requests=60, max_cert_requests=10, max_aia_urls_per_object=3)
_BREAKER = Breaker()


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we believe and what we may fetch.

    `roots` are DER certificates; `limits` says of some, by SHA-256 (hex) of the DER, for which purposes they are believed
    (the others for all). `revoked` are certificates, named likewise, that the registry knows as ended whatever their
    CA says. `kept` data stand in for a CA that does not answer; when they do, `used` gets their thisUpdate. `fetch` permits OCSP, CRL and issuer look-ups at the
    http(s) addresses that certificates name, on `hosts` only when that is given; `timeout` is seconds a request. `ahead` gets how
    far the clock of each server that answered is ahead of ours. For `reuse` at most, and never past their nextUpdate, answers about who has signed before serve for another document (pdf_evidence).
    """

    roots: tuple[bytes, ...]
    fetch: bool = True
    timeout: float = 5.0
    hosts: frozenset[str] | None = None
    limits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    kept: tuple[Kept, ...] = ()
    used: list[datetime] = field(default_factory=list, compare=False)
    ahead: list[timedelta] = field(default_factory=list, compare=False)
    reuse: timedelta = timedelta(hours=1)

    def roots_for(self, purpose: str) -> tuple[bytes, ...]:
        """The roots that are believed for this."""
        return tuple(root for root in self.roots if self.believes(root, purpose))

    def believes(self, root: bytes, purpose: str) -> bool:
        limits = self.limits.get(hashlib.sha256(root).hexdigest())
        return limits is None or purpose in limits


@dataclass(frozen=True, slots=True)
class TimeStampService:
    """RFC 3161 servers, tried in this order, `tries` rounds, `timeout` seconds a request.

    With `trust`, only stamps whose signer leads to a root that is believed for time stamps are taken; with `policy` (dotted), only
    such as say that they were made under it.
    """

    urls: tuple[str, ...]
    timeout: float = 5.0
    tries: int = 2
    trust: Trust | None = None
    policy: str | None = None


def _request(
    method: str,
    url: str,
    *,
    timeout: float,
    hosts: frozenset[str] | None,
    headers: dict[str, str],
    data: bytes | None = None,
) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of one bounded request without redirects; OSError (requests.RequestException) when anything is off."""
    if hosts is not None and urlsplit(url).hostname not in hosts:
        raise requests.exceptions.InvalidURL("address not permitted")
    try:
        with _BREAKER.asking(url, timed_out=(requests.Timeout,)):
            status, said, body = ask(method, url, timeout=timeout, headers=headers, data=data)
    except Silent as error:
        raise requests.ConnectionError(str(error)) from error
    if status != HTTPStatus.OK:
        raise requests.RequestException(f"status code {status}")
    return said, body


def post(url: str, data: bytes, *, headers: dict[str, str], timeout: float) -> bytes:
    """The answer's body; OSError (requests.RequestException) when anything is off."""
    return _request("POST", url, timeout=timeout, hosts=None, headers=headers, data=data)[1]


def _ahead(headers: Mapping[str, str]) -> list[timedelta]:
    """How far the server's clock is ahead of ours by its Date (RFC 9110, 6.6.1), to the second; what a cache kept tells nothing."""
    try:
        if "Age" in headers:
            return []
        return [parsedate_to_datetime(headers["Date"]) - datetime.now(UTC)]
    except (KeyError, TypeError, ValueError):
        return []


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
        """What pyHanko's fetchers read is requests' own type."""
        said, body = _request(
            method, url, timeout=self.trust.timeout, hosts=self.trust.hosts, headers=headers, data=data
        )
        answer = requests.Response()
        answer.status_code, answer.url = HTTPStatus.OK, url
        answer.headers.update(said)
        answer._content = body  # noqa: SLF001  there is no other way in
        self.trust.ahead.extend(_ahead(answer.headers))
        return answer


class _Certificates(_Bounded, RequestsCertificateFetcher):  # type: ignore[misc]
    pass


class _Crls(_Bounded, RequestsCRLFetcher):  # type: ignore[misc]
    """Lists over HTTP; where none is to be had, the one kept from that address."""

    def __init__(self, trust: Trust, budget: FetchBudget) -> None:
        super().__init__(trust, budget)
        self.taken: dict[str, Kept] = {}  # by address

    async def fetch(self, cert: x509.Certificate, *, use_deltas: bool = True) -> Any:
        found = await super().fetch(cert, use_deltas=use_deltas)
        self.trust.used.extend(kept.this_update for kept in self.kept_for(cert))
        return found

    async def look(self, cert: x509.Certificate) -> Any:
        """The lists of a certificate, without deciding yet that they are used."""
        return await super().fetch(cert)

    def kept_for(self, cert: x509.Certificate) -> list[Kept]:
        """What stood in for the certificate's addresses."""
        points = get_relevant_crl_dps(cert, use_deltas=True)
        urls = {url for point in points for url in enumerate_delivery_point_urls(point)}
        return [kept for url, kept in self.taken.items() if url in urls]

    async def _perform_fetch(self, tag: str, fetch_fun: Callable[[], Awaitable[Any]]) -> Any:
        async def online_or_kept() -> Any:
            try:
                return await fetch_fun()
            except CRLFetchError:
                kept = _fresh(self.trust, "crl", url=tag)
                if kept is None:
                    raise
                self.taken[tag] = kept
                return crl.CertificateList.load(kept.content)

        return await super()._perform_fetch(tag, online_or_kept)


class _Ocsps(_Bounded, RequestsOCSPFetcher):  # type: ignore[misc]
    """Answers over HTTP; where none is to be had, the kept one, unless a list knows more.

    1. The responder, now.
    2. It is silent: a list from the network is newer than anything kept, so the list decides.
    3. Of what is kept the newest decides, answer or list: an older "good" never beats a newer list.
    """

    def __init__(self, trust: Trust, budget: FetchBudget, lists: _Crls) -> None:
        super().__init__(trust, budget)
        self.lists = lists

    async def _fetch(self, cert: x509.Certificate, authority: Authority) -> Any:
        try:
            return await super()._fetch(cert, authority)  # 1
        except OCSPFetchError:
            if not self.trust.kept:
                raise
            kept, listed = self._kept(cert, authority), await self._listed(cert)
            if listed is None:  # 2
                raise
            newest = max((one.this_update for one in listed), default=None)
            if kept is None or (newest is not None and newest >= kept.this_update):  # 3
                self.trust.used.extend(one.this_update for one in listed)
                raise
            self.trust.used.append(kept.this_update)
            return ocsp.OCSPResponse.load(kept.content)

    def _kept(self, cert: x509.Certificate, authority: Authority) -> Kept | None:
        if not isinstance(authority, AuthorityWithCert):
            return None
        issuer = hashlib.sha256(authority.certificate.dump()).hexdigest()
        return _fresh(self.trust, "ocsp", issuer_sha256=issuer, serial=f"{cert.serial_number:x}")

    async def _listed(self, cert: x509.Certificate) -> list[Kept] | None:
        """The kept lists for a certificate, none when there is no list at all; None when the network gave one."""
        try:
            found = await self.lists.look(cert)
        except CRLFetchError:
            return []
        kept = self.lists.kept_for(cert)
        return None if len(found) > len(kept) else kept


def _fresh(trust: Trust, kind: str, **wanted: str) -> Kept | None:
    """The newest kept answer to a question that has not run out."""
    now = datetime.now(UTC)
    fits = [
        one
        for one in trust.kept
        if one.kind == kind and now < one.next_update and all(getattr(one, name) == v for name, v in wanted.items())
    ]
    return max(fits, key=lambda one: one.this_update, default=None)


def fetchers(trust: Trust) -> Fetchers:
    """Fresh fetchers with a budget of their own."""
    budget = FetchBudget(LIMITS)
    lists = _Crls(trust, budget)
    return Fetchers(
        ocsp_fetcher=_Ocsps(trust, budget, lists), crl_fetcher=lists, cert_fetcher=_Certificates(trust, budget)
    )


class Backend(FetcherBackend):  # type: ignore[misc]
    """The same fetchers for pyHanko's AdES validation, which asks a backend."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust

    def get_fetchers(self) -> Fetchers:
        return fetchers(self.trust)

    async def close(self) -> None:
        """Nothing is kept open."""


@lru_cache(maxsize=256)
def load(certificate: bytes) -> x509.Certificate:
    """Read once: what the library finds out about a certificate stays with it."""
    return x509.Certificate.load(certificate)


def context(
    trust: Trust, others: Sequence[x509.Certificate] = (), *, revocation_mode: str = "require", **more: Any
) -> ValidationContext:
    """A validation context that demands revocation data for every certificate below the root."""
    return ValidationContext(
        trust_roots=[load(root) for root in trust.roots],
        other_certs=list(others),
        allow_fetching=trust.fetch,
        fetchers=fetchers(trust) if trust.fetch else None,
        revocation_mode=revocation_mode,
        time_tolerance=TOLERANCE,
        signature_validator=Remembering(),
        crls=[],
        ocsps=[],
        **more,
    )


async def path_to_root(
    certificate: x509.Certificate,
    within: ValidationContext,
    trust: Trust,
    *,
    purpose: str | None = None,
    signs_now: bool = False,
) -> ValidationPath:
    """The validated path, its revocation data kept in `within`; Rejected with the reason otherwise.

    `purpose` is for what the root must be believed (TIME_STAMPS, or one of DOCUMENTS; None: any of these). What the
    registry has ended signs nothing more; what it signed before stays, but only its CA's word of now proves that,
    nothing kept from before.
    """
    if hashlib.sha256(certificate.dump()).hexdigest() in trust.revoked:
        if signs_now:
            raise Rejected(CERTIFICATE_REVOKED)
        if trust.kept:
            raise Rejected(REVOCATION_UNAVAILABLE, why="ended at the registry")
    try:
        path = await _validated(certificate, within, time_stamping=purpose == TIME_STAMPS)
    except Rejected as error:
        furthest = max(trust.ahead, key=abs, default=timedelta())
        if error.code in _BY_THE_CLOCK and abs(furthest) > TOLERANCE:
            raise Rejected(CLOCK_DIFFERS, whose="CA", by=minutes(furthest)) from error
        raise
    root = path.trust_anchor.authority
    der = root.certificate.dump() if isinstance(root, AuthorityWithCert) else b""
    if not any(trust.believes(der, one) for one in ((purpose,) if purpose else DOCUMENTS)):
        raise Rejected(CERTIFICATE_NOT_TRUSTED, why="the root is not believed for this")
    return path


# What a wrong clock of ours looks like.
_BY_THE_CLOCK = frozenset({CERTIFICATE_EXPIRED.code, REVOCATION_UNAVAILABLE.code, CERTIFICATE_NOT_TRUSTED.code})


def minutes(ahead: timedelta) -> str:
    """As people read it: minutes with a sign, theirs against ours."""
    return f"{ahead.total_seconds() / 60:+.0f}"


async def _validated(
    certificate: x509.Certificate, within: ValidationContext, *, time_stamping: bool
) -> ValidationPath:
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


def check_certificate(
    certificate: bytes,
    chain: Sequence[bytes],
    trust: Trust,
    *,
    purpose: str | None = None,
    unchecked: bool = False,
) -> str | None:
    """TT 15/2025: before signing, the certificate leads to a root, whose name (root_of) is returned, is in its validity
    and is not revoked.

    `unchecked` lets one pass about whose revocation nobody says anything; what anybody knows to be revoked never passes.
    """

    async def check() -> ValidationPath:
        within = context(trust, [load(c) for c in chain], revocation_mode="soft-fail" if unchecked else "require")
        return await path_to_root(load(certificate), within, trust, purpose=purpose, signs_now=True)

    return root_of(asyncio.run(check()))


def root_of(path: ValidationPath) -> str | None:
    """The SHA-256 (hex) of the root at the end of a path; None where that is a key without a certificate."""
    root = path.trust_anchor.authority
    return hashlib.sha256(root.certificate.dump()).hexdigest() if isinstance(root, AuthorityWithCert) else None


def certificates_of(signed_data: cms.SignedData) -> SignedDataCerts:
    return extract_certs_for_validation(signed_data)
