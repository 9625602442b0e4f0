"""Working time in Viet Nam: lunar Tết, swapped Saturdays, office hours; and the table that counts before the library."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.docs.workdays import VIETNAM, Calendar, SaidDay, calendar_of, scopes_of
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import agency, states_of

PLAIN = Calendar()
MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda each: at("2024-01-01T00:00") + timedelta(minutes=each))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 13), True),  # the Friday before Tết
        (date(2026, 2, 17), False),  # the first day of the lunar year
        (date(2026, 4, 27), False),  # Hùng Vương fell on a Sunday: its Monday
        (date(2026, 8, 22), True),  # a Saturday, swapped
        (date(2026, 8, 31), False),  # for this Monday
        (date(2026, 11, 28), False),  # a Saturday as any other
    ],
)
def test_the_library_knows_tet_and_swapped_saturdays(day: date, works: bool) -> None:  # noqa: FBT001
    assert PLAIN.works(day) is works


def test_what_the_table_says_counts_before_the_library_and_the_agency_before_its_province() -> None:
    monday = date(2026, 11, 30)
    said = [SaidDay(monday, "off", "Bão số 9", "H37"), SaidDay(monday, "work", "Trực", "H37.01")]
    assert not calendar_of(said[:1]).works(monday)
    assert calendar_of(said).works(monday)
    assert calendar_of(said[:1]).name(monday) == "Bão số 9"
    assert scopes_of("H37.01.002") == ("H37", "H37.01.002")
    assert scopes_of("H37") == ("H37",)


def test_hours_run_while_the_office_is_open() -> None:
    friday = at("2026-11-27T16:30")
    assert PLAIN.add_hours(friday, 4) == at("2026-11-30T10:30"), "an hour on Friday, three on Monday"
    assert PLAIN.add_hours(at("2026-11-27T12:00"), 1) == at("2026-11-27T14:30"), "nobody works over noon"
    assert PLAIN.add_hours(at("2026-11-28T09:00"), 8) == at("2026-11-30T17:30")
    assert PLAIN.add_days(friday, 1) == at("2026-11-30T17:30")
    assert PLAIN.hours(friday, at("2026-11-30T10:30")) == 4
    assert PLAIN.between(date(2026, 2, 13), date(2026, 2, 23)) == 1, "Tết lies between"


@given(MOMENTS, st.integers(0, 60))
def test_adding_hours_and_counting_them_agree(start: datetime, hours: int) -> None:
    end = PLAIN.add_hours(start, hours)
    assert round(PLAIN.hours(start, end), 6) == hours
    assert end >= start or hours == 0


@given(st.dates(date(2024, 1, 1), date(2027, 6, 1)), st.integers(1, 40))
def test_a_limit_ends_on_a_working_day_with_as_many_before_it(start: date, count: int) -> None:
    last = PLAIN.after(start, count)
    assert PLAIN.works(last)
    assert PLAIN.between(start, last) == count


def test_a_clerk_says_days_for_their_agency_and_only_the_provinces_officer_for_all(docs: Docs) -> None:
    day = {"scope": "H37.01", "kind": "off", "name": "Nghỉ bão số 9"}
    put = docs.http(docs.a.clerk.principal).put
    assert put("/calendar/days/2026-11-30", json=day).status_code == 204
    year = docs.get(docs.a.clerk, "/calendar/2026")
    assert {"day": "2026-11-30", "kind": "off", "name": "Nghỉ bão số 9", "scope": "H37.01"} in year["days"]
    assert year["own_scopes"] == ["H37.01"]
    theirs = docs.get(docs.b.clerk, "/calendar/2026")
    assert all(each["day"] != "2026-11-30" for each in theirs["days"])
    assert theirs["workdays"] == year["workdays"] + 1
    assert refusal(put("/calendar/days/2026-11-30", json=day | {"scope": "H37"})) == "calendar_not_yours"

    province = agency("H37", "UBND tỉnh Lạng Sơn")
    docs.hear(*states_of(province)[1:-3], province.stated().model_copy(update={"level": "province"}))
    officer = docs.http(province.person("officer").principal)
    swapped = {"scope": "H37", "kind": "work", "name": "Làm bù"}
    assert officer.put("/calendar/days/2026-12-05", json=swapped).status_code == 204
    assert any(
        each["name"] == "Làm bù" and each["scope"] == "H37" for each in docs.get(docs.b.clerk, "/calendar/2026")["days"]
    )
    assert officer.delete("/calendar/days/2026-12-05?scope=H37").status_code == 204
    assert [e.act for e in docs.stated("DocsAct")] == ["set_calendar_day", "set_calendar_day", "remove_calendar_day"]
    ok(docs.http(docs.a.leader.principal).get("/calendar/2027"))
