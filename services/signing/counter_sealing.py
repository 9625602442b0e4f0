"""The job `counter_seal`: the seal of an agency that issues a document beside the one that leads, for its own clerk.

It comes after everybody has signed and before the number, which is the leading agency's: so nothing is taken yet, and
whatever keeps this seal away is waited for.
"""

from __future__ import annotations

from uuid import UUID

from services.signing import (
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
from services.signing.desk import PDF, Desk, believed, online_or_kept, state_delay, state_refusal, waiting
from services.signing.domain import CoIssuer, Document, State
from services.signing.refusals import BASE_CHANGED
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected

KIND = "counter_seal"


def put(tx: Tx, document: Document, co_issuer: CoIssuer) -> None:
    payload = {
        "agency_id": str(document.agency_id),
        "co_agency_id": str(co_issuer.agency_id),
        "round": document.ordered_at.isoformat(),
    }
    jobs.put(tx, KIND, str(document.id), payload)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction, as a seal: permitted and recorded first, then made by that agency's own key."""
    document_id, agency_id = UUID(job.subject), UUID(job.payload["agency_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        document = store.get(tx, document_id)
        own = _wanted(document, job)
        if own is None or own.asked is None:
            return lambda _tx: None
        at = store.now(tx)
        use = seal_use.use_of(document, "counter_seal", agency_id=own.agency_id, asked=own.asked)
        permit = seal_use.permit(tx, desk, document, use, asked_at=own.asked_at or at, at=at)
        candidates = seal_use.usable(copies.seal_certificates_of(tx, own.agency_id), at)
        agency = copies.find_agency(tx, own.agency_id)
        picture = store_picture.find_png(tx, own.agency_id)
        network = believed(tx, desk, at, new=True)
        standing = store_longevity.get(tx, document_id, agency_id)
    base = desk.blobs.get(document.content)
    parent = agency.parent if agency else None
    order = seal_use.order(
        desk,
        candidates,
        standing,
        number=None,
        issued_on=at.date(),
        agency=own.name,
        parent=parent,
        at=at,
        picture=picture,
    )
    field = craft.co_seal_field(own.ordinal)

    def work(reach: craft.Network) -> craft.Made:
        with seal_use.permitted_keys(desk, permit) as keys:
            return desk.workshop.run(craft_seal.counter_seal, base, order, field, keys=keys, network=reach)

    made = online_or_kept(desk, network, [c.id for c in candidates], work, unchecked=standing.unchecked_allowed)
    content = desk.blobs.put(made.pdf, PDF)

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        current = store.lock(tx, document_id)
        if _wanted(current, job) is None:
            return
        if current.content != document.content:
            raise waiting(Rejected(BASE_CHANGED))
        at = store.now(tx)
        seal_use.check_still_usable(tx, own.agency_id, candidates, at)
        owes = augmenting.keep_signature(
            tx,
            current,
            made,
            kind="seal",
            name=own.name,
            certificate_id=next((c.id for c in candidates if c.der == made.certificate), None),
            target=longevity.SIGNED_TARGET,
            at=at,
        )
        after, fact = domain.counter_sealed(
            current, own.agency_id, content, level=made.level, at=at, cached_as_of=made.cached_as_of
        )
        store.save(tx, after, stage="counter_sealed")
        outbox.put(tx, fact, source=desk.source)
        if owes:
            augmenting.put(tx, after)

    return commit


def on_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """Told to the leading agency and the co-issuer: it waits, or that agency's clerk has to ask again."""
    act_for(tx, UUID(job.payload["agency_id"]))
    document = store.find_and_lock(tx, UUID(job.subject))
    own = _wanted(document, job) if document else None
    if document is None or own is None:
        return
    if final:
        store.save(tx, domain.forget_counter_seal(document, own.agency_id))
        state_refusal(tx, desk.source, document.id, "seal", error, agency_id=own.agency_id)
    else:
        state_delay(tx, desk, document, "seal", error, agency_id=own.agency_id)


def _wanted(document: Document, job: jobs.Job) -> CoIssuer | None:
    """The co-issuer whose seal is ordered and not there yet."""
    if document.state is not State.SIGNED or document.ordered_at.isoformat() != job.payload["round"]:
        return None
    agency_id = UUID(job.payload["co_agency_id"])
    return next((each for each in document.seals_due if each.agency_id == agency_id and each.asked), None)
