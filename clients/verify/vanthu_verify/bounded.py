"""A worker process that validates one file after the other, within bounds of time and memory that nothing in a file moves.

The worker is forked where that exists, so that it starts in milliseconds; a killed one is replaced. A program with
threads of its own asks for a spawned one and says what it imports first, outside of any file's time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

SECONDS = 20.0
MEMORY = 512 * 1024 * 1024
# Of the whole, what interpreter and libraries take before any file is read.
_BASE = 64 * 1024 * 1024
_ROUNDS = 200
_START = 60.0  # seconds until a spawned worker has to be there
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result: "too_slow", "too_large", "unreadable_file" or "crashed"."""

    code: str


class Worker(Generic[A]):
    """Runs `task(what)` in a process of its own, `what` being a path or something else that can be pickled.

    With `first` the process is spawned and does that before it is asked anything; task and results are pickled then.
    """

    def __init__(
        self,
        task: Callable[[A], Any],
        *,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        first: Callable[[], object] | None = None,
    ) -> None:
        self._task, self._seconds, self._memory, self._first = task, seconds, memory, first
        self._process: Any = None
        self._line: Connection | None = None
        self._rounds = 0

    def run(self, what: A) -> Any:
        """The task's result, or a Failure; nothing is raised for what a file does."""
        if self._line is None or self._rounds >= _ROUNDS:
            self.close()
            self._start()
        line = self._line
        if line is None:
            return Failure("crashed")
        self._rounds += 1
        try:
            line.send(what)
            if not line.poll(self._seconds):
                self.close()
                return Failure("too_slow")
            return line.recv()
        except (EOFError, OSError):
            self.close()
            return Failure("crashed")

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._line is not None:
            self._line.close()
        self._process = self._line = None
        self._rounds = 0

    def _start(self) -> None:
        can_fork = "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux"
        context: Any = multiprocessing.get_context("fork" if can_fork and self._first is None else "spawn")
        line, theirs = context.Pipe()
        self._line = line
        self._process = context.Process(
            target=_serve, args=(theirs, self._task, self._memory, self._first), daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            if self._first is not None and not (line.poll(_START) and line.recv()):
                self.close()
        except (EOFError, OSError):
            self.close()


def _serve(
    line: Connection, task: Callable[[Any], Any], memory: int, first: Callable[[], object] | None = None
) -> None:
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        if first is not None:
            first()
            line.send(True)
        _limit(memory)
        while True:
            line.send(_done(task, line.recv()))


def _done(task: Callable[[Any], Any], what: Any) -> Any:
    try:
        return task(what)
    except MemoryError:
        return Failure("too_large")
    except OSError:
        return Failure("unreadable_file")
    except Exception:  # noqa: BLE001  the caller learns that it crashed; a traceback may hold names
        return Failure("crashed")


def _limit(memory: int) -> None:
    """The kernel's own limit on what the process allocates, where the platform has one."""
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory - _BASE, memory - _BASE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
