"""Slow work from PostgreSQL: a job row is written by the transaction that orders it and run by a worker under a lease.

Jobs of one subject (a document) run one at a time, oldest first. A job's result is committed together with its
removal, and only by the holder of the current lease, so a worker that lost its lease changes nothing.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from shared import telemetry
from shared.db import Pool, Tx, storable, transaction
from shared.errors import Rejected
from shared.ids import new_id

log = logging.getLogger(__name__)

CLAIM_LOCK = 0x6A6F6273  # "jobs": claims are made one after the other, so no two jobs of a subject run at once
LEASE = timedelta(seconds=20)  # how long a killed worker's job waits for the next one


@dataclass(frozen=True, slots=True)
class Job:
    """One job under lease."""

    id: UUID
    kind: str
    subject: str
    payload: dict[str, Any]
    attempts: int
    lease: UUID
    traceparent: str | None


Commit = Callable[[Tx], None]
Handler = Callable[[Job], Commit]
"""Does the slow part outside of any transaction and returns what to commit together with the job's end."""

OnFailure = Callable[[Tx, Job, Exception, bool], None]
"""Called in the transaction that records a failure; True means: this was the last try."""


class LeaseLost(Exception):
    """Somebody else has taken the job over; our result is dropped."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of job is run. A `Rejected` is final at once; anything else is tried again with back-off."""

    run: Handler
    on_failure: OnFailure
    max_attempts: int = 1000
    first_pause: float = 1.0
    longest_pause: float = 300.0


def put(tx: Tx, kind: str, subject: str, payload: Mapping[str, Any], *, delay: timedelta | None = None) -> UUID:
    """Order a job in the caller's transaction."""
    job_id = new_id()
    tx.execute(
        "INSERT INTO job (id, kind, subject, payload, run_at, traceparent) VALUES (%s, %s, %s, %s, now() + %s, %s)",
        [job_id, kind, subject, json.dumps(payload), delay or timedelta(0), telemetry.current_traceparent()],
    )
    return job_id


def hurry(tx: Tx, kind: str, subject: str) -> None:
    """Somebody asked for another try: a job of the subject that waits for its next one is due now."""
    tx.execute(
        "UPDATE job SET run_at = now() WHERE kind = %s AND subject = %s AND state = 'waiting' AND run_at > now()"
        " AND (lease_until IS NULL OR lease_until < now())",
        [kind, subject],
    )


class Runner:
    """Runs due jobs on a few threads until stopped."""

    def __init__(
        self,
        pool: Pool,
        kinds: Mapping[str, Kind],
        *,
        stop: threading.Event,
        threads: int = 2,
        interval: float = 0.1,
    ) -> None:
        self.pool = pool
        self.kinds = kinds
        self.stop = stop
        self.interval = interval
        self.running: dict[UUID, Job] = {}
        self.threads = [
            threading.Thread(target=self._work, name=f"jobs-{n}", args=(telemetry.Heartbeat(f"jobs-{n}", limit=900),))
            for n in range(threads)
        ]
        self.threads.append(threading.Thread(target=self._keep_leases, name="jobs-leases"))

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join()

    def _work(self, beat: telemetry.Heartbeat) -> None:
        while not self.stop.is_set():
            beat.touch()
            try:
                if not self.run_one():
                    self.stop.wait(self.interval)
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("jobs: database not reachable, trying again: %s", str(error).splitlines()[0])
                self.stop.wait(1.0)
            except Exception:
                # A thread that died here would leave a worker that looks alive and works for nobody.
                log.exception("jobs: a job could not be ended; it comes again when its lease runs out")
                self.stop.wait(1.0)

    def run_one(self) -> bool:
        """Claim and run one due job; False when none is due."""
        job = self._claim()
        if job is None:
            return False
        self.running[job.id] = job
        try:
            with telemetry.span(
                f"job {job.kind}",
                parent=job.traceparent,
                attributes={"vanthu.subject": job.subject, "vanthu.attempt": job.attempts},
            ):
                self._run(job)
        finally:
            self.running.pop(job.id, None)
        return True

    def _claim(self) -> Job | None:
        with transaction(self.pool) as tx:
            tx.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
            row = tx.execute(
                "UPDATE job SET lease = %s, lease_until = now() + %s, attempts = attempts + 1 WHERE id = ("
                " SELECT id FROM job j WHERE state = 'waiting' AND kind = ANY(%s) AND run_at <= now()"
                "  AND (lease_until IS NULL OR lease_until < now())"
                "  AND NOT EXISTS (SELECT FROM job o WHERE o.subject = j.subject AND o.pos < j.pos AND o.state = 'waiting')"
                " ORDER BY run_at LIMIT 1)"
                " RETURNING id, kind, subject, payload, attempts, lease, traceparent",
                [uuid4(), LEASE, list(self.kinds)],
            ).fetchone()
        return Job(**row) if row else None

    def _run(self, job: Job) -> None:
        kind = self.kinds[job.kind]
        try:
            commit = kind.run(job)
            telemetry.crash_point(f"job_{job.kind}_before_commit")
            with transaction(self.pool) as tx:
                self._end(tx, job)
                commit(tx)
            telemetry.jobs_done.labels(job.kind, "done").inc()
        except LeaseLost:
            log.warning("job %s %s was taken over by another worker", job.kind, job.subject)
        except psycopg.OperationalError:
            raise  # the lease runs out and the job comes again
        except Exception as error:  # noqa: BLE001  recorded with the job, told to whoever waits for it
            self._fail(job, kind, error)

    def _end(self, tx: Tx, job: Job) -> None:
        if tx.execute("DELETE FROM job WHERE id = %s AND lease = %s", [job.id, job.lease]).rowcount == 0:
            raise LeaseLost

    def _fail(self, job: Job, kind: Kind, error: Exception) -> None:
        final = (isinstance(error, Rejected) and error.refusal.status != 503) or job.attempts >= kind.max_attempts
        pause = min(kind.first_pause * 2 ** min(job.attempts - 1, 20), kind.longest_pause)
        (log.warning if isinstance(error, Rejected) else log.error)(
            "job %s %s failed (attempt %d, %s): %s",
            job.kind,
            job.subject,
            job.attempts,
            "final" if final else f"again in {pause:.0f} s",
            error,
            exc_info=None if isinstance(error, Rejected) else error,
        )
        telemetry.jobs_done.labels(job.kind, "failed" if final else "retried").inc()
        try:
            with transaction(self.pool) as tx:
                self._end(tx, job) if final else self._again(tx, job, pause, error)
                kind.on_failure(tx, job, error, final)
        except LeaseLost:
            log.warning("job %s %s was taken over or taken back; nobody is told of its failure", job.kind, job.subject)
        except psycopg.OperationalError:
            raise  # the lease runs out and the job comes again
        except Exception as second:
            log.exception("job %s %s failed, and telling so failed too; it comes again", job.kind, job.subject)
            with suppress(LeaseLost), transaction(self.pool) as tx:
                self._again(tx, job, kind.longest_pause, second)

    def _again(self, tx: Tx, job: Job, pause: float, error: Exception) -> None:
        again = tx.execute(
            "UPDATE job SET lease = NULL, lease_until = NULL, run_at = now() + %s, last_error = %s WHERE id = %s AND lease = %s",
            [timedelta(seconds=pause), storable(str(error)), job.id, job.lease],
        )
        if again.rowcount == 0:
            raise LeaseLost

    def _keep_leases(self) -> None:
        while not self.stop.wait(LEASE.total_seconds() / 4):
            held = [(job.id, job.lease) for job in list(self.running.values())]
            try:
                with transaction(self.pool) as tx:
                    for job_id, lease in held:
                        tx.execute(
                            "UPDATE job SET lease_until = now() + %s WHERE id = %s AND lease = %s",
                            [LEASE, job_id, lease],
                        )
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("leases not renewed: %s", str(error).splitlines()[0])
