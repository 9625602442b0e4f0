"""Undoing the filters of streams that carry structure: objects, cross-references, validation data (ISO 32000-2, 7.4)."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable
from typing import Any

from vanthu_verify.objects import Damaged

MAX_DECODED = 96 * 1024 * 1024
MAX_LZW = 8 * 1024 * 1024  # unpacked in Python


def decode(data: bytes, filters: list[Any], parameters: list[Any]) -> bytes:
    """The data with the filters undone in order; Damaged for a filter that carries pictures only, or a bomb."""
    for index, name in enumerate(filters):
        given = parameters[index] if index < len(parameters) else None
        undo = _FILTERS.get(str(name))
        if undo is None:
            raise Damaged("filter not known")
        data = _unpredicted(undo(data), given if isinstance(given, dict) else {})
    return data


def _flate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        out = inflater.decompress(data, MAX_DECODED)
    except zlib.error:
        return _flate_damaged(data)
    if inflater.unconsumed_tail:
        raise Damaged("too large when unpacked")
    return out


def _flate_damaged(data: bytes) -> bytes:
    """What readers still get out of a damaged stream: everything before the damage."""
    inflater, out = zlib.decompressobj(), bytearray()
    try:
        for at in range(0, len(data), 256):
            out += inflater.decompress(data[at : at + 256], MAX_DECODED - len(out))
            if len(out) >= MAX_DECODED:
                raise Damaged("too large when unpacked")
    except zlib.error:
        if not out:
            raise Damaged("packed data broken") from None
    return bytes(out)


def _hexadecimal(data: bytes) -> bytes:
    digits = bytes(c for c in data.split(b">")[0] if c in b"0123456789abcdefABCDEF")
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())


def _base85(data: bytes) -> bytes:
    try:
        return base64.a85decode(data.split(b"~>")[0], ignorechars=b"\0\t\n\f\r ")
    except (ValueError, binascii.Error):
        raise Damaged("base 85 broken") from None


def _lzw(data: bytes) -> bytes:
    """Early change 1, the default."""
    out, table, previous = bytearray(), [bytes([n]) for n in range(256)] + [b"", b""], b""
    bits = width = 0
    size = 9
    for byte in data:
        bits, width = (bits << 8 | byte) & 0xFFFFFF, width + 8
        if width < size:
            continue
        width -= size
        code = bits >> width & (1 << size) - 1
        if code == 257:
            break
        if code == 256:
            del table[258:]
            size, previous = 9, b""
            continue
        if code > len(table) or (code == len(table) and not previous):
            raise Damaged("LZW broken")
        entry = table[code] if code < len(table) else previous + previous[:1]
        if previous:
            table.append(previous + entry[:1])
        previous = entry
        out += entry
        size = min(12, max(9, (len(table) + 1).bit_length()))
        if len(out) > MAX_LZW:
            raise Damaged("too large when unpacked")
    return bytes(out)


_FILTERS: dict[str, Callable[[bytes], bytes]] = {
    "FlateDecode": _flate,
    "Fl": _flate,
    "ASCIIHexDecode": _hexadecimal,
    "AHx": _hexadecimal,
    "ASCII85Decode": _base85,
    "A85": _base85,
    "LZWDecode": _lzw,
    "LZW": _lzw,
    "Crypt": bytes,
}


def _unpredicted(data: bytes, given: dict[str, Any]) -> bytes:
    predictor = given.get("Predictor", 1)
    if not isinstance(predictor, int) or predictor < 10:
        if predictor == 2:
            raise Damaged("predictor not known")
        return data
    colours, bits, columns = (given.get(k, d) for k, d in (("Colors", 1), ("BitsPerComponent", 8), ("Columns", 1)))
    if not all(isinstance(n, int) and 0 < n <= 65536 for n in (colours, bits, columns)):
        raise Damaged("predictor broken")
    step = max(1, colours * bits // 8)
    row = (colours * bits * columns + 7) // 8
    out, above = bytearray(), bytes(row)
    for at in range(0, len(data), row + 1):
        line = bytearray(data[at + 1 : at + 1 + row])
        _unfilter(data[at], line, above, step)
        out += line
        above = bytes(line) + bytes(row - len(line))
    return bytes(out)


def _unfilter(kind: int, line: bytearray, above: bytes, step: int) -> None:
    """PNG's row filters (RFC 2083, clause 6)."""
    if kind == 2:
        for i in range(len(line)):
            line[i] = line[i] + above[i] & 255
        return
    if kind not in (1, 3, 4):
        return
    for i in range(len(line)):
        left, up = (line[i - step] if i >= step else 0), above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        else:
            guess = min((left, up, corner), key=lambda near, p=left + up - corner: abs(p - near))  # type: ignore[misc]
        line[i] = line[i] + guess & 255
