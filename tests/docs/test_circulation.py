"""Circulation as the two offices see it: what is asked back, what replaces what, what comes twice, who does not act."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.docs import access
from shared.events.docs import DeliveryDispatched
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal, registered
from tests.docs.facts import Agency, agency, prepared, sealed, signed, states_of, validated


def circulation(docs: Docs, at: Agency, document: UUID) -> dict[str, Any]:
    found: dict[str, Any] = docs.get(at.clerk, f"/documents/{document}/circulation")
    return found


def line(docs: Docs, at: Agency, document: UUID) -> dict[str, Any]:
    """The only delivery of a document, as its sender sees it."""
    (found,) = circulation(docs, at, document)["deliveries"]
    return dict(found)


# --- before it is signed


def test_its_clerk_withdraws_a_document_before_it_is_signed_and_submits_the_same_one_again(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    path, body = f"/documents/{document}/withdraw", {"reason": "Nhầm phụ lục"}
    assert refusal(docs.post(docs.a.clerk, path, body)) == "not_withdrawn_now"
    docs.hear(prepared(document, docs.a.leader))
    assert refusal(docs.post(docs.a.person("second clerk"), path, body)) == "not_yours_to_withdraw"
    docs.stated()
    for _click in range(2):
        ok(docs.post(docs.a.clerk, path, body))
    assert [type(each).__name__ for each in docs.stated()] == ["DocumentReturned"]
    file_id = ok(docs.upload(docs.a.clerk, "02-bao-cao.pdf"), 201)["file_id"]
    again = {"parts": [{"file_id": file_id, "kind": "main"}]}
    assert ok(docs.post(docs.a.clerk, f"/documents/{document}/resubmit", again))["id"] == str(document)
    assert len(docs.get(docs.a.clerk, "/documents")["items"]) == 1
    docs.hear(prepared(document, docs.a.leader), signed(document, docs.a.leader))
    assert refusal(docs.post(docs.a.clerk, path, body)) == "not_withdrawn_now"


# --- taking back


def test_a_recall_that_is_agreed_to_destroys_the_content_there_and_freezes_it_here(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    arrived = registered(docs, docs.b)
    body = {"reason": "Gửi nhầm phụ lục"}
    assert refusal(docs.post(docs.a.leader, f"/documents/{document}/recall", body)) == "forbidden"
    asked = ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", body))
    assert (asked["frozen"], asked["deliveries"][0]["asked"]["status"]) == (True, "13")
    docs.circulate()
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/recall", body)) == "recall_open"
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"recipients": ["G99.01"]})) == (
        "document_recalled"
    )
    seen = docs.get(docs.b.clerk, f"/incoming/{arrived}")
    assert (seen["status"], seen["asked"]["status"], seen["asked"]["reason"]) == ("03", "13", "Gửi nhầm phụ lục")

    for _click in range(2):
        ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/recall-answer", {"agreed": True}))
    docs.circulate()
    mine = line(docs, docs.a, document)
    assert (mine["status"], mine["asked"]["status"]) == ("15", "15")
    gone = docs.get(docs.b.clerk, f"/incoming/{arrived}")
    assert (gone["status"], gone["parts"], gone["validation"], gone["arrival_number"]) == ("15", [], None, 1)
    kept = docs.get(docs.b.clerk, f"/incoming/{arrived}/circulation")
    assert kept["destroyed"][0]["sha256"] == "c" * 64
    answer = docs.http(docs.b.clerk.principal).get(f"/incoming/{arrived}/content")
    assert (answer.status_code, refusal(answer)) == (410, "content_destroyed")
    (entry,) = docs.rows(docs.b.agency_id, "SELECT * FROM book")
    assert (entry["number"], entry["void_reason"]) == (1, "Đã thu hồi: Gửi nhầm phụ lục")
    assert refusal(docs.post(docs.b.clerk, f"/incoming/{arrived}/start")) == "taken_back"
    # A better version that comes too late brings nothing back.
    docs.hear(validated(arrived, docs.b.agency_id))
    assert docs.get(docs.b.clerk, f"/incoming/{arrived}")["validation"] is None


def test_a_refused_recall_says_why_and_may_be_asked_again(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    arrived = registered(docs, docs.b)
    ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", {"reason": "Sai số liệu"}))
    docs.circulate()
    path = f"/incoming/{arrived}/recall-answer"
    assert refusal(docs.post(docs.b.clerk, path, {"agreed": False})) == "declined_without_reason"
    ok(docs.post(docs.b.clerk, path, {"agreed": False, "reason": "Đã triển khai xong"}))
    docs.circulate()
    mine = line(docs, docs.a, document)
    assert (mine["status"], mine["asked"]["status"], mine["asked"]["answer"]) == ("03", "16", "Đã triển khai xong")
    assert not circulation(docs, docs.a, document)["frozen"]
    assert refusal(docs.post(docs.b.clerk, path, {"agreed": True})) == "nothing_asked"
    again = ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", {"reason": "Vẫn phải thu hồi"}))
    assert again["deliveries"][0]["asked"]["status"] == "13"


def test_a_recall_after_completion_has_to_be_meant(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    arrived = registered(docs, docs.b)
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/complete"))
    docs.circulate()
    body: dict[str, Any] = {"reason": "Ban hành sai thẩm quyền"}
    answer = docs.post(docs.a.clerk, f"/documents/{document}/recall", body)
    assert refusal(answer) == "recall_after_completion"
    assert docs.b.name in answer.json()["detail_vi"]
    assert line(docs, docs.a, document)["asked"] is None
    ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", body | {"even_if_completed": True}))
    docs.circulate()
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/recall-answer", {"agreed": True}))
    docs.circulate()
    assert line(docs, docs.a, document)["status"] == "15"


def test_a_recall_from_one_leaves_the_others_and_it_may_be_sent_there_again(docs: Docs) -> None:
    third = agency("H37.03", "UBND xã Ba")
    docs.hear(*states_of(third))
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b, third)
    of_b = next(
        each["delivery_id"]
        for each in circulation(docs, docs.a, document)["deliveries"]
        if each["receiver"]["identifier"] == docs.b.identifier
    )
    ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", {"reason": "Nhầm nơi nhận", "delivery_ids": [of_b]}))
    docs.circulate()
    arrived = docs.arrived(docs.b)["id"]
    docs.hear(validated(UUID(arrived), docs.b.agency_id))
    assert refusal(docs.post(docs.b.clerk, f"/incoming/{arrived}/register")) == "recall_pending"
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/recall-answer", {"agreed": True, "reason": "Đã hủy"}))
    docs.circulate()
    seen = circulation(docs, docs.a, document)
    assert not seen["frozen"]
    assert sorted(each["status"] for each in seen["deliveries"]) == ["01", "15"]
    assert docs.arrived(third)["asked"] is None
    docs.delivered(document, docs.a, docs.b)
    assert docs.arrived(docs.b)["status"] == "01"


def test_what_was_refused_needs_no_answer_when_it_is_taken_back(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    arrived = docs.arrived(docs.b)["id"]
    ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", {"reason": "Nhầm"}))
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/refuse", {"reason": "Không thuộc thẩm quyền"}))  # they cross
    docs.circulate()
    mine = line(docs, docs.a, document)
    assert (mine["status"], mine["asked"]["status"]) == ("02", "15")
    assert docs.get(docs.b.clerk, f"/incoming/{arrived}")["parts"] == []


# --- what replaces, updates and answers what


def follow(docs: Docs, later: UUID, **body: Any) -> Any:
    return docs.post(docs.a.clerk, f"/documents/{later}/relations", body)


def test_a_replacement_is_seen_on_both_sides_and_answered_by_taking_it_up(docs: Docs) -> None:
    first, second, third = (docs.issued(docs.a) for _ in range(3))
    docs.delivered(first, docs.a, docs.b)
    old = registered(docs, docs.b)
    ok(follow(docs, second, kind="replaces", document_id=str(first), reason="Sai căn cứ"), 201)
    assert [each["identifier"] for each in circulation(docs, docs.a, second)["suggested"]] == [docs.b.identifier]
    docs.delivered(second, docs.a, docs.b)
    assert line(docs, docs.a, first)["asked"]["status"] == "13"
    new = UUID(docs.arrived(docs.b)["id"])
    chain = docs.get(docs.b.clerk, f"/incoming/{old}/circulation")["chain"]
    assert (chain["followed_by"][0]["page_id"], chain["current"]["page_id"]) == (str(new), str(new))
    there = docs.get(docs.b.clerk, f"/incoming/{new}/circulation")["chain"]
    assert (there["follows"][0]["page_id"], there["follows"][0]["reason"]) == (str(old), "Sai căn cứ")

    registered(docs, docs.b)
    mine = line(docs, docs.a, first)
    assert (mine["status"], mine["asked"]["about"], mine["asked"]["status"]) == ("03", "replaces", "15")

    # Updating what was replaced: told which one stands now.
    answer = follow(docs, third, kind="updates", document_id=str(first))
    assert refusal(answer) == "already_replaced"
    assert docs.get(docs.a.clerk, f"/documents/{second}")["number_symbol"] in answer.json()["detail_vi"]
    again = docs.post(docs.a.clerk, f"/documents/{first}/dispatch", {"recipients": [docs.b.identifier]})
    assert refusal(again) == "replaced_not_sent"
    assert docs.get(docs.a.clerk, f"/documents/{second}")["number_symbol"] in again.json()["detail_vi"]
    ok(follow(docs, third, kind="updates", document_id=str(second)), 201)
    assert refusal(follow(docs, third, kind="replaces", document_id=str(second))) == "related_already"
    assert refusal(follow(docs, first, kind="replaces", document_id=str(third))) in {
        "related_in_a_circle",
        "sent_without_relation",
    }
    docs.delivered(third, docs.a, docs.b)
    newest = UUID(docs.arrived(docs.b)["id"])
    docs.hear(validated(newest, docs.b.agency_id))
    ok(docs.post(docs.b.clerk, f"/incoming/{newest}/refuse", {"reason": "Không rõ nội dung sửa"}))
    docs.circulate()
    asked = line(docs, docs.a, second)["asked"]
    assert (asked["about"], asked["status"], asked["answer"]) == ("updates", "16", "Không rõ nội dung sửa")
    ours = circulation(docs, docs.a, second)["chain"]
    assert [each["kind"] for each in ours["follows"]] == ["replaces"]
    assert [each["kind"] for each in ours["followed_by"]] == ["updates"]
    assert circulation(docs, docs.a, first)["chain"]["current"]["page_id"] == str(second)


def test_only_issued_documents_of_ones_own_replace_one_another(docs: Docs) -> None:
    first, draft = docs.issued(docs.a), docs.submitted(docs.a)
    foreign = docs.issued(docs.b)
    assert refusal(follow(docs, draft, kind="replaces", document_id=str(first))) == "not_issued"
    assert refusal(follow(docs, first, kind="replaces", document_id=str(draft))) == "not_own_document"
    assert refusal(follow(docs, first, kind="replaces", document_id=str(foreign))) == "not_found"
    second = docs.issued(docs.a)
    made = ok(follow(docs, second, kind="replaces", document_id=str(first)), 201)
    relation = made["chain"]["follows"][0]["relation_id"]
    http = docs.http(docs.a.clerk.principal)
    assert http.delete(f"/documents/{second}/relations/{relation}").status_code == 204
    ok(follow(docs, second, kind="updates", document_id=str(first)), 201)
    docs.delivered(second, docs.a, docs.b)
    relation = circulation(docs, docs.a, second)["chain"]["follows"][0]["relation_id"]
    assert refusal(http.delete(f"/documents/{second}/relations/{relation}")) == "relation_sent"


def test_a_reply_is_linked_on_both_sides_and_completes_what_it_answers(docs: Docs) -> None:
    question = docs.issued(docs.b)
    docs.delivered(question, docs.b, docs.a)
    arrived = docs.arrived(docs.a)["id"]
    reply = docs.submitted(docs.a)
    body = {"kind": "answers", "incoming_id": arrived, "complete": True}
    assert refusal(follow(docs, reply, **body)) == "answer_not_registered"
    registered(docs, docs.a)
    ok(follow(docs, reply, **body), 201)
    assert docs.get(docs.a.clerk, f"/incoming/{arrived}")["status"] == "03"
    docs.hear(prepared(reply, docs.a.leader), signed(reply, docs.a.leader))
    number = ok(docs.post(docs.a.clerk, f"/documents/{reply}/issue"))["number"]
    docs.hear(sealed(reply, number))
    docs.delivered(reply, docs.a, docs.b)
    assert docs.get(docs.a.clerk, f"/incoming/{arrived}")["status"] == "06"
    assert line(docs, docs.b, question)["status"] == "06"
    answered_by = circulation(docs, docs.b, question)["chain"]["followed_by"]
    assert [(each["kind"], each["page"]) for each in answered_by] == [("answers", "incoming")]
    assert answered_by[0]["page_id"] == docs.arrived(docs.b)["id"]
    here = docs.get(docs.a.clerk, f"/incoming/{arrived}/circulation")["chain"]["followed_by"]
    assert [(each["kind"], each["page_id"]) for each in here] == [("answers", str(reply))]


# --- what comes twice, and who does not act


def test_what_arrives_twice_is_said_on_arrival_and_before_it_is_registered(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    first = registered(docs, docs.b)
    # The same once more, as another sender's system may send it: other ids, the same number, symbol and agency.
    (fact,) = [e.data for e in docs.outbox(after=0) if isinstance(e.data, DeliveryDispatched)]
    twin = fact.model_copy(update={"delivery_id": new_id(), "document_id": new_id()})
    docs.hear(twin)
    seen = docs.arrived(docs.b)
    assert seen["duplicate_of"] == str(first)
    (found,) = docs.get(docs.b.clerk, f"/incoming/{seen['id']}/circulation")["twins"]
    assert (found["incoming_id"], found["like"]) == (str(first), "identifier")
    docs.hear(validated(UUID(seen["id"]), docs.b.agency_id))
    answer = docs.post(docs.b.clerk, f"/incoming/{seen['id']}/register")
    assert refusal(answer) == "looks_like_duplicate"
    assert "số đến 1" in answer.json()["detail_vi"]
    done = ok(docs.post(docs.b.clerk, f"/incoming/{seen['id']}/register", {"despite_duplicate": True}))
    assert done["arrival_number"] == 2


def test_another_number_or_another_year_is_no_duplicate(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    registered(docs, docs.b)
    (fact,) = [e.data for e in docs.outbox(after=0) if isinstance(e.data, DeliveryDispatched)]
    for changed in ({"number_symbol": "99/UBND-VX"}, {"issued_on": date(2019, 5, 6)}, {"agency_identifier": "H37.77"}):
        other = fact.descriptor.model_copy(update=changed)
        docs.hear(fact.model_copy(update={"delivery_id": new_id(), "document_id": new_id(), "descriptor": other}))
        assert docs.arrived(docs.b)["duplicate_of"] is None


def test_a_recipient_is_chased_once_a_day_until_it_has_finished(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    ok(docs.post(docs.a.clerk, f"/documents/{document}/chase", {"note": "Cần trước 30/11"}))
    docs.circulate()
    arrived = docs.arrived(docs.b)["id"]
    history = docs.get(docs.b.clerk, f"/incoming/{arrived}")["history"]
    assert [(each["act"], each["detail"]) for each in history][-1] == ("chased", "Cần trước 30/11")
    assert not line(docs, docs.a, document)["may_chase"]
    answer = docs.post(docs.a.clerk, f"/documents/{document}/chase", {})
    assert (answer.status_code, refusal(answer)) == (429, "chased_already")
    later = datetime.now(UTC) + timedelta(hours=25)
    docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: later
    ok(docs.post(docs.a.clerk, f"/documents/{document}/chase", {}))
    docs.app.dependency_overrides.clear()
    registered(docs, docs.b)
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/complete"))
    docs.circulate()
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/chase", {})) == "nobody_to_chase"


def test_others_see_nothing_of_an_agencys_circulation(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    for path in (f"/documents/{document}/circulation", f"/incoming/{docs.arrived(docs.b)['id']}/circulation"):
        stranger = docs.b.clerk if path.startswith("/documents") else docs.a.clerk
        assert docs.http(stranger.principal).get(path).status_code == 404
    ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", {"reason": "x"}))
    for table in ("dispatch", "recall", "document_relation", "incoming_relation"):
        assert docs.rows(docs.b.agency_id, f"SELECT * FROM {table}") == []  # noqa: S608  own names
        assert docs.rows(None, f"SELECT * FROM {table}") == []  # noqa: S608  own names
