"""The consumer loop on a real broker: poison, bad bytes and a dead member stop nobody."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from shared import bus, db
from shared.bus import KafkaConsumer, Systemic
from shared.db import Tx
from shared.events import Envelope, encode
from shared.events.docs import DocumentReturned
from shared.events.exchange import StatusSent
from shared.events.portal import KeyStated
from shared.ids import new_id
from shared.inbox import Follower, Record, list_parked
from shared.settings import Settings
from tests.shared import log
from tests.shared.facts import effects, key_state, record, returned
from tests.support.kafka import Kafka


def note(tx: Tx, envelope: Envelope) -> None:
    data = envelope.data
    assert isinstance(data, DocumentReturned)
    if data.reason == "poison":
        raise ValueError("poison")
    if data.reason == "database gone":
        raise psycopg.OperationalError("server closed the connection")
    tx.execute("INSERT INTO effect (key, what) VALUES (%s, %s)", [envelope.key, data.reason])


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """A real topic of the catalogue: a type is believed on its own topic only. Other tests' events lie in it too."""
    kafka.services()
    return "docs.document"


@pytest.fixture
def settings(kafka: Kafka, topic: str, schema: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    assert topic
    for name, value in (kafka.environment("signing") | {"VANTHU_DATABASE": schema.app}).items():
        monkeypatch.setenv(name, value)
    return Settings(service="signing", port=0, worker_port=0, blobs="", portal_url="")


@contextmanager
def consuming(
    settings: Settings,
    pool: db.Pool,
    topic: str,
    handler: Callable[[Tx, Envelope], None] = note,
    *,
    group: str | None = None,
) -> Iterator[KafkaConsumer]:
    stop = threading.Event()
    follower = Follower(group or f"signing-{new_id()}", (topic,), {DocumentReturned: handler})
    consumer = KafkaConsumer(settings, pool, follower, stop=stop)
    thread = threading.Thread(target=consumer.run)
    thread.start()
    try:
        yield consumer
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition that another thread brings about."""
    pulse, end = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        pulse.wait(0.05)


def send(
    kafka: Kafka, topic: str, *records: Record, headers: list[tuple[str, str | bytes | None]] | None = None
) -> None:
    log.produce(kafka, topic, [(one.key, one.value) for one in records], headers or [])


def done(pool: db.Pool, key: Any) -> list[str]:
    with db.transaction(pool) as tx:
        return effects(tx, key)


def parked(pool: db.Pool) -> dict[str, str]:
    with db.transaction(pool) as tx:
        return {row["key"]: row["code"] for row in list_parked(tx)}


def test_poison_and_bad_bytes_are_parked_and_the_rest_flows(
    kafka: Kafka, settings: Settings, pool: db.Pool, topic: str
) -> None:
    bad, good = new_id(), new_id()
    with consuming(settings, pool, topic):
        send(
            kafka,
            topic,
            Record(topic, 0, 0, b"\xff\xfe", b"\x00not an event", None),
            record(returned(bad, "poison"), 1),
            record(returned(good, "1"), 1),
            record(returned(bad, "after"), 2),
            record(returned(good, "2"), 2),
        )
        until(lambda: done(pool, good) == ["1", "2"])
        until(lambda: str(bad) in parked(pool))
    assert parked(pool)[str(bad)] == "ValueError"
    assert "not_json" in parked(pool).values()
    assert done(pool, bad) == []


def test_headers_that_are_no_text_do_not_stop_the_loop(
    kafka: Kafka, settings: Settings, pool: db.Pool, topic: str
) -> None:
    document = new_id()
    with consuming(settings, pool, topic):
        send(kafka, topic, record(returned(document, "1"), 1), headers=[("traceparent", b"\xff\xfe\xfd"), ("x", b"")])
        until(lambda: done(pool, document) == ["1"])


def test_a_database_that_is_gone_pauses_the_loop_and_parks_nothing(
    kafka: Kafka, settings: Settings, pool: db.Pool, topic: str
) -> None:
    document = new_id()
    failures: list[int] = []

    def flaky(tx: Tx, envelope: Envelope) -> None:
        if len(failures) < 2:
            failures.append(1)
            raise psycopg.OperationalError("server closed the connection")
        note(tx, envelope)

    with consuming(settings, pool, topic, flaky):
        send(kafka, topic, record(returned(document, "1"), 1))
        until(lambda: done(pool, document) == ["1"])
    assert str(document) not in parked(pool)


def test_a_bad_deploy_cannot_park_the_whole_topic(
    kafka: Kafka, settings: Settings, pool: db.Pool, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes fails, as often as an event is tried at all before it is parked; tried once more, it is mended."""
    monkeypatch.setattr(bus, "FIRST_PAUSE", 0.001)
    log.pass_over(kafka, group := f"signing-{new_id()}", topic)  # else others' keys count as such that don't fail
    documents = [new_id() for _ in range(8)]
    tries: Counter[str] = Counter()

    def deployed(tx: Tx, envelope: Envelope) -> None:
        tries[envelope.key] += 1
        if max(tries.values()) <= bus.ATTEMPTS + 1:  # with all others of its batch, and then by itself
            raise KeyError("the new code is wrong")
        note(tx, envelope)

    send(kafka, topic, *(record(returned(d, "1"), 1) for d in documents))
    with consuming(settings, pool, topic, deployed, group=group):
        until(lambda: all(done(pool, d) == ["1"] for d in documents))
    assert parked(pool) == {}
    assert tries.keys() == {str(d) for d in documents}


def test_offsets_are_committed_after_the_database(kafka: Kafka, settings: Settings, pool: db.Pool, topic: str) -> None:
    document = new_id()
    send(kafka, topic, record(returned(document, "1"), 1))
    with consuming(settings, pool, topic) as consumer:
        until(lambda: done(pool, document) == ["1"])
        group = consumer.follower.group
        # Not at once, if the consumer was thrown out of its group meanwhile: then the event comes again, and then.
        until(lambda: len(set(log.committed(kafka, group, topic, 0))) == 1)


@pytest.fixture
def offline(schema: Any, pool: db.Pool, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaConsumer]:
    """The consumer's own judgement, with records handed to it: nothing listens at its broker."""
    monkeypatch.setattr(bus, "FIRST_PAUSE", 0.001)
    settings = Settings(
        service="docs",
        database=schema.app,
        kafka="127.0.0.1:9",
        kafka_user="docs",
        kafka_password="none",
        port=0,
        worker_port=0,
        blobs="",
        portal_url="",
    )

    def refuse(_tx: Tx, envelope: Envelope) -> None:
        raise KeyError(envelope.key)

    def keep(tx: Tx, envelope: Envelope) -> None:
        if envelope.seq == 1:
            raise KeyError("an old state that can't be kept")
        tx.execute("INSERT INTO effect (key, what) VALUES (%s, %s)", [envelope.key, f"state {envelope.seq}"])

    follower = Follower("docs", (), {StatusSent: refuse, KeyStated: keep, DocumentReturned: refuse})
    made = KafkaConsumer(settings, pool, follower, stop=threading.Event())
    yield made
    made.consumer.close()


def test_odd_messages_of_a_partner_pause_nobody(offline: KafkaConsumer, pool: db.Pool) -> None:
    sent = [StatusSent(delivery_id=new_id(), status="01", staff="Đinh Thị Lan", at=datetime.now(UTC)) for _ in range(6)]
    topic = "exchange.inbound.motcua"
    offline._take(
        [
            Record(topic, 0, n, b"\x00", encode(Envelope(new_id(), "urn:motcua", 0, each.at, each, topic)), None)
            for n, each in enumerate(sent)
        ]
    )
    assert set(parked(pool)) == {str(each.delivery_id) for each in sent}
    documents = [new_id() for _ in range(6)]
    with pytest.raises(Systemic):
        offline._take([record(returned(each), 1) for each in documents])


def test_a_revocation_waits_behind_nothing(offline: KafkaConsumer, pool: db.Pool) -> None:
    offline._take([record(key_state("leaked"), 1), record(key_state("leaked"), 2)])
    assert done(pool, "leaked") == ["state 2"]
    assert parked(pool) == {}
