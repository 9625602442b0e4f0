"""What the services tell each other: topics, CloudEvents and their typed payloads.

One module per stating service, owned by it (docs has two: work files have their own); this module is the small
codec and the catalogue. It does no IO.
"""

from __future__ import annotations

from shared.events import docs, exchange, notify, portal, registry, signing, workfile
from shared.events.envelope import (
    MAX_EVENT_BYTES,
    TOPICS,
    TYPES,
    Act,
    Actor,
    BlobRef,
    Envelope,
    Event,
    Fact,
    MalformedEvent,
    Topic,
    decode,
    encode,
)

__all__ = [
    "MAX_EVENT_BYTES",
    "TOPICS",
    "TYPES",
    "Act",
    "Actor",
    "BlobRef",
    "Envelope",
    "Event",
    "Fact",
    "MalformedEvent",
    "Topic",
    "decode",
    "docs",
    "encode",
    "exchange",
    "notify",
    "portal",
    "registry",
    "signing",
    "workfile",
]
