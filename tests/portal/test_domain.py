"""The rules of logging in, with time as a value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.portal import domain, wording, wording_proof
from services.portal.domain import Attempts, DeviceGrant, Person, Post, RefreshToken
from services.portal.forms import Form, local_path, unkeep
from services.portal.pages.submission import uploaded_in
from shared.ids import new_id

NOW = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_post(start: date, end: date | None) -> Post:
    return Post(new_id(), new_id(), "UBND xã", "Văn thư", None, frozenset({"clerk"}), start, end)


def test_a_post_is_held_on_its_first_and_its_last_day() -> None:
    post = a_post(date(2026, 10, 5), date(2026, 10, 9))
    held = [day for day in range(4, 11) if post.is_held_on(date(2026, 10, day))]
    assert held == [5, 6, 7, 8, 9]


def test_the_only_post_is_chosen_by_itself_and_one_of_two_is_not() -> None:
    day = date(2026, 10, 5)
    first, second, past = a_post(day, None), a_post(day, None), a_post(day, day)
    person = Person(new_id(), "Hoa", "hoa", active=True, posts=(first,))
    assert person.post_on(day, None) == first
    assert replace(person, posts=(first, second)).post_on(day, None) is None
    assert replace(person, posts=(first, second)).post_on(day, second.post_id) == second
    assert replace(person, posts=(first, past)).post_on(date(2026, 10, 6), past.post_id) is None
    assert replace(person, active=False).post_on(day, None) is None


def test_a_session_lasts_a_working_day_from_the_last_click_and_a_week_at_most() -> None:
    session = domain.begin_session("token", new_id(), None, NOW)
    assert not session.is_over(NOW + domain.WORKING_DAY)
    assert session.is_over(NOW + domain.WORKING_DAY + SECOND)
    clicked = replace(session, seen_at=NOW + domain.LONGEST_SESSION)
    assert clicked.is_over(NOW + domain.LONGEST_SESSION + SECOND)
    assert replace(session, ended_at=NOW).is_over(NOW)


def test_a_form_token_is_its_sessions_alone() -> None:
    session, other = (domain.begin_session(name, new_id(), None, NOW) for name in "ab")
    assert session.accepts(session.form_token())
    assert session.form_token() != session.form_token()
    for wrong in ("", ".", "x.y", other.form_token(), session.form_token()[:-1]):
        assert not session.accepts(wrong)


def test_wrong_passwords_slow_the_next_try_down_until_an_hour_passes() -> None:
    attempts: Attempts | None = None
    for _ in range(domain.FREE_TRIES):
        assert domain.wait_before_next(attempts, NOW) == timedelta(0)
        attempts = domain.count_attempt(attempts, NOW)
    assert domain.wait_before_next(attempts, NOW) == domain.FIRST_PAUSE
    assert domain.wait_before_next(attempts, NOW + domain.FIRST_PAUSE) == timedelta(0)
    assert domain.wait_before_next(Attempts(6, NOW), NOW) == 2 * domain.FIRST_PAUSE
    assert domain.wait_before_next(Attempts(10_000, NOW), NOW) == domain.LONGEST_PAUSE
    later = NOW + domain.FORGIVEN_AFTER + SECOND
    assert domain.wait_before_next(Attempts(10_000, NOW), later) == timedelta(0)
    assert domain.count_attempt(Attempts(10_000, NOW), later).failures == 1


def a_grant(**changed: Any) -> DeviceGrant:
    grant = DeviceGrant(
        device_hash=b"d",
        user_code="BCDFGHJK",
        client_id="vanthu-sign",
        state="pending",
        person_id=None,
        post_id=None,
        poll_interval=5,
        polled_at=None,
        created_at=NOW,
        expires_at=NOW + domain.DEVICE_LIFETIME,
    )
    return replace(grant, **changed)


@pytest.mark.parametrize(
    ("grant", "client", "after", "told"),
    [
        (a_grant(), "vanthu-sign", 0, "authorization_pending"),
        (a_grant(polled_at=NOW), "vanthu-sign", 3, "slow_down"),
        (a_grant(polled_at=NOW), "vanthu-sign", 5, "authorization_pending"),
        (a_grant(), "vanthu-sign", 900, "expired_token"),
        (a_grant(state="approved"), "vanthu-sign", 900, "expired_token"),
        (a_grant(state="denied"), "vanthu-sign", 1, "access_denied"),
        (a_grant(state="approved", polled_at=NOW), "vanthu-sign", 1, "approved"),
        (a_grant(state="approved"), "another", 1, "invalid_grant"),
        (a_grant(state="used"), "vanthu-sign", 1, "invalid_grant"),
    ],
)
def test_a_polling_program_is_told_how_its_code_stands(grant: DeviceGrant, client: str, after: int, told: str) -> None:
    assert domain.poll(grant, client, NOW + after * SECOND)[1] == told


def test_a_program_that_asks_too_often_has_to_wait_longer_each_time() -> None:
    grant, _ = domain.poll(a_grant(polled_at=NOW), "vanthu-sign", NOW + SECOND)
    assert grant.poll_interval == 10
    assert domain.poll(grant, "vanthu-sign", NOW + 7 * SECOND)[1] == "slow_down"


def test_a_device_code_is_good_for_one_log_in() -> None:
    used, told = domain.poll(a_grant(state="approved"), "vanthu-sign", NOW)
    assert (told, domain.poll(used, "vanthu-sign", NOW)[1]) == ("approved", "invalid_grant")


def test_a_user_code_is_read_however_it_is_typed() -> None:
    code = domain.new_user_code()
    assert domain.as_user_code(f" {domain.shown_user_code(code).lower()} ") == code


@pytest.mark.parametrize(
    ("used_ago", "successor_used", "outcome"),
    [(None, False, "rotate"), (30, False, "answer_lost"), (30, True, "reused"), (600, False, "reused")],
)
def test_a_refresh_token_is_used_once_but_a_lost_answer_is_given_again(
    used_ago: int | None,
    successor_used: bool,  # noqa: FBT001  a row of the table
    outcome: str,
) -> None:
    token = RefreshToken(
        token_hash=b"t",
        grant_id=new_id(),
        expires_at=NOW + timedelta(days=1),
        used_at=None if used_ago is None else NOW - used_ago * SECOND,
        successor=None if used_ago is None else b"s",
        successor_used=successor_used,
        grant_ended=False,
    )
    assert domain.exchange(token, NOW) == outcome
    assert domain.exchange(replace(token, grant_ended=True), NOW) == "over"
    assert domain.exchange(token, NOW + timedelta(days=1)) == "over"


def test_a_kept_form_comes_back_whole_without_what_belongs_to_its_page() -> None:
    typed = [("csrf", "x"), ("abstract", "V/v họp “gấp” <5h>"), ("reviewer", "1"), ("reviewer", "2"), ("once", "y")]
    assert unkeep(Form(typed).kept()) == typed[1:4]
    for broken in ("", "{", "[1]", '{"a": 1}', "null"):
        assert unkeep(broken) == []


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb"])
def test_nobody_is_sent_to_another_site(path: str) -> None:
    assert local_path(path) is None
    assert local_path("/documents/new?x=1") == "/documents/new?x=1"


def test_codes_have_words_or_are_told_from_words() -> None:
    assert wording_proof.repaired("preparing: queued_again") == "chuẩn bị ký: đã xếp hàng làm lại"
    assert wording_proof.repaired("preparing: something_new") == "chuẩn bị ký: something_new"
    assert wording.is_code("pdf_xfa")
    assert not any(map(wording.is_code, ("", None, "Hoàng Đức Kiệm", "03/UBND-VX", "chưa đủ căn cứ", "xong")))


def test_of_two_main_files_the_later_one_counts() -> None:
    form = Form([("uploaded", "1|main|cũ.pdf"), ("uploaded", "2|annex|kèm.pdf"), ("uploaded", "3|main|mới.pdf")])
    assert [(each.file_id, each.kind) for each in uploaded_in(form)] == [("2", "annex"), ("3", "main")]
    form = Form([("uploaded", "1|main|cũ.pdf"), ("uploaded", "3|main|mới.pdf"), ("drop", "3")])
    assert [each.filename for each in uploaded_in(form)] == ["cũ.pdf"]
