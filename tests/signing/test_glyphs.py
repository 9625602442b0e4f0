"""What stands in appearances can be read: every Vietnamese letter by eye and by machine, nothing runs out of its box."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps
from pyhanko.pdf_utils.generic import IndirectObject, NameObject

from deploy.devpki.server import Running, running
from services.signing import appearance, pdf, placement
from services.signing.appearance import BLACK, Face, Look, SealLook, SignatureLook, TextLook, typeface
from services.signing.box import MM, Box
from services.signing.pdf_draw import MIN_SIZE, Canvas, draw
from services.signing.pdf_file import Document, PdfFile
from services.signing.pdf_form import Revision
from services.signing.pdf_update import Update
from tests.interop import paper
from tests.support.pixels import picture
from tests.support.sheet import sheet

VOWELS = "aăâeêioôơuưy"
TONES = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
LOWER = [unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES] + ["đ"]
LETTERS = [letter for pair in ((c, c.upper()) for c in LOWER) for letter in pair]
ALPHABET = LETTERS + list("bcdghklmnpqrstvxBCDGHKLMNPQRSTVX0123456789/:;.,-+()&“”–")
AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
LONG = SignatureLook(
    "Nguyễn Phước Bảo Hoàng Ngọc Phương Thảo Quỳnh",
    "Phó Giám đốc thường trực phụ trách Trung tâm Nghiên cứu, Ứng dụng và Chuyển giao tiến bộ khoa học công nghệ",
    AT,
)
LONG_SEAL = SealLook(
    "Ban Quản lý dự án đầu tư xây dựng công trình giao thông, dân dụng và công nghiệp huyện Đắk Glong",
    "Ủy ban nhân dân thành phố trực thuộc trung ương Huế, nước Cộng hòa xã hội chủ nghĩa Việt Nam",
)


def drawn(width: float, height: float, fill: Look | list[tuple[str, float, float, Face]]) -> bytes:
    """A page of just this size that shows the appearance as its content, so that it can be rendered and read."""
    writer = Revision(sheet([], size=(width, height)))
    canvas = Canvas(width, height)
    if isinstance(fill, list):
        for text, x, y, face in fill:
            canvas.text(text, x, y, 24, colour=BLACK, face=face)
    else:
        draw(canvas, fill)
    writer.root[NameObject("/Form")] = IndirectObject(*canvas.form(writer, 0), writer)
    writer.update_root()
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(writer.to_bytes())) as opened:
        page = opened.pages[0]
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=opened.Root.Form))
        page.Contents = opened.make_stream(b"/A Do")
        opened.save(out)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Read:
    text: str
    boxes: list[tuple[float, float, float, float]]  # left, bottom, right, top of inked characters


def read(document: bytes) -> Read:
    opened = pdfium.PdfDocument(document)
    page = opened[0].get_textpage()
    try:
        count = page.count_chars()
        inked = [n for n in range(count) if page.get_text_range(n, 1).strip()]
        return Read(page.get_text_range(), [page.get_charbox(n) for n in inked])
    finally:
        page.close()
        opened.close()


EDGES = 250 * 255


def darkness(image: Image.Image) -> int:
    return sum(value * count for value, count in enumerate(image.histogram()))


@pytest.mark.parametrize("face", list(Face))
def test_every_letter_is_drawn_as_the_typeface_has_it(face: Face) -> None:
    """Held against FreeType's own drawing of the same typeface: the same ink in every cell, and no two letters alike."""
    cell, columns = 40, 14
    rows = -(-len(ALPHABET) // columns)
    places = [(c, n % columns * cell + 6, (rows - 1 - n // columns) * cell + 12) for n, c in enumerate(ALPHABET)]
    page = drawn(columns * cell, rows * cell, [(c, x, y, face) for c, x, y in places])
    scale = 5
    ours = picture(page, scale=scale).convert("L")
    reference = Image.new("L", ours.size, 255)
    font = ImageFont.truetype(io.BytesIO(typeface(face)), 24 * scale)
    brush = ImageDraw.Draw(reference)
    for c, x, y in places:
        brush.text((x * scale, ours.height - y * scale), c, font=font, fill=0, anchor="ls")
    seen: dict[bytes, str] = {}
    for c, x, y in places:
        left, top = (x - 6) * scale, ours.height - (y + 28) * scale
        frame = (left, top, left + cell * scale, top + cell * scale)
        one, other = ours.crop(frame), reference.crop(frame)
        ink, differing = darkness(ImageOps.invert(other)), darkness(ImageChops.difference(one, other))
        assert ink > 0, f"the typeface has no {c!r}"
        # The two smooth their edges differently, which counts most in the smallest signs.
        assert differing < 0.15 * ink + EDGES, f"{c!r} in {face.name} is drawn otherwise: {differing / ink:.2f}"
        shape = one.tobytes()
        assert shape not in seen, f"{c!r} looks like {seen[shape]!r}"
        seen[shape] = c


@pytest.mark.parametrize("face", list(Face))
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_every_letter_is_read_back(face: Face, form: Literal["NFC", "NFD"]) -> None:
    lines = ["".join(ALPHABET[n : n + 20]) for n in range(0, len(ALPHABET), 20)]
    written = [(unicodedata.normalize(form, line), 10.0, 30.0 + 40 * n, face) for n, line in enumerate(lines)]
    found = read(drawn(600, 40 * len(lines) + 40, written))
    assert "".join(found.text.split()) == "".join("".join(lines).split()), "NFC, letter by letter"


LOOKS: list[tuple[Look, float, float]] = [
    (SignatureLook("Đỗ Thị Huệ", "PHÓ CHỦ TỊCH", AT), 55 * MM, 35 * MM),
    (LONG, 55 * MM, 35 * MM),
    (LONG, 30 * MM, 12 * MM),
    (SealLook("Ủy ban nhân dân xã Đông Hà", "Tỉnh Quảng Trị"), 36 * MM, 36 * MM),
    (LONG_SEAL, 36 * MM, 36 * MM),
    (TextLook("Số: 15/QĐ-UBND; 22/11/2026; 08:02:03"), 77 * MM, 9 * MM),
    (TextLook(f"SAO Y; {LONG_SEAL.agency}; 22/11/2026; 08:02:03"), 81 * MM, 9 * MM),
]


@pytest.mark.parametrize(("look", "width", "height"), LOOKS)
def test_nothing_runs_out_of_its_box(look: Look, width: float, height: float) -> None:
    found = read(drawn(width, height, look))
    assert found.boxes
    for left, bottom, right, top in found.boxes:
        assert left >= -0.3
        assert right <= width + 0.3
        assert bottom >= -0.3
        assert top <= height + 0.3
        if isinstance(look, SealLook):
            x, y = (left + right) / 2 - width / 2, (bottom + top) / 2 - height / 2
            assert (x * x + y * y) ** 0.5 < width / 2, "letters stay inside the ring"


@pytest.mark.parametrize(("look", "width", "height"), LOOKS)
def test_all_that_is_said_can_be_read_back(look: Look, width: float, height: float) -> None:
    said = unicodedata.normalize("NFC", read(drawn(width, height, look)).text).casefold()
    words = {"".join(said.split())}
    if isinstance(look, SignatureLook):
        expected = [look.name, look.post, "22/11/2026", "08:02:03"]
    elif isinstance(look, SealLook):
        expected = [look.agency]  # the ring's letters are read one by one, in whatever order
    else:
        expected = [look.text]
    for text in expected:
        wanted = "".join(text.casefold().split())
        assert any(wanted in each for each in words), (text, said)


def test_a_long_name_is_broken_rather_than_shrunk_to_dust() -> None:
    found = read(drawn(55 * MM, 35 * MM, LONG))
    lower = [top - bottom for _, bottom, _, top in found.boxes if top < 17 * MM]
    assert max(lower) > MIN_SIZE * 0.9


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.mark.parametrize("diameter", [30.0, 36.0, 42.0])
def test_the_seal_has_its_actual_size_on_paper(pki: Running, diameter: float) -> None:
    draft = paper.sample("01")
    signature = placement.signature_box(placement.find_places(draft).signature)
    box, _ = placement.place_seal(signature, diameter, [])
    plan = pdf.Plan(
        signers=(pdf.SignerPlace(paper.SIGNER, signature, paper.POST),),
        seal=pdf.SignerPlace(pdf.SEAL_FIELD, box, "Con dấu"),
    )
    signed = paper.sign(pdf.prepare(draft, plan), paper.person(pki), pki)
    issued = paper.seal(signed, paper.agency(pki), pki, pdf.Level.B_B, numbered=False)
    scale = 800 / 72
    page = picture(issued, box.page, scale=min(scale, (12_000_000 / (595 * 842)) ** 0.5))
    scale = page.width / 595.28
    edges = [round(v * scale) for v in (box.x0 - 9, box.y0 - 9, box.x1 + 9, box.y1 + 9)]
    ink = page.crop((edges[0], edges[1], edges[2], edges[3]))
    red, green, blue = ink.split()
    reddish = ImageChops.subtract(red, ImageChops.lighter(green, blue)).point(lambda v: 255 if v > 90 else 0)
    left, top, right, bottom = reddish.getbbox() or (0, 0, 0, 0)
    assert (right - left) / scale / MM == pytest.approx(diameter, abs=0.1 + 1 / scale / MM)
    assert (bottom - top) / scale / MM == pytest.approx(diameter, abs=0.1 + 1 / scale / MM)


def test_subsets_stay_small(pki: Running) -> None:
    """What signature, seal, number and date bring along in typefaces."""
    with pikepdf.open(io.BytesIO(paper.issue(paper.sample("01"), pki))) as issued:
        ours = [
            o.FontDescriptor
            for o in issued.objects
            if isinstance(o, pikepdf.Dictionary)
            and "VanthuSerif" in str(o.get("/BaseFont", ""))
            and "/FontDescriptor" in o
        ]
        sizes = [len(each.FontFile2.read_raw_bytes()) for each in ours]
    assert sizes
    assert sum(sizes) < 60_000


def test_marks_are_kept_in_what_people_read_in_the_number_field() -> None:
    assert appearance.unprintable("".join(LETTERS)) is None
    assert appearance.unprintable("Số 漢") == "漢"
    assert Box(1, 0, 0, 1, 1).overlap(Box(2, 0, 0, 1, 1)) == 0


def test_a_picture_of_a_seal_is_shown_with_its_colours_and_nothing_where_it_is_transparent() -> None:
    seal = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    seal.paste((220, 18, 18, 255), (0, 0, 20, 40))
    png = io.BytesIO()
    seal.save(png, "PNG")
    look = SealLook("Ủy ban nhân dân tỉnh Lạng Sơn", picture=png.getvalue())
    for _ in range(2):  # drawn anew, and from what is kept of it
        shown = picture(drawn(40, 40, look), scale=2).convert("RGB")
        assert shown.getpixel((20, 40)) == (220, 18, 18)
        assert shown.getpixel((60, 40)) == (255, 255, 255)


def test_texts_of_one_update_share_a_font_and_different_ones_have_their_own() -> None:
    update = Update(PdfFile(Document(sheet([], size=(100, 100)))))
    for text in ("07", "05", "Ủy ban"):
        canvas = Canvas(80, 20)
        canvas.text(text, 0, 5, 13, colour=BLACK)
        canvas.form(update, 0)
    written = update.finish()[0]
    assert written.count(b"/Subtype/Type0") == 2
    assert written.count(b"/FontFile2") == 2
    assert written.count(b"/Subtype/Form") == 3
