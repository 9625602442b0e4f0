"""The real application of notify on a real database, and a way to hand it events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from services.notify.__main__ import NotifySettings, api
from services.notify.consumer import follower
from services.notify.stream import Stream
from shared import db
from shared.events import Event
from shared.inbox import Record
from shared.tokens import Principal
from tests.notify.facts import record
from tests.support.http import PLAIN, Issuer, serve
from tests.support.postgres import Database


@dataclass(frozen=True, slots=True)
class Office:
    """Notify as it runs: `pool` is the service's own role, `url` its HTTP."""

    pool: db.Pool
    database: Database
    url: str
    issuer: Issuer
    settings: NotifySettings
    stream: Stream

    def take(self, *records: Record) -> list[str]:
        """Take records in as the consumer does; the outcomes."""
        with db.transaction(self.pool) as tx:
            return [follower().take(tx, each) for each in records]

    def hear(self, *events: Event) -> list[str]:
        return self.take(*(record(event) for event in events))

    def http(self, person: UUID | None, **changed: Any) -> httpx.Client:
        """As this person; None is a partner's system."""
        principal = Principal(
            kind="person" if person else "partner",
            name="Lê Thị Hoa",
            roles=frozenset({"clerk"}),
            person_id=person,
            partner=None if person else "motcua",
        )
        token = self.issuer.token(principal, "notify")
        headers = {"Authorization": f"Bearer {token}"} | changed.pop("headers", {})
        return httpx.Client(base_url=f"{self.url}/notify/v1", headers=headers, timeout=60, verify=PLAIN, **changed)

    def notices(self, person: UUID) -> list[dict[str, Any]]:
        with self.http(person) as http:
            items: list[dict[str, Any]] = http.get("/notices").raise_for_status().json()["items"]
            return items

    def rows(self, query: str, *params: Any) -> list[dict[str, Any]]:
        with db.transaction(self.pool) as tx:
            return tx.execute(query, params).fetchall()

    def owner(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.database.owner, autocommit=True)


@pytest.fixture
def office(database: Callable[[str], Database]) -> Iterator[Office]:
    made = database("notify")
    settings = NotifySettings(
        service="notify",
        database=made.app,
        kafka="unused:1",
        kafka_user="notify",
        kafka_password="unused",
        blobs="file:///nonexistent",
        port=0,
        worker_port=0,
        portal_url="http://portal.example",
        smtp="127.0.0.1:1",
    )
    pool = db.open_pool(made.app, max_size=8, name="notify-test")
    try:
        issuer = Issuer()
        app = api(settings, pool)
        app.state.stream.interval = 0.02
        app.state.stream.heartbeat = 0.2
        with db.transaction(pool) as tx:
            issuer.trust(tx)
        with serve(app) as url:
            yield Office(pool, made, url, issuer, settings, app.state.stream)
    finally:
        pool.close()
