"""Two districts, each with a commune, and everybody who might knock at registry's doors: who they are, what is whose."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.server import Running
from services.registry import (
    batches,
    delegating,
    device,
    directory,
    intake,
    issuance,
    proceedings,
    stages,
    store,
    store_batches,
    structure,
)
from services.registry.agency import Agency
from services.registry.ca_manual import ManualCA
from services.registry.device import Device
from services.registry.directory import Desk
from services.registry.period import Period
from services.registry.person import Person
from services.registry.planning import Officer
from services.registry.procedure import Subject
from services.registry.scope import Scope
from services.registry.succession import Succession
from services.registry.unit import UnitFacts
from shared.ids import new_id
from shared.jobs import Runner
from shared.tokens import Principal
from tests.registry import keys
from tests.registry.conftest import (
    SINCE,
    SOURCE,
    Office,
    a_post,
    agency_facts,
    authority_facts,
    person_facts,
    text,
    yesterday,
)

AWAY = Period(issuance.today(), date.fromordinal(issuance.today().toordinal() + 7))


@dataclass(frozen=True, slots=True)
class Side:
    """A district with one commune: its people, and for every path parameter of the API one real object of theirs."""

    district: Agency
    commune: Agency
    officer: Person
    clerk: Person
    leader: Person
    deputy: Person
    objects: dict[str, UUID]

    @property
    def private(self) -> dict[str, str]:
        """Ids that nobody outside the district may ever read; agencies are public."""
        return {name: str(found) for name, found in self.objects.items() if name != "agency_id"}


@dataclass(frozen=True, slots=True)
class Districts:
    """Side A under district X, side B under district Y; `callers` by name, with the headers that they send."""

    office: Office
    a: Side
    b: Side
    callers: dict[str, dict[str, str]]
    common: dict[str, str]  # path parameters that belong to no agency

    def side(self, name: str) -> Side:
        return self.a if name == "A" else self.b


def settle_districts(office: Office, pki: Running) -> Districts:
    with office.desk() as desk:
        a = _side(desk, office, pki, "H37.22", "A")
        b = _side(desk, office, pki, "H37.23", "B")
        others = _others(desk, office)
    sides = {
        "leader of A": a.leader,
        "clerk of A": a.clerk,
        "officer of X": a.officer,
        "leader of B": b.leader,
        "clerk of B": b.clerk,
        "officer of Y": b.officer,
        "officer of the province": office.province.officer,
    }
    _send_by_hand(office, a, b)
    people = {name: office.headers(person) for name, person in sides.items()}
    common = {"topic": "registry.person", "key": "x", "fingerprint": pki.root.fingerprint(hashes.SHA256()).hex()}
    return Districts(office, a, b, people | others, common)


def _send_by_hand(office: Office, *sides: Side) -> None:
    """Each side's request as an order of a batch that went out to a CA that is asked by hand."""
    runner = Runner(office.pool, issuance.job_kinds(office.pool, ManualCA(), SOURCE), stop=threading.Event(), threads=0)
    while runner.run_one():
        pass
    with office.desk() as desk:
        batch = batches.make(desk, "manual")
        for order in store_batches.list_orders(desk.tx, batch_id=batch.id):
            for side in sides:
                if order.request_id == side.objects["request_id"]:
                    side.objects.update(order_id=order.id, batch_id=batch.id)


def _side(desk: Desk, office: Office, pki: Running, identifier: str, name: str) -> Side:
    district = directory.establish_agency(
        desk,
        agency_facts(identifier, level="district", name=f"UBND huyện {name}", parent_id=office.province.ubnd.id),
    )
    # The seeded commune H37.22.001 is beneath side A's district by its identifier, as this one is.
    commune = directory.establish_agency(
        desk, agency_facts(f"{identifier}.010", level="commune", name=f"UBND xã {name}", parent_id=district.id)
    )

    def enter(role: Any, title: str) -> Person:
        at = district if role == "officer" else commune
        post = a_post(at.id, role, title=title)
        return directory.enter_person(desk, person_facts(f"p{post.id.hex}", f"{title} {name}", post))

    leader = enter("leader", "Chủ tịch")
    whose = issuance.holder(desk.tx, leader.id, None)
    made = pki.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), common_name=leader.name)
    certificate = issuance.enter(desk, text(made.pem), text(made.chain_pem), whose)
    head = authority_facts(commune, leader, capacity="TM.", block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"))
    return Side(
        district=district,
        commune=commune,
        officer=enter("officer", "Cán bộ"),
        clerk=enter("clerk", "Văn thư"),
        leader=leader,
        deputy=enter("leader", "Phó Chủ tịch"),
        objects={
            "agency_id": commune.id,
            "person_id": leader.id,
            "authority_id": directory.grant_authority(desk, head).id,
            "certificate_id": certificate.id,
            "absence_id": delegating.enter_absence(desk, leader.id, commune.id, AWAY, "đi công tác").id,
            "request_id": issuance.request(desk, keys.request(), whose).id,
            **_structure(desk, district, commune),
            **_lifecycle(desk, commune, leader),
        },
    )


def _lifecycle(desk: Desk, commune: Agency, leader: Person) -> dict[str, UUID]:
    """A device in the leader's hand, a procedure about the leader."""
    token = Device(
        id=new_id(), serial=f"TK{new_id().hex[-8:].upper()}", type="pki_token", model="GCA-01", managed_by=commune.id
    )
    kept = stages.keep_device(desk, None, token, "receive_device")
    held = stages.keep_device(desk, kept, device.hand_out(kept, commune.id, leader.id), "hand_out_device")
    about = Subject(managed_by=commune.id, person_id=leader.id)
    return {"device_id": held.id, "procedure_id": proceedings.request(desk, "issue_person", about).id}


def _structure(desk: Desk, district: Agency, commune: Agency) -> dict[str, UUID]:
    """A unit of the commune, a merger of another commune into it, a previewed file about it."""
    identifier = commune.facts.identifier
    facts = UnitFacts(agency_id=commune.id, code="VP", name="Văn phòng", period=Period(SINCE))
    former = directory.establish_agency(
        desk, agency_facts(f"{identifier}1", level="commune", name=f"{commune.name} cũ", parent_id=district.id)
    )
    merger = Succession(
        id=new_id(),
        kind="merger",
        day=issuance.today(),
        decision="1/NQ",
        predecessor_ids=(former.id,),
        successor_ids=(commune.id,),
    )
    file = f"agency,code,name,valid_from\n{identifier},TC,Phòng Tài chính,2025-07-01\n".encode()
    by = Officer(Scope((district.facts.identifier, f"{district.facts.identifier}.*")), None, issuance.today())
    return {
        "unit_id": structure.set_up_unit(desk, facts).id,
        "succession_id": structure.succeed(desk, merger).id,
        "import_id": intake.preview(desk, by, district, "donvi.csv", file).id,
    }


def _others(desk: Desk, office: Office) -> dict[str, dict[str, str]]:
    """Those who should get nowhere, or to the operator's doors only."""
    ubnd = office.province.ubnd
    ended = a_post(ubnd.id, "officer", period=Period(SINCE, yesterday()))
    former = directory.enter_person(desk, person_facts("former", "B", ended))
    gone = directory.enter_person(desk, person_facts("gone", "C", a_post(ubnd.id, "officer")))
    directory.change_person(desk, store.lock_person(desk.tx, gone.id), replace(gone.facts, active=False))
    operator = directory.enter_person(desk, person_facts("oper", "D", a_post(ubnd.id, "operator")))
    claiming = directory.enter_person(desk, person_facts("claims", "E", a_post(ubnd.id)))
    post = claiming.facts.posts[0]
    more = Principal(
        kind="person",
        name=claiming.name,
        roles=frozenset({"officer", "clerk", "leader"}),
        person_id=claiming.id,
        post_id=post.id,
        agency_id=ubnd.id,
    )
    borrowed = replace(more, post_id=office.province.officer.facts.posts[0].id)
    partner = Principal(kind="partner", name="motcua", roles=frozenset({"partner", "officer"}), partner="motcua")
    key = {"Idempotency-Key": str(new_id())}
    return {
        "nobody": key,
        "partner whose token claims more": office.bearer(partner) | key,
        "operator": office.headers(operator),
        "post without roles whose token claims more": office.bearer(more) | key,
        "token that names somebody else's post": office.bearer(borrowed) | key,
        "former officer": office.headers(former),
        "officer who left": office.headers(gone),
    }
