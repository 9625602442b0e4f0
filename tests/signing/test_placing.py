"""The rules of places: who may move them and until when, and what is no place for a signature."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.signing import domain, placing
from services.signing.box import MM, Box
from services.signing.domain import Document, State
from services.signing.placing import SEAL, Place, Placing, signer_place
from shared.errors import Rejected
from shared.events import Actor, BlobRef
from tests.signing import office as world

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
BY = Actor(name="Lê Thị Văn Thư")
A4 = (595.0, 842.0)
FIRST, SECOND = signer_place(1), signer_place(2)


def blob(name: str) -> BlobRef:
    return BlobRef(prefix="signing", sha256=name * 64, size=1, media_type="application/pdf")


def document(state: State = State.AWAITING_SIGNATURE, signed_at: datetime | None = None) -> Document:
    signer = domain.Signer(
        ordinal=1,
        person_id=UUID(int=1),
        post_id=UUID(int=2),
        authority_id=UUID(int=3),
        name="Nguyễn Văn Bình",
        post="Chủ tịch",
        capacity="TM.",
        block=(),
        signed_at=signed_at,
    )
    return Document(
        id=UUID(int=7),
        agency_id=UUID(int=8),
        state=state,
        descriptor=world.descriptor(),
        filename="cv.pdf",
        author_id=UUID(int=9),
        signers=(signer, replace(signer, ordinal=2, name="Phạm Thị Phó", signed_at=None)),
        content=blob("b"),
        ordered_at=AT,
        waiting_since=AT,
    )


def places(**changed: object) -> Placing:
    made = Placing(
        document_id=UUID(int=7),
        agency_id=UUID(int=8),
        round=AT,
        approved=blob("a"),
        waits=False,
        pages=(A4, A4),
        places=(
            Place(FIRST, Box(1, 340, 600, 500, 700), found=True, basis="name_post"),
            Place(SECOND, Box(1, 90, 600, 250, 700), found=False, basis="default"),
            Place(SEAL, Box(1, 290, 600, 290 + 36 * MM, 600 + 36 * MM), found=True, basis="signature"),
        ),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def test_a_clerk_moves_a_place_and_the_others_stay() -> None:
    after = placing.move(document(), places(), [(FIRST, Box(2, 100, 100, 260, 180))], by=BY, at=AT)
    first, second, seal = after.places
    assert (first.box, first.basis, first.found) == (Box(2, 100, 100, 260, 180), "clerk", True)
    assert second.box == Box(1, 90, 600, 250, 700)
    assert second.found, "what the clerk saw and left is confirmed"
    assert seal.box.page == 1
    assert (after.set_by, after.given) == (BY, after.places)


def test_the_seal_keeps_its_actual_size_wherever_it_is_dragged() -> None:
    after = placing.move(document(), places(), [(SEAL, Box(1, 100, 100, 130, 300))], by=BY, at=AT)
    box = after.places[2].box
    assert (box.width / MM, box.height / MM) == pytest.approx((36, 36))
    assert box.middle == pytest.approx((115, 200))


def test_before_the_first_signature_only() -> None:
    standing = places()
    assert placing.is_movable(document(), standing)
    assert placing.is_movable(document(State.PREPARING), places(waits=True))
    for state, code in (
        (State.PREPARING, "places_not_ready"),
        (State.COMPLETING, "places_fixed"),
        (State.SIGNED, "places_fixed"),
        (State.SEALED, "places_fixed"),
        (State.CANCELLED, "places_fixed"),
    ):
        with pytest.raises(Rejected) as refused:
            placing.move(document(state), standing, [], by=BY, at=AT)
        assert refused.value.code == code
    with pytest.raises(Rejected) as refused:
        placing.move(document(signed_at=AT), standing, [], by=BY, at=AT)
    assert refused.value.code == "places_fixed"
    assert not placing.is_movable(document(), places(round=datetime(2026, 11, 1, tzinfo=UTC))), "of an earlier round"


@pytest.mark.parametrize(
    ("what", "box", "code"),
    [
        (FIRST, Box(3, 100, 100, 260, 180), "place_outside_page"),
        (FIRST, Box(1, 500, 100, 660, 180), "place_outside_page"),
        (FIRST, Box(1, 100, 780, 260, 860), "place_outside_page"),
        (FIRST, Box(1, 260, 100, 100, 180), "place_outside_page"),
        (FIRST, Box(1, 300, 100, 340, 180), "place_too_small"),
        (FIRST, Box(1, 240, 620, 400, 690), "places_overlap"),
        (SEAL, Box(1, 570, 100, 590, 180), "place_outside_page"),
        ("vanthu_number", Box(1, 10, 10, 50, 40), "place_unknown"),
    ],
)
def test_what_is_no_place_is_refused_in_both_languages(what: str, box: Box, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        placing.move(document(), places(), [(what, box)], by=BY, at=AT)
    assert refused.value.code == code
    assert refused.value.sentence.vi
    assert refused.value.sentence.en


def test_prepared_again_from_the_approved_bytes() -> None:
    again = placing.prepare_again(document(), places(), AT)
    assert (again.state, again.content) == (State.PREPARING, blob("a"))
