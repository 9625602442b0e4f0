"""Where the loaded databases of `bench.docs` live: in a server of the run, or in one under var/bench that stays, so that a
million documents are loaded once and measured as often as somebody changes something.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local import postgres as embedded
from deploy.local.layout import Layout
from deploy.local.process import Processes
from shared import db
from tests.support.parts import free_port, scratch
from tests.support.postgres import Database

SERVICE = "docs"
# Of a server with a million documents; the embedded default is for a laptop. Nothing is replicated or archived from here.
POSTGRES = {
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "work_mem": "16MB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A server with a database for each size that was asked for."""

    server: embedded.Server
    password: str

    def find(self, size: int) -> Database | None:
        """The database with so many documents, with the newest schema; None when none was loaded to its end."""
        if not self._run("SELECT FROM pg_database WHERE datname = %s", _name(size)):
            return None
        found = self._named(size)
        db.migrate(found.owner, SERVICE)
        return found

    def begin(self, size: int) -> Database:
        """An empty database; `finish` gives it the name under which it is found."""
        self.drop(size)
        with self._admin() as admin:
            for role in (embedded.owner(SERVICE), SERVICE):
                embedded.make_role(admin, role, self.password)
            name = sql.Identifier(_name(size, begun=True))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(embedded.owner(SERVICE))))
            embedded.restrict(admin, _name(size, begun=True), SERVICE)
        made = self._named(size, begun=True)
        db.migrate(made.owner, SERVICE)
        return made

    def finish(self, size: int) -> Database:
        with self._admin() as admin:
            names = (sql.Identifier(_name(size, begun=True)), sql.Identifier(_name(size)))
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
            admin.execute("CHECKPOINT")
        return self._named(size)

    def drop(self, size: int) -> None:
        with self._admin() as admin:
            for name in (_name(size), _name(size, begun=True)):
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _named(self, size: int, *, begun: bool = False) -> Database:
        name = _name(size, begun=begun)
        roles = (SERVICE, embedded.owner(SERVICE))
        app, owner = (self.server.conninfo(name, role, self.password) for role in roles)
        return Database(name=name, app=app, owner=owner, admin=self.server.conninfo(name))

    def _run(self, query: str, *values: str) -> int:
        with self._admin() as admin:
            return admin.execute(query, values).rowcount  # type: ignore[arg-type,unused-ignore]

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.server.conninfo(), autocommit=True)


def _name(size: int, *, begun: bool = False) -> str:
    return f"docs_{size}{'_begun' if begun else ''}"


@contextmanager
def serving(*, stays: bool) -> Iterator[Kept]:
    """A server while the block runs; one that `stays` keeps its databases for the next run."""
    if stays:
        path = Layout.from_environment().var / "bench" / "docs"
        path.mkdir(parents=True, exist_ok=True)
        with _running(path) as kept:
            yield kept
    else:
        with scratch("bench-docs") as path, _running(path) as kept:
            yield kept


@contextmanager
def _running(path: Path) -> Iterator[Kept]:
    processes = Processes(path, lambda _name, _line: None)
    server = embedded.Server(path / "postgres", free_port(), _secret(path / "secret"), lasting=False)
    try:
        command = embedded.prepare(server, processes)
        settings = "".join(f"{name} = '{value}'\n" for name, value in POSTGRES.items())
        (server.data / "postgresql.auto.conf").write_text(settings, encoding="ascii")
        processes.keep(command)
        embedded.wait_ready(server, processes)
        yield Kept(server, server.password)
    finally:
        processes.stop([["postgres"]])


def _secret(path: Path) -> str:
    """That of the server on loopback, the same for as long as its directory is there."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(16), encoding="ascii")
    return path.read_text(encoding="ascii")
