"""A signed, numbered and sealed document looks as its draft did outside of the boxes of signature, seal, number and date."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.devpki.server import Running, running
from services.signing import pdf, placement
from services.signing.box import Box
from tests.interop import paper
from tests.support.pixels import differences
from tests.support.sheet import Line, sheet


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


def allowed(draft: bytes) -> list[Box]:
    """The boxes into which paper.issue writes."""
    places = placement.find_places(draft)
    signature = placement.signature_box(places.signature)
    line = [b.box.grown(3) for b in (places.number, places.day, places.month)]
    return [signature, placement.seal_box(signature), *line]


@pytest.mark.parametrize("name", ["01", "02", "03", "07", "08b", "09", "11a", "11b", "12"])
def test_pages_look_the_same_outside_of_the_boxes(pki: Running, name: str) -> None:
    draft = paper.sample(name)
    boxes = allowed(draft)
    prepared = pdf.prepare(draft, paper.plan(draft))
    assert differences(draft, prepared) == [], "empty fields show nothing"
    signed = paper.sign(prepared, paper.person(pki), pki)
    assert differences(draft, signed, boxes[:1]) == []
    issued = paper.seal(signed, paper.agency(pki), pki, pdf.Level.B_T)
    assert differences(draft, issued, boxes) == []
    [changed] = differences(draft, issued, boxes[:1])[-1:]
    assert changed.pixels > 500, "the seal reaches out of the signature's box, and that is seen"


def test_what_a_forger_paints_is_seen(pki: Running) -> None:
    draft = paper.sample("01")
    issued = paper.issue(draft, pki)
    [painted] = differences(issued, paper.draw_over(issued))
    assert (painted.box.page, painted.pixels > 200) == (1, True)
    assert painted.box.overlap(Box(1, 150, 842 - 460, 350, 842 - 400)) > 0


def test_a_page_more_or_of_another_size_differs_as_a_whole() -> None:
    one = sheet([Line("Một trang", 100, 100)])
    two = sheet([Line("Một trang", 100, 100)], [])
    [added] = differences(one, two)
    assert (added.box.page, round(added.box.width)) == (2, 595)
    [turned] = differences(one, sheet([Line("Một trang", 100, 100)], rotate=90))
    assert turned.box.page == 1
