"""UUIDv7 (RFC 9562): ids that sort by the time they were made, so indexes grow at one end."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return UUID(int=value)


def moment(made: UUID) -> datetime:
    """When a UUIDv7 was made (aware, to the millisecond)."""
    return EPOCH + timedelta(milliseconds=made.int >> 80)
