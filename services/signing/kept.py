"""Revocation data that the registry fetched ahead of an outage, as they are handed to PDF work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An OCSP answer (about `serial`, lower-case hex, of the CA whose certificate has `issuer_sha256`) or a CRL, DER."""

    kind: str
    url: str
    issuer_sha256: str
    serial: str | None
    content: bytes
    this_update: datetime
    next_update: datetime
