"""Reading and writing the log as the super user, whatever the services' rights are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.support.kafka import Kafka

BOUND = 60.0


def produce(
    kafka: Kafka,
    topic: str,
    pairs: Sequence[tuple[bytes | None, bytes | None]],
    headers: list[tuple[str, str | bytes | None]],
) -> None:
    """Write records of these keys and values to partition 0, as one batch, and wait for the broker's word."""
    errors: list[Any] = []
    producer = Producer(kafka.admin | {"enable.idempotence": True, "linger.ms": 100})
    for key, value in pairs:
        producer.produce(
            topic, key=key, value=value, headers=headers, partition=0, on_delivery=lambda e, _m: errors.append(e)
        )
    producer.flush(BOUND)
    assert errors == [None] * len(pairs)


def read(kafka: Kafka, topic: str, subject: str) -> list[dict[str, Any]]:
    """All events of one subject on all partitions, in order, as JSON."""
    consumer = Consumer(kafka.admin | {"group.id": "reader", "enable.auto.commit": False})
    try:
        bounds = _bounds(consumer, topic)
        ends = {p: end for p, (_, end) in bounds.items()}
        left = {p for p, (begin, end) in bounds.items() if end > begin}
        # Not from 0 on: earlier records may have been deleted, and the reader would wait at the end for ever.
        consumer.assign([TopicPartition(topic, p, begin) for p, (begin, _) in bounds.items()])
        found = []
        while left:
            for message in consumer.consume(500, 1.0):
                assert not message.error(), message.error()
                found.append(message.value())
                if (message.offset() or 0) + 1 >= ends[message.partition() or 0]:
                    left.discard(message.partition() or 0)
    finally:
        consumer.close()
    events = [json.loads(value) for value in found if value and value.startswith(b'{"specversion"')]
    return [event for event in events if event["subject"] == subject]


def _bounds(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """Where each partition begins and ends."""
    partitions = consumer.list_topics(topic, BOUND).topics[topic].partitions
    return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), BOUND) for p in partitions}


def pass_over(kafka: Kafka, group: str, topic: str) -> None:
    """A new group begins behind all that lies there by now."""
    consumer = Consumer(kafka.admin | {"group.id": group, "enable.auto.commit": False})
    try:
        ends = [TopicPartition(topic, p, end) for p, (_, end) in _bounds(consumer, topic).items()]
        consumer.commit(offsets=ends, asynchronous=False)
    finally:
        consumer.close()


def committed(kafka: Kafka, group: str, topic: str, partition: int) -> tuple[int, int]:
    """The group's committed offset and the end of the partition."""
    consumer = Consumer(kafka.admin | {"group.id": group, "enable.auto.commit": False})
    try:
        (offset,) = consumer.committed([TopicPartition(topic, partition)], BOUND)
        return offset.offset, consumer.get_watermark_offsets(TopicPartition(topic, partition), BOUND)[1]
    finally:
        consumer.close()
