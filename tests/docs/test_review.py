"""Review as its people meet it: a workflow is set, a draft goes its way, somebody is away, late, gone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.docs.review import work
from shared import db
from shared.events import registry
from shared.events.docs import DocumentApproved, PrepareDocument, ReviewAsked, ReviewDue
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Person

UNIT = "Phòng Khoa giáo - Văn xã"


def staff(docs: Docs) -> dict[str, Person]:
    """A unit with its head, deputy and officers in agency A."""
    at = docs.a.agency_id
    people = {
        "head": Person("Vi Thị Trưởng", "Trưởng phòng", at, ("leader",), UNIT),
        "deputy": Person("Nông Văn Phó", "Phó Trưởng phòng", at, ("clerk",), UNIT),
        "author": Person("Lý Thị An", "Chuyên viên", at, ("clerk",), UNIT),
        "colleague": Person("Bế Văn Bình", "Chuyên viên", at, ("clerk",), UNIT),
    }
    docs.hear(*(each.stated() for each in people.values()))
    return people


def by_hand(*who: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"key": "mot", "name": "Bước một", "who": list(who)} | more


def put(docs: Docs, code: str, *stages: dict[str, Any], version: int | None = None, **more: Any) -> Any:
    body = {"name": "Quy trình riêng", "types": ["CV"], "stages": list(stages)} | more
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return docs.http(docs.a.leader.principal).put(f"/workflows/{code}", json=body, headers=headers)


def route_of(docs: Docs, person: Person, document: UUID) -> dict[str, Any]:
    found: dict[str, Any] = docs.get(person, f"/documents/{document}/route")
    return found


def away(person: Person, *, days: int = 3) -> registry.AbsenceStated:
    today = datetime.now(UTC).date()
    return registry.AbsenceStated(
        absence_id=new_id(),
        person_id=person.person_id,
        valid_from=today - timedelta(days=1),
        valid_until=today + timedelta(days=days),
    )


def submitted(docs: Docs, author: Person, **changed: Any) -> UUID:
    body = docs.draft(docs.a, workflow="auto") | changed
    return UUID(ok(docs.post(author, "/documents", body), 201)["id"])


def test_the_default_workflow_asks_the_head_of_the_unit_then_who_checks_the_form(docs: Docs) -> None:
    people = staff(docs)
    document = submitted(docs, people["author"])
    assert [type(e).__name__ for e in docs.stated()] == ["DocumentSubmitted"]
    seen = route_of(docs, people["head"], document)
    assert next((s["state"], s["seats"][0]["people"][0]["name"]) for s in seen["stages"]) == ("open", "Vi Thị Trưởng")
    assert (seen["code"], seen["version"], seen["my_stage"]) == ("nd30", 1, "don-vi-soan-thao")
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/approve")) == "not_a_reviewer"

    view = ok(docs.post(people["head"], f"/documents/{document}/approve", {"stage": "don-vi-soan-thao"}))
    assert view["state"] == "in_review"
    (asked,) = docs.stated("ReviewAsked")
    assert isinstance(asked, ReviewAsked)
    assert docs.a.clerk.person_id in asked.people
    assert people["author"].person_id not in asked.people, "nobody checks their own draft"
    again = ok(docs.post(people["head"], f"/documents/{document}/approve", {"stage": "don-vi-soan-thao"}))
    assert again["version"] == view["version"], "a second click"

    assert ok(docs.post(docs.a.clerk, f"/documents/{document}/approve"))["state"] == "preparing"
    told = docs.stated()
    assert [type(e) for e in told] == [DocumentApproved, PrepareDocument]
    history = docs.get(docs.a.clerk, f"/documents/{document}")["history"]
    assert [(e["act"], e["by"]) for e in history] == [
        ("submitted", "Lý Thị An"),
        ("approved", "Vi Thị Trưởng"),
        ("approved", "Nông Thị Thu Hằng"),
    ]


def test_a_document_keeps_the_workflow_version_with_which_it_began(docs: Docs) -> None:
    people = staff(docs)
    first = ok(put(docs, "cong-van", by_hand({"kind": "unit", "unit": UNIT}, quorum="any")))
    assert first["version"] == 1
    document = submitted(docs, people["author"])
    changed = by_hand({"kind": "post", "title": "Văn thư"})
    assert refusal(put(docs, "cong-van", changed, version=0)) == "stale_version"
    assert ok(put(docs, "cong-van", changed, version=1))["version"] == 2
    seen = route_of(docs, people["colleague"], document)
    assert (seen["version"], seen["my_stage"]) == (1, "mot")
    later = submitted(docs, people["author"])
    assert route_of(docs, docs.a.clerk, later)["my_stage"] == "mot"
    assert ok(docs.post(people["colleague"], f"/documents/{document}/approve"))["state"] == "preparing"

    ok(docs.post(docs.a.leader, "/workflows/cong-van/retire"))
    assert [each["code"] for each in docs.get(docs.a.clerk, "/workflows")["items"]] == ["nd30"]
    assert [each["version"] for each in docs.get(docs.a.clerk, "/workflows/cong-van/versions")] == [3, 2, 1]
    assert [e.act for e in docs.stated("DocsAct")] == ["workflow_saved", "workflow_saved", "workflow_retired"]


def test_workflows_that_cannot_be_used_are_refused_and_the_one_in_use_stays(docs: Docs) -> None:
    staff(docs)
    ok(put(docs, "cong-van", by_hand({"kind": "unit", "unit": UNIT})))
    bad = put(docs, "cong-van", by_hand({"kind": "unit", "unit": "Phòng không có"}), version=1)
    assert refusal(bad) == "workflow_invalid"
    assert "Phòng không có" in bad.json()["detail_vi"]
    assert refusal(put(docs, "khac", by_hand({"kind": "author_head"}))) == "type_has_workflow"
    assert refusal(put(docs, "nd30", by_hand({"kind": "author_head"}))) == "workflow_fixed"
    assert refusal(put(docs, "directory", by_hand({"kind": "author_head"}))) == "workflow_code_reserved"
    schema = docs.get(docs.a.clerk, "/workflows/schema")
    assert set(schema["properties"]) == {"name", "types", "stages", "after_return"}
    stranger = {"kind": "person", "person_id": str(docs.b.clerk.person_id), "name": "x"}
    assert refusal(put(docs, "khac", by_hand(stranger), types=["TB"])) == "workflow_invalid"
    clerk = docs.http(docs.a.clerk.principal).put("/workflows/x", json={})
    assert refusal(clerk) == "forbidden"
    assert docs.get(docs.a.clerk, "/workflows/cong-van")["version"] == 1
    assert docs.get(docs.b.clerk, "/workflows")["items"][0]["code"] == "nd30", "others see nothing of it"
    wrong = docs.draft(docs.a, workflow="la-lam")
    assert refusal(docs.post(docs.a.clerk, "/documents", wrong)) == "workflow_unknown"


def test_a_preview_says_who_would_be_asked_now(docs: Docs) -> None:
    people = staff(docs)
    docs.hear(away(people["head"]))
    body = {"type_code": "CV", "author_id": str(people["author"].person_id)}
    seen = ok(docs.post(docs.a.clerk, "/workflows/preview", body))
    assert seen["stages"][0]["seats"] == [
        {
            "asks": "Người đứng đầu đơn vị soạn thảo",
            "people": ["Nông Văn Phó, Phó Trưởng phòng"],
            "instead_of": ["Vi Thị Trưởng"],
        }
    ]
    assert seen["stages"][0]["due_at"]
    edited = {"name": "Đang sửa", "stages": [by_hand({"kind": "chosen"})]}
    chosen = {"body": edited, "reviewer_ids": [str(people["colleague"].person_id)]}
    assert ok(docs.post(docs.a.clerk, "/workflows/preview", body | chosen))["stages"][0]["seats"][0]["people"]
    directory = docs.get(docs.a.clerk, "/workflows/directory")
    assert [each["unit"] for each in directory["units"]] == [UNIT]
    assert next(p for p in directory["people"] if p["name"] == "Vi Thị Trưởng")["away_until"]


def test_who_goes_away_meanwhile_is_stood_in_for_and_comes_back(docs: Docs) -> None:
    people = staff(docs)
    document = submitted(docs, people["author"])
    docs.stated()
    gone = away(people["head"])
    docs.hear(gone)
    assert refusal(docs.post(people["head"], f"/documents/{document}/approve")) == "not_a_reviewer"
    work.turn(docs.pool, docs.settings.source, datetime.now(UTC) + timedelta(minutes=20))
    (asked,) = docs.stated("ReviewAsked")
    assert asked.people == (people["deputy"].person_id,)
    assert docs.get(docs.a.clerk, f"/documents/{document}")["waiting_for"]["name"] == "Nông Văn Phó"
    ok(docs.post(people["deputy"], f"/documents/{document}/approve"))
    seat = route_of(docs, docs.a.clerk, document)["stages"][0]["seats"][0]
    assert (seat["by"], seat["instead_of"]) == ("Nông Văn Phó", "Vi Thị Trưởng")
    docs.hear(gone.model_copy(update={"valid_until": date(2026, 1, 1)}))
    other = submitted(docs, people["author"])
    assert route_of(docs, people["head"], other)["my_stage"] == "don-vi-soan-thao"


def test_back_to_an_earlier_stage_to_the_author_and_again_by_the_same_workflow(docs: Docs) -> None:
    people = staff(docs)
    document = submitted(docs, people["author"])
    ok(docs.post(people["head"], f"/documents/{document}/approve"))
    docs.stated()
    seen = route_of(docs, docs.a.clerk, document)
    assert seen["back_to"] == [{"key": "don-vi-soan-thao", "name": "Người đứng đầu đơn vị soạn thảo duyệt nội dung"}]
    body = {"reason": "Thiếu căn cứ", "to_stage": "don-vi-soan-thao"}
    ok(docs.post(docs.a.clerk, f"/documents/{document}/return", body))
    freed, asked = docs.stated()
    assert (freed.act, docs.a.clerk.person_id in freed.people) == ("sent_back", True), "their turn no more"
    assert (asked.people, asked.reason) == ((people["head"].person_id,), "Thiếu căn cứ")
    ok(docs.post(people["head"], f"/documents/{document}/return", {"reason": "Viết lại mục 2"}))
    assert [type(e).__name__ for e in docs.stated()] == ["DocumentReturned"]
    put(docs, "cong-van", by_hand({"kind": "role", "role": "leader"}))
    parts = docs.draft(docs.a)["parts"]
    ok(docs.post(people["author"], f"/documents/{document}/resubmit", {"parts": parts}))
    seen = route_of(docs, people["head"], document)
    assert (seen["code"], seen["round"], seen["my_stage"]) == ("nd30", 2, "don-vi-soan-thao")
    assert refusal(docs.post(docs.a.leader, f"/documents/{document}/return", {"reason": "x"})) == "not_yours_to_return"
    withdrawn = ok(docs.post(people["author"], f"/documents/{document}/return", {"reason": "Tự rút về sửa"}))
    assert withdrawn["state"] == "returned", "an author takes their draft back"
    acts = [e["act"] for e in withdrawn["history"]]
    assert acts == ["submitted", "approved", "sent_back", "returned", "resubmitted", "returned"]


def test_a_late_stage_is_said_to_the_person_the_head_and_the_clerk_and_survives_two_workers(docs: Docs) -> None:
    people = staff(docs)
    person = {"kind": "person", "person_id": str(people["colleague"].person_id), "name": "Bế Văn Bình"}
    ok(put(docs, "cong-van", by_hand(person, deadline={"amount": 4, "unit": "hours"})))
    submitted(docs, people["author"])
    docs.stated()
    assert work.turn(docs.pool, docs.settings.source, datetime.now(UTC)) == 0, "nothing is due yet"
    later = datetime.now(UTC) + timedelta(days=20)
    work.turn(docs.pool, docs.settings.source, later)
    work.turn(docs.pool, docs.settings.source, later)
    found = docs.stated()
    assert [type(e) for e in found] == [ReviewDue] * 3
    assert [(e.standing, e.people, e.clerks) for e in found] == [
        ("overdue", (people["colleague"].person_id,), False),
        ("overdue", (people["head"].person_id,), False),
        ("overdue", (), True),
    ]


def test_a_reviewer_who_has_left_is_replaced_with_a_reason_and_a_clerk_may_return_the_document(docs: Docs) -> None:
    """With the plain list of reviewers too: nobody is left who could only wait."""
    reviewer = docs.a.person("second clerk")
    stuck = [docs.submitted(docs.a, reviewer_ids=[str(reviewer.person_id)]) for _ in range(2)]
    refused = {"reason": "Người xem xét đã chuyển công tác"}
    assert refusal(docs.post(docs.a.leader, f"/documents/{stuck[0]}/return", refused)) == "not_yours_to_return"
    docs.hear(reviewer.stated(active=False))
    seen = route_of(docs, docs.a.clerk, stuck[0])
    assert (seen["stuck"], seen["may_replace"], seen["stages"][0]["seats"][0]["people"]) == (True, True, [])
    clerk = Person("Văn thư khác", "Văn thư", docs.a.agency_id, ("clerk",))
    docs.hear(clerk.stated())
    body = {"stage": "xem-xet", "seat": 0, "person_id": str(clerk.person_id), "reason": "Đã chuyển công tác"}
    assert refusal(docs.post(docs.a.leader, f"/documents/{stuck[0]}/replace-reviewer", body)) == "replacing_not_yours"
    ok(docs.post(clerk, f"/documents/{stuck[0]}/replace-reviewer", body))
    assert docs.stated("ReviewAsked")[-1].people == (clerk.person_id,)
    assert ok(docs.post(clerk, f"/documents/{stuck[0]}/approve"))["state"] == "preparing"
    line = docs.get(clerk, f"/documents/{stuck[0]}")["history"][1]
    assert line["detail"] == "Hoàng Văn Đức → Văn thư khác: Đã chuyển công tác"
    assert ok(docs.post(clerk, f"/documents/{stuck[1]}/return", refused))["state"] == "returned"


def test_a_list_of_reviewers_from_before_lists_had_deadlines_gets_one(docs: Docs) -> None:
    reviewer = docs.a.person("second clerk")
    document = docs.submitted(docs.a, reviewer_ids=[str(reviewer.person_id)])
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        tx.execute("DELETE FROM route")
    assert docs.get(docs.a.clerk, f"/documents/{document}/route")["stages"][0]["due_at"] is None
    docs.outbox()
    now = datetime.now(UTC)
    assert work.put_on_record(docs.pool, now) == 1
    assert work.put_on_record(docs.pool, now) == 0
    (stage,) = docs.get(docs.a.clerk, f"/documents/{document}/route")["stages"]
    assert datetime.fromisoformat(stage["due_at"]) > now
    work.turn(docs.pool, docs.settings.source, now + timedelta(days=30))
    assert {fact.standing for fact in docs.stated("ReviewDue")} == {"overdue"}
    ok(docs.post(reviewer, f"/documents/{document}/approve"))
    assert docs.get(docs.a.clerk, f"/documents/{document}")["state"] == "preparing"
