"""The window on a display, by Tk, in a process of its own: its main loop wants the main thread, and a toolkit that
crashes must not take the agent along. Question and answer are one JSON object a line over its pipes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from vanthu_sign.agent_words import WINDOW_FAILED
from vanthu_sign.window import Choice, Proposal, Verdict
from vanthu_sign.words import Refused

_VERDICTS: dict[str, Verdict] = {"sign": "sign", "skip": "skip"}


class Screen:
    """The process that draws."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vanthu_sign.window_tk_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def tell(self, what: str, **said: Any) -> None:
        assert self._process.stdin is not None  # noqa: S101  opened as a pipe
        try:
            self._process.stdin.write(json.dumps({"what": what, **said}) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Refused(WINDOW_FAILED, why=self._last_words()) from error

    def ask(self, what: str, **said: Any) -> Any:
        assert self._process.stdout is not None  # noqa: S101  opened as a pipe
        self.tell(what, **said)
        line = self._process.stdout.readline()
        if not line:
            raise Refused(WINDOW_FAILED, why=self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        """What the toolkit said when it died, for instance that there is no display."""
        self._process.kill()
        said = self._process.stderr.read() if self._process.stderr else ""
        return (said.strip().splitlines() or ["Tk"])[-1][:200]


class TkWindow:
    def pair(self, origin: str, code: str) -> bool:
        with Screen() as screen:
            return bool(screen.ask("pair", origin=origin, code=code))

    @contextmanager
    def open(self, proposal: Proposal) -> Iterator[TkTable]:
        with Screen() as screen:
            yield TkTable(screen, proposal)


class TkTable:
    def __init__(self, screen: Screen, proposal: Proposal) -> None:
        self._screen = screen
        shown = [
            {
                "document_id": each.document_id,
                "title": each.title,
                "abstract": each.abstract,
                "details": each.details,
                "file": str(each.file),
                "picture": str(each.picture or ""),
            }
            for each in proposal.documents
        ]
        screen.tell("show", lines=proposal.lines(), documents=shown)

    def choose(self) -> Choice | None:
        found = self._screen.ask("choose")
        return Choice(frozenset(found["documents"]), bool(found["one_by_one"])) if found else None

    def enter_pin(self, why: str) -> str | None:
        found = self._screen.ask("pin", why=why)
        return str(found) if found else None

    def approve(self, document_id: str, why: str) -> Verdict:
        return _VERDICTS.get(str(self._screen.ask("approve", document_id=document_id, why=why)), "stop")
