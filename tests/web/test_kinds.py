"""Several signers, several agencies, annexes and certified copies, in real browsers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.web.conftest import DATA, LIMIT, Office, reload_until, weight


def fill(page: Page, abstract: str, leader: dict[str, Any]) -> None:
    page.goto("/documents/new")
    page.get_by_label("Loại văn bản").select_option(label="Công văn")
    page.get_by_label("Trích yếu").fill(abstract)
    page.get_by_label("Ký hiệu").fill("UBND-VX")
    choose(page, "Người ký", leader["name"])


def choose(page: Page, label: str, name: str) -> None:
    signer = page.get_by_label(label, exact=label == "Người ký")
    wanted = next(o for o in signer.locator("option").all_inner_texts() if o.startswith(name))
    signer.select_option(label=wanted)


def pair(office: Office) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Two leaders with good tokens of one agency, and its clerk."""
    logins = {entry["login"]: entry for entry in office.demo("logins")}
    good = [logins[t["login"]] for t in office.demo("tokens") if t["certificate"] == "active"]
    first, clerk, _ = office.cast()
    second = next(
        each
        for each in good
        if each["agency_identifier"] == first["agency_identifier"] and each["name"] != first["name"]
    )
    return first, second, clerk


def confirm_places(page: Page, document_id: str) -> None:
    """The second signer's name is not in the text: the clerk looks where the signature would stand."""
    page.goto(f"/documents/{document_id}/places")
    button = page.get_by_role("button", name="Xác nhận và chuyển lãnh đạo ký")
    reload_until(page, lambda: button.count() == 1, "nobody was asked about the places")
    button.click()
    expect(page.get_by_role("status")).to_be_visible()
    page.goto(f"/documents/{document_id}")


def test_two_leaders_sign_in_order_and_the_annex_is_signed_by_the_agency(office: Office, tmp_path: Path) -> None:
    first, second, clerk = pair(office)
    desk = office.sit_down(clerk, scripts=False)
    fill(desk, "V/v hai người ký lần lượt", first)
    desk.locator(".more-signers summary").click()
    choose(desk, "Người ký thứ 2", second["name"])
    desk.get_by_label("Lần lượt theo thứ tự trên").check()
    desk.get_by_label(re.compile("^Tệp văn bản")).set_input_files(DATA / "01-cong-van.pdf")
    desk.get_by_label(re.compile("^Phụ lục")).set_input_files(DATA / "02-bao-cao.pdf")
    office.picture(desk, "submit-signers", whole=True)
    assert weight(desk) < LIMIT
    desk.get_by_role("button", name="Trình văn bản").click()
    expect(desk.get_by_role("status")).to_have_text("Đã trình văn bản.")
    document_id = desk.url.rpartition("/")[2].partition("?")[0]
    confirm_places(desk, document_id)
    state = desk.locator(".state .badge")
    reload_until(desk, lambda: state.inner_text() == "Chờ ký số", "the fields were not placed")
    expect(desk.locator(".state")).to_contain_text(first["name"])
    expect(desk.locator(".state")).not_to_contain_text(second["name"])

    table = office.sit_down(second)
    table.goto("/signing")
    later = table.get_by_text("Sẽ đến lượt bạn").locator("..")
    expect(later).to_contain_text(f"đang chờ {first['name']} ký trước")
    office.picture(table, "signing-later", whole=True)
    office.sign(first, document_id, tmp_path / "first")
    reload_until(
        desk, lambda: second["name"] in desk.locator(".state").inner_text(), "the first signature did not arrive"
    )
    office.sign(second, document_id, tmp_path / "second")
    reload_until(desk, lambda: state.inner_text() == "Đã ký, chờ cấp số", "the second signature did not arrive")
    desk.get_by_role("button", name="Cấp số và đóng dấu").click()
    reload_until(desk, lambda: state.inner_text() == "Đã ban hành", "the seal did not come")
    expect(desk.get_by_text("Phụ lục đã ký số")).to_be_visible()
    office.picture(desk, "document-signers", whole=True)


def test_two_agencies_issue_a_document_together(office: Office, tmp_path: Path) -> None:
    first, clerk, other_clerk = office.cast()
    logins = {entry["login"]: entry for entry in office.demo("logins")}
    good = [logins[t["login"]] for t in office.demo("tokens") if t["certificate"] == "active"]
    clerks = {entry["agency_identifier"]: entry for entry in logins.values() if entry["role"] == "clerk"}
    theirs = next(
        each
        for each in good
        if each["agency_identifier"] != first["agency_identifier"] and each["agency_identifier"] in clerks
    )
    other_clerk = clerks[theirs["agency_identifier"]]
    desk = office.sit_down(clerk, scripts=False)
    fill(desk, "V/v hai cơ quan cùng ban hành", first)
    desk.locator(".more-signers summary").click()
    desk.get_by_label("Mã hoặc tên cơ quan").fill(theirs["agency_identifier"])
    desk.get_by_label(re.compile("^Tệp văn bản")).set_input_files(DATA / "01-cong-van.pdf")
    desk.get_by_role("button", name="Thêm cơ quan").click()
    expect(desk.locator(".uploaded")).to_contain_text("01-cong-van.pdf")
    choose(desk, "Người ký thứ 2", theirs["name"])
    office.picture(desk, "submit-agencies", whole=True)
    desk.get_by_role("button", name="Trình văn bản").click()
    expect(desk.get_by_role("status")).to_have_text("Đã trình văn bản.")
    document_id = desk.url.rpartition("/")[2].partition("?")[0]
    confirm_places(desk, document_id)
    state = desk.locator(".state .badge")
    reload_until(desk, lambda: state.inner_text() == "Chờ ký số", "the fields were not placed")
    office.sign(theirs, document_id, tmp_path / "theirs")
    office.sign(first, document_id, tmp_path / "first")
    reload_until(desk, lambda: state.inner_text() == "Đã ký, chờ đóng dấu", "the signatures did not arrive")
    expect(desk.get_by_role("button", name="Cấp số và đóng dấu")).to_have_count(0)

    theirs_desk = office.sit_down(other_clerk, scripts=False)
    theirs_desk.goto("/documents")
    theirs_desk.get_by_role("link", name="V/v hai cơ quan cùng ban hành").first.click()
    expect(theirs_desk.get_by_role("link", name="Sao văn bản này…")).to_have_count(0)
    office.picture(theirs_desk, "counter-seal", whole=True)
    theirs_desk.get_by_role("button", name="Đóng dấu cơ quan").click()
    reload_until(theirs_desk, lambda: "đã đóng dấu" in theirs_desk.content(), "the other agency's seal did not come")
    desk.reload()
    desk.get_by_role("button", name="Cấp số và đóng dấu").click()
    reload_until(desk, lambda: state.inner_text() == "Đã ban hành", "the seal did not come")
    office.picture(desk, "document-agencies", whole=True)


def test_a_clerk_certifies_a_copy_of_a_paper_and_copies_it_again(office: Office) -> None:
    _, clerk, _ = office.cast()
    desk = office.sit_down(clerk, scripts=False)
    desk.goto("/copies/new")
    desk.get_by_label("Cơ quan ban hành").fill("Bộ Nội vụ")
    desk.get_by_label("Số, ký hiệu").fill("15/QĐ-BNV")
    desk.get_by_label("Ngày ban hành").fill("2019-03-04")
    desk.get_by_label("Trích yếu").fill("Phê duyệt danh mục")
    desk.get_by_label("Ký hiệu", exact=True).fill("UBND")
    desk.get_by_role("button", name="Tạo bản sao").click()
    expect(desk.get_by_role("alert")).to_contain_text("tệp quét bản giấy")
    expect(desk.get_by_label("Số, ký hiệu")).to_have_value("15/QĐ-BNV")
    desk.get_by_label(re.compile("^Tệp bản sao")).set_input_files(DATA / "09-ban-quet-200dpi.pdf")
    office.picture(desk, "copy", whole=True)
    assert weight(desk) < LIMIT
    desk.get_by_role("button", name="Tạo bản sao").click()
    expect(desk.get_by_role("status")).to_contain_text("Đã tạo bản sao")
    state = desk.locator(".state .badge")
    for symbol in ("SY-UBND", "SL-UBND"):
        reload_until(desk, lambda: state.inner_text() == "Chờ cấp số", "the file was not looked at")
        desk.get_by_role("button", name="Cấp số và ký số bản sao").click()
        reload_until(desk, lambda: state.inner_text() == "Đã ban hành", "the agency's signature did not come")
        assert re.fullmatch(rf"\d{{2,}}/{symbol}", desk.locator(".number strong").first.inner_text())
        if symbol.startswith("SY"):
            desk.get_by_role("link", name="Sao văn bản này…").click()
            expect(desk.get_by_role("radio", name=re.compile("Sao lục"))).to_be_checked()
            desk.get_by_label("Ký hiệu", exact=True).fill("UBND")
            desk.get_by_role("button", name="Tạo bản sao").click()
    office.picture(desk, "copy-issued", whole=True)
