"""A PDF read just as far as an update needs: the chain of cross-references, and single objects looked up through it.

Only what ISO 32000-2 describes is read. Anything else is `Malformed`, and pdf_repair's reader has to look.
"""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Protocol

from services.signing.pdf_objects import Malformed, Ref, Stream, parse

MAX_SECTIONS = 4096
MAX_OBJECT_STREAM = 64 * 1024 * 1024
MAX_XREF_STREAM = 128 * 1024 * 1024
_ENTRY = 20
_START = re.compile(rb"startxref[\x00\t\n\x0c\r ]+(\d{1,12})[\x00\t\n\x0c\r ]+%%EOF")
_SUBSECTION = re.compile(rb"[\x00\t\n\x0c\r ]*(\d{1,10}) +(\d{1,10})[ \t]*(?:\r\n|\r|\n)")
_TRAILER = re.compile(rb"[\x00\t\n\x0c\r ]*trailer")
_ROW = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \r| \n|\r\n)")
_OBJECT = re.compile(rb"(\d{1,10})[\x00\t\n\x0c\r ]+(\d{1,5})[\x00\t\n\x0c\r ]+obj(?![A-Za-z0-9])")
_STREAM = re.compile(rb"[\x00\t\n\x0c\r ]*stream(?:\r\n|\n)")
_PAIR = re.compile(rb"[\x00\t\n\x0c\r ]*(\d{1,10})[\x00\t\n\x0c\r ]+(\d{1,10})")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Entries of one subsection: of a table at `at` in `part`, or of a stream with fields of these widths."""

    first: int
    count: int
    part: bytes
    at: int
    widths: tuple[int, int, int] | None = None

    def entry(self, number: int) -> tuple[int, int, int]:
        """Type (0 free, 1 in the file, 2 in an object stream) and two fields, as a cross-reference stream has them."""
        if self.widths is None:
            row = _ROW.fullmatch(self.part, at := self.at + _ENTRY * (number - self.first), at + _ENTRY)
            if row is None:
                raise Malformed("cross-reference entry")
            return (1 if row[3] == b"n" else 0), int(row[1]), int(row[2])
        kind, second, third = self.widths
        at = self.at + (kind + second + third) * (number - self.first)
        middle = at + kind + second
        return (
            int.from_bytes(self.part[at : at + kind]) if kind else 1,
            int.from_bytes(self.part[at + kind : middle]),
            int.from_bytes(self.part[middle : middle + third]),
        )


@dataclass(slots=True)
class Known:
    """What was read of a file through its cross-reference section at `start` (-1: nothing yet) and those before it."""

    start: int = -1
    trailer: dict[str, Any] = field(default_factory=dict)
    table: bool = False
    rows: list[_Rows] = field(default_factory=list)
    objects: dict[Ref, Any] = field(default_factory=dict)
    containers: dict[int, tuple[bytes, dict[int, int]]] = field(default_factory=dict)

    def copy(self) -> Known:
        return Known(self.start, self.trailer, self.table, list(self.rows), dict(self.objects), dict(self.containers))

    def take(self, older: Known) -> None:
        """What was known before the sections that were read here; what these replace is forgotten."""

        def stands(number: int) -> bool:
            return not any(rows.first <= number < rows.first + rows.count for rows in self.rows)

        self.objects = {ref: value for ref, value in older.objects.items() if stands(ref.number)}
        self.containers = {number: value for number, value in older.containers.items() if stands(number)}
        self.rows += older.rows


@dataclass(frozen=True, slots=True)
class Document:
    """A file in two parts, so that large ones are not copied for each update: what came in, and what was appended.

    `known` holds what was read of it, if anything was; the next update need not read that again.
    """

    base: bytes
    tail: bytes = b""
    known: list[Known] = field(default_factory=list, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.base) + len(self.tail)

    def at(self, offset: int) -> tuple[bytes, int]:
        """The part that holds this offset, and the offset in it. No object lies in both."""
        if not 0 <= offset < len(self):
            raise Malformed("offset outside the file")
        return (self.base, offset) if offset < len(self.base) else (self.tail, offset - len(self.base))

    def appended(self, update: bytes) -> Document:
        return Document(self.base, self.tail + update, [each.copy() for each in self.known])

    def to_bytes(self) -> bytes:
        return self.base + self.tail if self.tail else self.base


class Follows(Protocol):
    """Whoever can look references up."""

    def follow(self, value: Any) -> Any: ...


class Following(ABC):
    """For whoever gets an object by its reference: the value itself, however many references lead to it."""

    __slots__ = ()

    @abstractmethod
    def get(self, ref: Ref) -> Any: ...

    def follow(self, value: Any) -> Any:
        """The value itself, references followed."""
        for _ in range(16):
            if type(value) is not Ref:
                return value
            value = self.get(value)
        raise Malformed("references in a circle")


@dataclass(slots=True)
class PdfFile(Following):
    """Objects of a document, newest state. `table` says of which kind its last cross-reference section is."""

    document: Document
    trailer: dict[str, Any] = field(init=False)
    start: int = field(init=False)
    table: bool = field(init=False)
    _known: Known = field(init=False)

    def __post_init__(self) -> None:
        tail = self.document.tail or self.document.base
        found = tail.rfind(b"startxref")
        last = _START.match(tail, found) if found >= 0 else None
        if last is None or tail[last.end() :].strip(b"\x00\t\n\x0c\r "):
            raise Malformed("startxref")
        self.start = int(last[1])
        before = self.document.known[0] if self.document.known else Known()
        if before.start == self.start:
            self._known = before
        else:
            self._known = Known(self.start)
            self._read_chain(before)
        self.trailer, self.table = self._known.trailer, self._known.table
        if not isinstance(self.trailer.get("/Root"), Ref):
            raise Malformed("no catalog")
        self.document.known[:] = [self._known]

    @property
    def size(self) -> int:
        """The first object number that nobody uses."""
        said = self.trailer.get("/Size", 0)
        used = max((rows.first + rows.count for rows in self._known.rows), default=0)
        return max(used, said if type(said) is int else 0)

    @property
    def repaired(self) -> bool:
        """Whether an update has to bring a cross-reference section that does not rely on the file's own."""
        return False

    def accept(self, update: bytes) -> None:
        """Nothing to compare: the cross-references are the file's own."""

    def rows(self) -> dict[int, tuple[int, int, int]]:
        """Nothing needs to be repeated: an update points here with /Prev."""
        return {}

    def get(self, ref: Ref) -> Any:
        """The object; None (null) where there is none."""
        objects = self._known.objects
        if ref in objects:
            return objects[ref]
        found = objects[ref] = self._load(ref)
        return found

    def entry(self, number: int) -> tuple[int, int, int] | None:
        """The newest cross-reference entry of an object number."""
        for rows in self._known.rows:
            if rows.first <= number < rows.first + rows.count:
                return rows.entry(number)
        return None

    def numbers(self) -> Iterator[int]:
        """All object numbers in use."""
        seen: set[int] = set()
        for rows in self._known.rows:
            for number in range(rows.first, rows.first + rows.count):
                if number not in seen:
                    seen.add(number)
                    if rows.entry(number)[0]:
                        yield number

    def _load(self, ref: Ref) -> Any:
        entry = self.entry(ref.number)
        if entry is None or not entry[0]:
            return None
        kind, where, which = entry
        if kind == 1:
            if which != ref.generation:
                return None
            return self._object_at(where, ref)
        if kind != 2 or ref.generation:
            raise Malformed("cross-reference entry of an unknown type")
        content, places = self._container(where)
        if ref.number not in places:
            raise Malformed("object stream without its object")
        return parse(content, places[ref.number])[0]

    def _object_at(self, offset: int, ref: Ref | None) -> Any:
        part, at = self.document.at(offset)
        head = _OBJECT.match(part, at)
        if head is None or (ref is not None and (int(head[1]), int(head[2])) != ref):
            raise Malformed("no such object where the cross-reference says")
        value, end = parse(part, head.end())
        if type(value) is dict:
            stream = _STREAM.match(part, end)
            if stream is not None:
                return Stream(value, self._data(part, stream.end(), value))
        return value

    def _data(self, part: bytes, at: int, about: dict[str, Any]) -> bytes:
        length = self.follow(about.get("/Length"))
        if type(length) is not int or length < 0:
            raise Malformed("stream without a length")
        data = part[at : at + length]
        if len(data) != length or not part[at + length : at + length + 16].lstrip(b"\r\n \x00\t").startswith(b"endst"):
            raise Malformed("stream with a wrong length")
        return data

    def _container(self, number: int) -> tuple[bytes, dict[int, int]]:
        """An object stream's content, and where in it which object begins (7.5.7)."""
        if number not in self._known.containers:
            entry = self.entry(number)
            if entry is None or entry[0] != 1:
                raise Malformed("no object stream")
            stream = self._object_at(entry[1], Ref(number, entry[2]))
            if not isinstance(stream, Stream) or "/Extends" in stream.about:
                raise Malformed("no object stream")
            content = decoded(self, stream, MAX_OBJECT_STREAM)
            first, count = self.follow(stream.about.get("/First")), self.follow(stream.about.get("/N"))
            if type(first) is not int or type(count) is not int:
                raise Malformed("no object stream")
            places: dict[int, int] = {}
            at = 0
            for _ in range(count):
                pair = _PAIR.match(content, at)
                if pair is None or int(pair[1]) in places:
                    raise Malformed("object stream's header")
                places[int(pair[1])], at = first + int(pair[2]), pair.end()
            self._known.containers[number] = content, places
        return self._known.containers[number]

    def _read_chain(self, before: Known) -> None:
        """All sections from the newest on, as far as they are not known from `before`; a hybrid's hidden one (7.5.8.4)
        counts before the older ones.
        """
        offset, seen, newest = self.start, set[int](), True
        while True:
            if offset == before.start >= 0:
                self._known.take(before)
                return
            if offset in seen or len(seen) > MAX_SECTIONS:
                raise Malformed("cross-reference sections in a circle")
            seen.add(offset)
            part, at = self.document.at(offset)
            is_table = part.startswith(b"xref", at)
            trailer = self._read_table(part, at + 4) if is_table else self._read_stream(offset)
            hidden = trailer.get("/XRefStm") if is_table else None
            if hidden is not None:
                if type(hidden) is not int:
                    raise Malformed("hybrid section")
                self._read_stream(hidden)
            if newest:
                self._known.trailer, self._known.table, newest = trailer, is_table, False
            previous = trailer.get("/Prev")
            if previous is None:
                return
            if type(previous) is not int:
                raise Malformed("previous section")
            offset = previous

    def _read_table(self, part: bytes, at: int) -> dict[str, Any]:
        while True:
            head = _SUBSECTION.match(part, at)
            if head is None:
                break
            first, count = int(head[1]), int(head[2])
            at = head.end() + _ENTRY * count
            if at > len(part):
                raise Malformed("cross-reference table")
            if count:
                rows = _Rows(first, count, part, head.end())
                if rows.entry(first) and count > 1:
                    rows.entry(first + count - 1)
                self._known.rows.append(rows)
        trailer = _TRAILER.match(part, at)
        if trailer is None:
            raise Malformed("cross-reference table")
        about, _ = parse(part, trailer.end())
        if type(about) is not dict:
            raise Malformed("trailer")
        return about

    def _read_stream(self, offset: int) -> dict[str, Any]:
        stream = self._object_at(offset, None)
        if not isinstance(stream, Stream) or stream.about.get("/Type") != "/XRef":
            raise Malformed("no cross-reference section")
        about = stream.about
        widths, size = about.get("/W"), about.get("/Size")
        index = about.get("/Index", [0, size])
        if type(widths) is not list or len(widths) != 3 or type(index) is not list or len(index) % 2:
            raise Malformed("cross-reference stream")
        if not all(type(v) is int and v >= 0 for v in (*widths, *index)) or widths[1] == 0:
            raise Malformed("cross-reference stream")
        data = decoded(self, stream, MAX_XREF_STREAM)
        at, row = 0, sum(widths)
        for first, count in zip(index[::2], index[1::2], strict=True):
            if count:
                self._known.rows.append(_Rows(first, count, data, at, (widths[0], widths[1], widths[2])))
            at += row * count
        if at > len(data):
            raise Malformed("cross-reference stream")
        return about


def decoded(file: Follows, stream: Stream, limit: int = MAX_OBJECT_STREAM) -> bytes:
    """A stream's data without its filter: none or Flate (with a predictor); Malformed for others."""
    filters = file.follow(stream.about.get("/Filter"))
    parameters = file.follow(stream.about.get("/DecodeParms"))
    if type(filters) is list:
        if len(filters) > 1:
            raise Malformed("filter")
        filters = file.follow(filters[0]) if filters else None
        parameters = file.follow(parameters[0]) if type(parameters) is list and parameters else parameters
    if filters is None:
        return stream.data
    if filters != "/FlateDecode":
        raise Malformed("filter")
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(stream.data, limit)
    except zlib.error as error:
        raise Malformed("compressed data") from error
    if inflate.unconsumed_tail or not inflate.eof:
        raise Malformed("compressed data")
    return _unpredicted(data, parameters) if type(parameters) is dict else data


def _unpredicted(data: bytes, parameters: dict[str, Any]) -> bytes:
    """PNG's predictors None and Up undone (7.4.4.4), column by column."""
    predictor, columns = parameters.get("/Predictor", 1), parameters.get("/Columns", 1)
    if predictor == 1:
        return data
    usual = parameters.get("/Colors", 1) == 1 and parameters.get("/BitsPerComponent", 8) == 8
    if type(predictor) is not int or predictor < 10 or not usual or type(columns) is not int or columns < 1:
        raise Malformed("predictor")
    row = columns + 1
    kinds = set(data[::row])
    if len(data) % row or not kinds <= {0, 2}:
        raise Malformed("predictor")
    if kinds == {0}:
        return b"".join(data[at + 1 : at + row] for at in range(0, len(data), row))
    if kinds != {2}:
        return _row_by_row(data, row)
    out = bytearray(len(data) // row * columns)
    for column in range(columns):
        out[column::columns] = bytes(v & 255 for v in accumulate(data[column + 1 :: row]))
    return bytes(out)


def _row_by_row(data: bytes, row: int) -> bytes:
    out, before = bytearray(), bytes(row - 1)
    for at in range(0, len(data), row):
        line = data[at + 1 : at + row]
        if data[at] == 2:
            line = bytes((a + b) & 255 for a, b in zip(line, before, strict=True))
        out += line
        before = line
    return bytes(out)
