"""The fields of a document: made empty on approval, filled as incremental updates only."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject, NameObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from services.signing.appearance import BLACK, nfc
from services.signing.pdf_draw import Canvas
from services.signing.pdf_fields import (
    FILL_FORMS,
    NO_CHANGES,
    SIGNATURES_EXIST,
    Field,
    add_fields,
    flag_signatures,
    new_signature_field,
    page,
    standing,
)
from services.signing.pdf_file import Document
from services.signing.pdf_objects import Malformed, Name, Raw, Ref, string
from services.signing.pdf_open import updating
from services.signing.pdf_read import check_bytes, inspected, lookup, open_reader
from services.signing.pdf_update import Update
from services.signing.placement import NUMBER_SIZE, Blank, Box
from services.signing.refusals import (
    PDF_CERTIFIED_WITHOUT_FIELDS,
    PDF_FIELD_EXISTS,
    PDF_FIELD_MISSING,
    PDF_SIGNED_WITHOUT_FIELDS,
    PLACE_OUTSIDE_PAGE,
)
from shared.errors import Rejected

NUMBER_FIELD, DAY_FIELD, MONTH_FIELD, SEAL_FIELD = "vanthu_number", "vanthu_day", "vanthu_month", "vanthu_seal"
_LABELS = {NUMBER_FIELD: "Số văn bản", DAY_FIELD: "Ngày ban hành", MONTH_FIELD: "Tháng ban hành"}
_READ_ONLY = 1
_PRINT = 4
# The extension of ISO 32000-1 that EN 319 142-1, 5.6 asks a file with PAdES signatures to declare.
_ESIC = {"/BaseVersion": Name("/1.7"), "/ExtensionLevel": 5}
Rectangle = tuple[float, float, float, float]


def signer_field(place: int) -> str:
    """The signature field of the signer in place 1, 2, …"""
    return f"vanthu_signer_{place}"


@dataclass(frozen=True, slots=True)
class SignerPlace:
    """An empty signature field; `label` is read out by viewers (e.g. the post)."""

    field: str
    box: Box
    label: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The fields that prepare adds. Number and date may be missing (a document that was signed elsewhere).

    The seal's field locks the fields of `signers`, `already_signed` and `co_seals`, and nothing else, and forbids all
    changes after it. `co_seals`, of agencies that issue beside the one that leads, lock the signers' and permit form
    filling: number, date and the leading agency's seal come last.
    """

    signers: tuple[SignerPlace, ...]
    seal: SignerPlace | None = None
    number: Blank | None = None
    day: Blank | None = None
    month: Blank | None = None
    already_signed: tuple[str, ...] = ()
    co_seals: tuple[SignerPlace, ...] = ()


def prepare(pdf: bytes, plan: Plan) -> bytes:
    """The document with its empty fields, as one incremental update. Rejected when it can't be signed."""
    check_bytes(pdf)
    document = Document(pdf)
    facts = inspected(document)
    blanks = [(NUMBER_FIELD, plan.number), (DAY_FIELD, plan.day), (MONTH_FIELD, plan.month)]
    if facts.signatures and any(blank for _, blank in blanks):
        raise Rejected(PDF_SIGNED_WITHOUT_FIELDS)
    if facts.certified:
        # EU DSS would let a new visible field pass, pyHanko calls it forbidden; we sign what both accept.
        raise Rejected(PDF_CERTIFIED_WITHOUT_FIELDS)

    def add(update: Update) -> bytes:
        taken = set(standing(update).fields)
        made = [_text_field(update, name, blank, taken) for name, blank in blanks if blank]
        made += [_signature_field(update, place, taken, lock=None) for place in plan.signers]
        signed = (*plan.already_signed, *(p.field for p in plan.signers))
        made += [_signature_field(update, each, taken, lock=signed, permits=FILL_FORMS) for each in plan.co_seals]
        if plan.seal:
            lock = (*signed, *(p.field for p in plan.co_seals))
            made.append(_signature_field(update, plan.seal, taken, lock=lock))
        add_fields(update, made)
        if plan.signers or plan.seal or plan.co_seals:
            flag_signatures(update, SIGNATURES_EXIST)
        _declare(update)
        return update.finish()[0]

    return document.appended(updating(document, add)).to_bytes()


def fill_field(update: Update, found: Field, text: str) -> None:
    """Write `text` into an empty text field with a real appearance in an embedded typeface."""
    text = nfc(text)
    box = [float(update.follow(v)) for v in update.follow(found.about["/Rect"])]
    rotation = _rotation(update, found)
    width, height = box[2] - box[0], box[3] - box[1]
    if rotation in (90, 270):
        width, height = height, width
    canvas = Canvas(width, height)
    canvas.fitted(text, left=0, right=width, y=_descent(height), size=NUMBER_SIZE, colour=BLACK)
    update.set(found.ref, {**found.about, "/AP": {"/N": canvas.form(update, rotation)}, "/V": string(text)})


def user_box(update: Update, box: Box, name: str) -> tuple[Ref, Rectangle, int]:
    """Page reference, rectangle in the page's own space and /Rotate, for a box given as shown.

    What is shown is the crop box inside the media box (ISO 32000-2, 14.11.2). A box counts in the page's own units,
    as PDFium does: points, or what /UserUnit makes of them.
    """
    ref, about = page(update, box.page, name)
    rotation = update.follow(about.get("/Rotate", 0))
    rotation = int(rotation) % 360 if isinstance(rotation, int | float) else 0
    left, bottom, right, top = _shown(update, about)
    x0, y0, x1, y1 = box.x0, box.y0, box.x1, box.y1
    width, height = (top - bottom, right - left) if rotation in (90, 270) else (right - left, top - bottom)
    tolerance = 1.0
    inside = x0 >= -tolerance and y0 >= -tolerance and x1 <= width + tolerance and y1 <= height + tolerance
    if not inside or not box.width > 0 < box.height:
        raise Rejected(PLACE_OUTSIDE_PAGE, field=name, page=box.page)
    rectangle = {
        90: (left + y0, bottom + x0, left + y1, bottom + x1),
        180: (right - x1, bottom + y0, right - x0, bottom + y1),
        270: (right - y1, top - x1, right - y0, top - x0),
    }.get(rotation, (left + x0, top - y1, left + x1, top - y0))
    return ref, rectangle, rotation


def _shown(update: Update, about: dict[str, Any]) -> Rectangle:
    """The visible part of a page in its own space: left, bottom, right, top."""
    media = _rectangle(update, about.get("/MediaBox"))
    if media is None:
        raise Malformed("a page without a media box")
    crop = _rectangle(update, about.get("/CropBox"))
    if crop is None:
        return media
    left, bottom = max(crop[0], media[0]), max(crop[1], media[1])
    right, top = min(crop[2], media[2]), min(crop[3], media[3])
    return (left, bottom, right, top) if left < right and bottom < top else media


def _rectangle(update: Update, value: Any) -> Rectangle | None:
    corners = [update.follow(each) for each in update.follow(value) or ()]
    if len(corners) != 4 or not all(isinstance(each, int | float) for each in corners):
        return None
    x0, y0, x1, y1 = (float(each) for each in corners)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _text_height() -> float:
    return NUMBER_SIZE * 1.25


def _descent(height: float) -> float:
    """The base line's height above the bottom of a field made by _text_field."""
    return height * 0.25


def _rotation(update: Update, field: Field) -> int:
    turned = update.follow(field.about.get("/MK"))
    return int(update.follow(turned.get("/R", 0))) if type(turned) is dict else 0


def _text_field(update: Update, name: str, blank: Blank, taken: set[str]) -> tuple[Ref, Ref]:
    """A read-only text field without an appearance: replacing one after a signature alarms EU DSS."""
    if name in taken:
        raise Rejected(PDF_FIELD_EXISTS, field=name)
    height = _text_height()
    bottom = blank.baseline + _descent(height)
    box = Box(blank.box.page, blank.box.x0, bottom - height, blank.box.x1, bottom)
    on, rectangle, rotation = user_box(update, box, name)
    about = {
        "/Type": Name("/Annot"),
        "/Subtype": Name("/Widget"),
        "/FT": Name("/Tx"),
        "/T": string(name),
        "/TU": string(_LABELS[name]),
        "/Ff": _READ_ONLY,
        "/F": _PRINT,
        "/Q": 1,
        "/DA": b"/VanthuSerif 13 Tf 0 g",
        "/Rect": [round(v, 3) for v in rectangle],
        "/P": on,
    }
    if rotation:
        about["/MK"] = {"/R": rotation}
    return update.add(about), on


def _signature_field(
    update: Update,
    place: SignerPlace,
    taken: set[str],
    *,
    lock: tuple[str, ...] | None,
    permits: int = NO_CHANGES,
) -> tuple[Ref, Ref]:
    """An empty signature field without an appearance; with `lock`, the lock dictionary of DESIGN §5.3."""
    if place.field in taken:
        raise Rejected(PDF_FIELD_EXISTS, field=place.field)
    taken.add(place.field)
    on, rectangle, rotation = user_box(update, place.box, place.field)
    ref, about = new_signature_field(update, place.field, on, rectangle, label=nfc(place.label), rotation=rotation)
    if lock:
        about["/Lock"] = update.add(
            {
                "/Type": Name("/SigFieldLock"),
                "/Action": Name("/Include"),
                "/Fields": [string(each) for each in lock],
                "/P": permits,
            }
        )
    return ref, on


def _declare(update: Update) -> None:
    """Say in the catalog that the file uses the extension, unless it says so, or is PDF 2.0, which knows it."""
    catalog = update.catalog()
    extensions = update.follow(catalog.get("/Extensions"))
    extensions = extensions if type(extensions) is dict else {}
    part, at = update.file.document.at(0)
    if "/ESIC" in extensions or part[at : at + 7] == b"%PDF-2." or update.follow(catalog.get("/Version")) == "/2.0":
        return
    update.set(update.root, {**catalog, "/Extensions": {**extensions, "/ESIC": _ESIC}})


# --- for code that changes a document through pyHanko


class Revision(IncrementalPdfFileWriter):  # type: ignore[misc]
    """One incremental update by pyHanko that leaves /Info and XMP alone.

    A changed /Metadata after the first signature is one more thing that a validator has to explain away.
    """

    def __init__(self, pdf: bytes) -> None:
        reader = open_reader(pdf)
        super().__init__(reader.stream, prev=reader)

    def _update_meta(self) -> None:
        pass

    def share(self, value: Raw) -> Ref:
        """Take in what our drawing code has made."""
        added = self.add_object(_Written(value))
        return Ref(added.idnum, added.generation)

    def to_bytes(self) -> bytes:
        out = io.BytesIO()
        self.write(out)
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Written:
    """Bytes, as pyHanko wants its objects."""

    value: Raw

    def write_to_stream(self, stream: Any, *_: Any, **__: Any) -> None:
        stream.write(self.value)


def set_appearance(annotation: DictionaryObject, form: Ref) -> None:
    """Give an annotation its only appearance (PDF/A allows just /N)."""
    annotation[NameObject("/AP")] = DictionaryObject({NameObject("/N"): IndirectObject(*form, None)})


def find_field(writer: Revision, name: str) -> tuple[IndirectObject, DictionaryObject]:
    """Reference and dictionary of a field at the root of the form; Rejected(pdf_field_missing) if there is none."""
    for reference in lookup(lookup(writer.root, "/AcroForm", {}), "/Fields", ()):
        field = reference.get_object()
        if lookup(field, "/T") == name:
            return reference, field
    raise Rejected(PDF_FIELD_MISSING, field=name)
