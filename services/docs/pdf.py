"""The cheap look at an uploaded file, said at once; its text and its pages as pictures. The only module with pypdfium2.

`read_text` and `draw_page` are for a workshop's process: they may take seconds, and a hostile file may kill them.
"""

from __future__ import annotations

import io
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from services.docs.finding.refusals import PAGE_MISSING
from shared.errors import EMPTY_FILE, NOT_A_PDF, PDF_DAMAGED, PDF_PASSWORD, PDF_RESTRICTED, Rejected

MM = 25.4 / 72  # of a PDF unit
HEADER = b"%PDF-"
HEADER_WITHIN = 1024  # bytes; readers accept junk before the header up to here (ISO 32000-1 annex H.3.4.1)
MEMORY = 3 * 1024**3  # bytes that a process may take for somebody's file
MAX_PAGES_READ = 2000
MOST_HEIGHT = 4000  # pixels of a drawn page
COLOURS = 32  # of a PNG: text on paper needs no more, and a slow line is glad
Format = Literal["png", "webp"]

_one_at_a_time = threading.Lock()  # PDFium keeps global state: two threads in it crash the process


def count_pages(path: Path) -> int:
    """The page count of a readable, unencrypted PDF; refuses anything else with the reason."""
    with path.open("rb") as file:
        start = file.read(HEADER_WITHIN)
    if not start:
        raise Rejected(EMPTY_FILE)
    if HEADER not in start:
        raise Rejected(NOT_A_PDF)
    with _one_at_a_time:
        return _count(path)


def _count(path: Path) -> int:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        password = raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD
        raise Rejected(PDF_PASSWORD if password else PDF_DAMAGED) from error
    try:
        if raw.FPDF_GetSecurityHandlerRevision(document.raw) != -1:
            raise Rejected(PDF_RESTRICTED)
        pages = len(document)
    finally:
        document.close()
    if pages == 0:
        raise Rejected(PDF_DAMAGED)
    return pages


# --- in a process of its own, with no more than MEMORY


@contextmanager
def _opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        password = raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD
        raise Rejected(PDF_PASSWORD if password else PDF_DAMAGED) from error
    try:
        yield document
    finally:
        document.close()


def read_text(path: Path, limit: int) -> tuple[str, int]:
    """The text layer, NFC, pages divided by form feeds, at most so many characters; and how many pages there are."""
    found: list[str] = []
    left = limit
    with _opened(path) as document:
        pages = len(document)
        for n in range(min(pages, MAX_PAGES_READ)):
            try:
                page = document[n]
            except pypdfium2.PdfiumError:
                found.append("")  # one page is broken: the others are read
                continue
            layer = page.get_textpage()
            found.append(_plain(layer.get_text_range(errors="ignore"))[:left])
            layer.close()
            page.close()
            left -= len(found[-1])
            if left <= 0:
                break
    return "\f".join(found), pages


def _plain(text: str) -> str:
    """NFC, lines kept, no control characters and no halves of characters."""
    composed = unicodedata.normalize("NFC", text.encode(errors="ignore").decode(errors="ignore"))
    lines = (
        " ".join("".join(c for c in line if c.isprintable() or c == "\t").split()) for line in composed.splitlines()
    )
    return "\n".join(line for line in lines if line)


def draw_page(path: Path, page: int, width: int, kind: Format) -> tuple[bytes, int]:
    """Page `page` (from 1) as shown, `width` pixels wide or less where it is very long; and how many pages there are."""
    with _opened(path) as document:
        pages = len(document)
        if not 1 <= page <= pages:
            raise Rejected(PAGE_MISSING, page=page, pages=pages)
        document.init_forms()
        drawn = document[page - 1]
        # Half a pixel less, since PDFium rounds up.
        scale = min((width - 0.5) / max(drawn.get_width(), 1), (MOST_HEIGHT - 0.5) / max(drawn.get_height(), 1))
        image: Image.Image = drawn.render(scale=scale, draw_annots=True).to_pil().convert("RGB")
        drawn.close()
    out = io.BytesIO()
    if kind == "webp":
        image.save(out, "WEBP", quality=55, method=4)
    else:
        image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(out, "PNG", compress_level=6)
    return out.getvalue(), pages


# --- a rendition for print


def page_sizes(path: Path) -> list[tuple[float, float]]:
    """Width and height of each page as shown, mm."""
    with _opened(path) as document:
        return [(w * MM, h * MM) for w, h in (document.get_page_size(n) for n in range(len(document)))]


def boxes_on_first(path: Path) -> list[tuple[float, float, float, float]]:
    """What stands on the first page: left, top, right, bottom from its upper left corner, mm; no backgrounds."""
    found = []
    with _opened(path) as document:
        document.init_forms()
        page = document[0]
        raw.FPDFPage_Flatten(page, raw.FLAT_PRINT)
        page.close()
        page = document[0]
        width, height = page.get_size()
        for thing in page.get_objects():
            left, bottom, right, top = thing.get_bounds()
            if (right - left) * (top - bottom) < width * height / 2:
                found.append((left * MM, (height - top) * MM, right * MM, (height - bottom) * MM))
        page.close()
    return found


def drawn_over(path: Path, overlay: bytes) -> bytes:
    """A new PDF of the pages as they look, form fields and signatures drawn in, with the overlay's pages upon them. No
    field, no signature and no script of the original comes along.
    """
    with _opened(path) as document:
        document.init_forms()
        over = pypdfium2.PdfDocument(overlay)
        for n in range(len(document)):
            page = document[n]
            raw.FPDFPage_Flatten(page, raw.FLAT_PRINT)  # the helper's own wants a form, annotations have none
            page.close()
        made = pypdfium2.PdfDocument.new()
        made.import_pages(document)
        for n in range(min(len(made), len(over))):
            drawn = over.page_as_xobject(n, made)
            page = made[n]
            page.insert_obj(drawn.as_pageobject())
            page.gen_content()
            page.close()
        out = io.BytesIO()
        made.save(out)
        made.close()
        over.close()
    return out.getvalue()
