"""Which PKCS#11 libraries this machine has and which of them sees a token; each is asked in a process of its own.

A driver that crashes or hangs while it is asked is a line in the list, not the end of the program. The lists for
Windows and macOS are those that are known of the makers' installers; none was tried on such machines, `--module` names another.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vanthu_sign.words import (
    MODULE_BROKEN,
    MODULE_MISSING,
    TOKEN_AMBIGUOUS,
    TOKEN_MISSING,
    Refused,
)
from vanthu_sign.words_device import DRIVER_CRASHED, DRIVER_SILENT, NO_READER, TOKEN_BLANK

PATIENCE = 15.0  # seconds for a driver to say which tokens it sees; smart card services start slowly

# Library names by maker, the makers' own before general ones: OpenSC sees many cards that a maker's driver knows better.
LINUX = (
    "libvgca_csp_v1.so",  # Government Cipher Committee (VGCA)
    "libgca_csp_v1.so",
    "libbkavcap11.so",  # Bkav CA
    "libbkavca_p11.so",
    "libviettel-ca_v6.so",  # Viettel-CA
    "libviettel-ca_v5.so",
    "libvnptca_p11_v8.so",  # VNPT-CA
    "libvnptca_p11_v6.so",
    "libeTPkcs11.so",  # SafeNet / Thales eToken
    "libeToken.so",
    "libIDPrimePKCS11.so",
    "libcastle.so.1.0.0",  # Feitian, the hardware behind several Vietnamese tokens
    "libcastle_v2.so.1.0.0",
    "libykcs11.so",  # YubiKey
    "opensc-pkcs11.so",
    "libsofthsm2.so",
)
LINUX_FOLDERS = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/lib/x86_64-linux-gnu/softhsm",
    "/usr/lib/aarch64-linux-gnu/softhsm",
    "/usr/lib/softhsm",
    "/usr/local/lib/softhsm",
    "/opt/vgca/lib",
    "/opt/bkavca/lib",
)
MACOS = (
    "/usr/local/lib/libvgca_csp_v1.dylib",
    "/usr/local/lib/libbkavcap11.dylib",
    "/usr/local/lib/viettel-ca_v6.dylib",
    "/usr/local/lib/libvnptca_p11_v8.dylib",
    "/usr/local/lib/libeTPkcs11.dylib",
    "/Library/Frameworks/eToken.framework/Versions/Current/libeToken.dylib",
    "/usr/local/lib/libcastle.1.0.0.dylib",
    "/opt/homebrew/lib/libykcs11.dylib",
    "/usr/local/lib/libykcs11.dylib",
    "/Library/OpenSC/lib/opensc-pkcs11.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
WINDOWS = (
    r"{SystemRoot}\System32\vgcapkcs11.dll",
    r"{SystemRoot}\System32\gca_csp_v1.dll",
    r"{SystemRoot}\System32\bkavcapkcs11.dll",
    r"{SystemRoot}\System32\BkavCA.dll",
    r"{SystemRoot}\System32\viettel-ca_v6.dll",
    r"{SystemRoot}\System32\viettel-ca_v5.dll",
    r"{SystemRoot}\System32\vnptca_p11_v8.dll",
    r"{SystemRoot}\System32\vnptca_p11_v6.dll",
    r"{SystemRoot}\System32\eTPKCS11.dll",
    r"{SystemRoot}\System32\eps2003csp11.dll",
    r"{ProgramFiles}\Yubico\Yubico PIV Tool\bin\libykcs11.dll",
    r"{ProgramFiles}\OpenSC Project\OpenSC\pkcs11\opensc-pkcs11.dll",
    r"C:\SoftHSM2\lib\softhsm2-x64.dll",
)
P11_KIT = ("/usr/share/p11-kit/modules", "/etc/pkcs11/modules", "~/.config/pkcs11/modules")
NO_TOKENS = ("p11-kit-trust", "p11-kit-proxy", "p11-kit-client")  # roots of trust and relays, never a token


@dataclass(frozen=True, slots=True)
class Seen:
    """A token that a library sees; `serial` is the token's own, `initialised` False for a blank one."""

    label: str
    serial: str
    model: str
    maker: str
    initialised: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What one library said: its name and version, its readers and tokens, or why it said nothing."""

    module: str
    name: str = ""
    version: str = ""
    slots: int = 0
    tokens: tuple[Seen, ...] = ()
    refused: Refused | None = None


def installed() -> list[str]:
    """The libraries of this machine in the order in which they are asked, each file once."""
    found: dict[str, str] = {}
    for path in (*_usual(), *_p11_kit()):
        if path.exists() and not any(name in path.name for name in NO_TOKENS):
            found.setdefault(str(path.resolve()), str(path))
    return list(found.values())


def look(modules: Iterable[str]) -> list[Look]:
    """Ask each library, all at the same time, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    asked = []
    for module in modules:
        ours, theirs = context.Pipe()
        process = context.Process(target=_tell, args=(theirs, module), daemon=True)
        process.start()
        theirs.close()
        asked.append((module, ours, process))
    return [_heard(*each) for each in asked]


def choose(named: str | None, label: str | None) -> str:
    """The library to use: the one named, the environment's, or the one that sees the token that is meant.

    Refused when there is none, when none sees a token, or when several tokens are there and none is named.
    """
    wanted = named or os.environ.get("VANTHU_SIGN_MODULE")
    if wanted:
        if not Path(wanted).exists():
            raise Refused(MODULE_BROKEN, module=wanted)
        return wanted
    found = installed()
    if not found:
        raise Refused(MODULE_MISSING)
    return found[0] if len(found) == 1 else pick(look(found), label)


def pick(looks: list[Look], label: str | None) -> str:
    """The library of the one token that is meant; a token seen by several libraries belongs to the first of them."""
    owners: dict[str, tuple[str, Seen]] = {}
    for each in looks:
        for token in each.tokens:
            if token.initialised and label in (None, token.label):
                owners.setdefault(token.serial, (each.module, token))
    if len(owners) > 1:
        raise Refused(TOKEN_AMBIGUOUS, labels=", ".join(token.label for _, token in owners.values()))
    for module, _ in owners.values():
        return module
    raise _nothing(looks, label)


def _nothing(looks: list[Look], label: str | None) -> Refused:
    """Why no library offers the token: the most telling reason."""
    blank = [token for each in looks for token in each.tokens if not token.initialised]
    if label is None and blank and not any(each.tokens for each in looks if "softhsm" not in each.module):
        blank = [token for token in blank if token.model and "softhsm" not in token.model.lower()]
    if label is None and blank:
        return Refused(TOKEN_BLANK, label=blank[0].label.strip() or blank[0].model)
    broken = [each.refused for each in looks if each.refused is not None]
    if broken and len(broken) == len(looks):
        return broken[0]
    if not any(each.slots for each in looks):
        return Refused(NO_READER)
    return Refused(TOKEN_MISSING, wanted=f" ({label})" if label else "")


def _usual() -> Iterator[Path]:
    if sys.platform == "win32":
        for path in WINDOWS:
            yield Path(
                path.format(
                    SystemRoot=os.environ.get("SystemRoot", r"C:\Windows"),  # noqa: SIM112  as Windows spells it
                    ProgramFiles=os.environ.get("ProgramFiles", r"C:\Program Files"),  # noqa: SIM112
                )
            )
    elif sys.platform == "darwin":
        yield from map(Path, MACOS)
    else:
        for name in LINUX:
            yield from (Path(folder) / name for folder in LINUX_FOLDERS)


def _p11_kit() -> Iterator[Path]:
    """What p11-kit's configuration names (its .module files: `module: file`, relative to the library folders)."""
    for folder in P11_KIT:
        for file in sorted(Path(folder).expanduser().glob("*.module")):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                key, _, value = line.partition(":")
                if key.strip() == "module" and value.strip():
                    yield from (
                        (Path(f) / value.strip() for f in LINUX_FOLDERS)
                        if not value.strip().startswith("/")
                        else (Path(value.strip()),)
                    )


def _heard(module: str, pipe: Connection, process: Any) -> Look:
    try:
        if not pipe.poll(PATIENCE):
            return Look(module, refused=Refused(DRIVER_SILENT, seconds=f"{PATIENCE:.0f}"))
        found: Look = pipe.recv()
    except (EOFError, OSError):
        return Look(module, refused=Refused(DRIVER_CRASHED, module=module))
    else:
        return found
    finally:
        pipe.close()
        process.join(0.2)
        if process.is_alive():
            process.kill()
            process.join()


def _tell(pipe: Connection, module: str) -> None:
    """In the library's own process."""
    import pkcs11

    try:
        library: Any = pkcs11.lib(module)
        slots = library.get_slots()
        tokens = tuple(seen for slot in slots if (seen := _seen(slot)) is not None)
        version = ".".join(map(str, library.library_version))
        pipe.send(Look(module, str(library.library_description).strip(), version, len(slots), tokens))
    except (RuntimeError, pkcs11.PKCS11Error):
        pipe.send(Look(module, refused=Refused(MODULE_BROKEN, module=module)))


def _seen(slot: Any) -> Seen | None:
    import pkcs11

    try:
        token = slot.get_token()
    except pkcs11.PKCS11Error:
        return None
    return Seen(
        label=str(token.label).strip(),
        serial=token.serial.decode("ascii", "replace"),
        model=str(token.model).strip(),
        maker=str(token.manufacturer_id).strip(),
        initialised=pkcs11.TokenFlag.TOKEN_INITIALIZED in token.flags,
    )
