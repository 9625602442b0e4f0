"""The fields of a document: made empty on approval, filled as incremental updates only."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyhanko.pdf_utils.extensions import DeveloperExtension, DevExtensionMultivalued
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    NumberObject,
    TextStringObject,
    pdf_string,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    append_signature_field,
    enumerate_sig_fields,
)

from services.signing.appearance import BLACK, nfc
from services.signing.pdf_draw import Canvas, set_appearance
from services.signing.pdf_read import BROKEN, inspect, lookup, open_reader
from services.signing.placement import NUMBER_SIZE, Blank, Box
from services.signing.refusals import (
    PDF_CERTIFIED_WITHOUT_FIELDS,
    PDF_FIELD_EXISTS,
    PDF_FIELD_MISSING,
    PDF_SIGNED_WITHOUT_FIELDS,
    PLACE_OUTSIDE_PAGE,
)
from shared.errors import PDF_DAMAGED, Rejected

NUMBER_FIELD, DAY_FIELD, MONTH_FIELD, SEAL_FIELD = "vanthu_number", "vanthu_day", "vanthu_month", "vanthu_seal"
_LABELS = {NUMBER_FIELD: "Số văn bản", DAY_FIELD: "Ngày ban hành", MONTH_FIELD: "Tháng ban hành"}
_READ_ONLY = 1
_PRINT = 4
_ESIC = DeveloperExtension(
    prefix_name=NameObject("/ESIC"),
    base_version=NameObject("/1.7"),
    extension_level=5,
    compare_by_level=True,
    multivalued=DevExtensionMultivalued.MAYBE,
)


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


class Revision(IncrementalPdfFileWriter):  # type: ignore[misc]
    """One incremental update that leaves /Info and XMP alone.

    A changed /Metadata after the first signature is one more thing that a validator has to explain away.
    """

    def __init__(self, pdf: bytes) -> None:
        reader = open_reader(pdf)
        super().__init__(reader.stream, prev=reader)

    def _update_meta(self) -> None:
        pass

    def to_bytes(self) -> bytes:
        out = io.BytesIO()
        self.write(out)
        return out.getvalue()


def prepare(pdf: bytes, plan: Plan) -> bytes:
    """The document with its empty fields, as one incremental update. Rejected when it can't be signed."""
    facts = inspect(pdf)
    blanks = [(NUMBER_FIELD, plan.number), (DAY_FIELD, plan.day), (MONTH_FIELD, plan.month)]
    if facts.signatures and any(blank for _, blank in blanks):
        raise Rejected(PDF_SIGNED_WITHOUT_FIELDS)
    if facts.certified:
        # EU DSS would let a new visible field pass, pyHanko calls it forbidden; we sign what both accept.
        raise Rejected(PDF_CERTIFIED_WITHOUT_FIELDS)
    try:
        writer = Revision(pdf)
        for name, blank in blanks:
            if blank:
                _add_text_field(writer, name, blank)
        for place in plan.signers:
            _add_signature_field(writer, place, lock=None)
        signed = (*plan.already_signed, *(p.field for p in plan.signers))
        for place in plan.co_seals:
            _add_signature_field(writer, place, lock=signed, permits=MDPPerm.FILL_FORMS)
        if plan.seal:
            _add_signature_field(writer, plan.seal, lock=(*signed, *(p.field for p in plan.co_seals)))
        writer.register_extension(_ESIC)
        return writer.to_bytes()
    except Rejected:
        raise
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error


def fill_text(writer: Revision, name: str, text: str) -> None:
    """Write `text` into the empty text field `name` with a real appearance in an embedded typeface."""
    text = nfc(text)
    _, field = find_field(writer, name)
    if lookup(field, "/FT") != "/Tx" or "/V" in field:
        raise Rejected(PDF_FIELD_MISSING, field=name)
    box = [float(v) for v in field["/Rect"]]
    rotation = int(lookup(lookup(field, "/MK", {}), "/R", 0))
    width, height = box[2] - box[0], box[3] - box[1]
    if rotation in (90, 270):
        width, height = height, width
    canvas = Canvas(writer, width, height)
    canvas.fitted(text, left=0, right=width, y=_descent(height), size=NUMBER_SIZE, colour=BLACK)
    set_appearance(field, canvas.form(rotation))
    field[NameObject("/V")] = TextStringObject(text)
    writer.update_container(field)


def find_field(writer: Revision, name: str) -> tuple[IndirectObject, DictionaryObject]:
    """Reference and dictionary of a field at the root of the form; Rejected(pdf_field_missing) if there is none."""
    for reference in lookup(lookup(writer.root, "/AcroForm", {}), "/Fields", ()):
        field = reference.get_object()
        if lookup(field, "/T") == name:
            return reference, field
    raise Rejected(PDF_FIELD_MISSING, field=name)


def user_box(writer: Revision, box: Box, name: str) -> tuple[IndirectObject, tuple[float, float, float, float], int]:
    """Page reference, rectangle in the page's own space and /Rotate, for a box given as shown."""
    if not 1 <= box.page <= int(writer.root["/Pages"]["/Count"]):
        raise Rejected(PLACE_OUTSIDE_PAGE, field=name, page=box.page)
    reference, _ = writer.find_page_for_modification(box.page - 1)
    page = reference.get_object()
    rotation = int(_inherited(page, "/Rotate", 0)) % 360
    crop = [float(v) for v in _inherited(page, "/CropBox", None) or _inherited(page, "/MediaBox", None)]
    left, right = sorted((crop[0], crop[2]))
    bottom, top = sorted((crop[1], crop[3]))
    width, height = (top - bottom, right - left) if rotation in (90, 270) else (right - left, top - bottom)
    tolerance = 1.0
    inside = box.x0 >= -tolerance and box.y0 >= -tolerance
    if not (inside and box.x1 <= width + tolerance and box.y1 <= height + tolerance and box.width > 0 < box.height):
        raise Rejected(PLACE_OUTSIDE_PAGE, field=name, page=box.page)
    rectangle = {
        90: (left + box.y0, bottom + box.x0, left + box.y1, bottom + box.x1),
        180: (right - box.x1, bottom + box.y0, right - box.x0, bottom + box.y1),
        270: (right - box.y1, top - box.x1, right - box.y0, top - box.x0),
    }.get(rotation, (left + box.x0, top - box.y1, left + box.x1, top - box.y0))
    return reference, rectangle, rotation


def _inherited(page: DictionaryObject, key: str, default: Any) -> Any:
    node: DictionaryObject | None = page
    for _ in range(64):
        if node is None:
            break
        if key in node:
            return node[key]
        node = lookup(node, "/Parent")
    return default


def _text_height() -> float:
    return NUMBER_SIZE * 1.25


def _descent(height: float) -> float:
    """The base line's height above the bottom of a field made by _add_text_field."""
    return height * 0.25


def _names(writer: Revision) -> Iterator[str]:
    for reference in lookup(lookup(writer.root, "/AcroForm", {}), "/Fields", ()):
        yield str(lookup(reference.get_object(), "/T", ""))


def _add_text_field(writer: Revision, name: str, blank: Blank) -> None:
    """A read-only text field without an appearance: replacing one after a signature alarms EU DSS."""
    if name in _names(writer):
        raise Rejected(PDF_FIELD_EXISTS, field=name)
    height = _text_height()
    bottom = blank.baseline + _descent(height)
    box = Box(blank.box.page, blank.box.x0, bottom - height, blank.box.x1, bottom)
    page, rectangle, rotation = user_box(writer, box, name)
    widget = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Widget"),
            NameObject("/FT"): NameObject("/Tx"),
            NameObject("/T"): pdf_string(name),
            NameObject("/TU"): TextStringObject(_LABELS[name]),
            NameObject("/Ff"): NumberObject(_READ_ONLY),
            NameObject("/F"): NumberObject(_PRINT),
            NameObject("/Q"): NumberObject(1),
            NameObject("/DA"): pdf_string("/VanthuSerif 13 Tf 0 g"),
            NameObject("/Rect"): ArrayObject(FloatObject(round(v, 3)) for v in rectangle),
            NameObject("/P"): page,
        }
    )
    if rotation:
        widget[NameObject("/MK")] = DictionaryObject({NameObject("/R"): NumberObject(rotation)})
    reference = writer.add_object(widget)
    _form_fields(writer).append(reference)
    writer.register_annotation(page, reference)


def _form_fields(writer: Revision) -> ArrayObject:
    root = writer.root
    if "/AcroForm" not in root:
        root[NameObject("/AcroForm")] = writer.add_object(DictionaryObject())
        writer.update_root()
    form = root["/AcroForm"]
    if "/Fields" not in form:
        form[NameObject("/Fields")] = ArrayObject()
        writer.update_container(form)
    fields: ArrayObject = form["/Fields"]
    writer.update_container(fields)
    return fields


def _add_signature_field(
    writer: Revision, place: SignerPlace, *, lock: tuple[str, ...] | None, permits: MDPPerm = MDPPerm.NO_CHANGES
) -> None:
    """An empty signature field without an appearance; with `lock`, the lock dictionary of DESIGN §5.3."""
    if place.field in _names(writer) or any(n == place.field for n, _, _ in enumerate_sig_fields(writer)):
        raise Rejected(PDF_FIELD_EXISTS, field=place.field)
    _, rectangle, rotation = user_box(writer, place.box, place.field)
    append_signature_field(
        writer,
        SigFieldSpec(
            sig_field_name=place.field,
            on_page=place.box.page - 1,
            box=tuple(round(v, 3) for v in rectangle),
            readable_field_name=nfc(place.label),
            field_mdp_spec=FieldMDPSpec(FieldMDPAction.INCLUDE, fields=list(lock)) if lock else None,
            doc_mdp_update_value=permits if lock else None,
        ),
    )
    _, field = find_field(writer, place.field)
    # An empty appearance, replaced after the first signature, would be an undefined change to EU DSS.
    field.pop("/AP", None)
    if rotation:
        field[NameObject("/MK")] = DictionaryObject({NameObject("/R"): NumberObject(rotation)})
