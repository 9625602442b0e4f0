"""DER (X.690), just enough to take CMS and time stamps apart and to put them together."""

from __future__ import annotations

from typing import NamedTuple

BOOLEAN, INTEGER, OCTETS, OID, GENERALIZED_TIME = 0x01, 0x02, 0x04, 0x06, 0x18
SEQUENCE, SET, CONTEXT_0, CONTEXT_1 = 0x30, 0x31, 0xA0, 0xA1


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
