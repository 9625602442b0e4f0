"""What registry's tables keep, and what they refuse to keep twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.registry import certificate, directory, issuance, store, trust
from services.registry import store_certificates as certificates
from services.registry.certificate import Certificate, Holder
from services.registry.directory import Desk
from services.registry.period import Period
from shared.errors import NotFound, Rejected
from shared.ids import new_id
from tests.registry.conftest import (
    SOURCE,
    a_post,
    agency_facts,
    authority_facts,
    person_facts,
    settle,
)
from tests.registry.keys import DAY, Ca, now, pem

CA = Ca()


def keep(desk: Desk, whose: Holder, *, days: tuple[float, float] = (-1, 30)) -> Certificate:
    checked = trust.check(
        pem(CA.sign(ec.generate_private_key(ec.SECP256R1()).public_key(), whose.name, days=days)),
        "",
        [trust.read_anchor(pem(CA.certificate), now())],
        now(),
    )
    made, _ = certificate.register(new_id(), checked, whose, at=now())
    certificates.add(desk.tx, made)
    return made


def test_nobody_takes_over_a_post_of_somebody_else(desk: Desk) -> None:
    province = settle(desk)
    mine = a_post(province.ubnd.id, "leader")
    holder = directory.enter_person(desk, person_facts("binh.nv", "Nguyễn Văn Bình", mine))
    theirs = replace(mine, title="Văn thư", roles=("clerk",))
    with pytest.raises(NotFound):
        directory.enter_person(desk, person_facts("khac.lv", "Lê Văn Khác", theirs))
    assert store.get_person(desk.tx, holder.id) == holder


def test_what_was_saved_is_what_is_read(desk: Desk) -> None:
    province = settle(desk)
    tx = desk.tx
    agency = directory.establish_agency(
        desk,
        agency_facts(
            "H37.08",
            old_identifier="000.00.08.H37",
            name="Sở Khoa học và Công nghệ",
            parent_id=province.ubnd.id,
            email="vanthu@skhcn.example",
            seal_mm=38.5,
            period=Period(date(2021, 1, 1), date(2030, 1, 1)),
        ),
    )
    assert store.get_agency(tx, agency.id) == agency == store.find_agency_by_identifier(tx, "H37.08")
    posts = (
        a_post(agency.id, "clerk", "officer", unit="Văn phòng", period=Period(date(2021, 2, 1), date(2029, 1, 1))),
        a_post(province.ubnd.id, "leader", title="Phó Chủ tịch"),
    )
    person = directory.enter_person(desk, person_facts("duan.lk", "Lương Khắc Duẩn", *posts))
    assert store.get_person(tx, person.id) == person == store.find_person_by_login(tx, "duan.lk")
    facts = authority_facts(province.ubnd, person, post_id=posts[1].id, document_types=("QĐ", "TB"))
    authority = directory.grant_authority(desk, facts)
    assert store.get_authority(tx, authority.id) == authority
    kept = keep(desk, issuance.holder(tx, person.id, None))
    assert certificates.get(tx, kept.id) == kept == certificates.lock(tx, kept.id)
    changed = replace(kept, status="suspended", stage="suspended", reason="nghỉ ốm", version=2)
    certificates.save(tx, changed)
    assert certificates.get(tx, kept.id) == changed


def test_who_is_not_there_is_not_found(desk: Desk) -> None:
    tx, nobody = desk.tx, new_id()
    assert store.find_agency(tx, None) is None
    assert store.find_person(tx, nobody) is None
    for get in (
        store.get_agency,
        store.lock_agency,
        store.get_person,
        store.lock_person,
        store.get_authority,
        store.lock_authority,
        certificates.get,
        certificates.lock,
        certificates.get_request,
        certificates.lock_request,
    ):
        with pytest.raises(NotFound):
            get(tx, nobody)


def test_people_and_agencies_are_found_by_any_part_of_their_name(desk: Desk) -> None:
    province = settle(desk)
    tx = desk.tx
    assert [p.facts.login for p in store.list_people(tx, query="THỊ")] == ["canbo", "diep.ptm", "nguyet.bth", "tham.nt"]
    assert [p.facts.login for p in store.list_people(tx, query="be thi")] == ["nguyet.bth"]
    assert [p.facts.login for p in store.list_people(tx, agency_id=province.commune.id)] == ["diep.ptm"]
    assert [p.facts.login for p in store.list_people(tx, after="diep.ptm", limit=1)] == ["nguyet.bth"]
    assert store.list_agencies(tx, query="100%_") == []
    assert [a.facts.identifier for a in store.list_agencies(tx, query="h37.22")] == ["H37.22.001"]


def test_a_seal_belongs_to_an_agency_that_lives_here(desk: Desk) -> None:
    province = settle(desk)
    outside = directory.establish_agency(
        desk, agency_facts("G22.99", level="outside", partner="motcua", name="Một cửa")
    )
    kept = keep(desk, issuance.holder(desk.tx, None, province.ubnd.id))
    assert (kept.kind, kept.agency_id, kept.person_id) == ("seal", province.ubnd.id, None)
    with pytest.raises(Rejected, match="certificate_holder_ended"):
        keep(desk, issuance.holder(desk.tx, None, outside.id))


def test_time_ends_certificates_and_the_end_is_stated(desk: Desk) -> None:
    province = settle(desk)
    whose = issuance.holder(desk.tx, province.leader.id, None)
    short, long = keep(desk, whose, days=(-1, 1)), keep(desk, whose)
    assert issuance.expire_due(desk.tx, SOURCE, now()) == 0
    assert issuance.expire_due(desk.tx, SOURCE, now() + 2 * DAY) == 1
    assert issuance.expire_due(desk.tx, SOURCE, now() + 2 * DAY) == 0
    assert certificates.get(desk.tx, short.id).status == "expired"
    assert certificates.get(desk.tx, long.id).status == "active"
    assert [c.id for c in certificates.list_certificates(desk.tx, status="expired")] == [short.id]


def test_an_anchor_is_pinned_once(desk: Desk) -> None:
    anchor = trust.read_anchor(pem(CA.certificate), now())
    assert certificates.pin(desk.tx, anchor)
    assert not certificates.pin(desk.tx, anchor)
    assert certificates.list_anchors(desk.tx) == [anchor]
