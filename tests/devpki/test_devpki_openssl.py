"""OpenSSL's own verdicts beyond the plain ones: without a nonce, by pinned signers, on what registry kept, by GET,
and on time stamps with their CAs' lists.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.server import Running, running
from services.registry import revocation, status_data
from services.registry.revocation import Reach
from services.registry.status_data import Question
from tests.devpki.tools import Openssl, call, own_certificates

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
REACH = Reach(frozenset({"127.0.0.1"}), timeout=30.0)


def three(pki: Running, openssl: Openssl) -> tuple[str, ...]:
    """Options that ask about a good, a revoked and an unknown certificate of the issuing CA."""
    good, revoked = pki.issue(KEY, common_name="A"), pki.issue(KEY, common_name="B")
    pki.revoke(revoked.serial, "cessationOfOperation")
    openssl.write("good.pem", good.pem)
    openssl.write("revoked.pem", revoked.pem)
    return ("-issuer", "issuing.pem", "-cert", "good.pem", "-cert", "revoked.pem", "-serial", "0x4711")


def assert_three(said: str) -> None:
    assert "Response verify OK" in said
    assert "good.pem: good" in said
    assert "revoked.pem: revoked" in said
    assert "Reason: cessationOfOperation" in said
    assert "0x4711: unknown" in said


@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
def test_good_revoked_and_unknown_with_and_without_a_nonce(pki: Running, openssl: Openssl, nonce: str) -> None:
    said = openssl("ocsp", "-url", pki.ocsp_url, "-CAfile", "root.pem", nonce, *three(pki, openssl), "-resp_text")
    assert_three(said)
    assert "WARNING" not in said
    assert ("OCSP Nonce" in said) == (nonce == "-nonce")


def test_a_pinned_signer_is_believed_and_a_strangers_root_is_not(pki: Running, openssl: Openssl) -> None:
    openssl.write("signer.pem", own_certificates(pki)["issuing-ocsp"].pem)
    asked = three(pki, openssl)
    said = openssl("ocsp", "-url", pki.ocsp_url, "-VAfile", "signer.pem", "-CAfile", "root.pem", *asked)
    assert_three(said)
    said = openssl("ocsp", "-url", pki.ocsp_url, "-verify_other", "signer.pem", "-CAfile", "root.pem", *asked)
    assert_three(said)
    with running() as other:
        openssl.write("other.pem", other.root_pem)
    said = openssl("ocsp", "-url", pki.ocsp_url, "-CAfile", "other.pem", *asked, code=1)
    assert "Response Verify Failure" in said


def test_the_status_of_ca_and_time_stamping_authority_by_their_own_issuers(pki: Running, openssl: Openssl) -> None:
    openssl.write("tsa.pem", own_certificates(pki)["tsa"].pem)
    for issuer, subject in (("root.pem", "issuing.pem"), ("issuing.pem", "tsa.pem")):
        said = openssl(
            *("ocsp", "-url", pki.ocsp_url, "-CAfile", "root.pem", "-issuer", issuer, "-cert", subject, "-no_nonce")
        )
        assert "Response verify OK" in said
        assert f"{subject}: good" in said


def test_what_registry_keeps_is_a_whole_answer_that_openssl_verifies_while_the_responder_is_out(
    pki: Running, openssl: Openssl
) -> None:
    issued = pki.issue(KEY, common_name="A")
    openssl.write("person.pem", issued.pem)
    [answer] = [
        revocation.fetch(question, REACH)
        for question in status_data.questions(issued.certificate, pki.issuing)
        if question.kind == "ocsp"
    ]
    openssl.write("kept.der", answer.content)
    lists = [
        revocation.fetch(Question("crl", f"{pki.url}/{name}.crl", issuer), REACH)
        for name, issuer in (("issuing", pki.issuing), ("root", pki.root))
    ]
    pki.outage(ocsp=True, crl=True)
    said = openssl(
        *("ocsp", "-respin", "kept.der", "-CAfile", "root.pem", "-issuer", "issuing.pem", "-cert", "person.pem")
    )
    assert "Response verify OK" in said
    assert "person.pem: good" in said
    for name, kept in zip(("issuing", "root"), lists, strict=True):
        openssl.write(f"{name}.crl", kept.content)
        said = openssl("crl", "-inform", "DER", "-in", f"{name}.crl", "-verify", "-noout", "-CAfile", f"{name}.pem")
        assert "verify OK" in said
        assert kept.this_update <= datetime.now(UTC) < kept.next_update


def test_a_list_of_another_ca_of_the_same_name_fails_verification(pki: Running, openssl: Openssl) -> None:
    with running() as other:
        assert other.issuing.subject == pki.issuing.subject
        openssl.write("other.crl", call(f"{other.url}/issuing.crl").body)
    said = openssl("crl", "-inform", "DER", "-in", "other.crl", "-verify", "-noout", "-CAfile", "issuing.pem")
    assert "verify OK" not in said


def test_a_time_stamp_with_its_whole_chain_and_lists(pki: Running, openssl: Openssl, tmp_path: Path) -> None:
    """-query, the authority's answer, -reply to the bare token, -verify; then the token's chain against the lists."""
    openssl.write("data", b"van ban")
    openssl("ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q.tsq")
    asked = (tmp_path / "q.tsq").read_bytes()
    openssl.write("r.tsr", call(pki.tsa_url, asked, Content_Type="application/timestamp-query").body)
    assert "Status: Granted." in openssl("ts", "-reply", "-in", "r.tsr", "-text")
    openssl("ts", "-reply", "-in", "r.tsr", "-token_out", "-out", "token.der")
    verify = ("ts", "-verify", "-in", "token.der", "-token_in", "-CAfile", "root.pem")
    assert "Verification: OK" in openssl(*verify, "-data", "data")
    with running() as other:
        openssl.write("other.pem", other.root_pem)
    assert "FAILED" in openssl("ts", "-verify", "-queryfile", "q.tsq", "-in", "r.tsr", "-CAfile", "other.pem", code=1)
    lists = [x509.load_der_x509_crl(call(f"{pki.url}/{name}.crl").body) for name in ("root", "issuing")]
    openssl.write("crls.pem", b"".join(one.public_bytes(serialization.Encoding.PEM) for one in lists))
    openssl.write("tsa.pem", own_certificates(pki)["tsa"].pem)
    said = openssl(
        *("verify", "-x509_strict", "-crl_check_all", "-purpose", "timestampsign", "-CAfile", "root.pem"),
        *("-untrusted", "issuing.pem", "-CRLfile", "crls.pem", "tsa.pem"),
    )
    assert "tsa.pem: OK" in said
