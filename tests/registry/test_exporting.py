"""Out and in again: what is exported can be imported and changes nothing, whatever the directory holds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, get_args

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.registry import directory, exporting, intake, sheets, structure, tcvn3
from services.registry import unit as units
from services.registry.agency import Agency, establish
from services.registry.columns import SHEETS, Sheet
from services.registry.names import clean
from services.registry.period import Period
from services.registry.person import ROLES, Person, PersonFacts, Post
from services.registry.planning import Directory, Officer
from services.registry.scope import EVERYWHERE
from services.registry.unit import UnitFacts
from shared.events.registry import PostFunction
from shared.ids import new_id
from tests.registry.conftest import SINCE, Office, a_post, agency_facts, person_facts
from tests.registry.test_importing import commit, preview

TODAY = date(2026, 11, 24)
# A text in TCVN3 would be told to be so, also where it stands already.
NAMES = (
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
    .filter(lambda text: bool(clean(text)))
    .filter(lambda text: not tcvn3.looks_like(clean(text)))
)
DAYS = st.integers(0, 2000).map(lambda days: SINCE + timedelta(days=days))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start = draw(DAYS)
    return Period(start, draw(st.none() | st.integers(0, 900).map(lambda days: start + timedelta(days=days))))


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """A province with agencies under it, units under units, and people with several posts."""
    made = Directory()
    root = establish(new_id(), agency_facts("H37", name=draw(NAMES)), None)[0]
    made.keep_agency(root)
    for number in range(draw(st.integers(0, 3))):
        facts = agency_facts(
            f"H37.{number}",
            name=draw(NAMES),
            level=draw(st.sampled_from(["province", "district", "commune"])),
            parent_id=draw(st.sampled_from([None, root.id])),
            old_identifier=draw(st.sampled_from([None, f"000.00.0{number}.H37"])),
            seal_mm=draw(st.sampled_from([36.0, 38.5, 40.25])),
        )
        made.keep_agency(establish(new_id(), facts, root if facts.parent_id else None)[0])
    for agency in list(made.agencies.values()):
        _add_units(draw, made, agency)
    for number in range(draw(st.integers(0, 4))):
        _add_person(draw, made, f"nguoi.{number}")
    return made


def _add_units(draw: st.DrawFn, made: Directory, agency: Agency) -> None:
    there: list[units.Unit] = []
    for number in range(draw(st.integers(0, 3))):
        parent = draw(st.sampled_from([None, *there]))
        facts = UnitFacts(
            agency_id=agency.id,
            code=draw(st.sampled_from(["VP", "P", "1"])) + str(number),
            name=draw(NAMES),
            parent_id=parent.id if parent else None,
            period=draw(periods()),
        )
        there.append(units.set_up(new_id(), facts, agency, parent))
        made.keep_unit(there[-1])


def _add_person(draw: st.DrawFn, made: Directory, login: str) -> None:
    """As the tables may hold one: also with posts that today's rules would judge otherwise."""
    posts: dict[Any, Post] = {}
    for _ in range(draw(st.integers(0, 4))):
        agency = draw(st.sampled_from(list(made.agencies.values())))
        inside = [each for each in made.units.values() if each.facts.agency_id == agency.id]
        unit = draw(st.sampled_from([None, *inside]))
        words = unit.facts.name if unit else draw(st.none() | NAMES.map(clean))
        roles = draw(st.sets(st.sampled_from(ROLES)))
        post = Post(
            id=new_id(),
            agency_id=agency.id,
            title=clean(draw(NAMES)),
            roles=tuple(role for role in ROLES if role in roles),
            function=draw(st.sampled_from([None, *get_args(PostFunction)])),
            period=draw(periods()),
            unit=words,
            unit_id=unit.id if unit else None,
        )
        posts[agency.id, post.title, post.period.start, post.unit_id or words] = post
    facts = PersonFacts(
        name=clean(draw(NAMES)),
        login=login,
        email=f"{login}@langson.example",
        posts=tuple(posts.values()),
        active=draw(st.booleans()),
    )
    made.people[login] = Person(new_id(), facts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(directories(), st.sampled_from(["csv", "xlsx"]))
def test_an_export_is_imported_again_and_changes_nothing(made: Directory, kind: str) -> None:
    files = (
        [exporting.xlsx_of(tuple(SHEETS), made, EVERYWHERE)]
        if kind == "xlsx"
        else [exporting.csv_of(sheet, made, EVERYWHERE) for sheet in SHEETS if _rows(made, sheet)]
    )
    for content in files:
        plan = intake.draw_up(sheets.read("xuất", content), made, Officer(EVERYWHERE, None, TODAY))
        assert plan.errors == []
        assert plan.entries == []
        assert (plan.agencies, plan.units, plan.people, plan.stated) == ({}, {}, {}, {})
        assert plan.size > 0


def _rows(made: Directory, sheet: Sheet) -> bool:
    return any(True for _ in exporting.rows_of(sheet, made, EVERYWHERE))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(directories())
def test_an_export_makes_the_same_directory_elsewhere(made: Directory) -> None:
    """Into an empty registry, where the rules allow it; exported from there it is the same file."""
    content = exporting.xlsx_of(tuple(SHEETS), made, EVERYWHERE)
    there = Directory()
    plan = intake.draw_up(sheets.read("xuất.xlsx", content), there, Officer(EVERYWHERE, None, TODAY))
    for sheet in SHEETS:
        if not any(error.sheet == sheet for error in plan.errors):
            assert exporting.csv_of(sheet, there, EVERYWHERE) == exporting.csv_of(sheet, made, EVERYWHERE)


# --- through the door


def fetch(office: Office, path: str, **query: str) -> httpx.Response:
    answer = office.http.get(f"/registry/v1/{path}", params=query, headers=office.officer)
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    return answer


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_the_api_exports_it_takes_back_unchanged(office: Office, kind: str) -> None:
    ubnd = office.province.ubnd
    with office.desk() as desk:
        facts = UnitFacts(agency_id=ubnd.id, code="VP", name="=Văn phòng", period=Period(SINCE))
        unit = structure.set_up_unit(desk, facts)
        posts = (
            a_post(ubnd.id, "clerk", "leader", unit_id=unit.id),
            a_post(office.province.commune.id, unit="@Tổ 1", title="+Kiêm nhiệm"),
        )
        directory.enter_person(desk, person_facts("hai.dv", "Đàm Văn Hải", *posts, active=False))
    for sheet in SHEETS:
        content = fetch(office, f"exports/directory.{kind}", sheet=sheet).content
        made = preview(office, content, f"xuat.{kind}")
        assert made["error_count"] == 0
        [(found, counts)] = made["counts"].items()
        assert (found, counts["new"], counts["changed"], counts["same"] > 0) == (sheet, 0, 0, True)
    whole = fetch(office, "exports/directory.xlsx").content
    assert {sum((each["new"], each["changed"])) for each in preview(office, whole)["counts"].values()} == {0}
    csv = fetch(office, "exports/directory.csv", sheet="units").content
    assert csv.startswith(b"\xef\xbb\xbf")
    assert "'=Văn phòng" in csv.decode()


def test_the_template_is_a_file_that_could_be_imported(office: Office) -> None:
    template = fetch(office, "import-template.xlsx").content
    made = preview(office, template, "mau.xlsx")
    assert (made["error_count"], {sheet: each["new"] for sheet, each in made["counts"].items()}) == (
        0,
        {"agencies": 1, "units": 1, "people": 1},
    )
    assert commit(office, made).status_code == 200
    for sheet in SHEETS:
        again = preview(office, fetch(office, "import-template.csv", sheet=sheet).content)
        assert again["counts"][sheet] == {"new": 0, "changed": 0, "same": 1}


def test_an_export_is_an_act(office: Office) -> None:
    office.publish()
    fetch(office, "exports/directory.csv")
    [act] = office.stated("registry.act")
    assert getattr(act, "act", None) == "export_directory"
