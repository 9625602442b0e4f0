"""Whom the province believes: pinned root CAs, each for stated purposes, from one day to another, withdrawn for a
reason. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from services.registry.refusals_trust import (
    ANCHOR_DATES,
    ANCHOR_PURPOSE_MISSING,
    ANCHOR_REASON_MISSING,
    ANCHOR_WITHDRAWN,
)
from services.registry.trust import Anchor
from shared.errors import Rejected
from shared.events.registry import AnchorStated

Purpose = Literal["sign_documents", "seal_documents", "time_stamps"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """For what an anchor vouches and when; `until` is the first moment at which it does not any more (aware)."""

    purposes: tuple[Purpose, ...] = PURPOSES
    start: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedAnchor:
    """An anchor under its terms. A withdrawn one keeps its row: what it vouched for was decided by it."""

    anchor: Anchor
    terms: Terms
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = None
    version: int = 1

    @property
    def fingerprint(self) -> str:
        return self.anchor.fingerprint

    def vouches(self, purpose: Purpose, at: datetime) -> bool:
        """Whether it is believed for this at that time."""
        within = self.terms.start <= at and (self.terms.until is None or at < self.terms.until)
        return self.withdrawn_at is None and within and purpose in self.terms.purposes

    def stated(self) -> AnchorStated:
        return AnchorStated(
            fingerprint=self.fingerprint,
            pem=self.anchor.pem,
            purposes=self.terms.purposes,
            trusted_from=self.terms.start,
            trusted_until=self.terms.until,
            withdrawn_at=self.withdrawn_at,
            withdrawn_reason=self.withdrawn_reason,
        )


def pin(anchor: Anchor, terms: Terms, before: PinnedAnchor | None) -> tuple[PinnedAnchor, AnchorStated | None]:
    """A new anchor, or other terms for one that is pinned; nothing is stated when nothing changes.

    One that was withdrawn is not let in again by repeating: that takes `restore`.
    """
    _check(terms)
    if before is None:
        made = PinnedAnchor(anchor=anchor, terms=terms)
        return made, made.stated()
    if before.withdrawn_at is not None:
        raise Rejected(ANCHOR_WITHDRAWN, reason=before.withdrawn_reason or "—")
    if before.terms == terms:
        return before, None
    after = replace(before, terms=terms, version=before.version + 1)
    return after, after.stated()


def withdraw(before: PinnedAnchor, reason: str, at: datetime) -> tuple[PinnedAnchor, AnchorStated | None]:
    """From `at` on it vouches for nothing, whatever was signed before; the first withdrawal stands."""
    if not reason.strip():
        raise Rejected(ANCHOR_REASON_MISSING)
    if before.withdrawn_at is not None:
        return before, None
    after = replace(before, withdrawn_at=at, withdrawn_reason=reason.strip(), version=before.version + 1)
    return after, after.stated()


def restore(before: PinnedAnchor) -> tuple[PinnedAnchor, AnchorStated | None]:
    """A withdrawal was a mistake."""
    if before.withdrawn_at is None:
        return before, None
    after = replace(before, withdrawn_at=None, withdrawn_reason=None, version=before.version + 1)
    return after, after.stated()


def _check(terms: Terms) -> None:
    if not terms.purposes or not set(terms.purposes) <= set(PURPOSES):
        raise Rejected(ANCHOR_PURPOSE_MISSING, known=", ".join(PURPOSES))
    if terms.until is not None and terms.until <= terms.start:
        raise Rejected(ANCHOR_DATES)
