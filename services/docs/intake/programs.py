"""The programs of other people that intake uses when the machine has them: LibreOffice and Tesseract, each in a bounded
process of its own session, killed with all its children when its time is over.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.docs.intake import refusals
from shared.errors import Rejected

CONVERT_SECONDS = 120.0
READ_SECONDS = 120.0  # a page
MAX_OUTPUT = 512 * 1024  # blocks of 1 KB that a program may write into one file
LANGUAGE = "vie"

# No macro runs, nothing is fetched from a link in the document, no dialogue waits for somebody.
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where they are; None: this machine has none. `clamd` is its address, empty when it is not configured."""

    soffice: str | None
    tesseract: str | None
    clamd: str = ""


def find(*, clamd: str = "", soffice: str = "", tesseract: str = "") -> Programs:
    """What this machine has; a name or path that is given is taken instead of the usual names."""
    reader = _which(tesseract, "tesseract")
    return Programs(
        soffice=_which(soffice, "soffice", "libreoffice"),
        tesseract=reader if reader and LANGUAGE in _languages(reader) else None,
        clamd=clamd,
    )


def _which(given: str, *names: str) -> str | None:
    return next((path for name in ((given,) if given else names) if (path := shutil.which(name))), None)


def _languages(tesseract: str) -> list[str]:
    with suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run([tesseract, "--list-langs"], capture_output=True, text=True, check=False, timeout=20)
        return (said.stdout + said.stderr).split()
    return []


def convert(soffice: str, source: Path, name: str) -> bytes:
    """The PDF that LibreOffice makes of a DOCX or ODT; Rejected(converter_failed) when it makes none in time."""
    with tempfile.TemporaryDirectory(prefix="vanthu-convert-") as made:
        folder = Path(made)
        user = folder / "profile" / "user"
        user.mkdir(parents=True)
        (user / "registrymodifications.xcu").write_text(_PROFILE, encoding="utf-8")
        out = folder / "out"
        arguments = [
            soffice,
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            "--norestore",
            "--nolockcheck",
            "--nodefault",
            "--convert-to",
            "pdf:writer_pdf_Export",
            "--outdir",
            str(out),
            str(source),
        ]
        run(arguments, folder=folder, seconds=CONVERT_SECONDS, environment={"HOME": made})
        pdf = next(iter(out.glob("*.pdf")), None) if out.exists() else None
        data = pdf.read_bytes() if pdf else b""
    if not data.startswith(b"%PDF-"):
        raise Rejected(refusals.CONVERTER_FAILED, name=name)
    return data


def read(tesseract: str, page: Path, name: str) -> str:
    """The text that Tesseract recognises on a page's picture, Vietnamese; Rejected(reader_failed)."""
    target = page.with_suffix("")
    code = run(
        [tesseract, str(page), str(target), "-l", LANGUAGE, "--psm", "3"],
        folder=page.parent,
        seconds=READ_SECONDS,
        environment={"OMP_THREAD_LIMIT": "1"},
    )
    text = target.with_suffix(".txt")
    if code != 0 or not text.exists():
        raise Rejected(refusals.READER_FAILED, name=name)
    return text.read_text(encoding="utf-8", errors="replace").replace("\f", "")


def run(arguments: Sequence[str], *, folder: Path, seconds: float, environment: Mapping[str, str]) -> int:
    """The exit code; -9 when it was ended because its time was over. Nothing of our environment but the path goes along."""
    limited = ["sh", "-c", f'ulimit -f {MAX_OUTPUT}; exec "$@"', "limited", *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TESSDATA_PREFIX") if name in os.environ}
    process = subprocess.Popen(
        limited,
        cwd=folder,
        env={"LANG": "C.UTF-8", **kept, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
    finally:
        # LibreOffice's launcher may be gone while its child goes on.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
