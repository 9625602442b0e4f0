"""Addresses that kept silent a moment ago are not waited for again: a pile of 200 documents is not 200 time-outs.

The memory is the process's own and short. What answers at once, with an error or a closed door, costs nobody time and
is asked again every time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Silent(OSError):
    """The address did not answer in time a moment ago; it is not asked now."""


class Breaker:
    """`pause` is in seconds: after that one caller asks again, while the others still get Silent until it has answered."""

    def __init__(self, *, pause: float = 20.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until: dict[str, float] = {}

    @contextmanager
    def asking(self, address: str, *, timed_out: tuple[type[Exception], ...]) -> Iterator[None]:
        """Around one request; `timed_out` are the errors by which the caller learns that nobody answered in time."""
        with self._lock:
            until = self._closed_until.get(address)
            if until is not None and self._clock() < until:
                raise Silent(f"{address} was silent a moment ago")
            if until is not None:
                self._closed_until[address] = self._clock() + self.pause
        try:
            yield
        except timed_out:
            with self._lock:
                self._closed_until[address] = self._clock() + self.pause
            raise
        except Exception:
            self._answered(address)
            raise
        self._answered(address)

    def _answered(self, address: str) -> None:
        with self._lock:
            self._closed_until.pop(address, None)
