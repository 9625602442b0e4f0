"""PDF objects as Python values, read from bytes that nobody vouches for (ISO 32000-2, clause 7.3).

Dictionaries are dict by name without the slash, strings are bytes, names are Name. Nothing here recurses, so no
nesting ends the interpreter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_DEPTH = 400
_WS = rb"\0\t\n\f\r "
_SKIP = rb"(?:[%b]+|%%[^\r\n]*+)*+" % _WS
_TOKEN = re.compile(
    _SKIP + rb"(?:(?P<name>/[^%(ws)b()<>\[\]{}/%%]*+)"
    rb"|(?P<ref>[0-9]{1,10}[%(ws)b]++[0-9]{1,5}[%(ws)b]++R(?![^%(ws)b()<>\[\]{}/%%]))"
    rb"|(?P<number>(?=[-+.0-9])[+-]*[0-9]*\.?[0-9]*(?![^%(ws)b()<>\[\]{}/%%]))"
    rb"|(?P<open><<)|(?P<hex><[^>]*+>)|(?P<close>>>)|(?P<array>\[)|(?P<end>\])|(?P<text>\()"
    rb"|(?P<word>[^%(ws)b()<>\[\]{}/%%]++))" % {b"ws": _WS}
)
_TEXT = re.compile(rb"[()\\]")
_ESCAPED = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|\r|\n)|(.))|(\r\n?)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_CODED = re.compile(r"#([0-9A-Fa-f]{2})")
_WORDS = {b"true": True, b"false": False, b"null": None}
_HEADER = re.compile(_SKIP + rb"([0-9]{1,10})[%b]+([0-9]{1,10})[%b]+obj" % (_WS, _WS))
_STREAM = re.compile(_SKIP + rb"stream(\r\n|\n|\r|(?=[^a-z]))")


_BLANK = re.compile(rb"[%b]*+" % _WS)


def only_blank(data: bytes, start: int, end: int) -> bool:
    """Whether nothing but white space lies between two offsets."""
    match = _BLANK.match(data, start, end)
    return match is not None and match.end() >= end


class Damaged(Exception):
    """What can't be read as PDF; the text says what, never what stands in the file."""


class Name(str):
    """A name without its slash."""

    __slots__ = ()


class Ref(NamedTuple):
    num: int
    gen: int


@dataclass(slots=True, eq=False)
class Stream:
    """A stream's dictionary and where its data begin; the length is the view's to find."""

    entries: dict[str, Any]
    start: int
    owner: Ref


class Word(str):
    """A bare keyword where a value should stand, such as endobj."""

    __slots__ = ()


def read_value(data: bytes, at: int, end: int) -> tuple[Any, int]:  # noqa: C901  one loop instead of recursion
    """The value at `at` and the offset after it; Damaged when there is none before `end`."""
    stack: list[Any] = []
    while True:
        match = _TOKEN.match(data, at, end)
        if match is None or match.end() == at:
            raise Damaged("no value")
        kind, at = match.lastgroup, match.end()
        if kind in ("open", "array"):
            stack.append(_Open(kind == "open"))
            if len(stack) > MAX_DEPTH:
                raise Damaged("nested too deeply")
            continue
        if kind in ("close", "end"):
            if not stack:
                raise Damaged("closes what was not opened")
            value: Any = stack.pop().value()
        elif kind == "text":
            value, at = _literal(data, at, end)
        else:
            value = _simple(kind, match)
            if stack and isinstance(value, Word):
                if value in ("endobj", "stream", "endstream", "obj", "xref"):
                    raise Damaged("ends in the middle")
                value = None
        if not stack:
            return value, at
        stack[-1].items.append(value)


class _Open:
    """A dictionary or array whose end has not come yet."""

    __slots__ = ("is_dict", "items")

    def __init__(self, is_dict: bool) -> None:  # noqa: FBT001  one of two
        self.is_dict = is_dict
        self.items: list[Any] = []

    def value(self) -> Any:
        if not self.is_dict:
            return self.items
        found: dict[str, Any] = {}
        items = iter(self.items)
        for key in items:
            if isinstance(key, Name):
                found[str(key)] = next(items, None)
        return found


def _simple(kind: str | None, match: re.Match[bytes]) -> Any:
    raw = match[kind or 0]
    if kind == "name":
        return _name(raw)
    if kind == "number":
        return _number(raw)
    if kind == "ref":
        num, gen, _ = raw.split()
        return Ref(int(num), int(gen))
    if kind == "hex":
        return _hexadecimal(raw)
    return _WORDS[raw] if raw in _WORDS else Word(raw.decode("latin-1"))


def _name(raw: bytes) -> Name:
    text = raw[1:].decode("latin-1")
    return Name(_CODED.sub(lambda m: chr(int(m[1], 16)), text) if "#" in text else text)


def _number(raw: bytes) -> Any:
    try:
        return float(raw) if b"." in raw else int(raw)
    except ValueError:  # "--5", "." or a row of digits without end: readers take the sign, or zero
        digits = raw.lstrip(b"+-")
        if not digits:
            raise Damaged("no value") from None
        return 0


def _hexadecimal(raw: bytes) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", raw)
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())


def _literal(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    start, depth = at, 1
    while True:
        match = _TEXT.search(data, at, end)
        if match is None:
            raise Damaged("text without an end")
        found, at = match[0], match.end()
        if found == b"\\":
            at += 1
        else:
            depth += 1 if found == b"(" else -1
            if not depth:
                raw = data[start : at - 1]
                return (_ESCAPED.sub(_unescaped, raw) if b"\\" in raw or b"\r" in raw else raw), at


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 8) & 255])
    if match[2]:
        return b""
    return b"\n" if match[4] else _PLAIN.get(match[3], match[3])


def read_object(data: bytes, at: int, end: int) -> tuple[Ref, Any, int]:
    """The indirect object at `at`: whose it is, its value, and the offset after the value (of a stream: its data)."""
    header = _HEADER.match(data, at, end)
    if header is None:
        raise Damaged("no object where one is said to be")
    ref = Ref(int(header[1]), int(header[2]))
    value, after = read_value(data, header.end(), end)
    if isinstance(value, Word):
        return ref, None, after
    if isinstance(value, dict):
        stream = _STREAM.match(data, after, end)
        if stream is not None:
            return ref, Stream(value, stream.end(), ref), stream.end()
    return ref, value, after
