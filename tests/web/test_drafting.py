"""Drafting in a real browser: what is typed is kept while it is typed. Portal and docs alone, without the whole stack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.docs.facts import Person
from tests.portal.test_review_pages import Office, new_draft, office_at_work, pdf, post
from tests.portal.test_service import PASSWORD
from tests.support.parts import until
from tests.support.postgres import Database
from tests.web.conftest import BOUND, SCREENSHOTS

ABSTRACT = "V/v tổ chức Ngày hội đọc sách năm 2026"


@pytest.fixture
def desk(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Office]:
    with office_at_work(database, tmp_path) as office:
        yield office


def window(desk: Office, browser: Browser, person: Person) -> Page:
    page = browser.new_context(base_url=desk.portal.url, locale="vi-VN").new_page()
    page.set_default_timeout(BOUND * 1000)
    page.goto("/login")
    page.get_by_label("Tên đăng nhập").fill(person.stated().login)
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Việc của tôi")
    return page


def picture(page: Page, tmp_path: Path, name: str) -> None:
    folder = Path(os.environ.get(SCREENSHOTS) or tmp_path)
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def test_what_is_typed_is_kept_while_it_is_typed(desk: Office, browser: Browser, tmp_path: Path) -> None:
    author = desk.people["author"]
    plain = desk.sit_down(author)
    path = new_draft(plain, type_code="CV", abstract=ABSTRACT).url.path
    page = window(desk, browser, author)
    page.goto(path)
    page.get_by_label("Trích yếu").press("Control+End")
    page.get_by_label("Trích yếu").press_sequentially(" và phát động phong trào")
    expect(page.locator("[data-autosaved]")).to_contain_text("Đã tự giữ phần gõ lúc")
    # A slow machine types with pauses, and the first of them may have been kept alone.
    kept = "phát động phong trào"
    until(lambda: kept in plain.open(f"{path}/unsaved").text, bound=BOUND, what="all that was typed to be kept")
    picture(page, tmp_path, "draft")
    page.context.close()  # the machine is switched off

    page = window(desk, browser, author)
    page.goto(path)
    expect(page.get_by_label("Trích yếu")).to_have_value(ABSTRACT)
    page.get_by_role("link", name="Mở phần gõ dở").click()
    expect(page.get_by_label("Trích yếu")).to_have_value(f"{ABSTRACT} và phát động phong trào")
    desk.portal.change("DELETE FROM session")
    page.get_by_label("Trích yếu").press_sequentially("!")
    expect(page.locator("[data-autosaved]")).to_contain_text("Phiên đã hết")
    page.context.close()


def test_two_clerks_edit_at_once_and_the_second_sees_both(desk: Office, browser: Browser, tmp_path: Path) -> None:
    author, colleague = desk.people["author"], desk.people["colleague"]
    plain = desk.sit_down(author)
    desk.sit_down(colleague)
    draft = new_draft(plain, type_code="CV", abstract=ABSTRACT)
    path = draft.url.path
    post(plain, draft, f"{path}/editors", editor=[str(colleague.person_id)])
    first, second = window(desk, browser, author), window(desk, browser, colleague)
    for page in (first, second):
        page.goto(path)
    first.get_by_label("Trích yếu").fill(f"{ABSTRACT}, bản của An")
    first.get_by_role("button", name="Lưu dự thảo").click()
    expect(first.get_by_role("status").first).to_contain_text("Đã lưu dự thảo")
    second.get_by_label("Trích yếu").fill(f"{ABSTRACT}, bản của Bình")
    second.get_by_role("button", name="Lưu dự thảo").click()
    expect(second.get_by_role("heading", level=1)).to_have_text("Người khác đã lưu trước bạn")
    row = second.get_by_role("row").filter(has_text="Trích yếu")
    for said in ("cả hai cùng sửa", "bản của An", "bản của Bình"):
        expect(row).to_contain_text(said)
    picture(second, tmp_path, "merge")
    second.reload()  # a reflex; the form is asked for again, and nothing typed is lost
    second.get_by_role("button", name="Lưu bản chung").click()
    expect(second.get_by_label("Trích yếu")).to_have_value(f"{ABSTRACT}, bản của Bình")
    second.goto(f"{path.replace('/drafts/', '/documents/')}/versions")
    expect(second.locator("main")).to_contain_text("Lý Thị An")
    for page in (first, second):
        page.context.close()


def test_pages_of_review_as_they_look(desk: Office, browser: Browser, tmp_path: Path) -> None:
    author, head = desk.people["author"], desk.people["head"]
    plain = desk.sit_down(author)
    desk.sit_down(head)
    page = new_draft(plain, type_code="CV", abstract=ABSTRACT)
    path = page.url.path
    filled = post(plain, page, path, files=pdf())
    post(
        plain, filled, path, files=pdf("02-bao-cao.pdf"), symbol="UBND-VX", authority_id=str(desk.docs.a.authority_id), submit="1"
    )  # fmt: skip
    document = path.replace("/drafts/", "/documents/")
    shown = window(desk, browser, head)
    for name, address, words in (
        ("review", document, "Quá trình xem xét"),
        ("compare", f"{document}/compare?before=3&after=4", "So sánh bản 3 với bản 4"),
        ("discussion", f"{document}/discussion", "Trao đổi"),
        ("versions", f"{document}/versions", "Các phiên bản"),
        ("workflow", "/workflows/new", "Quy trình mới"),
        ("notices", "/notices", "Thông báo"),
        ("calendar", "/calendar/2026", "Tết Nguyên Đán"),
    ):
        shown.goto(address)
        expect(shown.locator("main")).to_contain_text(words)
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} is wider than its window"
        )
        picture(shown, tmp_path, name)
    shown.context.close()
