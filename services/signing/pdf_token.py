"""What a time-stamping authority answered, looked at before anything of it is embedded (RFC 3161, §2.2 and §2.4.2).

Pure functions over bytes: no network, no clock of their own. Whether the signer's certificate is believed is judged in pdf_trust.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar

from asn1crypto import cms, core, tsp, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509 import load_der_x509_certificate

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class _Answer(core.Sequence):  # type: ignore[misc]
    """TimeStampResp (§2.4.2), whose token is left out by one that refuses."""

    _fields: ClassVar = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]


class Flaw(StrEnum):
    """Why an answer is no good. The words stand in logs and in the refusal."""

    GARBAGE = "unreadable"
    REFUSED = "refused"
    DIGEST = "another digest"
    NONCE = "nonce"
    POLICY = "policy"
    SIGNATURE = "signature"
    CERTIFICATE = "certificate"
    EXPIRED = "certificate expired"
    PURPOSE = "certificate not for time stamps"
    UNTRUSTED = "untrusted"
    REVOKED = "certificate revoked"
    TIME = "time"


class Flawed(ValueError):
    """An answer that must not be used."""

    def __init__(self, flaw: Flaw, *, off_by: timedelta | None = None) -> None:
        self.flaw, self.off_by = flaw, off_by
        super().__init__(flaw.value)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: the digest and its algorithm's name, the nonce, and the policy (dotted) if one is demanded."""

    digest: bytes
    algorithm: str
    nonce: int
    policy: str | None = None

    def request(self) -> bytes:
        """The TimeStampReq (DER)."""
        imprint = {"hash_algorithm": {"algorithm": self.algorithm}, "hashed_message": self.digest}
        fields = {"version": "v1", "message_imprint": imprint, "nonce": self.nonce, "cert_req": True}
        if self.policy:
            fields["req_policy"] = self.policy
        der: bytes = tsp.TimeStampReq(fields).dump()
        return der


@dataclass(frozen=True, slots=True)
class Token:
    """A token that answers the question and is whole. `der` is the ContentInfo; certificates are DER."""

    der: bytes
    signer: bytes
    others: tuple[bytes, ...]
    at: datetime


def read(answer: bytes, asked: Asked) -> Token:
    """The token of a TimeStampResp (DER), or Flawed with the first thing that is wrong.

    1. Status "granted". 2. One signer over a TSTInfo of version 1. 3. Our digest, nonce and policy (§2.4.2).
    4. The signature over all of it by the certificate that the signed attributes name (RFC 5816).
    """
    try:
        return _read(_Answer.load(answer, strict=True), asked)
    except Flawed:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise Flawed(Flaw.GARBAGE) from error


def _read(said: _Answer, asked: Asked) -> Token:
    if said["status"]["status"].native not in ("granted", "granted_with_mods"):
        raise Flawed(Flaw.REFUSED)  # 1
    token = said["time_stamp_token"]
    signed = token["content"]
    (signer,) = signed["signer_infos"]
    info = signed["encap_content_info"]["content"].parsed
    if signed["encap_content_info"]["content_type"].native != "tst_info" or info["version"].native != "v1":
        raise Flawed(Flaw.GARBAGE)  # 2
    _check_answers(info, asked)  # 3
    certificate = _check_signature(signed, signer)  # 4
    others = (one.chosen.dump() for one in signed["certificates"] if isinstance(one.chosen, x509.Certificate))
    at: datetime = info["gen_time"].native
    return Token(token.dump(), certificate, tuple(c for c in others if c != certificate), at)


def check_time(token: Token, now: datetime, tolerance: timedelta) -> None:
    """Flawed when the authority's clock and ours differ by more: one of both is wrong, and nobody could tell which."""
    off_by = token.at - now
    if abs(off_by) > tolerance:
        raise Flawed(Flaw.TIME, off_by=off_by)


def _check_answers(info: tsp.TSTInfo, asked: Asked) -> None:
    imprint = info["message_imprint"]
    if imprint["hash_algorithm"]["algorithm"].native != asked.algorithm:
        raise Flawed(Flaw.DIGEST)
    if imprint["hashed_message"].native != asked.digest:
        raise Flawed(Flaw.DIGEST)
    if info["nonce"].native != asked.nonce:
        raise Flawed(Flaw.NONCE)
    if asked.policy is not None and info["policy"].native != asked.policy:
        raise Flawed(Flaw.POLICY)


def _check_signature(signed: cms.SignedData, signer: cms.SignerInfo) -> bytes:
    """RFC 5652, §5.4 and §5.6. The signer's certificate (DER), which must be in the token since we asked for it."""
    content = signed["encap_content_info"]["content"]
    algorithm = signer["digest_algorithm"]["algorithm"].native
    if algorithm not in _HASHES:
        raise Flawed(Flaw.SIGNATURE)
    attributes = {one["type"].native: one["values"] for one in signer["signed_attrs"]}
    if attributes["content_type"][0].native != "tst_info":
        raise Flawed(Flaw.SIGNATURE)
    if attributes["message_digest"][0].native != hashlib.new(algorithm, bytes(content)).digest():
        raise Flawed(Flaw.SIGNATURE)
    certificate = _signer_certificate(signed, attributes)
    try:
        _verify(certificate, signer, signer["signed_attrs"].untag().dump(), _HASHES[algorithm]())
    except InvalidSignature:
        raise Flawed(Flaw.SIGNATURE) from None
    return certificate


def _signer_certificate(signed: cms.SignedData, attributes: dict[str, Any]) -> bytes:
    """The one whose digest the signed attributes hold: ESSCertIDv2, or SHA-1 of the older ESSCertID (RFC 5816, §2.2.1)."""
    if "signing_certificate_v2" in attributes:
        named = attributes["signing_certificate_v2"][0]["certs"][0]
        algorithm, wanted = named["hash_algorithm"]["algorithm"].native, named["cert_hash"].native
    elif "signing_certificate" in attributes:
        algorithm, wanted = "sha1", attributes["signing_certificate"][0]["certs"][0]["cert_hash"].native
    else:
        raise Flawed(Flaw.CERTIFICATE)
    for one in signed["certificates"]:
        der: bytes = one.chosen.dump()
        if hashlib.new(algorithm, der).digest() == wanted:
            return der
    raise Flawed(Flaw.CERTIFICATE)


@lru_cache(maxsize=32)
def _key(certificate: bytes) -> PublicKeyTypes:
    return load_der_x509_certificate(certificate).public_key()


def _verify(certificate: bytes, signer: cms.SignerInfo, over: bytes, digest: hashes.HashAlgorithm) -> None:
    key = _key(certificate)
    signature = signer["signature"].native
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, over, ec.ECDSA(digest))
    elif isinstance(key, rsa.RSAPublicKey) and signer["signature_algorithm"].signature_algo == "rsassa_pss":
        key.verify(signature, over, padding.PSS(padding.MGF1(digest), padding.PSS.AUTO), digest)
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, over, padding.PKCS1v15(), digest)
    else:
        raise Flawed(Flaw.SIGNATURE)
