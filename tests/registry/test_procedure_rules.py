"""The clocks of procedures, the calendar, and the tables that say how long anything may take."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry import catalogue, procedure
from services.registry.procedure import Procedure, Subject
from services.registry.workdays import HANOI, Workdays
from shared.errors import Rejected
from shared.ids import new_id

TABLES = catalogue.load()
CLOCK = TABLES.clock
DAYS = CLOCK.workdays


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HANOI)


# --- the calendar


@pytest.mark.parametrize(
    ("start", "count", "last"),
    [
        ("2026-11-16", 3, "2026-11-19"),
        ("2026-11-20", 1, "2026-11-23"),  # over a week-end
        ("2026-11-21", 1, "2026-11-23"),  # begun on a Saturday
        ("2026-02-13", 1, "2026-02-23"),  # over Tết
        ("2026-04-24", 3, "2026-05-04"),  # Hùng Vương observed on Monday, 30/4 and 1/5
        ("2026-08-28", 1, "2026-09-03"),  # 31/8 swapped, National Day
        ("2026-08-21", 1, "2026-08-22"),  # the Saturday worked for it
        ("2026-01-09", 1, "2026-01-10"),  # a Saturday of the office's own table
    ],
)
def test_a_limit_counts_working_days_only(start: str, count: int, last: str) -> None:
    assert DAYS.after(date.fromisoformat(start), count) == date.fromisoformat(last)


@given(st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.integers(1, 30))
def test_the_last_day_works_and_exactly_so_many_days_lie_before_it(start: date, count: int) -> None:
    last = DAYS.after(start, count)
    assert DAYS.works(last)
    assert DAYS.left(start, last) == count
    assert DAYS.left(last, start) < 0


def test_the_offices_table_counts_before_the_library() -> None:
    day = date(2026, 11, 24)
    assert not DAYS.works(day)
    assert Workdays({day: "work"}).works(day)
    assert not Workdays({date(2026, 11, 25): "off"}).works(date(2026, 11, 25))


# --- the tables


def test_every_procedure_has_its_form_and_says_where_its_limit_comes_from() -> None:
    assert [rule.form for rule in TABLES.rules.values()] == [
        "01", "02", "03", "04", "04", "05", "06", "07", "08", "09",
    ]  # fmt: skip
    for rule in TABLES.rules.values():
        assert rule.source
        assert rule.name_vi != rule.name_en
    unsure = {kind for kind, rule in TABLES.rules.items() if not rule.confirmed}
    assert unsure == {"renew", "change", "revoke", "recover", "notify_hand_over"}


def test_a_deployment_says_its_own_limits(tmp_path: Path) -> None:
    own = tmp_path / "limits.csv"
    own.write_text("name,value\nrenewal_days_left,30\n")
    days = tmp_path / "workdays.csv"
    days.write_text("day,kind,note,source,confirmed\n2026-11-25,off,bão,,no\n")
    tables = catalogue.load(limits=own, workdays=days)
    assert (tables.renewal.days_left, tables.renewal.times) == (30, TABLES.renewal.times)
    assert not tables.clock.workdays.works(date(2026, 11, 25))
    days.write_text("day,kind,note,source,confirmed\n2026-11-25,holiday,,,\n")
    with pytest.raises(ValueError, match="kind is one of off, work"):
        catalogue.load(workdays=days)
    with pytest.raises(Rejected, match=r"^procedure_unknown:"):
        tables.rule("xin phép")


# --- the clock of a procedure


def requested(kind: str, when: datetime) -> Procedure:
    subject = Subject(
        managed_by=new_id(), person_id=new_id(), agency_id=new_id(), certificate_id=new_id(), device_id=new_id()
    )
    return procedure.request(new_id(), TABLES.rule(kind), subject, CLOCK, at=when, reason="lý do")


def test_a_clock_runs_through_on_time_and_due_soon_to_overdue() -> None:
    rule = TABLES.rule("issue_person")
    asked = requested("issue_person", at("2026-11-16T09:00"))
    sent = procedure.forward(
        procedure.approve(asked, rule, CLOCK, at("2026-11-16T10:00")), rule, CLOCK, at("2026-11-16T11:00")
    )
    assert (asked.due_on, sent.due_on) == (date(2026, 11, 17), date(2026, 11, 19))
    for moment, standing in (
        ("2026-11-16T12:00", "on_time"),
        ("2026-11-18T08:00", "due_soon"),
        ("2026-11-19T23:59", "due_soon"),
        ("2026-11-20T00:00", "overdue"),
    ):
        assert procedure.standing(sent, CLOCK, at(moment)) == standing, moment


def test_a_revocation_is_due_in_hours() -> None:
    rule = TABLES.rule("revoke")
    asked = requested("revoke", at("2026-11-20T15:00"))
    sent = procedure.forward(procedure.approve(asked, rule, CLOCK, asked.since), rule, CLOCK, asked.since)
    assert sent.due_at == asked.since + timedelta(hours=12)
    assert procedure.standing(sent, CLOCK, at("2026-11-20T22:00")) == "on_time"
    assert procedure.standing(sent, CLOCK, at("2026-11-20T23:30")) == "due_soon"
    assert procedure.standing(sent, CLOCK, at("2026-11-21T03:00")) == "overdue"


def test_a_return_is_due_from_its_notice_whatever_is_done_meanwhile() -> None:
    rule = TABLES.rule("return_device")
    asked = requested("return_device", at("2026-11-16T09:00"))
    sent = procedure.forward(procedure.approve(asked, rule, CLOCK, asked.since), rule, CLOCK, at("2026-11-18T09:00"))
    assert asked.due_on == sent.due_on == date(2026, 11, 23)


def test_what_is_ended_has_no_clock_and_what_has_no_limit_says_so() -> None:
    asked = requested("issue_person", at("2026-11-16T09:00"))
    ended = procedure.refuse(asked, TABLES.rule("issue_person"), CLOCK, asked.since, "thiếu")
    assert (ended.due_at, procedure.standing(ended, CLOCK, at("2027-01-01T00:00"))) == (None, "ended")
    assert procedure.standing(replace(asked, due_on=None, due_at=None), CLOCK, asked.since) == "no_limit"
    with pytest.raises(Rejected, match=r"^procedure_state:"):
        procedure.withdraw(ended, TABLES.rule("issue_person"), CLOCK, asked.since, "nhầm")
    with pytest.raises(Rejected, match=r"^reason_needed:"):
        procedure.withdraw(asked, TABLES.rule("issue_person"), CLOCK, asked.since, " ")


@pytest.mark.parametrize("kind", sorted(TABLES.rules))
def test_a_procedure_says_what_it_is_about(kind: str) -> None:
    rule = TABLES.rule(kind)
    with pytest.raises(Rejected, match=r"^procedure_about:"):
        procedure.request(new_id(), rule, Subject(managed_by=new_id()), CLOCK, at=at("2026-11-16T09:00"), reason="x")
