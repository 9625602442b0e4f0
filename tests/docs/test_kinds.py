"""Signers in order, annexes, agencies that issue a document together, copies and extracts: as clerks and leaders do it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.events import Actor, BlobRef
from shared.events import docs as facts
from shared.events.docs import (
    CounterSealDocument,
    DeliveryDispatched,
    PrepareCopy,
    PrepareDocument,
    SealDocument,
    ValidateDocument,
)
from shared.events.signing import (
    DocumentCounterSealed,
    DocumentDelayed,
    DocumentPrepared,
    DocumentRefused,
    PartValidated,
)
from shared.ids import new_id
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import SIGNING, Agency, Person, agency, blob, prepared, sealed, signed, states_of, validated


def second_leader(docs: Docs, at: Agency) -> tuple[Person, UUID]:
    """A deputy of an agency, who may sign too."""
    deputy = Person("Phạm Thị Phó", "Phó Chủ tịch", at.agency_id, ("leader",))
    authority_id = new_id()
    docs.hear(
        deputy.stated(),
        at.authority(authority_id=authority_id, person_id=deputy.person_id, post_id=deputy.post_id, capacity="KT."),
    )
    return deputy, authority_id


def signed_under(document: UUID, leader: Person, authority: UUID, waits_for: UUID | None = None) -> Any:
    return signed(document, leader, waits_for).model_copy(update={"authority_id": authority})


def uploads(docs: Docs, at: Agency, *samples: str) -> list[dict[str, str]]:
    files = [ok(docs.upload(at.clerk, sample), 201)["file_id"] for sample in samples]
    return [{"file_id": file_id, "kind": "annex" if n else "main"} for n, file_id in enumerate(files)]


# --- order


@pytest.mark.parametrize("order", ["fixed", "any"])
def test_signers_sign_in_the_order_that_was_chosen(docs: Docs, order: str) -> None:
    deputy, second = second_leader(docs, docs.a)
    leader = docs.a.leader
    document = docs.submitted(docs.a, further_authority_ids=[str(second)], signing_order=order)
    command = next(e for e in docs.stated() if isinstance(e, PrepareDocument))
    assert command.signing_order == order
    assert [s.person_id for s in command.signers] == [leader.person_id, deputy.person_id]
    docs.hear(prepared(document, leader))
    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert [s["may_sign"] for s in seen["signers"]] == [True, order == "any"]
    both = f"{leader.name}, {deputy.name}" if order == "any" else leader.name
    assert seen["waiting_for"] == {"role": "leader", "name": both}
    docs.hear(signed_under(document, leader, docs.a.authority_id, deputy.person_id))
    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert [(s["signed"], s["may_sign"]) for s in seen["signers"]] == [(True, False), (False, True)]
    assert seen["waiting_for"]["name"] == deputy.name
    docs.hear(signed_under(document, deputy, second))
    assert docs.get(docs.a.clerk, f"/documents/{document}")["state"] == "signed"


def test_a_new_round_begins_with_nobody_signed(docs: Docs) -> None:
    deputy, second = second_leader(docs, docs.a)
    document = docs.submitted(docs.a, further_authority_ids=[str(second)])
    docs.hear(prepared(document, docs.a.leader))
    docs.hear(signed_under(document, docs.a.leader, docs.a.authority_id, deputy.person_id))
    ok(docs.post(deputy, f"/documents/{document}/return", {"reason": "Sai số liệu ở mục 2"}))
    parts = uploads(docs, docs.a, "01-cong-van.pdf")
    ok(docs.post(docs.a.clerk, f"/documents/{document}/resubmit", {"parts": parts, "signing_order": "fixed"}))
    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert [s["signed"] for s in seen["signers"]] == [False, False], "both stay signers, neither has signed"
    assert seen["signing_order"] == "fixed"


def test_the_same_signer_is_not_chosen_twice(docs: Docs) -> None:
    twice = docs.draft(docs.a, further_authority_ids=[str(docs.a.authority_id)])
    assert refusal(docs.post(docs.a.clerk, "/documents", twice)) == "signer_repeated"


# --- annexes


def test_annexes_are_sent_as_the_agency_signed_them(docs: Docs) -> None:
    parts = uploads(docs, docs.a, "01-cong-van.pdf", "02-bao-cao.pdf")
    document = docs.submitted(docs.a, parts=parts)
    command = next(e for e in docs.stated() if isinstance(e, PrepareDocument))
    assert [(p.ordinal, p.filename) for p in command.annexes] == [(1, "02-bao-cao.pdf")]
    docs.hear(prepared(document, docs.a.leader), signed(document, docs.a.leader))
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    order = next(e for e in docs.stated() if isinstance(e, SealDocument))
    assert order.parts == command.annexes
    made = order.parts[0].model_copy(update={"content": blob("d")})
    docs.hear(sealed(document, number).model_copy(update={"parts": (made,)}))
    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert [p["sha256"] for p in seen["issued_parts"]] == ["c" * 64, "d" * 64]
    assert seen["parts"][1]["sha256"] == command.annexes[0].content.sha256, "what was submitted stays"

    docs.stated()
    ok(
        docs.post(
            docs.a.clerk, f"/documents/{document}/dispatch", {"recipients": [docs.b.identifier, docs.p.identifier]}
        )
    )
    sent = [e for e in docs.stated() if isinstance(e, DeliveryDispatched)]
    assert [p.content.sha256 for p in sent[0].parts] == ["c" * 64, "d" * 64]
    docs.hear(*sent)
    order_to_validate = next(e for e in docs.stated() if isinstance(e, ValidateDocument))
    assert [p.content for p in order_to_validate.annexes] == [blob("d")]
    [message] = [e.data.message for e in docs.outbox(after=0) if hasattr(e.data, "message")]
    assert [f.sha256 for f in message.files] == ["c" * 64, "d" * 64], "the partner gets the same files"


def annex_verdict(indication: Any, **more: Any) -> PartValidated:
    return PartValidated(
        ordinal=1,
        sha256="d" * 64,
        indication=indication,
        reason_vi="Tệp đã bị sửa sau khi ký.",
        reason_en="The file was changed after signing.",
        **more,
    )


@pytest.mark.parametrize(
    ("indication", "status"), [("TOTAL_PASSED", "01"), ("INDETERMINATE", "01"), ("TOTAL_FAILED", "02")]
)
def test_a_receiver_is_told_about_each_annex(docs: Docs, indication: str, status: str) -> None:
    document = docs.issued(docs.a, parts=uploads(docs, docs.a, "01-cong-van.pdf", "02-bao-cao.pdf"))
    docs.delivered(document, docs.a, docs.b)
    arrived = docs.arrived(docs.b)
    verdict = validated(UUID(arrived["id"]), docs.b.agency_id, annexes=(annex_verdict(indication),))
    docs.hear(verdict)
    seen = docs.get(docs.b.clerk, f"/incoming/{arrived['id']}")
    assert seen["status"] == status
    [annex] = seen["validation"]["annexes"]
    assert (annex["filename"], annex["indication"]) == ("02-bao-cao.pdf", indication)
    if status == "02":
        assert "02-bao-cao.pdf" in seen["reason"], "the sender reads which file it was"


# --- several agencies


def jointly(docs: Docs, **changed: Any) -> UUID:
    """A's document, which B issues too: B's leader signs, B seals."""
    return docs.submitted(
        docs.a,
        **{"further_authority_ids": [str(docs.b.authority_id)], "co_issuers": [docs.b.identifier], **changed},
    )


def counter_sealed(document: UUID, of: Agency) -> DocumentCounterSealed:
    return DocumentCounterSealed(
        document_id=document,
        agency_id=of.agency_id,
        agency_name=of.name,
        content=blob("e"),
        level="PAdES-BASELINE-T",
        by=Actor(person_id=of.clerk.person_id, name=of.clerk.name, agency_id=of.agency_id),
        at=datetime.now(UTC),
    )


def test_agencies_issue_a_document_together(docs: Docs) -> None:
    document = jointly(docs)
    command = next(e for e in docs.stated() if isinstance(e, PrepareDocument))
    assert [s.agency.identifier if s.agency else None for s in command.signers] == [None, docs.b.identifier]
    assert [p.identifier for p in command.co_issuers] == [docs.b.identifier]
    a, b, path = docs.a.clerk, docs.b.clerk, f"/documents/{document}"
    docs.hear(prepared(document, docs.a.leader))
    docs.hear(signed_under(document, docs.a.leader, docs.a.authority_id, docs.b.leader.person_id))
    assert refusal(docs.post(b, f"{path}/counter-seal")) == "not_signed_yet"
    docs.hear(signed_under(document, docs.b.leader, docs.b.authority_id))
    seen = docs.get(a, path)
    assert (seen["state"], seen["waiting_for"]) == ("signed", {"role": "clerk", "name": docs.b.name})
    assert refusal(docs.post(a, f"{path}/issue")) == "counter_seals_missing"
    assert refusal(docs.post(a, f"{path}/counter-seal")) == "not_a_co_issuer"
    docs.stated()

    ok(docs.post(b, f"{path}/counter-seal"))
    ok(docs.post(b, f"{path}/counter-seal"))
    [order] = [e for e in docs.stated() if isinstance(e, CounterSealDocument)]
    assert (order.by.person_id, order.by.agency_id) == (b.person_id, docs.b.agency_id), "in person, for their agency"
    assert (order.agency_id, order.co_agency_id) == (docs.a.agency_id, docs.b.agency_id)
    docs.hear(trouble(DocumentDelayed, document, docs.b))
    assert docs.get(b, path)["co_issuers"][0]["reason"]["code"] == "tsa_unavailable"
    docs.hear(counter_sealed(document, docs.b))
    [co_issuer] = docs.get(b, path)["co_issuers"]
    assert (co_issuer["state"], co_issuer["sealed_by"], co_issuer["reason"]) == ("sealed", b.name, None)
    number = ok(docs.post(a, f"{path}/issue"))["number"]
    docs.hear(sealed(document, number))
    seen = docs.get(b, path)
    assert (seen["state"], seen["agency"]["identifier"]) == ("issued", docs.a.identifier)
    assert [e["act"] for e in seen["history"]] == [
        *("submitted", "prepared", "signed", "signed", "counter_seal_asked", "counter_seal_delayed"),
        *("counter_sealed", "numbered", "issued"),
    ]


def trouble(kind: Any, document: UUID, of: Agency) -> Any:
    return kind(
        document_id=document,
        stage="seal",
        code="tsa_unavailable",
        reason_vi="Chưa liên hệ được dịch vụ cấp dấu thời gian.",
        reason_en="The time-stamping service does not answer.",
        agency_id=of.agency_id,
        by=SIGNING,
        at=datetime.now(UTC),
    )


def test_a_refused_counter_seal_may_be_asked_for_again(docs: Docs) -> None:
    document = jointly(docs)
    docs.hear(prepared(document, docs.a.leader))
    docs.hear(signed_under(document, docs.a.leader, docs.a.authority_id, docs.b.leader.person_id))
    docs.hear(signed_under(document, docs.b.leader, docs.b.authority_id))
    ok(docs.post(docs.b.clerk, f"/documents/{document}/counter-seal"))
    docs.hear(trouble(DocumentRefused, document, docs.b))
    [co_issuer] = docs.get(docs.a.clerk, f"/documents/{document}")["co_issuers"]
    assert (co_issuer["state"], co_issuer["reason"]["code"]) == ("due", "tsa_unavailable")
    docs.stated()
    ok(docs.post(docs.b.clerk, f"/documents/{document}/counter-seal"))
    assert [type(e).__name__ for e in docs.stated()] == ["CounterSealDocument", "DocsAct"], "an order, and who asked"


def test_a_co_issuer_sees_just_that_document_and_changes_nothing_else_of_it(docs: Docs) -> None:
    """Enforced in the database too: under B's agency its row can be read, never locked or written."""
    third = agency("H37.03", "UBND xã Thạch Đạn")
    docs.hear(*states_of(third))
    mine = docs.submitted(docs.a)
    shared = jointly(docs)
    draft = jointly(docs, reviewer_ids=[str(docs.a.leader.person_id)])
    docs.hear(prepared(shared, docs.a.leader))
    listed = [each["id"] for each in docs.get(docs.b.clerk, "/documents")["items"]]
    assert listed == [str(shared)], "no draft in review, no other document"
    for hidden, who in ((mine, docs.b.clerk), (draft, docs.b.clerk), (shared, third.clerk)):
        assert docs.http(who.principal).get(f"/documents/{hidden}").status_code == 404
    assert docs.http(docs.b.clerk.principal).get(f"/documents/{shared}/parts/0/content").status_code == 200
    for act, body in (
        ("issue", {}),
        ("void-number", {"reason": "x"}),
        ("dispatch", {"recipients": [third.identifier]}),
    ):
        assert refusal(docs.post(docs.b.clerk, f"/documents/{shared}/{act}", body)) == "leading_agency_only"
    assert refusal(docs.post(docs.b.clerk, f"/documents/{shared}/return", {"reason": "x"})) == "leading_agency_only"
    assert docs.rows(docs.b.agency_id, "UPDATE document SET abstract = 'x' RETURNING id") == []
    assert docs.rows(docs.b.agency_id, "DELETE FROM co_issuer RETURNING document_id") == []
    assert docs.rows(third.agency_id, "SELECT * FROM co_issuer") == []
    assert [row["subject_id"] for row in docs.rows(docs.b.agency_id, "SELECT DISTINCT subject_id FROM history")] == [
        shared
    ]


def test_a_co_issuers_leader_may_return_it_instead_of_signing(docs: Docs) -> None:
    document = jointly(docs)
    docs.hear(prepared(document, docs.a.leader))
    ok(docs.post(docs.b.leader, f"/documents/{document}/return", {"reason": "Chưa thống nhất mục 3"}))
    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert (seen["state"], seen["state_reason"]["code"]) == ("returned", "returned")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"co_issuers": ["H37.01"]}, "co_issuer_is_leader"),
        ({"co_issuers": ["G99.01"]}, "co_issuer_unknown"),
        ({"co_issuers": ["H00"]}, "co_issuer_unknown"),
        ({"further_authority_ids": []}, "co_issuer_without_signer"),
        ({"co_issuers": []}, "authority_unknown"),
    ],
)
def test_who_issues_it_together_is_looked_at(docs: Docs, changed: dict[str, Any], code: str) -> None:
    body = docs.draft(
        docs.a,
        **{"further_authority_ids": [str(docs.b.authority_id)], "co_issuers": [docs.b.identifier], **changed},
    )
    assert refusal(docs.post(docs.a.clerk, "/documents", body)) == code


def test_a_clerk_finds_out_who_signs_for_another_agency(docs: Docs) -> None:
    found = docs.get(docs.a.clerk, f"/agencies/{docs.b.identifier}/authorities?type_code=CV")
    assert found["name"] == docs.b.name
    assert [(a["authority_id"], a["person_name"]) for a in found["authorities"]] == [
        (str(docs.b.authority_id), docs.b.leader.name)
    ]
    assert docs.http(docs.a.clerk.principal).get(f"/agencies/{docs.p.identifier}/authorities").status_code == 404


# --- copies

ON_PAPER = {
    "agency": "Bộ Nội vụ",
    "number_symbol": "15/QĐ-BNV",
    "issued_on": "2019-03-04",
    "abstract": "Phê duyệt danh mục",
}


def copy(docs: Docs, form: str, **body: Any) -> Any:
    if body.pop("upload", False):
        body["file_id"] = ok(docs.upload(docs.a.clerk, "09-ban-quet-200dpi.pdf"), 201)["file_id"]
    return docs.post(docs.a.clerk, "/copies", {"form": form, "symbol": "UBND"} | body)


def copy_prepared(command: PrepareCopy) -> DocumentPrepared:
    return DocumentPrepared(
        document_id=command.document_id,
        content=command.content,
        page_count=1,
        waits_for=command.author_id,
        copy_of_paper=True,
        by=SIGNING,
        at=datetime.now(UTC),
    )


def certified(docs: Docs, form: str, content: BlobRef | None = None, **body: Any) -> dict[str, Any]:
    """A copy, checked, numbered and signed by the agency."""
    made = ok(copy(docs, form, **body), 201)
    command = next(e for e in docs.stated() if isinstance(e, PrepareCopy))
    docs.hear(copy_prepared(command))
    numbered = ok(docs.post(docs.a.clerk, f"/documents/{made['id']}/issue"))
    docs.hear(sealed(UUID(made["id"]), numbered["number"], content))
    return dict(docs.get(docs.a.clerk, f"/documents/{made['id']}"))


def test_all_copies_share_one_series_and_are_sent_like_documents(docs: Docs) -> None:
    docs.issued(docs.a)
    scan = certified(docs, "SY", upload=True, original=ON_PAPER)
    assert (scan["state"], scan["number_symbol"], scan["signer"]) == ("issued", "01/SY-UBND", None)
    assert scan["abstract"] == "Bản sao y số 15/QĐ-BNV ngày 04/03/2019 của Bộ Nội vụ: Phê duyệt danh mục"
    assert scan["original"]["agency"] == "Bộ Nội vụ"
    again = certified(docs, "SL", document_id=scan["id"])
    extract = certified(docs, "TrS", upload=True, document_id=scan["id"])
    assert [each["number_symbol"] for each in (again, extract)] == ["02/SL-UBND", "03/TrS-UBND"]
    assert extract["original"]["document_id"] == scan["id"]
    docs.delivered(UUID(scan["id"]), docs.a, docs.b)
    arrived = docs.arrived(docs.b)
    assert (arrived["type_code"], arrived["number_symbol"], arrived["signer_name"]) == ("SY", "01/SY-UBND", docs.a.name)


def test_an_arrived_copy_is_copied_again_as_it_stands(docs: Docs) -> None:
    scan = certified(docs, "SY", upload=True, original=ON_PAPER)
    docs.delivered(UUID(scan["id"]), docs.a, docs.b)
    arrived = docs.arrived(docs.b)
    of = {"form": "SL", "symbol": "UBND", "incoming_id": arrived["id"]}
    assert refusal(docs.post(docs.b.clerk, "/copies", of)) == "copy_source_not_ready"
    docs.hear(validated(UUID(arrived["id"]), docs.b.agency_id))
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived['id']}/register"))
    docs.stated()
    made = ok(docs.post(docs.b.clerk, "/copies", of), 201)
    [submitted, command] = docs.stated()
    assert isinstance(submitted, facts.DocumentSubmitted)
    assert isinstance(command, PrepareCopy)
    assert command.content.sha256 == scan["content"]["sha256"], "the very bytes that arrived"
    assert made["state"] == "preparing"


def test_a_copy_that_cannot_be_signed_takes_no_number(docs: Docs) -> None:
    made = ok(copy(docs, "SY", upload=True, original=ON_PAPER), 201)
    why = DocumentRefused(
        document_id=UUID(made["id"]),
        stage="prepare",
        code="copy_forbidden",
        reason_vi="Tệp đã được ký và khóa.",
        reason_en="The file is signed and locked.",
        by=SIGNING,
        at=datetime.now(UTC),
    )
    docs.hear(why)
    seen = docs.get(docs.a.clerk, f"/documents/{made['id']}")
    assert (seen["state"], seen["number"]) == ("refused", None)
    parts = uploads(docs, docs.a, "01-cong-van.pdf")
    again = docs.post(docs.a.clerk, f"/documents/{made['id']}/resubmit", {"parts": parts})
    assert refusal(again) == "copy_not_resubmitted"


def test_copies_are_made_only_as_the_decree_has_them(docs: Docs) -> None:
    issued, unready = docs.issued(docs.a), docs.submitted(docs.a)
    assert refusal(copy(docs, "SY", document_id=str(issued))) == "copy_needs_file", "the document itself is sent"
    assert refusal(copy(docs, "SL", document_id=str(issued))) == "copy_not_of_a_copy"
    assert refusal(copy(docs, "TrS", document_id=str(issued))) == "copy_needs_file"
    assert refusal(copy(docs, "SY", upload=True)) == "copy_needs_original"
    assert refusal(copy(docs, "TrS", upload=True, document_id=str(unready))) == "copy_source_not_ready"
    assert refusal(copy(docs, "SY", original=ON_PAPER, file_id=str(new_id()))) == "file_unknown"
    assert refusal(docs.post(docs.a.clerk, "/documents", docs.draft(docs.a, type_code="SY"))) == "type_unknown"
    document = docs.signed(docs.a)
    other = docs.post(docs.a.clerk, f"/documents/{document}/issue", {"register_code": "SAO"})
    assert refusal(other) == "register_unknown", "documents have registers of their own"
    assert "SAO" not in {r["code"] for r in docs.get(docs.a.clerk, "/choices")["registers"]}
