"""The ledger: every act becomes an entry once, in order; heads are ordered, kept and published; rights; proofs."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.docs.ledger import domain, merkle, store
from services.docs.ledger.consumer import Sequencer
from services.docs.ledger.domain import Head
from services.docs.ledger.heads import order_head
from shared import db
from shared.events import Envelope
from shared.events.signing import DocumentDelayed, TreeHeadSealed
from shared.ids import new_id
from shared.inbox import Record
from shared.tokens import Principal
from tests.docs.conftest import Docs, ok, record_of, refusal
from tests.docs.facts import SIGNING
from tests.docs.test_merkle import climb

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
OPERATOR = Principal(kind="person", name="Vận hành", roles=frozenset({"operator"}), person_id=new_id())


def sequence(docs: Docs, *records: Record) -> list[str]:
    with db.transaction(docs.pool) as tx:
        return [Sequencer().take(tx, each) for each in records]


def told(docs: Docs) -> list[Record]:
    """What docs has stated so far on topics that the ledger follows."""
    facts: list[Envelope] = [e for e in docs.outbox(after=0) if e.topic in domain.FOLLOWED]
    return [record_of(envelope) for envelope in facts]


def ordered(docs: Docs, at: datetime = NOW) -> Head:
    with db.transaction(docs.pool) as tx:
        return order_head(tx, docs.a.identifier, "urn:vanthu:test", at)


def sealed_head(docs: Docs, head: Head) -> None:
    text = domain.head_text(tree(docs).log_id, head.size, head.root, head.ordered_at).decode()
    docs.hear(
        TreeHeadSealed(
            head_id=head.id,
            text=text,
            signature=base64.b64encode(b"cms").decode(),
            certificate_serial="1f",
            stamped_at=NOW,
            by=SIGNING,
            at=NOW,
        )
    )


def tree(docs: Docs) -> domain.Tree:
    with db.transaction(docs.pool) as tx:
        return store.get_tree(tx)


def grown(docs: Docs) -> list[Record]:
    docs.issued(docs.a)
    records = told(docs)
    sequence(docs, *records)
    return records


def test_every_fact_is_an_entry_once(docs: Docs) -> None:
    records = grown(docs)
    assert len(records) >= 4, "submitted, approved, numbered, issued"
    assert set(sequence(docs, *records)) == {"duplicate"}
    stands = tree(docs)
    assert stands.size == len(records)
    assert stands.root == merkle.root(Grown([r.value or b"" for r in records]).peaks)


class Grown:
    def __init__(self, values: list[bytes]) -> None:
        self.peaks, _ = merkle.grow(0, [], [merkle.leaf_hash(v) for v in values])


def test_an_unknown_type_and_unreadable_bytes_are_entries_too(docs: Docs) -> None:
    unknown = json.dumps(
        {
            "id": str(new_id()),
            "source": "urn:vanthu:newer",
            "type": "vn.vanthu.docs.document.invented.v7",
            "subject": str(new_id()),
            "time": "2026-11-26T03:00:00Z",
            "data": {"by": {"name": "ai đó"}},
        }
    ).encode()
    noise = [
        b"\xff\x00 no json",
        b"",
        b'{"id": 1}',
        b"[" * 5000,
        json.dumps({"id": str(new_id()), "data": []}).encode(),
    ]
    records = [Record("docs.document", 0, n, b"k", value, None) for n, value in enumerate([unknown, *noise])]
    assert sequence(docs, *records) == ["appended"] * len(records)
    assert set(sequence(docs, *records)) == {"duplicate"}
    assert tree(docs).size == len(records)


def test_the_tables_only_grow(docs: Docs) -> None:
    grown(docs)
    for statement in (
        "UPDATE ledger_entry SET event = '\\x00' WHERE pos = 0",
        "DELETE FROM ledger_entry WHERE pos = 0",
        "UPDATE ledger_node SET hash = hash",
        "DELETE FROM ledger_node",
        "UPDATE ledger_tree SET size = 0, peaks = '{}'",
    ):
        with db.transaction(docs.pool) as tx:
            store.see_whole(tx)
            if "ledger_entry" in statement:
                # Without a policy for it no row is met at all; with one, the trigger says no.
                assert tx.execute(statement).rowcount == 0
                continue
            with pytest.raises(psycopg.errors.RaiseException), tx.transaction():
                tx.execute(statement)


def test_a_head_is_ordered_hourly_and_again_sooner_while_it_is_not_sealed() -> None:
    head = Head(id=new_id(), size=1, root=b"\0" * 32, ordered_at=NOW)
    assert domain.head_due(None, NOW)
    assert not domain.head_due(head, NOW + timedelta(minutes=9))
    assert domain.head_due(head, NOW + timedelta(minutes=10))
    done = Head(id=head.id, size=1, root=head.root, ordered_at=NOW, signature=b"cms")
    assert not domain.head_due(done, NOW + timedelta(minutes=59))
    assert domain.head_due(done, NOW + timedelta(hours=1))


def test_a_sealed_head_is_kept_published_and_proves_ones_own_entries(docs: Docs) -> None:
    records = grown(docs)
    docs.stated()
    head = ordered(docs)
    orders = docs.stated("SealTreeHead")
    assert [(o.size, o.root, o.agency_id) for o in orders] == [(len(records), head.root.hex(), docs.a.agency_id)]
    assert orders[0].text.splitlines()[2:4] == [str(head.size), head.root.hex()]
    sealed_head(docs, head)
    published = docs.stated("TreeHeadPublished")
    assert [(p.size, p.text) for p in published] == [(head.size, orders[0].text)]
    shown = docs.get(docs.a.clerk, "/ledger")
    assert shown["sealed"]["root"] == head.root.hex()
    for position in range(len(records)):
        proof = docs.get(docs.a.clerk, f"/ledger/entries/{position}/proof")
        leaf, path = bytes.fromhex(proof["leaf"]), [bytes.fromhex(p) for p in proof["path"]]
        assert leaf == merkle.leaf_hash(records[position].value or b"")
        assert climb(leaf, position, head.size, path) == head.root


def test_a_head_that_signing_cannot_seal_says_why(docs: Docs) -> None:
    head = ordered(docs)
    docs.hear(
        DocumentDelayed(
            document_id=head.id,
            stage="seal",
            code="seal_key_missing",
            reason_vi="Thiếu khóa",
            reason_en="No key",
            by=SIGNING,
            at=NOW,
        )
    )
    line = docs.get(docs.a.clerk, "/ledger/heads")["items"][0]
    assert (line["signature_b64"], line["waits_because"]["code"]) == (None, "seal_key_missing")


def test_an_agency_reads_its_own_acts_only(docs: Docs) -> None:
    document = docs.issued(docs.a)
    sequence(docs, *told(docs))
    own = docs.get(docs.a.clerk, f"/ledger/entries?about={document}")["items"]
    assert {e["type"].rpartition(".document.")[2] for e in own} >= {"submitted.v1", "numbered.v1", "issued.v1"}
    assert docs.get(docs.b.clerk, f"/ledger/entries?about={document}")["items"] == []
    assert docs.http(docs.b.clerk.principal).get("/ledger/entries/0/proof").status_code == 404
    for path in ("/ledger/export", "/ledger/heads"):
        answer = docs.http(docs.a.clerk.principal).request("GET" if "export" in path else "POST", path)
        assert answer.status_code == 403


def test_an_operator_has_a_head_sealed_now_and_takes_the_whole_log_away(docs: Docs) -> None:
    records = grown(docs)
    operator = docs.http(OPERATOR)
    docs.app.state.ledger_sealer = docs.a.identifier
    head = ok(operator.post("/ledger/heads", headers={"Idempotency-Key": "now"}), 202)
    assert ok(operator.post("/ledger/heads", headers={"Idempotency-Key": "now"}), 202) == head
    lines: list[dict[str, Any]] = [json.loads(line) for line in operator.get("/ledger/export").iter_lines()]
    assert lines[0]["size"] == len(records)
    entries = [base64.b64decode(line["event_b64"]) for line in lines if "position" in line]
    assert entries == [r.value for r in records]
    acts = [a for a in docs.stated("DocsAct") if a.object_kind in ("tree_head", "ledger")]
    assert [a.act for a in acts] == ["tree_head_ordered", "ledger_exported"], "taking the log away is an act as well"


def test_a_sealer_that_is_not_known_is_said(docs: Docs) -> None:
    docs.app.state.ledger_sealer = "H99"
    answer = docs.http(OPERATOR).post("/ledger/heads", headers={"Idempotency-Key": "x"})
    assert refusal(answer) == "ledger_sealer_unknown"


def test_proofs_outside_the_log_are_refused(docs: Docs) -> None:
    grown(docs)
    clerk = docs.http(docs.a.clerk.principal)
    assert refusal(clerk.get("/ledger/entries/0/proof")) == "ledger_not_sealed_yet"
    for first, second in ((0, 1), (2, 1), (1, 999)):
        assert refusal(clerk.get(f"/ledger/consistency?first={first}&second={second}")) == "ledger_range"
    found = ok(clerk.get("/ledger/consistency?first=1&second=4"))
    assert found["path"]


def test_an_operator_reads_all_acts_and_that_is_an_act(docs: Docs) -> None:
    document = docs.issued(docs.a)
    sequence(docs, *told(docs))
    operator = docs.http(OPERATOR)
    docs.stated()
    found = ok(operator.get(f"/ledger/entries?about={document}"))["items"]
    assert len(found) >= 4
    assert [a.act for a in docs.stated("DocsAct")] == ["ledger_read"]
    by_clerk = ok(operator.get(f"/ledger/entries?person={docs.a.clerk.person_id}"))["items"]
    assert by_clerk
    assert {e["actor"] for e in by_clerk} == {docs.a.clerk.name}
    today = datetime.now(domain.VIETNAM).date()
    assert ok(operator.get(f"/ledger/entries?since={today}&until={today}"))["items"]
    assert not ok(operator.get(f"/ledger/entries?until={today - timedelta(days=1)}"))["items"]
    one = ok(operator.get(f"/ledger/entries/{found[-1]['position']}"))
    assert json.loads(base64.b64decode(one["event_b64"]))["subject"] == str(document)


def test_a_check_from_inside_names_what_was_damaged(docs: Docs) -> None:
    grown(docs)
    ordered(docs)
    operator = docs.http(OPERATOR)
    sound = ok(operator.post("/ledger/checks"))
    assert (sound["sound"], sound["damaged"], sound["heads"]) == (True, [], 1)
    with psycopg.connect(docs.database.admin) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE ledger_entry SET event = event || '\\x20' WHERE pos = 1")
        admin.execute("DELETE FROM ledger_entry WHERE pos = 2")
    found = ok(operator.post("/ledger/checks"))
    assert (found["sound"], found["damaged"]) == (False, [1, 2])
    assert found["disagreeing"]


def test_everybody_may_keep_the_heads(docs: Docs) -> None:
    grown(docs)
    sealed_head(docs, ordered(docs))
    answer = docs.http(docs.b.clerk.principal).get("/ledger/heads.ndjson")
    [line] = [json.loads(each) for each in answer.text.splitlines()]
    assert line["head"]["signature_b64"] == base64.b64encode(b"cms").decode()


def test_reading_is_an_act_where_the_agency_wants_it_recorded(docs: Docs) -> None:
    document = docs.issued(docs.a)
    reader = docs.http(docs.a.leader.principal)
    parts = f"/documents/{document}/parts/0/content"
    assert reader.get(parts).status_code == 200
    docs.stated()
    body = {"dispatch_level": "LT", "urgent_may_owe": True, "unchecked_allowed": True, "record_reading": True}
    policy = ok(reader.put("/policy", json=body))
    assert policy["record_reading"]
    assert [a.act for a in docs.stated("DocsAct")] == ["policy_changed"]
    assert reader.get(parts).status_code == 200
    [act] = docs.stated("DocsAct")
    assert (act.act, act.object_kind, act.object_id) == ("document_read", "document", str(document))
    assert act.by.name == docs.a.leader.name
