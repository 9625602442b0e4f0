"""PostgreSQL: the pool, transactions that act for one agency, and migrations. No table of any service is known here."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool
from pydantic_core import from_json

from shared.errors import UNAVAILABLE, Rejected

log = logging.getLogger(__name__)

Tx = psycopg.Connection[DictRow]
Pool = ConnectionPool[Tx]


class Watch(Protocol):
    """Whoever looks at a transaction before its commit, for the request that it belongs to; `changing`: if it may write."""

    @property
    def changing(self) -> bool: ...
    def stated(self, tx: Tx) -> None: ...
    def ending(self, tx: Tx) -> None: ...


WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)

set_json_loads(from_json)  # of both kinds of JSON columns: pydantic's reads them in a fifth of the time
ROOT = Path(__file__).parent.parent
# A lock of rows counts in none of these; rows of a savepoint that was rolled back do.
CHANGED = (
    "SELECT EXISTS (SELECT FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND relname <> ALL(%s) AND pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)"
    " + pg_stat_get_xact_tuples_deleted(oid) > 0) AS changed"
)
MIGRATION_LOCK = 0x76616E74  # "vant": one migration at a time in a database


def open_pool(conninfo: str, *, min_size: int = 1, max_size: int = 10, name: str = "app") -> Pool:
    """A pool that checks a connection before lending it: after a database restart the first ones are dead."""
    pool: Pool = ConnectionPool(
        conninfo,
        min_size=min_size,
        max_size=max_size,
        timeout=10,
        reconnect_timeout=30,
        check=_lend,
        kwargs={"row_factory": dict_row, "autocommit": False},
        name=name,
        open=False,
    )
    pool.open()
    return pool


def _lend(connection: Tx) -> None:
    """Is it alive? For whom is watched it also hands in its counts: PostgreSQL keeps those of earlier transactions of
    the last second with those of the present one. Who only reads finds it out with the first statement (`_begin`).
    """
    watch = WATCH.get()
    if watch is not None and not watch.changing:
        return
    connection.autocommit = True
    try:
        connection.execute("SELECT pg_stat_force_next_flush()" if watch else "")
    finally:
        with suppress(psycopg.Error):  # the connection may be gone
            connection.autocommit = False


def changed(tx: Tx, *, besides: Collection[str]) -> bool:
    """Whether this transaction of a watched request wrote a row of any table but those; its own triggers' too."""
    row = tx.execute(CHANGED, [list(besides)]).fetchone()
    return bool(row and row["changed"])


@contextmanager
def transaction(pool: Pool, *, agency: UUID | None = None, person: UUID | None = None) -> Iterator[Tx]:
    """One transaction, committed at the end of the block; `agency` is whose rows it may see (row-level security). Of
    what an agency keeps from some of its own, a `person` sees what `know_as` says; without one the service itself acts.
    """
    try:
        connection, begun = _begin(pool, agency, person)
    except psycopg.OperationalError as error:
        raise Rejected(UNAVAILABLE, what="PostgreSQL") from error
    try:
        with begun:
            yield connection
            if (watch := WATCH.get()) is not None:
                watch.ending(connection)
    finally:
        pool.putconn(connection)


def _begin(pool: Pool, agency: UUID | None, person: UUID | None) -> tuple[Tx, ExitStack]:
    """A connection in a transaction, and what ends it; begun and set in one round trip. Connections that died while
    nobody had them (the database was restarted) are dropped, each in its turn.
    """
    for left in range(pool.max_size, -1, -1):
        connection = pool.getconn()
        begun = ExitStack()
        try:
            with connection.pipeline():
                begun.enter_context(psycopg.Transaction(connection))
                if agency is not None:
                    act_for(connection, agency)
                if person is not None:
                    know_as(connection, person, ())
        except psycopg.OperationalError:
            connection.close()
            pool.putconn(connection)
            if not left:
                raise
        except BaseException:
            connection.close()
            pool.putconn(connection)
            raise
        else:
            return connection, begun
    raise AssertionError  # the loop ends by itself


def act_for(tx: Tx, agency: UUID | None) -> None:
    """From here to the end of the transaction rows of this agency are visible, and no others'."""
    tx.execute("SELECT set_config('vanthu.agency', %s, true)", [str(agency) if agency else ""])


def know_as(tx: Tx, person: UUID, keys: Iterable[UUID]) -> None:
    """From here to the end of the transaction a person reads, who holds these keys to what is restricted."""
    held = "{" + ",".join(str(key) for key in keys) + "}"
    tx.execute("SELECT set_config('vanthu.person', %s, true), set_config('vanthu.keys', %s, true)", [str(person), held])


@contextmanager
def itself(tx: Tx) -> Iterator[None]:
    """In the block the service itself reads, whoever the transaction's person is: for what is decided on everything that
    the agency has. What is read so is never answered as it is.
    """
    row = tx.execute("SELECT current_setting('vanthu.person', true) AS person").fetchone()
    tx.execute("SELECT set_config('vanthu.person', '', true)")
    try:
        yield
    finally:  # a refusal may be caught and the transaction go on; after an error of the database nothing more is read
        if tx.info.transaction_status == TransactionStatus.INTRANS:
            tx.execute("SELECT set_config('vanthu.person', %s, true)", [(row and row["person"]) or ""])


def storable(text: str, limit: int = 2000) -> str:
    """Somebody else's text as PostgreSQL takes it, of bounded length: no NUL, no lone surrogate."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")[:limit]


def migrate(conninfo: str, service: str) -> None:
    """Bring a database to the newest schema: shared/migrations first, then the service's own, each file once.

    Runs as the owner role; the plain role that has the service's name may use what is made. Files are named
    NNNN_what.sql and are only ever added. `service` "shared" applies the shared ones alone (for tests of shared parts).
    """
    sources = [("shared", ROOT / "shared" / "migrations")]
    if service != "shared":
        sources.append((service, ROOT / "services" / service / "migrations"))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        _let_in(connection, service)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (source text, version text, applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, version))"
        )
        for source, folder in sources:
            for file in sorted(folder.glob("[0-9]*.sql")):
                _apply(connection, source, file)


def _let_in(connection: psycopg.Connection[Any], role: str) -> None:
    # Here and not where the database is made: an operator that makes databases from manifests runs no SQL of ours.
    for what in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES", "USAGE ON SCHEMAS"):
        statement = sql.SQL("ALTER DEFAULT PRIVILEGES GRANT {} TO {}")
        connection.execute(statement.format(sql.SQL(what), sql.Identifier(role)))


def _apply(connection: psycopg.Connection[Any], source: str, file: Path) -> None:
    with connection.transaction():
        done = connection.execute(
            "INSERT INTO schema_version (source, version) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [source, file.stem],
        )
        if done.rowcount:
            connection.execute(file.read_bytes())  # type: ignore[arg-type,unused-ignore]
            log.info("migrated %s/%s", source, file.stem)


def pending_migrations(pool: Pool, service: str) -> list[str]:
    """Migrations that this code has and the database lacks: a process with any must not start."""
    folders = {"shared": ROOT / "shared" / "migrations", service: ROOT / "services" / service / "migrations"}
    wanted = {f"{source}/{file.stem}" for source, folder in folders.items() for file in folder.glob("[0-9]*.sql")}
    with transaction(pool) as tx:
        rows = tx.execute("SELECT source, version FROM schema_version").fetchall()
    return sorted(wanted - {f"{row['source']}/{row['version']}" for row in rows})
