"""OCSP and CRLs: what is said about a certificate is true at the moment of asking, and OpenSSL believes it."""

from __future__ import annotations

import base64
import datetime as dt
import random
import urllib.parse
from pathlib import Path

import pytest
from asn1crypto import core as asn1_core
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running, running
from shared.errors import Rejected
from tests.devpki.tools import Openssl, call

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
NONCE_OID = bytes.fromhex("06092b0601050507300102")


def question(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    nonce: bytes | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm or hashes.SHA256())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def answer(pki: Running, request: bytes) -> ocsp.OCSPResponse:
    reply = call(pki.ocsp_url, request, Content_Type="application/ocsp-request")
    assert (reply.status, reply.content_type) == (200, "application/ocsp-response")
    return ocsp.load_der_ocsp_response(reply.body)


def status_of(pki: Running, issued: Issued) -> ocsp.OCSPResponse:
    return answer(pki, question(issued.certificate, pki.issuing))


@pytest.mark.parametrize("algorithm", ["-sha1", "-sha256"])
def test_openssl_hears_good_revoked_and_unknown_from_a_signer_that_it_trusts(
    pki: Running, openssl: Openssl, algorithm: str
) -> None:
    good = pki.issue(KEY, common_name="A")
    revoked = pki.issue(KEY, common_name="B")
    pki.revoke(revoked.serial, "keyCompromise")
    openssl.write("good.pem", good.pem)
    openssl.write("revoked.pem", revoked.pem)
    said = openssl(
        *("ocsp", "-url", pki.ocsp_url, "-CAfile", "root.pem", "-issuer", "issuing.pem"),
        *(algorithm, "-cert", "good.pem", algorithm, "-cert", "revoked.pem", algorithm, "-serial", "0x77"),
    )
    assert "Response verify OK" in said
    assert "good.pem: good" in said
    assert "revoked.pem: revoked" in said
    assert "Reason: keyCompromise" in said
    assert "0x77: unknown" in said
    assert "WARNING" not in said  # it warns when the nonce is missing


def test_the_root_has_its_own_signer_that_answers_for_the_issuing_ca(pki: Running, openssl: Openssl) -> None:
    said = openssl(
        *("ocsp", "-url", pki.ocsp_url, "-CAfile", "root.pem"),
        *("-issuer", "root.pem", "-cert", "issuing.pem", "-resp_text"),
    )
    assert "Response verify OK" in said
    assert "issuing.pem: good" in said
    assert "CN=Vanthu DEV Root OCSP" in said
    assert "OCSP No Check" in said
    assert "OCSP Archive Cutoff" in said


def test_a_revocation_shows_at_once_and_is_final(pki: Running) -> None:
    issued = pki.issue(KEY, common_name="A")
    assert status_of(pki, issued).certificate_status == ocsp.OCSPCertStatus.GOOD
    first = pki.revoke(issued.serial.upper(), "superseded")
    assert pki.revoke(issued.certificate.serial_number, "superseded") == first
    said = status_of(pki, issued)
    assert said.certificate_status == ocsp.OCSPCertStatus.REVOKED
    assert said.revocation_reason == x509.ReasonFlags.superseded
    for reason in ("removeFromCRL", "certificateHold", "keyCompromise"):
        with pytest.raises(Rejected) as refused:
            pki.revoke(issued.serial, reason)
        assert refused.value.code == "already_revoked"
    assert status_of(pki, issued).revocation_time_utc == said.revocation_time_utc


def test_a_suspension_ends_with_a_release_or_with_a_revocation_from_its_first_day(pki: Running) -> None:
    issued = pki.issue(KEY, common_name="A")
    yesterday = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=1)
    pki.revoke(issued.serial, "certificateHold", at=yesterday)
    assert status_of(pki, issued).revocation_reason == x509.ReasonFlags.certificate_hold
    assert _listed(pki, issued) == yesterday
    pki.revoke(issued.serial, "removeFromCRL")
    assert pki.revoke(issued.serial, "removeFromCRL").reason is None  # again: nothing changes
    assert status_of(pki, issued).certificate_status == ocsp.OCSPCertStatus.GOOD
    assert _listed(pki, issued) is None
    pki.revoke(issued.serial, "certificateHold", at=yesterday)
    pki.revoke(issued.serial, "privilegeWithdrawn")
    said = status_of(pki, issued)
    assert (said.revocation_reason, said.revocation_time_utc) == (x509.ReasonFlags.privilege_withdrawn, yesterday)


def test_revoking_what_is_unknown_or_for_no_known_reason_is_refused(pki: Running) -> None:
    issued = pki.issue(KEY, common_name="A")
    with pytest.raises(Rejected) as refused:
        pki.revoke("77", "keyCompromise")
    assert refused.value.code == "certificate_unknown"
    for reason, at in (("because", None), ("superseded", dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))):
        with pytest.raises(Rejected) as refused:
            pki.revoke(issued.serial, reason, at=at)
        assert refused.value.code == "invalid_request"


def test_revocation_over_http_tells_the_state_that_it_made(pki: Running) -> None:
    issued = pki.issue(KEY, common_name="A")
    bearer = f"Bearer {pki.secret}"
    for reason, status in (("certificateHold", "on_hold"), ("removeFromCRL", "good"), ("superseded", "revoked")):
        body = f'{{"serial": "{issued.serial}", "reason": "{reason}"}}'.encode()
        reply = call(f"{pki.url}/ca/revoke", body, Authorization=bearer)
        assert (reply.status, reply.json["status"]) == (200, status)
        assert reply.json["serial"] == issued.serial
    wrong = call(f"{pki.url}/ca/revoke", b'{"serial": "xyz", "reason": "superseded"}', Authorization=bearer)
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_request")
    again = call(f"{pki.url}/ca/revoke", body.replace(b"superseded", b"keyCompromise"), Authorization=bearer)
    assert (again.status, again.json["code"]) == (409, "already_revoked")


def test_a_nonce_of_up_to_32_octets_comes_back_and_a_longer_or_empty_one_is_malformed(pki: Running) -> None:
    certificate = pki.issue(KEY, common_name="A").certificate
    for size in (1, 32):
        nonce = random.Random(size).randbytes(size)
        said = answer(pki, question(certificate, pki.issuing, nonce=nonce))
        assert said.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    for size in (0, 33):
        said = answer(pki, question(certificate, pki.issuing, nonce=b"n" * size))
        assert said.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    plain = answer(pki, question(certificate, pki.issuing))
    assert [one.oid.dotted_string for one in plain.extensions] == []


def test_ocsp_by_get_says_the_same_encoded_or_with_plain_slashes(pki: Running) -> None:
    certificate = pki.issue(KEY, common_name="A").certificate
    asked = base64.b64encode(question(certificate, pki.issuing, nonce=b"?" * 30)).decode()  # has a slash
    assert "/" in asked
    for path in (urllib.parse.quote(asked, safe=""), asked):
        reply = call(f"{pki.ocsp_url}/{path}")
        assert reply.content_type == "application/ocsp-response"
        said = ocsp.load_der_ocsp_response(reply.body)
        assert said.certificate_status == ocsp.OCSPCertStatus.GOOD
    broken = ocsp.load_der_ocsp_response(call(f"{pki.ocsp_url}/not*base64").body)
    assert broken.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_a_ca_that_is_not_ours_is_not_answered_for(pki: Running) -> None:
    with running() as other:
        foreign = question(other.issue(KEY, common_name="A").certificate, other.issuing)
    assert answer(pki, foreign).response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_one_request_about_two_cas_is_not_answered_since_no_signer_speaks_for_both(pki: Running) -> None:
    below_issuing = question(pki.issue(KEY, common_name="A").certificate, pki.issuing)
    below_root = question(pki.issuing, pki.root)
    ids = [asn1_ocsp.OCSPRequest.load(one)["tbs_request"]["request_list"][0] for one in (below_issuing, below_root)]
    for asked, status in (
        ([ids[0], ids[0]], ocsp.OCSPResponseStatus.SUCCESSFUL),
        (ids, ocsp.OCSPResponseStatus.UNAUTHORIZED),
    ):
        request = asn1_ocsp.OCSPRequest({"tbs_request": {"request_list": asked}}).dump()
        assert answer(pki, request).response_status == status


def test_changed_bytes_in_a_request_never_break_the_responder(pki: Running) -> None:
    honest = question(pki.issue(KEY, common_name="A").certificate, pki.issuing, nonce=b"n" * 16)
    assert NONCE_OID in honest
    chance = random.Random(6960)
    for _ in range(500):
        changed = bytearray(honest)
        for _ in range(chance.choice((1, 2, 4))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        said = ocsp.load_der_ocsp_response(pki.pki.ocsp.answer(bytes(changed[: chance.randrange(1, 400)])))
        assert said.response_status != ocsp.OCSPResponseStatus.INTERNAL_ERROR
    for odd in (b"", b"\x30\x80" * 30000, b"\x30" * 60000):
        said = ocsp.load_der_ocsp_response(pki.pki.ocsp.answer(odd))
        assert said.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_a_serial_that_is_not_der_is_malformed(pki: Running) -> None:
    """The answer would repeat it, and whoever reads the answer refuses it (X.690 8.3.2)."""
    certificate = pki.issue(KEY, common_name="A").certificate
    serial = asn1_core.Integer(certificate.serial_number).contents
    honest = question(certificate, pki.issuing)
    assert serial in honest
    assert answer(pki, honest).response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    padded = b"\0" + bytes((serial[1] & 0x7F,)) + serial[2:]
    assert answer(pki, honest.replace(serial, padded)).response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_an_answer_is_of_this_moment_and_fresh_for_a_short_while(pki: Running) -> None:
    issued = pki.issue(KEY, common_name="A")
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    said = status_of(pki, issued)
    after = dt.datetime.now(dt.UTC)
    assert said.next_update_utc
    assert issued.certificate.not_valid_before_utc <= before <= said.this_update_utc <= after
    assert before <= said.produced_at_utc <= after
    assert said.next_update_utc - said.this_update_utc == dt.timedelta(minutes=10)


def test_openssl_verifies_both_crls_and_their_numbers_rise(pki: Running, openssl: Openssl) -> None:
    revoked = pki.issue(KEY, common_name="A")
    numbers = []
    for _ in range(2):
        for name in ("issuing", "root"):
            openssl.write(f"{name}.crl", call(f"{pki.url}/{name}.crl").body)
            said = openssl("crl", "-inform", "DER", "-in", f"{name}.crl", "-verify", "-noout", "-CAfile", f"{name}.pem")
            assert "verify OK" in said
        crl = x509.load_der_x509_crl((openssl.home / "issuing.crl").read_bytes())
        numbers.append(crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
        assert crl.next_update_utc
        assert crl.next_update_utc - crl.last_update_utc == dt.timedelta(days=1)
        assert crl.last_update_utc <= dt.datetime.now(dt.UTC)
        pki.revoke(revoked.serial, "cessationOfOperation")
    assert numbers[0] < numbers[1]
    assert _listed(pki, revoked) is not None


def test_openssl_accepts_a_good_certificate_by_the_crls_and_refuses_a_revoked_one(
    pki: Running, openssl: Openssl
) -> None:
    issued = pki.issue(KEY, common_name="A")
    openssl.write("person.pem", issued.pem)
    check = (
        *("verify", "-x509_strict", "-crl_check_all", "-CAfile", "root.pem", "-untrusted", "issuing.pem"),
        *("-CRLfile", "crls.pem", "person.pem"),
    )
    _write_crls(pki, openssl)
    assert "OK" in openssl(*check)
    pki.revoke(issued.serial, "keyCompromise")
    _write_crls(pki, openssl)
    assert "certificate revoked" in openssl(*check, code=2)


def test_the_issuing_ca_itself_can_be_revoked(tmp_path: Path) -> None:
    with running(tmp_path) as pki:
        openssl = Openssl(tmp_path)
        openssl.write("root.pem", pki.root_pem)
        openssl.write("issuing.pem", pki.issuing.public_bytes(serialization.Encoding.PEM))
        pki.revoke(pki.issuing.serial_number, "cACompromise")
        said = openssl(
            *("ocsp", "-url", pki.ocsp_url, "-CAfile", "root.pem", "-issuer", "root.pem", "-cert", "issuing.pem")
        )
        assert "issuing.pem: revoked" in said
        assert "Response verify OK" in said
        crl = x509.load_der_x509_crl(call(f"{pki.url}/root.crl").body)
        assert crl.get_revoked_certificate_by_serial_number(pki.issuing.serial_number)


def test_a_responder_that_is_switched_off_answers_503_until_it_is_on_again(pki: Running) -> None:
    asked = question(pki.issue(KEY, common_name="A").certificate, pki.issuing)
    body = b'{"ocsp": true, "crl": true}'
    switched = call(f"{pki.url}/dev/outage", body, Authorization=f"Bearer {pki.secret}")
    assert switched.json == {"issue": False, "ocsp": True, "crl": True, "tsa": False}
    for reply in (
        call(pki.ocsp_url, asked, Content_Type="application/ocsp-request"),
        call(f"{pki.ocsp_url}/{base64.b64encode(asked).decode()}"),
        call(pki.crl_url),
    ):
        assert (reply.status, reply.json["code"]) == (503, "devpki_outage")
    assert call(f"{pki.url}/healthz").status == 200
    pki.outage(ocsp=False, crl=False)
    assert answer(pki, asked).certificate_status == ocsp.OCSPCertStatus.GOOD
    assert call(pki.crl_url).status == 200


def _listed(pki: Running, issued: Issued) -> dt.datetime | None:
    crl = x509.load_der_x509_crl(call(pki.crl_url).body)
    entry = crl.get_revoked_certificate_by_serial_number(issued.certificate.serial_number)
    return entry.revocation_date_utc if entry else None


def _write_crls(pki: Running, openssl: Openssl) -> None:
    crls = [x509.load_der_x509_crl(call(f"{pki.url}/{name}.crl").body) for name in ("root", "issuing")]
    openssl.write("crls.pem", b"".join(crl.public_bytes(serialization.Encoding.PEM) for crl in crls))
