"""Under which facts a seal may be put, in which order signers sign, and what co-issuers and copies change about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.signing import domain, seal_policy
from services.signing.domain import State
from services.signing.seal_policy import Signed, Use
from shared.events import Actor, docs
from tests.signing.test_domain import AGENCY, NOW, blob, command, refused, seal_order, sign

OTHER, THIRD = UUID(int=2), UUID(int=3)
CLERK = Actor(person_id=UUID(int=9), name="Lê Thị Văn Thư", post="Văn thư", agency_id=AGENCY)


def use(**changed: Any) -> Use:
    signed = (Signed("Nguyễn Văn Bình", "0a", NOW),)
    return replace(Use("document", UUID(int=7), AGENCY, "0" * 64, CLERK, "15/UBND-VX", signed), **changed)


def test_a_clerk_seals_for_their_own_agency_what_everybody_signed() -> None:
    seal_policy.check(use(), is_clerk=True)
    assert use(annexes=("a" * 64, "b" * 64)).signatures == 3
    assert use().detail()["signed_by"] == "Nguyễn Văn Bình (0a, 2026-11-22T03:00:00+00:00)"


@pytest.mark.parametrize(
    ("changed", "is_clerk", "code"),
    [
        ({}, False, "seal_asker_unknown"),
        ({"asked": Actor(name="Văn thư", agency_id=AGENCY)}, True, "seal_asked_by_nobody"),
        ({"asked": CLERK.model_copy(update={"system": "docs"})}, True, "seal_asked_by_nobody"),
        ({"asked": CLERK.model_copy(update={"agency_id": OTHER})}, True, "seal_asked_by_nobody"),
        ({"purpose": "counter_seal", "agency_id": OTHER}, True, "not_a_co_issuer"),
        ({"signed": ()}, True, "seal_before_signature"),
        ({"missing": ("Phạm Thị Phó",)}, True, "seal_before_signature"),
        ({"number_symbol": None}, True, "seal_before_signature"),
        ({"purpose": "copy", "signed": (), "number_symbol": None}, True, "seal_before_signature"),
    ],
)
def test_nothing_else_is_sealed(changed: dict[str, Any], is_clerk: bool, code: str) -> None:  # noqa: FBT001  a parameter
    assert refused(lambda: seal_policy.check(use(**changed), is_clerk=is_clerk)) == code


def test_a_counter_seal_needs_no_number_and_a_copy_no_signer() -> None:
    seal_policy.check(use(purpose="counter_seal", number_symbol=None), is_clerk=True)
    seal_policy.check(use(purpose="copy", signed=()), is_clerk=True)


def ordered(signers: int = 3, **more: Any) -> domain.Document:
    order = command(signers).model_copy(update={"signing_order": "fixed", **more})
    after, fact = domain.prepared(domain.order(order), blob("1"), pages=1, numbered=True, at=NOW)
    assert fact.may_sign == (fact.waits_for,)
    return after


def test_in_a_fixed_order_only_the_next_one_may_sign() -> None:
    document = ordered()
    assert domain.open_place(document, UUID(int=100)).ordinal == 1
    assert refused(lambda: domain.open_place(document, UUID(int=101))) == "not_your_turn"
    document = sign(document, 1)
    assert domain.open_place(document, UUID(int=101)).ordinal == 2
    assert refused(lambda: domain.open_place(document, UUID(int=102))) == "not_your_turn"


def test_in_any_order_everybody_may() -> None:
    after, fact = domain.prepared(domain.order(command(3)), blob("1"), pages=1, numbered=True, at=NOW)
    assert fact.may_sign == (UUID(int=100), UUID(int=101), UUID(int=102))
    assert {domain.open_place(after, UUID(int=n)).ordinal for n in (100, 101, 102)} == {1, 2, 3}


def counter_seal(agency: UUID, lead: UUID = AGENCY) -> docs.CounterSealDocument:
    by = Actor(person_id=UUID(int=40), name="Văn thư Sở", agency_id=agency)
    return docs.CounterSealDocument(by=by, at=NOW, document_id=UUID(int=7), agency_id=lead, co_agency_id=agency)


def test_the_number_comes_after_every_co_issuers_seal() -> None:
    parties = tuple(docs.Party(agency_id=a, identifier=f"H50.{a.int}", name=f"Sở {a.int}") for a in (OTHER, THIRD))
    document = ordered(1, co_issuers=parties)
    assert refused(lambda: domain.order_counter_seal(document, counter_seal(OTHER))) == "seal_before_signature"
    document = sign(document, 1)
    assert refused(lambda: domain.order_seal(document, seal_order())) == "counter_seals_missing"
    assert refused(lambda: domain.order_counter_seal(document, counter_seal(UUID(int=8)))) == "not_a_co_issuer"
    for agency, content in ((THIRD, blob("3")), (OTHER, blob("4"))):
        document, asked = domain.order_counter_seal(document, counter_seal(agency))
        assert asked.asked == counter_seal(agency).by
        document, fact = domain.counter_sealed(document, agency, content, level="PAdES-BASELINE-T", at=NOW)
        assert (fact.agency_id, fact.by, document.content) == (agency, asked.asked, content)
        assert domain.order_counter_seal(document, counter_seal(agency))[0] == document, "asked again"
    assert domain.order_seal(document, seal_order()).state is State.SEALING


def copy_order(**changed: Any) -> docs.PrepareCopy:
    about = command().descriptor.model_copy(update={"type_code": "SY", "symbol": "SY-UBND", **changed})
    return docs.PrepareCopy(
        by=CLERK,
        at=NOW,
        document_id=UUID(int=7),
        descriptor=about,
        content=blob("0"),
        filename="a.pdf",
        author_id=UUID(int=9),
    )


def test_a_copy_has_no_signers_and_waits_for_its_number() -> None:
    copy = domain.order_copy(copy_order())
    assert (copy.is_copy, copy.signers) == (True, ())
    ready, fact = domain.prepared(copy, blob("0"), pages=1, numbered=False, at=NOW)
    assert (ready.state, fact.copy_of_paper, fact.waits_for) == (State.SIGNED, True, UUID(int=9))
    sealing = domain.order_seal(ready, seal_order(3, "03/SY-UBND"))
    after, sealed = domain.sealed(sealing, blob("5"), level="PAdES-BASELINE-LTA", at=NOW)
    assert (after.state, sealed.number) == (State.SEALED, 3)
    voided = domain.void(sealing, 3)
    assert voided
    assert voided.state is State.SIGNED
