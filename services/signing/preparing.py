"""The job `prepare`: from an approved file to a PDF with empty fields that the first signer may sign.

Where a place was not found, the agency's clerk is asked first, unless the agency goes on with the decree's boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.signing import annexing, copies, craft, craft_seal, domain, store, store_places
from services.signing.desk import PDF, Desk, state_delay, state_refusal
from services.signing.domain import CoIssuer, Document, State
from services.signing.placing import Place, Placing, label
from services.signing.refusals_places import PLACES_TO_CONFIRM
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected
from shared.events import BlobRef

KIND = "prepare"
DEFAULT_SEAL_MM = 36.0


def put(tx: Tx, document: Document) -> None:
    """Order the job; it belongs to the round that this order began."""
    payload = {"agency_id": str(document.agency_id), "round": document.ordered_at.isoformat()}
    jobs.put(tx, KIND, str(document.id), payload)


@dataclass(frozen=True, slots=True)
class _Task:
    """What the job works on; `given` are the places that a clerk decided in this round."""

    document: Document
    known: Placing | None
    seal_mm: float
    co_issuers: tuple[craft.CoSeal, ...]
    ask: bool

    @property
    def given(self) -> tuple[Place, ...]:
        return self.known.given if self.known else ()


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction: read, place, prepare, store. What is committed is the fact that it is done.

    1. Places that a clerk gave in this round stand; without any they are found.
    2. When one is missing and the agency wants to be asked, the document waits for its clerk.
    3. Else the fields are made from the approved bytes, never from a revision that has some already.
    """
    task = _read(desk, UUID(job.subject), UUID(job.payload["agency_id"]))
    document = task.document
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
        seal_mm=task.seal_mm,
        co_issuers=task.co_issuers,
        given=task.given,  # 1
        ask=task.ask,
    )
    placing = _placing(task, made)
    if made.pdf is None:
        return _question(desk, document, job, placing, made)  # 2
    content = desk.blobs.put(made.pdf, PDF)  # 3
    return _commit(
        desk,
        document,
        job,
        content,
        pages=made.pages,
        numbered=made.numbered,
        also=lambda tx: store_places.save(tx, placing),
    )


def _read(desk: Desk, document_id: UUID, agency_id: UUID) -> _Task:
    with transaction(desk.pool, agency=agency_id) as tx:
        document = store.get(tx, document_id)
        agency = copies.find_agency(tx, agency_id)
        known = store_places.find(tx, document_id)
        ask = store_places.find_ask(tx, agency_id)
        co_issuers = tuple(_co_seal(tx, document, each) for each in document.terms.co_issuers)
    return _Task(
        document,
        known if known and known.round == document.ordered_at else None,
        seal_mm=agency.seal_mm if agency else DEFAULT_SEAL_MM,
        co_issuers=co_issuers,
        ask=desk.ask_for_places if ask is None else ask,
    )


def _placing(task: _Task, made: craft.Prepared) -> Placing:
    document, known = task.document, task.known
    return Placing(
        document_id=document.id,
        agency_id=document.agency_id,
        round=document.ordered_at,
        approved=document.content,
        waits=made.pdf is None,
        pages=made.sizes,
        places=made.places,
        notices=tuple(_say(document, notice) for notice in made.notices),
        set_by=known.set_by if known else None,
        set_at=known.set_at if known else None,
    )


def _say(document: Document, notice: craft.Told) -> dict[str, str]:
    sentence = notice.refusal.say(label=label(notice.what, document))
    return {"code": notice.refusal.code, "what": notice.what, "vi": sentence.vi, "en": sentence.en}


def _question(desk: Desk, document: Document, job: jobs.Job, placing: Placing, made: craft.Prepared) -> jobs.Commit:
    """Nothing goes to the leader before somebody of the agency has looked at it."""

    def commit(tx: Tx) -> None:
        act_for(tx, document.agency_id)
        current = store.lock(tx, document.id)
        if not _is_wanted(current, job.payload):
            return
        store_places.save(tx, placing)
        names = ", ".join(label(what, document) for what in made.missing)
        asked = replace(current, page_count=made.pages)
        state_delay(tx, desk, asked, "prepare", Rejected(PLACES_TO_CONFIRM, what=names))

    return commit


def _copy(desk: Desk, document: Document, job: jobs.Job) -> jobs.Commit:
    """Nothing is added to it yet: only whether it can carry the agency's signature is looked at, before a number is
    taken.
    """
    pages = desk.workshop.run(craft_seal.inspect_copy, desk.blobs.get(document.content))
    return _commit(desk, document, job, document.content, pages=pages, numbered=False)


def _commit(
    desk: Desk,
    document: Document,
    job: jobs.Job,
    content: BlobRef,
    *,
    pages: int,
    numbered: bool,
    also: Callable[[Tx], None] = lambda _tx: None,
) -> jobs.Commit:
    def commit(tx: Tx) -> None:
        act_for(tx, document.agency_id)
        current = store.lock(tx, document.id)
        if not _is_wanted(current, job.payload):
            return
        also(tx)
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
