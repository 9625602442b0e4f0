"""PDFs as strangers write them, byte by byte: every kind of cross-reference, odd white space, comments, generations."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Shape:
    """How a one-page document is written. `xref`: a table, a stream, a stream with object streams, or a hybrid."""

    xref: Literal["table", "stream", "packed", "hybrid"] = "table"
    version: bytes = b"1.7"
    newline: bytes = b"\n"
    comments: bool = False
    generation: int = 0
    gaps: int = 0
    field: bool = False
    indirect: bool = False
    boxes: bytes = b"/MediaBox[0 0 595 842]"
    predictor: bool = False
    ending: bytes = b"\n"


CONTENT = b"BT /F1 14 Tf 90 770 Td (UBND XA DONG HA) Tj ET"


def written(shape: Shape) -> bytes:
    """The document: catalog 1, pages 2, page 3, font 4, contents 5, then what the shape adds."""
    objects = _objects(shape)
    nl = shape.newline
    out = bytearray(b"%PDF-" + shape.version + nl + b"%\xe2\xe3\xcf\xd3" + nl)
    packed = {n: body for n, body in objects.items() if n != 5} if shape.xref in ("packed", "hybrid") else {}
    if shape.xref == "hybrid":
        packed = {n: body for n, body in packed.items() if n == 4}  # what older readers can do without
    places: dict[int, tuple[int, int, int]] = {}
    for number, body in objects.items():
        if number not in packed:
            generation = shape.generation if number == 3 else 0
            places[number] = (1, len(out), generation)
            remark = b"% 9 9 R" + nl if shape.comments else b""
            out += b"%d %d obj" % (number, generation) + nl + remark + body + nl + b"endobj" + nl
    number = max(objects) + 1 + shape.gaps
    if packed:
        places[number] = (1, len(out), 0)
        places |= {each: (2, number, index) for index, each in enumerate(packed)}
        out += _object_stream(number, packed) + nl
        number += 1
    if shape.xref in ("table", "hybrid"):
        _table(out, places, number, shape)
    else:
        places[number] = (1, len(out), 0)
        start = len(out)
        out += _xref_stream(number, places, number + 1, predictor=shape.predictor)
        out += b"startxref" + nl + b"%d" % start + nl + b"%%EOF"
    return bytes(out + shape.ending)


def _objects(shape: Shape) -> dict[int, bytes]:
    page = b"3 %d R" % shape.generation
    form = b"/AcroForm 6 0 R" if shape.field else b""
    annots = b"/Annots %b" % (b"8 0 R" if shape.indirect else b"[7 0 R]") if shape.field else b""
    compressed = zlib.compress(CONTENT)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R%b>>" % form,
        2: b"<</Type /Pages /Kids [ %b ] /Count 1 %b>>" % (page, shape.boxes),
        3: b"<</Type/Page/Parent 2 0 R/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>%b>>" % annots,
        4: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        5: b"<</Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream" % (len(compressed), compressed),
    }
    if shape.field:
        objects[6] = b"<</Fields %b/DA(/Helv 0 Tf 0 g)>>" % (b"9 0 R" if shape.indirect else b"[7 0 R]")
        objects[7] = (
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(xac \\(nhan\\) \\376)/V(gi\\341 tr\\\n\\053)/Rect[50 50 150 70]/P %b/F 4>>"
            % page
        )
        objects[8] = b"[7 0 R]"
        objects[9] = b"[7 0 R]"
    return objects


def _object_stream(number: int, packed: dict[int, bytes]) -> bytes:
    head, body = b"", b""
    for each, content in packed.items():
        head += b"%d %d " % (each, len(body))
        body += content + b"\n"
    data = zlib.compress(head + body)
    about = b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d" % (len(packed), len(head), len(data))
    return b"%d 0 obj\n<<%b>>\nstream\n%b\nendstream\nendobj" % (number, about, data)


def _xref_stream(
    number: int, places: dict[int, tuple[int, int, int]], size: int, *, predictor: bool, extra: bytes = b""
) -> bytes:
    rows = [struct.pack(">BIH", *places.get(n, (0, 0, 65535 if n == 0 else 0))) for n in range(size)]
    more = b""
    if predictor:
        before, out = bytes(7), b""
        for row in rows:
            out += b"\x02" + bytes((a - b) & 255 for a, b in zip(row, before, strict=True))
            before = row
        rows, more = [out], b"/DecodeParms<</Predictor 12/Columns 7>>"
    data = zlib.compress(b"".join(rows))
    about = b"/Type/XRef/Size %d/W[1 4 2]/Root 1 0 R/Filter/FlateDecode/Length %d" % (size, len(data))
    return b"%d 0 obj\n<<%b%b%b>>\nstream\n%b\nendstream\nendobj\n" % (number, about, more, extra, data)


def _table(out: bytearray, places: dict[int, tuple[int, int, int]], number: int, shape: Shape) -> None:
    nl, hidden = shape.newline, b""
    if shape.xref == "hybrid":
        at = len(out)
        out += _xref_stream(number, {n: p for n, p in places.items() if p[0] == 2}, number, predictor=shape.predictor)
        hidden = b"/XRefStm %d" % at
        number += 1
    start = len(out)
    out += b"xref" + nl
    told = [each for each in range(number) if places.get(each, (0,))[0] != 2]  # what is hidden is not mentioned
    for first in [each for each in told if each - 1 not in told]:
        last = next(each for each in range(first, number + 1) if each + 1 not in told)
        out += b"%d %d" % (first, last - first + 1) + nl
        for each in range(first, last + 1):
            kind, where, generation = places.get(each, (0, 0, 65535))
            out += b"%010d %05d %b \n" % (where, generation, b"n" if kind else b"f")
    out += b"trailer" + nl + b"<</Size %d/Root 1 0 R%b>>" % (number, hidden) + nl
    out += b"startxref" + nl + b"%d" % start + nl + b"%%EOF"


Break = Callable[[bytes], bytes]


def _without_xref(pdf: bytes) -> bytes:
    return pdf.replace(b"xref\n0", b"xrex\n0")


def _moved(pdf: bytes) -> bytes:
    """Bytes lost at the front, as mail gateways and text editors do."""
    return pdf[:9] + b"%\n" + pdf[9:]


def _wrong_start(pdf: bytes) -> bytes:
    at = pdf.rindex(b"startxref")
    return pdf[:at] + b"startxref\n3\n%%EOF\n"


DAMAGES: dict[str, Break] = {"moved": _moved, "no xref": _without_xref, "wrong startxref": _wrong_start}
