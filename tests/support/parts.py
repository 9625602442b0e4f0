"""Where the real parts of one test run live, and the port numbers that they may take."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from deploy.local.process import Processes

RUNS = Path(tempfile.gettempdir()) / f"vanthu-tests-{os.getuid()}"


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with ExitStack() as probes:
        found = []
        for _ in range(count):
            probe = probes.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            found.append(int(probe.getsockname()[1]))
        return found


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A directory of this run, removed at its end; what killed runs left is ended and removed first."""
    RUNS.mkdir(parents=True, exist_ok=True)
    for left in RUNS.iterdir():
        pid = left.name.rpartition("-")[2]
        if not psutil.pid_exists(int(pid)):
            Processes(left, lambda _name, _line: None).sweep()
            shutil.rmtree(left, ignore_errors=True)
    path = RUNS / f"{name}-{os.getpid()}"
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            RUNS.rmdir()
