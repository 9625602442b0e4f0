"""Who is away, read from the first absence that registry ever stated: this service knew none before it knew review.

Its main consumer group has passed those; this one begins at the beginning once, and then follows. Of two states of an
absence the newer stands, whichever group brings it, so neither needs the other.
"""

from __future__ import annotations

from services.docs import store_registry
from shared.db import Tx
from shared.events import MalformedEvent, decode, registry
from shared.inbox import Record


class Absences:
    """What the consumer loop hands records to."""

    group = "docs-absences"
    topics = (registry.PERSON.name,)

    def take(self, tx: Tx, record: Record) -> str:
        """Take one record in, in the caller's transaction; what can't be read the main group has put aside."""
        try:
            envelope = decode(record.value, topic=record.topic)
        except MalformedEvent:
            return "ignored"
        if not isinstance(envelope.data, registry.AbsenceStated):
            return "ignored"
        store_registry.put_absence(tx, envelope.data, envelope.seq)
        return "handled"
