"""The signing service on real parts: orders in, HTTP, jobs with a real TSA and OCSP, facts out; everything twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running, running
from deploy.local import softhsm
from services.signing.api import router
from services.signing.craft import Network
from services.signing.desk import Desk, SealDevice
from services.signing.keys import KeyStore
from services.signing.workshop import Workshop
from shared import db
from shared.blobs import Blobs
from shared.events import docs, signing
from shared.http import create_app
from shared.inbox import park
from shared.tokens import Principal
from tests.signing import office as world
from tests.signing.office import AGENCY, CLERK, OTHER, SOURCE, Leader, Office
from tests.support.http import Issuer, serve
from tests.support.postgres import Database

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


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def seal_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyStore]:
    """A SoftHSM2 token of this run; processes started from here on find it by their environment."""
    store = softhsm.open_store(softhsm.provide(), tmp_path_factory.mktemp("softhsm"))
    store.provide("seals", pin="1357", so_pin="2468")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        keys = KeyStore(str(store.softhsm.module), "seals", "1357")
        yield keys
        keys.close()


@pytest.fixture(scope="module")
def seal(seal_token: KeyStore, pki: Running) -> Issued:
    """The certificate of a seal key in the token."""
    seal_token.generate("H50.10")
    return pki.issue(seal_token.csr("H50.10", common_name="H50.10"), common_name="UBND xã Đông Hà", profile="agency")


@pytest.fixture(scope="module")
def workshop(seal_token: KeyStore) -> Iterator[Workshop]:  # noqa: ARG001  its processes inherit the environment
    made = Workshop(size=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def leader(pki: Running) -> Leader:
    return world.leader(pki)


@pytest.fixture(scope="module")
def deputy(pki: Running) -> Leader:
    return world.leader(pki, "Phạm Thị Phó")


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(tsa=False, ocsp=False, crl=False)


@pytest.fixture
def office(
    database: Callable[[str], Database], pki: Running, seal_token: KeyStore, workshop: Workshop, tmp_path: Path
) -> Iterator[Office]:
    pool = db.open_pool(database("signing").app)
    blobs = tmp_path.joinpath("blobs").as_uri()
    network = Network(roots=(world.root_der(pki),), tsa=(pki.tsa_url,), timeout=5.0)
    desk = Desk(
        pool=pool,
        blobs=Blobs(blobs, "signing"),
        workshop=workshop,
        network=lambda: network,
        keys=SealDevice(seal_token),
        source=SOURCE,
        stale_after=60.0,
    )
    yield Office(desk, blobs)
    pool.close()


class Desktop:
    """HTTP clients of one served application, one for each person."""

    def __init__(self, office: Office, stack: ExitStack) -> None:
        app = create_app("signing", office.pool, router)
        app.state.desk = office.desk
        self.url = stack.enter_context(serve(app))
        self.issuer = Issuer()
        self.stack = stack
        with db.transaction(office.pool) as tx:
            self.issuer.trust(tx)

    def of(self, principal: Principal) -> httpx.Client:
        token = self.issuer.token(principal, "signing")
        headers = {"Authorization": f"Bearer {token}"}
        return self.stack.enter_context(httpx.Client(base_url=f"{self.url}/signing/v1", headers=headers, timeout=60))


@pytest.fixture
def desktop(office: Office) -> Iterator[Desktop]:
    with ExitStack() as stack:
        yield Desktop(office, stack)


def prepare(http: httpx.Client, leader: Leader, *documents: tuple[UUID, str], key: str | None = None) -> Any:
    items = [{"document_id": str(d), "base_sha256": sha} for d, sha in documents]
    body = {"certificate_pem": leader.certificate.pem.decode(), "items": items}
    answer = http.post("/preparations", json=body, headers={"Idempotency-Key": key or str(uuid4())})
    assert answer.status_code == 201, answer.text
    return answer.json()["items"]


def complete(http: httpx.Client, *signatures: tuple[str, str]) -> Any:
    items = [{"preparation_id": p, "signature_b64": s} for p, s in signatures]
    answer = http.post("/completions", json={"items": items})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def content(http: httpx.Client, document_id: UUID) -> tuple[bytes, str]:
    answer = http.get(f"/documents/{document_id}/content")
    assert answer.status_code == 200, answer.text
    return answer.content, answer.headers["etag"].strip('"')


def prepared(office: Office, *leaders: Leader) -> UUID:
    """A document that waits for these leaders."""
    office.found(*leaders)
    document_id = office.order(*leaders)
    office.work()
    office.only(signing.DocumentPrepared)
    return document_id


def sign(http: httpx.Client, leader: Leader, document_id: UUID) -> str:
    """Both calls for one document; the preparation's id."""
    base, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    [done] = complete(http, (item["preparation_id"], leader.sign(item, base)))
    assert done["state"] == "accepted", done
    return str(item["preparation_id"])


def test_a_leader_signs_what_was_shown(office: Office, desktop: Desktop, leader: Leader) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)

    [task] = http.get("/tasks").json()["items"]
    assert (task["document_id"], task["signer_name"], task["problems"]) == (str(document_id), leader.name, [])
    base, sha = content(http, document_id)
    assert sha == task["sha256"]
    unchanged = http.get(f"/documents/{document_id}/content", headers={"If-None-Match": f'"{sha}"'})
    assert unchanged.status_code == 304

    key = str(uuid4())
    [item] = prepare(http, leader, (document_id, sha), key=key)
    assert prepare(http, leader, (document_id, sha), key=key) == [item], "a second click gets the first answer"
    signature = leader.sign(item, base)
    assert complete(http, (item["preparation_id"], signature))[0]["state"] == "accepted"
    assert complete(http, (item["preparation_id"], signature))[0]["state"] == "accepted", "repeating is harmless"
    state = f"/preparations/{item['preparation_id']}"
    assert http.get(state).json()["state"] == "completing"

    office.work()
    assert http.get(state).json()["state"] == "completed"
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSigned))
    assert (fact.person_id, fact.waits_for, fact.level) == (leader.id, None, "PAdES-BASELINE-T")
    assert fact.certificate_serial == leader.certificate.serial
    signed, _ = content(http, document_id)
    assert signed.startswith(base), "signing appends, it never rewrites"
    assert http.get("/tasks").json()["items"] == []
    assert complete(http, (item["preparation_id"], signature))[0]["state"] == "accepted"
    office.work()
    assert not any(isinstance(e, signing.DocumentSigned) for e in office.stated()), "nothing is signed twice"


def signed(office: Office, desktop: Desktop, leader: Leader) -> UUID:
    """A document that this leader has signed."""
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    office.stated()
    return document_id


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


def test_a_second_signer_is_told_that_the_base_changed(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    document_id = prepared(office, leader, deputy)
    first, second = desktop.of(leader.principal), desktop.of(deputy.principal)
    base, sha = content(second, document_id)
    [stale] = prepare(second, deputy, (document_id, sha))
    sign(first, leader, document_id)
    [busy] = complete(second, (stale["preparation_id"], deputy.sign(stale, base)))
    assert busy["problem"]["code"] == "signature_under_way"
    office.work()
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSigned))
    assert fact.waits_for == deputy.id

    [late] = complete(second, (stale["preparation_id"], deputy.sign(stale, base)))
    assert late["problem"]["code"] == "base_changed"
    [shown] = prepare(second, deputy, (document_id, sha))
    assert shown["problem"]["code"] == "base_changed", "what was shown is not what would be signed"
    sign(second, deputy, document_id)
    office.work()
    fact = next(e for e in office.stated() if isinstance(e, signing.DocumentSigned))
    assert (fact.person_id, fact.waits_for) == (deputy.id, None)


def test_a_wrong_signature_changes_nothing(office: Office, desktop: Desktop, leader: Leader, deputy: Leader) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    base, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    office.stated()
    forged = Leader(deputy.name, deputy.key, leader.certificate).sign(item, base)
    [answer] = complete(http, (item["preparation_id"], forged))
    assert (answer["state"], answer["problem"]["code"]) == ("refused", "signature_invalid")
    [answer] = complete(http, (item["preparation_id"], "!"))
    assert answer["problem"]["code"] == "invalid_request"
    office.work()
    act = office.only(signing.SigningAct)
    assert (act.act, act.detail) == ("signature_refused", {"code": "signature_invalid"})
    assert content(http, document_id) == (base, sha)
    assert complete(http, (item["preparation_id"], leader.sign(item, base)))[0]["state"] == "accepted"


def test_only_the_right_leader_may_sign(office: Office, desktop: Desktop, leader: Leader, deputy: Leader) -> None:
    document_id = prepared(office, leader)
    office.take(world.person(deputy), world.authority(deputy), world.certificate(deputy))
    base, sha = content(desktop.of(leader.principal), document_id)
    [item] = prepare(desktop.of(leader.principal), leader, (document_id, sha))
    other = desktop.of(deputy.principal)
    assert other.get("/tasks").json()["items"] == []
    assert prepare(other, deputy, (document_id, sha))[0]["problem"]["code"] == "not_awaiting_signature"
    [stolen] = complete(other, (item["preparation_id"], leader.sign(item, base)))
    assert stolen["problem"]["code"] == "not_found"
    assert other.get(f"/preparations/{item['preparation_id']}").status_code == 404
    [foreign] = prepare(desktop.of(leader.principal), deputy, (document_id, sha))
    assert foreign["problem"]["code"] == "certificate_not_registered"


def test_what_the_registry_takes_away_counts_before_the_pin_and_after_it(
    office: Office, desktop: Desktop, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    base, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    february = date(2026, 2, 1)
    for change, code in (
        (world.person(leader, active=False), "person_inactive"),
        (world.person(leader, posts=()), "post_not_valid"),
        (world.authority(leader, withdrawn=True), "authority_not_valid"),
        (world.authority(leader, valid_until=february), "authority_not_valid"),
        (world.authority(leader, document_types=("QĐ",)), "authority_not_valid"),
        (world.certificate(leader, status="expired"), "certificate_expired"),
        (world.certificate(leader, not_after=datetime(2026, 2, 1, tzinfo=UTC)), "certificate_expired"),
        (world.certificate(leader, status="revoked"), "certificate_revoked"),
        (world.certificate(leader, status="suspended"), "certificate_revoked"),
    ):
        office.take(change)
        [task] = http.get("/tasks").json()["items"]
        assert [p["code"] for p in task["problems"]] == [code]
        assert prepare(http, leader, (document_id, sha))[0]["problem"]["code"] == code
        [late] = complete(http, (item["preparation_id"], leader.sign(item, base)))
        assert late["problem"]["code"] == code
        office.take(world.person(leader), world.authority(leader), world.certificate(leader))
    # A revocation ends what was prepared; whoever may sign again begins again.
    [item] = prepare(http, leader, (document_id, sha))
    assert complete(http, (item["preparation_id"], leader.sign(item, base)))[0]["state"] == "accepted"


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
        tx.execute("UPDATE registry_copy SET as_of = as_of - interval '61 s' WHERE topic = 'registry.certificate'")

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


def test_what_the_registry_said_and_we_could_not_take_in_stops_what_it_is_about(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    """It may have been a revocation. Others go on: the word is fresh."""
    mine, others = prepared(office, leader), prepared(office, deputy)
    with db.transaction(office.pool) as tx:
        revoked = office._record(world.certificate(leader, status="revoked"))
        park(tx, revoked, "KeyError", "the handler of that day was wrong")
    for who, document_id, code in ((leader, mine, "registry_state_parked"), (deputy, others, None)):
        http = desktop.of(who.principal)
        [task] = http.get("/tasks").json()["items"]
        assert [p["code"] for p in task["problems"]] == ([code] if code else [])
        _, sha = content(http, document_id)
        [item] = prepare(http, who, (document_id, sha))
        assert (item.get("problem") or {}).get("code") == code


def test_a_certificate_that_its_own_ca_revoked_is_found_out_before_anything_is_embedded(
    office: Office, desktop: Desktop, pki: Running
) -> None:
    leader = world.leader(pki)
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    base, sha = content(http, document_id)
    pki.revoke(leader.certificate.serial)
    preparation = sign(http, leader, document_id)
    office.stated()
    office.work()
    act = office.only(signing.SigningAct)
    assert act.detail == {"code": "certificate_revoked"}
    state = http.get(f"/preparations/{preparation}").json()
    assert (state["state"], state["problem"]["code"]) == ("failed", "certificate_revoked")
    assert content(http, document_id) == (base, sha), "what stood before stands"
    assert http.get("/tasks").json()["items"][0]["document_id"] == str(document_id), "and waits for its signer"


def test_time_stamps_and_revocation_data_are_waited_for(
    office: Office, desktop: Desktop, pki: Running, seal: Issued, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    pki.outage(tsa=True)
    sign(http, leader, document_id)
    office.stated()
    office.work()
    delayed = office.only(signing.DocumentDelayed)
    assert (delayed.stage, delayed.code) == ("sign", "tsa_unavailable")
    office.work_again()
    assert office.stated() == [], "a reason is stated once"
    pki.outage(tsa=False, ocsp=True, crl=True)
    office.work_again()
    assert office.only(signing.DocumentDelayed).code == "revocation_unavailable"
    pki.outage(ocsp=False, crl=False)
    office.work_again()
    office.only(signing.DocumentSigned)

    office.seal_certificate(seal)
    pki.outage(tsa=True)
    office.order_seal(document_id)
    office.work()
    assert (office.only(signing.DocumentDelayed)).stage == "seal"
    pki.outage(tsa=False)
    office.work_again()
    assert office.only(signing.DocumentSealed).number == 15


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


def returned(document_id: UUID, at: datetime) -> docs.DocumentReturned:
    return docs.DocumentReturned(
        by=CLERK, at=at, document_id=document_id, agency_id=AGENCY, reason="Sai trích yếu", author_id=UUID(int=0x10)
    )


def test_a_returned_document_is_not_signed_and_comes_again(
    office: Office, desktop: Desktop, pki: Running, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    pki.outage(tsa=True)
    preparation = sign(http, leader, document_id)
    office.work()
    office.take(returned(document_id, datetime.now(UTC)))
    office.stated()
    pki.outage(tsa=False)
    office.work_again()
    assert office.stated() == []
    assert http.get("/tasks").json()["items"] == []
    assert http.get(f"/preparations/{preparation}").json()["state"] == "failed"

    office.order(leader, document_id=document_id)
    office.work()
    office.only(signing.DocumentPrepared)
    sign(http, leader, document_id)
    office.work()
    assert any(isinstance(e, signing.DocumentSigned) for e in office.stated())


def test_a_return_that_overtakes_its_order_still_ends_it(office: Office, leader: Leader) -> None:
    office.found(leader)
    order = office.order_of(leader)
    office.take(returned(order.document_id, order.at + timedelta(seconds=1)), order)
    office.work()
    assert office.stated() == []
    again = office.order_of(leader, document_id=order.document_id).model_copy(
        update={"at": order.at + timedelta(seconds=2)}
    )
    office.take(again)
    office.work()
    office.only(signing.DocumentPrepared)
    office.take(returned(order.document_id, order.at + timedelta(milliseconds=1500)))
    office.work()
    with db.transaction(office.pool, agency=AGENCY) as tx:
        row = tx.execute("SELECT state FROM document").fetchone()
    assert row == {"state": "awaiting_signature"}, "an old return does not end a newer round"


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


def test_two_workers_with_the_same_job_state_one_signature(office: Office, desktop: Desktop, leader: Leader) -> None:
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.stated()
    job = office.runner._claim()
    assert job is not None
    commits = [office.runner.kinds["complete"].run(job) for _ in range(2)]
    for commit in commits:
        with db.transaction(office.pool) as tx:
            commit(tx)
    office.only(signing.DocumentSigned)


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
    assert httpx.get(f"{desktop.url}/signing/v1/tasks").status_code == 401


def test_a_batch_gives_each_document_its_own_answer(office: Office, desktop: Desktop, leader: Leader) -> None:
    office.found(leader)
    ids = [office.order(leader) for _ in range(3)]
    office.work()
    http = desktop.of(leader.principal)
    found = {d: content(http, d) for d in ids}
    stranger = uuid4()
    wanted = [(ids[0], found[ids[0]][1]), (stranger, "0" * 64), (ids[1], "1" * 64), (ids[2], found[ids[2]][1])]
    items = prepare(http, leader, *wanted)
    assert [item.get("problem", {}).get("code") for item in items] == [None, "not_found", "base_changed", None]
    signatures = [(i["preparation_id"], leader.sign(i, found[UUID(i["document_id"])][0])) for i in (items[0], items[3])]
    assert [done["state"] for done in complete(http, *signatures)] == ["accepted", "accepted"]
    office.stated()
    office.work()
    assert {e.document_id for e in office.stated() if isinstance(e, signing.DocumentSigned)} == {ids[0], ids[2]}


def test_a_preparation_has_an_end(office: Office, desktop: Desktop, leader: Leader) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    base, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    with db.transaction(office.pool, agency=AGENCY) as tx:
        tx.execute("UPDATE preparation SET expires_at = now() - interval '1 s'")
    assert http.get(f"/preparations/{item['preparation_id']}").json()["state"] == "expired"
    [late] = complete(http, (item["preparation_id"], leader.sign(item, base)))
    assert late["problem"]["code"] == "preparation_expired"
    body: dict[str, Any] = {"certificate_pem": leader.certificate.pem.decode(), "items": []}
    assert http.post("/preparations", json=body, headers={"Idempotency-Key": "x"}).json()["code"] == "invalid_request"
    body = {**body, "items": [{"document_id": str(document_id), "base_sha256": sha}]}
    assert http.post("/preparations", json=body).json()["code"] == "idempotency_key_required"


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
    monkeypatch.setattr("services.signing.craft.validate", world.die)
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
    nobody = httpx.Client(base_url=f"{desktop.url}/signing/v1")
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
