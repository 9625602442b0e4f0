"""Pages set for tests: lines of Vietnamese text at given places, in an embedded typeface with a right text layer."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pikepdf
from fontTools.ttLib import TTFont

from services.signing.appearance import Face, typeface

A4 = (595.28, 841.89)


@dataclass(frozen=True, slots=True)
class Line:
    """Text on the base line `y` points below the top, from `x` on, or centred on `x`."""

    text: str
    x: float
    y: float
    size: float = 13.0
    centred: bool = False
    bold: bool = False


def sheet(*pages: Sequence[Line], size: tuple[float, float] = A4, rotate: int = 0) -> bytes:
    """A PDF with one page for each list of lines; `rotate` as in /Rotate (the lines are set in the page's own space)."""
    made = pikepdf.new()
    fonts = pikepdf.Dictionary(R=_font(made, Face.REGULAR), B=_font(made, Face.BOLD))
    for lines in pages:
        made.add_blank_page(page_size=size)
        page = made.pages[-1]
        page.Resources = pikepdf.Dictionary(Font=fonts)
        page.Contents = made.make_stream(b"\n".join(_ops(line, size[1]) for line in lines))
        if rotate:
            page.Rotate = rotate
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _ops(line: Line, height: float) -> bytes:
    face = Face.BOLD if line.bold else Face.REGULAR
    cmap, widths, em = _metrics(face)
    glyphs = [cmap[ord(c)] for c in line.text]
    wide = sum(widths[g] for g in glyphs) / em * line.size
    x = line.x - wide / 2 if line.centred else line.x
    shown = b"".join(b"%04x" % g for g in glyphs)
    name = b"B" if line.bold else b"R"
    return b"BT /%b %.2f Tf %.3f %.3f Td <%b> Tj ET" % (name, line.size, x, height - line.y, shown)


@cache
def _metrics(face: Face) -> tuple[dict[int, int], list[int], int]:
    font = TTFont(io.BytesIO(typeface(face)))
    ids = {code: font.getGlyphID(name) for code, name in font.getBestCmap().items()}
    widths = [font["hmtx"][name][0] for name in font.getGlyphOrder()]
    return ids, widths, font["head"].unitsPerEm


def _font(made: pikepdf.Pdf, face: Face) -> Any:
    cmap, widths, em = _metrics(face)
    name = pikepdf.Name(f"/Sheet{face.value}")
    file = made.make_stream(typeface(face))
    descriptor = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor,
        FontName=name,
        Flags=4,
        FontBBox=[-500, -300, 1500, 1100],
        ItalicAngle=0,
        Ascent=1069,
        Descent=-293,
        CapHeight=714,
        StemV=80,
        FontFile2=file,
    )
    child = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.CIDFontType2,
        BaseFont=name,
        CIDSystemInfo=pikepdf.Dictionary(
            Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0
        ),
        FontDescriptor=made.make_indirect(descriptor),
        CIDToGIDMap=pikepdf.Name.Identity,
        W=[0, [round(w * 1000 / em) for w in widths]],
    )
    return made.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type0,
            BaseFont=name,
            Encoding=pikepdf.Name("/Identity-H"),
            DescendantFonts=[made.make_indirect(child)],
            ToUnicode=made.make_stream(_to_unicode(cmap)),
        )
    )


def _to_unicode(cmap: dict[int, int]) -> bytes:
    said = {glyph: code for code, glyph in sorted(cmap.items(), reverse=True)}  # the lower code point of two wins
    rows = [b"<%04x> <%04x>" % (glyph, code) for glyph, code in said.items()]
    blocks = [rows[n : n + 100] for n in range(0, len(rows), 100)]
    body = b"\n".join(b"%d beginbfchar\n%b\nendbfchar" % (len(b), b"\n".join(b)) for b in blocks)
    return (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Sheet def /CMapType 2 def\n"
        b"1 begincodespacerange <0000> <ffff> endcodespacerange\n" + body + b"\nendcmap end end"
    )
