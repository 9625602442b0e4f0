"""The client's own folder: documents by digest, signatures not yet handed in, one sitting at a time.

Everything is readable by its owner only. A raw signature and a document that waits are no secret from the person, but
they are from other users of the machine. On Windows the profile's own permissions do this; modes mean nothing there.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from vanthu_sign.words import Refused
from vanthu_sign.words_sitting import FOLDER_UNUSABLE, SITTING_BUSY

DAYS = 7  # that a document which was shown and never signed is kept


def write_private(path: Path, data: bytes) -> None:
    """The whole file or nothing, for its owner alone; Refused(folder_unusable) on a full disk."""
    new = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600), "wb") as file:
            file.write(data)
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise Refused(FOLDER_UNUSABLE, path=path.parent, why=error.strerror or type(error).__name__) from error


_BINARY: int = getattr(os, "O_BINARY", 0)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """One process at a time between these lines; Refused(sitting_busy) without `wait` when another one is there.

    The lock goes with its process, so a crash leaves none behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o600), "r+b") as file:
        while not _try_lock(file):
            if not wait:
                raise Refused(SITTING_BUSY)
            time.sleep(0.05)
        yield


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Documents:
    """Bytes by their digest, and beside them the files as they will be signed."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "documents"

    def find(self, digest: str) -> bytes | None:
        """The bytes of this digest when they are here and whole."""
        path = self.folder / f"{digest}.pdf"
        if not path.exists():
            return None
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() == digest:
            return data
        path.unlink()
        return None

    def keep(self, digest: str, data: bytes) -> None:
        write_private(self.folder / f"{digest}.pdf", data)

    def show(self, document_id: str, data: bytes) -> Path:
        """The file that the person looks at: exactly what the signature will cover."""
        path = self.folder / f"{document_id}.pdf"
        write_private(path, data)
        return path

    def forget(self, document_id: str, digest: str) -> None:
        """A document that is done needs no copy here."""
        for path in (*self.folder.glob(f"{document_id}*"), self.folder / f"{digest}.pdf"):
            path.unlink(missing_ok=True)

    def clean(self, days: float = DAYS) -> None:
        """What nobody came back to."""
        before = time.time() - days * 86400
        for path in self.folder.glob("*"):
            if path.is_file() and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Signed:
    """A raw signature that the server may not have yet, and to whom it goes."""

    portal: str
    person_id: str
    document_id: str
    preparation_id: str
    base_sha256: str
    title: str
    signature: bytes


class Journal:
    """Signatures from the moment they are made until the server has answered for them: one JSON object a line.

    A line is written before the signature goes out, so a crash after the PIN loses none; a half-written last line is
    a signature that was never used.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "signatures.jsonl"
        self._pending = {signed.preparation_id: signed for signed in self._read()}
        self._file: IO[bytes] | None = None

    def pending(self) -> list[Signed]:
        return list(self._pending.values())

    def add(self, signed: Signed) -> None:
        self._pending[signed.preparation_id] = signed
        self._write(
            {
                "portal": signed.portal,
                "person_id": signed.person_id,
                "document_id": signed.document_id,
                "preparation_id": signed.preparation_id,
                "base_sha256": signed.base_sha256,
                "title": signed.title,
                "signature": b64encode(signed.signature).decode(),
            }
        )

    def end(self, preparation_id: str) -> None:
        """The server has answered for this one, in either way."""
        if self._pending.pop(preparation_id, None):
            self._write({"ended": preparation_id})

    def sync(self) -> None:
        """On the disk, not only with the operating system."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Nothing pending leaves no file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if not self._pending:
            self._path.unlink(missing_ok=True)

    def _read(self) -> Iterator[Signed]:
        found: dict[str, Signed] = {}
        for line in self._path.read_bytes().splitlines() if self._path.exists() else []:
            try:
                said = json.loads(line)
                if "ended" in said:
                    found.pop(said["ended"], None)
                else:
                    signed = Signed(**{**said, "signature": b64decode(said["signature"])})
                    found[signed.preparation_id] = signed
            except (ValueError, TypeError, KeyError):
                continue
        yield from found.values()

    def _write(self, said: dict[str, Any]) -> None:
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY
                self._file = os.fdopen(os.open(self._path, flags, 0o600), "ab", buffering=0)
                self._file.write(b"\n")  # ends a line that a crash left half written
            self._file.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise Refused(
                FOLDER_UNUSABLE, path=self._path.parent, why=error.strerror or type(error).__name__
            ) from error
