"""What notify's worker does by the clock: it tells of certificates that run out, each threshold once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from services.notify import expiry as rules
from services.notify import store, store_expiry, store_work
from services.notify.mailing import order
from shared import telemetry
from shared.db import Pool, Tx, transaction
from shared.errors import Rejected
from shared.ids import new_id

log = logging.getLogger(__name__)

INTERVAL = 60.0  # seconds
KEPT = timedelta(days=30)  # what was ended before it was asked for
HELD = timedelta(days=3)  # a fact about something that is no document of ours (the seal of a tree head) waits for ever
MOST = 500  # certificates told of in one transaction


def tell_of_endings(tx: Tx, source: str, thresholds: Sequence[int], *, now: datetime, stale_after: float) -> int:
    """Tell of every certificate that has come to a threshold; how many were told of.

    What was told and the notices are one commit, and one worker at a time is here. With an old copy of the registry
    nothing is told: a renewal may be on its way.
    """
    as_of = store_expiry.copies_as_of(tx)
    if as_of is None or now - as_of > timedelta(seconds=stale_after) or not store_expiry.try_lock(tx):
        return 0
    known = store_expiry.list_ending(tx, now + timedelta(days=max(thresholds, default=0) + 1))
    told = store_expiry.list_told(tx, (each.id for each in known))
    today = now.astimezone(rules.VIETNAM).date()
    endings = rules.due(known, told, today=today, now=now, thresholds=thresholds)[:MOST]
    if not endings:
        return 0
    store_expiry.add_told(tx, endings)
    calls = rules.calls(endings, store_expiry.holders(tx, (ending.certificate for ending in endings)))
    # A person's second notice goes with the second round: everybody's inbox is locked in the first, in one order.
    for n in range(max(map(len, calls.values()), default=0)):
        cause = store.Cause(source=f"{source}:expiry", id=new_id(), time=now)
        for notice in store.add_notices(tx, {who: each[n] for who, each in calls.items() if len(each) > n}, cause):
            order(tx, notice.id, notice.person_id)
    return len(endings)


def _clean(pool: Pool) -> None:
    now = datetime.now(UTC)
    try:
        with transaction(pool) as tx:
            vain = store_work.forget(tx, ended_before=now - KEPT, held_before=now - HELD)
        if vain:
            log.info("%d facts were dropped: their documents never came", vain)
    except psycopg.OperationalError as error:
        log.warning("expiry: database not reachable, trying again: %s", str(error).splitlines()[0])


def expiry(
    pool: Pool, source: str, thresholds: Sequence[int], *, stale_after: float, interval: float = INTERVAL
) -> Callable[[threading.Event], None]:
    """The worker's loop."""

    def loop(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat("expiry", limit=600)
        while not stop.is_set():
            alive.touch()
            told = 0
            try:
                with transaction(pool) as tx:
                    told = tell_of_endings(tx, source, thresholds, now=datetime.now(UTC), stale_after=stale_after)
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("expiry: database not reachable, trying again: %s", str(error).splitlines()[0])
            if told < MOST:
                _clean(pool)
                stop.wait(interval)

    return loop
