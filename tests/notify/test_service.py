"""Notify on the real database: facts in, inboxes and acts out; told once, whatever comes twice or in which order."""

from __future__ import annotations

import json
from datetime import timedelta

from shared import db
from shared.events import registry
from shared.ids import new_id
from tests.notify.conftest import Office
from tests.notify.facts import NOW, Story, heartbeat, person, record


def test_reviewers_hear_of_a_draft_once(office: Office) -> None:
    story, reviewers = Story(), (new_id(), new_id())
    submitted = record(story.submitted(*reviewers))
    assert office.take(submitted) == ["handled"]
    assert office.take(submitted) == ["duplicate"]
    for reviewer in reviewers:
        (notice,) = office.notices(reviewer)
        assert notice["title"] == "Dự thảo chờ bạn cho ý kiến"
        assert notice["text"] == "Công văn: V/v tổ chức hội nghị quý IV"
        assert notice["link"] == f"/documents/{story.document}"
        assert notice["read"] is False
    assert office.notices(story.author) == []
    assert len(office.rows("SELECT FROM job WHERE kind = 'mail'")) == 2


def test_the_whole_story_in_order(office: Office) -> None:
    story = Story()
    clerk = person("Phạm Thị Mai", story.agency, "clerk")
    there = person("Đỗ Văn Bình", story.receiver, "clerk")
    office.hear(clerk, there, heartbeat())
    office.hear(story.submitted(), story.prepared())
    assert [n["title"] for n in office.notices(story.leader)] == ["Văn bản chờ bạn ký"]
    office.take(record(story.signed(), seq=2))
    assert [n["title"] for n in office.notices(clerk.person_id)] == ["Văn bản chờ lấy số và đóng dấu"]
    office.take(record(story.issued(), seq=2))
    assert office.notices(story.author)[0]["title"] == "Văn bản 12/UBND-VX sẵn sàng gửi"
    office.hear(story.dispatched())
    (arrived,) = office.notices(there.person_id)
    assert arrived["title"] == "Văn bản đến mới"
    assert arrived["text"].startswith("UBND xã Đông Hải: 12/UBND-VX – Công văn")
    office.take(record(story.status("02", reason="Tệp bị sửa trên đường truyền"), seq=2))
    refused = office.notices(story.author)[0]
    assert refused["title"] == "Văn bản bị từ chối tiếp nhận"
    assert refused["text"].endswith("Lý do: Tệp bị sửa trên đường truyền")
    assert office.notices(clerk.person_id)[0]["title"] == "Văn bản bị từ chối tiếp nhận"


def test_a_fact_that_comes_before_its_document_waits_for_it(office: Office) -> None:
    story = Story()
    prepared = record(story.prepared())
    assert office.take(prepared) == ["handled"]
    assert office.notices(story.leader) == []
    office.hear(story.submitted())
    (notice,) = office.notices(story.leader)
    assert notice["text"] == "Công văn: V/v tổ chức hội nghị quý IV"
    assert office.take(prepared) == ["duplicate"]
    assert len(office.notices(story.leader)) == 1
    assert office.rows("SELECT FROM held") == []


def test_a_fact_for_clerks_waits_until_the_people_are_known(office: Office) -> None:
    story = Story()
    clerks = [person(name, story.agency, "clerk") for name in ("Mai", "Bình")]
    office.hear(story.submitted(), story.signed())
    office.hear(clerks[0])
    assert office.notices(clerks[0].person_id) == []  # perhaps there are more to come
    office.hear(clerks[1])
    office.hear(heartbeat())
    for clerk in clerks:
        assert len(office.notices(clerk.person_id)) == 1


def test_an_agency_without_a_clerk_gets_its_notices_when_it_has_one(office: Office) -> None:
    story = Story()
    office.hear(heartbeat())
    office.hear(story.dispatched())
    leader = person("Giám đốc", story.receiver, "leader")
    gone = person("Người cũ", story.receiver, "clerk", active=False)
    office.hear(leader, gone)
    office.take(record(heartbeat(), seq=2))
    clerk = person("Văn thư mới", story.receiver, "clerk")
    office.hear(clerk)
    office.take(record(heartbeat(), seq=3))
    assert len(office.notices(clerk.person_id)) == 1
    assert office.notices(leader.person_id) == []
    assert office.rows("SELECT FROM notice WHERE person_id = %s", gone.person_id) == []


def test_an_agency_behind_a_partner_has_no_clerks_here(office: Office) -> None:
    story = Story()
    office.hear(
        registry.AgencyStated(
            agency_id=story.agency,
            identifier="H99",
            name="Bộ Nội vụ",
            level="outside",
            partner="truc",
            valid_from=NOW.date(),
        )
    )
    office.hear(heartbeat(), story.dispatched())
    office.take(record(story.status("02"), seq=2))
    assert office.rows("SELECT FROM held WHERE of = %s", story.agency) == []


def test_an_author_who_is_a_clerk_too_hears_once(office: Office) -> None:
    clerk = person("Mai", new_id(), "clerk")
    story = Story(agency=clerk.posts[0].agency_id, author=clerk.person_id)
    office.hear(clerk, heartbeat(), story.submitted(), story.dispatched())
    office.take(record(story.status("02"), seq=2))
    assert len(office.notices(clerk.person_id)) == 1


def test_a_delay_is_told_once_until_it_is_read(office: Office) -> None:
    story = Story()
    office.hear(story.submitted(), story.delayed())
    office.take(record(story.delayed(), seq=2))
    (notice,) = office.notices(story.author)
    with office.http(story.author) as http:
        http.post(f"/notices/{notice['id']}/read").raise_for_status()
    office.take(record(story.delayed(), seq=3))
    assert [n["read"] for n in office.notices(story.author)] == [False, True]


def test_old_facts_make_notices_but_no_mail(office: Office) -> None:
    story = Story()
    office.take(record(story.submitted(), time=NOW - timedelta(days=365)))
    office.take(record(story.prepared(), time=NOW - timedelta(days=365)))
    assert len(office.notices(story.leader)) == 1
    assert office.rows("SELECT FROM job") == []


def test_reading_a_notice_is_an_act_and_happens_once(office: Office) -> None:
    story, reviewer = Story(), new_id()
    office.hear(story.submitted(reviewer))
    with office.http(reviewer) as http:
        before = http.get("/notices", params={"unread": "true"}).json()
        assert before["unread"] == 1
        notice_id = before["items"][0]["id"]
        for _ in range(2):
            answer = http.post(f"/notices/{notice_id}/read")
            assert answer.status_code == 200, answer.text
            assert answer.json()["read"] is True
        after = http.get("/notices", params={"unread": "true"}).json()
        assert (after["items"], after["unread"]) == ([], 0)
    (act,) = office.rows("SELECT payload FROM outbox WHERE topic = 'notify.act'")
    stated = json.loads(bytes(act["payload"]))["data"]
    assert (stated["act"], stated["object_id"]) == ("notice_read", notice_id)
    assert stated["by"]["person_id"] == str(reviewer)


def test_nobody_sees_or_reads_somebody_elses_notice(office: Office) -> None:
    story, reviewer = Story(), new_id()
    office.hear(story.submitted(reviewer))
    (notice,) = office.notices(reviewer)
    assert office.notices(new_id()) == []
    with office.http(new_id()) as http:
        answer = http.post(f"/notices/{notice['id']}/read")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert office.notices(reviewer)[0]["read"] is False
    # The database says so too, whatever the code forgets.
    assert office.rows("SELECT FROM notice") == []
    with db.transaction(office.pool) as tx:
        tx.execute("SELECT set_config('vanthu.people', %s, true)", [f"{new_id()},{reviewer}"])
        assert tx.execute("SELECT FROM notice").rowcount == 1


def test_preferences_are_kept_and_their_change_is_an_act(office: Office) -> None:
    me = new_id()
    with office.http(me) as http:
        assert http.get("/preferences").json() == {"email": True}
        for _ in range(2):
            assert http.put("/preferences", json={"email": False}).json() == {"email": False}
        assert http.get("/preferences").json() == {"email": False}
        wrong = http.put("/preferences", json={"email": "maybe"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    acts = [json.loads(bytes(row["payload"]))["data"] for row in office.rows("SELECT payload FROM outbox")]
    assert [(act["act"], act["detail"]) for act in acts] == [("preference_changed", {"email": "false"})]


def test_pages_go_on_where_the_last_one_ended(office: Office) -> None:
    me = new_id()
    office.hear(*(Story().submitted(me) for _ in range(65)))
    seen, cursor = [], ""
    with office.http(me) as http:
        while cursor is not None:
            page = http.get("/notices", params={"cursor": cursor}).raise_for_status().json()
            seen += [notice["id"] for notice in page["items"]]
            cursor = page["next_cursor"]
        assert len(seen) == len(set(seen)) == 65
        wrong = http.get("/notices", params={"cursor": "xx"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")


def test_who_may_not_ask_is_told_why(office: Office) -> None:
    gone = person("Người cũ", new_id(), "clerk", active=False)
    office.hear(gone)
    with office.http(gone.person_id) as http:
        refused = [http.get("/notices"), http.get("/stream"), http.put("/preferences", json={"email": True})]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "person_inactive")}
    with office.http(None) as http:
        refused = [http.get("/notices"), http.get("/stream"), http.get("/preferences")]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "people_only")}
    with office.http(new_id(), headers={"Authorization": "Bearer nonsense"}) as http:
        refused = [http.get("/notices"), http.get("/stream"), http.post(f"/notices/{new_id()}/read")]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(401, "login_required")}
