"""Appearance streams: text, pictures and drawn seals as PDF forms with an embedded subset of one typeface."""

from __future__ import annotations

import io
import itertools
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from PIL import Image

from services.signing.appearance import (
    BLACK,
    BLUE,
    RED,
    Face,
    Look,
    SealLook,
    SignatureLook,
    TextLook,
    nfc,
    printed_time,
    unprintable,
)
from services.signing.pdf_fonts import Lettering, Writer, advance
from services.signing.pdf_objects import Name, Raw, Ref, Stream, write
from services.signing.refusals import BAD_PICTURE, TEXT_NOT_PRINTABLE
from shared.errors import Rejected

Colour = tuple[float, float, float]
MIN_SIZE = 4.0  # of a line that may not be broken
LEAST_SIZE = 1.5  # of anything: what is too small to read on paper can still be read on a screen
LEADING = 1.2  # of a letter's size, from base line to base line
_STEP = 0.94  # by which letters shrink until they fit
MIN_SEAL_SIZE = 2.5  # a name of twenty words on a seal of 36 mm
LEAST_TEXT_SIZE = 7.0  # on two lines; a longer text takes more lines instead
TEXT_SIZE = 10.0  # of a text-only signature
MAX_PIXELS = 16_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as an image object: its dictionary up to the entry that refers to `mask`, and its data."""

    width: int
    height: int
    about: bytes
    colours: bytes
    mask: Raw


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a canvas holds, to be put on others: operators, and what the glyphs of each face stand for."""

    ops: bytes
    meanings: tuple[tuple[Face, tuple[tuple[int, str], ...]], ...]


@dataclass(slots=True)
class Canvas:
    """One appearance, drawn upright in a box of `width` × `height` points with the origin bottom left."""

    width: float
    height: float
    _ops: list[bytes] = field(default_factory=list)
    _fonts: dict[Face, Lettering] = field(default_factory=dict)
    _pictures: list[Picture] = field(default_factory=list)

    def text_width(self, text: str, size: float, *, face: Face = Face.REGULAR) -> float:
        return advance(face, nfc(text)) * size

    def text(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        *,
        colour: Colour,
        face: Face = Face.REGULAR,
        turn: float = 0.0,
    ) -> None:
        """Text from (x, y) on its base line, turned counter-clockwise by `turn` radians."""
        text = nfc(text)
        missing = unprintable(text)
        if missing:
            raise Rejected(TEXT_NOT_PRINTABLE, character=missing, text=text)
        glyphs = self._font(face).shape(text, size).graphics_ops
        cos, sin = math.cos(turn), math.sin(turn)
        place = b"%.5f %.5f %.5f %.5f %.3f %.3f Tm" % (cos, sin, -sin, cos, x, y)
        font = b"/" + face.value.encode()
        self._ops.append(b"BT %b rg %b %.2f Tf %b %b ET" % (_rgb(colour), font, size, place, glyphs))

    def fitted(
        self, text: str, *, left: float, right: float, y: float, size: float, colour: Colour, face: Face = Face.REGULAR
    ) -> None:
        """Text centred between left and right, made smaller where it would not fit."""
        wide = self.text_width(text, 1, face=face)
        size = max(MIN_SIZE, min(size, (right - left) / wide if wide else size))
        self.text(text, (left + right - wide * size) / 2, y, size, colour=colour, face=face)

    def paragraphs(
        self,
        texts: Sequence[tuple[str, Face]],
        *,
        left: float,
        right: float,
        top: float,
        bottom: float,
        size: float,
        colour: Colour,
    ) -> None:
        """Texts under each other, each centred and broken over lines, all as large as the box allows, up to `size`."""
        height = top - bottom
        lines, size = _broken(tuple(texts), right - left, height, size)
        y = top - (height - len(lines) * size * LEADING) / 2
        for line, face in lines:
            y -= size * LEADING
            x = (left + right - self.text_width(line, size, face=face)) / 2
            self.text(line, x, y + 0.3 * size, size, colour=colour, face=face)

    def circle(self, x: float, y: float, radius: float, *, line: float, colour: Colour) -> None:
        k = radius * 0.5522848
        corners = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 0)]
        ops = [b"q %b RG %.2f w %.3f %.3f m" % (_rgb(colour), line, x + radius, y)]
        for (ax, ay), (bx, by) in itertools.pairwise(corners):
            ops.append(
                b"%.3f %.3f %.3f %.3f %.3f %.3f c"
                % (
                    x + ax * radius + bx * k,
                    y + ay * radius + by * k,
                    x + bx * radius + ax * k,
                    y + by * radius + ay * k,
                    x + bx * radius,
                    y + by * radius,
                )
            )
        self._ops.append(b" ".join([*ops, b"S Q"]))

    def star(self, x: float, y: float, radius: float, *, colour: Colour) -> None:
        points = []
        for i in range(10):
            angle = math.pi / 2 + i * math.pi / 5
            reach = radius if i % 2 == 0 else radius * 0.382
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        path = b" ".join(b"%.3f %.3f %b" % (px, py, b"l" if i else b"m") for i, (px, py) in enumerate(points))
        self._ops.append(b"q %b rg %b h f Q" % (_rgb(colour), path))

    def arc_text(self, text: str, x: float, y: float, radius: float, size: float, *, colour: Colour) -> None:
        """Text along the upper arc around (x, y), read clockwise, made smaller to span at most 300 degrees."""
        text = nfc(text)
        widths = [self.text_width(c, 1, face=Face.BOLD) * 1.06 for c in text]
        size = min(size, radius * math.radians(300) / (sum(widths) or 1))
        angle = math.pi / 2 + sum(widths) * size / radius / 2
        for char, wide in zip(text, widths, strict=True):
            middle = angle - wide * size / radius / 2
            px = x + radius * math.cos(middle) - wide * size / 2 * math.sin(middle)
            py = y + radius * math.sin(middle) + wide * size / 2 * math.cos(middle)
            self.text(char, px, py, size, colour=colour, face=Face.BOLD, turn=middle - math.pi / 2)
            angle -= wide * size / radius

    def picture(self, png: bytes, *, left: float, bottom: float, width: float, height: float) -> None:
        """A PNG fitted into a box, its proportions kept, centred."""
        drawn = _picture(png)
        scale = min(width / drawn.width, height / drawn.height)
        w, h = drawn.width * scale, drawn.height * scale
        self._pictures.append(drawn)
        self._ops.append(
            b"q %.3f 0 0 %.3f %.3f %.3f cm /I%d Do Q"
            % (w, h, left + (width - w) / 2, bottom + (height - h) / 2, len(self._pictures) - 1)
        )

    def drawn(self) -> Drawn:
        """What was drawn so far, without pictures."""
        meanings = ((face, tuple(lettering.meaning.items())) for face, lettering in self._fonts.items())
        return Drawn(b"\n".join(self._ops), tuple(meanings))

    def paste(self, drawn: Drawn) -> None:
        """What was drawn on a canvas of the same size."""
        self._ops.append(drawn.ops)
        for face, meanings in drawn.meanings:
            self._font(face).take(meanings)

    def form(self, writer: Writer, rotation: int) -> Ref:
        """The finished form XObject; on a page shown turned by `rotation` degrees it comes out upright."""
        resources: dict[str, Any] = {}
        if self._fonts:
            resources["/Font"] = {f"/{face}": lettering.embed(writer) for face, lettering in self._fonts.items()}
        if self._pictures:
            resources["/XObject"] = {f"/I{i}": _image(writer, picture) for i, picture in enumerate(self._pictures)}
        about = {
            "/Type": Name("/XObject"),
            "/Subtype": Name("/Form"),
            "/BBox": _numbers(0, 0, self.width, self.height),
            "/Matrix": _numbers(*_upright(rotation, self.width, self.height)),
            "/Resources": resources,
            "/Filter": Name("/FlateDecode"),
        }
        return writer.share(Raw(write(Stream(about, _packed(b"\n".join(self._ops))))))

    def _font(self, face: Face) -> Lettering:
        if face not in self._fonts:
            self._fonts[face] = Lettering(face)
        return self._fonts[face]


def draw(canvas: Canvas, look: Look) -> None:
    """Fill a canvas with a signature, a seal or a text line."""
    if isinstance(look, SignatureLook):
        _draw_signature(canvas, look)
    elif isinstance(look, SealLook):
        _draw_seal(canvas, look)
    else:
        _draw_text(canvas, look)


def _draw_signature(canvas: Canvas, look: SignatureLook) -> None:
    """Blue, between post and name (box 7c): the handwritten picture or the name, then who, in which post and when.

    The seal comes to lie over the left third, so what must stay legible is written right of it.
    """
    pad, third = 3.0, canvas.width / 3
    day, time = printed_time(look.signed_at).split("; ")
    share = 0.5 * canvas.height
    if look.picture:
        canvas.picture(look.picture, left=pad, bottom=share, width=canvas.width - 2 * pad, height=share - pad)
    else:
        canvas.paragraphs(
            [(look.name, Face.ITALIC)],
            left=pad,
            right=canvas.width - pad,
            top=canvas.height - 1,
            bottom=share,
            size=20.0,
            colour=BLUE,
        )
    canvas.paragraphs(
        [(f"Ký bởi: {look.name}", Face.BOLD), (look.post, Face.REGULAR), (f"{day} {time}", Face.REGULAR)],
        left=third + pad,
        right=canvas.width - pad,
        top=share,
        bottom=1.0,
        size=8.0,
        colour=BLUE,
    )


def _draw_seal(canvas: Canvas, look: SealLook) -> None:
    """Red, at actual size; without a picture two rings, the parent body around, star and agency inside."""
    if look.picture:
        canvas.picture(look.picture, left=0, bottom=0, width=canvas.width, height=canvas.height)
    else:
        canvas.paste(_seal(look, canvas.width, canvas.height))


@lru_cache(maxsize=256)
def _seal(look: SealLook, width: float, height: float) -> Drawn:
    """An agency's seal, which is the same on each of its documents."""
    canvas = Canvas(width, height)
    x, y, radius = width / 2, height / 2, min(width, height) / 2
    canvas.circle(x, y, radius - 1.0, line=2.0, colour=RED)  # its outer edge is the seal's edge
    canvas.circle(x, y, radius - 3.6, line=0.6, colour=RED)
    canvas.circle(x, y, radius * 0.68, line=0.6, colour=RED)
    around = nfc(look.parent or "Cộng hòa xã hội chủ nghĩa Việt Nam").upper()
    canvas.arc_text(around, x, y, radius * 0.75, radius * 0.155, colour=RED)
    canvas.star(x, y - radius * 0.80, radius * 0.085, colour=RED)
    canvas.star(x, y + radius * 0.36, radius * 0.2, colour=RED)
    lines, letters = _in_circle(look.agency, radius)
    for line, down in lines:
        wide = canvas.text_width(line, letters, face=Face.BOLD)
        canvas.text(line, x - wide / 2, y - down, letters, colour=RED, face=Face.BOLD)
    return canvas.drawn()


@lru_cache(maxsize=16)
def _picture(png: bytes) -> Picture:
    """A PNG of at most MAX_PIXELS as an image with a soft mask (ISO 32000-2, 11.6.5.2); Rejected(bad_picture) for others."""
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Rejected(BAD_PICTURE, limit_kb=512)
            drawn = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Rejected(BAD_PICTURE, limit_kb=512) from error
    about = {
        "/Type": Name("/XObject"),
        "/Subtype": Name("/Image"),
        "/Width": drawn.width,
        "/Height": drawn.height,
        "/BitsPerComponent": 8,
        "/Filter": Name("/FlateDecode"),
    }
    mask, colours = (zlib.compress(drawn.getchannel("A").tobytes()), zlib.compress(drawn.convert("RGB").tobytes()))
    return Picture(
        drawn.width,
        drawn.height,
        write({**about, "/ColorSpace": Name("/DeviceRGB"), "/Length": len(colours)}).removesuffix(b">>"),
        colours,
        Raw(write(Stream({**about, "/ColorSpace": Name("/DeviceGray")}, mask))),
    )


def _image(writer: Writer, picture: Picture) -> Ref:
    mask = b"/SMask %d %d R>>\nstream\n" % writer.share(picture.mask)
    return writer.share(Raw(b"".join((picture.about, mask, picture.colours, b"\nendstream"))))


@lru_cache(maxsize=256)
def _packed(ops: bytes) -> bytes:
    """A seal's operators are compressed once."""
    return zlib.compress(ops)


@lru_cache(maxsize=512)
def _broken(
    texts: tuple[tuple[str, Face], ...], width: float, height: float, size: float
) -> tuple[list[tuple[str, Face]], float]:
    """Texts as lines of at most `width` points that together are at most `height` high, and the size of the letters."""
    while True:
        lines = [(line, face) for text, face in texts for line in wrapped(text, width / size, face)]
        if len(lines) * size * LEADING <= height or size < LEAST_SIZE:
            return lines, size
        size *= _STEP


def wrapped(text: str, width: float, face: Face) -> list[str]:
    """The text in lines of at most `width` em, broken at spaces; a word that is too long is cut."""
    lines: list[str] = []
    for word in nfc(text).split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and advance(face, joined) <= width:
            lines[-1] = joined
            continue
        rest = word
        while len(rest) > 1 and advance(face, rest) > width:
            cut = next((n for n in range(len(rest) - 1, 1, -1) if advance(face, rest[:n]) <= width), 1)
            lines.append(rest[:cut])
            rest = rest[cut:]
        lines.append(rest)
    return lines


@lru_cache(maxsize=512)
def _in_circle(agency: str, radius: float) -> tuple[list[tuple[str, float]], float]:
    """The agency's name in lines under the star, each with how far below the middle its base line is, and the size of
    the letters: as large as the inner ring allows, which is narrower the lower a line stands.
    """
    size = radius * 0.17
    while (lines := _filled(nfc(agency).upper().split(), radius * 0.64, size)) is None:
        size *= _STEP
    return lines, size


def _filled(words: list[str], inner: float, size: float) -> list[tuple[str, float]] | None:
    """Lines filled one after the other; None when they leave the ring. The smallest letters are taken as they come."""
    lines: list[tuple[str, float]] = []
    down = size  # the capitals of the first line begin just under the middle
    while words:
        half = math.sqrt(max(inner**2 - (down + 0.25 * size) ** 2, 0.0))
        fits = (n for n in range(len(words), 0, -1) if advance(Face.BOLD, " ".join(words[:n])) * size <= 2 * half)
        taken = next(fits, 0)
        if taken == 0 and size > MIN_SEAL_SIZE:
            return None
        taken = taken or len(words)
        lines.append((" ".join(words[:taken]), down))
        words = words[taken:]
        down += size * LEADING
    return lines


def _draw_text(canvas: Canvas, look: TextLook) -> None:
    """Black, size 10: on one line or, where that is too long, on two, broken after a semicolon if that helps."""
    lines, room = [look.text], canvas.width - 2
    for after in ("; ", " "):
        if max(canvas.text_width(line, TEXT_SIZE) for line in lines) > room:
            lines = _two_lines(look.text, after)
    if max(canvas.text_width(line, LEAST_TEXT_SIZE) for line in lines) > room:
        box = {"left": 1.0, "right": canvas.width - 1, "top": canvas.height, "bottom": 0.0}
        canvas.paragraphs([(look.text, Face.REGULAR)], **box, size=TEXT_SIZE, colour=BLACK)
        return
    leading = canvas.height / len(lines)
    for n, line in enumerate(lines):
        y = canvas.height - (n + 0.5) * leading - 0.3 * TEXT_SIZE
        canvas.fitted(line, left=1, right=canvas.width - 1, y=y, size=TEXT_SIZE, colour=BLACK)


def _two_lines(text: str, after: str) -> list[str]:
    """As even as breaks after these characters allow; a text without any stays one line."""
    parts = text.split(after)
    breaks = [[(after.join(parts[:n]) + after).strip(), after.join(parts[n:])] for n in range(1, len(parts))]
    return min(breaks, key=lambda lines: max(map(len, lines)), default=[text])


def _upright(rotation: int, width: float, height: float) -> tuple[float, float, float, float, float, float]:
    return {
        90: (0, 1, -1, 0, height, 0),
        180: (-1, 0, 0, -1, width, height),
        270: (0, -1, 1, 0, 0, width),
    }.get(rotation, (1, 0, 0, 1, 0, 0))


def _numbers(*values: float) -> list[float]:
    return [round(v, 3) for v in values]


def _rgb(colour: Colour) -> bytes:
    return b"%.3f %.3f %.3f" % colour
