"""What stands: our own documents now, in the far future and in the past; policies; evidence that came too late."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from vanthu_verify import Indication, Modification, Source, Trust, validate
from vanthu_verify.certificates import Certificate

from deploy.devpki.server import Running, running
from services.signing import pdf
from tests.interop import paper


def test_an_issued_document_stands_at_lta_without_a_network(issued: bytes, trust: Trust) -> None:
    report = validate(issued, trust)
    assert (report.indication, report.problems) == (Indication.PASSED, ())
    leader, seal, stamp = report.signatures
    assert [leader.level, seal.level, stamp.kind] == ["PAdES-BASELINE-LTA", "PAdES-BASELINE-LTA", "timestamp"]
    assert [one.revocation_origin for one in leader.chain] == ["dss", "dss", None]
    assert leader.chain[-1].anchor
    assert all(step.allowed for step in report.revisions)
    assert {c.field for step in report.revisions for c in step.changes if c.what == "form_filled"} == {
        pdf.NUMBER_FIELD,
        pdf.DAY_FIELD,
        pdf.MONTH_FIELD,
    }


@pytest.mark.parametrize("years", [1, 5, 9])
def test_it_stands_in_the_far_future_when_its_certificates_have_run_out(
    issued: bytes, trust: Trust, years: int
) -> None:
    at = datetime.now(UTC) + timedelta(days=365 * years)
    report = validate(issued, trust, at=at)
    assert (report.indication, report.past) == (Indication.PASSED, True)
    signer = report.signatures[0].signer
    assert signer is not None
    assert years < 5 or signer.valid_to < at
    names = [block.name for block in report.signatures[0].blocks]
    assert "validation_with_proofs_of_existence" in names


def test_once_the_last_time_stamp_has_run_out_too_nothing_is_proven(issued: bytes, trust: Trust) -> None:
    """Which is why archive time stamps are renewed."""
    report = validate(issued, trust, at=datetime.now(UTC) + timedelta(days=365 * 12))
    assert (report.indication, report.subindication) == (Indication.INDETERMINATE, "OUT_OF_BOUNDS_NO_POE")


def test_before_it_was_made_nothing_can_be_said(issued: bytes, trust: Trust) -> None:
    report = validate(issued, trust, at=datetime.now(UTC) - timedelta(days=3650))
    assert report.indication is Indication.INDETERMINATE


def test_without_a_root_integrity_is_told_and_nothing_more(issued: bytes) -> None:
    report = validate(issued, Trust())
    assert (report.indication, report.subindication) == (Indication.INDETERMINATE, "NO_CERTIFICATE_CHAIN_FOUND")
    assert all(s.intact and s.modification is not Modification.FORBIDDEN for s in report.signatures)
    assert report.signatures[0].level == "PAdES-BASELINE-LTA", "the level is what is there, whoever vouches for it"


def test_a_root_for_documents_is_none_for_time_stamps(issued: bytes, trust: Trust) -> None:
    report = validate(issued, Trust(roots=trust.roots, stamp_roots=()))
    assert report.signatures[-1].subindication == "NO_CERTIFICATE_CHAIN_FOUND"
    assert report.indication is not Indication.PASSED


def test_revocation_data_are_asked_for_once_each_and_named(signed: bytes, trust: Trust) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def fetch(certificate: bytes, issuer: bytes) -> list[Source]:
        asked.append((certificate, issuer))
        return []

    report = validate(signed, Trust(roots=trust.roots, fetch=fetch))
    assert (report.indication, report.subindication) == (Indication.INDETERMINATE, "TRY_LATER")
    assert len(asked) == len(set(asked)) > 0
    assert report.signatures[0].reasons == ("revocation_unknown",)
    asked.clear()
    validate(signed, Trust(roots=trust.roots, fetch=fetch), at=datetime.now(UTC))
    assert not asked, "a validation of the past asks nobody"


def test_a_policy_may_do_without_revocation_data(signed: bytes, trust: Trust) -> None:
    report = validate(signed, trust, policy_name="foreign")
    assert (report.indication, report.policy) == (Indication.PASSED, "foreign-1")


def test_an_incoming_document_needs_the_person_and_the_agency(pki: Running, issued: bytes, signed: bytes) -> None:
    roots = (pki.pki.hierarchy.root.ca.der,)
    assert validate(issued, Trust(roots), policy_name="incoming").indication is Indication.PASSED
    alone = pdf.validate(signed, paper.trust(pki), policy="incoming")
    assert (alone.indication, alone.subindication) == (Indication.INDETERMINATE, "SIG_CONSTRAINTS_FAILURE")
    assert alone.problems == ("agency_missing",)
    assert "cơ quan" in alone.sentence.vi


def test_an_archive_asks_for_archive_time_stamps(pki: Running, issued: bytes, signed: bytes, trust: Trust) -> None:
    assert validate(issued, trust, policy_name="archive").indication is Indication.PASSED
    assert pdf.validate(signed, paper.trust(pki), policy="archive").problems == ("level_too_low",)


def test_a_certificate_revoked_before_signing_is_never_good(pki: Running) -> None:
    draft = paper.sample("04")
    key = paper.person(pki, pdf.Mechanism.ECDSA)
    pki.revoke(x509.load_der_x509_certificate(key.certificate).serial_number)
    signed = paper.sign(pdf.prepare(draft, paper.plan(draft)), key, pki)
    for name in ("default", "foreign"):
        report = pdf.validate(signed, paper.trust(pki), policy=name)
        assert (report.indication, report.subindication) == (Indication.INDETERMINATE, "REVOKED_NO_POE")
    assert report.signatures[0].chain[0].revoked is not None


def test_another_authority_of_the_same_name_is_not_believed(issued: bytes) -> None:
    with running() as elsewhere:
        report = validate(issued, Trust((elsewhere.pki.hierarchy.root.ca.der,)))
    assert report.subindication == "NO_CERTIFICATE_CHAIN_FOUND"


def test_no_identity_number_is_reported_or_logged(pki: Running, trust: Trust, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = paper.agency(pki)
    issued = pki.issue(key.key.public_key(), common_name="Nguyễn Văn A 012345678901", organisation="MST 0123456789-001")
    person = paper.SoftKey(key.key, issued.der, key.chain, key.mechanism)
    draft = paper.sample("01")
    signed = paper.sign(pdf.prepare(draft, paper.plan(draft)), person, pki)
    caplog.clear()
    said = json.dumps(validate(signed, trust).to_json(), ensure_ascii=False)
    assert "Nguyễn Văn A" in said
    for number in ("012345678901", "0123456789"):
        assert number not in said
    broken = bytearray(signed)
    for at in range(100, len(signed), 7919):
        broken[at] ^= 0xFF
    validate(bytes(broken), trust)
    assert "Nguyễn" not in caplog.text
    assert "012345" not in caplog.text


@pytest.mark.parametrize(
    ("more", "agency"),
    [
        ({"O": "UBND tỉnh Lạng Sơn"}, True),
        ({"OU": "UBND tỉnh Lạng Sơn"}, True),
        ({"2.5.4.97": "H37"}, True),
        ({"2.5.4.97": "H37", "T": "Chủ tịch"}, False),
        ({"2.5.4.97": "H37", "OU": "Văn phòng"}, False),
        ({"2.5.4.97": "H37", "SN": "Hoàng"}, False),
        ({}, False),
    ],
)
def test_an_agencys_certificate_is_told_from_a_persons(more: dict[str, str], *, agency: bool) -> None:
    oids = {"O": "2.5.4.10", "OU": "2.5.4.11", "T": "2.5.4.12", "SN": "2.5.4.4"}
    named = {"2.5.4.3": "UBND tỉnh Lạng Sơn", "2.5.4.10": "A provider", **{oids.get(k, k): v for k, v in more.items()}}
    name = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in named.items()])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    der = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    assert Certificate(der).is_agency is agency
