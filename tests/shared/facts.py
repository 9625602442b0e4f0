"""Facts for the kernel's tests: real contract types with as little in them as they allow."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from shared.db import Tx
from shared.events import Actor, Envelope, encode
from shared.events.docs import DocumentReturned
from shared.events.portal import KeyStated
from shared.ids import new_id
from shared.inbox import Record

SOURCE = "urn:vanthu:test"


def returned(document: UUID, reason: str = "sai thể thức") -> DocumentReturned:
    """A fact about a document."""
    return DocumentReturned(
        document_id=document,
        agency_id=new_id(),
        reason=reason,
        author_id=new_id(),
        by=Actor(name="Bế Thị Hồng Nguyệt"),
        at=datetime.now(UTC),
    )


def key_state(kid: str, x: str = "x") -> KeyStated:
    return KeyStated(kid=kid, x=x, status="active", not_after=datetime(2099, 1, 1, tzinfo=UTC))


def record(
    data: DocumentReturned | KeyStated, seq: int, *, offset: int | None = None, event_id: UUID | None = None
) -> Record:
    """The Kafka record that a relay would have published."""
    envelope = Envelope(
        id=event_id or new_id(), source=SOURCE, seq=seq, time=datetime.now(UTC), data=data, topic=data.topic
    )
    return Record(data.topic, 0, seq if offset is None else offset, envelope.key.encode(), encode(envelope), None)


def effects(tx: Tx, key: object) -> list[str]:
    """What was done for a key, in order."""
    rows = tx.execute("SELECT what FROM effect WHERE key = %s ORDER BY n", [str(key)]).fetchall()
    return [row["what"] for row in rows]
