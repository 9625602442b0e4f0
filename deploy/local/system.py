"""Programs that only the system's package manager has: found, or installed where that is permitted.

`python -m deploy.local.system softhsm chromium …`: the tests need what the Makefile names, the stack itself SoftHSM2.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

INSTALL_BOUND = 600.0  # seconds
# Packages' names differ; a manager that is not here is not tried.
MANAGERS: Mapping[str, str] = {
    "apt-get": "apt-get install -y --no-install-recommends",
    "dnf": "dnf install -y",
    "apk": "apk add",
    "brew": "brew install",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """`found` says whether the machine has it; `packages` are its packages by package manager."""

    name: str
    found: Callable[[], bool]
    packages: Mapping[str, str]


WINDOWS = ("Xvfb", "xdotool", "pinentry-curses")


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "softhsm",
            lambda: softhsm_module() is not None and shutil.which("softhsm2-util") is not None,
            {"apt-get": "softhsm2", "dnf": "softhsm", "apk": "softhsm", "brew": "softhsm"},
        ),
        Tool(
            "chromium",
            _program("chromium", "chromium-browser", "google-chrome"),
            # With a font that has every Vietnamese letter, or the screenshots show boxes.
            {"apt-get": "chromium fonts-noto-core", "dnf": "chromium google-noto-sans-fonts", "apk": "chromium"},
        ),
        # A screen and a pinentry of its own for the signing client's windows.
        Tool(
            "windows", lambda: all(map(shutil.which, WINDOWS)), dict.fromkeys(MANAGERS, "xvfb xdotool pinentry-curses")
        ),
        Tool("qpdf", _program("qpdf"), dict.fromkeys(MANAGERS, "qpdf")),
        Tool(
            "poppler",
            _program("pdftoppm"),
            {"apt-get": "poppler-utils", "dnf": "poppler-utils", "apk": "poppler-utils", "brew": "poppler"},
        ),
        # Intake: an IMAP server to read mails from, a virus scanner (its signatures are the test's own), Vietnamese OCR.
        Tool(
            "dovecot",
            _program("dovecot", "/usr/sbin/dovecot"),
            dict.fromkeys(MANAGERS, "dovecot") | {"apt-get": "dovecot-imapd"},
        ),
        Tool(
            "clamd",
            _program("clamd", "/usr/sbin/clamd"),
            {"apt-get": "clamav-daemon", "dnf": "clamd", "apk": "clamav-daemon", "brew": "clamav"},
        ),
        Tool(
            "tesseract",
            _program("tesseract"),
            {
                "apt-get": "tesseract-ocr tesseract-ocr-vie",
                "dnf": "tesseract tesseract-langpack-vie",
                "apk": "tesseract-ocr tesseract-ocr-data-vie",
                "brew": "tesseract tesseract-lang",
            },
        ),
        # Intake makes a PDF of a DOCX or ODT with it; 84 MB to fetch.
        Tool(
            "libreoffice",
            _program("soffice"),
            {
                "apt-get": "libreoffice-writer-nogui",
                "dnf": "libreoffice-writer",
                "apk": "libreoffice-writer",
                "brew": "libreoffice",
            },
        ),
        # Lets one process have a wrong clock.
        Tool(
            "faketime",
            lambda: faketime_library() is not None,
            {"apt-get": "libfaketime", "dnf": "libfaketime", "apk": "libfaketime", "brew": "libfaketime"},
        ),
    )
}
FAKETIME_LIBRARIES = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib/libfaketimeMT.so.1",
)
SOFTHSM_LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/*/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


def faketime_library() -> Path | None:
    """What LD_PRELOAD names so that a process sees the clock that FAKETIME says."""
    found = (path for pattern in FAKETIME_LIBRARIES for path in sorted(Path("/").glob(pattern.removeprefix("/"))))
    return next(found, None)


def softhsm_module() -> Path | None:
    """The PKCS#11 library of SoftHSM2: the one that VANTHU_PKCS11_MODULE names, else where distributions put it."""
    chosen = os.environ.get("VANTHU_PKCS11_MODULE")
    found = [Path(chosen)] if chosen else []
    for pattern in SOFTHSM_LIBRARIES:
        found += sorted(Path("/").glob(pattern.removeprefix("/")))
    return next((path for path in found if path.exists()), None)


def provide(names: Iterable[str]) -> list[str]:
    """Installs what is missing, if that is permitted without asking; the names that are still missing."""
    missing = [name for name in names if not TOOLS[name].found()]
    manager = _manager()
    if not missing or manager is None:
        return missing
    prefix = _permission(manager)
    if prefix is None:
        return missing
    if manager == "apt-get":
        # A new machine has no package lists yet, an old list may name files that are gone.
        _try([*prefix, "apt-get", "update"])
    packages = " ".join(TOOLS[name].packages.get(manager, "") for name in missing)
    _try([*prefix, *MANAGERS[manager].split(), *packages.split()])
    return [name for name in missing if not TOOLS[name].found()]


def command(names: Iterable[str]) -> str:
    """What a person types to install them."""
    manager = _manager() or "apt-get"
    packages = " ".join(TOOLS[name].packages.get(manager, name) for name in names)
    return f"{'' if manager == 'brew' else 'sudo '}{MANAGERS[manager]} {packages}"


def _manager() -> str | None:
    return next((name for name in MANAGERS if shutil.which(name)), None)


def _permission(manager: str) -> list[str] | None:
    """What stands before the command: nothing for root and brew, `sudo -n` where that asks no password."""
    if manager == "brew" or os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _try(arguments: list[str]) -> None:
    """What counts is whether the program is there afterwards."""
    try:
        subprocess.run(
            arguments,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,
            timeout=INSTALL_BOUND,
            # A Ctrl-C to us must not leave the machine's package database half-written.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        print(f"{' '.join(arguments)}: > {INSTALL_BOUND:.0f} s", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.system", description=__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(TOOLS))
    missing = provide(parser.parse_args().names)
    if missing:
        print(f"Thiếu {', '.join(missing)} và không được phép tự cài; hãy gõ `{command(missing)}` rồi chạy lại.")
        print(f"{', '.join(missing)} missing, not installable from here; type `{command(missing)}` and run again.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
