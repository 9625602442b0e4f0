"""What the proof of a document's signatures still lacks, and how long it lasts. Pure rules (EN 319 142-1, clause 6).

A debt is named after what is missing: `revocation` (the CA said nothing, so the certificate is unchecked), `T`, `LT`, `LTA`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import get_args
from uuid import UUID

from services.signing.domain import SYSTEM, Document, State
from shared.events import BlobRef
from shared.events.docs import Part
from shared.events.signing import Debt, DocumentAugmented

LEVELS = ("PAdES-BASELINE-B", "PAdES-BASELINE-T", "PAdES-BASELINE-LT", "PAdES-BASELINE-LTA")
B, T, LT, LTA = LEVELS
SIGNED_TARGET, SEALED_TARGET = T, LTA
_PAID_BY: dict[Debt, str] = dict(zip(get_args(Debt), LEVELS, strict=True))


@dataclass(frozen=True, slots=True)
class Stamp:
    """The newest document time stamp: when, by whose certificate (SHA-256, hex, of the DER), good until when, beneath
    which root (likewise; None when none is believed), made with which algorithms.
    """

    at: datetime
    authority: str
    certificate: bytes
    chain: tuple[bytes, ...]
    not_after: datetime
    anchor: str | None
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature that was made here. `unchecked`: nobody said whether its certificate was revoked."""

    document_id: UUID
    agency_id: UUID
    field: str
    kind: str  # person, seal
    name: str
    person_id: UUID | None
    certificate_id: UUID | None
    anchor: str | None
    algorithms: tuple[str, ...]
    signed_at: datetime
    level: str
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class Longevity:
    """How a document stands. `problem` is the code of what keeps a debt from being paid for good."""

    document_id: UUID
    agency_id: UUID
    unchecked_allowed: bool = True
    level: str | None = None
    owes: tuple[Debt, ...] = ()
    owing_since: datetime | None = None
    told_at: datetime | None = None
    problem: str | None = None
    stamped_by: str | None = None
    stamped_at: datetime | None = None


def field_of(part: int, field: str) -> str:
    """Under which name a signature in a file beside the main text (`part`, its ordinal) is kept; 0 is the main text."""
    return f"{part_prefix(part)}{field}"


def part_prefix(part: int) -> str:
    """What the names of all signatures of such a file begin with."""
    return f"annex-{part}/" if part else ""


def part_of(field: str) -> int:
    """The other way round."""
    head, slash, _ = field.partition("/")
    ordinal = head.removeprefix("annex-")
    return int(ordinal) if slash and head != ordinal and ordinal.isdecimal() else 0


def lowest(levels: Iterable[str]) -> str:
    """A document is as good as its weakest signature."""
    return min(levels, key=LEVELS.index)


def debts(level: str, target: str, *, unchecked: bool) -> tuple[Debt, ...]:
    """What is missing between the level reached and the one that is wanted, in the order in which it is paid."""
    reached, wanted = LEVELS.index(level), LEVELS.index(target)
    missing = tuple(debt for debt, paid in _PAID_BY.items() if reached < LEVELS.index(paid) <= wanted)
    return ("revocation", *missing) if unchecked else missing


def target(document: Document) -> str:
    """Time stamps while it waits for its number, everything once it is sealed."""
    return SEALED_TARGET if document.state is State.SEALED else SIGNED_TARGET


def may_augment(document: Document) -> bool:
    """Not while somebody may be signing what was shown to them: the base would change beneath their hands."""
    return document.state in (State.SIGNED, State.SEALED)


def continued(document: Document, content: BlobRef, annexes: tuple[Part, ...], level: str) -> Document:
    """The document with its better version, also of these annexes; whose turn it is does not change."""
    better = {part.ordinal: part for part in annexes}
    parts = tuple(better.get(part.ordinal, part) for part in document.terms.sealed_annexes)
    return replace(document, content=content, level=level, terms=replace(document.terms, sealed_annexes=parts))


def augmented(
    document: Document,
    content: BlobRef,
    *,
    annexes: tuple[Part, ...] = (),
    level: str,
    owes: tuple[Debt, ...],
    renewal: bool,
    told: bool,
    proven_until: datetime | None,
    at: datetime,
) -> DocumentAugmented:
    """The fact of a better version: the same document, what stood untouched, more proof after it."""
    return DocumentAugmented(
        by=SYSTEM,
        at=at,
        document_id=document.id,
        content=content,
        previous_sha256=document.content.sha256,
        annexes=annexes,
        level=level,
        owes=owes,
        cause="renewal" if renewal else "debt",
        was_told=told,
        proven_until=proven_until,
    )
