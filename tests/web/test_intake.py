"""Bringing files in a real browser: the line is cut, the page is reloaded, and the file arrives whole; without scripts too."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from services.docs.intake import work
from shared.jobs import Runner
from tests.docs import conftest as docs_parts
from tests.docs import papers
from tests.docs.bringing import Intake, opened
from tests.docs.conftest import SAMPLES, Docs
from tests.docs.facts import states_of
from tests.portal.conftest import Portal, at_work
from tests.support.postgres import Database
from tests.web.conftest import BOUND, SCREENSHOTS

docs = docs_parts.docs  # the same docs as its own tests have
PASSWORD = "mat-khau-cua-van-thu-1"
LARGE = 3_000_000  # bytes


@dataclass(slots=True)
class Counter:
    """The intake desk of agency A: portal and docs at work, a worker that does what comes in, a browser."""

    portal: Portal
    intake: Intake
    browser: Browser
    shots: Path

    def sit_down(self, *, scripts: bool = True) -> Page:
        context = self.browser.new_context(
            base_url=self.portal.url,
            java_script_enabled=scripts,
            locale="vi-VN",
            viewport={"width": 1280, "height": 960},
        )
        context.set_default_timeout(BOUND * 1000)
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("Tên đăng nhập").fill(login_of(self.intake.docs))
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Việc của tôi")
        page.goto("/intake")
        return page

    def items(self) -> list[dict[str, Any]]:
        return self.intake.items(self.intake.docs.a.clerk)


def login_of(docs: Docs) -> str:
    return f"login_{docs.a.clerk.person_id.hex}"


@contextmanager
def working(intake: Intake) -> Iterator[None]:
    """A worker beside the browser."""
    stop = threading.Event()
    runner = Runner(intake.docs.pool, work.kinds(intake.desk), stop=stop, threads=1)
    runner.start()
    try:
        yield
    finally:
        stop.set()
        runner.join()


@pytest.fixture
def counter(docs: Docs, browser: Browser, database: Callable[[str], Database], tmp_path: Path) -> Iterator[Counter]:
    shots = Path(os.environ.get(SCREENSHOTS) or tmp_path)
    with opened(docs) as intake, at_work(database("portal"), tmp_path, docs_url=docs.url) as portal, working(intake):
        portal.hear(*states_of(docs.a))
        portal.accounts(**{login_of(docs): PASSWORD})
        docs.hear(*portal.stated("portal.key"))
        yield Counter(portal, intake, browser, shots)
        for context in browser.contexts:
            context.close()


def large_pdf() -> bytes:
    """A PDF with three megabytes of a comment in it."""
    data = (SAMPLES / "01-cong-van.pdf").read_bytes()
    return data + b"\n%" + b"x" * LARGE + b"\n%%EOF\n"


def test_a_line_that_is_cut_and_a_reload_lose_nothing(counter: Counter, tmp_path: Path) -> None:
    file = tmp_path / "bản quét lớn.pdf"
    file.write_bytes(large_pdf())
    page = counter.sit_down()
    cuts: list[str] = []

    def cut(route: Route) -> None:
        """The second piece never arrives; then the line is dead."""
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            cuts.append(route.request.headers["upload-offset"])
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/uploads**", cut)
    page.get_by_label("Tải tệp lên").set_input_files(file)
    page.get_by_role("button", name="Tải lên").click()
    expect(page.locator(".upload")).to_contain_text("Mất kết nối")
    page.screenshot(path=counter.shots / "intake-cut.png")
    assert cuts
    page.reload()  # only then is the line mended: the page that saw the cut would send the piece again by itself
    page.unroute("**/uploads**")
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.headers["upload-offset"]) if r.method == "PATCH" else None)
    page.get_by_label("Tải tệp lên").set_input_files(file)
    page.get_by_role("button", name="Tải lên").click()
    expect(page.get_by_role("link", name="bản quét lớn.pdf")).to_be_visible()
    assert sent[0] == cuts[0]  # not from the beginning
    page.get_by_role("link", name="bản quét lớn.pdf").click()
    expect(page.locator(".state .badge")).to_have_text("Dùng được")
    page.screenshot(path=counter.shots / "intake.png", full_page=True)
    item = counter.items()[0]
    content = counter.intake.docs.http(counter.intake.docs.a.clerk.principal).get(f"/intake/{item['id']}/content")
    assert content.content == large_pdf()


def test_without_scripts_a_paper_is_brought_and_registered(counter: Counter, tmp_path: Path) -> None:
    file, second = tmp_path / "quét.jpg", tmp_path / "quét 2.jpg"
    file.write_bytes(papers.scan("Công ty Điện lực", kind="JPEG"))
    second.write_bytes(papers.scan("Công ty Cấp nước", kind="JPEG"))
    page = counter.sit_down(scripts=False)
    for each in (second, file):
        page.goto("/intake")
        page.get_by_label("Tải tệp lên").set_input_files(each)
        page.get_by_role("button", name="Tải lên").click()
    while page.locator(".state .badge").inner_text() == "Đang xử lý":
        page.reload()  # as somebody waits who presses F5
    expect(page.locator(".state .badge")).to_have_text("Dùng được")
    page.get_by_label("Số, ký hiệu").fill("12/ĐLLS-KT")
    page.get_by_label("Nơi gửi", exact=False).first.fill("Công ty Điện lực Lạng Sơn")
    page.get_by_label("Trích yếu").fill("V/v ngừng cấp điện")
    assert page.locator("form.card .optional").count() == 0  # said once, at the fold
    page.screenshot(path=counter.shots / "intake-register.png", full_page=True)
    page.get_by_text("Thông tin thêm, không bắt buộc").click()
    page.get_by_label("Mã định danh nơi gửi").fill("X99.99")
    page.get_by_role("button", name="Đăng ký, lấy số đến").click()
    expect(page.locator(".alert.bad")).to_be_visible()
    # The fold is open where something stands in it, and nothing that was typed is lost.
    expect(page.get_by_label("Mã định danh nơi gửi")).to_have_value("X99.99")
    expect(page.get_by_label("Mã định danh nơi gửi")).to_be_visible()
    expect(page.get_by_label("Trích yếu")).to_have_value("V/v ngừng cấp điện")
    page.get_by_label("Mã định danh nơi gửi").fill("")
    page.get_by_role("button", name="Đăng ký, lấy số đến").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("V/v ngừng cấp điện")
    expect(page.locator("main")).to_contain_text("Số đến 1")
    page.screenshot(path=counter.shots / "intake-next.png", full_page=True)
    page.get_by_role("link", name="quét 2.jpg").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("quét 2.jpg")
    # Not an arrival but ours to send: the drafts page offers it.
    while page.locator(".state .badge").inner_text() == "Đang xử lý":
        page.reload()
    page.goto("/drafts")
    page.screenshot(path=counter.shots / "drafts-files.png", full_page=True)
    page.get_by_role("button", name="Dùng cho dự thảo").click()
    expect(page.locator("main")).to_contain_text("quét 2.jpg")
    assert {each["filename"]: each["state"] for each in counter.items()} == {"quét.jpg": "used", "quét 2.jpg": "used"}
    page.wait_for_load_state("networkidle")  # its pictures and PDF are fetched before the servers end


def test_a_refused_file_says_why_and_is_discarded(counter: Counter, tmp_path: Path) -> None:
    file = tmp_path / "báo cáo.docx"
    file.write_bytes(papers.bomb())
    page = counter.sit_down()
    page.get_by_label("Tải tệp lên").set_input_files(file)
    page.get_by_role("button", name="Tải lên").click()
    page.get_by_role("link", name="báo cáo.docx").click()
    expect(page.locator(".state .badge")).to_have_text("Bị từ chối")
    expect(page.locator(".reason")).to_contain_text("office_bomb")
    page.get_by_role("button", name="Bỏ tệp này").click()
    expect(page.locator(".state .badge")).to_have_text("Đã bỏ")
