"""Bad input through the public doors: one clear sentence in two languages, a stable code, and nothing half-done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.demo import acts
from deploy.demo.people import Person, eventually
from deploy.demo.signer import Signer
from deploy.demo.story import Story, cast
from shared.events import Envelope, encode
from shared.events.portal import KeyStated
from tests.support.stack import Stack

DATA = Path(__file__).parents[1] / "data"
Office = tuple[Person, list[Person], list[Person]]  # a clerk, the leaders of the same agency, clerks of two others


def foreign_event() -> bytes:
    """A perfectly good event of portal's, which a partner has no business to state."""
    key = KeyStated(kid="forged", x="AAAA", status="active", not_after=datetime(2099, 1, 1, tzinfo=UTC))
    return encode(Envelope(uuid4(), "urn:vanthu:dev", 1, datetime.now(UTC), key, "portal.key"))


@pytest.fixture(scope="module")
def story(stack: Stack) -> Iterator[Story]:
    opened = Story(stack.layout.var, stack.url("portal"), stack.url("mail"), quiet=True)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def office(story: Story) -> Office:
    return cast(story)


def said(answer: httpx.Response) -> str:
    """The stable code, once the problem has a sentence in both languages."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["detail_vi"].strip()
    assert body["detail_en"].strip()
    assert body["detail_vi"] != body["detail_en"]
    return str(body["code"])


def upload(clerk: Person, data: bytes | Iterator[bytes], name: str = "a.pdf") -> httpx.Response:
    headers = {"Content-Type": "application/pdf"}
    return clerk.call("POST", "docs", f"/files?filename={name}", content=data, headers=headers)


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ("r1-mat-khau-mo.pdf", "pdf_password"),
        ("r3-khong-phai-pdf.pdf", "not_a_pdf"),
        ("r4-rong-0-byte.pdf", "empty_file"),
    ],
)
def test_a_file_that_is_no_readable_pdf_is_refused_at_once(office: Office, sample: str, code: str) -> None:
    assert said(upload(office[0], (DATA / sample).read_bytes())) == code


def test_three_hundred_megabytes_are_refused_and_not_kept(office: Office, stack: Stack) -> None:
    def endless() -> Iterator[bytes]:
        yield b"%PDF-1.7\n"
        for _ in range(300):
            yield b"\0" * 1024 * 1024

    assert said(upload(office[0], endless())) == "file_too_large"
    kept = [f for f in (stack.layout.var / "blobs").rglob("*") if f.is_file() and f.stat().st_size > 50 * 1024 * 1024]
    assert kept == []


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ("r2-cat-cut.pdf", "pdf_damaged"),
        ("r5-javascript-va-tep-dinh-kem.pdf", "pdf_active_content"),
        ("r6-docmdp-khong-cho-sua.pdf", "pdf_no_changes_allowed"),
        ("r7-han-che-sua-doi.pdf", "pdf_restricted"),
        ("r8-xfa.pdf", "pdf_xfa"),
    ],
)
def test_a_pdf_that_cannot_be_signed_is_refused_with_the_reason(office: Office, sample: str, code: str) -> None:
    clerk, leaders, _ = office
    answer = upload(clerk, (DATA / sample).read_bytes(), sample)
    if answer.is_error:
        assert said(answer) == code
        return
    document = submit(clerk, leaders[0], answer.json()["file_id"])

    def refused() -> dict[str, Any] | None:
        found: dict[str, Any] = clerk.get("docs", f"/documents/{document['id']}")
        return found if found["state"] == "refused" else None

    reason = eventually(refused, "the refusal", seconds=180)["state_reason"]
    assert reason["code"] == code
    assert reason["vi"]
    assert reason["en"]


def submit(clerk: Person, leader: Person, file_id: str, key: str | None = None) -> Any:
    authorities = clerk.get("docs", "/choices")["authorities"]
    authority = next(a for a in authorities if a["person_name"] == leader.login.name)
    body = {
        "type_code": acts.LETTER,
        "symbol": "UBND-VP",
        "abstract": "thử từ chối",
        "urgency": 0,
        "authority_id": authority["authority_id"],
        "parts": [{"file_id": file_id, "kind": "main"}],
        "reviewer_ids": [],
    }
    return clerk.post("docs", "/documents", body, headers={"Idempotency-Key": key or str(uuid4())})


@pytest.fixture(scope="module")
def waiting(story: Story, office: Office) -> dict[str, Any]:
    """A document that waits for the first leader."""
    clerk, leaders, _ = office
    return acts.submit(story, clerk, leaders[0], DATA / "01-cong-van.pdf")


def test_a_second_click_is_the_same_document(office: Office) -> None:
    clerk, leaders, _ = office
    file = upload(clerk, (DATA / "04-giay-moi.pdf").read_bytes()).json()["file_id"]
    key = str(uuid4())
    assert submit(clerk, leaders[0], file, key)["id"] == submit(clerk, leaders[0], file, key)["id"]


def test_a_wrong_pin_says_how_many_tries_are_left_and_locks_nothing(
    story: Story, office: Office, waiting: dict[str, Any]
) -> None:
    leader = office[1][0]
    signer = story.signer(leader)
    signer.log_in(story.portal, leader)
    code, _, errors = signer.sign(waiting["id"], pin="00000000")
    assert code == 1
    assert "[pin_wrong]" in errors
    assert "còn cho thử 2 lần" in errors
    code, said_then, errors = signer.sign(waiting["id"])
    assert code == 0, said_then + errors


@pytest.mark.parametrize(("state", "code"), [("expired", "certificate_expired"), ("revoked", "certificate_revoked")])
def test_a_certificate_that_may_not_sign_is_said_before_the_pin(story: Story, state: str, code: str) -> None:
    token = next(entry for entry in story.tokens.values() if entry["certificate"] == state)
    login = next(login for login in story.logins if login.login == token["login"])
    clerk_login = next(c for c in story.logins if c.role == "clerk" and c.agency == login.agency)
    clerk, leader = story.person(clerk_login), story.person(login)
    document = acts.submit(story, clerk, leader, DATA / "01-cong-van.pdf")
    signer = Signer(story.folder / "vanthu-sign" / login.login, token)
    signer.log_in(story.portal, leader)
    exit_code, output, errors = signer.sign(document["id"])
    assert exit_code == 1
    assert f"[{code}]" in errors, output + errors
    assert clerk.get("docs", f"/documents/{document['id']}")["state"] == "awaiting_signature"


def test_a_recipient_that_does_not_exist_stops_the_whole_dispatch(story: Story, office: Office) -> None:
    clerk, leaders, receivers = office
    document = acts.submit(story, clerk, leaders[1], DATA / "03-quyet-dinh-pdfa2b.pdf")
    signer = story.signer(leaders[1])
    signer.log_in(story.portal, leaders[1])
    acts.sign(story, clerk, signer, [document])
    issued = acts.issue(story, clerk, document)
    recipients = [receivers[0].login.agency_identifier, "H99.404"]
    answer = clerk.call("POST", "docs", f"/documents/{issued['id']}/dispatch", json={"recipients": recipients})
    assert said(answer) == "recipient_unknown"
    assert "H99.404" in answer.json()["detail_vi"]
    assert clerk.get("docs", f"/documents/{issued['id']}")["deliveries"] == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"\xff\xfe\x00", "not_json"),
        (b"{}", "bad_envelope"),
        (b"", "empty_message"),
        (foreign_event(), "wrong_topic"),
        (json.dumps({"specversion": "1.0", "type": "vn.vanthu.no.such.v1"}).encode(), "unknown_type"),
    ],
)
def test_a_malformed_message_is_answered_and_stops_nothing(story: Story, value: bytes, code: str) -> None:
    from vanthu_integrator.messages import MessageRejected

    partner = story.partner().partner
    _, offset = partner.send_raw(b"k", value)
    for received in partner.receive("replies", group=f"test-{uuid4()}", seconds=180):
        if isinstance(received.data, MessageRejected) and received.data.offset == offset:
            assert received.data.code == code
            assert received.data.detail_vi
            assert received.data.detail_en
            return
    raise AssertionError("no reply")


def test_bytes_changed_in_the_store_are_refused_by_the_receiver(story: Story, stack: Stack, office: Office) -> None:
    clerk, leaders, receivers = office
    document = acts.submit(story, clerk, leaders[0], DATA / "12-to-trinh-linearized.pdf")
    signer = story.signer(leaders[0])
    signer.log_in(story.portal, leaders[0])
    acts.sign(story, clerk, signer, [document])
    issued = acts.issue(story, clerk, document)
    digest = issued["content"]["sha256"]
    (blob,) = (stack.layout.var / "blobs").rglob(digest)
    blob.write_bytes(acts.tamper(blob.read_bytes()))
    identifier = receivers[0].login.agency_identifier
    deliveries = acts.dispatch(story, clerk, issued, [identifier])

    def refused() -> dict[str, Any] | None:
        found = clerk.get("docs", f"/documents/{issued['id']}")["deliveries"]
        mine: dict[str, Any] = next(d for d in found if d["delivery_id"] == deliveries[identifier])
        return mine if mine["status"] == "02" else None

    seen = eventually(refused, "the receiver's refusal", seconds=180)
    assert seen["reason"]
