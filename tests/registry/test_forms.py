"""Printed forms: every Vietnamese word is in the PDF's text, and what stands on the page is ink within its margins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pypdfium2
import pytest

from deploy.devpki.server import Running
from services.registry import forms
from services.registry.forms import LAYOUTS, Sheet
from tests.registry.conftest import Office
from tests.registry.test_procedures import Desk

ROW = {
    "name": "Bế Thị Hồng Nguyệt",
    "birth_date": "05/01/1980",
    "citizen_id": "020180001234",
    "citizen_id_on": "10/05/2021",
    "citizen_id_at": "Cục Cảnh sát quản lý hành chính",
    "email": "nguyet.bth@langson.example",
    "agency": "Ủy ban nhân dân xã Nà Mỏ",
    "province": "Lạng Sơn",
    "title": "Phó Chủ tịch",
    "phone": "0912345678",
    "old_serial": "54a1",
    "sim_pki": "Không",
    "address": "Thôn Phiêng Quăn, xã Nà Mỏ",
    "tax_code": "4900123456",
    "budget_code": "1023456",
    "version": "2.1",
    "purpose": "Xác thực máy chủ trục liên thông",
    "serial": "0a1b2c3d4e5f",
    "valid_until": "24/11/2028",
    "request": "Gia hạn",
    "new_content": "Chuyển đến Ủy ban nhân dân xã Nà Mỏ",
    "reason": "Hỏng do bị ướt",
    "device_type": "PKI Token",
    "model": "GCA-01",
    "device_serial": "3A0001",
    "received_on": "20/11/2026",
}


def sheet(form: str, rows: int = 1) -> Sheet:
    return Sheet(
        form=form,
        agency="Ủy ban nhân dân xã Nà Mỏ",
        parent="Ủy ban nhân dân tỉnh Lạng Sơn",
        place="Nà Mỏ",
        day=date(2026, 1, 5),
        to="Cục Chứng thực số và Bảo mật thông tin, Ban Cơ yếu Chính phủ",
        rows=[ROW | {"name": f"{ROW['name']} {n}"} if rows > 1 else ROW for n in range(rows)],
    )


@contextmanager
def opened(content: bytes) -> Iterator[pypdfium2.PdfDocument]:
    document = pypdfium2.PdfDocument(content)
    try:
        yield document
    finally:
        document.close()


def words(content: bytes) -> str:
    """The text layer on one line; lines of a cell or paragraph are joined by one space."""
    with opened(content) as document:
        return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())


@pytest.mark.parametrize("form", LAYOUTS)
def test_every_form_says_all_that_was_given_in_letters_that_can_be_read_again(form: str) -> None:
    layout = LAYOUTS[form]
    found = words(forms.render(sheet(form)))
    said = [layout.title, layout.abstract, layout.signer, layout.other_signer or ""]
    said += [
        layout.opening.format(agency="Ủy ban nhân dân xã Nà Mỏ"),
        layout.closing.format(agency="Ủy ban nhân dân xã Nà Mỏ"),
    ]
    said += [column.head for column in layout.columns] + [ROW[column.key] for column in layout.columns]
    said += ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", f"Mẫu số {form}"]
    said += ["Nà Mỏ, ngày 05 tháng 01 năm 2026", "Kính gửi: Cục Chứng thực số và Bảo mật thông tin"]
    assert [each for each in said if each not in found] == []


def test_many_people_are_a_letter_with_a_list_across() -> None:
    content = forms.render(sheet("01", rows=40))
    found = words(content)
    assert "Số lượng: 40 (danh sách kèm theo)" in found
    assert all(f"Nguyệt {n}" in found for n in range(40))
    with opened(content) as document:
        sizes = [page.get_size() for page in document]
    assert sizes[0][0] < sizes[0][1]
    assert all(width > height for width, height in sizes[1:])
    assert len(sizes) > 2


@pytest.mark.parametrize("form", LAYOUTS)
def test_the_ink_stays_within_the_margins_of_the_decree(form: str) -> None:
    """NĐ 30 annex I: 20 mm above and below, 30 mm left, 15 mm right."""
    with opened(forms.render(sheet(form))) as document:
        scale = 72 / 25.4  # pixels per mm are then points per mm: one pixel a point
        picture = document[0].render(scale=1).to_pil().convert("L")
    left, top, right, bottom = picture.point(lambda value: 255 if value < 200 else 0).getbbox()
    assert left >= 29.5 * scale
    assert top >= 19.5 * scale
    assert right <= (210 - 14.5) * scale
    assert bottom <= (297 - 20) * scale


def printed(office: Office, path: str, **params: Any) -> Any:
    return office.http.get(f"/registry/v1{path}", params=params, headers=office.headers(office.province.clerk))


def test_the_clerk_prints_what_was_requested(office: Office, pki: Running) -> None:
    desk = Desk(office, pki)
    leader, clerk = office.province.leader, office.province.clerk
    said = {"citizen_id": "020180001234", "phone": "0912345678"}
    made = [
        desk.do("/procedures", {"kind": "issue_person", "person_id": str(who.id), "details": said}, by=clerk)
        for who in (leader, clerk)
    ]
    first = made[0]["procedure_id"]
    answer = printed(office, f"/procedures/{first}/form.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert 'filename="mau-01-' in answer.headers["content-disposition"]
    found = words(answer.content)
    assert all(each in found for each in ("Bế Thị Hồng Nguyệt", "020180001234", "0912345678", "Lạng Sơn, ngày"))
    both = printed(office, "/procedure-forms", procedure_id=[each["procedure_id"] for each in made])
    assert "Số lượng: 02" in words(both.content)
    early = printed(office, f"/procedures/{first}/form.pdf", form="07")
    assert (early.status_code, early.json()["code"]) == (422, "form_unknown")
    other = desk.do("/procedures", {"kind": "issue_agency", "agency_id": str(office.province.ubnd.id)})
    mixed = printed(office, "/procedure-forms", procedure_id=[first, other["procedure_id"]])
    assert (mixed.status_code, mixed.json()["code"]) == (422, "forms_differ")


def test_the_notice_of_a_hand_over_names_certificate_and_device(office: Office, pki: Running) -> None:
    desk, leader = Desk(office, pki), office.province.leader
    procedure = desk.forwarded({"kind": "issue_person", "person_id": str(leader.id)})
    certificate = desk.on_token(leader, desk.device("3A0009"), procedure)
    desk.handed_over(certificate, leader)
    found = words(printed(office, f"/procedures/{procedure}/form.pdf", form="07").content)
    serial = desk.get(f"/certificates/{certificate}")["serial"]
    assert all(each in found for each in ("THÔNG BÁO", "3A0009", serial, leader.name))
