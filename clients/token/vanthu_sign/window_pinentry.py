"""The window by a pinentry program: small dialogs, and a PIN field that other programs cannot read.

The Assuan protocol, one line a command: https://www.gnupg.org/documentation/manuals/assuan/
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from vanthu_sign.agent_words import WINDOW_FAILED
from vanthu_sign.window import Choice, Proposal, Shown, Verdict, plain, view
from vanthu_sign.words import Refused, say

LISTED = 12  # documents in one dialog; the rest are counted
NOT_CONFIRMED = 114  # gpg-error: the middle button; everything else ends


class Pinentry:
    """One conversation with a pinentry process."""

    def __init__(self) -> None:
        program = os.environ.get("VANTHU_SIGN_PINENTRY") or shutil.which("pinentry")
        if program is None:
            raise Refused(WINDOW_FAILED, why="pinentry")
        try:
            self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise Refused(WINDOW_FAILED, why=error.strerror or program) from error

    def __enter__(self) -> Self:
        self._answer()
        for option in ("lc-ctype=C.UTF-8", *(_terminal() or ())):
            self.say(f"OPTION {option}")
        self.set("TITLE", "vanthu-sign")
        self.set("TIMEOUT", "0")  # a pile is read for longer than the minute that some give by themselves
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait(5)

    def set(self, what: str, text: str) -> None:
        self.say(f"SET{what} {_escaped(text)}")

    def confirm(self) -> int:
        """0 for the first button, else the code of the error."""
        return self.say("CONFIRM")[0]

    def pin(self) -> str | None:
        code, data = self.say("GETPIN")
        return data if code == 0 and data else None

    def say(self, line: str) -> tuple[int, str]:
        assert self._process.stdin is not None  # noqa: S101  opened as a pipe
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Refused(WINDOW_FAILED, why="pinentry") from error
        return self._answer()

    def _answer(self) -> tuple[int, str]:
        assert self._process.stdout is not None  # noqa: S101  opened as a pipe
        data = ""
        while line := self._process.stdout.readline():
            word, _, rest = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            if word == "D":
                data += _unescaped(rest)
            elif word == "OK":
                return 0, data
            elif word == "ERR":
                return int(rest.split()[0]) & 0xFFFF, ""
        raise Refused(WINDOW_FAILED, why="pinentry")


class PinentryWindow:
    def pair(self, origin: str, code: str) -> bool:
        with Pinentry() as dialog:
            asks = say(f"Trang {origin} xin ghép nối với chương trình ký.", f"The page {origin} asks to be paired.")
            same = say(
                "Chỉ đồng ý khi chính bạn đang mở trang đó và trang hiện đúng mã này.",
                "Agree only when you have that page open yourself and it shows this same code.",
            )
            dialog.set("DESC", f"{asks}\n\n{code[:3]} {code[3:]}\n\n{same}")
            dialog.set("OK", say("Mã giống nhau", "The same"))
            dialog.set("CANCEL", say("Không", "No"))
            return dialog.confirm() == 0

    @contextmanager
    def open(self, proposal: Proposal) -> Iterator[PinentryTable]:
        yield PinentryTable(proposal)


class PinentryTable:
    """A dialog cannot take single documents out of a list; who wants that goes through them one by one."""

    def __init__(self, proposal: Proposal) -> None:
        self._proposal = proposal
        self._by_id = {each.document_id: each for each in proposal.documents}

    def choose(self) -> Choice | None:
        every = frozenset(self._by_id)
        with Pinentry() as dialog:
            dialog.set("DESC", self._text())
            dialog.set("OK", say(f"Ký cả {len(every)}", f"Sign all {len(every)}"))
            dialog.set("NOTOK", say("Từng văn bản", "One by one"))
            dialog.set("CANCEL", say("Dừng", "Stop"))
            code = dialog.confirm()
        if code not in {0, NOT_CONFIRMED} or not every:
            return None
        return Choice(every, one_by_one=code == NOT_CONFIRMED)

    def enter_pin(self, why: str) -> str | None:
        with Pinentry() as dialog:
            dialog.set("DESC", self._text())
            dialog.set("PROMPT", say("Mã PIN:", "PIN:"))
            if why:
                dialog.set("ERROR", why)
            return dialog.pin()

    def approve(self, document_id: str, why: str) -> Verdict:
        one = self._by_id[document_id]
        view(one.file)
        with Pinentry() as dialog:
            dialog.set("DESC", "\n".join([*self._proposal.lines(), "", *_about(one), why]))
            dialog.set("OK", say("Ký", "Sign"))
            dialog.set("NOTOK", say("Bỏ qua", "Skip"))
            dialog.set("CANCEL", say("Dừng", "Stop"))
            code = dialog.confirm()
        return "sign" if code == 0 else "skip" if code == NOT_CONFIRMED else "stop"

    def _text(self) -> str:
        shown = self._proposal.documents[:LISTED]
        more = len(self._proposal.documents) - len(shown)
        lines = [*self._proposal.lines(), ""]
        for each in shown:
            lines += _about(each)
        if more:
            lines.append(say(f"… và {more} văn bản nữa", f"… and {more} more"))
        return "\n".join(lines)


def _about(one: Shown) -> list[str]:
    return [f"{one.title} — {plain(one.abstract, 120)}", f"   {one.details}"]


def _terminal() -> tuple[str, ...] | None:
    """A pinentry for terminals draws on ours."""
    if not sys.stdin.isatty():
        return None
    return (f"ttyname={os.ttyname(sys.stdin.fileno())}", f"ttytype={os.environ.get('TERM', 'vt100')}")


def _escaped(text: str) -> str:
    lines = [plain(line, 400) for line in text.split("\n")]
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _unescaped(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)
