"""PDF objects as plain Python values, read from bytes and written as bytes (ISO 32000-2, 7.2 and 7.3).

null, booleans, int, Real, Name, bytes (strings), list, dict with "/Key" keys, Ref and Stream; nothing here knows files.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

MAX_DEPTH = 64
_REGULAR = rb"[^\x00\t\n\x0c\r ()<>\[\]{}/%]"
_SPACE = rb"[\x00\t\n\x0c\r ]"
_SKIP = _SPACE + rb"*(?:%[^\r\n]*" + _SPACE + rb"*)*"
# One token; which group matched says what it is (the numbers below).
_TOKEN = re.compile(
    _SKIP
    + rb"(?:/("
    + _REGULAR
    + rb"*)"
    + rb"|(\d{1,10})"
    + _SPACE
    + rb"+(\d{1,5})"
    + _SPACE
    + rb"+R(?!"
    + _REGULAR
    + rb")"
    + rb"|([+-]?\d+)(?!"
    + _REGULAR
    + rb")"
    + rb"|([+-]?(?:\d+\.\d*|\.\d+))(?!"
    + _REGULAR
    + rb")"
    + rb"|(<<)|(>>)|(\[)|(\])|\(([^()\\\r]*)\)|(\()|<([0-9A-Fa-f\x00\t\n\x0c\r ]{0,128})>|(<)|((?:true|false|null))(?!"
    + _REGULAR
    + rb")|(.|\Z))",
    re.DOTALL,
)
_NAME, _REF, _GENERATION, _INT, _REAL, _DICT, _DICT_END, _ARRAY, _ARRAY_END, _STRING, _PAREN, _HEX, _LONG_HEX, _WORD = (
    range(1, 15)
)
_TO_THE_END = frozenset({_PAREN, _LONG_HEX})
_OPEN = {_DICT: _DICT_END, _ARRAY: _ARRAY_END}
_CLOSE = frozenset(_OPEN.values())
_WORDS = {b"true": True, b"false": False, b"null": None}
_ESCAPES = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"b": b"\b",
    b"f": b"\f",
    b"(": b"(",
    b")": b")",
    b"\\": b"\\",
}
_PIECE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|\r|\n)|(.))|(\r\n|\r)|([()])|[^()\\\r]+", re.DOTALL)
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_IRREGULAR = re.compile(rb"[^!\"$&'*+,\-.0-9:;=?@A-Z\\^_`a-z|~]")
_UTF16, _UTF8 = b"\xfe\xff", b"\xef\xbb\xbf"


class Malformed(ValueError):
    """These bytes are no PDF object, or one so odd that another reader has to decide."""


class Name(str):
    """A name with its slash; octets beyond ASCII are kept as Latin-1."""

    __slots__ = ()


_NAMES_ONLY = frozenset({Name})


class Ref(NamedTuple):
    """An indirect reference."""

    number: int
    generation: int = 0


class Real(float):
    """A number with a point, which remembers how it was written."""

    __slots__ = ("text",)
    text: bytes

    def __new__(cls, text: bytes) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made


class Raw(bytes):
    """An object that is already written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: its dictionary and its data as they stand in the file, filters not applied."""

    about: dict[str, Any]
    data: bytes


_names: dict[bytes, Name] = {}


def name(raw: bytes) -> Name:
    """The name whose octets after the slash are these, `#xx` resolved."""
    found = _names.get(raw)
    if found is None:
        plain = _NAME_ESCAPE.sub(lambda m: bytes((int(m[1], 16),)), raw) if b"#" in raw else raw
        found = Name("/" + plain.decode("latin-1"))
        if len(_names) < 10_000:
            _names[raw] = found
    return found


def parse(data: bytes, at: int = 0) -> tuple[Any, int]:  # noqa: C901  one loop, since calls would cost more than the work
    """The object that begins at `at`, and the position after it; Malformed when there is none.

    A dictionary that says one key twice is malformed: readers differ in which of the two they believe.
    """
    stack: list[tuple[int, list[Any]]] = []
    items: list[Any] = []
    while True:
        for token in _TOKEN.finditer(data, at):
            kind = token.lastindex
            if kind == _NAME:
                raw = token[1]
                value: Any = _names.get(raw) or name(raw)
            elif kind == _GENERATION:
                value = Ref(int(token[2]), int(token[3]))
            elif kind == _INT:
                value = int(token[4])
            elif kind in _OPEN:
                stack.append((_OPEN[kind], items))
                items = []
                continue
            elif kind in _CLOSE:
                value, items = _closed(kind, items, stack)
            else:
                value, at = _scalar(token, kind, data)
                if kind in _TO_THE_END:
                    break
            if not stack:
                return value, token.end()
            items.append(value)
        if not stack:
            return value, at
        items.append(value)


def _closed(kind: int, items: list[Any], stack: list[tuple[int, list[Any]]]) -> tuple[Any, list[Any]]:
    """The finished container, and what the one around it holds so far."""
    if not stack or stack[-1][0] != kind or len(stack) > MAX_DEPTH:
        raise Malformed("unbalanced, or nested too deeply")
    return (_pairs(items) if kind == _DICT_END else items), stack.pop()[1]


def _pairs(items: list[Any]) -> dict[str, Any]:
    keys = items[::2]
    if len(items) % 2 or not _NAMES_ONLY.issuperset(map(type, keys)):
        raise Malformed("no dictionary")
    found = dict(zip(keys, items[1::2], strict=True))
    if len(found) != len(keys):
        raise Malformed("a key twice")
    return found


def _scalar(token: re.Match[bytes], kind: int | None, data: bytes) -> tuple[Any, int]:
    if kind == _STRING:
        return token[_STRING], 0
    if kind == _REAL:
        return Real(token[_REAL]), 0
    if kind == _HEX:
        return _octets(token[_HEX]), 0
    if kind == _WORD:
        return _WORDS[token[_WORD]], 0
    if kind == _PAREN:
        return _literal(data, token.end())
    if kind == _LONG_HEX:
        end = data.find(b">", token.end())
        if end < 0:
            raise Malformed("string without an end")
        return _octets(data[token.end() : end]), end + 1
    raise Malformed(f"no object at {token.start()}")


def _octets(digits: bytes) -> bytes:
    """A hexadecimal string's; signatures are long ones, so only where something is odd the digits are looked at here."""
    try:
        return binascii.unhexlify(digits)
    except binascii.Error:  # spaces, the last digit left out, or no digits
        digits = digits.translate(None, b"\x00\t\n\x0c\r ")
    try:
        return binascii.unhexlify(digits + b"0" * (len(digits) % 2))
    except binascii.Error:
        raise Malformed("hexadecimal string") from None


def _literal(data: bytes, at: int) -> tuple[bytes, int]:
    """A literal string with escapes or nested parentheses; `at` is after the first one."""
    out: list[bytes] = []
    depth = 1
    while True:
        piece = _PIECE.match(data, at)
        if piece is None:
            raise Malformed("string without an end")
        at = piece.end()
        octal, line, escaped, end_of_line, paren = piece.groups()
        if paren:
            depth += 1 if paren == b"(" else -1
            if not depth:
                return b"".join(out), at
            out.append(paren)
        elif octal:
            out.append(bytes((int(octal, 8) & 255,)))
        elif escaped:
            out.append(_ESCAPES.get(escaped, escaped))
        elif end_of_line:
            out.append(b"\n")
        elif not line:
            out.append(piece[0])


def write(value: Any) -> bytes:
    """The object as bytes."""
    out: list[bytes] = []
    _write((value,), out)
    return b"".join(out)


def _write(values: Iterable[Any], out: list[bytes]) -> None:
    """One after the other: numbers, names and strings, of which there are most, without a call of their own."""
    for value in values:
        plain = _PLAIN.get(type(value))
        if plain is not None:
            out.append(plain(value))
        elif type(value) is dict:
            out.append(b"<<")
            for key, part in value.items():
                plain = _PLAIN.get(type(part))
                out.append(_written.get(key) or write_name(key))
                if plain is not None:
                    out.append(plain(part))
                else:
                    _write((part,), out)
            out.append(b">>")
        elif isinstance(value, Stream):
            _write(({**value.about, "/Length": len(value.data)},), out)
            out += (b"\nstream\n", value.data, b"\nendstream")
        else:
            out.append(b"[")
            _write(value, out)
            out.append(b"]")


_written: dict[str, bytes] = {}


def write_name(value: str) -> bytes:
    found = _written.get(value)
    if found is None:
        octets = value[1:].encode("latin-1")
        found = b"/" + _IRREGULAR.sub(lambda m: b"#%02X" % m[0][0], octets)
        if len(_written) < 10_000:
            _written[value] = found
    return found


def write_string(value: bytes) -> bytes:
    """As a literal where that is readable, in hexadecimal digits otherwise."""
    if value.isascii() and value.decode("ascii").isprintable():
        return b"(" + value.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"
    return b"<" + value.hex().upper().encode("ascii") + b">"


def number(value: float) -> bytes:
    """A number without an exponent, which PDF does not have."""
    whole = int(value)
    return b"%d" % whole if whole == value else (b"%.4f" % value).rstrip(b"0")


def text(value: bytes) -> str:
    """A text string (7.9.2.2); what no encoding explains comes as Latin-1."""
    if value.startswith(_UTF16):
        return value[2:].decode("utf-16-be", "replace")
    if value.startswith(_UTF8):
        return value[3:].decode("utf-8", "replace")
    return value.decode("latin-1")


def string(value: str) -> bytes:
    """Text as a text string."""
    return value.encode("ascii") if value.isascii() else _UTF16 + value.encode("utf-16-be")


_PLAIN: dict[type, Callable[[Any], bytes]] = {
    Name: write_name,
    Ref: lambda value: b" %d %d R" % value,
    bool: lambda value: b" true" if value else b" false",
    int: lambda value: b" %d" % value,
    Real: lambda value: b" " + value.text,
    float: lambda value: b" " + number(value),
    Raw: lambda value: b" " + value,
    bytes: write_string,
    type(None): lambda _: b" null",
}
