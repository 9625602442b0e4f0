"""Signatures that prove something to the registry: possession of a key (challenge), a hand-over (receipt). Pure."""

from __future__ import annotations

import hashlib
from typing import Literal

from asn1crypto import algos, cms
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import load_pem_x509_certificate

from services.registry.trust import PublicKey, check_key

Form = Literal["raw", "cms"]
DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def challenge_text(nonce: str) -> bytes:
    """What a token signs to prove that it is there. The first line keeps it from being anything else."""
    return f"Vanthu registry: proof of possession\n{nonce}\n".encode()


def signed_by(pem: str, message: bytes, signature: bytes, form: Form) -> bool:
    """Whether the certificate's key signed the message, with SHA-256 or better."""
    key = check_key(load_pem_x509_certificate(pem.encode()).public_key())
    if form == "cms":
        return _cms(key, message, signature)
    return _raw(key, message, signature, hashes.SHA256())


def _raw(key: PublicKey, message: bytes, signature: bytes, digest: hashes.HashAlgorithm) -> bool:
    """PKCS#1 v1.5 or PSS; ECDSA as DER (X9.62) or as r and s side by side, as PKCS#11 gives it."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        size = (key.curve.key_size + 7) // 8
        ways = [signature]
        if len(signature) == 2 * size:
            r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            ways.append(encode_dss_signature(r, s))
        return any(_holds(lambda way=way: key.verify(way, message, ec.ECDSA(digest))) for way in ways)
    pss = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
    return any(_holds(lambda pad=pad: key.verify(signature, message, pad, digest)) for pad in (padding.PKCS1v15(), pss))


def _holds(verify: object) -> bool:
    try:
        verify()  # type: ignore[operator]
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _cms(key: PublicKey, message: bytes, content: bytes) -> bool:
    """A detached CMS signature (RFC 5652 §5.4) by that key; certificates in it are not believed, nor needed.

    1. One signer, a digest of SHA-256 or better. 2. With signed attributes: their messageDigest is that of the message
    and their contentType that of the content; the signature is over the attributes as a SET. 3. Without: over the
    message itself.
    """
    try:
        info = cms.ContentInfo.load(content, strict=True)
        data = info["content"]
        if info["content_type"].native != "signed_data" or len(data["signer_infos"]) != 1:
            return False
        [signer] = data["signer_infos"]
        name = signer["digest_algorithm"]["algorithm"].native
        digest = DIGESTS.get(name)  # 1
        if digest is None or not _same_digest(signer["signature_algorithm"], name):
            return False
        signed = message  # 3
        if signer["signed_attrs"].native:  # 2
            kind = data["encap_content_info"]["content_type"].native
            if not _say(signer["signed_attrs"], kind, hashlib.new(name, message).digest()):
                return False
            signed = signer["signed_attrs"].untag().dump(force=True)
        return _raw(key, signed, signer["signature"].native, digest)
    except (ValueError, TypeError, KeyError):
        return False


def _say(attributes: cms.CMSAttributes, kind: str, digest: bytes) -> bool:
    said = {each["type"].native: [value.native for value in each["values"]] for each in attributes}
    return said.get("message_digest") == [digest] and said.get("content_type") == [kind]


def _same_digest(algorithm: algos.SignedDigestAlgorithm, name: str) -> bool:
    """RSA alone (PKCS#1) names no digest of its own."""
    try:
        return bool(algorithm.hash_algo == name)
    except ValueError:
        return bool(algorithm["algorithm"].native == "rsassa_pkcs1v15")
