"""To whom a document goes: an agency each, a branch of the tree, a group, all 231; and who is refused by name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.docs import numbering
from shared.events import registry
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Agency, agency, states_of


def stated(each: Agency, **changed: Any) -> registry.AgencyStated:
    return each.stated().model_copy(update=changed)


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
    (decision,) = docs.get(docs.a.clerk, f"/documents/{document}/circulation")["dispatches"]
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
    assert took < 30  # half a second on an idle machine; a loaded one is no reason to fail
    (decision,) = docs.get(docs.a.clerk, f"/documents/{document}/circulation")["dispatches"]
    assert decision["recipients"] == 231
