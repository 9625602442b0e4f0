"""The real application of docs on a real database and file store, and ways to hand it events and act as its people."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from services.docs.__main__ import DocsSettings, api, follower
from shared import db
from shared.events import Envelope, Event, decode
from shared.events.docs import DocsAct
from shared.ids import new_id
from shared.inbox import Record
from shared.tokens import LIFETIME, Principal
from tests.docs.facts import PARTNER, Agency, Person, agency, prepared, record, sealed, signed, states_of, validated
from tests.support.http import PLAIN, Issuer, serve
from tests.support.postgres import Database

BESIDE = ("refused", "file_uploaded", "upload_received", "post ", "put ", "patch ", "delete ")
SAMPLES = Path(__file__).parent.parent / "data"


@dataclass(slots=True)
class Docs:
    """Docs as it runs: `pool` is the service's own role. Agencies A and B live here, P is behind the partner."""

    pool: db.Pool
    database: Database
    app: FastAPI
    url: str
    issuer: Issuer
    settings: DocsSettings
    a: Agency
    b: Agency
    p: Agency
    clients: ExitStack
    seen: int = 0
    made: dict[str, httpx.Client] = field(default_factory=dict)
    minted: dict[str, float] = field(default_factory=dict)  # when, by the clock of the tokens

    # --- events

    def take(self, *records: Record) -> list[str]:
        """Take records in as the consumer does, one transaction for all; the outcomes."""
        with db.transaction(self.pool) as tx:
            return [follower(self.settings).take(tx, each) for each in records]

    def hear(self, *events: Event) -> list[str]:
        """Others state these; each record comes twice, as Kafka may deliver it, and the second time changes nothing."""
        records = [record(event) for event in events]
        outcomes = self.take(*records)
        assert set(self.take(*records)) <= {"duplicate"}
        return outcomes

    def outbox(self, *, after: int | None = None) -> list[Envelope]:
        """What docs stated since it was last asked."""
        with db.transaction(self.pool) as tx:
            rows = tx.execute(
                "SELECT pos, topic, payload FROM outbox WHERE pos > %s ORDER BY pos",
                [self.seen if after is None else after],
            ).fetchall()
        if rows and after is None:
            self.seen = rows[-1]["pos"]
        found = [decode(bytes(row["payload"]), topic=row["topic"]) for row in rows]
        # Refusals, uploads and what only the net beneath tells stand beside nearly everything: shown in test_acts.py.
        return [e for e in found if not (isinstance(e.data, DocsAct) and e.data.act.startswith(BESIDE))]

    def stated(self, kind: str | None = None) -> list[Any]:
        """The payloads of what docs stated since it was last asked."""
        return [e.data for e in self.outbox() if kind is None or type(e.data).__name__ == kind]

    def circulate(self) -> list[str]:
        """Docs hears what it stated itself on docs.delivery, until nothing new comes; the names of all it stated."""
        names = []
        while fresh := self.outbox():
            names += [type(envelope.data).__name__ for envelope in fresh]
            own = [e for e in fresh if e.topic == "docs.delivery"]
            records = [record_of(envelope) for envelope in own]
            self.take(*records)
            assert set(self.take(*records)) <= {"duplicate"}
        return names

    # --- people

    def http(self, principal: Principal) -> httpx.Client:
        if principal.id not in self.made:
            client = httpx.Client(base_url=f"{self.url}/docs/v1", timeout=60, verify=PLAIN)
            self.made[principal.id] = self.clients.enter_context(client)
        if time.time() - self.minted.get(principal.id, 0) > LIFETIME / 2:  # some tests last longer than a token
            self.minted[principal.id] = time.time()
            token = self.issuer.token(principal, "docs")
            self.made[principal.id].headers["Authorization"] = f"Bearer {token}"
        return self.made[principal.id]

    def post(
        self,
        person: Person,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = {"Idempotency-Key": key or str(new_id())} | (headers or {})
        return self.http(person.principal).post(path, json=body, headers=sent)

    def get(self, person: Person, path: str) -> Any:
        answer = self.http(person.principal).get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def partner(self, name: str = PARTNER) -> httpx.Client:
        return self.http(Principal(kind="partner", name=name, roles=frozenset({"partner"}), partner=name))

    def upload(self, person: Person, sample: str = "01-cong-van.pdf", **params: Any) -> httpx.Response:
        return self.http(person.principal).post(
            "/files",
            params={"filename": sample} | params,
            content=(SAMPLES / sample).read_bytes(),
            headers={"Idempotency-Key": str(new_id())},
        )

    # --- the way of a document

    def draft(self, at: Agency, **changed: Any) -> dict[str, Any]:
        """The body of a submission, its file uploaded."""
        file_id = ok(self.upload(at.clerk), 201)["file_id"]
        return {
            "type_code": "CV",
            "symbol": "UBND-VX",
            "abstract": "V/v tăng cường phòng chống dịch bệnh mùa mưa lũ",
            "authority_id": str(at.authority_id),
            "parts": [{"file_id": file_id, "kind": "main"}],
        } | changed

    def submitted(self, at: Agency, **changed: Any) -> UUID:
        return UUID(ok(self.post(at.clerk, "/documents", self.draft(at, **changed)), 201)["id"])

    def signed(self, at: Agency, **changed: Any) -> UUID:
        document = self.submitted(at, **changed)
        self.hear(prepared(document, at.leader), signed(document, at.leader))
        return document

    def issued(self, at: Agency, **changed: Any) -> UUID:
        document = self.signed(at, **changed)
        number = ok(self.post(at.clerk, f"/documents/{document}/issue"))["number"]
        self.hear(sealed(document, number))
        return document

    def delivered(self, document: UUID, sender: Agency, *receivers: Agency) -> None:
        """Dispatched and arrived."""
        body = {"recipients": [each.identifier for each in receivers]}
        ok(self.post(sender.clerk, f"/documents/{document}/dispatch", body))
        self.circulate()

    def arrived(self, at: Agency) -> dict[str, Any]:
        """The newest arrival of an agency."""
        items = self.get(at.clerk, "/incoming")["items"]
        found: dict[str, Any] = items[0]
        return found

    def rows(self, agency_id: UUID | None, query: str, *params: Any) -> list[dict[str, Any]]:
        with db.transaction(self.pool, agency=agency_id) as tx:
            return tx.execute(query, params).fetchall()  # type: ignore[arg-type,unused-ignore]


def ok(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def registered(docs: Docs, at: Agency) -> UUID:
    """The newest arrival, validated and entered in the register."""
    found = UUID(docs.arrived(at)["id"])
    docs.hear(validated(found, at.agency_id))
    ok(docs.post(at.clerk, f"/incoming/{found}/register"))
    docs.circulate()
    return found


def refusal(answer: httpx.Response) -> str:
    """The code of a refusal, which must be a whole problem document in both languages."""
    assert answer.status_code >= 400, answer.text
    body = answer.json()
    assert body["detail_vi"]
    assert body["detail_en"]
    assert body["status"] == answer.status_code
    return str(body["code"])


def record_of(envelope: Envelope) -> Record:
    """The record that the relay publishes for what stands in the outbox."""
    from shared.events import encode

    return Record(envelope.topic, 0, envelope.seq, envelope.key.encode(), encode(envelope), None)


def payload(value: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(value)
    return found


def settings_for(database: Database, blobs: Path) -> DocsSettings:
    return DocsSettings(
        service="docs",
        database=database.app,
        kafka="unused:1",
        kafka_user="docs",
        kafka_password="unused",
        blobs=blobs.as_uri(),
        port=0,
        worker_port=0,
        portal_url="http://portal.example",
        partners=f"{PARTNER}, tinh-khac",
        registry_stale_after=600.0,  # not 60: on a busy machine a test takes longer, and nobody states a heartbeat
    )


@pytest.fixture
def docs(database: Callable[[str], Database], tmp_path: Path) -> Iterator[Docs]:
    made = database("docs")
    settings = settings_for(made, tmp_path)
    pool = db.open_pool(made.app, max_size=24, name="docs-test")
    issuer = Issuer()
    agencies = (
        agency("H37.01", "UBND xã Bắc Sơn"),
        agency("H37.02", "UBND xã Đồng Đăng"),
        agency("G99.01", "Sở X", PARTNER),
    )
    try:
        app = api(settings, pool)
        with serve(app) as url, ExitStack() as clients:
            found = Docs(pool, made, app, url, issuer, settings, *agencies, clients=clients)
            found.hear(issuer.stated(), *states_of(*agencies))
            yield found
    finally:
        pool.close()


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def intake(docs: Docs) -> Iterator[Any]:
    from tests.docs.bringing import opened

    with opened(docs) as made:
        yield made
