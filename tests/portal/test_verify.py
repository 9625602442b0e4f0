"""The public page on which anybody has a PDF checked: the real signing behind it, no log-in, nothing lost by a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from vanthu_verify import wording as engine

from deploy.devpki.server import Running, running
from services.portal import wording_report
from services.portal.pages import verify
from services.signing.__main__ import SERVICE, SigningSettings
from shared import db
from shared.events import Envelope
from shared.ids import new_id
from shared.tokens import receive_key
from tests.interop import paper
from tests.portal.browser import forms
from tests.portal.conftest import Portal, at_work
from tests.support.http import serve
from tests.support.postgres import Database


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture
def portal(database: Callable[[str], Database], tmp_path: Path, pki: Running) -> Iterator[Portal]:
    with before_signing(database, tmp_path, pki) as (made, _):
        yield made


@contextmanager
def before_signing(
    database: Callable[[str], Database], tmp_path: Path, pki: Running
) -> Iterator[tuple[Portal, db.Pool]]:
    """Portal before the real API of signing, which has heard portal's key; signing's pool."""
    trust = tmp_path / "root.pem"
    trust.write_bytes(pki.root_pem)
    made = database("signing")
    pool = db.open_pool(made.app, max_size=4)
    settings = SigningSettings.model_validate(
        {
            "service": "signing",
            "database": made.app,
            "kafka": "127.0.0.1:1",
            "kafka_user": "signing",
            "kafka_password": "none",
            "blobs": f"file://{tmp_path / 'blobs'}",
            "port": 1,
            "worker_port": 1,
            "portal_url": "http://portal.example",
            "trust": str(trust),
            "tsa_url": pki.tsa_url,
        }
    )
    with ExitStack() as stack:
        stack.callback(pool.close)
        app = SERVICE.api(settings, pool)
        stack.callback(app.state.checks.judges.close)
        url = stack.enter_context(serve(app))
        at = stack.enter_context(at_work(database("portal"), tmp_path, signing_url=url))
        with db.transaction(pool) as tx:
            for stated in at.stated("portal.key"):
                now = datetime.now(UTC)
                receive_key(tx, Envelope(new_id(), "urn:vanthu:test", 1, now, stated, "portal.key"))
        yield at, pool


def hand_in(portal: Portal, body: bytes | None, **fields: str) -> httpx.Response:
    with httpx.Client(base_url=portal.url, timeout=60) as visitor:
        page = visitor.get("/verify")
        assert page.status_code == 200
        form = next(f for f in forms(page) if f.action == "/verify")
        files = {"file": ("cong-van.pdf", body, "application/pdf")} if body is not None else {"none": ("", b"")}
        return visitor.post("/verify", data=dict(form.fields) | fields, files=files)


def test_anybody_learns_who_signed_and_that_nothing_was_changed(portal: Portal, pki: Running) -> None:
    issued = paper.issue(paper.sample("01"), pki)
    page = hand_in(portal, issued)
    assert page.status_code == 200
    assert "Chữ ký hợp lệ" in page.text
    assert "Văn bản nguyên vẹn" in page.text
    assert "PAdES-BASELINE-LTA" in page.text
    assert "Dấu thời gian hợp lệ" in page.text
    assert "ETSI EN 319 102-1" in page.text, "the details are there for experts"
    changed = hand_in(portal, paper.change_number(issued))
    assert "Chữ ký không hợp lệ" in changed.text
    assert "không được phép" in changed.text
    past = hand_in(portal, issued, at="2020-01-31T08:00")
    assert "cho thời điểm" in past.text
    assert 'value="2020-01-31T08:00"' in past.text, "what was chosen stays chosen"


@pytest.mark.parametrize(
    ("body", "fields", "code"),
    [
        (None, {}, "file_not_chosen"),
        (b"%PDF-1.7", {"at": "2120-01-01T00:00"}, "moment_malformed"),
        (b"%PDF-1.7", {"at": "hôm qua"}, "moment_malformed"),
        (b"%PDF-1.7", {"csrf": "other"}, "page_too_old"),
        (b"%PDF-1.7", {"policy": "none"}, "policy_unknown"),
        (b"not a pdf", {}, "not_a_pdf"),
        (b"", {}, "empty_file"),
    ],
)
def test_every_mistake_is_a_sentence_on_the_page(
    portal: Portal, body: bytes | None, fields: dict[str, str], code: str
) -> None:
    page = hand_in(portal, body, **fields)
    assert page.status_code >= 400
    assert f"<code>{code}</code>" in page.text
    assert any(f.action == "/verify" for f in forms(page)), "the form is there to try again"


def test_the_page_has_words_for_whatever_the_engine_says() -> None:
    assert engine.REASONS.keys() <= wording_report.REASONS.keys()
    assert engine.CHANGES.keys() <= wording_report.CHANGES.keys()


@pytest.mark.parametrize("announced", [True, False])
def test_a_visitor_cannot_fill_our_disk(portal: Portal, *, announced: bool) -> None:
    size, chunk = 52 * 1024 * 1024, b"%" * 1024 * 1024
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    said = {"Content-Length": str(size)} if announced else {}
    answer = httpx.post(
        f"{portal.url}/verify",
        content=(part for part in (head, *(chunk for _ in range(52)))) if not announced else b"%" * size,
        headers={"Content-Type": "multipart/form-data; boundary=x", **said},
        timeout=60,
    )
    assert answer.status_code == 413
    assert "too_large" in answer.text


def test_one_address_cannot_ask_without_end(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "FREE_CHECKS", 2)
    codes = [hand_in(portal, b"no pdf").text.count("too_many_tries") for _ in range(3)]
    assert codes == [0, 0, 1]
