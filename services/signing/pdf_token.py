"""What a time-stamping authority answered, looked at before anything of it is embedded (RFC 3161, §2.2 and §2.4.2).

Pure functions over bytes: no network, no clock of their own. Whether the signer's certificate is believed is judged in pdf_trust.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from asn1crypto import cms, core, tsp

from services.signing import pdf_der, pdf_signed_data
from services.signing.pdf_signed_data import SignedData


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
        return _read(answer, asked)
    except Flawed:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise Flawed(Flaw.GARBAGE) from error


def _read(answer: bytes, asked: Asked) -> Token:
    """Octets are cut out of the answer, never written anew: encoding a token again costs more than fifty signatures."""
    said = _Answer.load(answer, strict=True)
    if said["status"]["status"].native not in ("granted", "granted_with_mods"):
        raise Flawed(Flaw.REFUSED)  # 1
    der = pdf_der.first(answer).parts()[1].whole
    signed = pdf_signed_data.read(der)
    info = tsp.TSTInfo.load(signed.content or b"", strict=True)
    kind = said["time_stamp_token"]["content"]["encap_content_info"]["content_type"].native
    if kind != "tst_info" or info["version"].native != "v1":
        raise Flawed(Flaw.GARBAGE)  # 2
    _check_answers(info, asked)  # 3
    _check_signature(signed)  # 4
    at: datetime = info["gen_time"].native
    return Token(der, signed.signer, tuple(each for each in signed.others if each != signed.signer), at)


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


def _check_signature(signed: SignedData) -> None:
    """RFC 5652, §5.4 and §5.6, by the certificate that the signed attributes name, which must be in the token."""
    attributes = {one["type"].native: one["values"] for one in cms.CMSAttributes.load(signed.attributes)}
    if attributes["content_type"][0].native != "tst_info":
        raise Flawed(Flaw.SIGNATURE)
    if not _is_named(signed.signer, attributes):
        raise Flawed(Flaw.CERTIFICATE)
    if not pdf_signed_data.is_genuine(signed):
        raise Flawed(Flaw.SIGNATURE)


def _is_named(certificate: bytes, attributes: dict[str, Any]) -> bool:
    """By its digest in the signed attributes: ESSCertIDv2, or SHA-1 of the older ESSCertID (RFC 5816, §2.2.1)."""
    if "signing_certificate_v2" in attributes:
        named = attributes["signing_certificate_v2"][0]["certs"][0]
        algorithm, wanted = named["hash_algorithm"]["algorithm"].native, named["cert_hash"].native
    elif "signing_certificate" in attributes:
        algorithm, wanted = "sha1", attributes["signing_certificate"][0]["certs"][0]["cert_hash"].native
    else:
        return False
    return bool(hashlib.new(algorithm, certificate).digest() == wanted)
