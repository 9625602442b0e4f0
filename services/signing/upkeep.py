"""What signing's worker does by the clock, so that nothing stays begun and no proof runs out unseen.

What was begun and is worked on by nobody is taken up again, old debts are told to people, archive time stamps are renewed
ahead of their end, and the authorities that made them are looked after. Any number of workers may do so at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import psycopg
from prometheus_client import Counter, Gauge

from services.signing import (
    augmenting,
    completing,
    craft_proof,
    domain,
    longevity,
    preparing,
    sealing,
    store,
    store_longevity,
    store_preparation,
)
from services.signing.authority import VIETNAM
from services.signing.desk import Desk, believed, told
from services.signing.domain import SYSTEM, Document, State
from services.signing.refusals import DEBT_OVERDUE, SIGNATURE_LOST
from services.signing.rhythm import Rhythm
from services.signing.session import PreparationState
from services.signing.store_longevity import Unfinished
from shared import outbox, telemetry
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected
from shared.events.signing import SigningAct

log = logging.getLogger(__name__)

LOCK = 0x75706B65  # "upke"
CHECK_EVERY = timedelta(days=1)
repaired = Counter("vanthu_signing_repaired", "Documents found begun and worked on by nobody", ["found", "done"])
at_risk = Gauge("vanthu_signing_at_risk", "Documents whose proof is at risk", ["risk"])
RISKS = (
    "owing",
    "waiting",
    "not_payable",
    "stamp_ending",
    "stamp_ended",
    "authority_revoked",
    "anchor_withdrawn",
    "algorithm_weak",
    "repaired",
)


def rounds(desk: Desk, rhythm: Rhythm) -> None:
    """All of them, each in transactions of its own."""
    repair_unfinished(desk)
    tell_of_debts(desk, rhythm)
    order_renewals(desk, rhythm)
    look_after_authorities(desk)
    read_older(desk)
    with transaction(desk.pool) as tx:
        store_longevity.watch(tx)
        counts = store_longevity.count_at_risk(tx, owing_for=rhythm.owing_for, margin=rhythm.margin, now=store.now(tx))
    for risk in RISKS:
        at_risk.labels(risk).set(counts.get(risk, 0))


def loop(desk: Desk, rhythm: Rhythm) -> Callable[[threading.Event], None]:
    """The worker's loop."""

    def run(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat("upkeep", limit=900)
        while not stop.is_set():
            alive.touch()
            try:
                rounds(desk, rhythm)
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("upkeep: not now, trying again: %s", str(error).splitlines()[0])
            stop.wait(rhythm.every)

    return run


# --- begun and not finished


def repair_unfinished(desk: Desk) -> int:
    """Take up again, or give back to its signer, whatever a crash or a hand in the database has left; how many."""
    with transaction(desk.pool) as tx:
        agencies = store_longevity.list_agencies(tx)
    count = 0
    for agency_id in agencies:
        with transaction(desk.pool, agency=agency_id) as tx:
            found = store_longevity.list_unfinished(tx, agency_id)
        for each in found:
            with transaction(desk.pool, agency=agency_id) as tx:
                count += _repair(tx, desk, agency_id, each)
    return count


def _repair(tx: Tx, desk: Desk, agency_id: UUID, seen: Unfinished) -> bool:
    """Under the document's lock everything is looked at once more: the worker may have been faster."""
    document = store.find_and_lock(tx, seen.document_id)
    if document is None or seen not in store_longevity.list_unfinished(tx, agency_id, seen.document_id):
        return False
    done = _take_up(tx, document, seen)
    at = store.now(tx)
    store_longevity.add_repair(tx, agency_id, seen, done, at)
    act = SigningAct(
        by=SYSTEM,
        at=at,
        act="unfinished_repaired",
        object_kind="document",
        object_id=str(document.id),
        detail={"found": seen.found, "done": done},
    )
    outbox.put(tx, act, source=desk.source)
    repaired.labels(seen.found, done).inc()
    log.warning("document %s was %s and nobody worked on it: %s", document.id, seen.found, done)
    return True


def _take_up(tx: Tx, document: Document, seen: Unfinished) -> str:
    if seen.found == "preparing":
        preparing.put(tx, document)
    elif seen.found == "sealing":
        sealing.put(tx, document)
    elif seen.found == "owing":
        augmenting.put(tx, document)
    else:
        return _take_up_signature(tx, document, seen.preparation_id)
    return "queued_again"


def _take_up_signature(tx: Tx, document: Document, preparation_id: UUID | None) -> str:
    """A raw signature that is whole and fits what stands is embedded after all; otherwise its signer signs again."""
    preparation = store_preparation.find(tx, preparation_id) if preparation_id else None
    whole = (
        preparation is not None
        and preparation.state is PreparationState.COMPLETING
        and preparation.prepared is not None
        and preparation.signature is not None
        and preparation.base_sha256 == document.content.sha256
        and document.signers[preparation.ordinal - 1].signed_at is None
    )
    if preparation is not None and whole:
        if document.state is State.AWAITING_SIGNATURE:
            store.save(tx, domain.begin_completion(document, preparation.id))
            completing.put(tx, preparation)
            return "queued_again"
        if document.completing == preparation.id:
            completing.put(tx, preparation)
            return "queued_again"
    if preparation is not None and preparation.state is PreparationState.COMPLETING:
        store_preparation.end(tx, preparation.id, problem=told(Rejected(SIGNATURE_LOST)))
    if document.state is State.COMPLETING and document.completing == preparation_id:
        store.save(tx, domain.refuse(document))
    return "given_back"


# --- debts that grow old


def tell_of_debts(desk: Desk, rhythm: Rhythm) -> int:
    """State, once for each, that a debt has grown older than people should have to find out by themselves."""
    with transaction(desk.pool) as tx:
        store_longevity.watch(tx)
        found = store_longevity.list_untold(tx, rhythm.owing_for, limit=200)
    for document_id, agency_id in found:
        with transaction(desk.pool, agency=agency_id) as tx:
            store.find_and_lock(tx, document_id)
            standing = store_longevity.get(tx, document_id, agency_id)
            if standing.owing_since is None or standing.told_at is not None:
                continue
            since = standing.owing_since.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
            reason = told(Rejected(DEBT_OVERDUE, what=", ".join(standing.owes), since=since))
            augmenting.state_owing(tx, desk, standing, reason)
    return len(found)


# --- archive time stamps


def order_renewals(desk: Desk, rhythm: Rhythm) -> int:
    """Order as many renewals as may be under way, spread over the time until the next look; how many."""
    with transaction(desk.pool) as tx:
        row = tx.execute("SELECT pg_try_advisory_xact_lock(%s) AS ours", [LOCK]).fetchone()
        if row is None or not row["ours"]:
            return 0
        store_longevity.watch(tx)
        found = store_longevity.list_renewals(tx, rhythm.margin, rhythm.renewals)
        for n, (document_id, agency_id) in enumerate(found):
            act_for(tx, agency_id)
            delay = timedelta(seconds=rhythm.every * n / len(found))
            augmenting.order(tx, document_id, agency_id, renewal=True, delay=delay)
    return len(found)


def read_older(desk: Desk) -> int:
    """What documents rest on that were sealed before this was kept, some at a time; no transaction is open meanwhile."""
    with transaction(desk.pool) as tx:
        store_longevity.watch(tx)
        found = store_longevity.list_unread(tx, limit=20)
        network = believed(tx, desk, store.now(tx), new=False) if found else None
    for document_id, agency_id in found:
        assert network is not None  # noqa: S101  there is something to read
        with transaction(desk.pool, agency=agency_id) as tx:
            document = store.get(tx, document_id)
        stamp = desk.workshop.run(craft_proof.stamp_of, desk.blobs.get(document.content), network=network)
        with transaction(desk.pool, agency=agency_id) as tx:
            current, at = store.lock(tx, document_id), store.now(tx)
            level = current.level or longevity.B
            owes = longevity.debts(level, longevity.target(current), unchecked=False)
            if current.content == document.content:
                store_longevity.put(tx, document_id, agency_id, level=level, owes=owes, at=at, stamp=stamp)
    return len(found)


def look_after_authorities(desk: Desk) -> None:
    """Ask once a day whether a time-stamping certificate that documents rest on was revoked. No transaction waits for it."""
    with transaction(desk.pool) as tx:
        now = store.now(tx)
        found = store_longevity.list_unchecked_authorities(tx, now - CHECK_EVERY, limit=5)
        network = believed(tx, desk, now, new=False) if found else None
    for each in found:
        assert network is not None  # noqa: S101  there is something to ask
        revoked = desk.workshop.run(craft_proof.authority_revoked, each.der, each.chain, network=network)
        if revoked is not None:
            with transaction(desk.pool) as tx:
                store_longevity.set_checked(tx, each.sha256, revoked=revoked)
