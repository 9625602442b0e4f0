"""What is said about a document, as its readers meet it: remarks in threads, opinions asked of people, units, posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.docs.review import work
from services.docs.workdays import VIETNAM, Calendar
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.test_review import UNIT, away, staff


def ask(docs: Docs, document: UUID, *asked: dict[str, Any], **more: Any) -> Any:
    body = {"question": "Xin ý kiến về mục 2", "asked": list(asked)} | more
    return docs.post(docs.a.clerk, f"/documents/{document}/opinions", body)


def test_a_thread_stays_on_the_document_and_who_is_mentioned_is_told(docs: Docs) -> None:
    document = docs.submitted(docs.a, reviewer_ids=[str(docs.a.leader.person_id)])
    docs.stated()
    path = f"/documents/{document}/remarks"
    first = ok(
        docs.post(
            docs.a.leader,
            path,
            {"text": "Số liệu ở trang 1\nchưa khớp", "anchor": {"part": 0, "page": 1, "quote": "15 hộ"}},
        ),
        201,
    )
    answer = {"text": "Đã sửa", "answers": first["remark_id"], "mentions": [str(docs.a.leader.person_id)]}
    ok(docs.post(docs.a.clerk, path, answer), 201)
    assert [e.mentions for e in docs.stated("RemarkMade")] == [(), (docs.a.leader.person_id,)]
    found = docs.get(docs.a.person("second clerk"), path)
    assert [(r["by"], r["text"], r["answers"]) for r in found] == [
        (docs.a.leader.name, "Số liệu ở trang 1\nchưa khớp", None),
        (docs.a.clerk.name, "Đã sửa", first["remark_id"]),
    ]
    assert found[0]["anchor"] == {"part": 0, "page": 1, "quote": "15 hộ"}
    other = docs.submitted(docs.a)
    assert refusal(docs.post(docs.a.clerk, f"/documents/{other}/remarks", answer)) == "remark_unknown"
    stranger = {"text": "x", "mentions": [str(docs.b.clerk.person_id)]}
    assert refusal(docs.post(docs.a.clerk, path, stranger)) == "mentioned_unknown"


def test_opinions_of_a_unit_a_person_and_a_post_until_a_day(docs: Docs) -> None:
    people = staff(docs)
    document = docs.submitted(docs.a)
    docs.stated()
    due = Calendar().after(datetime.now(VIETNAM).date(), 2)
    made = ok(
        ask(
            docs,
            document,
            {"kind": "unit", "unit": UNIT},
            {"kind": "person", "person_id": str(docs.a.leader.person_id), "name": docs.a.leader.name},
            {"kind": "post", "title": "Trưởng phòng"},
            due_on=due.isoformat(),
        ),
        201,
    )
    (told,) = docs.stated("OpinionAsked")
    assert {people["colleague"].person_id, docs.a.leader.person_id, people["head"].person_id} <= set(told.people)
    path = f"/documents/{document}/opinions/{made['request_id']}"
    assert refusal(docs.post(docs.a.leader, f"{path}/answer", {"verdict": "remarks"})) == "opinion_needs_text"
    ok(docs.post(docs.a.leader, f"{path}/answer", {"verdict": "disagreed", "text": "Chưa đúng thẩm quyền"}))
    (found,) = ok_list(docs.post(people["colleague"], f"{path}/answer", {"verdict": "agreed"}))
    assert [(o["by"], o["verdict"], o["seat"]) for o in found["opinions"]] == [
        (docs.a.leader.name, "disagreed", 1),
        ("Bế Văn Bình", "agreed", 0),
    ]
    assert [len(p["waiting"]) for p in found["places"]] == [0, 0, 1]
    again = ok_list(docs.post(docs.a.leader, f"{path}/answer", {"verdict": "agreed"}))[0]
    assert again["opinions"] == found["opinions"], "what was said stands"
    assert [e.verdict for e in docs.stated("OpinionGiven")] == ["disagreed", "agreed"]
    second = docs.a.person("second clerk")
    assert refusal(docs.post(second, f"{path}/answer", {"verdict": "agreed"})) == "opinion_not_asked"
    assert refusal(docs.post(second, f"{path}/close")) == "opinion_closed_by_asker"

    late = datetime.combine(due, datetime.min.time(), UTC) + timedelta(days=1)
    work.turn(docs.pool, docs.settings.source, late)
    work.turn(docs.pool, docs.settings.source, late + timedelta(days=3))
    (reminder,) = docs.stated("OpinionAsked")
    assert reminder.standing == "overdue"
    assert set(reminder.people) == {people["head"].person_id, docs.a.clerk.person_id}, "and who asked"
    ok_list(docs.post(docs.a.clerk, f"{path}/close"))
    assert refusal(docs.post(people["head"], f"{path}/answer", {"verdict": "agreed"})) == "opinion_not_asked"


@pytest.mark.parametrize(
    ("asked", "more", "code"),
    [
        ({"kind": "unit", "unit": "Phòng không có"}, {}, "nobody_to_ask"),
        ({"kind": "role", "role": "leader"}, {"due_on": "2020-01-02"}, "due_not_ahead"),
        ({"kind": "role", "role": "leader"}, {"due_on": "2027-01-01"}, "due_not_ahead"),
        ({"kind": "role", "role": "leader"}, {"question": " "}, "invalid_request"),
    ],
)
def test_what_cannot_be_asked_is_refused(docs: Docs, asked: Any, more: Any, code: str) -> None:
    document = docs.submitted(docs.a)
    assert refusal(ask(docs, document, asked, **more)) == code


def test_who_is_away_is_answered_for(docs: Docs) -> None:
    people = staff(docs)
    document = docs.submitted(docs.a)
    docs.hear(away(people["head"]))
    made = ok(ask(docs, document, {"kind": "unit_head", "unit": UNIT}), 201)
    assert made["places"][0]["waiting"][0]["instead_of"] == "Vi Thị Trưởng"
    answer = {"verdict": "agreed"}
    ok_list(docs.post(people["deputy"], f"/documents/{document}/opinions/{made['request_id']}/answer", answer))


def ok_list(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found
