"""Whom the province believes: pinned by fingerprint, for stated purposes, between dates, withdrawn with a reason."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.server import Running
from services.registry import anchor, store_trust, trust, trusting
from services.registry.anchor import PURPOSES, PinnedAnchor, Terms
from shared import outbox
from shared.db import transaction
from shared.errors import Rejected
from shared.events.registry import AnchorStated, RegistryAct
from tests.registry.conftest import SOURCE, Office, text
from tests.registry.keys import DAY, Ca, now, pem

PATH = "/registry/v1/trust-anchors"
OTHER = Ca(common_name="Root của bộ khác").certificate
FINGERPRINT = hashlib.sha256(OTHER.public_bytes(serialization.Encoding.DER)).hexdigest()


def pinned(**changes: Any) -> PinnedAnchor:
    terms = Terms(**{"start": now() - DAY, **changes})
    return anchor.pin(trust.read_anchor(pem(OTHER), now()), terms, None)[0]


def anchors(office: Office) -> list[AnchorStated]:
    return [event for event in office.stated("registry.trust") if isinstance(event, AnchorStated)]


# --- the rules


def test_an_anchor_vouches_within_its_dates_and_for_its_purposes_only() -> None:
    one = pinned(purposes=("sign_documents",), until=now() + DAY)
    assert one.vouches("sign_documents", now())
    assert not one.vouches("time_stamps", now())
    assert not one.vouches("sign_documents", now() + 2 * DAY)
    assert not one.vouches("sign_documents", now() - 2 * DAY)


def test_an_anchor_needs_a_purpose_and_an_end_after_its_beginning() -> None:
    with pytest.raises(Rejected, match=r"^anchor_purpose_missing:"):
        pinned(purposes=())
    with pytest.raises(Rejected, match=r"^anchor_dates:"):
        pinned(until=now() - 2 * DAY)


def test_a_withdrawal_takes_a_reason_and_pinning_again_does_not_undo_it() -> None:
    one = pinned()
    with pytest.raises(Rejected, match=r"^anchor_reason_missing:"):
        anchor.withdraw(one, "  ", now())
    gone, stated = anchor.withdraw(one, "Lộ khóa", now())
    assert stated is not None
    assert stated.withdrawn_reason == "Lộ khóa"
    assert not gone.vouches("sign_documents", now())
    assert anchor.withdraw(gone, "khác", now()) == (gone, None), "the first withdrawal stands"
    with pytest.raises(Rejected, match=r"^anchor_withdrawn:"):
        anchor.pin(gone.anchor, gone.terms, gone)
    back, _ = anchor.restore(gone)
    assert back.vouches("sign_documents", now())


# --- through the doors


def test_an_officer_pins_changes_and_withdraws_and_each_is_stated_and_recorded(office: Office) -> None:
    body = {"pem": pem(OTHER), "fingerprint": FINGERPRINT.upper(), "purposes": ["time_stamps"]}
    made = office.http.post(PATH, json=body, headers=office.officer)
    assert made.status_code == 201, made.text
    assert (made.json()["fingerprint"], made.json()["purposes"]) == (FINGERPRINT, ["time_stamps"])

    path = f"{PATH}/{FINGERPRINT}"
    until = (now() + 30 * DAY).isoformat()
    terms = {"purposes": ["sign_documents", "time_stamps"], "trusted_until": until}
    assert office.http.put(path, json=terms, headers=office.officer).status_code == 428
    changed = office.http.put(path, json=terms, headers=office.officer | {"If-Match": '"1"'})
    assert changed.json()["trusted_from"] == made.json()["trusted_from"], "a start that is not given stays"
    ended = office.http.post(f"{path}/withdraw", json={"reason": "Lộ khóa"}, headers=office.officer)
    assert (ended.json()["believed_now"], ended.json()["withdrawn_reason"]) == (False, "Lộ khóa")
    again = office.http.post(PATH, json=body, headers=office.officer)
    assert (again.status_code, again.json()["code"]) == (409, "anchor_withdrawn")
    assert office.http.post(f"{path}/restore", headers=office.officer).json()["believed_now"]

    told = [(one.purposes, one.withdrawn_reason) for one in anchors(office) if one.fingerprint == FINGERPRINT]
    both = ("sign_documents", "time_stamps")
    assert told == [(("time_stamps",), None), (both, None), (both, "Lộ khóa"), (both, None)]
    acts = [e.act for e in office.stated("registry.act") if isinstance(e, RegistryAct) and e.object_id == FINGERPRINT]
    assert acts == ["pin_trust_anchor", "change_trust_anchor", "withdraw_trust_anchor", "restore_trust_anchor"]


def test_a_file_alone_is_no_proof_of_whose_root_it_is(office: Office) -> None:
    body = {"pem": pem(OTHER), "fingerprint": "00" * 32}
    refused = office.http.post(PATH, json=body, headers=office.officer)
    assert (refused.status_code, refused.json()["code"]) == (422, "anchor_fingerprint_differs")
    assert office.http.get(f"{PATH}/{FINGERPRINT}", headers=office.officer).status_code == 404
    assert office.http.post(PATH, json={"pem": pem(OTHER)}, headers=office.officer).status_code == 422


def test_clerks_and_leaders_neither_see_nor_change_whom_the_province_believes(office: Office) -> None:
    body = {"pem": pem(OTHER), "fingerprint": FINGERPRINT}
    for person in (office.province.clerk, office.province.leader, office.province.commune_clerk):
        who = office.headers(person)
        assert office.http.get(PATH, headers=who).status_code == 403
        assert office.http.post(PATH, json=body, headers=who).status_code == 403
        assert office.http.post(f"{PATH}/{FINGERPRINT}/withdraw", json={"reason": "x"}, headers=who).status_code == 403


def test_a_certificate_is_let_in_only_under_an_anchor_for_its_kind_today(office: Office, pki: Running) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    issued = pki.issue(key, common_name=office.province.leader.facts.name)
    body = {
        "pem": text(issued.pem),
        "chain_pem": text(issued.chain_pem),
        "person_id": str(office.province.leader.id),
    }
    root = trust.read_anchor(text(pki.root_pem), now())
    for terms in (
        Terms(purposes=("seal_documents", "time_stamps"), start=now() - DAY),
        Terms(start=now() + DAY),
        Terms(start=now() - DAY, until=now() - timedelta(hours=1)),
    ):
        with office.desk() as desk:
            trusting.pin(desk, root, terms)
        refused = office.http.post("/registry/v1/certificates", json=body, headers=office.officer)
        assert (refused.status_code, refused.json()["code"]) == (422, "certificate_untrusted")
    with office.desk() as desk:
        trusting.pin(desk, root, Terms(purposes=("sign_documents",), start=now() - DAY))
    entered = office.http.post("/registry/v1/certificates", json=body, headers=office.officer)
    assert entered.status_code == 201, entered.text


def test_what_was_pinned_before_anchors_were_stated_is_stated_once(office: Office) -> None:
    """The office's own root was pinned without an event, as rows of an earlier version were."""
    with transaction(office.pool) as tx:
        assert trusting.state_unstated(tx, SOURCE) == 1
        assert trusting.state_unstated(tx, SOURCE) == 0
    [stated] = anchors(office)
    assert set(stated.purposes) == set(PURPOSES)
    with transaction(office.pool) as tx:
        assert outbox.backlog(tx)["unpublished"] > 0
        assert len(store_trust.list_anchors(tx)) == 1
