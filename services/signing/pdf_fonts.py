"""Text in an embedded subset of one typeface: shaped by HarfBuzz, cut once per set of letters in a process.

A subset always holds digits and the punctuation of times, so that signatures of the same person share one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import uharfbuzz

from services.signing.appearance import Face, typeface
from services.signing.pdf_objects import Name, Raw, Ref, string, write, write_string

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
    glyphs: frozenset[int]


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
        frozenset(filter(None, (font.get_nominal_glyph(ord(c)) for c in _ALWAYS))),
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
    """The text of one appearance in one face; `add` takes an object in and returns its reference."""

    face: Face
    add: Callable[[Any], Any]
    _meaning: dict[int, str] = field(default_factory=dict)

    def shape(self, text: str, size: float = 1.0) -> Shaped:
        """The text as operators for a font of this size; its glyphs are in the subset from now on."""
        runs, advance, meanings = _shape(self.face, text)
        for glyph, said in meanings:
            if said or glyph not in self._meaning:
                self._meaning[glyph] = said
        shown = b" ".join(b"%.3f Ts[%b]TJ 0 Ts" % (rise * size, run) if rise else b"[%b]TJ" % run for rise, run in runs)
        spoken = b"/Span<</ActualText" + write_string(string(text)) + b"/Lang(vi)>>BDC "
        return Shaped(spoken + shown + b" EMC", advance)

    def embed(self) -> Any:
        """Write the font with the glyphs used so far; its reference."""
        cut = _cut(self.face)
        glyphs = frozenset(self._meaning) | cut.glyphs
        program, name, widths = _subset(self.face, glyphs)
        font_file = self.add(
            Written(
                b"<</Filter/FlateDecode/Length1 %d/Length %d>>\nstream\n" % (program.length, len(program.packed)),
                program.packed,
            )
        )
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
            "/FontFile2": _ref(font_file),
        }
        descendant = {
            "/Type": Name("/Font"),
            "/Subtype": Name("/CIDFontType2"),
            "/BaseFont": Name(f"/{name}"),
            "/CIDSystemInfo": {"/Registry": b"Adobe", "/Ordering": b"Identity", "/Supplement": 0},
            "/FontDescriptor": _ref(self.add(Written(write(descriptor)))),
            "/CIDToGIDMap": Name("/Identity"),
            "/DW": 0,
            "/W": Raw(widths),
        }
        unicode = _to_unicode(frozenset(self._meaning.items()))
        font = {
            "/Type": Name("/Font"),
            "/Subtype": Name("/Type0"),
            "/BaseFont": Name(f"/{name}"),
            "/Encoding": Name("/Identity-H"),
            "/DescendantFonts": [_ref(self.add(Written(write(descendant))))],
            "/ToUnicode": _ref(self.add(Written(b"<</Length %d>>\nstream\n" % len(unicode), unicode))),
        }
        return self.add(Written(write(font)))


@dataclass(frozen=True, slots=True)
class Written:
    """An object that is already bytes: a dictionary, or a stream's head with its data."""

    head: bytes
    data: bytes | None = None

    def write_to_stream(self, stream: Any, *_: Any, **__: Any) -> None:
        stream.write(self.head if self.data is None else self.head + self.data + b"\nendstream")


@dataclass(frozen=True, slots=True)
class _Program:
    packed: bytes
    length: int


@lru_cache(maxsize=256)
def _subset(face: Face, glyphs: frozenset[int]) -> tuple[_Program, str, bytes]:
    """The font program with these glyphs at their places, its name with a tag of its own, and /W as written."""
    cut = _cut(face)
    wanted = uharfbuzz.SubsetInput()
    wanted.glyph_set.update(glyphs)
    wanted.flags = uharfbuzz.SubsetFlags.RETAIN_GIDS | uharfbuzz.SubsetFlags.NO_LAYOUT_CLOSURE
    wanted.drop_table_tag_set.update({int.from_bytes(table) for table in _NOT_DRAWN})
    program = uharfbuzz.subset(cut.face, wanted).blob.data
    packed = zlib.compress(program, 9)
    checksum = zlib.crc32(program)
    tag = "".join(chr(ord("A") + (checksum // 26**place) % 26) for place in range(6))
    widths: list[Any] = []
    for glyph in sorted(glyphs):
        widths += [glyph, [round(cut.font.get_glyph_h_advance(glyph) * cut.scale)]]
    return _Program(packed, len(program)), f"{tag}+{cut.name}", write(widths)


@lru_cache(maxsize=1024)
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


def _ref(added: Any) -> Ref:
    """What a writer gave back, as a reference of ours."""
    return added if type(added) is Ref else Ref(added.idnum, added.generation)
