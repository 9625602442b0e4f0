"""The job `prepare`: from an approved file to a PDF with empty fields that the first signer may sign."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.signing import copies, craft, domain, store
from services.signing.desk import PDF, Desk, state_delay, state_refusal
from services.signing.domain import Document, State
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction

KIND = "prepare"
DEFAULT_SEAL_MM = 36.0


def put(tx: Tx, document: Document) -> None:
    """Order the job; it belongs to the round that this order began."""
    payload = {"agency_id": str(document.agency_id), "round": document.ordered_at.isoformat()}
    jobs.put(tx, KIND, str(document.id), payload)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction: read, place, prepare, store. What is committed is the fact that it is done."""
    document_id, agency_id = UUID(job.subject), UUID(job.payload["agency_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        document = store.get(tx, document_id)
        agency = copies.find_agency(tx, agency_id)
    if not _is_wanted(document, job.payload):
        return lambda _tx: None
    made = desk.workshop.run(
        craft.prepare,
        desk.blobs.get(document.content),
        signers=[s.post for s in document.signers],
        people=[(s.name, s.post, s.block) for s in document.signers],
        agency=document.descriptor.agency_name,
        seal_mm=agency.seal_mm if agency else DEFAULT_SEAL_MM,
    )
    content = desk.blobs.put(made.pdf, PDF)

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        current = store.lock(tx, document_id)
        if not _is_wanted(current, job.payload):
            return
        after, fact = domain.prepared(current, content, pages=made.pages, numbered=made.numbered, at=store.now(tx))
        store.save(tx, after, stage="prepared")
        outbox.put(tx, fact, source=desk.source)

    return commit


def on_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """Refused for good, or told that it waits."""
    act_for(tx, UUID(job.payload["agency_id"]))
    document = store.find_and_lock(tx, UUID(job.subject))
    if document is None or not _is_wanted(document, job.payload):
        return
    if final:
        store.save(tx, domain.refuse(document))
        state_refusal(tx, desk.source, document.id, "prepare", error)
    else:
        state_delay(tx, desk, document, "prepare", error)


def _is_wanted(document: Document, payload: dict[str, Any]) -> bool:
    return document.state is State.PREPARING and document.ordered_at.isoformat() == payload["round"]
