"""HTTP calls and the OpenSSL program, to judge the development PKI from outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.devpki.hierarchy import Identity
from deploy.devpki.server import Running


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(url: str, body: bytes | None = None, **headers: str) -> Reply:
    """POSTs `body`, or GETs without one; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=named)  # noqa: S310 - http on loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
            return Reply(reply.status, reply.headers["Content-Type"], reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers["Content-Type"], error.read())


class Openssl:
    """The `openssl` program with files in a directory of the test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        program = shutil.which("openssl")
        assert program, (
            "the tests of the development PKI need the openssl program: install it (apt-get install openssl)"
        )
        self.program = program

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it said (both streams). Fails the test when it ends with another code."""
        done = subprocess.run(
            [self.program, *arguments], cwd=self.home, capture_output=True, text=True, timeout=60, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"openssl {' '.join(arguments)}: {done.returncode}\n{said}"
        return said

    def write(self, name: str, content: bytes) -> str:
        (self.home / name).write_bytes(content)
        return name


def own_certificates(pki: Running) -> dict[str, Identity]:
    hierarchy = pki.pki.hierarchy
    return {
        "root": hierarchy.root.ca,
        "root-ocsp": hierarchy.root.ocsp,
        "issuing": hierarchy.issuing.ca,
        "issuing-ocsp": hierarchy.issuing.ocsp,
        "tsa": hierarchy.tsa,
    }
