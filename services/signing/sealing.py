"""The job `seal`: docs' number and date onto the page, the agency's seal over them, then long-term validity.

The number is taken already, so whatever an operator or officer can mend is waited for with that same number.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.signing import authority, copies, craft, domain, store
from services.signing.authority import Certificate
from services.signing.desk import (
    PDF,
    Desk,
    believed,
    online_or_kept,
    require_fresh_copy,
    state_delay,
    state_refusal,
    waiting,
)
from services.signing.domain import Document, State
from services.signing.refusals import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_TRUSTED,
    CERTIFICATE_REVOKED,
    KEY_TOO_WEAK,
    PIN_WRONG,
    SEAL_CERTIFICATE_MISSING,
    SEAL_DEVICE_STOPPED,
    SEAL_KEY_MISSING,
)
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected

KIND = "seal"
LEVEL = "PAdES-BASELINE-LTA"
_MENDABLE = {
    refusal.code
    for refusal in (CERTIFICATE_EXPIRED, CERTIFICATE_NOT_TRUSTED, CERTIFICATE_REVOKED, KEY_TOO_WEAK, SEAL_KEY_MISSING)
}


def put(tx: Tx, document: Document) -> None:
    assert document.numbering is not None  # noqa: S101  ordered by domain.order_seal
    payload = {"agency_id": str(document.agency_id), "number": document.numbering.number}
    jobs.put(tx, KIND, str(document.id), payload)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction, under the policy of NĐ 30, art. 32.2:

    1. The registry copy is fresh, and everybody whose signature is due has signed.
    2. Number and date are docs'.
    3. The agency has an active seal certificate in its validity, whose key is in our device.
    4. Fill, seal, then LT and LTA; nothing is committed unless the level is reached.
    """
    document_id, agency_id = UUID(job.subject), UUID(job.payload["agency_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        document = store.get(tx, document_id)
        if not _is_wanted(document, job.payload["number"]):
            return lambda _tx: None
        at = store.now(tx)
        certificates = copies.seal_certificates_of(tx, agency_id)
        require_fresh_copy(tx, at, desk.stale_after, about=(agency_id, *(c.id for c in certificates)))
        candidates = _usable(certificates, at)
        agency = copies.find_agency(tx, agency_id)
        network = believed(tx, desk, at, new=True)
        signing = [c.id for signer in document.signers for c in copies.certificates_of(tx, signer.person_id)]
        met = [*signing, *(c.id for c in candidates)]
    numbering = domain.check_seal(document)
    if desk.keys.stopped:
        raise Rejected(SEAL_DEVICE_STOPPED)
    base = desk.blobs.get(document.content)
    order = craft.SealOrder(
        number=numbering.number if document.numbered else None,
        issued_on=numbering.issued_on,
        agency=document.descriptor.agency_name,
        parent=agency.parent if agency else None,
        certificates=tuple((c.der, c.chain_pem) for c in candidates),
        sealed_at=at.replace(microsecond=0),
        level=LEVEL,
        pss=desk.keys.pss,
    )
    try:
        made = online_or_kept(
            desk,
            network,
            met,
            lambda reach: desk.workshop.run(craft.seal, base, order, keys=desk.keys.store, network=reach),
        )
    except Rejected as error:
        raise _to_wait_for(desk, error) from error
    content = desk.blobs.put(made.pdf, PDF)

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        current = store.lock(tx, document_id)
        if not _is_wanted(current, job.payload["number"]) or current.content != document.content:
            return
        # A revocation that came while the seal was being made: it is not used, and the clerk reads why.
        standing = {c.id for c in _usable(copies.seal_certificates_of(tx, agency_id), store.now(tx))}
        if not standing >= {c.id for c in candidates}:
            raise waiting(Rejected(CERTIFICATE_REVOKED))
        after, fact = domain.sealed(current, content, level=LEVEL, at=store.now(tx), cached_as_of=made.cached_as_of)
        store.save(tx, after, stage="sealed")
        outbox.put(tx, fact, source=desk.source)

    return commit


def on_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """Refused for good, and the number is the clerk's to void; or told that it waits."""
    act_for(tx, UUID(job.payload["agency_id"]))
    document = store.find_and_lock(tx, UUID(job.subject))
    if document is None or not _is_wanted(document, job.payload["number"]):
        return
    if final:
        store.save(tx, domain.refuse(document))
        state_refusal(tx, desk.source, document.id, "seal", error)
    else:
        state_delay(tx, desk, document, "seal", error)


def _usable(certificates: tuple[Certificate, ...], at: datetime) -> list[Certificate]:
    found = [c for c in certificates if authority.unusable(c, at) is None]
    if not found:
        raise Rejected(SEAL_CERTIFICATE_MISSING)
    return found


def _to_wait_for(desk: Desk, error: Rejected) -> Rejected:
    """A refused PIN is not tried again by this process: some devices lock after the third."""
    if error.code == PIN_WRONG.code:
        desk.keys.stopped = True
        return Rejected(SEAL_DEVICE_STOPPED)
    return waiting(error) if error.code in _MENDABLE else error


def _is_wanted(document: Document, number: int) -> bool:
    numbering = document.numbering
    return document.state is State.SEALING and numbering is not None and numbering.number == number
