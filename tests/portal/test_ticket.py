"""Tickets for signing from the browser: rules, and the exchange over real HTTP on the real database."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from services.portal import domain, store_tickets, ticket
from services.portal.api import TICKET
from services.portal.pages.signing import AGENT_PORTS
from services.portal.ticket import Shown, Ticket
from shared.db import transaction
from shared.ids import new_id
from tests.portal import people
from tests.portal.browser import Browser, forms
from tests.portal.conftest import Portal
from tests.portal.test_service import PASSWORD

VERIFIER = "a secret that never left the program, 43 letters"
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SHOWN = Shown(UUID("019357a0-0000-7000-8000-000000000001"), "ab" * 32)


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def made(**changed: Any) -> Ticket:
    found = Ticket(
        ticket_hash=domain.digest("ticket"),
        challenge=challenge_of(VERIFIER),
        origin="https://vanthu.example",
        person_id=new_id(),
        post_id=new_id(),
        documents=(SHOWN,),
        created_at=NOW,
        expires_at=NOW + ticket.LIFETIME,
    )
    return replace(found, **changed)


# --- rules


def test_a_ticket_is_redeemed_once_by_the_program_that_it_was_made_for() -> None:
    grant_id = new_id()
    after, outcome = ticket.redeem(made(), VERIFIER, NOW, grant_id=grant_id)
    assert (outcome, after.grant_id, after.used_at) == ("redeemed", grant_id, NOW)
    again, outcome = ticket.redeem(after, VERIFIER, NOW, grant_id=new_id())
    assert (outcome, again.grant_id) == ("signing_ticket_used", grant_id)


def test_whoever_tries_a_ticket_with_a_wrong_secret_uses_it_up_and_gets_nothing() -> None:
    after, outcome = ticket.redeem(made(), "another", NOW, grant_id=new_id())
    assert (outcome, after.grant_id) == ("signing_ticket_invalid", None)
    assert ticket.redeem(after, VERIFIER, NOW, grant_id=new_id())[1] == "signing_ticket_used"


def test_a_ticket_is_good_for_two_minutes() -> None:
    almost = NOW + ticket.LIFETIME - timedelta(seconds=1)
    assert ticket.redeem(made(), VERIFIER, almost, grant_id=new_id())[1] == "redeemed"
    assert ticket.redeem(made(), VERIFIER, NOW + ticket.LIFETIME, grant_id=new_id())[1] == "signing_ticket_expired"


def test_documents_are_named_by_id_and_digest() -> None:
    one = f"{SHOWN.document_id}:{SHOWN.sha256}"
    assert ticket.documents_from([one]) == (SHOWN,)
    for wrong in ([], [one, one], ["x"], [one[:-1]], [one.upper()], [f"{'-' * 36}:{'a' * 64}"], [one] * 501):
        assert ticket.documents_from(wrong) is None


def test_an_origin_is_written_as_browsers_do() -> None:
    assert ticket.origin_of("https://Vanthu.Example/portal/") == "https://vanthu.example"
    assert ticket.origin_of("http://127.0.0.1:8080") == "http://127.0.0.1:8080"


# --- the exchange


@pytest.fixture
def leader(portal: Portal) -> Any:
    commune = people.agency()
    leader = people.person("binh", people.post(commune.agency_id, "Chủ tịch", "leader"), name="Nguyễn Văn Bình")
    portal.accounts(binh=PASSWORD)
    portal.hear(commune, leader)
    return leader


def minted(portal: Portal, leader: Any, **changed: Any) -> str:
    """A ticket in the database as the page leaves it there; the ticket itself."""
    secret, now = domain.new_secret(), datetime.now(UTC)
    row = made(
        ticket_hash=domain.digest(secret),
        person_id=leader.person_id,
        post_id=leader.posts[0].post_id,
        created_at=now,
        expires_at=now + ticket.LIFETIME,
        **changed,
    )
    with transaction(portal.pool) as tx:
        store_tickets.add(tx, row)
    return secret


def redeem(portal: Portal, secret: str, **changed: str) -> httpx.Response:
    form = {"grant_type": TICKET, "ticket": secret, "code_verifier": VERIFIER, "client_id": "vanthu-sign"}
    return portal.program("/oauth/token", **{**form, "audience": "signing", **changed})


def refresh(portal: Portal, token: str, audience: str = "signing") -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "vanthu-sign"}
    return portal.program("/oauth/token", audience=audience, **form)


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_a_ticket_gives_a_token_of_its_person_for_signing_and_says_what_it_was_made_for(
    portal: Portal, leader: Any
) -> None:
    answer = redeem(portal, minted(portal, leader))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    claims = claims_of(body["access_token"])
    assert (claims["sub"], claims["aud"]) == (str(leader.person_id), "signing")
    assert body["ticket"] == {
        "origin": "https://vanthu.example",
        "person": "Nguyễn Văn Bình",
        "post": "Chủ tịch",
        "documents": [{"document_id": str(SHOWN.document_id), "sha256": SHOWN.sha256}],
    }
    assert answer.headers["cache-control"] == "no-store"


def test_the_token_of_a_ticket_is_renewed_for_signing_only_and_ends_with_the_sitting(
    portal: Portal, leader: Any
) -> None:
    first = redeem(portal, minted(portal, leader)).json()["refresh_token"]
    assert refresh(portal, first, "docs").json()["error"] == "invalid_grant"
    second = refresh(portal, first).json()["refresh_token"]
    portal.change("UPDATE program_grant SET ends_at = now() - interval '1 second'")
    assert refresh(portal, second).json()["error"] == "invalid_grant"


def test_a_replayed_ticket_is_refused_and_ends_what_the_first_use_began(portal: Portal, leader: Any) -> None:
    secret = minted(portal, leader)
    first = redeem(portal, secret).json()["refresh_token"]
    again = redeem(portal, secret)
    assert (again.status_code, again.json()["error"]) == (400, "signing_ticket_used")
    assert "access_token" not in again.json()
    assert refresh(portal, first).json()["error"] == "invalid_grant"


def test_an_overheard_ticket_is_worth_nothing_without_the_programs_secret(portal: Portal, leader: Any) -> None:
    secret = minted(portal, leader)
    stolen = redeem(portal, secret, code_verifier="guessed")
    assert (stolen.status_code, stolen.json()["error"]) == (400, "signing_ticket_invalid")
    assert redeem(portal, secret).json()["error"] == "signing_ticket_used"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"ticket": "there is none such"}, "signing_ticket_invalid"),
        ({"client_id": "another"}, "invalid_client"),
        ({"audience": "docs"}, "invalid_target"),
        ({"audience": "registry"}, "invalid_target"),
    ],
)
def test_a_ticket_is_for_one_program_and_one_service(
    portal: Portal, leader: Any, changed: dict[str, str], error: str
) -> None:
    assert redeem(portal, minted(portal, leader), **changed).json()["error"] == error


def test_an_expired_ticket_is_refused(portal: Portal, leader: Any) -> None:
    secret = minted(portal, leader)
    portal.change("UPDATE signing_ticket SET expires_at = now() - interval '1 second'")
    assert redeem(portal, secret).json()["error"] == "signing_ticket_expired"


def test_a_ticket_of_somebody_who_left_in_between_is_refused(portal: Portal, leader: Any) -> None:
    secret = minted(portal, leader)
    portal.take(people.record(leader.model_copy(update={"active": False}), seq=2))
    assert redeem(portal, secret).json()["error"] == "access_denied"


def test_the_ticket_itself_is_nowhere_kept(portal: Portal, leader: Any) -> None:
    secret = minted(portal, leader)
    with psycopg.connect(portal.database.admin) as admin:
        rows = str(admin.execute("SELECT * FROM signing_ticket").fetchall())
    assert secret not in rows
    assert VERIFIER not in rows


# --- asking for one


def csrf_of(browser: Browser) -> str:
    return next(form.value("csrf") for form in forms(browser.open("/device")) if form.action == "/device")


def test_a_ticket_is_asked_for_with_the_sessions_form_token_only(portal: Portal, leader: Any) -> None:
    assert leader.active
    browser = portal.browser()
    browser.log_in("binh", PASSWORD)
    asked = {"challenge": challenge_of(VERIFIER), "document": f"{SHOWN.document_id}:{SHOWN.sha256}"}
    foreign = {"sec-fetch-site": "cross-site"}
    csrf = csrf_of(browser)
    assert browser.http.post("/signing/tickets", data={**asked, "csrf": csrf}, headers=foreign).status_code == 403
    without = browser.http.post("/signing/tickets", data={**asked, "csrf": "made.up"})
    assert "ticket" not in without.headers["content-type"]
    assert without.headers["content-type"].startswith("text/html")
    for wrong in ({"challenge": "short"}, {"document": "x"}):
        refused = browser.http.post("/signing/tickets", data={**asked, **wrong, "csrf": csrf})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    # Signing is not running here: what waits can't be known, so there is no ticket.
    down = browser.http.post("/signing/tickets", data={**asked, "csrf": csrf})
    assert (down.status_code, down.json()["code"]) == (503, "service_down")


def test_a_clerk_gets_no_ticket(portal: Portal) -> None:
    commune = people.agency()
    portal.accounts(hoa=PASSWORD)
    portal.hear(commune, people.person("hoa", people.post(commune.agency_id, "Văn thư", "clerk")))
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    asked = {"challenge": challenge_of(VERIFIER), "document": f"{SHOWN.document_id}:{SHOWN.sha256}"}
    refused = browser.http.post("/signing/tickets", data={**asked, "csrf": csrf_of(browser)})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_the_signing_page_alone_may_speak_with_the_agent(portal: Portal, leader: Any) -> None:
    assert leader.active
    browser = portal.browser()
    browser.log_in("binh", PASSWORD)
    policy = browser.open("/signing").headers["content-security-policy"]
    assert [part for part in policy.split("; ") if part.startswith("connect-src")] == [
        "connect-src 'self' " + " ".join(f"http://127.0.0.1:{port}" for port in AGENT_PORTS)
    ]
    assert "127.0.0.1" not in browser.open("/device").headers["content-security-policy"]
