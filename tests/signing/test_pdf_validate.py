"""Validation: what is accepted, what is objected to, and that a report always comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from cryptography import x509

from deploy.devpki.server import Running, running
from services.signing import pdf, pdf_evidence
from services.signing.pdf_report import Indication, Modification
from shared.errors import Rejected
from tests.interop import paper


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def signed(pki: Running) -> bytes:
    draft = paper.sample("01")
    return paper.sign(pdf.prepare(draft, paper.plan(draft)), paper.person(pki), pki)


@pytest.fixture(scope="module")
def issued(pki: Running, signed: bytes) -> bytes:
    return paper.seal(signed, paper.agency(pki), pki)


def _of(report: pdf.ValidationReport, field: str) -> pdf.SignatureReport:
    return next(s for s in report.signatures if s.field == field)


def test_an_issued_document_is_valid_without_asking_anybody(pki: Running, issued: bytes) -> None:
    report = pdf.validate(issued, paper.trust(pki, fetch=False))
    assert report.indication is Indication.PASSED
    assert report.problems == ()
    leader, seal, stamp = report.signatures
    assert (leader.field, seal.field, stamp.kind) == (paper.SIGNER, pdf.SEAL_FIELD, "timestamp")
    assert (leader.level, seal.level) == (pdf.Level.LTA, pdf.Level.LTA)
    assert leader.modification is Modification.FORM_FILLING
    assert set(leader.changed_fields) == {pdf.NUMBER_FIELD, pdf.DAY_FIELD, pdf.MONTH_FIELD, pdf.SEAL_FIELD}
    assert seal.modification is Modification.LTA_UPDATES
    assert stamp.coverage == "ENTIRE_FILE"
    assert all(s.intact for s in report.signatures)
    assert leader.signer is not None
    assert (leader.signer.name, leader.signer.organisation) == (paper.NAME, paper.AGENCY)
    assert leader.time is not None
    assert paper.NAME in report.sentence.vi


def test_the_report_is_json_and_tells_no_identity_number(pki: Running, issued: bytes) -> None:
    written = json.dumps(pdf.validate(issued, paper.trust(pki)).to_json(), ensure_ascii=False)
    read = json.loads(written)
    assert next(iter(read)) == "sentence", "the sentence comes first"
    assert read["indication"] == "TOTAL_PASSED"
    assert read["signatures"][0]["level"] == "PAdES-BASELINE-LTA"
    assert read["signatures"][0]["time"].endswith("+00:00")


def test_a_number_changed_after_the_seal_is_forbidden(pki: Running, issued: bytes) -> None:
    report = pdf.validate(paper.change_number(issued), paper.trust(pki))
    assert report.indication is Indication.FAILED
    seal = _of(report, pdf.SEAL_FIELD)
    assert seal.modification is Modification.FORBIDDEN
    assert (seal.indication, seal.reasons) == (Indication.FAILED, ("forbidden_modification",))
    assert seal.changed_fields == (pdf.NUMBER_FIELD,)


def test_a_page_drawn_over_after_the_seal_is_forbidden(pki: Running, issued: bytes) -> None:
    report = pdf.validate(paper.draw_over(issued), paper.trust(pki))
    assert report.indication is Indication.FAILED
    assert _of(report, pdf.SEAL_FIELD).modification is Modification.FORBIDDEN
    assert _of(report, paper.SIGNER).modification is Modification.FORBIDDEN


def test_one_flipped_bit_is_found(pki: Running, issued: bytes) -> None:
    broken = bytearray(issued)
    broken[2000] ^= 1
    report = pdf.validate(bytes(broken), paper.trust(pki))
    assert report.indication is Indication.FAILED
    assert all(s.intact is False and "integrity_broken" in s.reasons for s in report.signatures)


def test_bytes_that_belong_to_no_revision_are_objected_to(pki: Running, issued: bytes) -> None:
    end = re.findall(rb"startxref\s+[0-9]+\s+%%EOF", issued)[-1]
    report = pdf.validate(issued + b"\n9 0 obj <</Type /Page>> endobj\n" + end + b"\n", paper.trust(pki))
    assert report.indication is Indication.FAILED
    assert report.problems == ("trailing_bytes",)
    assert "không thuộc phiên bản" in report.sentence.vi


def test_a_line_end_after_the_last_revision_is_harmless(pki: Running, issued: bytes) -> None:
    assert pdf.validate(issued + b"\r\n", paper.trust(pki)).indication is Indication.PASSED


def test_a_signature_of_an_old_kind_is_not_left_out(pki: Running, signed: bytes) -> None:
    old = signed.replace(b"/ETSI.CAdES.detached", b"/adbe.x509.rsa_sha1 ", 1)
    assert len(old) == len(signed)
    report = pdf.validate(old, paper.trust(pki))
    assert report.indication is not Indication.PASSED
    assert report.signatures[0].reasons == ("unsupported_signature",)


def test_a_malformed_signature_does_not_hide_the_others(pki: Running, issued: bytes) -> None:
    broken = re.sub(rb"/Contents( *)<30", rb"/Contents\1<31", issued, count=1)
    report = pdf.validate(broken, paper.trust(pki))
    assert len(report.signatures) == 3
    assert report.indication is Indication.FAILED
    assert any("unreadable_signature" in s.reasons for s in report.signatures)


def test_nobody_is_trusted_without_a_path_to_our_root(issued: bytes) -> None:
    with running() as elsewhere:
        report = pdf.validate(issued, paper.trust(elsewhere))
    assert report.indication is Indication.INDETERMINATE
    leader = _of(report, paper.SIGNER)
    assert (leader.subindication, leader.reasons) == ("NO_CERTIFICATE_CHAIN_FOUND", ("not_trusted",))
    assert leader.intact


def test_a_signature_whose_revocation_status_is_not_to_be_had_is_not_called_valid(pki: Running, signed: bytes) -> None:
    report = pdf.validate(signed, paper.trust(pki, fetch=False))
    assert report.indication is Indication.INDETERMINATE
    assert report.signatures[0].reasons == ("revocation_unknown",)
    assert pdf.validate(signed, paper.trust(pki)).indication is Indication.PASSED


def test_a_certificate_revoked_before_signing_fails_the_document(pki: Running) -> None:
    draft = paper.sample("04")
    key = paper.person(pki, pdf.Mechanism.RSA_PKCS1)
    pki.revoke(x509.load_der_x509_certificate(key.certificate).serial_number)
    report = pdf.validate(paper.sign(pdf.prepare(draft, paper.plan(draft)), key, pki), paper.trust(pki))
    assert report.indication is not Indication.PASSED
    assert "revoked" in report.signatures[0].reasons


def test_a_revocation_after_archiving_changes_nothing(pki: Running) -> None:
    """The archive time stamp proves that the signature was there while the certificate was good."""
    draft = paper.sample("12")
    leader = paper.person(pki, pdf.Mechanism.ECDSA)
    issued = paper.seal(paper.sign(pdf.prepare(draft, paper.plan(draft)), leader, pki), paper.agency(pki), pki)
    pki.revoke(x509.load_der_x509_certificate(leader.certificate).serial_number)
    assert pdf.validate(issued, paper.trust(pki, fetch=False)).indication is Indication.PASSED


def test_a_document_certified_against_changes_may_come_in(pki: Running) -> None:
    report = pdf.validate(paper.sample("r6"), paper.trust(pki))
    assert report.indication is Indication.INDETERMINATE
    assert (report.signatures[0].intact, report.signatures[0].reasons) == (True, ("not_trusted",))


def test_an_unsigned_document_is_said_to_be_unsigned(pki: Running) -> None:
    report = pdf.validate(paper.sample("01"), paper.trust(pki))
    assert (report.indication, report.problems) == (Indication.INDETERMINATE, ("no_signature",))
    assert "không có chữ ký" in report.sentence.vi


def test_an_encrypted_document_that_opens_without_a_password_is_read(pki: Running) -> None:
    assert pdf.validate(paper.sample("r7"), paper.trust(pki)).problems == ("no_signature",)


@pytest.mark.parametrize("name", ["r2", "r3", "r4"])
def test_what_is_no_pdf_is_refused(pki: Running, name: str) -> None:
    with pytest.raises(Rejected):
        pdf.validate(paper.sample(name), paper.trust(pki))


def test_broken_files_get_a_report_and_never_an_exception(pki: Running, signed: bytes) -> None:
    trust = paper.trust(pki, fetch=False)
    for at in range(40, len(signed), 4999):
        broken = bytearray(signed)
        broken[at : at + 4] = b"<<\xff("
        assert pdf.validate(bytes(broken), trust).indication is not Indication.PASSED


def test_a_renewed_archive_time_stamp_is_an_extension_only(pki: Running, issued: bytes) -> None:
    trust, stamps = paper.trust(pki), paper.time_stamps(pki)
    renewed = pdf.extend(issued, level=pdf.Level.LTA, trust=trust, time_stamps=stamps)
    assert renewed.startswith(issued)
    report = pdf.validate(renewed, paper.trust(pki, fetch=False))
    assert report.indication is Indication.PASSED
    assert [s.kind for s in report.signatures] == ["signature", "signature", "timestamp", "timestamp"]
    assert _of(report, pdf.SEAL_FIELD).modification is Modification.LTA_UPDATES


def test_a_validation_of_the_past_asks_nobody(pki: Running, issued: bytes) -> None:
    report = pdf.validate(issued, paper.trust(pki), at=datetime.now(UTC))
    assert report.indication is Indication.PASSED


def test_an_extension_without_revocation_data_is_not_done(pki: Running, signed: bytes) -> None:
    pdf_evidence.forget()
    pki.outage(ocsp=True, crl=True)
    try:
        with pytest.raises(Rejected) as refused:
            pdf.extend(signed, level=pdf.Level.LT, trust=paper.trust(pki), time_stamps=paper.time_stamps(pki))
        assert refused.value.code == "revocation_unavailable"
    finally:
        pki.outage(ocsp=False, crl=False)
