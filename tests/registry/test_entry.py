"""Entering certificates: bad ones are each refused for their own reason and leave nothing behind; tokens prove theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from psycopg.sql import SQL, Identifier
from vanthu_sign import device

from deploy.devpki.server import Running
from deploy.local import softhsm
from services.registry import store, store_certificates, trust
from services.registry.scope import EVERYWHERE
from shared import db
from shared.ids import new_id
from tests.registry.conftest import Office, province_wide, text
from tests.registry.keys import Ca, name, now, pem, usage

CA = Ca()
PATH = "/registry/v1/certificates"
PIN = "20261124"


@pytest.fixture
def pinned(office: Office) -> Office:
    """The office trusts the test's own root too."""
    with province_wide(office.pool) as tx:
        store_certificates.pin(tx, trust.read_anchor(pem(CA.certificate), now()))
    return office


def enter(office: Office, body: dict[str, Any]) -> Any:
    return office.http.post(PATH, json={"person_id": str(office.province.leader.id)} | body, headers=office.officer)


def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def upload(content: bytes) -> dict[str, Any]:
    return {"content": b64encode(content).decode()}


def content_of(office: Office) -> dict[str, int]:
    """How many rows each table has."""
    with db.transaction(office.pool) as tx:
        store.act_within(tx, EVERYWHERE)
        tables = tx.execute("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'").fetchall()
        found = {}
        for table in tables:
            counted = SQL("SELECT count(*) AS n FROM {}").format(Identifier(table["name"]))
            [row] = tx.execute(counted).fetchall()
            found[table["name"]] = row["n"]
        return found


# --- the bad ones


def self_signed() -> x509.Certificate:
    own = key()
    builder = x509.CertificateBuilder(name("Bế Thị Hồng Nguyệt"), name("Bế Thị Hồng Nguyệt"), own.public_key(), 7)
    builder = builder.not_valid_before(now()).not_valid_after(datetime(2099, 1, 1))  # noqa: DTZ001  naive is UTC here
    usage_ = usage(digital_signature=True)
    return builder.add_extension(usage_, critical=True).sign(own, hashes.SHA256())


def signed_with_sha1() -> x509.Certificate:
    parsed = asn1.Certificate.load(der(CA.sign(key().public_key())))
    parsed["tbs_certificate"]["signature"]["algorithm"] = "sha1_ecdsa"
    parsed["signature_algorithm"]["algorithm"] = "sha1_ecdsa"
    parsed["signature_value"] = CA.key.sign(parsed["tbs_certificate"].dump(force=True), ec.ECDSA(hashes.SHA1()))  # noqa: S303
    return x509.load_der_x509_certificate(parsed.dump(force=True))


BAD: dict[str, Callable[[], x509.Certificate]] = {
    "certificate_expired": lambda: CA.sign(key().public_key(), days=(-20, -1)),
    "certificate_not_yet_valid": lambda: CA.sign(key().public_key(), days=(2, 20)),
    "certificate_self_signed": self_signed,
    "certificate_wrong_usage": lambda: CA.sign(key().public_key(), key_usage=usage(key_encipherment=True)),
    "certificate_key_weak": lambda: CA.sign(rsa.generate_private_key(65537, 1024).public_key()),  # noqa: S505  weak on purpose
    "certificate_digest_weak": signed_with_sha1,
    "certificate_of_another": lambda: CA.sign(key().public_key(), "Nông Thị Thắm"),
    "certificate_untrusted": lambda: Ca(common_name="Root lạ").sign(key().public_key()),
}


@pytest.mark.parametrize("code", BAD)
def test_a_bad_certificate_is_refused_for_its_own_reason_and_leaves_nothing(pinned: Office, code: str) -> None:
    before = content_of(pinned)
    refused = enter(pinned, upload(der(BAD[code]())))
    assert refused.json()["code"] == code, refused.text
    assert refused.status_code == 422
    assert refused.json()["detail_vi"] != refused.json()["detail_en"]
    assert content_of(pinned) == before


def test_the_same_certificate_twice_is_a_duplicate(pinned: Office) -> None:
    made = CA.sign(key().public_key())
    assert enter(pinned, upload(der(made))).status_code == 201
    before = content_of(pinned)
    again = enter(pinned, {"pem": pem(made)})
    assert (again.status_code, again.json()["code"]) == (409, "certificate_duplicate")
    assert content_of(pinned) == before


def test_what_its_ca_has_revoked_is_not_let_in(office: Office, pki: Running) -> None:
    made = pki.issue(key().public_key(), common_name=office.province.leader.name)
    body = {"pem": text(made.pem), "chain_pem": text(made.chain_pem)}
    pki.revoke(x509.load_pem_x509_certificate(text(made.pem).encode()).serial_number, "keyCompromise")
    before = content_of(office)
    refused = enter(office, body)
    assert (refused.status_code, refused.json()["code"]) == (422, "certificate_revoked_at_ca")
    assert content_of(office) == before


def test_a_certificate_of_somebody_of_the_same_name_is_told_by_its_mail_address(office: Office, pki: Running) -> None:
    leader = office.province.leader

    def brought(email: str) -> Any:
        made = pki.issue(key().public_key(), common_name=leader.name, email=email)
        return enter(office, {"pem": text(made.pem), "chain_pem": text(made.chain_pem)})

    before = content_of(office)
    refused = brought("nguoi.khac@langson.example")
    assert (refused.status_code, refused.json()["code"]) == (422, "certificate_other_email")
    assert "nguoi.khac@langson.example" in refused.json()["detail_vi"]
    assert content_of(office) == before
    with province_wide(office.pool) as tx:
        known = store.get_person(tx, leader.id).facts.email
    assert brought(known.upper()).status_code == 201


def test_a_refusal_names_the_stage_in_words(pinned: Office) -> None:
    made = enter(pinned, {"pem": pem(CA.sign(key().public_key()))}).json()
    refused = pinned.http.post(f"{PATH}/{made['certificate_id']}/hand-over", headers=pinned.officer).json()
    assert refused["code"] == "certificate_stage"
    assert "“đang dùng”" in refused["detail_vi"]
    assert "“in use”" in refused["detail_en"]
    absent = pinned.http.get(f"{PATH}/{new_id()}", headers=pinned.officer).json()
    assert absent["detail_vi"].startswith("Không tìm thấy chứng thư, ")
    assert absent["detail_en"].startswith("Not found (certificate)")


def test_when_its_ca_is_silent_a_certificate_waits_outside(office: Office, pki: Running) -> None:
    made = pki.issue(key().public_key(), common_name=office.province.leader.name)
    body = {"pem": text(made.pem), "chain_pem": text(made.chain_pem)}
    before = content_of(office)
    pki.outage(ocsp=True, crl=True)
    try:
        refused = enter(office, body)
    finally:
        pki.outage(ocsp=False, crl=False)
    assert (refused.status_code, refused.json()["code"]) == (503, "certificate_status_unchecked")
    assert content_of(office) == before
    assert enter(office, body).status_code == 201


def test_a_private_key_sent_along_is_refused_in_every_wrapping(pinned: Office) -> None:
    own = key()
    made = CA.sign(own.public_key())
    plain = serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(b"mat khau")
    form = serialization.PrivateFormat.PKCS8
    pem_key = own.private_bytes(serialization.Encoding.PEM, form, plain)
    contents = [
        pem(made).encode() + pem_key,
        own.private_bytes(serialization.Encoding.DER, form, plain),
        own.private_bytes(serialization.Encoding.DER, form, locked),
        pkcs12.serialize_key_and_certificates(b"x", own, made, None, plain),
        pkcs12.serialize_key_and_certificates(b"x", own, made, None, locked),
    ]
    before = content_of(pinned)
    for content in contents:
        refused = enter(pinned, upload(content))
        assert (refused.status_code, refused.json()["code"]) == (422, "private_key_sent")
    refused = enter(pinned, {"pem": pem(made) + pem_key.decode()})
    assert refused.json()["code"] == "private_key_sent"
    assert content_of(pinned) == before


def test_pem_der_and_pkcs7_are_read_alike(pinned: Office) -> None:
    encoding = serialization.Encoding
    for wrap in (
        lambda made: pem(made).encode(),
        der,
        lambda made: pkcs7.serialize_certificates([CA.certificate, made], encoding.DER),
        lambda made: pkcs7.serialize_certificates([made, CA.certificate], encoding.PEM),
    ):
        made = CA.sign(key().public_key())
        entered = enter(pinned, upload(wrap(made)))
        assert (entered.status_code, entered.json().get("pem")) == (201, pem(made)), entered.text
    two = pkcs7.serialize_certificates([CA.sign(key().public_key()), CA.sign(key().public_key())], encoding.DER)
    for content in (two, b"\x30\x03abc", b"rac", b""):
        assert enter(pinned, upload(content)).json()["code"] == "certificate_file_unreadable"
    assert enter(pinned, {"content": "không phải base64"}).json()["code"] == "certificate_file_unreadable"


def test_no_transaction_is_open_while_the_ca_is_asked(office: Office, pki: Running) -> None:
    """The responder itself looks: nobody in the pool is within a transaction while it is asked."""
    made = pki.issue(key().public_key(), common_name=office.province.leader.name)
    seen: list[int] = []
    original = pki.pki.ocsp.answer
    with db.transaction(office.pool) as tx:
        [database] = tx.execute("SELECT current_database() AS name").fetchall()

    def look(*given: Any, **named: Any) -> Any:
        with db.transaction(office.pool) as tx:
            query = (
                "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = %s AND state LIKE 'idle in%%'"
                " AND pid <> pg_backend_pid()"
            )
            [row] = tx.execute(query, [database["name"]]).fetchall()
        seen.append(row["n"])
        return original(*given, **named)

    pki.pki.ocsp.answer = look  # type: ignore[method-assign]
    try:
        assert enter(office, {"pem": text(made.pem), "chain_pem": text(made.chain_pem)}).status_code == 201
    finally:
        pki.pki.ocsp.answer = original  # type: ignore[method-assign]
    assert seen == [0]


# --- a token in the reader


@dataclass(frozen=True, slots=True)
class Token:
    opened: device.Device

    def certificate(self, kind: str) -> x509.Certificate:
        [found] = [each for each in self.opened.certificates() if each.subject == kind]
        return x509.load_der_x509_certificate(found.der)

    def sign(self, kind: str, mechanism: str, data: bytes) -> bytes:
        [found] = [each for each in self.opened.certificates() if each.subject == kind]
        return bytes(self.opened.sign(found.key_id, mechanism, data))


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    """A SoftHSM2 token with an RSA and an EC key."""
    hsm = softhsm.open_store(softhsm.provide(), tmp_path / "token")
    hsm.provide("lanh-dao", pin=PIN, so_pin="87654321")
    monkeypatch.setenv("SOFTHSM2_CONF", str(hsm.conf))
    module = str(hsm.softhsm.module)
    subprocess.run(
        [sys.executable, "-m", "tests.clients.fill_token", module, "lanh-dao", PIN],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        check=True,
    )
    with device.opened(module, "lanh-dao") as opened:
        opened.log_in(PIN)
        yield Token(opened)


@pytest.mark.parametrize(("kind", "mechanism"), [("RSA", "rsa-pkcs1v15"), ("RSA", "rsa-pss"), ("EC", "ecdsa")])
def test_a_certificate_read_from_a_token_comes_with_proof_of_its_key(
    pinned: Office, token: Token, kind: str, mechanism: str
) -> None:
    public: Any = token.certificate(kind).public_key()
    other: Any = token.certificate("EC" if kind == "RSA" else "RSA").public_key()
    body = upload(der(CA.sign(public)))

    def challenge() -> dict[str, Any]:
        answer: httpx.Response = pinned.http.post(f"{PATH}/challenge", headers=pinned.officer)
        assert answer.status_code == 201
        found: dict[str, Any] = answer.json()
        return found

    asked = challenge()
    signature = b64encode(token.sign(kind, mechanism, asked["text"].encode())).decode()
    proof = {"challenge_id": asked["challenge_id"], "signature": signature}
    before = content_of(pinned)
    wrong_key = enter(pinned, upload(der(CA.sign(other))) | proof)
    assert wrong_key.json()["code"] == "possession_unproved"
    unknown = enter(pinned, body | proof | {"challenge_id": str(new_id())})
    assert unknown.json()["code"] == "challenge_ended"
    unsigned = enter(pinned, body | {"challenge_id": asked["challenge_id"]})
    assert unsigned.json()["code"] == "possession_unproved"
    assert content_of(pinned) == before
    entered = enter(pinned, body | proof)
    assert (entered.status_code, entered.json().get("stage")) == (201, "active"), entered.text
    again = enter(pinned, upload(der(CA.sign(public, days=(-1, 20)))) | proof)
    assert again.json()["code"] == "challenge_ended"
    late = challenge()
    with province_wide(pinned.pool) as tx:
        tx.execute("UPDATE certificate_challenge SET until = now() - interval '1 second'")
    signature = b64encode(token.sign(kind, mechanism, late["text"].encode())).decode()
    late_proof = {"challenge_id": late["challenge_id"], "signature": signature}
    assert enter(pinned, upload(der(CA.sign(public, days=(-1, 30)))) | late_proof).json()["code"] == "challenge_ended"
