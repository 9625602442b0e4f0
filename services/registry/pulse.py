"""What registry's worker says and does by the clock: heartbeats on its state topics, and the end of certificates."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from services.registry import issuance
from services.registry import store_certificates as certificates
from shared import db, outbox, telemetry
from shared.db import Tx
from shared.errors import Rejected
from shared.events import registry as events

log = logging.getLogger(__name__)

INTERVAL = 10.0  # seconds
TOPICS = (events.AGENCY, events.PERSON, events.AUTHORITY, events.CERTIFICATE)


def beat(tx: Tx, source: str) -> list[str]:
    """State a heartbeat on each topic whose last one has left the outbox; returns those topics.

    It passes through the outbox like the states, so a relay that stands still shows as a stale copy, and it never
    piles up. `as_of` reaches to the oldest event of the topic that still waits, since another shard's heartbeat
    overtakes a stuck state.
    """
    if not certificates.try_lock_heartbeat(tx):
        return []
    stated = []
    for topic in TOPICS:
        as_of, waits = certificates.oldest_unpublished(tx, topic.name, "heartbeat")
        if not waits:
            outbox.put(tx, events.Heartbeat.model_validate({"of": topic.name, "as_of": as_of}), source=source)
            stated.append(topic.name)
    as_of, waits = certificates.oldest_unpublished(tx, events.TRUST.name, "heartbeat")
    if not waits:
        outbox.put(tx, events.TrustConfirmed(as_of=as_of), source=source)
        stated.append(events.TRUST.name)
    return stated


def heartbeats(pool: db.Pool, source: str) -> Callable[[threading.Event], None]:
    """The worker's loop; the first beat comes at once, so that a fresh start is not taken for a stale copy."""
    return _every(INTERVAL, "heartbeats", pool, lambda tx: beat(tx, source))


def expiry(pool: db.Pool, source: str) -> Callable[[threading.Event], None]:
    """The worker's loop that states expired certificates."""
    return _every(INTERVAL, "expiry", pool, lambda tx: issuance.expire_due(tx, source, datetime.now(UTC)))


def leavers(pool: db.Pool, source: str) -> Callable[[threading.Event], None]:
    """The worker's loop that opens what follows when somebody left, moved or keeps a device."""
    from services.registry.leavers import follow_up

    return _every(INTERVAL, "leavers", pool, lambda tx: follow_up(tx, source, issuance.today()))


def _every(seconds: float, name: str, pool: db.Pool, act: Callable[[Tx], object]) -> Callable[[threading.Event], None]:
    def loop(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat(name)
        while not stop.is_set():
            alive.touch()
            try:
                with db.transaction(pool) as tx:
                    act(tx)
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("%s: database not reachable, trying again: %s", name, str(error).splitlines()[0])
            stop.wait(seconds)

    return loop
