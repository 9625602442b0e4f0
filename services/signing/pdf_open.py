"""Which reader a file gets: the quick one for what the standard describes, the thorough one for everything else."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TypeVar

import pikepdf

from services.signing.pdf_file import Document, PdfFile
from services.signing.pdf_objects import Malformed
from services.signing.pdf_repair import BROKEN, open_thoroughly
from services.signing.pdf_update import Readable, Update
from shared.errors import PDF_DAMAGED, PDF_PASSWORD, PDF_RESTRICTED, Rejected

T = TypeVar("T")


def updating(document: Document, act: Callable[[Update], T]) -> T:
    """What `act` returns, given an empty update of the document. It may be called twice, on another reader."""
    try:
        try:
            return act(_update(document, PdfFile(document)))
        except Malformed:
            return act(_update(document, open_thoroughly(document)))
    except Rejected:
        raise
    except pikepdf.PasswordError:
        raise Rejected(PDF_PASSWORD) from None
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error


def _update(document: Document, file: Readable) -> Update:
    """Rejected for an encrypted file: what we add would have to be encrypted as its maker's rights permit."""
    if "/Encrypt" in file.trailer:
        pikepdf.open(io.BytesIO(document.to_bytes())).close()  # PasswordError when nobody could read it
        raise Rejected(PDF_RESTRICTED)
    return Update(file)
