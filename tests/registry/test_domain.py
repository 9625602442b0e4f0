"""The rules of the registry, without any part around them."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry import agency, authority, certificate, person
from services.registry.agency import Agency
from services.registry.authority import Authority, Signer
from services.registry.certificate import Certificate, Holder
from services.registry.names import clean, fold
from services.registry.period import Period
from services.registry.person import Person
from shared.errors import Rejected
from shared.ids import new_id
from tests.registry.conftest import SINCE, a_post, agency_facts, authority_facts, person_facts
from tests.registry.keys import DAY, now

UBND = agency.establish(new_id(), agency_facts(), None)[0]
COMMUNE = agency.establish(
    new_id(), agency_facts("H37.22.001", level="commune", parent_id=UBND.id, name="UBND xã Nà Mỏ"), UBND
)[0]
OUTSIDE = agency.establish(new_id(), agency_facts("G22.99", level="outside", partner="motcua"), None)[0]
KNOWN = {each.id: each for each in (UBND, COMMUNE, OUTSIDE)}


def refused(code: str) -> Any:
    return pytest.raises(Rejected, match=f"^{code}:")


# --- names


def test_names_are_kept_composed_and_found_without_diacritics() -> None:
    decomposed = unicodedata.normalize("NFD", "  Phường\tĐông\u200b Kỳ ")
    assert clean(decomposed) == "Phường Đông Kỳ"
    assert fold(decomposed) == fold("PHUONG dong ky") == "phuong dong ky"


# --- agencies


@pytest.mark.parametrize(
    "identifier", ["", "H3", "H37.", "h37", "Z37", "H37.a1", "H37..01", "H37.01 ", "H37." + "9" * 32]
)
def test_an_identifier_has_the_form_of_decision_20(identifier: str) -> None:
    with refused("identifier_invalid"):
        agency.establish(new_id(), agency_facts(identifier), None)


@pytest.mark.parametrize("old", ["000.00.00.Z37", "00.00.00.H37", "0000000000000"])
def test_an_old_identifier_has_the_form_of_qcvn_102(old: str) -> None:
    with refused("old_identifier_invalid"):
        agency.establish(new_id(), agency_facts(old_identifier=old), None)


def test_the_identifier_of_a_child_begins_with_its_parents() -> None:
    with refused("identifier_not_under_parent"):
        agency.establish(new_id(), agency_facts("H38.1", parent_id=UBND.id), UBND)


@pytest.mark.parametrize(("level", "partner"), [("outside", None), ("commune", "motcua")])
def test_only_an_outside_agency_is_reached_through_a_partner(level: str, partner: str | None) -> None:
    with refused("partner_and_level_disagree"):
        agency.establish(new_id(), agency_facts(level=level, partner=partner), None)


def test_an_agency_keeps_its_identifier_and_states_only_what_changed() -> None:
    with refused("identifier_fixed"):
        agency.change(UBND, agency_facts("H38"), None)
    assert agency.change(UBND, UBND.facts, None) == (UBND, None)
    after, stated = agency.change(UBND, replace(UBND.facts, name="Ủy ban  nhân dân tỉnh"), None)
    assert (after.name, after.version) == ("Ủy ban nhân dân tỉnh", 2)
    assert stated is not None
    assert stated.name == after.name


def test_a_period_does_not_end_before_it_begins() -> None:
    with refused("period_inverted"):
        Period(date(2026, 2, 1), date(2026, 1, 31))
    with refused("email_invalid"):
        agency.establish(new_id(), agency_facts(email="văn thư"), None)
    with refused("name_missing"):
        agency.establish(new_id(), agency_facts(name=" \n"), None)


# --- people


def somebody(*roles: Any, at: Agency = UBND, **changes: Any) -> Person:
    post = replace(a_post(at.id, *roles, title="Phó Chủ tịch"), **changes)
    return person.enter(new_id(), person_facts("nguyet.bth", "Bế Thị Hồng Nguyệt", post), KNOWN)[0]


@pytest.mark.parametrize("login", ["", "ab", "Nguyet", "nguyệt", "a b c", ".abc", "x" * 65])
def test_a_login_is_plain(login: str) -> None:
    with refused("login_invalid"):
        person.enter(new_id(), person_facts(login, "Bế Thị Hồng Nguyệt"), {})


def test_a_post_once_held_stays_on_record() -> None:
    before = somebody("leader")
    with refused("post_removed"):
        person.change(before, replace(before.facts, posts=()), KNOWN)
    moved = replace(before.facts.posts[0], agency_id=COMMUNE.id)
    with refused("post_moved"):
        person.change(before, replace(before.facts, posts=(moved,)), KNOWN)
    with refused("login_fixed"):
        person.change(before, replace(before.facts, login="khac"), KNOWN)
    ended = replace(before.facts.posts[0], period=Period(SINCE, date(2026, 1, 1)))
    after, stated = person.change(before, replace(before.facts, posts=(ended,)), KNOWN)
    assert stated is not None
    assert stated.posts[0].valid_until == date(2026, 1, 1)
    assert after.may_act(ended.id, "leader", date(2026, 1, 1)) == ended
    assert after.may_act(ended.id, "leader", date(2026, 1, 2)) is None


def test_nobody_holds_a_post_outside_or_where_all_has_ended() -> None:
    with refused("post_agency_not_suitable"):
        somebody("clerk", at=OUTSIDE)
    ended = replace(UBND, facts=replace(UBND.facts, period=Period(SINCE, date(2021, 1, 1))))
    with refused("post_agency_not_suitable"):
        person.enter(
            new_id(),
            person_facts("abc", "A", a_post(UBND.id, "clerk", period=Period(date(2022, 1, 1)))),
            {UBND.id: ended},
        )
    with refused("officer_agency_not_suitable"):
        somebody("officer", at=COMMUNE)


def test_who_is_not_active_may_do_nothing() -> None:
    before = somebody("clerk")
    after, stated = person.change(before, replace(before.facts, active=False), KNOWN)
    assert stated is not None
    assert not stated.active
    assert after.may_act(before.facts.posts[0].id, "clerk", date(2026, 1, 1)) is None


# --- signing authority


def signer(who: Person, *, agency: Agency = UBND, post_agency: Agency = UBND) -> Signer:
    return Signer(person=who, post=who.facts.posts[0], agency=agency, post_agency=post_agency)


@pytest.mark.parametrize(
    ("capacity", "block"),
    [
        ("", ("GIÁM ĐỐC",)),
        ("TM.", ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH")),
        ("KT.", ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")),
        ("KT.", ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")),
        ("Q.", ("Q. GIÁM ĐỐC",)),
        ("TL.", ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG")),
    ],
)
def test_the_block_above_the_name_shows_the_capacity(capacity: str, block: tuple[str, ...]) -> None:
    leader = somebody("leader")
    facts = authority_facts(UBND, leader, capacity=capacity, block=block)
    made, stated = authority.grant(new_id(), facts, signer(leader))
    assert (stated.capacity, stated.block) == (capacity, block)
    assert not made.withdrawn


@pytest.mark.parametrize(
    ("capacity", "block"),
    [
        ("", ()),
        ("", ("GIÁM ĐỐC", " ")),
        ("", ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")),
        ("", ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH")),
        ("KT.", ("PHÓ GIÁM ĐỐC",)),
        ("KT.", ("TL. CHỦ TỊCH", "KT. CHÁNH VĂN PHÒNG")),
        ("TM.", ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH")),
        ("Q.", ("1", "2", "3", "4", "5", "Q. GIÁM ĐỐC")),
    ],
)
def test_a_block_that_shows_another_capacity_is_refused(capacity: str, block: tuple[str, ...]) -> None:
    leader = somebody("leader")
    with refused("signer_block_invalid"):
        authority.grant(new_id(), authority_facts(UBND, leader, capacity=capacity, block=block), signer(leader))


def test_only_a_leader_signs_and_only_for_the_own_agency() -> None:
    clerk = somebody("clerk")
    with refused("signer_post_not_suitable"):
        authority.grant(new_id(), authority_facts(UBND, clerk), signer(clerk))
    below = somebody("leader", at=COMMUNE)
    elsewhere = signer(below, post_agency=COMMUNE)
    with refused("signer_of_another_agency"):
        authority.grant(new_id(), authority_facts(UBND, below), elsewhere)
    by_order = authority_facts(UBND, below, capacity="TL.", block=("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"))
    assert authority.grant(new_id(), by_order, elsewhere)[1].capacity == "TL."


def test_tuq_is_limited_in_time_and_content() -> None:
    leader = somebody("leader")
    facts = authority_facts(UBND, leader, capacity="TUQ.", block=("TUQ. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"))
    until = Period(SINCE, date(2030, 12, 31))
    for unlimited in (facts, replace(facts, period=until), replace(facts, document_types=("TB",))):
        with refused("tuq_needs_limits"):
            authority.grant(new_id(), unlimited, signer(leader))
    limited = replace(facts, period=until, document_types=("TB", "GM", "TB"))
    assert authority.grant(new_id(), limited, signer(leader))[1].document_types == ("GM", "TB")


@pytest.mark.parametrize("period", [Period(date(2020, 6, 30)), Period(SINCE), Period(SINCE, date(2027, 1, 1))])
def test_authority_lasts_no_longer_than_the_post(period: Period) -> None:
    leader = somebody("leader", period=Period(SINCE, date(2026, 12, 31)))
    with refused("authority_outside_post"):
        authority.grant(new_id(), authority_facts(UBND, leader, period=period), signer(leader))


def test_authority_is_withdrawn_for_good_and_its_signer_never_replaced() -> None:
    leader = somebody("leader")
    granted, _ = authority.grant(new_id(), authority_facts(UBND, leader), signer(leader))
    with refused("authority_fixed"):
        authority.change(granted, replace(granted.facts, post_id=new_id()), signer(leader))
    gone, stated = authority.withdraw(granted)
    assert stated is not None
    assert stated.withdrawn
    assert authority.withdraw(gone) == (gone, None)
    with refused("authority_withdrawn"):
        authority.change(gone, gone.facts, signer(leader))
    assert isinstance(gone, Authority)


# --- the life of a certificate


def registered(status: Any = "active") -> Certificate:
    return Certificate(
        id=new_id(),
        kind="person",
        person_id=new_id(),
        agency_id=None,
        managed_by=new_id(),
        pem="pem",
        chain_pem="chain",
        fingerprint="f" * 64,
        spki_sha256="5" * 64,
        serial="0a",
        not_before=now() - DAY,
        not_after=now() + DAY,
        status=status,
        stage=status,
    )


STEPS: dict[str, Any] = {
    "revoke": lambda c: certificate.revoke(c, "keyCompromise"),
    "revoke otherwise": lambda c: certificate.revoke(c, "superseded"),
    "suspend": lambda c: certificate.suspend(c, "nghỉ ốm"),
    "resume": certificate.resume,
    "look early": lambda c: certificate.expire(c, now()),
    "look late": lambda c: certificate.expire(c, now() + 2 * DAY),
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_the_end_of_a_certificate_is_final_and_every_move_is_stated(steps: list[str]) -> None:
    now_at = registered()
    for step in steps:
        try:
            after, stated = STEPS[step](now_at)
        except Rejected:
            continue
        assert (stated is None) == (after == now_at)
        if stated is not None:
            assert (stated.status, stated.reason) == (after.status, after.reason)
            assert after.version == now_at.version + 1
        if now_at.status in {"revoked", "expired"}:
            assert after == now_at
        now_at = after


def test_what_is_not_allowed_is_said_with_its_reason() -> None:
    with refused("certificate_revoked"):
        certificate.resume(registered("revoked"))
    with refused("certificate_revoked"):
        certificate.revoke(replace(registered("revoked"), reason="superseded"), "keyCompromise")
    with refused("certificate_ended"):
        certificate.suspend(registered("expired"), "lý do")
    with refused("revocation_reason_unknown"):
        certificate.revoke(registered(), "because")


def test_a_long_name_is_cut_at_a_word_as_x520_wants_it() -> None:
    long = "Ban Quản lý dự án đầu tư xây dựng các công trình dân dụng và công nghiệp tỉnh"
    assert certificate.common_name(long) == "Ban Quản lý dự án đầu tư xây dựng các công trình dân dụng và"
    assert certificate.common_name("x" * 80) == "x" * 64
    with refused("certificate_holder_ended"):
        certificate.check_holder(Holder("person", new_id(), "A", new_id(), may_hold=False))
