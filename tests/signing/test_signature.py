"""People's signatures on real parts: both calls over HTTP, jobs with a real TSA and OCSP, facts out; everything twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from deploy.devpki.server import Running
from shared import db
from shared.events import signing
from shared.inbox import park
from tests.signing import office as world
from tests.signing.desktop import Desktop, complete, content, prepare, prepared, returned, sign
from tests.signing.office import AGENCY, Leader, Office


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


def test_a_returned_document_is_not_signed_and_comes_again(
    office: Office, desktop: Desktop, pki: Running, leader: Leader
) -> None:
    office.found(leader)
    document_id = office.order(leader, unchecked_allowed=False)  # so that it waits for the CA
    office.work()
    http = desktop.of(leader.principal)
    pki.outage(ocsp=True, crl=True)
    preparation = sign(http, leader, document_id)
    office.work()
    office.take(returned(document_id, datetime.now(UTC)))
    office.stated()
    pki.outage(ocsp=False, crl=False)
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
