"""A document goes only to somebody who may sign it on that day; what they signed while they might is numbered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.events.docs import DocumentSubmitted, PrepareDocument
from shared.events.registry import AuthorityStated
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Person, prepared, signed

BLOCK = ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")


def deputy_of(docs: Docs, **changed: Any) -> tuple[Person, AuthorityStated]:
    """A deputy to whom the chair of A has passed the authority on, as registry states both."""
    deputy = Person("Hà Thị Phó", "Phó Chủ tịch", docs.a.agency_id, ("leader",))
    delegated = docs.a.authority(
        authority_id=new_id(),
        person_id=deputy.person_id,
        post_id=deputy.post_id,
        capacity="KT.",
        block=BLOCK,
        valid_until=datetime.now(UTC).date() + timedelta(days=7),
        delegated_from=docs.a.authority_id,
        delegated_by=docs.a.leader.person_id,
        basis="12/QĐ-UBND",
        basis_on=date(2026, 11, 1),
        **changed,
    )
    docs.hear(deputy.stated(), delegated)
    docs.stated()
    return deputy, delegated


def test_capacity_source_and_document_of_a_delegation_stand_in_every_fact_about_the_signer(docs: Docs) -> None:
    deputy, delegated = deputy_of(docs)
    document = docs.submitted(docs.a, authority_id=str(delegated.authority_id))
    submitted, _approved, order = docs.stated()
    assert isinstance(submitted, DocumentSubmitted)
    assert isinstance(order, PrepareDocument)
    for [signer] in (submitted.signers, order.signers):
        assert (signer.person_id, signer.capacity, signer.block) == (deputy.person_id, "KT.", BLOCK)
        assert (signer.delegated_from, signer.basis) == (docs.a.authority_id, "12/QĐ-UBND, 01/11/2026")
    shown = docs.get(docs.a.clerk, f"/documents/{document}")["signer"]
    assert (shown["capacity"], shown["basis"]) == ("KT.", "12/QĐ-UBND, 01/11/2026")


def test_the_head_of_an_agency_beneath_signs_by_order_and_nobody_else_from_elsewhere(docs: Docs) -> None:
    head = docs.b.leader
    changed = {"person_id": head.person_id, "post_id": head.post_id, "block": ("TL. CHỦ TỊCH", "GIÁM ĐỐC")}
    docs.hear(docs.a.authority(capacity="TL.", **changed))
    docs.submitted(docs.a)
    docs.hear(docs.a.authority(capacity="KT.", **changed))
    assert refusal(docs.post(docs.a.clerk, "/documents", docs.draft(docs.a))) == "authority_ended"


def test_a_post_that_is_no_leaders_any_more_signs_nothing(docs: Docs) -> None:
    docs.hear(replace(docs.a.leader, roles=("clerk",)).stated())
    assert refusal(docs.post(docs.a.clerk, "/documents", docs.draft(docs.a))) == "authority_ended"


def test_a_reviewed_draft_goes_to_nobody_whose_delegation_ended_meanwhile(docs: Docs) -> None:
    _deputy, delegated = deputy_of(docs)
    first, last = docs.a.person("second clerk"), docs.a.leader
    document = docs.submitted(
        docs.a,
        authority_id=str(delegated.authority_id),
        reviewer_ids=[str(each.person_id) for each in (first, last)],
    )
    yesterday = datetime.now(UTC).date() - timedelta(days=2)
    docs.hear(delegated.model_copy(update={"valid_until": yesterday}))
    docs.stated()
    path = f"/documents/{document}"
    assert ok(docs.post(first, f"{path}/approve"))["state"] == "in_review", "others review as before"
    assert refusal(docs.post(last, f"{path}/approve")) == "signer_not_authorised_now"
    assert docs.get(docs.a.clerk, path)["state"] == "in_review"
    assert [(told.act, told.people) for told in docs.stated()] == [("approved", (first.person_id,))], (
        "nothing of the last"
    )
    ok(docs.post(last, f"{path}/return", {"reason": "Hết thời hạn giao ký"}))
    file_id = ok(docs.upload(docs.a.clerk), 201)["file_id"]
    body = {"parts": [{"file_id": file_id, "kind": "main"}], "reviewer_ids": []}
    assert refusal(docs.post(docs.a.clerk, f"{path}/resubmit", body)) == "authority_ended"
    again = ok(docs.post(docs.a.clerk, f"{path}/resubmit", body | {"authority_id": str(docs.a.authority_id)}))
    assert (again["state"], again["signer"]["capacity"]) == ("preparing", "TM.")


def test_the_order_to_sign_carries_the_block_of_the_day_on_which_it_is_given(docs: Docs) -> None:
    document = docs.submitted(docs.a, reviewer_ids=[str(docs.a.leader.person_id)])
    docs.hear(docs.a.authority(block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", "THIẾU TƯỚNG")))
    docs.stated()
    ok(docs.post(docs.a.leader, f"/documents/{document}/approve"))
    _approved, order = docs.stated()
    assert order.signers[0].block[-1] == "THIẾU TƯỚNG"


def test_a_clerk_takes_back_what_waits_for_somebody_who_may_not_sign_any_more(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    docs.hear(prepared(document, docs.a.leader))
    path = f"/documents/{document}/return"
    assert refusal(docs.post(docs.a.clerk, path, {"reason": "x"})) == "not_yours_to_return"
    assert docs.get(docs.a.clerk, f"/documents/{document}")["state_reason"] is None
    docs.hear(docs.a.authority(withdrawn=True))
    for shown in (docs.get(docs.a.clerk, f"/documents/{document}"), docs.get(docs.a.clerk, "/documents")["items"][0]):
        assert shown["state_reason"]["code"] == "signer_not_authorised_now"
        assert docs.a.leader.name in shown["state_reason"]["vi"]
    assert docs.post(docs.b.clerk, path, {"reason": "x"}).status_code == 404
    assert ok(docs.post(docs.a.clerk, path, {"reason": "Người ký đã thôi chức"}))["state"] == "returned"
    assert [type(each).__name__ for each in docs.stated()][-1] == "DocumentReturned"


def test_what_was_signed_while_the_authority_stood_is_numbered_and_sealed_after_it(docs: Docs) -> None:
    """The day of the signature decides: it is the signer's and the agency's will of that day."""
    document = docs.submitted(docs.a)
    docs.hear(prepared(document, docs.a.leader), signed(document, docs.a.leader))
    docs.hear(docs.a.authority(withdrawn=True), docs.a.leader.stated(active=False))
    docs.stated()
    assert ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["state"] == "sealing"
    assert [type(each).__name__ for each in docs.stated()] == ["DocumentNumbered", "SealDocument"]
