"""The ledger's loop in the worker: a head at least every hour."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from services.docs.ledger import domain, store
from services.docs.ledger.heads import order_head
from shared import db, telemetry
from shared.errors import Rejected

log = logging.getLogger(__name__)

INTERVAL = 20.0  # seconds between two looks whether a head is due


def heads(pool: db.Pool, sealer: str, source: str) -> Callable[[threading.Event], None]:
    """The worker's loop that has the tree sealed at least every hour."""

    def loop(stop: threading.Event) -> None:
        beat = telemetry.Heartbeat("ledger heads")
        said = ""  # once, not every look: a directory that is loaded anew takes minutes
        while not stop.wait(INTERVAL):
            beat.touch()
            try:
                with db.transaction(pool) as tx:
                    store.lock_tree(tx)  # of several workers one looks
                    now = datetime.now(UTC)
                    if domain.head_due(store.latest_head(tx), now):
                        order_head(tx, sealer, source, now)
                said = ""
            except (psycopg.OperationalError, Rejected) as error:
                what = str(error).splitlines()[0]
                if what != said:
                    log.warning("no tree head could be ordered: %s", what)
                said = what

    return loop
