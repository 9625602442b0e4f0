"""The ledger asked as people ask: by whose name, by a document's number, by what was done."""

from __future__ import annotations

from typing import Any

from services.docs.ledger.domain import entry_of, kind_of
from shared.events.docs import DocumentIssued
from tests.docs.conftest import Docs, ok
from tests.docs.test_ledger import NOW, sequence, told


def asked(docs: Docs, **wanted: str) -> list[dict[str, Any]]:
    answer = docs.http(docs.a.clerk.principal).get("/ledger/entries", params=wanted)
    found: list[dict[str, Any]] = ok(answer)["items"]
    return found


def test_entries_are_found_by_name_number_and_kind(docs: Docs) -> None:
    document = docs.issued(docs.a)
    other = docs.issued(docs.a, abstract="V/v khác")
    docs.delivered(document, docs.a, docs.b)
    ok(docs.post(docs.a.leader, f"/documents/{other}/remarks", {"text": "Đã xem"}), 201)
    records = told(docs)
    sequence(docs, *records)
    number = docs.get(docs.a.clerk, f"/documents/{document}")["number_symbol"]

    by_name = asked(docs, name="luong khanh")
    assert {each["actor"] for each in by_name} == {docs.a.leader.name}
    assert asked(docs, name="không ai") == []
    by_number = asked(docs, number=number.lower())
    assert {each["about"].partition(":")[0] for each in by_number} == {number}
    assert {each["type"].rpartition(".")[0] for each in by_number} >= {
        "vn.vanthu.docs.document.issued", "vn.vanthu.docs.delivery.dispatched",
    }  # fmt: skip
    issued = asked(docs, kind="docs.document.issued")
    assert {each["subject"] for each in issued} == {str(document), str(other)}
    both = asked(docs, kind="docs.document.issued", number=number)
    assert [each["subject"] for each in both] == [str(document)]
    uploads = asked(docs, kind="file_uploaded")
    assert all(each["act"] == "file_uploaded" for each in uploads)
    assert asked(docs, kind="log_in") == []


def test_what_an_entry_tells_of_has_one_word() -> None:
    assert kind_of("vn.vanthu.docs.act.recorded.v1", {"act": "log_in"}) == "log_in"
    assert kind_of(DocumentIssued.TYPE, {}) == "docs.document.issued"
    assert kind_of("of.somebody.else", {}) == "of.somebody.else"
    assert entry_of(b"no event", "docs.act", NOW).kind is None
