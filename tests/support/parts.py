"""Where the real parts of one test run live, and the port numbers that they may take."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil

from deploy.local.process import Processes

T = TypeVar("T")
RUNS = Path(tempfile.gettempdir()) / f"vanthu-tests-{os.getuid()}"
IN_MEMORY = Path("/dev/shm") / RUNS.name  # noqa: S108
ROOM = 4 * 1024**3  # bytes


def free_port() -> int:
    return free_ports(1)[0]


# Below what the system gives to connections on their way out, which would take a port before its server listens. Each
# process begins elsewhere and goes on from there, so that test processes side by side don't meet.
PORTS = range(10_000, 32_000)
_next_port = itertools.cycle(PORTS)
for _ in range(os.getpid() * 397 % len(PORTS)):
    next(_next_port)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different, and none that this process was given lately."""
    found: list[int] = []
    while len(found) < count:
        port = next(_next_port)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


def until(look: Callable[[], T | None], *, bound: float, what: str) -> T:
    """Looks again and again until there is something to see; fails after `bound` seconds, saying `what` was missing."""
    end = time.monotonic() + bound
    while not (seen := look()):
        assert time.monotonic() < end, f"{what}: not within {bound:.0f} s"
        time.sleep(0.05)
    return seen


@contextmanager
def scratch(name: str, *, in_memory: bool = False) -> Iterator[Path]:
    """A directory of this run, removed at its end; what killed runs left is ended and removed first. `in_memory` where
    the machine has plenty: data only, since nothing may be executed from there.
    """
    runs = IN_MEMORY if in_memory and _roomy(IN_MEMORY.parent) else RUNS
    runs.mkdir(parents=True, exist_ok=True)
    for left in runs.iterdir():
        pid = left.name.rpartition("-")[2]
        if not psutil.pid_exists(int(pid)):
            Processes(left, lambda _name, _line: None).sweep()
            shutil.rmtree(left, ignore_errors=True)
    path = runs / f"{name}-{os.getpid()}"
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            runs.rmdir()


def _roomy(folder: Path) -> bool:
    try:
        return bool(min(shutil.disk_usage(folder).free, psutil.virtual_memory().available) >= ROOM)
    except OSError:
        return False
