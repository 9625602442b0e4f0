"""Agencies through time: what one was called on a day, which identifiers it had, its units, and what came after it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry import agency, directory, store, store_units, structure, succession, unit
from services.registry.agency import Agency, Turn
from services.registry.directory import Desk
from services.registry.period import Period
from services.registry.scope import of_post
from services.registry.succession import Succession
from services.registry.unit import UnitFacts
from shared.errors import NotFound, Rejected
from shared.events.registry import AgencyStated, AuthorityStated, PersonStated, RegistryAct
from shared.ids import new_id
from tests.registry.conftest import (
    SINCE,
    Office,
    a_post,
    agency_facts,
    authority_facts,
    person_facts,
    settle,
    tomorrow,
)

TODAY = date(2026, 11, 24)
JULY = date(2025, 7, 1)
DAY = timedelta(days=1)


def an_agency(identifier: str = "H37.22.001", **changes: Any) -> Agency:
    facts = agency_facts(identifier, level="commune", name="UBND xã Nà Mỏ", **changes)
    return agency.establish(new_id(), facts, None)[0]


def turned(before: Agency, day: date, **said: Any) -> Agency:
    return agency.turn(before, Turn(day=day, decision="1/NQ", **said), None, above=frozenset(), today=TODAY)[0]


# --- names and identifiers of a day


def test_an_old_document_still_shows_the_old_name() -> None:
    after = turned(an_agency(), JULY, name="UBND phường Nà Mỏ")
    assert after.name == "UBND phường Nà Mỏ"
    assert after.on("name", JULY - DAY) == "UBND xã Nà Mỏ"
    assert after.on("name", JULY) == "UBND phường Nà Mỏ"
    stated = agency.state(after)
    [former] = stated.former_names
    assert (former.name, former.valid_from, former.valid_until) == ("UBND xã Nà Mỏ", SINCE, JULY - DAY)


def test_identifiers_old_and_new_are_kept_side_by_side_with_their_days() -> None:
    before = an_agency(old_identifier="000.01.22.H37")
    after = turned(before, JULY, identifier="H37.120", old_identifier="000.00.99.H37")
    assert (after.facts.identifier, after.facts.old_identifier) == ("H37.120", "000.00.99.H37")
    assert after.ever_held == {"H37.22.001", "000.01.22.H37", "H37.120", "000.00.99.H37"}
    assert after.on("identifier", JULY - DAY) == "H37.22.001"
    assert after.on("old_identifier", JULY) == "000.00.99.H37"
    assert {each.identifier for each in agency.state(after).former_identifiers} == {"H37.22.001", "000.01.22.H37"}


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(0, 2400))
def test_on_every_day_an_agency_has_exactly_the_name_that_was_decided_last(steps: list[int], asked: int) -> None:
    now, day = an_agency(), SINCE
    decided = [(SINCE, now.name)]
    for number, step in enumerate(steps):
        day += step * DAY
        if day > TODAY:
            break
        now = turned(now, day, name=f"Tên {number}")
        decided.append((day, f"Tên {number}"))
    wanted = [name for since, name in decided if since <= SINCE + asked * DAY][-1]
    assert now.on("name", SINCE + asked * DAY) == wanted
    spans = [each.period for each in now.past]
    assert all(one.until is not None and one.until + DAY == two.start for one, two in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"day": TODAY + DAY, "name": "Mới"}, "agency_change_ahead"),
        ({"day": SINCE, "name": "Mới"}, "agency_change_too_early"),
        ({"day": SINCE - DAY, "name": "Mới"}, "agency_ended"),
        ({"day": JULY}, "agency_change_empty"),
        ({"day": JULY, "name": " UBND xã  Nà Mỏ"}, "agency_change_empty"),
        ({"day": JULY, "identifier": "37"}, "identifier_invalid"),
    ],
)
def test_a_change_that_can_not_be_is_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        turned(an_agency(), **said)
    assert refused.value.code == code


def test_before_it_was_established_an_agency_had_no_name() -> None:
    with pytest.raises(Rejected, match="agency_not_yet"):
        an_agency().on("name", SINCE - DAY)


def test_a_child_keeps_its_place_when_its_parent_gets_a_new_identifier(desk: Desk) -> None:
    """Its own follows later; until then the old one lies under one that the parent had."""
    province = settle(desk)
    district = directory.establish_agency(
        desk, agency_facts("H37.22", level="district", name="UBND huyện", parent_id=province.ubnd.id)
    )
    facts = agency_facts("H37.22.002", level="commune", name="UBND xã", parent_id=district.id)
    commune = directory.establish_agency(desk, facts)
    moved = structure.turn_agency(desk, district, Turn(day=JULY, decision="1/NQ", identifier="H37.50"), TODAY)
    again = directory.change_agency(desk, commune, replace(facts, email="xa@langson.example"))
    assert again.version == 2
    later = agency_facts("H37.22.003", level="commune", name="UBND xã khác", parent_id=district.id)
    assert directory.establish_agency(desk, later).facts.parent_id == district.id
    officer = a_post(district.id, "officer")
    assert of_post(officer, moved).covers("H37.22.002")
    assert of_post(officer, moved).covers("H37.50.001")
    assert not of_post(officer, moved).covers("H37.51.001")
    renumbered = structure.turn_agency(desk, again, Turn(day=JULY, decision="1/NQ", identifier="H37.50.002"), TODAY)
    assert store.find_agency_by_any_identifier(desk.tx, "H37.22.002") == renumbered
    with pytest.raises(Rejected, match="identifier_not_under_parent"):
        structure.turn_agency(desk, renumbered, Turn(day=TODAY, decision="1/NQ", identifier="H37.51.002"), TODAY)


def test_nobody_comes_to_stand_above_themselves(desk: Desk) -> None:
    province = settle(desk)
    top = directory.establish_agency(
        desk, agency_facts("H37.22", level="district", name="A", parent_id=province.ubnd.id)
    )
    below = directory.establish_agency(desk, agency_facts("H37.22.009", level="commune", name="B", parent_id=top.id))
    said = Turn(day=JULY, decision="1/NQ", identifier="H37.22.009.1", parent_id=below.id)
    with pytest.raises(Rejected, match="agency_parent_circle"):
        structure.turn_agency(desk, top, said, TODAY)


def test_an_identifier_once_held_is_never_given_to_another(desk: Desk) -> None:
    province = settle(desk)
    structure.turn_agency(desk, province.commune, Turn(day=JULY, decision="1/NQ", identifier="H37.120"), TODAY)
    with pytest.raises(Rejected, match="identifier_taken"):
        directory.establish_agency(desk, agency_facts("H37.22.001", level="commune", name="Khác"))


def test_a_name_of_a_day_is_asked_by_any_identifier(office: Office) -> None:
    commune = office.province.commune
    body = {"day": "2025-07-01", "decision": "1668/NQ", "name": "UBND phường Nà Mỏ", "identifier": "H37.120"}
    office.publish()
    path = f"/registry/v1/agencies/{commune.id}/changes"
    made = office.http.post(path, json=body, headers=office.officer)
    assert (made.status_code, made.json()["version"]) == (201, 2)
    [stated] = office.stated("registry.agency")
    assert isinstance(stated, AgencyStated)
    assert (stated.identifier, [each.name for each in stated.former_names]) == ("H37.120", ["Ủy ban nhân dân xã Nà Mỏ"])
    [act] = office.stated("registry.act")
    assert isinstance(act, RegistryAct)
    assert (act.act, act.detail["decision"], act.detail["day"]) == ("turn_agency", "1668/NQ", "2025-07-01")
    reader = office.headers(office.province.commune_clerk)

    def named(**query: str) -> Any:
        return office.http.get("/registry/v1/agency-names", params=query, headers=reader)

    for identifier in ("H37.22.001", "H37.120"):
        then = named(identifier=identifier, day="2025-06-30").json()
        assert (then["name"], then["identifier"]) == ("Ủy ban nhân dân xã Nà Mỏ", "H37.22.001")
        now = named(identifier=identifier).json()
        assert (now["name"], now["identifier"]) == ("UBND phường Nà Mỏ", "H37.120")
    by_id = named(agency_id=str(commune.id), day="2025-06-30").json()
    assert [(each["what"], each["decision"]) for each in by_id["past"]] == [
        ("name", "1668/NQ"),
        ("identifier", "1668/NQ"),
    ]
    assert named(identifier="H99").status_code == 404
    assert named(identifier="H37.120", day="2001-01-01").json()["code"] == "agency_not_yet"
    assert named().json()["code"] == "invalid_request"
    found = office.http.get("/registry/v1/agencies", params={"q": "xa na mo"}, headers=reader).json()
    assert [each["identifier"] for each in found["items"]] == ["H37.120"]  # by its former name too


# --- units


def test_a_unit_has_a_code_of_its_own_within_the_agency(office: Office) -> None:
    ubnd, commune = str(office.province.ubnd.id), str(office.province.commune.id)
    body = {"agency_id": ubnd, "code": "VP", "name": "Văn phòng", "valid_from": "2021-01-01"}

    def post(**changes: Any) -> Any:
        return office.http.post("/registry/v1/units", json=body | changes, headers=office.officer)

    made = post().json()
    assert post().json()["code"] == "unit_code_taken"
    assert post(agency_id=commune).status_code == 201
    below = post(code="VP.1", name="Phòng Hành chính", parent_id=made["unit_id"]).json()
    assert post(agency_id=commune, code="X", parent_id=made["unit_id"]).json()["code"] == "unit_parent_not_suitable"
    assert post(code="Văn phòng").json()["code"] == "unit_code_invalid"
    assert post(code="Y", valid_from="2001-01-01").json()["code"] == "unit_outside_agency"
    circle = body | {"parent_id": below["unit_id"]}
    path = f"/registry/v1/units/{made['unit_id']}"
    tagged = office.officer | {"If-Match": '"1"'}
    assert office.http.put(path, json=circle, headers=tagged).json()["code"] == "unit_parent_not_suitable"
    assert office.http.put(path, json=body | {"code": "VP2"}, headers=tagged).json()["code"] == "unit_fixed"
    first = office.http.get("/registry/v1/units", params={"agency_id": ubnd, "limit": 1}, headers=office.officer).json()
    rest = {"agency_id": ubnd, "limit": 1, "cursor": first["next_cursor"]}
    second = office.http.get("/registry/v1/units", params=rest, headers=office.officer).json()
    assert [each["code"] for each in first["items"] + second["items"]] == ["VP", "VP.1"]
    clerk = office.headers(office.province.commune_clerk)
    seen = office.http.get("/registry/v1/units", headers=clerk).json()["items"]
    assert {each["agency_id"] for each in seen} == {commune}
    assert office.http.get(path, headers=clerk).status_code == 404


def test_a_unit_that_is_called_otherwise_is_called_so_in_the_posts_that_go_on(office: Office) -> None:
    ubnd = office.province.ubnd
    with office.desk() as desk:
        facts = UnitFacts(agency_id=ubnd.id, code="VP", name="Văn phòng", period=Period(SINCE))
        made = structure.set_up_unit(desk, facts)
        ended = a_post(ubnd.id, unit_id=made.id, title="Thư ký", period=Period(SINCE, JULY))
        goes_on = a_post(ubnd.id, "clerk", unit_id=made.id, period=Period(JULY))
        who = directory.enter_person(desk, person_facts("hai.dv", "Đàm Văn Hải", ended, goes_on))
    assert [post.unit for post in who.facts.posts] == ["Văn phòng", "Văn phòng"]
    office.publish()
    body = {"agency_id": str(ubnd.id), "code": "VP", "name": "Văn phòng UBND", "valid_from": SINCE.isoformat()}
    done = office.http.put(f"/registry/v1/units/{made.id}", json=body, headers=office.officer | {"If-Match": '"1"'})
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    [stated] = office.stated("registry.person")
    assert isinstance(stated, PersonStated)
    assert [(post.unit, post.unit_id) for post in stated.posts] == [
        ("Văn phòng", made.id),
        ("Văn phòng UBND", made.id),
    ]


def test_a_post_is_in_a_unit_of_its_own_agency_that_is_there(desk: Desk) -> None:
    province = settle(desk)
    facts = UnitFacts(agency_id=province.ubnd.id, code="VP", name="Văn phòng", period=Period(JULY))
    made = structure.set_up_unit(desk, facts)
    for at, since in ((province.commune.id, JULY), (province.ubnd.id, JULY - DAY)):
        post = a_post(at, unit_id=made.id, period=Period(since))
        with pytest.raises(Rejected, match="post_unit_not_suitable"):
            directory.enter_person(desk, person_facts("hai.dv", "Đàm Văn Hải", post))
    fine = a_post(province.ubnd.id, unit_id=made.id, period=Period(JULY))
    with pytest.raises(Rejected, match="post_repeated"):
        directory.enter_person(desk, person_facts("hai.dv", "Đàm Văn Hải", fine, replace(fine, id=new_id())))
    with pytest.raises(NotFound):
        store_units.get(desk.tx, new_id())


def test_a_unit_that_is_said_again_is_the_same() -> None:
    at = an_agency()
    made = unit.set_up(
        new_id(), UnitFacts(agency_id=at.id, code="VP", name="Văn phòng", period=Period(SINCE)), at, None
    )
    again = unit.change(made, replace(made.facts, name=" Văn  phòng"), at, None, above=frozenset())
    assert again is made


# --- mergers, splits, dissolutions


def a_succession(kind: Any, before: tuple[Agency, ...], after: tuple[Agency, ...], day: date = JULY) -> Succession:
    return Succession(
        id=new_id(),
        kind=kind,
        day=day,
        decision="1672/NQ-UBTVQH15",
        predecessor_ids=tuple(each.id for each in before),
        successor_ids=tuple(each.id for each in after),
    )


def test_a_merger_a_split_and_a_dissolution_each_have_their_shape() -> None:
    one, two, three = an_agency("H37.1"), an_agency("H37.2"), an_agency("H37.3")
    for kind, before, after in (
        ("merger", (one, two), (three,)),
        ("merger", (one,), (two,)),
        ("split", (one,), (two, three)),
        ("dissolution", (one, two), ()),
    ):
        said, changed = succession.succeed(a_succession(kind, before, after), before, after)
        ended = {each.id: each for each, _ in changed if each.id in said.predecessor_ids}
        assert {each.facts.period.until for each in ended.values()} == {JULY - DAY}
        assert all(each.successor_ids == said.successor_ids for each in ended.values())
        begun = [each for each, _ in changed if each.id in said.successor_ids]
        assert all(set(each.predecessor_ids) == set(said.predecessor_ids) for each in begun)
    for kind, before, after in (
        ("merger", (one, two), ()),
        ("merger", (one,), (two, three)),
        ("merger", (one, two), (two,)),
        ("split", (one,), (two,)),
        ("split", (one, two), (two, three)),
        ("dissolution", (one,), (two,)),
    ):
        with pytest.raises(Rejected, match="succession_shape"):
            succession.succeed(a_succession(kind, before, after), before, after)


def test_who_has_ended_or_is_not_there_yet_takes_no_part() -> None:
    one, gone = an_agency("H37.1"), an_agency("H37.2", period=Period(SINCE, JULY - 2 * DAY))
    late = an_agency("H37.3", period=Period(JULY + DAY))
    for before, after in (((gone,), (one,)), ((one,), (late,)), ((one,), (gone,))):
        with pytest.raises(Rejected, match="succession_agency_ended"):
            succession.succeed(a_succession("merger", before, after), before, after)


def test_two_communes_merge_and_their_people_are_listed_then_moved(office: Office) -> None:
    """Nobody is moved silently: posts, authority, units stand until somebody moves or ends them."""
    ubnd, clerk = office.province.ubnd, office.province.commune_clerk
    with office.desk() as desk:
        other = directory.establish_agency(
            desk, agency_facts("H37.22.002", name="UBND xã Pác Lầu", level="commune", parent_id=ubnd.id)
        )
        head = a_post(other.id, "leader", title="Chủ tịch")
        retired = a_post(other.id, title="Phó Chủ tịch", period=Period(SINCE, SINCE + DAY))
        leader = directory.enter_person(desk, person_facts("loc.nv", "Nông Văn Lộc", head, retired))
        authority = directory.grant_authority(
            desk, authority_facts(other, leader, capacity="TM.", block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"))
        )
        vp = structure.set_up_unit(desk, UnitFacts(agency_id=other.id, code="VP", name="VP", period=Period(SINCE)))
    office.publish()
    body = {
        "kind": "merger",
        "day": "2025-07-01",
        "decision": "1672/NQ-UBTVQH15",
        "predecessor_ids": [str(office.province.commune.id), str(other.id)],
        "establish": [
            {
                "identifier": "H37.120",
                "name": "UBND xã Nà Lầu",
                "parent_id": str(ubnd.id),
                "level": "commune",
                "valid_from": "2025-07-01",
            }
        ],
    }
    made = office.http.post("/registry/v1/successions", json=body, headers=office.officer).json()
    assert {each["login"] for each in made["left"]["posts"]} == {"diep.ptm", "loc.nv"}
    assert (made["left"]["authority_ids"], made["left"]["unit_ids"]) == ([str(authority.id)], [str(vp.id)])
    assert not office.stated("registry.person")
    states = {each.key: each for each in office.stated("registry.agency") if isinstance(each, AgencyStated)}
    [successor] = made["successor_ids"]
    assert set(map(str, states[successor].predecessor_ids)) == set(body["predecessor_ids"])
    assert states[str(other.id)].valid_until == JULY - DAY
    assert list(map(str, states[str(other.id)].successor_ids)) == [successor]
    [ended] = office.stated("registry.authority")
    assert isinstance(ended, AuthorityStated)
    assert (ended.authority_id, ended.valid_until) == (authority.id, JULY - DAY)
    moves = f"/registry/v1/successions/{made['succession_id']}/moves"
    one = {"successor_id": successor, "post_ids": [str(head.id)]}
    moved = office.http.post(moves, json=one, headers=office.officer)
    assert moved.status_code == 201, moved.text
    posts = moved.json()["people"][0]["posts"]
    assert [(p["agency_id"], p["valid_from"], p["valid_until"]) for p in posts] == [
        (str(other.id), "2020-07-01", "2025-06-30"),
        (str(other.id), "2020-07-01", "2020-07-02"),
        (successor, "2025-07-01", None),
    ]
    assert [each["login"] for each in moved.json()["left"]["posts"]] == ["diep.ptm"]
    again = office.http.post(moves, json=one, headers=office.officer)
    assert again.json()["code"] == "post_not_left"
    rest = office.http.post(moves, json={"successor_id": successor}, headers=office.officer).json()
    assert [each["person_id"] for each in rest["people"]] == [str(clerk.id)]
    left = office.http.get(moves.replace("moves", "left"), headers=office.officer).json()
    assert (left["posts"], left["authority_ids"]) == ([], [str(authority.id)])
    assert [each.act for each in office.stated("registry.act") if isinstance(each, RegistryAct)] == [
        "establish_agency",
        "enter_merger",
        "end_authority",
        "move_posts",
        "move_posts",
    ]
    found = office.http.get("/registry/v1/successions", params={"agency_id": successor}, headers=office.officer).json()[
        "items"
    ]
    assert [each["succession_id"] for each in found] == [made["succession_id"]]


def test_a_post_moves_into_a_unit_of_the_successor_only(desk: Desk) -> None:
    province = settle(desk)
    to = directory.establish_agency(
        desk, agency_facts("H37.120", level="commune", name="UBND xã", parent_id=province.ubnd.id)
    )
    said = structure.succeed(desk, a_succession("merger", (province.commune,), (to,)))
    into = structure.set_up_unit(desk, UnitFacts(agency_id=to.id, code="VP", name="Văn phòng", period=Period(SINCE)))
    wrong = structure.set_up_unit(
        desk, UnitFacts(agency_id=province.ubnd.id, code="VP", name="Văn phòng", period=Period(SINCE))
    )
    with pytest.raises(Rejected, match="post_unit_not_suitable"):
        structure.move_posts(desk, said, to, post_ids=None, into=wrong)
    with pytest.raises(Rejected, match="post_not_left"):
        structure.move_posts(desk, said, province.ubnd, post_ids=None)
    [moved] = structure.move_posts(desk, said, to, post_ids=None, into=into)
    assert (moved.facts.posts[-1].unit, moved.facts.posts[-1].unit_id) == ("Văn phòng", into.id)
    assert store.get_person(desk.tx, moved.id) == moved
    assert store_units.get_succession(desk.tx, said.id) == said


def test_a_merger_may_be_entered_before_its_day(desk: Desk) -> None:
    province = settle(desk)
    said = a_succession("dissolution", (province.commune,), (), day=tomorrow())
    structure.succeed(desk, said)
    assert store.get_agency(desk.tx, province.commune.id).open_on(tomorrow() - DAY)
    assert not store.get_agency(desk.tx, province.commune.id).open_on(tomorrow())
    with pytest.raises(Rejected, match="succession_agency_ended"):
        structure.succeed(desk, replace(said, id=new_id()))
    with pytest.raises(Rejected, match="import_decision_missing"):
        structure.succeed(desk, replace(said, id=new_id(), predecessor_ids=(province.ubnd.id,), decision=" "))
