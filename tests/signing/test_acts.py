"""Every endpoint of signing that changes something: the first click leaves a fact or an act in its own transaction,
the second none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from services.signing.__main__ import NO_ACTS
from tests.signing.desktop import Desktop, content, prepared
from tests.signing.office import AGENCY, Leader, Office, clerk_of
from tests.signing.test_pictures import ink
from tests.support.told import mark, told_since, untold

ELSEWHERE = {
    "POST /checks": "judges a file and keeps the report, which says nothing of whoever asked (test_checks.py)",
    "PUT /documents/{document_id}/places": "needs a place that was not found (test_places.py)",
    "POST /parked/{topic}/{key}/replay": "needs a failed event (tests/shared/test_inbox.py)",
}


def test_whatever_succeeds_is_told_and_a_second_click_is_not(office: Office, desktop: Desktop, leader: Leader) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    base, sha = content(http, document_id)
    done: set[str] = set()
    with psycopg.connect(office.admin, autocommit=True) as owner:
        begun = mark(owner)

        def act(request: str, send: Callable[[], httpx.Response]) -> Any:
            before = mark(owner)
            answer = send()
            assert answer.is_success, answer.text
            told = told_since(owner, before)
            assert bool(told) is (request not in NO_ACTS), f"{request} told {told}"
            between = mark(owner)
            send()
            assert told_since(owner, between) == [], f"a second {request}"
            done.add(request)
            return answer.json()

        pem, key = leader.certificate.pem.decode(), {"Idempotency-Key": str(uuid4())}
        wanted = {"certificate_pem": pem, "items": [{"document_id": str(document_id), "base_sha256": sha}]}
        [item] = act("POST /preparations", lambda: http.post("/preparations", json=wanted, headers=key))["items"]
        signature = {"preparation_id": item["preparation_id"], "signature_b64": leader.sign(item, base)}
        act("POST /completions", lambda: http.post("/completions", json={"items": [signature]}))
        act("POST /pictures/{kind}", lambda: http.post("/pictures/signature", content=ink("signature")))
        act("DELETE /pictures/{kind}", lambda: http.delete("/pictures/signature"))
        clerk, stated = clerk_of(AGENCY)
        office.take(stated)
        at_desk = desktop.of(clerk)
        act("PUT /placing", lambda: at_desk.put("/placing", json={"ask": False}))
        machine = {"client_id": str(uuid4()), "occasion": "login", "version": "1.0", "system": "Windows 11"}
        act("POST /clients", lambda: http.post("/clients", json=machine))
        assert untold(owner, begun, besides={"client"}) == []
    assert _offered(desktop) == done | set(ELSEWHERE)


def _offered(desktop: Desktop) -> set[str]:
    spec = httpx.get(f"{desktop.url}/signing/v1/openapi.json", timeout=60).json()
    return {
        f"{method.upper()} {path.removeprefix('/signing/v1')}"
        for path, methods in spec["paths"].items()
        for method in methods
        if method != "get"
    }
