"""Which reader a file gets: the quick one for what the standard describes, the thorough one for everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from services.signing.pdf_file import Document, PdfFile
from services.signing.pdf_objects import Malformed
from services.signing.pdf_read import BROKEN
from services.signing.pdf_repair import open_thoroughly
from services.signing.pdf_update import Update
from shared.errors import PDF_DAMAGED, Rejected

T = TypeVar("T")


def updating(document: Document, act: Callable[[Update], T]) -> T:
    """What `act` returns, given an empty update of the document. It may be called twice, on another reader."""
    try:
        try:
            return act(Update(PdfFile(document)))
        except Malformed:
            return act(Update(open_thoroughly(document)))
    except Rejected:
        raise
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error
