"""Work files by the rules alone: when the archive is due, how long one is held back, what may be disposed of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.docs.workfile import domain, listing
from services.docs.workfile.domain import Consent, Disposal, Place, WorkFile
from services.docs.workfile.listing import FileList, Line
from shared.errors import Rejected
from shared.events import Actor
from shared.ids import new_id

AT = datetime(2026, 11, 26, 3, tzinfo=UTC)
TODAY = date(2026, 11, 26)
BY = Actor(person_id=new_id(), name="Nông Thị Thu Hằng")
WORD = Consent("12/QĐ-UBND", TODAY, "để phục vụ thanh tra", BY.name, AT)
GONE = Disposal("30/QĐ-UBND", TODAY, ("Nguyễn Văn A", "Trần Thị B"), BY.name, AT)


def file(**changed: object) -> WorkFile:
    place = Place("01.TCCB", "Tổ chức", 5, "TT 10/2022", new_id())
    made = WorkFile(
        id=new_id(),
        agency_id=new_id(),
        place=place,
        title="Hồ sơ tuyển dụng",
        year=2026,
        keeper_id=new_id(),
        keeper=BY.name,
        opened_on=date(2026, 1, 5),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def code(error: pytest.ExceptionInfo[Rejected]) -> str:
    return error.value.code


def closed(**changed: object) -> WorkFile:
    return file(**{"state": "closed", "ended_on": date(2026, 11, 20)} | changed)


def test_the_archive_is_due_a_year_after_the_work_and_three_months_after_a_construction_s_account() -> None:
    assert closed().archive_due == date(2027, 11, 20)
    assert closed(construction=True).archive_due is None
    assert closed(construction=True, settled_on=date(2026, 11, 30)).archive_due == date(2027, 2, 28)
    assert file().archive_due is None


def test_it_is_held_back_for_two_years_at_most() -> None:
    held = domain.hold_back(closed(), WORD, date(2029, 11, 20), BY, members=1).after
    assert held.archive_due == date(2029, 11, 20)
    for until in (date(2029, 11, 21), date(2027, 11, 20)):
        with pytest.raises(Rejected) as error:
            domain.hold_back(closed(), WORD, until, BY, members=1)
        assert code(error) == "file_held_too_long"
    with pytest.raises(Rejected) as error:
        domain.hold_back(closed(construction=True), WORD, date(2028, 1, 1), BY, members=1)
    assert code(error) == "file_no_due_day"


def test_its_keeper_is_warned_once_thirty_days_ahead() -> None:
    assert domain.warn(closed(), BY, AT, date(2027, 10, 20)) is None
    step = domain.warn(closed(), BY, AT, date(2027, 10, 21))
    assert step
    assert step.tell[0].TYPE.endswith("workfile.due.v1")
    assert domain.warn(step.after, BY, AT, date(2027, 10, 22)) is None


def test_nothing_frozen_permanent_or_before_its_time_is_disposed_of() -> None:
    kept = closed(state="archived")
    for changed, day, why in (
        ({"frozen": WORD}, date(2032, 1, 1), "file_frozen"),
        ({"place": replace(kept.place, years=None)}, date(2090, 1, 1), "file_permanent"),
        ({}, date(2031, 12, 31), "file_before_its_time"),
        ({"state": "closed"}, date(2032, 1, 1), "file_wrong_state"),
    ):
        with pytest.raises(Rejected) as error:
            domain.dispose(replace(kept, **changed), GONE, BY, day, destroyed=())
        assert code(error) == why
    with pytest.raises(Rejected) as error:
        domain.dispose(kept, replace(GONE, members=("A", "A")), BY, date(2032, 1, 1), destroyed=())
    assert code(error) == "disposal_council_too_small"
    assert domain.dispose(kept, GONE, BY, date(2032, 1, 1), destroyed=("a" * 64,)).after.state == "disposed"


def test_a_file_is_closed_when_everything_in_it_is_finished() -> None:
    for members, unfinished, ended, why in (
        (0, (), TODAY, "file_empty"),
        (1, ("05/BC: chưa xong",), TODAY, "file_unfinished"),
        (1, (), date(2026, 11, 27), "file_day_wrong"),
        (1, (), date(2026, 1, 4), "file_day_wrong"),
    ):
        with pytest.raises(Rejected) as error:
            domain.close(file(), BY, AT, ended_on=ended, today=TODAY, members=members, unfinished=unfinished)
        assert code(error) == why
    done = domain.close(file(), BY, AT, ended_on=TODAY, today=TODAY, members=1, unfinished=()).after
    assert domain.reopen(done, BY, AT, reason="thiếu văn bản", members=1).after.ended_on is None


def test_whoever_hands_a_file_over_does_not_accept_it() -> None:
    given = domain.submit(closed(), "01/BB", BY, AT, members=1).after
    with pytest.raises(Rejected) as error:
        domain.accept(given, BY, AT, members=1)
    assert code(error) == "archive_same_person"
    assert domain.accept(given, replace_by(), AT, members=1).after.state == "archived"
    assert domain.give_back(given, "thiếu mục lục", replace_by(), AT).after.state == "closed"


def replace_by() -> Actor:
    return BY.model_copy(update={"person_id": new_id()})


def line(code: str = "01.TCCB", **changed: object) -> Line:
    made = Line(id=new_id(), code=code, heading="", title="Hồ sơ", years=20, basis="", person="")
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "file_list_empty"),
        ((line("TCCB"),), "file_code_malformed"),
        ((line(), line("01.tccb")), "file_code_twice"),
        ((line(years=1),), "retention_wrong"),
        ((line(years=71),), "retention_wrong"),
    ],
)
def test_a_list_s_lines_are_lawful(lines: tuple[Line, ...], why: str) -> None:
    with pytest.raises(Rejected) as error:
        listing.check(lines)
    assert code(error) == why


def test_no_line_of_an_approved_list_disappears() -> None:
    one, two = line(), line("02.ĐĐ", years=None)
    held = FileList(agency_id=new_id(), year=2026, lines=(one, two), drafted_by=BY, approved_by=BY, approved_at=AT)
    with pytest.raises(Rejected) as error:
        listing.amend(held, (one,))
    assert code(error) == "file_line_kept"
    listing.amend(held, (one, replace(two, ended=True), line("03.TC")))
    with pytest.raises(Rejected) as error:
        listing.place_under(replace(held, approved_at=None), one.id, 2026)
    assert code(error) == "file_list_not_approved"


def test_what_a_spreadsheet_says_of_retention() -> None:
    assert [listing.years_of(said, "01.A") for said in ("Vĩnh viễn", " 20 năm", "70", "20.0")] == [None, 20, 70, 20]
    with pytest.raises(Rejected):
        listing.years_of("lâu dài", "01.A")
