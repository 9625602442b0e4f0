"""Passwords as argon2id hashes (RFC 9106, the low-memory recommendation: 64 MiB, 3 passes)."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
# 64 MiB each: as many at once as the machine can bear, the others wait.
_room = threading.BoundedSemaphore(4)


@cache
def _nobodys() -> str:
    """What a log-in name without an account is checked against."""
    return _hasher.hash("nobody's password")


def make(password: str) -> str:
    with _room:
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Takes equally long when there is no such account, so that time does not tell who has one."""
    with _room:
        try:
            _hasher.verify(password_hash or _nobodys(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)
