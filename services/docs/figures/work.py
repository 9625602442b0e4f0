"""The worker's loop that counts days of which something changed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

import psycopg

from services.docs import numbering, store_registry, store_workdays
from services.docs.figures import store
from services.docs.figures.store import Day
from services.docs.workdays import Calendar
from shared import db, telemetry
from shared.errors import Rejected

log = logging.getLogger(__name__)

INTERVAL = 15.0  # seconds
BATCH = 5000  # changes taken in one transaction


def count_touched(tx: db.Tx, now: datetime | None = None) -> int:
    """Count what changed; how many days of agencies. 0 also when another worker is at it."""
    if not store.try_lock(tx):
        return 0
    today = numbering.today(now or datetime.now(UTC))
    _turn(tx, today)
    touched = store.take_touched(tx, BATCH)
    calendars: dict[UUID, Calendar] = {}
    for agency_id, day in sorted(touched):
        if agency_id not in calendars:
            calendars[agency_id] = store_workdays.calendar_for(tx, agency_id)
            db.act_for(tx, agency_id)
        store.recount(tx, Day(agency_id, day, calendars[agency_id], today))
    db.act_for(tx, None)
    return len(touched)


def _turn(tx: db.Tx, today: date) -> None:
    """Once a day: with the day what waits becomes late, and no row changes with it."""
    since = store.last_turn(tx)
    if since is not None and since >= today:
        return
    if since is not None:
        for agency_id in store_registry.list_own_agencies(tx):
            db.act_for(tx, agency_id)
            store.missed(tx, since, today)
        db.act_for(tx, None)
    store.turned(tx, today)


def loop(pool: db.Pool) -> Callable[[threading.Event], None]:
    """Rests only when nothing is left to count."""

    def run(stop: threading.Event) -> None:
        beat = telemetry.Heartbeat("figures", limit=600)
        while not stop.is_set():
            beat.touch()
            done = 0
            try:
                with db.transaction(pool) as tx:
                    done = count_touched(tx)
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("figures: database not reachable, trying again: %s", str(error).splitlines()[0])
            if not done:
                stop.wait(INTERVAL)

    return run
