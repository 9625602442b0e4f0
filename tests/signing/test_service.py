"""The signing service on real parts: orders in, HTTP, jobs with a real TSA and OCSP, facts out; everything twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.devpki.server import Running, running
from services.signing.api import router
from services.signing.craft import KeyStore, Network
from services.signing.desk import Desk, SealDevice
from services.signing.workshop import Workshop
from shared import db
from shared.blobs import Blobs
from shared.events import docs, signing
from shared.http import create_app
from shared.tokens import Principal
from tests.signing import office as world
from tests.signing.office import AGENCY, CLERK, OTHER, SOURCE, Leader, Office
from tests.support.http import Issuer, serve
from tests.support.postgres import Database


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    made = Workshop(size=1)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(tsa=False, ocsp=False, crl=False)


@pytest.fixture
def office(
    database: Callable[[str], Database], pki: Running, workshop: Workshop, tmp_path: Path
) -> Iterator[Office]:
    pool = db.open_pool(database("signing").app)
    blobs = tmp_path.joinpath("blobs").as_uri()
    network = Network(roots=(world.root_der(pki),), tsa=(pki.tsa_url,), timeout=5.0)
    desk = Desk(
        pool=pool,
        blobs=Blobs(blobs, "signing"),
        workshop=workshop,
        network=lambda: network,
        keys=SealDevice(KeyStore("", "", "")),
        source=SOURCE,
        stale_after=60.0,
    )
    yield Office(desk, blobs)
    pool.close()


class Desktop:
    """HTTP clients of one served application, one for each person."""

    def __init__(self, office: Office, stack: ExitStack) -> None:
        app = create_app("signing", office.pool, router)
        app.state.desk = office.desk
        self.url = stack.enter_context(serve(app))
        self.issuer = Issuer()
        self.stack = stack
        with db.transaction(office.pool) as tx:
            self.issuer.trust(tx)

    def of(self, principal: Principal) -> httpx.Client:
        token = self.issuer.token(principal, "signing")
        headers = {"Authorization": f"Bearer {token}"}
        return self.stack.enter_context(httpx.Client(base_url=f"{self.url}/signing/v1", headers=headers, timeout=60))


@pytest.fixture
def desktop(office: Office) -> Iterator[Desktop]:
    with ExitStack() as stack:
        yield Desktop(office, stack)


def prepare(http: httpx.Client, leader: Leader, *documents: tuple[UUID, str], key: str | None = None) -> Any:
    items = [{"document_id": str(d), "base_sha256": sha} for d, sha in documents]
    body = {"certificate_pem": leader.certificate.pem.decode(), "items": items}
    answer = http.post("/preparations", json=body, headers={"Idempotency-Key": key or str(uuid4())})
    assert answer.status_code == 201, answer.text
    return answer.json()["items"]


def complete(http: httpx.Client, *signatures: tuple[str, str]) -> Any:
    items = [{"preparation_id": p, "signature_b64": s} for p, s in signatures]
    answer = http.post("/completions", json={"items": items})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def content(http: httpx.Client, document_id: UUID) -> tuple[bytes, str]:
    answer = http.get(f"/documents/{document_id}/content")
    assert answer.status_code == 200, answer.text
    return answer.content, answer.headers["etag"].strip('"')


def prepared(office: Office, *leaders: Leader) -> UUID:
    """A document that waits for these leaders."""
    office.found(*leaders)
    document_id = office.order(*leaders)
    office.work()
    office.only(signing.DocumentPrepared)
    return document_id


def sign(http: httpx.Client, leader: Leader, document_id: UUID) -> str:
    """Both calls for one document; the preparation's id."""
    base, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    [done] = complete(http, (item["preparation_id"], leader.sign(item, base)))
    assert done["state"] == "accepted", done
    return str(item["preparation_id"])


def test_a_leader_signs_what_was_shown(office: Office, desktop: Desktop, pki: Running) -> None:
    leader = world.leader(pki)
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)

    [task] = http.get("/tasks").json()["items"]
    assert (task["document_id"], task["signer_name"], task["problems"]) == (str(document_id), leader.name, [])
    base, sha = content(http, document_id)
    assert sha == task["sha256"]
    unchanged = http.get(f"/documents/{document_id}/content", headers={"If-None-Match": f'"{sha}"'})
    assert unchanged.status_code == 304

    key = str(uuid4())
    [item] = prepare(http, leader, (document_id, sha), key=key)
    assert prepare(http, leader, (document_id, sha), key=key) == [item], "a second click gets the first answer"
    signature = leader.sign(item, base)
    assert complete(http, (item["preparation_id"], signature))[0]["state"] == "accepted"
    assert complete(http, (item["preparation_id"], signature))[0]["state"] == "accepted", "repeating is harmless"
    state = f"/preparations/{item['preparation_id']}"
    assert http.get(state).json()["state"] == "completing"

    office.work()
    assert http.get(state).json()["state"] == "completed"
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSigned))
    assert (fact.person_id, fact.waits_for, fact.level) == (leader.id, None, "B-T")
    assert fact.certificate_serial == leader.certificate.serial
    signed, _ = content(http, document_id)
    assert signed.startswith(base), "signing appends, it never rewrites"
    assert http.get("/tasks").json()["items"] == []
    assert complete(http, (item["preparation_id"], signature))[0]["state"] == "accepted"
    office.work()
    assert not any(isinstance(e, signing.DocumentSigned) for e in office.stated()), "nothing is signed twice"
