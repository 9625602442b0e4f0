"""A leader's sitting on the real parts: one PIN for the pile, nothing lost and nothing signed twice when things break."""

from __future__ import annotations

import os

import pytest
from vanthu_sign import pages
from vanthu_sign.pile import Ended, Result
from vanthu_sign.sitting import Step
from vanthu_sign.words import Refused

from tests.clients.signing_desk import PIN, Desk


def ends(results: list[Result]) -> list[Ended]:
    return [result.ended for result in results]


def test_a_pile_is_signed_with_one_pin_and_its_bytes_travel_once(desk: Desk) -> None:
    documents = desk.order(5)
    results = desk.sign()
    assert ends(results) == [Ended.SIGNED] * 5
    assert [(ask.why, ask.documents, ask.wrong) for ask in desk.asked] == [("batch", 5, 0)]
    assert desk.states() == {"signed": 5}
    contents = [path for path in desk.seen if path.endswith("/content")]
    assert sorted(contents) == sorted(f"GET documents/{each}/content" for each in documents)
    assert list((desk.home / "documents").glob("*")) == [], "what is signed is not kept here"
    assert not (desk.home / "signatures.jsonl").exists()
    assert [p.done for p in desk.told if p.step is Step.SIGNING] == [1, 2, 3, 4, 5]
    if os.name == "posix":
        modes = {path.stat().st_mode & 0o077 for path in desk.home.rglob("*")}
        assert modes == {0}, "nobody else reads here"


def test_a_wrong_pin_ends_nothing_and_the_same_items_are_signed_with_the_right_one(desk: Desk) -> None:
    desk.order(2)
    desk.pins = ["00000000", PIN]
    with desk.sitting() as sitting, desk.opened() as token:
        items = desk.prepare(sitting, token)
        with pytest.raises(Refused) as refused:
            sitting.sign(token, items, ask=desk.ask)
        assert refused.value.code == "pin_wrong"
        assert desk.states() == {"awaiting_signature": 2}
        assert ends(sitting.sign(token, items, ask=desk.ask)) == [Ended.SIGNED] * 2
    assert [ask.wrong for ask in desk.asked] == [0, 1]


def test_before_the_pin_each_document_can_be_seen(desk: Desk) -> None:
    desk.order()
    with desk.sitting() as sitting, desk.opened() as token:
        [item] = desk.prepare(sitting, token)
        assert item.file is not None
        assert item.file.read_bytes().startswith(b"%PDF-")
        assert pages.available(), "the pictures are part of what is developed with"
        picture = sitting.first_page(item)
        assert picture is not None
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert desk.asked == []


@pytest.mark.full
def test_two_hundred_documents_take_one_pin_and_one_session(desk: Desk) -> None:
    desk.order(200)
    results = desk.sign()
    assert ends(results) == [Ended.SIGNED] * 200
    assert [(ask.why, ask.documents) for ask in desk.asked] == [("batch", 200)]
    assert desk.states() == {"signed": 200}
    calls = [path for path in desk.seen if path.startswith("POST preparations")]
    assert len(calls) == 8, "a chunk a call, not a document a call"
