"""DER (X.690), just enough to take CMS and time stamps apart and to put them together."""

from __future__ import annotations

from typing import NamedTuple

BOOLEAN, INTEGER, OCTETS, OID, GENERALIZED_TIME = 0x01, 0x02, 0x04, 0x06, 0x18
SEQUENCE, SET, CONTEXT_0, CONTEXT_1 = 0x30, 0x31, 0xA0, 0xA1
CONSTRUCTED = 0x20
MAX_DEPTH = 64


class NotDer(ValueError):
    """These octets are no DER, or not what was expected there."""


class Part(NamedTuple):
    """One value inside a larger one: its tag, all its octets, and its content's. A tuple, since hundreds are made."""

    tag: int
    whole: bytes
    content: bytes

    def parts(self) -> list[Part]:
        """What a constructed value holds."""
        return parts(self.content)

    def expect(self, tag: int) -> Part:
        """The part itself when it has this tag; NotDer otherwise."""
        if self.tag != tag:
            raise NotDer(f"tag {self.tag:#x} instead of {tag:#x}")
        return self

    def number(self) -> int:
        return int.from_bytes(self.expect(INTEGER).content, signed=True)


def first(data: bytes) -> Part:
    """The value at the beginning; what follows it is not looked at."""
    return _read(data, 0)[0]


def parts(data: bytes) -> list[Part]:
    """The values that follow one another in these octets."""
    found, at = [], 0
    while at < len(data):
        part, at = _read(data, at)
        found.append(part)
    return found


def _read(data: bytes, at: int) -> tuple[Part, int]:
    try:
        tag, length, begin = data[at], data[at + 1], at + 2
    except IndexError:
        raise NotDer("cut off") from None
    if tag & 0x1F == 0x1F or length == 0x80:
        raise NotDer("long tag or indefinite length")
    if length > 0x80:
        octets = length & 0x7F
        length = int.from_bytes(data[begin : begin + octets])
        begin += octets
    end = begin + length
    if end > len(data):
        raise NotDer("cut off")
    return Part(tag, data[at:end], data[begin:end]), end


def rewritten(data: bytes) -> bytes:
    """The BER value at the beginning with definite lengths, its strings in one piece and its sets in order (X.690, 10 and 11.6),
    in one pass; what follows it is left out. NotDer for what is cut off, or deeper than any CMS.
    """
    return _rewrite(data, 0, 0)[0]


def _rewrite(data: bytes, at: int, depth: int) -> tuple[bytes, int]:
    """The value as DER, and where it ended. What has the implicit tags 0 and 1 in CMS is a set when it holds several."""
    tag, length, begin = *data[at : at + 2].ljust(2, b"\xff"), at + 2
    if tag & 0x1F == 0x1F or depth > MAX_DEPTH:
        raise NotDer("long tag, cut off or too deep")
    if not tag & CONSTRUCTED:
        part, end = _read(data, at)
        return tlv(tag, part.content), end
    endless = length == 0x80
    if length > 0x80:
        octets = length & 0x7F
        length, begin = int.from_bytes(data[begin : begin + octets]), begin + octets
    end = len(data) if endless else begin + length
    inner = []
    while begin < end and not (endless and data[begin : begin + 2] == b"\0\0"):
        one, begin = _rewrite(data, begin, depth + 1)
        inner.append(one)
    end = begin + 2 if endless else end
    if begin > end or end > len(data):
        raise NotDer("cut off")
    if tag == OCTETS | CONSTRUCTED:
        return tlv(OCTETS, b"".join(first(one).content for one in inner)), end
    return tlv(tag, b"".join(sorted(inner) if tag in (SET, CONTEXT_0, CONTEXT_1) else inner)), end


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int) -> bytes:
    """A number that is not negative."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))
