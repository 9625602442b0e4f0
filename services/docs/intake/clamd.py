"""The virus scanner's own protocol (clamd's INSTREAM): bytes go over a socket, a verdict comes back."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from services.docs.intake import refusals
from shared.errors import Rejected

CHUNK = 256 * 1024
TIMEOUT = 120.0  # seconds without an answer
_LENGTH = struct.Struct("!L")


def scan(address: str, path: Path) -> str | None:
    """The name of what was found in the file, None when it is clean.

    `address` is tcp://host:port or unix:///path. Raises Rejected(scanner_away) when nobody answers, and
    Rejected(scanner_limit) when the scanner says that it can't judge this file.
    """
    try:
        with closing(_connect(address)) as line:
            try:
                line.sendall(b"zINSTREAM\0")
                for block in _blocks(path):
                    line.sendall(_LENGTH.pack(len(block)) + block)
                line.sendall(_LENGTH.pack(0))
            except (BrokenPipeError, ConnectionResetError):
                pass  # past its limit clamd answers and closes; the answer is still to be read
            return _verdict(_answer(line))
    except OSError as error:
        raise Rejected(refusals.SCANNER_AWAY) from error


def _verdict(said: str) -> str | None:
    result = said.removeprefix("stream: ")
    if result == "OK":
        return None
    if result.endswith(" FOUND"):
        return result.removesuffix(" FOUND")
    if result.endswith("ERROR"):
        raise Rejected(refusals.SCANNER_LIMIT, said=result[:200])
    raise Rejected(refusals.SCANNER_AWAY)


def _connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(TIMEOUT)
        try:
            line.connect(parts.path)
        except OSError:
            line.close()
            raise
        return line
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 3310), timeout=TIMEOUT)


def _answer(line: socket.socket) -> str:
    said = b""
    while not said.endswith(b"\0") and len(said) < 4096:
        got = line.recv(4096)
        if not got:
            break
        said += got
    return said.rstrip(b"\0\n").decode("utf-8", "replace")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            yield block
