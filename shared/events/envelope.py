"""CloudEvents 1.0 in structured mode: the envelope, its codec and the catalogue of topics and types.

Structured JSON is one byte string that can be stored, archived, signed and compared unchanged, which binary mode
(attributes in headers) cannot. The codec is ours because the SDK's escapes all Vietnamese letters and raises on a
bad header byte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
# librdkafka and the broker refuse about 1 MB; documents travel by reference, so this is never near in honest use.
MAX_EVENT_BYTES = 900_000

Kind = Literal["fact", "state", "order", "exchange"]


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic. `state` topics are compacted and hold the last state of each key; the others keep history.

    A topic whose name ends in `<partner>` is a pattern: one such topic exists per partner.
    """

    name: str
    kind: Kind
    stated_by: str
    followed_by: tuple[str, ...]
    partitions: int

    def of(self, partner: str) -> str:
        """The topic of one partner."""
        return self.name.replace("<partner>", partner)

    @property
    def prefix(self) -> str:
        return self.name.removesuffix("<partner>")


TOPICS: dict[str, Topic] = {}
TYPES: dict[str, type[Event]] = {}


def topic(name: str, kind: Kind, *, stated_by: str, followed_by: tuple[str, ...], partitions: int) -> Topic:
    """Declare a topic in the catalogue, from which brokers, ACLs and manifests are made."""
    made = Topic(name, kind, stated_by, followed_by, partitions)
    if name in TOPICS:
        raise ValueError(f"topic {name} declared twice")
    TOPICS[name] = made
    return made


class Contract(BaseModel):
    """A value that travels. v1 may only gain optional fields, so readers ignore what they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Actor(Contract):
    """Who did it, for which agency and in which capacity (TM., Q., KT., TL., TUQ.); `system` for our own workers."""

    person_id: UUID | None = None
    name: str
    post: str | None = None
    agency_id: UUID | None = None
    capacity: str | None = None
    system: str | None = None


class BlobRef(Contract):
    """Where bytes lie: the owner's prefix and their SHA-256 (lower-case hex), size in bytes, media type."""

    prefix: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    media_type: str


class Event(Contract):
    """A payload: subclasses say `type`, `topic` and which field is the key."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]
    KEY: ClassVar[str]

    def __init_subclass__(
        cls, *, type: str | None = None, topic: Topic | None = None, key: str | None = None, **kw: Any
    ) -> None:
        super().__init_subclass__(**kw)
        if type and topic and key:
            cls.TYPE, cls.TOPIC, cls.KEY = type, topic, key
            if type in TYPES:
                raise ValueError(f"event type {type} declared twice")
            TYPES[type] = cls

    @property
    def key(self) -> str:
        return str(getattr(self, self.KEY))

    @property
    def topic(self) -> str:
        """The topic's name; of a per-partner topic only the pattern, the sender names the partner."""
        return self.TOPIC.name


class Fact(Event):
    """Something that happened: it carries who, in which capacity and when (invariant 9)."""

    by: Actor
    at: AwareDatetime


class Act(Fact):
    """An act that no fact topic carries: reading, log-in, refusals, changes of registry state."""

    act: str
    object_kind: str
    object_id: str
    detail: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event as it travels. `seq` counts the events of one key on one topic, from 1, without gaps."""

    id: UUID
    source: str
    seq: int
    time: datetime
    data: Event
    topic: str
    traceparent: str | None = None
    place: tuple[int, int] | None = None  # partition and offset that it was read from

    @property
    def type(self) -> str:
        return self.data.TYPE

    @property
    def key(self) -> str:
        return self.data.key


class MalformedEvent(Exception):
    """Bytes that are no event we know. `code` is stable; the text is for operators and for the partner's reply."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


def encode(event: Envelope) -> bytes:
    """The structured-mode JSON document, UTF-8, keys in a fixed order."""
    document = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": event.source,
        "type": event.type,
        "subject": event.key,
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "partitionkey": event.key,
        "sequence": str(event.seq),
        "data": event.data.model_dump(mode="json", exclude_none=True),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def decode(value: bytes | None, *, topic: str, traceparent: str | None = None) -> Envelope:
    """Read one structured CloudEvent; raises MalformedEvent for anything that is not one of our types.

    Unknown attributes and unknown data fields are ignored (new senders, old readers).
    """
    document = _json_object(value)
    if document.get("specversion") != "1.0":
        raise MalformedEvent("bad_envelope", "specversion is not 1.0")
    kind = TYPES.get(str(document.get("type")))
    if kind is None:
        raise MalformedEvent("unknown_type", f"event type {str(document.get('type'))[:120]!r} is not known here")
    try:
        return Envelope(
            id=UUID(str(document["id"])),
            source=_source(document["source"]),
            seq=_sequence(document.get("sequence", 0)),
            time=datetime.fromisoformat(str(document["time"])),
            data=kind.model_validate(document.get("data")),
            topic=topic,
            traceparent=traceparent,
        )
    except ValidationError as error:
        where = "; ".join(f"data/{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise MalformedEvent("bad_data", where) from error
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise MalformedEvent("bad_envelope", f"attribute missing or malformed: {error}") from error


def _source(value: Any) -> str:
    # NUL and lone surrogates are JSON, but no text that a database takes.
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("source")
    return value


def _sequence(value: Any) -> int:
    found = int(value)
    if not 0 <= found < 2**63:
        raise ValueError("sequence")
    return found


def _json_object(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise MalformedEvent("empty_message", "the message has no value")
    if len(value) > MAX_EVENT_BYTES:
        raise MalformedEvent("message_too_large", f"{len(value)} bytes; the limit is {MAX_EVENT_BYTES}")
    try:
        document = json.loads(value)
    except (ValueError, RecursionError) as error:  # ValueError itself: a number of more digits than Python reads
        raise MalformedEvent("not_json", f"not UTF-8 JSON: {str(error)[:200]}") from error
    if not isinstance(document, dict):
        raise MalformedEvent("not_json", "the JSON document is not an object")
    return document
