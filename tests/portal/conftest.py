"""The real portal on a real database, browsers, and a way to hand it events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

from services.portal import __main__ as composition
from services.portal import operating, passwords
from services.portal.consumer import follower
from shared import db
from shared.events import Event, decode
from shared.inbox import Record
from tests.portal.browser import Browser
from tests.portal.people import record
from tests.support.http import PLAIN, serve
from tests.support.parts import free_port
from tests.support.postgres import Database

if TYPE_CHECKING:
    from tests.portal.town import Town

NOBODY_THERE = "http://127.0.0.1:1"  # the other services are not running: what that looks like is tested too


@pytest.fixture(scope="session", autouse=True)
def as_deployed() -> Iterator[PasswordHasher]:
    """Passwords are argon2id here too, with a thousandth of the memory: a log-in costs 1 ms, not 150. Those of a deployment."""
    deployed = passwords._hasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield deployed


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal as it runs: `pool` is the service's own role, `url` its HTTP."""

    pool: db.Pool
    database: Database
    url: str
    settings: composition.PortalSettings
    folder: Path
    browsers: list[Browser] = field(default_factory=list)

    def take(self, *records: Record) -> list[str]:
        with db.transaction(self.pool) as tx:
            return [follower().take(tx, each) for each in records]

    def hear(self, *events: Event) -> list[str]:
        return self.take(*(record(event) for event in events))

    def browser(self) -> Browser:
        self.browsers.append(Browser(self.url))
        return self.browsers[-1]

    def program(self, path: str, **form: str) -> httpx.Response:
        """A program posts a form."""
        return httpx.post(self.url + path, data=form, timeout=30, verify=PLAIN)

    def command(self, command: operating.Command, rows: Any) -> str:
        """An operator's command with a file."""
        file = self.folder / "rows.json"
        file.write_text(json.dumps(rows), encoding="utf-8")
        return command(self.pool, self.settings, [str(file)])

    def accounts(self, **passwords: str) -> str:
        return self.command(
            operating.accounts, [{"login": login, "password": each} for login, each in passwords.items()]
        )

    def stated(self, topic: str) -> list[Any]:
        """What the outbox holds for a topic, in order."""
        with psycopg.connect(self.database.admin) as admin:
            rows = admin.execute("SELECT payload FROM outbox WHERE topic = %s ORDER BY pos", [topic]).fetchall()
        return [decode(bytes(row[0]), topic=topic).data for row in rows]

    def change(self, statement: str, *values: Any) -> None:
        """Time passes by changing what is written down of it."""
        with psycopg.connect(self.database.admin) as admin:
            admin.execute(statement, values)  # type: ignore[arg-type,unused-ignore]


@pytest.fixture
def portal(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Portal]:
    with at_work(database("portal"), tmp_path) as portal:
        yield portal


@contextmanager
def at_work(
    made: Database,
    tmp_path: Path,
    *,
    registry_url: str = NOBODY_THERE,
    signing_url: str = NOBODY_THERE,
    docs_url: str = NOBODY_THERE,
) -> Iterator[Portal]:
    port = free_port()
    settings = composition.PortalSettings(
        service="portal",
        database=made.app,
        kafka="127.0.0.1:1",
        kafka_user="portal",
        kafka_password="not used here",
        blobs=f"file://{tmp_path}",
        port=port,
        worker_port=port,
        portal_url="http://portal.example",
        docs_url=docs_url,
        signing_url=signing_url,
        registry_url=registry_url,
        notify_url=NOBODY_THERE,
    )
    pool = db.open_pool(made.app, max_size=10)
    try:
        app = composition._api(settings, pool)
        with serve(app) as url:
            portal = Portal(pool, made, url, settings, tmp_path)
            try:
                yield portal
            finally:  # what a failed test leaves open would spoil a later one
                for browser in portal.browsers:
                    browser.close()
    finally:
        pool.close()


@pytest.fixture
def town(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Town]:
    from tests.portal.town import at_work_together

    with at_work_together(database, tmp_path) as made:
        yield made
