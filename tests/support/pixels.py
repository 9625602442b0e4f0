"""Two PDFs compared by what PDFium paints: whether a signed file looks as it did, outside of the boxes of its signatures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pypdfium2 as pdfium
from PIL import Image, ImageChops, ImageDraw

from services.signing.box import Box

SCALE = 1.5  # pixels a point
MOST_PIXELS = 12_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed on a page: the smallest box around it in shown points, and how many pixels differ."""

    box: Box
    pixels: int


def differences(
    before: bytes, after: bytes, allowed: Iterable[Box] = (), *, scale: float = SCALE, slack: float = 1.0
) -> list[Difference]:
    """Every page on which `after` looks other than `before` outside of the `allowed` boxes (grown by `slack` points).

    Annotations and form fields are painted in both. A page more or less, or of another size, differs as a whole.
    """
    boxes = list(allowed)
    old, new = _open(before), _open(after)
    try:
        pages = range(max(len(old), len(new)))
        pairs = ((n + 1, _painted(old, n, scale), _painted(new, n, scale)) for n in pages)
        found = [_differs(page, before, after, boxes, slack) for page, before, after in pairs]
    finally:
        old.close()
        new.close()
    return [difference for difference in found if difference]


def picture(pdf: bytes, page: int = 1, *, scale: float = SCALE) -> Image.Image:
    """A page (from 1) as PDFium paints it, annotations included."""
    document = _open(pdf)
    try:
        painted = _painted(document, page - 1, scale)
        assert painted is not None, f"there is no page {page}"
        return painted.image
    finally:
        document.close()


def _open(pdf: bytes) -> pdfium.PdfDocument:
    document = pdfium.PdfDocument(pdf)
    document.init_forms()
    return document


@dataclass(frozen=True, slots=True)
class _Painted:
    image: Image.Image
    scale: float


def _painted(document: pdfium.PdfDocument, index: int, scale: float) -> _Painted | None:
    if index >= len(document):
        return None
    page = document[index]
    try:
        width, height = page.get_size()
        fits = min(scale, (MOST_PIXELS / (width * height)) ** 0.5)
        return _Painted(page.render(scale=fits, draw_annots=True).to_pil().convert("RGB"), fits)
    finally:
        page.close()


def _differs(
    page: int, old: _Painted | None, new: _Painted | None, allowed: list[Box], slack: float
) -> Difference | None:
    if old is None or new is None or old.image.size != new.image.size:
        there = old or new
        assert there is not None  # the page is in one of both
        width, height = there.image.size
        return Difference(Box(page, 0, 0, width / there.scale, height / there.scale), width * height)
    scale = old.scale
    changed = ImageChops.difference(old.image, new.image).convert("L").point(lambda v: 255 if v else 0)
    cover = ImageDraw.Draw(changed)
    for box in (b.grown(slack) for b in allowed if b.page == page):
        cover.rectangle([box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale], fill=0)
    left = changed.getbbox()
    if left is None:
        return None
    return Difference(Box(page, *(edge / scale for edge in left)), changed.histogram()[255])
