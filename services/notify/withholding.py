"""The same calls without a word of the document, for those who need not know it. Pure, as the domain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from services.notify.domain import Call, Known, whose_turn
from shared.events import Event, docs

# Of what somebody may not know no word is said: not its title, its number, nor what was written about it.
WITHHELD = "Một văn bản hạn chế tiếp cận"
# Facts that tell people who need not have to do with the document: whoever is mentioned, whoever is next above.
BEYOND = (docs.RemarkMade, docs.ReviewDue)


def withheld(event: Event, known: Known) -> tuple[Call, ...]:
    """The same calls in the same order, without a word of the document."""
    masked: dict[str, Any] = {}
    if isinstance(event, docs.DeliveryDispatched | docs.DocumentIssued | docs.DocumentSubmitted):
        masked["descriptor"] = event.descriptor.model_copy(
            update={"type_name": WITHHELD, "abstract": "", "number_symbol": None}
        )
    if isinstance(event, docs.DeliveryDispatched):
        masked["relations"] = ()
    if hasattr(event, "title"):
        masked["title"] = WITHHELD
    if hasattr(event, "stage") and isinstance(event, docs.ReviewDue):
        masked["stage"] = "xem xét"
    document, delivery = known.document, known.delivery
    blind = Known(
        document=replace(document, title=WITHHELD, symbol=None) if document else None,
        delivery=replace(delivery, title=WITHHELD, symbol=None) if delivery else None,
    )
    return tuple(replace(call, reason=None) for call in whose_turn(event.model_copy(update=masked), blind))


def subjects_of(event: Event) -> tuple[UUID, ...]:
    """Under which ids an agency may have restricted what an event is about."""
    found = (getattr(event, name, None) for name in ("document_id", "delivery_id"))
    return tuple(each for each in found if isinstance(each, UUID))
