"""What this program tells the operator about itself: version, system, driver, token model, certificate end, last self-test.

No name, no PIN, no document, nothing that the person typed. It is told at log-in, after signing and after a self-test;
when it cannot be told nothing else waits for it or fails.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from vanthu_sign import __version__
from vanthu_sign.device import About, Certificate
from vanthu_sign.folder import write_private
from vanthu_sign.server import Server
from vanthu_sign.words import Refused


@dataclass(frozen=True, slots=True)
class Machine:
    """What is remembered here between reports: which program this is, and how its last self-test ended."""

    client_id: str
    tested_at: str | None = None
    tested_failed: tuple[str, ...] = ()


def machine(home: Path) -> Machine:
    """What is remembered of this program; a new identity when there is none or it cannot be read."""
    file = home / "client.json"
    try:
        known = json.loads(file.read_text())
        return Machine(str(known["client_id"]), known["tested_at"], tuple(known["tested_failed"]))
    except (OSError, ValueError, KeyError, TypeError):
        made = Machine(str(uuid4()))
        write_private(file, json.dumps(asdict(made)).encode())
        return made


def tested(home: Path, failed: tuple[str, ...]) -> None:
    """Remember how a self-test ended: the codes of what was not well."""
    now = Machine(machine(home).client_id, datetime.now(UTC).isoformat(), failed)
    write_private(home / "client.json", json.dumps(asdict(now)).encode())


def send(
    server: Server,
    home: Path,
    occasion: str,
    *,
    about: About | None = None,
    certificate: Certificate | None = None,
    problem: str | None = None,
) -> bool:
    """Tell the fleet view; whether it was heard. `occasion`: login, sign, selftest or agent."""
    try:
        server.report(facts(home, occasion, about=about, certificate=certificate, problem=problem))
    except Refused:
        return False
    return True


def facts(
    home: Path,
    occasion: str,
    *,
    about: About | None = None,
    certificate: Certificate | None = None,
    problem: str | None = None,
) -> dict[str, Any]:
    """The whole report, and nothing else is ever in it."""
    own = machine(home)
    said: dict[str, Any] = {
        "client_id": own.client_id,
        "occasion": occasion,
        "version": __version__,
        "system": _short(f"{platform.system()} {platform.release()}"),
        "problem": problem,
    }
    if about is not None:
        said |= {
            "driver": _short(about.driver),
            "driver_version": _short(about.driver_version),
            "token_model": _short(f"{about.maker} {about.model}".strip()),
        }
    if certificate is not None:
        said["certificate_not_after"] = certificate.not_after.isoformat()
    if own.tested_at is not None:
        said["selftest"] = {"at": own.tested_at, "failed": list(own.tested_failed)}
    return said


def _short(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:100]
