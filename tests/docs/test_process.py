"""Docs as processes on the real broker: what a partner publishes is answered on its replies topic, a kill included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer

from deploy.local.layout import ROOT
from deploy.local.topics import partner_user
from shared import db
from shared.events import encode, exchange
from shared.events.envelope import Envelope
from shared.ids import new_id
from tests.docs.facts import PARTNER, agency, record, sent, states_of
from tests.support.kafka import Kafka
from tests.support.parts import free_port
from tests.support.postgres import Database

BOUND = 180.0  # seconds, on two busy cores


@pytest.fixture
def environment(kafka: Kafka, database: Callable[[str], Database], tmp_path: Path) -> dict[str, str]:
    kafka.services()
    base = database("docs")
    return (
        os.environ
        | kafka.environment("docs")
        | {
            "VANTHU_SERVICE": "docs",
            "VANTHU_DATABASE": base.app,
            "VANTHU_DATABASE_OWNER": base.owner,
            "VANTHU_BLOBS": tmp_path.as_uri(),
            "VANTHU_PORT": str(free_port()),
            "VANTHU_WORKER_PORT": str(free_port()),
            "VANTHU_PORTAL_URL": "http://portal.example",
            "VANTHU_PARTNERS": PARTNER,
        }
    )


@contextmanager
def worker(environment: dict[str, str], log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.docs", "worker"], cwd=ROOT, env=environment | more, stderr=output
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def login(kafka: Kafka) -> dict[str, Any]:
    """The partner's own credential."""
    user = partner_user(PARTNER)
    return kafka.admin | {"sasl.username": user, "sasl.password": kafka.password(user)}


def replies(kafka: Kafka, about: set[str]) -> list[dict[str, Any]]:
    """What the partner reads on its replies topic until all of these messages are answered, and some answer came twice."""
    consumer = Consumer(login(kafka) | {"group.id": f"{partner_user(PARTNER)}.test", "auto.offset.reset": "earliest"})
    consumer.subscribe([exchange.REPLIES.of(PARTNER)])
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + BOUND
    try:
        while time.monotonic() < deadline:
            if about <= {answer["data"].get("message_id") for answer in found} and len(found) > len(ids(found)):
                break
            message = consumer.poll(0.5)
            if message is not None:
                assert message.error() is None, message.error()
                found.append(json.loads(message.value() or b"{}"))
    finally:
        consumer.close()
    return found


def ids(answers: list[dict[str, Any]]) -> set[str]:
    return {answer["id"] for answer in answers}


def test_a_partner_is_answered_once_though_the_worker_is_killed_in_between(
    kafka: Kafka, environment: dict[str, str], tmp_path: Path
) -> None:
    here, outside = agency("H37.02", "UBND xã Đồng Đăng"), agency("G99.01", "Sở X", PARTNER)
    # Said twice, what is not JSON is answered twice: a retry under load must not say it again.
    producer = Producer(login(kafka) | {"enable.idempotence": True})
    inbound = exchange.INBOUND.of(PARTNER)
    good = sent(outside, here.ref, digest="a" * 64, size=9)
    envelope = Envelope(new_id(), "urn:motcua", 1, datetime.now(UTC), good, inbound)
    places: list[str] = []  # other tests write to this topic as well

    def told(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        places.append(f"{message.topic()}:{message.partition()}:{message.offset()}")

    producer.produce(inbound, key="x", value=b"khong phai JSON", on_delivery=told)
    assert producer.flush(BOUND) == 0
    (garbled,) = places
    producer.produce(inbound, key=envelope.key, value=encode(envelope))
    assert producer.flush(BOUND) == 0
    with db.open_pool(environment["VANTHU_DATABASE"]) as pool, db.transaction(pool) as tx:
        from services.docs.consumer import make_follower

        for event in states_of(here, outside):
            make_follower("urn:vanthu:test", [PARTNER]).take(tx, record(event))

    log = tmp_path / "worker.log"
    with worker(environment, log, VANTHU_CRASH_AT="consumer_before_commit") as first:
        assert first.wait(BOUND) == -9, log.read_text()
    with worker(environment, log, VANTHU_CRASH_AT="relay_after_publish") as second:
        assert second.wait(BOUND) == -9, log.read_text()
    with worker(environment, log):
        answers = replies(kafka, {garbled, str(envelope.id)})
    ours = [a for a in answers if a["data"]["message_id"] in {garbled, str(envelope.id)}]
    kinds = {(a["data"]["message_id"], a["data"]["code"]) for a in ours}
    assert kinds == {(garbled, "not_json"), (str(envelope.id), "file_not_uploaded")}, f"{answers}\n{log.read_text()}"
    # The relay died between publishing and noting it, so the partner got what it had published again, under the same ids.
    assert len(answers) > len(ids(answers))
    assert len(ids(ours)) == 2
