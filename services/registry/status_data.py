"""What a CA says about its certificates: OCSP answers (RFC 6960) and CRLs (RFC 5280 §5), asked for, read and verified.

Pure: bytes in, facts out, the clock is given. Nothing is believed that its CA, or a responder to which that CA
delegated, did not sign, or that is not fresh.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from services.registry.refusals_trust import (
    STATUS_FOREIGN,
    STATUS_NOT_AUTHORISED,
    STATUS_OF_ANOTHER,
    STATUS_REFUSED,
    STATUS_SIGNATURE_WRONG,
    STATUS_STALE,
    STATUS_UNREADABLE,
)
from shared.errors import Rejected

Kind = Literal["ocsp", "crl"]
Status = Literal["good", "revoked", "unknown"]

TOLERANCE = timedelta(minutes=1)  # other people's clocks
WEAK = {"md5", "sha1"}
# A fresh answer is asked for once half of the last one's lifetime is over, and at least every hour: what is kept may
# have to last through an outage, and must not be much older than the newest revocation.
SHARE, JITTER = 0.5, 0.1
SHORTEST, LONGEST = timedelta(seconds=20), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask: about a certificate at a responder (ocsp), or for a list at an address (crl)."""

    kind: Kind
    url: str
    issuer: x509.Certificate
    certificate: x509.Certificate | None = None

    @property
    def id(self) -> str:
        """Names the question whoever asks; goes into events and URLs."""
        serial = str(self.certificate.serial_number) if self.certificate else ""
        parts = (self.kind, self.url, fingerprint(self.issuer), serial)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Answer:
    """A verified answer. `status` is None for a list, `reason` RFC 5280's word when revoked."""

    content: bytes
    this_update: datetime
    next_update: datetime
    status: Status | None = None
    revoked_at: datetime | None = None
    reason: str | None = None

    @property
    def media_type(self) -> str:
        return "application/pkix-crl" if self.status is None else "application/ocsp-response"


def questions(certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Question]:
    """What can be asked about a certificate: every http(s) address that it names for OCSP and for full CRLs."""
    for url in _ocsp_addresses(certificate):
        yield Question("ocsp", url, issuer, certificate)
    for url in _crl_addresses(certificate):
        yield Question("crl", url, issuer)


def may_ask(url: str, hosts: frozenset[str] | None) -> bool:
    """Only http(s), without user and password, and, when `hosts` says so, only these."""
    try:
        parts = urlsplit(url)
        named = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    plain = parts.scheme in ("http", "https") and bool(named) and parts.username is None and parts.password is None
    return plain and (hosts is None or named in hosts)


def ask(question: Question, nonce: bytes | None = None) -> bytes:
    """The OCSPRequest (DER). SHA-1 names the issuer there, since many responders know nothing else (RFC 5019 §2.1.1)."""
    assert question.certificate is not None  # noqa: S101  an OCSP question
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        question.certificate,
        question.issuer,
        hashes.SHA1(),  # noqa: S303  a name, not a signature
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def read(question: Question, content: bytes, at: datetime, nonce: bytes | None = None) -> Answer:
    """The verified answer to a question as of `at`; Rejected(status_…) with what is wrong with it."""
    try:
        if question.kind == "ocsp":
            return _read_ocsp(question, content, at, nonce)
        return _read_crl(question, content, at)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, TypeError) as error:
        raise Rejected(STATUS_UNREADABLE, url=question.url) from error


def ask_again_at(answer: Answer, at: datetime, chance: Callable[[], float] = random.random) -> datetime:
    """When to fetch anew; `chance` in [0, 1) spreads the load."""
    share = SHARE * (1 - JITTER + 2 * JITTER * chance())
    return at + min(max((answer.next_update - at) * share, SHORTEST), LONGEST)


def fingerprint(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def revoked_in(crl: bytes, serial: int) -> x509.RevokedCertificate | None:
    """The entry of a verified list for a serial number."""
    return x509.load_der_x509_crl(crl).get_revoked_certificate_by_serial_number(serial)


def _read_ocsp(question: Question, content: bytes, at: datetime, nonce: bytes | None) -> Answer:
    """RFC 6960 §3.2.

    1. The responder answered, and about the certificate that was asked about.
    2. The signer is the CA itself or holds a certificate for OCSP signing that this CA issued, valid now, which says
       that it need not be checked itself (id-pkix-ocsp-nocheck, §4.2.2.2.1).
    3. The signature is the signer's.
    4. thisUpdate and nextUpdate embrace now; a nonce, when one comes back, is ours.
    """
    answer = ocsp.load_der_ocsp_response(content)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:  # 1
        raise Rejected(STATUS_REFUSED, url=question.url, why=answer.response_status.name.lower())
    wanted = ocsp.load_der_ocsp_request(ask(question))
    single = next((one for one in answer.responses if _is_about(one, wanted)), None)
    if single is None:
        raise Rejected(STATUS_OF_ANOTHER, url=question.url)
    signer = _signer(question, answer, at)  # 2
    _verify(question, signer, answer.signature, answer.tbs_response_bytes, answer.signature_hash_algorithm)  # 3
    this, following = single.this_update_utc, single.next_update_utc
    if following is None or not this - TOLERANCE <= at < following:  # 4
        raise Rejected(STATUS_STALE, url=question.url, until=following.isoformat() if following else "—")
    if nonce is not None and _other_nonce(answer, nonce):
        raise Rejected(STATUS_OF_ANOTHER, url=question.url)
    said = single.certificate_status
    status: Status = "unknown"
    if said is not ocsp.OCSPCertStatus.UNKNOWN:
        status = "good" if said is ocsp.OCSPCertStatus.GOOD else "revoked"
    reason = single.revocation_reason
    return Answer(content, this, following, status, single.revocation_time_utc, reason.value if reason else None)


def _is_about(single: ocsp.OCSPSingleResponse, wanted: ocsp.OCSPRequest) -> bool:
    if single.serial_number != wanted.serial_number:
        return False
    asked = (wanted.issuer_name_hash, wanted.issuer_key_hash)
    return (single.issuer_name_hash, single.issuer_key_hash) == asked


def _other_nonce(answer: ocsp.OCSPResponse, nonce: bytes) -> bool:
    """A responder that signs ahead sends none back, which RFC 9654 permits."""
    try:
        return answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce != nonce
    except x509.ExtensionNotFound:
        return False


def _signer(question: Question, answer: ocsp.OCSPResponse, at: datetime) -> x509.Certificate:
    issuer = question.issuer
    if _names(answer, issuer):
        return issuer
    for candidate in answer.certificates:
        if _names(answer, candidate) and _may_answer_for(candidate, issuer, at):
            return candidate
    raise Rejected(STATUS_NOT_AUTHORISED, url=question.url)


def _names(answer: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if answer.responder_name is not None:
        return answer.responder_name == certificate.subject
    key_hash = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return answer.responder_key_hash == key_hash


def _may_answer_for(signer: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
    try:
        signer.verify_directly_issued_by(issuer)
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        signer.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage and signer.not_valid_before_utc <= at <= signer.not_valid_after_utc


def _read_crl(question: Question, content: bytes, at: datetime) -> Answer:
    """RFC 5280 §6.3.3, for a complete list of the certificate's own CA: no indirect, partial or delta list."""
    found = x509.load_der_x509_crl(content) if not content.startswith(b"-----") else x509.load_pem_x509_crl(content)
    issuer = question.issuer
    if found.issuer != issuer.subject:
        raise Rejected(STATUS_OF_ANOTHER, url=question.url)
    try:
        signs = issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        signs = True
    if not signs:
        raise Rejected(STATUS_NOT_AUTHORISED, url=question.url)
    for extension in found.extensions:
        whole = isinstance(extension.value, x509.IssuingDistributionPoint) and _is_whole(extension.value)
        if isinstance(extension.value, x509.DeltaCRLIndicator) or (extension.critical and not whole):
            raise Rejected(STATUS_FOREIGN, url=question.url)
    algorithm = found.signature_hash_algorithm
    key = issuer.public_key()
    if algorithm is None or algorithm.name in WEAK or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Rejected(STATUS_SIGNATURE_WRONG, url=question.url)
    if not found.is_signature_valid(key):
        raise Rejected(STATUS_SIGNATURE_WRONG, url=question.url)
    this, following = found.last_update_utc, found.next_update_utc
    if following is None or not this - TOLERANCE <= at < following:
        raise Rejected(STATUS_STALE, url=question.url, until=following.isoformat() if following else "—")
    return Answer(found.public_bytes(serialization.Encoding.DER), this, following)


def _is_whole(point: x509.IssuingDistributionPoint) -> bool:
    """Whole for the certificates that name it; a list for users' (or CAs') certificates only is."""
    return not (point.only_contains_attribute_certs or point.indirect_crl or point.only_some_reasons)


def _verify(
    question: Question,
    signer: x509.Certificate,
    signature: bytes,
    data: bytes,
    algorithm: hashes.HashAlgorithm | None,
) -> None:
    key = signer.public_key()
    try:
        if algorithm is None or algorithm.name in WEAK:
            raise Rejected(STATUS_SIGNATURE_WRONG, url=question.url)
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), algorithm)
        else:
            raise Rejected(STATUS_SIGNATURE_WRONG, url=question.url)
    except InvalidSignature as error:
        raise Rejected(STATUS_SIGNATURE_WRONG, url=question.url) from error


def _ocsp_addresses(certificate: x509.Certificate) -> Iterator[str]:
    try:
        described = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return
    for one in described:
        if one.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
            one.access_location, x509.UniformResourceIdentifier
        ):
            yield one.access_location.value


def _crl_addresses(certificate: x509.Certificate) -> Iterator[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return
    for point in points:
        if point.crl_issuer or point.reasons:
            continue  # an indirect or partial list
        for name in point.full_name or ():
            if isinstance(name, x509.UniformResourceIdentifier):
                yield name.value
