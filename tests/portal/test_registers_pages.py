"""Books, registers, numbers for paper and figures in the browser, without scripts: portal and docs at work together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.docs import numbering
from services.docs.__main__ import api
from shared import db
from tests.docs.conftest import Docs, settings_for
from tests.docs.facts import Person, agency, states_of
from tests.docs.test_books import exchange, run_jobs
from tests.docs.test_figures import count
from tests.portal.browser import Browser, forms
from tests.portal.conftest import Portal, at_work
from tests.portal.test_service import PASSWORD
from tests.support.http import Issuer, serve
from tests.support.postgres import Database

YEAR = numbering.today(datetime.now(UTC)).year
LIMIT = 30_000  # bytes of a page, compressed


@dataclass(frozen=True, slots=True)
class Office:
    """Two communes whose people sit at browsers."""

    docs: Docs
    portal: Portal

    def sit_down(self, person: Person) -> Browser:
        login = person.stated().login
        self.portal.hear(person.stated())
        self.portal.accounts(**{login: PASSWORD})
        browser = self.portal.browser()
        assert browser.log_in(login, PASSWORD).url.path == "/"
        return browser


@contextmanager
def office_at_work(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Office]:
    made = database("docs")
    settings = settings_for(made, tmp_path)
    pool = db.open_pool(made.app, max_size=12, name="docs-test")
    agencies = (
        agency("H37.01", "UBND xã Bắc Sơn"),
        agency("H37.02", "UBND xã Đồng Đăng"),
        agency("G99.01", "Sở X", "motcua"),
    )
    try:
        app = api(settings, pool)
        with serve(app) as url, ExitStack() as clients, at_work(database("portal"), tmp_path, docs_url=url) as portal:
            docs = Docs(pool, made, app, url, Issuer(), settings, *agencies, clients=clients)
            docs.hear(*portal.stated("portal.key"), docs.issuer.stated(), *states_of(*agencies))
            portal.hear(*(each.stated() for each in agencies[:2]))
            yield Office(docs, portal)
    finally:
        pool.close()


@pytest.fixture
def office(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Office]:
    with office_at_work(database, tmp_path) as made:
        yield made


def send(browser: Browser, page: httpx.Response, action: str, /, **typed: Any) -> httpx.Response:
    """The form of this page with what stands in it and what is typed; a list is a field of several values."""
    form = next(each for each in forms(page) if each.action == action)
    fields: dict[str, Any] = {}
    for name, value in form.fields:
        fields.setdefault(name, []).append(value)
    for name, value in typed.items():
        fields[name] = value if isinstance(value, list) else [value]
    return browser.http.post(action, data=fields, headers={"Sec-Fetch-Site": "same-origin"})


def test_a_clerk_reads_the_books_and_has_them_made_as_files(office: Office) -> None:
    exchange(office.docs)
    browser = office.sit_down(office.docs.a.clerk)
    page = browser.open("/books")
    assert page.status_code == 200
    assert "01/UBND-VX" in page.text
    for kind in ("in", "follow_up", "transfer", "copies"):
        assert browser.open(f"/books/{kind}").status_code == 200, kind
    assert "UBND xã Đồng Đăng" in browser.open("/books/in").text
    assert "book_period_wrong" in browser.open("/books/out?since=2026-05-01&until=2026-04-01").text
    assert browser.open("/books/nothing").status_code == 404
    ordered = send(browser, page, "/books/prints")
    assert "Đang tạo" in ordered.text
    run_jobs(office.docs)
    prints = browser.open("/books/prints")
    assert "1 dòng" in prints.text
    link = prints.text.partition('href="/books/prints/')[2].partition('"')[0]
    file = browser.open(f"/books/prints/{link}")
    assert file.content.startswith(b"%PDF")
    assert len(page.content) < LIMIT * 4, "plain bytes; a quarter on the line"


def test_the_head_sets_registers_and_nothing_typed_is_lost(office: Office) -> None:
    browser = office.sit_down(office.docs.a.leader)
    page = browser.open("/registers")
    assert "Mọi loại còn lại" in page.text
    form = next(each for each in forms(page) if each.action == "/registers")
    typed = {
        name: [value for key, value in form.fields if key == name] for name in ("code", "kind", "name", "types", "body")
    }
    at = typed["code"].index("")
    typed["code"][at], typed["kind"][at], typed["name"][at], typed["types"][at] = "QD", "out", "Sổ quyết định", "QĐ, XX"
    wrong = send(browser, page, "/registers", basis="QĐ số 5", from_year=str(YEAR), **typed)
    assert wrong.status_code == 422
    assert "plan_type_wrong" in wrong.text
    assert "Sổ quyết định" in wrong.text, "what was typed stands there still"
    typed["types"][at] = "QĐ"
    done = send(browser, wrong, "/registers", basis="QĐ số 5", from_year=str(YEAR), **typed)
    assert "Đã ghi quyết định về sổ" in done.text
    assert "Sổ quyết định" in done.text
    document = office.docs.signed(office.docs.a, type_code="QĐ", symbol="UBND")
    clerk = office.sit_down(office.docs.a.clerk)
    seen = clerk.open(f"/documents/{document}")
    assert "Sổ quyết định, số dự kiến <strong>01/QĐ-UBND</strong>" in seen.text


def test_numbers_for_paper_are_reserved_used_void_and_returned(office: Office) -> None:
    browser = office.sit_down(office.docs.a.clerk)
    page = browser.open("/paper-numbers")
    page = send(browser, page, "/paper-numbers/reserve", register_code="VB", count="3", purpose="Mất điện")
    assert "Đã dành số" in page.text
    page = browser.open("/paper-numbers?register=VB&number=2")
    lacks = send(browser, page, "/paper-numbers/register", symbol="UBND-VP")
    assert "paper_lacks" in lacks.text
    assert 'value="UBND-VP"' in lacks.text
    done = send(browser, lacks, "/paper-numbers/register", abstract="V/v trực bão")
    assert "Đã vào sổ văn bản giấy" in done.text
    page = send(browser, done, "/paper-numbers/void", register_code="VB", number="1", reason="Viết hỏng")
    assert "Đã hủy số" in page.text
    back = next(each.action for each in forms(page) if each.action.endswith("/return"))
    page = send(browser, page, back, reason="Đã có điện")
    assert "đã trả lại" in page.text
    book = browser.open("/books/out").text
    assert all(text in book for text in ("02/UBND-VP", "V/v trực bão", "Viết hỏng", "Đã có điện"))
    assert browser.open("/registers").text.count("khóa") == 0


def test_figures_stand_in_a_table_with_bars_and_go_out_as_files(office: Office) -> None:
    exchange(office.docs)
    count(office.docs)
    browser = office.sit_down(office.docs.a.clerk)
    for by in ("month", "type", "level", "agency"):
        page = browser.open(f"/figures/documents?by={by}")
        assert page.status_code == 200
        assert '<rect class="out"' in page.text
    assert "100 %" in page.text
    assert "figures_of_the_future" in browser.open("/figures/documents?until=2999-01-01").text
    assert browser.open("/figures/documents/file.csv?by=type").content.startswith(b"\xef\xbb\xbf")
    assert browser.open("/figures/documents/file.xlsx?by=type").content.startswith(b"PK")
    officer = office.sit_down(office.docs.a.person("officer"))
    assert officer.open("/figures/documents").status_code == 200
    assert officer.open("/books/out").status_code == 403
