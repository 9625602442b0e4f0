"""Work files in the browser: portal and docs at work together, each on its own database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.docs import numbering
from tests.portal.browser import Browser
from tests.portal.test_review_pages import Office, new_draft, office, post

__all__ = ["office"]  # the fixture
YEAR = numbering.today(datetime.now(UTC)).year


@pytest.fixture
def clerk(office: Office) -> Browser:
    return office.sit_down(office.docs.a.clerk)


def approved_list(office: Office, clerk: Browser) -> None:
    page = clerk.open("/file-list")
    assert "Dự thảo" in page.text
    columns = {
        "code": ["01.TCCB", "02.VP", ""],
        "title": ["Hồ sơ tuyển dụng", "Kế hoạch năm", ""],
        "years": ["5", "Vĩnh viễn", ""],
    }
    wrong = post(clerk, page, f"/file-list/{YEAR}", **columns | {"years": ["1", "", ""]})
    assert (wrong.status_code, "retention_wrong" in wrong.text, "Hồ sơ tuyển dụng" in wrong.text) == (422, True, True)
    page = post(clerk, wrong, f"/file-list/{YEAR}", **columns)
    assert "02.VP" in page.text
    leader = office.sit_down(office.docs.a.leader)
    page = post(leader, leader.open("/file-list"), f"/file-list/{YEAR}/approve", basis="01/QĐ-UBND")
    assert "Đã duyệt" in page.text
    assert clerk.open(f"/file-list/{YEAR}/sheet.xlsx").status_code == 200


@pytest.mark.parametrize("years", ["1", "71", "2,5", "mười", "9" * 5000], ids=["short", "long", "part", "word", "huge"])
def test_a_slip_in_the_years_of_a_file_outside_the_list_keeps_nothing_for_ever(clerk: Browser, years: str) -> None:
    page = clerk.open("/work-files")
    typed = {"title": "Việc đột xuất", "code": "01/ĐX", "years": years, "reason": "Phát sinh"}
    wrong = post(clerk, page, "/work-files", **typed)
    assert (wrong.status_code, "từ 2 đến 70 năm" in wrong.text, "Việc đột xuất" in wrong.text) == (422, True, True)
    made = post(clerk, wrong, "/work-files", **typed | {"years": "70"})
    assert "70 năm" in made.text


def test_a_draft_is_put_into_a_file_from_its_own_page(clerk: Browser) -> None:
    page = new_draft(clerk, abstract="Dự thảo kế hoạch năm", type_code="CV")
    draft = page.url.path.rpartition("/")[2]
    assert f"/work-files?draft={draft}" in page.text
    page = clerk.open(f"/work-files?draft={draft}")
    assert f'href="/drafts/{draft}"' in page.text
    typed = {"title": "Kế hoạch năm", "code": "01/KH", "years": "10", "reason": "Phát sinh"}
    wrong = post(clerk, page, "/work-files", **typed | {"years": "1"})
    assert (wrong.status_code, f'href="/drafts/{draft}"' in wrong.text) == (422, True)
    page = post(clerk, wrong, "/work-files", **typed)
    assert f'<a href="/drafts/{draft}">' in page.text, page.text
    assert "Dự thảo kế hoạch năm (chưa trình)" in page.text
    assert "Kế hoạch năm" in clerk.open(f"/work-files?draft={draft}").text.partition("Đang có trong")[2]


def test_a_file_goes_from_a_document_s_page_to_the_archive(office: Office, clerk: Browser) -> None:
    approved_list(office, clerk)
    document = office.docs.issued(office.docs.a)
    page = clerk.open(f"/documents/{document}")
    assert f"/work-files?document={document}" in page.text
    page = clerk.open(f"/work-files?document={document}")
    line = page.text.split('<option value="')[2].split('"')[0]
    page = post(clerk, page, "/work-files", title="Tuyển dụng đợt 1", line_id=line)
    path = page.url.path
    assert path.startswith("/work-files/"), page.text
    assert "phòng chống dịch bệnh" in page.text
    assert clerk.open(f"{path}/contents.pdf").content.startswith(b"%PDF")
    page = post(clerk, page, f"{path}/exports")
    assert "đang tạo" in page.text
    page = post(clerk, page, f"{path}/close")
    assert "nộp lưu trữ trước" in page.text
    page = post(clerk, page, f"{path}/submit", minutes="01/BB-LT")
    assert "Chờ lưu trữ nhận" in page.text
    same = post(clerk, page, f"{path}/accept")
    assert "archive_same_person" in same.text
    assert clerk.open("/work-file-submission.pdf?minutes=01/BB-LT").content.startswith(b"%PDF")
    leader = office.sit_down(office.docs.a.leader)
    page = post(leader, leader.open(path), f"{path}/accept")
    assert "Đã vào lưu trữ" in page.text
    refused = post(leader, page, f"{path}/dispose", decision="9/QĐ-UBND", members="A\nB")
    assert "file_before_its_time" in refused.text
    assert "Tuyển dụng đợt 1" in clerk.open("/work-files?state=archived").text
