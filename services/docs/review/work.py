"""The worker's look at what waits for people: asks stand-ins, states what is due soon or late. Any number may run it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from services.docs import store as documents
from services.docs import store_registry
from services.docs.review import reviewing, store, store_talk, talking
from shared import db, telemetry
from shared.errors import Rejected

log = logging.getLogger(__name__)

INTERVAL = 30.0  # seconds
MOST = 200  # documents of one agency at a time


def loop(pool: db.Pool, source: str) -> Callable[[threading.Event], None]:
    def run(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat("review", limit=300)
        older = True  # there may be some, once: whatever is submitted today has a route
        while not stop.is_set():
            alive.touch()
            try:
                older = older and bool(put_on_record(pool, datetime.now(UTC)))
                turn(pool, source, datetime.now(UTC))
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("review: database not reachable, trying again: %s", str(error).splitlines()[0])
            stop.wait(INTERVAL)

    return run


def turn(pool: db.Pool, source: str, now: datetime) -> int:
    """Look at everything whose time has come; each document in a transaction of its own. How many there were."""
    documents_due, requests_due = _due(pool, now)
    for agency_id, document_id in documents_due:
        with db.transaction(pool, agency=agency_id) as tx:
            held = documents.lock(tx, document_id)
            known = store.find_due(tx, document_id, now)  # another worker may have been faster
            if known:
                reviewing.look_after(tx, held, known, now, source=source)
    for agency_id, request_id in requests_due:
        with db.transaction(pool, agency=agency_id) as tx:
            talking.look_after(tx, request_id, now, source=source)
    return len(documents_due) + len(requests_due)


def put_on_record(pool: db.Pool, now: datetime) -> int:
    """Documents whose reviewers were listed before lists had a deadline get one; how many, at most so many of an agency."""
    found: list[tuple[UUID, UUID]] = []
    with db.transaction(pool) as tx:
        for agency_id in store_registry.list_own_agencies(tx):
            db.act_for(tx, agency_id)
            found += [(agency_id, each) for each in store.list_without_route(tx, MOST)]
    for agency_id, document_id in found:
        with db.transaction(pool, agency=agency_id) as tx:
            reviewing.put_on_record(tx, documents.lock(tx, document_id), now)
    return len(found)


Due = list[tuple[UUID, UUID]]  # agency, and the document or request


def _due(pool: db.Pool, now: datetime) -> tuple[Due, Due]:
    """Row-level security lets nobody see all agencies' rows at once, so it is asked for one after the other."""
    routes: Due = []
    requests: Due = []
    with db.transaction(pool) as tx:
        for agency_id in store_registry.list_own_agencies(tx):
            db.act_for(tx, agency_id)
            routes += [(agency_id, each) for each in store.list_due(tx, now, MOST)]
            requests += [(agency_id, each) for each in store_talk.list_due_requests(tx, now, MOST)]
    return routes, requests
