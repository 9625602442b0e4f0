"""Long-term value as a debt that pays itself: real outages of TSA and CA, what is signed meanwhile, and what is paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from services.signing.longevity import LT, LTA, B, T
from shared.events import signing
from tests.signing import office as world
from tests.signing.desktop import Desktop, content, prepared, sign
from tests.signing.office import Leader, Office


def facts(office: Office, kind: type[Any]) -> list[Any]:
    return [each for each in office.stated() if isinstance(each, kind)]


def levels(office: Office, fact: signing.DocumentAugmented | signing.DocumentSealed) -> list[tuple[str, str]]:
    """What our own validation says of each signature."""
    office.order_validation(fact.content)
    office.work()
    validated = facts(office, signing.DocumentValidated)[0]
    return [(s.indication, s.level) for s in validated.signatures]


def test_while_the_tsa_is_away_a_signature_stands_at_b_and_its_time_stamp_is_paid_afterwards(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    pki.outage(tsa=True)
    preparation = sign(http, leader, document_id)
    office.work()
    stated = office.stated()
    fact = next(e for e in stated if isinstance(e, signing.DocumentSigned))
    assert (fact.level, fact.owes) == (B, ("T",))
    assert not any(isinstance(e, signing.DocumentDelayed) for e in stated), "nobody waits"
    state = http.get(f"/preparations/{preparation}").json()
    assert (state["state"], state["notice"]["code"]) == ("completed", "time_stamp_owed")
    office.work_again()
    assert office.stated() == [], "a debt that can't be paid yet is no news"
    before, _ = content(http, document_id)
    office.stated()

    pki.outage(tsa=False)
    office.work_again()
    paid = office.only(signing.DocumentAugmented)
    assert (paid.level, paid.owes, paid.cause) == (T, (), "debt")
    assert paid.previous_sha256 == fact.content.sha256
    after = office.desk.blobs.get(paid.content)
    assert after.startswith(before), "what stood is untouched"
    assert content(http, document_id)[0] == after
    office.stated()
    office.work_again()
    assert office.stated() == [], "paid once"

    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    sealed = office.only(signing.DocumentSealed)
    assert (sealed.level, sealed.owes) == (LTA, ())
    assert levels(office, sealed) == [("TOTAL_PASSED", LTA), ("TOTAL_PASSED", LTA)]


def test_a_taken_number_is_sealed_while_tsa_and_ca_are_away_and_the_rest_is_paid_step_by_step(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    office.seal_certificate(seal)
    pki.outage(tsa=True)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    office.stated()
    pki.outage(ocsp=True, crl=True)
    office.order_seal(document_id, number=15)
    office.work()
    sealed = facts(office, signing.DocumentSealed)[0]
    assert (sealed.number, sealed.level) == (15, B)
    assert sealed.owes == ("revocation", "T", "LT", "LTA")

    pki.outage(tsa=False)
    office.work_again()
    assert office.stated() == [], "no stamp over a certificate that nobody has checked"
    pki.outage(tsa=True, ocsp=False, crl=False)
    office.work_again()
    assert office.stated() == []
    pki.outage(tsa=False)
    office.work_again()
    paid = office.only(signing.DocumentAugmented)
    assert (paid.level, paid.owes) == (LTA, ())
    assert paid.previous_sha256 == sealed.content.sha256
    assert paid.proven_until is not None
    assert paid.proven_until > datetime.now(UTC)
    assert levels(office, paid) == [("TOTAL_PASSED", LTA), ("TOTAL_PASSED", LTA)]


def test_validation_data_without_a_time_stamp_to_close_them_are_lt_until_the_tsa_is_back(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    office.seal_certificate(seal)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    pki.outage(ocsp=True, crl=True)
    office.order_seal(document_id)
    office.work()
    sealed = facts(office, signing.DocumentSealed)[0]
    assert (sealed.level, sealed.owes) == (T, ("revocation", "LT", "LTA"))
    pki.outage(tsa=True, ocsp=False, crl=False)
    office.work_again()
    first = office.only(signing.DocumentAugmented)
    assert (first.level, first.owes) == (LT, ("LTA",))
    pki.outage(tsa=False)
    office.work_again()
    second = office.only(signing.DocumentAugmented)
    assert (second.level, second.owes, second.previous_sha256) == (LTA, (), first.content.sha256)


def test_a_signature_whose_certificate_nobody_could_check_carries_a_warning_unless_the_agency_forbids_it(
    office: Office, desktop: Desktop, pki: Running, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    careful = office.order(leader, unchecked_allowed=False)
    office.work()
    office.stated()
    http = desktop.of(leader.principal)
    pki.outage(ocsp=True, crl=True)
    preparation = sign(http, leader, document_id)
    sign(http, leader, careful)
    office.work()
    stated = office.stated()
    [fact] = [e for e in stated if isinstance(e, signing.DocumentSigned)]
    assert (fact.document_id, fact.level, fact.owes) == (document_id, T, ("revocation",))
    assert http.get(f"/preparations/{preparation}").json()["notice"]["code"] == "revocation_unchecked"
    [delayed] = [e for e in stated if isinstance(e, signing.DocumentDelayed)]
    assert (delayed.document_id, delayed.code) == (careful, "revocation_unavailable")

    pki.outage(ocsp=False, crl=False)
    office.work_again()
    stated = office.stated()
    [paid] = [e for e in stated if isinstance(e, signing.DocumentAugmented)]
    assert (paid.document_id, paid.owes) == (document_id, ())
    [fact] = [e for e in stated if isinstance(e, signing.DocumentSigned)]
    assert (fact.document_id, fact.level, fact.owes) == (careful, T, ())


def signed_unchecked(office: Office, desktop: Desktop, pki: Running, who: Leader, *, tsa: bool) -> UUID:
    document_id = prepared(office, who)
    pki.outage(tsa=not tsa, ocsp=True, crl=True)
    sign(desktop.of(who.principal), who, document_id)
    office.work()
    assert facts(office, signing.DocumentSigned)
    return document_id


def test_what_anybody_knows_to_be_revoked_or_expired_is_refused_however_silent_the_ca_is(
    office: Office, desktop: Desktop, pki: Running
) -> None:
    """The list is to be had and says so, while the responder is silent; the other one is past its days."""
    revoked = world.leader(pki, "Lê Văn Thu Hồi")
    office.found(revoked)
    document_id = office.order(revoked)
    office.work()
    office.stated()
    pki.revoke(revoked.certificate.serial)
    pki.outage(ocsp=True, tsa=True)
    sign(desktop.of(revoked.principal), revoked, document_id)
    office.work()
    acts = facts(office, signing.SigningAct)
    assert [a.detail["code"] for a in acts if a.act == "signature_refused"] == ["certificate_revoked"]


def test_a_signature_that_turns_out_to_have_been_made_with_a_revoked_certificate_is_neither_stamped_nor_sealed(
    office: Office, desktop: Desktop, pki: Running, seal: Issued
) -> None:
    culprit = world.leader(pki, "Trần Văn Đã Mất Token")
    document_id = signed_unchecked(office, desktop, pki, culprit, tsa=False)
    pki.revoke(culprit.certificate.serial, at=datetime.now(UTC) - timedelta(hours=1))
    pki.outage(tsa=False, ocsp=False, crl=False)
    office.work_again()
    stated = office.stated()
    [owing] = [e for e in stated if isinstance(e, signing.DocumentOwing)]
    assert (owing.final, owing.code) == (True, "signer_certificate_ended")
    assert owing.owes == ("revocation", "T")
    assert not any(isinstance(e, signing.DocumentAugmented) for e in stated)
    assert any(isinstance(e, signing.SigningAct) and e.act == "debt_not_payable" for e in stated)
    standing = desktop.of(culprit.principal).get(f"/documents/{document_id}/signatures").json()
    assert (standing["problem"], "hãy hủy số" in standing["problem_vi"]) == (owing.code, True), "with what to do"

    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    refused = office.only(signing.DocumentRefused)
    assert (refused.stage, refused.code) == ("seal", "signer_certificate_ended")


def test_a_time_stamp_made_before_the_revocation_keeps_an_unchecked_signature(
    office: Office, desktop: Desktop, pki: Running, seal: Issued
) -> None:
    leaving = world.leader(pki, "Vũ Văn Chuyển Công Tác")
    document_id = signed_unchecked(office, desktop, pki, leaving, tsa=True)
    stamped = datetime.now(UTC)
    while datetime.now(UTC) < stamped + timedelta(seconds=2):  # both times are whole seconds
        office.work_again()
    pki.revoke(leaving.certificate.serial, "affiliationChanged")
    pki.outage(ocsp=False, crl=False)
    office.work_again()
    assert office.only(signing.DocumentAugmented).owes == ()
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    assert office.only(signing.DocumentSealed).level == LTA
