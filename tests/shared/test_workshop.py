"""Processes for PDF work: results and refusals come back, a dead or endless one is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from shared.errors import FORBIDDEN, Rejected
from shared.workshop import Workshop


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    made = Workshop(size=1, timeout=60)
    yield made
    made.close()


def double(number: int) -> int:
    return 2 * number


def refuse() -> None:
    raise Rejected(FORBIDDEN)


def die() -> None:
    os._exit(1)


def never_end() -> None:
    signal.pause()


def test_results_and_refusals_come_back(workshop: Workshop) -> None:
    assert workshop.run(double, 21) == 42
    with pytest.raises(Rejected) as caught:
        workshop.run(refuse)
    assert caught.value.code == "forbidden"


def test_a_dead_process_is_replaced(workshop: Workshop) -> None:
    with pytest.raises(Rejected) as caught:
        workshop.run(die)
    assert caught.value.code == "process_died"
    assert workshop.run(double, 21) == 42


def test_an_endless_task_is_killed(workshop: Workshop) -> None:
    strangers = psutil.Process().children()
    assert workshop.run(double, 1) == 2
    workshop.timeout = 0.2
    before = [process for process in psutil.Process().children() if process not in strangers]
    with pytest.raises(Rejected) as caught:
        workshop.run(never_end)
    assert caught.value.code == "process_died"
    _, alive = psutil.wait_procs([p for p in before if "spawn_main" in " ".join(_line(p))], timeout=60)
    assert alive == []
    workshop.timeout = 60
    assert workshop.run(double, 21) == 42


def test_processes_do_not_outlive_a_killed_parent() -> None:
    program = """
        import os
        from shared.workshop import Workshop
        if __name__ == "__main__":
            print(Workshop(size=1).run(os.getpid), flush=True)
            import signal; signal.pause()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # multiprocessing tells of the semaphores that the kill left
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait(60)
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while _runs(child):
        assert time.monotonic() < deadline, "the process stayed behind"
        threading.Event().wait(0.05)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _line(process: psutil.Process) -> list[str]:
    try:
        found: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return found
