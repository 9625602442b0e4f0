"""The job `prepare`: from an approved file to a PDF with empty fields that the first signer may sign."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.signing import annexing, copies, craft, domain, store
from services.signing.desk import PDF, Desk, state_delay, state_refusal
from services.signing.domain import CoIssuer, Document, State
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.events import BlobRef

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
        co_issuers = [_co_seal(tx, document, each) for each in document.terms.co_issuers]
    if not _is_wanted(document, job.payload):
        return lambda _tx: None
    if document.is_copy:
        return _copy(desk, document, job)
    annexing.check(desk, document)
    made = desk.workshop.run(
        craft.prepare,
        desk.blobs.get(document.content),
        signers=[s.post for s in document.signers],
        people=[(s.name, s.post, s.block) for s in document.signers],
        agency=document.descriptor.agency_name,
        seal_mm=agency.seal_mm if agency else DEFAULT_SEAL_MM,
        co_issuers=co_issuers,
    )
    content = desk.blobs.put(made.pdf, PDF)
    return _commit(desk, document, job, content, pages=made.pages, numbered=made.numbered)


def _copy(desk: Desk, document: Document, job: jobs.Job) -> jobs.Commit:
    """Nothing is added to it yet: only whether it can carry the agency's signature is looked at, before a number is
    taken.
    """
    pages = desk.workshop.run(craft.inspect_copy, desk.blobs.get(document.content))
    return _commit(desk, document, job, document.content, pages=pages, numbered=False)


def _commit(
    desk: Desk, document: Document, job: jobs.Job, content: BlobRef, *, pages: int, numbered: bool
) -> jobs.Commit:
    def commit(tx: Tx) -> None:
        act_for(tx, document.agency_id)
        current = store.lock(tx, document.id)
        if not _is_wanted(current, job.payload):
            return
        after, fact = domain.prepared(current, content, pages=pages, numbered=numbered, at=store.now(tx))
        store.save(tx, after, stage="prepared")
        outbox.put(tx, fact, source=desk.source)

    return commit


def _co_seal(tx: Tx, document: Document, co_issuer: CoIssuer) -> craft.CoSeal:
    """Over the first of the signatures for that agency, as the leading agency's is over the first of all."""
    agency = copies.find_agency(tx, co_issuer.agency_id)
    own = next((n for n, s in enumerate(document.signers) if s.for_agency_id == co_issuer.agency_id), 0)
    return own, co_issuer.name, agency.seal_mm if agency else DEFAULT_SEAL_MM


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
