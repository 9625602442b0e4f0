"""Signing authority passed on while its holder is away: who may, in which form, and that it ends by itself."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from deploy.devpki.server import Running
from services.registry import absence, agency, authority, delegation, directory, person, store
from services.registry.absence import Absence
from services.registry.agency import Agency
from services.registry.authority import Authority, Signer
from services.registry.delegation import Form, Wish
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.person import Person
from shared.db import Pool, transaction
from shared.errors import Rejected
from shared.events.registry import AuthorityStated, Capacity, RegistryAct
from shared.ids import new_id
from tests.registry.conftest import SINCE, a_post, agency_facts, authority_facts, person_facts
from tests.registry.districts import AWAY, Districts, settle_districts

UBND = agency.establish(new_id(), agency_facts(), None)[0]
BENEATH = agency.establish(new_id(), agency_facts("H37.08", parent_id=UBND.id, name="Sở Nội vụ"), UBND)[0]
WEEK = Period(date(2026, 3, 2), date(2026, 3, 8))
NOON = date(2026, 3, 4)


def refused(code: str) -> Any:
    return pytest.raises(Rejected, match=f"^{code}:")


def somebody(title: str, at: Agency = UBND, **post: Any) -> Signer:
    known = {UBND.id: UBND, BENEATH.id: BENEATH}
    held = a_post(at.id, "leader", title=title, **post)
    made = person.enter(new_id(), person_facts(f"p{held.id.hex}", title, held), known)[0]
    return Signer(person=made, post=made.facts.posts[0], agency=UBND, post_agency=at)


CHAIR, DEPUTY, CHIEF = somebody("Chủ tịch"), somebody("Phó Chủ tịch"), somebody("Chánh Văn phòng")
VICE_CHIEF, DIRECTOR = somebody("Phó Chánh Văn phòng"), somebody("Giám đốc", BENEATH)


def granted(holder: Signer, capacity: Capacity, *block: str, **changes: Any) -> Authority:
    facts = authority_facts(UBND, holder.person, capacity=capacity, block=block, **changes)
    return authority.grant(new_id(), facts, holder)[0]


HEAD = granted(CHAIR, "TM.", "TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH")
ACTING = granted(CHAIR, "Q.", "TM. ỦY BAN NHÂN DÂN", "Q. CHỦ TỊCH")
BY_ORDER = granted(CHIEF, "TL.", "TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG")
AUTHORISED = granted(
    CHIEF, "TUQ.", "TUQ. CHỦ TỊCH", "CHÁNH VĂN PHÒNG", period=Period(SINCE, WEEK.until), document_types=("TB",)
)
FOR_HEAD = granted(DEPUTY, "KT.", "TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")


def passed_on(
    source: Authority, holder: Signer, to: Signer, form: Form = "KT.", *, by_holder: bool = True, **wish: Any
) -> Authority:
    wanted = Wish(**{"form": form, "period": WEEK, "reason": "đi công tác"} | wish)
    made, stated = delegation.delegate(new_id(), wanted, source=source, holder=holder, delegate=to, by_holder=by_holder)
    assert (stated.delegated_from, stated.delegated_by) == (source.id, holder.person.id)
    assert (stated.capacity, stated.block, stated.valid_until) == (
        made.facts.capacity,
        made.facts.block,
        made.facts.period.until,
    )
    return made


WRITTEN: dict[str, Any] = {"basis": "12/GUQ-UBND", "basis_on": date(2026, 3, 1), "document_types": ("GM", "TB")}


# --- capacity and block are derived


@pytest.mark.parametrize(
    ("source", "holder", "to", "form", "capacity", "block"),
    [
        (HEAD, CHAIR, DEPUTY, "KT.", "KT.", ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")),
        (ACTING, CHAIR, DEPUTY, "KT.", "KT.", ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")),
        (HEAD, CHAIR, CHIEF, "TL.", "TL.", ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG")),
        (HEAD, CHAIR, DIRECTOR, "TUQ.", "TUQ.", ("TUQ. CHỦ TỊCH", "GIÁM ĐỐC")),
        (BY_ORDER, CHIEF, VICE_CHIEF, "KT.", "TL.", ("TL. CHỦ TỊCH", "KT. CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG")),
    ],
)
def test_capacity_and_block_of_a_delegated_authority_follow_from_its_source(  # noqa: PLR0917  columns of the table
    source: Authority, holder: Signer, to: Signer, form: Form, capacity: str, block: tuple[str, ...]
) -> None:
    made = passed_on(source, holder, to, form, **WRITTEN)
    assert (made.facts.capacity, made.facts.block) == (capacity, block)
    assert made.facts.document_types == ("GM", "TB")


# --- what may be passed on, and to whom (NĐ 30/2020 art. 13)


@pytest.mark.parametrize("form", ["KT.", "TL.", "TUQ."])
def test_tuq_goes_no_further(form: Form) -> None:
    with refused("tuq_not_redelegable"):
        passed_on(AUTHORISED, CHIEF, VICE_CHIEF, form, **WRITTEN)
    tuq = passed_on(HEAD, CHAIR, CHIEF, "TUQ.", **WRITTEN)
    with refused("tuq_not_redelegable"):
        passed_on(tuq, CHIEF, VICE_CHIEF, form, **WRITTEN)


def test_a_chain_has_three_links_at_most() -> None:
    by_order = passed_on(HEAD, CHAIR, CHIEF, "TL.")
    vice = passed_on(by_order, CHIEF, VICE_CHIEF)
    assert vice.facts.delegation is not None
    assert vice.facts.delegation.source_id == by_order.id
    with refused("delegation_too_deep"):
        passed_on(vice, VICE_CHIEF, somebody("Phó Trưởng phòng"))
    with refused("delegation_form_not_allowed"):
        passed_on(by_order, CHIEF, DIRECTOR, "TL.")
    for form in ("KT.", "TL.", "TUQ."):
        with refused("delegation_form_not_allowed"):
            passed_on(FOR_HEAD, DEPUTY, somebody("Phó Chủ tịch"), form, **WRITTEN)


def test_kt_is_for_a_deputy_and_tl_and_tuq_for_the_head_of_a_unit() -> None:
    with refused("delegate_not_deputy"):
        passed_on(HEAD, CHAIR, CHIEF)
    with refused("delegate_not_deputy"):
        passed_on(HEAD, CHAIR, somebody("Phó Giám đốc", BENEATH))
    with refused("delegate_is_deputy"):
        passed_on(HEAD, CHAIR, DEPUTY, "TL.")
    with refused("delegate_is_deputy"):
        passed_on(HEAD, CHAIR, DEPUTY, "TUQ.", **WRITTEN)
    with refused("delegate_is_self"):
        passed_on(HEAD, CHAIR, CHAIR)


def test_nothing_is_passed_on_beyond_what_one_has() -> None:
    limited = granted(CHAIR, "TM.", "TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", document_types=("CV", "TB"))
    with refused("delegation_other_types"):
        passed_on(limited, CHAIR, DEPUTY, document_types=("QĐ",))
    assert passed_on(limited, CHAIR, DEPUTY).facts.document_types == ("CV", "TB")
    with refused("delegation_needs_an_end"):
        passed_on(HEAD, CHAIR, DEPUTY, period=Period(NOON))
    short = granted(CHAIR, "TM.", "TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", period=Period(SINCE, NOON))
    with refused("delegation_outside_source"):
        passed_on(short, CHAIR, DEPUTY)
    leaving = somebody("Chủ tịch", period=Period(SINCE, NOON))
    until_noon = granted(leaving, "TM.", "TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", period=Period(SINCE, NOON))
    assert passed_on(until_noon, leaving, DEPUTY, period=Period(WEEK.start, NOON)).facts.period.until == NOON
    new = somebody("Phó Chủ tịch", period=Period(NOON))
    with refused("authority_outside_post"):
        passed_on(HEAD, CHAIR, new)
    with refused("authority_withdrawn"):
        passed_on(replace(HEAD, withdrawn=True), CHAIR, DEPUTY)


def test_tuq_and_what_others_enter_rest_on_a_document() -> None:
    for basis in ({}, {"basis": "12/GUQ-UBND"}, {"basis_on": NOON}):
        with refused("delegation_needs_basis"):
            passed_on(HEAD, CHAIR, CHIEF, "TUQ.", document_types=("TB",), **basis)
        with refused("delegation_needs_basis"):
            passed_on(HEAD, CHAIR, DEPUTY, by_holder=False, **basis)
    with refused("tuq_needs_limits"):
        passed_on(HEAD, CHAIR, CHIEF, "TUQ.", **(WRITTEN | {"document_types": ()}))
    assert passed_on(HEAD, CHAIR, DEPUTY, by_holder=False, **WRITTEN).facts.delegation is not None


# --- it ends with what it comes from


def test_a_delegated_authority_ends_with_its_source_and_with_its_holders_post() -> None:
    made = passed_on(HEAD, CHAIR, DEPUTY)
    assert authority.curtail(made, authority.lasts(HEAD, CHAIR.person)) == (made, None)
    cut, stated = authority.curtail(made, Period(SINCE, NOON))
    assert stated is not None
    assert (cut.facts.period, stated.valid_until, cut.withdrawn) == (Period(WEEK.start, NOON), NOON, False)
    over, stated = authority.curtail(made, Period(SINCE, date(2026, 3, 1)))
    assert stated is not None
    assert over.withdrawn
    gone = replace(CHAIR.person, facts=replace(CHAIR.person.facts, active=False))
    assert authority.lasts(HEAD, gone) is None
    assert authority.lasts(replace(HEAD, withdrawn=True), CHAIR.person) is None
    assert authority.lasts(replace(HEAD, facts=replace(HEAD.facts, post_id=new_id())), CHAIR.person) is None
    assert authority.curtail(made, None)[0].withdrawn
    with refused("delegation_fixed"):
        authority.change(made, made.facts, DEPUTY)


@pytest.mark.parametrize(
    ("day", "in_force", "says"),
    [
        (date(2026, 3, 1), False, "02/03/2026"),
        (WEEK.start, True, "theo văn bản 12/GUQ-UBND ngày 01/03/2026 đến hết ngày 08/03/2026"),
        (WEEK.until, True, "Bế Thị Hồng Nguyệt giao"),
        (date(2026, 3, 9), False, "hết hiệu lực ngày 08/03/2026"),
    ],
)
def test_why_somebody_may_sign_on_a_day_is_said(day: date, in_force: bool, says: str) -> None:  # noqa: FBT001  a parameter of the table
    made = passed_on(HEAD, CHAIR, DEPUTY, **WRITTEN)
    found, sentence = delegation.why(made, DEPUTY, day, "Bế Thị Hồng Nguyệt")
    assert found == in_force
    assert says in sentence.vi
    assert sentence.en


def test_an_absence_has_an_end_overlaps_no_other_and_may_be_cut_short() -> None:
    wanted = Absence(id=new_id(), person_id=new_id(), managed_by=UBND.id, period=WEEK, reason=" nghỉ  phép ")
    entered = absence.enter(wanted, "A", [replace(wanted, period=Period(SINCE, date(2026, 3, 1)))])
    assert entered.reason == "nghỉ phép"
    with refused("absence_overlaps"):
        absence.enter(wanted, "A", [replace(wanted, period=Period(SINCE, WEEK.start))])
    with refused("absence_needs_an_end"):
        absence.enter(replace(wanted, period=Period(NOON)), "A", [])
    assert absence.come_back(entered, NOON, NOON).period == Period(WEEK.start, NOON)
    assert absence.come_back(entered, date(2026, 3, 8), NOON) == entered
    for day in (date(2026, 3, 1), date(2026, 3, 9)):
        with refused("absence_not_extended"):
            absence.come_back(entered, day, NOON)
    with refused("absence_over"):
        absence.come_back(entered, NOON, date(2026, 3, 9))


# --- through the doors


@pytest.fixture
def districts(office: Any, pki: Running) -> Districts:
    return settle_districts(office, pki)


def delegate(at: Districts, by: str, source: object = None, **changes: Any) -> Any:
    deputy = at.a.deputy
    body = {
        "person_id": str(deputy.id),
        "post_id": str(deputy.facts.posts[0].id),
        "form": "KT.",
        "valid_from": today().isoformat(),
        "valid_until": AWAY.until.isoformat() if AWAY.until else "",
        "reason": "đi công tác",
    }
    path = f"/registry/v1/authorities/{source or at.a.objects['authority_id']}/delegations"
    headers = at.callers[by] | {"Idempotency-Key": str(new_id())}
    return at.office.http.post(path, json=body | changes, headers=headers)


def stated_of(at: Districts, authority_id: str) -> AuthorityStated:
    """The last state on the topic."""
    found = [each for each in at.office.stated("registry.authority") if isinstance(each, AuthorityStated)]
    return [each for each in found if str(each.authority_id) == authority_id][-1]


def test_a_leader_delegates_while_away_and_it_ends_by_itself(districts: Districts) -> None:
    absence_id = str(districts.a.objects["absence_id"])
    made = delegate(districts, "leader of A", absence_id=absence_id)
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["capacity"], body["block"]) == ("KT.", ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"])
    stated = stated_of(districts, body["authority_id"])
    assert (stated.delegated_from, stated.delegated_by, stated.valid_until) == (
        districts.a.objects["authority_id"],
        districts.a.leader.id,
        AWAY.until,
    )
    mine = ask(districts, districts.a.deputy, "/authorities/mine")
    assert [(each["capacity"], each["in_force"]) for each in mine["items"]] == [("KT.", True)]
    assert districts.a.leader.name in mine["items"][0]["why"]["vi"]
    after = date.fromordinal(today().toordinal() + 8)
    later = ask(districts, districts.a.deputy, f"/authorities/mine?on={after.isoformat()}")
    assert [each["in_force"] for each in later["items"]] == [False]
    signers = ask(districts, districts.a.clerk, f"/agencies/{districts.a.commune.id}/signers")["items"]
    assert {(each["capacity"], each["away_until"]) for each in signers} == {
        ("TM.", AWAY.until.isoformat() if AWAY.until else None),
        ("KT.", None),
    }


def test_who_comes_back_early_signs_alone_again(districts: Districts) -> None:
    absence_id = districts.a.objects["absence_id"]
    made = delegate(districts, "leader of A", absence_id=str(absence_id)).json()
    headers = districts.callers["leader of A"]
    back = districts.office.http.post(
        f"/registry/v1/absences/{absence_id}/return", json={"last_day": today().isoformat()}, headers=headers
    )
    assert (back.status_code, back.json()["valid_until"]) == (200, today().isoformat())
    assert stated_of(districts, made["authority_id"]).valid_until == today()


@pytest.mark.parametrize("end", ["withdrawn", "shortened", "post ended", "person left", "no leader any more"])
def test_whatever_ends_the_source_is_stated_of_all_that_came_of_it(districts: Districts, end: str) -> None:
    """A chain of three: head, by order, its deputy. The same transaction states the end of each."""
    office, a = districts.office, districts.a
    with office.desk() as desk:
        chief = leader(desk, a.commune, "Chánh Văn phòng")
        vice = leader(desk, a.commune, "Phó Chánh Văn phòng")
    first = delegate(districts, "leader of A", form="TL.", **whom(chief))
    districts.callers["chief"] = office.headers(chief)
    second = delegate(districts, "chief", first.json()["authority_id"], **whom(vice))
    assert (first.status_code, second.status_code) == (201, 201), second.text
    assert second.json()["block"] == ["TL. CHỦ TỊCH", "KT. CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG"]
    with office.desk() as desk:
        source = store.lock_authority(desk.tx, a.objects["authority_id"])
        post = a.leader.facts.posts[0]
        facts = a.leader.facts
        match end:
            case "withdrawn":
                directory.withdraw_authority(desk, source)
            case "shortened":
                directory.change_authority(desk, source, replace(source.facts, period=Period(SINCE, today())))
            case "post ended":
                facts = replace(facts, posts=(replace(post, period=Period(SINCE, today())),))
            case "person left":
                facts = replace(facts, active=False)
            case _:
                facts = replace(facts, posts=(replace(post, roles=()),))
        directory.change_person(desk, store.lock_person(desk.tx, a.leader.id), facts)
    for made in (first, second):
        stated = stated_of(districts, made.json()["authority_id"])
        if end in {"shortened", "post ended"}:
            assert (stated.valid_until, stated.withdrawn) == (today(), False)
        else:
            assert stated.withdrawn
    acts = [each.act for each in office.stated("registry.act") if isinstance(each, RegistryAct)]
    assert acts.count("end_authority") == 2


def test_a_clerk_enters_it_for_the_leader_on_a_document_only(districts: Districts) -> None:
    assert delegate(districts, "clerk of A").json()["code"] == "delegation_needs_basis"
    written = {"basis": "07/QĐ-UBND", "basis_on": today().isoformat()}
    made = delegate(districts, "clerk of A", **written)
    assert (made.status_code, made.json()["delegation"]["basis"]) == (201, "07/QĐ-UBND")
    stated = stated_of(districts, made.json()["authority_id"])
    assert (stated.basis, stated.basis_on) == ("07/QĐ-UBND", today())
    [act] = [
        each for each in districts.office.stated("registry.act") if getattr(each, "act", "") == "delegate_authority"
    ]
    assert isinstance(act, RegistryAct)
    assert act.detail["basis"] == "07/QĐ-UBND"
    # The clerk can't take it back; the leader can, and the officer of the district.
    path = f"/registry/v1/authorities/{made.json()['authority_id']}/withdraw"
    assert districts.office.http.post(path, headers=districts.callers["clerk of A"]).status_code == 403
    assert districts.office.http.post(path, headers=districts.callers["leader of A"]).json()["withdrawn"] is True
    assert districts.office.http.post(path, headers=districts.callers["officer of X"]).json()["withdrawn"] is True


def test_a_colleague_sees_that_somebody_is_away_and_not_why(districts: Districts) -> None:
    seen = ask(districts, districts.a.deputy, "/absences")["items"]
    assert [(each["name"], each["reason"]) for each in seen] == [(districts.a.leader.name, None)]
    own = ask(districts, districts.a.leader, "/absences")["items"]
    assert [each["reason"] for each in own] == ["đi công tác"]


def test_who_delegates_waits_for_whoever_ends_their_post(districts: Districts) -> None:
    """Otherwise the delegation would be entered just after what it comes from was ended, and stay."""
    pool, chair = districts.office.pool, districts.a.leader
    with ThreadPoolExecutor(1) as hands, transaction(pool) as tx:
        store.lock_person(tx, chair.id)
        asked = hands.submit(delegate, districts, "leader of A")
        deadline = time.monotonic() + 60
        while not somebody_waits(pool):
            assert not asked.done(), asked.result().text
            assert time.monotonic() < deadline, "nobody waits"
        tx.execute("UPDATE post SET valid_until = %s WHERE person_id = %s", [SINCE, chair.id])
    assert asked.result().json()["code"] == "delegation_outside_source"


def somebody_waits(pool: Pool) -> bool:
    with transaction(pool) as tx:
        return tx.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount > 0


def leader(desk: Any, at: Agency, title: str) -> Person:
    post = a_post(at.id, "leader", title=title)
    return directory.enter_person(desk, person_facts(f"p{post.id.hex}", title, post))


def whom(who: Person) -> dict[str, str]:
    return {"person_id": str(who.id), "post_id": str(who.facts.posts[0].id)}


def ask(at: Districts, who: Person, path: str) -> Any:
    answer = at.office.http.get(f"/registry/v1{path}", headers=at.office.headers(who))
    assert answer.status_code == 200, answer.text
    return answer.json()
