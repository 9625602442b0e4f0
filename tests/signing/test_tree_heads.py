"""Heads of the ledger's tree: sealed by the platform's key under its policy, time-stamped at once or later."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from vanthu_verify import signed_data

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from shared import db
from shared.events import Actor, docs, signing
from tests.signing.office import AGENCY, CLERK, OTHER, Leader, Office

DOCS = Actor(name="Vanthu", system="docs")


def order(**changed: Any) -> docs.SealTreeHead:
    log, root = uuid4(), hashlib.sha256(b"entries").hexdigest()
    made = {
        "head_id": uuid4(),
        "agency_id": AGENCY,
        "log_id": log,
        "size": 12,
        "root": root,
        "text": f"vanthu tree head 1\n{log}\n12\n{root}\n2026-11-26T03:00:00Z\n",
        "by": DOCS,
        "at": datetime.now(UTC),
    }
    return docs.SealTreeHead(**{**made, **changed})


def parts(fact: signing.TreeHeadSealed) -> tuple[signed_data.Signed, bool | None]:
    """The signature taken apart by the independent engine, and whether it holds over the text."""
    found = signed_data.parse(base64.b64decode(fact.signature))
    signer = signed_data.signer_of(found, [])
    held = signed_data.check(found, signer, lambda name: hashlib.new(name, fact.text.encode()).digest())
    return found, held.intact


def ready(office: Office, seal: Issued, leader: Leader) -> None:
    office.found(leader)
    office.seal_certificate(seal)


def test_a_head_is_sealed_and_time_stamped_once(office: Office, seal: Issued, leader: Leader) -> None:
    ready(office, seal, leader)
    head = order()
    office.take(head)
    office.work()
    permitted, fact = office.stated()
    assert isinstance(permitted, signing.SigningAct)
    assert (permitted.act, permitted.object_kind, permitted.by.system) == ("seal_permitted", "tree_head", "docs")
    assert isinstance(fact, signing.TreeHeadSealed)
    assert (fact.head_id, fact.text, fact.certificate_serial) == (head.head_id, head.text, seal.serial)
    assert fact.stamped_at
    found, intact = parts(fact)
    assert intact
    assert found.claimed_time
    assert len(found.stamps) == 1
    office.take(head.model_copy(update={"at": datetime.now(UTC)}))
    office.work()
    assert office.stated() == [], "asked again it is not made again"


def test_a_silent_tsa_holds_no_head_up_and_is_paid_later(
    office: Office, pki: Running, seal: Issued, leader: Leader
) -> None:
    ready(office, seal, leader)
    pki.outage(tsa=True)
    head = order()
    office.take(head)
    office.work()
    sealed = office.only(signing.TreeHeadSealed)
    found, intact = parts(sealed)
    assert (intact, sealed.stamped_at, found.stamps) == (True, None, [])
    office.work_again()
    assert office.stated() == []
    pki.outage(tsa=False)
    office.work_again()
    stamped = office.only(signing.TreeHeadSealed)
    later, intact = parts(stamped)
    assert (intact, stamped.head_id, later.signature) == (True, head.head_id, found.signature)
    assert stamped.stamped_at
    assert len(later.stamps) == 1


def test_a_silent_ca_holds_no_head_up(office: Office, pki: Running, seal: Issued, leader: Leader) -> None:
    ready(office, seal, leader)
    pki.outage(ocsp=True, crl=True)
    office.take(order())
    office.work()
    assert parts(office.only(signing.TreeHeadSealed))[1]


def test_a_missing_certificate_is_told_once_and_waited_for(office: Office, seal: Issued, leader: Leader) -> None:
    office.found(leader)
    head = order()
    office.take(head)
    office.work()
    delayed = office.only(signing.DocumentDelayed)
    assert (delayed.document_id, delayed.stage, delayed.code) == (head.head_id, "seal", "seal_certificate_missing")
    # No failed job meanwhile: a clear state, and the certificate itself sets it going again.
    with db.transaction(office.pool) as tx:
        assert tx.execute("SELECT FROM job").rowcount == 0
    again = order()
    office.take(again)
    office.work_again()
    assert office.only(signing.DocumentDelayed).document_id == again.head_id
    office.seal_certificate(seal)
    office.work()
    sealed = [each.head_id for each in office.stated() if isinstance(each, signing.TreeHeadSealed)]
    assert sorted(sealed) == sorted([head.head_id, again.head_id]), "both are due at once, in any order"


@pytest.mark.parametrize("changed", [{"by": CLERK}, {"agency_id": OTHER}, {"by": Actor(name="?", system="portal")}])
def test_no_other_asks_and_no_other_seal_is_used(
    office: Office, seal: Issued, leader: Leader, changed: dict[str, Any]
) -> None:
    ready(office, seal, leader)
    office.take(order(**changed))
    office.work()
    assert office.only(signing.DocumentDelayed).code == "seal_not_permitted"


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Tôi nợ ông A một tỷ đồng.\n"},
        {"size": 13},
        {"root": "0" * 64},
        {"log_id": UUID(int=1)},
    ],
)
def test_nothing_but_a_heads_own_text_is_sealed(office: Office, leader: Leader, changed: dict[str, Any]) -> None:
    office.found(leader)
    office.take(order(**changed))
    assert office.only(signing.DocumentRefused).code == "tree_head_unreadable"
    office.work()
    assert office.stated() == []
