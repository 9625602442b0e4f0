"""What a time stamp that stands in a document says: over which digest, and when."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from services.signing.pdf_signed_data import is_genuine, read
from services.signing.pdf_token import stamp_info


def imprint_of(token: bytes) -> tuple[str, bytes]:
    """With which digest, and over which value of it, a token (DER) was made; ValueError for something else."""
    info = stamp_info(read(token).content)
    return info.algorithm, info.imprint


@lru_cache(maxsize=1024)
def stamped_at(token: bytes, imprint: bytes) -> datetime | None:
    """When the authority saw this digest, if the token (DER) is whole, signed, and about this very digest; else None."""
    try:
        signed = read(token)
        info = stamp_info(signed.content)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None
    return info.at if info.imprint == imprint and is_genuine(signed) else None
