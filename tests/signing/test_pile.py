"""A pile of raw signatures in one call: taken together in one commit, and still each for itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.signing import store_preparation
from shared.events import signing
from tests.signing.desktop import Desktop, complete, content, prepare
from tests.signing.office import Leader, Office


def begun(office: Office, http: Any, leader: Leader, count: int) -> list[tuple[str, str]]:
    """So many documents prepared, each as preparation and raw signature."""
    office.found(leader)
    pile = [office.order(leader) for _ in range(count)]
    office.work()
    office.stated()
    bases = {document_id: content(http, document_id) for document_id in pile}
    items = prepare(http, leader, *((document_id, sha) for document_id, (_, sha) in bases.items()))
    office.stated()
    return [(item["preparation_id"], leader.sign(item, bases[UUID(item["document_id"])][0])) for item in items]


def codes(answers: list[dict[str, Any]]) -> list[str | None]:
    return [answer.get("problem", {}).get("code") for answer in answers]


def states(http: Any, *preparations: str) -> dict[str, str]:
    found = http.get("/preparations", params={"id": list(preparations)})
    assert found.status_code == 200, found.text
    return {one["preparation_id"]: one["state"] for one in found.json()["items"]}


def test_a_forged_an_unreadable_and_an_unknown_one_stop_no_other(
    office: Office, desktop: Desktop, leader: Leader
) -> None:
    http = desktop.of(leader.principal)
    one, two, three = begun(office, http, leader, 3)
    answers = complete(http, one, (two[0], three[1]), (str(uuid4()), one[1]), (two[0], "!"), three, one)
    assert codes(answers) == [None, "signature_invalid", "not_found", "invalid_request", None, None]
    act = office.only(signing.SigningAct)
    assert (act.act, act.detail) == ("signature_refused", {"code": "signature_invalid"})
    assert states(http, one[0], two[0], three[0]) == {one[0]: "completing", two[0]: "prepared", three[0]: "completing"}
    assert codes(complete(http, two, one)) == [None, None], (
        "the right one after the forged one; a repeated one is harmless"
    )
    office.work()
    assert [type(event) for event in office.stated()].count(signing.DocumentSigned) == 3
    assert set(states(http, one[0], two[0], three[0]).values()) == {"completed"}


def test_of_two_signatures_for_one_document_in_a_pile_the_first_counts(
    office: Office, desktop: Desktop, leader: Leader
) -> None:
    http = desktop.of(leader.principal)
    [first] = begun(office, http, leader, 1)
    document_id = UUID(http.get(f"/preparations/{first[0]}").json()["document_id"])
    base, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    second = item["preparation_id"], leader.sign(item, base)
    assert codes(complete(http, first, second)) == [None, "signature_under_way"]
    office.work()
    assert [type(event) for event in office.stated()].count(signing.DocumentSigned) == 1


def test_what_can_not_be_written_together_is_written_one_by_one(
    office: Office, desktop: Desktop, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a deadlock ends the transaction of the whole pile."""
    http = desktop.of(leader.principal)
    pile = begun(office, http, leader, 3)
    begin = store_preparation.begin_completions

    def only_one_at_a_time(tx: Any, signatures: Any) -> None:
        begin(tx, signatures)
        if len(signatures) > 1:
            tx.execute("SELECT 1 / 0")

    monkeypatch.setattr(store_preparation, "begin_completions", only_one_at_a_time)
    assert codes(complete(http, *pile)) == [None] * 3
    office.work()
    assert [type(event) for event in office.stated()].count(signing.DocumentSigned) == 3


def test_nobody_reads_how_another_persons_signatures_stand(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    [mine] = begun(office, desktop.of(leader.principal), leader, 1)
    office.found(deputy)
    assert states(desktop.of(deputy.principal), mine[0], str(uuid4())) == {}
    assert states(desktop.of(leader.principal), mine[0], str(uuid4())) == {mine[0]: "prepared"}
