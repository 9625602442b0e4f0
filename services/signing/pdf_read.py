"""Opening PDFs that strangers made: what can be signed, what can't and why.

Everything that a hostile or broken file makes the libraries raise ends here as a Rejected.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pikepdf
from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

from services.signing import pdf_repair
from services.signing.pdf_fields import standing
from services.signing.pdf_file import Document
from services.signing.pdf_open import updating
from services.signing.pdf_update import Update
from services.signing.refusals import PDF_ACTIVE_CONTENT, PDF_XFA, TOO_LARGE, TOO_MANY_PAGES
from shared.errors import EMPTY_FILE, NOT_A_PDF, PDF_DAMAGED, PDF_PASSWORD, PDF_RESTRICTED, Rejected

MAX_BYTES = 256 * 1024 * 1024
MAX_PAGES = 2000
BROKEN = (PdfError, *pdf_repair.BROKEN)
_ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/GoToE",
        "/GoToR",
        "/SubmitForm",
        "/ImportData",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/RichMediaExecute",
        "/SetOCGState",
    }
)
_PDFA = re.compile(rb"pdfaid:part[\s=>'\"]+\d")
_ANNOTATIONS = frozenset({"/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"})
# An object without any of these names is not looked at further.
_SUSPECT = re.compile(
    rb"/(?:JS|EF|EmbeddedFiles?|%b)(?![A-Za-z0-9])" % b"|".join(name[1:].encode() for name in _ACTIONS | _ANNOTATIONS)
)


@dataclass(frozen=True, slots=True)
class PdfFacts:
    """What inspect found. `signatures` are the names of filled signature fields in the order of the form.

    `certified` says that the first signature is a certifying one that permits form filling.
    """

    pages: int
    size: int
    signatures: tuple[str, ...]
    empty_signature_fields: tuple[str, ...]
    certified: bool
    pdfa: bool


def open_reader(pdf: bytes) -> PdfFileReader:
    """A reader over bytes that inspect accepted before, or that we wrote.

    Not strict, because word processors write hybrid cross-reference sections; a broken file fails in inspect.
    """
    return PdfFileReader(io.BytesIO(pdf), strict=False)


def inspect(pdf: bytes, *, max_bytes: int = MAX_BYTES) -> PdfFacts:
    """Facts of a PDF that may be signed and numbered, or Rejected with the one reason why it may not."""
    check_bytes(pdf, max_bytes=max_bytes)
    return inspected(Document(pdf))


def inspected(document: Document) -> PdfFacts:
    """Inspect for a document whose bytes were looked at."""
    try:
        with _opened(document) as read:
            if read.is_encrypted:
                raise Rejected(PDF_RESTRICTED)
            _refuse_by_content(read)
            pages, pdfa = len(read.pages), _is_pdfa(read)
    except pikepdf.PasswordError:
        raise Rejected(PDF_PASSWORD) from None
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error
    if pages > MAX_PAGES:
        raise Rejected(TOO_MANY_PAGES, pages=pages, limit=MAX_PAGES)
    stands = updating(document, standing)
    empty = tuple(each.name for each in stands.fields.values() if each.kind == "/Sig" and not each.filled)
    return PdfFacts(pages, len(document), stands.signed, empty, stands.certified, pdfa)


def _opened(document: Document) -> pikepdf.Pdf:
    """The file as qpdf reads it, or as it will be read once an update has mended its cross-references."""
    pdf = document.to_bytes()
    try:
        return pikepdf.open(io.BytesIO(pdf), attempt_recovery=False, inherit_page_attributes=False)
    except pikepdf.PasswordError:
        raise
    except pikepdf.PdfError:
        mended = pdf + Update(pdf_repair.Rebuilt(document)).finish()[0]
        return pikepdf.open(io.BytesIO(mended), attempt_recovery=False, inherit_page_attributes=False)


def _is_pdfa(read: pikepdf.Pdf) -> bool:
    metadata = read.Root.get("/Metadata")
    return isinstance(metadata, pikepdf.Stream) and _PDFA.search(metadata.read_bytes()) is not None


def check_bytes(pdf: bytes, *, max_bytes: int = MAX_BYTES) -> None:
    """Refuse what is no PDF at all, before any parser sees it."""
    if not pdf:
        raise Rejected(EMPTY_FILE)
    if b"%PDF-" not in pdf[:1024]:
        raise Rejected(NOT_A_PDF)
    if len(pdf) > max_bytes:
        raise Rejected(TOO_LARGE, size_mb=round(len(pdf) / 1048576), limit_mb=max_bytes // 1048576)
    if not pdf.startswith(b"%PDF-") or b"%%EOF" not in pdf[-1024:]:
        raise Rejected(PDF_DAMAGED)


def _refuse_by_content(document: pikepdf.Pdf) -> None:
    root = document.Root
    if "/XFA" in root.get("/AcroForm", {}) or root.get("/NeedsRendering", False):
        raise Rejected(PDF_XFA)
    if not len(document.pages):
        raise Rejected(PDF_DAMAGED)
    for item in document.objects:
        about = item.stream_dict if isinstance(item, pikepdf.Stream) else item
        if not isinstance(about, pikepdf.Object) or not _SUSPECT.search(about.unparse(resolved=True)):
            continue
        what = next(_active(item), None)
        if what:
            raise Rejected(PDF_ACTIVE_CONTENT, what=what)


def _active(item: pikepdf.Object, depth: int = 0) -> Iterator[str]:
    """Names of what acts or hides inside one object, its direct parts included."""
    if depth > 50:
        raise Rejected(PDF_DAMAGED)
    parts: Iterable[object] = ()
    if isinstance(item, pikepdf.Array):
        parts = item
    elif isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
        yield from _acts(item)
        parts = item.values()
    for part in parts:
        if isinstance(part, pikepdf.Object) and not part.is_indirect:
            yield from _active(part, depth + 1)


def _acts(item: pikepdf.Object) -> Iterator[str]:
    action, kind = str(item.get("/S", "")), str(item.get("/Subtype", ""))
    if "/JS" in item:
        yield "JavaScript"
    if action in _ACTIONS:
        yield action[1:]
    if str(item.get("/Type", "")) == "/EmbeddedFile" or "/EF" in item or "/EmbeddedFiles" in item:
        yield "EmbeddedFile"
    if kind in _ANNOTATIONS:
        yield kind[1:]


def lookup(dictionary: DictionaryObject, key: str, default: Any = None) -> Any:
    """A dictionary's value with references followed, which pyHanko's own `get` does not do."""
    return dictionary[key] if key in dictionary else default  # noqa: SIM401
