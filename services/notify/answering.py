"""Answers to people who sent documents by mail: one mail for each fact, a bounded number to one address, handed over by
a job like every mail.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.notify import mail, store_answers
from shared import jobs
from shared.db import Pool, Tx, transaction
from shared.events import Envelope, docs

ANSWER = "answer"
MAX_AGE = timedelta(days=2)  # a service that starts from nothing reads years of facts; nobody is answered about those
# To one address; a busy agency sends fewer mails, and two programs that answer each other stop here at the latest.
BOUNDS = ((30, timedelta(hours=1)), (150, timedelta(days=1)))
KEPT = timedelta(days=90)


def answer_mail(tx: Tx, envelope: Envelope) -> None:
    """Take the fact in and order its mail, unless it is old news or too many went to that address."""
    fact = envelope.data
    assert isinstance(fact, docs.MailAnswered)  # noqa: S101  registered for this type
    state = "due"
    if datetime.now(UTC) - envelope.time > MAX_AGE:
        state = "too_old"
    elif any(store_answers.count_lately(tx, fact.to, span) >= most for most, span in BOUNDS):
        state = "too_many"
    if store_answers.add(tx, fact, state) and state == "due":
        jobs.put(tx, ANSWER, f"answer:{fact.mail_id}", {"mail_id": str(fact.mail_id)})
    store_answers.forget_before(tx, datetime.now(UTC) - KEPT)


def answer_kind(pool: Pool, server: mail.MailServer, *, first_pause: float = 2.0) -> jobs.Kind:
    """How the job `answer` is run: tried for about three days, at most every five minutes."""

    def run(job: jobs.Job) -> jobs.Commit:
        mail_id = UUID(job.payload["mail_id"])
        with transaction(pool) as tx:
            answer = store_answers.find_due(tx, mail_id)
        if answer is None:
            return lambda _tx: None
        mail.send(server, mail.compose_answer(answer, sender=server.sender), silent=True)
        return lambda tx: store_answers.record(tx, mail_id, "sent", job.attempts)

    return jobs.Kind(run=run, on_failure=_record_failure, max_attempts=900, first_pause=first_pause)


def _record_failure(tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    state = "failed" if final else "due"
    store_answers.record(tx, UUID(job.payload["mail_id"]), state, job.attempts, str(error))
