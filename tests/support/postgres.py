"""A real PostgreSQL for the test run, and a fresh copy of a service's migrated database for each test that asks."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import sql

from deploy.local import postgres as embedded
from deploy.local.process import Processes
from shared import db
from tests.support.parts import free_port, scratch

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """Conninfos of one fresh database: of the service's own role, of its owner, of the super user."""

    name: str
    app: str
    owner: str
    admin: str


@dataclass(frozen=True, slots=True)
class Postgres:
    """The server of this run."""

    server: embedded.Server
    _processes: Processes
    _templates: set[str] = field(default_factory=set)

    def database(self, service: str) -> Database:
        """A copy of the database that this service's migrations make; "shared" has the shared ones only."""
        template = f"template_{service}"
        if service not in self._templates:
            self._make_template(service, template)
            self._templates.add(service)
        name = f"{service}_{next(_numbers)}"
        self._create(name, service, template)
        return self._named(name, service)

    def bare(self, service: str) -> Database:
        """A database of that service with nothing in it, as before the very first migration."""
        self._make_roles(service)
        name = f"{service}_{next(_numbers)}"
        self._create(name, service, "template0")
        return self._named(name, service)

    def drop(self, database: Database) -> None:
        with self._admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))

    def signal(self, what: signal.Signals) -> None:
        """SIGKILL (it is started again), SIGSTOP, SIGCONT."""
        pid = self._processes.running["postgres"].pid
        assert pid is not None, "PostgreSQL is not running"
        os.kill(pid, what)

    def wait_ready(self) -> None:
        embedded.wait_ready(self.server, self._processes)

    def _make_template(self, service: str, template: str) -> None:
        self._make_roles(service)
        self._create(template, service, "template0")
        made = self._named(template, service)
        db.migrate(made.owner, service)

    def _make_roles(self, service: str) -> None:
        with self._admin() as admin:
            for role in (embedded.owner(service), service):
                embedded.make_role(admin, role, self._password(role))

    def _create(self, name: str, service: str, template: str) -> None:
        with self._admin() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(embedded.owner(service)), sql.Identifier(template)
                )
            )
            embedded.restrict(admin, name, service)

    def _named(self, name: str, service: str) -> Database:
        owner = embedded.owner(service)
        return Database(
            name=name,
            app=self.server.conninfo(name, service, self._password(service)),
            owner=self.server.conninfo(name, owner, self._password(owner)),
            admin=self.server.conninfo(name),
        )

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.server.conninfo(), autocommit=True)

    def _password(self, role: str) -> str:
        return f"{role}-of-this-test-run"


@contextmanager
def serving() -> Iterator[Postgres]:
    """A server of its own while the block runs."""
    # A database is some nine hundred files: copied in memory it costs a third.
    with scratch("postgres", in_memory=True) as path:
        processes = Processes(path, lambda _name, _line: None)
        # A database is made for each test: waiting for the disk would take longer than the test.
        server = embedded.Server(path / "postgres", free_port(), secrets.token_urlsafe(16), lasting=False)
        try:
            processes.keep(embedded.prepare(server, processes))
            embedded.wait_ready(server, processes)
            yield Postgres(server, processes)
        finally:
            processes.stop([["postgres"]])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with serving() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Callable[[str], Database]]:
    """`database("docs")`: a fresh database of that service, dropped after the test."""
    made: list[Database] = []

    def make(service: str) -> Database:
        made.append(postgres.database(service))
        return made[-1]

    yield make
    for each in made:
        postgres.drop(each)
