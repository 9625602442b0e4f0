"""A PDF file and its views: what a reader that stops at a certain byte would see.

A View(end) is the file as it was when its first `end` bytes were all of it; objects read once serve all views.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vanthu_verify import decrypt, filters
from vanthu_verify.objects import Damaged, Ref, Stream, read_object, read_value
from vanthu_verify.xref import Entry, Table, read_table, search

_END_STREAM = re.compile(rb"[\0\t\n\f\r ]*endstream")
MAX_HOPS = 32


class Locked(Damaged):
    """The file is encrypted and the password at hand does not open it."""


class Document:
    """The bytes, what was read of them, and the key when they are encrypted."""

    def __init__(self, data: bytes, password: str = "", *, blind: bool = False) -> None:
        """`blind` reads on without a key: strings and packed content stay closed, signatures and their ranges do not."""
        self.data, self.blind = data, blind
        self.objects: dict[int, tuple[Ref, Any, int]] = {}
        # By number too, since a table may give two numbers one place; by both ends, since a length may be an object.
        self.unpacked: dict[tuple[int, tuple[int, int]], Any] = {}
        self.containers: dict[int, list[tuple[int, int, int]]] = {}
        self.contents: dict[tuple[int, int], bytes] = {}
        self.references: dict[tuple[int, tuple[int, int]], tuple[Ref, ...]] = {}
        self.views: dict[int, View] = {}
        self.password = password
        self.key: decrypt.Key | None = None
        self.current = self.view(len(data))

    def view(self, end: int) -> View:
        """The view of the first `end` bytes; Damaged when they are no PDF file of themselves."""
        if end not in self.views:
            self.views[end] = View(self, end)
        return self.views[end]

    def read_at(self, at: int, end: int) -> tuple[Ref, Any, int]:
        found = self.objects.get(at)
        if found is None:
            ref, value, after = read_object(self.data, at, len(self.data))
            if self.key is not None:
                value = self.key.opened(ref, value)
            found = self.objects[at] = ref, value, after
        if found[2] > end:
            raise Damaged("object beyond the end")
        return found


class View:
    """Objects, streams and trailer of the first `end` bytes."""

    def __init__(self, document: Document, end: int) -> None:
        self.document, self.end = document, end
        self.table = self._read()
        if document.key is None and not document.blind and self.trailer.get("Encrypt") is not None:
            self._unlock()
        if not isinstance(self.resolve(self.trailer.get("Root")), dict) and not self.table.repaired:
            self._repair()

    @property
    def trailer(self) -> dict[str, Any]:
        return self.table.trailer

    @property
    def catalogue(self) -> dict[str, Any]:
        found = self.resolve(self.trailer.get("Root"))
        if not isinstance(found, dict):
            raise Damaged("no catalogue")
        return found

    def _read(self) -> Table:
        data = self.document.data
        try:
            table = read_table(data, self.end, self._raw_decoded)
        except (Damaged, ValueError, TypeError, KeyError, IndexError, OverflowError):
            return search(data, self.end, self._raw_decoded)
        return table

    def _repair(self) -> None:
        self.table = search(self.document.data, self.end, self._raw_decoded)

    def _unlock(self) -> None:
        found = self.resolve(self.trailer["Encrypt"])
        if not isinstance(found, dict):
            raise Damaged("encryption broken")
        identity = self.resolve(self.trailer.get("ID"))
        first = self.resolve(identity[0]) if isinstance(identity, list) and identity else b""
        plain = {key: self.resolve(value) for key, value in found.items()}
        try:
            key = decrypt.open_with(plain, first if isinstance(first, bytes) else b"", self.document.password)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise Damaged("encryption broken") from error
        if key is None:
            raise Locked("a password is needed")
        exempt = self.trailer["Encrypt"]
        key.exempt = exempt.num if isinstance(exempt, Ref) else -1
        self.document.key = key
        self.document.objects.clear()

    def entry(self, number: int) -> Entry | None:
        return self.table.entries.get(number)

    def place(self, number: int) -> tuple[int, int] | None:
        """Where an object's bytes are: (offset, -1), or (offset of its object stream, index); None: nowhere."""
        entry = self.table.entries.get(number)
        if entry is None:
            return None
        if entry.container is None:
            return (entry.at, -1) if entry.at < self.end else None
        outer = self.table.entries.get(entry.container)
        return (outer.at, entry.at) if outer and outer.container is None and outer.at < self.end else None

    def resolve(self, value: Any) -> Any:
        """What a reference leads to; None for one that leads nowhere."""
        hops = 0
        while isinstance(value, Ref):
            value = self.get(value)
            hops += 1
            if hops > MAX_HOPS:
                return None
        return value

    def get(self, ref: Ref) -> Any:
        place = self.place(ref.num)
        if place is None:
            return None
        try:
            if place[1] >= 0:
                return self._packed(ref.num, place)
            found, value, _ = self.document.read_at(place[0], self.end)
        except (Damaged, ValueError, OverflowError):
            found, value = Ref(-1, 0), None
        if found.num != ref.num:
            if self.table.repaired:
                return None
            self._repair()
            return self.get(ref)
        return value if found.gen == ref.gen or self.table.repaired else None

    def _packed(self, number: int, place: tuple[int, int]) -> Any:
        if (number, place) in self.document.unpacked:
            return self.document.unpacked[number, place]
        at, index = place
        _, stream, _ = self.document.read_at(at, self.end)
        if not isinstance(stream, Stream):
            raise Damaged("no object stream where one is said to be")
        content = self.content(stream)
        rows = self._rows(at, stream, content)
        if index >= len(rows) or rows[index][0] != number:
            index = next((i for i, row in enumerate(rows) if row[0] == number), -1)
            if index < 0:
                raise Damaged("not in its object stream")
        _, start, end = rows[index]
        value, _ = read_value(content, start, end)
        self.document.unpacked[number, place] = value
        return value

    def _rows(self, at: int, stream: Stream, content: bytes) -> list[tuple[int, int, int]]:
        """Number, start and end of each object in a stream of objects (7.5.7)."""
        if at not in self.document.containers:
            count, first = self.resolve(stream.entries.get("N")), self.resolve(stream.entries.get("First"))
            if not (isinstance(count, int) and isinstance(first, int)):
                raise Damaged("object stream broken")
            head = [int(n) for n in content[:first].split()[: 2 * count]]
            starts = [first + n for n in head[1::2]]
            ends = [*starts[1:], len(content)]
            ordered = all(a <= b for a, b in zip(starts, ends, strict=True))
            rows = zip(head[::2], starts, ends if ordered else [len(content)] * len(starts), strict=True)
            self.document.containers[at] = list(rows)
        return self.document.containers[at]

    def content(self, stream: Stream) -> bytes:
        """A stream's data, decrypted and with its filters undone; Damaged when that can't be."""
        raw = self.raw(stream)
        ends = stream.start, stream.start + len(raw)
        known = self.document.contents.get(ends)
        if known is None:
            if self.document.key is not None:
                raw = self.document.key.opened_stream(stream, raw)
            known = filters.decode(raw, *self._filters(stream))
            if len(known) < 1 << 22:
                self.document.contents[ends] = known
        return known

    def _filters(self, stream: Stream) -> tuple[list[Any], list[Any]]:
        names = self.resolve(stream.entries.get("Filter", stream.entries.get("F")))
        given = self.resolve(stream.entries.get("DecodeParms", stream.entries.get("DP")))
        names = names if isinstance(names, list) else [] if names is None else [names]
        given = given if isinstance(given, list) else [given]
        plain = [self.resolve(g) for g in given]
        return [self.resolve(n) for n in names], [
            {k: self.resolve(v) for k, v in g.items()} if isinstance(g, dict) else None for g in plain
        ]

    def _raw_decoded(self, stream: Stream, end: int) -> bytes:
        """Before any cross-reference is known: lengths that are references are searched for."""
        data, length = self.document.data, stream.entries.get("Length")
        stop = self._stop(stream.start, length if isinstance(length, int) else -1, end)
        names = stream.entries.get("Filter")
        given = stream.entries.get("DecodeParms")
        names = names if isinstance(names, list) else [] if names is None else [names]
        return filters.decode(data[stream.start : stop], names, given if isinstance(given, list) else [given])

    def raw(self, stream: Stream) -> bytes:
        """A stream's data as they lie in the file."""
        length = self.resolve(stream.entries.get("Length"))
        stop = self._stop(stream.start, length if isinstance(length, int) else -1, self.end)
        return self.document.data[stream.start : stop]

    def _stop(self, start: int, length: int, end: int) -> int:
        data = self.document.data
        if length >= 0 and start + length <= end and _END_STREAM.match(data, start + length, end):
            return start + length
        at = data.find(b"endstream", start, end)
        if at < 0:
            raise Damaged("stream without an end")
        return at - (2 if data[at - 2 : at] == b"\r\n" else 1 if data[at - 1 : at] in (b"\r", b"\n") else 0)

    def references(self, number: int) -> tuple[Ref, ...]:
        """What an object refers to, none twice."""
        place = self.place(number)
        if place is None:
            return ()
        known = self.document.references.get((number, place))
        if known is None:
            value = self.get(Ref(number, self.generation(number) or 0))
            known = self.document.references[number, place] = tuple(dict.fromkeys(_references(value)))
        return known

    def generation(self, number: int) -> int | None:
        """What an object says of itself, whatever the table says; None for one that can't be read."""
        place = self.place(number)
        if place is None or place[1] >= 0:
            return None if place is None else 0
        try:
            found, _, _ = self.document.read_at(place[0], self.end)
        except (Damaged, ValueError, OverflowError):
            return None
        return found.gen if found.num == number else None


def _references(value: Any) -> Iterator[Ref]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Ref):
            yield one
        elif isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, Stream):
            stack.extend(one.entries.values())
