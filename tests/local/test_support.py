"""The embedded broker and database keep what they promise to services and to tests."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AclOperation, ResourceType

from deploy.local.kafka import ClientSettings
from deploy.local.topics import Right
from tests.support.kafka import Kafka
from tests.support.postgres import Database, Postgres

UNDER_A_BOUND = 60.0


def produce(settings: ClientSettings, topic: str) -> list[str]:
    """Names of the errors that came back; empty when the broker took the message."""
    errors: list[str] = []
    producer = Producer({**settings, "enable.idempotence": True, "message.timeout.ms": 60_000, "log_level": 0})
    producer.produce(topic, b"x", on_delivery=lambda error, _message: errors.extend([error.name()] if error else []))
    assert producer.flush(90.0) == 0
    return errors


def test_a_user_may_do_what_was_granted_and_nothing_else(kafka: Kafka) -> None:
    mine, other = kafka.topic(), kafka.topic()
    user = kafka.user("writer", Right("writer", AclOperation.WRITE, ResourceType.TOPIC, mine))
    assert produce(user, mine) == []
    assert produce(user, other) == ["TOPIC_AUTHORIZATION_FAILED"]


def test_a_partner_writes_only_to_its_own_inbound_topic(kafka: Kafka) -> None:
    kafka.services()
    partner = {
        **kafka.admin,
        "sasl.username": "partner-motcua",
        "sasl.password": kafka.password("partner-motcua"),
    }
    assert produce(partner, "exchange.inbound.motcua") == []
    for topic in ("docs.document", "exchange.outbound.motcua", "exchange.replies.motcua", "portal.key"):
        assert produce(partner, topic) == ["TOPIC_AUTHORIZATION_FAILED"], topic


def test_what_a_killed_broker_acknowledged_is_still_there(kafka: Kafka) -> None:
    topic = kafka.topic()
    assert produce(kafka.admin, topic) == []
    kafka.signal(signal.SIGKILL)
    kafka.wait_ready()
    assert produce(kafka.admin, topic) == []
    consumer = Consumer({**kafka.admin, "group.id": topic, "auto.offset.reset": "earliest", "log_level": 0})
    consumer.subscribe([topic])
    seen, until = 0, time.monotonic() + UNDER_A_BOUND
    while seen < 2 and time.monotonic() < until:
        seen += len([message for message in consumer.consume(2, 0.5) if not message.error()])
    consumer.close()
    assert seen == 2


def test_the_role_of_a_service_reads_and_writes_rows_and_changes_no_schema(
    database: Callable[[str], Database],
) -> None:
    fresh = database("shared")
    with psycopg.connect(fresh.owner) as owner:
        owner.execute("CREATE TABLE seen (id bigint GENERATED ALWAYS AS IDENTITY, what text)")
    with psycopg.connect(fresh.app, autocommit=True) as app:
        app.execute("INSERT INTO seen (what) VALUES ('văn bản')")
        assert app.execute("SELECT what FROM seen").fetchall() == [("văn bản",)]
        for statement in ("DROP TABLE seen", "CREATE TABLE other ()", "ALTER TABLE seen DISABLE ROW LEVEL SECURITY"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)
        bypass = app.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert bypass.fetchall() == [(False,)]


def test_each_test_has_a_database_of_its_own(database: Callable[[str], Database]) -> None:
    first, second = database("shared"), database("shared")
    with psycopg.connect(first.owner) as owner:
        owner.execute("CREATE TABLE only_here ()")
    with psycopg.connect(second.owner) as owner, pytest.raises(psycopg.errors.UndefinedTable):
        owner.execute("SELECT FROM only_here")


def test_what_a_killed_database_committed_is_still_there(
    postgres: Postgres, database: Callable[[str], Database]
) -> None:
    fresh = database("shared")
    with psycopg.connect(fresh.owner) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 1 AS one")
    postgres.signal(signal.SIGKILL)
    postgres.wait_ready()
    with psycopg.connect(fresh.owner) as owner:
        assert owner.execute("SELECT one FROM kept").fetchall() == [(1,)]
