"""Checking a file that somebody holds, at once and without keeping it: the same judgement, and the same kept report, as
for what arrives through the exchange.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from services.signing import craft, store, validating
from services.signing.desk import Desk, believed
from services.signing.refusals_check import CHECK_TOO_HARD, CHECKS_BUSY, MOMENT_AHEAD
from shared.db import transaction
from shared.errors import PROCESS_DIED, Rejected
from shared.events import BlobRef
from shared.workshop import Workshop

MAX_BYTES = 50 * 1024 * 1024
AT_ONCE, WAITING = 1, 6  # strangers' files must not keep anybody from signing
PATIENCE = 60.0  # seconds for a place
BOUND = 45.0  # seconds for one file


class Counter:
    """Where files are handed in: one process judges, a few people wait, the others are told to come back."""

    def __init__(self) -> None:
        self.workshop = Workshop(size=AT_ONCE, timeout=BOUND)
        self._places = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._turn = threading.Semaphore(AT_ONCE)

    @contextmanager
    def place(self, patience: float = PATIENCE) -> Iterator[Workshop]:
        """Rejected(checks_busy) when too many wait already."""
        if not self._places.acquire(blocking=False):
            raise Rejected(CHECKS_BUSY)
        try:
            if not self._turn.acquire(timeout=patience):
                raise Rejected(CHECKS_BUSY)
            try:
                yield self.workshop
            finally:
                self._turn.release()
        finally:
            self._places.release()


def check(desk: Desk, counter: Counter, pdf: bytes, *, policy: str, at: datetime | None, keep: bool) -> dict[str, Any]:
    """The report (pdf_report.ValidationReport as JSON values) by the trust of today, or for the past time `at`.

    One of today may be there already, and is kept when `keep`, per bytes, policy and trust. Rejected for what is no PDF
    at all.
    """
    sha256 = hashlib.sha256(pdf).hexdigest()
    key = validating.policy_key(policy)
    with transaction(desk.pool) as tx:
        now = store.now(tx)
        if at is not None and at > now:
            raise Rejected(MOMENT_AHEAD)
        network = believed(tx, desk, now, new=False)
        kept = None if at else store.find_report(tx, sha256, key, network.snapshot)
    if kept and kept.get("report"):
        report: dict[str, Any] = json.loads(desk.blobs.get(BlobRef.model_validate(kept["report"])))
        return report
    with counter.place() as workshop:
        try:
            report = workshop.run(craft.validate, pdf, network=network, at=at, policy=policy)
        except Rejected as error:
            raise _of_a_stranger(error) from error
    if keep and at is None and not validating.revocation_unknown(report):
        outcome = validating.outcome_of(desk, report)
        with transaction(desk.pool) as tx:
            store.add_report(tx, sha256, key, network.snapshot, outcome)
    return report


def _of_a_stranger(error: Rejected) -> Rejected:
    """Nobody tries this file again by itself: whoever handed it in is told."""
    return Rejected(CHECK_TOO_HARD) if error.code == PROCESS_DIED.code else error
