"""How good a document's proof is, what it still owes, and how good it must be before it goes out. No IO.

Levels are PAdES baseline levels (EN 319 142-1); debts are signing's, which pays them and tells of each better version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.docs import refusals
from services.docs.document import Document, check_issued
from services.docs.step import Step
from shared.errors import Rejected
from shared.events import signing
from shared.events.docs import Part

LEVELS = ("PAdES-BASELINE-B", "PAdES-BASELINE-T", "PAdES-BASELINE-LT", "PAdES-BASELINE-LTA")
SHORT = {level.rpartition("-")[2]: level for level in LEVELS}


@dataclass(frozen=True, slots=True)
class Policy:
    """An agency's: the level (B, T, LT, LTA) that dispatch needs, whether an urgent document may go while it owes, and
    whether a signature may stand while the CA says nothing about its certificate (TT 15/2025: with a warning), and
    whether whoever opens a document is entered in the ledger.
    """

    dispatch_level: str = "LT"
    urgent_may_owe: bool = True
    unchecked_allowed: bool = True
    version: int = 0
    record_reading: bool = False
    review_days: int = 2  # working days that reviewers have who are named without a workflow


def reached(level: str | None, needed: str) -> bool:
    """Whether a level is at least this one; an unknown one is none."""
    return level in LEVELS and LEVELS.index(level) >= LEVELS.index(SHORT[needed])


def check_dispatch(document: Document, policy: Policy) -> None:
    """Rejected(level_not_reached) below the agency's level, unless the document is urgent and the agency permits it."""
    check_issued(document)
    if not may_go(document, policy):
        level = (document.level or "?").rpartition("-")[2]
        raise Rejected(refusals.LEVEL_NOT_REACHED, level=level, needed=policy.dispatch_level)


def may_go(document: Document, policy: Policy) -> bool:
    return reached(document.level, policy.dispatch_level) or (document.urgency > 0 and policy.urgent_may_owe)


def replaced(before: Iterable[Part], after: Iterable[Part]) -> list[Part]:
    """The parts in whose place others stand now."""
    now = {part.ordinal: part.content for part in after}
    return [part for part in before if now.get(part.ordinal, part.content) != part.content]


def receive_augmented(document: Document, fact: signing.DocumentAugmented) -> Step[Document] | None:
    """The better version takes the place of the one that it continues, of annexes too; a draft that is being revised has
    none.
    """
    if document.content.sha256 != fact.previous_sha256 or document.state not in ("signed", "sealing", "issued"):
        return None
    better = {part.ordinal: part for part in fact.annexes}
    annexes = tuple(better.get(part.ordinal, part) for part in document.terms.annexes)
    if fact.content == document.content and annexes == document.terms.annexes:
        return None
    terms = replace(document.terms, annexes=annexes)
    after = replace(document, content=fact.content, level=fact.level, owes=fact.owes, terms=terms)
    return Step(after, "augmented", fact.by, fact.at, detail=fact.level)
