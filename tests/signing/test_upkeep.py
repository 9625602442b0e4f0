"""What the worker does by the clock: begun and forgotten work is found, debts are told, archive stamps renewed in time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki import hierarchy, issuing
from deploy.devpki import store as own_store
from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from deploy.devpki.tsa import TimeStampAuthority
from services.signing import upkeep
from services.signing.longevity import LTA
from services.signing.rhythm import Rhythm
from shared import db
from shared.events import registry, signing
from shared.tokens import Principal
from tests.signing import office as world
from tests.signing.desktop import Desktop, prepared, sign, signed
from tests.signing.office import AGENCY, OTHER, Leader, Office

RHYTHM = Rhythm(owing_for=timedelta(hours=2), margin=timedelta(days=90), renewals=50)


def facts(office: Office, kind: type[Any]) -> list[Any]:
    return [each for each in office.stated() if isinstance(each, kind)]


def forget_jobs(office: Office) -> None:
    """An operator's mistake."""
    with db.transaction(office.pool) as tx:
        tx.execute("DELETE FROM job")


def repairs(office: Office) -> list[tuple[str, str]]:
    acts = [e for e in facts(office, signing.SigningAct) if e.act == "unfinished_repaired"]
    return [(act.detail["found"], act.detail["done"]) for act in acts]


def sealed(office: Office, desktop: Desktop, leader: Leader, seal: Issued) -> signing.DocumentSealed:
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    return facts(office, signing.DocumentSealed)[0]  # type: ignore[no-any-return]


def at_risk(desktop: Desktop, who: Principal) -> dict[str, Any]:
    answer = desktop.of(who).get("/at-risk")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def operator(office: Office) -> Principal:
    """An operator at an agency of their own, and what the registry states of them."""
    principal, stated = world.clerk_of(OTHER)
    post = stated.posts[0].model_copy(update={"roles": ("operator",)})
    office.take(stated.model_copy(update={"posts": (post,)}))
    return replace(principal, roles=frozenset({"operator"}))


def clerk(office: Office, agency_id: UUID = AGENCY) -> Principal:
    principal, stated = world.clerk_of(agency_id)
    office.take(stated)
    return principal


# --- begun and not finished


def test_lost_jobs_are_queued_again_at_every_stage(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    office.found(leader)
    document_id = office.order(leader)
    forget_jobs(office)
    office.work()
    assert office.stated() == [], "nobody works on it"
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == [("preparing", "queued_again")]
    office.work()
    assert facts(office, signing.DocumentPrepared)

    sign(desktop.of(leader.principal), leader, document_id)
    forget_jobs(office)
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == [("completing", "queued_again")]
    office.work()
    assert facts(office, signing.DocumentSigned), "the signature that was handed in is not lost"

    office.seal_certificate(seal)
    office.order_seal(document_id)
    forget_jobs(office)
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == [("sealing", "queued_again")]
    office.work()
    assert facts(office, signing.DocumentSealed)
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == [], "a document at rest is left alone"
    figures = at_risk(desktop, clerk(office))["figures"]
    assert figures == {"repaired": 3}


def test_a_debt_that_lost_its_job_is_paid_all_the_same(
    office: Office, desktop: Desktop, pki: Running, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    pki.outage(tsa=True)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    forget_jobs(office)
    pki.outage(tsa=False)
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == [("owing", "queued_again")]
    office.work()
    assert facts(office, signing.DocumentAugmented)


def test_a_raw_signature_whose_document_forgot_it_is_embedded_or_its_signer_is_told(
    office: Office, desktop: Desktop, leader: Leader
) -> None:
    """As a database restored to a moment between two tables' writes leaves it."""
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    preparation = sign(http, leader, document_id)
    forget_jobs(office)
    with db.transaction(office.pool, agency=AGENCY) as tx:
        tx.execute("UPDATE document SET state = 'awaiting_signature', completing = NULL, version = version + 1")
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == [("lost_signature", "queued_again")]
    office.work()
    assert http.get(f"/preparations/{preparation}").json()["state"] == "completed"
    assert facts(office, signing.DocumentSigned)

    second = office.order(leader)
    office.work()
    lost = sign(http, leader, second)
    forget_jobs(office)
    with db.transaction(office.pool, agency=AGENCY) as tx:
        tx.execute("UPDATE preparation SET prepared = NULL WHERE id = %s", [lost])
    office.stated()
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == [("completing", "given_back")]
    state = http.get(f"/preparations/{lost}").json()
    assert (state["state"], state["problem"]["code"]) == ("failed", "signature_lost")
    assert [t["document_id"] for t in http.get("/tasks").json()["items"]] == [str(second)]
    sign(http, leader, second)
    office.work()
    assert facts(office, signing.DocumentSigned)


def test_work_that_a_worker_has_in_hand_is_not_taken_for_lost(office: Office, leader: Leader) -> None:
    office.found(leader)
    office.order(leader)
    job = office.runner._claim()
    assert job is not None
    upkeep.rounds(office.desk, RHYTHM)
    assert repairs(office) == []


# --- debts that people hear of


def test_an_old_debt_is_told_once_and_so_is_its_payment(
    office: Office, desktop: Desktop, pki: Running, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    pki.outage(tsa=True)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    office.stated()
    upkeep.rounds(office.desk, RHYTHM)
    assert office.stated() == [], "a young debt troubles nobody"
    with db.transaction(office.pool, agency=AGENCY) as tx:
        tx.execute("UPDATE longevity SET owing_since = now() - interval '3 hours'")
    upkeep.rounds(office.desk, RHYTHM)
    owing = office.only(signing.DocumentOwing)
    assert (owing.owes, owing.code, owing.final) == (("T",), "debt_overdue", False)
    upkeep.rounds(office.desk, RHYTHM)
    assert office.stated() == []
    own = at_risk(desktop, clerk(office))
    assert [(item["risk"], item["abstract"]) for item in own["items"]] == [("owing", "Về việc thử nghiệm")]
    pki.outage(tsa=False)
    office.work_again()
    assert facts(office, signing.DocumentAugmented)[0].was_told is True
    assert at_risk(desktop, clerk(office))["items"] == []


def test_the_state_of_every_signature_can_be_seen(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    pki.outage(tsa=True)
    sign(http, leader, document_id)
    office.work()
    seen = http.get(f"/documents/{document_id}/signatures").json()
    [one] = seen["items"]
    assert (seen["owes"], one["signer"], one["kind"], one["owes"]) == (["T"], leader.name, "person", ["T"])
    pki.outage(tsa=False)
    office.work_again()
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    seen = http.get(f"/documents/{document_id}/signatures").json()
    assert [(s["kind"], s["level"], s["owes"]) for s in seen["items"]] == [("person", LTA, []), ("seal", LTA, [])]
    assert seen["proven_until"] == seen["items"][0]["proven_until"]
    assert datetime.fromisoformat(seen["proven_until"]) > datetime.now(UTC) + timedelta(days=365)
    stranger = clerk(office, OTHER)
    assert desktop.of(stranger).get(f"/documents/{document_id}/signatures").status_code == 404


def test_what_waits_for_hours_is_listed_with_its_reason(
    office: Office, desktop: Desktop, pki: Running, leader: Leader
) -> None:
    office.found(leader)
    document_id = office.order(leader, unchecked_allowed=False)
    office.work()
    pki.outage(ocsp=True, crl=True)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    assert at_risk(desktop, clerk(office))["items"] == []
    with db.transaction(office.pool) as tx:
        tx.execute("UPDATE job SET created_at = now() - interval '3 hours'")
    for who in (clerk(office), operator(office)):
        [item] = at_risk(desktop, who)["items"]
        assert (item["risk"], item["code"]) == ("waiting", "revocation_unavailable")
        said = "Không lấy được trạng thái thu hồi của chứng thư (…); hệ thống sẽ thử lại."
        assert item["reason_vi"] == said, "the clerk reads a sentence, not a code"
        assert (item["document_id"], item["agency_id"]) == (str(document_id), str(AGENCY))
    assert at_risk(desktop, clerk(office, OTHER))["items"] == []


# --- archive time stamps


@contextmanager
def ending(pki: Running, **left: float) -> Iterator[x509.Certificate]:
    """The time-stamping authority works with a certificate that has only so long left."""
    own, now = pki.pki, datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    validity = (now - timedelta(days=1), now + timedelta(**left))
    identity = hierarchy._tsa(own.hierarchy.issuing.ca, key, validity, pki.url)
    with own.database.transaction() as tx:
        own_store.add(
            tx,
            issuing.serial_text(identity.certificate.serial_number),
            issuer="issuing",
            profile="infrastructure",
            der=identity.der,
            at=int(now.timestamp()),
        )
    before = own.tsa
    own.tsa = TimeStampAuthority(replace(own.hierarchy, tsa=identity), own.database)
    try:
        yield identity.certificate
    finally:
        own.tsa = before


def waiting_jobs(office: Office) -> int:
    with db.transaction(office.pool) as tx:
        row = tx.execute("SELECT count(*) AS n FROM job").fetchone()
    assert row is not None
    return int(row["n"])


def test_an_archive_stamp_is_renewed_before_its_authority_ends_and_only_by_one_that_lasts_longer(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    """The authority's certificate has 60 days left; while it has no other, nothing is stamped in vain."""
    with ending(pki, days=60):
        first = sealed(office, desktop, leader, seal)
        assert [item["risk"] for item in at_risk(desktop, clerk(office))["items"]] == ["stamp_ending"]
        upkeep.rounds(office.desk, replace(RHYTHM, margin=timedelta(days=30)))
        assert waiting_jobs(office) == 0, "not yet"
        office.stated()
        upkeep.rounds(office.desk, RHYTHM)
        assert waiting_jobs(office) == 1
        upkeep.rounds(office.desk, RHYTHM)
        assert waiting_jobs(office) == 1, "one renewal a document"
        office.work_again()
        assert office.stated() == []
        upkeep.rounds(office.desk, RHYTHM)
        assert waiting_jobs(office) == 0, "nor is it tried again at once"

    with db.transaction(office.pool) as tx:
        tx.execute("UPDATE stamp_authority SET held_until = now() - interval '1 second'")
    upkeep.rounds(office.desk, RHYTHM)
    office.work_again()
    renewed = office.only(signing.DocumentAugmented)
    assert (renewed.cause, renewed.level, renewed.owes) == ("renewal", LTA, ())
    assert renewed.previous_sha256 == first.content.sha256
    assert renewed.proven_until > datetime.now(UTC) + timedelta(days=365)
    assert office.desk.blobs.get(renewed.content).startswith(office.desk.blobs.get(first.content))
    upkeep.rounds(office.desk, RHYTHM)
    assert waiting_jobs(office) == 0
    assert at_risk(desktop, clerk(office))["items"] == []
    office.order_validation(renewed.content)
    office.work()
    verdict = facts(office, signing.DocumentValidated)[0]
    assert [(s.indication, s.level) for s in verdict.signatures] == [("TOTAL_PASSED", LTA), ("TOTAL_PASSED", LTA)]


def test_documents_that_were_sealed_before_stamps_were_kept_are_read_and_renewed_too(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    """As an upgrade finds them: their level is known, what it rests on is not."""
    with ending(pki, days=60):
        sealed(office, desktop, leader, seal)
    with db.transaction(office.pool, agency=AGENCY) as tx:
        tx.execute("DELETE FROM signature")
        tx.execute("UPDATE longevity SET ground = NULL, stamped_by = NULL, stamped_at = NULL")
    assert upkeep.read_older(office.desk) == 1
    assert upkeep.read_older(office.desk) == 0, "once is enough"
    assert at_risk(desktop, clerk(office))["figures"] == {"stamp_ending": 1}
    upkeep.rounds(office.desk, RHYTHM)
    office.work_again()
    assert facts(office, signing.DocumentAugmented)[0].cause == "renewal"


def test_renewals_are_bounded_and_spread(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    with ending(pki, days=60):
        for _ in range(3):
            sealed(office, desktop, leader, seal)
    upkeep.order_renewals(office.desk, replace(RHYTHM, renewals=2))
    upkeep.order_renewals(office.desk, replace(RHYTHM, renewals=2))
    with db.transaction(office.pool) as tx:
        rows = tx.execute("SELECT run_at - created_at AS delay FROM job ORDER BY pos").fetchall()
    assert [row["delay"] for row in rows] == [timedelta(0), timedelta(seconds=RHYTHM.every / 2)]


# --- what is at risk


def test_one_query_lists_what_is_at_risk_to_the_operator_in_figures_and_to_each_agency_its_own(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    fact = sealed(office, desktop, leader, seal)
    everybody, own, others = operator(office), clerk(office), clerk(office, OTHER)
    assert at_risk(desktop, everybody) == {"figures": {}, "items": []}

    pki.revoke(pki.pki.hierarchy.tsa.certificate.serial_number, "keyCompromise")
    upkeep.look_after_authorities(office.desk)
    fingerprint = hashlib.sha256(world.root_der(pki)).hexdigest()
    office.take(
        registry.AnchorStated(
            fingerprint=fingerprint,
            pem=pki.root_pem.decode(),
            purposes=("sign_documents", "seal_documents", "time_stamps"),
            trusted_from=datetime.now(UTC) - timedelta(days=1),
            withdrawn_at=datetime.now(UTC),
        )
    )
    with db.transaction(office.pool) as tx:
        tx.execute("UPDATE algorithm SET ends_at = now() + interval '10 days' WHERE name = 'sha256'")
    seen = at_risk(desktop, everybody)
    assert seen["figures"] == {"anchor_withdrawn": 1, "authority_revoked": 1, "stamp_ending": 1}
    assert {item["document_id"] for item in seen["items"]} == {str(fact.document_id)}
    assert {(item["abstract"], item["number_symbol"]) for item in seen["items"]} == {(None, None)}
    mine = at_risk(desktop, own)
    assert mine["figures"] == seen["figures"]
    assert {item["number_symbol"] for item in mine["items"]} == {"15/UBND-VX"}
    assert at_risk(desktop, others) == {"figures": {}, "items": []}
    assert desktop.of(leader_elsewhere()).get("/at-risk").status_code == 403


def leader_elsewhere() -> Principal:
    """Somebody of whom the registry has said nothing."""
    return Principal(
        kind="person", name="X", roles=frozenset({"operator"}), person_id=uuid4(), post_id=uuid4(), agency_id=OTHER
    )
