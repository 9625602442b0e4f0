"""The rules of docs without IO: the life of a document, the order of statuses, standing, texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.docs import delivery, document, exchange, incoming, numbering, refusals, standing
from services.docs.catalogue import DOCUMENT_TYPES, STATUSES
from services.docs.document import Document, Review
from services.docs.incoming import Incoming
from services.docs.standing import Agency, Post
from services.docs.step import Step, ourselves
from services.docs.text import clean, fold
from shared.errors import Refusal, Rejected
from shared.events import Actor
from shared.events.docs import DeliveryDispatched, DeliveryStatusReported, Part, Party, Signer
from shared.ids import new_id
from tests.docs.facts import Person, blob, prepared, refused, sealed, signed, validated

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
CLERK = Actor(name="Nông Thị Thu Hằng", person_id=new_id())
HERE = Party(agency_id=new_id(), identifier="H37.01", name="UBND xã Bắc Sơn")
THERE = Party(agency_id=new_id(), identifier="H37.02", name="UBND xã Đồng Đăng")
LEADER = Person("Lương Quốc Khánh", "Chủ tịch", new_id(), ("leader",))
REVIEWER = Review(new_id(), "Hoàng Văn Đức")


def draft(**changed: Any) -> Document:
    part = Part(ordinal=0, kind="main", filename="cv.pdf", content=blob("1"))
    signer = Signer(
        person_id=LEADER.person_id,
        post_id=LEADER.post_id,
        authority_id=new_id(),
        name=LEADER.name,
        post=LEADER.title,
        capacity="TM.",
        block=("TM. ỦY BAN NHÂN DÂN",),
    )
    made = Document(
        id=new_id(),
        agency=HERE,
        state="in_review",
        type_code="CV",
        type_name="Công văn",
        symbol="UBND-VX",
        abstract="V/v phòng chống dịch",
        urgency=0,
        signers=(signer,),
        reviews=(),
        parts=(part,),
        content=part.content,
        author_id=new_id(),
        author_name=CLERK.name,
        submitted_at=AT,
    )
    return replace(made, **changed)


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(Rejected) as refusal:
        act()
    return refusal.value.code


def arrived(**changed: Any) -> Incoming:
    part = Part(ordinal=0, kind="main", filename="cv.pdf", content=blob("2"))
    fact = DeliveryDispatched(
        delivery_id=new_id(),
        document_id=new_id(),
        sender=HERE,
        receiver=THERE,
        descriptor=draft().descriptor,
        signer_name=LEADER.name,
        parts=(part,),
        by=CLERK,
        at=AT,
    )
    return replace(incoming.arrive(fact, new_id(), AT).after, **changed)


# --- a document's life

ACTS: dict[str, Callable[[Document], Step[Document] | None]] = {
    "approve": lambda d: document.approve(d, REVIEWER.person_id, CLERK, AT),
    "return": lambda d: document.return_for_revision(d, LEADER.person_id, "sai thể thức", CLERK, AT),
    "resubmit": lambda d: document.resubmit(d, d, CLERK, AT),
    "issue": lambda d: (
        document.issue(d, register_code="VB", number=7, day=DAY, by=CLERK, at=AT)
        if document.may_take_number(d)
        else None
    ),
    "void": lambda d: document.void_number(d, "hỏng", CLERK, AT),
    "prepared": lambda d: document.receive_prepared(d, prepared(d.id, LEADER, blob("3"))),
    "signed": lambda d: document.receive_signed(d, signed(d.id, LEADER)),
    "sealed": lambda d: document.receive_sealed(d, sealed(d.id, 7)),
    "prepare refused": lambda d: document.receive_refused(d, refused(d.id, "prepare")),
    "sign refused": lambda d: document.receive_refused(d, refused(d.id, "sign")),
    "seal refused": lambda d: document.receive_refused(d, refused(d.id, "seal")),
}


@given(st.sampled_from([(), (REVIEWER,)]), st.lists(st.sampled_from(sorted(ACTS)), max_size=40))
def test_whatever_happens_in_whatever_order_a_document_stays_true(reviews: tuple[Review, ...], acts: list[str]) -> None:
    held = document.submit(draft(reviews=reviews), CLERK, AT).after
    has_signature = False
    for name in acts:
        try:
            step = ACTS[name](held)
        except Rejected:
            continue
        if step is None:
            continue
        before, held = held, step.after
        has_signature = (has_signature or step.act == "signed") and step.act != "resubmitted"
        assert before.state not in ("issued", "voided") or held == before, "an end is an end"
        if before.numbering is not None:
            assert held.numbering == before.numbering, "a number is for ever"
        if held.numbering is not None:
            assert has_signature, "nothing unsigned has a number"
        assert (held.state in ("sealing", "issued", "voided")) == (held.numbering is not None)
        assert may_go_out(held) == (held.state == "issued")
        assert all(event.key == str(held.id) for event in step.tell)


def may_go_out(held: Document) -> bool:
    try:
        document.check_issued(held)
    except Rejected:
        return False
    return True


@pytest.mark.parametrize("name", sorted(ACTS))
def test_the_same_thing_twice_is_once(name: str) -> None:
    """From every state: after an act has been done, doing it again changes nothing more."""
    for held in states():
        try:
            step = ACTS[name](held)
        except Rejected:
            continue
        if step is None or step.after == held:
            continue
        try:
            again = ACTS[name](step.after)
        except Rejected:
            continue
        assert again is None or again.after == step.after, held.state


def states() -> list[Document]:
    found = [document.submit(draft(reviews=(REVIEWER,)), CLERK, AT).after]
    for name in ("approve", "prepared", "signed", "issue", "sealed"):
        step = ACTS[name](found[-1])
        assert step
        found.append(step.after)
    for state, name in ((2, "return"), (1, "prepare refused"), (4, "void")):
        step = ACTS[name](found[state])
        assert step
        found.append(step.after)
    return found


def test_a_seal_with_another_number_is_never_taken() -> None:
    held = states()[4]
    assert code_of(lambda: document.receive_sealed(held, sealed(held.id, 8))) == "sealed_other_number"


def test_the_next_signer_is_waited_for() -> None:
    second = new_id()
    held = states()[2]
    step = document.receive_signed(held, signed(held.id, LEADER, waits_for=second))
    assert step
    assert (step.after.state, step.after.waits_for) == ("awaiting_signature", second)


def test_reviews_begin_anew_after_a_return() -> None:
    approved = states()[2]
    step = document.return_for_revision(approved, LEADER.person_id, "sai", CLERK, AT)
    assert step
    again = document.resubmit(step.after, step.after, CLERK, AT).after
    assert (again.state, [r.approved for r in again.reviews]) == ("in_review", [False])


# --- statuses

ALLOWED = {
    ("00", "01"), ("00", "02"), ("00", "03"), ("01", "02"), ("01", "03"), ("03", "04"), ("03", "05"), ("03", "06"),
    ("04", "05"), ("04", "06"), ("05", "06"),
}  # fmt: skip


@pytest.mark.parametrize("current", STATUSES)
@pytest.mark.parametrize("new", [s for s in STATUSES if s != "00"])
def test_a_status_never_goes_back_and_a_refusal_is_an_end(current: str, new: str) -> None:
    if current == new:
        assert delivery.next_status(current, new, "lý do") == "same"
    elif (current, new) in ALLOWED:
        assert delivery.next_status(current, new, "lý do") == "next"
    else:
        assert code_of(lambda: delivery.next_status(current, new, "lý do")) == "status_not_possible"


def test_a_refusal_without_a_reason_is_none() -> None:
    assert code_of(lambda: delivery.next_status("01", "02", None)) == "reason_required"


def test_what_the_receiver_reports_is_what_the_sender_can_take_in() -> None:
    """Both sides walk the same order: every report that an arrival can make is news that its delivery allows."""
    held = arrived()
    sender = delivery.Delivery(held.delivery_id, new_id(), held.document_id, THERE, None, AT)
    steps: list[Step[Incoming] | None] = [Step(held, "arrived", CLERK, AT, tell=(report(held),))]
    verdict = incoming.receive_validated(held, validated(held.id, held.agency_id))
    assert verdict
    steps.append(incoming.register(verdict.after, 4, CLERK, AT))
    handling: list[Callable[[Incoming], Step[Incoming] | None]] = [
        lambda i: incoming.assign(i, new_id(), "A", CLERK, AT),
        lambda i: incoming.assign(i, new_id(), "B", CLERK, AT),
        lambda i: incoming.start(i, CLERK, AT),
        lambda i: incoming.complete(i, "xong", CLERK, AT),
    ]
    for act in handling:
        assert steps[-1]
        steps.append(act(steps[-1].after))
    for step in steps:
        assert step
        for fact in step.tell:
            assert isinstance(fact, DeliveryStatusReported)
            moved = delivery.receive_status(sender, fact)
            sender = moved.after if moved else sender
    assert (sender.status, sender.arrival_number) == ("06", 4)


def report(held: Incoming) -> DeliveryStatusReported:
    return DeliveryStatusReported(
        delivery_id=held.delivery_id,
        document_id=held.document_id,
        sender=HERE,
        receiver=THERE,
        status=held.status,
        by=ourselves(),
        at=AT,
    )


def test_a_verdict_counts_once_and_does_not_undo_a_clerks_refusal() -> None:
    held = arrived()
    step = incoming.refuse(held, "Gửi nhầm", CLERK, AT)
    assert step
    late = incoming.receive_validated(step.after, validated(held.id, held.agency_id, "TOTAL_FAILED"))
    assert late
    assert (late.after.reason, late.tell) == ("Gửi nhầm", ())
    assert incoming.receive_validated(late.after, validated(held.id, held.agency_id)) is None


# --- standing

POST = Post(
    person_id=new_id(),
    name="Vi Văn Tài",
    active=True,
    post_id=new_id(),
    agency_id=new_id(),
    title="Văn thư",
    roles=frozenset({"clerk"}),
    valid_from=DAY,
    valid_until=DAY,
)


@pytest.mark.parametrize(
    ("post", "day", "code"),
    [
        (None, DAY, "not_in_post"),
        (replace(POST, active=False), DAY, "not_in_post"),
        (POST, DAY - timedelta(days=1), "not_in_post"),
        (POST, DAY + timedelta(days=1), "not_in_post"),
        (replace(POST, agency_id=new_id()), DAY, "not_in_post"),
        (replace(POST, roles=frozenset({"leader"})), DAY, "forbidden"),
    ],
)
def test_who_does_not_hold_the_post_today_may_not_act(post: Post | None, day: date, code: str) -> None:
    assert code_of(lambda: standing.may_act(post, POST.agency_id, day, "clerk")) == code
    assert standing.may_act(POST, POST.agency_id, DAY, "clerk") is POST


def test_a_copy_of_unknown_age_is_an_old_one() -> None:
    assert code_of(lambda: standing.check_fresh(None, AT, 60)) == "registry_copy_stale"
    assert code_of(lambda: standing.check_fresh(AT - timedelta(seconds=61), AT, 60)) == "registry_copy_stale"
    standing.check_fresh(AT - timedelta(seconds=59), AT, 60)


def test_an_agency_that_has_ended_is_no_recipient() -> None:
    ended = Agency(new_id(), "H37.09", "UBND xã cũ", "commune", None, DAY, DAY)
    later = DAY + timedelta(days=1)
    assert (
        code_of(lambda: standing.recipients_by(["H37.09"], {"H37.09": ended}, new_id(), later)) == "recipient_unknown"
    )


def test_the_day_on_paper_begins_at_midnight_in_ha_noi() -> None:
    assert numbering.today(datetime(2026, 12, 31, 16, 59, tzinfo=UTC)) == date(2026, 12, 31)
    assert numbering.today(datetime(2026, 12, 31, 17, 0, tzinfo=UTC)) == date(2027, 1, 1)


# --- texts, tables


@given(st.text())
def test_clean_text_is_nfc_on_one_line(text: str) -> None:
    try:
        found = clean(text)
    except ValueError:
        return
    assert unicodedata.is_normalized("NFC", found)
    assert found.isprintable()
    assert clean(found) == found


def test_a_search_needs_no_marks() -> None:
    assert fold("UBND xã Đồng Đăng") == "ubnd xa dong dang"
    assert clean(unicodedata.normalize("NFD", " Nguyễn \n Thị ")) == "Nguyễn Thị"
    assert clean("\ufeffV/v phòng\u00ad chống\u200b\u202e dịch") == "V/v phòng chống dịch"


def test_the_types_are_those_of_the_decree() -> None:
    assert len(DOCUMENT_TYPES) == 32 + 3, "29 types, three kinds of copies; three legal normative types beside them"
    assert [t.code for t in DOCUMENT_TYPES.values() if not t.abbreviation] == ["CV", "ThC"]
    assert code_of(lambda: standing.document_type("SL")) == "type_unknown"


def test_every_refusal_says_something_in_both_languages_under_a_code_of_its_own() -> None:
    found = [value for value in vars(refusals).values() if isinstance(value, Refusal)]
    assert len({each.code for each in found}) == len(found) > 40
    for each in found:
        assert each.vi != each.en
        for sentence in (each.vi, each.en):
            assert unicodedata.is_normalized("NFC", sentence)
            assert sentence.endswith(".")
    assert exchange.read_reason("  ") is None
