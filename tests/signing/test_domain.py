"""The rules of a document's PDF, of who may sign it today, and of a signature in two calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.signing import authority, domain
from services.signing.authority import Authority, Certificate, Post, Standing
from services.signing.domain import Document, State
from services.signing.refusals import BASE_CHANGED
from services.signing.session import LEASE, Preparation, PreparationState, check_base, check_completion
from services.signing.work import kinds
from shared.errors import Rejected
from shared.events import Actor, BlobRef, docs

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
AGENCY = UUID(int=1)
CLERK = Actor(name="Văn thư", agency_id=AGENCY)


def blob(digit: str) -> BlobRef:
    return BlobRef(prefix="signing", sha256=digit * 64, size=10, media_type="application/pdf")


def command(signers: int = 1, at: datetime = NOW) -> docs.PrepareDocument:
    people = tuple(
        docs.Signer(
            person_id=UUID(int=100 + n),
            post_id=UUID(int=200 + n),
            authority_id=UUID(int=300 + n),
            name=f"Lãnh đạo {n}",
            post="Chủ tịch",
            capacity="TM.",
            block=("TM. ỦY BAN NHÂN DÂN",),
        )
        for n in range(signers)
    )
    about = docs.Descriptor(
        agency_id=AGENCY,
        agency_identifier="H50.1",
        agency_name="UBND xã",
        type_code="CV",
        type_name="Công văn",
        symbol="UBND-VX",
        abstract="Về việc",
    )
    return docs.PrepareDocument(
        by=CLERK,
        at=at,
        document_id=UUID(int=7),
        descriptor=about,
        content=blob("0"),
        filename="a.pdf",
        signers=people,
        author_id=uuid4(),
    )


def seal_order(number: int = 15, symbol: str = "15/UBND-VX", agency_id: UUID = AGENCY) -> docs.SealDocument:
    return docs.SealDocument(
        by=CLERK,
        at=NOW,
        document_id=UUID(int=7),
        agency_id=agency_id,
        number=number,
        number_symbol=symbol,
        issued_on=date(2026, 11, 22),
    )


def awaiting(signers: int = 1) -> Document:
    after, _ = domain.prepared(domain.order(command(signers)), blob("1"), pages=1, numbered=True, at=NOW)
    return after


def sign(document: Document, ordinal: int) -> Document:
    begun = domain.begin_completion(document, uuid4())
    after, _ = domain.signed(begun, ordinal, blob(str(ordinal + 1)), serial="0a", level="PAdES-BASELINE-T", at=NOW)
    return after


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(Rejected) as caught:
        act()
    return caught.value.code


def test_it_is_signed_when_everybody_has_signed_in_any_order() -> None:
    document = awaiting(3)
    for ordinal in (2, 3):
        document = sign(document, ordinal)
        assert (document.state, document.next_signer) == (State.AWAITING_SIGNATURE, document.signers[0])
    document = sign(document, 1)
    assert (document.state, document.next_signer) == (State.SIGNED, None)


def test_a_place_is_open_once_and_for_its_person_only() -> None:
    document = awaiting(2)
    assert domain.open_place(document, UUID(int=101)).ordinal == 2
    assert refused(lambda: domain.open_place(document, uuid4())) == "not_awaiting_signature"
    assert refused(lambda: domain.open_place(document, None)) == "not_awaiting_signature"
    begun = domain.begin_completion(document, uuid4())
    assert refused(lambda: domain.open_place(begun, UUID(int=100))) == "signature_under_way"
    after = sign(document, 2)
    assert refused(lambda: domain.open_place(after, UUID(int=101))) == "not_awaiting_signature"


def test_a_failed_seal_keeps_its_number_and_a_failed_signature_its_place() -> None:
    sealing = domain.order_seal(sign(awaiting(), 1), seal_order())
    back = domain.refuse(sealing)
    assert (back.state, back.numbering) == (State.SIGNED, sealing.numbering)
    assert domain.refuse(domain.begin_completion(awaiting(), uuid4())).state is State.AWAITING_SIGNATURE
    assert domain.refuse(domain.order(command())).state is State.REFUSED


def test_the_seal_needs_every_signature_and_docs_own_number() -> None:
    document = sign(awaiting(), 1)
    assert refused(lambda: domain.order_seal(awaiting(), seal_order())) == "seal_before_signature"
    assert refused(lambda: domain.order_seal(document, seal_order(symbol="16/UBND-VX"))) == "number_mismatch"
    assert refused(lambda: domain.order_seal(document, seal_order(symbol="UBND-VX"))) == "number_mismatch"
    assert refused(lambda: domain.order_seal(document, seal_order(agency_id=uuid4()))) == "number_mismatch"
    sealing = domain.order_seal(document, seal_order())
    assert domain.order_seal(sealing, seal_order()) is sealing
    assert refused(lambda: domain.order_seal(sealing, seal_order(16, "16/UBND-VX"))) == "already_sealed"
    assert refused(lambda: domain.check_seal(awaiting())) == "seal_before_signature"
    half = replace(sealing, signers=awaiting(2).signers)
    assert refused(lambda: domain.check_seal(half)) == "seal_before_signature"


def test_a_voided_number_frees_the_document_and_another_number_does_not() -> None:
    sealing = domain.order_seal(sign(awaiting(), 1), seal_order())
    assert domain.void(sealing, 16) is None
    freed = domain.void(sealing, 15)
    assert freed is not None
    assert (freed.state, freed.numbering) == (State.SIGNED, None)
    sealed, _ = domain.sealed(sealing, blob("9"), level="PAdES-BASELINE-LTA", at=NOW)
    ended = domain.void(sealed, 15)
    assert ended is not None
    assert ended.state is State.CANCELLED


@given(st.integers(-5, 5))
def test_a_return_counts_against_the_order_that_stood_then(seconds: int) -> None:
    document = awaiting()
    at = NOW + timedelta(seconds=seconds)
    ended = domain.cancel(document, at)
    assert (ended is None) == (seconds < 0)
    again = domain.order_again(ended or document, command(at=at))
    assert (again is None) == (seconds <= 0)


def test_what_is_sealed_is_neither_returned_nor_prepared_again() -> None:
    sealing = domain.order_seal(sign(awaiting(), 1), seal_order())
    later = NOW + timedelta(days=1)
    assert domain.cancel(sealing, later) is None
    assert domain.order_again(sealing, command(at=later)) is None


# --- who may sign today

SIGNER = domain.order(command()).signers[0]
POST = Post(("leader",), date(2026, 1, 1), None)
AUTHORITY = Authority(AGENCY, SIGNER.person_id, SIGNER.post_id, (), date(2026, 1, 1), None, withdrawn=False)
CERTIFICATE = Certificate(
    id=uuid4(),
    kind="person",
    person_id=SIGNER.person_id,
    agency_id=None,
    der=b"der",
    chain_pem="",
    spki_sha256="",
    serial="01",
    not_before=NOW - timedelta(days=1),
    not_after=NOW + timedelta(days=1),
    status="active",
)
GOOD = Standing(True, POST, AUTHORITY, (CERTIFICATE,))


def against(standing: Standing, *, now: datetime = NOW) -> list[str]:
    found = authority.problems(SIGNER, standing, agency_id=AGENCY, type_code="CV", now=now)
    return [p.code for p in found]


@pytest.mark.parametrize(
    ("standing", "codes"),
    [
        (GOOD, []),
        (replace(GOOD, active=False), ["person_inactive"]),
        (Standing(None, None, None, ()), ["person_inactive", "post_not_valid", "authority_not_valid"]),
        (replace(GOOD, post=replace(POST, roles=("clerk",))), ["post_not_valid"]),
        (replace(GOOD, post=replace(POST, valid_until=date(2026, 11, 21))), ["post_not_valid"]),
        (replace(GOOD, post=replace(POST, valid_from=date(2026, 11, 23))), ["post_not_valid"]),
        (replace(GOOD, authority=replace(AUTHORITY, withdrawn=True)), ["authority_not_valid"]),
        (replace(GOOD, authority=replace(AUTHORITY, agency_id=uuid4())), ["authority_not_valid"]),
        (replace(GOOD, authority=replace(AUTHORITY, person_id=uuid4())), ["authority_not_valid"]),
        (replace(GOOD, authority=replace(AUTHORITY, post_id=uuid4())), ["authority_not_valid"]),
        (replace(GOOD, authority=replace(AUTHORITY, document_types=("QĐ",))), ["authority_not_valid"]),
        (replace(GOOD, authority=replace(AUTHORITY, document_types=("QĐ", "CV"))), []),
    ],
)
def test_every_reason_against_a_signer_is_said_at_once(standing: Standing, codes: list[str]) -> None:
    assert against(standing) == codes


def test_a_day_is_a_day_in_vietnam() -> None:
    last_day = replace(GOOD, authority=replace(AUTHORITY, valid_until=date(2026, 11, 22)))
    assert against(last_day, now=datetime(2026, 11, 22, 16, 59, tzinfo=UTC)) == []
    assert against(last_day, now=datetime(2026, 11, 22, 17, 0, tzinfo=UTC)) == ["authority_not_valid"]


def test_only_a_persons_own_good_certificate_will_do() -> None:
    def problem(certificate: Certificate, der: bytes = b"der") -> str | None:
        found = authority.certificate_problem([certificate], der, person_id=SIGNER.person_id, now=NOW)
        return found.code if found else None

    assert problem(CERTIFICATE) is None
    assert problem(CERTIFICATE, b"another") == "certificate_not_registered"
    assert problem(replace(CERTIFICATE, person_id=uuid4())) == "certificate_not_registered"
    assert problem(replace(CERTIFICATE, kind="seal")) == "certificate_not_registered"
    for status, code in (("revoked", "revoked"), ("suspended", "revoked"), ("renewed", "expired")):
        assert problem(replace(CERTIFICATE, status=status)) == f"certificate_{code}"
    assert problem(replace(CERTIFICATE, not_after=NOW - timedelta(seconds=1))) == "certificate_expired"
    assert problem(replace(CERTIFICATE, not_before=NOW + timedelta(seconds=1))) == "certificate_expired"


def test_one_good_certificate_is_enough_and_without_any_the_newest_ones_reason_is_said() -> None:
    old = replace(CERTIFICATE, not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=2))
    assert authority.no_usable([old, CERTIFICATE], NOW) is None
    newest = replace(CERTIFICATE, status="revoked")
    found = authority.no_usable([old, newest], NOW)
    assert found is not None
    assert found.code == "certificate_revoked"
    nothing = authority.no_usable([], NOW)
    assert nothing is not None
    assert nothing.code == "no_certificate"


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (60, True), (61, False)])
def test_signing_fails_closed_without_fresh_word(age: int, fresh: bool) -> None:  # noqa: FBT001  a parameter of the table
    as_of = NOW - timedelta(seconds=age)
    if fresh:
        authority.check_fresh(as_of, NOW, 60)
    else:
        assert refused(lambda: authority.check_fresh(as_of, NOW, 60)) == "registry_copy_stale"
    assert refused(lambda: authority.check_fresh(None, NOW, 60)) == "registry_copy_stale"


# --- a signature in two calls


def preparation(**changed: Any) -> Preparation:
    made = Preparation(
        id=uuid4(),
        document_id=UUID(int=7),
        agency_id=AGENCY,
        person_id=UUID(int=100),
        ordinal=1,
        base_sha256="1" * 64,
        certificate_id=uuid4(),
        state=PreparationState.PREPARED,
        expires_at=NOW + LEASE,
        prepared={},
    )
    return replace(made, **changed)


def test_a_completion_counts_once_in_time_and_on_its_own_base() -> None:
    assert check_completion(preparation(), NOW)
    assert not check_completion(preparation(state=PreparationState.COMPLETING), NOW + 2 * LEASE)
    assert not check_completion(preparation(state=PreparationState.COMPLETED, prepared=None), NOW)
    assert refused(lambda: check_completion(preparation(), NOW + 2 * LEASE)) == "preparation_expired"
    assert refused(lambda: check_completion(preparation(prepared=None), NOW)) == "preparation_expired"
    assert refused(lambda: check_completion(preparation(state=PreparationState.FAILED), NOW)) == "preparation_failed"
    check_base(awaiting(), preparation())
    assert refused(lambda: check_base(sign(awaiting(2), 2), preparation())) == BASE_CHANGED.code
    assert refused(lambda: check_base(awaiting(), preparation(ordinal=2))) == BASE_CHANGED.code
    assert preparation().told_state(NOW + 2 * LEASE) == "expired"
    assert preparation(state=PreparationState.COMPLETING).told_state(NOW + 2 * LEASE) == "completing"


def test_every_kind_of_job_has_a_hand_that_does_it() -> None:
    hands = {
        "prepare",
        "complete",
        "seal",
        "counter_seal",
        "augment",
        "validate",
        "tell_stopped",
        "seal_head",
        "stamp_head",
        "erase",
    }
    assert set(kinds(None)) == hands  # type: ignore[arg-type]
