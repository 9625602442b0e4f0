"""A certificate is taken away while signatures with it are under way: they are stopped, and everybody concerned learns why.

What was signed before stays. The stop is made while the registry's state is taken in; telling of it is a job, since a
pile of documents may wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from services.signing import authority, copies, domain, store, store_preparation
from services.signing.desk import Desk, told
from services.signing.domain import Document, State
from services.signing.refusals import CERTIFICATE_REVOKED
from services.signing.store import Place
from shared import jobs, outbox
from shared.db import Tx, act_for
from shared.errors import Rejected
from shared.events.registry import CertificateStated
from shared.events.signing import DocumentDelayed, SigningAct

KIND = "tell_stopped"
ENDED = ("revoked", "suspended")


def receive_certificate(tx: Tx, certificate: CertificateStated) -> None:
    """Keep the copy. From this commit on no signature with a revoked or suspended certificate is taken or embedded."""
    before = copies.get_certificate(tx, certificate.certificate_id)
    copies.keep_certificate(tx, certificate)
    if certificate.person_id is None:
        return  # a seal: its job looks at the certificate before it seals and again before it commits
    store.act_for_person(tx, certificate.person_id)
    if certificate.status == "active":
        store.forget_delay(tx, certificate.person_id, CERTIFICATE_REVOKED.code)
    elif certificate.status in ENDED and before is not None and before.status == "active":
        # One that is only about to be handed over counts as suspended too, and takes nothing away from anybody.
        stopped = stop(tx, certificate.certificate_id)
        payload = {
            "person_id": str(certificate.person_id),
            "stopped": [[str(each.agency_id), str(each.document_id)] for each in stopped],
        }
        jobs.put(tx, KIND, str(certificate.certificate_id), payload)


def stop(tx: Tx, certificate_id: UUID) -> list[Place]:
    """End every preparation made with this certificate; the documents wait for their signer again. Returns where.

    The documents are locked first, as a completion does: one that came before is seen here, one after sees the copy.
    """
    places = store_preparation.list_places_with(tx, certificate_id)
    documents = list(_locked(tx, places))
    ended = store_preparation.fail_all_with(tx, certificate_id, told(Rejected(CERTIFICATE_REVOKED)))
    for document in documents:
        if document.state is State.COMPLETING and document.completing in ended:
            # Its job finds that it is not wanted any more, even when it is being run just now.
            act_for(tx, document.agency_id)
            store.save(tx, domain.refuse(document))
    return [place for place in places if place.document_id in ended.values()]


def _locked(tx: Tx, places: Iterable[Place]) -> Iterator[Document]:
    """The whole of each document, seen as its agency sees it, locked in one order."""
    for place in sorted(places):
        act_for(tx, place.agency_id)
        yield store.lock(tx, place.document_id)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """One fact a document that now waits for nobody who can sign it, one act a signature that was stopped."""
    person_id, certificate_id = UUID(job.payload["person_id"]), UUID(job.subject)
    stopped = [Place(UUID(agency), UUID(document)) for agency, document in job.payload["stopped"]]

    def commit(tx: Tx) -> None:
        store.act_for_person(tx, person_id)
        certificate = copies.get_certificate(tx, certificate_id)
        for document in _locked(tx, stopped):
            _record(tx, desk, document, person_id, certificate.serial if certificate else "")
        at = store.now(tx)
        problem = authority.no_usable(copies.certificates_of(tx, person_id), at)
        if problem is None or problem.code != CERTIFICATE_REVOKED.code:
            return  # another certificate of theirs will do, or this one was given back meanwhile
        for document in _locked(tx, store.list_places(tx, person_id)):
            _tell(tx, desk, document, person_id, problem)

    return commit


def on_failure(_desk: Desk, _tx: Tx, _job: jobs.Job, _error: Exception, _final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """The stop itself stands; the telling is tried again."""


def _tell(tx: Tx, desk: Desk, document: Document, person_id: UUID, problem: Rejected) -> None:
    signer = document.next_signer
    if signer is None or signer.person_id != person_id or document.delayed == problem.code:
        return  # it is another one's turn; docs says so itself when it comes to this person's
    if document.state is not State.AWAITING_SIGNATURE:
        return
    store.save(tx, domain.delay(document, problem.code))
    reason = told(problem)
    delayed = DocumentDelayed(
        by=domain.SYSTEM,
        at=store.now(tx),
        document_id=document.id,
        stage="sign",
        code=reason["code"],
        reason_vi=reason["vi"],
        reason_en=reason["en"],
        waits_for=signer.person_id,
        signer_name=signer.name,
    )
    outbox.put(tx, delayed, source=desk.source)


def _record(tx: Tx, desk: Desk, document: Document, person_id: UUID, serial: str) -> None:
    """For the ledger: who had begun to sign, and that it was stopped."""
    signer = document.signer_of(person_id)
    if signer is None:
        return
    act = SigningAct(
        by=domain.SYSTEM,
        at=store.now(tx),
        act="signature_stopped",
        object_kind="document",
        object_id=str(document.id),
        detail={"code": CERTIFICATE_REVOKED.code, "certificate_serial": serial, "signer": signer.name},
    )
    outbox.put(tx, act, source=desk.source)
