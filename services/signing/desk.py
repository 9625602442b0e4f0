"""What the service's jobs and endpoints work with, put together once per process, and how they say that they wait."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, TypeVar
from uuid import UUID

from services.signing import copies, copies_trust, craft, store
from services.signing.authority import VIETNAM, check_fresh
from services.signing.domain import SYSTEM, Document
from services.signing.judges import Judges
from services.signing.kept import Kept
from services.signing.keys import KeyStore
from services.signing.longevity import B
from services.signing.refusals import (
    CACHED_REVOCATION_USED,
    REGISTRY_STATE_PARKED,
    REVOCATION_UNAVAILABLE,
    REVOCATION_UNCHECKED,
    TIME_STAMP_OWED,
    TRUST_MISSING,
    UNEXPECTED,
)
from services.signing.validation_rules import Rules
from shared import outbox
from shared.blobs import Blobs
from shared.db import Pool, Tx, transaction
from shared.errors import PROCESS_DIED, Rejected
from shared.events.signing import DocumentDelayed, DocumentRefused
from shared.workshop import Workshop

log = logging.getLogger(__name__)

Stage = Literal["prepare", "sign", "seal"]
Result = TypeVar("Result")
PDF = "application/pdf"
CRASHES = 4  # of the process that reads a PDF, before the PDF is held to be the cause


@dataclass(slots=True)
class SealDevice:
    """Where the seal keys are; `stopped` once it has refused our PIN, until the service is started again."""

    store: KeyStore
    pss: bool = True
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """`network` reads the trusted roots when asked, since at our start they may not lie there yet.

    `follow_trust` says that roots which the registry states count beside those; `ask_for_places` that a clerk looks at
    places which were not found, for agencies that have not decided it themselves. `stale_after` is in seconds; `source` is this deployment's CloudEvents source.
    `judges` look at what arrives, by the policies that `rules` name.
    """

    pool: Pool
    blobs: Blobs
    workshop: Workshop
    network: Callable[[], craft.Network]
    keys: SealDevice
    source: str
    stale_after: float
    follow_trust: bool = True
    ask_for_places: bool = False
    ledger_sealer: str = ""  # identifier of the one agency whose seal the ledger's heads get
    judges: Judges = field(default_factory=Judges)
    rules: Rules = field(default_factory=Rules)


def read_roots(paths: tuple[Path, ...]) -> tuple[bytes, ...]:
    """The DER of every certificate in these PEM files; Rejected(trust_missing), to be tried again, without any."""
    roots: list[bytes] = []
    for path in paths:
        try:
            roots += craft.chain(path.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise Rejected(TRUST_MISSING, path=path) from error
    if not roots:
        raise Rejected(TRUST_MISSING, path=", ".join(map(str, paths)) or "-")
    return tuple(roots)


def require_fresh_copy(tx: Tx, now: datetime, stale_after: float, *, about: Iterable[UUID]) -> None:
    """Rejected when a revocation may not have reached us: registry_copy_stale, or registry_state_parked for what is
    decided on, `about` (people, authorities, certificates, agencies).
    """
    check_fresh(copies.as_of(tx), now, stale_after)
    if copies.is_parked(tx, about):
        raise Rejected(REGISTRY_STATE_PARKED)


def believed(tx: Tx, desk: Desk, now: datetime, *, new: bool) -> craft.Network:
    """Whom we believe for signing (`new`), or for judging what was signed.

    1. The operator's roots count, for everything unless the registry limits their purposes.
    2. What the registry states besides counts while its word is fresh, for its purposes.
    3. An anchor that was withdrawn, or of which something is parked, counts for nothing, whoever pinned it and however
       old our copy is.
    4. Before its first day an anchor counts for nothing; after its last one only for judging what was signed.
    """
    base = desk.network()
    stated = {one.fingerprint: one for one in copies_trust.list_anchors(tx)}
    parked = copies_trust.list_parked(tx)
    at = copies_trust.as_of(tx)
    fresh = desk.follow_trust and at is not None and now - at <= timedelta(seconds=desk.stale_after)
    own = {hashlib.sha256(root).hexdigest(): root for root in base.roots}
    roots, limits = [], {}
    for fingerprint, root in (own | {name: one.der for name, one in stated.items()}).items():  # 1, 2
        one = stated.get(fingerprint)
        if fingerprint in parked or (one is not None and (one.withdrawn or not _covers(one, now, new=new))):  # 3, 4
            continue
        if fingerprint not in own and not fresh:
            continue
        roots.append(root)
        if one is not None:
            limits[fingerprint] = frozenset(one.purposes)
    if not roots:
        raise Rejected(TRUST_MISSING, path="registry.trust")
    return replace(base, roots=tuple(roots), limits=limits, revoked=copies_trust.list_ended(tx) if new else frozenset())


def _covers(one: copies_trust.StatedAnchor, now: datetime, *, new: bool) -> bool:
    return one.trusted_from <= now and (not new or one.trusted_until is None or now < one.trusted_until)


def online_or_kept(
    desk: Desk,
    network: craft.Network,
    certificates: Iterable[UUID],
    work: Callable[[craft.Network], Result],
    *,
    unchecked: bool = False,
) -> Result:
    """The work with what CAs say now; when they are silent, once more with what the registry kept of their word; where
    that is not enough either and the agency's policy permits it (`unchecked`), with nobody's word but the registry's.

    `certificates` are the registered ones that the work meets. Without a fresh word of the registry nothing of this is
    done: a revocation may not have reached us.
    """
    try:
        return work(network)
    except Rejected as error:
        if error.code != REVOCATION_UNAVAILABLE.code:
            raise
        with transaction(desk.pool) as tx:
            check_fresh(copies.as_of(tx), store.now(tx), desk.stale_after)
            found = copies_trust.list_kept(tx, certificates)
            ended = copies_trust.list_ended(tx)
        if not found and not unchecked:
            raise
    kept = tuple(_kept(desk, one) for one in found)
    try:
        return work(replace(network, kept=kept, revoked=ended, unchecked=unchecked and not kept))
    except Rejected as error:
        if error.code != REVOCATION_UNAVAILABLE.code or not (unchecked and kept):
            raise
    return work(replace(network, revoked=ended, unchecked=True))


def _kept(desk: Desk, one: copies_trust.KeptReference) -> Kept:
    return Kept(
        kind=one.kind,
        url=one.url,
        issuer_sha256=one.issuer_sha256,
        serial=one.serial,
        content=desk.blobs.get(one.content),
        this_update=one.this_update,
        next_update=one.next_update,
    )


def cached_notice(as_of: datetime) -> dict[str, str]:
    """What people are told when a kept answer stood in for the CA's: code, vi, en."""
    return told(Rejected(CACHED_REVOCATION_USED, at=as_of.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")))


def owed_notice(made: craft.Made) -> dict[str, str] | None:
    """What a signer is told when something of their signature's proof is owed."""
    if made.unchecked:
        return told(Rejected(REVOCATION_UNCHECKED))
    return told(Rejected(TIME_STAMP_OWED)) if made.level == B else None


def told(error: Exception) -> dict[str, str]:
    """A failure as people read it: code, vi, en."""
    known = error if isinstance(error, Rejected) else Rejected(UNEXPECTED)
    return {"code": known.code, "vi": known.sentence.vi, "en": known.sentence.en}


def waiting(error: Rejected) -> Rejected:
    """The same refusal as a reason to wait: what an operator or officer can mend ends no order."""
    return Rejected(replace(error.refusal, status=503), **error.params)


def is_crash(error: Exception) -> bool:
    return isinstance(error, Rejected) and error.code == PROCESS_DIED.code


def state_delay(
    tx: Tx, desk: Desk, document: Document, stage: Stage, error: Exception, *, agency_id: UUID | None = None
) -> None:
    """Tell once per reason that the document waits, and why. `agency_id`: it is this co-issuer's seal."""
    reason = told(error)
    if document.delayed == reason["code"]:
        return
    store.save(tx, replace(document, delayed=reason["code"]))
    delayed = DocumentDelayed(
        by=SYSTEM,
        at=store.now(tx),
        document_id=document.id,
        stage=stage,
        code=reason["code"],
        reason_vi=reason["vi"],
        reason_en=reason["en"],
        agency_id=agency_id,
    )
    outbox.put(tx, delayed, source=desk.source)


def state_refusal(
    tx: Tx, source: str, document_id: UUID, stage: Stage, error: Exception, *, agency_id: UUID | None = None
) -> None:
    """Tell that what was ordered can't be done. `agency_id` as above."""
    reason = told(error)
    refused = DocumentRefused(
        by=SYSTEM,
        at=store.now(tx),
        document_id=document_id,
        stage=stage,
        code=reason["code"],
        reason_vi=reason["vi"],
        reason_en=reason["en"],
        agency_id=agency_id,
    )
    outbox.put(tx, refused, source=source)
