"""The pages while the other services are away, and the operator's own: nothing typed is lost, nothing is hidden."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import Any
from uuid import UUID

import pytest

from services.portal.pages import submission
from shared.db import transaction
from shared.inbox import Record, park
from tests.portal import people
from tests.portal.browser import Browser, forms
from tests.portal.conftest import Portal
from tests.portal.test_service import PASSWORD, code_of


def sit_down(portal: Portal, *roles: Any) -> Browser:
    """Somebody of a new agency with these roles, logged in."""
    agency = people.agency()
    login = f"{'-'.join(roles)}.{agency.identifier.lower()}"
    portal.accounts(**{login: PASSWORD})
    portal.hear(agency, people.person(login, people.post(agency.agency_id, "Cán bộ", *roles)))
    browser = portal.browser()
    assert browser.log_in(login, PASSWORD).url.path == "/"
    return browser


def test_a_page_stands_while_the_services_behind_it_are_away(portal: Portal) -> None:
    browser = sit_down(portal, "clerk", "leader")
    home = browser.open("/")
    assert home.status_code == 200
    assert "service_down" in home.text
    for path in ("/documents", "/incoming", "/signing", "/notices", "/documents/new", "/at-risk", "/policy"):
        page = browser.open(path)
        assert (page.status_code, code_of(page)) == (503, "service_down"), path
        assert 'action="/logout"' in page.text
    for path in ("", "/places", "/pages/1"):
        missing = browser.open(f"/documents/01890000-0000-7000-8000-000000000000{path}")
        assert (missing.status_code, code_of(missing)) == (503, "service_down"), path
        assert 'action="/logout"' in missing.text


def test_a_submission_that_docs_cannot_take_keeps_everything_and_its_key(portal: Portal) -> None:
    browser = sit_down(portal, "clerk")
    form = next(each for each in forms(browser.open("/documents/new")) if each.action == "/documents/new")
    typed = {"abstract": "V/v “họp” <gấp> & nhanh", "symbol": "UBND-VX", "urgency": "2"}
    sent = {**dict(form.fields), **typed}
    page = browser.http.post("/documents/new", data=sent, files={"main": ("a.pdf", b"%PDF-1.7", "application/pdf")})
    assert (page.status_code, code_of(page)) == (503, "service_down")
    again = next(each for each in forms(page) if each.action == "/documents/new")
    assert {name: again.value(name).strip() for name in typed} == typed
    assert again.value("once") == form.value("once")


def test_a_file_that_is_too_large_is_told_with_the_form_kept(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "MAX_FILE", 2)
    browser = sit_down(portal, "clerk")
    form = next(each for each in forms(browser.open("/documents/new")) if each.action == "/documents/new")
    sent = {**dict(form.fields), "abstract": "V/v một tệp lớn"}
    large = b"%PDF-1.7" + bytes(3 * 1024 * 1024)
    page = browser.http.post("/documents/new", data=sent, files={"main": ("lớn.pdf", large, "application/pdf")})
    assert (page.status_code, code_of(page)) == (413, "file_too_large")
    assert "V/v một tệp lớn" in page.text
    connection = HTTPConnection("127.0.0.1", int(portal.url.rpartition(":")[2]), timeout=30)
    connection.putrequest("POST", "/documents/new")
    connection.putheader("Content-Length", str(1100 * 1024 * 1024))
    connection.putheader("Content-Type", "application/x-www-form-urlencoded")
    connection.endheaders()  # nothing of it is waited for
    answer = connection.getresponse()
    assert answer.status == 413
    assert "form_too_large" in answer.read().decode()
    connection.close()


def test_an_operator_sees_what_is_parked_and_replays_it_in_order(portal: Portal) -> None:
    browser = sit_down(portal, "operator")
    commune = people.agency()
    lost = people.person("muon", people.post(commune.agency_id, "Văn thư", "clerk"), name="Đến Muộn")
    with transaction(portal.pool) as tx:
        park(tx, people.record(lost), "OperationalError", "the disk was full")
    page = browser.open("/system")
    assert "the disk was full" in page.text
    assert str(lost.person_id) in page.text
    assert ">1<" in browser.open("/").text
    answer = browser.send(page, "/system/replay")
    assert "Đã nhận lại 1 sự kiện" in answer.text
    assert "Không có sự kiện nào bị giữ" in answer.text
    portal.accounts(muon=PASSWORD)
    portal.hear(commune)
    assert "Đến Muộn" in portal.browser().log_in("muon", PASSWORD).text


def test_a_record_that_nobody_can_read_stays_parked_and_says_why(portal: Portal) -> None:
    browser = sit_down(portal, "operator")
    portal.take(Record("registry.person", 0, 99, b"somebody", b"{", None))
    page = browser.send(browser.open("/system"), "/system/replay")
    assert "Đã nhận lại 0 sự kiện" in page.text
    assert "not_json" in page.text


@pytest.mark.parametrize(
    ("role", "path"),
    [("clerk", "/system"), ("clerk", "/ca"), ("officer", "/signing"), ("leader", "/partners")],
)
def test_a_page_for_others_says_for_whom_it_is(portal: Portal, role: str, path: str) -> None:
    page = sit_down(portal, role).open(path)
    assert (page.status_code, code_of(page)) == (403, "forbidden")


def test_the_partners_page_tells_an_integrator_what_they_need(portal: Portal) -> None:
    outside = people.agency("Cổng dịch vụ công", level="outside", partner="motcua")
    portal.hear(outside)
    with transaction(portal.pool) as tx:
        tx.execute("INSERT INTO partner (name, secret_hash) VALUES ('motcua', 'x')")
    page = sit_down(portal, "operator").open("/partners")
    assert "exchange.outbound.motcua" in page.text
    assert "Cổng dịch vụ công" in page.text
    assert "http://portal.example/oauth/token" in page.text


def test_an_address_that_is_not_there_is_said_in_words(portal: Portal) -> None:
    page = portal.browser().open("/khong-co")
    assert (page.status_code, code_of(page)) == (404, "not_found")
    cut = sit_down(portal, "clerk").open("/documents/not-an-id")
    assert (cut.status_code, code_of(cut)) == (404, "not_found")


def test_what_nobody_asks_for_any_more_is_swept(portal: Portal) -> None:
    from services.portal import store
    from services.portal.domain import begin_session
    from services.portal.pages.visit import today_in_vietnam
    from tests.portal.test_domain import NOW, a_grant

    assert today_in_vietnam() is not None
    with transaction(portal.pool) as tx:
        store.add_session(tx, begin_session("old", UUID(int=1), None, NOW))
        store.add_device_grant(tx, a_grant())
        assert store.sweep(tx, NOW) == 0
    with transaction(portal.pool) as tx:
        assert store.sweep(tx, NOW.replace(day=NOW.day + 10)) == 2
        assert store.find_session(tx, begin_session("old", UUID(int=1), None, NOW).token_hash) is None


def test_a_copy_that_docs_cannot_take_keeps_everything_and_its_key(portal: Portal) -> None:
    browser = sit_down(portal, "clerk")
    form = next(each for each in forms(browser.open("/copies/new")) if each.action == "/copies/new")
    typed = {"agency": "Bộ Nội vụ", "number_symbol": "15/QĐ-BNV", "issued_on": "2019-03-04", "symbol": "UBND"}
    sent = {**dict(form.fields), **typed, "form": "TrS", "abstract": "Phê duyệt danh mục"}
    page = browser.http.post("/copies/new", data=sent, files={"main": ("a.pdf", b"%PDF-1.7", "application/pdf")})
    assert (page.status_code, code_of(page)) == (503, "service_down")
    again = next(each for each in forms(page) if each.action == "/copies/new")
    assert {name: again.value(name) for name in typed} == typed
    assert again.value("once") == form.value("once")


def test_only_clerks_make_copies(portal: Portal) -> None:
    page = sit_down(portal, "leader").open("/copies/new")
    assert (page.status_code, code_of(page)) == (403, "forbidden")
