"""One incremental update (ISO 32000-2, 7.5.6): changed and new objects, their cross-references, the trailer.

What stands is never touched. /Info and XMP are left alone, since a changed one after a signature is one more thing that
a validator has to explain away.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.signing.pdf_file import Following
from services.signing.pdf_objects import Malformed, Name, Raw, Ref, write

MAX_OFFSET_IN_TABLE = 9_999_999_999
_KEPT = ("/Root", "/Info", "/Encrypt")
Offsets = dict[int, int]


class Readable(Protocol):
    """What an update needs to know of the file before it (pdf_file.PdfFile, or what pdf_repair found out)."""

    trailer: dict[str, Any]
    start: int
    table: bool

    @property
    def document(self) -> Any: ...
    @property
    def size(self) -> int: ...
    @property
    def repaired(self) -> bool: ...
    def get(self, ref: Ref) -> Any: ...
    def follow(self, value: Any) -> Any: ...
    def accept(self, update: bytes) -> None:
        """Malformed when the update, appended, would not show every reader the same."""

    def rows(self) -> dict[int, tuple[int, int, int]]:
        """Entries to be repeated in the new section, by object number; none where the file's own can be relied on."""


@dataclass(slots=True)
class Update(Following):
    """Objects as they will stand after the update; reading falls through to the file."""

    file: Readable
    _changed: dict[Ref, Any] = field(default_factory=dict)
    _shared: dict[Raw, Ref] = field(default_factory=dict)
    _next: int = 0

    def __post_init__(self) -> None:
        self._next = max(1, self.file.size)

    def get(self, ref: Ref) -> Any:
        return self._changed[ref] if ref in self._changed else self.file.get(ref)

    def set(self, ref: Ref, value: Any) -> None:
        """Replace an object."""
        self._changed[ref] = value

    def add(self, value: Any = None) -> Ref:
        """A new object, to be set later when no value is given."""
        ref = Ref(self._next)
        self._next += 1
        self._changed[ref] = value
        return ref

    @property
    def root(self) -> Ref:
        ref: Ref = self.file.trailer["/Root"]
        return ref

    def catalog(self) -> dict[str, Any]:
        found = self.get(self.root)
        if type(found) is not dict:
            raise Malformed("no catalog")
        return found

    def share(self, value: Raw) -> Ref:
        """A new object that never changes; the same again is the same object."""
        ref = self._shared.get(value)
        if ref is None:
            ref = self._shared[value] = self.add(value)
        return ref

    # --- writing

    def finish(self) -> tuple[bytes, Offsets]:
        """The bytes to append, and where in them which object number begins."""
        document = self.file.document
        length = len(document)
        last, at = document.at(length - 1)
        out: list[bytes] = [] if last[at : at + 1] in (b"\n", b"\r") else [b"\n"]
        size = sum(map(len, out))
        offsets: Offsets = {}
        rows = self.file.rows()
        for ref, value in self._changed.items():
            offsets[ref.number] = size
            rows[ref.number] = (1, length + size, ref.generation)
            written = b"%d %d obj\n%b\nendobj\n" % (*ref, value if type(value) is Raw else write(value))
            out.append(written)
            size += len(written)
        start = length + size
        out.append(self._table(rows, start) if self._may_be_table(rows) else self._stream(rows, start))
        out.append(b"startxref\n%d\n%%%%EOF\n" % start)
        update = b"".join(out)
        self.file.accept(update)
        return update, offsets

    def _may_be_table(self, rows: dict[int, tuple[int, int, int]]) -> bool:
        """A table follows a table, a stream a stream (7.5.8.4); what a table cannot say needs a stream."""
        return self.file.table and all(kind != 2 and second <= MAX_OFFSET_IN_TABLE for kind, second, _ in rows.values())

    def _trailer(self, size: int) -> dict[str, Any]:
        trailer = self.file.trailer
        about = {"/Size": size} | {key: trailer[key] for key in _KEPT if key in trailer}
        identifier = self.follow(trailer.get("/ID"))
        if type(identifier) is list and len(identifier) == 2 and type(first := self.follow(identifier[0])) is bytes:
            about["/ID"] = [first, os.urandom(16)]
        else:
            fresh = os.urandom(16)
            about["/ID"] = [fresh, fresh]
        if not self.file.repaired:
            about["/Prev"] = self.file.start
        return about

    def _table(self, rows: dict[int, tuple[int, int, int]], start: int) -> bytes:
        del start
        if self.file.repaired:
            rows = {0: (0, 0, 65535)} | rows
        out = [b"xref\n"]
        for group in _groups(sorted(rows)):
            out.append(b"%d %d\n" % (group[0], len(group)))
            for number in group:
                kind, second, third = rows[number]
                out.append(b"%010d %05d %b \n" % (second, third, b"n" if kind else b"f"))
        out.append(b"trailer\n%b\n" % write(self._trailer(max(self._next, max(rows) + 1))))
        return b"".join(out)

    def _stream(self, rows: dict[int, tuple[int, int, int]], start: int) -> bytes:
        number = self._next
        rows = {**({0: (0, 0, 65535)} if self.file.repaired else {}), **rows, number: (1, start, 0)}
        index: list[int] = []
        packed = []
        for group in _groups(sorted(rows)):
            index += (group[0], len(group))
            packed += [struct.pack(">BQH", *rows[each]) for each in group]
        data = b"".join(packed)
        about = {"/Type": Name("/XRef"), "/W": [1, 8, 2], "/Index": index}
        about |= self._trailer(max(number, *rows) + 1) | {"/Length": len(data)}
        return b"%d 0 obj\n%b\nstream\n%b\nendstream\nendobj\n" % (number, write(about), data)


def _groups(numbers: list[int]) -> list[list[int]]:
    """Numbers in runs without a gap."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups
