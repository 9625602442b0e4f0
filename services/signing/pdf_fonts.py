"""Text in an embedded subset of one typeface: shaped by HarfBuzz, cut once per set of letters in a process.

A subset always holds digits and the punctuation of times, so that signatures of the same person share one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Protocol

import uharfbuzz

from services.signing.appearance import Face, typeface
from services.signing.pdf_objects import Name, Raw, Ref, Stream, string, write, write_string

_ALWAYS = "0123456789/:;.,+- "
_NOT_DRAWN = (b"GSUB", b"GPOS", b"GDEF", b"STAT", b"DSIG")
_SYMBOLIC = 4
_ITALIC = 64
_CMAP_HEAD = (
    b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap\n"
    b"/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
    b"/CMapName/Adobe-Identity-UCS def/CMapType 2 def\n1 begincodespacerange\n<0000><FFFF>\nendcodespacerange\n"
)
_CMAP_TAIL = b"endcmap CMapName currentdict/CMap defineresource pop end end"
_CMAP_CHUNK = 100


class Writer(Protocol):
    """What takes finished objects in (pdf_update.Update)."""

    def share(self, value: Raw) -> Ref: ...


@dataclass(frozen=True, slots=True)
class Shaped:
    """Glyphs as content stream operators; `x_advance` in em."""

    graphics_ops: bytes
    x_advance: float


@dataclass(frozen=True, slots=True)
class _Cut:
    """One face as HarfBuzz and a PDF font descriptor see it, in thousandths of an em."""

    font: uharfbuzz.Font
    face: uharfbuzz.Face
    scale: float
    name: str
    box: tuple[int, int, int, int]
    ascent: int
    descent: int
    capitals: int
    angle: int
    glyphs: dict[int, str]


@cache
def _cut(face: Face) -> _Cut:
    import io

    from fontTools.ttLib import TTFont

    opened = TTFont(io.BytesIO(typeface(face)))
    blob = uharfbuzz.Face(typeface(face))
    font = uharfbuzz.Font(blob)
    head, wide, metrics = opened["head"], opened["hhea"], opened["OS/2"]
    scale = 1000 / head.unitsPerEm
    name = next(record.toUnicode() for record in opened["name"].names if record.nameID == 6)
    return _Cut(
        font,
        blob,
        scale,
        name,
        (round(head.xMin * scale), round(head.yMin * scale), round(head.xMax * scale), round(head.yMax * scale)),
        round(wide.ascent * scale),
        round(wide.descent * scale),
        round(getattr(metrics, "sCapHeight", 700) * scale),
        round(opened["post"].italicAngle),
        {glyph: c for c in _ALWAYS if (glyph := font.get_nominal_glyph(ord(c)))},
    )


@lru_cache(maxsize=4096)
def _shape(face: Face, text: str) -> tuple[tuple[tuple[float, bytes], ...], float, tuple[tuple[int, str], ...]]:
    """Runs of one rise (in em) as the elements of a TJ array, the advance in em, and what each glyph stands for."""
    if not text:
        return (), 0.0, ()
    cut = _cut(face)
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(cut.font, buffer, {"liga": False, "dlig": False, "clig": False})
    runs: list[tuple[float, list[bytes]]] = []
    pending, advance = 0.0, 0
    infos, positions = buffer.glyph_infos, buffer.glyph_positions
    for info, position in zip(infos, positions, strict=True):
        rise = position.y_offset * cut.scale / 1000
        if not runs or runs[-1][0] != rise:
            runs.append((rise, []))
        shift = round((pending + position.x_offset) * cut.scale)
        if shift:
            runs[-1][1].append(b"%d" % -shift)
        runs[-1][1].append(b"<%04X>" % info.codepoint)
        pending = position.x_advance - cut.font.get_glyph_h_advance(info.codepoint) - position.x_offset
        advance += position.x_advance
    return (
        tuple((rise, b"".join(parts).replace(b"><", b"")) for rise, parts in runs),
        advance * cut.scale / 1000,
        tuple(_meanings(text, infos)),
    )


def advance(face: Face, text: str) -> float:
    """How wide a text is, in em; nothing is taken into a subset for it."""
    return _shape(face, text)[1]


def _meanings(text: str, infos: Any) -> list[tuple[int, str]]:
    """Glyph and text for each cluster; the first glyph of a cluster gets all of its text."""
    clusters = sorted({info.cluster for info in infos})
    ends = dict(zip(clusters, [*clusters[1:], len(text)], strict=True))
    found, seen = [], set[int]()
    for info in infos:
        if info.codepoint and info.cluster not in seen:
            seen.add(info.cluster)
            found.append((info.codepoint, text[info.cluster : ends[info.cluster]]))
        elif info.codepoint:
            found.append((info.codepoint, ""))
    return found


@dataclass(slots=True)
class Lettering:
    """The text of one appearance in one face. `meaning` is what each glyph stands for, those that a subset always has included."""

    face: Face
    meaning: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self.meaning = dict(_cut(self.face).glyphs)

    def shape(self, text: str, size: float = 1.0) -> Shaped:
        """The text as operators for a font of this size; its glyphs are in the subset from now on."""
        runs, advance, meanings = _shape(self.face, text)
        self.take(meanings)
        shown = b" ".join(b"%.3f Ts[%b]TJ 0 Ts" % (rise * size, run) if rise else b"[%b]TJ" % run for rise, run in runs)
        spoken = b"/Span<</ActualText" + write_string(string(text)) + b"/Lang(vi)>>BDC "
        return Shaped(spoken + shown + b" EMC", advance)

    def take(self, meanings: Iterable[tuple[int, str]]) -> None:
        """Glyphs for the subset, with what they stand for."""
        for glyph, said in meanings:
            if said or glyph not in self.meaning:
                self.meaning[glyph] = said

    def embed(self, writer: Writer) -> Ref:
        """Write the font with the glyphs used so far; its reference."""
        written = _written(self.face, frozenset(self.meaning.items()))
        program = writer.share(written.program)
        descriptor = writer.share(Raw(written.descriptor + b" %d %d R>>" % program))
        descendant = writer.share(Raw(written.descendant + b" %d %d R>>" % descriptor))
        unicode = writer.share(written.unicode)
        return writer.share(
            Raw(written.font + b"/DescendantFonts[%d %d R]/ToUnicode %d %d R>>" % (*descendant, *unicode))
        )


@dataclass(frozen=True, slots=True)
class _Written:
    """A font's objects: the dictionaries up to their last entries, which refer to the object before them."""

    program: Raw
    descriptor: bytes
    descendant: bytes
    unicode: Raw
    font: bytes


@lru_cache(maxsize=256)
def _written(face: Face, meaning: frozenset[tuple[int, str]]) -> _Written:
    cut = _cut(face)
    program, name, widths = _subset(face, frozenset(glyph for glyph, _ in meaning))
    descriptor = {
        "/Type": Name("/FontDescriptor"),
        "/FontName": Name(f"/{name}"),
        "/Flags": _SYMBOLIC | (_ITALIC if cut.angle else 0),
        "/FontBBox": list(cut.box),
        "/ItalicAngle": cut.angle,
        "/Ascent": cut.ascent,
        "/Descent": cut.descent,
        "/CapHeight": cut.capitals,
        "/StemV": 90,
    }
    descendant = {
        "/Type": Name("/Font"),
        "/Subtype": Name("/CIDFontType2"),
        "/BaseFont": Name(f"/{name}"),
        "/CIDSystemInfo": {"/Registry": b"Adobe", "/Ordering": b"Identity", "/Supplement": 0},
        "/CIDToGIDMap": Name("/Identity"),
        "/DW": 0,
        "/W": Raw(widths),
    }
    font = {
        "/Type": Name("/Font"),
        "/Subtype": Name("/Type0"),
        "/BaseFont": Name(f"/{name}"),
        "/Encoding": Name("/Identity-H"),
    }
    return _Written(
        program,
        _open(descriptor, "/FontFile2"),
        _open(descendant, "/FontDescriptor"),
        Raw(write(Stream({}, _to_unicode(meaning)))),
        _open(font),
    )


def _open(about: dict[str, Any], *key: str) -> bytes:
    """A dictionary as bytes, up to the value of this key, which comes later."""
    return b"".join((write(about).removesuffix(b">>"), *(each.encode() for each in key)))


@lru_cache(maxsize=256)
def _subset(face: Face, glyphs: frozenset[int]) -> tuple[Raw, str, bytes]:
    """The font program with these glyphs at their places, its name with a tag of its own, and /W as written."""
    cut = _cut(face)
    wanted = uharfbuzz.SubsetInput()
    wanted.glyph_set.update(glyphs)
    wanted.flags = uharfbuzz.SubsetFlags.RETAIN_GIDS | uharfbuzz.SubsetFlags.NO_LAYOUT_CLOSURE
    wanted.drop_table_tag_set.update({int.from_bytes(table) for table in _NOT_DRAWN})
    program = uharfbuzz.subset(cut.face, wanted).blob.data
    packed = {"/Filter": Name("/FlateDecode"), "/Length1": len(program)}
    checksum = zlib.crc32(program)
    tag = "".join(chr(ord("A") + (checksum // 26**place) % 26) for place in range(6))
    widths: list[Any] = []
    for glyph in sorted(glyphs):
        widths += [glyph, [round(cut.font.get_glyph_h_advance(glyph) * cut.scale)]]
    return Raw(write(Stream(packed, zlib.compress(program, 9)))), f"{tag}+{cut.name}", write(widths)


def _to_unicode(meaning: frozenset[tuple[int, str]]) -> bytes:
    """A CMap from glyphs to text (9.10.3); a glyph that only shares another one's text has no line."""
    lines = [
        b"<%04X><%b>" % (glyph, said.encode("utf-16-be").hex().upper().encode("ascii"))
        for glyph, said in sorted(meaning)
        if said
    ]
    out = [_CMAP_HEAD]
    for at in range(0, len(lines), _CMAP_CHUNK):
        chunk = lines[at : at + _CMAP_CHUNK]
        out.append(b"%d beginbfchar\n%b\nendbfchar\n" % (len(chunk), b"\n".join(chunk)))
    return b"".join((*out, _CMAP_TAIL))
