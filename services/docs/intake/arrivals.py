"""Files that came with a partner's message: each becomes an item of intake, with the same steps as whatever comes in by
another way. The bytes stay where they are and as they are; what no step lets pass sends the arrival back.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from services.docs.incoming import Incoming
from services.docs.intake import desk as desks
from services.docs.intake import store
from services.docs.intake.domain import Origin
from shared.db import Tx


def begin(tx: Tx, arrived: Incoming, at: datetime) -> None:
    """An item for each file, once; of agencies here nothing is to be looked at, their files came in by these steps."""
    if not arrived.by_partner:
        return
    number = arrived.descriptor.number_symbol
    origin = Origin(arrived.sender.name, subject=arrived.descriptor.abstract or None, reference=number)
    for part in {part.content.sha256: part for part in reversed(arrived.parts)}.values():
        item_id = item_of(arrived.id, part.content.sha256)
        if store.find(tx, item_id) is None:
            desks.begin(
                tx,
                item_id=item_id,
                agency_id=arrived.agency_id,
                channel="kafka",
                filename=part.filename,
                origin=origin,
                at=at,
                source=part.content,
                kind="arrival",
                used_for=arrived.id,
            )


def item_of(incoming_id: UUID, sha256: str) -> UUID:
    """The same for the same file of the same arrival, however often its event comes."""
    return uuid5(incoming_id, sha256)
