"""What the development CA issues, to whom it refuses, and that nobody can take it for a real one."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from deploy.devpki.hierarchy import MARK
from deploy.devpki.server import Running
from shared.errors import Rejected
from tests.devpki.tools import Openssl, Reply, call, own_certificates

KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def csr_for(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ignored")])
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def ask(pki: Running, data: Any, *, key: str | None = None, secret: str | None = None) -> Reply:
    return call(
        f"{pki.url}/ca/issue",
        data if isinstance(data, bytes) else json.dumps(data).encode(),
        Content_Type="application/json",
        Authorization=f"Bearer {pki.secret if secret is None else secret}",
        Idempotency_Key=str(uuid.uuid4()) if key is None else key,
    )


def request_for(**changes: Any) -> dict[str, Any]:
    return {
        "csr": csr_for(KEY).decode(),
        "profile": "person",
        "subject": {"common_name": "Nguyễn Văn A", "email": "a@example.vn"},
    } | changes


def test_every_subject_says_that_it_is_no_real_ca(pki: Running) -> None:
    issued = pki.issue(KEY.public_key(), common_name="Nguyễn Văn A", organisation="UBND xã Đông Hà").certificate
    for certificate in [one.certificate for one in own_certificates(pki).values()] + [issued]:
        for name in (certificate.subject, certificate.issuer):
            assert [one.value for one in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [MARK]
    assert issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Nguyễn Văn A"
    assert call(pki.url).body.decode().strip() == MARK


def test_private_keys_and_the_secret_are_for_the_owner_only(pki: Running) -> None:
    keys = list(pki.var.glob("devpki/hierarchy/*.key"))
    assert len(keys) == 5
    for path in [*keys, pki.var / "secrets" / "devpki"]:
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_each_certificate_of_the_hierarchy_passes_the_strict_checks_of_openssl(pki: Running, openssl: Openssl) -> None:
    purposes = {"issuing": "any", "issuing-ocsp": "ocsphelper", "root-ocsp": "ocsphelper", "tsa": "timestampsign"}
    for name, purpose in purposes.items():
        file = openssl.write(f"{name}.pem", own_certificates(pki)[name].pem)
        strict = ("verify", "-x509_strict", "-purpose", purpose, "-CAfile", "root.pem", "-untrusted", "issuing.pem")
        assert "OK" in openssl(*strict, file)


def test_the_profiles_of_the_hierarchy(pki: Running) -> None:
    own = {name: one.certificate for name, one in own_certificates(pki).items()}
    for name, certificate in own.items():
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert constraints.critical
        assert usage.critical
        assert constraints.value.ca == usage.value.key_cert_sign == (name in ("root", "issuing"))
    assert own["issuing"].extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    stamping = own["tsa"].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert stamping.critical
    assert list(stamping.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    for name in ("root-ocsp", "issuing-ocsp"):
        own[name].extensions.get_extension_for_class(x509.OCSPNoCheck)
        usage_of_signer = own[name].extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage_of_signer) == [ExtendedKeyUsageOID.OCSP_SIGNING]


@pytest.mark.parametrize(
    ("profile", "commitment", "extended"),
    [
        ("person", True, ["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36"]),
        ("agency", True, ["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36"]),
        ("service", False, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]),
    ],
)
def test_a_request_becomes_a_certificate_of_its_profile(
    pki: Running, openssl: Openssl, *, profile: str, commitment: bool, extended: list[str]
) -> None:
    subject = {
        "common_name": "Nguyễn Văn A",
        "organisation": "UBND xã Đông Hà",
        "organisation_id": "H50.1.2",
        "locality": "Quảng Trị",
        "title": "Chủ tịch",
        "email": "a@example.vn",
    }
    reply = ask(pki, request_for(csr=csr_for(RSA_KEY).decode(), profile=profile, subject=subject))
    assert reply.status == 201, reply.body
    certificate = x509.load_pem_x509_certificate(reply.json["certificate"].encode())
    openssl.write("person.pem", reply.json["certificate"].encode())
    openssl.write("chain.pem", reply.json["chain"].encode())
    assert "OK" in openssl("verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "chain.pem", "person.pem")
    assert certificate.serial_number == int(reply.json["serial"], 16)
    assert certificate.public_key() == RSA_KEY.public_key()
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.content_commitment) == (True, commitment)
    assert not usage.value.key_cert_sign
    found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [one.dotted_string for one in found] == extended
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["a@example.vn"]
    assert [one.value for one in certificate.subject][2:] == [
        "UBND xã Đông Hà",
        "H50.1.2",
        "Quảng Trị",
        "Chủ tịch",
        "Nguyễn Văn A",
    ]
    two_years = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert two_years == dt.timedelta(days=730)


def test_a_certificate_points_to_issuer_ocsp_and_crl_that_are_there(pki: Running) -> None:
    for certificate, issuer in (
        (pki.issue(KEY.public_key(), common_name="A").certificate, pki.issuing),
        (pki.issuing, pki.root),
    ):
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        where = {one.access_method: one.access_location.value for one in access}
        assert where[AuthorityInformationAccessOID.OCSP] == pki.ocsp_url
        fetched = call(where[AuthorityInformationAccessOID.CA_ISSUERS])
        assert fetched.content_type == "application/pkix-cert"
        assert x509.load_der_x509_certificate(fetched.body) == issuer
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert points[0].full_name
        crl = call(points[0].full_name[0].value)
        assert crl.content_type == "application/pkix-crl"
        assert x509.load_der_x509_crl(crl.body).issuer == issuer.subject
    assert call(f"{pki.url}/root.pem").body == pki.root_pem
    assert call(f"{pki.url}/chain.pem").body == pki.chain_pem


def test_a_repeated_request_gets_the_first_certificate_and_another_one_is_refused(pki: Running) -> None:
    key, request = str(uuid.uuid4()), request_for()
    first, again = ask(pki, request, key=key), ask(pki, request, key=key)
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    other = ask(pki, request_for(subject={"common_name": "Somebody else"}), key=key)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert ask(pki, request, key="").json["code"] == "idempotency_key_required"


def test_a_key_without_proof_of_possession_is_refused(pki: Running) -> None:
    honest = x509.load_pem_x509_csr(csr_for(KEY)).public_bytes(serialization.Encoding.DER)
    mine = KEY.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    theirs = other.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    stolen = x509.load_der_x509_csr(honest.replace(mine, theirs))
    reply = ask(pki, request_for(csr=stolen.public_bytes(serialization.Encoding.PEM).decode()))
    assert (reply.status, reply.json["code"]) == (422, "csr_signature_invalid")


@pytest.mark.parametrize(
    ("key", "named"),
    [
        (rsa.generate_private_key(65537, 1024).public_key(), "RSA-1024"),  # noqa: S505 - refused, that is the test
        (ec.generate_private_key(ec.SECP256K1()).public_key(), "secp256k1"),
        (ed25519.Ed25519PrivateKey.generate().public_key(), "Ed25519"),
    ],
)
def test_a_weak_or_foreign_key_is_refused_by_name(pki: Running, key: Any, named: str) -> None:
    with pytest.raises(Rejected) as refused:
        pki.issue(key, common_name="A")
    assert refused.value.code == "key_not_accepted"
    assert named in refused.value.sentence.vi


def test_a_certificate_that_has_long_expired_can_be_made_within_the_life_of_its_ca(pki: Running) -> None:
    now = dt.datetime.now(dt.UTC)
    expired = pki.issue(
        KEY.public_key(),
        common_name="Hết hạn",
        not_before=now - dt.timedelta(days=800),
        not_after=now - dt.timedelta(days=70),
    ).certificate
    assert expired.not_valid_after_utc < now
    assert expired.not_valid_before_utc > pki.issuing.not_valid_before_utc
    for start, end in ((now, now + dt.timedelta(days=9000)), (now, now - dt.timedelta(days=1))):
        with pytest.raises(Rejected) as refused:
            pki.issue(KEY.public_key(), common_name="A", not_before=start, not_after=end)
        assert refused.value.code == "validity_not_accepted"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"profile": "minister"}, "profile"),
        ({"profile": None}, "profile"),
        ({"days": 0}, "days"),
        ({"days": True}, "days"),
        ({"not_before": "2026-01-01T00:00:00"}, "not_before"),
        ({"not_after": 5}, "not_after"),
        ({"subject": {}}, "subject.common_name"),
        ({"subject": {"common_name": " "}}, "subject.common_name"),
        ({"subject": {"common_name": "x" * 65}}, "subject.common_name"),
        ({"subject": {"common_name": "a\x00b"}}, "subject.common_name"),
        ({"subject": {"common_name": "A", "organisation": "x" * 65}}, "subject.organisation"),
        ({"subject": {"common_name": "A", "email": "chủ@tịch.vn"}}, "subject.email"),
        ({"subject": {"common_name": "A", "cccd": "1"}}, "subject"),
        ({"subject": "A"}, "subject"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_field_is_named(pki: Running, changes: dict[str, Any], where: str) -> None:
    reply = ask(pki, request_for(**changes))
    assert (reply.status, reply.json["code"]) == (422, "invalid_request"), reply.body
    assert where in reply.json["detail_en"]
    assert reply.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "csr", ["no PEM", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"]
)
def test_an_unreadable_request_is_refused(pki: Running, csr: str) -> None:
    reply = ask(pki, request_for(csr=csr))
    assert (reply.status, reply.json["code"]) == (422, "csr_unreadable")


def test_what_is_no_json_is_refused(pki: Running) -> None:
    for body in (b"{", b"[]", b"\xff"):
        assert ask(pki, body).json["code"] == "invalid_request"


def test_only_the_holder_of_the_secret_issues_revokes_or_switches(pki: Running) -> None:
    for path in ("/ca/issue", "/ca/revoke", "/dev/outage"):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {pki.secret}"}):
            reply = call(pki.url + path, b"{}", **headers)
            assert (reply.status, reply.json["code"]) == (401, "devpki_secret_wrong"), path


def test_an_address_that_is_not_there_and_a_request_too_large_are_said(pki: Running) -> None:
    assert call(f"{pki.url}/nothing").json["code"] == "devpki_no_such_address"
    assert call(f"{pki.url}/ca/issue").json["code"] == "devpki_no_such_address"
    large = call(f"{pki.url}/tsa", b"x" * 70000, Content_Type="application/timestamp-query")
    assert (large.status, large.json["code"]) == (413, "devpki_too_large")
