"""Whose block is where: by name and post, in every spelling and layout that offices really produce."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from services.signing.placement import MM, Box, Places, Sought, columns, find_places, place_seal, seal_box
from tests.interop import paper
from tests.support.sheet import Line, sheet

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "samples"
DOCUMENTS = [d for d in paper.expectations()["documents"] if d["text_layer"] == "good"]
CHAIRMAN = Sought("Nguyễn Văn Hòa", "Chủ tịch", ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"))
DEPUTY = Sought("Trần Thị Thúy", "Phó Chủ tịch", ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"))
HEAD = [
    Line("ỦY BAN NHÂN DÂN XÃ ĐÔNG HÀ", 160, 90, centred=True, bold=True),
    Line("Số:        /UBND-VX", 100, 120),
    Line("Đông Hà, ngày      tháng      năm 2026", 330, 120),
]
RECIPIENTS = [
    Line("Nơi nhận:", 85, 560, 12),
    Line("- Như trên;", 85, 575, 11),
    Line("- Chủ tịch, các PCT UBND xã;", 85, 589, 11),
    Line("- Ông Nguyễn Văn Hòa;", 85, 603, 11),
    Line("- Lưu: VT, VX.", 85, 617, 11),
]


def block(x: float, lines: tuple[str, ...], name: str, *, top: float = 560, room: float = 110) -> list[Line]:
    """Centred post lines from `top` on, the name `room` points below the last."""
    posts = [Line(text, x, top + 16 * n, centred=True, bold=True) for n, text in enumerate(lines)]
    return [*posts, Line(name, x, posts[-1].y + room, centred=True, bold=True)]


def found(pdf: bytes, *signers: Sought) -> Places:
    return find_places(pdf, signers)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d["file"])
def test_the_signer_of_each_sample_is_known_by_name_and_post(document: dict[str, Any]) -> None:
    signer = document["fields"]["signer"]
    sought = Sought(signer["name"], signer["post"].capitalize(), tuple(signer["block"]))
    [area] = found((paper.DATA / document["file"]).read_bytes(), sought).signatures
    expected = document["anchors"]["signature_area"]
    assert (area.found, area.basis, area.box.page) == (True, "name_post", expected["page"])
    assert (area.box.x0, area.box.x1) == pytest.approx((expected["box"][0], expected["box"][2]), abs=2.5)


@pytest.mark.parametrize(
    "name",
    ["Nguyễn Văn Hòa", "Nguyễn Văn Hoà", "NGUYỄN VĂN HÒA", unicodedata.normalize("NFD", "Nguyễn Văn Hòa")],
    ids=["as registered", "the other place of the tone", "upper case", "NFD"],
)
def test_spelling_of_a_name_does_not_matter(name: str) -> None:
    lines = block(430, ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"), name)
    [area] = found(sheet([*HEAD, *RECIPIENTS, *lines]), CHAIRMAN).signatures
    assert area.basis == "name_post"
    assert area.box.middle[0] == pytest.approx(430, abs=2)
    assert area.box.y0 == pytest.approx(580, abs=6)
    assert area.box.y1 == pytest.approx(673, abs=6)


@pytest.mark.parametrize("name", ["PGS.TS. Nguyễn Văn Hòa", "Đại tá Nguyễn Văn Hòa", "BSCKII. Nguyễn Văn Hòa"])
def test_a_degree_or_rank_stands_before_the_name(name: str) -> None:
    lines = block(430, ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"), name)
    [area] = found(sheet([*HEAD, *RECIPIENTS, *lines]), CHAIRMAN).signatures
    assert area.basis == "name_post"


def test_a_name_that_differs_in_its_marks_only_is_somebody_elses_when_both_sign() -> None:
    other = Sought("Nguyễn Văn Hóa", "Phó Chủ tịch", ("PHÓ CHỦ TỊCH",))
    pdf = sheet([*HEAD, *block(170, ("CHỦ TỊCH",), "Nguyễn Văn Hòa"), *block(430, ("PHÓ CHỦ TỊCH",), "Nguyễn Văn Hóa")])
    first, second = found(pdf, CHAIRMAN, other).signatures
    assert (first.box.middle[0], second.box.middle[0]) == pytest.approx((170, 430), abs=2)
    second, first = found(pdf, other, CHAIRMAN).signatures
    assert (first.box.middle[0], second.box.middle[0]) == pytest.approx((170, 430), abs=2)


def test_each_of_three_signers_in_a_table_gets_the_own_column() -> None:
    clerk, accountant = Sought("Lê Thị Bưởi", "Người lập biểu"), Sought("Phạm Quốc Ổn", "Kế toán trưởng")
    row = [
        *block(130, ("Người lập biểu",), "Lê Thị Bưởi"),
        *block(300, ("KẾ TOÁN TRƯỞNG",), "Phạm Quốc Ổn"),
        *block(470, ("CHỦ TỊCH",), "Nguyễn Văn Hòa"),
    ]
    places = found(sheet([*HEAD, *row]), CHAIRMAN, clerk, accountant)
    assert [a.box.middle[0] for a in places.signatures] == pytest.approx([470, 130, 300], abs=12)
    assert {a.basis for a in places.signatures} == {"name_post"}
    boxes = columns(places.signatures, 595)
    assert all(boxes[n].overlap(boxes[m]) == 0 for n in range(3) for m in range(n))


def test_names_and_posts_may_be_broken_over_lines() -> None:
    signer = Sought(
        "Nguyễn Thị Hoàng Phương Thảo",
        "Phó Giám đốc thường trực",
        ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC THƯỜNG TRỰC"),
    )
    other = Sought("Võ Văn Ẩn", "Trưởng phòng", ("TRƯỞNG PHÒNG",))
    lines = [
        *block(200, ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC", "THƯỜNG TRỰC"), "Nguyễn Thị Hoàng"),
        Line("Phương Thảo", 200, 718, centred=True, bold=True),
        *block(440, ("TRƯỞNG PHÒNG",), "Võ Văn Ẩn", room=142),
    ]
    first, second = found(sheet([*HEAD, *lines]), signer, other).signatures
    assert (first.basis, second.basis) == ("name_post", "name_post")
    assert first.box.middle[0] == pytest.approx(200, abs=3)
    assert first.box.y0 == pytest.approx(598, abs=6)


def test_deputy_for_the_head_is_found_by_the_own_post_not_by_the_heads() -> None:
    lines = block(430, ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"), "Trần Thị Thuý")
    pdf = sheet([*HEAD, *RECIPIENTS, *lines])
    [area] = found(pdf, DEPUTY).signatures
    assert area.basis == "name_post"
    [chairman] = found(pdf, Sought("Ngô Văn Khác", "Bí thư", ("BÍ THƯ",))).signatures
    assert chairman.basis == "layout", "one room for one signer, whoever's name was typed"


def test_with_another_name_typed_the_post_decides_and_says_so() -> None:
    pdf = sheet([*HEAD, *RECIPIENTS, *block(430, ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"), "Người Khác Hẳn")])
    [area] = found(pdf, CHAIRMAN).signatures
    assert (area.found, area.basis) == (True, "post")


def test_names_and_posts_elsewhere_in_the_text_do_not_mislead() -> None:
    body = [
        Line("CHỦ TỊCH", 300, 200, centred=True, bold=True),
        Line("Căn cứ Luật Tổ chức chính quyền địa phương;", 85, 222),
        Line("Xét đề nghị của ông Nguyễn Văn Hòa, Chủ tịch Ủy ban nhân dân xã;", 85, 240),
        Line("1", 90, 300),
        Line("Nguyễn Văn Hòa", 120, 300),
        Line("Chủ tịch UBND xã", 300, 300),
        Line("2", 90, 316),
        Line("Nguyễn Văn Hòa", 120, 316),
        Line("Tổ trưởng", 300, 316),
    ]
    last = [*RECIPIENTS, *block(430, ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"), "Nguyễn Văn Hòa")]
    annex = [
        Line("PHỤ LỤC", 300, 90, centred=True, bold=True),
        *block(430, ("CHỦ TỊCH",), "Nguyễn Văn Hòa", top=300),
    ]
    [area] = found(sheet([*HEAD, *body], last, annex), CHAIRMAN).signatures
    assert (area.box.page, area.basis) == (2, "name_post")
    assert area.box.middle[0] == pytest.approx(430, abs=2)


def test_a_list_that_reaches_close_to_the_name_is_no_part_of_it() -> None:
    lines = block(430, ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"), "Nguyễn Văn Hòa", room=57)
    close = Line("- Các phòng, ban chuyên môn, đoàn thể xã, trạm;", 85, lines[-1].y, 11)
    [area] = found(sheet([*HEAD, *RECIPIENTS, close, *lines]), CHAIRMAN).signatures
    assert area.basis == "name_post"
    assert area.box.x0 > 350


def test_who_is_not_found_gets_a_free_spot_beside_the_others_and_is_marked() -> None:
    pdf = sheet([*HEAD, *RECIPIENTS, *block(430, ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"), "Nguyễn Văn Hòa")])
    stranger = Sought("Mai Văn Vắng", "Kế toán trưởng", ("KẾ TOÁN TRƯỞNG",))
    places = found(pdf, CHAIRMAN, stranger)
    first, second = places.signatures
    assert first.found
    assert (second.found, second.basis, second.box.page) == (False, "default", 1)
    assert second.box.overlap(first.box) == 0
    assert all(second.box.overlap(text) == 0 for text in places.keep_clear)
    assert not places.complete


def test_two_signers_with_nothing_in_the_text_stand_beside_each_other() -> None:
    first, second = found(sheet(HEAD), CHAIRMAN, DEPUTY).signatures
    assert not first.found
    assert not second.found
    assert first.box.x1 < second.box.x0
    assert min(first.box.width, second.box.width) >= 50 * MM


@pytest.mark.parametrize(
    "line",
    ["Số: ……/QĐ-UBND", "Số:......../QĐ-UBND", "Số     /QĐ-UBND", "Số: ____/QĐ-UBND", "SỞ NỘI VỤ Số:     /SNV-VP"],
)
def test_number_blanks_are_found_in_every_form(line: str) -> None:
    places = found(sheet([Line(line, 100, 120)]))
    assert places.number.found
    assert places.number.baseline == pytest.approx(120, abs=1)
    assert places.number.box.width > 8


@pytest.mark.parametrize(
    "line",
    ["Đông Hà, ngày ……  tháng …… năm 2026", "NGÀY ..... THÁNG ..... NĂM 2026", "Đông Hà, ngày     tháng     năm 20..."],
)
def test_date_blanks_are_found_in_every_form(line: str) -> None:
    places = found(sheet([Line(unicodedata.normalize("NFD", line), 300, 120)]))
    assert places.day.found
    assert places.month.found
    assert places.day.box.x1 < places.month.box.x0


def test_what_is_typed_already_is_no_blank() -> None:
    typed = [Line("Số: 15/QĐ-UBND", 100, 120), Line("Đông Hà, ngày      tháng 11 năm 2026", 300, 120)]
    places = found(sheet(typed))
    assert (places.number.found, places.day.found, places.month.found) == (False, True, False)


def test_a_sentence_of_the_body_is_no_head() -> None:
    body = [Line("theo công văn số   /BTC, ngày   tháng   năm", 85, 600)]
    places = found(sheet(body))
    assert (places.number.found, places.day.found) == (False, False)


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_turned_page_is_read_as_shown(rotate: int) -> None:
    """The lines are set in the page's own space, so on a turned page they run sideways: nothing is found, nothing fails."""
    pdf = sheet([*HEAD, *block(430, ("CHỦ TỊCH",), "Nguyễn Văn Hòa")], rotate=rotate)
    places = found(pdf, CHAIRMAN)
    width, height = (842, 595) if rotate in (90, 270) else (595, 842)
    assert 0 <= places.signatures[0].box.x0 < places.signatures[0].box.x1 <= width
    assert 0 <= places.signatures[0].box.y0 < places.signatures[0].box.y1 <= height


def test_the_seal_keeps_off_the_recipients() -> None:
    signature = Box(1, 340, 600, 500, 700)
    close = Box(1, 85, 560, 310, 700)
    box, moved = place_seal(signature, 42, [close])
    assert moved
    assert box.x0 >= close.x1
    assert box.x1 <= signature.middle[0] + box.width / 2
    assert place_seal(signature, 36, [Box(1, 85, 560, 250, 700)]) == (seal_box(signature, 36), False)


def test_a_seal_that_can_not_keep_off_still_covers_the_signatures_left() -> None:
    signature = Box(1, 340, 600, 500, 700)
    box, _ = place_seal(signature, 36, [Box(1, 85, 560, 480, 700)])
    assert box.x0 < signature.middle[0] < box.x1 or box.x1 <= signature.x1


def test_a_file_of_300_pages_is_not_read_whole_for_its_signature() -> None:
    big = SAMPLES / "13-de-an-300-trang.pdf"
    if not big.exists():
        pytest.skip("the sample of 300 pages does not lie beside this checkout (../shared/data/samples)")
    content = big.read_bytes()
    signer = Sought("Bế Thị Hồng Nguyệt", "Phó Chủ tịch", ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"))
    began = time.process_time()
    [area] = found(content, signer).signatures
    assert (area.box.page, area.basis) == (3, "name_post")
    assert time.process_time() - began < 1.0
    began = time.process_time()
    [stranger] = found(content, Sought("Không Có Ai", "Không chức vụ")).signatures
    assert stranger.basis in ("layout", "default")
    assert time.process_time() - began < 5.0
