"""SoftHSM2, the key hardware of the embedded stack: found, or installed where that is permitted, and its tokens made.

A token store is a directory with a softhsm2.conf: the signing service has one, each demo leader another.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import refusals
from shared.errors import Rejected

INSTALL_BOUND = 300.0  # seconds
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/*/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
# The package managers that we know, each with the command that a person would type.
INSTALLERS: Mapping[str, str] = {
    "apt-get": "apt-get install -y --no-install-recommends softhsm2",
    "dnf": "dnf install -y softhsm",
    "apk": "apk add softhsm",
    "brew": "brew install softhsm",
}


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """The PKCS#11 module and the program that initialises tokens."""

    module: Path
    util: Path


@dataclass(frozen=True, slots=True)
class Store:
    """A directory of tokens; `conf` is what SOFTHSM2_CONF must name in every process that uses them."""

    softhsm: SoftHsm
    conf: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.conf), "VANTHU_PKCS11_MODULE": str(self.softhsm.module)}

    def labels(self) -> set[str]:
        shown = self._util("--show-slots")
        return set(re.findall(r"^\s+Label:\s*(\S.*?)\s*$", shown, re.MULTILINE))

    def provide(self, label: str, *, pin: str, so_pin: str) -> None:
        """Makes the token of that label unless it is there; a PIN that was changed since then stays."""
        if label not in self.labels():
            self._util("--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", so_pin)

    def _util(self, *arguments: str) -> str:
        command: list[str | Path] = [self.softhsm.util, *arguments]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
        return str(done.stdout)


def open_store(softhsm: SoftHsm, directory: Path) -> Store:
    """The token store in `directory`, made the first time."""
    tokens = directory / "tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    tokens.chmod(0o700)
    conf = directory / "softhsm2.conf"
    text = f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    if not conf.exists() or conf.read_text(encoding="utf-8") != text:
        conf.write_text(text, encoding="utf-8")
    return Store(softhsm, conf)


def find() -> SoftHsm | None:
    util = shutil.which("softhsm2-util") or shutil.which("softhsm2-util", path="/usr/local/bin:/opt/homebrew/bin")
    module = next((path for path in _libraries() if path.exists()), None)
    return SoftHsm(module, Path(util)) if util and module else None


def _libraries() -> list[Path]:
    chosen = os.environ.get("VANTHU_PKCS11_MODULE")
    found = [Path(chosen)] if chosen else []
    for pattern in LIBRARIES:
        found += sorted(Path("/").glob(pattern.removeprefix("/")))
    return found


def provide() -> SoftHsm:
    """SoftHSM2 of this machine, installed if it was missing and we may; NO_SOFTHSM with what to type otherwise."""
    found = find()
    if found:
        return found
    for program, command in INSTALLERS.items():
        if shutil.which(program):
            _install(program, command)
            if found := find():
                return found
            raise Rejected(refusals.NO_SOFTHSM, command=command if program == "brew" else f"sudo {command}")
    raise Rejected(refusals.NO_SOFTHSM, command="sudo apt-get install softhsm2")


def _install(program: str, command: str) -> None:
    prefix = _permission(program)
    if prefix is None:
        return
    steps = [command.split()]
    if program == "apt-get":
        # A new machine has no package lists yet; an old list may name files that are gone.
        steps.insert(0, ["apt-get", "update"])
    for step in steps:
        try:
            subprocess.run(
                [*prefix, *step],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,  # what counts is whether the library is there afterwards
                timeout=INSTALL_BOUND,
            )
        except subprocess.TimeoutExpired:
            return


def _permission(program: str) -> list[str] | None:
    """What stands before the command: nothing for root and brew, `sudo -n` where that asks no password."""
    if program == "brew" or os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


if __name__ == "__main__":
    print(provide().module)
