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

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running, running
from deploy.local import softhsm
from services.signing.api import router
from services.signing.craft import Network
from services.signing.desk import Desk, SealDevice
from services.signing.keys import KeyStore
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
def seal_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyStore]:
    """A SoftHSM2 token of this run; processes started from here on find it by their environment."""
    store = softhsm.open_store(softhsm.provide(), tmp_path_factory.mktemp("softhsm"))
    store.provide("seals", pin="1357", so_pin="2468")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        keys = KeyStore(str(store.softhsm.module), "seals", "1357")
        yield keys
        keys.close()


@pytest.fixture(scope="module")
def seal(seal_token: KeyStore, pki: Running) -> Issued:
    """The certificate of a seal key in the token."""
    seal_token.generate("H50.10")
    return pki.issue(seal_token.csr("H50.10", common_name="H50.10"), common_name="UBND xã Đông Hà", profile="agency")


@pytest.fixture(scope="module")
def workshop(seal_token: KeyStore) -> Iterator[Workshop]:
    made = Workshop(size=1)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(tsa=False, ocsp=False, crl=False)


@pytest.fixture
def office(
    database: Callable[[str], Database], pki: Running, seal_token: KeyStore, workshop: Workshop, tmp_path: Path
) -> Iterator[Office]:
    pool = db.open_pool(database("signing").app)
    blobs = tmp_path.joinpath("blobs").as_uri()
    network = Network(roots=(world.root_der(pki),), tsa=(pki.tsa_url,), timeout=5.0)
    desk = Desk(
        pool=pool,
        blobs=Blobs(blobs, "signing"),
        workshop=workshop,
        network=lambda: network,
        keys=SealDevice(seal_token),
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


def signed(office: Office, desktop: Desktop, leader: Leader) -> UUID:
    """A document that this leader has signed."""
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    office.stated()
    return document_id


def test_signed_numbered_sealed_and_judged_valid_by_the_receiver(
    office: Office, desktop: Desktop, pki: Running, seal: Issued
) -> None:
    leader = world.leader(pki)
    document_id = signed(office, desktop, leader)
    before, _ = content(desktop.of(leader.principal), document_id)
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSealed))
    assert (fact.number, fact.level, fact.by) == (15, "LTA", CLERK)
    sealed = office.desk.blobs.get(fact.content)
    assert sealed.startswith(before), "the seal is one more update"

    incoming_id = office.order_validation(fact.content)
    office.work()
    validated = office.only(signing.DocumentValidated)
    assert (validated.incoming_id, validated.indication, validated.code) == (incoming_id, "TOTAL_PASSED", None)
    assert [(s.signer, s.indication, s.level) for s in validated.signatures] == [
        ("Nguyễn Văn Bình", "TOTAL_PASSED", "LTA"),
        ("UBND xã Đông Hà", "TOTAL_PASSED", "LTA"),
    ]
    clerk, stated = world.clerk_of(OTHER)
    office.take(stated)
    report = desktop.of(clerk).get(f"/reports/{fact.content.sha256}")
    assert report.json()["indication"] == "TOTAL_PASSED"
    assert desktop.of(leader.principal).get(f"/reports/{fact.content.sha256}").status_code == 404
