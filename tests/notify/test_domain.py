"""Whose turn it is, from facts alone."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from services.notify import refusals
from services.notify.domain import (
    RULES,
    Call,
    Clerks,
    Delivery,
    Document,
    DocumentUnknown,
    Known,
    Person,
    title_of,
    whose_turn,
)
from shared.errors import Refusal
from shared.events import Event, docs
from shared.ids import new_id
from tests.notify.facts import Story

STORY = Story()
DOCUMENT = Document(
    id=STORY.document, agency_id=STORY.agency, author_id=STORY.author, title="Công văn: V/v tổ chức hội nghị quý IV"
)
KNOWN = Known(document=DOCUMENT, delivery=Delivery(STORY.delivery, DOCUMENT.title, "12/UBND-VX"))
REVIEWERS = (new_id(), new_id())
OFFICER = new_id()

AUTHOR, LEADER = Person(STORY.author), Person(STORY.leader)
PAGE = f"/documents/{STORY.document}"
TALK = f"{PAGE}/discussion"
CLERKS, RECEIVER = Clerks(STORY.agency), Clerks(STORY.receiver)


@pytest.mark.parametrize(
    ("event", "whom", "link"),
    [
        (STORY.submitted(), [], None),
        (STORY.submitted(*REVIEWERS), [Person(REVIEWERS[0]), Person(REVIEWERS[1])], PAGE),
        (STORY.returned(), [AUTHOR], PAGE),
        (STORY.review(docs.ReviewAsked, stage="Thể thức", people=REVIEWERS), list(map(Person, REVIEWERS)), PAGE),
        (
            STORY.review(docs.ReviewDue, stage="Thể thức", standing="overdue", people=(OFFICER,)),
            [Person(OFFICER)],
            PAGE,
        ),
        (STORY.review(docs.ReviewDue, stage="Thể thức", standing="stuck", clerks=True), [CLERKS], PAGE),
        (STORY.review(docs.RemarkMade, remark_id=OFFICER, mentions=(OFFICER,)), [Person(OFFICER)], TALK),
        (STORY.review(docs.RemarkMade, remark_id=OFFICER), [], None),
        (STORY.review(docs.OpinionAsked, request_id=OFFICER, people=(OFFICER,)), [Person(OFFICER)], TALK),
        (
            STORY.review(docs.OpinionGiven, request_id=OFFICER, asked_by=STORY.author, verdict="agreed"),
            [AUTHOR],
            TALK,
        ),
        (STORY.prepared(), [LEADER], "/signing"),
        (STORY.prepared().model_copy(update={"may_sign": REVIEWERS}), list(map(Person, REVIEWERS)), "/signing"),
        (STORY.prepared().model_copy(update={"copy_of_paper": True}), [], None),
        (STORY.signed(waits_for=OFFICER), [Person(OFFICER)], "/signing"),
        (STORY.signed().model_copy(update={"seals_due": (STORY.receiver,)}), [RECEIVER], PAGE),
        (STORY.counter_sealed(STORY.receiver), [], None),
        (STORY.counter_sealed(), [CLERKS], PAGE),
        (STORY.refused("seal").model_copy(update={"agency_id": STORY.receiver}), [AUTHOR, RECEIVER], PAGE),
        (STORY.signed(), [CLERKS], PAGE),
        (STORY.refused("prepare"), [AUTHOR], PAGE),
        (STORY.refused("sign"), [AUTHOR], PAGE),
        (STORY.refused("seal"), [AUTHOR, CLERKS], PAGE),
        (STORY.delayed("seal"), [AUTHOR], PAGE),
        (STORY.delayed("sign"), [AUTHOR], PAGE),
        (STORY.delayed("validate"), [], None),
        (STORY.owing(), [CLERKS], "/at-risk"),
        (STORY.owing(final=True), [CLERKS, AUTHOR], PAGE),
        (STORY.augmented(told=True), [CLERKS], PAGE),
        (STORY.augmented(told=True, owes=("LTA",)), [], None),
        (STORY.augmented(told=False), [], None),
        (STORY.delayed("prepare", code="places_to_confirm"), [AUTHOR, CLERKS], f"{PAGE}/places"),
        (STORY.issued(), [AUTHOR], PAGE),
        (STORY.dispatched(), [RECEIVER], "/incoming"),
        (STORY.dispatched(partner="motcua"), [], None),
        (STORY.status("01"), [], None),
        (STORY.status("02"), [CLERKS, AUTHOR], PAGE),
        (STORY.status("03"), [], None),
        (STORY.status("04"), [], None),
        (STORY.status("04", assignee_id=OFFICER), [Person(OFFICER)], "/incoming"),
        (STORY.status("05"), [], None),
        (STORY.status("06"), [AUTHOR], PAGE),
        (STORY.status("13"), [RECEIVER], f"/arrivals/{STORY.delivery}"),
        (STORY.status("13", partner="motcua"), [], None),
        (STORY.chased(), [RECEIVER], f"/arrivals/{STORY.delivery}"),
        (STORY.chased(partner="motcua"), [], None),
        (STORY.status("15"), [AUTHOR], PAGE),
        (STORY.status("16"), [CLERKS, AUTHOR], PAGE),
        (STORY.validated("TOTAL_PASSED"), [], None),
        (STORY.validated("TOTAL_FAILED"), [RECEIVER], f"/incoming/{STORY.delivery}"),
    ],
    ids=lambda value: type(value).__name__ + getattr(value, "status", "") + getattr(value, "stage", ""),
)
def test_each_fact_calls_whose_turn_it_is(event: Event, whom: list[Any], link: str | None) -> None:
    calls = whose_turn(event, KNOWN)
    assert [call.to for call in calls] == whom
    for call in calls:
        assert call.link == link
        assert "\n" not in call.title
        assert all(unicodedata.is_normalized("NFC", part) for part in (call.title, call.text))


def test_a_fact_about_an_unknown_document_says_what_it_needs() -> None:
    with pytest.raises(DocumentUnknown) as caught:
        whose_turn(STORY.prepared(), Known())
    assert caught.value.document_id == STORY.document


def test_a_refusal_by_the_receiver_names_who_and_why() -> None:
    (call, _) = whose_turn(STORY.status("02", reason="Sai nơi nhận"), KNOWN)
    assert call.title == "Văn bản bị từ chối tiếp nhận"
    assert call.text.startswith("Công văn: V/v tổ chức hội nghị quý IV. Sở Nội vụ từ chối tiếp nhận")
    assert call.reason == "Sai nơi nhận"
    assert call.link == f"/documents/{STORY.document}"


def test_a_partners_own_words_are_a_quotation_under_a_vietnamese_sentence() -> None:
    told = STORY.status("02", reason="checksum mismatch").model_copy(update={"reason_vi": "Tệp không còn nguyên vẹn."})
    (call, _) = whose_turn(told, KNOWN)
    assert call.reason == "Tệp không còn nguyên vẹn. “checksum mismatch”"


def test_what_somebody_wrote_is_kept_apart_from_what_is_mailed() -> None:
    for event in (STORY.returned("bí mật"), STORY.status("02", reason="bí mật")):
        for call in whose_turn(event, KNOWN):
            assert call.reason == "bí mật"
            assert "bí mật" not in call.title + call.text


def test_a_delay_is_told_once_while_it_is_unread() -> None:
    (call,) = whose_turn(STORY.delayed(), KNOWN)
    assert call.once_while_unread
    assert not any(c.once_while_unread for c in whose_turn(STORY.refused(), KNOWN))


def test_a_title_is_one_line() -> None:
    assert title_of(STORY.descriptor) == "Công văn: V/v tổ chức hội nghị quý IV"


def test_a_delivery_by_an_unknown_sender_still_reaches_the_receivers_clerks() -> None:
    calls: tuple[Call, ...] = whose_turn(STORY.status("13"), Known())
    assert [call.to for call in calls] == [RECEIVER]


def test_every_rule_is_for_a_type_that_travels() -> None:
    assert all(hasattr(kind, "TYPE") for kind in RULES)


@pytest.mark.parametrize(
    "refusal", [r for r in vars(refusals).values() if isinstance(r, Refusal)], ids=lambda r: r.code
)
def test_refusals_speak_both_languages(refusal: Refusal) -> None:
    assert refusal.vi.strip().endswith(".")
    assert refusal.en.strip().endswith(".")
    assert unicodedata.is_normalized("NFC", refusal.vi)


def test_a_revoked_certificate_is_told_to_signer_author_and_clerks() -> None:
    calls = whose_turn(STORY.delayed("sign", waits_for=STORY.leader, signer_name="Trần Văn An"), KNOWN)
    assert [(call.to, call.link) for call in calls] == [(LEADER, "/signing"), (AUTHOR, PAGE), (CLERKS, "/documents")]
    assert all(call.once_while_unread for call in calls), "a pile of documents is one notice"
    assert "Trần Văn An" in calls[2].text
