"""What a person meets who starts and stops the embedded stack, also when something is in the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.layout import ROOT
from deploy.local.process import MARK
from tests.support.parts import until
from tests.support.stack import Stack, environment

BOUND = 240.0  # seconds
UP = [sys.executable, "-m", "deploy.local", "up", "--no-demo"]


def processes_of(var: Path) -> list[int]:
    """All processes that a stack with this state started, and that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(var) or process.cwd() == str(var / "postgres"):
                found.append(process.pid)
        except psutil.Error:
            continue  # gone, or of somebody else
    return found


def started(var: Path, *names: str) -> bool:
    try:
        state = json.loads((var / "run" / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return all(state["processes"].get(name, {}).get("pid") for name in names)


def test_a_taken_port_is_said_in_one_sentence_and_nothing_is_started(tmp_path: Path) -> None:
    settings = environment(tmp_path / "var")
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(settings["VANTHU_DOCS_PORT"])))
        other.listen()
        up = subprocess.run(UP, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=BOUND, check=False)
    assert up.returncode == 1
    said = [line for line in up.stdout.splitlines() if settings["VANTHU_DOCS_PORT"] in line]
    assert len(said) == 2, "one sentence in each language"
    assert all("VANTHU_DOCS_PORT" in line for line in said)
    assert processes_of(tmp_path / "var") == []


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(number, marks=pytest.mark.full) for number in (signal.SIGTERM, signal.SIGHUP))],
)
def test_a_stop_in_the_middle_of_a_start_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    var = tmp_path / "var"
    with (tmp_path / "said").open("w") as said:
        up = subprocess.Popen(UP, cwd=ROOT, env=environment(var), stdout=said, stderr=said, start_new_session=True)
    until(lambda: started(var, "kafka", "postgres"), bound=BOUND, what="a broker and a database that start")
    os.kill(up.pid, number)
    assert up.wait(BOUND) == 130
    assert processes_of(var) == []


def test_a_second_start_says_that_one_is_running(stack: Stack) -> None:
    again = stack.run("deploy.local", "up")
    assert again.returncode == 1
    assert "make stop" in again.stderr
    assert str(stack.state()["pid"]) in again.stderr


def test_a_killed_process_is_started_again_and_this_is_said(stack: Stack) -> None:
    before = stack.state()["processes"]["mail"]["restarts"]
    assert stack.run("deploy.local", "kill", "mail").returncode == 0
    stack.wait_restarted("mail", before + 1)
    until(lambda: "SIGKILL" in stack.log("vanthu"), bound=BOUND, what="the notice of the restart")
