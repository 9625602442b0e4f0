"""Processes in which strangers' files are judged, each one file at a time, within bounds of time and memory that nothing in a file
moves: those of `vanthu-sign verify`. The file travels by its path, so that nobody else holds it in memory.
"""

from __future__ import annotations

import logging
import queue
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vanthu_verify.bounded import MEMORY, SECONDS, Failure, Worker

from services.signing import craft
from services.signing.refusals_check import VALIDATION_TOO_LARGE, VALIDATION_TOO_SLOW
from shared.errors import PROCESS_DIED, Rejected
from shared.workshop import settle_in

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """Which file, and how it is to be judged."""

    path: Path
    network: craft.Network
    at: datetime | None
    policy: str


def answer(asked: Question) -> dict[str, Any] | Rejected:
    """In the process: the report, or why there is none."""
    try:
        return craft.validate(asked.path.read_bytes(), network=asked.network, at=asked.at, policy=asked.policy)
    except Rejected as error:
        return error
    except (MemoryError, OSError):
        raise
    except Exception as error:
        # Only the kind and place are logged: messages and frames may hold names.
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error("validation failed: %s at %s:%s", type(error).__name__, place.name, place.lineno)  # noqa: TRY400
        raise


def _settle_in() -> None:
    settle_in()
    craft.warm_validation()


class Judges:
    """`size` processes, begun when first needed."""

    def __init__(
        self,
        *,
        size: int = 1,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        task: Callable[[Question], dict[str, Any] | Rejected] = answer,
    ) -> None:
        self._seconds, self._memory = seconds, memory
        self._all = [Worker(task, seconds=seconds, memory=memory, first=_settle_in) for _ in range(size)]
        self._free: queue.LifoQueue[Worker[Question]] = queue.LifoQueue()
        for worker in self._all:
            self._free.put(worker)

    def judge(
        self, path: Path, *, network: craft.Network, at: datetime | None = None, policy: str = "default"
    ) -> dict[str, Any]:
        """The report (craft.validate). Rejected(validation_too_slow, validation_too_large, process_died), or what the file
        itself is refused for.
        """
        worker = self._free.get()
        try:
            result = worker.run(Question(path, network, at, policy))
        finally:
            self._free.put(worker)
        if isinstance(result, Rejected):
            raise result
        if isinstance(result, Failure):
            raise self._refusal(result)
        report: dict[str, Any] = result
        return report

    def _refusal(self, failure: Failure) -> Rejected:
        if failure.code == "too_slow":
            return Rejected(VALIDATION_TOO_SLOW, seconds=round(self._seconds))
        if failure.code == "too_large":
            return Rejected(VALIDATION_TOO_LARGE, megabytes=self._memory // 1024 // 1024)
        return Rejected(PROCESS_DIED)

    def close(self) -> None:
        """End the processes, also those at work."""
        for worker in self._all:
            worker.close()
