"""What people fear most: losing what they typed. And that the pages serve everybody: keyboard, no scripts, slow lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import DATA, LIMIT, Office, Submit, log_in, reload_until, weight

ABSTRACT = "V/v một câu dài đã gõ mất nhiều công"


def fill(page: Page) -> None:
    page.goto("/documents/new")
    page.get_by_label("Loại văn bản").select_option(label="Kế hoạch")
    page.get_by_label("Trích yếu").fill(ABSTRACT)
    page.get_by_label("Ký hiệu").fill("UBND")
    page.get_by_label("Độ khẩn").select_option(label="Khẩn")
    page.get_by_label("Người ký", exact=True).select_option(index=1)
    page.locator('[name="reviewer"]').first.check()


def assert_kept(page: Page) -> None:
    expect(page.get_by_label("Trích yếu")).to_have_value(ABSTRACT)
    expect(page.get_by_label("Ký hiệu")).to_have_value("UBND")
    expect(page.get_by_label("Độ khẩn").locator("option:checked")).to_have_text("Khẩn")
    expect(page.get_by_label("Loại văn bản").locator("option:checked")).to_have_text("Kế hoạch")
    expect(page.get_by_label("Người ký", exact=True)).not_to_have_value("")
    expect(page.locator('[name="reviewer"]').first).to_be_checked()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_session_that_ends_meanwhile_loses_no_form(office: Office, sample: Path, *, scripts: bool) -> None:
    _, clerk, _ = office.cast()
    page = office.log_in(clerk, scripts=scripts)
    fill(page)
    page.get_by_label(re.compile("^Tệp văn bản")).set_input_files(sample)
    other = page.context.new_page()
    other.goto("/")
    other.locator(".who summary").click()
    other.get_by_role("button", name="Đăng xuất").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Đăng nhập")
    page.get_by_role("button", name="Trình văn bản").click()
    expect(page.locator("main")).to_contain_text(ABSTRACT)
    log_in(page, clerk)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nội dung bạn đang nhập vẫn còn")
    page.get_by_role("button", name="Mở lại biểu mẫu").click()
    assert_kept(page)


@pytest.mark.parametrize("name", ["r1-mat-khau-mo.pdf", "r3-khong-phai-pdf.pdf", "r4-rong-0-byte.pdf"])
def test_a_file_that_cannot_be_used_is_told_at_once_and_nothing_else_is_lost(office: Office, name: str) -> None:
    _, clerk, _ = office.cast()
    page = office.sit_down(clerk)
    fill(page)
    page.get_by_label(re.compile("^Tệp văn bản")).set_input_files(DATA / name)
    page.get_by_role("button", name="Trình văn bản").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"hãy .*Mã: [a-z_]+", re.DOTALL | re.IGNORECASE))
    assert_kept(page)


def test_a_file_is_not_chosen_again_when_something_else_was_wrong(office: Office, sample: Path) -> None:
    _, clerk, _ = office.cast()
    page = office.sit_down(clerk)
    fill(page)
    page.evaluate("document.querySelector('form.form').noValidate = true")
    page.get_by_label("Ký hiệu").fill("")
    page.get_by_label(re.compile("^Tệp văn bản")).set_input_files(sample)
    page.get_by_role("button", name="Trình văn bản").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator(".uploaded")).to_contain_text(sample.name)
    page.get_by_label("Ký hiệu").fill("UBND")
    page.get_by_role("button", name="Trình văn bản").click()
    expect(page.get_by_role("status")).to_have_text("Đã trình văn bản.")


def test_a_double_click_submits_one_document(office: Office, sample: Path) -> None:
    _, clerk, _ = office.cast()
    page = office.sit_down(clerk, scripts=False)
    fill(page)
    once = f"V/v nhấp đúp {page.locator('form.form [name=once]').get_attribute('value')}"
    page.get_by_label("Trích yếu").fill(once)
    page.get_by_label(re.compile("^Tệp văn bản")).set_input_files(sample)
    page.get_by_role("button", name="Trình văn bản").dblclick()
    expect(page.get_by_role("status")).to_have_text("Đã trình văn bản.")
    page.goto("/documents")
    expect(page.get_by_role("link", name=once)).to_have_count(1)


def test_a_notice_comes_live_and_leads_to_its_document(office: Office, submit: Submit) -> None:
    """By way of the list that waits for the leader: the command to sign with stands there, and nowhere else."""
    leader, clerk, _ = office.cast()
    table = office.sit_down(leader)
    desk = office.sit_down(clerk)
    # What comes is shown for some seconds only: here it stays, however late this test comes to look.
    table.add_init_script(
        "const later = setTimeout; setTimeout = (call, wait) => wait === 12000 ? 0 : later(call, wait)"
    )
    with table.expect_response("**/events"), table.expect_response("**/notices/unread"):
        table.reload()
    abstract = f"V/v thông báo tức thời {uuid4().hex[:8]}"
    document_id = submit(desk, abstract, leader)
    toast = table.locator(".toast").filter(has_text=abstract)
    expect(toast.get_by_role("link")).to_have_attribute("href", "/signing")
    expect(table.locator("[data-unread]")).to_be_visible()
    toast.get_by_role("link").click()
    document = table.get_by_role("link", name=abstract)
    expect(document).to_have_attribute("href", f"/documents/{document_id}")
    document.click()
    expect(table.get_by_role("heading", level=1)).to_have_text(abstract)


def test_a_leader_returns_a_document_with_a_reason(office: Office, submit: Submit) -> None:
    leader, clerk, _ = office.cast()
    desk = office.sit_down(clerk, scripts=False)
    document_id = submit(desk, "V/v cần sửa lại", leader)
    table = office.sit_down(leader, scripts=False)
    table.goto(f"/documents/{document_id}")
    state = table.locator(".state .badge")
    reload_until(table, lambda: state.inner_text() == "Chờ ký số", "it was not prepared")
    table.get_by_text("Trả lại thay vì ký…").click()
    table.get_by_label("Lý do").fill("Thiếu căn cứ <pháp lý> & số liệu")
    table.get_by_role("button", name="Trả lại với lý do này").click()
    expect(table.get_by_role("status")).to_contain_text("Đã trả lại")
    desk.goto(f"/documents/{document_id}")
    expect(desk.locator(".reason")).to_contain_text("Thiếu căn cứ <pháp lý> & số liệu")
    desk.get_by_role("link", name="Sửa và trình lại").click()
    expect(desk.get_by_label("Trích yếu")).to_have_value("V/v cần sửa lại")


PAGES = (
    "/",
    "/documents",
    "/documents/new",
    "/drafts",
    "/workflows",
    "/workflows/new",
    "/calendar/2026",
    "/incoming",
    "/notices",
    "/device",
    "/authority",
    "/signing",
)


def test_every_page_is_light_and_every_field_has_its_label(office: Office) -> None:
    leader, clerk, _ = office.cast()
    problems: list[str] = []
    officer, operator = office.with_role("officer"), office.with_role("operator")
    for who, paths in (
        (clerk, PAGES[:-1]),
        (leader, PAGES),
        (
            officer,
            (
                "/certificates",
                "/agencies",
                "/agencies/new",
                "/successions/new",
                "/directory/imports",
                "/procedures",
                "/procedures/new",
                "/devices",
                "/ca",
                "/trust",
            ),
        ),
        (operator, ("/system",)),
    ):
        page = office.sit_down(who)
        for path in paths:
            page.goto(path)
            page.wait_for_load_state("load")
            problems += [f"{path}: {weight(page)} bytes"] if weight(page) > LIMIT else []
            problems += [f"{path}: {each}" for each in _flaws(page)]
    assert not problems


def _flaws(page: Page) -> list[str]:
    """Fields without a name for screen readers, headings that are missing, text too pale to read (WCAG 1.4.3)."""
    found: list[Any] = page.evaluate(
        """() => {
          const flaws = [];
          for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
            if (!field.labels || !field.labels.length) flaws.push(`no label: ${field.name || field.id}`);
          const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
          for (const id of ids.filter((each, n) => ids.indexOf(each) !== n)) flaws.push(`id twice: ${id}`);
          if (document.querySelectorAll("h1").length !== 1) flaws.push("not one h1");
          if (document.documentElement.lang !== "vi") flaws.push("no language");
          const parse = (text) => text.match(/[\\d.]+/g).map(Number);
          const bright = ([r, g, b]) => [r, g, b].map((c) => c / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
          const ground = (node) => {
            for (let at = node; at; at = at.parentElement) {
              const colour = parse(getComputedStyle(at).backgroundColor);
              if (colour.length === 3 || colour[3] === 1) return colour;
            }
            return [255, 255, 255];
          };
          for (const node of document.querySelectorAll("body *")) {
            const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
            if (!own || !node.getClientRects().length || node.closest("option, .skip")) continue;
            const [a, b] = [bright(parse(getComputedStyle(node).color)), bright(ground(node))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) flaws.push(`pale: ${node.tagName} ${node.textContent.trim().slice(0, 30)}`);
          }
          return flaws;
        }"""
    )
    return [str(each) for each in found]


def test_one_can_work_with_the_keyboard_alone(office: Office) -> None:
    _, clerk, _ = office.cast()
    page = office.open()
    page.goto("/login")
    expect(page.locator("input[name=login]")).to_be_focused()
    page.keyboard.type(clerk["login"])
    page.keyboard.press("Tab")
    expect(page.locator("input[name=password]")).to_be_focused()
    page.keyboard.type(clerk["password"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Việc của tôi")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Đến nội dung chính")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Trình văn bản mới")
    assert page.locator(":focus").evaluate("node => getComputedStyle(node).outlineStyle") == "solid"


@pytest.mark.full
@pytest.mark.parametrize("width", [360, 768, 1366, 1920])
def test_no_page_is_wider_than_its_window(office: Office, width: int) -> None:
    leader, clerk, _ = office.cast()
    for who in (clerk, leader):
        page = office.sit_down(who, width=width)
        for path in PAGES:
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} at {width}"
