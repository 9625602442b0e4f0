"""Partners: every message is answered once, taken whole or refused whole, and none holds the next one up."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.events import Event, exchange, registry
from shared.events.docs import ValidateDocument
from shared.events.exchange import AgencyRef, DocumentSent, StatusSent
from shared.events.portal import KeyStated
from shared.ids import new_id
from shared.inbox import Record
from tests.docs.conftest import SAMPLES, Docs, ok, record_of, refusal
from tests.docs.facts import PARTNER, agency, record, sealed, sent, states_of, validated

INBOUND = exchange.INBOUND.of(PARTNER)
REPLIES = exchange.REPLIES.of(PARTNER)
PDF = (SAMPLES / "06-to-trinh-tagged.pdf").read_bytes()
_offsets = itertools.count(5000)


def uploaded(docs: Docs, data: bytes = PDF) -> dict[str, Any]:
    return ok(docs.partner().post("/exchange/files?filename=to-trinh.pdf", content=data), 201)


def message(docs: Docs, *recipients: AgencyRef, **changed: Any) -> DocumentSent:
    file = uploaded(docs)
    wanted = recipients or (docs.b.ref,)
    return sent(docs.p, *wanted, digest=file["sha256"], size=file["size"], **changed)


def say(docs: Docs, event: Event) -> list[Any]:
    """The partner publishes it, Kafka delivers it twice; all that was stated because of it."""
    docs.outbox()
    one = record(event, topic=INBOUND)
    assert docs.take(one, one) == ["handled", "duplicate"]
    return [(e.topic, e.data) for e in docs.outbox()]


def raw(value: bytes | None, key: bytes | None = None) -> Record:
    return Record(INBOUND, 0, next(_offsets), key, value, None)


def parked(docs: Docs) -> int:
    return len(docs.rows(None, "SELECT * FROM parked"))


# --- from a partner


def test_a_partners_document_arrives_and_each_status_goes_back(docs: Docs) -> None:
    event = message(docs, docs.a.ref, docs.b.ref)
    stated = say(docs, event)
    (topic, accepted) = stated[-1]
    assert (topic, type(accepted).__name__, accepted.document_id) == (REPLIES, "MessageAccepted", event.document_id)
    assert [d.recipient.identifier for d in accepted.deliveries] == [docs.a.identifier, docs.b.identifier]
    for _topic, delivery in stated[:-1]:
        docs.take(record(delivery, seq=1))
    before = docs.seen
    assert docs.circulate().count("StatusReported") == 2
    orders = [e.data for e in docs.outbox(after=before) if isinstance(e.data, ValidateDocument)]
    assert {(order.type_code, order.came_by) for order in orders} == {("TTr", f"partner:{PARTNER}")}

    arrived = docs.arrived(docs.b)
    assert (arrived["sender"]["identifier"], arrived["number_symbol"]) == (docs.p.identifier, "07/TTr-TTHCC")
    reader = docs.http(docs.b.clerk.principal)
    assert reader.get(f"/incoming/{arrived['id']}/content").content == PDF
    docs.hear(validated(UUID(arrived["id"]), docs.b.agency_id))
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived['id']}/register"))
    before = docs.seen
    assert docs.circulate() == ["DeliveryStatusReported", "SealReceipt", "StatusReported"]
    told = docs.outbox(after=before)[-1]
    assert (told.topic, told.data.status, told.data.document_id) == (REPLIES, "03", event.document_id)  # type: ignore[attr-defined]


def test_a_partner_hears_why_its_document_was_refused(docs: Docs) -> None:
    stated = say(docs, message(docs))
    docs.take(record(stated[0][1], seq=1))
    docs.circulate()
    arrived = UUID(docs.arrived(docs.b)["id"])
    before = docs.seen
    docs.hear(validated(arrived, docs.b.agency_id, "TOTAL_FAILED", code="not_signed"))
    docs.circulate()
    told = docs.outbox(after=before)[-1].data
    assert isinstance(told, exchange.StatusReported)
    assert (told.status, told.reason, told.reason_code) == ("02", "Tệp đã bị sửa sau khi ký.", "not_signed")


def test_the_same_document_sent_again_gets_the_same_answer(docs: Docs) -> None:
    event = message(docs)
    first, again = say(docs, event)[-1][1], say(docs, event)
    assert [type(e).__name__ for _topic, e in again] == ["MessageAccepted"]
    assert again[0][1].deliveries == first.deliveries
    other = event.model_copy(update={"message": event.message.model_copy(update={"abstract": "Việc khác"})})
    ((_topic, answer),) = say(docs, other)
    assert answer.code == "document_id_reused"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sender": AgencyRef(identifier="H37.01", name="UBND xã Bắc Sơn")}, "sender_not_yours"),
        ({"sender": AgencyRef(identifier="H99.01", name="?")}, "sender_not_yours"),
        ({"issued_on": date(2999, 1, 1)}, "issued_in_future"),
        ({"abstract": "a\u0007b"}, "text_not_allowed"),
        ({"signer_name": "  "}, "text_not_allowed"),
        ({"abstract": "\u0958" * 500}, "text_not_allowed"),  # NFC writes each of these letters as two
    ],
)
def test_a_wrong_message_is_refused_whole(docs: Docs, changed: dict[str, Any], code: str) -> None:
    ((topic, answer),) = say(docs, message(docs, **changed))
    assert (topic, type(answer).__name__, answer.code) == (REPLIES, "MessageRejected", code)
    assert answer.detail_vi
    assert answer.detail_en
    assert answer.offset >= 0
    with docs.clients.enter_context(docs.pool.connection()) as tx:
        tx.execute("SELECT set_config('vanthu.partner', %s, true)", [PARTNER])
        assert tx.execute("SELECT * FROM exchange_in").fetchall() == []
    assert parked(docs) == 0


@pytest.mark.parametrize(
    ("recipients", "code"),
    [
        (["H37.02", "H99.99"], "recipient_unknown"),
        (["H37.02", "H37.02"], "recipient_repeated"),
        (["G99.01"], "recipient_is_sender"),
        (["G99.02", "H37.01"], "recipient_not_here"),
    ],
)
def test_one_wrong_recipient_refuses_the_message(docs: Docs, recipients: list[str], code: str) -> None:
    docs.hear(*states_of(agency("G99.02", "Sở Y", PARTNER)))
    refs = [AgencyRef(identifier=each, name="?") for each in recipients]
    ((_topic, answer),) = say(docs, message(docs, *refs))
    assert answer.code == code


def test_a_message_may_be_as_large_as_kafka_takes_it_and_still_gets_its_answer(docs: Docs) -> None:
    """Each would make an event or an answer that does not fit into one; the consumer must not meet that."""
    whole = message(docs)
    file = whole.message.files[0]
    many = whole.message.model_copy(update={"files": (file,) * 4000})
    for event, code in [
        (whole.model_copy(update={"document_id": new_id(), "message": many}), "too_many_entries"),
        (message(docs, *(AgencyRef(identifier=f"H99.{n}", name="?") for n in range(9000))), "too_many_entries"),
        (message(docs, *(AgencyRef(identifier=f"H99.{n:030d}", name="?") for n in range(1000))), "recipient_unknown"),
    ]:
        ((_topic, answer),) = say(docs, event)
        assert (answer.code, len(answer.detail_vi) <= 2000) == (code, True)
    assert parked(docs) == 0


def test_files_must_have_been_uploaded_by_the_same_partner(docs: Docs) -> None:
    other = docs.partner("tinh-khac").post("/exchange/files?filename=x.pdf", content=PDF + b"other")
    file = ok(other, 201)
    event = sent(docs.p, docs.b.ref, digest=file["sha256"], size=file["size"])
    ((_topic, answer),) = say(docs, event)
    assert answer.code == "file_not_uploaded"
    mine = uploaded(docs)
    wrong_size = sent(docs.p, docs.b.ref, digest=mine["sha256"], size=mine["size"] + 1)
    ((_topic, answer),) = say(docs, wrong_size)
    assert answer.code == "file_not_uploaded"
    assert refusal(docs.partner().post("/exchange/files?filename=x.pdf", content=b"")) == "empty_file"


GOOD_ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "0199c0de-0000-7000-8000-000000000001",
    "source": "urn:motcua",
    "type": DocumentSent.TYPE,
    "time": "2026-03-02T08:00:00+07:00",
    "data": {},
}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "empty_message"),
        (b"", "empty_message"),
        (b"xin chao", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[1,2]", "not_json"),
        (b"[" * 200_000, "not_json"),
        (b'{"specversion":"1.0","x":"' + b"a" * 900_001 + b'"}', "message_too_large"),
        (b"{}", "bad_envelope"),
        (json.dumps(GOOD_ENVELOPE).encode(), "bad_data"),
        (json.dumps(GOOD_ENVELOPE | {"data": {"document_id": 7, "message": "\ud800"}}).encode(), "bad_data"),
        (json.dumps(GOOD_ENVELOPE | {"id": "\u0000"}).encode(), "bad_envelope"),
        (json.dumps(GOOD_ENVELOPE | {"source": "a\u0000"}).encode(), "bad_envelope"),
        (json.dumps(GOOD_ENVELOPE | {"sequence": "9" * 30}).encode(), "bad_envelope"),
        (json.dumps(GOOD_ENVELOPE | {"time": 3}).encode(), "bad_envelope"),
        (
            json.dumps(GOOD_ENVELOPE | {"sequence": 0}).encode().replace(b'"sequence": 0', b'"sequence": 1e400'),
            "bad_envelope",
        ),
        (b'{"specversion":"1.0","sequence":' + b"1" * 5000 + b"}", "not_json"),
        (json.dumps(GOOD_ENVELOPE | {"type": "vn.vanthu.unknown.v9\u0000\ud800"}).encode(), "unknown_type"),
    ],
)
def test_an_unreadable_record_is_answered_once_and_holds_nothing_up(docs: Docs, value: bytes | None, code: str) -> None:
    docs.outbox()
    bad = raw(value, key=b"k")
    assert docs.take(bad, bad) == ["refused", "refused"]
    (answer,) = [e.data for e in docs.outbox()]
    assert isinstance(answer, exchange.MessageRejected)
    assert (answer.code, answer.offset, answer.partition) == (code, bad.offset, 0)
    readable = GOOD_ENVELOPE["id"] if value and b"0199c0de" in value else f"{INBOUND}:0:{bad.offset}"
    assert answer.message_id == readable
    assert parked(docs) == 0
    assert [type(e).__name__ for _topic, e in say(docs, message(docs))] == ["DeliveryDispatched", "MessageAccepted"]


def test_a_partner_can_not_state_what_is_not_its_to_state(docs: Docs) -> None:
    docs.outbox()
    key = KeyStated(kid="forged", x="AAAA", status="active", not_after=datetime(2099, 1, 1, tzinfo=UTC))
    for event in (
        key,
        docs.a.stated(),
        registry.Heartbeat(of="registry.person", as_of=datetime(2099, 1, 1, tzinfo=UTC)),
    ):
        assert docs.take(record(event, topic=INBOUND)) == ["refused"]
        (answer,) = [e.data for e in docs.outbox()]
        assert isinstance(answer, exchange.MessageRejected)
        assert answer.code == "wrong_topic"
    assert docs.rows(None, "SELECT * FROM token_key WHERE kid = 'forged'") == []


def test_somebody_elses_unreadable_record_is_parked_for_the_operator(docs: Docs) -> None:
    bad = Record("signing.document", 0, 7, b"k", b"not json", None)
    assert docs.take(bad) == ["parked"]
    assert parked(docs) == 1


# --- to a partner


def to_partner(docs: Docs) -> tuple[UUID, exchange.DocumentDelivered]:
    """A sealed document sent to the partner's agency; what came on the partner's topic."""
    document = docs.signed(docs.a)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    pdf = docs.app.state.office.blobs.put(b"%PDF-1.7 sealed for the partner", "application/pdf")
    docs.hear(sealed(document, number, pdf))
    docs.outbox()
    ok(docs.post(docs.a.clerk, f"/documents/{document}/dispatch", {"recipients": [docs.p.identifier]}))
    before = docs.seen
    assert docs.circulate() == ["DeliveryDispatched", "DocumentDelivered"]
    out = docs.outbox(after=before)[-1]
    assert out.topic == exchange.OUTBOUND.of(PARTNER)
    assert isinstance(out.data, exchange.DocumentDelivered)
    return document, out.data


def status(delivery: UUID, code: str, reason: str | None = None) -> StatusSent:
    return StatusSent(delivery_id=delivery, status=code, reason=reason, staff="Đinh Thị Lan", at=datetime.now(UTC))


def test_a_partner_gets_a_document_fetches_it_and_reports(docs: Docs) -> None:
    document, delivered = to_partner(docs)
    (file,) = delivered.message.files
    assert file.href
    assert delivered.recipient == docs.p.ref
    got = docs.partner().get(file.href.removeprefix("/docs/v1"))
    assert got.content == b"%PDF-1.7 sealed for the partner"
    (listed,) = docs.partner().get("/exchange/deliveries").json()["items"]
    assert (listed["delivery_id"], listed["status"]) == (str(delivered.delivery_id), "00")

    fact, reply = (event for _topic, event in say(docs, status(delivered.delivery_id, "03")))
    assert isinstance(reply, exchange.MessageAccepted)
    docs.take(record(fact, seq=2))
    (seen,) = docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"]
    assert (seen["status"], seen["partner"]) == ("03", PARTNER)
    again = say(docs, status(delivered.delivery_id, "03"))
    assert [type(e).__name__ for _topic, e in again] == ["MessageAccepted"]


def test_a_partners_refusal_needs_a_reason_and_reaches_the_sender(docs: Docs) -> None:
    document, delivered = to_partner(docs)
    for wrong, code in [
        (status(delivered.delivery_id, "02"), "reason_required"),
        (status(delivered.delivery_id, "02", "   "), "reason_required"),
        (status(delivered.delivery_id, "02", "a\u0000b"), "text_not_allowed"),
        (status(delivered.delivery_id, "06"), "status_not_possible"),
        (status(new_id(), "01"), "delivery_unknown"),
    ]:
        ((_topic, answer),) = say(docs, wrong)
        assert answer.code == code
    fact, _reply = (event for _topic, event in say(docs, status(delivered.delivery_id, "02", "Không thuộc thẩm quyền")))
    docs.take(record(fact, seq=2))
    (seen,) = docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"]
    assert (seen["status"], seen["reason"]) == ("02", "Không thuộc thẩm quyền")
    ((_topic, answer),) = say(docs, status(delivered.delivery_id, "03"))
    assert answer.code == "status_not_possible"


@pytest.mark.parametrize(
    ("code", "known", "vi"),
    [
        ("file_damaged", "file_damaged", "mã băm"),
        ("E-4711", "refused_by_partner", "nguyên văn"),
        (None, "refused_by_partner", "nguyên văn"),
    ],
)
def test_a_partners_code_is_said_in_vietnamese_and_its_words_are_quoted(
    docs: Docs, code: str | None, known: str, vi: str
) -> None:
    document, delivered = to_partner(docs)
    refused = status(delivered.delivery_id, "02", "checksum mismatch at byte 4711")
    fact, _reply = (event for _topic, event in say(docs, refused.model_copy(update={"reason_code": code})))
    assert (fact.reason, fact.reason_code) == ("checksum mismatch at byte 4711", known)
    assert vi in fact.reason_vi
    docs.take(record(fact, seq=2))
    (seen,) = docs.get(docs.a.clerk, f"/documents/{document}")["deliveries"]
    assert (seen["reason"], seen["reason_code"]) == ("checksum mismatch at byte 4711", known)
    assert vi in seen["reason_vi"]
    (line,) = docs.get(docs.a.clerk, f"/documents/{document}/circulation")["deliveries"]
    assert line["reason_vi"] == seen["reason_vi"]


def test_a_partner_sees_nothing_of_another_partner(docs: Docs) -> None:
    _document, delivered = to_partner(docs)
    other = docs.partner("tinh-khac")
    assert other.get("/exchange/deliveries").json()["items"] == []
    path = f"/exchange/deliveries/{delivered.delivery_id}/files/{delivered.message.files[0].sha256}"
    assert refusal(other.get(path)) == "not_found"
    stranger = record(status(delivered.delivery_id, "03"), topic=exchange.INBOUND.of("tinh-khac"))
    docs.outbox()
    docs.take(stranger)
    (answer,) = docs.outbox()
    assert (answer.topic, answer.data.code) == (exchange.REPLIES.of("tinh-khac"), "delivery_unknown")  # type: ignore[attr-defined]
    assert refusal(docs.http(docs.a.clerk.principal).get("/exchange/deliveries")) == "partners_only"
    assert refusal(docs.partner().get("/documents")) == "people_only"


# --- taking back, chasing, relations


def pass_on(docs: Docs) -> None:
    """Docs hears all that it has stated about deliveries so far, and what it states because of that."""
    while "handled" in docs.take(*(record_of(e) for e in docs.outbox(after=0) if e.topic == "docs.delivery")):
        pass


def stated_of(docs: Docs, kind: str) -> list[Any]:
    return [e.data for e in docs.outbox(after=0) if type(e.data).__name__ == kind]


def test_a_partner_is_asked_to_give_back_and_its_answer_reaches_the_sender(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.p)
    ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", {"reason": "Sai thẩm quyền"}))
    docs.circulate()
    (asked,) = stated_of(docs, "RecallRequested")
    assert asked.reason == "Sai thẩm quyền"
    now = datetime.now(UTC)
    refused = exchange.RecallAnswered(delivery_id=asked.delivery_id, agreed=False, staff="Hà", at=now)
    assert say(docs, refused)[-1][1].code == "declined_without_reason"
    say(docs, refused.model_copy(update={"reason": "Đã xử lý xong"}))
    pass_on(docs)
    (mine,) = docs.get(docs.a.clerk, f"/documents/{document}/circulation")["deliveries"]
    assert (mine["status"], mine["asked"]["status"], mine["asked"]["answer"]) == ("00", "16", "Đã xử lý xong")

    ok(docs.post(docs.a.clerk, f"/documents/{document}/recall", {"reason": "Vẫn thu hồi"}))
    pass_on(docs)
    agreed = exchange.RecallAnswered(delivery_id=asked.delivery_id, agreed=True, staff="Hà", at=now)
    (_, fact), (_, accepted) = say(docs, agreed)
    assert (fact.status, type(accepted).__name__) == ("15", "MessageAccepted")
    pass_on(docs)
    (mine,) = docs.get(docs.a.clerk, f"/documents/{document}/circulation")["deliveries"]
    assert (mine["status"], mine["asked"]["status"]) == ("15", "15")
    digest = stated_of(docs, "DocumentDelivered")[0].message.files[0].sha256
    answer = docs.partner().get(f"/exchange/deliveries/{asked.delivery_id}/files/{digest}")
    assert (answer.status_code, refusal(answer)) == (410, "content_destroyed")
    status = StatusSent(delivery_id=asked.delivery_id, status="03", staff="Hà", at=now)
    assert say(docs, status)[-1][1].code == "status_not_possible"


def test_a_partner_takes_back_what_it_sent(docs: Docs) -> None:
    say(docs, message(docs))
    (fact,) = stated_of(docs, "DeliveryDispatched")
    pass_on(docs)
    arrived = docs.arrived(docs.b)["id"]
    docs.outbox()
    now = datetime.now(UTC)
    recall = exchange.RecallSent(delivery_id=fact.delivery_id, reason="Gửi nhầm", staff="Lan", at=now)
    (_, asked), (_, accepted) = say(docs, recall)
    assert (asked.status, asked.reason, type(accepted).__name__) == ("13", "Gửi nhầm", "MessageAccepted")
    pass_on(docs)
    assert docs.get(docs.b.clerk, f"/incoming/{arrived}")["asked"]["reason"] == "Gửi nhầm"
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/recall-answer", {"agreed": True, "reason": "Đã hủy"}))
    pass_on(docs)
    told = stated_of(docs, "StatusReported")[-1]
    assert (told.status, told.about, told.reason) == ("15", "recall", "Đã hủy")
    unknown = recall.model_copy(update={"delivery_id": new_id()})
    assert say(docs, unknown)[-1][1].code == "delivery_unknown"


def test_a_partner_is_chased_and_told_what_replaces_what(docs: Docs) -> None:
    first, second = docs.issued(docs.a), docs.issued(docs.a)
    docs.delivered(first, docs.a, docs.p)
    ok(docs.post(docs.a.clerk, f"/documents/{first}/chase", {"note": "Gấp"}))
    body = {"kind": "replaces", "document_id": str(first), "reason": "Sai căn cứ"}
    ok(docs.post(docs.a.clerk, f"/documents/{second}/relations", body), 201)
    docs.delivered(second, docs.a, docs.p)
    (urged,) = stated_of(docs, "DeliveryUrged")
    assert urged.note == "Gấp"
    delivered = stated_of(docs, "DocumentDelivered")
    assert delivered[0].document_id == first
    (related,) = delivered[1].relations
    assert (related.kind, related.document_id, related.reason) == ("replaces", first, "Sai căn cứ")


def test_a_partners_answer_is_shown_at_the_question(docs: Docs) -> None:
    question = docs.issued(docs.b)
    docs.delivered(question, docs.b, docs.p)
    answer = message(docs).model_copy(
        update={"relations": (exchange.RelatedDocument(kind="answers", document_id=question),)}
    )
    say(docs, answer)
    assert any(each.relations for each in stated_of(docs, "DeliveryDispatched"))
    pass_on(docs)
    (shown,) = docs.get(docs.b.clerk, f"/documents/{question}/circulation")["chain"]["followed_by"]
    assert (shown["kind"], shown["page_id"]) == ("answers", docs.arrived(docs.b)["id"])
