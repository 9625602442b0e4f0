"""Immutable bytes, stored by their SHA-256 under their owner's prefix and checked on reading (invariant 7)."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import obstore
from obstore.store import from_url

from shared.errors import Refusal, Rejected
from shared.events import BlobRef

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
        try:
            data = bytes(obstore.get(self._store, _path(ref.prefix, ref.sha256)).bytes())
        except FileNotFoundError as error:
            raise Rejected(BLOB_MISSING) from error
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise Rejected(BLOB_DAMAGED)
        return data

    def copy(self, ref: BlobRef, path: Path) -> None:
        """The bytes of a reference into a file, never all of them in memory; refuses as `get` does."""
        digest = hashlib.sha256()
        try:
            with path.open("wb") as out:
                for chunk in obstore.get(self._store, _path(ref.prefix, ref.sha256)).stream():
                    digest.update(chunk)
                    out.write(chunk)
        except FileNotFoundError as error:
            raise Rejected(BLOB_MISSING) from error
        if digest.hexdigest() != ref.sha256:
            raise Rejected(BLOB_DAMAGED)

    def drop(self, ref: BlobRef) -> None:
        """Remove bytes of our own that nothing refers to any more; that they are gone already is no error."""
        if ref.prefix != self._prefix:
            raise ValueError(f"{ref.prefix} is not ours")
        with suppress(FileNotFoundError):
            obstore.delete(self._store, _path(ref.prefix, ref.sha256))


def _path(prefix: str, digest: str) -> str:
    return f"{prefix}/{digest[:2]}/{digest[2:4]}/{digest}"
