"""What a file is, by its first bytes and never by its name (the inside of ZIP packages is judged in `office`)."""

from __future__ import annotations

from services.docs.intake import refusals
from shared.errors import EMPTY_FILE, Rejected

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"
TIFF, JPEG, PNG = "image/tiff", "image/jpeg", "image/png"
ZIP, OLE = "application/zip", "application/x-ole-storage"
IMAGES = frozenset({TIFF, JPEG, PNG})
OFFICE = frozenset({DOCX, ODT})
HEAD = 1024  # bytes that are looked at; readers accept junk before a PDF's header up to here (ISO 32000-1 annex H)

_STARTS = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
)
# What people send by mistake, by the name under which they know it.
_OTHERS = (
    (b"{\\rtf", "RTF"),
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x1f\x8b", "GZIP"),
    (b"GIF8", "GIF"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
)


def sniff(head: bytes, name: str) -> str:
    """The media type from the first HEAD bytes: PDF, an image, ZIP or OLE, whose inside says more.

    Raises Rejected(empty_file), Rejected(type_not_taken) with what it seems to be.
    """
    if not head:
        raise Rejected(EMPTY_FILE)
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if b"%PDF-" in head[:HEAD]:
        return PDF
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    seems = next((said for start, said in _OTHERS if stripped[: len(start)].lower() == start.lower()), None)
    raise Rejected(refusals.TYPE_NOT_TAKEN, name=name, found=seems or "không nhận ra được (unknown)")
