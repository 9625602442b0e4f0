"""Where the agency's text-only signature stands on an annex or a copy: top right of page 1 (NĐ 30, annex I, box 14).

A second one on the same page, as when a certified copy is copied again, keeps clear of the first.
"""

from __future__ import annotations

import ctypes

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from services.signing.box import MM, Box
from services.signing.text_layer import pdfium_lock

HEIGHT_MM = 9.0
ANNEX_WIDTH_MM, COPY_WIDTH_MM = 77.0, 81.0  # of annex III's models 2.2 and 3.2
_RIGHT, _TOP, _GAP, _EDGE = 15.0, 6.0, 2.0, 5.0  # mm
_FINE = 100  # device units a point


def find_spot(pdf: bytes, width_mm: float) -> Box:
    """The box for the text on page 1 as shown, for a PDF that `pdf.inspect` accepted."""
    with pdfium_lock:
        document = pdfium.PdfDocument(pdf)
        page = document[0]
        try:
            width, height = page.get_size()
            taken = _widgets(page, width, height)
        finally:
            page.close()
            document.close()
    return _free(width, width_mm, taken)


def _free(page_width: float, width_mm: float, taken: list[Box]) -> Box:
    """Right, then left of what stands there, then beneath; on a narrow page no wider than the page allows."""
    width = min(width_mm * MM, page_width - 2 * _EDGE * MM)
    rightmost = max(page_width - _RIGHT * MM - width, _EDGE * MM)
    row = 0
    while True:
        top = (_TOP + row * (HEIGHT_MM + _GAP)) * MM
        left = rightmost
        while left >= _EDGE * MM:
            box = Box(1, left, top, left + width, top + HEIGHT_MM * MM)
            if not any(box.overlap(each) > 0 for each in taken):
                return box
            left -= width + _GAP * MM
        row += 1


def _widgets(page: pdfium.PdfPage, width: float, height: float) -> list[Box]:
    """Form fields of the page, which signatures are, as shown."""
    found = []
    for n in range(pdfium_c.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page.raw, n)
        try:
            rectangle = pdfium_c.FS_RECTF()
            is_widget = pdfium_c.FPDFAnnot_GetSubtype(annotation) == pdfium_c.FPDF_ANNOT_WIDGET
            if is_widget and pdfium_c.FPDFAnnot_GetRect(annotation, rectangle):
                found.append(_shown(page, rectangle, width, height))
        finally:
            pdfium_c.FPDFPage_CloseAnnot(annotation)
    return found


def _shown(page: pdfium.PdfPage, rectangle: pdfium_c.FS_RECTF, width: float, height: float) -> Box:
    size = round(width * _FINE), round(height * _FINE)
    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for px, py in ((rectangle.left, rectangle.bottom), (rectangle.right, rectangle.top)):
        pdfium_c.FPDF_PageToDevice(page.raw, 0, 0, *size, 0, px, py, x, y)
        corners.append((x.value / _FINE, y.value / _FINE))
    (ax, ay), (bx, by) = corners
    return Box(1, min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
