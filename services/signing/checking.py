"""Checking a file that somebody holds, at once and without keeping it: the same judgement, and the same kept report, as
for what arrives through the exchange.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from services.signing import store, validating
from services.signing.desk import Desk, believed
from services.signing.judges import Judges
from services.signing.refusals_check import CHECK_TOO_HARD, CHECKS_BUSY, MOMENT_AHEAD
from shared.db import transaction
from shared.errors import PROCESS_DIED, Rejected
from shared.events import BlobRef

MAX_BYTES = 50 * 1024 * 1024
AT_ONCE, WAITING = 1, 6  # strangers' files must not keep anybody from signing
UPLOADS = 16  # on their way at once, each on disk only: a slow line needs minutes and keeps nobody from being judged
PATIENCE = 60.0  # seconds for a place


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A file on our disk while its check lasts."""

    path: Path
    sha256: str


class Counter:
    """Where files are handed in: one process judges, a few people wait, the others are told to come back."""

    def __init__(self) -> None:
        self.judges = Judges(size=AT_ONCE)
        self._uploads = threading.BoundedSemaphore(UPLOADS)
        self._places = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._turn = threading.Semaphore(AT_ONCE)

    @contextmanager
    def upload(self) -> Iterator[None]:
        """A place to hand a file in, taken before its first byte; Rejected(checks_busy) when there is none."""
        if not self._uploads.acquire(blocking=False):
            raise Rejected(CHECKS_BUSY)
        try:
            yield
        finally:
            self._uploads.release()

    @contextmanager
    def place(self, patience: float = PATIENCE) -> Iterator[Judges]:
        """Rejected(checks_busy) when too many wait already."""
        if not self._places.acquire(blocking=False):
            raise Rejected(CHECKS_BUSY)
        try:
            if not self._turn.acquire(timeout=patience):
                raise Rejected(CHECKS_BUSY)
            try:
                yield self.judges
            finally:
                self._turn.release()
        finally:
            self._places.release()


def check(
    desk: Desk, counter: Counter, file: HandedIn, *, policy: str, at: datetime | None, keep: bool
) -> dict[str, Any]:
    """The report (pdf_report.ValidationReport as JSON values) by the trust of today, or for the past time `at`.

    One of today may be there already, and is kept when `keep`, per bytes, policy and trust. Rejected for what is no PDF
    at all.
    """
    key = validating.policy_key(policy)
    with transaction(desk.pool) as tx:
        now = store.now(tx)
        if at is not None and at > now:
            raise Rejected(MOMENT_AHEAD)
        network = believed(tx, desk, now, new=False)
        kept = None if at else store.find_report(tx, file.sha256, key, network.snapshot)
    if kept and kept.get("report"):
        report: dict[str, Any] = json.loads(desk.blobs.get(BlobRef.model_validate(kept["report"])))
        return report
    with counter.place() as judges:
        try:
            report = judges.judge(file.path, network=network, at=at, policy=policy)
        except Rejected as error:
            raise _of_a_stranger(error) from error
    if keep and at is None and not validating.revocation_unknown(report):
        outcome = validating.outcome_of(desk, report)
        with transaction(desk.pool) as tx:
            store.add_report(tx, file.sha256, key, network.snapshot, outcome)
    return report


def _of_a_stranger(error: Rejected) -> Rejected:
    """Nobody tries this file again by itself: whoever handed it in is told."""
    return Rejected(CHECK_TOO_HARD) if error.code == PROCESS_DIED.code else error
