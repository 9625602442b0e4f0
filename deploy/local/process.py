"""The processes of one stack: each in a session of its own, logged, restarted when it dies, and stopped.

Knows nothing of Kafka, PostgreSQL or services; the supervisor tells it what to start.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import psutil

from deploy.local import refusals
from deploy.local.layout import ROOT
from shared.errors import Rejected

MARK = "VANTHU_SUPERVISED"  # in every child's environment, so that what a killed supervisor left is found again
LONGEST_BACKOFF = 30.0
STEADY = 60.0  # seconds after which a process counts as well and its back-off starts anew
LOG_BYTES = 20_000_000  # a log is turned over at this size, one older one is kept
TAIL = 12  # lines of a log that are shown when its process does not start

Say = Callable[[str, str], None]  # process name, line


class Stopping(Exception):
    """The stack is being stopped: nothing new may start."""


@dataclass(frozen=True, slots=True)
class Command:
    """`prepare` runs before each start, also before a restart; `account` is the uid:gid that runs it."""

    name: str
    arguments: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    account: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10.0  # seconds between the stop signal and SIGKILL
    prepare: Callable[[], object] | None = None


class Running:
    """A process that is kept running; its thread starts it, waits for its end and starts it again."""

    def __init__(self, processes: Processes, command: Command) -> None:
        self.command = command
        self.restarts = 0
        self.popen: subprocess.Popen[bytes] | None = None
        self._processes = processes
        self._thread = threading.Thread(target=self._keep, name=command.name, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        popen = self.popen
        return popen.pid if popen and popen.returncode is None else None

    def _keep(self) -> None:
        delay = 1.0
        while True:
            began = time.monotonic()
            try:
                ended = self._once()
            except Stopping:
                return
            except (Rejected, OSError) as error:
                ended = str(error)
            if self._processes.stopping.is_set():
                return
            if time.monotonic() - began > STEADY:
                delay = 1.0
            self.restarts += 1
            self._processes.say(
                self.command.name,
                f"đã dừng ({ended}), chạy lại sau {delay:.0f} giây / ended ({ended}), again in {delay:.0f} s",
            )
            if self._processes.stopping.wait(delay):
                return
            delay = min(2 * delay, LONGEST_BACKOFF)

    def _once(self) -> str:
        if self.command.prepare:
            self.command.prepare()
        self.popen, _ = self._processes.open(self.command)
        code = self.popen.wait()
        # Whatever it had started itself must not meet its successor.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        return signal.Signals(-code).name if code < 0 else f"exit {code}"

    def stop(self, *, at_once: bool) -> None:
        """Ends the process; the caller has set `stopping`, so that it is not started again."""
        popen = self.popen
        if popen is not None:
            _end(popen, self.command.stop_signal, 0.0 if at_once else self.command.patience)
        self._thread.join(5.0)


class Processes:
    """All processes of the stack whose state is `var`, with their logs under `var/log`."""

    def __init__(self, var: Path, say: Say) -> None:
        self.say = say
        self.stopping = threading.Event()
        self.hurry = threading.Event()
        self.running: dict[str, Running] = {}
        self._var = var
        self._logs = var / "log"
        var.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(mode=0o700, exist_ok=True)
        self._passing: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def check(self) -> None:
        if self.stopping.is_set():
            raise Stopping

    def wait(self, seconds: float) -> None:
        """Sleeps, unless the stack is being stopped."""
        if self.stopping.wait(seconds):
            raise Stopping

    def keep(self, command: Command) -> Running:
        """Starts a process that is restarted whenever it ends."""
        self.check()
        running = Running(self, command)
        self.running[command.name] = running
        return running

    def run(self, command: Command) -> None:
        """Runs a process to its end; PROCESS_FAILED when that is not 0."""
        popen, pump = self.open(command, passing=True)
        code = popen.wait()
        pump.join(1.0)  # its last lines are written before anybody reads them
        with self._lock:
            self._passing.discard(popen)
        self.check()
        if code:
            self.failed(command.name, f"exit {code}")

    def failed(self, name: str, reason: str) -> NoReturn:
        raise Rejected(refusals.PROCESS_FAILED, name=name, reason=reason, log=self.log(name))

    def tail(self, name: str) -> list[str]:
        """The last lines of its log, which usually say why it did not start."""
        try:
            return self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        except FileNotFoundError:
            return []

    def open(self, command: Command, *, passing: bool = False) -> tuple[subprocess.Popen[bytes], threading.Thread]:
        """The process, and the thread that writes its log until its output ends."""
        environment = {**os.environ, **command.environment, MARK: str(self._var)}
        uid, gid = command.account or (None, None)
        # Under the lock, so that stop() either sees the process or keeps it from starting.
        with self._lock:
            self.check()
            popen = subprocess.Popen(
                [str(argument) for argument in command.arguments],
                cwd=command.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
            )
            if passing:
                self._passing.add(popen)
        pump = threading.Thread(target=self._pump, args=(command.name, popen), name=f"{command.name} log", daemon=True)
        pump.start()
        return popen, pump

    def _pump(self, name: str, popen: subprocess.Popen[bytes]) -> None:
        path = self.log(name)
        with popen.stdout or io.BytesIO() as output:
            file = path.open("ab")
            for line in output:
                if file.tell() > LOG_BYTES:
                    file.close()
                    path.replace(path.with_suffix(".log.1"))
                    file = path.open("ab")
                file.write(line)
                file.flush()
                self.say(name, line.decode(errors="replace").rstrip())
            file.close()

    def stop(self, waves: Sequence[Sequence[str]]) -> None:
        """Ends everything: what no wave names, then one wave after the other, then what was left over."""
        with self._lock:
            self.stopping.set()
            passing = list(self._passing)
        for popen in passing:
            _end(popen, signal.SIGTERM, 5.0)
        named = {name for wave in waves for name in wave}
        for wave in ([name for name in self.running if name not in named], *waves):
            threads = [
                threading.Thread(target=self.running[name].stop, kwargs={"at_once": self.hurry.is_set()})
                for name in wave
                if name in self.running
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.sweep()

    def sweep(self) -> int:
        """Kills what an earlier supervisor of this `var` left behind; how many there were."""
        mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        left = [process for process in psutil.process_iter() if process.pid not in mine and self._left(process)]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        return len(left)

    def _left(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get(MARK) == str(self._var))
        except psutil.Error:
            return False  # gone, or another user's: not ours


def _end(popen: subprocess.Popen[bytes], stop_signal: signal.Signals, patience: float) -> None:
    if popen.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        popen.send_signal(stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        popen.wait(patience)
    # The group as well: what it started may have outlived it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()
