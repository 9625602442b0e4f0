"""The place in an update where a signature goes: kept free while everything around it is hashed (ISO 32000-2, 12.8.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from services.signing.pdf_file import Document
from services.signing.pdf_objects import Raw, Ref
from services.signing.pdf_update import Update

_RANGE_ROOM = 40
ByteRange = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """An update with its gap, which reaches from the < at `start` to after the > before `end`."""

    update: bytes
    start: int
    end: int

    @property
    def sound(self) -> bool:
        """Whether the gap lies in the update at all."""
        return 0 < self.start < self.end <= len(self.update)

    def byte_range(self, base: int) -> ByteRange:
        """What is covered, in a document of `base` octets with this update."""
        return 0, base + self.start, base + self.end, len(self.update) - self.end

    def digests(self, document: Document, digest: str) -> tuple[str, bytes]:
        """SHA-256 (hex) of the document, and `digest` of document and update without the gap.

        With SHA-256 the document is read once for both.
        """
        base = hashlib.sha256(document.base)
        base.update(document.tail)
        if digest == "sha256":
            whole = base.copy()
        else:
            whole = hashlib.new(digest, document.base)
            whole.update(document.tail)
        view = memoryview(self.update)
        whole.update(view[: self.start])
        whole.update(view[self.end :])
        return base.hexdigest(), whole.digest()

    def digest(self, document: Document, digest: str) -> bytes:
        """`digest` of document and update without the gap."""
        whole = hashlib.new(digest, document.base)
        whole.update(document.tail)
        view = memoryview(self.update)
        whole.update(view[: self.start])
        whole.update(view[self.end :])
        return whole.digest()

    def filled(self, container: bytes) -> bytes:
        """The update with the container in its gap; OverflowError when it does not fit."""
        digits = container.hex().upper().encode("ascii")
        if len(digits) > self.end - self.start - 2:
            raise OverflowError(f"{len(digits)} digits in a place for {self.end - self.start - 2}")
        return b"".join((self.update[: self.start + 1], digits, self.update[self.start + 1 + len(digits) :]))


def with_gap(update: Update, ref: Ref, entries: bytes, room: int) -> Gap:
    """The finished update, where the object `ref` is a signature with these entries and a gap of `room` digits.

    /ByteRange stands before /Contents with room for any numbers, so that filling it in moves nothing.
    """
    head = b"<<" + entries + b"/ByteRange[" + b" " * _RANGE_ROOM + b"]/Contents "
    update.set(ref, Raw(head + b"<" + b"0" * room + b">>>"))
    written, offsets = update.finish()
    start = offsets[ref.number] + len(b"%d %d obj\n" % ref) + len(head)
    gap = Gap(written, start, start + room + 2)
    at = start - len(b"]/Contents ") - _RANGE_ROOM
    numbers = (b"%d %d %d %d" % gap.byte_range(len(update.file.document))).ljust(_RANGE_ROOM)
    return Gap(b"".join((written[:at], numbers, written[at + _RANGE_ROOM :])), gap.start, gap.end)
