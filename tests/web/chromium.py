"""The browser for the tests: Debian's Chromium, found or, where this user may, installed; never one downloaded by a tool."""

from __future__ import annotations

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# As root there is no sandbox of its own to be had; what would call home stays off.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INSTALL = ("apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-noto-core")
WHAT_TO_TYPE = "no Chromium here; type: sudo apt-get install chromium fonts-noto-core (or set VANTHU_CHROMIUM)"


def find() -> str | None:
    """The program's path: VANTHU_CHROMIUM, or by its usual names, or installed now; None when it can't be had."""
    given = os.environ.get("VANTHU_CHROMIUM")
    if given:
        return given
    if found := _on_path():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(INSTALL, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return _on_path()


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
