"""The whole life of certificates, devices and procedures, in any order that people may think of, on the real database.

Whatever is tried: no stage follows another than the graph here allows, and every stage is in the history, on the topic
and among the acts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, ClassVar
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from services.registry import (
    certificate,
    device,
    directory,
    issuance,
    leavers,
    proceedings,
    receipts,
    stages,
    store,
    store_certificates,
    store_devices,
    store_procedures,
    trust,
)
from services.registry.certificate import Certificate
from services.registry.device import Device
from services.registry.directory import Desk
from services.registry.procedure import Procedure, Subject
from services.registry.receipts import Proof
from shared import db
from shared.errors import Rejected
from shared.events import decode
from shared.events.registry import CertificateStated, RegistryAct
from shared.ids import new_id
from tests.registry.conftest import OFFICER, SOURCE, a_post, agency_facts, person_facts, province_wide
from tests.registry.keys import Ca, now, pem

CA = Ca()
# What may follow what: the office's rules, said once more and independently of the code.
ENDS = {"renewed", "revoked", "expired"}
GRAPH = {
    None: {"issued", "active"},
    "issued": {"handed_over", "revoked", "expired"},
    "handed_over": {"active", "revoked", "expired"},
    "active": {"suspended"} | ENDS,
    "suspended": {"active"} | ENDS,
    "renewed": {"revoked", "device_returned", "device_lost"},
    "revoked": {"device_returned", "device_lost"},
    "expired": {"device_returned", "device_lost"},
    "device_lost": {"device_returned"},
    "device_returned": set(),
}
PROCEDURE = {
    None: {"requested"},
    "requested": {"approved", "refused", "withdrawn"},
    "approved": {"forwarded", "refused", "withdrawn"},
    "forwarded": {"issued", "refused", "withdrawn"},
    "issued": {"handed_over", "done"},
    "handed_over": {"done"},
}
WAYS = [
    ("issued", "handed_over"),
    ("handed_over", "active"),
    ("active", "suspended"),
    ("suspended", "active"),
    ("suspended", "revoked"),
    ("active", "renewed"),
    ("active", "revoked"),
    ("active", "expired"),
    ("revoked", "device_returned"),
    ("revoked", "device_lost"),
]
OF_DEVICES = ("recover", "return_device", "lose_device")
KINDS = ("issue_person", "renew", "change", "revoke", *OF_DEVICES)


@dataclass(frozen=True)
class Kept:
    """A certificate with the key that stands for the token's."""

    id: UUID
    key: ec.EllipticCurvePrivateKey


def hand_over(desk: Desk, before: Certificate, _kept: Kept) -> None:
    receipts.hand_over(desk, before)


def sign_for(desk: Desk, before: Certificate, kept: Kept) -> None:
    said = receipts.text(desk.tx, before).encode()
    receipts.confirm(desk, before, Proof(kind="signed", signature=kept.key.sign(said, SHA256)))


def sign_something_else(desk: Desk, before: Certificate, kept: Kept) -> None:
    receipts.confirm(desk, before, Proof(kind="signed", signature=kept.key.sign(b"khac", SHA256)))


def let_expire(desk: Desk, before: Certificate, _kept: Kept) -> None:
    stages.move(desk, certificate.expire(before, before.not_after + timedelta(seconds=1)), "expire_certificate")


ON_CERTIFICATES: dict[str, Callable[[Desk, Certificate, Kept], Any]] = {
    "hand over": hand_over,
    "sign for": sign_for,
    "sign something else": sign_something_else,
    "suspend": lambda desk, before, _kept: issuance.suspend(desk, before, "nghỉ ốm"),
    "resume": lambda desk, before, _kept: issuance.resume(desk, before),
    "revoke it": lambda desk, before, _kept: issuance.revoke(desk, before, "keyCompromise"),
    "let expire": let_expire,
}
ON_PROCEDURES: dict[str, Callable[[Desk, Procedure], Any]] = {
    "approve": proceedings.approve,
    "forward": lambda desk, before: proceedings.forward(desk, before, None),
    "answer": lambda desk, before: proceedings.answer(desk, before, None),
    "close": proceedings.close,
    "refuse": lambda desk, before: proceedings.refuse(desk, before, "lý do"),
    "withdraw": lambda desk, before: proceedings.withdraw(desk, before, "lý do"),
}
ACTS = [*["go on"] * 12, *["suspend", "resume", "renew", "renew"] * 2]
ACTS += [*KINDS, *ON_CERTIFICATES, *ON_PROCEDURES, "enter", "hand out", "look at the clock"]


class Life(RuleBasedStateMachine):
    """One person with two devices; everything that the office does to them, at random."""

    pool: db.Pool
    walked: ClassVar[set[tuple[str, str]]] = set()
    changed = True  # since it was last looked at: what was refused is rolled back and leaves nothing to look at

    @initialize()
    def settle(self) -> None:
        self.certificates: list[Kept] = []
        self.procedures: list[UUID] = []
        with province_wide(self.pool) as tx:
            tx.execute("DELETE FROM outbox")  # as the relay leaves it: earlier lives are not looked through
            desk = Desk(tx, OFFICER, SOURCE)
            agency = store.find_agency_by_identifier(tx, "H99") or directory.establish_agency(desk, agency_facts("H99"))
            who = new_id().hex[-10:]
            post = a_post(agency.id, "leader")
            self.person = directory.enter_person(desk, person_facts(f"p{who}", "Bế Thị Hồng Nguyệt", post))
            self.agency = agency
            self.devices = [self._device(desk, f"{who}{n}") for n in range(2)]
        self.act("first", lambda desk: self.take(desk, 0, None, 300))
        self.go_on()
        self.go_on()

    def _device(self, desk: Desk, serial: str) -> UUID:
        made = Device(id=new_id(), serial=serial.upper(), type="pki_token", model="T", managed_by=self.agency.id)
        return stages.keep_device(desk, None, made, "receive_device").id

    def act(self, name: str, what: Callable[[Desk], Any]) -> Any:
        """One transaction; a refusal is fine as long as it is one of ours."""
        self.fresh: Kept | None = None
        self.asked: UUID | None = None
        try:
            with province_wide(self.pool) as tx:
                done = what(Desk(tx, OFFICER, SOURCE))
            self.certificates += [self.fresh] if self.fresh else []
            self.procedures += [self.asked] if self.asked else []
        except Rejected as error:
            event(f"{name}: {error.code}")
            return None
        self.changed = True
        event(f"{name}: done")
        return done

    # One rule with a drawn act: with a rule for each, Hypothesis leaves out too many in a run to get anywhere.
    @rule(what=st.sampled_from(ACTS), n=st.integers(0, 3), days=st.sampled_from([300, 300, 40, 900, 2000]))
    def do(self, what: str, n: int, days: int) -> None:
        if what == "go on":
            self.go_on()
        elif what in KINDS:
            self.act(what, lambda desk: self.request(desk, what, n))
        elif what == "enter":
            self.act(what, lambda desk: self.take(desk, (0, 1, None, 0)[n], self.some_procedure(n), days))
        elif what == "hand out":
            self.act(what, lambda desk: self.hand_out(desk, self.devices[n % 2]))
        elif what == "look at the clock":
            self.act(what, lambda desk: leavers.follow_up(desk.tx, SOURCE, issuance.today()))
        elif what in ON_CERTIFICATES and self.certificates:
            kept = self.certificates[-1 - n % len(self.certificates)]
            self.act(what, lambda desk: ON_CERTIFICATES[what](desk, store_certificates.lock(desk.tx, kept.id), kept))
        elif what in ON_PROCEDURES and (procedure := self.some_procedure(n)):
            self.act(what, lambda desk: ON_PROCEDURES[what](desk, store_procedures.lock(desk.tx, procedure)))

    def some_procedure(self, n: int) -> UUID | None:
        return self.procedures[-n] if 0 < n <= len(self.procedures) else None

    def go_on(self) -> None:
        """As an office does it: what comes next for the newest certificate, else for a procedure; what can't be
        done is refused.
        """

        def move(desk: Desk) -> None:
            for kept in reversed(self.certificates):
                before = store_certificates.lock(desk.tx, kept.id)
                if before.stage in certificate.BEFORE_RECEIPT:
                    step = hand_over if before.stage == "issued" else sign_for
                    return step(desk, before, kept)
            for waiting in self.open(desk.tx):
                try:
                    with desk.tx.transaction():
                        return self.next_step(desk, waiting)
                except Rejected:
                    if waiting.state in ("requested", "approved", "forwarded"):
                        proceedings.refuse(desk, waiting, "không làm được")
                        return None
            return None

        self.act("go on", move)

    def next_step(self, desk: Desk, waiting: Procedure) -> None:
        if waiting.state == "requested":
            proceedings.approve(desk, waiting)
        elif waiting.state == "approved":
            proceedings.forward(desk, waiting, None)
        elif waiting.kind in ("issue_person", "renew", "change"):
            self.take(desk, (0, 1, None)[len(self.certificates) % 3], waiting.id, 250)
        else:
            proceedings.answer(desk, waiting, None)

    def open(self, tx: db.Tx) -> list[Procedure]:
        """Those that nobody here asked for, the clock's and what follows a loss, first."""
        found = store_procedures.list_procedures(tx, person_id=self.person.id, open_only=True)
        others = [each.id for each in found if each.id not in self.procedures]
        known = [store_procedures.lock(tx, each) for each in (*others, *self.procedures)]
        return [each for each in known if each.is_open]

    def take(self, desk: Desk, on: int | None, procedure: UUID | None, days: int) -> None:
        """Let in a new certificate; it is remembered when the transaction is committed."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = pem(CA.sign(key.public_key(), self.person.name, days=(-1, days)))
        whose = issuance.holder(desk.tx, self.person.id, None)
        token = self.devices[on] if on is not None else None
        entered = issuance.enter(desk, made, "", whose, device_id=token, procedure_id=procedure)
        self.fresh = Kept(entered.id, key)

    def request(self, desk: Desk, kind: str, n: int) -> None:
        if kind == "issue_person":
            subject = Subject(managed_by=self.agency.id, person_id=self.person.id)
        elif kind in OF_DEVICES:
            subject = proceedings.subject_of(desk.tx, device_id=self.devices[n % 2])
        else:
            about = self.certificates[-1 - n % len(self.certificates)].id
            subject = proceedings.subject_of(desk.tx, certificate_id=about)
        self.asked = proceedings.request(desk, kind, subject, "lý do").id

    def hand_out(self, desk: Desk, which: UUID) -> None:
        before = store_devices.lock(desk.tx, which)
        after = device.hand_out(before, self.agency.id, self.person.id)
        stages.keep_device(desk, before, after, "hand_out_device")

    # --- what holds at every moment

    @invariant()
    def all_is_well(self) -> None:
        if not self.changed:
            return
        with province_wide(self.pool) as tx:
            self.no_forbidden_stage_and_every_stage_is_stated_and_in_the_acts(tx)
            self.a_procedure_takes_its_steps_in_order_and_each_is_an_act(tx)
            self.a_device_never_moves_without_an_act(tx)
            self.what_is_on_a_lost_device_or_not_signed_for_is_never_usable(tx)
            self.a_certificate_and_its_successor_are_never_both_usable(tx)
        self.changed = False

    def no_forbidden_stage_and_every_stage_is_stated_and_in_the_acts(self, tx: db.Tx) -> None:
        for kept in self.certificates:
            history = [(row["stage"], row["status"]) for row in store_certificates.list_stages(tx, kept.id)]
            walk([stage for stage, _status in history], GRAPH)
            self.walked.update(pairwise(stage for stage, _status in history))
            for stage, status in history:
                assert status == "suspended" or stage not in ("issued", "handed_over")
                assert stage == status or stage.startswith(("issued", "handed_over", "device_"))
            assert stated(tx, "registry.certificate", kept.id) == history
            acts = [each["stage"] for each in acts_on(tx, kept.id)]
            assert acts == [stage for stage, _status in history]
            now_at = store_certificates.get(tx, kept.id)
            assert (now_at.stage, now_at.status) == history[-1]

    def a_procedure_takes_its_steps_in_order_and_each_is_an_act(self, tx: db.Tx) -> None:
        asked = store_procedures.list_procedures(tx, person_id=self.person.id)
        for procedure_id in {*self.procedures, *(each.id for each in asked)}:
            steps = [step.state for step in store_procedures.list_steps(tx, procedure_id)]
            walk(steps, PROCEDURE)
            assert [each["state"] for each in acts_on(tx, procedure_id)] == steps

    def a_device_never_moves_without_an_act(self, tx: db.Tx) -> None:
        for device_id in self.devices:
            moves = store_devices.list_moves(tx, device_id)
            assert [each["place"] for each in acts_on(tx, device_id)] == [move.place for move in moves]
            rows = tx.execute("SELECT place FROM device_state WHERE device_id = %s ORDER BY id", [device_id])
            assert [row["place"] for row in rows.fetchall()] == [move.place for move in moves]

    def what_is_on_a_lost_device_or_not_signed_for_is_never_usable(self, tx: db.Tx) -> None:
        for kept in self.certificates:
            found = store_certificates.get(tx, kept.id)
            if found.status != "active" or found.device_id is None:
                continue
            assert store_devices.get(tx, found.device_id).place not in ("lost", "returned")
            signed = tx.execute("SELECT count(*) AS n FROM receipt WHERE certificate_id = %s", [kept.id]).fetchone()
            assert signed == {"n": 1}

    def a_certificate_and_its_successor_are_never_both_usable(self, tx: db.Tx) -> None:
        found = {kept.id: store_certificates.get(tx, kept.id) for kept in self.certificates}
        for each in found.values():
            if each.renews and each.status == "active":
                assert found[each.renews].status != "active"
            assert each.renewals <= 1


SHA256 = ec.ECDSA(hashes.SHA256())


def walk(states: list[str], graph: dict[Any, set[str]]) -> None:
    before = None
    for state in states:
        assert state in graph.get(before, set()), f"{before} → {state}"
        before = state


def stated(tx: db.Tx, topic: str, key: UUID) -> list[tuple[str | None, str]]:
    rows = tx.execute("SELECT payload FROM outbox WHERE topic = %s AND key = %s ORDER BY pos", [topic, str(key)])
    events = [decode(bytes(row["payload"]), topic=topic).data for row in rows.fetchall()]
    return [(each.stage, each.status) for each in events if isinstance(each, CertificateStated)]


def acts_on(tx: db.Tx, object_id: UUID) -> list[dict[str, str]]:
    query = "SELECT payload FROM outbox WHERE topic = 'registry.act' AND key = %s ORDER BY pos"
    rows = tx.execute(query, [str(object_id)]).fetchall()
    events = [decode(bytes(row["payload"]), topic="registry.act").data for row in rows]
    return [dict(each.detail) for each in events if isinstance(each, RegistryAct)]


def test_no_path_reaches_a_forbidden_state_and_every_transition_is_stated_and_in_the_acts(pool: db.Pool) -> None:
    with province_wide(pool) as tx:
        store_certificates.pin(tx, trust.read_anchor(pem(CA.certificate), now()))

    class OnThisDatabase(Life):
        pass

    OnThisDatabase.pool = pool
    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            max_examples=45,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    # It would prove little if the machine had not been everywhere.
    assert {f"{before} → {after}" for before, after in WAYS} - {f"{a} → {b}" for a, b in Life.walked} == set()
