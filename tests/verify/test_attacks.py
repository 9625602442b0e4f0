"""The known attacks on signed PDFs, each made here from our own documents: none gets a green light.

Universal signature forgery, incremental saving and wrapping: Mladenov and others, CCS 2019. Shadow attacks: Mainka and others,
NDSS 2021. Evil annotation and sneaky signature: Rohlmann and others, IEEE S&P 2021.
"""

from __future__ import annotations

import io
import re

import pytest
from vanthu_verify import Indication, Modification, Trust, ValidationReport, validate
from vanthu_verify.changes import Kind
from vanthu_verify.document import Document
from vanthu_verify.fields import read_form
from vanthu_verify.objects import Ref
from vanthu_verify.rules import compare

from deploy.devpki.server import Running
from services.signing import pdf
from tests.interop import paper
from tests.verify import forge

_TEXT = b"BT /F1 24 Tf 100 500 Td (Chi 9.000.000.000 dong) Tj ET"


def refused(report: ValidationReport) -> None:
    """Not merely unproven: an attack is called one."""
    assert report.indication is Indication.FAILED
    assert "không hợp lệ" in report.sentence.vi


def forbidden(forged: bytes, trust: Trust, *codes: str) -> None:
    report = validate(forged, trust)
    refused(report)
    assert any(s.modification is Modification.FORBIDDEN for s in report.signatures)
    found = {change.what for step in report.revisions for change in step.changes}
    assert set(codes) <= found, found


# Universal signature forgery


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rb"/ByteRange( *)\[", rb"/ByteRangX\1["),
        (rb"/ByteRange( *)\[0 ", rb"/ByteRange\1[9 "),
        (rb"/Contents( *)<30", rb"/Contentz\1<30"),
        (rb"/Contents( *)<30", rb"/Contents\1<00"),
        (rb"/SubFilter( *)/ETSI.CAdES.detached", rb"/SubFilter\1/ETSI.XXXXX.detached"),
    ],
)
def test_a_signature_without_range_or_value_is_none(signed: bytes, trust: Trust, old: bytes, new: bytes) -> None:
    forged, count = re.subn(old, new, signed, count=1)
    assert count == 1
    report = validate(forged, trust)
    refused(report)
    assert len(report.signatures) == 1


@pytest.mark.parametrize("value", [b"null", b"<>", b"<0000>", b"<3003020101>"])
def test_an_update_that_takes_the_value_away_is_found(approved: bytes, trust: Trust, value: bytes) -> None:
    field = next(f for f in read_form(Document(approved).current).fields if f.kind == "Sig")
    assert isinstance(field.value, Ref)
    evil = forge.with_key(forge.written(approved, field.value), b"/Contents", value)
    refused(validate(forge.update(approved, {field.value.num: evil}), trust))


# Incremental saving


def test_a_page_with_other_content_is_forbidden(approved: bytes, trust: Trust) -> None:
    ref, page = forge.first_page(approved)
    number = forge.next_number(approved)
    evil = {number: forge.stream(_TEXT), ref.num: forge.with_key(page, b"/Contents", b"%d 0 R" % number)}
    forbidden(forge.update(approved, evil), trust, "content")


def test_content_written_over_is_forbidden(signed: bytes, trust: Trust) -> None:
    ref, _ = forge.first_page(signed)
    contents = Document(signed).current.get(ref)["Contents"]
    contents = contents[0] if isinstance(contents, list) else contents
    forbidden(forge.update(signed, {contents.num: forge.stream(_TEXT)}), trust, "content")


def test_objects_behind_the_end_that_no_table_names_are_found(signed: bytes, trust: Trust) -> None:
    ref, page = forge.first_page(signed)
    evil = signed + b"\n%d 0 obj\n%b\nendobj\n" % (ref.num, page)
    report = validate(evil, trust)
    refused(report)
    assert "trailing_bytes" in report.problems


def test_an_update_whose_table_is_broken_is_found(signed: bytes, trust: Trust) -> None:
    ref, page = forge.first_page(signed)
    evil = forge.update(signed, {ref.num: page}).replace(b"xref\n%d 1" % ref.num, b"xreg\n%d 1" % ref.num)
    refused(validate(evil, trust))


def test_an_object_that_stands_twice_in_an_update_is_found(signed: bytes, trust: Trust) -> None:
    """Readers that repair take the last one, readers that follow the table the other."""
    number = forge.next_number(signed)
    honest = forge.update(signed, {number: b"<</Harmless true>>"})
    at = honest.rindex(b"\nxref\n")
    shift = b"\n%d 0 obj\n<</Evil true>>\nendobj" % number
    start = forge.start_of(honest)
    evil = honest[:at] + shift + honest[at:].replace(b"startxref\n%d" % start, b"startxref\n%d" % (start + len(shift)))
    report = validate(evil, trust)
    refused(report)
    assert "trailing_bytes" in report.problems


def test_another_catalogue_is_forbidden(approved: bytes, trust: Trust) -> None:
    number = forge.next_number(approved)
    evil = {
        number: b"<</Type/Catalog/Pages %d 0 R>>" % (number + 1),
        number + 1: b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (number + 2),
        number + 2: b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]>>" % (number + 1),
    }
    report = validate(forge.update(approved, evil, trailer=b"/Root %d 0 R" % number), trust)
    refused(report)
    assert len(report.signatures) == 1, "the signature that the new form hides is accounted for"


def test_a_hybrid_section_that_brings_other_content_is_forbidden(approved: bytes, trust: Trust) -> None:
    ref, _ = forge.first_page(approved)
    contents = Document(approved).current.get(ref)["Contents"]
    contents = contents[0] if isinstance(contents, list) else contents
    out = approved + b"\n"
    evil = len(out)
    out += b"%d 0 obj\n%b\nendobj\n" % (contents.num, forge.stream(_TEXT))
    number, hidden = forge.next_number(approved), len(out)
    rows = b"\x01" + evil.to_bytes(4) + b"\0\0"
    keys = b"/Type/XRef/Size %d/W[1 4 2]/Index[%d 1]" % (number + 1, contents.num)
    out += b"%d 0 obj\n%b\nendobj\n" % (number, forge.stream(rows, keys))
    table = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size %d/Root %d 0 R" % (number + 1, forge.root(approved).num)
    out += b"/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n" % (forge.start_of(approved), hidden, table)
    forbidden(out, trust, "content")


# Signature wrapping


def test_a_signed_part_moved_behind_evil_content_is_found(approved: bytes, trust: Trust) -> None:
    field = next(f for f in read_form(Document(approved).current).fields if f.kind == "Sig")
    assert isinstance(field.value, Ref)
    _, a, b, c = forge.byte_range(approved, field.name)
    ref, page = forge.first_page(approved)
    number = forge.next_number(approved)

    def wrapped(moved: int) -> bytes:
        value = forge.written(approved, field.value)
        evil = {
            number: forge.stream(_TEXT),
            ref.num: forge.with_key(page, b"/Contents", b"%d 0 R" % number),
            field.value.num: forge.with_key(value, b"/ByteRange", b"[0 %08d %08d %08d]" % (a, moved, c)),
        }
        return forge.update(approved, evil)

    evil = wrapped(len(wrapped(0))) + approved[b : b + c]
    report = validate(evil, trust)
    refused(report)
    # The moved part ends with the old startxref, so that some readers see the old file and others what lies between.
    assert report.problems == ("trailing_bytes",)


# Shadow attacks


def test_an_overlay_taken_away_is_forbidden(approved: bytes, trust: Trust) -> None:
    """Hide: what the signers saw on top is freed."""
    ref, _ = forge.first_page(approved)
    contents = Document(approved).current.get(ref)["Contents"]
    contents = contents[0] if isinstance(contents, list) else contents
    forbidden(forge.update(approved, {}, freed=(contents.num,)), trust, "content")


def test_a_font_exchanged_is_forbidden(signed: bytes, trust: Trust) -> None:
    """Replace: the same codes, other glyphs."""
    view = Document(signed).current
    ref, _ = forge.first_page(signed)
    fonts = view.resolve(view.resolve(view.get(ref)["Resources"])["Font"])
    font = next(value for value in fonts.values() if isinstance(value, Ref))
    forbidden(forge.update(signed, {font.num: b"<</Type/Font/Subtype/Type1/BaseFont/Symbol>>"}), trust, "content")


def test_a_field_that_shows_other_words_than_its_value_is_forbidden(signed: bytes, trust: Trust) -> None:
    """Replace by overlay: the appearance changes, the value does not."""
    field = next(f for f in read_form(Document(signed).current).fields if f.name == pdf.NUMBER_FIELD)
    assert field.ref is not None
    number = forge.next_number(signed)
    evil = {
        number: forge.stream(_TEXT, b"/Type/XObject/Subtype/Form/BBox[0 0 30 16]"),
        field.ref.num: forge.with_key(forge.written(signed, field.ref), b"/AP", b"<</N %d 0 R>>" % number),
    }
    forbidden(forge.update(signed, evil), trust, "appearance_changed")


def test_appearances_that_readers_shall_make_anew_are_forbidden(signed: bytes, trust: Trust) -> None:
    root = forge.root(signed)
    form = Document(signed).current.catalogue["AcroForm"]
    where = form if isinstance(form, Ref) else root
    body = forge.written(signed, where)
    if where == root:
        inner = forge.with_key(forge.dump(form), b"/NeedAppearances", b"true")
        evil = forge.with_key(body, b"/AcroForm", inner)
    else:
        evil = forge.with_key(body, b"/NeedAppearances", b"true")
    forbidden(forge.update(signed, {where.num: evil}), trust, "appearances_made_anew")


def test_another_tree_of_pages_that_was_signed_along_is_forbidden(approved: bytes, trust: Trust) -> None:
    """Hide and replace: the catalogue points to what lay hidden."""
    root, number = forge.root(approved), forge.next_number(approved)
    evil = {
        root.num: forge.with_key(forge.written(approved, root), b"/Pages", b"%d 0 R" % number),
        number: b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (number + 1),
        number + 1: b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]>>" % number,
    }
    forbidden(forge.update(approved, evil), trust, "pages")


def test_a_number_changed_after_the_seal_is_forbidden(issued: bytes, trust: Trust) -> None:
    forbidden(paper.change_number(issued), trust, "form_filled")


def test_a_number_that_no_signature_covers_is_not_called_intact(signed: bytes, trust: Trust) -> None:
    """Filling it in is permitted; who reads the sentence has to know that nobody vouches for it."""
    field = next(f for f in read_form(Document(signed).current).fields if f.name == pdf.NUMBER_FIELD)
    assert field.ref is not None
    filled = {field.ref.num: forge.with_key(forge.written(signed, field.ref), b"/V", b"(99)")}
    before = validate(signed, trust, policy_name="foreign")
    after = validate(forge.update(signed, filled), trust, policy_name="foreign")
    assert (before.indication, after.indication) == (Indication.PASSED, Indication.PASSED)
    assert before.sentence.vi.startswith("Văn bản nguyên vẹn")
    assert "nguyên vẹn" not in after.sentence.vi
    assert "1 ô được điền sau chữ ký cuối cùng" in after.sentence.vi


# Attacks on certification


@pytest.mark.parametrize("subtype", [b"FreeText", b"Stamp", b"Highlight", b"Redact", b"Square", b"Link"])
def test_an_annotation_that_covers_is_forbidden(signed: bytes, trust: Trust, subtype: bytes) -> None:
    forbidden(_annotated(signed, subtype), trust, "annotation_added")


def test_an_annotation_after_an_approval_is_forbidden(approved: bytes, trust: Trust) -> None:
    forbidden(_annotated(approved, b"FreeText"), trust, "annotation_added")
    forbidden(paper.draw_over(approved), trust, "annotation_added")


def _annotated(pdf_file: bytes, subtype: bytes) -> bytes:
    ref, page = forge.first_page(pdf_file)
    number = forge.next_number(pdf_file)
    existing = forge.dump(Document(pdf_file).current.resolve(Document(pdf_file).current.get(ref).get("Annots")) or [])
    drawn = forge.stream(_TEXT, b"/Type/XObject/Subtype/Form/BBox[0 0 400 200]")
    evil = {
        number: drawn,
        number + 1: b"<</Type/Annot/Subtype/%b/Rect[0 0 500 700]/F 4/AP<</N %d 0 R>>>>" % (subtype, number),
        ref.num: forge.with_key(page, b"/Annots", existing[:-1] + b" %d 0 R]" % (number + 1)),
    }
    return forge.update(pdf_file, evil)


@pytest.mark.parametrize("filled", [False, True])
def test_a_signature_field_that_draws_over_a_certified_page_is_forbidden(
    pki: Running, signed: bytes, trust: Trust, *, filled: bool
) -> None:
    """The sneaky signature: its appearance says what the document did not."""
    forged = _signed_over(signed, pki) if filled else _field_over(signed)
    report = validate(forged, trust)
    refused(report)
    first = report.signatures[0]
    assert (first.modification, first.certification) == (Modification.FORBIDDEN, 2)


def test_a_field_that_draws_over_what_is_printed_is_forbidden(signed: bytes, trust: Trust) -> None:
    only_printed = _field_over(signed).replace(b"700]/F 4/P", b"700]/F 36/P")
    report = validate(only_printed, trust)
    refused(report)


def _field_over(pdf_file: bytes) -> bytes:
    view = Document(pdf_file).current
    ref, page = forge.first_page(pdf_file)
    number = forge.next_number(pdf_file)
    root, form = forge.root(pdf_file), view.resolve(view.catalogue["AcroForm"])
    fields = forge.dump(view.resolve(form["Fields"]))
    larger = forge.with_key(forge.dump(form), b"/Fields", fields[:-1] + b" %d 0 R]" % (number + 1))
    existing = forge.dump(view.resolve(view.get(ref).get("Annots")) or [])
    evil = {
        number: forge.stream(_TEXT, b"/Type/XObject/Subtype/Form/BBox[0 0 400 200]"),
        number + 1: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Evil)/Rect[0 400 500 700]/F 4/P %d 0 R/AP<</N %d 0 R>>>>"
        % (ref.num, number),
        ref.num: forge.with_key(page, b"/Annots", existing[:-1] + b" %d 0 R]" % (number + 1)),
        root.num: forge.with_key(forge.written(pdf_file, root), b"/AcroForm", larger),
    }
    return forge.update(pdf_file, evil)


def _signed_over(pdf_file: bytes, pki: Running) -> bytes:
    from asn1crypto import keys, x509
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigFieldSpec
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    key = paper.person(pki, pdf.Mechanism.RSA_PKCS1)
    private = key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=x509.Certificate.load(key.certificate),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore.from_certs([x509.Certificate.load(c) for c in key.chain]),
    )
    field = SigFieldSpec("Evil", box=(50, 400, 550, 700))
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf_file))
    out = PdfSigner(PdfSignatureMetadata(field_name="Evil"), signer, new_field_spec=field).sign_pdf(writer)
    content: bytes = out.getvalue()
    return content


def test_a_certification_taken_away_is_forbidden(signed: bytes, trust: Trust) -> None:
    root = forge.root(signed)
    evil = forge.with_key(forge.written(signed, root), b"/Perms", b"null")
    report = validate(forge.update(signed, {root.num: evil}), trust)
    refused(report)


def test_a_signature_taken_out_of_the_form_is_still_accounted_for(approved: bytes, trust: Trust) -> None:
    root = forge.root(approved)
    evil = forge.with_key(forge.written(approved, root), b"/AcroForm", b"<</Fields[]>>")
    report = validate(forge.update(approved, {root.num: evil}), trust)
    refused(report)
    assert [s.field for s in report.signatures] == ["Signature1"]


# Two readings of one file


def test_a_page_with_another_parent_is_forbidden(approved: bytes, trust: Trust) -> None:
    """Viewers look for what a page inherits along /Parent, not down the tree."""
    ref, page = forge.first_page(approved)
    number = forge.next_number(approved)
    evil = {
        number: b"<</Type/Pages/Kids[]/Count 0/Resources<<>>/Rotate 90>>",
        ref.num: forge.with_key(page, b"/Parent", b"%d 0 R" % number),
    }
    forbidden(forge.update(approved, evil), trust, "content")


def _written(*objects: tuple[bytes, bytes]) -> bytes:
    """A file of these objects ("7 0" and its body), as its maker prepared it."""
    out, places = b"%PDF-1.7\n", {}
    for named, body in objects:
        places[int(named.split()[0])] = len(out)
        out += named + b" obj\n" + body + b"\nendobj\n"
    table, size = len(out), max(places) + 1
    lines = [b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 65535 f \n" for n in range(size)]
    return out + b"xref\n0 %d\n%btrailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        b"".join(lines),
        size,
        table,
    )


_TREE = (b"1 0", b"<</Type/Catalog/Pages 2 0 R>>"), (b"2 0", b"<</Type/Pages/Kids[3 0 R]/Count 1>>")


def _shadowed(prepared: bytes, number: int, evil: bytes) -> list[str]:
    """What the update that exchanges one object changes, in the engine's words; nothing would be a green light."""
    later = Document(forge.update(prepared, {number: evil}))
    return [one.what for one in compare(later.view(len(prepared)), later.current) if one.kind is Kind.FORBIDDEN]


def test_a_stream_whose_length_is_exchanged_is_forbidden() -> None:
    """The signed bytes stay, a longer part of them is shown."""
    prepared = _written(
        *_TREE,
        (b"3 0", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>"),
        (b"4 0", b"<</Length 5 0 R>>\nstream\n% harmless\nendstream\n" + _TEXT + b"\nendstream"),
        (b"5 0", b"10"),
    )
    assert _shadowed(prepared, 5, b"%d" % (10 + len(b"\nendstream\n") + len(_TEXT))) == ["content"]


@pytest.mark.parametrize("named", [b"4 0", b"4 7"])
def test_what_readers_find_under_another_generation_is_forbidden(named: bytes) -> None:
    """Some readers heed generations and others do not: what either shows must stay."""
    prepared = _written(
        *_TREE,
        (b"3 0", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 6 0 R/Resources 4 7 R>>"),
        (named, b"<</Font<</F1 5 0 R>>>>"),
        (b"5 0", b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"),
        (b"6 0", forge.stream(_TEXT)),
    )
    assert _shadowed(prepared, 5, b"<</Type/Font/Subtype/Type1/BaseFont/Symbol>>") == ["content"]
    assert _shadowed(prepared, 4, b"<</Font<<>>>>") == ["content"]


def test_a_stream_of_objects_that_is_read_from_elsewhere_is_forbidden() -> None:
    """Its bounds are objects of their own: exchanged, they make other objects of the signed bytes."""
    packed = b"4 0   <</Font<<>>>>  <</Font<</F1 9 0 R>>>>"
    out = _written(
        *_TREE,
        (b"3 0", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources 4 0 R>>"),
        (b"5 0", b"6"),
        (b"6 0", forge.stream(packed, b"/Type/ObjStm/N 1/First 5 0 R")),
    )
    rows, at = b"\x02" + (6).to_bytes(4) + b"\0\0", len(out)
    keys = b"/Type/XRef/Size 8/W[1 4 2]/Index[4 1]/Root 1 0 R/Prev %d" % forge.start_of(out)
    prepared = out + b"7 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (forge.stream(rows, keys), at)
    assert Document(prepared).current.get(Ref(4, 0)) == {"Font": {}}
    assert _shadowed(prepared, 5, b"20") == ["content"]


def test_two_numbers_at_one_place_in_a_stream_of_objects_are_two_objects() -> None:
    out = _written(*_TREE, (b"3 0", b"<<>>"), (b"6 0", forge.stream(b"4 0 5 4 (a) (b)", b"/Type/ObjStm/N 2/First 8")))
    rows, at = 2 * (b"\x02" + (6).to_bytes(4) + b"\0\0"), len(out)
    keys = b"/Type/XRef/Size 8/W[1 4 2]/Index[4 2]/Root 1 0 R/Prev %d" % forge.start_of(out)
    view = Document(out + b"7 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (forge.stream(rows, keys), at)).current
    assert (view.get(Ref(4, 0)), view.get(Ref(5, 0))) == (b"a", b"b")
