"""CMS as PAdES wants it (EN 319 142-1, clause 6; RFC 5652): what is the same in each signature is encoded once.

A certificate's parts (identifier, attribute, chain) are kept per certificate; a signature adds a digest and its value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from asn1crypto import algos, cms, tsp, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import load_der_x509_certificate

from services.signing.mechanism import DIGESTS, Mechanism
from services.signing.pdf_der import CONTEXT_0, CONTEXT_1, OCTETS, SEQUENCE, SET, tlv
from services.signing.refusals import CERTIFICATE_EXPIRED, KEY_TOO_WEAK, SIGNATURE_INVALID
from shared.errors import Rejected

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_VERSION_1 = b"\x02\x01\x01"
_DATA = cms.ContentType("data").dump()
_SIGNED_DATA = cms.ContentType("signed_data").dump()
_CONTENT_TYPE = cms.CMSAttribute({"type": "content_type", "values": ["data"]}).dump()
_MESSAGE_DIGEST = cms.CMSAttributeType("message_digest").dump()
_TIME_STAMP = cms.CMSAttributeType("signature_time_stamp_token").dump()


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate, read once."""

    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    not_before: datetime
    not_after: datetime
    issuer_and_serial: bytes
    signing_certificate: bytes


@lru_cache(maxsize=512)
def certified(certificate: bytes) -> Certified:
    """What a signature needs to know of its certificate (DER); Rejected for a key that no Vietnamese rule permits."""
    try:
        loaded = load_der_x509_certificate(certificate)
        key = loaded.public_key()
    except ValueError:
        raise Rejected(SIGNATURE_INVALID) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Rejected(KEY_TOO_WEAK)
    read = x509.Certificate.load(certificate)
    serial = read["tbs_certificate"]["serial_number"]
    return Certified(
        key,
        loaded.not_valid_before_utc,
        loaded.not_valid_after_utc,
        cms.IssuerAndSerialNumber({"issuer": read.issuer, "serial_number": serial}).dump(),
        _signing_certificate(read),
    )


def check_key(certificate: bytes, at: datetime) -> None:
    """TT 15/2025: RSA of at least 2048 bits or ECDSA of at least 256, inside the certificate's validity."""
    found = certified(certificate)
    if found.key.key_size < (2048 if isinstance(found.key, rsa.RSAPublicKey) else 256):
        raise Rejected(KEY_TOO_WEAK)
    if not found.not_before <= at <= found.not_after:
        raise Rejected(CERTIFICATE_EXPIRED)


def usual_digest(certificate: bytes) -> str:
    """The digest as strong as the key: SHA-384 for P-384, SHA-512 for P-521, else SHA-256 (FIPS 186-5, 6.1.1)."""
    key = certified(certificate).key
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "sha256" if key.key_size < 384 else "sha384" if key.key_size < 512 else "sha512"
    return "sha256"


def signed_attributes(certificate: bytes, document_digest: bytes) -> bytes:
    """The DER that is signed: SET OF content type, message digest and signing certificate, nothing else (PAdES)."""
    digest = tlv(SEQUENCE, _MESSAGE_DIGEST + tlv(SET, tlv(OCTETS, document_digest)))
    return tlv(SET, b"".join(sorted((_CONTENT_TYPE, digest, certified(certificate).signing_certificate))))


def container(
    attributes: bytes,
    signature: bytes,
    *,
    certificate: bytes,
    chain: Sequence[bytes],
    mechanism: Mechanism,
    digest: str,
    time_stamp: bytes | None,
) -> bytes:
    """The ContentInfo (DER) to embed. `time_stamp` is the token over the signature's value, as the TSA sent it."""
    hashed, signed = _algorithms(mechanism, digest)
    unsigned = b""
    if time_stamp is not None:
        unsigned = tlv(CONTEXT_1, tlv(SEQUENCE, _TIME_STAMP + tlv(SET, time_stamp)))
    signer = tlv(
        SEQUENCE,
        _VERSION_1
        + certified(certificate).issuer_and_serial
        + hashed
        + bytes((CONTEXT_0,))
        + attributes[1:]
        + signed
        + tlv(OCTETS, signature)
        + unsigned,
    )
    content = (
        _VERSION_1
        + tlv(SET, hashed)
        + tlv(SEQUENCE, _DATA)
        + _certificates(certificate, tuple(chain))
        + tlv(SET, signer)
    )
    return tlv(SEQUENCE, _SIGNED_DATA + tlv(CONTEXT_0, tlv(SEQUENCE, content)))


def verified(attributes: bytes, signature: bytes, *, certificate: bytes, mechanism: Mechanism, digest: str) -> bytes:
    """The signature in CMS form when it is the certificate's over the attributes, else Rejected(signature_invalid)."""
    key, algorithm = certified(certificate).key, _HASHES[digest]
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            signature = _as_der(signature, key)
            key.verify(signature, attributes, ec.ECDSA(algorithm))
        elif mechanism is Mechanism.RSA_PSS:
            pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.DIGEST_LENGTH)
            key.verify(signature, attributes, pss, algorithm)
        else:
            key.verify(signature, attributes, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        raise Rejected(SIGNATURE_INVALID) from None
    return signature


@lru_cache(maxsize=16)
def _algorithms(mechanism: Mechanism, digest: str) -> tuple[bytes, bytes]:
    """AlgorithmIdentifiers of the digest and of the signature."""
    if digest not in DIGESTS:
        raise ValueError(digest)
    hashed = algos.DigestAlgorithm({"algorithm": digest})
    how: dict[str, Any] = {
        Mechanism.RSA_PKCS1: {"algorithm": f"{digest}_rsa"},
        Mechanism.ECDSA: {"algorithm": f"{digest}_ecdsa"},
        Mechanism.RSA_PSS: {
            "algorithm": "rsassa_pss",
            "parameters": algos.RSASSAPSSParams(
                {
                    "hash_algorithm": hashed,
                    "mask_gen_algorithm": algos.MaskGenAlgorithm({"algorithm": "mgf1", "parameters": hashed}),
                    "salt_length": hashlib.new(digest).digest_size,
                }
            ),
        },
    }[mechanism]
    return hashed.dump(), algos.SignedDigestAlgorithm(how).dump()


@lru_cache(maxsize=128)
def _certificates(certificate: bytes, chain: tuple[bytes, ...]) -> bytes:
    """The signer's certificate and its issuers, without roots, which nobody believes because they are sent along."""
    below = (each for each in chain if not _is_root(each))
    return tlv(CONTEXT_0, b"".join(sorted({certificate, *below})))


def _is_root(certificate: bytes) -> bool:
    read = x509.Certificate.load(certificate)
    return bool(read.subject == read.issuer)


def _signing_certificate(certificate: x509.Certificate) -> bytes:
    """The attribute that binds the signature to its certificate (RFC 5035): SHA-256, issuer and serial."""
    named = tsp.ESSCertIDv2(
        {
            "hash_algorithm": {"algorithm": "sha256"},
            "cert_hash": hashlib.sha256(certificate.dump()).digest(),
            "issuer_serial": {
                "issuer": [x509.GeneralName("directory_name", certificate.issuer)],
                "serial_number": certificate.serial_number,
            },
        }
    )
    value = tsp.SigningCertificateV2({"certs": [named]})
    written: bytes = cms.CMSAttribute({"type": "signing_certificate_v2", "values": [value]}).dump()
    return written


def _as_der(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """PKCS#11 gives r || s, CMS wants the DER sequence."""
    size = (key.key_size + 7) // 8
    if len(signature) == 2 * size:
        return encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
    return signature
