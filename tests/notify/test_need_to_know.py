"""Notices of what an agency has restricted: those who have to do with it read of what, others that there is something."""

from __future__ import annotations

from typing import Any

import pytest

from services.notify.domain import Clerks, Document, Known, title_of, whose_turn
from services.notify.withholding import withheld
from shared.events import docs
from shared.ids import new_id
from tests.notify.conftest import Office
from tests.notify.facts import NOW, Story, heartbeat, person, record

SECRET = ("hội nghị", "12/UBND-VX", "Tệp bị sửa")


def access(story: Story, *, restricted: bool = True) -> docs.DocumentAccessChanged:
    about: dict[str, Any] = {"document_id": story.document, "agency_id": story.agency}
    return docs.DocumentAccessChanged(**about, restricted=restricted, by=story.by, at=NOW)


def said(office: Office, who: Any) -> str:
    return " ".join(f"{each['title']} {each['text']}" for each in office.notices(who))


def test_clerks_read_of_a_restricted_document_that_it_is_there(office: Office) -> None:
    story, mentioned = Story(), new_id()
    clerk = person("Phạm Thị Mai", story.agency, "clerk")
    office.hear(clerk, heartbeat(), story.submitted())
    assert office.take(record(access(story), seq=2)) == ["handled"]
    office.take(record(story.signed(), seq=1))
    office.take(record(story.review(docs.RemarkMade, remark_id=new_id(), mentions=(mentioned,)), seq=3))
    office.take(record(story.issued(), seq=4))
    office.hear(story.dispatched())
    office.take(record(story.status("02", reason="Tệp bị sửa trên đường truyền"), seq=2))
    for who in (clerk.person_id, mentioned):
        words = said(office, who)
        assert "Một văn bản hạn chế tiếp cận" in words
        assert [each for each in SECRET if each in words] == []
    assert "12/UBND-VX" in said(office, story.author)
    office.take(record(access(story, restricted=False), seq=5))
    office.take(record(story.status("16", reason="Còn cần"), seq=3))
    assert "hội nghị" in said(office, clerk.person_id)


def test_what_was_told_before_loses_its_words_when_the_document_is_restricted(office: Office) -> None:
    story, mentioned, elsewhere = Story(), new_id(), new_id()
    clerk, there = person("Phạm Thị Mai", story.agency, "clerk"), person("Đỗ Văn Bình", story.receiver, "clerk")
    here = person("Lò Thị Én", story.agency, "clerk", person_id=mentioned)
    office.hear(clerk, there, here, person("Vi Văn Pản", new_id(), "clerk", person_id=elsewhere), heartbeat())
    office.hear(story.submitted())
    office.take(record(story.signed(), seq=1))
    remark = story.review(docs.RemarkMade, remark_id=new_id(), mentions=(mentioned, elsewhere))
    office.take(record(remark, seq=2))
    office.take(record(story.issued(), seq=3))
    office.hear(story.dispatched())
    office.take(record(story.status("02", reason="Tệp bị sửa trên đường truyền"), seq=2))
    for who in (clerk.person_id, mentioned, there.person_id):
        assert [each for each in SECRET if each in said(office, who)] != []
    office.take(record(access(story), seq=4))
    for who in (clerk.person_id, mentioned):
        assert "Một văn bản hạn chế tiếp cận" in said(office, who)
        assert [each for each in SECRET if each in said(office, who)] == []
    # Its author has to do with it; what its receiver's clerks read is their agency's to keep.
    assert "hội nghị" in said(office, story.author)
    assert "hội nghị" in said(office, there.person_id)
    assert "hội nghị" in said(office, elsewhere)
    kept = docs.ArrivalAccessChanged(
        delivery_id=story.delivery, incoming_id=new_id(), agency_id=story.receiver, restricted=True, by=story.by, at=NOW
    )
    office.take(record(kept, seq=3))
    assert [each for each in SECRET if each in said(office, there.person_id)] == []


def test_where_all_that_arrives_is_restricted_its_clerks_read_no_title(office: Office) -> None:
    story = Story()
    there = person("Đỗ Văn Bình", story.receiver, "clerk")
    policy = docs.ArrivalPolicyChanged(agency_id=story.receiver, need_to_know=True, by=story.by, at=NOW)
    office.hear(there, heartbeat(), policy, story.submitted(), story.dispatched())
    (arrived,) = office.notices(there.person_id)
    assert arrived["text"] == ("UBND xã Đông Hải: Một văn bản hạn chế tiếp cận. Hãy kiểm tra và vào sổ văn bản đến.")
    opened = docs.ArrivalAccessChanged(
        delivery_id=story.delivery,
        incoming_id=new_id(),
        agency_id=story.receiver,
        restricted=False,
        by=story.by,
        at=NOW,
    )
    office.take(record(opened, seq=2))
    office.take(record(story.status("13", reason="Gửi nhầm"), seq=3))
    assert "hội nghị" in said(office, there.person_id)


@pytest.mark.parametrize("name", ["signed", "refused", "owing", "delayed", "issued", "dispatched"])
def test_no_word_is_left_where_words_are_withheld(name: str) -> None:
    story = Story()
    document = Document(story.document, story.agency, story.author, title_of(story.descriptor), "12/UBND-VX")
    event = getattr(story, name)()
    known = Known(document=document)
    told, blind = whose_turn(event, known), withheld(event, known)
    assert [each.to for each in told] == [each.to for each in blind]
    for each in blind:
        words = f"{each.title} {each.text} {each.reason}"
        assert [mark for mark in SECRET if mark in words] == [], words
        assert each.reason is None
    assert any(isinstance(each.to, Clerks) for each in told) or name in ("issued", "delayed", "refused")
