"""What the CA remembers: certificates, revocations and counters, in one SQLite file. The only SQL.

Every write is one transaction that is on disk before the caller goes on, so a kill loses nothing that was told.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shared.errors import IDEMPOTENCY_KEY_REUSED, Rejected

T = TypeVar("T")

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


Write = Callable[[sqlite3.Connection], T]


class Store:
    """One connection writes, one reads: a question never waits for somebody else's fsync."""

    def __init__(self, path: Path) -> None:
        self._lock, self._read_lock, self._queue_lock = threading.Lock(), threading.Lock(), threading.Lock()
        self._connection = _open(path)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)
        self._reader = _open(path)
        self._queue: list[tuple[Write[Any], Future[Any]]] = []

    def close(self) -> None:
        with self._lock, self._read_lock:
            self._connection.close()
            self._reader.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; other processes on the same file wait."""
        with self._lock, _committed(self._connection) as tx:
            yield tx

    def write(self, work: Write[T]) -> T:
        """Does `work` in a transaction that others who come meanwhile share, so that one fsync serves all of them.

        Returns, or raises what `work` raised, once it is on disk; what failed undoes nobody else's work.
        """
        done: Future[T] = Future()
        with self._queue_lock:
            self._queue.append((work, done))
        # Whoever gets the lock works off the queue; who waited for it finds the own work done.
        with self._lock:
            if not done.done():
                self._work_off()
        return done.result()

    def _work_off(self) -> None:
        with self._queue_lock:
            batch, self._queue = self._queue, []
        results: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with _committed(self._connection) as tx:
                for work, done in batch:
                    tx.execute("SAVEPOINT one")
                    try:
                        results.append((done, work(tx), None))
                    except BaseException as error:  # noqa: BLE001  given to whoever asked for it
                        tx.execute("ROLLBACK TO one")
                        results.append((done, None, error))
                    tx.execute("RELEASE one")
        except BaseException as error:  # noqa: BLE001  nothing of it is on disk, and everybody is told
            results = [(done, None, error) for _, done in batch]
        for done, result, failure in results:
            if failure is None:
                done.set_result(result)
            else:
                done.set_exception(failure)

    def find_status(self, issuer: str, serial: str) -> Status | None:
        with self._read_lock:
            row = self._reader.execute(
                "SELECT serial, reason, revoked_at FROM certificate WHERE issuer = ? AND serial = ?",
                (issuer, serial),
            ).fetchone()
        return Status(*row) if row else None

    def find_repeat(self, key: str, digest: str) -> bytes | None:
        with self._read_lock:
            return find_repeat(self._reader, key, digest)

    def revocation_version(self, issuer: str) -> int:
        """Grows with every change of status among the issuer's certificates."""
        with self._read_lock:
            row = self._reader.execute(
                "SELECT value FROM counter WHERE name = 'revocations of ' || ?", (issuer,)
            ).fetchone()
        return int(row[0]) if row else 0


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)


@contextmanager
def _committed(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


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


def add_once(
    tx: sqlite3.Connection,
    serial: str,
    *,
    issuer: str,
    profile: str,
    der: bytes,
    at: int,
    idempotency_key: str | None,
    request_digest: str,
) -> bytes:
    """Adds, unless the key brought a certificate before; returns the one that counts. Raises as `find_repeat`."""
    if idempotency_key and (before := find_repeat(tx, idempotency_key, request_digest)):
        return before
    add(
        tx,
        serial,
        issuer=issuer,
        profile=profile,
        der=der,
        at=at,
        idempotency_key=idempotency_key,
        request_digest=request_digest,
    )
    return der


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
