"""`python -m deploy.local up`: the whole of Vanthu on this machine; `down`, `status` and `kill NAME` beside it."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from deploy.local import refusals
from deploy.local.layout import ROOT, Layout
from shared.errors import Rejected

STOP_BOUND = 120.0  # seconds; past it `down` says that it has not stopped
LOOK = 0.1
DETACHED_LOG = "vanthu.log"
INTERRUPTED = 130


def main() -> int:
    # Until something is started a Ctrl-C just ends us; the heavier imports come after this line for that reason.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and stay until Ctrl-C")
    up.add_argument("--detach", action="store_true", help="return once everything is ready")
    up.add_argument("--no-demo", action="store_true", help="do not load the demo province")
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("status", help="what runs")
    kill = commands.add_parser("kill", help="end one process as a crash would (SIGKILL); it is started again")
    kill.add_argument("name")
    arguments = parser.parse_args()
    try:
        place = Layout.from_environment()
        if arguments.command == "up" and arguments.detach:
            return detach(place, demo=not arguments.no_demo)
        if arguments.command == "up":
            return stay(place, demo=not arguments.no_demo)
        if arguments.command == "kill":
            return kill_one(place, arguments.name)
        return down(place) if arguments.command == "down" else status(place)
    except Rejected as refused:
        return _refused(refused)


def _refused(refused: Rejected) -> int:
    print(f"{refused.sentence.vi}\n{refused.sentence.en}", file=sys.stderr, flush=True)
    return 1


# --- one supervisor for one `var`


def _pid_file(place: Layout) -> Path:
    return place.directory("run") / "vanthu.pid"


@contextlib.contextmanager
def _only_one(place: Layout) -> Iterator[None]:
    """Held by a lock that ends with the process, however it ends; the number in the file is for people."""
    with _pid_file(place).open("a+", encoding="ascii") as file:
        pid = _holder(file)
        if pid is not None:
            raise Rejected(refusals.ALREADY_RUNNING, var=place.var, pid=pid)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _holder(file: IO[str]) -> int | None:
    """The supervisor that holds the lock; None when nobody did, and we do now."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            if text := file.read():
                return int(text)
            time.sleep(LOOK)  # it has just taken the lock, or is about to give it back
        else:
            return None


def _running_pid(place: Layout) -> int | None:
    with _pid_file(place).open("a+", encoding="ascii") as file:
        return _holder(file)


def _read_state(place: Layout) -> dict[str, Any]:
    pid = _running_pid(place)
    if pid is None:
        raise Rejected(refusals.NOT_RUNNING, var=place.var)
    try:
        state: dict[str, Any] = json.loads((place.directory("run") / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        state = {}
    # Another supervisor's last words do not count.
    return state if state.get("pid") == pid else {"pid": pid, "ready": False, "processes": {}}


# --- commands


def stay(place: Layout, *, demo: bool) -> int:
    """Starts everything and stays; 0 after it was asked to stop, 130 when that came before it was ready."""
    from deploy.local.console import Console
    from deploy.local.process import Stopping
    from deploy.local.supervisor import Stack

    with _only_one(place):
        stack = Stack(place, Console(), demo=demo)

        def ask(_number: int, _frame: object) -> None:
            if stack.asked.is_set():
                stack.processes.hurry.set()
            stack.asked.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, ask)
        code = 0
        try:
            stack.up()
            stack.watch()
        except Stopping:
            code = INTERRUPTED
        except Rejected as refused:
            stack.explain(refused)
            code = 1
        finally:
            stack.stop()
    sys.stdout.flush()
    # Threads that were waiting for a download or a process when the stop came have nothing left to do.
    os._exit(code)


def detach(place: Layout, *, demo: bool) -> int:
    """Starts a supervisor that outlives this terminal and waits until it is ready or has failed."""
    pid = _running_pid(place)
    if pid is not None:
        raise Rejected(refusals.ALREADY_RUNNING, var=place.var, pid=pid)
    log = place.directory("log") / DETACHED_LOG
    command = [sys.executable, "-m", "deploy.local", "up", *([] if demo else ["--no-demo"])]
    with log.open("ab") as output:
        from_here = output.tell()
        child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    signal.signal(signal.SIGINT, lambda _number, _frame: child.terminate())
    while child.poll() is None and not _is_ready(place, child.pid):
        time.sleep(LOOK)
    with log.open("rb") as output:
        output.seek(from_here)
        sys.stdout.write(output.read().decode(errors="replace"))
    return 0 if child.returncode is None else child.returncode or 1


def _is_ready(place: Layout, pid: int) -> bool:
    try:
        state = _read_state(place)
    except Rejected:
        return False  # it has not taken the lock yet
    return bool(state["pid"] == pid and state["ready"])


def down(place: Layout) -> int:
    pid = _running_pid(place)
    if pid is None:
        sentence = refusals.NOT_RUNNING.say(var=place.var)
        print(f"{sentence.vi}\n{sentence.en}")
        return 0
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_BOUND
    while _running_pid(place) == pid:
        if time.monotonic() > until:
            raise Rejected(refusals.STILL_RUNNING, pid=pid, seconds=int(STOP_BOUND))
        time.sleep(LOOK)
    return 0


def status(place: Layout) -> int:
    from deploy.local.supervisor import addresses

    state = _read_state(place)
    print("sẵn sàng / ready" if state["ready"] else "đang khởi động / starting", f"(pid {state['pid']})")
    for name, process in state["processes"].items():
        pid = process["pid"] or "–"
        print(f"  {name:<18} pid {pid:<8} chạy lại / restarts: {process['restarts']}")
    print("\n".join(addresses(place)))
    return 0


def kill_one(place: Layout, name: str) -> int:
    processes = _read_state(place)["processes"]
    pid = processes.get(name, {}).get("pid")
    if pid is None:
        raise Rejected(refusals.NO_SUCH_PROCESS, name=name, names=", ".join(processes))
    os.kill(pid, signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
