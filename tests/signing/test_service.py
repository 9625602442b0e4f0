"""The signing service on real parts: files refused, reports, hostile files, who may come in at which door."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.devpki.server import Running
from services.signing.api import router
from shared.events import docs, signing
from shared.tokens import Principal
from tests.signing import office as world
from tests.signing.desktop import Desktop, content, prepare, prepared, sign
from tests.signing.office import AGENCY, OTHER, Leader, Office

DATA = Path(__file__).parents[1] / "data"
REFUSED = {
    "r1-mat-khau-mo.pdf": "pdf_password",
    "r2-cat-cut.pdf": "pdf_damaged",
    "r3-khong-phai-pdf.pdf": "not_a_pdf",
    "r4-rong-0-byte.pdf": "empty_file",
    "r5-javascript-va-tep-dinh-kem.pdf": "pdf_active_content",
    "r6-docmdp-khong-cho-sua.pdf": "pdf_no_changes_allowed",
    "r7-han-che-sua-doi.pdf": "pdf_restricted",
    "r8-xfa.pdf": "pdf_xfa",
}


def test_a_file_that_cannot_be_signed_is_refused_with_a_reason(office: Office, leader: Leader) -> None:
    office.found(leader)
    for file, code in REFUSED.items():
        office.order(leader, pdf=(DATA / file).read_bytes())
        office.work()
        refused = office.only(signing.DocumentRefused)
        assert (file, refused.stage, refused.code) == (file, "prepare", code)
        assert refused.reason_vi
        assert refused.reason_en


def test_what_arrives_damaged_or_tampered_has_failed_and_the_receiver_learns_why(office: Office) -> None:
    office.order_validation(office.docs.put(b"no pdf", "application/pdf"))
    office.work()
    failed = office.only(signing.DocumentValidated)
    assert (failed.indication, failed.code) == ("TOTAL_FAILED", "not_a_pdf")

    content = office.docs.put(world.blank_pdf(), "application/pdf")
    office.order_validation(content)
    office.work()
    unsigned = office.only(signing.DocumentValidated)
    assert (unsigned.indication, unsigned.signatures) == ("INDETERMINATE", ())

    office.tamper(content)
    office.order_validation(content)
    office.work()
    tampered = office.only(signing.DocumentValidated)
    assert (tampered.indication, tampered.sub_indication) == ("TOTAL_FAILED", "HASH_FAILURE")
    assert tampered.code == "content_tampered"


def test_a_file_that_kills_its_reader_is_refused_and_stops_nobody_else(
    office: Office, monkeypatch: pytest.MonkeyPatch, leader: Leader
) -> None:
    office.found(leader)
    monkeypatch.setattr("services.signing.craft.prepare", world.die)
    document_id = office.order(leader)
    for _ in range(4):
        office.work_again()
    first, last = office.stated()
    assert isinstance(first, signing.DocumentDelayed)
    assert first.code == "process_died"
    assert isinstance(last, signing.DocumentRefused)
    assert (last.document_id, last.code) == (document_id, "pdf_too_hard")
    monkeypatch.undo()
    office.order(leader)
    office.work()
    office.only(signing.DocumentPrepared)


def test_only_people_who_are_active_may_read(office: Office, desktop: Desktop, leader: Leader) -> None:
    document_id = prepared(office, leader)
    own, own_stated = world.clerk_of(AGENCY)
    foreign, foreign_stated = world.clerk_of(OTHER)
    office.take(own_stated, foreign_stated)
    path = f"/documents/{document_id}/content"
    assert desktop.of(own).get(path).status_code == 200
    act = office.only(signing.SigningAct)
    assert (act.act, act.object_id, act.by.person_id) == ("content_fetched", str(document_id), own.person_id)
    assert desktop.of(foreign).get(path).status_code == 404
    office.take(own_stated.model_copy(update={"active": False}))
    assert desktop.of(own).get(path).status_code == 403
    assert httpx.get(f"{desktop.url}/signing/v1/tasks", timeout=60).status_code == 401


def test_what_an_agency_keeps_from_its_own_people_is_not_handed_out_here(
    office: Office, desktop: Desktop, leader: Leader
) -> None:
    """Restricted by docs, a document is there for its named readers and its signers; opened again, for everybody."""
    document_id = prepared(office, leader)
    (reader, reader_stated), (colleague, colleague_stated) = world.clerk_of(AGENCY), world.clerk_of(AGENCY)
    office.take(reader_stated, colleague_stated)
    base = f"/documents/{document_id}"
    paths = [f"{base}/{what}" for what in ("content", "pages/1", "places", "signatures")]

    def seen(who: Principal) -> set[int]:
        return {desktop.of(who).get(path).status_code for path in paths}

    def access(**more: Any) -> None:
        about = {"document_id": document_id, "agency_id": AGENCY, "by": reader.actor(), "at": datetime.now(UTC)}
        office.take(docs.DocumentAccessChanged(**about, **more))

    assert seen(colleague) == {200}
    access(restricted=True, readers=(reader.person_id,))
    assert seen(colleague) == {404}
    moved = desktop.of(colleague).put(f"{base}/places", json={"places": []}, headers={"If-Match": '"1"'})
    assert (moved.status_code, moved.json()["code"]) == (404, "not_found")
    assert seen(reader) == seen(leader.principal) == {200}
    access(restricted=True, readers=())
    assert seen(reader) == {404}
    access(restricted=False)
    assert seen(reader) == seen(colleague) == {200}


def test_receivers_share_one_report_and_an_unreachable_ca_is_said_not_kept(
    office: Office, desktop: Desktop, pki: Running, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    signed_once = next(e for e in office.stated() if isinstance(e, signing.DocumentSigned)).content

    pki.outage(ocsp=True, crl=True)
    office.order_validation(signed_once)
    office.work()
    delayed = office.only(signing.DocumentDelayed)
    assert (delayed.stage, delayed.code) == ("validate", "revocation_unavailable")
    for _ in range(5):
        office.work_again()
    unknown = office.only(signing.DocumentValidated)
    assert unknown.indication == "INDETERMINATE"

    pki.outage(ocsp=False, crl=False)
    office.order_validation(signed_once)
    office.work()
    assert office.only(signing.DocumentValidated).indication == "TOTAL_PASSED"
    monkeypatch.setattr(office.desk.judges, "judge", world.die)
    office.order_validation(signed_once, agency_id=AGENCY)
    office.work()
    assert office.only(signing.DocumentValidated).indication == "TOTAL_PASSED", "judged once for all receivers"


def test_no_door_opens_to_strangers(office: Office, desktop: Desktop, leader: Leader) -> None:
    """Every endpoint, for nobody, a partner, another agency's clerk, a person unknown to the registry."""
    document_id = prepared(office, leader)
    _, sha = content(desktop.of(leader.principal), document_id)
    [item] = prepare(desktop.of(leader.principal), leader, (document_id, sha))
    foreign, stated = world.clerk_of(OTHER)
    office.take(stated)
    unknown, _ = world.clerk_of(AGENCY)
    partner = Principal(kind="partner", name="Trục", roles=frozenset({"partner"}), partner="truc")
    body = {
        "certificate_pem": leader.certificate.pem.decode(),
        "items": [{"document_id": str(document_id), "base_sha256": sha}],
    }
    completion = {"items": [{"preparation_id": item["preparation_id"], "signature_b64": "QQ=="}]}
    office.stated()
    for who in (foreign, unknown, partner):
        http = desktop.of(who)
        tasks = http.get("/tasks")
        assert tasks.status_code == 403 or tasks.json()["items"] == []
        for path in (f"/documents/{document_id}/content", f"/reports/{sha}"):
            assert http.get(path).status_code in (403, 404)
        assert http.get(f"/preparations/{item['preparation_id']}").status_code == 404
        answer = http.post("/preparations", json=body, headers={"Idempotency-Key": str(uuid4())})
        assert answer.json()["items"][0]["problem"]["code"] in ("not_found", "not_awaiting_signature")
        assert http.post("/completions", json=completion).json()["items"][0]["problem"]["code"] == "not_found"
    nobody = httpx.Client(base_url=f"{desktop.url}/signing/v1", timeout=60)
    for route in router.routes:
        for method in getattr(route, "methods", ()):
            path = route.path.format(document_id=document_id, preparation_id=document_id, sha256=sha)  # type: ignore[attr-defined]
            assert nobody.request(method, path, json={}).status_code == 401, path
    nobody.close()
    assert office.stated() == []


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("services.signing.api", ("pyhanko", "confluent_kafka", "pkcs11", "pikepdf")),
        ("services.signing.work", ("pyhanko", "fastapi", "pkcs11", "pikepdf")),
        ("services.signing.consumer", ("pyhanko", "fastapi", "pkcs11")),
        ("services.signing.__main__", ("pyhanko", "fastapi", "confluent_kafka")),
    ],
)
def test_a_role_starts_without_what_it_does_not_need(module: str, forbidden: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([m for m in {forbidden!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
