"""Directories from spreadsheets: previewed, committed as previewed, all or nothing; and out again, changing nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from services.registry import directory, intake, scope, store, store_bulk, store_imports, structure
from services.registry.directory import Desk
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.planning import Officer
from services.registry.unit import UnitFacts
from shared.errors import Rejected
from shared.events.registry import AgencyStated, PersonStated, RegistryAct
from tests.registry.conftest import (
    SINCE,
    Office,
    a_post,
    agency_facts,
    person_facts,
    province_wide,
    settle,
)

AGENCIES = "identifier,name,parent,level,valid_from"
PEOPLE = "login,name,email,agency,title,roles,valid_from"


def send(office: Office, content: str | bytes, name: str = "danhba.csv", **more: Any) -> httpx.Response:
    data = content.encode() if isinstance(content, str) else content
    headers = more.pop("headers", None) or office.officer
    return office.http.post("/registry/v1/imports", files={"file": (name, data)}, data=more, headers=headers)


def preview(office: Office, content: str | bytes, name: str = "danhba.csv", **more: Any) -> dict[str, Any]:
    answer = send(office, content, name, **more)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def commit(office: Office, made: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
    return office.http.post(f"/registry/v1/imports/{made['import_id']}/commit", headers=headers or office.officer)


def errors(office: Office, made: dict[str, Any]) -> list[tuple[int, str | None, str]]:
    found = office.http.get(f"/registry/v1/imports/{made['import_id']}/errors", headers=office.officer).json()["items"]
    assert all(each["detail_vi"] and each["detail_en"] for each in found)
    return [(each["row"], each["column"], each["code"]) for each in found]


def people(*rows: str, header: str = PEOPLE) -> str:
    return "\n".join((header, *rows, ""))


WHO = "an.nv,Nguyễn Văn An,an.nv@langson.example,H37,Chuyên viên,văn thư,2025-07-01"


# --- preview and commit


def test_a_directory_is_previewed_then_committed_with_its_events_and_acts(office: Office) -> None:
    office.publish()
    file = (
        f"{AGENCIES}\nH37.08,Sở Khoa học và Công nghệ,H37,tỉnh,01/07/2020\nH37.08.01,Trung tâm,H37.08,xã,2020-07-01\n"
    )
    made = preview(office, file)
    assert made["counts"] == {"agencies": {"new": 2, "changed": 0, "same": 0}}
    assert not office.stated("registry.agency")
    done = commit(office, made)
    assert (done.status_code, done.json()["committed_by"]) == (200, "Dương Thị Mai Hoa")
    stated = [each for each in office.stated("registry.agency") if isinstance(each, AgencyStated)]
    assert [each.identifier for each in stated] == ["H37.08", "H37.08.01"]
    assert stated[1].parent_id == stated[0].agency_id
    acts = [each for each in office.stated("registry.act") if isinstance(each, RegistryAct)]
    assert [each.act for each in acts] == ["post /imports", "establish_agency", "establish_agency", "import_directory"]
    assert {each.detail.get("import", made["import_id"]) for each in acts} == {made["import_id"]}
    assert commit(office, made).json()["code"] == "import_done"
    again = preview(office, file)
    assert again["counts"]["agencies"] == {"new": 0, "changed": 0, "same": 2}
    listed = office.http.get("/registry/v1/imports", headers=office.officer).json()["items"]
    assert [each["import_id"] for each in listed] == [again["import_id"], made["import_id"]]


def test_a_preview_says_what_is_new_and_what_changes_field_by_field(office: Office) -> None:
    file = people("tham.nt,Nông Thị Thắm,tham@langson.example,H37,Văn thư,văn thư,2020-07-01", WHO)
    made = preview(office, file)
    assert made["counts"]["people"] == {"new": 1, "changed": 1, "same": 0}
    path = f"/registry/v1/imports/{made['import_id']}/rows"
    first = office.http.get(path, params={"limit": 1}, headers=office.officer).json()
    rest = {"limit": 1, "cursor": first["next_cursor"]}
    second = office.http.get(path, params=rest, headers=office.officer).json()
    [changed], [new] = first["items"], second["items"]
    assert (changed["row"], changed["name"], changed["state"]) == (2, "tham.nt", "changed")
    assert changed["changes"] == [
        {"field": "email", "before": "tham.nt@langson.example", "after": "tham@langson.example"}
    ]
    assert (new["row"], new["name"], new["state"], second["next_cursor"]) == (3, "an.nv", "new", None)


def test_what_the_file_has_no_column_for_stays(office: Office) -> None:
    ubnd = office.province.ubnd
    file = f"{AGENCIES}\nH37,Ủy ban nhân dân tỉnh Lạng Sơn,,tỉnh,2020-07-01\n"
    assert preview(office, file)["counts"]["agencies"]["same"] == 1
    with office.desk() as desk:
        desk.tx.execute("UPDATE agency SET email = 'a@b.example', seal_mm = 40 WHERE id = %s", [ubnd.id])
    assert preview(office, file)["counts"]["agencies"]["same"] == 1
    empty = f"{AGENCIES},email\nH37,Ủy ban nhân dân tỉnh Lạng Sơn,,tỉnh,2020-07-01,\n"
    assert preview(office, empty)["counts"]["agencies"]["changed"] == 1  # an empty cell empties


def test_several_posts_are_several_rows_and_none_is_dropped(office: Office) -> None:
    first = preview(office, people(WHO, WHO.replace("H37,", "H37.22.001,").replace("văn thư", "")))
    assert first["counts"]["people"] == {"new": 1, "changed": 0, "same": 0}
    commit(office, first)
    ended = preview(office, people(f"{WHO},2026-01-31", header=f"{PEOPLE},valid_until"))
    office.publish()
    commit(office, ended)
    [stated] = office.stated("registry.person")
    assert isinstance(stated, PersonStated)
    assert [(post.agency_id, post.roles, post.valid_until) for post in stated.posts] == [
        (office.province.ubnd.id, ("clerk",), date(2026, 1, 31)),
        (office.province.commune.id, (), None),
    ]


def test_one_wrong_row_keeps_the_whole_file_out(office: Office) -> None:
    office.publish()
    made = preview(office, people(WHO, "b,Trần Bình,không phải thư,H37,Chuyên viên,,2025-07-01"))
    assert made["error_count"] == 1
    refused = commit(office, made)
    assert (refused.status_code, refused.json()["code"]) == (422, "import_has_errors")
    with province_wide(office.pool) as tx:
        assert store.find_person_by_login(tx, "an.nv") is None
    assert not office.stated("registry.person")


def test_a_commit_does_what_was_previewed_or_nothing(office: Office) -> None:
    """Somebody changed the directory in between so that the result would be another."""
    made = preview(office, people(WHO))
    with office.desk() as desk:
        directory.enter_person(desk, person_facts("an.nv", "Nguyễn Văn An", a_post(office.province.ubnd.id)))
    office.publish()
    stale = commit(office, made)
    assert (stale.status_code, stale.json()["code"]) == (409, "import_stale")
    assert not office.stated("registry.person")
    again = preview(office, people(WHO))
    assert again["counts"]["people"] == {"new": 0, "changed": 1, "same": 0}
    with office.desk() as desk:  # what does not touch the result does not hold it up
        directory.enter_person(desk, person_facts("khac", "Lê Khác", a_post(office.province.ubnd.id)))
    assert commit(office, again).status_code == 200


def test_what_breaks_in_the_middle_leaves_nothing_behind(office: Office) -> None:
    """The database refuses a late row: agencies, people, events and acts before it are gone with it."""
    file = f"{AGENCIES}\nH37.08,Sở,H37,tỉnh,2020-07-01\n"
    made = preview(office, file)
    office.publish()
    with office.desk() as desk:
        by = Officer(scope.EVERYWHERE, office.province.officer.id, today())
        with pytest.raises(ZeroDivisionError), desk.tx.transaction():  # noqa: PT012
            intake.commit(desk, by, made["import_id"])
            raise ZeroDivisionError
    assert not office.stated("registry.agency")
    with province_wide(office.pool) as tx:
        assert store.find_agency_by_identifier(tx, "H37.08") is None
        assert store_imports.get(tx, made["import_id"]).committed_at is None
    assert commit(office, made).status_code == 200


def test_a_second_click_on_upload_gets_the_first_preview(office: Office) -> None:
    headers = office.headers(office.province.officer, key="một".encode().hex())
    one, two = (send(office, people(WHO), headers=headers).json() for _ in range(2))
    assert one == two
    other = send(office, people(WHO, WHO.replace("an.nv", "an.nv2")), headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


# --- rows that can not be


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("a.bc,A,a@b.vn,H99,Văn thư,,2025-07-01", "Mã cơ quan", "import_unknown_agency"),
        ("a.bc,A,a@b.vn,H37,Văn thư,thủ kho,2025-07-01", "Vai trò", "import_cell_choice"),
        ("a.bc,A,a@b.vn,H37,Văn thư,,31/02/2025", "Giữ chức vụ từ ngày", "import_cell_date"),
        ("a.bc,A,a@b.vn,H37,Văn thư,,07-2025", "Giữ chức vụ từ ngày", "import_cell_date"),
        ("a.bc,A,a@b.vn,H37,,,2025-07-01", "Chức vụ", "import_post_incomplete"),
        ("a.bc,,a@b.vn,H37,Văn thư,,2025-07-01", "Họ và tên", "import_cell_missing"),
        (",A,a@b.vn,H37,Văn thư,,2025-07-01", "Tên đăng nhập", "import_cell_missing"),
        ("Á,A,a@b.vn,H37,Văn thư,,2025-07-01", "Tên đăng nhập", "login_invalid"),
        ("a.bc,A,a b,H37,Văn thư,,2025-07-01", "Thư điện tử", "email_invalid"),
        ("a.bc,A,a@b.vn,H37,Văn thư,,2001-07-01", "Mã cơ quan", "post_agency_not_suitable"),
        ("a.bc,A,a@b.vn,H37.22.001,Văn thư,officer,2025-07-01", "Vai trò", "officer_agency_not_suitable"),
        (f"a.bc,{'A' * 301},a@b.vn,H37,Văn thư,,2025-07-01", "Họ và tên", "import_cell_long"),
        ("a.bc,A,a@b.vn,H37,Văn thư,,2025-07-01,thừa", None, "import_row_too_wide"),
        ("canbo,Dương Thị Mai Hoa,canbo@langson.example,H37,Khác,leader,2025-07-01", None, "own_roles"),
    ],
)
def test_a_wrong_row_is_named_with_its_column_and_a_sentence(
    office: Office, row: str, column: str | None, code: str
) -> None:
    made = preview(office, people(WHO, row))
    assert errors(office, made) == [(3, column, code)]


def test_of_a_row_every_wrong_cell_is_named_at_once(office: Office) -> None:
    made = preview(office, people(WHO, "a.bc,,a@b.vn,H99,Văn thư,thủ kho,31/02/2025"))
    assert sorted(errors(office, made), key=lambda each: str(each[1])) == [
        (3, "Giữ chức vụ từ ngày", "import_cell_date"),
        (3, "Họ và tên", "import_cell_missing"),
        (3, "Mã cơ quan", "import_unknown_agency"),
        (3, "Vai trò", "import_cell_choice"),
    ]


def test_rows_that_are_there_twice_are_named(office: Office) -> None:
    made = preview(office, people(WHO, WHO, WHO.replace("An,", "Ân,").replace("Chuyên viên", "Thư ký")))
    assert errors(office, made) == [(3, None, "import_row_repeated"), (4, "Họ và tên", "import_row_differs")]
    agency = "H37.08,Sở,H37,tỉnh,2020-07-01"
    twice = preview(office, f"{AGENCIES}\n{agency}\n{agency}\n")
    assert errors(office, twice) == [(3, None, "import_row_repeated")]


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("H37.08,Sở,H38,tỉnh,2020-07-01", "Mã cơ quan cấp trên", "import_unknown_agency"),
        ("H38.08,Sở,H37,tỉnh,2020-07-01", "Mã cơ quan cấp trên", "identifier_not_under_parent"),
        ("h37,Sở,,tỉnh,2020-07-01", "Mã định danh", "identifier_invalid"),
        ("H37.08,Sở,H37,sở,2020-07-01", "Cấp", "import_cell_choice"),
        ("H37.08,Sở,H37,ngoài,2020-07-01", "Đối tác kết nối", "partner_and_level_disagree"),
        ("H37.22.001,Ủy ban nhân dân xã Nà Mỏ,H37,tỉnh,2020-07-01", "Cấp", "identifier_fixed"),
        ("H37.A,Sở,H37.A,tỉnh,2020-07-01", "Mã cơ quan cấp trên", "import_unknown_agency"),
    ],
)
def test_a_wrong_agency_is_named_with_its_column(office: Office, row: str, column: str, code: str) -> None:
    made = preview(office, f"{AGENCIES}\n{row}\n")
    assert errors(office, made) == [(2, column, code)]


def test_rows_may_come_in_any_order(office: Office) -> None:
    """A child may stand before its parent, and a unit before the one above it."""
    file = f"{AGENCIES}\nH37.08.01.2,C,H37.08.01,xã,2020-07-01\nH37.08.01,B,H37.08,xã,2020-07-01\nH37.08,A,H37,tỉnh,2020-07-01\n"
    made = preview(office, file)
    assert (made["error_count"], made["counts"]["agencies"]["new"]) == (0, 3)
    assert commit(office, made).status_code == 200
    units = "agency,code,name,parent,valid_from\nH37.08,VP.1,Phòng,VP,2021-01-01\nH37.08,VP,Văn phòng,,2021-01-01\n"
    assert commit(office, preview(office, units)).status_code == 200
    circle = "agency,code,name,parent,valid_from\nH37.08,VP,Văn phòng,VP.1,2021-01-01\n"
    assert errors(office, preview(office, circle)) == [(2, "Mã đơn vị cấp trên", "unit_parent_not_suitable")]


# --- agencies that are renamed, units that are renamed


def test_codes_that_a_merger_issued_anew_come_as_dated_changes(office: Office) -> None:
    header = f"{AGENCIES},former_identifier,changed_from,decision"
    row = "H37.120,UBND phường Nà Mỏ,H37,xã,2020-07-01,H37.22.001,2025-07-01,1668/NQ"
    made = preview(office, f"{header}\n{row}\n")
    assert made["counts"]["agencies"] == {"new": 0, "changed": 1, "same": 0}
    assert commit(office, made).status_code == 200
    with province_wide(office.pool) as tx:
        now = store.get_agency(tx, office.province.commune.id)
    assert (now.facts.identifier, now.name) == ("H37.120", "UBND phường Nà Mỏ")
    assert now.on("identifier", date(2025, 6, 30)) == "H37.22.001"
    assert {each.decision for each in now.past} == {"1668/NQ"}
    assert preview(office, f"{header}\n{row}\n")["counts"]["agencies"]["same"] == 1
    old = preview(office, f"{AGENCIES}\nH37.22.001,Ủy ban nhân dân xã Nà Mỏ,H37,xã,2020-07-01\n")
    assert errors(office, old) == [(2, "Mã định danh", "import_former_identifier")]
    undated = "H37.121,UBND phường Nà Mỏ,H37,xã,2020-07-01,H37.120,,"
    assert errors(office, preview(office, f"{header}\n{undated}\n")) == [
        (2, "Thay đổi từ ngày", "import_decision_missing")
    ]
    taken = "H37.22.001,Khác,H37,xã,2020-07-01,,,"
    assert errors(office, preview(office, f"{header}\n{taken}\n")) == [(2, "Mã định danh", "import_former_identifier")]


def test_a_unit_renamed_by_a_file_is_renamed_in_its_posts(office: Office) -> None:
    ubnd = office.province.ubnd
    with office.desk() as desk:
        facts = UnitFacts(agency_id=ubnd.id, code="VP", name="Văn phòng", period=Period(SINCE))
        made = structure.set_up_unit(desk, facts)
        directory.enter_person(desk, person_facts("hai.dv", "Đàm Văn Hải", a_post(ubnd.id, unit_id=made.id)))
    office.publish()
    file = "agency,code,name,valid_from\nH37,VP,Văn phòng UBND,2020-07-01\n"
    assert commit(office, preview(office, file)).status_code == 200
    [stated] = office.stated("registry.person")
    assert isinstance(stated, PersonStated)
    assert stated.posts[0].unit == "Văn phòng UBND"


# --- whose


def test_an_officer_of_a_district_imports_and_exports_their_district_only(office: Office) -> None:
    with office.desk() as desk:
        ubnd = office.province.ubnd
        district = directory.establish_agency(
            desk, agency_facts("H37.22", level="district", name="UBND huyện Nà Khê", parent_id=ubnd.id)
        )
        officer = directory.enter_person(desk, person_facts("huyen", "Chu Văn Huyện", a_post(district.id, "officer")))
    mine, theirs = office.headers(officer), office.officer
    mine2 = office.headers(officer)
    fine = preview(office, people(WHO.replace("H37,", "H37.22.001,")), headers=mine)
    assert fine["error_count"] == 0
    for row, column, code in (
        (WHO, "Mã cơ quan", "out_of_scope"),
        (WHO.replace("an.nv,", "tham.nt,"), "Tên đăng nhập", "login_taken"),
        (WHO.replace("H37,", "H37.22,").replace("văn thư", "operator"), "Vai trò", "role_not_yours"),
    ):
        made = preview(office, people(row), headers=office.headers(officer))
        [(_, found_column, found)] = errors(office, made)
        assert (found, found_column in (column, None)) == (code, True)
    agency = preview(office, f"{AGENCIES}\nH37.23,Khác,H37,huyện,2020-07-01\n", headers=office.headers(officer))
    assert [each[2] for each in errors(office, agency)] == ["out_of_scope"]
    unit = "agency,code,name,valid_from\nH37,VP,Văn phòng,2020-07-01\n"
    assert [each[2] for each in errors(office, preview(office, unit, headers=office.headers(officer)))] == [
        "out_of_scope"
    ]
    assert commit(office, fine, mine2).status_code == 200
    province = preview(office, people(WHO.replace("an.nv", "khac.an")), headers=theirs)
    hidden = office.http.get(f"/registry/v1/imports/{province['import_id']}", headers=mine)
    assert (hidden.status_code, commit(office, province, office.headers(officer)).status_code) == (404, 404)
    out = office.http.get("/registry/v1/exports/directory.csv", headers=mine).text
    assert "diep.ptm" in out
    assert "huyen," in out
    assert "tham.nt" not in out
    back = preview(office, out, headers=office.headers(officer))
    assert back["counts"]["people"] == {"new": 0, "changed": 0, "same": 3}


def test_a_preview_by_the_province_is_not_committed_by_lesser_rights(desk: Desk) -> None:
    province = settle(desk)
    book = f"{PEOPLE}\n{WHO}\n".encode()
    everywhere = Officer(scope.EVERYWHERE, province.officer.id, today())
    made = intake.preview(desk, everywhere, province.ubnd, "a.csv", book)
    lesser = Officer(scope.Scope(("H37.22", "H37.22.*")), province.officer.id, today())
    with pytest.raises(Rejected, match="import_stale"):
        intake.commit(desk, lesser, made.id)
    assert store_bulk.load(desk.tx).people.keys() == {"canbo", "tham.nt", "nguyet.bth", "diep.ptm"}
