"""Signing in two calls, numbering and sealing: what is written, what is refused, how it looks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pypdfium2 as pdfium
import pytest
from asn1crypto import cms

from deploy.devpki.server import Running, running
from services.signing import appearance, pdf, placement
from services.signing.pdf_form import Revision, find_field
from shared.errors import Rejected
from tests.interop import paper

Pixels = dict[str, int]


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


def _prepared(name: str = "01") -> bytes:
    draft = paper.sample(name)
    return pdf.prepare(draft, paper.plan(draft))


def _refused(code: str) -> pytest.RaisesExc[Rejected]:
    return pytest.RaisesExc(Rejected, check=lambda error: error.code == code)


def test_fields_are_appended_and_the_draft_stays_as_it_was() -> None:
    draft = paper.sample("07")
    prepared = pdf.prepare(draft, paper.plan(draft))
    assert prepared.startswith(draft)
    writer = Revision(prepared)
    names = [str(f.get_object()["/T"]) for f in writer.root["/AcroForm"]["/Fields"]]
    assert "xac_nhan_niem_yet" in names, "the document's own field survives"
    for name in (pdf.NUMBER_FIELD, pdf.DAY_FIELD, pdf.MONTH_FIELD, paper.SIGNER, pdf.SEAL_FIELD):
        assert "/AP" not in find_field(writer, name)[1], "an appearance replaced after a signature alarms EU DSS"


def test_the_seal_locks_the_signers_fields_and_nothing_else() -> None:
    _, field = find_field(Revision(_prepared()), pdf.SEAL_FIELD)
    lock = field["/Lock"]
    assert (lock["/Action"], list(lock["/Fields"]), int(lock["/P"])) == ("/Include", [paper.SIGNER], 1)


def test_a_place_outside_the_page_is_refused() -> None:
    draft = paper.sample("01")
    away = replace(paper.plan(draft), seal=pdf.SignerPlace(pdf.SEAL_FIELD, placement.Box(1, 550, 10, 650, 110), ""))
    with _refused("place_outside_page"):
        pdf.prepare(draft, away)
    with _refused("place_outside_page"):
        pdf.prepare(draft, replace(away, seal=pdf.SignerPlace(pdf.SEAL_FIELD, placement.Box(9, 1, 1, 5, 5), "")))


def test_a_document_is_not_prepared_twice() -> None:
    prepared = _prepared()
    with _refused("pdf_field_exists"):
        pdf.prepare(prepared, paper.plan(paper.sample("01")))


def test_what_the_client_checks_is_in_the_prepared_signature(pki: Running) -> None:
    key, base = paper.person(pki), _prepared()
    begun = paper.begin(base, key)
    document = begun.document(base)
    start, first, second, rest = begun.byte_range
    assert (start, second + rest) == (0, len(document))
    covered = document[:first] + document[second:]
    attributes = {a["type"].native: a["values"] for a in cms.CMSAttributes.load(begun.signed_attributes)}
    assert attributes["message_digest"][0].native == hashlib.sha256(covered).digest()
    cert_ids = attributes["signing_certificate_v2"][0]["certs"]
    assert cert_ids[0]["cert_hash"].native == hashlib.sha256(key.certificate).digest()
    assert begun.digest_to_sign == hashlib.sha256(begun.signed_attributes).digest()


def test_the_prepared_signature_survives_json(pki: Running) -> None:
    begun = paper.begin(_prepared(), paper.person(pki))
    assert pdf.PreparedSignature.from_json(json.loads(json.dumps(begun.to_json()))) == begun


@pytest.mark.parametrize("mechanism", list(pdf.Mechanism))
def test_each_kind_of_key_signs(pki: Running, mechanism: pdf.Mechanism) -> None:
    signed = paper.sign(_prepared(), paper.person(pki, mechanism), pki)
    report = pdf.validate(signed, paper.trust(pki))
    (signature,) = report.signatures
    assert (report.indication, signature.level) == (pdf.Indication.PASSED, pdf.Level.B_T)


def test_an_ecdsa_signature_is_taken_as_pkcs11_gives_it(pki: Running) -> None:
    key, base = paper.person(pki, pdf.Mechanism.ECDSA), _prepared()
    begun = paper.begin(base, key)
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(key.sign(begun.digest_to_sign))
    raw = r.to_bytes(32) + s.to_bytes(32)
    signed = pdf.finish_signature(base, begun, raw, time_stamps=None)
    assert pdf.validate(signed, paper.trust(pki)).signatures[0].level == pdf.Level.B_B


def test_a_wrong_signature_is_never_embedded(pki: Running) -> None:
    key, base = paper.person(pki), _prepared()
    begun = paper.begin(base, key)
    for wrong in (key.sign(hashlib.sha256(b"something else").digest()), b"", bytes(256)):
        with _refused("signature_invalid"):
            pdf.finish_signature(base, begun, wrong, time_stamps=None)
    stranger = paper.person(pki, pdf.Mechanism.ECDSA)
    with _refused("signature_invalid"):
        pdf.finish_signature(base, begun, stranger.sign(begun.digest_to_sign), time_stamps=None)


def test_a_base_that_changed_meanwhile_is_refused(pki: Running) -> None:
    key, base = paper.person(pki), _prepared()
    begun = paper.begin(base, key)
    raw = key.sign(begun.digest_to_sign)
    with _refused("base_changed"):
        pdf.finish_signature(base + b"\n", begun, raw, time_stamps=None)
    with _refused("base_changed"):
        swapped = replace(begun, update=begun.update.replace(b"vanthu", b"vantho", 1), base_sha256=begun.base_sha256)
        pdf.finish_signature(base, replace(swapped, document_digest=bytes(32)), raw, time_stamps=None)


def test_without_a_time_stamp_server_nothing_is_embedded(pki: Running) -> None:
    key, base = paper.person(pki), _prepared()
    begun = paper.begin(base, key)
    pki.outage(tsa=True)
    try:
        with _refused("tsa_unavailable"):
            pdf.finish_signature(base, begun, key.sign(begun.digest_to_sign), time_stamps=paper.time_stamps(pki))
    finally:
        pki.outage(tsa=False)


def test_an_expired_certificate_does_not_begin(pki: Running) -> None:
    key = paper.person(pki)
    with _refused("certificate_expired"):
        pdf.begin_signature(
            _prepared(),
            paper.SIGNER,
            certificate=key.certificate,
            chain=key.chain,
            look=appearance.SignatureLook(paper.NAME, paper.POST, datetime.now(UTC)),
            signed_at=datetime.now(UTC) + timedelta(days=4000),
            mechanism=key.mechanism,
        )


def test_a_revoked_certificate_is_found_before_signing(pki: Running) -> None:
    key = paper.person(pki, pdf.Mechanism.ECDSA)
    pdf.check_certificate(key.certificate, key.chain, paper.trust(pki))
    from cryptography import x509

    pki.revoke(x509.load_der_x509_certificate(key.certificate).serial_number)
    with _refused("certificate_revoked"):
        pdf.check_certificate(key.certificate, key.chain, paper.trust(pki))


def test_no_revocation_status_is_no_yes(pki: Running) -> None:
    key = paper.person(pki)
    pki.outage(ocsp=True, crl=True)
    try:
        with _refused("revocation_unavailable"):
            pdf.check_certificate(key.certificate, key.chain, paper.trust(pki))
    finally:
        pki.outage(ocsp=False, crl=False)


def test_a_stranger_is_not_trusted(pki: Running) -> None:
    key = paper.person(pki)
    with running() as elsewhere, _refused("certificate_not_trusted"):
        pdf.check_certificate(key.certificate, key.chain, paper.trust(elsewhere))


def test_a_second_signer_approves_and_the_seal_comes_last(pki: Running) -> None:
    draft = paper.sample("02")
    plan = paper.plan(draft)
    first = plan.signers[0]
    box = replace(first.box, y0=first.box.y0 - 120, y1=first.box.y1 - 120)
    both = replace(plan, signers=(first, pdf.SignerPlace(pdf.signer_field(2), box, "Kế toán trưởng")))
    signed = paper.sign(pdf.prepare(draft, both), paper.person(pki), pki)
    twice = paper.sign(signed, paper.person(pki, pdf.Mechanism.ECDSA), pki, pdf.signer_field(2))
    report = pdf.validate(paper.seal(twice, paper.agency(pki), pki), paper.trust(pki))
    assert report.indication is pdf.Indication.PASSED
    signatures = [s for s in report.signatures if s.kind == "signature"]
    assert [s.field for s in signatures] == [paper.SIGNER, pdf.signer_field(2), pdf.SEAL_FIELD]
    assert {s.level for s in signatures} == {pdf.Level.LTA}


def test_a_field_is_signed_once(pki: Running) -> None:
    signed = paper.sign(_prepared(), paper.person(pki), pki)
    with _refused("pdf_field_missing"):
        paper.begin(signed, paper.person(pki))
    with _refused("pdf_field_missing"):
        paper.begin(signed, paper.person(pki), field="không có")


def test_a_document_signed_elsewhere_gets_an_approval_and_the_seal_but_no_number(pki: Running) -> None:
    foreign = paper.as_signed_elsewhere(pki)
    plan = paper.plan(paper.sample("04"))
    with _refused("pdf_signed_without_fields"):
        pdf.prepare(foreign, plan)
    bare = replace(plan, number=None, day=None, month=None, already_signed=("Signature1",))
    signed = paper.sign(pdf.prepare(foreign, bare), paper.person(pki), pki)
    report = pdf.validate(paper.seal(signed, paper.agency(pki), pki, numbered=False), paper.trust(pki))
    assert report.indication is pdf.Indication.PASSED
    assert [s.field for s in report.signatures][:3] == ["Signature1", paper.SIGNER, pdf.SEAL_FIELD]


def test_a_document_certified_elsewhere_gets_no_new_fields(pki: Running) -> None:
    draft = paper.sample("04")
    plan = replace(paper.plan(draft), number=None, day=None, month=None)
    certified = paper.sign(pdf.prepare(draft, replace(plan, seal=None)), paper.person(pki), pki)
    with _refused("pdf_certified_without_fields"):
        pdf.prepare(certified, replace(plan, signers=()))


def test_what_a_hurried_seal_owes_is_paid_by_later_stamps(pki: Running) -> None:
    """An urgent document goes at B; the archive stamp later proves the time for a seal that has none of its own."""
    signed = paper.sign(_prepared(), paper.person(pki), pki)
    hurried = paper.seal(signed, paper.agency(pki), pki, pdf.Level.B_B)
    stamps, trust = paper.time_stamps(pki), paper.trust(pki)
    paid = pdf.extend(hurried, level=pdf.Level.LTA, trust=trust, time_stamps=stamps)
    assert paid.startswith(hurried)
    report = pdf.validate(paid, paper.trust(pki, fetch=False))
    assert report.indication is pdf.Indication.PASSED
    seal = next(s for s in report.signatures if s.field == pdf.SEAL_FIELD)
    assert seal.level == pdf.Level.LTA
    assert seal.time is not None


def test_a_hybrid_file_is_signed_and_valid(pki: Running) -> None:
    issued = paper.issue(paper.as_word_writes_it(paper.sample("01")), pki)
    assert pdf.validate(issued, paper.trust(pki)).indication is pdf.Indication.PASSED


@pytest.mark.parametrize("level", list(pdf.Level))
def test_each_level_is_reached_and_told(pki: Running, level: pdf.Level) -> None:
    signed = paper.sign(_prepared(), paper.person(pki), pki)
    report = pdf.validate(paper.seal(signed, paper.agency(pki), pki, level), paper.trust(pki))
    assert report.indication is pdf.Indication.PASSED
    assert next(s.level for s in report.signatures if s.field == pdf.SEAL_FIELD) == level


def test_a_character_without_a_glyph_is_named(pki: Running) -> None:
    with _refused("text_not_printable"):
        pdf.fill_number_and_seal(
            paper.sign(_prepared(), paper.person(pki), pki),
            number="漢",
            day="05",
            month="01",
            sealer=paper.agency(pki),
            look=appearance.SealLook(paper.AGENCY),
            sealed_at=datetime.now(UTC),
            level=pdf.Level.B_B,
            trust=paper.trust(pki),
            time_stamps=paper.time_stamps(pki),
        )


@pytest.mark.parametrize("name", ["01", "11a", "11b", "03"])
def test_number_date_signature_and_seal_come_out_upright_and_in_place(pki: Running, name: str) -> None:
    """Read back by PDFium, which did not draw it: the text in its blanks, blue and red where they belong."""
    draft = paper.sample(name)
    places = placement.find_places(draft)
    signed = paper.sign(pdf.prepare(draft, paper.plan(draft)), paper.person(pki), pki)
    issued = paper.seal(signed, paper.agency(pki), pki, level=pdf.Level.B_T)
    for place in (places.number.box, places.day.box, places.month.box):
        before, after = _pixels(draft, place), _pixels(issued, place)
        assert before["black"] == 0
        assert after["black"] > 20
    signature = placement.signature_box(places.signature)
    seal = placement.seal_box(signature)
    ink = _pixels(issued, signature)
    assert ink["blue"] > 300
    left = replace(signature, x1=signature.x0 + signature.width / 3)
    right = replace(signature, x0=signature.x0 + signature.width / 3 + 1)
    assert _pixels(issued, left)["red"] > 200
    assert _pixels(issued, right)["red"] == 0, "the seal covers a third, not more"
    assert _pixels(issued, seal)["red"] > 1000
    (x, y), radius = seal.middle, seal.width / 2
    star = placement.Box(seal.page, x - 3, y - 0.36 * radius - 3, x + 3, y - 0.36 * radius + 3)
    assert _pixels(issued, star)["red"] > 100, "the star stands in the upper half"
    assert _pixels(issued, star.moved(dy=0.72 * radius))["red"] < 100, "and letters in the lower"


def _pixels(document: bytes, box: placement.Box, scale: float = 2.0) -> Pixels:
    """How many black, blue and red pixels a box of the shown page has."""
    opened = pdfium.PdfDocument(document)
    opened.init_forms()
    image = opened[box.page - 1].render(scale=scale).to_pil().convert("RGB")
    opened.close()
    inside = image.crop(tuple(round(v * scale) for v in (box.x0 + 0.5, box.y0, box.x1 - 0.5, box.y1)))
    count = {"black": 0, "blue": 0, "red": 0}
    for red, green, blue in inside.get_flattened_data():
        if max(red, green, blue) < 110:
            count["black"] += 1
        elif blue > red + 60 and blue > green + 40:
            count["blue"] += 1
        elif red > blue + 80 and red > green + 80:
            count["red"] += 1
    return count


def test_printed_forms_follow_the_decree() -> None:
    assert [appearance.printed_number(n) for n in (1, 9, 10, 1234)] == ["01", "09", "10", "1234"]
    assert appearance.printed_date(paper.ISSUED_ON) == ("05", "01")
    assert appearance.printed_date(paper.ISSUED_ON.replace(month=6, day=30)) == ("30", "6")
    at = datetime(2026, 11, 22, 17, 30, 5, tzinfo=UTC)
    assert appearance.printed_time(at) == "23/11/2026; 00:30:05 +07:00"
