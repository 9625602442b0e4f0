"""Invariant 12: slow work is a job, run once at a time per subject, under a lease that fences the loser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared import db, jobs
from shared.errors import UNAVAILABLE, Refusal, Rejected
from tests.shared.facts import effects

NO = Refusal("no", "Không được.", "No.", 409)


def write(key: str, what: str) -> jobs.Commit:
    def commit(tx: db.Tx) -> None:
        tx.execute("INSERT INTO effect (key, what) VALUES (%s, %s)", [key, what])

    return commit


def on_failure(tx: db.Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001
    write(job.subject, f"{'gave up' if final else 'delayed'}: {error}")(tx)


def runner(pool: db.Pool, run: Callable[[jobs.Job], jobs.Commit], **options: Any) -> jobs.Runner:
    kinds = {"seal": jobs.Kind(run=run, on_failure=on_failure, **options)}
    return jobs.Runner(pool, kinds, stop=threading.Event())


def order(pool: db.Pool, subject: str, **payload: Any) -> None:
    with db.transaction(pool) as tx:
        jobs.put(tx, "seal", subject, payload)


def done(pool: db.Pool, key: str) -> list[str]:
    with db.transaction(pool) as tx:
        return effects(tx, key)


def test_a_job_is_done_once_and_gone(pool: db.Pool) -> None:
    order(pool, "d1")
    worker = runner(pool, lambda job: write(job.subject, "sealed"))
    assert worker.run_one()
    assert not worker.run_one()
    assert done(pool, "d1") == ["sealed"]


def test_an_order_that_is_rolled_back_is_never_run(pool: db.Pool) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction(pool) as tx:  # noqa: PT012
        jobs.put(tx, "seal", "d1", {})
        raise ZeroDivisionError
    assert not runner(pool, lambda job: write(job.subject, "sealed")).run_one()


def test_jobs_of_one_document_run_one_after_the_other_in_order(pool: db.Pool) -> None:
    for step in ("1", "2", "3"):
        order(pool, "d1", step=step)
    inside = threading.Semaphore(1)

    def run(job: jobs.Job) -> jobs.Commit:
        assert inside.acquire(blocking=False), "two jobs of one document at once"
        assert not other.run_one()
        inside.release()
        return write(job.subject, job.payload["step"])

    worker, other = runner(pool, run), runner(pool, run)
    while worker.run_one():
        pass
    assert done(pool, "d1") == ["1", "2", "3"]


def test_clocks_that_differ_change_no_order(pool: db.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines order work on one subject; the clock of the second is behind."""
    for step in ("1", "2"):
        order(pool, "d1", step=step)
        monkeypatch.setattr(jobs, "new_id", lambda: UUID(int=1))
    worker = runner(pool, lambda job: write(job.subject, job.payload["step"]))
    assert worker.run_one()
    assert worker.run_one()
    assert done(pool, "d1") == ["1", "2"]


def test_who_lost_the_lease_changes_nothing(pool: db.Pool) -> None:
    order(pool, "d1")

    def slow(job: jobs.Job) -> jobs.Commit:
        with db.transaction(pool) as tx:  # the worker was asleep for longer than its lease
            tx.execute("UPDATE job SET lease_until = now() - interval '1 second'")
        assert runner(pool, lambda taken: write(taken.subject, "second")).run_one()
        return write(job.subject, "first")

    assert runner(pool, slow).run_one()
    assert done(pool, "d1") == ["second"]


def test_a_passing_fault_is_tried_again_and_told(pool: db.Pool) -> None:
    order(pool, "d1")

    def down(job: jobs.Job) -> jobs.Commit:
        if job.attempts == 1:
            raise Rejected(UNAVAILABLE, what="TSA")
        return write(job.subject, "sealed")

    worker = runner(pool, down, first_pause=0.0)
    assert worker.run_one()
    assert worker.run_one()
    assert [line.split(":")[0] for line in done(pool, "d1")] == ["delayed", "sealed"]


def test_a_refusal_is_final_at_once(pool: db.Pool) -> None:
    order(pool, "d1")

    def refuse(_job: jobs.Job) -> jobs.Commit:
        raise Rejected(NO)

    worker = runner(pool, refuse)
    assert worker.run_one()
    assert not worker.run_one()
    assert done(pool, "d1") == ["gave up: no: No."]


def test_what_was_written_before_a_failing_commit_is_rolled_back(pool: db.Pool, expected_errors: list[str]) -> None:
    expected_errors.append("job seal d1 failed")
    order(pool, "d1")

    def run(job: jobs.Job) -> jobs.Commit:
        def commit(tx: db.Tx) -> None:
            write(job.subject, "half")(tx)
            raise ZeroDivisionError

        return commit

    assert runner(pool, run, first_pause=60).run_one()
    assert done(pool, "d1") == ["delayed: "]


def test_a_delayed_job_waits(pool: db.Pool) -> None:
    with db.transaction(pool) as tx:
        jobs.put(tx, "seal", "d1", {}, delay=timedelta(hours=1))
    assert not runner(pool, lambda job: write(job.subject, "sealed")).run_one()


def test_a_job_that_was_taken_back_while_it_failed_ends_quietly(pool: db.Pool) -> None:
    order(pool, "d1")

    def refuse(_job: jobs.Job) -> jobs.Commit:
        with db.transaction(pool) as tx:
            tx.execute("DELETE FROM job")
        raise Rejected(NO)

    assert runner(pool, refuse).run_one()
    assert done(pool, "d1") == []


def test_a_failure_that_cannot_be_told_stops_no_other_job(pool: db.Pool, expected_errors: list[str]) -> None:
    expected_errors += ["job seal bad failed", "telling so failed too"]
    stop, told = threading.Event(), threading.Event()

    def run(job: jobs.Job) -> jobs.Commit:
        if job.subject == "bad":
            raise ValueError("NUL \x00 and \ud800 in somebody's words")
        told.set()
        return write(job.subject, "sealed")

    def speechless(_tx: db.Tx, _job: jobs.Job, _error: Exception, _final: bool) -> None:  # noqa: FBT001
        raise KeyError("nobody to tell")

    order(pool, "bad")
    order(pool, "d1")
    worker = jobs.Runner(pool, {"seal": jobs.Kind(run=run, on_failure=speechless)}, stop=stop, threads=1)
    worker.start()
    assert told.wait(60)
    stop.set()
    worker.join()
    assert done(pool, "d1") == ["sealed"]
    with db.transaction(pool) as tx:
        left = tx.execute("SELECT lease, last_error FROM job WHERE subject = 'bad'").fetchone()
    assert left == {"lease": None, "last_error": "'nobody to tell'"}
