"""The worker's look at deadlines of tasks: says that one is due soon or has passed. Any number may run it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from services.docs import numbering, store_incoming, store_registry, store_workdays
from services.docs.handling import desk, domain, store
from services.docs.handling.domain import Telling
from services.docs.step import ourselves
from shared import db, telemetry
from shared.errors import Rejected

log = logging.getLogger(__name__)

INTERVAL = 30.0  # seconds
MOST = 200  # tasks of one agency at a time


def loop(pool: db.Pool, source: str) -> Callable[[threading.Event], None]:
    def run(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat("task deadlines", limit=300)
        while not stop.is_set():
            alive.touch()
            try:
                turn(pool, source, datetime.now(UTC))
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("task deadlines: trying again: %s", str(error).splitlines()[0])
            stop.wait(INTERVAL)

    return run


def turn(pool: db.Pool, source: str, now: datetime) -> int:
    """Look at every task whose time has come, each in a transaction of its own. How many there were."""
    due: list[tuple[UUID, tuple[UUID, UUID]]] = []
    with db.transaction(pool) as tx:
        for agency_id in store_registry.list_own_agencies(tx):
            db.act_for(tx, agency_id)
            due += [(agency_id, each) for each in store.list_due(tx, now, MOST)]
    for agency_id, found in due:
        with db.transaction(pool, agency=agency_id) as tx:
            _look(tx, agency_id, found, now, source)
    return len(due)


def _look(tx: db.Tx, agency_id: UUID, found: tuple[UUID, UUID], now: datetime, source: str) -> None:
    task_id, incoming_id = found
    held = store_incoming.lock(tx, incoming_id)
    task = store.lock(tx, task_id)
    calendar = store_workdays.calendar_for(tx, agency_id)
    posts = store_registry.list_posts(tx, agency_id, numbering.today(now))
    own = task.holder.person_id
    people = [own] if own else [each.person_id for each in desk.heads_of(posts, task.holder)]
    if task.due_on and now >= calendar.end_of(calendar.last_day(task.due_on)) and task.giver.person_id:
        people.append(task.giver.person_id)
    telling = Telling(desk.title_of(held), tuple(people))
    step = domain.remind(task, ourselves(), now, calendar, telling) if held.status in desk.WORKING else None
    if step:
        store.keep_task(tx, step, domain.next_look(step.after, calendar), source=source)
    else:
        look = domain.next_look(task, calendar)
        store.look_at(tx, task_id, look if look and look > now and held.status in desk.WORKING else None)
