"""A resumable upload by the tus protocol 1.0: what its headers say, and which piece may come next. No IO."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

from services.docs.intake import refusals
from shared.errors import Rejected

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
ALGORITHMS = ("sha256", "sha1", "md5")  # the protocol demands sha1; here it only finds what a bad line did
PIECE = "application/offset+octet-stream"
LIFETIME = timedelta(days=3)  # after the last piece: over a weekend, on a line that is cut every night
MOST_AT_ONCE = 200  # unfinished uploads of one agency


@dataclass(frozen=True, slots=True)
class Upload:
    """`offset` bytes of `size` are here for good."""

    id: UUID
    agency_id: UUID
    person_id: UUID
    person_name: str
    filename: str
    size: int
    kind: str
    secrecy: str | None
    made_at: datetime
    expires_at: datetime
    offset: int = 0
    item_id: UUID | None = None

    @property
    def is_whole(self) -> bool:
        return self.offset == self.size


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the sender says of one request's bytes."""

    algorithm: str
    digest: bytes

    def matches(self, data: bytes) -> bool:
        return hashlib.new(self.algorithm, data, usedforsecurity=False).digest() == self.digest


def check_version(given: str | None) -> None:
    if given != VERSION:
        raise Rejected(refusals.TUS_VERSION)


def number_of(header: str, given: str | None) -> int:
    """A length or offset; Rejected(upload_headers)."""
    if given is None or not given.isascii() or not given.isdigit() or len(given) > 15:
        raise Rejected(refusals.UPLOAD_HEADERS, header=header)
    return int(given)


def metadata_of(given: str | None) -> Mapping[str, str]:
    """`key base64,key base64,…`; Rejected(upload_headers) for anything else."""
    found: dict[str, str] = {}
    for pair in (given or "").split(","):
        key, _, value = pair.strip().partition(" ")
        if not key:
            continue
        try:
            found[key] = b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Rejected(refusals.UPLOAD_HEADERS, header="Upload-Metadata") from error
    return found


def checksum_of(given: str | None) -> Checksum | None:
    """`algorithm base64`; Rejected(upload_headers) for an algorithm that is not offered."""
    if given is None:
        return None
    algorithm, _, value = given.strip().partition(" ")
    try:
        digest = b64decode(value.strip(), validate=True)
    except binascii.Error as error:
        raise Rejected(refusals.UPLOAD_HEADERS, header="Upload-Checksum") from error
    if algorithm not in ALGORITHMS:
        raise Rejected(refusals.UPLOAD_HEADERS, header="Upload-Checksum")
    return Checksum(algorithm, digest)


def add_piece(upload: Upload, start: int, length: int, at: datetime) -> Upload:
    """The upload with `length` bytes more, which begin at `start`; it expires later. Refuses what does not follow on."""
    if at >= upload.expires_at and not upload.is_whole:
        raise Rejected(refusals.UPLOAD_GONE)
    if start != upload.offset:
        raise Rejected(refusals.UPLOAD_OFFSET, offset=upload.offset)
    if start + length > upload.size:
        raise Rejected(refusals.UPLOAD_OVER, size=upload.size)
    return replace(upload, offset=start + length, expires_at=at + LIFETIME)


def http_date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)
