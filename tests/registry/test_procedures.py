"""Procedures through the door: from the clerk's request to the signed receipt, and what each does to the rest."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from deploy.devpki.server import Running
from services.registry import directory, leavers, store
from services.registry.ca_development import DevelopmentCA
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.person import Person
from shared.events.registry import CertificateStated, RegistryAct
from tests.registry.conftest import SINCE, SOURCE, Office, a_post, province_wide, text, yesterday
from tests.registry.test_ca import work

ROOT = "/registry/v1"


@dataclass
class Desk:
    """The office's people at registry's door."""

    office: Office
    pki: Running
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def post(self, path: str, body: Any = None, *, by: Person | None = None) -> Any:
        headers = self.office.headers(by or self.office.province.officer)
        return self.office.http.post(ROOT + path, json=body or {}, headers=headers)

    def do(self, path: str, body: Any = None, *, by: Person | None = None) -> dict[str, Any]:
        answer = self.post(path, body, by=by)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str, *, by: Person | None = None, **params: Any) -> Any:
        headers = self.office.headers(by or self.office.province.officer)
        answer = self.office.http.get(ROOT + path, params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def device(self, serial: str = "3A0001") -> str:
        body = {"type": "pki_token", "model": "GCA-01", "serials": [serial]}
        return str(self.do("/devices", body)["items"][0]["device_id"])

    def forwarded(self, body: dict[str, Any], by: Person | None = None) -> str:
        made = self.do("/procedures", body, by=by or self.office.province.clerk)["procedure_id"]
        self.do(f"/procedures/{made}/approve")
        self.do(f"/procedures/{made}/forward", {"reference": "15/TTr-UBND"})
        return str(made)

    def issued(self, holder: Person, **said: Any) -> dict[str, str]:
        made = self.pki.issue(self.key.public_key(), common_name=holder.name, profile="person", **said)
        return {"pem": text(made.pem), "chain_pem": text(made.chain_pem), "person_id": str(holder.id)}

    def sign(self, message: str) -> str:
        return b64encode(self.key.sign(message.encode(), ec.ECDSA(hashes.SHA256()))).decode()

    def on_token(self, holder: Person, device_id: str, procedure_id: str | None = None, **said: Any) -> str:
        body = self.issued(holder, **said) | {"device_id": device_id}
        body |= {"procedure_id": procedure_id} if procedure_id else {}
        return str(self.do("/certificates", body)["certificate_id"])

    def handed_over(self, certificate: str, by: Person) -> dict[str, Any]:
        self.do(f"/certificates/{certificate}/hand-over")
        said = self.get(f"/certificates/{certificate}/receipt-text", by=by)["text"]
        return self.do(f"/certificates/{certificate}/receipt", {"kind": "signed", "signature": self.sign(said)}, by=by)

    def stages(self, certificate: str) -> list[str]:
        return [row["stage"] for row in self.get(f"/certificates/{certificate}/stages")["items"]]


def test_a_certificate_goes_from_the_clerks_request_to_the_leaders_signed_receipt(office: Office, pki: Running) -> None:
    desk = Desk(office, pki)
    clerk, leader = office.province.clerk, office.province.leader
    device = desk.device()
    office.publish()
    details = {"citizen_id": "020180001234", "phone": "0912345678"}
    made = desk.do("/procedures", {"kind": "issue_person", "person_id": str(leader.id), "details": details}, by=clerk)
    path = f"/procedures/{made['procedure_id']}"
    assert (made["state"], made["form"], made["due_on"]) == ("requested", "01", office_day(1))
    refused = desk.post(f"{path}/approve", by=clerk)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    early = desk.post(f"{path}/forward")
    assert (early.status_code, early.json()["code"]) == (409, "procedure_state")
    desk.do(f"{path}/approve")
    sent = desk.do(f"{path}/forward", {"reference": "15/TTr-UBND"})
    assert (sent["state"], sent["due_on"], sent["standing"]) == ("forwarded", office_day(3), "on_time")
    unanswered = desk.post(f"{path}/answer")
    assert unanswered.json()["code"] == "procedure_answer_needed"

    certificate = desk.on_token(leader, device, made["procedure_id"])
    entered = desk.get(f"/certificates/{certificate}")
    assert (entered["stage"], entered["status"]) == ("issued", "suspended")
    assert desk.get(path)["state"] == "issued"
    assert desk.post(f"/certificates/{certificate}/resume").json()["code"] == "certificate_not_handed_over"
    owed = desk.post(f"{path}/close")
    assert owed.json()["code"] == "procedure_receipt_owed"
    desk.do(f"/certificates/{certificate}/hand-over")
    assert desk.get(path)["state"] == "handed_over"
    assert desk.get(f"/devices/{device}")["person_id"] == str(leader.id)

    said = desk.get(f"/certificates/{certificate}/receipt-text", by=leader)["text"]
    assert leader.name in said
    receipt = f"/certificates/{certificate}/receipt"
    for wrong in (desk.sign(said + " "), b64encode(b"rac").decode()):
        refused = desk.post(receipt, {"kind": "signed", "signature": wrong}, by=leader)
        assert (refused.status_code, refused.json()["code"]) == (422, "receipt_signature_wrong")
    stranger = desk.post(receipt, {"kind": "signed", "signature": desk.sign(said)}, by=office.province.commune_clerk)
    assert stranger.status_code == 404
    done = desk.do(receipt, {"kind": "signed", "signature": desk.sign(said)}, by=leader)
    assert (done["stage"], done["status"]) == ("active", "active")
    finished = desk.get(path)
    states = ["requested", "approved", "forwarded", "issued", "handed_over", "done"]
    assert [step["state"] for step in finished["steps"]] == states
    assert finished["standing"] == "ended"
    [kept] = desk.get(f"/certificates/{certificate}/receipts")["items"]
    assert (kept["text"], kept["by"]) == (said, leader.name)

    stated = [each for each in office.stated("registry.certificate") if isinstance(each, CertificateStated)]
    assert [(each.status, each.stage) for each in stated] == [
        ("suspended", "issued"),
        ("suspended", "handed_over"),
        ("active", "active"),
    ]
    assert desk.stages(certificate) == [each.stage for each in stated]
    acts = [each.act for each in office.stated("registry.act") if isinstance(each, RegistryAct)]
    assert [each for each in acts if each != "refused"] == [
        "request_procedure",
        "approve_procedure",
        "forward_procedure",
        "enter_certificate",
        "answer_procedure",
        "hand_over_certificate",
        "hand_over_procedure",
        "hand_out_device",
        "confirm_receipt",
        "close_procedure",
    ]


def office_day(days: int) -> str:
    """So many working days from today, as the packaged table counts them."""
    from services.registry import catalogue

    return catalogue.current().clock.workdays.after(today(), days).isoformat()


def test_a_receipt_may_be_a_cms_signature_or_a_paper_with_a_reason(office: Office, pki: Running) -> None:
    leader, clerk = office.province.leader, office.province.clerk
    for number, way in enumerate(("cms", "paper")):
        desk = Desk(office, pki)
        certificate = desk.on_token(leader, desk.device(f"3A000{number}"))
        desk.do(f"/certificates/{certificate}/hand-over")
        said = desk.get(f"/certificates/{certificate}/receipt-text")["text"]
        receipt = f"/certificates/{certificate}/receipt"
        if way == "cms":
            pem = x509.load_pem_x509_certificate(desk.get(f"/certificates/{certificate}")["pem"].encode())
            builder = pkcs7.PKCS7SignatureBuilder().add_signer(pem, desk.key, hashes.SHA256())
            options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
            for content, code in ((said + "x", 422), (said, 200)):
                signed = builder.set_data(content.encode()).sign(serialization.Encoding.DER, options)
                body = {"kind": "signed", "form": "cms", "signature": b64encode(signed).decode()}
                assert desk.post(receipt, body, by=leader).status_code == code
        else:
            bare = desk.post(receipt, {"kind": "paper", "reference": "BB 12"}, by=clerk)
            assert bare.json()["code"] == "receipt_paper_incomplete"
            body = {"kind": "paper", "reference": "BB 12", "reason": "Máy trạm hỏng"}
            not_theirs = desk.post(receipt, body, by=leader)
            assert not_theirs.json()["code"] == "receipt_by_another"
            assert desk.do(receipt, body, by=clerk)["stage"] == "active"


def test_what_a_letter_alone_answers_is_asked_for_printed_and_done_with_its_answer(
    office: Office, pki: Running
) -> None:
    """Mẫu 03, for a device, service or software, and Mẫu 07, the notice of a hand-over: no certificate comes here."""
    desk, clerk, leader = Desk(office, pki), office.province.clerk, office.province.leader
    unnamed = desk.post("/procedures", {"kind": "issue_device", "agency_id": str(office.province.ubnd.id)}, by=clerk)
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "procedure_about")
    assert "tên thiết bị, dịch vụ hoặc phần mềm" in unnamed.json()["detail_vi"]
    certificate = desk.on_token(leader, desk.device())
    for asked, form in (
        (
            {"kind": "issue_device", "agency_id": str(office.province.ubnd.id), "details": {"name": "Cổng dịch vụ"}},
            "03",
        ),
        ({"kind": "notify_hand_over", "certificate_id": certificate}, "07"),
    ):
        path = f"/procedures/{desk.forwarded(asked)}"
        printed = office.http.get(f"{ROOT}{path}/form.pdf", headers=office.headers(clerk))
        assert (printed.status_code, printed.content[:5]) == (200, b"%PDF-")
        answered = desk.do(f"{path}/answer", {"reference": "88/CTS-QL"})
        assert (answered["form"], answered["state"], answered["reference"]) == (form, "done", "88/CTS-QL")
        states = ["requested", "approved", "forwarded", "issued", "done"]
        assert [step["state"] for step in desk.get(path)["steps"]] == states


def test_a_renewed_certificate_replaces_the_old_one_when_it_is_signed_for(office: Office, pki: Running) -> None:
    old, leader = Desk(office, pki), office.province.leader
    device = old.device()
    first = old.on_token(leader, device, days=200)
    old.handed_over(first, leader)
    new = Desk(office, pki)
    procedure = new.forwarded({"kind": "renew", "certificate_id": first})
    twice = new.post("/procedures", {"kind": "renew", "certificate_id": first})
    assert twice.json()["code"] == "procedure_open"
    too_long = new.post(
        "/certificates",
        new.issued(leader, days=200 + 3 * 366) | {"device_id": device, "procedure_id": procedure},
    )
    assert too_long.json()["code"] == "renewal_too_long"
    second = new.on_token(leader, device, procedure, days=900)
    assert new.stages(first)[-1] == "active"
    new.handed_over(second, leader)
    assert new.stages(first)[-1] == "renewed"
    assert new.get(f"/certificates/{second}")["renews"] == first
    assert new.get(f"/procedures/{procedure}")["state"] == "done"
    again = new.post("/procedures", {"kind": "renew", "certificate_id": second})
    assert again.json()["code"] == "renewal_repeated"
    gone = new.post("/procedures", {"kind": "renew", "certificate_id": first})
    assert gone.json()["code"] == "certificate_ended"


def test_what_ends_too_soon_is_not_renewed_but_requested_anew(office: Office, pki: Running) -> None:
    desk, leader = Desk(office, pki), office.province.leader
    certificate = desk.do("/certificates", desk.issued(leader, days=40))["certificate_id"]
    late = desk.post("/procedures", {"kind": "renew", "certificate_id": certificate})
    assert (late.status_code, late.json()["code"]) == (409, "renewal_late")


def test_a_lost_token_is_suspended_at_once_and_its_revocation_ordered(office: Office, pki: Running) -> None:
    desk, leader, clerk = Desk(office, pki), office.province.leader, office.province.clerk
    device = desk.device()
    certificate = desk.on_token(leader, device)
    desk.handed_over(certificate, leader)
    silent = desk.post("/procedures", {"kind": "lose_device", "device_id": device}, by=clerk)
    assert silent.json()["code"] == "reason_needed"
    lost = desk.do("/procedures", {"kind": "lose_device", "device_id": device, "reason": "Mất ở bến xe"}, by=clerk)
    assert lost["due_on"] == office_day(5)
    assert desk.get(f"/certificates/{certificate}")["status"] == "suspended"
    assert desk.get(f"/devices/{device}")["place"] == "lost"
    [ordered] = desk.get("/procedures", kind="revoke")["items"]
    assert (ordered["certificate_id"], ordered["details"]["reason_code"]) == (certificate, "keyCompromise")
    for step in ("approve", "forward", "answer"):
        desk.do(f"/procedures/{ordered['procedure_id']}/{step}")
    after = desk.get(f"/certificates/{certificate}")
    assert (after["status"], after["reason"], after["stage"]) == ("revoked", "keyCompromise", "device_lost")
    for step in ("approve", "forward", "answer"):
        desk.do(f"/procedures/{lost['procedure_id']}/{step}")
    assert desk.stages(certificate)[-3:] == ["suspended", "revoked", "device_lost"]
    moves = [move["act"] for move in desk.get(f"/devices/{device}")["moves"]]
    assert moves == ["receive_device", "hand_out_device", "lose_device"]


def test_a_locked_pin_is_unlocked_by_its_procedure_only(office: Office, pki: Running) -> None:
    desk, leader, clerk = Desk(office, pki), office.province.leader, office.province.clerk
    device = desk.device()
    in_stock = desk.post("/procedures", {"kind": "recover", "device_id": device})
    assert in_stock.json()["code"] == "device_place"
    desk.do(f"/devices/{device}/hand-out", {"agency_id": str(office.province.ubnd.id), "person_id": str(leader.id)})
    made = desk.do("/procedures", {"kind": "recover", "device_id": device, "reason": "Nhập sai PIN"}, by=clerk)
    assert desk.get(f"/devices/{device}", by=leader)["pin"] == "locked"
    for step in ("approve", "forward"):
        sent = desk.do(f"/procedures/{made['procedure_id']}/{step}")
    assert sent["due_on"] == office_day(1)
    assert desk.do(f"/procedures/{made['procedure_id']}/answer")["state"] == "done"
    assert desk.get(f"/devices/{device}")["pin"] == "unlocked"


def test_a_device_is_returned_after_the_end_of_what_it_carries(office: Office, pki: Running) -> None:
    desk, leader = Desk(office, pki), office.province.leader
    device = desk.device()
    certificate = desk.on_token(leader, device)
    desk.handed_over(certificate, leader)
    early = desk.post("/procedures", {"kind": "return_device", "device_id": device})
    assert early.json()["code"] == "certificate_still_valid"
    desk.do(f"/certificates/{certificate}/revoke", {"reason": "cessationOfOperation"})
    assert follow(office) == 1  # the clock asks for the device
    assert follow(office) == 0
    [asked] = desk.get("/procedures", kind="return_device")["items"]
    assert asked["due_on"] == office_day(5)
    for step in ("approve", "forward", "answer"):
        desk.do(f"/procedures/{asked['procedure_id']}/{step}")
    assert desk.get(f"/devices/{device}")["place"] == "returned"
    assert desk.get(f"/certificates/{certificate}")["stage"] == "device_returned"
    assert desk.get(f"/certificates/{certificate}")["status"] == "revoked"


def follow(office: Office, day: date | None = None) -> int:
    with province_wide(office.pool) as tx:
        return leavers.follow_up(tx, SOURCE, day or today())


def test_who_leaves_has_a_revocation_asked_for_and_who_moves_a_change_of_content(office: Office, pki: Running) -> None:
    leader, clerk = office.province.leader, office.province.clerk
    mover, leaver = Desk(office, pki), Desk(office, pki)
    device = mover.device()
    moved = mover.on_token(leader, device)
    mover.handed_over(moved, leader)
    left = leaver.do("/certificates", leaver.issued(clerk))["certificate_id"]
    assert follow(office) == 0
    with office.desk() as desk:
        before = store.lock_person(desk.tx, leader.id)
        post = replace(before.facts.posts[0], period=Period(SINCE, yesterday()))
        there = a_post(office.province.commune.id, "leader", title="Chủ tịch")
        directory.change_person(desk, before, replace(before.facts, posts=(post, there)))
        gone = store.lock_person(desk.tx, clerk.id)
        directory.change_person(desk, gone, replace(gone.facts, active=False))
    assert follow(office) == 2
    assert follow(office) == 0
    commune = str(office.province.commune.id)
    at_commune = office.province.commune_clerk
    assert mover.get(f"/certificates/{moved}", by=at_commune)["managed_by"] == commune
    assert mover.get(f"/devices/{device}", by=at_commune)["managed_by"] == commune
    [change] = mover.get("/procedures", by=at_commune)["items"]
    assert (change["kind"], change["certificate_id"]) == ("change", moved)
    [revoke] = mover.get("/procedures", kind="revoke")["items"]
    assert (revoke["certificate_id"], revoke["details"]["reason_code"]) == (left, "affiliationChanged")

    for step in ("approve", "forward"):
        mover.do(f"/procedures/{change['procedure_id']}/{step}")
    new = Desk(office, pki)
    longer = new.issued(leader, days=2000) | {"device_id": device, "procedure_id": change["procedure_id"]}
    assert new.post("/certificates", longer).json()["code"] == "change_extends_validity"
    second = new.on_token(leader, device, change["procedure_id"], days=365)
    new.handed_over(second, at_commune)
    old = new.get(f"/certificates/{moved}")
    assert (old["status"], old["reason"]) == ("revoked", "superseded")
    assert new.get(f"/certificates/{second}")["managed_by"] == commune


def test_a_revocation_by_procedure_is_due_in_hours_and_is_done_with_its_answer(office: Office, pki: Running) -> None:
    desk, leader = Desk(office, pki), office.province.leader
    certificate = desk.do("/certificates", desk.issued(leader))["certificate_id"]
    made = desk.forwarded({"kind": "revoke", "certificate_id": certificate, "reason": "Nghỉ hưu"})
    found = desk.get(f"/procedures/{made}")
    due = datetime.fromisoformat(found["due_at"]) - datetime.now(UTC)
    assert timedelta(hours=11) < due <= timedelta(hours=12)
    assert desk.do(f"/procedures/{made}/answer")["state"] == "done"
    assert desk.get(f"/certificates/{certificate}")["status"] == "revoked"


def test_what_is_overdue_is_listed_and_what_was_refused_or_withdrawn_is_not(office: Office, pki: Running) -> None:
    desk, clerk = Desk(office, pki), office.province.clerk
    body = {"kind": "issue_agency", "agency_id": str(office.province.ubnd.id)}
    overdue, refused, withdrawn = (desk.do("/procedures", body, by=clerk)["procedure_id"] for _ in range(3))
    with province_wide(office.pool) as tx:
        tx.execute("UPDATE procedure SET due_at = now() - interval '1 minute'")
    desk.do(f"/procedures/{refused}/refuse", {"reason": "Thiếu hồ sơ"})
    desk.do(f"/procedures/{withdrawn}/withdraw", {"reason": "Nhầm"}, by=clerk)
    listed = desk.get("/procedures", standing="overdue", by=clerk)["items"]
    assert [each["procedure_id"] for each in listed] == [overdue]
    assert desk.get("/procedures", standing="due_soon")["items"] == []
    ended = desk.get(f"/procedures/{refused}")
    assert [(s["state"], s["reason"]) for s in ended["steps"]] == [("requested", None), ("refused", "Thiếu hồ sơ")]
    late = desk.post(f"/procedures/{withdrawn}/approve")
    assert late.json()["code"] == "procedure_state"


def test_a_delivery_of_devices_is_taken_in_whole_or_not_at_all(office: Office, pki: Running) -> None:
    desk = Desk(office, pki)
    body = {"type": "pki_token", "model": "GCA-01", "list": "\ufeffserial;note\n3a001;x\n3a002;\n"}
    taken = desk.do("/devices", body)
    assert [each["serial"] for each in taken["items"]] == ["3A001", "3A002"]
    for wrong, code in (("3A003\n3A003\n", "device_serial_invalid"), ("3A004\n3A002\n", "device_known")):
        assert desk.post("/devices", body | {"list": wrong}).json()["code"] == code
    assert len(desk.get("/devices")["items"]) == 2
    foreign = {"agency_id": str(office.province.commune.id), "person_id": str(office.province.leader.id)}
    refused = desk.post(f"/devices/{taken['items'][0]['device_id']}/hand-out", foreign)
    assert refused.json()["code"] == "device_holder"


def test_a_certificate_on_ones_own_key_is_active_at_once_and_ends_its_procedure(office: Office, pki: Running) -> None:
    desk, leader = Desk(office, pki), office.province.leader
    procedure = desk.forwarded({"kind": "issue_person", "person_id": str(leader.id)})
    made = desk.do("/certificates", desk.issued(leader) | {"procedure_id": procedure})
    assert made["stage"] == "active"
    assert desk.get(f"/procedures/{procedure}")["state"] == "done"
    repeated = desk.post("/certificates", Desk(office, pki).issued(leader) | {"procedure_id": procedure})
    assert repeated.json()["code"] == "procedure_answer_unfit"


def test_a_reported_loss_is_not_taken_back_and_a_leaked_key_is_held_at_once(office: Office, pki: Running) -> None:
    desk, leader, clerk = Desk(office, pki), office.province.leader, office.province.clerk
    device = desk.device()
    certificate = desk.on_token(leader, device)
    desk.handed_over(certificate, leader)
    said = {"kind": "revoke", "certificate_id": certificate, "reason": "Nghi lộ khóa"}
    wrong = desk.post("/procedures", said | {"details": {"reason_code": "rubbish"}}, by=clerk)
    assert wrong.json()["code"] == "revocation_reason_unknown"
    ours = desk.post("/procedures", said | {"details": {"opened_by": "clock"}}, by=clerk)
    assert ours.json()["code"] == "invalid_request"
    asked = desk.do("/procedures", said | {"details": {"reason_code": "keyCompromise"}}, by=clerk)
    assert desk.get(f"/certificates/{certificate}")["status"] == "suspended"
    lost = desk.do("/procedures", {"kind": "lose_device", "device_id": device, "reason": "Mất"}, by=clerk)
    for act in ("withdraw", "refuse"):
        kept = desk.post(f"/procedures/{lost['procedure_id']}/{act}", {"reason": "Tìm thấy"})
        assert kept.json()["code"] == "loss_stands"
    [only] = desk.get("/procedures", kind="revoke")["items"]
    assert only["procedure_id"] == asked["procedure_id"]


def test_a_renewed_key_is_still_revoked_when_it_leaks(office: Office, pki: Running) -> None:
    old, leader = Desk(office, pki), office.province.leader
    first = old.do("/certificates", old.issued(leader, days=200))["certificate_id"]
    new = Desk(office, pki)
    procedure = new.forwarded({"kind": "renew", "certificate_id": first})
    new.do("/certificates", new.issued(leader, days=900) | {"procedure_id": procedure})
    assert new.stages(first)[-1] == "renewed"
    ended = new.do(f"/certificates/{first}/revoke", {"reason": "keyCompromise"})
    assert (ended["status"], ended["stage"]) == ("revoked", "revoked")


def test_a_receipt_is_kept_for_what_is_owed_only(office: Office, pki: Running) -> None:
    desk, leader = Desk(office, pki), office.province.leader
    certificate = desk.do("/certificates", desk.issued(leader))["certificate_id"]
    paper = {"kind": "paper", "reference": "BB 12", "reason": "Máy trạm hỏng"}
    answer = desk.post(f"/certificates/{certificate}/receipt", paper, by=office.province.clerk)
    assert answer.json()["code"] == "receipt_not_owed"
    assert desk.get(f"/certificates/{certificate}/receipts")["items"] == []


def test_the_seal_of_an_agency_that_ended_is_asked_back(office: Office, pki: Running) -> None:
    desk, commune = Desk(office, pki), office.province.commune
    made = pki.issue(desk.key.public_key(), common_name=commune.name, profile="agency")
    body = {"pem": text(made.pem), "chain_pem": text(made.chain_pem), "agency_id": str(commune.id)}
    seal = desk.do("/certificates", body)["certificate_id"]
    with province_wide(office.pool) as tx:
        assert leavers.follow_up(tx, SOURCE, today()) == 0
    with office.desk() as at:
        closed = replace(commune.facts, period=Period(SINCE, yesterday()))
        directory.change_agency(at, store.lock_agency(at.tx, commune.id), closed)
    for opened in (1, 0):
        with province_wide(office.pool) as tx:
            assert leavers.follow_up(tx, SOURCE, today()) == opened
    [asked] = desk.get("/procedures", kind="revoke")["items"]
    assert (asked["certificate_id"], asked["details"]["reason_code"]) == (seal, "cessationOfOperation")


def test_a_key_made_on_a_device_owes_a_receipt_though_its_ca_answered_a_request(office: Office, pki: Running) -> None:
    desk, leader = Desk(office, pki), office.province.leader
    device = desk.device()
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, leader.name)]))
        .sign(desk.key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
    body = {"csr_pem": csr, "kind": "person", "person_id": str(leader.id), "device_id": device}
    asked = desk.do("/certificate-requests", body)["request_id"]
    assert work(office, DevelopmentCA(pki.url, lambda: pki.secret)) == 1
    made = desk.get(f"/certificate-requests/{asked}")["certificate_id"]
    assert desk.get(f"/certificates/{made}")["stage"] == "issued"
    assert desk.handed_over(made, leader)["stage"] == "active"


def test_figures_refuse_a_misspelt_parameter(office: Office, pki: Running) -> None:
    desk = Desk(office, pki)
    wrong = office.http.get(f"{ROOT}/figures?day=2026-01-01", headers=office.officer)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    assert desk.get("/figures", on="2026-01-01")["on"] == "2026-01-01"
