"""What CAs say is kept for when they are silent: fetched ahead for every certificate, and renewed in time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running, running
from services.registry import freshness, store_trust
from services.registry.freshness import Keeper
from services.registry.revocation import Reach
from shared.blobs import Blobs
from shared.db import transaction
from shared.errors import Rejected
from shared.events.registry import RevocationDataStated
from tests.registry.conftest import SOURCE, Office, province_wide, text
from tests.registry.keys import now

KEY = ec.generate_private_key(ec.SECP256R1())
REACH = Reach(timeout=30.0)


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(ocsp=False, crl=False, tsa=False)


@pytest.fixture
def keeper(office: Office, pki: Running) -> Keeper:
    return Keeper(office.pool, Blobs("memory:///", "registry"), SOURCE, REACH, tsa=(pki.tsa_url,))


def enter(office: Office, pki: Running) -> tuple[Issued, dict[str, Any]]:
    leader = office.province.leader
    issued = pki.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), common_name=leader.facts.name)
    body = {"pem": text(issued.pem), "chain_pem": text(issued.chain_pem), "person_id": str(leader.id)}
    made = office.http.post("/registry/v1/certificates", json=body, headers=office.officer)
    assert made.status_code == 201, made.text
    return issued, made.json()


def stated(office: Office) -> list[RevocationDataStated]:
    return [event for event in office.stated("registry.revocation") if isinstance(event, RevocationDataStated)]


def due_now(office: Office) -> None:
    """As when the time has come."""
    with transaction(office.pool) as tx:
        tx.execute("UPDATE revocation_data SET due_at = now()")
        tx.execute("UPDATE revocation_source SET retry_at = now()")


def sources(office: Office) -> dict[str, dict[str, Any]]:
    answer = office.http.get("/registry/v1/revocation-sources", headers=office.officer)
    assert answer.status_code == 200, answer.text
    return {f"{one['kind']} {one['url']}": one for one in answer.json()["items"]}


def test_certificates_their_cas_and_the_time_stamps_are_covered_without_anybody_asking(
    office: Office, keeper: Keeper, pki: Running
) -> None:
    issued, entered = enter(office, pki)
    freshness.turn(keeper)
    told = stated(office)
    by_ocsp = {one.serial: one for one in told if one.kind == "ocsp"}
    tsa = pki.pki.hierarchy.tsa.certificate
    expected = {f"{one.serial_number:x}" for one in (issued.certificate, pki.issuing, tsa)}
    assert set(by_ocsp) == expected
    assert {one.status for one in by_ocsp.values()} == {"good"}
    assert str(by_ocsp[f"{issued.certificate.serial_number:x}"].certificate_id) == entered["certificate_id"]
    assert by_ocsp[f"{tsa.serial_number:x}"].certificate_id is None
    assert {one.url for one in told if one.kind == "crl"} == {pki.crl_url, f"{pki.url}/root.crl"}
    for one in told:  # the event carries a reference, the bytes lie under registry's own prefix
        assert one.content.prefix == "registry"
        assert len(keeper.blobs.get(one.content)) == one.content.size
    assert freshness.turn(keeper) == 0, "nothing is asked again before its time"
    assert len(stated(office)) == len(told)


def test_an_outage_shows_since_when_and_until_when_what_is_kept_helps(
    office: Office, keeper: Keeper, pki: Running
) -> None:
    enter(office, pki)
    freshness.turn(keeper)
    responder_now = sources(office)[f"ocsp {pki.ocsp_url}"]
    assert (responder_now["down_since"], responder_now["problem"]) == (None, None)
    assert responder_now["questions"] == responder_now["fresh"] >= 2

    pki.outage(ocsp=True, crl=True)
    due_now(office)
    began = now()
    freshness.turn(keeper)
    silent = sources(office)[f"ocsp {pki.ocsp_url}"]
    down_since = datetime.fromisoformat(silent["down_since"])
    assert began - timedelta(seconds=5) <= down_since <= now()
    assert silent["problem"]["code"] == "status_unreachable"
    assert "HTTP 503" in silent["problem"]["vi"]
    assert silent["fresh"] == silent["questions"], "what was fetched ahead is still fresh"
    until = datetime.fromisoformat(sources(office)[f"crl {pki.crl_url}"]["lasts_until"])
    assert timedelta(hours=23) < until - now() < timedelta(hours=25)

    pki.outage(ocsp=False, crl=False)
    for _ in range(3):  # the first answer opens the source, then the others get their turn
        due_now(office)
        freshness.turn(keeper)
    assert all(one["down_since"] is None for one in sources(office).values())


def test_a_silent_responder_costs_one_wait_not_one_for_each_certificate(
    office: Office, keeper: Keeper, pki: Running
) -> None:
    for _ in range(3):
        enter(office, pki)
    freshness.turn(keeper)
    pki.outage(ocsp=True)
    due_now(office)
    freshness.turn(keeper)
    due_now(office)
    assert freshness.turn(keeper) <= 3, "one probe for each silent responder, and the lists"


def test_a_revocation_at_the_ca_replaces_the_older_good_answer(office: Office, keeper: Keeper, pki: Running) -> None:
    issued, _ = enter(office, pki)
    freshness.turn(keeper)
    pki.revoke(issued.serial, "keyCompromise")
    with transaction(office.pool) as tx:  # only the list's turn has come
        tx.execute("UPDATE revocation_data SET due_at = now() WHERE kind = 'crl'")
        tx.execute("UPDATE revocation_data SET this_update = this_update - interval '2 seconds'")
    freshness.turn(keeper)
    freshness.turn(keeper)  # the responder is asked about what the list names, before its time
    newest = {one.serial: one.status for one in stated(office) if one.kind == "ocsp"}
    assert newest[f"{issued.certificate.serial_number:x}"] == "revoked"
    problems = office.http.get("/registry/v1/revocation-data?problems=true", headers=office.officer).json()["items"]
    assert [(one["status"], one["kind"]) for one in problems] == [("revoked", "ocsp")]


def test_what_has_ended_is_not_asked_about_any_more(office: Office, keeper: Keeper, pki: Running) -> None:
    _, entered = enter(office, pki)
    freshness.turn(keeper)
    path = f"/registry/v1/certificates/{entered['certificate_id']}/revoke"
    assert office.http.post(path, json={"reason": "superseded"}, headers=office.officer).status_code == 200
    freshness.turn(keeper)
    listed = office.http.get("/registry/v1/revocation-data?kind=ocsp", headers=office.officer).json()["items"]
    assert entered["certificate_id"] not in {one["certificate_id"] for one in listed}


def test_an_older_answer_than_the_kept_one_does_not_replace_it(office: Office, keeper: Keeper, pki: Running) -> None:
    enter(office, pki)
    freshness.turn(keeper)
    before = len(stated(office))
    with transaction(office.pool) as tx:
        tx.execute("UPDATE revocation_data SET this_update = this_update + interval '1 hour', due_at = now()")
    freshness.turn(keeper)
    assert len(stated(office)) == before
    listed = office.http.get("/registry/v1/revocation-data?problems=true", headers=office.officer).json()["items"]
    assert {one["problem"]["code"] for one in listed} == {"status_went_back"}


def test_only_permitted_hosts_are_taken_up(office: Office, keeper: Keeper, pki: Running) -> None:
    enter(office, pki)
    keeper.reach = Reach(frozenset({"ca.gov.vn"}))
    keeper.tsa = ()
    assert freshness.turn(keeper) == 0
    assert sources(office) == {}


def test_spent_bytes_are_swept_after_a_day(office: Office, keeper: Keeper, pki: Running) -> None:
    enter(office, pki)
    freshness.turn(keeper)
    first = next(one.content for one in stated(office) if one.url == pki.crl_url)
    with transaction(office.pool) as tx:
        tx.execute("UPDATE revocation_data SET due_at = now(), this_update = this_update - interval '1 hour'")
    pki.revoke(pki.issue(KEY.public_key(), common_name="khác").serial, "superseded")  # so that the list is another one
    freshness.turn(keeper)
    assert keeper.blobs.get(first), "others may not have read it yet"
    with transaction(office.pool) as tx:
        tx.execute("UPDATE revocation_blob_spent SET spent_at = spent_at - interval '25 hours'")
    freshness.turn(keeper)
    with pytest.raises(Rejected, match="blob_missing"):
        keeper.blobs.get(first)
    newest = [one for one in stated(office) if one.url == pki.crl_url][-1]
    assert keeper.blobs.get(newest.content)


def test_a_strangers_time_stamping_authority_is_not_taken_up(
    office: Office, keeper: Keeper, pki: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with running() as other:
        keeper.tsa = (other.tsa_url, f"{pki.url}/nowhere")
        with caplog.at_level(logging.WARNING):
            freshness.turn(keeper)
        assert not [one for one in sources(office) if other.url in one]
    assert "time-stamping authority" in caplog.text


def test_clerks_do_not_see_how_the_responders_do(office: Office) -> None:
    who = office.headers(office.province.clerk)
    assert office.http.get("/registry/v1/revocation-sources", headers=who).status_code == 403
    assert office.http.get("/registry/v1/revocation-data", headers=who).status_code == 403


def test_two_workers_share_the_questions(office: Office, keeper: Keeper, pki: Running) -> None:
    enter(office, pki)
    freshness._take_up(keeper)
    with province_wide(office.pool) as first, province_wide(office.pool) as second:
        mine = store_trust.claim_due(first, 3, timedelta(minutes=1))
        theirs = store_trust.claim_due(second, 100, timedelta(minutes=1))
    assert len(mine) == 3
    assert not {one.question.id for one in mine} & {one.question.id for one in theirs}
