"""The main job in real browsers: submitted, signed, numbered, sealed, dispatched, validated, registered."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.web.conftest import LIMIT, Office, Submit, reload_until, wait_for_pdf, weight

ABSTRACT = "V/v tăng cường phòng, chống dịch bệnh mùa hè và bảo đảm an toàn thực phẩm năm 2026"


def test_a_document_goes_from_one_office_to_the_other(office: Office, submit: Submit, tmp_path: Path) -> None:
    leader, clerk, receiver = office.cast()
    page = office.open()
    page.goto("/")
    office.picture(page, "log-in")
    page.context.close()

    desk = office.sit_down(clerk)
    document_id = submit(desk, ABSTRACT, leader, lambda: office.picture(desk, "submit", whole=True))
    state = desk.locator(".state .badge")
    expect(state).to_have_text("Chờ ký số")  # the page follows by itself
    expect(desk.locator(".state")).to_contain_text(leader["name"])

    table = office.sit_down(leader)
    table.goto("/signing")
    expect(table.get_by_role("link", name=ABSTRACT).first).to_be_visible()
    expect(table.locator("#command")).to_have_text("vanthu-sign sign --all")
    office.picture(table, "signing")
    office.sign(leader, document_id, tmp_path)

    reload_until(desk, lambda: state.inner_text() == "Đã ký, chờ cấp số", "the signature did not arrive")
    desk.get_by_role("button", name="Cấp số và đóng dấu").dblclick()
    expect(state).to_have_text("Đã ban hành")
    number = desk.locator(".number strong").first.inner_text()
    assert re.fullmatch(r"\d{2,}/UBND-VX", number)

    desk.get_by_role("link", name="Phát hành…").click()
    desk.get_by_role("button", name="Thêm tất cả cấp xã").click()
    expect(desk.get_by_role("heading", name="Sẽ gửi tới (200)")).to_be_visible()
    assert weight(desk) < LIMIT
    desk.goto(f"/documents/{document_id}/dispatch")
    desk.get_by_label("Tên hoặc mã").fill(receiver["agency_identifier"])
    desk.locator("#main").get_by_role("button", name="Tìm").click()
    desk.locator(f'#found input[value="{receiver["agency_identifier"]}"]').check()
    desk.get_by_role("button", name="Thêm các nơi đã chọn").click()
    expect(desk.get_by_role("heading", name="Sẽ gửi tới (1)")).to_be_visible()
    desk.get_by_role("button", name="Phát hành", exact=True).click()
    expect(desk.get_by_role("status")).to_contain_text("Đã phát hành")

    inbox = office.sit_down(receiver)
    inbox.goto("/incoming?status=01")
    arrived = inbox.get_by_role("row").filter(has_text=number)
    reload_until(inbox, lambda: arrived.count() == 1, "nothing arrived")
    arrived.get_by_role("link").click()
    verdict = inbox.get_by_role("region", name="Kết quả kiểm tra chữ ký")
    expect(verdict).to_have_class(re.compile(r"\bgood\b"))
    expect(verdict).to_contain_text("Chữ ký hợp lệ")
    inbox.get_by_text(re.compile("^Chi tiết 2 chữ ký")).click()
    expect(verdict).to_contain_text(leader["name"])
    wait_for_pdf(inbox)
    office.picture(inbox, "incoming")
    with inbox.expect_download() as download:
        inbox.get_by_role("link", name="Tải PDF về").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    inbox.get_by_role("link", name="Báo cáo đầy đủ").click()
    expect(inbox.get_by_role("heading", level=1)).to_have_text("Báo cáo kiểm tra chữ ký")
    expect(inbox.locator("main")).to_contain_text("TOTAL_PASSED")
    inbox.go_back()
    inbox.get_by_role("button", name="Đăng ký văn bản đến").click()
    expect(inbox.get_by_role("status")).to_contain_text("Đã đăng ký")
    expect(inbox.locator(".state")).to_contain_text("Số đến")

    desk.goto(f"/documents/{document_id}")
    reload_until(desk, lambda: "Đã tiếp nhận" in desk.locator("main").inner_text(), "the sender was not told")
    assert number in desk.locator("main").inner_text()
    wait_for_pdf(desk)
    office.picture(desk, "document")


def test_an_officer_and_an_operator_see_their_own_pages(office: Office) -> None:
    officer = office.sit_down(office.with_role("officer"))
    officer.goto("/certificates")
    expect(officer.locator("tbody tr").first).to_be_visible()
    office.picture(officer, "certificates")
    officer.get_by_label("Tình trạng").select_option(label="Đang dùng")
    expect(officer).to_have_url(re.compile("status=active"))  # the page's script asks for it
    officer.locator("tbody a").first.click()
    expect(officer.get_by_role("heading", level=1)).not_to_have_text("Chứng thư số")
    officer.get_by_text("Thu hồi…", exact=True).click()
    expect(officer.get_by_role("button", name="Thu hồi chứng thư này")).to_be_visible()
    officer.goto("/agencies")
    officer.get_by_label("Tên hoặc mã").fill("na mo")
    officer.locator("#main").get_by_role("button", name="Tìm").click()
    officer.get_by_role("link", name="Ủy ban nhân dân xã Nà Mỏ").click()
    expect(officer.locator("tbody tr").first).to_contain_text("Phùng Thị Mai Diệp")
    office.picture(officer, "agency")
    officer.goto("/figures")
    expect(officer.locator("main")).to_contain_text("đang dùng vào")
    office.picture(officer, "figures")
    officer.goto("/system")
    expect(officer.get_by_role("alert")).to_contain_text("forbidden")
    operator = office.sit_down(office.with_role("operator"))
    operator.goto("/system")
    expect(operator.locator("tbody tr")).to_have_count(5)
    good = operator.locator(".badge.good")
    reload_until(operator, lambda: good.count() == 5, "not all parts are well")
    office.picture(operator, "system")
    operator.goto("/partners")
    expect(operator.locator("main")).to_contain_text("exchange.inbound.")
