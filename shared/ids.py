"""UUIDv7 (RFC 9562): ids that sort by the time they were made, so indexes grow at one end."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANDOM = 74  # bits after the milliseconds, without version and variant
_turn = threading.Lock()
_last = 0


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, 74 random bits.

    Those that one process makes within a millisecond sort in the order in which they were made, too (6.2, method 2): what
    one act makes is listed as it was made.
    """
    global _last  # noqa: PLW0603  the last one made, under the lock
    with _turn:
        now = time.time_ns() // 1_000_000
        same = 0 <= (_last >> _RANDOM) - now <= 1  # counting up may have reached the next millisecond
        _last = _last + 1 + secrets.randbits(48) if same else now << _RANDOM | secrets.randbits(_RANDOM)
        made = _last
    high, low = made >> 62, made & ((1 << 62) - 1)
    return UUID(int=(high >> 12) << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0x2 << 62 | low)


def moment(made: UUID) -> datetime:
    """When a UUIDv7 was made (aware, to the millisecond)."""
    return EPOCH + timedelta(milliseconds=made.int >> 80)
