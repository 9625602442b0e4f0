"""Drafts as their authors meet them: saved, shared, edited by two at once, lost to no session, submitted, kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.docs.review import comparing, drafts
from services.docs.review.drafts import Fields
from shared.db import transaction
from shared.events.docs import DocumentSubmitted, PrepareDocument
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Person
from tests.docs.test_review import staff

FIELDS = {"abstract": "V/v phòng chống lũ", "type_code": "CV"}


def made(docs: Docs, person: Person | None = None, **fields: Any) -> dict[str, Any]:
    return ok(docs.post(person or docs.a.clerk, "/drafts", FIELDS | fields), 201)


def put(docs: Docs, person: Person, draft: dict[str, Any], version: int, **fields: Any) -> Any:
    body = draft["fields"] | fields
    headers = {"If-Match": f'"{version}"'}
    return docs.http(person.principal).put(f"/drafts/{draft['draft_id']}", json=body, headers=headers)


def shared(docs: Docs) -> tuple[dict[str, Any], Person, Person]:
    first, second = docs.a.clerk, docs.a.person("second clerk")
    draft = made(docs)
    editors = {"person_ids": [str(second.person_id)]}
    draft = ok(docs.http(first.principal).put(f"/drafts/{draft['draft_id']}/editors", json=editors))
    return draft, first, second


def whole(docs: Docs, **more: Any) -> dict[str, Any]:
    body = docs.draft(docs.a)
    parts = [each | {"filename": "01-cong-van.pdf"} for each in body["parts"]]
    return body | {"parts": parts, "workflow": ""} | more


# --- two at once


def test_of_two_who_save_at_once_the_second_sees_both_and_loses_nothing(docs: Docs) -> None:
    draft, first, second = shared(docs)
    saved = ok(put(docs, first, draft, 2, abstract="V/v phòng chống lũ quét", urgency=1))
    assert saved["version"] == 3
    answer = put(docs, second, draft, 2, abstract="V/v phòng, chống lũ", symbol="UBND-VX")
    assert refusal(answer) == "stale_version"
    told = answer.json()
    assert (told["version"], told["saved_by"]) == (3, first.name)
    assert {
        each["field"]: (each["base"], each["mine"], each["theirs"], each["clash"]) for each in told["differences"]
    } == {
        "abstract": ("V/v phòng chống lũ", "V/v phòng, chống lũ", "V/v phòng chống lũ quét", True),
        "symbol": ("", "UBND-VX", "", False),
        "urgency": (0, 0, 1, False),
    }
    assert next(each for each in told["differences"] if each["field"] == "urgency")["theirs_text"] == "Khẩn"
    merged = told["merged"]
    assert (merged["abstract"], merged["symbol"], merged["urgency"]) == ("V/v phòng, chống lũ", "UBND-VX", 1)

    typed = docs.get(second, f"/drafts/{draft['draft_id']}")["typed"]
    assert (typed["fields"]["abstract"], typed["differs"]) == ("V/v phòng, chống lũ", True), "kept, though not saved"
    assert docs.get(first, f"/drafts/{draft['draft_id']}")["typed"] is None
    after = ok(put(docs, second, draft, 3, **merged))
    assert (after["version"], after["typed"]) == (4, None)


def test_saving_needs_the_version_that_was_opened(docs: Docs) -> None:
    draft = made(docs)
    answer = docs.http(docs.a.clerk.principal).put(f"/drafts/{draft['draft_id']}", json=draft["fields"])
    assert refusal(answer) == "version_needed"
    again = ok(put(docs, docs.a.clerk, draft, 1))
    assert again["version"] == 1, "nothing was changed, so there is no new version"


VALUES = st.builds(
    Fields,
    abstract=st.sampled_from(["a", "b", "c"]),
    symbol=st.sampled_from(["a", "b", "c"]),
    urgency=st.integers(0, 3),
)


@given(VALUES, VALUES, VALUES)
def test_what_only_one_of_two_changed_is_in_what_is_proposed(base: Fields, mine: Fields, theirs: Fields) -> None:
    merged = drafts.merged(base, mine, theirs)
    differing = {each.field: each for each in drafts.differences(base, mine, theirs)}
    for name in drafts.LABELS:
        was, own, other, after = (getattr(each, name) for each in (base, mine, theirs, merged))
        assert after in (own, other), "nothing is made up"
        assert (name in differing) == (own != other)
        if own == was:
            assert after == other
        if other == was:
            assert after == own
        assert name not in differing or differing[name].clash == (was not in (own, other))


def test_what_is_typed_survives_a_lost_session_and_is_nobody_elses(docs: Docs) -> None:
    draft, first, second = shared(docs)
    path = f"/drafts/{draft['draft_id']}"
    body = {"base": 2, "fields": draft["fields"] | {"abstract": "gõ dở", "note": "dòng 1\ndòng 2"}}
    ok(docs.http(first.principal).put(f"{path}/typed", json=body))
    found = docs.get(first, path)
    assert (found["typed"]["fields"]["abstract"], found["fields"]["abstract"]) == ("gõ dở", FIELDS["abstract"])
    assert found["version"] == 2, "typing makes no version"
    assert docs.get(second, path)["typed"] is None
    ok(docs.post(first, f"{path}/typed/drop"))
    assert docs.get(first, path)["typed"] is None
    strange = docs.http(docs.a.leader.principal).put(f"{path}/typed", json=body)
    assert refusal(strange) == "forbidden"


# --- who


def test_a_draft_is_seen_by_who_writes_it_and_who_is_asked_and_by_nobody_else(docs: Docs) -> None:
    draft = made(docs)
    path = f"/drafts/{draft['draft_id']}"
    other, leader = docs.a.person("second clerk"), docs.a.leader
    for person in (other, leader, docs.b.clerk):
        assert refusal(docs.http(person.principal).get(path)) == "not_found"
        for what in ("editions", "remarks", "opinions", "comparison?before=1&after=1"):
            answer = docs.http(person.principal).get(f"/documents/{draft['draft_id']}/{what}")
            assert refusal(answer) == "not_found", what
    assert docs.get(other, "/drafts")["items"] == []
    mention = {"text": "Nhờ anh xem giúp", "mentions": [str(leader.person_id)]}
    ok(docs.post(docs.a.clerk, f"/documents/{draft['draft_id']}/remarks", mention), 201)
    (told,) = docs.stated("RemarkMade")
    assert (told.mentions, told.title) == ((leader.person_id,), FIELDS["abstract"])
    assert docs.get(leader, path)["may_edit"] is False
    assert refusal(put(docs, leader, draft, 1, abstract="x")) == "forbidden"
    unknown = {"person_ids": [str(docs.b.clerk.person_id)]}
    assert refusal(docs.http(docs.a.clerk.principal).put(f"{path}/editors", json=unknown)) == "editor_unknown"


# --- submitted, returned, revised


def test_a_draft_becomes_the_document_of_its_id_and_is_revised_as_a_draft(docs: Docs) -> None:
    people = staff(docs)
    draft = made(docs, people["author"])
    path = f"/drafts/{draft['draft_id']}"
    assert refusal(docs.post(people["author"], f"{path}/submit")) == "draft_incomplete"
    assert "Ký hiệu" in docs.get(people["author"], path)["missing"]
    saved = ok(put(docs, people["author"], draft, 1, **whole(docs, workflow="auto")))
    done = ok(docs.post(people["author"], f"{path}/submit", headers={"If-Match": '"2"'}))
    assert done == {"document_id": draft["draft_id"], "state": "in_review"}
    document = UUID(done["document_id"])
    assert isinstance(docs.stated("DocumentSubmitted")[0], DocumentSubmitted)
    assert refusal(put(docs, people["author"], saved, 3, abstract="x")) == "draft_closed"
    assert docs.get(people["head"], path)["document_state"] == "in_review", "who sees the document reads its draft"

    ok(docs.post(people["head"], f"/documents/{document}/return", {"reason": "Viết lại"}))
    seen = docs.get(people["author"], path)
    assert (seen["may_edit"], seen["version"]) == (True, 3)
    ok(put(docs, people["author"], seen, 3, abstract="V/v phòng chống lũ, bản 2"))
    other = ok(put(docs, people["author"], seen, 4, type_code="TB"))
    assert refusal(docs.post(people["author"], f"{path}/submit")) == "type_fixed"
    ok(put(docs, people["author"], other, 5, type_code="CV", abstract="V/v phòng chống lũ, bản 2"))
    assert ok(docs.post(people["author"], f"{path}/submit"))["state"] == "in_review"
    view = docs.get(people["head"], f"/documents/{document}")
    assert (view["abstract"], view["author"]["name"]) == ("V/v phòng chống lũ, bản 2", "Lý Thị An")
    ok(docs.post(people["head"], f"/documents/{document}/approve"))
    ok(docs.post(docs.a.clerk, f"/documents/{document}/approve"))
    assert isinstance(docs.stated("PrepareDocument")[0], PrepareDocument)
    editions = docs.get(people["head"], f"/documents/{document}/editions")
    assert [each["act"] for each in editions] == [
        "made", "saved", "submitted", "saved", "saved", "saved", "resubmitted"
    ]  # fmt: skip
    assert {each["by"] for each in editions} == {"Lý Thị An"}


def test_rounds_without_a_draft_are_kept_too(docs: Docs) -> None:
    document = docs.submitted(docs.a, reviewer_ids=[str(docs.a.leader.person_id)])
    ok(docs.post(docs.a.leader, f"/documents/{document}/return", {"reason": "Sửa"}))
    parts = [{"file_id": ok(docs.upload(docs.a.clerk, "02-bao-cao.pdf"), 201)["file_id"], "kind": "main"}]
    ok(docs.post(docs.a.clerk, f"/documents/{document}/resubmit", {"parts": parts}))
    found = docs.get(docs.a.leader, f"/documents/{document}/editions")
    assert [(e["number"], e["act"], e["parts"][0]["filename"]) for e in found] == [
        (1, "submitted", "01-cong-van.pdf"),
        (2, "resubmitted", "02-bao-cao.pdf"),
    ]


def test_versions_and_remarks_are_never_changed_even_by_the_service(docs: Docs) -> None:
    draft = made(docs)
    ok(docs.post(docs.a.clerk, f"/documents/{draft['draft_id']}/remarks", {"text": "Ý kiến"}), 201)
    for table in ("edition", "remark"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET at = now()"):  # noqa: S608  names of this list
            with (
                pytest.raises(psycopg.errors.RaiseException, match="kept"),
                transaction(docs.pool, agency=docs.a.agency_id) as tx,
            ):
                tx.execute(statement)  # type: ignore[arg-type,unused-ignore]


def test_a_dropped_draft_is_not_listed_and_not_edited(docs: Docs) -> None:
    draft = made(docs)
    assert [each["draft_id"] for each in docs.get(docs.a.clerk, "/drafts")["items"]] == [draft["draft_id"]]
    ok(docs.post(docs.a.clerk, f"/drafts/{draft['draft_id']}/drop"))
    assert docs.get(docs.a.clerk, "/drafts")["items"] == []
    assert refusal(put(docs, docs.a.clerk, draft, 2, abstract="x")) == "draft_closed"
    assert [e.act for e in docs.stated("DocsAct")] == ["draft_made", "draft_dropped"], "each is an act for the ledger"


# --- what changed between two versions


def test_two_versions_are_compared_field_by_field_and_word_by_word(docs: Docs) -> None:
    draft = made(docs)
    first = ok(put(docs, docs.a.clerk, draft, 1, **whole(docs)))
    report = [{"file_id": ok(docs.upload(docs.a.clerk, "02-bao-cao.pdf"), 201)["file_id"], "kind": "main"}]
    parts = [each | {"filename": "02-bao-cao.pdf"} for each in report]
    ok(put(docs, docs.a.clerk, first, 2, parts=parts, urgency=2, abstract="V/v đã sửa"))
    path = f"/documents/{draft['draft_id']}"
    found = docs.get(docs.a.clerk, f"{path}/comparison?before=2&after=3")
    assert {each["label"]: (each["before"], each["after"]) for each in found["fields"]} == {
        "Trích yếu": ("V/v tăng cường phòng chống dịch bệnh mùa mưa lũ", "V/v đã sửa"),
        "Độ khẩn": ("Thường", "Thượng khẩn"),
    }
    (part,) = found["parts"]
    assert (part["before"], part["after"], part["same_file"], part["unread"]) == (
        "01-cong-van.pdf",
        "02-bao-cao.pdf",
        False,
        None,
    )
    assert part["words_removed"] > 10
    assert part["words_added"] > 10
    assert any(each["kind"] == "same" for each in part["passages"]), "the national heading is in both"
    same = docs.get(docs.a.clerk, f"{path}/comparison?before=3&after=3")
    assert (same["fields"], same["parts"][0]["same_file"]) == ([], True)
    content = docs.http(docs.a.clerk.principal).get(f"{path}/editions/2/parts/0/content")
    assert content.content.startswith(b"%PDF")


def test_a_scan_without_text_says_that_it_can_only_be_looked_at(docs: Docs) -> None:
    draft = made(docs)
    scan = [{"file_id": ok(docs.upload(docs.a.clerk, "09-ban-quet-200dpi.pdf"), 201)["file_id"], "kind": "main"}]
    ok(put(docs, docs.a.clerk, draft, 1, parts=[scan[0] | {"filename": "quet.pdf"}]))
    (part,) = docs.get(docs.a.clerk, f"/documents/{draft['draft_id']}/comparison?before=1&after=2")["parts"]
    assert "09-ban-quet-200dpi.pdf" in part["unread"]


def test_words_that_only_moved_to_another_line_are_not_a_change() -> None:
    before = "Điều 1. Thành lập Tổ công tác\ngồm 05 thành viên. Tổ làm việc theo Quy chế.\nĐiều 2. Hiệu lực từ ngày ký."
    after = "Điều 1. Thành lập Tổ công tác gồm\n07 thành viên. Tổ làm việc\ntheo Quy chế.\fĐiều 2. Hiệu lực từ ngày ký."
    found = comparing.compare(before, after)
    assert comparing.changed_words(found) == (1, 1)
    changed = next(each for each in found if each.kind == "changed")
    assert [p.text for p in changed.before if p.kind == "removed"] == ["05"]
    assert [p.text for p in changed.after if p.kind == "added"] == ["07"]
    composed = comparing.compare("Quyết định", "Quye\u0302\u0301t đi\u0323nh")
    assert [each.kind for each in composed] == ["same"], "another way of writing the same letters"


@given(st.lists(st.sampled_from(["Điều 1.", "một", "hai.", "ba;", "bốn"]), max_size=12), st.data())
def test_both_sides_of_a_comparison_say_what_the_texts_say(words: list[str], data: st.DataObject) -> None:
    before = " ".join(words)
    after = " ".join(data.draw(st.permutations(words))[: data.draw(st.integers(0, len(words)))])
    found = comparing.compare(before, after)
    for side, text in (("before", before), ("after", after)):
        said = " ".join(piece.text for passage in found for piece in getattr(passage, side))
        assert said.split() == text.split()
