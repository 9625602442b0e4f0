"""What the service's jobs and endpoints work with, put together once per process, and how they say that they wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from services.signing import copies, craft, store
from services.signing.authority import check_fresh
from services.signing.domain import SYSTEM, Document
from services.signing.keys import KeyStore
from services.signing.refusals import PROCESS_DIED, REGISTRY_STATE_PARKED, TRUST_MISSING, UNEXPECTED
from services.signing.workshop import Workshop
from shared import outbox
from shared.blobs import Blobs
from shared.db import Pool, Tx
from shared.errors import Rejected
from shared.events.signing import DocumentDelayed, DocumentRefused

log = logging.getLogger(__name__)

Stage = Literal["prepare", "sign", "seal"]
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

    `stale_after` is in seconds; `source` is this deployment's CloudEvents source.
    """

    pool: Pool
    blobs: Blobs
    workshop: Workshop
    network: Callable[[], craft.Network]
    keys: SealDevice
    source: str
    stale_after: float


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


def told(error: Exception) -> dict[str, str]:
    """A failure as people read it: code, vi, en."""
    known = error if isinstance(error, Rejected) else Rejected(UNEXPECTED)
    return {"code": known.code, "vi": known.sentence.vi, "en": known.sentence.en}


def waiting(error: Rejected) -> Rejected:
    """The same refusal as a reason to wait: what an operator or officer can mend ends no order."""
    return Rejected(replace(error.refusal, status=503), **error.params)


def is_crash(error: Exception) -> bool:
    return isinstance(error, Rejected) and error.code == PROCESS_DIED.code


def state_delay(tx: Tx, desk: Desk, document: Document, stage: Stage, error: Exception) -> None:
    """Tell once per reason that the document waits, and why."""
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
    )
    outbox.put(tx, delayed, source=desk.source)


def state_refusal(tx: Tx, source: str, document_id: UUID, stage: Stage, error: Exception) -> None:
    """Tell that what was ordered can't be done."""
    reason = told(error)
    refused = DocumentRefused(
        by=SYSTEM,
        at=store.now(tx),
        document_id=document_id,
        stage=stage,
        code=reason["code"],
        reason_vi=reason["vi"],
        reason_en=reason["en"],
    )
    outbox.put(tx, refused, source=source)
