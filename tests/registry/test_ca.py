"""Certificates asked of a real CA over HTTP, and the CA told when they end; also when it is down or says no."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from deploy.devpki.server import Running
from services.registry import issuance, store_certificates, trust
from services.registry.__main__ import RegistrySettings, authorities
from services.registry.ca import Authorities, Order, assignment
from services.registry.ca_development import DevelopmentCA
from services.registry.ca_manual import ManualCA
from shared.errors import Rejected
from shared.events.registry import CertificateStated, RegistryAct
from shared.jobs import Runner
from tests.registry.conftest import SOURCE, Office, province_wide
from tests.registry.keys import DAY, now, request


def work(office: Office, ca: Authorities) -> int:
    """What the worker does with the jobs that are due; how many it ran."""
    runner = Runner(office.pool, issuance.job_kinds(office.pool, ca, SOURCE), stop=threading.Event(), threads=0)
    done = 0
    while runner.run_one():
        done += 1
    return done


def order(office: Office, csr: str, **body: str) -> Any:
    return office.http.post("/registry/v1/certificate-requests", json={"csr_pem": csr} | body, headers=office.officer)


def look(office: Office, request_id: str) -> Any:
    return office.http.get(f"/registry/v1/certificate-requests/{request_id}", headers=office.officer).json()


def listed_requests(office: Office, headers: dict[str, str], **asked: str) -> Any:
    return office.http.get("/registry/v1/certificate-requests", params=asked, headers=headers).json()["items"]


def status_at_ca(pki: Running, serial: str) -> str | None:
    """The CA's own word on a certificate: a reason when it is not good."""
    found = pki.pki.database.find_status("issuing", serial)
    assert found is not None
    return found.reason


def test_a_token_key_gets_its_certificate_and_the_ca_hears_of_its_end(
    office: Office, ca: DevelopmentCA, pki: Running
) -> None:
    office.publish()
    key = rsa.generate_private_key(65537, 2048)
    csr, leader = request(key), str(office.province.leader.id)
    asked = order(office, csr, kind="person", person_id=leader)
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    again = order(office, csr, kind="person", person_id=leader)
    assert (again.status_code, again.json()["code"]) == (409, "request_repeated")
    assert work(office, ca) == 1
    made = look(office, asked.json()["request_id"])
    assert (made["state"], made["problem"]) == ("issued", None)
    path = f"/registry/v1/certificates/{made['certificate_id']}"
    entered = office.http.get(path, headers=office.officer).json()
    certificate = x509.load_pem_x509_certificate(entered["pem"].encode())
    assert certificate.public_key() == key.public_key()
    subject = certificate.subject.rfc4514_string()
    assert "CN=Bế Thị Hồng Nguyệt" in subject
    assert "Ủy ban nhân dân tỉnh Lạng Sơn" in subject
    [stated] = office.stated("registry.certificate")
    assert isinstance(stated, CertificateStated)
    assert (stated.status, stated.serial) == ("active", entered["serial"])
    acts = [each for each in office.stated("registry.act") if isinstance(each, RegistryAct)]
    assert [each.act for each in acts] == ["request_certificate", "issue_certificate"]
    assert {each.by.name for each in acts} == {"Dương Thị Mai Hoa"}

    assert office.http.post(f"{path}/suspend", json={"reason": "nghỉ ốm"}, headers=office.officer).status_code == 200
    assert office.http.post(f"{path}/resume", headers=office.officer).status_code == 200
    assert office.http.post(f"{path}/suspend", json={"reason": "mất token"}, headers=office.officer).status_code == 200
    assert status_at_ca(pki, entered["serial"]) is None
    assert work(office, ca) == 3
    assert status_at_ca(pki, entered["serial"]) == "certificateHold"
    assert office.http.get(path, headers=office.officer).json()["ca_problem"] is None
    office.http.post(f"{path}/revoke", json={"reason": "keyCompromise"}, headers=office.officer)
    assert work(office, DevelopmentCA("http://127.0.0.1:1", lambda: pki.secret)) == 1
    waits = office.http.get(path, headers=office.officer).json()
    assert (waits["status"], "thử lại" in waits["ca_problem"]) == ("revoked", True), (
        "it holds here; the CA is yet to hear"
    )
    with province_wide(office.pool) as tx:
        tx.execute("UPDATE job SET run_at = now()")
    assert work(office, ca) == 1
    assert office.http.get(path, headers=office.officer).json()["ca_problem"] is None
    assert status_at_ca(pki, entered["serial"]) == "keyCompromise"


def test_an_agency_gets_a_certificate_for_its_seal_and_kind_and_holder_agree(office: Office, ca: DevelopmentCA) -> None:
    ubnd = str(office.province.ubnd.id)
    wrong = order(office, request(), kind="person", agency_id=ubnd)
    assert wrong.json()["code"] == "certificate_holder_needed"
    asked = order(office, request(), kind="seal", agency_id=ubnd).json()
    assert work(office, ca) == 1
    certificate_id = look(office, asked["request_id"])["certificate_id"]
    found = office.http.get("/registry/v1/certificates", params={"agency_id": ubnd}, headers=office.officer).json()
    assert [(each["certificate_id"], each["kind"]) for each in found["items"]] == [(certificate_id, "seal")]


def test_while_the_ca_is_down_the_request_waits_and_says_why(office: Office, ca: DevelopmentCA, pki: Running) -> None:
    asked = order(office, request(), kind="person", person_id=str(office.province.leader.id)).json()
    pki.outage(issue=True)
    try:
        assert work(office, ca) == 1
    finally:
        pki.outage(issue=False)
    waiting = look(office, asked["request_id"])
    assert (waiting["state"], waiting["problem"]["code"]) == ("requested", "ca_unreachable")
    [listed] = listed_requests(office, office.officer, state="requested")
    assert (listed["request_id"], listed["problem"]) == (asked["request_id"], waiting["problem"])
    assert listed["requested_by"] == "Dương Thị Mai Hoa"
    assert now() - DAY < datetime.fromisoformat(listed["requested_at"]) <= now()
    assert listed_requests(office, office.headers(office.province.commune_clerk)) == [], "not their agency's"
    with province_wide(office.pool) as tx:
        tx.execute("UPDATE job SET run_at = now()")
    assert work(office, ca) == 1
    assert look(office, asked["request_id"])["state"] == "issued"
    assert listed_requests(office, office.officer, state="requested") == []


def test_requests_are_listed_page_by_page_the_newest_first(office: Office) -> None:
    leader = str(office.province.leader.id)
    made = [order(office, request(), kind="person", person_id=leader).json()["request_id"] for _ in range(3)]
    asked = {"limit": "2", "person_id": leader}
    path = "/registry/v1/certificate-requests"
    first = office.http.get(path, params=asked, headers=office.officer).json()
    rest = office.http.get(path, params=asked | {"cursor": first["next_cursor"]}, headers=office.officer).json()
    assert [each["request_id"] for each in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None


def test_nobody_there_and_a_wrong_secret_are_told_apart(pki: Running) -> None:
    asked = Order(key="k", ordered_at=now(), csr_pem=request(), profile="person", common_name="A")
    with pytest.raises(Rejected, match="ca_unreachable") as caught:
        DevelopmentCA("http://127.0.0.1:1", lambda: pki.secret).issue(asked)
    assert caught.value.refusal.status == 503
    with pytest.raises(Rejected, match="ca_refused") as caught:
        DevelopmentCA(pki.url, lambda: "wrong").issue(asked)
    assert "devpki_secret_wrong" in caught.value.sentence.vi


def test_what_the_ca_refuses_is_refused_with_its_words(office: Office, ca: DevelopmentCA) -> None:
    class Pickier(DevelopmentCA):
        """Sends what the CA does not take; our own checks stand before it otherwise."""

        def issue(self, order: Order) -> Any:
            return super().issue(replace(order, profile="vua"))

    key = ec.generate_private_key(ec.SECP256R1())
    leader = str(office.province.leader.id)
    asked = order(office, request(key), kind="person", person_id=leader).json()
    assert work(office, Pickier(ca.url, ca.secret)) == 1
    refused = look(office, asked["request_id"])
    assert (refused["state"], refused["problem"]["code"]) == ("refused", "ca_refused")
    assert "invalid_request" in refused["problem"]["vi"]
    # The key is free again.
    assert order(office, request(key), kind="person", person_id=leader).status_code == 201


def test_a_request_is_not_run_for_somebody_who_left_meanwhile(office: Office, ca: DevelopmentCA) -> None:
    leader = office.province.leader
    asked = order(office, request(), kind="person", person_id=str(leader.id)).json()
    with province_wide(office.pool) as tx:
        tx.execute("UPDATE person SET active = false WHERE id = %s", [leader.id])
    assert work(office, ca) == 1
    assert look(office, asked["request_id"])["problem"]["code"] == "certificate_holder_ended"


def test_what_comes_back_untrusted_is_not_registered(office: Office, ca: DevelopmentCA) -> None:
    with province_wide(office.pool) as tx:
        tx.execute("UPDATE trust_anchor SET withdrawn_at = now()")
    asked = order(office, request(), kind="person", person_id=str(office.province.leader.id)).json()
    office.publish()
    assert work(office, ca) == 1
    assert look(office, asked["request_id"])["problem"]["code"] == "certificate_untrusted"
    assert office.stated("registry.certificate") == []


def test_a_certificate_of_the_past_is_kept_for_the_record(office: Office, ca: DevelopmentCA) -> None:
    with office.desk() as desk:
        whose = issuance.holder(desk.tx, office.province.leader.id, None)
        issuance.request(desk, request(), whose, not_before=now() - 20 * DAY, not_after=now() - DAY)
    assert work(office, ca) == 1
    with province_wide(office.pool) as tx:
        [kept] = store_certificates.list_certificates(tx)
    assert (kept.status, kept.not_after < now()) == ("expired", True)
    assert trust.last_moment(kept.pem) == kept.not_after


def test_each_kind_of_certificate_may_have_its_own_ca_and_a_setting_that_says_nothing_is_refused(
    ca: DevelopmentCA, settings: RegistrySettings
) -> None:
    both = assignment("person=manual seal=devpki", [ca, ManualCA()])
    assert {kind: each.name for kind, each in both.items()} == {"person": "manual", "seal": "devpki"}
    assert {each.name for each in assignment("manual", [ca, ManualCA()]).values()} == {"manual"}
    for wrong in ("", "vgca", "person=devpki", "person=devpki seal=vgca", "devpki manual"):
        with pytest.raises(Rejected, match="ca_settings_wrong"):
            assignment(wrong, [ca, ManualCA()])
    served = authorities(settings)
    assert (served.serving("seal").name, served.named("manual").name) == ("devpki", "manual")
    with pytest.raises(Rejected, match="ca_not_set_up") as refused:
        served.named("step-ca")
    assert refused.value.refusal.status == 503
