"""Circulation in the browser, without scripts: portal and docs at work together, each on its own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from services.docs.__main__ import api
from shared import db
from shared.events.docs import SealReceipt
from shared.events.signing import ReceiptSealed
from tests.docs.conftest import SAMPLES, Docs, ok, settings_for
from tests.docs.facts import SIGNING, Agency, Person, agency, states_of, validated
from tests.docs.test_ledger import sequence, told
from tests.portal.browser import Browser, forms
from tests.portal.conftest import Portal, at_work
from tests.portal.test_service import PASSWORD
from tests.support.http import Issuer, serve
from tests.support.postgres import Database


@dataclass(frozen=True, slots=True)
class Offices:
    """Two communes, a district above them, and browsers for their people."""

    docs: Docs
    portal: Portal
    above: Agency

    def sit_down(self, person: Person) -> Browser:
        login = person.stated().login
        self.portal.hear(person.stated())
        self.portal.accounts(**{login: PASSWORD})
        browser = self.portal.browser()
        assert browser.log_in(login, PASSWORD).url.path == "/"
        return browser


@contextmanager
def offices_at_work(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Offices]:
    made = database("docs")
    settings = settings_for(made, tmp_path)
    pool = db.open_pool(made.app, max_size=12, name="docs-test")
    home, other, partner = (
        agency("H37.01", "UBND xã Bắc Sơn"),
        agency("H37.02", "UBND xã Đồng Đăng"),
        agency("G99.01", "Sở X", "motcua"),
    )
    above = agency("H37", "UBND huyện Cao Lộc")
    try:
        app = api(settings, pool)
        with (
            serve(app) as url,
            ExitStack() as clients,
            at_work(database("portal"), tmp_path, docs_url=url) as portal,
        ):
            docs = Docs(pool, made, app, url, Issuer(), settings, home, other, partner, clients=clients)
            docs.hear(*portal.stated("portal.key"), docs.issuer.stated(), *states_of(home, other, partner, above))
            under = {"parent_id": above.agency_id}
            docs.hear(*(each.stated().model_copy(update=under) for each in (home, other)))
            portal.hear(*(each.stated() for each in (home, other, above)))
            yield Offices(docs, portal, above)
    finally:
        pool.close()


@pytest.fixture
def offices(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Offices]:
    with offices_at_work(database, tmp_path) as made:
        yield made


def send(browser: Browser, page: httpx.Response, action: str, /, **typed: Any) -> httpx.Response:
    """The form of this page with what stands in it and what is typed or ticked; a list is a field of several values."""
    form = next(each for each in forms(page) if each.action == action and dict(each.fields).get("csrf"))
    fields: dict[str, Any] = {}
    for name, value in form.fields:
        fields.setdefault(name, []).append(value)
    return browser.http.post(action, data={**fields, **typed})


def test_a_whole_tree_gets_it_without_the_one_that_was_unticked(offices: Offices) -> None:
    docs, clerk = offices.docs, offices.sit_down(offices.docs.a.clerk)
    document = docs.issued(docs.a)
    path = f"/documents/{document}/dispatch"
    page = clerk.open(f"{path}?tree=H37&recipient=G99.01")
    assert "Sẽ gửi tới (3)" in page.text
    assert "UBND huyện Cao Lộc và các cơ quan trực thuộc" in page.text
    assert 'value="H37.01" checked' not in page.text  # oneself is never offered
    done = send(clerk, page, path, recipient=["G99.01", "H37.02"], note="Gửi để thực hiện")
    assert "Đã phát hành tới các nơi nhận đã chọn." in done.text
    shown = clerk.open(f"/documents/{document}/circulation")
    assert "Gửi 2 nơi" in shown.text
    assert "Trừ: H37" in shown.text
    assert "Gửi để thực hiện" in shown.text


def test_an_agency_that_ended_is_named_and_its_successor_is_one_click_away(offices: Offices) -> None:
    docs, clerk = offices.docs, offices.sit_down(offices.docs.a.clerk)
    gone = agency("H37.08", "UBND xã Cũ")
    ended = gone.stated().model_copy(
        update={"valid_until": gone.stated().valid_from, "successor_ids": (docs.b.agency_id,)}
    )
    docs.hear(ended)
    document = docs.issued(docs.a)
    page = clerk.open(f"/documents/{document}/dispatch?recipient=H37.08&recipient=G99.01")
    assert "UBND xã Cũ (H37.08) hết hoạt động" in page.text
    assert "Thay bằng nơi kế thừa" in page.text
    instead = f"/documents/{document}/dispatch?recipient=G99.01&recipient=H37.02&left_out=H37.08"
    assert "Sẽ gửi tới (2)" in clerk.open(instead).text


def test_recall_and_chase_are_asked_answered_and_seen_on_both_sides(offices: Offices) -> None:
    docs = offices.docs
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    clerk, receiver = offices.sit_down(docs.a.clerk), offices.sit_down(docs.b.clerk)
    where = f"/documents/{document}/circulation"
    page = send(clerk, clerk.open(where), f"{where}/chase", note="Cần gấp")
    assert "Đã đôn đốc" in page.text
    typed = {
        "reason": "",
        "note": "",
        "csrf": next(f for f in forms(page) if f.action == f"{where}/chase").value("csrf"),
        "once": "k1",
    }
    refused = clerk.http.post(f"{where}/recall", data=typed)
    assert refused.status_code == 422
    assert "Chưa điền hoặc điền chưa đúng: Lý do; hãy sửa rồi gửi lại." in refused.text  # as the form calls it
    assert "/body/" not in refused.text
    page = clerk.http.post(f"{where}/recall", data=typed | {"reason": "Gửi nhầm bản thảo", "once": "k2"})
    assert "Chờ trả lời lấy lại" in page.text
    assert "Thu hồi toàn bộ: 1 nơi" in page.text
    assert "đóng băng" in page.text
    # Nothing is offered that can't be asked any more.
    assert "hãy chờ họ trả lời" in page.text
    assert [each.action for each in forms(page) if each.action in (f"{where}/chase", f"{where}/recall")] == []
    docs.circulate()

    arrived = docs.arrived(docs.b)
    incoming = f"/incoming/{arrived['id']}"
    page = receiver.open(f"/arrivals/{arrived['delivery_id']}")
    assert page.url.path == incoming
    for words in (
        "UBND xã Bắc Sơn yêu cầu lấy lại văn bản này",
        "Hãy trả lời trước khi làm việc khác",
        "Gửi nhầm bản thảo",
        "Nơi gửi đôn đốc lúc",
        "Cần gấp",
    ):
        assert words in page.text
    others = {f"{incoming}/{act}" for act in ("register", "refuse", "assign", "start", "complete")}
    assert others & {each.action for each in forms(page)} == set()
    page = send(receiver, page, f"{incoming}/recall-answer")
    assert "Văn bản đã được thu hồi" in page.text
    assert "Bản PDF của văn bản đến" not in page.text
    docs.circulate()
    assert "Đã lấy lại" in clerk.open(where).text


def test_a_replacement_is_linked_in_the_browser_and_shown_to_the_receiver(offices: Offices) -> None:
    docs = offices.docs
    first, second = docs.issued(docs.a), docs.issued(docs.a)
    docs.delivered(first, docs.a, docs.b)
    clerk, receiver = offices.sit_down(docs.a.clerk), offices.sit_down(docs.b.clerk)
    where = f"/documents/{second}/circulation"
    page = clerk.open(f"{where}?q=01/UBND-VX")
    assert f'value="document:{first}"' in page.text
    page = send(clerk, page, f"{where}/relate", target=f"document:{first}", kind="replaces", reason="Sai căn cứ")
    assert "Đã ghi liên kết" in page.text
    # Whoever has the earlier one is proposed.
    page = clerk.open(f"/documents/{second}/dispatch")
    assert f"Chưa gửi tới nơi liên quan: {docs.b.name}" in page.text
    page = clerk.open(f"/documents/{second}/dispatch?recipient={docs.b.identifier}")
    assert "Chưa gửi tới nơi liên quan" not in page.text
    docs.delivered(second, docs.a, docs.b)
    old = next(each for each in docs.get(docs.b.clerk, "/incoming")["items"] if each["number_symbol"] == "01/UBND-VX")
    page = receiver.open(f"/incoming/{old['id']}")
    assert "Văn bản này đã được thay thế bởi" in page.text
    assert "Được thay thế bởi" in page.text
    page = clerk.open(f"/documents/{first}/circulation")
    assert "văn bản đang có hiệu lực" in page.text
    assert "Chờ nhận bản thay thế" in page.text
    for where in (f"/documents/{first}", f"/documents/{first}/dispatch"):
        page = clerk.open(where)
        assert "không gửi nữa; văn bản đang có hiệu lực" in page.text
        assert f'href="/documents/{second}"' in page.text
    assert f'href="/documents/{first}/dispatch"' not in clerk.open(f"/documents/{first}").text


def test_what_looks_like_a_duplicate_is_registered_only_when_that_is_ticked(offices: Offices) -> None:
    from shared.events.docs import DeliveryDispatched
    from shared.ids import new_id

    docs = offices.docs
    docs.delivered(docs.issued(docs.a), docs.a, docs.b)
    first = docs.arrived(docs.b)["id"]
    docs.hear(validated(UUID(first), docs.b.agency_id))
    ok(docs.post(docs.b.clerk, f"/incoming/{first}/register"))
    (fact,) = [e.data for e in docs.outbox(after=0) if isinstance(e.data, DeliveryDispatched)]
    docs.hear(fact.model_copy(update={"delivery_id": new_id(), "document_id": new_id()}))
    twin = docs.arrived(docs.b)["id"]
    docs.hear(validated(UUID(twin), docs.b.agency_id))
    receiver = offices.sit_down(docs.b.clerk)
    assert "Có thể trùng" in receiver.open("/incoming").text
    page = receiver.open(f"/incoming/{twin}")
    assert "Có thể trùng với văn bản đã đến" in page.text
    refused = send(receiver, page, f"/incoming/{twin}/register")
    assert "looks_like_duplicate" in refused.text
    done = send(receiver, refused, f"/incoming/{twin}/register", despite_duplicate="true")
    assert "Đã đăng ký văn bản đến" in done.text
    assert "<br>số đến 2</li>" in done.text


def test_a_group_is_made_changed_and_removed(offices: Offices) -> None:
    clerk = offices.sit_down(offices.docs.a.clerk)
    page = send(
        clerk, clerk.open("/address-groups/new"), "/address-groups/new", name="Cụm biên giới", member=["H37.02"]
    )
    assert "Đã lưu nhóm nơi nhận" in page.text
    (group,) = offices.docs.get(offices.docs.a.clerk, "/address-groups")["items"]
    path = f"/address-groups/{group['id']}"
    page = send(clerk, clerk.open(path), path, member=["H37.02", "G99.01"])
    assert "2</td>" in page.text
    stale = send(clerk, clerk.open(path), path, version="0", name="Khác")
    assert (stale.status_code, "stale_version" in stale.text) == (412, True)
    document = offices.docs.issued(offices.docs.a)
    seen = clerk.open(f"/documents/{document}/dispatch?group={group['id']}")
    assert "Sẽ gửi tới (2)" in seen.text
    page = send(clerk, clerk.open(path), path, remove="yes")
    assert "Chưa có nhóm nào" in page.text


def test_going_back_in_the_browser_makes_no_second_document(offices: Offices) -> None:
    docs, clerk = offices.docs, offices.sit_down(offices.docs.a.clerk)
    page = clerk.open("/documents/new")
    form = next(each for each in forms(page) if each.action == "/documents/new" and dict(each.fields).get("csrf"))
    typed = dict(form.fields) | {
        "type_code": "CV",
        "symbol": "UBND-VX",
        "abstract": "V/v thử quay lại",
        "authority_id": str(docs.a.authority_id),
    }
    file = {"main": ("cv.pdf", (SAMPLES / "01-cong-van.pdf").read_bytes(), "application/pdf")}
    made = clerk.http.post("/documents/new", data=typed, files=file)
    assert "Đã trình văn bản" in made.text
    for _click in range(2):
        again = clerk.http.post("/documents/new", data=typed | {"abstract": "V/v đã sửa"}, files=file)
        assert (again.status_code, "form_sent_already" in again.text, "V/v đã sửa" in again.text) == (409, True, True)
    assert len(docs.get(docs.a.clerk, "/documents")["items"]) == 1


def test_a_receipt_is_a_page_that_says_what_it_proves(offices: Offices) -> None:
    docs = offices.docs
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    clerk = offices.sit_down(docs.a.clerk)
    where = f"/documents/{document}"
    assert "chưa thấy con dấu số nào" in clerk.open(f"{where}/circulation").text
    (order,) = [e.data for e in docs.outbox(after=0) if isinstance(e.data, SealReceipt)]
    sealing = ReceiptSealed(
        receipt_id=order.receipt_id, agency_id=docs.b.agency_id, text=order.text, signature="c2VhbA==",
        certificate_serial="01", by=SIGNING, at=datetime.now(UTC),
    )  # fmt: skip
    docs.hear(sealing)
    docs.circulate()
    page = clerk.open(f"{where}/circulation")
    path = f"{where}/receipts/{order.receipt_id}"
    assert path in page.text
    page = clerk.open(path)
    for words in ("Biên nhận chứng minh điều gì", "UBND xã Đồng Đăng xác nhận", "c" * 64, "vanthu_verify.receipt"):
        assert words in page.text
    found = clerk.open(f"{path}/file")
    assert found.json() == {"form": "vanthu receipt 1", "text": order.text, "signature": "c2VhbA=="}


def test_the_ledger_is_asked_in_words(offices: Offices) -> None:
    docs = offices.docs
    document = docs.issued(docs.a)
    docs.issued(docs.a, abstract="V/v khác")
    sequence(docs, *told(docs))
    clerk = offices.sit_down(docs.a.clerk)
    number = docs.get(docs.a.clerk, f"/documents/{document}")["number_symbol"]
    page = clerk.open(f"/ledger?number={quote(number)}&kind=docs.document.issued&name=hang")
    assert "vanthu_verify.ledger" in page.text
    assert f'value="{number}"' in page.text
    page = clerk.open(f"/ledger?number={quote(number)}&kind=docs.document.issued")
    rows = page.text.partition("<tbody>")[2].partition("</tbody>")[0]
    assert rows.count("<tr>") == 1
    assert f"{number}: V/v tăng cường" in rows
    assert "Ban hành" in rows
    position = rows.partition("/ledger/entries/")[2].partition('"')[0]
    assert "Nguyên văn" in clerk.open(f"/ledger/entries/{position}").text
