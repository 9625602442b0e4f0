"""The ledger's pages in front of the real docs: what a clerk sees of a document, what an operator does with the whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import sync_playwright

from services.docs.ledger.domain import FOLLOWED
from shared import db
from tests.docs.conftest import Docs
from tests.docs.facts import Person, states_of
from tests.docs.test_ledger import ordered, sealed_head, sequence, told
from tests.portal.browser import Browser
from tests.portal.conftest import Portal, at_work
from tests.support.postgres import Database
from tests.web import chromium

PASSWORD = "mật khẩu đủ dài 2026"


@contextmanager
def portal_of(docs: Docs, made: Database, tmp_path: Path, *who: Person) -> Iterator[Portal]:
    """A portal in front of docs, with an account for each of these people."""
    with at_work(made, tmp_path, docs_url=docs.url) as portal:
        stated = states_of(docs.a, docs.b)
        portal.hear(*(e for e in stated if e.topic in ("registry.agency", "registry.person")))
        portal.hear(*(each.stated() for each in who if each not in (docs.a.clerk, docs.b.clerk)))
        portal.accounts(**{login_of(each): PASSWORD for each in who})
        docs.hear(*portal.stated("portal.key"))
        docs.app.state.verifier._read_at = float("-inf")  # it believes the keys that it read a second ago
        yield portal


def login_of(person: Person) -> str:
    return person.stated().login


def sit_down(portal: Portal, person: Person) -> Browser:
    browser = portal.browser()
    browser.log_in(login_of(person), PASSWORD)
    return browser


def test_a_clerk_finds_a_documents_entries_with_their_proof(
    docs: Docs, database: Callable[[str], Database], tmp_path: Path
) -> None:
    document = docs.issued(docs.a)
    sequence(docs, *told(docs))
    with portal_of(docs, database("portal"), tmp_path, docs.a.clerk, docs.b.clerk) as portal:
        clerk = sit_down(portal, docs.a.clerk)
        assert f"/documents/{document}/ledger" in clerk.open(f"/documents/{document}").text
        page = clerk.open(f"/documents/{document}/ledger")
        for said in ("Trình văn bản", "Cấp số", "Ban hành", docs.a.clerk.name):
            assert said in page.text
        assert "Kiểm tra ngay" not in page.text, "the whole is the operator's"
        waiting = clerk.open("/ledger/entries/0")
        assert "chưa niêm phong" in waiting.text
        sealed_head(docs, ordered(docs))
        proven = clerk.open("/ledger/entries/0")
        assert "đã niêm phong" in proven.text
        assert "vn.vanthu.docs.document.submitted.v1" in proven.text
        assert "còn nợ" not in clerk.open("/ledger/heads").text
        assert json.loads(clerk.open("/ledger/heads.ndjson?download").text)["head"]["size"]
        assert clerk.open("/ledger/export.ndjson").status_code == 403
        stranger = sit_down(portal, docs.b.clerk)
        assert "Không có mục nào" in stranger.open(f"/ledger?about={document}").text


def test_an_operator_checks_seals_and_takes_away(
    docs: Docs, database: Callable[[str], Database], tmp_path: Path
) -> None:
    docs.app.state.ledger_sealer = docs.a.identifier
    docs.issued(docs.a)
    sequence(docs, *told(docs))
    operator = Person("Vận Hành", "Quản trị", docs.a.agency_id, ("operator",))
    docs.hear(operator.stated())
    with portal_of(docs, database("portal"), tmp_path, operator) as portal:
        desk = sit_down(portal, operator)
        page = desk.open("/ledger")
        assert "không có gì sai lệch" in desk.send(page, "/ledger/check").text
        sealed = desk.send(desk.open("/ledger"), "/ledger/seal")
        assert "Đã yêu cầu niêm phong" in sealed.text
        assert "đang chờ" in sealed.text
        lines = [json.loads(line) for line in desk.open("/ledger/export.ndjson?download").text.splitlines()]
        assert sum("position" in line for line in lines) == lines[0]["size"]
        with psycopg.connect(docs.database.admin) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("UPDATE ledger_entry SET event = event || '\\x20' WHERE pos = 1")
        assert "Sổ cái bị sai lệch ở mục 1" in desk.send(desk.open("/ledger"), "/ledger/check").text
        _picture(portal, operator, tmp_path)
        with db.transaction(docs.pool) as tx:
            acts = tx.execute("SELECT topic FROM outbox WHERE topic = 'docs.act'").fetchall()
        assert {a["topic"] for a in acts} <= set(FOLLOWED)


def _picture(portal: Portal, operator: Person, tmp_path: Path) -> None:
    """In a real browser on a small screen: nothing hangs over the edge."""
    program = chromium.find()
    if program is None:
        pytest.skip(chromium.WHAT_TO_TYPE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(chromium.ARGUMENTS))
        page = browser.new_page(viewport={"width": 390, "height": 844}, locale="vi-VN")
        page.set_default_timeout(90_000)
        page.goto(f"{portal.url}/login")
        page.fill('input[name="login"]', login_of(operator))
        page.fill('input[name="password"]', PASSWORD)
        page.click("main button:not(.link)")
        page.get_by_role("heading", name="Việc của tôi").wait_for()
        for name, path in (("ledger", "/ledger"), ("entry", "/ledger/entries/0"), ("heads", "/ledger/heads")):
            page.goto(portal.url + path)
            folder = Path(os.environ.get("VANTHU_PICTURES", tmp_path))
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{path} is {wide} px too wide on a telephone"
        browser.close()
