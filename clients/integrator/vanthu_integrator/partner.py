"""Messages over Kafka: three topics of your own, nobody else's. CloudEvents 1.0, structured mode, one JSON a message."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from pydantic import BaseModel

from vanthu_integrator.messages import NAMES, TYPES, DocumentSent, RecallAnswered, RecallSent, StatusSent


@dataclass(frozen=True, slots=True)
class Credential:
    """What the operator gave you: your name, the broker, your Kafka user."""

    name: str
    kafka: str
    kafka_user: str
    kafka_password: str
    security: str = "SASL_SSL"


@dataclass(frozen=True, slots=True)
class Received:
    """One message with its place in the log; `data` is one of `vanthu_integrator.messages`."""

    data: BaseModel
    id: str
    type: str
    time: datetime
    topic: str
    partition: int
    offset: int
    traceparent: str | None


class NotDelivered(Exception):
    """The broker did not take the message; nothing was sent, send it again."""


class NotConnected(NotDelivered):
    """The broker does not accept this user and password."""


class Partner:
    """One partner. Messages are at least once: `Received.id` tells a repetition."""

    def __init__(self, credential: Credential, *, source: str | None = None) -> None:
        self.credential = credential
        self.source = source or f"urn:vanthu:partner:{credential.name}"
        self._config: dict[str, Any] = {
            "bootstrap.servers": credential.kafka,
            "security.protocol": credential.security,
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": credential.kafka_user,
            "sasl.password": credential.kafka_password,
        }

    def send(
        self, data: DocumentSent | StatusSent | RecallSent | RecallAnswered, *, message_id: UUID | None = None
    ) -> tuple[str, int, int]:
        """Publish one message to your inbound topic; returns its id, partition and offset.

        Sending the same `message_id` again has no second effect. NotDelivered when the broker did not take it.
        """
        event_id = str(message_id or uuid4())
        key = str(data.document_id if isinstance(data, DocumentSent) else data.delivery_id)
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": self.source,
            "type": NAMES[type(data)],
            "subject": key,
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data.model_dump(mode="json", exclude_none=True),
        }
        partition, offset = self.send_raw(key.encode(), json.dumps(event, ensure_ascii=False).encode())
        return event_id, partition, offset

    def send_raw(self, key: bytes, value: bytes) -> tuple[int, int]:
        """Publish bytes as they are; what you get back when they are no message is part of the contract too."""
        placed: list[tuple[int, int]] = []
        errors: list[str] = []

        def report(error: Any, message: Any) -> None:
            if error:
                errors.append(str(error))
            else:
                placed.append((message.partition(), message.offset()))

        producer = Producer(self._config | {"enable.idempotence": True, "message.timeout.ms": 30000})
        headers: list[tuple[str, str | bytes | None]] = [("content-type", b"application/cloudevents+json")]
        producer.produce(
            f"exchange.inbound.{self.credential.name}", key=key, value=value, headers=headers, on_delivery=report
        )
        producer.flush(35)
        if errors or not placed:
            raise NotDelivered(errors[0] if errors else "no answer from the broker")
        return placed[0]

    def receive(
        self, topic: Literal["outbound", "replies"], *, group: str = "main", seconds: float = 10.0
    ) -> Iterator[Received]:
        """New messages of one topic until none came for `seconds`; each counts as read once the next is asked for."""
        for message in self._read(f"exchange.{topic}.{self.credential.name}", group=group, seconds=seconds):
            received = _received(message)
            if received is not None:
                yield received

    def keep_heads(self, file: Path, *, seconds: float = 10.0) -> int:
        """Append what is new on `docs.treehead`, one line each as it was published, until nothing came for `seconds`; how
        many. It reads from the beginning, so that a new file has everything. Give the file to `python -m vanthu_verify.ledger --kept`: whoever keeps it elsewhere can prove what was there.
        """
        known = set(file.read_bytes().splitlines()) if file.exists() else set()
        kept = 0
        with file.open("ab") as lines:
            for message in self._read("docs.treehead", group=f"heads.{uuid4()}", seconds=seconds, counts=False):
                value = message.value()
                if value not in known:
                    lines.write(value + b"\n")
                    lines.flush()
                    known.add(value)
                    kept += 1
        return kept

    def _read(self, topic: str, *, group: str, seconds: float, counts: bool = True) -> Iterator[Any]:
        """`counts`: what was read is not read again by this group.

        NotConnected when the broker refuses the credential: librdkafka alone would try again for ever, in silence.
        """
        refused: list[str] = []

        def notice(error: KafkaError) -> None:
            if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001  librdkafka's own name for it
                refused.append(error.str())

        consumer = Consumer(
            self._config
            | {
                "error_cb": notice,
                "group.id": f"{self.credential.kafka_user}.{group}",
                "group.protocol": "consumer",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([topic])
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                message = consumer.poll(0.5)
                if refused:
                    raise NotConnected(refused[0])
                if message is None:
                    continue
                if error := message.error():
                    raise KafkaException(error)
                yield message
                if counts:
                    consumer.commit(message=message, asynchronous=False)
                until = time.monotonic() + seconds
        finally:
            consumer.close()


def _received(message: Any) -> Received | None:
    """The message, or None for a type that this version of the SDK does not know."""
    event = json.loads(message.value())
    model = TYPES.get(event["type"])
    if model is None:
        return None
    headers = dict(message.headers() or [])
    traceparent = headers.get("traceparent")
    return Received(
        data=model.model_validate(event["data"]),
        id=event["id"],
        type=event["type"],
        time=datetime.fromisoformat(event["time"]),
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        traceparent=traceparent.decode("ascii", "ignore") if traceparent else None,
    )
