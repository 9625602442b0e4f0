"""Reading and writing the log as the super user, whatever the services' rights are."""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.support.kafka import Kafka

BOUND = 60.0


def produce(
    kafka: Kafka, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, str | bytes | None]]
) -> None:
    """Write one record to partition 0 and wait for the broker's word."""
    errors: list[Any] = []
    producer = Producer(kafka.admin | {"enable.idempotence": True})
    producer.produce(
        topic, key=key, value=value, headers=headers, partition=0, on_delivery=lambda e, _m: errors.append(e)
    )
    producer.flush(BOUND)
    assert errors == [None]


def read(kafka: Kafka, topic: str, subject: str) -> list[dict[str, Any]]:
    """All events of one subject on all partitions, in order, as JSON."""
    consumer = Consumer(kafka.admin | {"group.id": "reader", "enable.auto.commit": False})
    try:
        partitions = [TopicPartition(topic, p, 0) for p in consumer.list_topics(topic, BOUND).topics[topic].partitions]
        ends = {p.partition: consumer.get_watermark_offsets(p, BOUND)[1] for p in partitions}
        left = {p for p, end in ends.items() if end > 0}
        consumer.assign(partitions)
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


def committed(kafka: Kafka, group: str, topic: str, partition: int) -> tuple[int, int]:
    """The group's committed offset and the end of the partition."""
    consumer = Consumer(kafka.admin | {"group.id": group, "enable.auto.commit": False})
    try:
        (offset,) = consumer.committed([TopicPartition(topic, partition)], BOUND)
        return offset.offset, consumer.get_watermark_offsets(TopicPartition(topic, partition), BOUND)[1]
    finally:
        consumer.close()
