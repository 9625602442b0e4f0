"""The assignment slip and tasks in the browser: portal and docs at work together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.test_handling import Office as Handling
from tests.portal.browser import forms
from tests.portal.test_review_pages import Office, office_at_work, post
from tests.support.postgres import Database


@pytest.fixture
def office(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Office]:
    with office_at_work(database, tmp_path) as made:
        yield made


def test_a_leader_gives_a_slip_and_an_officer_proposes(office: Office) -> None:
    handling = Handling(office.docs)
    office.portal.hear(handling.b.stated())
    found = handling.registered()
    leader = office.sit_down(handling.b.leader)
    assert f"/incoming/{found}/slip" in leader.open(f"/incoming/{found}").text
    page = leader.open(f"/incoming/{found}/slip")
    action = f"/incoming/{found}/slip"
    typed = {"lead-to": f"person:{handling.officer.person_id}", "lead-instruction": "Tham mưu trả lời"}
    wrong = post(leader, page, action, **typed | {"lead-due_on": "2020-01-02"})
    assert wrong.status_code == 422
    assert "due_past" in wrong.text
    assert "Tham mưu trả lời" in wrong.text  # nothing typed is lost
    unit = f"unit:{handling.unit('Phòng Tư pháp')}"
    given = post(leader, wrong, action, **typed | {"lead-due_on": handling.day(2), "joint1-to": unit})
    assert "Đã giao; người nhận được báo." in given.text
    assert "Phòng Tư pháp" in given.text
    assert leader.http.get(f"/incoming/{found}/slip.pdf").content.startswith(b"%PDF-")

    officer = office.sit_down(handling.officer)
    home = officer.open("/")
    assert "việc đang mở của tôi" in home.text
    listed = officer.open("/tasks?when=due_soon")
    (task,) = re.findall(r'href="(/tasks/[0-9a-f-]{36})"', listed.text)
    page = officer.open(task)
    assert f"{task}/close" not in {each.action for each in forms(page)}
    post(officer, page, f"{task}/note", percent="50", text="Đã thu thập số liệu")
    proposed = post(officer, officer.open(task), f"{task}/propose", text="Đề nghị đồng ý.")
    assert "Đã trình đề xuất cho người giao." in proposed.text
    asked = post(officer, officer.open(task), f"{task}/extend", until=handling.day(4), reason="Chờ huyện")
    assert "xin gia hạn đến" in asked.text
    page = leader.open(task)
    granted = post(leader, page, f"{task}/extension", agreed="true")
    assert "Gia hạn đến" in granted.text
    closed = post(leader, leader.open(task), f"{task}/close", text="Đồng ý")
    assert "Đã kết thúc việc." in closed.text
    assert "forbidden" in officer.open("/tasks?whose=all").text


def test_a_document_is_restricted_and_the_change_confirmed(office: Office) -> None:
    handling = Handling(office.docs)
    office.portal.hear(handling.b.stated())
    found = handling.registered()
    clerk, officer = office.sit_down(handling.b.clerk), office.sit_down(handling.officer)
    path = f"/incoming/{found}/access"
    assert path in clerk.open(f"/incoming/{found}").text
    saved = post(clerk, clerk.open(path), path, restricted="yes", person=str(handling.other.person_id))
    assert "Đã lưu quyền xem." in saved.text
    assert "chưa được xác nhận" in saved.text
    assert officer.open(f"/incoming/{found}").status_code == 404
    assert office.sit_down(handling.other).open(f"/incoming/{found}").status_code == 200
    leader = office.sit_down(handling.b.leader)
    assert path in leader.open("/access").text
    confirmed = post(leader, leader.open(path), f"{path}/confirm")
    assert "Đã xác nhận thay đổi quyền xem." in confirmed.text
    assert "Đã lưu quyền xem." in post(leader, leader.open("/access"), "/access", need_to_know="yes").text
