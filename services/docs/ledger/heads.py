"""Having the ledger's tree sealed: by the hour, or when an operator asks for it."""

from __future__ import annotations

from datetime import datetime

from services.docs import numbering, store_registry
from services.docs.ledger import domain, refusals, store
from services.docs.ledger.domain import Head
from services.docs.step import ourselves
from shared import outbox
from shared.db import Tx
from shared.errors import Rejected
from shared.events.docs import SealTreeHead
from shared.ids import new_id


def order_head(tx: Tx, sealer: str, source: str, now: datetime) -> Head:
    """Take the tree as it stands and have the platform's own agency seal it."""
    tree = store.lock_tree(tx)
    agency = store_registry.find_agencies(tx, [sealer], numbering.today(now)).get(sealer)
    if agency is None:
        raise Rejected(refusals.SEALER_UNKNOWN, identifier=sealer)
    at = now.replace(microsecond=0)
    head = Head(id=new_id(), size=tree.size, root=tree.root, ordered_at=at)
    store.add_head(tx, head)
    order = SealTreeHead(
        head_id=head.id,
        agency_id=agency.agency_id,
        log_id=tree.log_id,
        size=head.size,
        root=head.root.hex(),
        text=domain.head_text(tree.log_id, head.size, head.root, at).decode(),
        by=ourselves(),
        at=now,
    )
    outbox.put(tx, order, source=source)
    return head
