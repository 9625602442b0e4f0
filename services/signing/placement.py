"""Where number, date, signatures and seal stand: found in the text layer, else the boxes of Decree 30/2020.

Pure geometry over bytes. Every box is in points on the page *as shown* (after /Rotate), origin top left, so
that a page preview, the clerk's corrections and the tests speak of the same place.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.signing.box import MM, Box
from services.signing.signature_block import Sought, find_blocks, layout_blocks, recipients
from services.signing.text_layer import Char, Page, TextLayer, open_text_layer

__all__ = [
    "MM",
    "NUMBER_SIZE",
    "SEAL_DIAMETER_MM",
    "Area",
    "Blank",
    "Box",
    "Places",
    "Sought",
    "columns",
    "default_places",
    "find_places",
    "place_seal",
    "seal_box",
    "signature_box",
]

# Decree 30/2020, annex I: margins of an A4 page, of which the boxes below are fractions.
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 30 * MM, 15 * MM, 20 * MM, 20 * MM
NUMBER_SIZE = 13.0
SEAL_DIAMETER_MM = 38.0
SIGNATURE_WIDTH_MM = 55.0
_HEAD = 0.5  # of a page's height: number and date stand above
# Read without blanks, filling dots and marks: "Số:      /QĐ-UBND", "ngày … tháng … năm 2026". A typed day or month
# is no blank, but one of both may be typed already.
_NUMBER = re.compile(r"so:?[/-]")
_DATE = re.compile(r"ngay(?P<d>\d{0,2})(?P<month>thang)(?P<m>\d{0,2})(?P<year>nam)")


@dataclass(frozen=True, slots=True)
class Blank:
    """A blank to write into. `baseline` is the y of the line's base line; `found` is False for a mere default."""

    box: Box
    baseline: float
    found: bool = True


@dataclass(frozen=True, slots=True)
class Area:
    """The room of a signature between post and name (box 7c); `found` is False for a mere default.

    `basis` says by what it was found: name_post, name, post (another name stands under it, or none), layout (the only
    room for a signature there); else default.
    """

    box: Box
    found: bool = True
    basis: str = "layout"


@dataclass(frozen=True, slots=True)
class Places:
    """What find_places returns. `text_layer` is "good", "unreadable" or "none".

    `signatures` are those of the signers asked for, in their order; `signature` is the first. `keep_clear` are texts
    that no seal should cover, "Nơi nhận" above all. `width` is that of the first signer's page.
    """

    number: Blank
    day: Blank
    month: Blank
    signature: Area
    text_layer: str
    width: float = 0.0
    signatures: tuple[Area, ...] = ()
    keep_clear: tuple[Box, ...] = field(default=(), repr=False)

    @property
    def complete(self) -> bool:
        """Whether nothing has to be asked from the clerk."""
        blanks = all(blank.found for blank in (self.number, self.day, self.month))
        return blanks and all(area.found for area in (self.signature, *self.signatures))


def find_places(pdf: bytes, signers: Sequence[Sought] = ()) -> Places:
    """The places of a document laid out after Decree 30/2020 annex I, for a PDF that `pdf.inspect` accepted.

    What the text layer does not tell comes back as the decree's own box with `found=False`. Without `signers` the
    first room for a signature is found whoever's it is.
    """
    with open_text_layer(pdf) as layer:
        return _find_places(layer, signers)


def signature_box(area: Area) -> Box:
    """The field of a signature in its area: centred, at least 55 mm wide so that name and time can be read."""
    box = area.box
    middle, half = box.middle[0], max(box.width, SIGNATURE_WIDTH_MM * MM) / 2
    return replace(box, x0=middle - half, x1=middle + half)


def columns(areas: Sequence[Area], page_width: float) -> list[Box]:
    """The fields of several signatures: where two would overlap, as in narrow tables, each keeps to its half."""
    boxes = [_inside(signature_box(area), page_width) for area in areas]
    for n, m in itertools.combinations(range(len(boxes)), 2):
        if boxes[n].overlap(boxes[m]) > 0:
            left, right = sorted((n, m), key=lambda k: boxes[k].middle[0])
            between = (boxes[left].middle[0] + boxes[right].middle[0]) / 2
            boxes[left] = replace(boxes[left], x1=min(boxes[left].x1, between - 1))
            boxes[right] = replace(boxes[right], x0=max(boxes[right].x0, between + 1))
    return boxes


def seal_box(signature: Box, diameter_mm: float = SEAL_DIAMETER_MM) -> Box:
    """The agency's seal at its actual size, over the left third of the person's signature (box 8)."""
    diameter = diameter_mm * MM
    right = signature.x0 + signature.width / 3
    middle = (signature.y0 + signature.y1) / 2
    return Box(signature.page, right - diameter, middle - diameter / 2, right, middle + diameter / 2)


def place_seal(signature: Box, diameter_mm: float, keep_clear: Sequence[Box]) -> tuple[Box, bool]:
    """The seal's box, and whether it had to be moved: off the left edge, or off a text that it must not cover.

    It goes right as far as needed, but never past the middle of the signature; what it still covers then can't be helped.
    """
    wanted = seal_box(signature, diameter_mm)
    box = wanted.moved(dx=max(0.0, 3 * MM - wanted.x0))
    furthest = signature.middle[0] - wanted.width / 2
    step = MM
    while any(box.overlap(text) > 0 for text in keep_clear) and box.x0 + step <= max(furthest, wanted.x0):
        box = box.moved(dx=step)
    return box, box != wanted


def default_places(width: float, height: float, last_page: int, *, text_layer: str) -> Places:
    """The decree's boxes on a page of the given size in points, signature on `last_page`, nothing found."""
    text_width, text_height = width - MARGIN_LEFT - MARGIN_RIGHT, height - MARGIN_TOP - MARGIN_BOTTOM

    def box(page: int, x: float, y: float, w: float, h: float) -> Box:
        left, top = MARGIN_LEFT + text_width * x, MARGIN_TOP + text_height * y
        return Box(page, left, top, left + text_width * w, top + text_height * h)

    def blank(x: float, w: float) -> Blank:
        place = box(1, x, 0.053, w, 0.023)
        return Blank(place, place.y0 + 0.75 * place.height, found=False)

    return Places(
        number=blank(0.126, 0.062),
        day=blank(0.665, 0.042),
        month=blank(0.77, 0.042),
        signature=Area(box(last_page, 0.597, 0.783, 0.243, 0.14), found=False, basis="default"),
        text_layer=text_layer,
        width=width,
    )


def _find_places(layer: TextLayer, signers: Sequence[Sought]) -> Places:
    first = layer.page(0)
    readable = bool(first.chars) and not first.unreadable
    text_layer = "good" if readable else "unreadable" if first.unreadable else "none"
    places = default_places(first.width, first.height, len(layer), text_layer=text_layer)
    if not readable:
        return replace(places, signatures=_by_default(places.signature, first.width, len(signers)))
    number, day, month = _head_blanks(layer)
    areas = _areas(layer, signers, places.signature)
    on_pages = dict.fromkeys(area.box.page for area in areas)
    lists = (recipients(layer.page(page - 1)) for page in on_pages)
    return replace(
        places,
        number=number or places.number,
        day=day or places.day,
        month=month or places.month,
        signature=areas[0],
        width=layer.size(areas[0].box.page - 1)[0],
        signatures=areas if signers else (),
        keep_clear=tuple(box for box in lists if box),
    )


def _areas(layer: TextLayer, signers: Sequence[Sought], default: Area) -> tuple[Area, ...]:
    """A room for each signer; those without one of their own get a free spot beside the others, marked as not found."""
    if not signers:
        return (_first_room(layer) or default,)
    blocks = find_blocks(layer, signers)
    known = [b.box for b in blocks if b]
    missing = len(signers) - len(known)
    if missing and known:
        default = replace(default, box=replace(default.box, page=known[0].page, y0=known[0].y0, y1=known[0].y1))
    page = layer.page(default.box.page - 1) if missing else None
    spare = list(_by_default(default, page.width if page else 0, missing)) if missing else []
    areas: list[Area] = []
    for block in blocks:
        if block:
            areas.append(Area(block.box, basis=block.basis))
        else:
            assert page is not None  # noqa: S101  somebody is missing
            area = spare.pop(0)
            box = _free_spot(page, area.box, [*known, *(a.box for a in areas if not a.found)])
            areas.append(replace(area, box=box))
    return tuple(areas)


def _first_room(layer: TextLayer) -> Area | None:
    for index in range(len(layer)):
        if "noinhan" not in layer.hints(index)[0]:
            continue
        page = layer.page(index)
        if recipients(page) and (blocks := layout_blocks(page)):
            return Area(max(blocks, key=lambda b: b.box.x0).box)
    return None


def _by_default(area: Area, page_width: float, count: int) -> tuple[Area, ...]:
    """The decree's box for one signer; several stand beside each other over the width of the text, first at the left."""
    if count <= 1:
        return (area,) * count
    width = (page_width - MARGIN_LEFT - MARGIN_RIGHT) / count
    gap = min(3 * MM, width / 10)
    lefts = [MARGIN_LEFT + n * width for n in range(count)]
    return tuple(replace(area, box=replace(area.box, x0=x + gap, x1=x + width - gap)) for x in lefts)


def _free_spot(page: Page, wanted: Box, taken: Sequence[Box]) -> Box:
    """The spot nearest to the wanted one that covers no text and no other's room; the wanted one where none is."""
    size = max(wanted.width, SIGNATURE_WIDTH_MM * MM)
    middle = wanted.middle[0]
    wanted = _inside(replace(wanted, x0=middle - size / 2, x1=middle + size / 2), page.width)
    texts = [*(p.box for p in page.pieces), *taken]
    step = 8 * MM
    across = [n * step for n in range(-int(wanted.x0 / step), int((page.width - wanted.x1) / step) + 1)]
    down = [n * step for n in range(-int(wanted.y0 / step), int((page.height - wanted.y1) / step) + 1)]
    spots = sorted(((dx, dy) for dx in across for dy in down), key=lambda d: abs(d[0]) + abs(d[1]))
    for dx, dy in spots:
        spot = wanted.moved(dx, dy)
        if not any(spot.overlap(text) for text in texts):
            return spot
    return wanted


def _inside(box: Box, page_width: float) -> Box:
    if not page_width:
        return box
    return box.moved(dx=max(0.0, -box.x0) - max(0.0, box.x1 - page_width))


# --- number and date


def _head_blanks(layer: TextLayer) -> tuple[Blank | None, Blank | None, Blank | None]:
    """Number, day and month from the heads of the first two pages: a cover may come before the document."""
    number: Blank | None = None
    day: Blank | None = None
    month: Blank | None = None
    for index in range(min(2, len(layer))):
        page = layer.page(index)
        number = number or _number_blank(page)
        if day is None:
            day, month = _date_blanks(page)
        if number and day:
            break
    return number, day, month


def _folded(line: Sequence[Char]) -> tuple[list[Char], str]:
    """Characters without lone marks, which NFD texts have between the letters, and what they say, unmarked and lower."""
    letters, said = [], []
    for char in line:
        split = unicodedata.normalize("NFD", char.text)
        plain = "".join(c for c in split if not unicodedata.combining(c)).lower()
        if plain:
            letters.append(char)
            said.append(plain[0])
    return letters, "".join(said)


def _between(page: Page, left: Char, right: Char, line: Sequence[Char]) -> Blank | None:
    """Between two characters of a line; None when nothing can be written there."""
    if right.x0 - left.x1 < 4:
        return None
    top, bottom = min(c.y0 for c in line), max(c.y1 for c in line)
    return Blank(Box(page.number, left.x1, top, right.x0, bottom), left.baseline)


def _number_blank(page: Page) -> Blank | None:
    """Between "Số:" and the stroke of the symbol, in the head of the page (box 3); the colon may be missing."""
    for letters, said in map(_folded, page.lines):
        if letters and letters[0].y0 > _HEAD * page.height:
            break
        for word in _NUMBER.finditer(said):
            last, stroke = word.end() - 2, word.end() - 1
            if blank := _between(page, letters[last], letters[stroke], letters[word.start() : word.end()]):
                return blank
    return None


def _date_blanks(page: Page) -> tuple[Blank | None, Blank | None]:
    """After "ngày" and after "tháng" of the line of place and date (box 4); what is typed already is no blank."""
    for letters, said in map(_folded, page.lines):
        if letters and letters[0].y0 > _HEAD * page.height:
            break
        if date := _DATE.search(said):
            words = letters[date.start() : date.end()]
            month, year = date.start("month"), date.start("year")
            return (
                None if date["d"] else _between(page, letters[month - 1], letters[month], words),
                None if date["m"] else _between(page, letters[year - 1], letters[year], words),
            )
    return None, None
