"""A worker process that validates one file after the other, within bounds of time and memory that nothing in a file moves.

The worker is forked where that exists, so that it starts in milliseconds; a killed one is replaced.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SECONDS = 20.0
MEMORY = 512 * 1024 * 1024
# Of the whole, what interpreter and libraries take before any file is read.
_BASE = 64 * 1024 * 1024
_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result: "too_slow", "too_large", "unreadable_file" or "crashed"."""

    code: str


class Worker:
    """Runs `task(path)` in a process of its own; the task and its results are pickled where there is no fork."""

    def __init__(self, task: Callable[[Path], Any], *, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._task, self._seconds, self._memory = task, seconds, memory
        self._process: Any = None
        self._line: Connection | None = None
        self._rounds = 0

    def run(self, path: Path) -> Any:
        """The task's result, or a Failure; nothing is raised for what a file does."""
        if self._line is None or self._rounds >= _ROUNDS:
            self.close()
            self._start()
        line = self._line
        if line is None:
            return Failure("crashed")
        self._rounds += 1
        try:
            line.send(path)
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
        method = "fork" if "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux" else "spawn"
        context: Any = multiprocessing.get_context(method)
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._task, self._memory), daemon=True)
        self._process.start()
        theirs.close()


def _serve(line: Connection, task: Callable[[Path], Any], memory: int) -> None:
    _limit(memory)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            line.send(_done(task, line.recv()))


def _done(task: Callable[[Path], Any], path: Path) -> Any:
    try:
        return task(path)
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
