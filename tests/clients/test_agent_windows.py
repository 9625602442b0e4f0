"""The windows as a person meets them: real keys into a real Tk window on a real X server, and into a real pinentry.

The terminal's window is driven where a leader signs from the browser (tests/web/test_signing_page.py).
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from vanthu_sign import window
from vanthu_sign.words import Refused

from tests.clients.agent_terminal import BOUND, Terminal, in_terminal
from tests.support.parts import until

PIN = "48213975"
ASK = str(Path(__file__).parent / "ask_window.py")
ROOT = str(Path(__file__).parent.parent.parent)

on_display = pytest.mark.skipif(
    find_spec("_tkinter") is None or not shutil.which("Xvfb") or not shutil.which("xdotool"),
    reason="needs a Python with Tk, and: sudo apt-get install xvfb xdotool",
)
by_pinentry = pytest.mark.skipif(
    not shutil.which("pinentry-curses"), reason="needs: sudo apt-get install pinentry-curses"
)


# --- Tk


@dataclass(frozen=True, slots=True)
class Display:
    """A screen of its own; its picture lies in a file as X servers write it (XWD)."""

    name: str
    memory: Path

    def picture(self, name: str) -> None:
        """For the README, when a folder for its pictures is named."""
        folder = os.environ.get("VANTHU_SCREENSHOTS")
        if not folder:
            return
        data = self.memory.read_bytes()
        header = struct.unpack(">25I", data[:100])
        width, height, line, start = header[4], header[5], header[12], header[0] + 12 * header[19]
        pixels = data[start : start + line * height]
        shown = Image.frombuffer("RGB", (width, height), pixels, "raw", "BGRX", line, 1)
        shown.crop(shown.getbbox()).save(Path(folder) / f"{name}.png")  # the bare screen around it is black


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    """An X server; it says which number it took."""
    folder = tmp_path_factory.mktemp("screen")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(writing),
            "-screen",
            "0",
            "1040x828x24",
            "-nolisten",
            "tcp",
            "-noreset",
            "-fbdir",
            str(folder),
        ],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as said:
        number = said.readline().strip()
    yield Display(f":{number}", folder / "Xvfb_screen0")
    server.terminate()
    server.wait(60)


class Screen:
    """Keys for the one window of a display, until its question is answered."""

    def __init__(self, display: Display, process: subprocess.Popen[bytes], answer: Path) -> None:
        self._environment = {**os.environ, "DISPLAY": display.name}
        self._display, self._process, self._answer = display, process, answer
        self._tool("search", "--sync", "--onlyvisible", "--name", "^vanthu-sign$")
        # It is seen before it has the focus, and keys typed in between go elsewhere.
        until(self._has_focus, bound=BOUND, what="the window's focus")

    def _has_focus(self) -> bool:
        command = ["xdotool", "getwindowfocus", "getwindowname"]
        done = subprocess.run(command, env=self._environment, check=False, timeout=BOUND, capture_output=True)
        return done.stdout.strip() == b"vanthu-sign"

    def show(self) -> None:
        """Until the window has drawn what was typed: its picture does not change any more."""
        last, end = b"", time.monotonic() + BOUND
        while (now := self._display.memory.read_bytes()) != last or len(set(now)) < 40:
            assert time.monotonic() < end, "the window did not draw itself"
            last = now
            self._tool("getmouselocation")  # a round trip to the server

    def keys(self, *names: str) -> None:
        self._tool("key", "--delay", "20", *names)

    def type(self, text: str) -> None:
        self._tool("type", "--delay", "20", text)

    def press_until_answered(self, key: str = "Return") -> Any:
        """The window is deaf for a moment, lest keys that were meant for another window decide anything."""
        end = time.monotonic() + BOUND
        while self._process.poll() is None:
            assert time.monotonic() < end, "the window did not answer"
            self.keys(key)
        assert self._process.returncode == 0
        return json.loads(self._answer.read_text(encoding="utf-8"))

    def _tool(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self._environment, check=True, timeout=BOUND, capture_output=True)


@contextmanager
def on_screen(display: Display, question: str, answer: Path) -> Iterator[Screen]:
    environment = {**os.environ, "DISPLAY": display.name, "PYTHONPATH": ROOT}
    process = subprocess.Popen([sys.executable, ASK, "tk", question, str(answer)], env=environment)
    try:
        yield Screen(display, process, answer)
    finally:
        process.kill()
        process.wait()


@on_display
def test_a_person_signs_all_with_one_pin_in_the_window(display: Display, tmp_path: Path) -> None:
    with on_screen(display, "pin", tmp_path / "answer") as screen:
        screen.type(PIN)
        screen.show()
        display.picture("signing-window")
        assert screen.press_until_answered() == {
            "documents": ["document-1", "document-2"],
            "one_by_one": False,
            "pin": PIN,
        }


@on_display
def test_a_document_is_taken_out_with_the_keyboard_alone(display: Display, tmp_path: Path) -> None:
    with on_screen(display, "choose", tmp_path / "answer") as screen:
        screen.type(PIN)
        screen.keys("Tab", "Tab", "Tab", "Tab", "space")  # both buttons, Stop, then the first document's box
        screen.keys("shift+Tab", "shift+Tab", "shift+Tab", "shift+Tab")
        assert screen.press_until_answered()["documents"] == ["document-2"]


@on_display
def test_enter_is_no_yes_to_a_single_document(display: Display, tmp_path: Path) -> None:
    with on_screen(display, "approve", tmp_path / "answer") as screen:
        screen.keys("Return", "Return")
        assert screen.press_until_answered("space") == "sign"


@on_display
def test_a_pairing_is_agreed_to_by_a_button_and_nothing_else(display: Display, tmp_path: Path) -> None:
    with on_screen(display, "pair", tmp_path / "answer") as screen:
        screen.keys("Return", "space")
        screen.keys("Tab", "Tab")
        assert screen.press_until_answered("space") is True


def test_without_a_display_a_window_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(Refused) as refused:
        window.choose("tk")().pair("https://vanthu.example", "402117")
    assert refused.value.code == "window_failed"


# --- pinentry


@contextmanager
def dialog(question: str, answer: Path) -> Iterator[Terminal]:
    """A pinentry that draws on a terminal of its own."""
    program = shutil.which("pinentry-curses") or ""
    environment = {"VANTHU_SIGN_PINENTRY": program, "TERM": "xterm", "PYTHONPATH": ROOT, "DISPLAY": ""}
    with in_terminal([sys.executable, ASK, "pinentry", question, str(answer)], environment) as terminal:
        yield terminal
        assert terminal.process.wait(BOUND) == 0


@by_pinentry
def test_pinentry_shows_what_is_signed_and_takes_the_pin(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    with dialog("pin", answer) as terminal:
        terminal.read("vanthu.example")
        terminal.read("thứ 2")
        terminal.read("Ký cả 2")
        terminal.send("\r")
        terminal.read("PIN:")
        terminal.send(PIN + "\r")
        terminal.drain()
    found = json.loads(answer.read_text())
    assert found == {"documents": ["document-1", "document-2"], "one_by_one": False, "pin": PIN}
    assert PIN not in terminal.shown


@by_pinentry
@pytest.mark.parametrize(("keys", "verdict"), [("\r", "sign"), ("\t\r", "skip"), ("\t\t\r", "stop")])
def test_pinentry_asks_about_each_document(tmp_path: Path, keys: str, verdict: str) -> None:
    answer = tmp_path / "answer"
    with dialog("approve", answer) as terminal:
        terminal.read("thứ 1")
        terminal.send(keys)
        terminal.drain()
    assert json.loads(answer.read_text()) == verdict


@by_pinentry
@pytest.mark.parametrize(("keys", "agreed"), [("\r", True), ("\t\r", False)])
def test_pinentry_pairs(tmp_path: Path, keys: str, agreed: bool) -> None:  # noqa: FBT001  a parameter
    answer = tmp_path / "answer"
    with dialog("pair", answer) as terminal:
        terminal.read("402 117")
        terminal.send(keys)
        terminal.drain()
    assert json.loads(answer.read_text()) is agreed
