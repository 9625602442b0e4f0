"""The job that mails one notice: read what is to be sent, hand it over outside any transaction, record the try."""

from __future__ import annotations

from uuid import UUID

from services.notify import mail, store
from services.notify.refusals import MAIL_SERVER_AWAY
from shared import jobs
from shared.db import Pool, Tx, transaction
from shared.errors import Rejected

MAIL = "mail"


def order(tx: Tx, notice_id: UUID, person_id: UUID) -> None:
    """Order the mail about a notice in the transaction that wrote it."""
    jobs.put(tx, MAIL, f"notice:{notice_id}", {"notice_id": str(notice_id), "person_id": str(person_id)})


def mail_kind(pool: Pool, server: mail.MailServer, portal_url: str, *, first_pause: float = 2.0) -> jobs.Kind:
    """How the job `mail` is run: tried for about three days, at most every five minutes."""

    def run(job: jobs.Job) -> jobs.Commit:
        notice_id, person_id = UUID(job.payload["notice_id"]), UUID(job.payload["person_id"])
        with transaction(pool) as tx:
            to = store.find_recipient(tx, person_id)
            notice = store.get_notice(tx, person_id, notice_id)
        if to is None:
            # The fact was quicker than the registry's state of this person.
            raise Rejected(MAIL_SERVER_AWAY, server=server.address, why=f"no address of {person_id} yet")
        if not (to.active and to.wants_mail and to.email):
            return lambda tx: store.add_attempt(tx, notice_id, job.attempts, "not_wanted")
        mail.send(server, mail.compose(notice, to, sender=server.sender, portal_url=portal_url))
        return lambda tx: store.add_attempt(tx, notice_id, job.attempts, "sent", to.email)

    return jobs.Kind(run=run, on_failure=_record_failure, max_attempts=900, first_pause=first_pause)


def _record_failure(tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    outcome = "failed" if final else "retried"
    store.add_attempt(tx, UUID(job.payload["notice_id"]), job.attempts, outcome, str(error))
