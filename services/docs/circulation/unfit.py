"""An arrival whose files did not pass the steps of intake: sent back to its sender by itself, once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from services.docs import incoming, store_incoming
from services.docs.circulation import receiving
from services.docs.circulation import store as kept
from services.docs.erasure import work as erasure
from services.docs.step import Reason
from shared import jobs
from shared.db import Tx, act_for


def kinds(source: str) -> dict[str, jobs.Kind]:
    """For the worker of docs."""
    return {store_incoming.SEND_BACK: jobs.Kind(run=partial(send_back, source), on_failure=lambda *_: None)}


def send_back(source: str, job: jobs.Job) -> jobs.Commit:
    given = job.payload
    why = Reason(**given["reason"])

    def commit(tx: Tx) -> None:
        act_for(tx, UUID(given["agency_id"]))
        held = store_incoming.lock(tx, UUID(given["incoming_id"]))
        step = incoming.find_unfit(held, why, given["filename"], datetime.now(UTC), forget=given["forget"])
        if step is None:
            return
        store_incoming.keep_incoming(tx, step, source=source)
        if given["forget"]:
            if held.by_partner:
                digests = (each.content.sha256 for each in held.parts)
                erasure.order(tx, held.id, held.agency_id, why.code, digests)
            kept.forget_content(tx, held.id)
        if step.after.status != held.status:
            receiving.after_step(tx, step, source=source)

    return commit
