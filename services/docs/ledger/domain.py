"""The ledger's rules: what becomes an entry, what a tree head says, when the next one is due. No IO, no clock."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from services.docs.ledger import merkle

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
HEAD_EVERY = timedelta(hours=1)
RETRY_AFTER = timedelta(minutes=10)  # an ordered head that nobody sealed is left alone that long
UNREADABLE = "unreadable"
# Every topic on which a service states what somebody did; `docs.treehead` is about the ledger itself.
FOLLOWED = (
    "docs.document",
    "docs.delivery",
    "docs.workfile",
    "docs.task",
    "docs.intake",
    "docs.act",
    "signing.document",
    "signing.act",
    "registry.act",
    "notify.act",
    "portal.act",
)


@dataclass(frozen=True, slots=True)
class Tree:
    """How far the log has grown: `peaks` are the roots of its whole subtrees, largest first."""

    log_id: UUID
    size: int
    peaks: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        return merkle.root(self.peaks)


@dataclass(frozen=True, slots=True)
class Head:
    """A tree head; `signature` is CMS SignedData over `text`, detached, with a time stamp of `stamped_at`."""

    id: UUID
    size: int
    root: bytes
    ordered_at: datetime
    signature: bytes | None = None
    stamped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf to be: `event` is the CloudEvent byte for byte, the rest is read from it to find it again."""

    event_id: UUID
    source: str
    topic: str
    key: str
    seq: int
    type: str
    at: datetime
    agency_id: UUID | None
    person_id: UUID | None
    subjects: tuple[UUID, ...]
    event: bytes
    kind: str | None = None  # as `kind_of`


def head_text(log_id: UUID, size: int, root: bytes, at: datetime) -> bytes:
    """What is sealed: four lines that say which log, how long, which root, when (UTC, to the second)."""
    when = at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return f"vanthu tree head 1\n{log_id}\n{size}\n{root.hex()}\n{when}\n".encode()


def midnight(day: date) -> datetime:
    """The first instant of a day in Việt Nam."""
    return datetime.combine(day, time(), VIETNAM)


def head_due(last: Head | None, now: datetime) -> bool:
    """At least hourly; one that could not be sealed is ordered again sooner, since the next hour is not its time."""
    if last is None:
        return True
    pause = HEAD_EVERY if last.signature else RETRY_AFTER
    return now - last.ordered_at >= pause


def entry_of(value: bytes, topic: str, now: datetime) -> Entry:
    """An entry of the bytes on a fact topic, whatever they are.

    Only what every CloudEvent has is read: an event type that this version does not know is an act all the same. What
    is no event at all becomes an entry, too, named by its digest: leaving it out would be a gap that nobody can explain.
    """
    try:
        document = json.loads(value)
        at = datetime.fromisoformat(str(document["time"]))
        return Entry(
            event_id=UUID(str(document["id"])),
            source=_text(document["source"]),
            topic=topic,
            key=_text(document["subject"]),
            seq=int(document.get("sequence", 0)),
            type=_text(document["type"]),
            at=at if at.tzinfo else at.replace(tzinfo=UTC),
            agency_id=_agency_of(document["data"]),
            person_id=_id(_by(document["data"]).get("person_id")),
            subjects=_subjects(document["subject"], document["data"]),
            event=value,
            kind=kind_of(_text(document["type"]), document["data"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        named = uuid5(NAMESPACE_OID, hashlib.sha256(value).hexdigest())
        return Entry(named, UNREADABLE, topic, "", 0, UNREADABLE, now, None, None, (), value)


def kind_of(event_type: str, data: dict[str, Any]) -> str:
    """What an entry tells of, in a word: the name of an act, or of the event, as `docs.document.issued`."""
    name = event_type.removeprefix("vn.vanthu.").rpartition(".v")[0] or event_type
    act = data.get("act") if name.endswith(".act.recorded") else None
    return _text(act) if act else name


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("not a text that a database takes")
    return value


# Under which names a payload says what it is about.
SUBJECTS = ("document_id", "delivery_id", "incoming_id", "workfile_id", "subject_id", "object_id", "register_id")


def _by(data: dict[str, Any]) -> dict[str, Any]:
    return data.get("by") or {}


def _agency_of(data: dict[str, Any]) -> UUID | None:
    """Whose act it was, or whose document it is about when one of our workers acted."""
    return _id(_by(data).get("agency_id") or data.get("agency_id"))


def _subjects(key: str, data: dict[str, Any]) -> tuple[UUID, ...]:
    found: list[UUID] = []
    for each in (key, *(data.get(name) for name in SUBJECTS)):
        try:
            subject = _id(each)
        except ValueError:
            continue  # an act about something that has another kind of name
        if subject and subject not in found:
            found.append(subject)
    return tuple(found)


def _id(value: Any) -> UUID | None:
    return UUID(str(value)) if value else None
