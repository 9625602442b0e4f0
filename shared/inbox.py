"""Taking in what others state: once, in order per key, and a poison event stops nobody but its own key.

No Kafka here: the consumer loop, an operator's replay and a test all call the same `Follower`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from shared import telemetry
from shared.db import Tx, act_for, storable
from shared.errors import Rejected
from shared.events import TOPICS, Envelope, Event, MalformedEvent, decode

log = logging.getLogger(__name__)

Handler = Callable[[Tx, Envelope], None]
OnMalformed = Callable[[Tx, "Record", MalformedEvent], bool]


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as it came, before anybody believed it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    traceparent: str | None

    @property
    def key_text(self) -> str:
        """The key for the parking table; a record without a readable key stands for itself alone."""
        text = (self.key or b"").decode(errors="replace")
        # NUL is UTF-8 too, but no text that a database takes: what can't be parked would come again for ever.
        return text if text and text.isprintable() and "\ufffd" not in text else f"{self.partition}:{self.offset}"


class Taker(Protocol):
    """What the consumer loop hands records to: a group, its topics, and taking one record in."""

    @property
    def group(self) -> str: ...
    @property
    def topics(self) -> tuple[str, ...]: ...
    def take(self, tx: Tx, record: Record) -> str: ...


class Follower:
    """What one service does with each type of event that it follows.

    `on_malformed` may answer a record that can't be read (a partner's) and return True; otherwise it is parked.
    """

    def __init__(
        self,
        group: str,
        topics: tuple[str, ...],
        handlers: Mapping[type[Event], Handler],
        *,
        on_malformed: OnMalformed | None = None,
    ) -> None:
        self.group = group
        self.topics = topics
        self.handlers = handlers
        self.on_malformed = on_malformed

    def take(self, tx: Tx, record: Record) -> str:
        """Take one record in, in the caller's transaction; returns the outcome (a metric label). Raises what a
        handler raises: the caller then rolls back and calls `park`.
        """
        try:
            envelope = decode(record.value, topic=record.topic, traceparent=record.traceparent)
            _check_topic(envelope)
        except MalformedEvent as error:
            return self._malformed(tx, record, error)
        envelope = replace(envelope, place=(record.partition, record.offset))
        if not self._first_time(tx, envelope):
            return "duplicate"
        kind = kind_of(record.topic)
        if kind == "state":
            return self._take_state(tx, envelope)
        if kind == "exchange":
            if _is_blocked(tx, envelope):
                return park(tx, record, "behind", "an earlier event of this key waits", seq=envelope.seq)
            self._handle(tx, envelope)
            return "handled"
        return self._take_in_order(tx, record, envelope)

    def _malformed(self, tx: Tx, record: Record, error: MalformedEvent) -> str:
        if self.on_malformed and self.on_malformed(tx, record, error):
            return "refused"
        return park(tx, record, error.code, error.detail, seq=0)

    def _first_time(self, tx: Tx, envelope: Envelope) -> bool:
        done = tx.execute(
            "INSERT INTO inbox (event_id, source, topic, key, seq) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [envelope.id, envelope.source, envelope.topic, envelope.key, envelope.seq],
        )
        return done.rowcount == 1

    def _take_state(self, tx: Tx, envelope: Envelope) -> str:
        # The newest wins: compaction may have removed the ones between, and a parked older one is past.
        newer = tx.execute(
            "INSERT INTO followed (topic, key, last_seq) VALUES (%s, %s, %s) ON CONFLICT (topic, key)"
            " DO UPDATE SET last_seq = excluded.last_seq WHERE followed.last_seq < excluded.last_seq",
            [envelope.topic, envelope.key, envelope.seq],
        )
        if newer.rowcount == 0:
            return "duplicate"
        self._handle(tx, envelope)
        _unpark(tx, envelope, unreadable=True)
        return "handled"

    def _take_in_order(self, tx: Tx, record: Record, envelope: Envelope) -> str:
        last = _last_seq(tx, envelope)
        if last is not None and envelope.seq <= last:
            return "duplicate"
        if last is not None and envelope.seq > last + 1:
            return park(tx, record, "gap", f"sequence {last + 1} is missing before {envelope.seq}", seq=envelope.seq)
        if last is None and _is_blocked(tx, envelope):
            return park(tx, record, "behind", "an earlier event of this key waits", seq=envelope.seq)
        self._handle(tx, envelope)
        _advance(tx, envelope)
        _unpark(tx, envelope)
        self._drain(tx, envelope.topic, envelope.key)
        return "handled"

    def _drain(self, tx: Tx, topic: str, key: str) -> None:
        """Take in parked events of a key that are now next in order."""
        while row := _next_parked(tx, topic, key):
            if not self._retry(tx, row):
                return

    def replay(self, tx: Tx, topic: str, key: str) -> tuple[int, str | None]:
        """An operator's one action: take in all parked events of a key, in order, until one fails again.

        Returns how many were taken in and the reason why it stopped, if it did.
        """
        done = 0
        while row := _one(
            tx,
            "SELECT * FROM parked WHERE topic = %s AND key = %s ORDER BY seq, id LIMIT 1 FOR UPDATE",
            [topic, key],
        ):
            if not self._retry(tx, row):
                failed = _one(tx, "SELECT reason FROM parked WHERE id = %s", [row["id"]])
                return done, failed["reason"] if failed else None
            done += 1
        return done, None

    def _retry(self, tx: Tx, row: dict[str, Any]) -> bool:
        try:
            with tx.transaction():
                envelope = decode(row["value"], topic=row["topic"], traceparent=row["traceparent"])
                _check_topic(envelope)
                envelope = replace(envelope, place=(row["partition"], row["offset"]))
                self._first_time(tx, envelope)
                if not _is_past(tx, envelope):  # it came once more since it was parked, and was taken in then
                    self._handle(tx, envelope)
                    if kind_of(envelope.topic) != "exchange":
                        _advance(tx, envelope)
                tx.execute("DELETE FROM parked WHERE id = %s", [row["id"]])
        except Exception as error:  # noqa: BLE001  whatever it is, the row stays parked with the new reason
            log.warning("parked event %s failed again: %s", row["id"], error)
            tx.execute(
                "UPDATE parked SET reason = %s, code = %s, attempts = attempts + 1 WHERE id = %s",
                [storable(str(error)), _code(error), row["id"]],
            )
            return False
        return True

    def _handle(self, tx: Tx, envelope: Envelope) -> None:
        handler = self.handlers.get(type(envelope.data))
        if handler is None:
            return  # a type of this topic that does not concern us
        with telemetry.span(
            f"process {envelope.topic}",
            parent=envelope.traceparent,
            kind=telemetry.SpanKind.CONSUMER,
            attributes={
                "messaging.destination.name": envelope.topic,
                "messaging.message.id": str(envelope.id),
                "cloudevents.event_type": envelope.type,
            },
        ):
            act_for(tx, None)  # a handler sees no agency's rows until it says for whom it acts
            handler(tx, envelope)


def _check_topic(envelope: Envelope) -> None:
    """An event counts on its own topic only: who may write a topic is all that the broker vouches for. Without this a
    partner could state a token key, or a delivery, on its inbound topic.
    """
    declared = envelope.data.topic
    of_partner = declared.endswith("<partner>") and envelope.topic.startswith(declared.removesuffix("<partner>"))
    if envelope.topic != declared and not of_partner:
        raise MalformedEvent("wrong_topic", f"{envelope.type} does not belong on {envelope.topic}")


def park(tx: Tx, record: Record, code: str, reason: str, *, seq: int | None = None, attempts: int = 0) -> str:
    """Put a record aside with the reason; the later ones of its key go behind it. A state that a newer one has
    overtaken is nothing to wait for.
    """
    key, event_id = record.key_text, None
    try:
        if seq != 0:
            envelope = decode(record.value, topic=record.topic)
            key, event_id, seq = envelope.key, envelope.id, envelope.seq
            if kind_of(record.topic) == "state" and _is_past(tx, envelope):
                return "duplicate"
    except MalformedEvent:
        seq = 0  # it stands behind a failed one of its Kafka key and could not be read either
    tx.execute(
        'INSERT INTO parked (topic, partition, "offset", key, seq, event_id, value, traceparent, code, reason, attempts)'
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            record.topic,
            record.partition,
            record.offset,
            key,
            seq,
            event_id,
            record.value,
            storable(record.traceparent) if record.traceparent else None,
            code,
            storable(reason),
            attempts,
        ],
    )
    log.warning("parked %s[%s]@%s: %s: %s", record.topic, record.partition, record.offset, code, reason[:300])
    return "parked"


def list_parked(tx: Tx) -> list[dict[str, Any]]:
    """The blocked keys with their first reason, oldest first."""
    return tx.execute(
        "SELECT topic, key, count(*) AS events, min(parked_at) AS since,"
        " (array_agg(code ORDER BY seq, id))[1] AS code, (array_agg(reason ORDER BY seq, id))[1] AS reason"
        " FROM parked GROUP BY topic, key ORDER BY min(parked_at) LIMIT 500"
    ).fetchall()


def kind_of(topic: str) -> str:
    """fact, state, order or exchange; per-partner topics by their prefix."""
    if found := TOPICS.get(topic):
        return found.kind
    return next((t.kind for t in TOPICS.values() if t.prefix != t.name and topic.startswith(t.prefix)), "fact")


def failure_code(error: Exception) -> str:
    """The stable code under which a failed event is parked."""
    return _code(error)


def _code(error: Exception) -> str:
    if isinstance(error, Rejected | MalformedEvent):
        return error.code
    return type(error).__name__


def _is_blocked(tx: Tx, envelope: Envelope) -> bool:
    found = _one(
        tx,
        "SELECT 1 AS one FROM parked WHERE topic = %s AND key = %s AND seq < %s LIMIT 1",
        [envelope.topic, envelope.key, max(envelope.seq, 1)],
    )
    return found is not None


def _last_seq(tx: Tx, envelope: Envelope) -> int | None:
    row = _one(
        tx,
        "SELECT last_seq FROM followed WHERE topic = %s AND key = %s FOR UPDATE",
        [envelope.topic, envelope.key],
    )
    return int(row["last_seq"]) if row else None


def _is_past(tx: Tx, envelope: Envelope) -> bool:
    """Whether this event, or on a state topic a newer one of its key, has been taken in. Partners' do not count."""
    last = None if kind_of(envelope.topic) == "exchange" else _last_seq(tx, envelope)
    return last is not None and envelope.seq <= last


def _unpark(tx: Tx, envelope: Envelope, *, unreadable: bool = False) -> None:
    """What was parked of this key up to this event is past: taken in at a later delivery, or overtaken."""
    tx.execute(
        "DELETE FROM parked WHERE topic = %s AND key = %s AND seq BETWEEN %s AND %s",
        [envelope.topic, envelope.key, 0 if unreadable else 1, envelope.seq],
    )


def _advance(tx: Tx, envelope: Envelope) -> None:
    tx.execute(
        "INSERT INTO followed (topic, key, last_seq) VALUES (%s, %s, %s) ON CONFLICT (topic, key)"
        " DO UPDATE SET last_seq = greatest(followed.last_seq, excluded.last_seq)",
        [envelope.topic, envelope.key, envelope.seq],
    )


def _next_parked(tx: Tx, topic: str, key: str) -> dict[str, Any] | None:
    return _one(
        tx,
        "SELECT p.* FROM parked p JOIN followed f USING (topic, key)"
        " WHERE p.topic = %s AND p.key = %s AND p.seq = f.last_seq + 1 AND p.code IN ('gap', 'behind') FOR UPDATE OF p",
        [topic, key],
    )


def _one(tx: Tx, query: str, params: list[Any]) -> dict[str, Any] | None:
    return tx.execute(query, params).fetchone()  # type: ignore[arg-type,unused-ignore]
