"""Whose program is at the other end of a loopback connection: every user of a machine reaches 127.0.0.1.

Linux says it in /proc/net/tcp, in the row of the other end's socket. Elsewhere there is no such list to be read without
more rights; there the pairing's secret alone, which lies in a file of the person's own, keeps others out.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))  # a program may reach IPv4 through a socket of IPv6
ESTABLISHED = "01"


def is_ours(peer: tuple[str, int], own: tuple[str, int]) -> bool:
    """The other end belongs to the user whom this process belongs to. What cannot be proven is refused, on Linux."""
    return not sys.platform.startswith("linux") or uid_of(peer, own) == os.getuid()


def uid_of(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """The user of the socket `peer` that is connected to `own`; None when the kernel lists none such."""
    wanted = {_row(peer) + (_row(own)), _row(peer, mapped=True) + (_row(own, mapped=True))}
    for table in TABLES:
        if not table.exists():
            continue
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1] + fields[2] in wanted and fields[3] == ESTABLISHED:
                return int(fields[7])
    return None


def _row(address: tuple[str, int], *, mapped: bool = False) -> str:
    """As the kernel writes it: the address as words of this machine's byte order, the port as it is said."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    prefix = "0" * 16 + f"{int.from_bytes(bytes([0, 0, 255, 255]), sys.byteorder):08X}" if mapped else ""
    return f"{prefix}{number:08X}:{address[1]:04X}"
