"""Handling what arrived: the slip, tasks from leader to unit to person, deadlines in working days, who may do what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.docs import numbering, pdf
from services.docs.handling import work
from services.docs.workdays import Calendar
from shared.events.docs import TaskChanged
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Person, validated

CALENDAR = Calendar()


class Office:
    """Agency B with two units: Tài chính with a head and an officer, Tư pháp with one officer."""

    def __init__(self, docs: Docs) -> None:
        self.docs, self.b = docs, docs.b
        b = docs.b.agency_id
        self.head = Person("Bế Văn Tài", "Trưởng phòng", b, ("clerk",), unit="Phòng Tài chính")
        self.officer = Person("Đàm Thị Lan", "Chuyên viên", b, ("clerk",), unit="Phòng Tài chính")
        self.other = Person("Lý Văn Pháp", "Chuyên viên", b, ("clerk",), unit="Phòng Tư pháp")
        docs.hear(*(each.stated() for each in (self.head, self.officer, self.other)))
        self.today = numbering.today(datetime.now(UTC))

    def day(self, working_days: int) -> str:
        return CALENDAR.after(self.today, working_days).isoformat()

    def registered(self) -> UUID:
        document = self.docs.issued(self.docs.a)
        self.docs.delivered(document, self.docs.a, self.b)
        found = UUID(self.docs.arrived(self.b)["id"])
        self.docs.hear(validated(found, self.b.agency_id))
        ok(self.docs.post(self.b.clerk, f"/incoming/{found}/register"))
        return found

    def unit(self, name: str) -> str:
        units = self.docs.get(self.b.leader, "/handling/choices")["units"]
        return next(str(each["key"]) for each in units if each["name"] == name)

    def slip(self, found: UUID, **more: Any) -> dict[str, Any]:
        lead = {"unit_key": self.unit("Phòng Tài chính"), "due_on": self.day(10), "instruction": "Tham mưu trả lời"}
        body = {"lead": lead, "joint": [{"person_id": str(self.other.person_id), "working_days": 5}]} | more
        return ok(self.docs.post(self.b.leader, f"/incoming/{found}/slip", body), 201)

    def status(self, found: UUID) -> str:
        return str(self.docs.get(self.b.clerk, f"/incoming/{found}")["status"])

    def facts(self) -> list[TaskChanged]:
        """All about tasks that was stated so far."""
        return [each.data for each in self.docs.outbox(after=0) if isinstance(each.data, TaskChanged)]

    def do(self, who: Person, task: str, act: str, status: int = 200, **body: Any) -> dict[str, Any]:
        return ok(self.docs.post(who, f"/tasks/{task}/{act}", body or None), status)

    def no(self, who: Person, task: str, act: str, **body: Any) -> str:
        return refusal(self.docs.post(who, f"/tasks/{task}/{act}", body or None))


@pytest.fixture
def office(docs: Docs) -> Office:
    return Office(docs)


def test_from_the_leaders_slip_to_the_completed_document(docs: Docs, office: Office) -> None:
    found = office.registered()
    slip = office.slip(found)
    lead, joint = slip["leader"]
    assert (lead["holder"]["name"], lead["part"], joint["part"]) == ("Phòng Tài chính", "lead", "joint")
    assert joint["due_on"] == office.day(5)
    assert office.status(found) == "04"
    told = {each.holder: each.people for each in office.facts()}
    assert told == {"Phòng Tài chính": (office.head.person_id,), "Lý Văn Pháp": (office.other.person_id,)}

    # The unit's head gives it to an officer, not for longer than there is time.
    due = {"person_id": str(office.officer.person_id), "due_on": office.day(11)}
    assert office.no(office.head, lead["id"], "give", **due) == "due_after_parent"
    assert office.no(office.officer, lead["id"], "give", **due) == "not_your_task"
    given = office.do(office.head, lead["id"], "give", 201, person_id=str(office.officer.person_id), working_days=4)
    (child,) = given["beneath"]
    mine = docs.get(office.officer, "/tasks")["items"]
    assert [each["id"] for each in mine] == [child["id"]]
    assert [each["id"] for each in docs.get(office.head, "/tasks?whose=unit")["items"]] == [child["id"], lead["id"]]
    assert len(docs.get(docs.b.leader, "/tasks?whose=all")["items"]) == 3
    assert refusal(docs.http(office.officer.principal).get("/tasks?whose=all")) == "forbidden"

    office.do(office.officer, child["id"], "start")
    assert office.status(found) == "05"
    office.do(office.officer, child["id"], "note", percent=40, text="Đã có số liệu của ba thôn")
    office.do(office.officer, child["id"], "propose", text="Trả lời: đồng ý,\nkèm bảng số liệu.")
    assert office.no(office.officer, child["id"], "close") == "not_the_giver"
    office.do(office.head, child["id"], "return", reason="Thiếu thôn Nà Mò")
    office.do(office.officer, child["id"], "propose", text="Trả lời đủ bốn thôn.")
    fact = office.facts()[-1]
    assert (fact.act, fact.people) == ("proposed", (office.head.person_id,))
    assert office.no(docs.b.leader, lead["id"], "close") == "parts_open"
    office.do(office.head, child["id"], "close")
    office.do(office.head, lead["id"], "propose", text="Trình dự thảo trả lời.")

    office.do(docs.b.leader, joint["id"], "close")
    assert office.status(found) == "05"
    office.do(docs.b.leader, lead["id"], "close", text="Đồng ý")
    assert office.status(found) == "06"
    acts = [each["act"] for each in docs.get(office.officer, f"/tasks/{child['id']}")["history"]]
    assert acts == ["given", "started", "noted", "proposed", "returned", "proposed", "closed"]
    slip = docs.get(docs.b.clerk, f"/incoming/{found}/slip")
    assert [each["holder"]["name"] for each in slip["heads"]] == ["Đàm Thị Lan"]
    assert [each["proposal"] for each in slip["proposals"]] == ["Trình dự thảo trả lời.", "Trả lời đủ bốn thôn."]
    assert docs.get(office.officer, "/tasks")["items"] == []

    # The sender hears the statuses and nothing of all this.
    names = docs.circulate()
    delivery = docs.rows(docs.a.agency_id, "SELECT status FROM delivery")
    assert [each["status"] for each in delivery] == ["06"]
    assert "DeliveryStatusReported" in names


def test_what_a_unit_without_a_head_is_given_is_in_the_list_of_all_of_it(docs: Docs, office: Office) -> None:
    found = office.registered()
    second = Person("Vi Thị Luật", "Chuyên viên", office.b.agency_id, ("clerk",), unit="Phòng Tư pháp")
    docs.hear(second.stated())
    (lead,) = office.slip(found, lead={"unit_key": office.unit("Phòng Tư pháp")}, joint=[])["leader"]
    for who, count in ((office.other, 1), (second, 1), (office.officer, 0), (office.head, 0)):
        assert [each["id"] for each in docs.get(who, "/tasks")["items"]] == [lead["id"]] * count, who.name
        assert docs.get(who, "/counters/tasks")["open"] == count, who.name
    assert office.no(office.head, lead["id"], "start") == "not_your_task"
    office.do(second, lead["id"], "start")


def test_the_slip_prints_with_its_three_blocks(docs: Docs, office: Office, tmp_path: Path) -> None:
    found = office.registered()
    slip = office.slip(found)
    office.do(office.head, slip["leader"][0]["id"], "propose", text="Đề nghị đồng ý.")
    answer = docs.http(docs.b.clerk.principal).get(f"/incoming/{found}/slip.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    (tmp_path / "slip.pdf").write_bytes(answer.content)
    text, _ = pdf.read_text(tmp_path / "slip.pdf", 10_000)
    for said in ("PHIẾU GIẢI QUYẾT VĂN BẢN ĐẾN", "Chủ trì: Phòng Tài chính", "Tham mưu trả lời", "Đề nghị đồng ý."):
        assert said in text


def test_deadlines_are_working_days_and_are_told_once(docs: Docs, office: Office) -> None:
    found = office.registered()
    sunday = office.today + timedelta(days=6 - office.today.weekday() + 7)  # Saturdays may be swapped
    who = {"person_id": str(office.officer.person_id)}
    for wrong, code in (("2020-01-02", "due_past"), (sunday.isoformat(), "due_day_off")):
        answer = docs.post(docs.b.leader, f"/incoming/{found}/slip", {"lead": who | {"due_on": wrong}})
        assert refusal(answer) == code
    assert office.status(found) == "03"
    slip = office.slip(found, lead=who | {"due_on": office.day(10)}, joint=[])
    task = slip["leader"][0]["id"]
    docs.outbox()
    source = docs.settings.source
    due = CALENDAR.after(office.today, 10)
    near = CALENDAR.start_of(CALENDAR.before(due, 3)) + timedelta(minutes=1)
    late = CALENDAR.end_of(due) + timedelta(minutes=1)
    assert work.turn(docs.pool, source, datetime.now(UTC)) == 0
    for moment, act in ((near, "due_soon"), (late, "overdue")):
        assert work.turn(docs.pool, source, moment) == 1
        assert work.turn(docs.pool, source, moment) == 0
        (fact,) = docs.stated("TaskChanged")
        assert fact.act == act
        assert office.officer.person_id in fact.people
    assert docs.b.leader.person_id in fact.people  # who gave it hears that it is late

    # More time, asked and granted, begins anew.
    until = office.day(12)
    assert office.no(office.officer, task, "extend", until=office.day(9), reason="x") == "extension_not_later"
    office.do(office.officer, task, "extend", until=until, reason="Chờ số liệu của huyện")
    assert docs.get(docs.b.leader, "/counters/tasks")["to_decide"] == 1
    assert office.no(office.head, task, "extension", agreed=True) == "not_the_giver"
    assert office.do(docs.b.leader, task, "extension", agreed=True)["due_on"] == until
    assert office.no(docs.b.leader, task, "extension", agreed=True) == "no_extension_asked"
    assert work.turn(docs.pool, source, late + timedelta(days=10)) == 1


def test_a_task_passes_on_and_acts_on_the_documents_page_are_acts_on_tasks(docs: Docs, office: Office) -> None:
    found = office.registered()
    ok(docs.post(docs.b.clerk, f"/incoming/{found}/assign", {"person_id": str(office.officer.person_id)}))
    (lead,) = docs.get(docs.b.clerk, f"/incoming/{found}/slip")["leader"]
    assert lead["holder"]["name"] == "Đàm Thị Lan"
    again = {"lead": {"person_id": str(office.other.person_id)}}
    assert refusal(docs.post(docs.b.leader, f"/incoming/{found}/slip", again)) == "lead_given"
    twice = {"joint": [{"person_id": str(office.other.person_id)}] * 2}
    assert refusal(docs.post(docs.b.leader, f"/incoming/{found}/slip", twice)) == "holder_repeated"
    moved = office.do(docs.b.leader, lead["id"], "reassign", person_id=str(office.other.person_id), reason="Đi học")
    assert moved["holder"]["name"] == "Lý Văn Pháp"
    assert docs.get(docs.b.clerk, f"/incoming/{found}")["assignee"]["name"] == "Lý Văn Pháp"
    assert office.no(docs.b.leader, lead["id"], "withdraw", reason="x") == "lead_needed"
    ok(docs.post(office.other, f"/incoming/{found}/start"))
    assert docs.get(office.other, f"/tasks/{lead['id']}")["state"] == "started"
    ok(docs.post(office.other, f"/incoming/{found}/complete", {"note": "Xong"}))
    assert docs.get(office.other, f"/tasks/{lead['id']}")["state"] == "done"
    assert office.no(office.other, lead["id"], "note", text="x") == "task_ended"


def test_a_unit_refuses_a_deadline_moves_and_what_was_closed_is_not_done(docs: Docs, office: Office) -> None:
    found = office.registered()
    lead, joint = office.slip(found)["leader"]
    assert office.no(office.officer, lead["id"], "decline", reason="Không thuộc phòng") == "not_your_task"
    told = office.do(office.other, joint["id"], "decline", reason="Việc này của Phòng Kinh tế")
    assert (told["state"], told["reason"], told["may_work"]) == ("declined", "Việc này của Phòng Kinh tế", True)
    fact = office.facts()[-1]
    assert (fact.act, fact.people, fact.reason) == ("declined", (docs.b.leader.person_id,), told["reason"])
    assert docs.get(docs.b.leader, "/counters/tasks")["to_decide"] == 1
    insisted = office.do(docs.b.leader, joint["id"], "return", reason="Vẫn cần ý kiến pháp lý")
    assert insisted["state"] == "returned"
    office.do(office.other, joint["id"], "decline", reason="Xin chuyển")
    moved = office.do(docs.b.leader, joint["id"], "reassign", person_id=str(docs.b.clerk.person_id), reason="Đồng ý")
    assert (moved["state"], moved["holder"]["name"]) == ("open", docs.b.clerk.name)

    # Another deadline, by who gave it: with a reason, and who allowed it is kept.
    child = office.do(
        office.head, lead["id"], "give", 201, person_id=str(office.officer.person_id), due_on=office.day(8)
    )
    (beneath,) = child["beneath"]
    assert office.no(office.head, lead["id"], "deadline", due_on=office.day(12), reason="x") == "not_the_giver"
    early = {"due_on": office.day(6), "reason": "Gấp"}
    assert office.no(docs.b.leader, lead["id"], "deadline", **early) == "due_before_parts"
    office.do(office.officer, beneath["id"], "extend", until=office.day(9), reason="Chờ số liệu")
    after = office.do(docs.b.leader, lead["id"], "deadline", due_on=office.day(15), reason="Huyện gia hạn báo cáo")
    assert (after["due_on"], after["history"][-1]["by"]) == (office.day(15), docs.b.leader.name)
    assert after["history"][-1]["detail"].endswith("Huyện gia hạn báo cáo")
    given = office.do(office.head, beneath["id"], "deadline", due_on=office.day(9), reason="Theo hạn mới")
    assert given["extension"] is None

    # Closed, and found not to be done: given back as long as the document is being handled.
    office.do(office.head, beneath["id"], "close")
    again = office.do(office.head, beneath["id"], "return", reason="Thiếu phụ lục 2")
    assert (again["state"], again["ended_at"], again["may_reopen"]) == ("returned", None, False)
    assert office.no(office.officer, beneath["id"], "close") == "not_the_giver"
    office.do(office.officer, beneath["id"], "propose", text="Đủ phụ lục")
    assert office.do(office.head, beneath["id"], "close")["may_reopen"]
    office.do(docs.b.leader, joint["id"], "close")
    office.do(docs.b.leader, lead["id"], "close")
    assert office.status(found) == "06"
    assert office.no(docs.b.leader, lead["id"], "return", reason="x") == "not_to_handle"
    assert office.no(office.head, beneath["id"], "return", reason="x") == "not_to_handle"


def test_no_task_is_seen_or_touched_from_another_agency(docs: Docs, office: Office) -> None:
    found = office.registered()
    task = office.slip(found)["leader"][0]["id"]
    for act in ("start", "close"):
        assert office.no(docs.a.leader, task, act) == "not_found"
    assert refusal(docs.http(docs.a.clerk.principal).get(f"/tasks/{task}")) == "not_found"
    stranger = replace(docs.a.clerk, unit="Phòng Tài chính")
    docs.hear(stranger.stated())
    assert docs.get(stranger, "/tasks?whose=unit")["items"] == []
    assert docs.rows(docs.a.agency_id, "SELECT id FROM task") == []
