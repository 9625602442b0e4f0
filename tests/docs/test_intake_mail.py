"""Documents sent by e-mail: taken once from a real IMAP server, refused with a sentence, moved to where they belong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

import pytest

from services.docs.intake import letter, mailbox
from services.docs.intake.account import Mailbox
from services.docs.intake.mailbox import Post
from shared import db
from shared.errors import Rejected
from shared.events.docs import MailAnswered
from shared.events.registry import Heartbeat
from tests.docs import papers, post_office
from tests.docs.bringing import Intake, codes
from tests.docs.conftest import SAMPLES, Docs
from tests.docs.post_office import PASSWORD, USER, PostOffice
from tests.docs.test_intake import scanner

LETTER = (SAMPLES / "01-cong-van.pdf").read_bytes()
pytestmark = pytest.mark.skipif(not post_office.is_here(), reason=post_office.ABSENT)


def answers(docs: Docs) -> list[MailAnswered]:
    """What senders are told, since it was last asked."""
    found: list[MailAnswered] = docs.stated("MailAnswered")
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[PostOffice]:
    with post_office.serving() as office:
        yield office


@dataclass(slots=True)
class Desk:
    """The mailbox of agency A, and the worker that looks into it."""

    intake: Intake
    office: PostOffice
    post: Post

    def settle(self) -> None:
        self.post.poll()
        self.intake.work()
        self.post.poll()

    def where(self) -> dict[str, int]:
        found = {name: self.office.count(name) for name in ("INBOX", mailbox.PROCESSING, mailbox.DONE, mailbox.REFUSED)}
        return {name: count for name, count in found.items() if count}

    def items(self) -> list[dict[str, Any]]:
        return self.intake.items(self.intake.docs.a.clerk)

    def told(self) -> list[dict[str, Any]]:
        docs = self.intake.docs
        return docs.rows(docs.a.agency_id, "SELECT outcome, answered_at, detail FROM intake_taken ORDER BY taken_at")


def box(server: PostOffice, agency: str | None) -> Mailbox:
    return Mailbox(host="127.0.0.1", port=server.port, user=USER, password=PASSWORD, ca=server.ca, agency=agency)  # type: ignore[arg-type,unused-ignore]


@pytest.fixture
def desk(docs: Docs, intake: Intake, server: PostOffice) -> Desk:
    server.empty()
    return Desk(intake, server, Post(intake.desk, box(server, docs.a.identifier)))


def mail(
    *files: tuple[str, bytes],
    subject: str = "Gửi công văn",
    to: str = USER,
    message_id: str | None = None,
    **more: str,
) -> bytes:
    """`more`: further header fields, with `_` for `-`."""
    made = EmailMessage()
    for name, value in more.items():
        made[name.replace("_", "-")] = value
    made["From"] = '"Sở Y tế" <soyte@tinh.example.vn>'
    made["To"] = to
    made["Subject"] = subject
    made["Message-ID"] = message_id or make_msgid(domain="tinh.example.vn")
    made.set_content("Kính gửi quý cơ quan.")
    for name, data in files:
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


def test_attachments_become_items_with_their_sender_and_subject(desk: Desk) -> None:
    desk.office.deliver(mail(("công văn.pdf", LETTER), ("quét.jpg", papers.scan(kind="JPEG"))))
    desk.post.poll()
    assert desk.where() == {mailbox.PROCESSING: 1}  # until its steps are over
    desk.settle()
    assert desk.where() == {mailbox.DONE: 1}
    items = desk.items()
    assert {each["filename"]: each["state"] for each in items} == {"công văn.pdf": "ready", "quét.jpg": "ready"}
    assert items[0]["channel"] == "mail"
    assert items[0]["origin"] == {"name": "Sở Y tế", "subject": "Gửi công văn", "reference": "soyte@tinh.example.vn"}
    told = desk.told()
    assert len(told) == 1
    assert told[0]["answered_at"]
    assert "công văn.pdf: đã tiếp nhận." in told[0]["detail"]["answer"]
    (answer,) = answers(desk.intake.docs)
    assert (answer.to, answer.to_name, answer.subject) == ("soyte@tinh.example.vn", "Sở Y tế", "Gửi công văn")
    assert (answer.agency_id, answer.outcome) == (desk.intake.docs.a.agency_id, "taken")
    assert answer.message_id.endswith("@tinh.example.vn>")
    assert ("công văn.pdf: đã tiếp nhận.", "công văn.pdf: taken in.") in [(a.vi, a.en) for a in answer.lines]
    (listed,) = desk.intake.docs.get(desk.intake.docs.a.clerk, "/intake-mails")["items"]
    assert (listed["outcome"], listed["silence"], len(listed["items"])) == ("taken", None, 2)
    assert "công văn.pdf: đã tiếp nhận." in listed["answer"]
    assert desk.intake.docs.get(desk.intake.docs.b.clerk, "/intake-mails")["items"] == []


def test_mails_are_shown_to_the_registrar_and_what_is_restricted_to_those_who_may_know(desk: Desk) -> None:
    docs = desk.intake.docs
    desk.office.deliver(mail(("công văn.pdf", LETTER), subject="Đơn tố giác"))
    desk.settle()
    officer, registrar = docs.a.person("second clerk"), docs.a.clerk
    assert docs.get(registrar, "/intake-mails")["items"][0]["subject"] == "Đơn tố giác"
    hidden = docs.get(officer, "/intake-mails")
    assert (hidden["items"], hidden["withheld"]) == ([], True)
    assert [docs.get(each, "/intake")["items"][0]["origin"]["subject"] for each in (registrar, officer)] == [
        "Đơn tố giác",
        None,
    ]


def test_the_same_mail_again_is_taken_once(desk: Desk) -> None:
    sent = mail(("a.pdf", LETTER), message_id="<mot-la-thu@tinh.example.vn>")
    desk.office.deliver(sent)
    desk.office.deliver(sent)
    desk.settle()
    desk.office.deliver(sent)
    desk.settle()
    assert len(desk.items()) == 1
    assert len(desk.told()) == 1
    assert len(answers(desk.intake.docs)) == 1
    assert desk.where() == {mailbox.DONE: 3}
    assert desk.intake.quarantined() == []


def test_a_mail_with_an_attachment_of_60_mb_is_refused_without_being_fetched(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.office.deliver(mail(("phim.pdf", LETTER + b"\0" * 60 * 1024 * 1024)))

    def never(*_: object) -> bytes:
        raise AssertionError("the body was fetched")

    monkeypatch.setattr(mailbox, "_body", never)
    desk.settle()
    assert desk.where() == {mailbox.REFUSED: 1}
    assert desk.items() == []
    assert [row["outcome"] for row in desk.told()] == ["mail_too_large"]
    (answer,) = answers(desk.intake.docs)
    assert answer.outcome == "refused"
    assert "50 MB" in answer.lines[0].vi
    assert "50 MB" in answer.lines[0].en


def test_a_mail_without_an_attachment_and_a_broken_one_are_told_apart(desk: Desk) -> None:
    desk.office.deliver(mail())
    broken = mail(("a.pdf", LETTER)).replace(b"JVBERi0", b"!!\xff\xfe==JVB", 1)
    desk.office.deliver(broken)
    desk.office.deliver(b'From: a@x.vn\nContent-Type: multipart/mixed; boundary="x"\n\nno boundary at all\n')
    desk.office.deliver(b"\xff\xfe\x00 this is no mail")
    desk.settle()
    assert desk.where() == {mailbox.REFUSED: 4}
    assert [row["outcome"] for row in desk.told()] == ["nothing_attached", "mail_broken", "mail_broken", "mail_broken"]
    assert all(row["answered_at"] and row["detail"]["left"] for row in desk.told())


def test_an_archive_and_a_program_are_refused_and_a_good_one_beside_them_is_taken(desk: Desk) -> None:
    desk.office.deliver(mail(("ho-so.zip", papers.packed({"a.pdf": LETTER}))))
    desk.settle()
    assert desk.where() == {mailbox.REFUSED: 1}
    assert codes(desk.items()[0])["type"] == "archive_attached"
    desk.office.deliver(mail(("a.pdf", LETTER), ("setup.exe", b"MZ" * 50)))
    desk.settle()
    assert desk.where() == {mailbox.DONE: 1, mailbox.REFUSED: 1}
    answer = " ".join(desk.told()[-1]["detail"]["answer"])
    assert "a.pdf: đã tiếp nhận." in answer
    assert "setup.exe" in answer


@pytest.mark.parametrize("subject", ["[MẬT] Kế hoạch A2", "Kế hoạch (TỐI MẬT)"])
def test_a_secret_mail_is_erased_from_the_mailbox_too(desk: Desk, subject: str) -> None:
    desk.office.deliver(mail(("ke-hoach.pdf", LETTER), subject=subject))
    desk.settle()
    assert desk.where() == {}
    assert [each["state"] for each in desk.items()] == ["refused"]
    assert "Kế hoạch" not in str(desk.items()) + str(desk.told())
    (answer,) = answers(desk.intake.docs)
    assert (answer.outcome, answer.subject) == ("refused", "")
    assert "Kế hoạch" not in answer.model_dump_json()
    assert not desk.intake.holds(LETTER)


def test_one_mailbox_for_all_agencies_goes_by_the_address(docs: Docs, desk: Desk, server: PostOffice) -> None:
    desk.post = Post(desk.intake.desk, box(server, None))
    desk.office.deliver(mail(("b.pdf", LETTER), to=f"vanban+{docs.b.identifier}@tinh.example.vn"))
    desk.office.deliver(mail(("x.pdf", LETTER), to="vanban+X99@tinh.example.vn"))
    desk.settle()
    assert desk.where() == {mailbox.DONE: 1, mailbox.REFUSED: 1}
    assert [each["filename"] for each in desk.intake.items(docs.b.clerk)] == ["b.pdf"]
    assert desk.items() == []
    told = {answer.agency_id: answer for answer in answers(docs)}
    assert {each: answer.outcome for each, answer in told.items()} == {docs.b.agency_id: "taken", None: "refused"}
    assert "không ứng với cơ quan nào" in told[None].lines[0].vi


def test_before_the_registry_has_told_its_agencies_no_address_is_wrong(
    docs: Docs, desk: Desk, server: PostOffice
) -> None:
    desk.post = Post(desk.intake.desk, box(server, None))
    with db.transaction(docs.pool) as tx:
        tx.execute("DELETE FROM registry_copy WHERE topic = 'registry.agency'")
    desk.office.deliver(mail(("x.pdf", LETTER), to="vanban+X99@tinh.example.vn"))
    desk.settle()
    assert (desk.where(), answers(docs)) == ({"INBOX": 1}, [])
    docs.hear(Heartbeat(of="registry.agency", as_of=datetime.now(UTC)))
    desk.settle()
    assert desk.where() == {mailbox.REFUSED: 1}
    assert [answer.outcome for answer in answers(docs)] == ["refused"]


@pytest.mark.parametrize(
    ("header", "silence"),
    [
        ({"Auto_Submitted": "auto-replied (vacation)"}, "automatic"),
        ({"X_Auto_Response_Suppress": "All"}, "automatic"),
        ({"Precedence": "bulk"}, "list"),
        ({"List_Id": "<van-ban.tinh.example.vn>"}, "list"),
        ({"Return_Path": "<>"}, "bounce"),
        ({"Return_Path": "<MAILER-DAEMON@xa.example.vn>"}, "machine"),
        ({"Return_Path": "<no-reply@xa.example.vn>"}, "machine"),
        ({"Return_Path": f"<{USER}>"}, "own"),
        ({"Auto_Submitted": "no", "Return_Path": "<hoa@xa.example.vn>"}, None),
    ],
)
def test_machines_lists_and_bounces_are_not_answered(desk: Desk, header: dict[str, str], silence: str | None) -> None:
    desk.office.deliver(mail(**header))
    desk.settle()
    assert desk.told()[0]["detail"].get("silence") == silence
    assert [answer.to for answer in answers(desk.intake.docs)] == ([] if silence else ["hoa@xa.example.vn"])
    (listed,) = desk.intake.docs.get(desk.intake.docs.a.clerk, "/intake-mails")["items"]
    assert (listed["outcome"], listed["silence"]) == ("nothing_attached", silence)


@pytest.mark.parametrize("vouched", [False, True])
def test_who_is_named_as_the_sender_of_a_virus_is_told_only_when_the_server_vouches(
    desk: Desk, *, vouched: bool
) -> None:
    header = {"Authentication_Results": "mx.tinh.example.vn; spf=pass smtp.mailfrom=tinh.example.vn"} if vouched else {}
    desk.office.deliver(mail(("a.pdf", LETTER), **header))
    with scanner(b"stream: Eicar-Test-Signature FOUND\0") as address:
        desk.intake.use(clamd=address)
        desk.settle()
    assert desk.where() == {}
    assert desk.told()[0]["detail"].get("silence") == (None if vouched else "virus")
    assert [answer.outcome for answer in answers(desk.intake.docs)] == (["refused"] if vouched else [])


def test_a_worker_that_dies_between_taking_and_moving_takes_no_mail_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.office.deliver(mail(("a.pdf", LETTER)))

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(mailbox, "_move", die)
        with pytest.raises(Killed):
            desk.post.poll()
    assert desk.where() == {"INBOX": 1}
    desk.settle()
    assert (len(desk.items()), desk.where()) == (1, {mailbox.DONE: 1})


@pytest.mark.parametrize(
    "raw", [b"", b"\0\0", b"Subject: =?utf-8?B?!!!?=\n\n", b"Content-Type: multipart/mixed\n\n--\n"]
)
def test_no_mail_makes_the_reader_fail_in_any_other_way(raw: bytes) -> None:
    letter.envelope(raw)
    with pytest.raises(Rejected):
        letter.attachments(raw, 1000)
