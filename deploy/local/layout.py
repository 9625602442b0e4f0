"""Where one embedded stack keeps its state, which ports it takes and its passwords, all from the environment.

Two stacks with different VANTHU_VAR and ports live side by side and share only the download cache.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import jars, refusals
from shared.errors import Rejected

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
SERVICES = ("docs", "signing", "registry", "notify", "portal")

PORTS: Mapping[str, int] = {
    "portal": 8080,
    "docs": 8081,
    "signing": 8082,
    "registry": 8083,
    "notify": 8084,
    "devpki": 8085,
    "mail": 8086,
    "smtp": 8025,
    "portal_worker": 8180,
    "docs_worker": 8181,
    "signing_worker": 8182,
    "registry_worker": 8183,
    "notify_worker": 8184,
    "kafka": 19092,
    "kafka_controller": 19093,
    "postgres": 15432,
}


def variable(port: str) -> str:
    return f"VANTHU_{port.upper()}_PORT"


@dataclass(frozen=True, slots=True)
class Layout:
    """`ports` has the keys of PORTS; `var` and `cache` are absolute."""

    var: Path
    cache: Path
    ports: Mapping[str, int]

    @classmethod
    def from_environment(cls) -> Layout:
        var = Path(os.environ.get("VANTHU_VAR") or ROOT / "var").absolute()
        return cls(var=var, cache=jars.cache_directory(var), ports={name: _port(name) for name in PORTS})

    def url(self, port: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[port]}"

    def directory(self, first: str, *parts: str) -> Path:
        """Of ours alone: documents, logs and keys are nobody else's on this machine."""
        self.var.mkdir(parents=True, exist_ok=True)
        own = self.var / first
        own.mkdir(mode=0o700, exist_ok=True)
        path = own.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """The password of that name: made at the first asking, for the owner's eyes only (mode 0600)."""
        folder = self.directory("secrets")
        path = folder / name
        if not path.exists():
            # Written beside and linked: two processes that ask at once read the same password.
            draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
            draft.touch(mode=0o600)
            draft.write_text(make(), encoding="ascii")
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                pass  # the other process was first; its password is read below
            finally:
                draft.unlink()
        return path.read_text(encoding="ascii")

    def pin(self, name: str) -> str:
        """A token's PIN, eight digits as people type them; kept like a password."""
        return self.secret(f"pin-{name}", make=lambda: f"{secrets.randbelow(10**8):08d}")

    def check_ports(self) -> None:
        """Said before anything is started, so that nothing half-started stays behind."""
        for name, port in self.ports.items():
            with socket.socket() as probe:
                # As servers do: a connection that is still closing (TIME_WAIT) does not count as taken.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((LOOPBACK, port))
                except OSError as error:
                    raise Rejected(refusals.PORT_TAKEN, port=port, name=name, variable=variable(name)) from error


def _port(name: str) -> int:
    value = os.environ.get(variable(name), "")
    if not value:
        return PORTS[name]
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
        raise Rejected(refusals.PORT_INVALID, variable=variable(name), value=value)
    return int(value)
