"""What the CA remembers: certificates, revocations and counters, in one SQLite file. The only SQL.

Every write is one transaction that is on disk before the caller goes on, so a kill loses nothing that was told.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.errors import IDEMPOTENCY_KEY_REUSED, Rejected

SCHEMA = """
CREATE TABLE IF NOT EXISTS certificate (
    serial TEXT PRIMARY KEY,        -- lower-case hexadecimal, even length
    issuer TEXT NOT NULL,           -- root | issuing
    profile TEXT NOT NULL,
    der BLOB NOT NULL,
    issued_at INTEGER NOT NULL,     -- seconds since 1970, UTC, as all times here
    idempotency_key TEXT UNIQUE,
    request_digest TEXT,
    reason TEXT,                    -- RFC 5280 CRLReason; NULL while good
    revoked_at INTEGER,
    CHECK ((reason IS NULL) = (revoked_at IS NULL))
);
CREATE INDEX IF NOT EXISTS certificate_revoked ON certificate (issuer) WHERE reason IS NOT NULL;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Status:
    """Good while `reason` is None; `revoked_at` in seconds since 1970."""

    serial: str
    reason: str | None
    revoked_at: int | None


class Store:
    """One connection, one user at a time: every operation takes well under a millisecond beside its fsync."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; other processes on the same file wait."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def find_status(self, issuer: str, serial: str) -> Status | None:
        with self._lock:
            row = self._connection.execute(
                "SELECT serial, reason, revoked_at FROM certificate WHERE issuer = ? AND serial = ?",
                (issuer, serial),
            ).fetchone()
        return Status(*row) if row else None

    def revocation_version(self, issuer: str) -> int:
        """Grows with every change of status among the issuer's certificates."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM counter WHERE name = ?", (_version(issuer),)).fetchone()
        return int(row[0]) if row else 0


def advance(tx: sqlite3.Connection, counter: str, by: int = 1) -> int:
    """The counter after adding `by`; a name not seen before begins at zero."""
    row = tx.execute(
        "INSERT INTO counter (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
        (counter, by),
    ).fetchone()
    return int(row[0])


def find_repeat(tx: sqlite3.Connection, key: str, digest: str) -> bytes | None:
    """The certificate (DER) that an earlier request with this key got. Raises when that request was another one."""
    row = tx.execute("SELECT der, request_digest FROM certificate WHERE idempotency_key = ?", (key,)).fetchone()
    if row is None:
        return None
    if row[1] != digest:
        raise Rejected(IDEMPOTENCY_KEY_REUSED)
    return bytes(row[0])


def add(
    tx: sqlite3.Connection,
    serial: str,
    *,
    issuer: str,
    profile: str,
    der: bytes,
    at: int,
    idempotency_key: str | None = None,
    request_digest: str | None = None,
) -> None:
    """Adding the same serial again changes nothing: the hierarchy's own certificates are added at every start."""
    tx.execute(
        "INSERT INTO certificate (serial, issuer, profile, der, issued_at, idempotency_key, request_digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (serial) DO NOTHING",
        (serial, issuer, profile, der, at, idempotency_key, request_digest),
    )


def find(tx: sqlite3.Connection, serial: str) -> tuple[str, Status] | None:
    """The issuer and status of a certificate, whoever issued it."""
    row = tx.execute(
        "SELECT issuer, serial, reason, revoked_at FROM certificate WHERE serial = ?", (serial,)
    ).fetchone()
    return (row[0], Status(*row[1:])) if row else None


def save_status(tx: sqlite3.Connection, issuer: str, status: Status) -> None:
    tx.execute(
        "UPDATE certificate SET reason = ?, revoked_at = ? WHERE serial = ?",
        (status.reason, status.revoked_at, status.serial),
    )
    advance(tx, _version(issuer))


def list_revoked(tx: sqlite3.Connection, issuer: str) -> list[Status]:
    rows = tx.execute(
        "SELECT serial, reason, revoked_at FROM certificate WHERE issuer = ? AND reason IS NOT NULL "
        "ORDER BY revoked_at, serial",
        (issuer,),
    ).fetchall()
    return [Status(*row) for row in rows]


def _version(issuer: str) -> str:
    return f"revocations of {issuer}"
