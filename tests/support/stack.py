"""The whole of Vanthu, started as `make run` starts it, in a directory and on ports of this test run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local import jars
from deploy.local.layout import PORTS, ROOT, Layout, variable
from tests.support.parts import free_ports, scratch, until

START_BOUND = 400.0  # seconds, on two cores with everything else that a test run does
RESTART_BOUND = 180.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: `environment` is what its programs (the demo, the token client) are run with."""

    layout: Layout
    environment: dict[str, str]

    def url(self, service: str) -> str:
        """Of a service, of `devpki` or of `mail` (the catcher's page)."""
        return self.layout.url(service)

    def run(self, *arguments: str, bound: float = START_BOUND) -> subprocess.CompletedProcess[str]:
        """Runs `python -m …` beside the stack; the caller looks at the exit code."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=bound,
            check=False,
        )

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.layout.var / "run" / "state.json").read_text(encoding="utf-8"))
        return state

    def kill(self, name: str) -> None:
        """SIGKILL to one process by its name (`docs`, `docs-worker`, `kafka` …); the stack starts it again."""
        pid = until(lambda: self.state()["processes"][name]["pid"], bound=RESTART_BOUND, what=f"{name} running")
        os.kill(pid, signal.SIGKILL)

    def wait_restarted(self, name: str, restarts: int) -> None:
        """Until that process was started again for the `restarts`-th time."""

        def again() -> bool:
            process = self.state()["processes"][name]
            return bool(process["restarts"] >= restarts and process["pid"])

        until(again, bound=RESTART_BOUND, what=f"{name} started again")

    def log(self, name: str) -> str:
        return (self.layout.var / "log" / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def environment(var: Path) -> dict[str, str]:
    """For a stack of its own in `var`, on free ports, with this run's download cache."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VANTHU_") and name != "TZ"}
    return {
        **kept,
        **{variable(name): str(port) for name, port in ports.items()},
        "VANTHU_VAR": str(var),
        "VANTHU_CACHE": str(jars.cache_directory(var)),
    }


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One for the whole run: a test that breaks something mends it."""
    with scratch("stack") as var:
        settings = environment(var)
        ports = {name: int(settings[variable(name)]) for name in PORTS}
        running = Stack(Layout(var=var, cache=Path(settings["VANTHU_CACHE"]), ports=ports), settings)
        try:
            started = running.run("deploy.local", "up", "--detach")
            assert started.returncode == 0, started.stdout + started.stderr
            yield running
        finally:
            running.run("deploy.local", "down")
