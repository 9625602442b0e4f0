"""CMS SignedData taken apart (RFC 5652, 5): who signed, with which certificates, over what, and what was added later."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from asn1crypto import algos, cms, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import load_der_x509_certificate

from services.signing.mechanism import DIGESTS
from services.signing.pdf_der import (
    CONTEXT_0,
    CONTEXT_1,
    OCTETS,
    SEQUENCE,
    SET,
    NotDer,
    Part,
    first,
    rewritten,
)

_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_MESSAGE_DIGEST = cms.CMSAttributeType("message_digest").dump()
_TIME_STAMP = cms.CMSAttributeType("signature_time_stamp_token").dump()
_KEY_IDENTIFIER = 0x80


@dataclass(frozen=True, slots=True)
class SignedData:
    """One signer's part, everything DER. `content` is what is signed when it is inside, `token` the signature time stamp.

    `content_type` is the OID of what is signed; `attributes` are the signed ones as they are signed (SET OF).
    """

    signer: bytes
    others: tuple[bytes, ...]
    digest: str
    attributes: bytes
    algorithm: bytes
    value: bytes
    content_type: bytes
    content: bytes | None
    token: bytes | None

    def signed_values(self, kind: bytes) -> list[bytes]:
        """The values (DER) of the signed attributes of this kind (DER of the OID)."""
        return [value for name, value in _named(self.attributes) if name == kind]


@lru_cache(maxsize=64)  # one document's signatures and tokens are looked at in several steps
def read(container: bytes) -> SignedData:
    """A ContentInfo with one signer; octets after it are padding. ValueError (NotDer) when it is something else."""
    try:
        return _read(container)
    except NotDer:
        # Others' software may have written BER; what matters here survives being written anew.
        return _read(rewritten(container))


def _read(container: bytes) -> SignedData:
    _, wrapped = first(container).expect(SEQUENCE).parts()[:2]
    data = first(wrapped.expect(CONTEXT_0).content).expect(SEQUENCE).parts()
    encapsulated = data[2].expect(SEQUENCE).parts()
    content = first(encapsulated[1].content).expect(OCTETS).content if len(encapsulated) > 1 else None
    certificates = [
        each.whole for part in data if part.tag == CONTEXT_0 for each in part.parts() if each.tag == SEQUENCE
    ]
    (signer,) = data[-1].expect(SET).parts()
    _, sid, digest, *rest = signer.parts()
    attributes = rest.pop(0).expect(CONTEXT_0)
    algorithm, value = rest[0].expect(SEQUENCE), rest[1].expect(OCTETS)
    unsigned = rest[2].expect(CONTEXT_1) if len(rest) > 2 else None
    mine = next((each for each in certificates if _is_meant(each, sid)), None)
    if mine is None:
        raise ValueError("the signer's certificate is not there")
    return SignedData(
        signer=mine,
        others=tuple(each for each in certificates if each != mine),
        digest=digest_name(digest.whole),
        attributes=bytes((SET,)) + attributes.whole[1:],
        algorithm=algorithm.whole,
        value=value.content,
        content_type=encapsulated[0].whole,
        content=content,
        token=next((v for name, v in _named(unsigned.whole) if name == _TIME_STAMP), None) if unsigned else None,
    )


@lru_cache(maxsize=64)
def _named(attributes: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The values of a set of attributes (DER), each with the OID of what it is."""
    found = []
    for each in first(attributes).parts():
        name, values = each.expect(SEQUENCE).parts()
        found += [(name.whole, value.whole) for value in values.expect(SET).parts()]
    return tuple(found)


@lru_cache(maxsize=512)
def _identity(certificate: bytes) -> tuple[bytes, bytes]:
    """Issuer and serial number as they stand in a certificate."""
    about = first(certificate).expect(SEQUENCE).parts()[0].expect(SEQUENCE).parts()
    at = 1 if about[0].tag == CONTEXT_0 else 0
    return about[at + 2].whole, about[at].whole


def _is_meant(certificate: bytes, sid: Part) -> bool:
    if sid.tag == _KEY_IDENTIFIER:
        return bool(x509.Certificate.load(certificate).key_identifier == sid.content)
    issuer, serial = sid.expect(SEQUENCE).parts()
    issued_by, numbered = _identity(certificate)
    return serial.whole == numbered and (issuer.whole == issued_by or _same_name(issuer.whole, issued_by))


@lru_cache(maxsize=128)
def _same_name(one: bytes, other: bytes) -> bool:
    """Names may be written in different string types and still be the same (RFC 5280, 7.1)."""
    return bool(x509.Name.load(one) == x509.Name.load(other))


@lru_cache(maxsize=64)
def digest_name(algorithm: bytes) -> str:
    """What a digest's AlgorithmIdentifier (DER) is called: "sha256"."""
    return str(algos.DigestAlgorithm.load(algorithm)["algorithm"].native)


@lru_cache(maxsize=64)  # what a time-stamping authority sent is looked at again when its document is extended
def is_genuine(signed: SignedData) -> bool:
    """Whether the content is the one that was signed, by the certificate that is named (RFC 5652, 5.4 and 5.6)."""
    if signed.digest not in DIGESTS or signed.content is None:
        return False
    try:
        said = [first(each).content for each in signed.signed_values(_MESSAGE_DIGEST)]
        if said != [hashlib.new(signed.digest, signed.content).digest()]:
            return False
        _verify(_key(signed.signer), signed)
    except (ValueError, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=128)
def _key(certificate: bytes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    key = load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise NotDer("key")
    return key


@lru_cache(maxsize=64)
def _is_pss(algorithm: bytes) -> bool:
    return bool(algos.SignedDigestAlgorithm.load(algorithm).signature_algo == "rsassa_pss")


def _verify(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, signed: SignedData) -> None:
    hashed = _HASHES[signed.digest]
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signed.value, signed.attributes, ec.ECDSA(hashed))
    elif _is_pss(signed.algorithm):
        key.verify(signed.value, signed.attributes, padding.PSS(padding.MGF1(hashed), padding.PSS.AUTO), hashed)
    else:
        key.verify(signed.value, signed.attributes, padding.PKCS1v15(), hashed)
