"""The agent in a terminal of its own, and a page's half of a pairing with it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from vanthu_sign.agent_pairing import Pairing

from tests.clients.agent_browser import PORTAL, Reply, raw, request

BOUND = 60.0  # seconds; a process starts slowly beside others


@dataclass(slots=True)
class Terminal:
    """The agent's terminal: what it shows, and keys typed into it."""

    master: int
    process: subprocess.Popen[bytes]
    shown: str = ""
    seen: int = field(default=0)

    def read(self, pattern: str) -> re.Match[str]:
        """Waits until it shows this, after what was read before."""
        until = time.monotonic() + BOUND
        while not (found := re.compile(pattern).search(self.shown, self.seen)):
            assert time.monotonic() < until, f"not shown: {pattern!r}, but {self.shown[self.seen :]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                self.shown += os.read(self.master, 65536).decode("utf-8", "replace")
        self.seen = found.end()
        return found

    def type(self, text: str) -> None:
        self.send(text + "\n")

    def send(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def drain(self) -> None:
        """What it still shows, until its process has ended."""
        until = time.monotonic() + BOUND
        while self.process.poll() is None:
            assert time.monotonic() < until, f"still running: {self.shown[self.seen :]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.master, 65536).decode("utf-8", "replace")
                except OSError:  # the other side is closed
                    return

    @property
    def port(self) -> int:
        return int(self.read(r"127\.0\.0\.1:(\d+)")[1])


@contextmanager
def agent(home: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[Terminal]:
    """`vanthu-sign agent` in a terminal, until the end of the block; then Ctrl-C ends it."""
    command = [sys.executable, "-m", "vanthu_sign", "agent", "--window", "terminal", *arguments]
    own = {"VANTHU_SIGN_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with in_terminal(command, {**(environment or {}), **own}) as terminal:
        yield terminal
        terminal.send("\x03")
        assert terminal.process.wait(BOUND) == 0


@contextmanager
def in_terminal(command: list[str], environment: dict[str, str]) -> Iterator[Terminal]:
    """A program with a terminal of its own, 100 columns by 40 lines; killed at the end of the block if it still runs."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (40, 100))
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: _take_terminal(slave),  # noqa: PLW1509  nothing of this process runs in between
    )
    os.close(slave)
    terminal = Terminal(master, process)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _take_terminal(slave: int) -> None:
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def post(port: int, path: str, body: str, origin: str = PORTAL) -> Reply:
    reply = raw(port, request(port, path, body.encode(), origin=origin))
    assert reply is not None
    return reply


@dataclass(frozen=True, slots=True)
class Asking:
    """A page's half of a pairing."""

    port: int
    origin: str = PORTAL
    own: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    nonce: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def point(self) -> bytes:
        return self.own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def begin(self) -> Reply:
        return post(self.port, "/v1/pairings", f'{{"point": "{b64(self.point)}"}}', self.origin)

    def reveal(self, begun: Reply) -> tuple[str, Pairing]:
        """The six digits as the page shows them, and the pairing as the page keeps it."""
        pairing_id = str(begun.body["pairing"])
        path, nonce_said = f"/v1/pairings/{pairing_id}/reveal", f'{{"nonce": "{b64(self.nonce)}"}}'
        half = post(self.port, path, nonce_said, self.origin).body
        point, nonce = unb64(half["point"]), unb64(half["nonce"])
        assert b64(hashlib.sha256(point + nonce).digest()) == begun.body["commitment"]
        said = hashlib.sha256(
            f"{self.origin}\n{pairing_id}\n".encode() + self.point + point + self.nonce + nonce
        ).digest()
        code = int.from_bytes(hashlib.sha256(b"code" + said).digest()[:8], "big") % 1_000_000
        shared = self.own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        key = HKDF(algorithm=SHA256(), length=32, salt=said, info=b"vanthu-sign pairing 1").derive(shared)
        return f"{code:06d}", Pairing(pairing_id, self.origin, b64(key), "")

    def state(self, pairing: Pairing) -> str:
        return str(post(self.port, f"/v1/pairings/{pairing.id}/state", "{}", self.origin).body["state"])


def pair(terminal: Terminal, port: int, answer: str, origin: str = PORTAL) -> tuple[str, Pairing]:
    """The state that the page hears once the person has answered."""
    page = Asking(port, origin)
    code, pairing = page.reveal(page.begin())
    assert terminal.read(re.escape(origin))
    assert terminal.read(f"{code[:3]} {code[3:]}"), "both show the same six digits"
    terminal.read(r"\[c/K\] ")
    assert page.state(pairing) == "asking"
    terminal.type(answer)
    terminal.read("pairing with")
    return page.state(pairing), pairing
