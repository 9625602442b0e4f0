"""SoftHSM2, the key hardware of the embedded stack, and its tokens.

A token store is a directory with a softhsm2.conf: the signing service has one, each demo leader another.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local import refusals, system
from shared.errors import Rejected


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


def provide() -> SoftHsm:
    """SoftHSM2 of this machine, installed if it was missing and we may; NO_SOFTHSM with what to type otherwise."""
    missing = system.provide(["softhsm"])
    module, util = system.softhsm_module(), shutil.which("softhsm2-util")
    if missing or module is None or util is None:
        raise Rejected(refusals.NO_SOFTHSM, command=system.command(["softhsm"]))
    return SoftHsm(module, Path(util))
