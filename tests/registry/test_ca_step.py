"""Certificates asked of the real step-ca: what they say, what a lost answer leaves behind, what it hears of their end."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.registry import issuance, store_certificates, trust
from services.registry.ca import Answer, Order
from services.registry.ca_step import StepCA, StepSettings
from shared.errors import Rejected
from shared.ids import new_id
from shared.jobs import Job
from tests.registry.conftest import SOURCE, Office, province_wide
from tests.registry.keys import DAY, now, pem, request
from tests.registry.test_ca import look, order, work
from tests.support import step_ca

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[step_ca.Authority]:
    if step_ca.program() is None:
        pytest.skip(step_ca.NO_GO)
    made = step_ca.make(tmp_path_factory.mktemp("step-ca"))
    with step_ca.serving(made):
        yield made


@pytest.fixture
def settings_of_step(authority: step_ca.Authority) -> StepSettings:
    key = json.dumps(authority.provisioner_key.as_dict(private=True))
    return StepSettings(
        url=authority.url, fingerprint=authority.fingerprint, provisioner="vanthu", key=lambda: key, days=365
    )


@pytest.fixture
def step(settings_of_step: StepSettings) -> StepCA:
    return StepCA(settings_of_step)


def an_order(csr: str | None = None) -> Order:
    return Order(
        key=str(new_id()),
        ordered_at=now(),
        csr_pem=csr or request(),
        profile="person",
        common_name="Bế Thị Hồng Nguyệt",
        organisation="Ủy ban nhân dân tỉnh Lạng Sơn",
        organisation_id="H37",
        title='Phó "Chủ tịch"',
        email="nguyet.bth@langson.example",
    )


def test_the_certificate_says_what_was_ordered_whatever_the_request_says(step: StepCA) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Chủ tịch nước")]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ca.gov.vn"), x509.RFC822Name("a@b.vn")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    wanted = an_order(pem(asked))
    answer = step.issue(wanted)
    made = x509.load_pem_x509_certificate(answer.pem.encode())
    assert made.public_key() == key.public_key()
    subject = {each.oid: each.value for each in made.subject}
    assert subject[NameOID.COMMON_NAME] == wanted.common_name
    assert subject[NameOID.ORGANIZATION_NAME] == wanted.organisation
    assert subject[NameOID.ORGANIZATION_IDENTIFIER] == "H37"
    assert subject[NameOID.TITLE] == wanted.title
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.RFC822Name("nguyet.bth@langson.example")]
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)
    extended = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(extended) == {ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")}
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made.not_valid_after_utc - made.not_valid_before_utc == 365 * DAY


def test_a_repeated_order_gets_the_same_certificate_and_not_a_second_one(step: StepCA) -> None:
    wanted = an_order()
    first, second = (x509.load_pem_x509_certificate(step.issue(wanted).pem.encode()) for _ in range(2))
    assert first.tbs_certificate_bytes == second.tbs_certificate_bytes
    other = x509.load_pem_x509_certificate(step.issue(an_order()).pem.encode())
    assert other.serial_number != first.serial_number


def test_a_worker_that_died_with_the_answer_leaves_no_certificate_that_nobody_knows(
    office: Office, step: StepCA, authority: step_ca.Authority
) -> None:
    with province_wide(office.pool) as tx:
        store_certificates.pin(tx, trust.read_anchor(authority.root_pem, now()))
    asked = order(office, request(), kind="person", person_id=str(office.province.leader.id)).json()
    lost: list[str] = []

    class Dies(StepCA):
        def issue(self, order: Order) -> Answer:
            lost.append(super().issue(order).pem)
            raise httpx.ReadError("the worker is gone before it kept the answer")

    with province_wide(office.pool) as tx:
        [job] = tx.execute("SELECT id FROM job").fetchall()
    kind = issuance.issue_job(office.pool, Dies(step.settings), SOURCE)
    with pytest.raises(httpx.ReadError):
        kind.run(_job(job["id"], asked["request_id"]))
    assert work(office, step) == 1
    made = look(office, asked["request_id"])
    assert (made["state"], made["problem"]) == ("issued", None)
    with province_wide(office.pool) as tx:
        kept = store_certificates.get(tx, UUID(made["certificate_id"]))
    gone = x509.load_pem_x509_certificate(lost[0].encode())
    assert int(kept.serial, 16) == gone.serial_number
    assert kept.issued_by == "step-ca"

    path = f"/registry/v1/certificates/{made['certificate_id']}/revoke"
    assert office.http.post(path, json={"reason": "keyCompromise"}, headers=office.officer).status_code == 200
    assert work(office, step) == 1
    assert gone.serial_number in authority.revoked()


def test_an_end_told_twice_changes_nothing_and_a_suspension_is_said_to_be_unknown_there(
    step: StepCA, authority: step_ca.Authority
) -> None:
    made = x509.load_pem_x509_certificate(step.issue(an_order()).pem.encode())
    serial = f"{made.serial_number:x}"
    with pytest.raises(Rejected, match="ca_cannot_hold") as refused:
        step.end(serial, "certificateHold")
    assert refused.value.refusal.status != 503  # not tried again
    step.end(serial, "removeFromCRL")
    assert made.serial_number not in authority.revoked()
    for _ in range(2):
        step.end(serial, "superseded")
    assert made.serial_number in authority.revoked()


def test_a_root_other_than_the_pinned_one_hears_nothing(settings_of_step: StepSettings) -> None:
    for fingerprint in ("ab" * 32, "", "../health"):
        with pytest.raises(Rejected, match="ca_root_not_pinned"):
            StepCA(replace(settings_of_step, fingerprint=fingerprint)).issue(an_order())


def test_tls_ends_at_the_pinned_root_and_nowhere_else(step: StepCA) -> None:
    context = step._trust()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert [
        x509.load_der_x509_certificate(each).fingerprint(hashes.SHA256()).hex() for each in context.get_ca_certs(True)
    ] == [step.fingerprint]


def test_a_wrong_key_is_refused_by_the_ca_and_an_unreadable_one_is_said_to_be_one(
    settings_of_step: StepSettings, authority: step_ca.Authority
) -> None:
    stranger = json.dumps(type(authority.provisioner_key).generate_key("P-256", private=True).as_dict(private=True))
    with pytest.raises(Rejected, match="ca_refused") as refused:
        StepCA(replace(settings_of_step, key=lambda: stranger)).issue(an_order())
    assert refused.value.params["code"] == "http_401"
    public = json.dumps(authority.provisioner_key.as_dict(private=False))
    for key in ("", "{}", public):
        with pytest.raises(Rejected, match="ca_settings_wrong"):
            StepCA(replace(settings_of_step, key=lambda key=key: key)).issue(an_order())  # type: ignore[misc]


def test_nobody_there_is_tried_again(tmp_path: Path, settings_of_step: StepSettings) -> None:
    elsewhere = step_ca.make(tmp_path)
    step = StepCA(replace(settings_of_step, url=elsewhere.url))
    with pytest.raises(Rejected, match="ca_unreachable") as refused:
        step.issue(an_order())
    assert refused.value.refusal.status == 503


def _job(job_id: UUID, request_id: str) -> Job:
    payload = {"request_id": request_id}
    return Job(job_id, issuance.ISSUE, f"request:{request_id}", payload, 1, new_id(), None)
