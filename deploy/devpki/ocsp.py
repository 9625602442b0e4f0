"""The OCSP responder (RFC 6960, RFC 9654): says what the store says, at the moment it is asked.

An answer without a nonce is kept and given again for a minute, renewed ahead while somebody goes on asking; a change of
status shows in the very next answer. An answer to a nonce is signed for that question and kept for nobody.
asn1crypto reads the requests, because one may ask about several certificates; answers are put together here.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from asn1crypto import ocsp
from asn1crypto import x509 as asn1_x509

from deploy.devpki.der import BIT_STRING, CONTEXT_0, ENUMERATED, MALFORMED, OCTET_STRING, SEQUENCE, tlv
from deploy.devpki.hierarchy import Authority, Hierarchy
from deploy.devpki.issuing import serial_text
from deploy.devpki.store import Status, Store

FRESH_FOR = dt.timedelta(minutes=10)
REUSED_FOR = dt.timedelta(minutes=1)  # less than FRESH_FOR: a client has time to use what it got
AHEAD = dt.timedelta(seconds=20)  # before an answer runs out it is signed anew, if anybody asks for it
KEPT_ANSWERS = 20_000
KEPT_BYTES = 300  # of a request about one certificate; longer ones hold something odd
NONCE_LIMIT = 32  # octets
CERT_ID_HASHES = ("sha1", "sha256", "sha384", "sha512")
log = logging.getLogger("vanthu.devpki.ocsp")

_REASONS = {  # RFC 5280 §5.3.1; "unspecified" is said by leaving it out
    "keyCompromise": 1,
    "cACompromise": 2,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "certificateHold": 6,
    "privilegeWithdrawn": 9,
}
_BASIC = ocsp.ResponseType("basic_ocsp_response").dump()
_ARCHIVE_CUTOFF = ocsp.SingleResponseExtensionId("archive_cutoff").dump()
_NONCE = ocsp.ResponseDataExtensionId("nonce").dump()
_GOOD, _UNKNOWN = b"\x80\x00", b"\x82\x00"
_GENERALIZED_TIME, _CONTEXT_1, _CONTEXT_2 = 0x18, 0xA1, 0xA2


class _Malformed(ValueError):
    """The request breaks RFC 6960 or a bound of ours."""


@dataclass(frozen=True, slots=True)
class _CertId:
    """`der` goes into the answer as it came; `issuer` is by which hash who was meant."""

    der: bytes
    issuer: tuple[str, bytes, bytes]
    serial: str


@dataclass(frozen=True, slots=True)
class _Question:
    ids: tuple[_CertId, ...]
    nonce: bytes | None


@dataclass(slots=True)
class _Kept:
    """An answer that may be given again: from `since` to `until`, as long as the version or at least the status stands."""

    authority: Authority
    question: _Question
    status: Status
    version: int
    since: dt.datetime
    until: dt.datetime
    answer: bytes
    asked: bool = False


class OcspResponder:
    def __init__(
        self, hierarchy: Hierarchy, database: Store, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    ) -> None:
        self._database = database
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}
        self._authorities: dict[tuple[str, bytes, bytes], Authority] = {}
        self._responder_ids: dict[str, bytes] = {}
        self._extensions: dict[str, bytes] = {}
        for authority in hierarchy.authorities:
            signer = asn1_x509.Certificate.load(authority.ocsp.der)
            self._responder_ids[authority.name] = tlv(_CONTEXT_2, tlv(OCTET_STRING, signer.public_key.sha1))
            self._extensions[authority.name] = _archive_cutoff(authority)
            certificate = asn1_x509.Certificate.load(authority.ca.der)
            subject, key = certificate.subject.dump(), bytes(certificate.public_key["public_key"])
            for algorithm in CERT_ID_HASHES:
                hashed = hashlib.new(algorithm, subject).digest(), hashlib.new(algorithm, key).digest()
                self._authorities[(algorithm, *hashed)] = authority

    def answer(self, request: bytes) -> bytes:
        """The OCSPResponse (DER) to an OCSPRequest (DER); errors are answers too (§2.3)."""
        kept = self._kept.get(request)
        if kept is not None and self._still_true(kept, self._clock()):
            kept.asked = True
            return kept.answer
        try:
            question = _read(request)
        except MALFORMED as error:
            log.info("malformed OCSP request: %s", error)
            return _error("malformed_request")
        # One signer answers the whole request, and it may speak for one CA only.
        authorities = {self._authorities.get(one.issuer) for one in question.ids}
        authority = authorities.pop()
        if authority is None or authorities:
            return _error("unauthorized")
        if question.nonce is None and len(question.ids) == 1 and len(request) <= KEPT_BYTES:
            return self._sign_and_keep(request, authority, question)
        return self._sign(authority, question, [self._status(authority, one) for one in question.ids], self._clock())

    def renew_ahead(self) -> int:
        """Signs anew what was asked for and runs out soon, forgets what nobody asked for; how many it signed."""
        now, signed = self._clock(), 0
        for request, kept in list(self._kept.items()):
            if kept.until - now > AHEAD and kept.since <= now:
                continue
            if kept.asked:
                self._sign_and_keep(request, kept.authority, kept.question)
                signed += 1
            else:
                self._kept.pop(request, None)
        return signed

    def _still_true(self, kept: _Kept, now: dt.datetime) -> bool:
        # A clock that was set back must not give an answer of the future.
        if not kept.since <= now < kept.until:
            return False
        version = self._database.revocation_version(kept.authority.name)
        if version == kept.version:
            return True
        # Somebody's status changed since: is it this one?
        if self._status(kept.authority, kept.question.ids[0]) != kept.status:
            return False
        kept.version = version
        return True

    def _status(self, authority: Authority, cert_id: _CertId) -> Status | None:
        return self._database.find_status(authority.name, cert_id.serial)

    def _sign_and_keep(self, request: bytes, authority: Authority, question: _Question) -> bytes:
        # The version before the status: a change in between makes the answer look older than it is, never newer.
        version = self._database.revocation_version(authority.name)
        status = self._status(authority, question.ids[0])
        now = self._clock()
        answer = self._sign(authority, question, [status], now)
        if status is None:
            return answer  # not kept: the certificate may be issued the moment after
        if len(self._kept) >= KEPT_ANSWERS:
            with contextlib.suppress(KeyError, StopIteration, RuntimeError):
                self._kept.pop(next(iter(self._kept)))
        since = now.replace(microsecond=0)
        self._kept[request] = _Kept(authority, question, status, version, since, since + REUSED_FOR, answer)
        return answer

    def _sign(
        self, authority: Authority, question: _Question, statuses: Sequence[Status | None], now: dt.datetime
    ) -> bytes:
        this_update, next_update = _time(now), _time(now + FRESH_FOR)
        singles = (
            tlv(
                SEQUENCE,
                one.der,
                _cert_status(status),
                this_update,
                tlv(CONTEXT_0, next_update),
                tlv(_CONTEXT_1, self._extensions[authority.name]),
            )
            for one, status in zip(question.ids, statuses, strict=True)
        )
        nonce = b""
        if question.nonce is not None:
            extension = tlv(SEQUENCE, _NONCE, tlv(OCTET_STRING, tlv(OCTET_STRING, question.nonce)))
            nonce = tlv(_CONTEXT_1, tlv(SEQUENCE, extension))
        tbs = tlv(SEQUENCE, self._responder_ids[authority.name], this_update, tlv(SEQUENCE, *singles), nonce)
        basic = tlv(
            SEQUENCE,
            tbs,
            authority.ocsp.algorithm,
            tlv(BIT_STRING, b"\0", authority.ocsp.sign(tbs)),
            tlv(CONTEXT_0, tlv(SEQUENCE, authority.ocsp.der)),
        )
        answer = tlv(SEQUENCE, _BASIC, tlv(OCTET_STRING, basic))
        return tlv(SEQUENCE, tlv(ENUMERATED, b"\0"), tlv(CONTEXT_0, answer))  # 0: successful


def _archive_cutoff(authority: Authority) -> bytes:
    """We answer for expired certificates too, ever since the CA began (§4.4.4)."""
    cutoff = tlv(OCTET_STRING, _time(authority.ca.certificate.not_valid_before_utc))
    return tlv(SEQUENCE, tlv(SEQUENCE, _ARCHIVE_CUTOFF, cutoff))


def _time(at: dt.datetime) -> bytes:
    return tlv(_GENERALIZED_TIME, at.strftime("%Y%m%d%H%M%SZ").encode())


def _cert_status(status: Status | None) -> bytes:
    """CertStatus (§4.2.1): good [0], revoked [1] with time and reason, unknown [2]."""
    if status is None:
        return _UNKNOWN
    if status.reason is None:
        return _GOOD
    revoked = _time(dt.datetime.fromtimestamp(status.revoked_at or 0, dt.UTC))
    if code := _REASONS.get(status.reason):
        revoked += tlv(CONTEXT_0, tlv(ENUMERATED, bytes((code,))))
    return tlv(_CONTEXT_1, revoked)


def _read(request: bytes) -> _Question:
    parsed = ocsp.OCSPRequest.load(request, strict=True)
    if not parsed.native:  # asn1crypto parses lazily; this visits every part
        raise _Malformed("empty")
    tbs = parsed["tbs_request"]
    ids = tuple(_cert_id(one["req_cert"]) for one in tbs["request_list"])
    if not ids or tbs["version"].native != "v1":
        raise _Malformed("no question, or not version 1")
    nonce = None
    for extension in tbs["request_extensions"]:
        kind = extension["extn_id"].native
        if kind == "nonce":
            nonce = extension["extn_value"].parsed.native
            if not isinstance(nonce, bytes) or not 1 <= len(nonce) <= NONCE_LIMIT:
                raise _Malformed("nonce length")
        elif extension["critical"].native and kind not in ("acceptable_responses", "preferred_signature_algorithms"):
            raise _Malformed(f"critical extension {kind}")
    return _Question(ids, nonce)


def _cert_id(asked: Any) -> _CertId:
    serial = asked["serial_number"].native
    if serial < 0:
        raise _Malformed("negative serial")
    # The answer repeats the question's bytes, so they have to be DER: a reader of the answer refuses what isn't (X.690 10, 8.3.2).
    if asked.dump() != asked.copy().dump(force=True):
        raise _Malformed("not DER")
    issuer = (
        asked["hash_algorithm"]["algorithm"].native,
        asked["issuer_name_hash"].native,
        asked["issuer_key_hash"].native,
    )
    return _CertId(asked.dump(), issuer, serial_text(serial))


def _error(status: str) -> bytes:
    """An unsigned error answer; `status` is asn1crypto's name for an OCSPResponseStatus (§4.2.1)."""
    return bytes(ocsp.OCSPResponse({"response_status": status}).dump())


def internal_error() -> bytes:
    return _error("internal_error")
