"""The cheap look at an uploaded file, said at once; the rules proper are signing's. The only module with pypdfium2."""

from __future__ import annotations

import threading
from pathlib import Path

import pypdfium2
from pypdfium2 import raw

from shared.errors import EMPTY_FILE, NOT_A_PDF, PDF_DAMAGED, PDF_PASSWORD, PDF_RESTRICTED, Rejected

HEADER = b"%PDF-"
HEADER_WITHIN = 1024  # bytes; readers accept junk before the header up to here (ISO 32000-1 annex H.3.4.1)

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
