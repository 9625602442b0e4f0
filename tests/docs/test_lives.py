"""The lives of documents and deliveries with several agencies acting in any order, on the real service and database.

Each example makes its own documents in one database. What docs states on docs.delivery waits in this machine's own
"Kafka": one queue for each key, since Kafka keeps the order of a key; queues are read in any order and any record may
come again. At the end everything is heard, and both sides of each delivery must tell the same story.
"""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from services.docs import access
from shared.events.docs import DELIVERY
from shared.inbox import Record
from tests.docs.conftest import Docs, record_of
from tests.docs.facts import Agency, heartbeats, prepared, sealed, signed, validated

QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
ENDED = {"02", "15"}


class Lives(RuleBasedStateMachine):
    """A and B send to each other; whoever acts may do so at any time, and is refused or not."""

    docs: Docs  # set by the test that runs the machine

    documents = Bundle("documents")

    def __init__(self) -> None:
        super().__init__()
        self.agencies = (self.docs.a, self.docs.b)
        self.made: dict[UUID, Agency] = {}
        self.queues: dict[str, deque[Record]] = defaultdict(deque)
        self.heard: list[Record] = []
        self.signing: dict[UUID, list[Any]] = defaultdict(list)  # what signing will state of a document, in order
        self.days = 0
        self.docs.hear(*heartbeats(datetime.now(UTC)))
        self.docs.outbox()

    # --- the world between them

    def collect(self) -> None:
        for envelope in self.docs.outbox():
            if envelope.topic == DELIVERY.name:
                self.queues[envelope.key].append(record_of(envelope))

    def post(self, at: Agency, path: str, body: Any = None, role: str = "clerk") -> Any:
        """Somebody acts. Either it is done or it is refused with a code; nothing else ever happens."""
        answer = self.docs.post(at.people[role], path, body)
        assert answer.status_code in (200, 201, 404, 409, 410, 412, 422, 429), answer.text
        if answer.status_code >= 400:
            assert answer.json()["code"]
        self.collect()
        return answer

    def arrivals(self, at: Agency) -> list[dict[str, Any]]:
        rows = self.docs.rows(
            at.agency_id,
            "SELECT id, status, document_id FROM incoming WHERE document_id = ANY(%s) ORDER BY id",
            list(self.made),
        )
        return [dict(row) for row in rows]

    @rule(data=st.data())
    def kafka_delivers(self, data: st.DataObject) -> None:
        waiting = sorted(key for key, queue in self.queues.items() if queue)
        if waiting:
            queue = self.queues[data.draw(st.sampled_from(waiting))]
            for _ in range(data.draw(st.integers(1, 3))):
                if queue:
                    self.take(queue.popleft())

    @rule(data=st.data())
    def kafka_delivers_again(self, data: st.DataObject) -> None:
        if self.heard:
            again = data.draw(st.sampled_from(self.heard))
            assert self.docs.take(again) == ["duplicate"]
            self.collect()

    def take(self, record: Record) -> None:
        assert self.docs.take(record) == ["handled"]
        self.heard.append(record)
        self.collect()

    @rule(data=st.data())
    def signing_states(self, data: st.DataObject) -> None:
        waiting = sorted((each for each, facts in self.signing.items() if facts), key=str)
        if waiting:
            self.docs.hear(self.signing[data.draw(st.sampled_from(waiting))].pop(0))
            self.collect()

    # --- the sender

    @initialize(target=documents)
    def begin(self) -> Any:
        return self.submit(self.docs.a)

    def submit(self, at: Agency) -> UUID:
        document = self.docs.submitted(at)
        self.made[document] = at
        self.signing[document] += [prepared(document, at.leader), signed(document, at.leader)]
        self.collect()
        return document

    @rule(target=documents, of=st.sampled_from((0, 1)))
    def submits(self, of: int) -> Any:
        return self.submit(self.agencies[of]) if len(self.made) < 4 else multiple()

    @rule(document=documents)
    def issues(self, document: UUID) -> None:
        answer = self.post(self.made[document], f"/documents/{document}/issue")
        ordered = any(type(each).__name__ == "DocumentSealed" for each in self.signing[document])
        if answer.status_code == 200 and answer.json()["state"] == "sealing" and not ordered:
            self.signing[document].append(sealed(document, answer.json()["number"]))

    @rule(document=documents)
    def leader_returns(self, document: UUID) -> None:
        at = self.made[document]
        answer = self.post(at, f"/documents/{document}/return", {"reason": "Sửa lại"}, role="leader")
        if answer.status_code == 200:
            self.signing[document] = [
                each for each in self.signing[document] if type(each).__name__ == "DocumentSigned"
            ]

    @rule(document=documents, twice=st.booleans())
    def dispatches(self, document: UUID, twice: bool) -> None:  # noqa: FBT001
        at = self.made[document]
        to = [each.identifier for each in self.agencies if each is not at]
        for _ in range(1 + twice):
            self.post(at, f"/documents/{document}/dispatch", {"recipients": to})

    @rule(document=documents, meant=st.booleans())
    def asks_back(self, document: UUID, meant: bool) -> None:  # noqa: FBT001
        body = {"reason": "Thu hồi", "even_if_completed": meant}
        self.post(self.made[document], f"/documents/{document}/recall", body)

    @rule(document=documents)
    def chases(self, document: UUID) -> None:
        self.days += 2
        later = datetime.now(UTC) + timedelta(days=self.days)
        self.docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: later
        self.post(self.made[document], f"/documents/{document}/chase", {})
        self.docs.app.dependency_overrides.clear()

    @rule(later=documents, earlier=documents, kind=st.sampled_from(("updates", "replaces")))
    def links(self, later: UUID, earlier: UUID, kind: str) -> None:
        body = {"kind": kind, "document_id": str(earlier)}
        self.post(self.made[later], f"/documents/{later}/relations", body)

    @rule(document=documents, data=st.data())
    def answers(self, document: UUID, data: st.DataObject) -> None:
        at = self.made[document]
        if found := self.arrivals(at):
            arrived = data.draw(st.sampled_from(found))["id"]
            body = {"kind": "answers", "incoming_id": str(arrived), "complete": data.draw(st.booleans())}
            self.post(at, f"/documents/{document}/relations", body)

    # --- the receiver

    @rule(of=st.sampled_from((0, 1)), data=st.data(), passed=st.sampled_from((True, True, True, False)))
    def validates(self, of: int, data: st.DataObject, passed: bool) -> None:  # noqa: FBT001
        at = self.agencies[of]
        if found := self.arrivals(at):
            arrived = data.draw(st.sampled_from(found))["id"]
            self.docs.hear(validated(arrived, at.agency_id, "TOTAL_PASSED" if passed else "TOTAL_FAILED"))
            self.collect()

    @rule(
        of=st.sampled_from((0, 1)),
        data=st.data(),
        act=st.sampled_from(
            ("register", "register", "register", "refuse", "start", "complete", "give back", "keep", "assign")
        ),
    )
    def clerk_acts(self, of: int, data: st.DataObject, act: str) -> None:
        at = self.agencies[of]
        found = self.arrivals(at)
        if not found:
            return
        path = f"/incoming/{data.draw(st.sampled_from(found))['id']}"
        bodies: dict[str, tuple[str, Any]] = {
            "register": ("register", {"despite_duplicate": True}),
            "refuse": ("refuse", {"reason": "Không đúng nơi nhận"}),
            "start": ("start", None),
            "complete": ("complete", None),
            "give back": ("recall-answer", {"agreed": True}),
            "keep": ("recall-answer", {"agreed": False, "reason": "Đã thực hiện"}),
            "assign": ("assign", {"person_id": str(at.leader.person_id)}),
        }
        where, body = bodies[act]
        self.post(at, f"{path}/{where}", body)

    # --- what must always hold

    @invariant()
    def numbers_are_gapless_and_each_is_one_documents(self) -> None:
        for at in self.agencies:
            rows = self.docs.rows(
                at.agency_id, "SELECT register_code, array_agg(number ORDER BY number) AS n FROM book GROUP BY 1"
            )
            for row in rows:
                assert row["n"] == list(range(1, len(row["n"]) + 1)), row

    def teardown(self) -> None:
        """Kafka delivers everything that is left; then both sides tell the same."""
        self.collect()
        while any(self.queues.values()):
            for key in sorted(self.queues):
                while self.queues[key]:
                    self.take(self.queues[key].popleft())
        assert self.docs.rows(None, "SELECT * FROM parked") == []
        sent, got = self.both_sides()
        assert set(sent) == set(got), "each delivery has arrived, and nothing else has"
        for delivery_id, mine in sent.items():
            theirs = got[delivery_id]
            assert mine["status"] == theirs["status"], (mine, theirs)
            assert mine["arrival_number"] == theirs["arrival_number"] or mine["status"] == "15"
            self.compare_asked(mine, theirs)
            assert (theirs["parts"] == []) == bool(theirs["destroyed"])
        standing = [
            (each["document_id"], each["receiver"]["identifier"])
            for each in sent.values()
            if each["status"] not in ENDED
        ]
        assert len(standing) == len(set(standing)), "nobody has a document twice"

    def compare_asked(self, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
        about = (mine["asked"] or {}).get("about")
        if about == "recall":
            assert theirs["asked"]["status"] == mine["asked"]["status"], (mine, theirs)
            agreed = mine["asked"]["status"] == "15"
            assert agreed == bool(theirs["destroyed"])
        elif theirs["asked"]:
            assert theirs["asked"]["status"] == "16", "only a recall that was refused is followed by anything else"

    def both_sides(self) -> tuple[dict[UUID, Any], dict[UUID, Any]]:
        sent: dict[UUID, Any] = {}
        got: dict[UUID, Any] = {}
        for at in self.agencies:
            for row in self.docs.rows(
                at.agency_id, "SELECT * FROM delivery WHERE document_id = ANY(%s)", list(self.made)
            ):
                sent[row["id"]] = row
            for row in self.docs.rows(
                at.agency_id, "SELECT * FROM incoming WHERE document_id = ANY(%s)", list(self.made)
            ):
                assert row["delivery_id"] not in got, "a delivery arrives once"
                got[row["delivery_id"]] = row
        return sent, got


def run(docs: Docs, *, examples: int, steps: int) -> None:
    machine = type("LivesHere", (Lives,), {"docs": docs})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=QUIET,
            database=None,
            print_blob=True,
        ),
    )


def test_both_sides_agree_whatever_order_things_happen_in(docs: Docs) -> None:
    run(docs, examples=8, steps=30)


@pytest.mark.full
def test_both_sides_agree_in_many_long_lives(docs: Docs) -> None:
    run(docs, examples=120, steps=80)
