"""People of the demo province in real browsers, on the running stack."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from deploy.demo.people import Login
from deploy.demo.people import Person as Program
from deploy.demo.signer import Signer
from tests.support.stack import Stack
from tests.web import chromium

BOUND = 90.0  # seconds
expect.set_options(timeout=BOUND * 1000)  # two cores carry Kafka, PostgreSQL, ten processes and this browser

LIMIT = 30_000  # bytes of a page on the line, style sheet and script included; with 64 kbit/s that is four seconds
DATA = Path(__file__).parent.parent / "data"
SCREENSHOTS = "VANTHU_SCREENSHOTS"  # the folder that the README's pictures go to; else they are thrown away


@dataclass(frozen=True, slots=True)
class Office:
    """Who works in the province, and where."""

    stack: Stack
    browser: Browser
    shots: Path
    contexts: list[BrowserContext]
    sessions: dict[str, Any]  # by login, what a browser keeps of somebody who has logged in: for the next window

    @property
    def url(self) -> str:
        return self.stack.url("portal")

    def demo(self, name: str) -> Any:
        return json.loads((self.stack.layout.var / "demo" / f"{name}.json").read_text(encoding="utf-8"))

    def cast(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """A leader with a good token, a clerk of the same agency, a clerk of another one."""
        logins = {entry["login"]: entry for entry in self.demo("logins")}
        clerks = {entry["agency_identifier"]: entry for entry in logins.values() if entry["role"] == "clerk"}
        good = [logins[t["login"]] for t in self.demo("tokens") if t.get("state", "good") == "good"]
        leader = next(each for each in good if each["agency_identifier"] in clerks)
        home = leader["agency_identifier"]
        return leader, clerks[home], next(each for place, each in clerks.items() if place != home)

    def with_role(self, role: str) -> dict[str, Any]:
        found: dict[str, Any] = next(entry for entry in self.demo("logins") if entry["role"] == role)
        return found

    def open(self, *, scripts: bool = True, width: int = 1280, height: int = 960, kept: Any = None) -> Page:
        """A new browser window that nobody is logged in with, or the one whose session was kept."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale="vi-VN",
            java_script_enabled=scripts,
            base_url=self.url,
            storage_state=kept,
        )
        context.set_default_timeout(BOUND * 1000)
        self.contexts.append(context)
        return context.new_page()

    def sit_down(self, who: dict[str, Any], **window: Any) -> Page:
        """A window of somebody who logged in, in this window or in one before it."""
        kept = self.sessions.get(who["login"])
        if kept is None:
            page = self.log_in(who, **window)
            self.sessions[who["login"]] = page.context.storage_state()
            return page
        page = self.open(kept=kept, **window)
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Việc của tôi")
        return page

    def log_in(self, who: dict[str, Any], **window: Any) -> Page:
        """A window with a session of its own, which may be ended."""
        page = self.open(**window)
        page.goto("/login")
        log_in(page, who)
        expect(page.get_by_role("heading", level=1)).to_have_text("Việc của tôi")
        return page

    def sign(self, leader: dict[str, Any], document_id: str, home: Path) -> None:
        """With vanthu-sign, as leaders do."""
        token = next(entry for entry in self.demo("tokens") if entry["login"] == leader["login"])
        person = Program(self.url, Login(**{name: leader[name] for name in Login.__dataclass_fields__}))
        signer = Signer(home, token)
        with person.browser, person.http:
            person.log_in()
            signer.log_in(self.url, person)
            code, said, errors = signer.sign(document_id)
        assert code == 0, said + errors

    def picture(self, page: Page, name: str, *, whole: bool = False) -> None:
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=self.shots / f"{name}.png", full_page=whole)


def log_in(page: Page, who: dict[str, Any]) -> None:
    page.get_by_label("Tên đăng nhập").fill(who["login"])
    page.get_by_label("Mật khẩu").fill(who["password"])
    page.get_by_role("button", name="Đăng nhập").click()


def weight(page: Page) -> int:
    """Bytes of this page on the line (compressed), with all that it loads, cached or not."""
    found: int = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".reduce((sum, each) => sum + each.encodedBodySize, 0)"
    )
    return found


def reload_until(page: Page, seen: Callable[[], bool], what: str) -> None:
    """As somebody waits who presses F5; without scripts there is no other way."""
    until = time.monotonic() + BOUND
    while not seen():
        assert time.monotonic() < until, f"{what}, {page.url} shows: {page.locator('main').inner_text()[:600]}"
        page.wait_for_timeout(300)
        page.reload()


def wait_for_pdf(page: Page) -> None:
    """Until the browser's viewer has drawn the PDF: it tells nobody when, so until its picture stands still."""
    frame = page.locator(".paper iframe")
    frame.scroll_into_view_if_needed()
    until, last, same = time.monotonic() + 20, b"", 0
    while same < 3 and time.monotonic() < until:
        page.wait_for_timeout(400)
        now = frame.screenshot()
        same = same + 1 if now == last and len(now) > 20_000 else 0
        last = now


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium.find()
    if program is None:
        pytest.skip(chromium.WHAT_TO_TYPE)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(chromium.ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    return {}


@pytest.fixture
def office(stack: Stack, browser: Browser, sessions: dict[str, Any], tmp_path: Path) -> Iterator[Office]:
    shots = Path(os.environ.get(SCREENSHOTS) or tmp_path)
    shots.mkdir(parents=True, exist_ok=True)
    made = Office(stack, browser, shots, [], sessions)
    yield made
    for context in made.contexts:
        context.close()


@pytest.fixture
def sample() -> Path:
    """A page as offices write it."""
    return DATA / "01-cong-van.pdf"


Submit = Callable[..., str]


@pytest.fixture
def submit(sample: Path) -> Submit:
    """Fill in the form for a new document and send it; the new document's id."""

    def fill_and_send(
        page: Page, abstract: str, leader: dict[str, Any], picture: Callable[[], None] | None = None
    ) -> str:
        page.goto("/documents/new")
        page.get_by_label("Loại văn bản").select_option(label="Công văn")
        page.get_by_label("Trích yếu").fill(abstract)
        page.get_by_label("Ký hiệu").fill("UBND-VX")
        signer = page.get_by_label("Người ký", exact=True)
        wanted = next(o for o in signer.locator("option").all_inner_texts() if o.startswith(leader["name"]))
        signer.select_option(label=wanted)
        page.get_by_label(re.compile("^Tệp văn bản")).set_input_files(sample)
        if picture:
            picture()
        page.get_by_role("button", name="Trình văn bản").click()
        expect(page.get_by_role("status")).to_have_text("Đã trình văn bản.")
        return page.url.rpartition("/")[2].partition("?")[0]

    return fill_and_send
