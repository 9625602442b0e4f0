"""The job `complete`: a verified raw signature becomes a signature in the PDF, with its time stamp or owing it."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from services.signing import augmenting, copies, craft, domain, longevity, store, store_longevity, store_preparation
from services.signing.desk import PDF, Desk, believed, online_or_kept, owed_notice, state_delay, told
from services.signing.domain import Document, State
from services.signing.session import Preparation
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.errors import NotFound
from shared.events.signing import SigningAct

KIND = "complete"


def put(tx: Tx, preparation: Preparation) -> None:
    payload = {"agency_id": str(preparation.agency_id), "preparation_id": str(preparation.id)}
    jobs.put(tx, KIND, str(preparation.document_id), payload)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction: check the certificate on-line, have it time-stamped, embed, store. What can't be had now
    is owed and paid later (augmenting.py); what is known against the certificate refuses the signature.

    A second run after a crash makes other bytes with another time stamp; only one of them is ever committed.
    """
    agency_id, preparation_id = UUID(job.payload["agency_id"]), UUID(job.payload["preparation_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        document = store.get(tx, UUID(job.subject))
        preparation = store_preparation.find(tx, preparation_id)
        certificate = copies.get_certificate(tx, preparation.certificate_id) if preparation else None
        network = believed(tx, desk, store.now(tx), new=True)
        allowed = store_longevity.get(tx, document.id, agency_id).unchecked_allowed
    if preparation is None or certificate is None:
        raise NotFound("lần ký", "preparation")
    if not _is_wanted(document, preparation_id) or preparation.prepared is None or preparation.signature is None:
        return lambda _tx: None
    base, prepared, signature = desk.blobs.get(document.content), preparation.prepared, preparation.signature
    ordinal, serial = preparation.ordinal, certificate.serial
    made = online_or_kept(
        desk,
        network,
        [certificate.id],
        lambda reach: desk.workshop.run(craft.finish, base, prepared, signature, network=reach),
        unchecked=allowed,
    )
    content = desk.blobs.put(made.pdf, PDF)

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        current = store.lock(tx, document.id)
        if not _is_wanted(current, preparation_id):
            return
        at = store.now(tx)
        signer = current.signers[ordinal - 1]
        owes = augmenting.keep_signature(
            tx,
            current,
            made,
            kind="person",
            name=signer.name,
            person_id=signer.person_id,
            certificate_id=certificate.id,
            target=longevity.SIGNED_TARGET,
            at=at,
        )
        level, since = made.level, made.cached_as_of
        after, fact = domain.signed(
            current, ordinal, content, serial=serial, level=level, at=at, cached_as_of=since, owes=owes
        )
        store.save(tx, after, stage="signed")
        store_preparation.end(tx, preparation_id, cached_as_of=made.cached_as_of, notice=owed_notice(made))
        outbox.put(tx, fact, source=desk.source)
        if owes and longevity.may_augment(after):
            augmenting.put(tx, after)

    return commit


def on_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """For good: the signature came to nothing and the document waits for its signer again. Else: told that it waits."""
    act_for(tx, UUID(job.payload["agency_id"]))
    preparation_id = UUID(job.payload["preparation_id"])
    document = store.find_and_lock(tx, UUID(job.subject))
    if document is None or not _is_wanted(document, preparation_id):
        return
    if not final:
        state_delay(tx, desk, document, "sign", error)
        return
    preparation = store_preparation.find(tx, preparation_id)
    ordinal = preparation.ordinal if preparation else 1
    store.save(tx, replace(domain.refuse(document), waiting_since=document.waiting_since))
    store_preparation.end(tx, preparation_id, problem=told(error))
    state_refused_signature(tx, desk.source, document, ordinal, error)


def state_refused_signature(tx: Tx, source: str, document: Document, ordinal: int, error: Exception) -> None:
    """For the ledger: somebody tried to sign and could not."""
    act = SigningAct(
        by=document.signers[ordinal - 1].actor(document.agency_id),
        at=store.now(tx),
        act="signature_refused",
        object_kind="document",
        object_id=str(document.id),
        detail={"code": told(error)["code"]},
    )
    outbox.put(tx, act, source=source)


def _is_wanted(document: Document, preparation_id: UUID) -> bool:
    return document.state is State.COMPLETING and document.completing == preparation_id
