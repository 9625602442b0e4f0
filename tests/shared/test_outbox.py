"""Invariant 1: a fact is stated once it is committed, and every committed fact is stated, in order per key."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from shared import db, outbox
from shared.bus import KafkaPublisher
from shared.events import decode
from shared.ids import new_id
from shared.settings import Settings
from tests.shared import log
from tests.shared.facts import SOURCE, returned
from tests.support.parts import until


class Log:
    """A publisher that keeps what it was given; `refuse` says which rows the broker would never take."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.refuse: set[int] = set()

    def publish(self, rows: Sequence[dict[str, Any]]) -> dict[int, str]:
        self.seen += [(row["key"], row["seq"]) for row in rows if row["seq"] not in self.refuse]
        return {row["pos"]: "too large" for row in rows if row["seq"] in self.refuse}


def relay_connection(conninfo: str) -> db.Tx:
    return psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)


def state(pool: db.Pool, key: Any, times: int = 1) -> None:
    for _ in range(times):
        with db.transaction(pool) as tx:
            outbox.put(tx, returned(key), source=SOURCE)


def test_what_is_rolled_back_is_never_stated(pool: db.Pool, schema: Any) -> None:
    document = new_id()
    with pytest.raises(ZeroDivisionError), db.transaction(pool) as tx:  # noqa: PT012
        outbox.put(tx, returned(document), source=SOURCE)
        raise ZeroDivisionError
    state(pool, document)
    given = Log()
    with relay_connection(schema.app) as connection:
        relay = outbox.Relay(schema.app, given, stop=threading.Event())
        relay.publish_once(connection, relay.claim(connection, []))
    assert given.seen == [(str(document), 1)]  # the rolled-back one left no gap either


def test_many_events_at_once_keep_the_order_of_each_key_among_those_stated_one_by_one(
    pool: db.Pool, schema: Any
) -> None:
    one, two = new_id(), new_id()
    state(pool, one)
    reasons = ["a", "b", "c", "d"]
    with db.transaction(pool) as tx:
        events = [returned(key, reason=reason) for key, reason in zip((one, two, one, one), reasons, strict=True)]
        assert outbox.put_many(tx, events, source=SOURCE) == 4
        assert outbox.put_many(tx, [], source=SOURCE) == 0
    state(pool, one)
    given = Log()
    with relay_connection(schema.app) as connection:
        payloads = connection.execute("SELECT payload FROM outbox ORDER BY pos").fetchall()
        relay = outbox.Relay(schema.app, given, stop=threading.Event())
        relay.publish_once(connection, relay.claim(connection, []))
    assert given.seen == [(str(one), 1), (str(one), 2), (str(two), 1), (str(one), 3), (str(one), 4), (str(one), 5)]
    said = [decode(bytes(row["payload"]), topic="docs.document") for row in payloads]
    assert [(each.key, each.seq) for each in said] == given.seen
    assert [getattr(each.data, "reason", None) for each in said[1:5]] == reasons


def test_two_imports_of_the_same_keys_wait_for_each_other(pool: db.Pool) -> None:
    keys = [new_id() for _ in range(200)]

    def take(order: list[Any]) -> None:
        for _ in range(5):
            with db.transaction(pool) as tx:
                outbox.put_many(tx, [returned(key) for key in order], source=SOURCE)

    with ThreadPoolExecutor(2) as writers:
        list(writers.map(take, [keys, keys[::-1]]))
    with db.transaction(pool) as tx:
        counted = tx.execute("SELECT key, count(*) AS n, max(seq) AS last FROM outbox GROUP BY key").fetchall()
    assert [(row["n"], row["last"]) for row in counted] == [(10, 10)] * 200


def test_sixteen_writers_leave_no_gap_and_no_disorder(pool: db.Pool, schema: Any) -> None:
    documents = [new_id() for _ in range(4)]
    stop = threading.Event()
    given = Log()
    relays = [threading.Thread(target=outbox.Relay(schema.app, given, stop=stop).run) for _ in range(2)]
    for thread in relays:
        thread.start()
    with ThreadPoolExecutor(16) as writers:
        list(writers.map(lambda n: state(pool, documents[n % 4], 10), range(16)))
    while backlog(pool):
        stop.wait(0.05)
    stop.set()
    for thread in relays:
        thread.join()
    for document in documents:
        assert [seq for key, seq in given.seen if key == str(document)] == list(range(1, 41))


def test_two_relays_never_hold_the_same_shard(schema: Any) -> None:
    one, two = (outbox.Relay(schema.app, Log(), stop=threading.Event()) for _ in range(2))
    with relay_connection(schema.app) as first, relay_connection(schema.app) as second:
        assert one.claim(first, []) == list(range(outbox.SHARDS))
        held = two.claim(second, [])
        assert held == []
        first.close()

        def inherit() -> bool:  # the server hears of a closed connection a moment later, and shard by shard
            held[:] = two.claim(second, held)
            return held == list(range(outbox.SHARDS))

        until(inherit, bound=60, what="the shards of the relay that is gone")


def test_a_refused_event_stops_its_key_and_no_other(pool: db.Pool, schema: Any, expected_errors: list[str]) -> None:
    expected_errors.append("refused by the broker")
    bad, good = new_id(), new_id()
    state(pool, bad, 3)
    state(pool, good, 1)
    given = Log()
    given.refuse = {2}
    with relay_connection(schema.app) as connection:
        relay = outbox.Relay(schema.app, given, stop=threading.Event())
        held = relay.claim(connection, [])
        for _ in range(outbox.MAX_ATTEMPTS):
            relay.publish_once(connection, held)
        assert relay.publish_once(connection, held) == 0
        left = connection.execute("SELECT key, seq, stopped_because FROM outbox ORDER BY pos").fetchall()
    assert [(row["key"], row["seq"]) for row in left] == [(str(bad), 2), (str(bad), 3)]
    assert left[0]["stopped_because"] == "too large"
    assert (str(good), 1) in given.seen


def test_a_topic_that_is_not_there_holds_back_its_own_events_only(
    kafka: Any, pool: db.Pool, schema: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partner that registry names and the broker does not know."""
    kafka.services()
    monkeypatch.setattr(outbox, "REST", 600.0)  # it rests until the test says so
    for name, value in (kafka.environment("docs") | {"VANTHU_DATABASE": schema.app}).items():
        monkeypatch.setenv(name, value)
    lost, document = new_id(), new_id()
    with db.transaction(pool) as tx:
        outbox.put(tx, returned(lost), source=SOURCE, topic="exchange.outbound.nowhere")
    state(pool, document, 2)
    settings, stop = Settings(service="docs", port=0, worker_port=0, blobs="", portal_url=""), threading.Event()
    relay = outbox.Relay(schema.app, KafkaPublisher(settings, stop=stop), stop=stop)
    with relay_connection(schema.app) as connection:
        held = relay.claim(connection, [])
        with pytest.raises(outbox.PublishFailed):
            relay.publish_once(connection, held)
        left = connection.execute("SELECT key FROM outbox").fetchall()
        assert [row["key"] for row in left] == [str(lost)]
        state(pool, document)
        assert relay.publish_once(connection, held) == 1
        relay.resting.clear()  # some seconds later
        with pytest.raises(outbox.PublishFailed):
            relay.publish_once(connection, held)
        assert backlog(pool) == 1
    assert [event["sequence"] for event in log.read(kafka, "docs.document", str(document))] == ["1", "2", "3"]


def test_an_event_too_large_for_kafka_fails_in_its_own_transaction(pool: db.Pool) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction(pool) as tx:
        outbox.put(tx, returned(new_id(), reason="x" * 1_000_000), source=SOURCE)


def test_a_relay_killed_between_publishing_and_deleting_publishes_again(kafka: Any, pool: db.Pool, schema: Any) -> None:
    document = new_id()
    kafka.services()
    state(pool, document, 3)
    environment = os.environ | kafka.environment("docs") | {"VANTHU_DATABASE": schema.app}
    script = "from tests.shared.one_relay import main; main()"
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | {"VANTHU_CRASH_AT": "relay_after_publish"},
        check=False,
        timeout=180,
    )
    assert killed.returncode == -9
    assert backlog(pool) == 3
    finished = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=180)
    assert finished.returncode == 0
    assert backlog(pool) == 0
    published = log.read(kafka, "docs.document", str(document))
    assert [event["sequence"] for event in published] == [
        "1",
        "2",
        "3",
        "1",
        "2",
        "3",
    ]


def backlog(pool: db.Pool) -> int:
    with db.transaction(pool) as tx:
        return int(outbox.backlog(tx)["unpublished"])
