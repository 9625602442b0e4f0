"""Answers to mails through a real SMTP server: what they say, one for a fact, bounded, and answered by no program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.docs.intake import letter
from services.notify import answering, mail
from services.notify.answering import ANSWER
from shared.events import Actor, docs
from shared.ids import new_id
from shared.jobs import Runner
from tests.notify.conftest import Office
from tests.notify.facts import NOW, record
from tests.notify.test_mail import Postbox, smtp
from tests.support.parts import free_port

ASKED = "<gui-van-ban.1@tinh.example.vn>"


def answered(**changed: Any) -> docs.MailAnswered:
    fact = docs.MailAnswered(
        by=Actor(name="Vanthu", system="docs"),
        at=NOW,
        mail_id=new_id(),
        agency_id=new_id(),
        agency_name="UBND xã Bắc Sơn",
        to="soyte@tinh.example.vn",
        to_name="Sở Y tế",
        subject="Gửi công văn 12/SYT-VP",
        message_id=ASKED,
        references="<a@x.vn> rác <b@x.vn>",
        outcome="refused",
        lines=(docs.AnswerLine(vi="phim.pdf: lớn hơn 50 MB.", en="phim.pdf: larger than 50 MB."),),
    )
    return fact.model_copy(update=changed)


@pytest.fixture
def runner(office: Office) -> Callable[[int], Runner]:
    def make(port: int) -> Runner:
        server = mail.MailServer(address=f"127.0.0.1:{port}", sender="vanthu@tinh.example")
        kind = answering.answer_kind(office.pool, server, first_pause=0.0)
        return Runner(office.pool, {ANSWER: kind}, stop=threading.Event())

    return make


def states(office: Office) -> list[str]:
    return [row["state"] for row in office.rows("SELECT state FROM answer ORDER BY taken_at, mail_id")]


def test_the_sender_reads_why_in_vietnamese_and_english(office: Office, runner: Callable[[int], Runner]) -> None:
    fact, postbox, port = answered(), Postbox(), free_port()
    assert office.hear(fact) == ["handled"]
    with smtp(postbox, port):
        assert runner(port).run_one()
        assert not runner(port).run_one()
    ((to, message),) = postbox.mails
    assert to == ["soyte@tinh.example.vn"]
    assert message["Subject"] == "Tự động trả lời: Gửi công văn 12/SYT-VP"
    assert message["From"].addresses[0].display_name == "UBND xã Bắc Sơn"
    assert message["In-Reply-To"] == ASKED
    assert message["References"] == f"<a@x.vn> <b@x.vn> {ASKED}"
    assert message["Auto-Submitted"] == "auto-replied"
    text = message.get_content()
    assert "- phim.pdf: lớn hơn 50 MB." in text
    assert "- phim.pdf: larger than 50 MB." in text
    assert text.index("lớn hơn") < text.index("larger")
    assert "tới UBND xã Bắc Sơn" in text
    assert states(office) == ["sent"]
    # Whoever gets it into a mailbox of their own does not answer it.
    assert letter.envelope(message.as_bytes()).silence == "automatic"


def test_a_fact_that_comes_again_is_answered_once(office: Office, runner: Callable[[int], Runner]) -> None:
    fact, postbox, port = answered(), Postbox(), free_port()
    office.hear(fact)
    office.take(record(fact, seq=2))  # stated again, by a worker that died before it moved the mail
    with smtp(postbox, port):
        while runner(port).run_one():
            pass
    assert len(postbox.mails) == 1


def test_to_one_address_goes_a_bounded_number(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "BOUNDS", ((3, timedelta(hours=1)),))
    office.hear(*(answered(to=to) for to in ("a@x.vn", "A@X.vn", "a@x.vn", "a@x.vn", "b@x.vn")))
    rows = office.rows("SELECT address, state FROM answer ORDER BY lower(address), state")
    assert [row["state"] for row in rows] == ["due", "due", "due", "too_many", "due"]
    assert len(office.rows("SELECT FROM job")) == 4


def test_old_news_are_not_mailed(office: Office) -> None:
    fact = answered()
    told = record(fact)
    assert told.value
    old = (NOW - timedelta(days=3)).isoformat().replace("+00:00", "Z").encode()
    now = told.value.split(b'"time":"')[1].split(b'"')[0]
    office.take(type(told)(told.topic, 0, told.offset, told.key, told.value.replace(now, old, 1), None))
    assert states(office) == ["too_old"]
    assert office.rows("SELECT FROM job") == []


@pytest.mark.parametrize(
    "changed",
    [
        {"to_name": "Đức\r\nBcc: khac@xa.example", "subject": "x\r\nBcc: khac@xa.example", "agency_name": None},
        {"message_id": "không phải", "references": "<a\r\nBcc: khac@xa.example>", "subject": ""},
    ],
)
def test_a_strangers_header_adds_none_of_ours(
    office: Office, runner: Callable[[int], Runner], changed: dict[str, str]
) -> None:
    postbox, port = Postbox(), free_port()
    office.hear(answered(**changed))
    with smtp(postbox, port):
        assert runner(port).run_one()
    ((to, message),) = postbox.mails
    assert to == ["soyte@tinh.example.vn"]
    assert message["Bcc"] is None


def test_a_server_that_is_away_is_waited_for_and_a_no_is_final(office: Office, runner: Callable[[int], Runner]) -> None:
    postbox, port = Postbox(), free_port()
    office.hear(answered())
    assert runner(port).run_one()
    assert states(office) == ["due"]
    with smtp(postbox, port):
        postbox.answer = "550 5.1.1 no such person"
        assert runner(port).run_one()
        assert not runner(port).run_one()
    assert states(office) == ["failed"]
