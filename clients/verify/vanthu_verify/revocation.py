"""Revocation evidence: OCSP answers and CRLs, who may give them, and what they say of a certificate at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509

from vanthu_verify import certificates, paths
from vanthu_verify.algorithms import Unsupported, algorithm_of, verify
from vanthu_verify.certificates import BROKEN, Certificate

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """One OCSP answer or CRL as it came. `origin` is "dss", "signature", "fetched" or "kept"; `offset` where in the
    file it lies, None for what is not in it.
    """

    kind: str
    der: bytes
    origin: str
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What one source says of one certificate: `revoked` is when, None for good."""

    kind: str
    origin: str
    this_update: datetime
    next_update: datetime | None
    revoked: datetime | None
    reason: str | None
    signer: Certificate
    offset: int | None
    covers_expired_since: datetime | None = None

    @property
    def fresh_until(self) -> datetime:
        return self.next_update or self.this_update + DAY


@dataclass(slots=True)
class Evidence:
    """All sources at hand."""

    sources: list[Source] = field(default_factory=list)
    _known: set[tuple[str, bytes]] = field(default_factory=set)

    def add(self, found: Iterable[Source]) -> None:
        for one in found:
            key = (one.origin, hashlib.sha256(one.der).digest())
            if key not in self._known:
                self._known.add(key)
                self.sources.append(one)

    def of(self, certificate: Certificate, issuer: Certificate, pool: paths.Pool) -> list[Status]:
        """What the sources say of a certificate, each checked for who gave it; the newest first."""
        found = []
        for one in self.sources:
            ask = _from_ocsp if one.kind == "ocsp" else _from_crl
            try:
                status = ask(one, certificate, issuer, pool)
            except (Unsupported, *BROKEN):
                continue
            if status is not None:
                found.append(status)
        return sorted(found, key=lambda s: s.this_update, reverse=True)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An OCSP answer taken apart."""

    tbs: bytes
    algorithm: Any
    signature: bytes
    by_key: bytes | None
    by_name: str | None
    carried: tuple[Certificate, ...]
    responses: tuple[Any, ...]


@lru_cache(maxsize=512)
def _answer(der: bytes) -> _Answer | None:
    try:
        response = asn1_ocsp.OCSPResponse.load(der)
        if response["response_status"].native != "successful":
            return None
        basic = response["response_bytes"]["response"].parsed
    except BROKEN:
        basic = asn1_ocsp.BasicOCSPResponse.load(der)  # some writers leave the outer part off
    data = basic["tbs_response_data"]
    responder = data["responder_id"]
    key = bytes(responder.chosen.native) if responder.name == "by_key" else None
    carried = [certificates.load(c.dump()) for c in basic["certs"] or ()]
    return _Answer(
        bytes(data.dump()),
        algorithm_of(basic["signature_algorithm"]),
        bytes(basic["signature"].native),
        key,
        None if key is not None else str(responder.chosen.hashable),
        tuple(c for c in carried if c is not None),
        tuple(data["responses"]),
    )


def ocsp_certificates(der: bytes) -> tuple[Certificate, ...]:
    try:
        answer = _answer(der)
    except (Unsupported, *BROKEN):
        return ()
    return () if answer is None else answer.carried


def _from_ocsp(source: Source, certificate: Certificate, issuer: Certificate, pool: paths.Pool) -> Status | None:
    """RFC 6960, 3.2.

    1. A response is about this certificate.
    2. The responder is the issuer, or holds a certificate for it from the issuer.
    3. The answer's signature is the responder's.
    """
    answer = _answer(source.der)
    if answer is None:
        return None
    single = next((one for one in answer.responses if _about(one["cert_id"], certificate, issuer)), None)  # 1
    if single is None:
        return None
    signer = _responder(answer, issuer, pool)  # 2
    if signer is None or not _signed_by(source.der, signer):  # 3
        return None
    status = single["cert_status"]
    revoked, reason = None, None
    if status.name == "revoked":
        revoked = _aware(status.chosen["revocation_time"].native)
        reason = status.chosen["revocation_reason"].native
    elif status.name != "good":
        return None
    following = single["next_update"].native
    cut_off = single.archive_cutoff_value
    return Status(
        "ocsp",
        source.origin,
        _aware(single["this_update"].native),
        _aware(following) if following else None,
        revoked,
        reason,
        signer,
        source.offset,
        _aware(cut_off.native) if cut_off is not None else None,
    )


@lru_cache(maxsize=4096)
def _verified(der: bytes, spki: bytes) -> bool:
    answer, key = _answer(der), certificates.public_key_of(spki)
    return answer is not None and verify(key, answer.algorithm, answer.signature, answer.tbs, default_hash="sha256")


def _signed_by(der: bytes, signer: Certificate) -> bool:
    return _verified(der, signer.spki)


def _about(identifier: Any, certificate: Certificate, issuer: Certificate) -> bool:
    if identifier["serial_number"].native != certificate.serial:
        return False
    name = identifier["hash_algorithm"]["algorithm"].native
    return bool(
        identifier["issuer_key_hash"].native == _hashed(name, issuer.asn1.public_key["public_key"].contents[1:])
        and identifier["issuer_name_hash"].native in (_hashed(name, certificate.issuer), _hashed(name, issuer.subject))
    )


def _hashed(name: str, content: bytes) -> bytes:
    return hashlib.new(name, content, usedforsecurity=False).digest()


def _responder(answer: _Answer, issuer: Certificate, pool: paths.Pool) -> Certificate | None:
    candidates: list[Certificate] = [issuer, *answer.carried, *pool]
    for one in candidates:
        if answer.by_key is not None and one.key_sha1 != answer.by_key:
            continue
        if answer.by_name is not None and one.subject_name != answer.by_name:
            continue
        if one.spki == issuer.spki:
            return issuer
        delegated = one.extended_usage is not None and "ocsp_signing" in one.extended_usage
        if delegated and paths.issued(one, issuer):
            return one
    return None


@dataclass(frozen=True, slots=True)
class _List:
    """A CRL taken apart."""

    parsed: x509.CertificateRevocationList
    tbs: bytes
    algorithm: Any
    signature: bytes
    issuer: str
    this_update: datetime
    next_update: datetime | None
    point: Any
    authority_key: bytes | None
    expired_since: datetime | None


@lru_cache(maxsize=128)
def _list(der: bytes) -> _List | None:
    asn1 = asn1_crl.CertificateList.load(der)
    tbs = asn1["tbs_cert_list"]
    if asn1.delta_crl_indicator_value is not None:
        return None
    known = {"issuing_distribution_point", "crl_number", "authority_key_identifier"}
    if set(asn1.critical_extensions) - known:
        return None
    following = tbs["next_update"].native
    key = asn1.authority_key_identifier_value
    return _List(
        x509.load_der_x509_crl(der),
        bytes(tbs.dump()),
        algorithm_of(asn1["signature_algorithm"]),
        bytes(asn1["signature"].native),
        str(asn1.issuer.hashable),
        _aware(tbs["this_update"].native),
        _aware(following) if following else None,
        asn1.issuing_distribution_point_value,
        key["key_identifier"].native if key is not None else None,
        _expired_since(tbs),
    )


def _expired_since(tbs: Any) -> datetime | None:
    """The extension expiredCertsOnCRL (ITU-T X.509, 9.5.2.8)."""
    from asn1crypto import core

    for one in tbs["crl_extensions"] or ():
        if one["extn_id"].dotted == "2.5.29.60":
            return _aware(core.GeneralizedTime.load(one["extn_value"].parsed.dump()).native)
    return None


def _from_crl(source: Source, certificate: Certificate, issuer: Certificate, pool: paths.Pool) -> Status | None:
    """RFC 5280, 6.3.3, complete lists only.

    1. The list is the issuer's, or that of the authority which the certificate names for it.
    2. Its scope takes the certificate in.
    3. It is signed by a key that may sign lists.
    """
    found = _list(source.der)
    if found is None:
        return None
    signer = _list_signer(found, certificate, issuer, pool)  # 1
    if signer is None or not _in_scope(found, certificate):  # 2
        return None
    usage = signer.key_usage
    if (usage is not None and "crl_sign" not in usage) or not _list_verified(source.der, signer.spki):  # 3
        return None
    entry = found.parsed.get_revoked_certificate_by_serial_number(certificate.serial)
    revoked = entry.revocation_date_utc if entry is not None else None
    if revoked is None and found.point is not None and found.point["only_some_reasons"].native is not None:
        return None  # 5.2.5: silent on the other reasons
    return Status(
        "crl",
        source.origin,
        found.this_update,
        found.next_update,
        revoked,
        _reason(entry),
        signer,
        source.offset,
        found.expired_since,
    )


def _list_signer(found: _List, certificate: Certificate, issuer: Certificate, pool: paths.Pool) -> Certificate | None:
    if found.issuer == issuer.subject_name:
        return issuer
    named = _crl_issuers(certificate)
    if found.issuer not in named:
        return None
    return next((one for one in pool if one.subject_name == found.issuer and paths.issued(one, issuer)), None)


def _crl_issuers(certificate: Certificate) -> set[str]:
    points = certificate.asn1.crl_distribution_points_value or ()
    names = (name for point in points for name in point["crl_issuer"] or ())
    return {str(name.chosen.hashable) for name in names if name.name == "directory_name"}


def _in_scope(found: _List, certificate: Certificate) -> bool:
    point = found.point
    if point is None:
        return True
    if point["only_contains_attribute_certs"].native or (
        point["only_contains_user_certs"].native and certificate.is_authority
    ):
        return False
    if point["only_contains_ca_certs"].native and not certificate.is_authority:
        return False
    ours = _point_names(one["distribution_point"] for one in certificate.asn1.crl_distribution_points_value or ())
    theirs = _point_names([point["distribution_point"]])
    return not theirs or not ours or bool(ours & theirs)


def _point_names(points: Iterable[Any]) -> set[str]:
    names: set[str] = set()
    for point in points:
        if point.native is not None and point.name == "full_name":
            names.update(str(one.native) for one in point.chosen)
    return names


@lru_cache(maxsize=1024)
def _list_verified(der: bytes, spki: bytes) -> bool:
    found, key = _list(der), certificates.public_key_of(spki)
    return found is not None and verify(key, found.algorithm, found.signature, found.tbs, default_hash="sha256")


def _reason(entry: x509.RevokedCertificate | None) -> str | None:
    if entry is None:
        return None
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
