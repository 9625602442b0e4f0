"""The agent as it runs: a process of its own with a terminal of its own, paired by its person, and its command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from vanthu_sign.agent import PORTS

from services.portal.pages.signing import AGENT_PORTS
from tests.clients.agent_browser import PORTAL, Page
from tests.clients.agent_terminal import BOUND, Asking, agent, b64, pair, post


def command(home: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "vanthu_sign", "agent", *arguments],
        env={**os.environ, "VANTHU_SIGN_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_page_and_program_know_the_same_ports() -> None:
    assert AGENT_PORTS == PORTS


def test_a_page_is_paired_by_the_persons_word_in_the_terminal_and_forgotten_by_a_command(tmp_path: Path) -> None:
    with agent(tmp_path, "--port", "0") as terminal:
        port = terminal.port
        state, pairing = pair(terminal, port, "c")
        assert state == "paired"
        assert Page(port, pairing).proven("/v1/status").status == 200
        assert command(tmp_path, "--pairings")[1].startswith(f"{PORTAL}  ")
        assert command(tmp_path, "--forget", "https://other.example")[0] == 1
        assert command(tmp_path, "--forget", PORTAL) == (0, "Đã bỏ 1 ghép nối.\n")
        assert Page(port, pairing).ask("/v1/status").status == 403
        # One agent a person: a second one says so.
        code, said = command(tmp_path, "--port", "0", "--window", "terminal")
        assert code == 1
        assert "agent_already_runs" in said


def test_a_pairing_that_is_refused_is_none_and_the_page_may_not_nag(tmp_path: Path) -> None:
    with agent(tmp_path, "--port", "0") as terminal:
        port = terminal.port
        state, pairing = pair(terminal, port, "k")
        assert state == "refused"
        assert Page(port, pairing).ask("/v1/status").status == 403
        again = Asking(port).begin()
        assert (again.status, again.body["code"]) == (409, "agent_pairing_busy")


def test_a_half_that_is_no_point_is_refused_and_only_one_question_is_asked_at_a_time(tmp_path: Path) -> None:
    with agent(tmp_path, "--port", "0") as terminal:
        port = terminal.port
        page = Asking(port)
        assert post(port, "/v1/pairings", '{"point": "AAAA"}').status == 400
        begun = post(port, "/v1/pairings", f'{{"point": "{b64(bytes([4]) + bytes(64))}"}}')
        assert begun.status == 200
        path = f"/v1/pairings/{begun.body['pairing']}/reveal"
        assert post(port, path, f'{{"nonce": "{b64(page.nonce)}"}}').status == 400
        page.reveal(page.begin())
        terminal.read(r"\[c/K\] ")
        second = Asking(port).begin()
        assert (second.status, second.body["code"]) == (409, "agent_pairing_busy")


def test_with_a_portal_named_no_other_may_ask(tmp_path: Path) -> None:
    with agent(tmp_path, "--port", "0", "--portal", "https://elsewhere.example/") as terminal:
        assert Asking(terminal.port).begin().status == 403
    assert "portal_origin" in command(tmp_path, "--portal", "http://plain.example")[1]


def test_it_takes_the_next_port_when_somebody_elses_agent_has_the_first(tmp_path: Path) -> None:
    with agent(tmp_path / "a") as first:
        taken = first.port
        assert taken in PORTS
        with agent(tmp_path / "b") as second:
            assert second.port in PORTS[PORTS.index(taken) + 1 :]


def test_it_installs_itself_to_start_with_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    code, said = command(tmp_path, "--install", "--window", "tk", "--portal", PORTAL)
    assert code == 0
    written = Path(said.strip()).read_text(encoding="utf-8")
    assert f'"-m" "vanthu_sign" "agent" "--window" "tk" "--portal" "{PORTAL}"' in written
