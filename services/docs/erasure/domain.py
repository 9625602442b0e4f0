"""What is swept of the file store, when and how much in a round. No IO.

Bytes are found by their digest, so the same bytes may be put once more while they are looked at. Therefore: what nothing
refers to is only set aside, where it is still found, and goes for good when nothing refers to it after `HOLD` either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from shared.blobs import Held

T = TypeVar("T")
DIGITS = "0123456789abcdef"
QUARANTINE = "quarantine"  # of intake: a prefix for each item and upload, of which nobody else has bytes
ROUNDS: tuple[str, ...] = (*DIGITS, QUARANTINE)  # a round is for the digests that begin with that digit

# Bytes lie so long before they are looked at: what refers to them is written within minutes.
AFTER = timedelta(hours=24)
HOLD = timedelta(hours=1)  # set aside for so long; longer than any transaction
PAUSE = timedelta(minutes=20)  # between rounds: the whole store in about six hours
SOON = timedelta(minutes=1)  # when a round left something over
MOST = 500  # set aside, and dropped, in a round
IN_ONE_ACT = 50  # digests that one entry of the ledger names
GIVEN_UP = timedelta(days=30)  # an uploaded file that became part of nothing; STANDARDS name no time


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round removed for good."""

    round: str
    gone: tuple[Held, ...] = ()
    more: bool = False

    @property
    def size(self) -> int:
        return sum(each.size for each in self.gone)


def folders(name: str) -> tuple[str, ...]:
    """Where the bytes of a round lie."""
    return (QUARANTINE,) if name == QUARANTINE else tuple(name + second for second in DIGITS)


def following(name: str) -> str:
    return ROUNDS[(ROUNDS.index(name) + 1) % len(ROUNDS)]


def in_acts(some: Sequence[T]) -> Iterator[Sequence[T]]:
    """So many at a time as one entry of the ledger names; of nothing one entry, too."""
    for first in range(0, len(some) or 1, IN_ONE_ACT):
        yield some[first : first + IN_ONE_ACT]


def loose(held: Iterable[Held], known: Collection[str], now: datetime, after: timedelta = AFTER) -> list[Held]:
    """Those that nothing refers to and that lie long enough, oldest first."""
    return sorted(
        (each for each in held if each.put_at < now - after and each.sha256 not in known),
        key=lambda each: (each.put_at, each.sha256),
    )
