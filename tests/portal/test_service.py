"""Logging in, sessions and tokens, over real HTTP on the real database."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

from services.portal import keys, operating
from shared.db import transaction
from shared.errors import Rejected
from shared.tokens import Verifier
from tests.portal import people
from tests.portal.browser import Browser, forms
from tests.portal.conftest import Portal

PASSWORD = "Mật khẩu dài của Hoa"
WORKING_DAY_AGO = "UPDATE session SET seen_at = seen_at - interval '11 hours'"


@pytest.fixture
def hoa(portal: Portal) -> Any:
    """A clerk with one post and an account; the account was there first."""
    commune = people.agency()
    hoa = people.person("hoa", people.post(commune.agency_id, "Văn thư", "clerk"))
    portal.accounts(hoa=PASSWORD)
    portal.hear(commune, hoa)
    return hoa


def code_of(page: httpx.Response) -> str | None:
    """The code of the refusal that a page shows."""
    _, found, rest = page.text.partition('<p class="code">Mã: <code>')
    return rest.partition("<")[0] if found else None


def acts(portal: Portal) -> list[tuple[str, str]]:
    return [(act.act, act.object_id) for act in portal.stated("portal.act")]


# --- logging in


def test_the_right_password_opens_the_page_that_was_asked_for(portal: Portal, hoa: Any) -> None:
    browser = portal.browser()
    asked = browser.open("/device?user_code=BCDF-GHJK")
    assert asked.url.path == "/login"
    page = browser.send(asked, "/login", login=" HOA ", password=PASSWORD)
    assert (page.status_code, page.url.path, page.url.query) == (200, "/device", b"user_code=BCDF-GHJK")
    assert "Lê Thị Hoa" in page.text
    assert acts(portal) == [("log_in", str(hoa.person_id))]
    cookie = next(c for c in browser.http.cookies.jar if c.name == "vanthu")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"


def test_what_no_database_takes_is_refused_in_words(portal: Portal) -> None:
    browser = portal.browser()
    page = browser.send(browser.open("/login"), "/login", login="a\x00b", password="sai")
    assert (page.status_code, code_of(page)) == (422, "invalid_request")
    secret = {"client_id": "a\x00b", "client_secret": "x", "audience": "docs"}
    answer = portal.program("/oauth/token", grant_type="client_credentials", **secret)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


def test_passwords_are_kept_as_rfc_9106_recommends(as_deployed: PasswordHasher) -> None:
    made = as_deployed.hash("một mật khẩu")
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert as_deployed.verify(made, "một mật khẩu")


@pytest.mark.usefixtures("hoa")
def test_a_wrong_password_is_told_and_recorded_and_five_make_one_wait(portal: Portal) -> None:
    browser = portal.browser()
    page = browser.open("/login")
    for _ in range(5):
        page = browser.send(page, "/login", login="hoa", password="sai")
        assert (page.status_code, code_of(page)) == (401, "wrong_password")
    assert 'value="hoa"' in page.text
    page = browser.send(page, "/login", login="hoa", password=PASSWORD)
    assert (page.status_code, code_of(page)) == (429, "too_many_tries")
    assert acts(portal) == [("log_in_failed", "hoa")] * 6
    portal.change("UPDATE attempt SET last_at = last_at - interval '16 seconds'")
    page = browser.send(page, "/login", login="hoa", password=PASSWORD)
    assert page.url.path == "/"


@pytest.mark.usefixtures("hoa")
def test_a_password_typed_as_a_name_is_not_written_down(portal: Portal) -> None:
    page = portal.browser().log_in(PASSWORD, "hoa")
    assert code_of(page) == "wrong_password"
    assert acts(portal) == [("log_in_failed", "unknown")]
    assert PASSWORD not in str(portal.stated("portal.act"))


def test_an_account_works_once_its_person_is_there(portal: Portal) -> None:
    assert portal.accounts(lan=PASSWORD) == "1 accounts, 1 of them new or changed"
    browser = portal.browser()
    assert code_of(browser.log_in("lan", PASSWORD)) == "person_not_known_yet"
    commune = people.agency()
    lan = people.person("Lan", people.post(commune.agency_id, "Văn thư", "clerk", valid_until=date(2020, 1, 2)))
    portal.hear(commune, lan)
    assert code_of(browser.log_in("lan", PASSWORD)) == "no_post_today"
    posts = (people.post(commune.agency_id, "Văn thư", "clerk"),)
    portal.take(people.record(lan.model_copy(update={"posts": posts}), seq=2))
    assert browser.log_in("lan", PASSWORD).url.path == "/"


@pytest.mark.usefixtures("hoa")
def test_the_accounts_command_may_be_said_twice_and_a_new_password_ends_sessions(portal: Portal) -> None:
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    assert portal.accounts(hoa=PASSWORD) == "1 accounts, 0 of them new or changed"
    assert browser.open("/").url.path == "/"
    assert portal.accounts(hoa="another one") == "1 accounts, 1 of them new or changed"
    assert browser.open("/").url.path == "/login"
    malformed: list[Any] = [{}, [{"login": "x"}], [1], [{"login": "x", "password": ""}]]
    for rows in malformed:
        with pytest.raises(Rejected) as refused:
            portal.command(operating.accounts, rows)
        assert refused.value.code == "bad_operator_file"


def test_somebody_who_is_no_longer_active_is_logged_out_at_once(portal: Portal, hoa: Any) -> None:
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    gone = people.record(hoa.model_copy(update={"active": False}), seq=2)
    assert portal.take(gone, gone) == ["handled", "duplicate"]
    assert browser.open("/").url.path == "/login"
    assert code_of(browser.log_in("hoa", PASSWORD)) == "person_not_known_yet"


def test_of_several_posts_one_is_chosen_and_remembered(portal: Portal) -> None:
    commune, district = people.agency(), people.agency("UBND huyện Bình Liêu")
    posts = (
        people.post(commune.agency_id, "Văn thư", "clerk"),
        people.post(district.agency_id, "Trưởng phòng", "leader"),
    )
    portal.accounts(mai=PASSWORD)
    portal.hear(commune, district, people.person("mai", *posts))
    browser = portal.browser()
    page = browser.log_in("mai", PASSWORD)
    assert page.url.path == "/post"
    chosen = next(f for f in forms(page) if f.action == "/post" and f.value("post_id") == str(posts[1].post_id))
    page = browser.http.post("/post", data=dict(chosen.fields))
    assert "Trưởng phòng · UBND huyện Bình Liêu" in page.text
    portal.change(WORKING_DAY_AGO)
    assert "Trưởng phòng · UBND huyện Bình Liêu" in browser.log_in("mai", PASSWORD).text


@pytest.mark.usefixtures("hoa")
def test_logging_out_ends_the_session_on_the_server(portal: Portal) -> None:
    browser = portal.browser()
    page = browser.log_in("hoa", PASSWORD)
    stolen = dict(browser.http.cookies)
    assert browser.send(page, "/logout").url.path == "/login"
    thief = portal.browser()
    thief.http.cookies.update(stolen)
    assert thief.open("/").url.path == "/login"
    assert [act for act, _ in acts(portal)] == ["log_in", "log_out"]


# --- forms


@pytest.mark.usefixtures("hoa")
def test_a_session_that_ends_keeps_what_was_typed(portal: Portal) -> None:
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    page = browser.open("/device")
    portal.change(WORKING_DAY_AGO)
    page = browser.send(page, "/device", user_code="BCDF-GHJK", decision="approve")
    assert page.status_code == 401
    assert "BCDF-GHJK" in page.text
    page = browser.send(page, "/login", login="hoa", password="sai")
    assert "BCDF-GHJK" in page.text  # a wrong password loses nothing either
    page = browser.send(page, "/login", login="hoa", password=PASSWORD)
    assert "vẫn còn" in page.text
    page = browser.send(page, "/device")
    assert code_of(page) == "user_code_unknown"  # it was sent, by its person, after they had seen it


@pytest.mark.usefixtures("hoa")
def test_a_form_without_its_token_does_nothing_but_is_kept(portal: Portal) -> None:
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    device = start_device(portal)
    sent = {"user_code": device["user_code"], "decision": "approve", "csrf": "x"}
    page = browser.http.post("/device", data=sent)
    assert "vẫn còn" in page.text
    assert poll(portal, device)["error"] == "authorization_pending"
    foreign = browser.http.post("/device", data=sent, headers={"Sec-Fetch-Site": "cross-site"})
    assert (foreign.status_code, code_of(foreign)) == (403, "foreign_form")
    assert device["user_code"] not in foreign.text


@pytest.mark.usefixtures("hoa")
def test_a_log_in_form_of_another_browser_is_shown_again(portal: Portal) -> None:
    page = portal.browser().open("/login")
    other = portal.browser()
    answer = other.send(page, "/login", login="hoa", password=PASSWORD)
    assert "vanthu" not in other.http.cookies
    assert 'value="hoa"' in answer.text


def test_pages_are_kept_by_nobody_and_run_only_their_own_scripts(portal: Portal) -> None:
    page = portal.browser().open("/login")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


# --- the device flow


def start_device(portal: Portal) -> Any:
    answer = portal.program("/oauth/device_authorization", client_id="vanthu-sign")
    assert answer.status_code == 200
    return answer.json()


def poll(portal: Portal, device: Any, audience: str = "signing") -> Any:
    return portal.program(
        "/oauth/token",
        grant_type="urn:ietf:params:oauth:grant-type:device_code",
        client_id="vanthu-sign",
        device_code=device["device_code"],
        audience=audience,
    ).json()


def decide(browser: Browser, device: Any, decision: str) -> httpx.Response:
    page = browser.open(device["verification_uri_complete"].removeprefix("http://portal.example"))
    assert device["user_code"] in page.text
    return browser.send(page, "/device", decision=decision)


def refresh(portal: Portal, token: str, audience: str = "docs", client: str = "vanthu-sign") -> Any:
    return portal.program(
        "/oauth/token", grant_type="refresh_token", client_id=client, refresh_token=token, audience=audience
    ).json()


def logged_in_program(portal: Portal) -> Any:
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    device = start_device(portal)
    decide(browser, device, "approve")
    return poll(portal, device)


def test_a_program_logs_in_with_a_code_that_its_person_approves(portal: Portal, hoa: Any) -> None:
    device = start_device(portal)
    assert (device["interval"], device["expires_in"]) == (5, 900)
    assert poll(portal, device)["error"] == "authorization_pending"
    assert poll(portal, device)["error"] == "slow_down"
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    assert "Đã cho phép" in decide(browser, device, "approve").text
    answer = poll(portal, device)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 300)
    bearer = Verifier(portal.pool, "signing").verify(answer["access_token"])
    assert (bearer.person_id, bearer.post, set(bearer.roles)) == (hoa.person_id, "Văn thư", {"clerk"})
    assert bearer.agency_id == hoa.posts[0].agency_id
    assert poll(portal, device)["error"] == "invalid_grant"
    assert ("device_approved", str(hoa.person_id)) in acts(portal)


@pytest.mark.usefixtures("hoa")
def test_a_refused_or_forgotten_code_gives_no_token(portal: Portal) -> None:
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    refused = start_device(portal)
    decide(browser, refused, "deny")
    assert poll(portal, refused)["error"] == "access_denied"
    assert code_of(decide(browser, refused, "approve")) == "user_code_unknown"
    forgotten = start_device(portal)
    portal.change("UPDATE device_grant SET expires_at = now() - interval '1 second'")
    assert poll(portal, forgotten)["error"] == "expired_token"
    assert code_of(decide(browser, forgotten, "approve")) == "user_code_unknown"


@pytest.mark.usefixtures("hoa")
def test_user_codes_cannot_be_guessed_for_long(portal: Portal) -> None:
    browser = portal.browser()
    browser.log_in("hoa", PASSWORD)
    page = browser.open("/device")
    for _ in range(5):
        page = browser.send(page, "/device", user_code="BBBB-BBBB", decision="approve")
        assert code_of(page) == "user_code_unknown"
    device = start_device(portal)
    assert code_of(decide(browser, device, "approve")) == "too_many_tries"


@pytest.mark.usefixtures("hoa")
def test_a_refresh_token_gives_a_token_for_each_service_and_is_used_once(portal: Portal) -> None:
    first = logged_in_program(portal)
    second = refresh(portal, first["refresh_token"], "docs")
    assert Verifier(portal.pool, "docs").verify(second["access_token"]).name == "Lê Thị Hoa"
    third = refresh(portal, second["refresh_token"], "registry")
    assert "access_token" in third
    # Somebody else has the first one: nobody has anything from here on.
    assert refresh(portal, first["refresh_token"])["error"] == "invalid_grant"
    assert refresh(portal, third["refresh_token"])["error"] == "invalid_grant"
    assert first["refresh_token"] not in dump(portal)


@pytest.mark.usefixtures("hoa")
def test_an_answer_that_was_lost_on_the_way_is_given_again(portal: Portal) -> None:
    first = logged_in_program(portal)
    lost = refresh(portal, first["refresh_token"])
    again = refresh(portal, first["refresh_token"])
    assert "access_token" in again
    assert refresh(portal, lost["refresh_token"])["error"] == "invalid_grant"  # it was not lost after all
    assert refresh(portal, again["refresh_token"])["error"] == "invalid_grant"


def test_a_program_loses_its_tokens_with_the_post(portal: Portal, hoa: Any) -> None:
    token = logged_in_program(portal)["refresh_token"]
    assert refresh(portal, token, client="another")["error"] == "invalid_grant"
    portal.take(people.record(hoa.model_copy(update={"posts": ()}), seq=2))
    assert refresh(portal, token)["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "audience": "docs"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "audience": "portal"}, "invalid_target"),
        ({"grant_type": "refresh_token", "audience": "docs"}, "invalid_grant"),
        ({"grant_type": "client_credentials", "audience": "docs"}, "invalid_client"),
        ({}, "unsupported_grant_type"),
    ],
)
def test_a_request_for_a_token_that_makes_no_sense_is_told_why(
    portal: Portal, form: dict[str, str], error: str
) -> None:
    answer = portal.program("/oauth/token", **form)
    assert (answer.json()["error"], answer.json()["detail_vi"] != "") == (error, True)
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert portal.program("/oauth/device_authorization", client_id="x").json()["error"] == "invalid_client"


def test_a_program_finds_everything_from_the_portals_address(portal: Portal) -> None:
    found = httpx.get(f"{portal.url}/.well-known/oauth-authorization-server", timeout=60).json()
    assert found["issuer"] == "http://portal.example"
    assert found["token_endpoint"] == "http://portal.example/oauth/token"
    assert set(found["vanthu_services"]) == {"docs", "signing", "registry", "notify"}


# --- partners


def test_a_partners_system_gets_a_token_for_its_secret(portal: Portal) -> None:
    rows = [{"name": "motcua", "client_secret": "bí mật của một cửa"}]
    assert portal.command(operating.partners, rows) == "1 partners, 1 of them new or changed"
    assert portal.command(operating.partners, rows) == "1 partners, 0 of them new or changed"
    form = {"grant_type": "client_credentials", "audience": "docs"}
    answer = portal.program("/oauth/token", **form, client_id="motcua", client_secret="bí mật của một cửa").json()
    bearer = Verifier(portal.pool, "docs").verify(answer["access_token"])
    assert (bearer.kind, bearer.partner, set(bearer.roles)) == ("partner", "motcua", {"partner"})
    assert "refresh_token" not in answer
    basic = httpx.post(
        f"{portal.url}/oauth/token",
        data=form,
        auth=("motcua", "b%C3%AD+m%E1%BA%ADt+c%E1%BB%A7a+m%E1%BB%99t+c%E1%BB%ADa"),
        timeout=60,
    )
    assert "access_token" in basic.json()
    wrong = [portal.program("/oauth/token", **form, client_id="motcua", client_secret="sai") for _ in range(6)]
    assert [answer.status_code for answer in wrong] == [401] * 5 + [429]


# --- keys


@pytest.mark.usefixtures("hoa")
def test_the_key_is_stated_and_a_new_one_is_used_once_the_others_know_it(portal: Portal) -> None:
    (first,) = portal.stated("portal.key")
    assert (first.status, first.not_after > datetime.now(UTC) + timedelta(days=90)) == ("active", True)
    said = operating.rotate_key(portal.pool, portal.settings, [])
    _, retired, second = portal.stated("portal.key")
    assert second.kid in said
    assert (retired.kid, retired.status, second.status) == (first.kid, "retired", "active")
    issuer = keys.Issuer(portal.pool)
    assert issuer._current().kid == first.kid
    portal.change("UPDATE signing_key SET use_from = now() WHERE kid = %s", second.kid)
    assert keys.Issuer(portal.pool)._current().kid == second.kid
    assert first.x not in dump(portal, "signing_key", "private_key")


@pytest.mark.usefixtures("hoa")
def test_a_leaked_key_is_withdrawn_and_its_tokens_with_it(portal: Portal) -> None:
    token = logged_in_program(portal)["access_token"]
    (first,) = portal.stated("portal.key")
    operating.withdraw_key(portal.pool, portal.settings, [first.kid])
    _, withdrawn, second = portal.stated("portal.key")
    assert (withdrawn.status, second.status) == ("withdrawn", "active")
    assert keys.Issuer(portal.pool)._current().kid == second.kid
    with pytest.raises(Rejected) as refused:
        Verifier(portal.pool, "signing").verify(token)
    assert refused.value.code == "login_required"


def test_an_old_key_is_replaced_by_itself_and_never_twice(portal: Portal) -> None:
    now = datetime.now(UTC)
    for later in (now, now + timedelta(days=89)):
        with transaction(portal.pool) as tx:
            keys.ensure(tx, later, source="urn:test")
    assert len(portal.stated("portal.key")) == 1
    for _ in range(2):
        with transaction(portal.pool) as tx:
            keys.ensure(tx, now + timedelta(days=91), source="urn:test")
    assert [key.status for key in portal.stated("portal.key")] == ["active", "retired", "active"]


def test_only_the_service_reads_private_keys(portal: Portal) -> None:
    with psycopg.connect(portal.database.owner) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute("SELECT private_key FROM signing_key")


def dump(portal: Portal, table: str = "refresh_token", column: str = "token_hash") -> str:
    with psycopg.connect(portal.database.admin) as admin:
        return str(admin.execute(f"SELECT {column} FROM {table}").fetchall())  # type: ignore[arg-type,unused-ignore]  # noqa: S608


def test_the_portal_says_that_it_is_ready(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert httpx.get(f"{portal.url}/readyz", timeout=60).text == "ready\n"
    refused = httpx.get(f"{portal.url}/portal/v1/parked", timeout=60)
    assert (refused.status_code, refused.json()["code"]) == (401, "login_required")
