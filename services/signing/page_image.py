"""A page of a PDF as a small PNG, for people to look at: bounded in pixels whatever the page, few colours for slow lines."""

from __future__ import annotations

import io

import pypdfium2 as pdfium
from PIL import Image

from services.signing.refusals_places import PAGE_MISSING
from services.signing.text_layer import pdfium_lock
from shared.errors import Rejected

WIDTHS = (360, 720, 1080)  # pixels
MOST_HEIGHT = 4000
_COLOURS = 32


def draw_page(pdf: bytes, page: int, width: int) -> bytes:
    """Page `page` (from 1) as shown, `width` pixels wide or less where it is very long; Rejected(page_missing)."""
    with pdfium_lock:
        document = pdfium.PdfDocument(pdf)
        try:
            if not 1 <= page <= len(document):
                raise Rejected(PAGE_MISSING, page=page, pages=len(document))
            document.init_forms()
            drawn = document[page - 1]
            try:
                scale = min(width / drawn.get_width(), MOST_HEIGHT / drawn.get_height())
                image: Image.Image = drawn.render(scale=scale, draw_annots=True).to_pil()
            finally:
                drawn.close()
        finally:
            document.close()
    out = io.BytesIO()
    image.convert("RGB").quantize(_COLOURS, method=Image.Quantize.FASTOCTREE).save(out, "PNG", compress_level=6)
    return out.getvalue()
