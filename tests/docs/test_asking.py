"""What a sender may still ask, whom a chase reaches, who gives receipts, and the work file's notation on the stamp."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.docs.circulation.receipts import Receipt, sealed_by
from services.docs.standing import Post, is_deputy, is_head, is_registrar, leads_agency, sees_all
from shared.events import registry
from shared.events.docs import ArrivalChased, SealReceipt
from shared.events.signing import ReceiptSealed
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import SIGNING, SINCE, Person
from tests.docs.kept_from import arrived, words_of
from tests.docs.test_handling import Office


def circulation(docs: Docs, document: UUID) -> dict[str, Any]:
    found: dict[str, Any] = docs.get(docs.a.clerk, f"/documents/{document}/circulation")
    return found


def test_after_a_full_recall_nothing_is_offered_until_somebody_refuses(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    found = circulation(docs, document)
    assert (found["may_recall"], found["may_chase"]) == (True, True)
    path = f"/documents/{document}"
    ok(docs.post(docs.a.clerk, f"{path}/recall", {"reason": "Gửi nhầm"}))
    found = circulation(docs, document)
    assert (found["may_recall"], found["may_chase"], found["frozen"]) == (False, False, True)
    assert refusal(docs.post(docs.a.clerk, f"{path}/chase", {})) == "nobody_to_chase"
    docs.circulate()
    arrived = docs.arrived(docs.b)["id"]
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived}/recall-answer", {"reason": "Đang xử lý"}))
    docs.circulate()
    found = circulation(docs, document)
    assert (found["may_recall"], found["may_chase"]) == (True, True)


def test_a_chase_reaches_whoever_has_the_document_now(docs: Docs) -> None:
    office = Office(docs)
    found = office.registered()
    office.slip(found)  # the unit leads, whose head has it, and an officer of another one joins
    document = docs.get(docs.a.clerk, "/documents")["items"][0]["id"]
    ok(docs.post(docs.a.clerk, f"/documents/{document}/chase", {"note": "Cần gấp"}))
    assert "ArrivalChased" in docs.circulate()
    (told,) = [each.data for each in docs.outbox(after=0) if isinstance(each.data, ArrivalChased)]
    assert set(told.people) == {office.head.person_id, office.other.person_id}
    assert (told.incoming_id, told.note, told.sender_name) == (found, "Cần gấp", docs.a.name)
    office.do(office.other, next(each for each in tasks(docs, office, found) if each["part"] == "joint")["id"], "start")


def tasks(docs: Docs, office: Office, found: UUID) -> list[dict[str, Any]]:
    slip: list[dict[str, Any]] = docs.get(office.b.leader, f"/incoming/{found}/slip")["leader"]
    return slip


def test_why_there_is_no_receipt_is_said(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b, docs.p)

    def said() -> dict[str, str]:
        lines = circulation(docs, document)["deliveries"]
        return {each["receiver"]["identifier"]: each["receipt"] for each in lines}

    assert said() == {docs.b.identifier: "no_seal", docs.p.identifier: "partner"}
    now = datetime.now(UTC)
    stated = registry.CertificateStated(
        certificate_id=new_id(), kind="seal", agency_id=docs.b.agency_id, pem="", chain_pem="", spki_sha256="0" * 64,
        serial="01", not_before=now - timedelta(days=1), not_after=now + timedelta(days=1), status="active",
    )  # fmt: skip
    docs.hear(stated)
    assert said()[docs.b.identifier] == "expected"
    (order,) = [e.data for e in docs.outbox(after=0) if isinstance(e.data, SealReceipt)]
    sealing = ReceiptSealed(
        receipt_id=order.receipt_id, agency_id=docs.b.agency_id, text=order.text, signature="c2VhbA==",
        certificate_serial="01", by=SIGNING, at=now,
    )  # fmt: skip
    docs.hear(sealing)
    docs.circulate()
    assert said()[docs.b.identifier] == "given"
    page = docs.get(docs.a.clerk, f"/receipts/{order.receipt_id}/page")
    assert (page["receiver"], page["sender"], page["matches"]) == (docs.b.name, docs.a.name, True)
    assert page["files"][0]["sha256"] == "c" * 64
    assert page["sealed_by"] is None  # this seal is four letters, no certificate
    assert (
        refusal(docs.http(docs.a.person("officer").principal).get(f"/receipts/{order.receipt_id}/page")) == "forbidden"
    )


def test_whose_seal_a_receipt_has_is_read_from_its_signature() -> None:
    bare = Receipt(new_id(), new_id(), new_id(), "arrived", False, "", datetime.now(UTC), "not base64!", None)
    assert sealed_by(bare) is None
    assert sealed_by(replace(bare, signature=None)) is None


def test_the_stamp_names_the_work_file(docs: Docs) -> None:
    found = arrived(docs)
    path = f"/incoming/{found}/print"
    assert "99.vp" not in words_of(docs.http(docs.b.clerk.principal).get(path))
    outside = {"code": "99.VP", "reason": "Việc đột xuất"}
    file = ok(docs.post(docs.b.clerk, "/work-files", {"title": "Phòng chống dịch", "outside": outside}), 201)["id"]
    ok(docs.post(docs.b.clerk, f"/work-files/{file}/members", {"kind": "incoming", "subject_id": str(found)}))
    words = words_of(docs.http(docs.b.clerk.principal).get(path))
    assert "hs: 99.vp" in words


def post(title: str, *roles: str, function: Any = None, unit: str | None = None) -> Post:
    ids = (new_id(), "Ai", True, new_id(), new_id())
    return Post(*ids, title, frozenset(roles), SINCE, None, unit, None, function)


def test_what_a_post_is_there_for_counts_before_its_title() -> None:
    clerk = post("Chuyên viên", "clerk", function="registrar")
    assert (is_registrar(clerk), sees_all(clerk)) == (True, True)
    called = post("Văn thư", "clerk", function="specialist")
    assert (is_registrar(called), sees_all(called)) == (False, False)
    unit = post("Chủ tịch Hội", "leader", function="unit_head", unit="Văn phòng")
    assert (is_head(unit), leads_agency(unit)) == (True, False)
    head = post("Phụ trách", "leader", function="head", unit="Lãnh đạo Sở")
    assert (is_head(head), leads_agency(head)) == (True, True)
    assert is_deputy(post("Giúp việc Giám đốc", "leader", function="deputy"))
    assert not is_head(post("Giám đốc", "leader", function="deputy"))
    # Of facts from before, the title tells.
    assert is_registrar(post("Văn thư", "clerk"))
    assert leads_agency(post("Chủ tịch", "leader"))
    assert is_deputy(post("Phó Chủ tịch", "leader"))


def test_a_post_keeps_what_it_is_there_for_in_docs(docs: Docs) -> None:
    """As registry states it: somebody whose title says nothing reads what is restricted, as the agency's registrar."""
    office = Office(docs)
    found = office.registered()
    ok(docs.post(docs.b.clerk, f"/incoming/{found}/access", {"restricted": True}))
    assert refusal(docs.http(office.other.principal).get(f"/incoming/{found}")) == "not_found"
    docs.hear(as_registrar(office.other))
    assert docs.get(office.other, f"/incoming/{found}")["id"] == str(found)


def as_registrar(who: Person) -> registry.PersonStated:
    stated = who.stated()
    posts = tuple(each.model_copy(update={"function": "registrar"}) for each in stated.posts)
    return stated.model_copy(update={"posts": posts})
