"""Immutable bytes, stored by their SHA-256 under their owner's prefix and checked on reading (invariant 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.store import from_url

from shared.errors import Refusal, Rejected
from shared.events import BlobRef

if TYPE_CHECKING:
    from obstore import GetResult

BLOB_DAMAGED = Refusal(
    "blob_damaged",
    vi="Tệp lưu trữ không còn nguyên vẹn (mã băm khác với lúc lưu); không dùng tệp này, hãy báo quản trị khôi phục từ bản sao lưu.",
    en="The stored file is not what was stored (its digest differs); do not use it, ask the operator to restore it.",
    status=502,
)
BLOB_MISSING = Refusal(
    "blob_missing",
    vi="Không tìm thấy tệp trong kho lưu trữ; hãy báo quản trị kiểm tra kho lưu trữ.",
    en="The file is not in the store; ask the operator to look at the store.",
    status=502,
)


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes as they lie in the store: under which prefix, their digest and size, and when they were last put there."""

    prefix: str
    sha256: str
    size: int
    put_at: datetime


class Blobs:
    """One store, writing under one service's prefix only; reading any reference that an event or row gave us."""

    def __init__(self, url: str, prefix: str) -> None:
        options: dict[str, Any] = {"mkdir": True} if url.startswith("file:") else {}
        self._store = from_url(url, **options)
        self._prefix = prefix

    @property
    def prefix(self) -> str:
        """Under which we write, and what we may drop."""
        return self._prefix

    def put(self, data: bytes, media_type: str) -> BlobRef:
        """Store bytes; storing the same bytes again is the same blob."""
        digest = hashlib.sha256(data).hexdigest()
        obstore.put(self._store, _path(self._prefix, digest), data)
        return BlobRef(prefix=self._prefix, sha256=digest, size=len(data), media_type=media_type)

    def put_file(self, path: Path, media_type: str) -> BlobRef:
        """As `put`, of a file, which is never all in memory."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        obstore.put(self._store, _path(self._prefix, digest), path)
        return BlobRef(prefix=self._prefix, sha256=digest, size=path.stat().st_size, media_type=media_type)

    def get(self, ref: BlobRef) -> bytes:
        """The bytes of a reference; raises Rejected when they are missing or not the bytes that were stored."""
        data = bytes(self._open(ref).bytes())
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise Rejected(BLOB_DAMAGED)
        return data

    def copy(self, ref: BlobRef, path: Path) -> None:
        """The bytes of a reference into a file, never all of them in memory; refuses as `get` does."""
        digest = hashlib.sha256()
        with path.open("wb") as out:
            for chunk in self._open(ref).stream():
                digest.update(chunk)
                out.write(chunk)
        if digest.hexdigest() != ref.sha256:
            raise Rejected(BLOB_DAMAGED)

    def _open(self, ref: BlobRef) -> GetResult:
        """Where they lie, or where they were set aside, or where they were just put back."""
        lying = _path(ref.prefix, ref.sha256)
        for path in (lying, _aside(ref.prefix, ref.sha256), lying):
            with suppress(FileNotFoundError):
                return obstore.get(self._store, path)
        raise Rejected(BLOB_MISSING)

    def drop(self, ref: BlobRef) -> None:
        """Remove bytes of our own that nothing refers to any more; that they are gone already is no error."""
        if ref.prefix != self._prefix:
            raise ValueError(f"{ref.prefix} is not ours")
        self.erase(ref.sha256)

    # --- by digest, of our own: for whoever looks for what nothing refers to

    def erase(self, sha256: str) -> bool:
        """Remove bytes wherever they lie; False when there were none."""
        there = False
        for path in (_path(self._prefix, sha256), _aside(self._prefix, sha256)):
            with suppress(FileNotFoundError):
                obstore.head(self._store, path)
                obstore.delete(self._store, path)
                there = True
        return there

    def list_held(self, folder: str) -> Iterator[Held]:
        """What lies in a folder of ours, such as the first two digits of digests, or one that has prefixes of its own."""
        for some in obstore.list(self._store, f"{self._prefix}/{folder}", chunk_size=1000):
            for each in some:
                prefix, *_, digest = each["path"].rsplit("/", 3)
                yield Held(prefix, digest, each["size"], each["last_modified"])

    def set_aside(self, sha256: str) -> None:
        """Away from where they lie, and still found by who asks for them: somebody may be about to refer to them."""
        with suppress(FileNotFoundError):
            obstore.rename(self._store, _path(self._prefix, sha256), _aside(self._prefix, sha256))

    def put_back(self, sha256: str) -> None:
        with suppress(FileNotFoundError):
            obstore.rename(self._store, _aside(self._prefix, sha256), _path(self._prefix, sha256))

    def drop_aside(self, sha256: str) -> None:
        """For good. Who put the same bytes again meanwhile has them where they lie."""
        with suppress(FileNotFoundError):
            obstore.delete(self._store, _aside(self._prefix, sha256))


def _aside(prefix: str, digest: str) -> str:
    return f"{prefix}/aside/{digest}"


def _path(prefix: str, digest: str) -> str:
    return f"{prefix}/{digest[:2]}/{digest[2:4]}/{digest}"
