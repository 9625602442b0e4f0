"""The window as a conversation in the terminal that the agent was started in."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vanthu_sign.window import Choice, Proposal, Shown, Verdict, plain, view
from vanthu_sign.words import say

TTY = Path("/dev/tty")


class TerminalWindow:
    def pair(self, origin: str, code: str) -> bool:
        _print(
            "",
            say(f"Trang {origin} xin ghép nối với chương trình ký này.", f"The page {origin} asks to be paired."),
            say(f"Mã ghép nối: {code[:3]} {code[3:]}", f"Code: {code[:3]} {code[3:]}"),
            say(
                "Chỉ đồng ý khi chính bạn đang mở trang đó và trang hiện đúng mã này.",
                "Agree only when you have that page open yourself and it shows this same code.",
            ),
        )
        return _ask(say("Mã giống nhau? [c/K] ", "Is the code the same? [y/N] ")) in {"c", "co", "có", "y", "yes"}

    @contextmanager
    def open(self, proposal: Proposal) -> Iterator[TerminalTable]:
        yield TerminalTable(proposal)


class TerminalTable:
    def __init__(self, proposal: Proposal) -> None:
        self._proposal = proposal
        self._by_id = {each.document_id: each for each in proposal.documents}

    def choose(self) -> Choice | None:
        """Numbers take a document out and in again; nothing is signed before the word for it."""
        documents = self._proposal.documents
        kept = {each.document_id for each in documents}
        while True:
            self._list(kept)
            answer = _ask(
                say(
                    "Số: bỏ ra/lấy lại · x SỐ: mở tệp · k: ký hết · m: ký từng văn bản · d: dừng > ",
                    "NUMBER: take out or in · x NUMBER: open the file · k: sign all · m: one by one · d: stop > ",
                )
            )
            named = re.fullmatch(r"(x ?)?(\d{1,4})", answer)
            if named and 0 < int(named[2]) <= len(documents):
                one = documents[int(named[2]) - 1]
                if named[1]:
                    view(one.file)
                else:
                    kept ^= {one.document_id}
            elif answer in {"k", "m"} and kept:
                return Choice(frozenset(kept), one_by_one=answer == "m")
            elif answer in {"d", ""}:
                return None

    def enter_pin(self, why: str) -> str | None:
        if why:
            _print(why)
        try:
            return getpass.getpass(say("Mã PIN của token: ", "Token PIN: ")) or None
        except EOFError:
            return None

    def approve(self, document_id: str, why: str) -> Verdict:
        self._show(self._by_id[document_id])
        if why:
            _print(f"      ! {plain(why)}")
        answer = _ask(say("k: ký · b: bỏ qua · d: dừng > ", "k: sign · b: skip · d: stop > "))
        return "sign" if answer == "k" else "skip" if answer == "b" else "stop"

    def _list(self, kept: set[str]) -> None:
        _print("", *map(plain, self._proposal.lines()), "")
        for number, each in enumerate(self._proposal.documents, 1):
            self._show(each, f"[{'x' if each.document_id in kept else ' '}] {number}. ")

    def _show(self, one: Shown, before: str = "") -> None:
        _print(f"{before}{plain(one.title)} — {plain(one.abstract)}")
        _print(f"      {plain(one.details)}")
        _print(say(f"      tệp sẽ ký: {one.file}", f"      file to be signed: {one.file}"))


def _print(*lines: str) -> None:
    with TTY.open("w", encoding="utf-8") as tty:
        tty.write("\n".join([*lines, ""]))


def _ask(question: str) -> str:
    """The answer; nothing when the terminal is gone."""
    with TTY.open("r+b", buffering=0) as tty:
        tty.write(question.encode())
        return _line(tty.read).decode("utf-8", "replace").strip().lower()


def _line(read: object) -> bytes:
    line = b""
    while True:
        byte = read(1)  # type: ignore[operator]
        if not byte or byte == b"\n":
            return line
        line += byte
