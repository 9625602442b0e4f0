"""A day's work in handling, rights, work files and the calendar, for test_acts: each changing request once, then again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.docs import access, numbering
from services.docs.workdays import Calendar
from tests.docs.conftest import Docs, ok
from tests.docs.facts import Person, validated
from tests.docs.test_handling import Office
from tests.docs.test_workfile import LINES

if TYPE_CHECKING:
    from tests.docs.test_acts import Day

WHY = {"reason": "Có việc khác"}


def today() -> date:
    return numbering.today(datetime.now(UTC))


def at_units(day: Day) -> None:
    """An arrival given to a unit, from its head to its officer and back, with every turn that a task may take."""
    docs, office = day.docs, Office(day.docs)
    found, calendar = office.registered(), Calendar()
    lead = {"unit_key": office.unit("Phòng Tài chính"), "due_on": office.day(10), "instruction": "Tham mưu"}
    joint = [{"person_id": str(office.other.person_id), "working_days": 5}]
    slip = day.act(
        docs.b.leader, "POST /incoming/{incoming_id}/slip", {"lead": lead, "joint": joint}, incoming_id=found
    )
    first, beside = (each["id"] for each in slip["leader"])

    def act(who: Person, task: str, act: str, body: Any = None) -> Any:
        return day.act(who, f"POST /tasks/{{task_id}}/{act}", body, task_id=task)

    act(docs.b.leader, first, "deadline", {"due_on": office.day(12)} | WHY)
    given = act(office.head, first, "give", {"person_id": str(office.officer.person_id), "due_on": office.day(5)})
    child = given["beneath"][0]["id"]
    act(office.officer, child, "start")
    act(office.officer, child, "note", {"text": "Đã họp", "percent": 30})
    act(office.officer, child, "extend", {"until": calendar.after(today(), 7).isoformat()} | WHY)
    act(office.head, child, "extension", {"agreed": True})
    act(office.officer, child, "propose", {"text": "Đề nghị trả lời"})
    act(office.head, child, "return", WHY)
    colleague = Person("Vy Thị Chung", "Chuyên viên", docs.b.agency_id, ("clerk",), unit="Phòng Tài chính")
    docs.hear(colleague.stated())
    act(office.head, child, "reassign", {"person_id": str(colleague.person_id)} | WHY)
    act(office.other, beside, "decline", WHY)
    act(docs.b.leader, beside, "withdraw", WHY)
    act(colleague, child, "propose", {"text": "Dự thảo công văn"})
    act(office.head, child, "close", {"text": "Đồng ý"})


def who_may_read(day: Day) -> None:
    docs = day.docs
    document = docs.issued(docs.b)
    docs.delivered(docs.issued(docs.a), docs.a, docs.b)
    arrival = UUID(docs.arrived(docs.b)["id"])
    about: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/documents/{document_id}", {"document_id": document}),
        ("/incoming/{incoming_id}", {"incoming_id": arrival}),
    )
    for path, names in about:
        day.act(docs.b.clerk, f"POST {path}/access", {"restricted": True}, **names)
        day.act(docs.b.leader, f"POST {path}/access/confirm", **names)
    day.act(docs.b.leader, "PUT /access/policy", {"need_to_know": True})
    day.act(docs.b.leader, "PUT /access/policy", {"need_to_know": False})


def in_the_archive(day: Day) -> None:
    """From the year's list to disposal, and each turn on the way."""
    docs, clerk, leader = day.docs, day.docs.a.clerk, day.docs.a.leader
    year: dict[str, Any] = {"year": today().year}
    listed = day.act(clerk, "PUT /file-lists/{year}", {"lines": LINES}, **year)
    day.act(leader, "POST /file-lists/{year}/approve", {"basis": "01/QĐ-UBND"}, **year)
    sheet = docs.http(clerk.principal).get(f"/file-lists/{today().year}/sheet.xlsx").content
    day.act(
        clerk, "PUT /file-lists/{year}", {"lines": [*LINES, {"code": "03.ĐĐ", "title": "Đất đai", "years": 5}]}, **year
    )
    # The sheet of before changes what stands in it: nothing, and that is no act.
    uploaded = docs.http(clerk.principal).post(
        f"/file-lists/{today().year}/import", params={"filename": "dm.xlsx"}, content=sheet
    )
    ok(uploaded)
    day.done.add("POST /file-lists/{year}/import")
    line = next(each["id"] for each in listed["lines"] if each["code"] == "01.TCCB")
    file = day.act(clerk, "POST /work-files", {"title": "Tuyển dụng", "line_id": line})["id"]
    where: dict[str, Any] = {"file_id": file}
    path = "POST /work-files/{file_id}"
    later, sooner = docs.issued(docs.a), _arrived(docs)
    for kind, subject in (("document", later), ("incoming", sooner)):
        day.act(clerk, f"{path}/members", {"kind": kind, "subject_id": str(subject)}, **where)
    day.act(clerk, f"{path}/members/{{subject_id}}/take-out", WHY, **where, subject_id=sooner)
    draft = _draft_of_last_week(docs)
    day.act(clerk, f"{path}/members", {"kind": "draft", "subject_id": draft}, **where)
    day.act(clerk, f"{path}/sort", **where)
    day.act(clerk, f"{path}/members/{{subject_id}}/take-out", WHY, **where, subject_id=draft)
    ended = {"ended_on": today().isoformat()}
    day.act(clerk, f"{path}/close", ended, **where)
    day.act(clerk, f"{path}/reopen", WHY, **where)
    day.act(clerk, f"{path}/close", ended, **where)
    day.act(clerk, f"{path}/exports", **where)
    until = date(today().year + 2, 6, 1).isoformat()
    word = {"number": "05/CV", "day": today().isoformat()}
    day.act(clerk, f"{path}/hold-back", word | {"until": until}, **where)
    day.act(clerk, "POST /work-files/submit", {"file_ids": [file], "minutes": "01/BB"})
    day.act(leader, f"{path}/return", WHY, **where)
    day.act(clerk, "POST /work-files/submit", {"file_ids": [file], "minutes": "02/BB"})
    day.act(leader, f"{path}/accept", **where)
    day.act(clerk, "POST /work-files/freeze", word | {"file_ids": [file]})
    day.act(leader, "POST /work-files/unfreeze", word | {"file_ids": [file]})
    at_that_time(docs, timedelta(days=366 * 9))
    gone = {"decision": "09/QĐ", "decided_on": today().isoformat(), "members": ["A", "B"]}
    day.act(leader, "POST /work-files/dispose", gone | {"file_ids": [file]})
    docs.app.dependency_overrides.clear()


def _arrived(docs: Docs) -> UUID:
    docs.delivered(docs.issued(docs.b), docs.b, docs.a)
    found = UUID(docs.arrived(docs.a)["id"])
    docs.hear(validated(found, docs.a.agency_id))
    return found


def _draft_of_last_week(docs: Docs) -> str:
    """It belongs before what was issued today."""
    at_that_time(docs, timedelta(days=-7))
    made = ok(docs.post(docs.a.clerk, "/drafts", {"abstract": "V/v tuyển dụng", "type_code": "CV"}), 201)
    docs.app.dependency_overrides.clear()
    return str(made["draft_id"])


def at_that_time(docs: Docs, away: timedelta) -> None:
    docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: datetime.now(UTC) + away


def in_the_calendar(day: Day) -> None:
    off = {"kind": "off", "name": "Ngày hội của xã", "scope": day.docs.a.identifier}
    when: dict[str, Any] = {"day": "2026-12-15"}
    clerk = day.docs.a.clerk
    day.act(clerk, "PUT /calendar/days/{day}", off, **when)
    day.act(clerk, f"DELETE /calendar/days/{{day}}?scope={day.docs.a.identifier}", **when)
