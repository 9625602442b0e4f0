"""What a person's program does with signing over HTTP: fetch, prepare, complete; and how far a test brings a document."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.signing import api_pictures, api_places
from services.signing.__main__ import NO_ACTS
from services.signing.api import router
from services.signing.api_checks import router as checks_router
from services.signing.api_clients import router as clients_router
from services.signing.api_longevity import router as longevity_router
from services.signing.checking import Counter
from services.signing.rhythm import Rhythm
from shared import db
from shared.events import docs, signing
from shared.http import create_app
from shared.tokens import Principal
from tests.signing.office import AGENCY, CLERK, SOURCE, Leader, Office
from tests.support.http import PLAIN, Issuer, serve


class Desktop:
    """HTTP clients of one served application, one for each person."""

    def __init__(self, office: Office, stack: ExitStack) -> None:
        routers = (router, checks_router, clients_router, longevity_router, api_places.router, api_pictures.router)
        app = create_app(
            "signing", office.pool, *routers, large={r"/signing/v1/checks": None}, source=SOURCE, silent=NO_ACTS
        )
        app.state.checks = Counter()
        stack.callback(app.state.checks.judges.close)
        app.state.desk, app.state.rhythm = office.desk, Rhythm()
        self.app, self.verifier = app, app.state.verifier
        self.url = stack.enter_context(serve(app))
        self.issuer = Issuer()
        self.stack = stack
        with db.transaction(office.pool) as tx:
            self.issuer.trust(tx)

    def of(self, principal: Principal) -> httpx.Client:
        token = self.issuer.token(principal, "signing")
        headers = {"Authorization": f"Bearer {token}"}
        return self.stack.enter_context(
            httpx.Client(base_url=f"{self.url}/signing/v1", headers=headers, timeout=60, verify=PLAIN)
        )


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


def signed(office: Office, desktop: Desktop, leader: Leader) -> UUID:
    """A document that this leader has signed."""
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    office.stated()
    return document_id


def returned(document_id: UUID, at: datetime) -> docs.DocumentReturned:
    return docs.DocumentReturned(
        by=CLERK, at=at, document_id=document_id, agency_id=AGENCY, reason="Sai trích yếu", author_id=UUID(int=0x10)
    )
