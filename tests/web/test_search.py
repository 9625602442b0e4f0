"""Somebody looks for documents in a real browser: portal and docs at work together, no more of the stack is needed."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from services.docs.finding import work
from services.docs.finding.reading import Reader
from shared.blobs import Blobs
from shared.jobs import Runner
from shared.workshop import Workshop
from tests.docs.conftest import SAMPLES, Docs, ok
from tests.docs.conftest import docs as docs  # noqa: PLC0414  a fixture
from tests.docs.facts import record, sealed
from tests.portal.conftest import Portal, at_work
from tests.portal.test_service import PASSWORD
from tests.support.postgres import Database
from tests.web.conftest import BOUND, LIMIT, SCREENSHOTS, weight


@dataclass(frozen=True, slots=True)
class Desk:
    """The clerk's of an agency with a few documents, those of its files read."""

    docs: Docs
    portal: Portal
    browser: Browser
    shots: Path

    def sit_down(self, *, width: int = 1280, scripts: bool = True) -> Page:
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            locale="vi-VN",
            java_script_enabled=scripts,
            base_url=self.portal.url,
        )
        context.set_default_timeout(BOUND * 1000)
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("Tên đăng nhập").fill(f"login_{self.docs.a.clerk.person_id.hex}")
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Việc của tôi")
        return page

    def picture(self, page: Page, name: str) -> None:
        page.screenshot(path=self.shots / f"{name}.png", full_page=True)


@pytest.fixture
def desk(docs: Docs, database: Callable[[str], Database], browser: Browser, tmp_path: Path) -> Iterator[Desk]:
    fill(docs)
    shots = Path(os.environ.get(SCREENSHOTS) or tmp_path)
    with at_work(database("portal"), tmp_path, docs_url=docs.url) as portal:
        clerk = docs.a.clerk
        portal.accounts(**{f"login_{clerk.person_id.hex}": PASSWORD})
        portal.hear(docs.a.stated(), docs.b.stated(), clerk.stated())
        for key in portal.stated("portal.key"):
            docs.take(record(key))
        docs.app.state.verifier._read_at = float("-inf")  # it has just read the keys, and would not for a minute
        yield Desk(docs, portal, browser, shots)
    for context in browser.contexts:
        context.close()
    docs.app.state.office.workshop.close()


def fill(docs: Docs) -> None:
    """Documents out and in, sealed on real paper, their text read as the worker does it."""
    blobs = Blobs(docs.settings.blobs, "docs")
    for sample, abstract in (
        ("02-bao-cao.pdf", "Báo cáo công tác phòng cháy, chữa cháy rừng mùa khô"),
        ("01-cong-van.pdf", "V/v tăng cường phòng chống dịch bệnh mùa mưa lũ"),
    ):
        for sender, receiver in ((docs.a, docs.b), (docs.b, docs.a)):
            document = docs.signed(sender, abstract=abstract, urgency=1)
            number = ok(docs.post(sender.clerk, f"/documents/{document}/issue"))["number"]
            paper = blobs.put((SAMPLES / sample).read_bytes(), "application/pdf")
            docs.hear(sealed(document, number, paper))
            docs.delivered(document, sender, receiver)
    workshop = Workshop(size=1, timeout=60)
    runner = Runner(docs.pool, work.kinds(Reader(docs.pool, blobs, workshop)), stop=threading.Event())
    while runner.run_one():
        pass
    workshop.close()


def test_a_clerk_finds_keeps_and_takes_along(desk: Desk) -> None:
    page = desk.sit_down()
    page.get_by_role("searchbox", name="Tìm văn bản").fill("chay rung")
    page.get_by_role("button", name="Tìm", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("2 văn bản")
    expect(page.locator("mark").first).to_have_text("cháy")
    picture = page.locator(".thumb img").first
    expect(picture).to_have_js_property("naturalWidth", 160)
    assert weight(page) < LIMIT
    desk.picture(page, "search")
    page.get_by_text("Tìm theo từng mục").click()
    page.get_by_role("textbox", name="Cơ quan ban hành").fill("dong dang")
    page.get_by_text("Cột hiện ra").click()
    page.get_by_role("checkbox", name="Người ký").check()
    desk.picture(page, "search-fields")
    page.locator(".fields").get_by_role("button", name="Tìm").click()
    expect(page.get_by_role("status")).to_have_text("1 văn bản")
    expect(page.get_by_role("columnheader", name="Người ký")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="XLSX").click()
    taken.value.save_as(desk.shots / "found.xlsx")
    rows = list(openpyxl.load_workbook(desk.shots / "found.xlsx").active.values)
    assert rows[0][0] == "Trích yếu"
    assert "Người ký" in rows[0]
    assert [row[0] for row in rows[1:]] == ["Báo cáo công tác phòng cháy, chữa cháy rừng mùa khô"]
    page.get_by_text("Lưu tìm kiếm này").click()
    page.get_by_label("Tên", exact=True).fill("Cháy rừng từ Đồng Đăng")
    page.get_by_label("Cả cơ quan cùng dùng").check()
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.get_by_text("Đã lưu tìm kiếm.")).to_be_visible()
    page.goto("/search")
    page.get_by_role("link", name="Cháy rừng từ Đồng Đăng").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Bỏ")).click()
    expect(page.get_by_text("Đã bỏ tìm kiếm đã lưu.")).to_be_visible()
    expect(page.get_by_role("link", name="Cháy rừng từ Đồng Đăng")).to_have_count(0)


def test_a_page_is_looked_at_on_a_small_screen_without_scripts(desk: Desk) -> None:
    page = desk.sit_down(width=390, scripts=False)
    page.goto("/search?q=kinh+gui&kind=incoming")
    expect(page.locator(".excerpt mark").first).to_be_visible()
    desk.picture(page, "search-small")
    page.locator(".thumb a").first.click()
    expect(page.get_by_text(re.compile("^Trang 1 / "))).to_have_count(2)
    expect(page.get_by_role("img", name=re.compile("^Trang 1 của"))).to_be_visible()
    page.wait_for_load_state("load")  # the picture too
    desk.picture(page, "page-small")
    page.goto("/search?number=không")
    expect(page.get_by_role("alert")).to_contain_text("invalid_request")
