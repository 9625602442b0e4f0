"""What a signature's byte range covers, and whether bytes lie about that belong to no revision.

The range must be everything from the first byte to the end of a revision but the signature's own value
(ISO 32000-2, 12.8.1; EN 319 142-1, 5.1); each other shape is one that attacks use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from vanthu_verify.document import Document
from vanthu_verify.objects import Damaged, Stream, only_blank, read_object
from vanthu_verify.xref import OBJECT

_VALUE = re.compile(rb"/Contents[\0\t\n\f\r ]*$")
_HEX = re.compile(rb"<[0-9A-Fa-f\0\t\n\f\r ]*>")
_END = re.compile(rb"startxref[\0\t\n\f\r ]+[0-9]+[\0\t\n\f\r ]+(?:%[^\r\n]*[\r\n]+)*%%EOF[\0\t\n\f\r ]*\Z")
ENTIRE_FILE, ENTIRE_REVISION, CONTIGUOUS, UNCLEAR = (
    "ENTIRE_FILE",
    "ENTIRE_REVISION",
    "CONTIGUOUS_BLOCK_FROM_START",
    "UNCLEAR",
)


@dataclass(frozen=True, slots=True)
class Covered:
    """`parts` are the byte ranges (start, length) as far as they lie in the file; `end` where the last one ends.

    `why` is a stable code when the shape is not the one that the standard asks for.
    """

    shape: str
    parts: tuple[tuple[int, int], ...]
    end: int
    why: str | None = None


def covered(document: Document, value: dict[str, Any], place: tuple[int, int] | None) -> Covered:  # noqa: PLR0911  a return a shape
    """Judge /ByteRange of the signature dictionary `value`, which lies at `place` of the newest view."""
    view = document.current
    numbers = view.resolve(value.get("ByteRange"))
    numbers = [view.resolve(n) for n in numbers] if isinstance(numbers, list) else []
    if len(numbers) % 2 or not numbers or not all(isinstance(n, int) and n >= 0 for n in numbers):
        return Covered(UNCLEAR, (), 0, "no_byte_range")
    size = len(document.data)
    parts = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if any(start + length > size for start, length in parts):
        return Covered(UNCLEAR, (), 0, "byte_range_beyond_file")
    end = sum(parts[-1])
    if len(parts) != 2 or parts[0][0] != 0 or parts[1][0] < parts[0][1]:
        return Covered(UNCLEAR, parts, end, "byte_range_shape")
    if not _gap_is_value(document, value, place, parts):
        return Covered(UNCLEAR, parts, end, "gap_is_not_the_value")
    if only_blank(document.data, end, size):
        return Covered(ENTIRE_FILE, parts, end)
    if _END.search(document.data, max(0, end - 1024), end) is None:
        return Covered(CONTIGUOUS, parts, end, "revision_not_covered")
    return Covered(ENTIRE_REVISION, parts, end)


def _gap_is_value(
    document: Document, value: dict[str, Any], place: tuple[int, int] | None, parts: tuple[tuple[int, int], ...]
) -> bool:
    """What is left out is this dictionary's /Contents from bracket to bracket, and nothing beside it."""
    data, start, stop = document.data, parts[0][1], parts[1][0]
    if place is None or place[1] >= 0:
        return False
    try:
        _, _, after = read_object(data, place[0], len(data))
    except Damaged:
        return False
    if not (place[0] < start and stop <= after and _HEX.fullmatch(data, start, stop)):
        return False
    if _VALUE.search(data, max(0, start - 64), start) is None:
        return False
    contents = value.get("Contents")
    digits = re.sub(rb"[\0\t\n\f\r ]", b"", data[start + 1 : stop - 1])
    return isinstance(contents, bytes) and contents == bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())


def strange_bytes(document: Document, after: int) -> int:
    """Where the last object lies behind offset `after` that no cross-reference names, the end of a file that does not end
    as it should; -1 without any. A later signature may cover such bytes: whoever signed before never saw them.
    """
    data = document.data
    if only_blank(data, after, len(data)):
        return -1
    if document.current.table.repaired or _END.search(data, max(after, len(data) - 2048)) is None:
        return len(data)
    named = {
        entry.at
        for s in document.current.table.sections
        for entry in s.rows.values()
        if entry and entry.container is None
    }
    named |= {section.at for section in document.current.table.sections}
    named |= {section.hybrid for section in document.current.table.sections if section.hybrid is not None}
    starts, position, inside, last = sorted(at for at in named if at >= after), 0, 0, -1
    for match in OBJECT.finditer(data, after):
        while position < len(starts) and starts[position] <= match.start():
            inside = max(inside, _extent(document, starts[position]))
            position += 1
        if match.start() not in named and match.start() >= inside and not _blank_before(data, match.start(), named):
            last = match.start()
    return last


def _blank_before(data: bytes, at: int, named: set[int]) -> bool:
    """Whether a named offset points to the white space before an object."""
    while at > 0 and data[at - 1] in b"\0\t\n\f\r ":
        at -= 1
        if at in named:
            return True
    return False


def _extent(document: Document, at: int) -> int:
    """Where the data of the stream at `at` end; `at` for anything else."""
    try:
        _, value, after = document.read_at(at, len(document.data))
        return after + len(document.current.raw(value)) if isinstance(value, Stream) else after
    except Damaged:
        return at
