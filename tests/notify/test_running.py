"""Notify as processes beside a real broker: a fact on Kafka becomes a notice on an open stream and a mail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from confluent_kafka import Producer
from psycopg.rows import dict_row

from shared.events import Event, encode
from shared.events.envelope import Envelope
from shared.ids import new_id
from shared.tokens import Principal
from tests.notify.facts import NOW, Story, person
from tests.notify.test_mail import Postbox, smtp
from tests.notify.test_stream import notices
from tests.support.http import Issuer
from tests.support.kafka import Kafka
from tests.support.parts import free_port
from tests.support.postgres import Database

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(role: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        [sys.executable, "-m", "services.notify", role], cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        yield running
    finally:
        running.terminate()
        # uvicorn ends by the signal itself once it has closed down.
        assert running.wait(60) in (0, -signal.SIGTERM)


def publish(kafka: Kafka, *events: Event) -> None:
    """As the stating service, with its own right to do so."""
    for event in events:
        stating = kafka.environment(event.TOPIC.stated_by)
        producer = Producer(
            {
                "enable.idempotence": True,
                "bootstrap.servers": kafka.bootstrap,
                "security.protocol": stating["VANTHU_KAFKA_SECURITY"],
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": stating["VANTHU_KAFKA_USER"],
                "sasl.password": stating["VANTHU_KAFKA_PASSWORD"],
            }
        )
        envelope = Envelope(id=new_id(), source="urn:vanthu:dev", seq=1, time=NOW, data=event, topic=event.topic)
        producer.produce(event.topic, key=event.key, value=encode(envelope))
        assert producer.flush(60) == 0


def wait_for(url: str) -> None:
    transport = httpx.HTTPTransport(retries=10)  # with back-off: 0.5 s, 1 s, 2 s …
    with httpx.Client(transport=transport) as http:
        http.get(url, timeout=60).raise_for_status()


@pytest.fixture
def environment(kafka: Kafka, database: Callable[[str], Database], tmp_path: Path) -> tuple[dict[str, str], Database]:
    kafka.services()
    made = database("notify")
    return {
        **kafka.environment("notify"),
        "VANTHU_SERVICE": "notify",
        "VANTHU_DATABASE": made.app,
        "VANTHU_BLOBS": tmp_path.as_uri(),
        "VANTHU_PORT": str(free_port()),
        "VANTHU_WORKER_PORT": str(free_port()),
        "VANTHU_PORTAL_URL": "http://portal.example",
        "VANTHU_SMTP": f"127.0.0.1:{free_port()}",
    }, made


def test_a_fact_on_kafka_reaches_the_reader_and_the_mailbox(
    kafka: Kafka, environment: tuple[dict[str, str], Database]
) -> None:
    told, database = environment
    issuer, postbox = Issuer(), Postbox()
    leader = person("Nguyễn Văn Đức", new_id(), "leader")
    story = Story(leader=leader.person_id)
    with psycopg.connect(database.app, row_factory=dict_row) as tx:
        issuer.trust(tx)
    url = f"http://127.0.0.1:{told['VANTHU_PORT']}"
    principal = Principal(kind="person", name=leader.name, roles=frozenset({"leader"}), person_id=leader.person_id)
    headers = {"Authorization": f"Bearer {issuer.token(principal, 'notify')}", "Last-Event-ID": "0"}
    with (
        smtp(postbox, int(told["VANTHU_SMTP"].partition(":")[2])),
        process("worker", told),
        process("api", told),
    ):
        wait_for(f"{url}/readyz")
        publish(kafka, leader, story.submitted(), story.prepared())
        wait_for(f"http://127.0.0.1:{told['VANTHU_WORKER_PORT']}/healthz")
        with httpx.stream("GET", f"{url}/notify/v1/stream", headers=headers, timeout=60) as response:
            found = next(notices(response))
        assert json.loads(found.fields["data"])["title"] == "Văn bản chờ bạn ký"
        assert postbox.came.wait(60)
    ((to, message),) = postbox.mails
    assert to == [leader.email]
    assert message["Subject"] == "Văn bản chờ bạn ký"
