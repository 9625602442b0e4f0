"""Revocation data fetched ahead: OCSP answers and CRLs for every certificate in use here, for the CAs above it and for
the time-stamping authority, each renewed before it runs out, so that signing goes on while a responder is down.

The worker's loop; the network is asked between transactions, never within one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from prometheus_client import Gauge

from services.registry import revocation, status_data, store, store_trust, trusting
from services.registry.refusals_trust import STATUS_UNREACHABLE, STATUS_WENT_BACK
from services.registry.revocation import Reach
from services.registry.scope import EVERYWHERE
from services.registry.status_data import Answer, Question
from services.registry.store_trust import Due
from shared import db, outbox, telemetry
from shared.blobs import Blobs
from shared.db import Tx
from shared.errors import Rejected
from shared.events import BlobRef
from shared.events.registry import RevocationDataStated

log = logging.getLogger(__name__)

LOOK = 2.0  # seconds between two looks at what is due
BATCH, THREADS = 64, 8
LEASE = timedelta(minutes=2)  # how long a killed worker's questions wait
AGAIN = timedelta(minutes=1)  # after an answer that could not be used
STAMPS_EVERY = 600.0  # seconds between two looks at which certificates the time-stamping authority uses
KEEP_SPENT = timedelta(hours=24)  # whoever was told of a blob has long read it or been told of a newer one

sources = Gauge("vanthu_revocation_sources", "Addresses of OCSP responders and CRLs that certificates name")
sources_down = Gauge("vanthu_revocation_sources_down", "Those of them that gave no answer last time")
kept = Gauge("vanthu_revocation_questions", "OCSP answers and CRLs that are to be kept")
fresh = Gauge("vanthu_revocation_fresh", "Those of them of which a fresh one is kept")
lasts = Gauge("vanthu_revocation_lasts_seconds", "Until the first kept answer runs out")


@dataclass(slots=True)
class Keeper:
    """What the loop works with. `tsa` are the addresses of time-stamping authorities."""

    pool: db.Pool
    blobs: Blobs
    source: str
    reach: Reach
    tsa: tuple[str, ...] = ()
    stamps_at: float = field(default=float("-inf"))  # monotonic


def loop(keeper: Keeper) -> Callable[[threading.Event], None]:
    """The worker's loop."""

    def run(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat("revocation data", limit=300)
        while not stop.is_set():
            alive.touch()
            busy = 0
            try:
                busy = turn(keeper)
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("revocation data: trying again: %s", str(error).splitlines()[0])
            if busy < BATCH:
                stop.wait(LOOK)

    return run


def turn(keeper: Keeper) -> int:
    """Take up new certificates, ask what is due, keep the answers; returns how many questions were asked."""
    _take_up(keeper)
    with _everywhere(keeper) as tx:
        due = store_trust.claim_due(tx, BATCH, LEASE)
    asked = _ask_all(keeper, due)
    with _everywhere(keeper) as tx:
        found = store_trust.figures(tx)
    for gauge, name in ((sources, "sources"), (sources_down, "down"), (kept, "questions"), (fresh, "fresh")):
        gauge.set(found[name])
    lasts.set(found["lasts"])
    _sweep(keeper)
    return asked


# --- what to ask about


def _take_up(keeper: Keeper) -> None:
    """New certificates and their chains; what ended is let go."""
    with _everywhere(keeper) as tx:
        trusting.state_unstated(tx, keeper.source)
        for row in store_trust.list_unwatched(tx, BATCH * 8):
            certificate = x509.load_pem_x509_certificate(row["pem"].encode())
            chain = x509.load_pem_x509_certificates(row["chain_pem"].encode()) if row["chain_pem"].strip() else []
            if chain:
                questions = _permitted(keeper, certificate, chain[0])
                store_trust.watch(tx, row["fingerprint"], row["id"], questions)
                _watch_issuers(tx, keeper, chain)
        store_trust.end_unused(tx)
    if keeper.tsa and time.monotonic() - keeper.stamps_at > STAMPS_EVERY:
        keeper.stamps_at = time.monotonic()
        for url in keeper.tsa:
            _take_up_stamps(keeper, url)


def _watch_issuers(tx: Tx, keeper: Keeper, chain: list[x509.Certificate]) -> None:
    """Each CA below the anchor is asked about at the one above it."""
    for certificate, issuer in pairwise(chain):
        known = status_data.fingerprint(certificate)
        if not store_trust.is_watched(tx, known):
            store_trust.watch(tx, known, None, _permitted(keeper, certificate, issuer))


def _take_up_stamps(keeper: Keeper, url: str) -> None:
    """The time-stamping authority's certificates, when a path leads from them to an anchor for time stamps."""
    try:
        sent = list(revocation.stamping_certificates(url, keeper.reach))
    except Rejected as error:
        log.warning("time-stamping authority: %s", error)
        return
    with _everywhere(keeper) as tx:
        anchors = [one.certificate for one in trusting.list_vouching(tx, "time_stamps", datetime.now(UTC))]
        for first in sent:
            chain = _chain(first, sent, anchors)
            if chain:
                _watch_issuers(tx, keeper, [first, *chain])


def _chain(
    certificate: x509.Certificate, others: list[x509.Certificate], anchors: list[x509.Certificate]
) -> list[x509.Certificate]:
    """The issuers of a certificate up to an anchor, none without one. Signatures count, not names."""
    found: list[x509.Certificate] = []
    current = certificate
    while len(found) <= len(others):
        if (anchor := _issuer(current, anchors)) is not None:
            return [*found, anchor]
        above = _issuer(current, others)
        if above is None or above in found or above == current:
            return []
        found.append(above)
        current = above
    return []


def _issuer(certificate: x509.Certificate, among: Iterable[x509.Certificate]) -> x509.Certificate | None:
    for candidate in among:
        try:
            certificate.verify_directly_issued_by(candidate)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return candidate
    return None


def _permitted(keeper: Keeper, certificate: x509.Certificate, issuer: x509.Certificate) -> list[Question]:
    """Only addresses that may be asked; what a pinned chain names is the CA's word, the hosts are the operator's."""
    asked = list(status_data.questions(certificate, issuer))
    return [one for one in asked if status_data.may_ask(one.url, keeper.reach.hosts)]


# --- asking


def _ask_all(keeper: Keeper, due: list[Due]) -> int:
    """A few at a time. When a source does not answer, the others of this turn that wait for it are put back."""
    if not due:
        return 0
    down: set[tuple[str, str]] = set()
    skipped: list[Due] = []

    def ask(one: Due) -> None:
        source = one.question.kind, one.question.url
        if source in down:
            skipped.append(one)
            return
        try:
            answer = revocation.fetch(one.question, keeper.reach)
            _check_newer(one, answer)
        except Rejected as error:
            silent = error.code == STATUS_UNREACHABLE.code
            if silent:
                down.add(source)
            with _everywhere(keeper) as tx:
                store_trust.save_problem(tx, one, error, down=silent, pause=AGAIN)
            return
        blob = keeper.blobs.put(answer.content, answer.media_type)
        with _everywhere(keeper) as tx:
            _keep(tx, keeper, one, answer, blob)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="revocation") as pool:
        list(pool.map(ask, due))
    if skipped:
        with _everywhere(keeper) as tx:
            store_trust.release(tx, skipped)
    return len(due) - len(skipped)


def _check_newer(one: Due, answer: Answer) -> None:
    """What is older than what is kept may be somebody replaying it."""
    if one.before is not None and answer.this_update < one.before.this_update:
        raise Rejected(STATUS_WENT_BACK, url=one.question.url)


def _keep(tx: Tx, keeper: Keeper, one: Due, answer: Answer, blob: BlobRef) -> None:
    question = one.question
    store_trust.save_answer(tx, one, answer, blob, status_data.ask_again_at(answer, datetime.now(UTC)))
    if one.blob is not None and one.blob.sha256 == blob.sha256:
        return
    stated = RevocationDataStated(
        data_id=question.id,
        kind=question.kind,
        url=question.url,
        certificate_id=one.certificate_id,
        issuer_sha256=status_data.fingerprint(question.issuer),
        serial=f"{question.certificate.serial_number:x}" if question.certificate else None,
        status=answer.status,
        content=blob,
        this_update=answer.this_update,
        next_update=answer.next_update,
    )
    outbox.put(tx, stated, source=keeper.source)
    if question.kind == "crl":
        listed = (entry.serial_number for entry in x509.load_der_x509_crl(answer.content))
        store_trust.hurry_listed(tx, store_trust.pem_of(question.issuer), listed)


def _sweep(keeper: Keeper) -> None:
    with _everywhere(keeper) as tx:
        spent = store_trust.list_spent(tx, KEEP_SPENT, BATCH)
    for blob in spent:
        keeper.blobs.drop(blob)
    if spent:
        with _everywhere(keeper) as tx:
            store_trust.forget_spent(tx, (blob.sha256 for blob in spent))


@contextmanager
def _everywhere(keeper: Keeper) -> Iterator[Tx]:
    """A transaction that sees every agency's certificates."""
    with db.transaction(keeper.pool) as tx:
        store.act_within(tx, EVERYWHERE)
        yield tx
