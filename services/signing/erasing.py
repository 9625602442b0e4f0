"""A document was disposed of by a decision: all bytes that signing has of it go, and what proves that stays.

The order ends all upkeep of the document at once; removing the bytes is a job, since it asks every agency's rows whether
another document has the same ones.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.signing import store, store_erasure, store_longevity
from services.signing.desk import Desk
from services.signing.domain import SYSTEM, State
from services.signing.refusals_erasure import CONTENT_ERASED, ERASURE_WAITS
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected
from shared.events import BlobRef
from shared.events.docs import EraseDocument
from shared.events.signing import DocumentErased

KIND = "erase"
UNDER_WAY = frozenset({State.PREPARING, State.AWAITING_SIGNATURE, State.COMPLETING, State.SEALING})


def receive_order(tx: Tx, order: EraseDocument) -> None:
    """An order that came before changes nothing. Of a document that agencies issue together only the one that leads may
    have all of it erased.
    """
    act_for(tx, order.agency_id)
    known = store.find(tx, order.document_id)
    if order.whole and known is not None and known.agency_id != order.agency_id:
        order = order.model_copy(update={"whole": False})
    if order.whole:
        store_erasure.forget_work(tx, order.document_id)
        store.find_and_lock(tx, order.document_id)
    if store_erasure.add(tx, order):
        payload = {"agency_id": str(order.agency_id), "workfile_id": str(order.workfile_id)}
        jobs.put(tx, KIND, f"erase:{order.document_id}", payload)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """1. what the document has here, 2. less what something else needs, 3. the bytes, 4. the record and the fact."""
    agency_id, workfile_id = UUID(job.payload["agency_id"]), UUID(job.payload["workfile_id"])
    document_id = UUID(job.subject.removeprefix("erase:"))
    with transaction(desk.pool, agency=agency_id) as tx:  # 1
        order = store_erasure.get(tx, workfile_id, document_id)
        wanted = _wanted(tx, desk, order)
        agencies = store_longevity.list_agencies(tx)
    left = set(order["kept"]) & set(wanted)  # 2
    for each in agencies:
        with transaction(desk.pool, agency=each) as tx:
            left |= store_erasure.used_by_others(tx, list(wanted), document_id)
    erased = sorted(set(wanted) - left)
    for digest in erased:  # 3
        desk.blobs.drop(wanted[digest])

    def commit(tx: Tx) -> None:  # 4
        act_for(tx, agency_id)
        at = store.now(tx)
        if not store_erasure.end(tx, workfile_id, document_id, erased=erased, left=sorted(left), at=at):
            return
        fact = DocumentErased(
            document_id=document_id,
            agency_id=agency_id,
            workfile_id=workfile_id,
            decision=order["decision"],
            erased=tuple(erased),
            kept=tuple(sorted(left)),
            by=SYSTEM,
            at=at,
        )
        outbox.put(tx, fact, source=desk.source)

    return commit


def _wanted(tx: Tx, desk: Desk, order: dict[str, Any]) -> dict[str, BlobRef]:
    """By digest, of our own store only. Raises Rejected(erasure_waits) while somebody still works on the document."""
    named = [BlobRef.model_validate(each) for each in order["content"]]
    if order["whole"]:
        document = store.find(tx, order["document_id"])
        if document is not None and document.state in UNDER_WAY:
            raise Rejected(ERASURE_WAITS)
        named += store_erasure.contents(tx, order["document_id"])
    return {ref.sha256: ref for ref in named if ref.prefix == desk.blobs.prefix}


def on_failure(_desk: Desk, _tx: Tx, _job: jobs.Job, _error: Exception, _final: bool) -> None:  # noqa: FBT001  as jobs calls it
    """The order stays as it is; it is tried again for as long as it takes."""


def check(tx: Tx, document_id: UUID) -> None:
    """Rejected(content_erased) once the content of a document was disposed of."""
    if found := store_erasure.find_decision(tx, document_id):
        raise Rejected(CONTENT_ERASED, decision=found[0], day=f"{found[1]:%d/%m/%Y}")
