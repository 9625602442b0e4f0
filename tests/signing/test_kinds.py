"""Signers in a fixed and in any order, annexes, copies and counter-seals, on real parts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from deploy.devpki.issuing import Issued
from shared import db
from shared.events import docs, signing
from tests.signing import office as world
from tests.signing.desktop import Desktop, complete, content, prepare, prepared, sign, signed
from tests.signing.office import AGENCY, CLERK, Leader, Office


def in_order(office: Office, *leaders: Leader) -> UUID:
    """A document that these leaders sign one after the other."""
    office.found(*leaders)
    command = office.order_of(*leaders).model_copy(update={"signing_order": "fixed"})
    office.take(command)
    office.work()
    fact = office.only(signing.DocumentPrepared)
    assert fact.may_sign == (leaders[0].id,)
    return command.document_id


def test_a_fixed_order_shows_and_takes_only_the_next_signature(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    document_id = in_order(office, deputy, leader)
    first, second = desktop.of(deputy.principal), desktop.of(leader.principal)
    assert [task["document_id"] for task in first.get("/tasks").json()["items"]] == [str(document_id)]
    tasks = second.get("/tasks").json()
    assert tasks["items"] == []
    [later] = tasks["later"]
    assert (later["document_id"], later["waits_for"]) == (str(document_id), deputy.name)
    assert (later["place"], later["places"]) == (2, 2)
    _, sha = content(second, document_id)
    [item] = prepare(second, leader, (document_id, sha))
    assert item["problem"]["code"] == "not_your_turn"
    assert deputy.name in item["problem"]["detail_vi"]

    sign(first, deputy, document_id)
    office.work()
    tasks = second.get("/tasks").json()
    assert ([task["document_id"] for task in tasks["items"]], tasks["later"]) == ([str(document_id)], [])
    sign(second, leader, document_id)
    office.work()
    facts = [e for e in office.stated() if isinstance(e, signing.DocumentSigned)]
    assert [(f.person_id, f.waits_for) for f in facts] == [(deputy.id, leader.id), (leader.id, None)]


def test_in_any_order_a_stale_signature_is_told_so_and_prepared_again(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    document_id = prepared(office, leader, deputy)
    one, other = desktop.of(leader.principal), desktop.of(deputy.principal)
    assert other.get("/tasks").json()["items"][0]["document_id"] == str(document_id)
    base, sha = content(one, document_id)
    [mine] = prepare(one, leader, (document_id, sha))
    [theirs] = prepare(other, deputy, (document_id, sha))
    assert complete(other, (theirs["preparation_id"], deputy.sign(theirs, base)))[0]["state"] == "accepted"
    office.work()
    [stale] = complete(one, (mine["preparation_id"], leader.sign(mine, base)))
    assert (stale["state"], stale["problem"]["code"]) == ("refused", "base_changed")
    [again] = prepare(one, leader, (document_id, sha))
    assert again["problem"]["code"] == "base_changed", "also whoever prepares what was shown before"
    sign(one, leader, document_id)
    office.work()
    assert [e.waits_for for e in office.stated() if isinstance(e, signing.DocumentSigned)] == [leader.id, None]


def acts(office: Office) -> list[signing.SigningAct]:
    return [e for e in office.stated() if isinstance(e, signing.SigningAct) and e.act == "seal_permitted"]


def test_each_use_of_the_seal_is_recorded_before_it_is_made(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Any
) -> None:
    document_id = signed(office, desktop, leader)
    _, sha = content(desktop.of(leader.principal), document_id)
    office.seal_certificate(seal)
    pki.outage(tsa=True)
    office.order_seal(document_id)
    office.work()
    office.work_again()
    [act] = acts(office)
    assert act.by == CLERK
    assert (act.object_id, act.detail["sha256"]) == (str(document_id), sha)
    assert act.detail["number_symbol"] == "15/UBND-VX"
    assert leader.name in act.detail["signed_by"]
    assert leader.certificate.serial in act.detail["signed_by"]
    with db.transaction(office.pool, agency=AGENCY) as tx:
        row = tx.execute("SELECT uses, purpose, number_symbol FROM seal_use").fetchone()
    assert row == {"uses": 2, "purpose": "document", "number_symbol": "15/UBND-VX"}
    pki.outage(tsa=False)
    office.work_again()
    assert acts(office) == [], "the same use of the key is stated once"


def test_a_seal_is_not_put_for_somebody_who_is_no_clerk_there(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    office.take(world.clerk_stated(CLERK, posts=()))
    office.order_seal(document_id)
    office.work()
    assert office.only(signing.DocumentDelayed).code == "seal_asker_unknown"
    with db.transaction(office.pool, agency=AGENCY) as tx:
        assert tx.execute("SELECT FROM seal_use").fetchall() == []
    office.take(world.clerk_stated(CLERK))
    office.work_again()
    assert office.only(signing.DocumentSealed).number == 15


def test_a_seal_that_nobody_asked_for_in_person_is_refused(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    order = docs.SealDocument(
        by=CLERK.model_copy(update={"person_id": None, "system": "docs"}),
        at=datetime.now(UTC),
        document_id=document_id,
        agency_id=AGENCY,
        number=15,
        number_symbol="15/UBND-VX",
        issued_on=datetime.now(UTC).date(),
    )
    office.take(order)
    office.work()
    refused = office.only(signing.DocumentRefused)
    assert (refused.stage, refused.code) == ("seal", "seal_asked_by_nobody")
