"""Cross-references: tables, streams, hybrids and their chain, and how readers repair a broken one (ISO 32000-2, 7.5).

A Section is one step of the chain; a Table is what the chain says together, newest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vanthu_verify.objects import Damaged, Stream, read_object, read_value

MAX_SECTIONS = 4096
MAX_NUMBER = 8_388_607
_START = re.compile(rb"startxref[\0\t\n\f\r ]*([0-9]{1,19})")
_TABLE = re.compile(rb"[\0\t\n\f\r ]*xref[\0\t\n\f\r ]*")
_RANGE = re.compile(rb"[\0\t\n\f\r ]*([0-9]{1,10})[\0\t\n\f\r ]+([0-9]{1,10})[\0\t\n\f\r ]*")
_ROW = re.compile(rb"[\0\t\n\f\r ]*([0-9]{1,10})[\0\t\n\f\r ]+([0-9]{1,5})[\0\t\n\f\r ]+([nf])")
_TRAILER = re.compile(rb"[\0\t\n\f\r ]*trailer")
OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[\0\t\n\f\r ]{1,8}([0-9]{1,5})[\0\t\n\f\r ]{1,8}obj(?![a-z])")
_TRAILERS = re.compile(rb"trailer[\0\t\n\f\r ]*(?=<<)")


class Entry(NamedTuple):
    """Where an object is: at an offset (`container` None), or as number `index` in an object stream."""

    at: int
    gen: int
    container: int | None = None


@dataclass(slots=True)
class Section:
    """One cross-reference section. `at` is its offset, `rows` None where an object is free."""

    at: int
    rows: dict[int, Entry | None]
    trailer: dict[str, Any]
    hybrid: int | None = None


@dataclass(slots=True)
class Table:
    """Every object's place. `repaired` says that the chain was unusable and the objects were searched for."""

    entries: dict[int, Entry | None]
    trailer: dict[str, Any]
    sections: list[Section] = field(default_factory=list)
    repaired: bool = False


Decode = Callable[[Stream, int], bytes]


def read_table(data: bytes, end: int, decode: Decode) -> Table:
    """Follow the chain from the last startxref before `end`; Damaged when it does not lead through."""
    found = last_start(data, end)
    if found is None:
        raise Damaged("no startxref")
    sections, entries, seen = [], dict[int, Entry | None](), set[int]()
    queue = [found]
    while queue:
        at = queue.pop(0)
        if at in seen:
            continue
        seen.add(at)
        if len(seen) > MAX_SECTIONS:
            raise Damaged("too many revisions")
        section = read_section(data, at, end, decode)
        _merge(entries, section, None if section.hybrid is None else _hidden(data, section, end, decode, seen))
        sections.append(section)
        previous = section.trailer.get("Prev")
        if isinstance(previous, int | float):
            queue.append(int(previous))
    if "Root" not in sections[0].trailer:
        raise Damaged("no catalogue")
    return Table(entries, sections[0].trailer, sections)


def last_start(data: bytes, end: int) -> int | None:
    """What the last startxref before `end` says."""
    for room in (2048, end):
        matches = list(_START.finditer(data, max(0, end - room), end))
        if matches:
            return int(matches[-1][1])
    return None


def _hidden(data: bytes, section: Section, end: int, decode: Decode, seen: set[int]) -> Section | None:
    """The stream of a hybrid section (7.5.8.4), None when it can't be read: readers go by the table then."""
    at = section.hybrid or 0
    if at in seen:
        return None
    seen.add(at)
    try:
        return read_section(data, at, end, decode)
    except Damaged:
        return None


def _merge(entries: dict[int, Entry | None], section: Section, hidden: Section | None) -> None:
    """First come, first served; of a hybrid section what is in use in the table, then the stream, then what is free."""
    if hidden is None:
        for number, entry in section.rows.items():
            entries.setdefault(number, entry)
        return
    for number, entry in section.rows.items():
        if entry is not None:
            entries.setdefault(number, entry)
    for rows in (hidden.rows, section.rows):
        for number, entry in rows.items():
            entries.setdefault(number, entry)


def read_section(data: bytes, at: int, end: int, decode: Decode) -> Section:
    if not 0 <= at < end:
        raise Damaged("cross-reference beyond the file")
    table = _TABLE.match(data, at, end)
    return _read_rows(data, at, table.end(), end) if table else _read_stream(data, at, end, decode)


def _read_rows(data: bytes, start: int, at: int, end: int) -> Section:
    rows: dict[int, Entry | None] = {}
    while head := _RANGE.match(data, at, end):
        first, count, at = int(head[1]), int(head[2]), head.end()
        for index in range(count):
            row = _ROW.match(data, at, end)
            if row is None:
                break
            at = row.end()
            used = row[3] == b"n" and int(row[1]) > 0
            if first + index <= MAX_NUMBER:
                rows.setdefault(first + index, Entry(int(row[1]), int(row[2])) if used else None)
        if first == 1 and rows.get(1, False) is None and data[head.end() :][:18].split()[1:2] == [b"65535"]:
            rows = {number - 1: entry for number, entry in rows.items()}  # some writers count from one
    trailer = _TRAILER.match(data, at, end)
    if trailer is None:
        raise Damaged("no trailer")
    value, _ = read_value(data, trailer.end(), end)
    if not isinstance(value, dict):
        raise Damaged("trailer broken")
    hybrid = value.get("XRefStm")
    return Section(start, rows, value, hybrid if isinstance(hybrid, int) else None)


def _read_stream(data: bytes, at: int, end: int, decode: Decode) -> Section:
    _, stream, _ = read_object(data, at, end)
    if not isinstance(stream, Stream) or stream.entries.get("Type") != "XRef":
        raise Damaged("no cross-reference where one is said to be")
    widths, size = stream.entries.get("W"), stream.entries.get("Size")
    if not (isinstance(widths, list) and len(widths) >= 3 and all(isinstance(w, int) and 0 <= w <= 8 for w in widths)):
        raise Damaged("cross-reference stream broken")
    index = stream.entries.get("Index", [0, size])
    if not (isinstance(index, list) and all(isinstance(n, int) for n in index)):
        raise Damaged("cross-reference stream broken")
    content, rows, width = decode(stream, end), dict[int, Entry | None](), sum(widths[:3])
    position = 0
    for first, count in zip(index[::2], index[1::2], strict=False):
        for number in range(first, first + count):
            row = content[position : position + width]
            position += width
            if len(row) < width or not width or number > MAX_NUMBER:
                break
            rows.setdefault(number, _row(row, widths))
    return Section(at, rows, stream.entries)


def _row(row: bytes, widths: list[int]) -> Entry | None:
    a, b = widths[0], widths[0] + widths[1]
    kind = int.from_bytes(row[:a]) if a else 1
    first, second = int.from_bytes(row[a:b]), int.from_bytes(row[b:])
    if kind == 1:
        return Entry(first, second) if first else None
    return Entry(second, 0, first) if kind == 2 else None


def search(data: bytes, end: int, decode: Decode) -> Table:
    """What readers do with a broken chain: the last object of each number, the last trailer with a catalogue."""
    entries: dict[int, Entry | None] = {}
    streams: list[tuple[int, int]] = []
    for match in OBJECT.finditer(data, 0, end):
        number = int(match[1])
        if number <= MAX_NUMBER:
            entries[number] = Entry(match.start(), int(match[2]))
            if b"/ObjStm" in data[match.end() : match.end() + 400] or b"/XRef" in data[match.end() : match.end() + 400]:
                streams.append((number, match.start()))
    trailers = []
    for number, at in streams:
        if entries[number] == Entry(at, 0):
            trailers += _unpack(data, number, end, entries, decode)
    for match in _TRAILERS.finditer(data, 0, end):
        try:
            value, _ = read_value(data, match.end(), end)
        except Damaged:
            continue
        if isinstance(value, dict):
            trailers.append((match.start(), value))
    rooted = [value for _, value in sorted(trailers, key=lambda t: t[0]) if "Root" in value]
    if not rooted:
        raise Damaged("no trailer with a catalogue")
    return Table(entries, rooted[-1], [], repaired=True)


def _unpack(
    data: bytes, number: int, end: int, entries: dict[int, Entry | None], decode: Decode
) -> list[tuple[int, dict[str, Any]]]:
    """Enter what an object stream holds, unless a later object of that number stands in the open."""
    at = entries[number]
    try:
        _, stream, _ = read_object(data, at.at if at else 0, end)
        if not isinstance(stream, Stream):
            return []
        if stream.entries.get("Type") == "XRef":
            return [(at.at if at else 0, stream.entries)]
        head = decode(stream, end)[: int(stream.entries.get("First", 0))].split()
    except (Damaged, TypeError, ValueError):
        return []
    for index, inner in enumerate(head[::2]):
        if inner.isdigit() and int(inner) <= MAX_NUMBER:
            known = entries.get(int(inner))
            if known is None or known.container is not None or (at and known.at < at.at):
                entries[int(inner)] = Entry(index, 0, number)
    return []
