"""The office from submission to the last status: HTTP and events in, HTTP and outbox out, redelivery changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.docs import access
from shared.events.docs import PrepareDocument, SealDocument, ValidateDocument
from shared.ids import new_id
from tests.docs.conftest import SAMPLES, Docs, ok, refusal
from tests.docs.facts import agency, blob, delayed, heartbeats, prepared, refused, sealed, signed, states_of, validated


def names(events: list[object]) -> list[str]:
    return [type(event).__name__ for event in events]


# --- the way out


def test_a_document_goes_from_draft_to_issued(docs: Docs) -> None:
    clerk, leader = docs.a.clerk, docs.a.leader
    made = ok(docs.post(clerk, "/documents", docs.draft(docs.a)), 201)
    document = UUID(made["id"])
    assert made["state"] == "preparing"
    assert made["waiting_for"] == {"role": "system", "name": None}
    submitted, approved, order = docs.stated()
    assert names([submitted, approved, order]) == ["DocumentSubmitted", "DocumentApproved", "PrepareDocument"]
    assert isinstance(order, PrepareDocument)
    assert (order.descriptor.symbol, order.signers[0].name) == ("UBND-VX", leader.name)
    assert submitted.by.name == clerk.name

    assert docs.hear(prepared(document, leader)) == ["handled"]
    seen = docs.get(leader, f"/documents/{document}")
    assert (seen["state"], seen["waiting_for"]) == ("awaiting_signature", {"role": "leader", "name": leader.name})
    docs.hear(signed(document, leader))
    assert docs.get(clerk, f"/documents/{document}")["state"] == "signed"
    assert docs.stated() == []

    issued = ok(docs.post(clerk, f"/documents/{document}/issue"))
    assert (issued["state"], issued["number"], issued["number_symbol"]) == ("sealing", 1, "01/UBND-VX")
    numbered, seal = docs.stated()
    assert isinstance(seal, SealDocument)
    assert (seal.number, seal.number_symbol, seal.issued_on) == (1, "01/UBND-VX", numbered.issued_on)

    docs.hear(sealed(document, 1))
    final = docs.get(clerk, f"/documents/{document}")
    assert (final["state"], final["level"], final["content"]["sha256"]) == ("issued", "PAdES-BASELINE-LTA", "c" * 64)
    assert [line["act"] for line in final["history"]] == ["submitted", "prepared", "signed", "numbered", "issued"]
    assert names(docs.stated()) == ["DocumentIssued"]


def test_a_document_whose_places_are_to_be_confirmed_waits_for_its_clerk(docs: Docs) -> None:
    clerk, leader = docs.a.clerk, docs.a.leader
    document = UUID(ok(docs.post(clerk, "/documents", docs.draft(docs.a)), 201)["id"])
    docs.hear(delayed(document, "prepare"))
    assert docs.get(clerk, f"/documents/{document}")["waiting_for"]["role"] == "system"
    docs.hear(delayed(document, "prepare", "places_to_confirm"))
    asked = docs.get(clerk, f"/documents/{document}")
    assert (asked["state"], asked["state_reason"]["code"]) == ("preparing", "places_to_confirm")
    assert asked["waiting_for"] == {"role": "clerk", "name": clerk.name}
    docs.hear(prepared(document, leader))
    assert docs.get(clerk, f"/documents/{document}")["waiting_for"]["role"] == "leader"


def test_a_second_click_on_issue_gives_the_same_number(docs: Docs) -> None:
    document = docs.signed(docs.a)
    docs.stated()
    with ThreadPoolExecutor(8) as clicks:
        answers = list(clicks.map(lambda _: ok(docs.post(docs.a.clerk, f"/documents/{document}/issue")), range(8)))
    assert {answer["number_symbol"] for answer in answers} == {"01/UBND-VX"}
    assert names(docs.stated()) == ["DocumentNumbered", "SealDocument"]
    other = docs.signed(docs.a, type_code="QĐ", symbol="UBND")
    assert ok(docs.post(docs.a.clerk, f"/documents/{other}/issue"))["number_symbol"] == "02/QĐ-UBND"


def test_a_second_click_on_submit_makes_one_document(docs: Docs) -> None:
    body = docs.draft(docs.a)
    first = ok(docs.post(docs.a.clerk, "/documents", body, key="k1"), 201)
    assert ok(docs.post(docs.a.clerk, "/documents", body, key="k1"), 201)["id"] == first["id"]
    assert len(docs.get(docs.a.clerk, "/documents")["items"]) == 1
    assert refusal(docs.post(docs.a.clerk, "/documents", body | {"urgency": 2}, key="k1")) == "idempotency_key_reused"


def test_reviewers_approve_before_the_leader_is_asked(docs: Docs) -> None:
    reviewers = [docs.a.person("second clerk"), docs.a.leader]
    document = docs.submitted(docs.a, reviewer_ids=[str(r.person_id) for r in reviewers])
    assert names(docs.stated()) == ["DocumentSubmitted"]
    assert docs.get(docs.a.clerk, f"/documents/{document}")["waiting_for"]["name"] == reviewers[0].name
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/approve")) == "not_a_reviewer"
    for _click in range(2):
        assert ok(docs.post(reviewers[0], f"/documents/{document}/approve"))["state"] == "in_review"
    (told,) = docs.stated()
    assert (told.act, told.document_id, told.by.name) == ("approved", document, reviewers[0].name)
    assert told.people == (reviewers[0].person_id,), "whose turn it is no more"
    for _click in range(2):
        assert ok(docs.post(reviewers[1], f"/documents/{document}/approve"))["state"] == "preparing"
    assert names(docs.stated()) == ["DocumentApproved", "PrepareDocument"]


def test_the_leader_returns_a_document_and_it_comes_again(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    docs.hear(prepared(document, docs.a.leader))
    path = f"/documents/{document}"
    assert refusal(docs.post(docs.a.clerk, f"{path}/return", {"reason": "x"})) == "not_yours_to_return"
    assert refusal(docs.post(docs.a.leader, f"{path}/return", {"reason": "  "})) == "invalid_request"
    docs.stated()
    for _click in range(2):
        back = ok(docs.post(docs.a.leader, f"{path}/return", {"reason": "Sai căn cứ pháp lý"}))
    assert (back["state"], back["waiting_for"]["name"]) == ("returned", docs.a.clerk.name)
    assert "Sai căn cứ pháp lý" in back["state_reason"]["vi"]
    assert names(docs.stated()) == ["DocumentReturned"]

    docs.hear(signed(document, docs.a.leader))  # it had been on its way already
    assert docs.get(docs.a.clerk, path)["state"] == "returned"
    assert refusal(docs.post(docs.a.clerk, f"{path}/issue")) == "not_signed_yet"

    file_id = ok(docs.upload(docs.a.clerk, "02-bao-cao.pdf"), 201)["file_id"]
    body = {"parts": [{"file_id": file_id, "kind": "main"}], "abstract": "V/v đã sửa căn cứ"}
    again = ok(docs.post(docs.a.clerk, f"{path}/resubmit", body))
    assert (again["state"], again["abstract"], again["state_reason"]) == ("preparing", "V/v đã sửa căn cứ", None)
    assert again["content"]["size"] == (SAMPLES / "02-bao-cao.pdf").stat().st_size
    assert names(docs.stated()) == ["DocumentSubmitted", "DocumentApproved", "PrepareDocument"]
    assert refusal(docs.post(docs.a.clerk, f"{path}/resubmit", body)) == "not_returned"


def test_what_signing_refuses_and_delays_is_shown_with_the_reason(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    path = f"/documents/{document}"
    docs.hear(delayed(document, "prepare"))
    waiting = docs.get(docs.a.clerk, path)
    assert (waiting["state"], waiting["state_reason"]["code"]) == ("preparing", "tsa_unavailable")
    docs.hear(refused(document, "prepare"))
    ended = docs.get(docs.a.clerk, path)
    assert (ended["state"], ended["state_reason"]["vi"]) == ("refused", "Biểu mẫu XFA không ký được.")


def test_a_refused_seal_keeps_its_number_until_a_clerk_voids_it(docs: Docs) -> None:
    document = docs.signed(docs.a)
    path = f"/documents/{document}"
    assert refusal(docs.post(docs.a.clerk, f"{path}/void-number", {"reason": "nhầm"})) == "nothing_to_void"
    ok(docs.post(docs.a.clerk, f"{path}/issue"))
    docs.hear(refused(document, "seal"))
    stuck = docs.get(docs.a.clerk, path)
    assert (stuck["state"], stuck["number"], stuck["state_reason"]["code"]) == ("sealing", 1, "pdf_xfa")
    docs.stated()
    assert refusal(docs.post(docs.a.leader, f"{path}/void-number", {"reason": "không đóng dấu được"})) == "forbidden"
    for _click in range(2):
        void = ok(docs.post(docs.a.clerk, f"{path}/void-number", {"reason": "không đóng dấu được"}))
    assert (void["state"], void["number_symbol"]) == ("voided", "01/UBND-VX")
    assert names(docs.stated()) == ["NumberVoided"]
    docs.hear(sealed(document, 1))  # too late
    assert docs.get(docs.a.clerk, path)["state"] == "voided"
    assert refusal(docs.post(docs.a.clerk, f"{path}/issue")) == "number_voided"
    (entry,) = docs.rows(docs.a.agency_id, "SELECT * FROM book")
    assert (entry["number"], entry["void_reason"]) == (1, "không đóng dấu được")
    other = docs.signed(docs.a)
    assert ok(docs.post(docs.a.clerk, f"/documents/{other}/issue"))["number"] == 2


def test_two_clerks_do_not_overwrite_each_other(docs: Docs) -> None:
    document = docs.submitted(docs.a, reviewer_ids=[str(docs.a.leader.person_id)])
    answer = docs.http(docs.a.clerk.principal).get(f"/documents/{document}")
    seen = {"If-Match": answer.headers["etag"]}
    stale = {"If-Match": '"77"'}
    assert refusal(docs.post(docs.a.leader, f"/documents/{document}/approve", headers=stale)) == "stale_version"
    assert ok(docs.post(docs.a.leader, f"/documents/{document}/approve", headers=seen))["state"] == "preparing"


def test_the_date_on_paper_is_the_day_in_viet_nam(docs: Docs) -> None:
    late = datetime(2026, 12, 31, 17, 30, tzinfo=UTC)  # half past midnight on New Year's Day in Hà Nội
    first, second = docs.signed(docs.a), docs.signed(docs.a)
    docs.hear(*heartbeats(late))
    clock: Callable[[], Callable[[], datetime]] = lambda: lambda: late - timedelta(hours=1)  # noqa: E731
    docs.app.dependency_overrides[access.clock_dependency] = clock
    old = ok(docs.post(docs.a.clerk, f"/documents/{first}/issue"))
    docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: late
    new = ok(docs.post(docs.a.clerk, f"/documents/{second}/issue"))
    assert (old["issued_on"], old["number"]) == ("2026-12-31", 1)
    assert (new["issued_on"], new["number"]) == ("2027-01-01", 1)


def test_no_number_is_taken_on_an_old_copy_of_the_registry(docs: Docs) -> None:
    document = docs.signed(docs.a)
    later = datetime.now(UTC) + timedelta(seconds=docs.settings.registry_stale_after + 5)
    docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: later
    answer = docs.post(docs.a.clerk, f"/documents/{document}/issue")
    assert (answer.status_code, refusal(answer)) == (503, "registry_copy_stale")
    assert docs.rows(docs.a.agency_id, "SELECT * FROM book") == []
    docs.hear(*heartbeats(later))
    assert ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"] == 1


# --- what may be submitted, and by whom


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type_code": "XX"}, "type_unknown"),
        ({"type_code": "SY"}, "type_unknown"),
        ({"symbol": "UBND VX"}, "symbol_malformed"),
        ({"symbol": "UBND"}, "symbol_malformed"),
        ({"symbol": "../UBND-VX"}, "symbol_malformed"),
        ({"abstract": "   "}, "invalid_request"),
        ({"abstract": "a\u0000b"}, "invalid_request"),
        ({"urgency": 4}, "invalid_request"),
        ({"authority_id": str(new_id())}, "authority_unknown"),
        ({"reviewer_ids": [str(new_id())]}, "reviewer_unknown"),
        ({"parts": []}, "invalid_request"),
        ({"parts": [{"file_id": str(new_id()), "kind": "main"}]}, "file_unknown"),
        ({"parts": [{"file_id": str(new_id()), "kind": "annex"}]}, "main_part_first"),
    ],
)
def test_a_wrong_submission_gets_one_clear_reason_and_leaves_nothing(
    docs: Docs, changed: dict[str, object], code: str
) -> None:
    answer = docs.post(docs.a.clerk, "/documents", docs.draft(docs.a, **changed))
    assert (answer.status_code, refusal(answer)) == (422, code)
    assert docs.get(docs.a.clerk, "/documents")["items"] == []
    assert docs.stated() == []


def test_authority_is_what_registry_says_today(docs: Docs) -> None:
    def try_again(code: str | None) -> None:
        answer = docs.post(docs.a.clerk, "/documents", docs.draft(docs.a))
        assert (refusal(answer) if code else ok(answer, 201)["state"]) == (code or "preparing")

    docs.hear(docs.a.authority(withdrawn=True))
    try_again("authority_ended")
    docs.hear(docs.a.authority(document_types=("QĐ",)))
    try_again("authority_other_types")
    docs.hear(docs.a.authority(valid_until=datetime.now(UTC).date() - timedelta(days=2)))
    try_again("authority_ended")
    docs.hear(docs.a.authority())
    try_again(None)
    docs.hear(docs.a.leader.stated(active=False))
    try_again("authority_ended")


def test_who_was_removed_may_do_nothing_more_at_once(docs: Docs) -> None:
    ok(docs.upload(docs.a.clerk), 201)
    docs.hear(docs.a.clerk.stated(until=datetime.now(UTC).date() - timedelta(days=2)))
    for answer in (docs.upload(docs.a.clerk), docs.http(docs.a.clerk.principal).get("/documents")):
        assert (answer.status_code, refusal(answer)) == (403, "not_in_post")


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ("r1-mat-khau-mo.pdf", "pdf_password"),
        ("r2-cat-cut.pdf", "pdf_damaged"),
        ("r3-khong-phai-pdf.pdf", "not_a_pdf"),
        ("r4-rong-0-byte.pdf", "empty_file"),
        ("r7-han-che-sua-doi.pdf", "pdf_restricted"),
    ],
)
def test_a_file_that_cannot_be_a_document_is_refused_at_once(docs: Docs, sample: str, code: str) -> None:
    answer = docs.upload(docs.a.clerk, sample)
    assert (answer.status_code, refusal(answer)) == (422, code)


def test_a_file_over_the_limit_is_refused_and_not_kept(docs: Docs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MAX_FILE", 20 * 1024 * 1024)
    chunk = b"%PDF-1.7\n" + b"\0" * (1024 * 1024)
    body = (chunk for _ in range(40))
    headers = {"Idempotency-Key": "big"}
    answer = docs.http(docs.a.clerk.principal).post("/files?filename=to.pdf", content=body, headers=headers)
    assert (answer.status_code, refusal(answer)) == (413, "file_too_large")
    assert docs.rows(docs.a.agency_id, "SELECT * FROM file") == []


def test_an_uploaded_file_comes_back_unchanged(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    answer = docs.http(docs.a.leader.principal).get(f"/documents/{document}/content")
    assert answer.content == (SAMPLES / "01-cong-van.pdf").read_bytes()
    assert answer.headers["content-type"] == "application/pdf"
    part = docs.http(docs.a.leader.principal).get(f"/documents/{document}/parts/0/content")
    assert part.content == answer.content
    assert docs.http(docs.a.leader.principal).get(f"/documents/{document}/parts/1/content").status_code == 404


def test_choices_offer_what_the_agency_may_choose(docs: Docs) -> None:
    found = docs.get(docs.a.clerk, "/choices")
    assert len(found["types"]) == 29 + 3, "those of art. 7 and the legal normative ones"
    assert [a["person_name"] for a in found["authorities"]] == [docs.a.leader.name]
    assert docs.b.leader.person_id not in {UUID(r["person_id"]) for r in found["reviewers"]}
    assert [r["code"] for r in found["registers"]] == ["VB"]
    by_name = docs.get(docs.a.clerk, "/agencies?q=dong dang")["items"]
    assert by_name == [{"identifier": "H37.02", "name": "UBND xã Đồng Đăng", "level": "commune", "partner": None}]
    assert [a["identifier"] for a in docs.get(docs.a.clerk, "/agencies?level=outside")["items"]] == ["G99.01"]
    assert docs.get(docs.a.clerk, "/agencies?q=100%25")["items"] == []


def test_a_long_list_comes_in_pages(docs: Docs) -> None:
    body = docs.draft(docs.a)
    made = [ok(docs.post(docs.a.clerk, "/documents", body), 201)["id"] for _ in range(access.PAGE + 3)]
    first = docs.get(docs.a.clerk, "/documents")
    second = docs.get(docs.a.clerk, f"/documents?cursor={first['next_cursor']}")
    assert [d["id"] for d in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    broken = docs.http(docs.a.clerk.principal).get("/documents?cursor=zzzz")
    assert refusal(broken) == "invalid_request"


# --- dispatch and arrival


def test_nothing_is_dispatched_before_it_is_issued(docs: Docs) -> None:
    document = docs.signed(docs.a)
    docs.stated()
    body = {"recipients": [docs.b.identifier]}
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", body)) == "not_issued"
    ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", body)) == "not_issued"
    assert names(docs.stated()) == ["DocumentNumbered", "SealDocument"]


@pytest.mark.parametrize(
    ("recipients", "code", "named"),
    [
        (["H37.02", "H99.99"], "recipient_unknown", "H99.99"),
        (["H37.02", "H37.02"], "recipient_repeated", "H37.02"),
        (["H37.02", "H37.01"], "recipient_is_sender", ""),
    ],
)
def test_one_wrong_recipient_stops_the_whole_dispatch(docs: Docs, recipients: list[str], code: str, named: str) -> None:
    document = docs.issued(docs.a)
    docs.stated()
    answer = docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"recipients": recipients})
    assert (answer.status_code, refusal(answer)) == (422, code)
    assert named in answer.json()["detail_vi"]
    assert docs.stated() == []
    assert docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"] == []


def test_a_delivery_is_registered_handled_and_the_sender_sees_each_status(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.stated()
    body = {"recipients": [docs.b.identifier]}
    for _click in range(2):
        answer = ok(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", body, key="send"))
    assert [d["status"] for d in answer["deliveries"]] == ["00"]
    assert docs.circulate() == ["DeliveryDispatched", "DeliveryStatusReported", "ValidateDocument", "SealReceipt"]
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", body)) == "already_dispatched"

    arrived = docs.arrived(docs.b)
    path = f"/incoming/{arrived['id']}"
    assert (arrived["status"], arrived["number_symbol"], arrived["sender"]["name"]) == ("01", "01/UBND-VX", docs.a.name)
    assert refusal(docs.post(docs.b.clerk, f"{path}/register")) == "not_validated_yet"
    docs.hear(validated(UUID(arrived["id"]), docs.b.agency_id))
    for _click in range(2):
        registered = ok(docs.post(docs.b.clerk, f"{path}/register"))
        assert (registered["status"], registered["arrival_number"]) == ("03", 1)
    officer = docs.b.person("second clerk")
    for _click in range(2):
        assigned = ok(docs.post(docs.b.leader, f"{path}/assign", {"person_id": str(officer.person_id)}))
    assert assigned["assignee"]["name"] == officer.name
    assert refusal(docs.post(docs.b.clerk, f"{path}/refuse", {"reason": "muộn"})) == "status_not_possible"
    ok(docs.post(officer, f"{path}/start"))
    done = ok(docs.post(officer, f"{path}/complete", {"note": "Đã trả lời bằng văn bản số 12"}))
    assert (done["status"], done["status_vi"]) == ("06", "Hoàn thành")
    stated = docs.circulate()
    assert [each for each in stated if each != "TaskChanged"] == [
        "DeliveryStatusReported", "SealReceipt", *["DeliveryStatusReported"] * 3
    ]  # fmt: skip
    assert stated.count("TaskChanged") == 3, "given, started, done: told inside the agency, once each"

    (delivery,) = docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"]
    assert (delivery["status"], delivery["arrival_number"]) == ("06", 1)
    assert [line["act"] for line in delivery["history"]] == ["00", "01", "03", "04", "05", "06"]
    assert "Đã trả lời" not in str(delivery), "what happens inside the receiver is not the sender's matter"


def test_231_agencies_get_a_document_at_once(docs: Docs) -> None:
    others = [agency(f"H37.{n:03d}", f"Đơn vị số {n}") for n in range(100, 330)]
    docs.hear(*states_of(*others))
    document = docs.issued(docs.a)
    docs.stated()
    body = {"recipients": [docs.b.identifier, *(each.identifier for each in others)]}
    answer = ok(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", body))
    assert len(answer["deliveries"]) == 231
    stated = docs.circulate()
    assert stated.count("DeliveryDispatched") == stated.count("ValidateDocument") == 231
    final = docs.get(docs.a.clerk, f"/documents/{document}")
    assert {d["status"] for d in final["deliveries"]} == {"01"}
    assert docs.arrived(others[-1])["status"] == "01"


@pytest.mark.parametrize("verdict", [{}, {"code": "blob_damaged"}, {"sub_indication": "HASH_FAILURE"}])
def test_a_tampered_delivery_is_refused_by_the_receiver_and_the_sender_sees_why(
    docs: Docs, verdict: dict[str, str]
) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    arrived = docs.arrived(docs.b)
    docs.hear(validated(UUID(arrived["id"]), docs.b.agency_id, "TOTAL_FAILED", **verdict))
    refused_now = docs.arrived(docs.b)
    assert (refused_now["status"], refused_now["reason"]) == ("02", "Tệp đã bị sửa sau khi ký.")
    docs.circulate()
    (delivery,) = docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"]
    code = verdict.get("code") or verdict.get("sub_indication") or "TOTAL_FAILED"
    assert (delivery["status"], delivery["reason"], delivery["reason_code"]) == (
        "02",
        "Tệp đã bị sửa sau khi ký.",
        code,
    )
    assert refusal(docs.post(docs.b.clerk, f"/incoming/{arrived['id']}/register")) == "already_refused"


def test_the_clerk_judges_what_validation_can_not(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    arrived = UUID(docs.arrived(docs.b)["id"])
    docs.hear(delayed(arrived, "validate"))
    assert docs.get(docs.b.clerk, f"/incoming/{arrived}")["delayed"]["code"] == "tsa_unavailable"
    docs.hear(validated(arrived, docs.b.agency_id, "INDETERMINATE"))
    seen = docs.get(docs.b.clerk, f"/incoming/{arrived}")
    assert (seen["status"], seen["validation"]["indication"], seen["delayed"]) == ("01", "INDETERMINATE", None)
    assert refusal(docs.post(docs.b.clerk, f"/incoming/{arrived}/refuse", {"reason": " "})) == "invalid_request"
    for _click in range(2):
        back = ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/refuse", {"reason": "Gửi nhầm cơ quan"}))
    assert (back["status"], back["reason"]) == ("02", "Gửi nhầm cơ quan")
    docs.circulate()
    (delivery,) = docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"]
    assert (delivery["status"], delivery["reason"]) == ("02", "Gửi nhầm cơ quan")

    docs.delivered(document, docs.a, docs.b)  # the clerks have talked: it was meant for them after all
    statuses = [d["status"] for d in docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"]]
    assert statuses == ["02", "01"]
    body = {"recipients": [docs.b.identifier]}
    assert refusal(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", body)) == "already_dispatched"


def test_the_receiver_reads_the_file_and_the_report(docs: Docs) -> None:
    office = docs.app.state.office
    document = docs.signed(docs.a)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    pdf = office.blobs.put(b"%PDF-1.7 sealed", "application/pdf")
    docs.hear(sealed(document, number, pdf))
    docs.delivered(document, docs.a, docs.b)
    arrived = UUID(docs.arrived(docs.b)["id"])
    reader = docs.http(docs.b.leader.principal)
    assert reader.get(f"/incoming/{arrived}/content").content == b"%PDF-1.7 sealed"
    assert refusal(reader.get(f"/incoming/{arrived}/report")) == "not_found"
    report = office.blobs.put(b'{"ok": true}', "application/json")
    docs.hear(validated(arrived, docs.b.agency_id, report=report))
    assert reader.get(f"/incoming/{arrived}/report").json() == {"ok": True}


def test_a_damaged_blob_is_never_served(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    docs.hear(prepared(document, docs.a.leader, blob("d")))
    answer = docs.http(docs.a.leader.principal).get(f"/documents/{document}/content")
    assert refusal(answer) == "blob_missing"


def test_the_order_to_validate_names_the_bytes_that_the_sender_declared(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.stated()
    ok(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"recipients": [docs.b.identifier]}))
    seen = docs.seen
    docs.circulate()
    (order,) = [e.data for e in docs.outbox(after=seen) if isinstance(e.data, ValidateDocument)]
    assert (order.content, order.agency_id) == (blob("c"), docs.b.agency_id)
    assert (order.type_code, order.came_by) == ("CV", "network"), "by which the policy is chosen"
    arrived = docs.arrived(docs.b)
    docs.hear(validated(UUID(arrived["id"]), docs.b.agency_id, policy="incoming"))
    assert docs.arrived(docs.b)["validation"]["policy"] == "incoming"
