"""The job `seal`: docs' number and date onto the page, the agency's seal over them, then long-term validity.

The number is taken already, so whatever an operator or officer can mend is waited for with that same number. A silent TSA
or CA is not waited for: the seal is made at the best level that can be had, the rest is owed (augmenting.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.signing import (
    annexing,
    augmenting,
    copies,
    craft,
    craft_seal,
    domain,
    longevity,
    seal_use,
    store,
    store_longevity,
    store_picture,
)
from services.signing.authority import Certificate
from services.signing.desk import PDF, Desk, believed, online_or_kept, state_delay, state_refusal
from services.signing.domain import Document, State
from services.signing.keys import Keys
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.events.signing import Debt

KIND = "seal"


def put(tx: Tx, document: Document) -> None:
    assert document.numbering is not None  # noqa: S101  ordered by domain.order_seal
    payload = {"agency_id": str(document.agency_id), "number": document.numbering.number}
    jobs.put(tx, KIND, str(document.id), payload)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction:

    1. The policy permits this use of the key (seal_policy.py), and that is recorded.
    2. The agency has an active seal certificate in its validity, whose key is in our device.
    3. Signatures that no time stamp proves yet still stand: SIGNER_CERTIFICATE_ENDED otherwise, which ends the order.
    4. Fill, seal, then as far towards LTA as can be had now.
    """
    document_id, agency_id = UUID(job.subject), UUID(job.payload["agency_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        document = store.get(tx, document_id)
        if not _is_wanted(document, job.payload["number"]):
            return lambda _tx: None
        at = store.now(tx)
        numbering = domain.check_seal(document)
        use = seal_use.use_of(
            document, "copy" if document.is_copy else "document", agency_id=agency_id, asked=numbering.by
        )
        permit = seal_use.permit(tx, desk, document, use, asked_at=numbering.at or at, at=at)
        candidates = seal_use.usable(copies.seal_certificates_of(tx, agency_id), at)
        agency = copies.find_agency(tx, agency_id)
        picture = store_picture.find_png(tx, agency_id)
        network = believed(tx, desk, at, new=True)
        standing = store_longevity.get(tx, document_id, agency_id)
        signing = [c.id for signer in document.signers for c in copies.certificates_of(tx, signer.person_id)]
        met = [*signing, *(c.id for c in candidates)]
    base = desk.blobs.get(document.content)
    order = seal_use.order(
        desk,
        candidates,
        standing,
        number=numbering.number if document.numbered else None,
        issued_on=numbering.issued_on,
        agency=document.descriptor.agency_name,
        parent=agency.parent if agency else None,
        at=at,
        picture=picture,
    )
    annexes: tuple[annexing.Signed, ...] = ()

    def work(reach: craft.Network) -> craft.Made:
        nonlocal annexes
        with seal_use.permitted_keys(desk, permit) as keys:
            made, annexes = _sealed(desk, document, base, order, keys=keys, network=reach)
            return made

    made = online_or_kept(desk, network, met, work, unchecked=standing.unchecked_allowed)
    return _keeping(desk, job, document, made, candidates=candidates, annexes=annexes)


def _keeping(
    desk: Desk,
    job: jobs.Job,
    document: Document,
    made: craft.Made,
    *,
    candidates: Sequence[Certificate],
    annexes: tuple[annexing.Signed, ...],
) -> jobs.Commit:
    """What was made, stored; the commit makes it the document's newest revision unless something came in between."""
    agency_id, content = document.agency_id, desk.blobs.put(made.pdf, PDF)

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        current = store.lock(tx, document.id)
        if not _is_wanted(current, job.payload["number"]) or current.content != document.content:
            return
        at = store.now(tx)
        seal_use.check_still_usable(tx, agency_id, candidates, at)
        used = next((c.id for c in candidates if c.der == made.certificate), None)
        name = current.descriptor.agency_name
        owes: tuple[Debt, ...] = ()
        for part, one in ((0, made), *((each.part.ordinal, each.made) for each in annexes)):
            owes = augmenting.keep_signature(
                tx,
                current,
                one,
                part=part,
                kind="seal",
                name=name,
                certificate_id=used,
                target=longevity.SEALED_TARGET,
                at=at,
            )
        level = store_longevity.get(tx, document.id, agency_id).level or made.level
        after, fact = domain.sealed(
            current,
            content,
            level=level,
            at=at,
            cached_as_of=made.cached_as_of,
            owes=owes,
            annexes=tuple(each.part for each in annexes),
        )
        store.save(tx, after, stage="sealed")
        outbox.put(tx, fact, source=desk.source)
        if owes:
            augmenting.put(tx, after)

    return commit


def _sealed(
    desk: Desk, document: Document, base: bytes, order: craft_seal.SealOrder, *, keys: Keys, network: craft.Network
) -> tuple[craft.Made, tuple[annexing.Signed, ...]]:
    """The main text or the copy, and the annexes."""
    if document.is_copy:
        form = document.descriptor.type_code
        return desk.workshop.run(craft_seal.certify_copy, base, order, form, keys=keys, network=network), ()
    made = desk.workshop.run(craft_seal.seal, base, order, keys=keys, network=network)
    return made, annexing.sign(desk, document, order, keys=keys, network=network)


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


def _is_wanted(document: Document, number: int) -> bool:
    numbering = document.numbering
    return document.state is State.SEALING and numbering is not None and numbering.number == number
