"""The CMS of a signature or time stamp: its parts, and whether value, digest and attributes hold (RFC 5652, EN 319 122-1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, core, parser, tsp

from vanthu_verify import certificates
from vanthu_verify.algorithms import (
    EDWARDS,
    Algorithm,
    Unsupported,
    algorithm_of,
    digest_name,
    finished,
    hasher,
    verify,
)
from vanthu_verify.certificates import BROKEN, Certificate

ADOBE_REVOCATION = "1.2.840.113583.1.1.8"
_CERT_V1, _CERT_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
_CONTENT_TYPE, _DIGEST, _TIME = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.5"
_STAMP = "1.2.840.113549.1.9.16.2.14"
_DATA, TST_INFO = "1.2.840.113549.1.7.1", "1.2.840.113549.1.9.16.1.4"


class Malformed(Exception):
    """No CMS signature of the kind that is expected; the text is a stable code."""


@dataclass(slots=True)
class Signed:
    """A signature taken apart. `attributes` are the DER of the signed attributes (RFC 5652, 5.4: whatever order they
    were stored in), None where there are none; `in_order` says that they were stored that way.
    """

    signature: bytes
    algorithm: Algorithm
    digest: str
    attributes: bytes | None
    in_order: bool
    values: dict[str, list[Any]]
    identifier: Any
    certificates: list[Certificate]
    content: bytes | None
    content_type: str
    crls: list[bytes] = field(default_factory=list)
    ocsps: list[bytes] = field(default_factory=list)
    stamps: list[bytes] = field(default_factory=list)

    @property
    def claimed_time(self) -> datetime | None:
        for one in self.values.get(_TIME, []):
            try:
                at = core.Asn1Value.load(one).native if isinstance(one, bytes) else one
            except BROKEN:
                return None
            if isinstance(at, datetime):
                return at if at.tzinfo else at.replace(tzinfo=UTC)
        return None

    @property
    def names_certificate(self) -> bool:
        return _CERT_V1 in self.values or _CERT_V2 in self.values


def parse(encoded: bytes, *, expect: str = _DATA) -> Signed:
    """Take a ContentInfo apart (zeros behind it are padding); Malformed when it is none."""
    try:
        info = cms.ContentInfo.load(encoded)
        if info["content_type"].native != "signed_data":
            raise Malformed("not_signed_data")
        data = info["content"]
        signers = data["signer_infos"]
        if not len(signers):
            raise Malformed("no_signer")
        if len(signers) > 1:
            # EN 319 142-1, 4.1 and RFC 3161, 2.4.2 know one signer only; judging one of several would hide the others.
            raise Malformed("several_signers")
        return _taken_apart(data, signers, expect)
    except BROKEN as error:
        raise Malformed("cms_broken") from error


def _taken_apart(data: Any, signers: Any, expect: str) -> Signed:
    signer = signers[0]
    attributes, in_order, values = _signed_attributes(signer)
    inner = data["encap_content_info"]["content"]
    content = bytes(inner) if isinstance(inner, core.OctetString | core.ParsableOctetString) else None
    found = Signed(
        signature=bytes(signer["signature"].native),
        algorithm=algorithm_of(signer["signature_algorithm"]),
        digest=digest_name(signer["digest_algorithm"]),
        attributes=attributes,
        in_order=in_order,
        values=values,
        identifier=signer["sid"],
        certificates=_certificates(data),
        content=content,
        content_type=data["encap_content_info"]["content_type"].dotted,
    )
    if expect == TST_INFO and found.content_type != TST_INFO:
        raise Malformed("not_a_time_stamp")
    for choice in data["crls"] or ():
        if choice.name != "other":
            found.crls.append(choice.chosen.dump())
    _more(found, signer)
    return found


def _certificates(data: Any) -> list[Certificate]:
    found = []
    for choice in data["certificates"] or ():
        if choice.name == "certificate":
            one = certificates.load(choice.chosen.dump())
            if one is not None:
                found.append(one)
    return found


def _signed_attributes(signer: Any) -> tuple[bytes | None, bool, dict[str, list[Any]]]:
    attributes = signer["signed_attrs"]
    if isinstance(attributes, core.Void) or not attributes.contents:
        return None, True, {}
    raw, parts = bytes(attributes.contents), []
    if raw.endswith(b"\0\0") and attributes.dump()[1:2] == b"\x80":
        raw = raw[:-2]
    at = 0
    while at < len(raw):
        size = parser.peek(raw[at:])
        parts.append(raw[at : at + size])
        at += size
    return _set_of(b"".join(sorted(parts))), parts == sorted(parts), _values(attributes)


def _set_of(content: bytes) -> bytes:
    """The attributes as they are signed: with the tag of a SET (RFC 5652, 5.4)."""
    return bytes(parser.emit(0, 1, 17, content))


def _values(attributes: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for attribute in attributes:
        values = [value.dump() for value in attribute["values"]]
        found.setdefault(attribute["type"].dotted, []).extend(values)
    return found


def _more(found: Signed, signer: Any) -> None:
    """Revocation data in Adobe's attribute, and signature time stamps."""
    for encoded in found.values.get(ADOBE_REVOCATION, []):
        try:
            for tag, one in _archival(encoded):
                (found.crls if tag == 0 else found.ocsps).append(one)
        except BROKEN:
            continue
    unsigned = signer["unsigned_attrs"]
    if isinstance(unsigned, core.Void):
        return
    for attribute in unsigned:
        if attribute["type"].dotted == _STAMP:
            found.stamps.extend(value.dump() for value in attribute["values"])


def _archival(encoded: bytes) -> list[tuple[int, bytes]]:
    """RevocationInfoArchival: [0] CRLs, [1] OCSP responses (ISO 32000-2, 12.8.3.3.2)."""
    found, outer = [], parser.parse(encoded)
    at, body = 0, outer[4]
    while at < len(body):
        _, _, tag, header, content, trailer = parser.parse(body[at:], strict=False)
        at += len(header) + len(content) + len(trailer)
        if tag in (0, 1):
            inner = parser.parse(content)[4]
            position = 0
            while position < len(inner):
                _, _, _, h, c, t = parser.parse(inner[position:], strict=False)
                found.append((tag, h + c + t))
                position += len(h) + len(c) + len(t)
    return found


@dataclass(frozen=True, slots=True)
class Integrity:
    """Whether value and digest hold. `failure` is a sub-indication, `why` a stable code."""

    intact: bool | None
    failure: str | None = None
    why: str | None = None


def signer_of(signed: Signed, others: list[Certificate]) -> Certificate | None:
    """The signing certificate: named by the signer identifier, by the signed reference where that exists (5.2.3)."""
    candidates = [*signed.certificates, *others]
    fits = [one for one in candidates if _identifies(signed.identifier, one)]
    referred = [one for one in fits or candidates if signed.names_certificate and refers_to(signed, one)]
    return (referred or fits or [None])[0]  # type: ignore[list-item]


def _identifies(identifier: Any, certificate: Certificate) -> bool:
    if identifier.name == "subject_key_identifier":
        key = bytes(identifier.chosen.native)
        return key in (certificate.key_identifier, certificate.key_sha1)
    chosen = identifier.chosen
    if chosen["serial_number"].native != certificate.serial:
        return False
    return chosen["issuer"].dump() == certificate.issuer or str(chosen["issuer"].hashable) == certificate.issuer_name


def refers_to(signed: Signed, certificate: Certificate) -> bool:
    """Whether the signed signing-certificate attribute is of this certificate (EN 319 122-1, 5.2.2)."""
    try:
        for encoded in signed.values.get(_CERT_V2, []):
            first = tsp.SigningCertificateV2.load(encoded)["certs"][0]
            name = digest_name(first["hash_algorithm"])
            if digest_of_bytes(certificate.der)(name) != first["cert_hash"].native:
                return False
        for encoded in signed.values.get(_CERT_V1, []):
            first = tsp.SigningCertificate.load(encoded)["certs"][0]
            if hashlib.sha1(certificate.der, usedforsecurity=False).digest() != first["cert_hash"].native:
                return False
    except (*BROKEN, Unsupported):
        return False
    return True


def check(signed: Signed, certificate: Certificate | None, digest_of: Callable[[str], bytes]) -> Integrity:  # noqa: PLR0911  a return a defect
    """Cryptographic verification (EN 319 102-1, 5.2.7). `digest_of` hashes the signed bytes by algorithm name.

    1. The digest in the attributes is that of the content.
    2. Algorithms fit one another (RFC 8933; RFC 4056, 3; RFC 8419, 3.1).
    3. The value is the key's over the attributes, or over the content where there are none.
    """
    try:
        if signed.attributes is not None:
            stated = [core.OctetString.load(v).native for v in signed.values.get(_DIGEST, [])]
            if len(stated) != 1:
                return Integrity(None, "FORMAT_FAILURE", "message_digest_missing")
            if stated[0] != digest_of(signed.digest):  # 1
                return Integrity(False, "HASH_FAILURE", "integrity_broken")
            kinds = [core.ObjectIdentifier.load(v).dotted for v in signed.values.get(_CONTENT_TYPE, [])]
            if kinds and kinds != [signed.content_type]:
                return Integrity(False, "FORMAT_FAILURE", "content_type_differs")
        if certificate is None:
            return Integrity(None, "NO_SIGNING_CERTIFICATE_FOUND", "certificate_missing")
        mismatch = _mismatch(signed)  # 2
        holds = _value_holds(signed, certificate, digest_of)  # 3
    except Unsupported as error:
        return Integrity(None, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", f"unsupported_algorithm:{error}")
    except BROKEN:
        return Integrity(None, "FORMAT_FAILURE", "unreadable_signature")
    if not holds:
        return Integrity(
            False, "SIG_CRYPTO_FAILURE", "integrity_broken" if signed.in_order else "attributes_not_in_order"
        )
    if mismatch and signed.algorithm.family in EDWARDS:  # a rule of use, RFC 8419, not of computing
        return Integrity(True, "CRYPTO_CONSTRAINTS_FAILURE", "algorithm_mismatch")
    return Integrity(True, "SIG_CRYPTO_FAILURE", "algorithm_mismatch") if mismatch else Integrity(True)


def _mismatch(signed: Signed) -> bool:
    algorithm = signed.algorithm
    if algorithm.family in EDWARDS:
        return signed.attributes is not None and signed.digest != EDWARDS[algorithm.family]
    if algorithm.family == "pss" and algorithm.mask_hash != algorithm.hash:
        return True
    return algorithm.hash is not None and algorithm.hash != signed.digest


def _value_holds(signed: Signed, certificate: Certificate, digest_of: Callable[[str], bytes]) -> bool:
    if certificate.key is None:
        raise Unsupported(str(certificate.asn1.public_key.algorithm))
    if signed.attributes is not None:
        return verify(
            certificate.key, signed.algorithm, signed.signature, signed.attributes, default_hash=signed.digest
        )
    return prehashed(certificate.key, signed.algorithm, signed.signature, digest_of, signed.digest)


def prehashed(
    key: Any, algorithm: Algorithm, signature: bytes, digest_of: Callable[[str], bytes], default_hash: str
) -> bool:
    """A signature over the content itself, of which only digests are at hand."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    from vanthu_verify.algorithms import HASHES

    name = algorithm.hash or default_hash
    if name not in HASHES or algorithm.family not in ("rsa", "pss", "ecdsa"):
        raise Unsupported(algorithm.name)
    kind, digest = utils.Prehashed(HASHES[name]()), digest_of(name)
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm.family == "rsa":
            key.verify(signature, digest, padding.PKCS1v15(), kind)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(
                signature,
                digest,
                padding.PSS(padding.MGF1(HASHES[algorithm.mask_hash or name]()), algorithm.salt),
                kind,
            )
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(kind))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def digest_of_bytes(content: bytes) -> Callable[[str], bytes]:
    """A digest function over bytes at hand."""

    def digest_of(name: str) -> bytes:
        one = hasher(name)
        one.update(content)
        return finished(one)

    return digest_of


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time stamp token: its time and what it is over."""

    signed: Signed
    time: datetime
    imprint: bytes
    digest: str


def parse_stamp(encoded: bytes) -> Stamp:
    """RFC 3161, 2.4.2; Malformed, Unsupported."""
    signed = parse(encoded, expect=TST_INFO)
    try:
        info = tsp.TSTInfo.load(signed.content or b"")
        at = info["gen_time"].native
        imprint = info["message_imprint"]
        return Stamp(
            signed,
            at if at.tzinfo else at.replace(tzinfo=UTC),
            bytes(imprint["hashed_message"].native),
            digest_name(imprint["hash_algorithm"]),
        )
    except BROKEN as error:
        raise Malformed("time_stamp_broken") from error
