"""A revocation reaches signing and docs within two seconds of being entered, over Kafka, between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from confluent_kafka import Producer
from cryptography.hazmat.primitives import serialization
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from deploy.devpki.server import Running, running
from services.registry import directory, issuance, store_certificates, trust
from services.registry.directory import Desk
from shared import db
from shared.blobs import Blobs
from shared.events import Envelope, docs, encode
from shared.ids import new_id
from shared.tokens import Principal
from tests.registry.conftest import (
    OFFICER,
    SOURCE,
    Province,
    a_post,
    authority_facts,
    person_facts,
    province_wide,
    settle,
)
from tests.signing import office as world
from tests.signing.office import Leader
from tests.support.http import Issuer
from tests.support.kafka import Kafka
from tests.support.parts import free_ports, until
from tests.support.postgres import Database

ROOT = Path(__file__).resolve().parents[2]
BOUND = 2.0  # seconds
TIMES = 10


@contextmanager
def process(service: str, role: str, environment: dict[str, str]) -> Iterator[None]:
    """A role of a service as it runs anywhere; its own words go to the test's output."""
    running = subprocess.Popen(
        [sys.executable, "-m", f"services.{service}", role], cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        yield
    finally:
        running.terminate()
        assert running.wait(60) in (0, -signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Registry, signing and docs as processes on one broker, and what a test needs to act in it."""

    kafka: Kafka
    databases: dict[str, Database]
    urls: dict[str, str]
    issuer: Issuer
    blobs: str
    province: Province
    leaders: tuple[Leader, ...]

    def http(self, service: str, who: Principal) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.issuer.token(who, service)}"}
        return httpx.Client(base_url=f"{self.urls[service]}/{service}/v1", headers=headers, timeout=60)

    def order(self, leader: Leader) -> UUID:
        """Docs orders a document to be prepared for this signer."""
        agency = self.province.commune
        order = docs.PrepareDocument(
            by=OFFICER,
            at=datetime.now(UTC),
            document_id=new_id(),
            descriptor=world.descriptor().model_copy(update={"agency_id": agency.id, "agency_name": agency.name}),
            content=Blobs(self.blobs, "docs").put(world.blank_pdf(), "application/pdf"),
            filename="cong-van.pdf",
            signers=(leader.signer,),
            author_id=self.province.commune_clerk.id,
        )
        envelope = Envelope(id=new_id(), source=SOURCE, seq=1, time=order.at, data=order, topic=order.topic)
        told = self.kafka.environment("docs")
        producer = Producer(
            {
                "enable.idempotence": True,
                "bootstrap.servers": told["VANTHU_KAFKA"],
                "security.protocol": told["VANTHU_KAFKA_SECURITY"],
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": told["VANTHU_KAFKA_USER"],
                "sasl.password": told["VANTHU_KAFKA_PASSWORD"],
            }
        )
        producer.produce(order.topic, key=order.key, value=encode(envelope))
        assert producer.flush(30) == 0
        return order.document_id


def officer(of: Province) -> Principal:
    post = of.officer.facts.posts[0]
    return Principal(
        kind="person",
        name=of.officer.name,
        roles=frozenset({"officer"}),
        person_id=of.officer.id,
        post_id=post.id,
        agency_id=post.agency_id,
    )


def _enter(desk: Desk, pki: Running, province: Province, number: int) -> Leader:
    """A leader of the commune with authority and a registered certificate."""
    made = world.leader(pki, f"Nguyễn Văn {'ABCDEGHIKL'[number]}")
    agency = province.commune
    post = a_post(agency.id, "leader", title="Chủ tịch")
    person = directory.enter_person(desk, person_facts(f"lanhdao{number}", made.name, post))
    facts = authority_facts(agency, person, capacity="TM.", block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"))
    authority = directory.grant_authority(desk, facts)
    whose = issuance.holder(desk.tx, person.id, None)
    issued = made.certificate
    certificate = issuance.enter(desk, issued.pem.decode(), issued.chain_pem.decode(), whose)
    assert certificate.status == "active"
    return replace(
        made,
        id=person.id,
        post_id=post.id,
        authority_id=authority.id,
        certificate_id=certificate.id,
        agency_id=agency.id,
    )


@pytest.fixture
def deployment(kafka: Kafka, database: Callable[[str], Database], tmp_path: Path) -> Iterator[Deployment]:
    kafka.services()
    kafka.empty()
    databases = {name: database(name) for name in ("registry", "signing", "docs")}
    issuer, blobs = Issuer(), (tmp_path / "blobs").as_uri()
    for name in ("registry", "signing"):
        with psycopg.connect(databases[name].app, row_factory=dict_row) as tx:
            issuer.trust(tx)
    with ExitStack() as stack:
        pki = stack.enter_context(running())
        root = tmp_path / "root.pem"
        root.write_bytes(pki.root.public_bytes(serialization.Encoding.PEM))
        pool = db.open_pool(databases["registry"].app)
        stack.callback(pool.close)
        with province_wide(pool) as tx:
            desk = Desk(tx, OFFICER, SOURCE)
            province = settle(desk)
            store_certificates.pin(tx, trust.read_anchor(root.read_text(), datetime.now(UTC)))
            leaders = tuple(_enter(desk, pki, province, n) for n in range(TIMES))
        ports = free_ports(6)
        urls = {}
        for n, name in enumerate(databases):
            told = {
                **kafka.environment(name),
                "VANTHU_SERVICE": name,
                "VANTHU_DATABASE": databases[name].app,
                "VANTHU_BLOBS": blobs,
                "VANTHU_PORT": str(ports[n]),
                "VANTHU_WORKER_PORT": str(ports[n + 3]),
                "VANTHU_PORTAL_URL": "http://portal.example",
                "VANTHU_SOURCE": SOURCE,
                "VANTHU_DEVPKI_URL": pki.url,
                "VANTHU_DEVPKI_SECRET": pki.secret,
                "VANTHU_TRUST": str(root),
                "VANTHU_TSA_URL": pki.tsa_url,
                "VANTHU_PROCESSES": "1",
            }
            for role in ("worker", "api") if name != "docs" else ("worker",):
                stack.enter_context(process(name, role, told))
            urls[name] = f"http://127.0.0.1:{ports[n]}"
        for name in ("registry", "signing"):
            _wait_for(f"{urls[name]}/readyz")
        yield Deployment(kafka, databases, urls, issuer, blobs, province, leaders)


def _wait_for(url: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as http:  # with back-off: 0.5 s, 1 s, 2 s …
        http.get(url, timeout=60).raise_for_status()


def _prepare(deployment: Deployment, http: httpx.Client, leader: Leader, document_id: UUID) -> tuple[str, str]:
    """The first half of a signature: the preparation's id, and the token's answer to it."""
    told = ""

    def waits() -> bool:
        nonlocal told
        found = http.get("/tasks")
        told = found.text
        return found.status_code == 200 and str(document_id) in told and '"problems":[]' in told

    try:
        until(waits, bound=180, what="the document to wait for its signer, with nothing against it")
    except AssertionError as error:
        error.add_note(f"the signer's tasks: {told}")
        with psycopg.connect(deployment.databases["signing"].admin) as looked:
            for table in ("parked", "job", "registry_copy", "document"):
                rows = looked.execute(SQL("SELECT t::text FROM {} t").format(Identifier(table))).fetchall()
                error.add_note(f"signing's {table}: {rows}"[:5000])
        raise
    answer = http.get(f"/documents/{document_id}/content")
    body = {
        "certificate_pem": leader.certificate.pem.decode(),
        "items": [{"document_id": str(document_id), "base_sha256": answer.headers["etag"].strip('"')}],
    }
    made = http.post("/preparations", json=body, headers={"Idempotency-Key": str(new_id())})
    assert made.status_code == 201, made.text
    (item,) = made.json()["items"]
    assert "preparation_id" in item, item
    return item["preparation_id"], leader.sign(item, answer.content)


def test_a_revocation_reaches_signing_and_docs_within_two_seconds(deployment: Deployment) -> None:
    """Ten times, each with a signature that had been prepared: measured from the answer to the officer's request."""
    at_signing, at_docs = [], []
    orders = [(leader, deployment.order(leader)) for leader in deployment.leaders]
    with (
        deployment.http("registry", officer(deployment.province)) as registry,
        psycopg.connect(deployment.databases["docs"].app, autocommit=True, row_factory=dict_row) as copy,
    ):
        for leader, document_id in orders:
            with deployment.http("signing", leader.principal) as signing:
                preparation, signature = _prepare(deployment, signing, leader, document_id)
                known = _status(copy, leader.certificate_id)
                assert known == "active"
                revoked = registry.post(
                    f"/certificates/{leader.certificate_id}/revoke", json={"reason": "keyCompromise"}
                )
                entered = time.monotonic()
                assert revoked.status_code == 200, revoked.text
                seen: dict[str, float] = {}
                while len(seen) < 2 and time.monotonic() - entered < 30:
                    if "docs" not in seen and _status(copy, leader.certificate_id) == "revoked":
                        seen["docs"] = time.monotonic() - entered
                    found = signing.get(f"/preparations/{preparation}").json()
                    if "signing" not in seen and found["state"] == "failed":
                        seen["signing"] = time.monotonic() - entered
                        assert found["problem"]["code"] == "certificate_revoked"
                items = [{"preparation_id": preparation, "signature_b64": signature}]
                (answer,) = signing.post("/completions", json={"items": items}).json()["items"]
                assert (answer["state"], answer["problem"]["code"]) == ("refused", "certificate_revoked")
                at_signing.append(seen["signing"])
                at_docs.append(seen["docs"])
    print(_told("signing", at_signing))  # noqa: T201
    print(_told("docs", at_docs))  # noqa: T201
    assert max(at_signing) <= BOUND
    assert max(at_docs) <= BOUND


def _status(copy: psycopg.Connection[dict[str, Any]], certificate_id: UUID) -> str | None:
    row = copy.execute("SELECT status FROM certificate WHERE certificate_id = %s", [certificate_id]).fetchone()
    return row["status"] if row else None


def _told(where: str, took: list[float]) -> str:
    ordered = sorted(took)
    return (
        f"a revocation reaches {where}: median {ordered[len(ordered) // 2] * 1000:.0f} ms,"
        f" longest {ordered[-1] * 1000:.0f} ms, {len(ordered)} times"
    )
