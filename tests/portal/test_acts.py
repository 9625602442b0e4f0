"""What people and programs do at the portal itself reaches the ledger: sessions, grants, partners' tokens, refusals."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from services.portal import operating
from services.portal.api import PASSING
from tests.portal import people
from tests.portal.conftest import Portal
from tests.portal.test_service import PASSWORD, acts, decide, poll, refresh, start_device
from tests.support.told import mark, untold

# Nobody is known yet when a program asks for a code, nor has a person's program done anything when it asks anew.
BEFORE_ANYBODY = {"device_grant", "refresh_token"}


@pytest.fixture
def hoa(portal: Portal) -> Any:
    commune = people.agency()
    found = people.person("hoa", people.post(commune.agency_id, "Văn thư", "clerk"))
    portal.accounts(hoa=PASSWORD)
    portal.hear(commune, found)
    return found


def test_a_day_at_the_portal_is_told_once(portal: Portal, hoa: Any) -> None:
    with psycopg.connect(portal.database.admin, autocommit=True) as admin:
        begun = mark(admin)
        browser = portal.browser()
        browser.log_in("hoa", "sai")
        page = browser.log_in("hoa", PASSWORD)
        refused, granted = start_device(portal), start_device(portal)
        decide(browser, refused, "deny")
        decide(browser, granted, "approve")
        first = poll(portal, granted)
        assert poll(portal, granted)["error"] == "invalid_grant"
        second = refresh(portal, first["refresh_token"])
        refresh(portal, second["refresh_token"])
        for _ in range(2):  # the first of somebody who stole it; the grant ends once
            assert refresh(portal, first["refresh_token"])["error"] == "invalid_grant"
        assert browser.open("/trust").status_code == 403
        browser.send(page, "/logout")
        told = [act for act, _ in acts(portal)]
        assert told == [
            "log_in_failed",
            "log_in",
            "device_denied",
            "device_approved",
            "program_granted",
            "program_stopped",
            "refused",
            "log_out",
        ]
        assert untold(admin, begun, besides=PASSING | BEFORE_ANYBODY) == []
    for act in portal.stated("portal.act"):
        assert act.by.person_id == hoa.person_id
    said = str(portal.stated("portal.act"))
    for secret in (PASSWORD, "sai'", first["refresh_token"], first["access_token"], granted["device_code"]):
        assert secret not in said


def test_a_partner_that_comes_or_fails_is_told(portal: Portal) -> None:
    portal.command(operating.partners, [{"name": "motcua", "client_secret": "mật khẩu của máy"}])

    def ask(name: str, secret: str) -> int:
        form = {"grant_type": "client_credentials", "audience": "docs", "client_id": name, "client_secret": secret}
        return portal.program("/oauth/token", **form).status_code

    assert [ask("motcua", "sai"), ask("nobody", "sai"), ask("motcua", "mật khẩu của máy")] == [401, 401, 200]
    told = portal.stated("portal.act")
    assert [(act.act, act.object_id) for act in told] == [
        ("log_in_failed", "partner:motcua"),
        ("log_in", "partner:motcua"),
    ]
    assert told[-1].by.system == "partner:motcua"
