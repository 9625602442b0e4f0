"""Kafka: the consumer loop and the relay's publisher. Synchronous, in a worker process, never beside an event loop.

librdkafka can stay disconnected for ever after a broker restart, so a loop without broker contact for
NO_CONTACT seconds ends its process and leaves the restart to whoever supervises it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from shared import telemetry
from shared.db import Pool, transaction
from shared.errors import Rejected
from shared.events.envelope import CONTENT_TYPE
from shared.inbox import Record, Taker, failure_code, kind_of, park
from shared.outbox import PublishFailed
from shared.settings import Settings

log = logging.getLogger(__name__)

BATCH = 200
ATTEMPTS = 4  # of one event before it is parked
FIRST_PAUSE = 0.1  # seconds, then times four
SYSTEMIC_SHARE, SYSTEMIC_COUNT = 0.5, 5  # more keys failing than this is no poison: something of ours is down
NO_CONTACT = 300.0


class Systemic(Exception):
    """Not this event but something under all of them fails; the loop pauses instead of parking a whole topic."""


def client_config(settings: Settings) -> dict[str, Any]:
    """What every librdkafka client of ours is configured with."""
    return {
        "bootstrap.servers": settings.kafka,
        "security.protocol": settings.kafka_security,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": settings.kafka_user,
        "sasl.password": settings.kafka_password.get_secret_value(),
        "reconnect.backoff.max.ms": 1000,
        "metadata.recovery.rebootstrap.trigger.ms": 30000,
        "topic.metadata.refresh.interval.ms": 30000,
        "client.id": f"{settings.service}",
    } | ({"ssl.ca.location": settings.kafka_ca} if settings.kafka_ca else {})


class KafkaConsumer:
    """Polls, hands batches to the follower in one transaction, commits offsets after the database."""

    def __init__(self, settings: Settings, pool: Pool, follower: Taker, *, stop: threading.Event) -> None:
        self.pool = pool
        self.follower = follower
        self.stop = stop
        self.beat = telemetry.Heartbeat(f"consumer {follower.group}")
        self.contact = time.monotonic()
        self.consumer = Consumer(
            client_config(settings)
            | {
                "group.id": follower.group,
                "group.protocol": "consumer",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "allow.auto.create.topics": False,
            }
        )

    def run(self) -> None:
        """Until stopped. A batch that meets a systemic failure is held and tried again, nothing is skipped."""
        self.consumer.subscribe(list(self.follower.topics))
        try:
            while not self.stop.is_set():
                records = self._poll()
                self.beat.touch()
                if records:
                    self._take_or_wait(records)
        finally:
            self.consumer.close()

    def _poll(self) -> list[Record]:
        records = self._consume(BATCH)
        if records:
            self._touch_contact()
        elif time.monotonic() - self.contact > 30:
            self._check_contact()
        return records

    def _consume(self, most: int) -> list[Record]:
        records = []
        for message in self.consumer.consume(most, 0.2):
            if error := message.error():
                self._on_error(error)
            else:
                records.append(_record(message))
        return records

    def _take_or_wait(self, records: list[Record]) -> None:
        pause = 0.5
        while not self.stop.is_set():
            try:
                self._take(records)
            except (Systemic, psycopg.OperationalError, Rejected) as error:
                log.warning("consumer %s pauses %.1f s: %s", self.follower.group, pause, error)
                self._idle(pause, records)
                pause = min(pause * 2, 30.0)
            else:
                self._commit(records)
                self.consumer.resume(self.consumer.assignment())
                return

    def _idle(self, seconds: float, held: list[Record]) -> None:
        """Wait, still polling: a consumer that does not poll is thrown out of its group.

        A rebalance may give us partitions that are not paused yet: what comes from them is held with the rest.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.stop.is_set():
            self.consumer.pause(self.consumer.assignment())
            held += self._consume(1)
            self.beat.touch()

    def _take(self, records: list[Record]) -> None:
        """One transaction for all; when it fails, one transaction an event, and what fails again is parked."""
        try:
            with transaction(self.pool) as tx:
                outcomes = [(record.topic, self.follower.take(tx, record)) for record in records]
                telemetry.crash_point("consumer_before_commit")
        except Exception as error:  # noqa: BLE001  the same records go through one by one, where each failure is told apart
            _raise_if_systemic(error)
            log.info("batch of %d falls back to one transaction an event: %s", len(records), error)
            self._take_one_by_one(records)
            return
        telemetry.crash_point("consumer_after_commit")
        for topic, outcome in outcomes:
            telemetry.events_consumed.labels(topic, outcome).inc()

    def _take_one_by_one(self, records: list[Record]) -> None:
        failed: list[tuple[Record, str, str]] = []
        blocked: set[tuple[str, bytes | None]] = set()
        for record in records:
            self.beat.touch()
            # A newer state is taken in whatever became of the one before: a revocation waits behind nothing.
            if (record.topic, record.key) in blocked and kind_of(record.topic) != "state":
                failed.append((record, "behind", "an earlier event of this key waits"))
                continue
            if error := self._take_with_retries(record):
                blocked.add((record.topic, record.key))
                failed.append((record, failure_code(error), str(error) or type(error).__name__))
        # What partners send is no measure of our own health: else five odd messages of theirs would stop us all.
        own = [key for key in blocked if kind_of(key[0]) != "exchange"]
        if len(own) >= SYSTEMIC_COUNT and len(own) > SYSTEMIC_SHARE * len({(r.topic, r.key) for r in records}):
            raise Systemic(f"{len(own)} keys fail at once, first: {failed[0][2]}")
        with transaction(self.pool) as tx:
            for record, code, reason in failed:
                park(tx, record, code, reason, attempts=ATTEMPTS)
                telemetry.events_consumed.labels(record.topic, "parked").inc()

    def _take_with_retries(self, record: Record) -> Exception | None:
        pause = FIRST_PAUSE
        for attempt in range(ATTEMPTS):
            try:
                with transaction(self.pool) as tx:
                    outcome = self.follower.take(tx, record)
            except Exception as error:  # noqa: BLE001  any failure of a handler is either systemic or this event's own
                _raise_if_systemic(error)
                last = error
                if isinstance(error, Rejected):
                    break  # a rule said no; it will say no again
                if attempt + 1 < ATTEMPTS:
                    self.stop.wait(pause)
                    pause *= 4
            else:
                telemetry.events_consumed.labels(record.topic, outcome).inc()
                return None
        return last

    def _commit(self, records: list[Record]) -> None:
        last: dict[tuple[str, int], int] = {}
        for record in records:
            last[record.topic, record.partition] = max(record.offset + 1, last.get((record.topic, record.partition), 0))
        try:
            self.consumer.commit(offsets=[TopicPartition(t, p, o) for (t, p), o in last.items()], asynchronous=False)
        except KafkaException as error:
            # Rebalanced away or broker gone: redelivery finds everything in the inbox.
            log.warning("offsets not committed, events will come again: %s", error)

    def _on_error(self, error: KafkaError) -> None:
        log.warning("kafka: %s", error)
        if error.fatal():
            _exit(f"fatal consumer error {error}")

    def _touch_contact(self) -> None:
        self.contact = time.monotonic()
        telemetry.kafka_contact.set_to_current_time()

    def _check_contact(self) -> None:
        try:
            self.consumer.list_topics(timeout=5)
            self._touch_contact()
        except KafkaException as error:
            log.warning("no contact with the broker for %.0f s: %s", time.monotonic() - self.contact, error)
            if time.monotonic() - self.contact > NO_CONTACT:
                _exit("no broker contact")


class KafkaPublisher:
    """What the relay publishes with: idempotent, waits for every delivery report."""

    # Nearly everything is worth another try, an unknown topic included (brokers forget and remember it): these are not.
    PERMANENT = frozenset(
        {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_RECORD}
    )

    def __init__(self, settings: Settings, *, stop: threading.Event) -> None:
        self.stop = stop
        self.producer = Producer(
            client_config(settings)
            | {
                "enable.idempotence": True,
                "message.timeout.ms": 0,  # the default drops messages after 300 s and leaves gaps
                # A topic that is not there is waited for by the relay, not in here, where all others would wait too.
                "topic.metadata.propagation.max.ms": 3000,
                "linger.ms": 5,
                "compression.type": "zstd",
                "partitioner": "murmur2_random",  # as the Java client, so partners' joins are co-partitioned
                "allow.auto.create.topics": False,
            }
        )

    def publish(self, rows: Sequence[dict[str, Any]]) -> dict[int, str]:
        """Returns pos → reason of the rows that the broker refuses for good; raises PublishFailed for the rest."""
        failed: dict[int, str] = {}
        errors: dict[int, KafkaError] = {}
        for row in rows:
            with telemetry.span(f"send {row['topic']}", parent=row["traceparent"], kind=telemetry.SpanKind.PRODUCER):
                self._produce(row, failed, errors)
        waited = time.monotonic()
        while self.producer.flush(1.0):
            if self.stop.is_set() or time.monotonic() - waited > NO_CONTACT:
                _exit("events not acknowledged by the broker; they stay in the outbox")
        if errors:
            # Of those refused for good another try is due first: they are told apart again when all else went well.
            raise PublishFailed(str(next(iter(errors.values()))), {*errors, *failed})
        telemetry.kafka_contact.set_to_current_time()
        return failed

    def _produce(self, row: dict[str, Any], failed: dict[int, str], errors: dict[int, KafkaError]) -> None:
        def report(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                return
            if error.fatal():
                _exit(f"fatal producer error {error}")
            if error.code() in self.PERMANENT:
                failed[row["pos"]] = error.str()
            else:
                errors[row["pos"]] = error

        headers = [("content-type", CONTENT_TYPE), ("ce_type", row["type"]), ("ce_id", str(row["event_id"]))]
        if row["traceparent"]:
            headers.append(("traceparent", row["traceparent"]))
        while True:
            try:
                self.producer.produce(
                    row["topic"], key=row["key"], value=row["payload"], headers=headers, on_delivery=report
                )
            except BufferError:
                self.producer.poll(0.1)
            except KafkaException as error:
                errors[row["pos"]] = error.args[0]
                return
            else:
                self.producer.poll(0)
                return


def _record(message: Message) -> Record:
    headers = dict(message.headers() or [])
    raw = headers.get("traceparent")
    # Headers are untrusted bytes: anything but a short ASCII traceparent is ignored.
    traceparent = raw.decode("ascii", "ignore")[:60] if isinstance(raw, bytes) else None
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise TypeError("a consumed message has a place in the log")
    return Record(topic, partition, offset, message.key(), message.value(), traceparent)


def _raise_if_systemic(error: Exception) -> None:
    retryable = psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected
    if isinstance(error, psycopg.OperationalError) and not isinstance(error, retryable):
        raise Systemic(str(error)) from error
    if isinstance(error, Rejected) and error.refusal.status == 503:
        raise Systemic(str(error)) from error


def _exit(why: str) -> None:
    """End the process: librdkafka's state is beyond repair, a fresh process is not."""
    log.critical("worker ends itself: %s", why)
    logging.shutdown()
    os._exit(1)
