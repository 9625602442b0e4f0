"""Circulation as the two offices see it: who gets a document, what is asked back, what replaces what, what comes twice."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.docs import access, numbering, pdf
from services.docs.circulation import stamp
from services.docs.store import json_of
from shared import db
from shared.events import BlobRef, registry, signing
from shared.events.docs import DeliveryDispatched, Part, SealReceipt
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import SIGNING, Agency, agency, prepared, sealed, signed, states_of, validated


def stated(each: Agency, **changed: Any) -> registry.AgencyStated:
    return each.stated().model_copy(update=changed)


def circulation(docs: Docs, at: Agency, document: UUID) -> dict[str, Any]:
    found: dict[str, Any] = docs.get(at.clerk, f"/documents/{document}/circulation")
    return found


def line(docs: Docs, at: Agency, document: UUID) -> dict[str, Any]:
    """The only delivery of a document, as its sender sees it."""
    (found,) = circulation(docs, at, document)["deliveries"]
    return dict(found)


def registered(docs: Docs, at: Agency) -> UUID:
    """The newest arrival, validated and entered in the register."""
    found = UUID(docs.arrived(at)["id"])
    docs.hear(validated(found, at.agency_id))
    ok(docs.post(at.clerk, f"/incoming/{found}/register"))
    docs.circulate()
    return found


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


# --- to whom


def test_a_tree_a_group_and_names_give_each_agency_once_without_those_left_out(docs: Docs) -> None:
    province, ward = agency("H37", "UBND tỉnh"), agency("H37.01.01", "Trạm y tế Bắc Sơn")
    hamlet = agency("H37.01.01.01", "Điểm trạm số 1")
    docs.hear(
        *states_of(province, ward, hamlet),
        stated(province, level="province"),
        stated(docs.a, parent_id=province.agency_id),
        stated(docs.b, parent_id=province.agency_id),
        stated(ward, parent_id=docs.a.agency_id),
        # It ended, those beneath it did not.
        stated(hamlet, parent_id=ward.agency_id),
    )
    document = docs.issued(docs.a)
    body = {"name": "Khối xã", "members": [docs.b.identifier, ward.identifier]}
    group = ok(docs.post(docs.a.clerk, "/address-groups", body), 201)
    assert group["count"] == 2

    choice = {
        "recipients": [docs.p.identifier],
        "groups": [group["id"]],
        "trees": ["H37"],
        "left_out": ["H37.01.01.01"],
    }
    seen = ok(docs.post(docs.a.clerk, f"/documents/{document}/recipients", choice))
    assert [each["identifier"] for each in seen["recipients"]] == ["G99.01", "H37.02", "H37.01.01", "H37"]
    ways = {each["identifier"]: each["ways"] for each in seen["recipients"]}
    assert ways["H37.02"] == ["Khối xã", "cả cây UBND tỉnh"]
    assert docs.stated("DeliveryDispatched") == []  # looking sends nothing

    sent = ok(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", choice | {"note": "Gửi để thực hiện"}))
    assert sorted(each["receiver"]["identifier"] for each in sent["deliveries"]) == sorted(ways)
    facts = docs.stated("DeliveryDispatched")
    assert len(facts) == 4
    assert len({each.dispatch_id for each in facts}) == 1
    (decision,) = circulation(docs, docs.a, document)["dispatches"]
    assert (decision["recipients"], decision["groups"], decision["trees"]) == (4, ["Khối xã"], ["H37"])
    assert (decision["left_out"], decision["note"]) == (["H37.01.01.01"], "Gửi để thực hiện")

    # Whoever has it is not sent it again by a group or a tree, and refused by name.
    again = ok(docs.post(docs.a.clerk, f"/documents/{document}/recipients", {"trees": ["H37"]}))
    assert [each["identifier"] for each in again["recipients"]] == ["H37.01.01.01"]
    assert len(again["already"]) == 3
    answer = docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"trees": ["H37"], "recipients": ["H37.02"]})
    assert refusal(answer) == "already_dispatched"


def test_an_agency_dissolved_yesterday_is_refused_by_name_and_its_successor_offered(docs: Docs) -> None:
    gone, middle, heir = (
        agency("H37.08", "UBND xã Cũ"),
        agency("H37.09", "UBND xã Giữa"),
        agency("H37.10", "UBND xã Mới"),
    )
    yesterday = numbering.today(datetime.now(UTC)) - timedelta(days=1)
    docs.hear(*states_of(gone, middle, heir))
    document = docs.issued(docs.a)
    group = ok(docs.post(docs.a.clerk, "/address-groups", {"name": "Cụm", "members": ["H37.08", "H37.02"]}), 201)
    docs.hear(
        stated(gone, valid_until=yesterday, successor_ids=(middle.agency_id,)),
        stated(middle, valid_until=yesterday, successor_ids=(heir.agency_id,)),
    )
    docs.outbox()
    named = docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"recipients": ["H37.02", "H37.08"]})
    assert refusal(named) == "recipient_ended"
    assert "UBND xã Cũ" in named.json()["detail_vi"]
    assert "UBND xã Mới (H37.10)" in named.json()["detail_vi"]
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"groups": [group["id"]]})) == (
        "recipient_ended"
    )
    seen = ok(docs.post(docs.a.clerk, f"/documents/{document}/recipients", {"groups": [group["id"]]}))
    assert [each["name"] for each in seen["ended"][0]["successors"]] == ["UBND xã Mới"]
    assert docs.stated("DeliveryDispatched") == []
    instead = {"groups": [group["id"]], "left_out": ["H37.08"], "recipients": ["H37.10"]}
    sent = ok(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", instead))
    assert len(sent["deliveries"]) == 2
    assert (
        refusal(docs.post(docs.a.clerk, "/address-groups", {"name": "X", "members": ["H37.08"]})) == "recipient_ended"
    )


def test_groups_are_an_agencys_own_or_the_provinces(docs: Docs) -> None:
    province = agency("H37", "UBND tỉnh")
    docs.hear(*states_of(province), stated(province, level="province"))
    body = {"name": "Toàn tỉnh", "members": ["H37.01", "H37.02"], "shared": True}
    assert refusal(docs.post(docs.a.clerk, "/address-groups", body)) == "shared_by_province"
    shared = ok(docs.post(province.clerk, "/address-groups", body), 201)
    own = ok(docs.post(docs.a.clerk, "/address-groups", body | {"name": "Riêng", "shared": False}), 201)
    assert [each["name"] for each in docs.get(docs.a.clerk, "/address-groups")["items"]] == ["Riêng", "Toàn tỉnh"]
    assert [each["name"] for each in docs.get(docs.b.clerk, "/address-groups")["items"]] == ["Toàn tỉnh"]
    http = docs.http(docs.a.clerk.principal)
    assert refusal(http.put(f"/address-groups/{shared['id']}", json=body)) == "group_not_yours"
    assert refusal(http.delete(f"/address-groups/{shared['id']}")) == "group_not_yours"
    changed = http.put(f"/address-groups/{own['id']}", json={"name": "Gần", "members": ["H37.02"]})
    assert (ok(changed)["name"], changed.json()["count"]) == ("Gần", 1)
    stale = http.put(f"/address-groups/{own['id']}", json=body | {"shared": False}, headers={"If-Match": '"0"'})
    assert refusal(stale) == "stale_version"
    assert refusal(docs.post(docs.a.clerk, "/address-groups", {"name": "gần", "members": ["H37.02"]})) == (
        "group_name_taken"
    )
    assert http.delete(f"/address-groups/{own['id']}").status_code == 204
    document = docs.issued(docs.a)
    gone = docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"groups": [own["id"]]})
    assert refusal(gone) == "group_unknown"


def test_one_decision_goes_to_231_agencies_in_one_transaction(docs: Docs) -> None:
    province = agency("H37", "UBND tỉnh")
    communes = [
        registry.AgencyStated(
            agency_id=new_id(),
            identifier=f"H37.2.{n:03}",
            name=f"UBND xã số {n}",
            level="commune",
            parent_id=province.agency_id,
            valid_from=date(2020, 1, 1),
        )
        for n in range(230)
    ]
    docs.hear(stated(province, level="province"), *communes)
    document = docs.issued(docs.a)
    docs.outbox()
    started = datetime.now(UTC)
    sent = ok(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"trees": ["H37"]}))
    took = (datetime.now(UTC) - started).total_seconds()
    assert len(sent["deliveries"]) == 231
    assert len(docs.stated("DeliveryDispatched")) == 231
    assert took < 10  # half a second on an idle machine; a loaded one is no reason to fail
    (decision,) = circulation(docs, docs.a, document)["dispatches"]
    assert decision["recipients"] == 231


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


# --- receipts


def test_the_receivers_sealed_receipts_reach_the_sender_once_each(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    registered(docs, docs.b)
    orders = [e.data for e in docs.outbox(after=0) if isinstance(e.data, SealReceipt)]
    assert [json.loads(each.text.partition("\n")[2])["kind"] for each in orders] == ["arrived", "registered"]
    said = json.loads(orders[1].text.partition("\n")[2])
    assert (said["arrival_number"], said["receiver"]["identifier"]) == (1, docs.b.identifier)
    assert [each["sha256"] for each in said["files"]] == ["c" * 64]
    assert orders[1].by.system == "docs"
    assert docs.get(docs.a.clerk, f"/documents/{document}/receipts")["items"] == []

    sealing = signing.ReceiptSealed(
        receipt_id=orders[1].receipt_id,
        agency_id=docs.b.agency_id,
        text=orders[1].text,
        signature="c2VhbA==",
        certificate_serial="01",
        by=SIGNING,
        at=datetime.now(UTC),
    )
    docs.hear(sealing.model_copy(update={"text": "another"}))  # not what was ordered: given to nobody
    docs.hear(sealing)
    docs.circulate()
    (found,) = docs.get(docs.a.clerk, f"/documents/{document}/receipts")["items"]
    assert (found["kind"], found["arrival_number"], found["matches"], found["stamped_at"]) == (
        "registered",
        1,
        True,
        None,
    )
    docs.hear(sealing.model_copy(update={"signature": "c3RhbXBlZA==", "stamped_at": datetime.now(UTC)}))
    docs.circulate()
    (found,) = docs.get(docs.a.clerk, f"/documents/{document}/receipts")["items"]
    assert found["stamped_at"]
    kept = docs.http(docs.a.clerk.principal).get(f"/receipts/{found['receipt_id']}")
    assert kept.json() == {"form": "vanthu receipt 1", "text": orders[1].text, "signature": "c3RhbXBlZA=="}
    own = docs.http(docs.b.clerk.principal).get(f"/receipts/{found['receipt_id']}")
    assert own.status_code == 200, "the receiver keeps what it gave"
    assert docs.rows(None, "SELECT * FROM receipt") == []


# --- the incoming stamp


def test_the_incoming_stamp_is_on_a_print_alone_and_the_signed_file_stays_as_it_is(docs: Docs, tmp_path: Path) -> None:
    document = docs.issued(docs.a)
    held = docs.get(docs.a.clerk, f"/documents/{document}")
    original = docs.http(docs.a.clerk.principal).get(f"/documents/{document}/parts/0/content").content
    docs.delivered(document, docs.a, docs.b)
    arrived = docs.arrived(docs.b)["id"]
    reader = docs.http(docs.b.clerk.principal)
    assert refusal(reader.get(f"/incoming/{arrived}/print")) == "not_stamped_yet"
    # What signing sealed is not in this test's store: the uploaded file stands for it.
    part = Part(ordinal=0, kind="main", filename="01-cong-van.pdf", content=uploaded(docs, document))
    with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:
        tx.execute("UPDATE incoming SET parts = %s WHERE id = %s", [json_of([part]), arrived])
    registered(docs, docs.b)
    printed = reader.get(f"/incoming/{arrived}/print")
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    file = tmp_path / "print.pdf"
    file.write_bytes(printed.content)
    words, pages = pdf.read_text(file, 10_000)
    assert pages == held["parts"][0].get("pages", pages)
    for said in ("ĐẾN", "Số: 1", "Ngày:", "Chuyển:", "Số và ký hiệu HS:", "Bản in từ hệ thống Vanthu"):
        assert said in words
    assert docs.b.name.upper().split()[-1] in words
    assert reader.get(f"/incoming/{arrived}/content").content == original


def test_the_stamp_goes_where_the_page_is_blank() -> None:
    page = (210.0, 297.0)
    assert stamp.spot([], page) == (30.0, 69.0)
    text = [(30.0, 60.0, 195.0, 200.0)]
    left, top = stamp.spot(text, page)
    assert top >= 200 or top + stamp.HEIGHT <= 60
    assert 0 < left < page[0] - stamp.WIDTH
    assert stamp.spot([(0.0, 0.0, 210.0, 297.0)], page) == (stamp.LEFT, stamp.TOP)


def uploaded(docs: Docs, document: UUID) -> BlobRef:
    (row,) = docs.rows(docs.a.agency_id, "SELECT parts FROM document WHERE id = %s", document)
    return BlobRef.model_validate(row["parts"][0]["content"])
