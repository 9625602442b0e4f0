"""Is this certificate good enough to be registered? Reading, strength, usage, and the path to a pinned anchor. Pure:
the clock and the anchors are given, revocation is asked for elsewhere (it needs a network).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.registry.refusals import (
    ANCHOR_UNSUITABLE,
    CERTIFICATE_DIGEST_WEAK,
    CERTIFICATE_EXPIRED,
    CERTIFICATE_KEY_WEAK,
    CERTIFICATE_NOT_YET_VALID,
    CERTIFICATE_SELF_SIGNED,
    CERTIFICATE_UNREADABLE,
    CERTIFICATE_UNTRUSTED,
    CERTIFICATE_USAGE,
    CHAIN_UNREADABLE,
    CSR_UNPROVED,
    CSR_UNREADABLE,
    FINGERPRINT_DIFFERS,
    PRIVATE_KEY_SENT,
)
from shared.errors import Rejected

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
RSA_BITS = range(2048, 8193)
WEAK_DIGESTS = {"md5", "sha1"}
# What a document may be signed under. Public-service certificates in use carry emailProtection.
DOCUMENT_USAGES = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # documentSigning, RFC 9336
    x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # Microsoft's document signing
    x509.ObjectIdentifier("1.2.840.113583.1.1.5"),  # Adobe's authentic documents
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """A CA certificate that the operator pinned; `fingerprint` is the SHA-256 of its DER, lower-case hex."""

    fingerprint: str
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    @property
    def subject(self) -> str:
        return self.certificate.subject.rfc4514_string()


@dataclass(frozen=True, slots=True)
class Checked:
    """A certificate that passed. `chain_pem` leads from its issuer to the anchor, the anchor included."""

    certificate: x509.Certificate
    chain_pem: str

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self.certificate)

    @property
    def spki_sha256(self) -> str:
        return spki_sha256(self.certificate.public_key())

    @property
    def serial(self) -> str:
        """Lower-case hexadecimal of even length, as CAs list it."""
        return self.certificate.serial_number.to_bytes(21, "big").lstrip(b"\0").hex() or "00"

    @property
    def common_name(self) -> str:
        return _common_name(self.certificate)

    @property
    def emails(self) -> tuple[str, ...]:
        """The holder's mail addresses as it names them (RFC 5280 §4.2.1.6, and in the subject as it was done before)."""
        try:
            names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            found = names.get_values_for_type(x509.RFC822Name)
        except x509.ExtensionNotFound:
            found = []
        old = self.certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
        return (*found, *(str(each.value) for each in old))


def check(pem: str, chain_pem: str, anchors: Sequence[Anchor], at: datetime) -> Checked:
    """Judge a certificate as of `at` (aware). Raises Rejected with the first thing that is wrong.

    1. It is one X.509 certificate, and no private key came along.
    2. Its key is RSA of 2048 bits or more, or ECDSA on P-256, P-384, P-521 (TT 15/2025); its digest is no SHA-1.
    3. It is no CA's, and its key usage is for signatures on documents (RFC 5280 §4.2.1.3, §4.2.1.12).
    4. `at` lies within its validity.
    5. A path leads to a pinned anchor (RFC 5280 §6), through the certificates sent along if need be.
    """
    certificate = _read_one(pem)  # 1
    chain = _read_chain(chain_pem)
    check_key(certificate.public_key())  # 2
    _check_digest(certificate)
    _check_usage(certificate)  # 3
    if at < certificate.not_valid_before_utc:  # 4
        raise Rejected(CERTIFICATE_NOT_YET_VALID, at=certificate.not_valid_before_utc.isoformat())
    if at > certificate.not_valid_after_utc:
        raise Rejected(CERTIFICATE_EXPIRED, at=certificate.not_valid_after_utc.isoformat())
    return Checked(certificate, _path(certificate, chain, anchors, at))  # 5


def last_moment(pem: str) -> datetime:
    """When a certificate ends (aware)."""
    return _read_one(pem).not_valid_after_utc


def name_on(pem: str) -> str:
    """The common name in a certificate, empty when there is none."""
    return _common_name(_read_one(pem))


def read_csr(pem: str) -> str:
    """Check a PKCS#10 request: readable, possession proved by its own signature, key strong. Returns spki_sha256."""
    _refuse_private_key(pem)
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        key, proved = csr.public_key(), csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Rejected(CSR_UNREADABLE) from error
    if not proved:
        raise Rejected(CSR_UNPROVED)
    return spki_sha256(check_key(key))


def read_anchor(pem: str, at: datetime, expected: str | None = None) -> Anchor:
    """A certificate fit to be pinned: a CA's, valid at `at`; `expected` is the fingerprint told by another way."""
    certificate = _read_one(pem)
    fingerprint = _fingerprint(certificate)
    if expected is not None and expected.replace(":", "").lower() != fingerprint:
        raise Rejected(FINGERPRINT_DIFFERS, found=fingerprint)
    if not _is_ca(certificate):
        raise Rejected(ANCHOR_UNSUITABLE, why="basicConstraints cA=FALSE")
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise Rejected(ANCHOR_UNSUITABLE, why=f"… {certificate.not_valid_after_utc.isoformat()}")
    return Anchor(fingerprint, certificate)


def check_key(key: object) -> PublicKey:
    """Only what the rules allow for signatures on documents."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size in RSA_BITS:
            return key
        raise Rejected(CERTIFICATE_KEY_WEAK, key=f"RSA-{key.key_size}")
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, CURVES):
            return key
        raise Rejected(CERTIFICATE_KEY_WEAK, key=key.curve.name)
    raise Rejected(CERTIFICATE_KEY_WEAK, key=type(key).__name__.removesuffix("PublicKey"))


def spki_sha256(key: object) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, lower-case hex: names a key whatever certificate it stands in."""
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)  # noqa: S101  check_key came before
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _refuse_private_key(pem: str) -> None:
    if "PRIVATE KEY-----" in pem:
        raise Rejected(PRIVATE_KEY_SENT)


def _read_one(pem: str) -> x509.Certificate:
    _refuse_private_key(pem)
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        for certificate in certificates:
            _ = certificate.extensions, certificate.public_key(), certificate.subject, certificate.issuer
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise Rejected(CERTIFICATE_UNREADABLE) from error
    if len(certificates) != 1:
        raise Rejected(CERTIFICATE_UNREADABLE)
    return certificates[0]


def _read_chain(pem: str) -> list[x509.Certificate]:
    _refuse_private_key(pem)
    if not pem.strip():
        return []
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise Rejected(CHAIN_UNREADABLE) from error


def _check_digest(certificate: x509.Certificate) -> None:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm as error:
        raise Rejected(CERTIFICATE_DIGEST_WEAK, digest=certificate.signature_algorithm_oid.dotted_string) from error
    if digest is not None and digest.name in WEAK_DIGESTS:
        raise Rejected(CERTIFICATE_DIGEST_WEAK, digest=digest.name.upper())


def _check_usage(certificate: x509.Certificate) -> None:
    if _is_ca(certificate):
        raise Rejected(CERTIFICATE_USAGE, usage="CA")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as error:
        raise Rejected(CERTIFICATE_USAGE, usage="keyUsage –") from error
    if not (usage.digital_signature or usage.content_commitment) or usage.key_cert_sign:
        raise Rejected(CERTIFICATE_USAGE, usage="keyUsage")
    try:
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not DOCUMENT_USAGES & set(extended):
        # `_name` is the library's only spelling of the purposes that it knows.
        raise Rejected(CERTIFICATE_USAGE, usage=", ".join(getattr(o, "_name", o.dotted_string) for o in extended))


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _path(certificate: x509.Certificate, chain: list[x509.Certificate], anchors: Sequence[Anchor], at: datetime) -> str:
    """The issuers up to the anchor, as PEM; Rejected when there is no path."""
    if _is_self_signed(certificate):
        raise Rejected(CERTIFICATE_SELF_SIGNED)
    if not anchors:
        raise Rejected(CERTIFICATE_UNTRUSTED)
    # What the certificate itself is for was judged above; the library's own policy for it is that of TLS clients.
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([anchor.certificate for anchor in anchors]))
        .time(at)
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=verification.ExtensionPolicy.permit_all(),
        )
        .build_client_verifier()
    )
    try:
        found = verifier.verify(certificate, chain)
    except verification.VerificationError as error:
        raise Rejected(CERTIFICATE_UNTRUSTED) from error
    return "".join(_pem(issuer) for issuer in found.chain[1:])


def _is_self_signed(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _fingerprint(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
