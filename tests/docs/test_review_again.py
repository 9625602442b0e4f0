"""Reviewers named without a workflow, and documents that come back revised: who is asked again, and whose word still stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.docs.review import work
from services.docs.review.absences import Absences
from services.docs.workdays import VIETNAM, Calendar
from shared import db
from shared.events.docs import ReviewDue
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Person, prepared, record
from tests.docs.test_review import UNIT, away, put, route_of, staff, submitted

FIRST = {"key": "mot", "name": "Đơn vị", "who": [{"kind": "unit", "unit": UNIT}], "quorum": "any"}
SECOND = {"key": "hai", "name": "Hai lãnh đạo", "who": [{"kind": "role", "role": "leader", "each": True}], "quorum": 2}


def approve(docs: Docs, who: Person, document: UUID) -> dict[str, Any]:
    return ok(docs.post(who, f"/documents/{document}/approve"))


def give_back(docs: Docs, who: Person, document: UUID, **more: Any) -> None:
    ok(docs.post(who, f"/documents/{document}/return", {"reason": "Xem lại"} | more))


def again(docs: Docs, who: Person, document: UUID, *, changed: bool, **more: Any) -> dict[str, Any]:
    """Revised: with another file, or with the one that it had and other signers' order alone."""
    sample = "02-bao-cao.pdf" if changed else "01-cong-van.pdf"
    file_id = ok(docs.upload(who, sample), 201)["file_id"]
    body = {"parts": [{"file_id": file_id, "kind": "main"}]} | more
    return ok(docs.post(who, f"/documents/{document}/resubmit", body))


def seats(docs: Docs, who: Person, document: UUID) -> list[tuple[str, list[tuple[str | None, str | None]]]]:
    """Each stage's state, and on its seats who agreed and why that is kept."""
    found = route_of(docs, who, document)["stages"]
    return [(s["state"], [(seat["by"], seat["kept"]) for seat in s["seats"]]) for s in found]


def test_reviewers_without_a_workflow_have_a_deadline_and_stand_ins(docs: Docs) -> None:
    people = staff(docs)
    docs.hear(away(people["head"], days=9))
    policy = {"dispatch_level": "LT", "urgent_may_owe": True, "unchecked_allowed": True, "review_days": 3}
    assert ok(docs.http(docs.a.leader.principal).put("/policy", json=policy))["review_days"] == 3
    named = [str(people["head"].person_id), str(docs.a.clerk.person_id)]
    document = submitted(docs, people["author"], workflow=None, reviewer_ids=named)
    (stage,) = route_of(docs, people["deputy"], document)["stages"]
    due = Calendar().add_days(datetime.now(UTC), 3)
    assert datetime.fromisoformat(stage["due_at"]) == due
    assert [(p["name"], p["instead_of"]) for p in stage["seats"][0]["people"]] == [("Nông Văn Phó", "Vi Thị Trưởng")]
    docs.outbox()
    assert work.turn(docs.pool, docs.settings.source, due + timedelta(minutes=5)) == 1
    late = [fact for fact in docs.stated() if isinstance(fact, ReviewDue)]
    assert {person for fact in late for person in fact.people} >= {people["deputy"].person_id, docs.a.clerk.person_id}
    approve(docs, people["deputy"], document)
    assert approve(docs, docs.a.clerk, document)["state"] == "preparing"
    seen = route_of(docs, docs.a.clerk, document)["stages"][0]["seats"]
    assert (seen[0]["by"], seen[0]["instead_of"]) == ("Nông Văn Phó", "Vi Thị Trưởng")


def test_what_was_agreed_of_a_text_that_did_not_change_is_kept_and_shown(docs: Docs) -> None:
    people = staff(docs)
    named = [str(people["head"].person_id), str(docs.a.clerk.person_id)]
    document = submitted(docs, people["author"], workflow=None, reviewer_ids=named)
    approve(docs, people["head"], document)
    give_back(docs, docs.a.clerk, document)
    docs.outbox()
    again(docs, people["author"], document, changed=False)
    (fact,) = docs.stated("DocumentSubmitted")
    assert fact.reviewers == (docs.a.clerk.person_id,), "who agreed is not asked again"
    assert seats(docs, people["author"], document) == [("open", [("Vi Thị Trưởng", "unchanged"), (None, None)])]
    give_back(docs, docs.a.clerk, document)
    again(docs, people["author"], document, changed=True)
    assert seats(docs, people["author"], document) == [("open", [(None, None), (None, None)])]
    assert route_of(docs, docs.a.clerk, document)["round"] == 3
    approve(docs, people["head"], document)
    assert approve(docs, docs.a.clerk, document)["state"] == "preparing"


def test_the_workflow_or_the_return_says_where_it_begins_again(docs: Docs) -> None:
    people = staff(docs)
    second = Person("Mã Văn Hai", "Phó Chủ tịch", docs.a.agency_id, ("leader",))
    docs.hear(second.stated())
    leaders = (docs.a.leader, second, people["head"])
    ok(put(docs, "cong-van", FIRST, SECOND, after_return="from_return"))
    document = submitted(docs, people["author"])
    approve(docs, people["colleague"], document)
    approve(docs, docs.a.leader, document)
    seen = route_of(docs, second, document)
    assert [each["key"] for each in seen["resume_at"]] == ["mot", "hai"]
    assert seen["resume_default"] == "hai"
    give_back(docs, second, document)
    again(docs, people["author"], document, changed=True)
    assert seats(docs, second, document) == [
        ("done", [("Bế Văn Bình", "before_return")]),
        ("open", [(None, None)] * len(leaders)),
    ], "of the second stage nothing stands: the text is another one"
    assert refusal(docs.post(second, f"/documents/{document}/return", {"reason": "x", "resume_at": "ba"})) == (
        "stage_not_before"
    )
    give_back(docs, second, document, resume_at="mot")
    again(docs, people["author"], document, changed=False)
    assert [state for state, _ in seats(docs, second, document)] == ["open", "waiting"], "the return said so"
    # Anyone of the unit, then two of the leaders, whichever two.
    approve(docs, people["colleague"], document)
    approve(docs, second, document)
    assert approve(docs, people["head"], document)["state"] == "preparing"
    docs.hear(prepared(document, docs.a.leader))
    give_back(docs, docs.a.leader, document, resume_at="hai")
    again(docs, people["author"], document, changed=True)
    assert [state for state, _ in seats(docs, second, document)] == ["done", "open"], "the signer said so"


def test_absences_stated_before_this_service_knew_any_are_seen(docs: Docs) -> None:
    """The main group passed them long ago; the group for absences begins at the beginning, and newer states win."""
    people = staff(docs)
    old = away(people["head"], days=9)
    ended = old.model_copy(update={"valid_until": datetime.now(VIETNAM).date() - timedelta(days=1)})
    first, second = record(old, seq=1), record(ended, seq=2)
    with db.transaction(docs.pool) as tx:
        assert Absences().take(tx, first) == "handled"
        assert Absences().take(tx, record(people["head"].stated())) == "ignored"
    document = submitted(docs, people["author"], workflow=None, reviewer_ids=[str(people["head"].person_id)])
    asked = route_of(docs, people["author"], document)["stages"][0]["seats"][0]["people"]
    assert asked[0]["instead_of"] == "Vi Thị Trưởng"
    assert docs.take(second) == ["handled"]
    with db.transaction(docs.pool) as tx:
        Absences().take(tx, first)
    asked = route_of(docs, people["author"], document)["stages"][0]["seats"][0]["people"]
    assert (asked[0]["name"], asked[0]["instead_of"]) == ("Vi Thị Trưởng", None), "the newer state stands"
