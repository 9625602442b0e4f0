"""The transactional outbox: state and its event are one commit, and one relay per shard publishes what is committed.

Why polling and deleting, with neither a cursor nor an xmin ceiling nor SKIP LOCKED: each of those loses or reorders
rows. The row of `outbox_sequence` is locked by every writer of a key until its commit, so a snapshot that sees event
n+1 of a key also sees event n.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from shared import db, telemetry
from shared.db import Tx
from shared.events import Envelope, Event, encode
from shared.ids import new_id

log = logging.getLogger(__name__)

SHARDS = 8
BATCH = 500
REST = 5.0  # seconds that a topic which took nothing is left alone, so that it does not slow the others down
MAX_ATTEMPTS = 5  # permanent refusals of one message before its key is stopped
SHARD_LOCK = 0x6F757462  # "outb": advisory lock class of relay shards


def put(tx: Tx, event: Event, *, source: str, topic: str | None = None) -> UUID:
    """State an event in the caller's transaction; published after its commit. Returns the event's id.

    `topic` is needed for per-partner topics only. The aggregate must be locked before (invariant 1).
    """
    name = topic or event.topic
    row = tx.execute(
        "INSERT INTO outbox_sequence (topic, key, last) VALUES (%s, %s, 1)"
        " ON CONFLICT (topic, key) DO UPDATE SET last = outbox_sequence.last + 1 RETURNING last",
        [name, event.key],
    ).fetchone()
    assert row is not None  # noqa: S101  an upsert with RETURNING gives a row
    seq = int(row["last"])
    envelope = Envelope(id=new_id(), source=source, seq=seq, time=datetime.now(UTC), data=event, topic=name)
    tx.execute(
        "INSERT INTO outbox (topic, key, seq, event_id, type, payload, traceparent) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [name, event.key, seq, envelope.id, event.TYPE, encode(envelope), telemetry.current_traceparent()],
    )
    _note(tx, event)
    return envelope.id


def _note(tx: Tx, event: Event) -> None:
    """An order or a state says nothing of who did it; a fact does."""
    if event.TOPIC.kind == "fact" and (watch := db.WATCH.get()) is not None:
        watch.stated(tx)


def put_many(tx: Tx, events: Iterable[Event], *, source: str) -> int:
    """State many events in the caller's transaction, in their order, by a few statements; returns how many.

    As `put`, for whole imports: sequences of all keys are taken at once, in the order of the keys, so that two of these
    wait for each other instead of blocking each other for ever.
    """
    waiting = list(events)
    wanted = Counter((event.topic, event.key) for event in waiting)
    keys = sorted(wanted)
    rows = tx.execute(
        "INSERT INTO outbox_sequence AS s (topic, key, last) SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])"
        " ON CONFLICT (topic, key) DO UPDATE SET last = s.last + excluded.last RETURNING topic, key, last",
        [[topic for topic, _ in keys], [key for _, key in keys], [wanted[each] for each in keys]],
    ).fetchall()
    following = {(row["topic"], row["key"]): row["last"] - wanted[row["topic"], row["key"]] + 1 for row in rows}
    traceparent, now = telemetry.current_traceparent(), datetime.now(UTC)
    with (
        tx.cursor() as cursor,
        cursor.copy(
            "COPY outbox (topic, key, seq, event_id, type, payload, traceparent) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.set_types(["text", "text", "int8", "uuid", "text", "bytea", "text"])
        for event in waiting:
            where = (event.topic, event.key)
            seq = following[where]
            following[where] = seq + 1
            envelope = Envelope(id=new_id(), source=source, seq=seq, time=now, data=event, topic=event.topic)
            copy.write_row((*where, seq, envelope.id, event.TYPE, encode(envelope), traceparent))
    for event in waiting:
        _note(tx, event)
    return len(waiting)


class PublishFailed(Exception):
    """The broker could not be reached, or refuses for now the rows at `undelivered`; these come again.

    Without `undelivered` nothing is known to have arrived.
    """

    def __init__(self, why: str, undelivered: Collection[int] | None = None) -> None:
        self.undelivered = undelivered
        super().__init__(why)


class Publisher(Protocol):
    """What the relay needs of Kafka: send a batch, say which rows failed. `shared.bus.KafkaPublisher` is it."""

    def publish(self, rows: Sequence[dict[str, Any]]) -> dict[int, str]:
        """Send all rows in order and wait for every delivery report; returns pos → error of those refused for good.

        Raises PublishFailed when the broker can't take all of them now.
        """


class Relay:
    """Publishes unpublished rows of the shards that it could lock, in order, and deletes them after the reports."""

    def __init__(self, conninfo: str, publisher: Publisher, *, stop: threading.Event, interval: float = 0.05) -> None:
        self.conninfo = conninfo
        self.publisher = publisher
        self.stop = stop
        self.interval = interval
        self.beat = telemetry.Heartbeat("relay", limit=600)
        self.resting: dict[str, float] = {}  # topic → monotonic time until which it is not tried again

    def run(self) -> None:
        """Until stopped: hold shards on one dedicated connection; when it breaks, begin again with a new one."""
        while not self.stop.is_set():
            try:
                with psycopg.connect(self.conninfo, autocommit=True, row_factory=dict_row) as connection:
                    self._hold_and_publish(connection)
            except psycopg.OperationalError as error:
                log.warning("relay: database not reachable, trying again: %s", str(error).splitlines()[0])
                self.stop.wait(1.0)
            except PublishFailed as error:
                log.warning("relay: events not published, trying again: %s", error)
                self.stop.wait(0.5)

    def _hold_and_publish(self, connection: Tx) -> None:
        held: list[int] = []
        next_claim = 0.0
        while not self.stop.is_set():
            now = time.monotonic()
            if now >= next_claim and len(held) < SHARDS:
                held = self.claim(connection, held)
                next_claim = now + 2.0
            sent = self.publish_once(connection, held) if held else 0
            self.beat.touch()
            if sent < BATCH:
                self.stop.wait(self.interval if held else 1.0)

    def claim(self, connection: Tx, held: list[int]) -> list[int]:
        """Try to lock the shards that nobody holds; returns all that we hold."""
        free = [shard for shard in range(SHARDS) if shard not in held]
        got = [s for s in free if _one(connection, "SELECT pg_try_advisory_lock(%s, %s) AS ok", [SHARD_LOCK, s])["ok"]]
        return sorted(held + got)

    def publish_once(self, connection: Tx, held: list[int]) -> int:
        """One batch: read in one snapshot, publish, wait for all reports, delete. Returns how many were published.

        A crash between publishing and deleting publishes again; consumers' inboxes make that harmless. What can't be
        published now (the topic of one partner is not there yet) keeps the later ones of its key, and nobody else's.
        """
        self.resting = {topic: until for topic, until in self.resting.items() if until > time.monotonic()}
        rows = connection.execute(
            "SELECT pos, topic, key, seq, event_id, type, payload, traceparent, created_at FROM outbox o"
            " WHERE shard = ANY(%s) AND topic <> ALL(%s) AND stopped_because IS NULL AND NOT EXISTS (SELECT FROM outbox s"
            "   WHERE s.topic = o.topic AND s.key = o.key AND s.stopped_because IS NOT NULL)"
            " ORDER BY pos LIMIT %s",
            [held, list(self.resting), BATCH],
        ).fetchall()
        if not rows:
            return 0
        try:
            failed = self.publisher.publish(rows)
        except PublishFailed as error:
            if error.undelivered is not None:
                connection.execute("DELETE FROM outbox WHERE pos = ANY(%s)", [_settled(rows, error.undelivered)])
                until = time.monotonic() + REST
                self.resting |= {row["topic"]: until for row in rows if row["pos"] in error.undelivered}
            raise
        telemetry.crash_point("relay_after_publish")
        done = _settled(rows, failed)
        with connection.transaction():
            connection.execute("DELETE FROM outbox WHERE pos = ANY(%s)", [done])
            for pos, reason in failed.items():
                log.error("relay: event at %s refused by the broker: %s", pos, reason)
                connection.execute(
                    "UPDATE outbox SET attempts = attempts + 1,"
                    " stopped_because = CASE WHEN attempts + 1 >= %s THEN %s END WHERE pos = %s",
                    [MAX_ATTEMPTS, reason, pos],
                )
        telemetry.events_published.inc(len(done))
        return len(done)


def _settled(rows: Sequence[dict[str, Any]], missing: Collection[int]) -> list[int]:
    """The rows that are in the log with everything before them of their key; what of later ones is in the log already
    is caught by `seq`.
    """
    first = {(row["topic"], row["key"]): row["seq"] for row in reversed(rows) if row["pos"] in missing}
    return [r["pos"] for r in rows if r["seq"] < first.get((r["topic"], r["key"]), r["seq"] + 1)]


def backlog(tx: Tx) -> dict[str, Any]:
    """How many events wait to be published, how old the oldest is (seconds), how many keys are stopped."""
    return _one(
        tx,
        "SELECT count(*) AS unpublished, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS oldest_seconds,"
        " count(*) FILTER (WHERE stopped_because IS NOT NULL) AS stopped FROM outbox",
        [],
    )


def _one(connection: Tx, query: str, params: list[Any]) -> dict[str, Any]:
    row = connection.execute(query, params).fetchone()  # type: ignore[arg-type,unused-ignore]
    assert row is not None  # noqa: S101  an aggregate or a function call gives one row
    return row
