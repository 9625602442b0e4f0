"""How good the proof must be before a document goes out, and what happens when a better version of it comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.events import BlobRef, exchange, signing
from shared.events.docs import Part, ValidateDocument
from shared.events.signing import PartValidated
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import SIGNING, Agency, Person, blob, prepared, sealed, signed, validated
from tests.docs.test_kinds import uploads

B, T, LT, LTA = (f"PAdES-BASELINE-{level}" for level in ("B", "T", "LT", "LTA"))


def owing(docs: Docs, at: Agency, level: str, owes: tuple[str, ...], **changed: Any) -> UUID:
    """Issued while the TSA was away."""
    document = docs.signed(at, **changed)
    number = ok(docs.post(at.clerk, f"/documents/{document}/issue"))["number"]
    docs.hear(sealed(document, number).model_copy(update={"level": level, "owes": owes}))
    return document


def better(document: UUID, level: str, *owes: signing.Debt, before: str = "c", after: str = "d") -> Any:
    return signing.DocumentAugmented(
        document_id=document,
        content=blob(after),
        previous_sha256=before * 64,
        level=level,
        owes=owes,
        cause="debt",
        by=SIGNING,
        at=datetime.now(UTC),
    )


def change(docs: Docs, person: Person, version: int, **policy: Any) -> Any:
    body = {"dispatch_level": "LT", "urgent_may_owe": True, "unchecked_allowed": True} | policy
    return docs.http(person.principal).put("/policy", json=body, headers={"If-Match": f'"{version}"'})


def dispatch(docs: Docs, document: UUID, sender: Agency, *receivers: Agency) -> Any:
    body = {"recipients": [each.identifier for each in receivers]}
    return docs.post(sender.clerk, f"/documents/{document}/dispatch", body)


def test_a_document_below_the_agencys_level_waits_and_can_go_when_the_debt_is_paid(docs: Docs) -> None:
    document = owing(docs, docs.a, T, ("LT", "LTA"))
    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert (seen["level"], seen["owes"]) == (T, ["LT", "LTA"])
    assert docs.get(docs.a.clerk, f"/documents/{document}/proof")["may_go"] is False
    assert refusal(dispatch(docs, document, docs.a, docs.b)) == "level_not_reached"

    docs.hear(better(document, LTA))
    proof = docs.get(docs.a.clerk, f"/documents/{document}/proof")
    assert (proof["may_go"], proof["level"], proof["owes"]) == (True, LTA, [])
    assert [v["sha256"] for v in proof["earlier"]] == ["c" * 64]
    ok(dispatch(docs, document, docs.a, docs.b))


def test_an_urgent_document_goes_as_it_is_and_says_what_it_owes_unless_the_agency_forbids_it(docs: Docs) -> None:
    document = owing(docs, docs.a, B, ("T", "LT", "LTA"), urgency=2)
    docs.delivered(document, docs.a, docs.b)
    assert docs.arrived(docs.b)["owes"] == ["T", "LT", "LTA"]
    later = owing(docs, docs.a, B, ("T", "LT", "LTA"), urgency=2)
    ok(change(docs, docs.a.leader, 0, urgent_may_owe=False))
    assert refusal(dispatch(docs, later, docs.a, docs.b)) == "level_not_reached"


def test_the_head_or_the_officer_sets_the_policy_and_nobody_over_anothers_change(docs: Docs) -> None:
    a = docs.a
    seen = docs.get(a.clerk, "/policy")
    assert (seen["dispatch_level"], seen["may_change"], seen["version"]) == ("LT", False, 0)
    assert refusal(change(docs, a.clerk, 0, dispatch_level="B")) == "forbidden"
    document = owing(docs, a, B, ("T",))
    docs.stated()
    assert ok(change(docs, a.people["officer"], 0, dispatch_level="B", unchecked_allowed=False))["version"] == 1
    [act] = docs.stated("DocsAct")
    assert (act.act, act.detail["dispatch_level"]) == ("policy_changed", "B")
    assert refusal(change(docs, a.leader, 0, dispatch_level="LTA")) == "stale_version"
    assert docs.get(docs.b.clerk, "/policy")["dispatch_level"] == "LT", "each agency has its own"
    ok(dispatch(docs, document, a, docs.b))
    docs.submitted(a)
    assert docs.stated("PrepareDocument")[-1].unchecked_allowed is False


def test_receivers_keep_the_better_version_once_it_is_validated_and_the_old_one_stays_reachable(docs: Docs) -> None:
    office = docs.app.state.office
    old, new = (
        office.blobs.put(b"%PDF-1.7 old", "application/pdf"),
        office.blobs.put(b"%PDF-1.7 new", "application/pdf"),
    )
    document = docs.signed(docs.a)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    docs.hear(sealed(document, number, old))
    docs.delivered(document, docs.a, docs.b)
    arrived = docs.arrived(docs.b)["id"]
    docs.hear(validated(UUID(arrived), docs.b.agency_id, "INDETERMINATE").model_copy(update={"sha256": old.sha256}))
    docs.stated()
    fact = better(document, LTA).model_copy(update={"content": new, "previous_sha256": old.sha256})
    docs.hear(fact)
    assert docs.circulate() == ["DeliveryRenewed", "ValidateDocument"]
    assert main_part(docs, arrived) == old.sha256, "not before it was looked at"

    docs.hear(validated(UUID(arrived), docs.b.agency_id).model_copy(update={"sha256": new.sha256}))
    assert main_part(docs, arrived) == new.sha256
    assert docs.get(docs.b.clerk, f"/incoming/{arrived}")["validation"]["indication"] == "TOTAL_PASSED"
    path = f"/documents/{document}/versions/{old.sha256}/content"
    assert docs.http(docs.a.clerk.principal).get(path).content == b"%PDF-1.7 old"
    assert docs.http(docs.b.clerk.principal).get(path).status_code == 404
    docs.hear(fact)
    assert docs.circulate() == [], "the same version again is no news"


def main_part(docs: Docs, arrived: str) -> str:
    return str(docs.get(docs.b.clerk, f"/incoming/{arrived}")["parts"][0]["sha256"])


def test_a_better_version_that_is_none_changes_nothing_at_the_receiver(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    arrived = docs.arrived(docs.b)["id"]
    docs.hear(better(document, LTA))
    assert docs.circulate() == ["DeliveryRenewed"], "it waits for the verdict on what came first"
    docs.hear(validated(UUID(arrived), docs.b.agency_id))
    assert "ValidateDocument" in docs.circulate()
    docs.hear(validated(UUID(arrived), docs.b.agency_id, "TOTAL_FAILED").model_copy(update={"sha256": "d" * 64}))
    seen = docs.get(docs.b.clerk, f"/incoming/{arrived}")
    assert (seen["validation"]["indication"], seen["parts"][0]["sha256"], seen["status"]) == (
        "TOTAL_PASSED",
        "c" * 64,
        "01",
    )
    assert [e["act"] for e in seen["history"]][-2:] == ["validated", "renewal_refused"]


def test_partners_hear_of_the_better_version_and_fetch_both(docs: Docs) -> None:
    office = docs.app.state.office
    old: BlobRef = office.blobs.put(b"%PDF-1.7 old", "application/pdf")
    new: BlobRef = office.blobs.put(b"%PDF-1.7 new", "application/pdf")
    document = docs.signed(docs.a, urgency=1)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    docs.hear(sealed(document, number, old).model_copy(update={"level": B, "owes": ("T",)}))
    ok(dispatch(docs, document, docs.a, docs.p))
    assert docs.circulate()[-1] == "DocumentDelivered"
    docs.hear(better(document, LTA).model_copy(update={"content": new, "previous_sha256": old.sha256}))
    docs.seen = 0
    docs.circulate()
    [delivered] = [e.data for e in docs.outbox(after=0) if isinstance(e.data, exchange.DocumentDelivered)]
    [renewed] = [e.data for e in docs.outbox(after=0) if isinstance(e.data, exchange.DocumentRenewed)]
    assert (delivered.owes, renewed.owes, renewed.level) == (("T",), (), LTA)
    assert renewed.previous_sha256 == old.sha256
    for file, expected in ((delivered.message.files[0], b"%PDF-1.7 old"), (renewed.file, b"%PDF-1.7 new")):
        assert file.href
        assert docs.partner().get(file.href.removeprefix("/docs/v1")).content == expected


def with_annex(docs: Docs, *receivers: Agency) -> tuple[UUID, BlobRef, BlobRef]:
    """A document that owes, with an annex in a file of its own, sent; the bytes of both."""
    office = docs.app.state.office
    main, beside = (office.blobs.put(b"%PDF-1.7 " + name, "application/pdf") for name in (b"main", b"annex"))
    parts = uploads(docs, docs.a, "01-cong-van.pdf", "02-bao-cao.pdf")
    document = docs.submitted(docs.a, parts=parts, urgency=1)
    docs.hear(prepared(document, docs.a.leader), signed(document, docs.a.leader))
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    made = Part(ordinal=1, kind="annex", filename="02-bao-cao.pdf", content=beside)
    docs.hear(sealed(document, number, main).model_copy(update={"parts": (made,), "level": B, "owes": ("T",)}))
    ok(dispatch(docs, document, docs.a, *receivers))
    docs.circulate()
    return document, main, beside


def annexes_better(document: UUID, main: BlobRef, *annexes: BlobRef) -> signing.DocumentAugmented:
    better_parts = tuple(
        Part(ordinal=n, kind="annex", filename="02-bao-cao.pdf", content=each) for n, each in enumerate(annexes, 1)
    )
    changed = {"content": main, "previous_sha256": main.sha256, "annexes": better_parts}
    return better(document, LTA).model_copy(update=changed)  # type: ignore[no-any-return]


def on_annex(content: BlobRef, indication: Any) -> Any:
    return PartValidated(ordinal=1, sha256=content.sha256, indication=indication, reason_vi="Tốt.", reason_en="Good.")


def test_a_better_version_of_an_annex_reaches_receivers_and_partners(docs: Docs) -> None:
    document, main, beside = with_annex(docs, docs.b, docs.p)
    arrived = docs.arrived(docs.b)["id"]
    first = validated(UUID(arrived), docs.b.agency_id, annexes=(on_annex(beside, "INDETERMINATE"),))
    docs.hear(first.model_copy(update={"sha256": main.sha256}))
    new: BlobRef = docs.app.state.office.blobs.put(b"%PDF-1.7 annex, proven", "application/pdf")
    docs.stated()
    docs.hear(annexes_better(document, main, new))
    before = docs.seen
    assert sorted(docs.circulate()) == ["DeliveryRenewed", "DeliveryRenewed", "DocumentRenewed", "ValidateDocument"]
    told = [e.data for e in docs.outbox(after=before)]
    [renewed] = [e for e in told if isinstance(e, exchange.DocumentRenewed)]
    assert (renewed.previous_sha256, renewed.file.sha256) == (beside.sha256, new.sha256)
    assert renewed.file.href
    assert docs.partner().get(renewed.file.href.removeprefix("/docs/v1")).content == b"%PDF-1.7 annex, proven"
    [order] = [e for e in told if isinstance(e, ValidateDocument)]
    assert (order.content, [part.content for part in order.annexes]) == (main, [new])

    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert ([p["sha256"] for p in seen["issued_parts"]], seen["level"]) == ([main.sha256, new.sha256], LTA)
    docs.hear(annexes_better(document, main, new))
    assert docs.circulate() == [], "the same version again is no news"

    verdict = validated(UUID(arrived), docs.b.agency_id, annexes=(on_annex(new, "TOTAL_PASSED"),))
    docs.hear(verdict.model_copy(update={"sha256": main.sha256}))
    held = docs.get(docs.b.clerk, f"/incoming/{arrived}")
    assert [p["sha256"] for p in held["parts"]] == [main.sha256, new.sha256]
    assert [a["indication"] for a in held["validation"]["annexes"]] == ["TOTAL_PASSED"]
    assert held["history"][-1]["act"] == "renewed"


def test_a_better_version_of_an_annex_that_is_none_changes_nothing(docs: Docs) -> None:
    document, main, beside = with_annex(docs, docs.b)
    arrived = docs.arrived(docs.b)["id"]
    new: BlobRef = docs.app.state.office.blobs.put(b"%PDF-1.7 annex, worse", "application/pdf")
    docs.hear(annexes_better(document, main, new))
    assert docs.circulate() == ["DeliveryRenewed"], "it waits for the verdict on what came first"
    first = validated(UUID(arrived), docs.b.agency_id, annexes=(on_annex(beside, "TOTAL_PASSED"),))
    docs.hear(first.model_copy(update={"sha256": main.sha256}))
    assert "ValidateDocument" in docs.circulate()
    worse = validated(UUID(arrived), docs.b.agency_id, annexes=(on_annex(new, "TOTAL_FAILED"),))
    docs.hear(worse.model_copy(update={"sha256": main.sha256}))
    held = docs.get(docs.b.clerk, f"/incoming/{arrived}")
    assert [p["sha256"] for p in held["parts"]] == [main.sha256, beside.sha256]
    assert [a["indication"] for a in held["validation"]["annexes"]] == ["TOTAL_PASSED"]
    assert (held["history"][-1]["act"], held["status"]) == ("renewal_refused", "01")


def test_a_better_version_of_a_signed_document_is_what_is_numbered(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    docs.hear(prepared(document, docs.a.leader))
    docs.hear(signed(document, docs.a.leader).model_copy(update={"level": B, "owes": ("T",)}))
    docs.hear(better(document, T, before="b"))
    seen = docs.get(docs.a.clerk, f"/documents/{document}")
    assert (seen["state"], seen["content"]["sha256"], seen["owes"]) == ("signed", "d" * 64, [])
