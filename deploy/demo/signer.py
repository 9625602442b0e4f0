"""The leader's program as it is: `vanthu-sign` in a process of its own, with the demo token and its PIN on stdin."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.demo.people import Person, Unexpected, expect


class Signer:
    """One leader's vanthu-sign: its own home, its own token."""

    def __init__(self, home: Path, token: dict[str, str]) -> None:
        self.token = token
        self.environment = os.environ | {
            "VANTHU_SIGN_HOME": str(home),
            "VANTHU_SIGN_MODULE": token["module"],
            "SOFTHSM2_CONF": token["softhsm2_conf"],
            "PYTHONUNBUFFERED": "1",
        }

    def log_in(self, portal: str, leader: Person) -> None:
        """The program shows a code, the leader types it into the browser."""
        program = self._start("login", "--portal", portal)
        assert program.stdout is not None  # noqa: S101  opened as a pipe
        line = program.stdout.readline()
        code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", line)
        if code is None:
            program.kill()
            raise Unexpected(f"vanthu-sign login showed no code: {line!r}")
        leader.approve(code.group())
        rest, errors = program.communicate(timeout=90)
        expect(program.returncode == 0, f"vanthu-sign login: {rest} {errors}")

    def tasks(self) -> list[dict[str, Any]]:
        """What waits for the leader, as `vanthu-sign list --json` prints it."""
        code, said, errors = self.run("list", "--json")
        expect(code == 0, f"vanthu-sign list: {errors}")
        return [json.loads(line) for line in said.splitlines()]

    def sign(self, *documents: str, pin: str | None = None, more: tuple[str, ...] = ()) -> tuple[int, str, str]:
        """Sign these; the PIN goes in once. Returns exit code, output, errors."""
        chosen = ("sign", *documents, "--yes", "--pin-stdin", "--token", self.token["token_label"], *more)
        return self.run(*chosen, said=f"{pin if pin is not None else self.token['pin']}\n")

    def run(self, *arguments: str, said: str = "") -> tuple[int, str, str]:
        program = self._start(*arguments)
        output, errors = program.communicate(said, timeout=300)
        return program.returncode, output, errors

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "vanthu_sign", *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
