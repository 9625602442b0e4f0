"""A person sets the picture of their signature, a clerk the seal's, and both read why one is not taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.devpki.server import Running, running
from services.signing.consumer import follower
from shared import db
from tests.portal import people
from tests.portal.browser import Browser, forms
from tests.portal.conftest import Portal
from tests.portal.test_service import PASSWORD, code_of
from tests.portal.test_verify import before_signing
from tests.signing.test_pictures import ink
from tests.support.postgres import Database


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture
def clerk(database: Callable[[str], Database], tmp_path: Path, pki: Running) -> Iterator[Browser]:
    """A clerk, whom portal and signing know, logged in."""
    with before_signing(database, tmp_path, pki) as (portal, pool):
        yield _logged_in(portal, pool)


def _logged_in(portal: Portal, pool: db.Pool) -> Browser:
    agency = people.agency()
    stated = (agency, people.person("van.thu", people.post(agency.agency_id, "Văn thư", "clerk")))
    portal.accounts(**{"van.thu": PASSWORD})
    portal.hear(*stated)
    with db.transaction(pool) as tx:
        for event in stated:
            assert follower("urn:vanthu:test").take(tx, people.record(event)) == "handled"
    browser = portal.browser()
    assert browser.log_in("van.thu", PASSWORD).url.path == "/"
    return browser


def hand_in(browser: Browser, kind: str, png: bytes) -> object:
    form = next(f for f in forms(browser.open("/pictures")) if f.action == f"/pictures/{kind}")
    return browser.http.post(
        form.action, data=dict(form.fields), files={"file": ("a.png", png, "image/png")}, follow_redirects=True
    )


def test_a_clerk_sets_and_removes_both_pictures(clerk: Browser) -> None:
    home = clerk.open("/")
    assert 'href="/pictures"' in home.text
    page = clerk.open("/pictures")
    assert page.text.count("Chưa có ảnh") == 2
    for kind, png in (("signature", ink("signature")), ("seal", ink("seal"))):
        assert hand_in(clerk, kind, png).status_code == 200  # type: ignore[attr-defined]
        shown = clerk.open(f"/pictures/{kind}")
        assert (shown.headers["content-type"], shown.content[:4]) == ("image/png", b"\x89PNG")
    assert "Chưa có ảnh" not in clerk.open("/pictures").text
    remove = next(f for f in forms(clerk.open("/pictures")) if f.action == "/pictures/seal/remove")
    assert clerk.http.post(remove.action, data=dict(remove.fields), follow_redirects=True).status_code == 200
    assert clerk.open("/pictures").text.count("Chưa có ảnh") == 1


def test_a_picture_that_is_not_taken_is_told_with_the_reason_and_the_one_before_stays(clerk: Browser) -> None:
    hand_in(clerk, "seal", ink("seal"))
    before = clerk.open("/pictures/seal").content
    refused = hand_in(clerk, "seal", ink("signature"))
    assert code_of(refused) == "picture_wrong_colour"  # type: ignore[arg-type]
    assert "màu đỏ" in refused.text  # type: ignore[attr-defined]
    assert clerk.open("/pictures/seal").content == before
