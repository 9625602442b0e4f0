"""Spawned processes that do what costs CPU or may crash on a hostile file; a killed one is replaced.

Threads would not do: parsing holds the interpreter for seconds, and a crash in a native library would take the
whole service along.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from shared.errors import PROCESS_DIED, Rejected

P = ParamSpec("P")
T = TypeVar("T")


class Workshop:
    """`size` processes, begun when first needed. A task longer than `timeout` seconds is killed, and one that wants
    more than `memory` bytes of address space fails.
    """

    def __init__(self, *, size: int = 2, timeout: float = 180.0, memory: int | None = None) -> None:
        self.size = size
        self.timeout = timeout
        self.memory = memory
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None

    def run(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The task's result; what it raises is raised here, Rejected(process_died) when its process died."""
        return self.start(task, *args, **kwargs)()

    def start(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
        """Begin a task now; calling the result waits for it. Task and arguments are pickled."""
        executor = self._get()
        try:
            future = executor.submit(task, *args, **kwargs)
        except (BrokenProcessPool, RuntimeError) as error:
            self._drop(executor)
            raise Rejected(PROCESS_DIED) from error
        return lambda: self._wait(executor, future)

    def warm(self, task: Callable[[], object]) -> None:
        """Start the processes, if there are none, and let each do this task, so that nobody waits for it later."""
        if self._executor is None:
            executor = self._get()
            for _ in range(self.size):
                executor.submit(task)

    def close(self) -> None:
        """End the processes, also those at work."""
        if self._executor:
            self._drop(self._executor)

    def _get(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    self.size,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=settle_in,
                    initargs=(self.memory,),
                )
            return self._executor

    def _wait(self, executor: ProcessPoolExecutor, future: Future[T]) -> T:
        while True:
            try:
                return future.result(self.timeout)
            except TimeoutError as error:
                if future.done():
                    raise  # the task's own
                if future.running():
                    self._drop(executor)
                    raise Rejected(PROCESS_DIED) from error
                # Still in the queue: whoever is before it is timed by its own waiter.
            except (BrokenProcessPool, CancelledError) as error:
                self._drop(executor)
                raise Rejected(PROCESS_DIED) from error

    def _drop(self, executor: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._executor is executor:
                self._executor = None
        processes = list((executor._processes or {}).values())  # noqa: SLF001  there is no public way to kill them
        executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            with contextlib.suppress(OSError, ValueError):
                process.kill()


def settle_in(memory: int | None = None) -> None:
    """A stop is the parent's to handle; when the parent is killed, its processes must not stay behind."""
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(0)

    threading.Thread(target=follow, name="parent", daemon=True).start()
