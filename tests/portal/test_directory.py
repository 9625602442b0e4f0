"""The directory's pages in front of the real registry: what an officer types is there afterwards, or said to be wrong."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives import hashes

from deploy.devpki.server import Running
from services.registry import directory as registry_directory
from services.registry import store as registry_store
from services.registry.directory import Desk
from services.registry.issuance import today
from services.registry.scope import EVERYWHERE
from shared import db
from shared.events import Actor, registry
from tests.portal.browser import forms
from tests.portal.test_service import code_of
from tests.portal.town import Town, heading
from tests.registry.conftest import SOURCE, a_post, authority_facts, person_facts, pki, tomorrow

__all__ = ["pki"]  # registry's own fixture


def test_an_officer_finds_an_agency_without_diacritics_and_corrects_it(town: Town) -> None:
    officer = town.sit_down("canbo")
    listed = officer.open("/agencies?q=na mo")
    assert "Ủy ban nhân dân xã Nà Mỏ" in listed.text
    assert f"/agencies/{town.province.ubnd.id}" not in listed.text
    page = f"/agencies/{town.province.commune.id}"
    shown = officer.open(page)
    assert "Phùng Thị Mai Diệp" in shown.text
    saved = officer.send(shown, page, seal_mm="38,5", email="nuimo@langson.example")
    assert "Đã lưu cơ quan." in saved.text
    assert "38,5 mm" in saved.text
    stated = town.stated("registry.agency")[-1]
    assert (stated.seal_mm, stated.email) == (38.5, "nuimo@langson.example")
    # The page that was open before: somebody was faster, and what was typed stays.
    late = officer.send(shown, page, email="khac@langson.example")
    assert (late.status_code, code_of(late)) == (412, "stale_version")
    assert "khac@langson.example" in late.text


def test_an_agency_a_person_and_their_authority_are_entered_and_wrong_ones_keep_the_form(town: Town) -> None:
    officer = town.sit_down("canbo")
    form = officer.open("/agencies/new")
    typed = {"name": "Ủy ban nhân dân xã Khuổi Lùng", "level": "commune", "parent": "H37", "seal_mm": "36"}
    wrong = officer.send(form, "/agencies/new", identifier="h37-22", **typed)
    assert (wrong.status_code, code_of(wrong)) == (422, "identifier_invalid")
    assert "Ủy ban nhân dân xã Khuổi Lùng" in wrong.text
    made = officer.send(wrong, "/agencies/new", identifier="H37.22.002", **typed)
    assert heading(made) == "Ủy ban nhân dân xã Khuổi Lùng"
    agency = str(made.url.path).rpartition("/")[2]

    blank = officer.open(f"/people/new?agency={agency}")
    who = {"name": "Hoàng Văn Thụ", "login": "thu.hv", "email": "thu.hv@langson.example", "title": "Chủ tịch"}
    refused = officer.send(blank, "/people/new", **(who | {"email": "thu.hv"}), role="leader")
    assert code_of(refused) == "email_invalid"
    assert "Hoàng Văn Thụ" in refused.text
    person = officer.send(refused, "/people/new", **who, role="leader", function="deputy")
    assert heading(person) == "Hoàng Văn Thụ"
    assert town.stated("registry.person")[-1].posts[0].function == "deputy"
    change = next(form.action for form in forms(person) if form.action.endswith("/function"))
    person = officer.send(person, change, function="head")
    assert "<p>Người đứng đầu cơ quan</p>" in person.text
    assert town.stated("registry.person")[-1].posts[0].function == "head"
    grant = next(form.action for form in forms(person) if form.action.endswith("/authority"))
    refused = officer.send(person, grant, capacity="KT.", block="CHỦ TỊCH")
    assert code_of(refused) == "signer_block_invalid"
    granted = officer.send(refused, grant, capacity="TM.", block="TM. ỦY BAN NHÂN DÂN\nCHỦ TỊCH")
    assert "Đã giao ký" in granted.text
    stated = town.stated("registry.authority")[-1]
    assert (stated.capacity, stated.block) == ("TM.", ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"))
    assert "TM. ỦY BAN NHÂN DÂN" in officer.open(f"/agencies/{agency}").text
    withdraw = next(form.action for form in forms(granted) if form.action.endswith("/withdraw"))
    assert "Đã rút thẩm quyền ký." in officer.send(granted, withdraw).text
    assert town.stated("registry.authority")[-1].withdrawn


def test_a_post_is_added_and_ended_and_somebody_who_leaves_may_do_nothing(town: Town) -> None:
    officer = town.sit_down("canbo")
    page = f"/people/{town.province.clerk.id}"
    more = officer.send(officer.open(page), f"{page}/post", title="Chánh Văn phòng", role="leader", unit="Văn phòng")
    assert "Chánh Văn phòng" in more.text
    first = town.province.clerk.facts.posts[0]
    ended = officer.send(more, f"{page}/end", post_id=str(first.id), valid_until="2026-01-31")
    posts: tuple[registry.Post, ...] = town.stated("registry.person")[-1].posts
    assert [(post.title, str(post.valid_until)) for post in posts] == [
        (first.title, "2026-01-31"),
        ("Chánh Văn phòng", "None"),
    ]
    gone = officer.send(ended, f"{page}/leave")
    assert "Đã ngừng" in gone.text
    assert not town.stated("registry.person")[-1].active
    assert "Đã lưu." in officer.send(gone, f"{page}/return").text


def test_a_clerk_reads_their_own_agency_and_changes_nothing(town: Town) -> None:
    clerk = town.sit_down("diep.ptm")
    own = clerk.open(f"/agencies/{town.province.commune.id}")
    assert "Phùng Thị Mai Diệp" in own.text
    assert "Sửa…" not in own.text
    other = clerk.open(f"/agencies/{town.province.ubnd.id}")
    assert "Nông Thị Thắm" not in other.text
    assert clerk.open(f"/people/{town.province.leader.id}").status_code == 404
    form = next(form for form in forms(own) if form.action == "/logout")
    tried = clerk.http.post(f"/people/{town.province.commune_clerk.id}/leave", data={"csrf": form.value("csrf")})
    assert code_of(tried) == "forbidden"


def with_deputy(town: Town) -> tuple[str, str]:
    """A chairman who may sign and a deputy who may sign some things; their log-ins."""
    with db.transaction(town.registry) as tx:
        registry_store.act_within(tx, EVERYWHERE)
        desk = Desk(tx, Actor(name="Dương Thị Mai Hoa"), SOURCE)
        agency = town.province.ubnd
        head = registry_directory.enter_person(
            desk, person_facts("chu.tich", "Lương Khắc Duẩn", a_post(agency.id, "leader", title="Chủ tịch"))
        )
        deputy = registry_directory.enter_person(
            desk, person_facts("pho.ct", "Nông Văn Thành", a_post(agency.id, "leader", title="Phó Chủ tịch"))
        )
        whole = authority_facts(agency, head, capacity="TM.", block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"))
        registry_directory.grant_authority(desk, whole)
        registry_directory.grant_authority(desk, authority_facts(agency, deputy, document_types=("GM",)))
    town.portal.hear(*town.stated("registry.person"))
    return "chu.tich", "pho.ct"


def test_a_leader_passes_their_authority_on_while_away_and_takes_it_back(town: Town) -> None:
    head, deputy = with_deputy(town)
    leader = town.sit_down(head)
    page = leader.open("/authority")
    assert "Ký được hôm nay" in page.text
    until = tomorrow().isoformat()
    told = leader.send(page, "/authority/absence", valid_until=until, reason="Đi công tác Hà Nội")
    assert "Đi công tác Hà Nội" in told.text
    give = next(form.action for form in forms(told) if form.action.endswith("/delegate"))
    to = " ".join(re.findall(r'<option value="([0-9a-f-]{36}) ([0-9a-f-]{36})"', told.text)[0])
    refused = leader.send(told, give, to=to, form="TL.", valid_until=until, reason="Đi công tác")
    assert code_of(refused) == "delegate_is_deputy"
    given = leader.send(refused, give, to=to, form="KT.", valid_until=until, reason="Đi công tác")
    assert "Đã giao ký thay" in given.text
    stated = town.stated("registry.authority")[-1]
    assert (stated.capacity, stated.valid_until.isoformat()) == ("KT.", until)
    assert stated.delegated_from is not None
    assert "Lương Khắc Duẩn giao" in town.sit_down(deputy).open("/authority").text
    back = next(form.action for form in forms(given) if form.action.endswith("/withdraw"))
    assert "Đã rút thẩm quyền ký." in leader.send(given, back).text
    assert town.stated("registry.authority")[-1].withdrawn


def test_an_officer_says_who_is_away_and_back_for_somebody_who_can_not(town: Town) -> None:
    with_deputy(town)
    officer = town.sit_down("canbo")
    [ill] = [each for each in town.stated("registry.person") if getattr(each, "login", None) == "chu.tich"]
    person = f"/people/{ill.person_id}"
    page = officer.open(person)
    assert "Không báo vắng." in page.text
    until = tomorrow().isoformat()
    typed = {"valid_until": today().isoformat(), "valid_from": until, "reason": "Ốm đột xuất"}
    wrong = officer.send(page, f"{person}/absence", **typed)
    assert wrong.status_code == 422
    assert 'value="Ốm đột xuất"' in wrong.text
    told = officer.send(wrong, f"{person}/absence", valid_from=today().isoformat(), valid_until=until)
    assert "Đã ghi; người cùng cơ quan thấy người này vắng" in told.text
    assert (absent(town).person_id, absent(town).valid_until.isoformat()) == (ill.person_id, until)
    back = next(form.action for form in forms(told) if "/absences/" in form.action)
    assert officer.send(told, back, last_day=today().isoformat()).status_code == 200
    assert absent(town).valid_until == today()


def absent(town: Town) -> registry.AbsenceStated:
    """What was last said of anybody's absence."""
    found: list[registry.AbsenceStated] = [
        each for each in town.stated("registry.person") if isinstance(each, registry.AbsenceStated)
    ]
    return found[-1]


def test_an_officer_pins_a_root_by_the_fingerprint_that_was_told_another_way(town: Town, pki: Running) -> None:
    officer = town.sit_down("canbo")
    root = pki.root_pem.decode()
    page = officer.open("/trust")
    assert "Chưa ghim gốc nào" in page.text
    wrong = officer.send(page, "/trust/pin", pem=root, fingerprint="00" * 32)
    assert code_of(wrong) == "anchor_fingerprint_differs"
    assert "BEGIN CERTIFICATE" in wrong.text
    fingerprint = pki.root.fingerprint(hashes.SHA256()).hex()
    pinned = officer.send(wrong, "/trust/pin", pem=root, fingerprint=fingerprint)
    assert "Đang tin" in pinned.text
    gone = officer.send(pinned, f"/trust/{fingerprint}/withdraw", reason="Khóa bị lộ")
    assert "Khóa bị lộ" in gone.text
    assert "Không tin" in gone.text
    assert "Đang tin" in officer.send(gone, f"/trust/{fingerprint}/restore").text
    assert code_of(town.sit_down("diep.ptm").open("/trust")) == "forbidden"


def test_agencies_are_merged_and_what_they_leave_is_moved_by_a_decision_not_silently(town: Town) -> None:
    officer = town.sit_down("canbo")
    commune, province = town.province.commune, town.province.ubnd
    page = f"/agencies/{commune.id}"
    renamed = officer.send(
        officer.open(page), f"{page}/turn", day="2025-07-01", decision="1668/NQ", name="Ủy ban nhân dân xã Nà Mỏ Mới"
    )
    assert heading(renamed) == "Ủy ban nhân dân xã Nà Mỏ Mới"
    assert "1668/NQ" in renamed.text
    assert "Ủy ban nhân dân xã Nà Mỏ <" in renamed.text
    with_unit = officer.send(renamed, f"{page}/units", code="VP", unit_name="Văn phòng", unit_from="2025-07-01")
    assert "Văn phòng" in with_unit.text
    [unit] = [form.action for form in forms(with_unit) if form.action.startswith(f"{page}/units/")]
    nameless = officer.send(with_unit, unit, unit_name=" ")
    assert nameless.status_code >= 400
    called = officer.send(nameless, unit, unit_name="Văn phòng HĐND và UBND", unit_until="2030-12-31")
    assert "Văn phòng HĐND và UBND" in called.text
    assert "đến 31/12/2030" in called.text
    assert code_of(officer.send(with_unit, unit, unit_name="Khác")) == "stale_version", "somebody was faster"

    form = officer.open("/successions/new")
    said = {"kind": "merger", "day": today().isoformat(), "decision": "1672/NQ", "successors": "H37"}
    refused = officer.send(form, "/successions/new", **said, predecessors="H37.22.999")
    assert code_of(refused) == "agency_unknown"
    merged = officer.send(refused, "/successions/new", **said, predecessors=commune.facts.identifier)
    assert heading(merged).startswith("Sáp nhập")
    assert "Phùng Thị Mai Diệp" in merged.text
    moved = officer.send(merged, f"{merged.url.path}/move", successor_id=str(province.id))
    assert "Không còn chức vụ nào" in moved.text
    clerk = town.stated("registry.person")[-1]
    assert [post.agency_id for post in clerk.posts] == [commune.id, province.id]


def test_a_spreadsheet_is_previewed_and_then_taken_in_as_it_was_shown(town: Town) -> None:
    officer = town.sit_down("canbo")
    exported = officer.open("/directory/export?download")
    assert exported.content.startswith(b"PK")
    template = officer.open("/directory/template?download").content
    page = officer.open("/directory/imports")
    once = next(form for form in forms(page) if form.action == "/directory/imports")
    fields = {name: value for name, value in once.fields if name in {"csrf", "once"}}
    empty = officer.http.post("/directory/imports", data=fields)
    assert code_of(empty) == "file_needed"
    same = officer.http.post("/directory/imports", data=fields, files={"file": ("cu.xlsx", exported.content)})
    assert "Tệp này không làm thay đổi gì" in same.text
    sent = fields | {"once": fields["once"] + "2"}
    broken = officer.http.post("/directory/imports", data=sent, files={"file": ("hong.csv", b"a;b\n1;2\n")})
    assert code_of(broken) == "import_header_missing"
    assert template.startswith(b"PK")
