"""Places in a real browser: a scan waits for its clerk, boxes are dragged or typed, and then the leader may sign."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import DATA, LIMIT, Office, Submit, reload_until

SCAN = "V/v bản quét không có lớp chữ"


@pytest.fixture
def sample() -> Path:
    """A scan: nothing in it says where anybody signs."""
    return DATA / "09-ban-quet-200dpi.pdf"


def number(page: Page, name: str) -> float:
    return float(page.locator(f'input[name="{name}"]').input_value())


def test_a_scan_waits_until_its_clerk_has_placed_the_signature(office: Office, submit: Submit) -> None:
    leader, clerk, _ = office.cast()
    desk = office.sit_down(clerk)
    document_id = submit(desk, SCAN, leader)
    confirm = desk.get_by_role("link", name="Xem và xác nhận vị trí chữ ký")
    reload_until(desk, confirm.is_visible, "the clerk was not asked")
    expect(desk.locator(".state")).to_contain_text("đang chờ văn thư")
    confirm.click()
    expect(desk.locator(".state")).to_contain_text("Chờ văn thư xác nhận")
    desk.wait_for_load_state("load")  # the script that moves the boxes is at work
    first = desk.locator('g[data-place="signer_1"]')
    image = desk.locator(".sheet-paper img").first
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("complete", True)
    image.evaluate("(drawn) => drawn.decode()")
    office.picture(desk, "places", whole=True)

    left, width = number(desk, "left.signer_1"), number(desk, "width.signer_1")
    first.scroll_into_view_if_needed()  # a mouse reaches what is in the window
    box = first.locator(".body").bounding_box()
    assert box
    desk.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    desk.mouse.down()
    desk.mouse.move(box["x"] + box["width"] / 2 - 80, box["y"] + box["height"] / 2 - 30, steps=5)
    desk.mouse.up()
    assert number(desk, "left.signer_1") < left - 10
    assert number(desk, "width.signer_1") == width
    corner = first.locator(".corner").bounding_box()
    assert corner
    desk.mouse.move(corner["x"] + 2, corner["y"] + 2)
    desk.mouse.down()
    desk.mouse.move(corner["x"] + 42, corner["y"] + 12, steps=5)
    desk.mouse.up()
    assert number(desk, "width.signer_1") > width + 5
    first.focus()
    desk.keyboard.press("ArrowLeft")
    moved = number(desk, "left.signer_1")
    office.picture(desk, "places-moved", whole=True)

    desk.get_by_role("button", name="Xác nhận và chuyển lãnh đạo ký").click()
    expect(desk.get_by_role("status")).to_contain_text("Đã lưu vị trí")
    reload_until(desk, lambda: "Đã đặt ô" in desk.locator(".state").inner_text(), "it was not prepared")
    assert number(desk, "left.signer_1") == pytest.approx(moved, abs=0.11)
    table = office.sit_down(leader)
    table.goto("/signing")
    waiting = table.get_by_role("link", name=SCAN).first
    reload_until(table, waiting.is_visible, "the leader was not told")
    desk.goto(f"/documents/{document_id}")
    expect(desk.locator(".state .badge")).to_have_text("Chờ ký số")
    expect(desk.locator(".timeline")).to_contain_text("Chờ văn thư xác nhận vị trí chữ ký")


def test_without_scripts_numbers_are_typed_and_a_wrong_one_is_told(office: Office, submit: Submit) -> None:
    leader, clerk, _ = office.cast()
    desk = office.sit_down(clerk, scripts=False)
    document_id = submit(desk, "V/v nhập số đo", leader)
    confirm = desk.get_by_role("link", name="Xem và xác nhận vị trí chữ ký")
    reload_until(desk, confirm.is_visible, "the clerk was not asked")
    confirm.click()
    desk.locator('input[name="left.signer_1"]').fill("190")
    desk.get_by_role("button", name="Xác nhận và chuyển lãnh đạo ký").click()
    expect(desk.get_by_role("alert")).to_contain_text("nằm ngoài trang 1")
    assert number(desk, "left.signer_1") == 190, "what was typed stays"
    desk.locator('input[name="left.signer_1"]').fill("120.5")
    desk.get_by_role("button", name="Xác nhận và chuyển lãnh đạo ký").click()
    expect(desk.get_by_role("status")).to_contain_text("Đã lưu vị trí")
    desk.goto(f"/documents/{document_id}/places")
    assert number(desk, "left.signer_1") == pytest.approx(120.5, abs=0.11)
    desk.get_by_label(re.compile("Đặt theo Nghị định")).check()
    desk.get_by_role("button", name="Lưu lựa chọn").click()
    expect(desk.get_by_role("status")).to_contain_text("Đã lưu lựa chọn")
    desk.get_by_label(re.compile("Văn thư xem và xác nhận")).check()
    desk.get_by_role("button", name="Lưu lựa chọn").click()
    expect(desk.get_by_role("status")).to_contain_text("Đã lưu lựa chọn")


def test_the_page_of_places_is_light_without_its_pictures(office: Office, submit: Submit) -> None:
    leader, clerk, _ = office.cast()
    desk = office.sit_down(clerk)
    document_id = submit(desk, "V/v trang nhẹ", leader)
    confirm = desk.get_by_role("link", name="Xem và xác nhận vị trí chữ ký")
    reload_until(desk, confirm.is_visible, "the clerk was not asked")
    desk.goto(f"/documents/{document_id}/places")
    heavy = desk.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".filter((each) => !each.name.includes('/pages/')).reduce((sum, each) => sum + each.encodedBodySize, 0)"
    )
    assert heavy < LIMIT
