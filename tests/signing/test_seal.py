"""The agency's seal on real parts: a key in SoftHSM2, numbers, what it waits for, what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.issuing import Issued
from services.signing.keys import KeyStore
from shared import db
from shared.events import docs, signing
from tests.signing import office as world
from tests.signing.desktop import Desktop, complete, content, prepare, prepared, sign, signed
from tests.signing.office import AGENCY, CLERK, OTHER, Leader, Office


def test_signed_numbered_sealed_and_judged_valid_by_the_receiver(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = signed(office, desktop, leader)
    before, _ = content(desktop.of(leader.principal), document_id)
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSealed))
    assert (fact.number, fact.level, fact.by) == (15, "PAdES-BASELINE-LTA", CLERK)
    sealed = office.desk.blobs.get(fact.content)
    assert sealed.startswith(before), "the seal is one more update"

    incoming_id = office.order_validation(fact.content)
    office.work()
    validated = office.only(signing.DocumentValidated)
    assert (validated.incoming_id, validated.indication, validated.code) == (incoming_id, "TOTAL_PASSED", None)
    assert [(s.signer, s.indication, s.level) for s in validated.signatures] == [
        ("Nguyễn Văn Bình", "TOTAL_PASSED", "PAdES-BASELINE-LTA"),
        ("UBND xã Đông Hà", "TOTAL_PASSED", "PAdES-BASELINE-LTA"),
    ]
    clerk, stated = world.clerk_of(OTHER)
    office.take(stated)
    report = desktop.of(clerk).get(f"/reports/{fact.content.sha256}")
    assert report.json()["indication"] == "TOTAL_PASSED"
    assert desktop.of(leader.principal).get(f"/reports/{fact.content.sha256}").status_code == 404


def test_the_day_of_the_signature_decides_whether_it_is_sealed(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    """Signed while the authority stood, sealed after it ended; the fact says under which authority, in which capacity."""
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    fact = next(each for each in office.stated() if isinstance(each, signing.DocumentSigned))
    assert (fact.authority_id, fact.by.capacity) == (leader.authority_id, "TM.")
    office.take(world.authority(leader, withdrawn=True), world.person(leader, active=False))
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    assert any(isinstance(each, signing.DocumentSealed) for each in office.stated())


def test_a_delegation_that_ends_between_submission_and_signature_gives_no_signature_and_no_seal(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    source = uuid4()
    ended = {"delegated_from": source, "delegated_by": uuid4(), "valid_until": date(2026, 2, 28)}
    office.take(world.authority(leader, **ended))
    http = desktop.of(leader.principal)
    [task] = http.get("/tasks").json()["items"]
    assert [reason["code"] for reason in task["problems"]] == ["authority_not_valid"]
    assert all(reason["vi"] and reason["en"] for reason in task["problems"])
    _, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    assert item["problem"]["code"] == "authority_not_valid"
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    stated = office.stated()
    assert [each.code for each in stated if isinstance(each, signing.DocumentRefused)] == ["seal_before_signature"]
    assert not any(isinstance(each, (signing.DocumentSigned, signing.DocumentSealed)) for each in stated)


def test_a_seal_ordered_again_is_told_again_and_never_made_twice(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.order_seal(document_id)
    office.work()
    first = office.only(signing.DocumentSealed)
    office.order_seal(document_id)
    office.work()
    assert office.only(signing.DocumentSealed).content == first.content
    office.order_seal(document_id, number=16)
    assert office.only(signing.DocumentRefused).code == "already_sealed"


def test_the_seal_waits_for_the_signature_and_for_its_own_number(
    office: Office, desktop: Desktop, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    office.order_seal(document_id)
    refused = office.only(signing.DocumentRefused)
    assert (refused.stage, refused.code) == ("seal", "seal_before_signature")
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    office.stated()
    order = docs.SealDocument(
        by=CLERK,
        at=datetime.now(UTC),
        document_id=document_id,
        agency_id=AGENCY,
        number=15,
        number_symbol="51/UBND-VX",
        issued_on=datetime.now(UTC).date(),
    )
    office.take(order)
    assert office.only(signing.DocumentRefused).code == "number_mismatch"
    office.take(order.model_copy(update={"document_id": uuid4()}))
    assert office.only(signing.DocumentRefused).code == "document_unknown"


def test_a_taken_number_waits_for_the_seal_key_until_somebody_mends_it(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, deputy: Leader
) -> None:
    document_id = signed(office, desktop, leader)
    office.order_seal(document_id)
    office.work()
    assert office.only(signing.DocumentDelayed).code == "seal_certificate_missing"

    stranger = deputy.certificate
    office.seal_certificate(stranger)
    office.work_again()
    assert office.only(signing.DocumentDelayed).code == "seal_key_missing"

    good = office.desk.keys.store
    office.desk.keys.store = KeyStore(good.module, good.token, "9999")
    office.work_again()
    assert office.only(signing.DocumentDelayed).code == "seal_device_stopped"
    assert office.desk.keys.stopped, "a wrong PIN is tried once"
    office.desk.keys.store, office.desk.keys.stopped = good, False

    suspended = office.seal_certificate(seal, status="suspended")
    office.work_again()
    assert office.only(signing.DocumentDelayed).code == "seal_key_missing"
    office.seal_certificate(seal, id_=suspended.certificate_id)
    office.work_again()
    assert office.only(signing.DocumentSealed).number == 15


def test_a_voided_number_is_not_sealed(office: Office, desktop: Desktop, leader: Leader) -> None:
    document_id = signed(office, desktop, leader)
    office.order_seal(document_id)
    office.work()
    assert office.only(signing.DocumentDelayed).code == "seal_certificate_missing"
    voided = docs.NumberVoided(
        by=CLERK, at=datetime.now(UTC), document_id=document_id, agency_id=AGENCY, number=15, reason="Nhầm sổ"
    )
    office.take(voided)
    office.work_again()
    assert office.stated() == []


def test_the_operator_makes_a_seal_key_once_and_gets_its_request_again(seal_token: KeyStore) -> None:
    def ask(agency: str, *more: str, pin: str = seal_token.pin) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"VANTHU_SEAL_TOKEN": seal_token.token, "VANTHU_SEAL_PIN": pin}
        command = [sys.executable, "-m", "services.signing", "seal-key", "create", "--agency", agency, *more]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    first, again = ask("H50.77"), ask("H50.77")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    requests = [x509.load_pem_x509_csr(done.stdout.encode()) for done in (first, again)]
    assert all(request.is_signature_valid for request in requests)
    assert requests[0].public_key() == requests[1].public_key()
    small = x509.load_pem_x509_csr(ask("H50.78", "--key", "p256").stdout.encode())
    assert isinstance(small.public_key(), ec.EllipticCurvePublicKey)
    wrong = ask("H50.79", pin="0000")
    assert wrong.returncode == 1
    assert "PIN" in wrong.stderr
    assert "0000" not in wrong.stderr


def test_without_fresh_word_from_the_registry_nothing_is_signed_or_sealed(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    waiting = prepared(office, leader)
    done = office.order(leader)
    office.work()
    http = desktop.of(leader.principal)
    sign(http, leader, done)
    office.work()
    office.seal_certificate(seal)
    base, sha = content(http, waiting)
    [item] = prepare(http, leader, (waiting, sha))
    office.stated()
    with db.transaction(office.pool) as tx:
        tx.execute("UPDATE registry_copy SET as_of = as_of - interval '601 s' WHERE topic = 'registry.certificate'")

    [task] = http.get("/tasks").json()["items"]
    assert [p["code"] for p in task["problems"]] == ["registry_copy_stale"]
    assert prepare(http, leader, (waiting, sha))[0]["problem"]["code"] == "registry_copy_stale"
    [late] = complete(http, (item["preparation_id"], leader.sign(item, base)))
    assert late["problem"]["code"] == "registry_copy_stale"
    office.order_seal(done)
    office.work()
    office.work_again()
    assert office.only(signing.DocumentDelayed).code == "registry_copy_stale"
    office.heartbeat()
    office.work_again()
    office.only(signing.DocumentSealed)
    assert complete(http, (item["preparation_id"], leader.sign(item, base)))[0]["state"] == "accepted"
