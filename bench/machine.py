"""What a figure was measured on: facts that say nothing about when or for whom."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path

import psutil
from cryptography.hazmat.backends.openssl import backend


def facts() -> dict[str, str]:
    """Processor, cores, memory, Python and both OpenSSL libraries (the system's program, the one in `cryptography`)."""
    cpu = re.search(r"^model name\s*: (.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB$", _read("/proc/meminfo"), re.MULTILINE)
    return {
        "processor": cpu[1] if cpu else platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory[1]) / 1024 / 1024:.0f} GB" if memory else "",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load by others at the start": f"{os.getloadavg()[0]:.1f}",
        "openssl program": " ".join(_run("openssl", "version").split()[:2]),
        "openssl in cryptography": " ".join(backend.openssl_version_text().split()[:2]),
    }


class Others:
    """How many cores others have kept busy since this was made: all processors' time without our processes'."""

    def __init__(self) -> None:
        self._began, self._start = time.monotonic(), self._busy()

    def cores(self) -> float:
        return max(0.0, (self._busy() - self._start) / (time.monotonic() - self._began))

    @staticmethod
    def _busy() -> float:
        """Seconds; of our children those that still run, and those that we have waited for."""
        now, mine = psutil.cpu_times(), os.times()
        busy = now.user + now.nice + now.system
        children = (child.cpu_times() for child in psutil.Process().children(recursive=True))
        ours = mine.user + mine.system + mine.children_user + mine.children_system
        return float(busy - ours - sum(child.user + child.system for child in children))


def openssl_signs(algorithm: str, seconds: int) -> float:
    """Signatures a second by `openssl speed` on one core; `algorithm` as that program names it (`ecdsap256`).

    By the clock on the wall, as everything else here: what others do on the machine slows both sides.
    """
    said = _run("openssl", "speed", "-elapsed", "-mr", "-seconds", str(seconds), algorithm)
    # +F2:which:bits:sign:verify for RSA, +F4 for ECDSA; some releases write seconds a signature, others signatures a second.
    line = re.search(r"^\+F[24]:\d+:\d+:([0-9.e+-]+):", said, re.MULTILINE)
    if line is None:
        raise RuntimeError(f"openssl speed {algorithm} said nothing that is understood:\n{said[-400:]}")
    figure = float(line[1])
    return figure if figure > 1 else 1 / figure


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout + done.stderr


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
