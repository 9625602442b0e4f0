"""What a time-stamping authority answered, looked at before anything of it is embedded (RFC 3161, §2.2 and §2.4.2).

Pure functions over bytes: no network, no clock of their own. Whether the signer's certificate is believed is judged in pdf_trust.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from asn1crypto import algos, cms, core, tsp

from services.signing import pdf_signed_data
from services.signing.pdf_der import (
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OCTETS,
    OID,
    SEQUENCE,
    NotDer,
    Part,
    first,
    integer,
    tlv,
)
from services.signing.pdf_signed_data import SignedData, digest_name

_USUAL_TIME = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")
_GRANTED = (0, 1)  # also with modifications
_TRUE = tlv(BOOLEAN, b"\xff")
_VERSION_1 = integer(1)
_TST_INFO = cms.ContentType("tst_info").dump()
_CONTENT_TYPE = cms.CMSAttributeType("content_type").dump()
_SIGNING_CERTIFICATE = cms.CMSAttributeType("signing_certificate").dump()
_SIGNING_CERTIFICATE_V2 = cms.CMSAttributeType("signing_certificate_v2").dump()


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
        imprint = tlv(SEQUENCE, _algorithm(self.algorithm) + tlv(OCTETS, self.digest))
        policy = _policy(self.policy) if self.policy else b""
        return tlv(SEQUENCE, _VERSION_1 + imprint + policy + integer(self.nonce) + _TRUE)


@dataclass(frozen=True, slots=True)
class StampInfo:
    """A TSTInfo (§2.4.2). `algorithm` names the digest in `imprint`, `policy` is the OID (DER)."""

    version: int
    policy: bytes
    algorithm: str
    imprint: bytes
    at: datetime
    nonce: int | None


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
    status, *token = _whole(answer).parts()
    if status.expect(SEQUENCE).parts()[0].number() not in _GRANTED:
        raise Flawed(Flaw.REFUSED)  # 1
    der = token[0].expect(SEQUENCE).whole
    signed = pdf_signed_data.read(der)
    info = stamp_info(signed.content)
    if signed.content_type != _TST_INFO or info.version != 1:
        raise Flawed(Flaw.GARBAGE)  # 2
    _check_answers(info, asked)  # 3
    _check_signature(signed)  # 4
    return Token(der, signed.signer, tuple(each for each in signed.others if each != signed.signer), info.at)


@lru_cache(maxsize=64)
def stamp_info(content: bytes | None) -> StampInfo:
    """What a token's content says; ValueError for something else."""
    version, policy, imprint, _, at, *more = _whole(content or b"").parts()
    algorithm, value = imprint.expect(SEQUENCE).parts()
    return StampInfo(
        version=version.number(),
        policy=policy.expect(OID).whole,
        algorithm=digest_name(algorithm.whole),
        imprint=value.expect(OCTETS).content,
        at=_time(at.expect(GENERALIZED_TIME)),
        nonce=next((each.number() for each in more if each.tag == INTEGER), None),
    )


def _whole(octets: bytes) -> Part:
    """The sequence that these octets are, nothing after it."""
    found = first(octets).expect(SEQUENCE)
    if len(found.whole) != len(octets):
        raise NotDer("more than one value")
    return found


def _time(part: Part) -> datetime:
    said = _USUAL_TIME.fullmatch(part.content)
    if said:
        year, month, day, hour, minute, second = map(int, said.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    at: datetime | None = tsp.GeneralizedTime.load(part.whole).native
    if at is None:
        raise NotDer("time")
    return at


def check_time(token: Token, now: datetime, tolerance: timedelta) -> None:
    """Flawed when the authority's clock and ours differ by more: one of both is wrong, and nobody could tell which."""
    off_by = token.at - now
    if abs(off_by) > tolerance:
        raise Flawed(Flaw.TIME, off_by=off_by)


def _check_answers(info: StampInfo, asked: Asked) -> None:
    if (info.algorithm, info.imprint) != (asked.algorithm, asked.digest):
        raise Flawed(Flaw.DIGEST)
    if info.nonce != asked.nonce:
        raise Flawed(Flaw.NONCE)
    if asked.policy is not None and info.policy != _policy(asked.policy):
        raise Flawed(Flaw.POLICY)


def _check_signature(signed: SignedData) -> None:
    """RFC 5652, §5.4 and §5.6, by the certificate that the signed attributes name, which must be in the token."""
    if signed.signed_values(_CONTENT_TYPE) != [_TST_INFO]:
        raise Flawed(Flaw.SIGNATURE)
    if not _is_named(signed):
        raise Flawed(Flaw.CERTIFICATE)
    if not pdf_signed_data.is_genuine(signed):
        raise Flawed(Flaw.SIGNATURE)


def _is_named(signed: SignedData) -> bool:
    """By its digest in the signed attributes: ESSCertIDv2, or SHA-1 of the older ESSCertID (RFC 5816, §2.2.1)."""
    newer = signed.signed_values(_SIGNING_CERTIFICATE_V2)
    named = newer or signed.signed_values(_SIGNING_CERTIFICATE)
    if len(named) != 1:
        return False
    about = first(named[0]).parts()[0].parts()[0].parts()
    algorithm = "sha256" if newer else "sha1"
    if newer and about[0].tag == SEQUENCE:
        algorithm = digest_name(about.pop(0).whole)
    digest = about[0]
    return bool(hashlib.new(algorithm, signed.signer).digest() == digest.expect(OCTETS).content)


@lru_cache(maxsize=8)
def _algorithm(name: str) -> bytes:
    return bytes(algos.DigestAlgorithm({"algorithm": name}).dump())


@lru_cache(maxsize=32)
def _policy(dotted: str) -> bytes:
    return bytes(core.ObjectIdentifier(dotted).dump())
