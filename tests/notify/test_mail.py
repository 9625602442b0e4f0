"""Mail through a real SMTP server: what it says, that it waits for a server that is down, and that "no" is final."""

from __future__ import annotations

import email
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notify import mail, mailing
from services.notify.mailing import MAIL
from services.notify.store import Notice, Recipient
from shared.db import transaction
from shared.events import registry
from shared.ids import new_id
from shared.jobs import Runner
from tests.notify.conftest import Office
from tests.notify.facts import Story, person, record
from tests.support.parts import free_port


class Postbox:
    """Takes mail; `answer` is said to each recipient instead when it is set."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer: str | None = None
        self.came = threading.Event()

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(content, policy=default)))
        self.came.set()
        return "250 OK"


@contextmanager
def smtp(postbox: Postbox, port: int) -> Iterator[None]:
    controller = Controller(postbox, hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


@pytest.fixture
def runner(office: Office) -> Callable[[int], Runner]:
    def make(port: int) -> Runner:
        server = mail.MailServer(address=f"127.0.0.1:{port}", sender="vanthu@tinh.example")
        kind = mailing.mail_kind(office.pool, server, "http://portal.example", first_pause=0.0)
        return Runner(office.pool, {MAIL: kind}, stop=threading.Event())

    return make


def leader_is_called(office: Office, **changed: Any) -> registry.PersonStated:
    """A document waits for a leader; the leader's state."""
    leader = person("Nguyễn Văn Đức", new_id(), "leader", **changed)
    story = Story(leader=leader.person_id)
    office.hear(leader, story.submitted(), story.prepared())
    return leader


def attempts(office: Office) -> list[tuple[int, str]]:
    rows = office.rows("SELECT attempt, outcome FROM mail_attempt ORDER BY attempt")
    return [(row["attempt"], row["outcome"]) for row in rows]


def test_the_mail_names_the_document_and_links_to_it(office: Office, runner: Callable[[int], Runner]) -> None:
    leader, postbox, port = leader_is_called(office), Postbox(), free_port()
    with smtp(postbox, port):
        assert runner(port).run_one()
        assert not runner(port).run_one()
    ((to, message),) = postbox.mails
    (notice,) = office.notices(leader.person_id)
    assert to == [leader.email]
    assert message["Subject"] == "Văn bản chờ bạn ký"
    assert message["To"].addresses[0].display_name == "Nguyễn Văn Đức"
    assert message["From"].addresses[0].addr_spec == "vanthu@tinh.example"
    assert message["Message-ID"] == f"<{notice['id']}@tinh.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    text = message.get_content()
    assert "Kính gửi Nguyễn Văn Đức" in text
    assert "Công văn: V/v tổ chức hội nghị quý IV" in text
    assert f"http://portal.example{notice['link']}" in text
    assert attempts(office) == [(1, "sent")]


def test_the_reason_that_somebody_wrote_is_not_mailed(office: Office, runner: Callable[[int], Runner]) -> None:
    author = person("Mai", new_id(), "clerk")
    story, postbox, port = Story(author=author.person_id), Postbox(), free_port()
    office.hear(author, story.submitted())
    office.take(record(story.returned("đoạn 3 chưa đúng"), seq=2))
    assert office.notices(author.person_id)[0]["text"].endswith("Lý do: đoạn 3 chưa đúng")
    with smtp(postbox, port):
        assert runner(port).run_one()
    ((_, message),) = postbox.mails
    assert message["Subject"] == "Văn bản bị trả lại"
    assert "đoạn 3" not in message.get_content()


def test_a_mail_server_that_is_down_is_tried_again(office: Office, runner: Callable[[int], Runner]) -> None:
    leader, postbox, port = leader_is_called(office), Postbox(), free_port()
    for _ in range(2):
        assert runner(port).run_one()
    assert attempts(office) == [(1, "retried"), (2, "retried")]
    (job,) = office.rows("SELECT attempts, last_error FROM job")
    assert job["attempts"] == 2
    assert "mail_server_away" in job["last_error"]
    with smtp(postbox, port):
        assert runner(port).run_one()
    assert [to for to, _ in postbox.mails] == [[leader.email]]
    assert attempts(office) == [(1, "retried"), (2, "retried"), (3, "sent")]
    assert office.rows("SELECT FROM job") == []


def test_the_pause_grows_with_each_try(office: Office) -> None:
    leader_is_called(office)
    server = mail.MailServer(address=f"127.0.0.1:{free_port()}", sender="vanthu@tinh.example")
    kind = mailing.mail_kind(office.pool, server, "http://portal.example", first_pause=100.0)
    runner = Runner(office.pool, {MAIL: kind}, stop=threading.Event())
    for least, most in ((50, 100), (150, 200), (250, 300), (250, 300)):  # 100, 200, then the longest one of 300 seconds
        with transaction(office.pool) as tx:
            tx.execute("UPDATE job SET run_at = now()")
        assert runner.run_one()
        assert not runner.run_one()  # not due yet
        (job,) = office.rows("SELECT extract(epoch FROM run_at - now()) AS pause FROM job")
        assert least < job["pause"] <= most


def test_a_no_for_now_is_tried_again_and_a_no_for_good_is_not(office: Office, runner: Callable[[int], Runner]) -> None:
    leader_is_called(office)
    postbox, port = Postbox(), free_port()
    with smtp(postbox, port):
        postbox.answer = "451 4.3.0 come back later"
        assert runner(port).run_one()
        postbox.answer = "550 5.1.1 no such person"
        assert runner(port).run_one()
        assert not runner(port).run_one()
    assert postbox.mails == []
    rows = office.rows("SELECT outcome, detail FROM mail_attempt ORDER BY attempt")
    assert [row["outcome"] for row in rows] == ["retried", "failed"]
    assert "mail_refused" in rows[1]["detail"]
    assert "no such person" in rows[1]["detail"]


@pytest.mark.parametrize("address", ["không phải địa chỉ", "a@b@c", "ai\r\nBcc: khac@xa.example", "ĐỨC@xa.example"])
def test_an_address_that_is_none_is_final(office: Office, runner: Callable[[int], Runner], address: str) -> None:
    leader_is_called(office, email=address)
    postbox, port = Postbox(), free_port()
    with smtp(postbox, port):
        assert runner(port).run_one()
    assert postbox.mails == []
    assert attempts(office) == [(1, "failed")]


def test_a_name_cannot_add_a_header(office: Office, runner: Callable[[int], Runner]) -> None:
    leader = leader_is_called(office, name="Đức\r\nBcc: khac@xa.example")
    postbox, port = Postbox(), free_port()
    with smtp(postbox, port):
        assert runner(port).run_one()
    ((to, message),) = postbox.mails
    assert to == [leader.email]
    assert message["Bcc"] is None


def test_who_wants_no_mail_or_has_left_gets_none(office: Office, runner: Callable[[int], Runner]) -> None:
    leader = leader_is_called(office)
    with office.http(leader.person_id) as http:
        http.put("/preferences", json={"email": False}).raise_for_status()
    leader_is_called(office, active=False)
    postbox, port = Postbox(), free_port()
    with smtp(postbox, port):
        assert runner(port).run_one()
        assert runner(port).run_one()
    assert postbox.mails == []
    assert attempts(office) == [(1, "not_wanted"), (1, "not_wanted")]
    assert len(office.notices(leader.person_id)) == 1


def test_a_person_whose_address_has_not_reached_us_is_mailed_later(
    office: Office, runner: Callable[[int], Runner]
) -> None:
    leader = person("Nguyễn Văn Đức", new_id(), "leader")
    story, postbox, port = Story(leader=leader.person_id), Postbox(), free_port()
    office.hear(story.submitted(), story.prepared())
    with smtp(postbox, port):
        assert runner(port).run_one()
        office.hear(leader)
        assert runner(port).run_one()
    assert [to for to, _ in postbox.mails] == [[leader.email]]
    assert attempts(office) == [(1, "retried"), (2, "sent")]


def test_a_long_vietnamese_subject_survives() -> None:
    notice = Notice(
        new_id(),
        new_id(),
        1,
        datetime.now(UTC),
        "Văn bản 12/UBND-VX sẵn sàng gửi " * 5,
        "…",
        None,
        "/documents/1",
        None,
    )
    to = Recipient(name="Nguyễn Văn Đức", email="duc@xa.example", active=True, wants_mail=True)
    sent = bytes(mail.compose(notice, to, sender="vanthu@tinh.example", portal_url="http://portal.example/"))
    assert all(len(line) <= 78 for line in sent.splitlines())  # RFC 5322 §2.1.1
    read = email.message_from_bytes(sent, policy=default)
    assert read["Subject"] == notice.title.strip()
    assert "http://portal.example/documents/1" in read.get_content()
