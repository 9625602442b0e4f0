"""The window in which a person sees what will be signed and types the PIN: owned by this program, never by a browser.

What a window is depends on the machine: Tk where there is a display, a pinentry program, or the terminal that the agent
was started in. They differ in how they show things, not in what they show.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from vanthu_sign.agent_words import NO_WINDOW
from vanthu_sign.words import Refused, say

KINDS = ("tk", "pinentry", "terminal")


@dataclass(frozen=True, slots=True)
class Shown:
    """One document as the person judges it; `file` is exactly what the signature will cover."""

    document_id: str
    kind: str
    symbol: str
    abstract: str
    addressee: str
    pages: int | None
    file: Path
    picture: Path | None = None  # its first page, drawn here

    @property
    def title(self) -> str:
        """Kind, number and symbol: how a document is called in the office."""
        return " ".join(part for part in (self.kind, self.symbol) if part)

    @property
    def details(self) -> str:
        pages = say(f"{self.pages} trang", f"{self.pages} pages") if self.pages else ""
        to = say(f"gửi {self.addressee}", f"to {self.addressee}") if self.addressee else ""
        return " · ".join(part for part in (to, pages) if part)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A sitting before the PIN: for which portal, who signs with what, and which documents."""

    origin: str
    person: str
    certificate: str
    token: str
    documents: tuple[Shown, ...]
    pin_each: bool  # the token asks for the PIN at every signature (CKA_ALWAYS_AUTHENTICATE)

    def lines(self) -> list[str]:
        """What every window says on top."""
        asked = say("Trang yêu cầu ký: ", "Asked by: ") + self.origin
        who = say("Người ký: ", "Signer: ") + self.person
        what = say("Chứng thư: ", "Certificate: ") + self.certificate + f" · token {self.token}"
        each = say("Token này hỏi PIN cho từng văn bản.", "This token asks for the PIN for each document.")
        return [asked, who, what, *([each] if self.pin_each else [])]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person wants signed; `one_by_one`: each is decided on by itself before the PIN."""

    documents: frozenset[str]
    one_by_one: bool


Verdict = Literal["sign", "skip", "stop"]


class Table(Protocol):
    """A sitting's window while it is open."""

    def choose(self) -> Choice | None:
        """None when the person stops before the PIN."""

    def enter_pin(self, why: str) -> str | None:
        """The PIN, once; `why` says what was wrong with the last one, or which document it is for."""

    def approve(self, document_id: str, why: str) -> Verdict:
        """What becomes of this document; `why` says what changed in it since it was shown."""


class Window(Protocol):
    """How this program talks with the person at this machine."""

    def pair(self, origin: str, code: str) -> bool:
        """The person says that the portal's page at `origin` shows the same code, or not."""

    def open(self, proposal: Proposal) -> AbstractContextManager[Table]:
        """The window of one sitting; closed at the end of the block."""


def choose(kind: str | None) -> Callable[[], Window]:
    """The window asked for, else the best that this machine has; Refused(no_window) when it has none."""
    from vanthu_sign.window_pinentry import PinentryWindow
    from vanthu_sign.window_terminal import TerminalWindow
    from vanthu_sign.window_tk import TkWindow

    makers: dict[str, Callable[[], Window]] = {
        "tk": TkWindow,
        "pinentry": PinentryWindow,
        "terminal": TerminalWindow,
    }
    if kind:
        return makers[kind]
    found = next((name for name in KINDS if _is_there(name)), None)
    if found is None:
        raise Refused(NO_WINDOW)
    return makers[found]


def _is_there(kind: str) -> bool:
    if kind == "tk":
        return find_spec("tkinter") is not None and find_spec("_tkinter") is not None and has_display()
    if kind == "pinentry":
        return shutil.which("pinentry") is not None and (has_display() or sys.stdin.isatty())
    return Path("/dev/tty").exists() and sys.stdin.isatty()


def has_display() -> bool:
    """Windows and macOS always have one; elsewhere the session says so."""
    return sys.platform in {"win32", "darwin"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def plain(text: str, limit: int = 300) -> str:
    """Somebody else's text on one line: control characters would move a terminal's cursor and rewrite what stands there."""
    return "".join(c if c.isprintable() else " " for c in text)[:limit]


def view(file: Path) -> None:
    """The whole file in the person's own viewer."""
    opener = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
    if shutil.which(opener):
        subprocess.Popen(
            [opener, str(file)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
