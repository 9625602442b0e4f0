"""Drafting and review in the browser: portal and docs at work together, each on its own database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.docs.__main__ import api
from shared import db
from tests.docs.conftest import SAMPLES, Docs, settings_for
from tests.docs.facts import Person, agency, states_of
from tests.docs.test_review import UNIT, staff
from tests.portal.browser import Browser, forms
from tests.portal.conftest import Portal, at_work
from tests.portal.test_service import PASSWORD
from tests.support.http import Issuer, serve
from tests.support.postgres import Database

ABSTRACT = "V/v tổ chức Ngày hội đọc sách năm 2026"


@dataclass(frozen=True, slots=True)
class Office:
    """A commune's office with a unit, and browsers for its people."""

    docs: Docs
    portal: Portal
    people: dict[str, Person]

    def sit_down(self, person: Person) -> Browser:
        login = person.stated().login
        self.portal.hear(person.stated())
        self.portal.accounts(**{login: PASSWORD})
        browser = self.portal.browser()
        assert browser.log_in(login, PASSWORD).url.path == "/"
        return browser


@pytest.fixture
def office(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Office]:
    with office_at_work(database, tmp_path) as made:
        yield made


@contextmanager
def office_at_work(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Office]:
    made = database("docs")
    settings = settings_for(made, tmp_path)
    pool = db.open_pool(made.app, max_size=12, name="docs-test")
    home, other, partner = (
        agency("H37.01", "UBND xã Bắc Sơn"),
        agency("H37.02", "UBND xã B"),
        agency("G99.01", "Sở X", "motcua"),
    )
    try:
        app = api(settings, pool)
        with (
            serve(app) as url,
            ExitStack() as clients,
            at_work(database("portal"), tmp_path, docs_url=url) as portal,
        ):
            docs = Docs(pool, made, app, url, Issuer(), settings, home, other, partner, clients=clients)
            docs.hear(*portal.stated("portal.key"), docs.issuer.stated(), *states_of(home, other, partner))
            portal.hear(home.stated())
            yield Office(docs, portal, staff(docs))
    finally:
        pool.close()


def post(browser: Browser, page: httpx.Response, action: str, /, files: Any = None, **typed: Any) -> httpx.Response:
    """Send the form of this page with what stands in it and what is typed; a list is a field that comes several times."""
    form = next(each for each in forms(page) if each.action == action)
    fields: dict[str, Any] = {}
    for name, value in form.fields:
        fields.setdefault(name, []).append(value)
    sent = {**fields, **{name: value for name, value in typed.items() if value is not None}}
    return browser.http.post(action, data=sent, files=files)


def new_draft(browser: Browser, **typed: Any) -> httpx.Response:
    page = post(browser, browser.open("/drafts"), "/drafts")
    assert page.url.path.startswith("/drafts/")
    return post(browser, page, page.url.path, **typed) if typed else page


def pdf(name: str = "01-cong-van.pdf", field: str = "main") -> list[tuple[str, Any]]:
    return [(field, (name, (SAMPLES / name).read_bytes(), "application/pdf"))]


def test_two_who_save_at_once_meet_on_a_page_that_shows_both(office: Office) -> None:
    first, second = office.people["author"], office.people["colleague"]
    mine, theirs = office.sit_down(first), office.sit_down(second)
    page = new_draft(mine, abstract=ABSTRACT, type_code="CV")
    path = page.url.path
    page = post(mine, page, f"{path}/editors", editor=[str(second.person_id)])
    assert "Đã lưu danh sách người cùng soạn" in page.text
    open_at_mine, open_at_theirs = mine.open(path), theirs.open(path)
    assert "Đã lưu dự thảo" in post(mine, open_at_mine, path, abstract="Bản của Lý Thị An", urgency="2").text
    clash = post(theirs, open_at_theirs, path, abstract="Bản của Bế Văn Bình", symbol="UBND-VX")
    assert clash.status_code == 409
    for words in (
        "Lý Thị An lưu bản 4",
        "Bản của Lý Thị An",
        "Bản của Bế Văn Bình",
        ABSTRACT,
        "cả hai cùng sửa",
        "Thượng khẩn",
    ):
        assert words in clash.text, words
    after = post(theirs, clash, f"{path}/merge", take_abstract="theirs", take_symbol="mine", take_urgency="theirs")
    assert "Đã gộp hai bản" in after.text
    kept = dict(next(f for f in forms(after) if f.action == path).fields)
    assert (kept["abstract"], kept["symbol"], kept["urgency"]) == ("Bản của Lý Thị An", "UBND-VX", "2")


def test_what_was_typed_is_there_after_a_lost_session_with_and_without_scripts(office: Office) -> None:
    author = office.people["author"]
    browser = office.sit_down(author)
    page = new_draft(browser, abstract=ABSTRACT, type_code="CV")
    path = page.url.path
    kept = post(browser, page, path, abstract="gõ dở một câu dài").url.path  # saved once, to have something before it
    assert kept == path
    page = browser.open(path)
    form = next(each for each in forms(page) if each.action == path)
    typed = dict(form.fields) | {"abstract": "đang gõ thì mất phiên"}
    answer = browser.http.post(f"{path}/typed", data=typed)
    assert (answer.status_code, answer.json()["differs"]) == (200, False)
    office.portal.change("DELETE FROM session")
    lost = browser.http.post(path, data=typed)
    assert lost.status_code == 401
    assert "đang gõ thì mất phiên" in lost.text, "without scripts the form goes along to the log-in"

    again = office.sit_down(author)
    page = again.open(path)
    assert "gõ dở mà chưa lưu" in page.text
    page = again.open(f"{path}/unsaved")
    assert "đang gõ thì mất phiên" in page.text
    assert "Đã lưu dự thảo" in post(again, page, path).text
    assert "chưa lưu" not in again.open(path).text


def test_a_draft_goes_its_way_and_the_page_says_who_is_next_and_until_when(office: Office) -> None:
    author, head = office.sit_down(office.people["author"]), office.sit_down(office.people["head"])
    page = new_draft(author, abstract=ABSTRACT, type_code="CV")
    path = page.url.path
    refused = post(author, page, path, files=pdf(), submit="1")
    assert refused.status_code == 422
    assert "Ký hiệu" in refused.text
    assert "01-cong-van.pdf" in refused.text, "the file need not be chosen again"
    assert "Vi Thị Trưởng, Trưởng phòng" in refused.text, "who would be asked is said beforehand"
    done = post(author, refused, path, symbol="UBND-VX", authority_id=str(office.docs.a.authority_id), submit="1")
    assert done.url.path == path.replace("/drafts/", "/documents/"), done.text
    assert "Quá trình xem xét" in done.text
    assert "hạn <strong>" in done.text
    assert "Rút về để sửa" in done.text
    submitted = author.open(path).text
    assert ("Bạn chỉ xem được dự thảo này" in submitted, "data-autosave=" in submitted) == (True, False)

    seen = head.open(done.url.path)
    assert "Duyệt dự thảo" in seen.text
    after = post(head, seen, f"{done.url.path}/approve")
    assert "Đã duyệt; văn bản còn chờ người xem xét khác" in after.text
    assert "✓ Vi Thị Trưởng" in after.text
    clerk = office.sit_down(office.docs.a.clerk)
    seen = clerk.open(done.url.path)
    back = post(clerk, seen, f"{done.url.path}/return", reason="Thiếu căn cứ", to_stage="don-vi-soan-thao")
    assert "Trả về bước" in back.text
    replaced = post(
        clerk,
        back,
        f"{done.url.path}/replace-reviewer",
        person_id=str(office.people["deputy"].person_id),
        reason="Đi vắng",
    )
    assert "Thay người xem xét:" in replaced.text
    assert "Nông Văn Phó" in replaced.text
    returned = post(author, author.open(done.url.path), f"{done.url.path}/return", reason="Viết lại")
    assert f'href="{path}"' in returned.text, "it is revised in its draft"


def test_the_discussion_and_the_versions_of_a_draft(office: Office) -> None:
    author, colleague = office.sit_down(office.people["author"]), office.sit_down(office.people["colleague"])
    page = new_draft(author, abstract=ABSTRACT, type_code="CV")
    base = page.url.path.replace("/drafts/", "/documents/")
    first = post(author, page, page.url.path, files=pdf())
    post(author, first, page.url.path, files=pdf("02-bao-cao.pdf"), abstract="Trích yếu mới")
    said = post(
        author,
        author.open(f"{base}/discussion"),
        f"{base}/discussion",
        what="remarks",
        text="Số liệu <b>trang</b> 1",
        page="1",
    )
    assert "Đã gửi ý kiến" in said.text
    assert "Số liệu &lt;b&gt;trang&lt;/b&gt; 1" in said.text
    person = f"{office.people['colleague'].person_id}|Bế Văn Bình"
    asked = post(
        author,
        said,
        f"{base}/discussion",
        what="opinions",
        question="Anh thấy sao?",
        person=[person],
        answers=[],
        text=[],
    )
    assert "Đã gửi yêu cầu cho ý kiến" in asked.text
    seen = colleague.open(f"{base}/discussion")
    request_id = next(value for form in forms(seen) for name, value in form.fields if name == "request_id")
    bad = post(
        colleague, seen, f"{base}/discussion", what="answer", request_id=request_id, verdict="disagreed", text=""
    )
    assert bad.status_code == 422
    good = post(
        colleague, bad, f"{base}/discussion", what="answer", request_id=request_id, verdict="disagreed", text="Chưa rõ"
    )
    assert "Không đồng ý" in good.text
    versions = author.open(f"{base}/versions")
    assert versions.text.count('aria-label="Bản') == 8, "four versions, two sides"
    compared = author.open(f"{base}/compare?before=3&after=4")
    assert f"<del>{ABSTRACT}</del>" in compared.text
    assert "<ins>Trích yếu mới</ins>" in compared.text
    assert re.search(r"Bỏ \d+ chữ, thêm \d+ chữ", compared.text)


def test_a_leader_makes_a_workflow_in_a_form_and_sees_who_would_be_asked(office: Office) -> None:
    leader = office.sit_down(office.docs.a.leader)
    page = leader.open("/workflows/new")
    typed = {
        "name": "Quyết định",
        "type": ["QĐ"],
        "name-1": "Ý kiến chuyên môn",
        "who-1": [f"unit|{UNIT}|"],
        "quorum-1": "any",
        "amount-1": "2",
        "unit-1": "days",
        "name-2": "Pháp chế",
        "who-2": [f"unit_head|{UNIT}|", "role|clerk|"],
        "quorum-2": "all",
        "parallel-2": "1",
    }
    tried = post(leader, page, "/workflows/save", preview="1", **typed)
    assert tried.status_code == 200, tried.text
    assert "Bế Văn Bình, Chuyên viên" in tried.text
    bad = post(leader, tried, "/workflows/save", **(typed | {"who-2": []}))
    assert bad.status_code == 422
    assert "Pháp chế" in bad.text, "the form is kept"
    saved = post(leader, tried, "/workflows/save", **typed)
    assert "Đã lưu quy trình" in saved.text
    assert saved.url.path == "/workflows/quyet-dinh"
    assert "QĐ" in leader.open("/workflows").text
    clerk = office.sit_down(office.docs.a.clerk)
    seen = clerk.open("/workflows/quyet-dinh").text
    assert "Lưu quy trình" not in seen
    assert "Xem ai sẽ được hỏi" not in seen, "no form that may not be sent"
    assert "Các lần sửa" in seen
    assert "Tạo mới với 2 bước: Ý kiến chuyên môn, Pháp chế" in seen
    told = clerk.open("/workflows/new").text
    assert office.docs.a.leader.name in told, "who may"
    assert "Lưu quy trình" not in told
    again = post(leader, saved, "/workflows/save", **typed | {"quorum-2": "any", "after_return": "from_return"})
    assert "cần một nơi đồng ý (trước: tất cả)" in again.text
    assert "đi tiếp từ bước đã trả lại" in again.text
    saved = again
    assert "Đã ngừng dùng" in post(leader, saved, "/workflows/quyet-dinh/retire").text


def test_the_calendar_of_a_year_and_a_day_of_ones_own(office: Office) -> None:
    clerk = office.sit_down(office.docs.a.clerk)
    page = clerk.open("/calendar/2026")
    assert "Tết Nguyên Đán" in page.text
    saved = post(clerk, page, "/calendar/2026", day="2026-12-24", name="Nghỉ theo lịch xã", kind="off")
    assert "Nghỉ theo lịch xã" in saved.text
    bad = post(clerk, page, "/calendar/2026", day="2026-12-24", name="x", scope="H37")
    assert "calendar_not_yours" in bad.text
    empty = post(clerk, page, "/calendar/2026", day="", name="Nghỉ theo lịch xã", kind="off")
    assert (empty.status_code, "Nghỉ theo lịch xã" in empty.text, "Đã lưu" in empty.text) == (422, True, False)
    form = next(each for each in forms(saved) if each.fields and ("remove", "1") in each.fields)
    gone = clerk.http.post("/calendar/2026", data=dict(form.fields))
    assert "Nghỉ theo lịch xã" not in gone.text
