"""The use cases on trust anchors: pin, change the terms, withdraw, restore; each stated and recorded at once."""

from __future__ import annotations

from datetime import UTC, datetime

from services.registry import anchor, store_trust
from services.registry.anchor import PinnedAnchor, Purpose, Terms
from services.registry.directory import Desk
from services.registry.trust import Anchor
from shared import outbox
from shared.db import Tx
from shared.events.registry import AnchorStated


def pin(desk: Desk, root: Anchor, terms: Terms) -> tuple[PinnedAnchor, bool]:
    """The anchor under these terms, and whether that is new."""
    store_trust.lock_pinning(desk.tx)
    before = store_trust.find_anchor(desk.tx, root.fingerprint)
    after, stated = anchor.pin(root, terms, before)
    act = "pin_trust_anchor" if before is None else "change_trust_anchor"
    _keep(desk, after, stated, act, purposes=" ".join(terms.purposes))
    return after, stated is not None


def withdraw(desk: Desk, before: PinnedAnchor, reason: str) -> PinnedAnchor:
    """`before` is locked by the caller, here and below."""
    after, stated = anchor.withdraw(before, reason, datetime.now(UTC))
    _keep(desk, after, stated, "withdraw_trust_anchor", reason=after.withdrawn_reason or "")
    return after


def restore(desk: Desk, before: PinnedAnchor) -> PinnedAnchor:
    after, stated = anchor.restore(before)
    _keep(desk, after, stated, "restore_trust_anchor")
    return after


def list_vouching(tx: Tx, purpose: Purpose, at: datetime) -> list[Anchor]:
    """The anchors that are believed for this at that time."""
    return [one.anchor for one in store_trust.list_anchors(tx) if one.vouches(purpose, at)]


def state_unstated(tx: Tx, source: str) -> int:
    """State what was pinned before anchors were stated at all; returns how many."""
    waiting = store_trust.lock_unstated(tx)
    for pinned in waiting:
        outbox.put(tx, pinned.stated(), source=source)
        store_trust.save_anchor(tx, pinned)
    return len(waiting)


def _keep(desk: Desk, after: PinnedAnchor, stated: AnchorStated | None, act: str, **detail: str) -> None:
    if stated is not None:
        store_trust.save_anchor(desk.tx, after)
        outbox.put(desk.tx, stated, source=desk.source)
        desk.record(act, "trust_anchor", after.fingerprint, subject=after.anchor.subject, **detail)
