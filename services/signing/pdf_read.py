"""Opening PDFs that strangers made: what can be signed, what can't and why.

Everything that a hostile or broken file makes the libraries raise ends here as a Rejected.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pikepdf
from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, enumerate_sig_fields

from services.signing.pdf_file import Document
from services.signing.pdf_repair import Rebuilt
from services.signing.pdf_update import Update
from services.signing.refusals import PDF_ACTIVE_CONTENT, PDF_NO_CHANGES_ALLOWED, PDF_XFA, TOO_LARGE, TOO_MANY_PAGES
from shared.errors import EMPTY_FILE, NOT_A_PDF, PDF_DAMAGED, PDF_PASSWORD, PDF_RESTRICTED, Rejected

MAX_BYTES = 50 * 1024 * 1024
MAX_PAGES = 2000
# What libraries raise on broken input, beside their own errors.
BROKEN = (
    PdfError,
    pikepdf.PdfError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    ArithmeticError,
    OSError,
    RecursionError,
)
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
_ANNOTATIONS = frozenset({"/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"})


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
    size = len(pdf)
    try:
        pdf = readable(pdf)
        with pikepdf.open(io.BytesIO(pdf), attempt_recovery=False) as document:
            if document.is_encrypted:
                raise Rejected(PDF_RESTRICTED)
            _refuse_by_content(document)
            pages = len(document.pages)
            pdfa = document.open_metadata(set_pikepdf_as_editor=False).pdfa_status != ""
        reader = open_reader(pdf)
        filled, empty = _signature_fields(reader)
        certified = _certification(reader)
    except pikepdf.PasswordError:
        raise Rejected(PDF_PASSWORD) from None
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error
    if pages > MAX_PAGES:
        raise Rejected(TOO_MANY_PAGES, pages=pages, limit=MAX_PAGES)
    return PdfFacts(pages, size, filled, empty, certified is not None, pdfa)


def readable(pdf: bytes) -> bytes:
    """The file itself, or with a complete cross-reference section appended when its own are damaged and nothing else is."""
    try:
        pikepdf.open(io.BytesIO(pdf), attempt_recovery=False).close()
    except pikepdf.PasswordError:
        raise
    except pikepdf.PdfError:
        return pdf + Update(Rebuilt(Document(pdf))).finish()[0]
    return pdf


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


def _signature_fields(reader: PdfFileReader) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fields = [(name, value is not None) for name, value, _ in enumerate_sig_fields(reader)]
    return tuple(n for n, full in fields if full), tuple(n for n, full in fields if not full)


def _certification(reader: PdfFileReader) -> MDPPerm | None:
    """The certifying signature's permission; Rejected when any signature forbids every change."""
    certified = None
    for _, value, field in enumerate_sig_fields(reader, filled_status=True):
        permission = docmdp(value.get_object(), field.get_object())
        if permission is MDPPerm.NO_CHANGES:
            raise Rejected(PDF_NO_CHANGES_ALLOWED)
        certified = certified or permission
    return certified


def lookup(dictionary: DictionaryObject, key: str, default: Any = None) -> Any:
    """A dictionary's value with references followed, which pyHanko's own `get` does not do."""
    return dictionary[key] if key in dictionary else default  # noqa: SIM401


def docmdp(signature: DictionaryObject, field: DictionaryObject) -> MDPPerm | None:
    """The change permission that a signature or its field's lock states (ISO 32000-2, 12.8.2.2 and 12.7.5.5)."""
    for reference in lookup(signature, "/Reference", ()):
        entry = reference.get_object()
        if lookup(entry, "/TransformMethod") == "/DocMDP":
            return MDPPerm(int(lookup(lookup(entry, "/TransformParams", {}), "/P", 2)))
    lock = lookup(field, "/Lock")
    return MDPPerm(int(lock["/P"])) if lock is not None and "/P" in lock else None
