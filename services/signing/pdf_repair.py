"""The thorough reader, for files that pdf_file does not understand: qpdf finds the objects, we read them as it gives them.

A file whose cross-references are damaged is read too, if nothing in it is signed and nothing in it is missing; its
update then brings a complete cross-reference section, after which every reader sees what qpdf saw.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from services.signing.pdf_file import Document, Following, decoded
from services.signing.pdf_objects import Malformed, Ref, Stream, parse

_START = re.compile(rb"startxref[\x00\t\n\x0c\r ]*(\d{1,12})")
_TABLE = re.compile(rb"[\x00\t\n\x0c\r ]*xref")
_OBJECT = re.compile(rb"(?<![0-9])(\d{1,10})[\x00\t\n\x0c\r ]+(\d{1,5})[\x00\t\n\x0c\r ]+obj(?![A-Za-z0-9])")
_TRAILER = re.compile(rb"trailer[\x00\t\n\x0c\r ]*(?=<<)")
_STREAM = re.compile(rb"[\x00\t\n\x0c\r ]*stream(?:\r\n|\n)")
_END_STREAM = re.compile(rb"(?:\r\n|\n|\r)?endstream")
_END_OBJECT = re.compile(rb"[\x00\t\n\x0c\r ]*endobj")
_PAIR = re.compile(rb"[\x00\t\n\x0c\r ]*(\d{1,10})[\x00\t\n\x0c\r ]+(\d{1,10})")
Entry = tuple[int, int, int]
# What libraries raise on broken input, beside their own errors.
BROKEN = (
    pikepdf.PdfError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    ArithmeticError,
    OSError,
    RecursionError,
)


def open_thoroughly(document: Document) -> Thorough | Rebuilt:
    """The file as qpdf reads it; pikepdf.PdfError or Malformed when it can't be signed without harm."""
    try:
        return Thorough(
            document,
            pikepdf.open(io.BytesIO(document.to_bytes()), attempt_recovery=False, inherit_page_attributes=False),
        )
    except pikepdf.PasswordError:
        raise
    except (pikepdf.PdfError, Malformed):
        return Rebuilt(document)


@dataclass(slots=True)
class Thorough(Following):
    """A file whose cross-references qpdf can follow; an update points to them as usual."""

    document: Document
    read: pikepdf.Pdf
    trailer: dict[str, Any] = field(init=False)
    start: int = field(init=False)
    table: bool = field(init=False)

    def __post_init__(self) -> None:
        last = self.document.tail or self.document.base
        said = list(_START.finditer(last, max(0, len(last) - 2048)))
        if not said:
            raise Malformed("startxref")
        self.start = int(said[-1][1])
        part, at = self.document.at(self.start)
        self.table = _TABLE.match(part, at) is not None
        self.trailer = parse(self.read.trailer.unparse())[0]
        if not isinstance(self.trailer.get("/Root"), Ref):
            raise Malformed("no catalog")

    @property
    def size(self) -> int:
        return 1 + max((each.objgen[0] for each in self.read.objects), default=0)

    @property
    def repaired(self) -> bool:
        return False

    def rows(self) -> dict[int, Entry]:
        return {}

    def accept(self, update: bytes) -> None:
        """Nothing to compare: the cross-references are the file's own."""

    def get(self, ref: Ref) -> Any:
        found = self.read.get_object(ref)
        if isinstance(found, pikepdf.Stream):
            about = parse(found.stream_dict.unparse())[0]
            return Stream(about, found.read_raw_bytes())
        return parse(found.unparse(resolved=True))[0] if isinstance(found, pikepdf.Object) else found


@dataclass(slots=True)
class Rebuilt(Following):
    """A file without usable cross-references: they are made anew from the objects that stand in it.

    1. Nothing is signed in it, since what a signature covers must be found where it was.
    2. Objects are found one after the other; a later one with the same number replaces an earlier one.
    3. A trailer is there, and everything that can be reached from it: what was cut off is not repaired.
    """

    document: Document
    trailer: dict[str, Any] = field(init=False)
    start: int = field(init=False, default=0)
    table: bool = field(init=False, default=True)
    _entries: dict[int, Entry] = field(init=False, default_factory=dict)
    _inside: dict[int, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        data = self.document.to_bytes()
        if b"/ByteRange" in data or b"/Encrypt" in data:  # 1
            raise Malformed("a damaged file that is signed or encrypted")
        self.trailer = self._scan(data)  # 2
        self._check_complete()  # 3

    @property
    def size(self) -> int:
        return 1 + max(self._entries)

    @property
    def repaired(self) -> bool:
        return True

    def rows(self) -> dict[int, Entry]:
        return dict(self._entries)

    def get(self, ref: Ref) -> Any:
        entry = self._entries.get(ref.number)
        if entry is None or (entry[0] == 1 and entry[2] != ref.generation):
            return None
        if entry[0] == 2:
            return self._inside[ref.number]
        part, at = self.document.at(entry[1])
        return _object(part, at)[1]

    def accept(self, update: bytes) -> None:
        """The updated file, read strictly, shows what qpdf found in the damaged one; Malformed otherwise."""
        data = self.document.to_bytes()
        with (
            pikepdf.open(io.BytesIO(data), suppress_warnings=True, inherit_page_attributes=False) as before,
            pikepdf.open(io.BytesIO(data + update), attempt_recovery=False, inherit_page_attributes=False) as after,
        ):
            if list(_contents(before)) != list(_contents(after)):
                raise Malformed("readers would disagree about this file")

    def _scan(self, data: bytes) -> dict[str, Any]:
        trailer, at = None, 0
        while True:
            head, said = _OBJECT.search(data, at), _TRAILER.search(data, at)
            if said is not None and (head is None or said.start() < head.start()):
                found, at = parse(data, said.end())
                trailer = found if "/Root" in found else trailer
            elif head is not None:
                number, value, at = _object(data, head.start())
                self._entries[number] = (1, head.start(), int(head[2]))
                kind = value.about.get("/Type") if isinstance(value, Stream) else None
                if kind == "/XRef":
                    trailer = value.about if "/Root" in value.about else trailer
                    del self._entries[number]
                elif kind == "/ObjStm":
                    self._unpack(number, value)
            else:
                break
        if trailer is None or not isinstance(trailer.get("/Root"), Ref):
            raise Malformed("no catalog")
        return {key: value for key, value in trailer.items() if key in ("/Root", "/Info", "/ID")}

    def _unpack(self, container: int, stream: Stream) -> None:
        content = decoded(self, stream)
        first, count, at = stream.about.get("/First"), stream.about.get("/N"), 0
        if type(first) is not int or type(count) is not int or "/Extends" in stream.about:
            raise Malformed("object stream")
        for index in range(count):
            pair = _PAIR.match(content, at)
            if pair is None:
                raise Malformed("object stream")
            number, at = int(pair[1]), pair.end()
            self._entries[number] = (2, container, index)
            self._inside[number] = parse(content, first + int(pair[2]))[0]

    def _check_complete(self) -> None:
        seen: set[Ref] = set()
        todo = list(_references(self.trailer))
        while todo:
            ref = todo.pop()
            if ref in seen:
                continue
            seen.add(ref)
            entry = self._entries.get(ref.number)
            if entry is None or (entry[0] == 1 and entry[2] != ref.generation):
                raise Malformed("something is missing")
            todo += _references(self.get(ref))


def _object(data: bytes, at: int) -> tuple[int, Any, int]:
    """Number and value of the object at `at`, and where it ends; Malformed when it does not."""
    head = _OBJECT.match(data, at)
    if head is None:
        raise Malformed("no object")
    value, end = parse(data, head.end())
    stream = _STREAM.match(data, end) if type(value) is dict else None
    if stream is not None:
        length = value.get("/Length")
        close = _END_STREAM.match(data, stream.end() + length) if type(length) is int and length >= 0 else None
        close = close or _END_STREAM.search(data, stream.end())
        if close is None:
            raise Malformed("stream without an end")
        value, end = Stream(value, data[stream.end() : close.start()]), close.end()
    closing = _END_OBJECT.match(data, end)
    if closing is None:
        raise Malformed("object without an end")
    return int(head[1]), value, closing.end()


def _references(value: Any) -> Iterator[Ref]:
    if type(value) is Ref:
        yield value
    elif isinstance(value, Stream):
        yield from _references(value.about)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _references(part)
    elif type(value) is list:
        for part in value:
            yield from _references(part)


def _contents(read: pikepdf.Pdf) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """What stands on each page: its dictionary and its content streams' data; annotations may be new."""
    for page in read.pages:
        about = parse(page.obj.unparse(resolved=True))[0]
        about.pop("/Annots", None)
        contents = page.obj.get("/Contents", ())
        streams = [contents] if isinstance(contents, pikepdf.Stream) else list(contents)
        yield about, [each.read_raw_bytes() for each in streams]
