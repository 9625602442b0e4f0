"""Old rows of what makes things happen once: of each service, a bounded number at a time.

Topics keep their facts for ever, so no age alone is safe. A row of the inbox goes when the last sequence of its key says the
same: a replay of any age is then known by that (invariant 2). On partners' topics nothing else would know it: theirs stay.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import psycopg

from shared import telemetry
from shared.db import Pool, Tx, transaction
from shared.errors import Rejected

log = logging.getLogger(__name__)

INTERVAL = 600.0  # seconds
BATCH = 5000  # rows of a table in one transaction
MOST = 40  # batches in a row
INBOX_KEPT = timedelta(days=30)  # far beyond any redelivery; a replay from the beginning is known by its sequence
# A page that lay open over a long holiday may be sent once more; who clicks twice does so within seconds.
ANSWERS_KEPT = timedelta(days=30)

OLD_INBOX = (
    "DELETE FROM inbox WHERE ctid = ANY(ARRAY(SELECT i.ctid FROM inbox i WHERE i.received_at < now() - %s"
    " AND i.topic NOT LIKE 'exchange.%%' AND EXISTS (SELECT FROM followed f WHERE f.topic = i.topic AND f.key = i.key"
    "  AND f.last_seq >= i.seq) LIMIT %s FOR UPDATE OF i SKIP LOCKED))"
)
OLD_ANSWERS = (
    "DELETE FROM idempotency WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency WHERE created_at < now() - %s"
    " LIMIT %s FOR UPDATE SKIP LOCKED))"
)


Batch = Callable[[Tx], int]


def sweep_inbox(tx: Tx, *, kept: timedelta = INBOX_KEPT, limit: int = BATCH) -> int:
    """How many rows went."""
    return tx.execute(OLD_INBOX, [kept, limit]).rowcount


def sweep_answers(tx: Tx, *, kept: timedelta = ANSWERS_KEPT, limit: int = BATCH) -> int:
    """How many rows went. The same key again is a new request from then on."""
    return tx.execute(OLD_ANSWERS, [kept, limit]).rowcount


def loop(pool: Pool, stop: threading.Event) -> None:
    """Of a worker; any number may run it."""
    beat = telemetry.Heartbeat("sweep", limit=3 * INTERVAL)
    while not stop.wait(INTERVAL):
        beat.touch()
        try:
            gone = {"inbox": _all(pool, sweep_inbox, stop), "idempotency": _all(pool, sweep_answers, stop)}
        except (psycopg.OperationalError, Rejected) as error:
            log.warning("sweep: database not reachable, trying again: %s", str(error).splitlines()[0])
            continue
        if any(gone.values()):
            log.info("sweep: %d old rows of inbox, %d of idempotency", gone["inbox"], gone["idempotency"])


def _all(pool: Pool, batch: Batch, stop: threading.Event) -> int:
    count = 0
    for _ in range(MOST):
        if stop.is_set():
            break
        with transaction(pool) as tx:
            done = batch(tx)
        count += done
        if done < BATCH:
            break
    return count
