"""What a time stamp that stands in a document says: over which digest, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto import algos, tsp

from services.signing.pdf_der import GENERALIZED_TIME, OCTETS, SEQUENCE, NotDer, Part, first, parts
from services.signing.pdf_signed_data import SignedData, is_genuine, read


@lru_cache(maxsize=8)
def _algorithm_name(algorithm: bytes) -> str:
    return str(algos.DigestAlgorithm.load(algorithm)["algorithm"].native)


def _info(signed: SignedData) -> list[Part]:
    """TSTInfo's parts: version, policy, imprint, serial, time, then what is optional."""
    return first(signed.content or b"").expect(SEQUENCE).parts()


def imprint_of(token: bytes) -> tuple[str, bytes]:
    """With which digest, and over which value of it, a token (DER) was made; ValueError for something else."""
    algorithm, value = _info(read(token))[2].expect(SEQUENCE).parts()
    return _algorithm_name(algorithm.whole), value.expect(OCTETS).content


@lru_cache(maxsize=1024)
def stamped_at(token: bytes, imprint: bytes) -> datetime | None:
    """When the authority saw this digest, if the token (DER) is whole, signed, and about this very digest; else None."""
    try:
        signed = read(token)
        about = _info(signed)
        if parts(about[2].content)[1].content != imprint or not is_genuine(signed):
            return None
        return _time(about[4].expect(GENERALIZED_TIME))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None


def _time(part: Part) -> datetime:
    said = part.content
    if len(said) == len("YYYYMMDDHHMMSSZ") and said.endswith(b"Z"):
        return datetime.strptime(said.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    at: datetime | None = tsp.GeneralizedTime.load(part.whole).native
    if at is None:
        raise NotDer("time")
    return at
