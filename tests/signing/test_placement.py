"""Where number, date, signature and seal belong, held against the boxes that the samples' makers measured."""

from __future__ import annotations

from typing import Any

import pytest

from services.signing.placement import MM, Area, Box, default_places, find_places, seal_box, signature_box
from tests.interop import paper

DOCUMENTS: list[dict[str, Any]] = paper.expectations()["documents"]
READABLE = [d for d in DOCUMENTS if d["text_layer"] == "good"]
UNREADABLE = [d for d in DOCUMENTS if d["text_layer"] != "good"]
TOLERANCE = 2.5  # points; the samples' boxes are whole lines, ours the characters' own boxes


def _places(document: dict[str, Any]) -> dict[str, Any]:
    places = find_places((paper.DATA / document["file"]).read_bytes())
    return {
        "number_blank": places.number,
        "day_blank": places.day,
        "month_blank": places.month,
        "signature_area": places.signature,
    }


@pytest.mark.parametrize("document", READABLE, ids=lambda d: d["file"])
def test_places_are_found_in_the_text_also_on_turned_pages(document: dict[str, Any]) -> None:
    for name, place in _places(document).items():
        expected = document["anchors"][name]
        x0, y0, x1, y1 = expected["box"]
        box = place.box
        assert place.found, name
        assert box.page == expected["page"], name
        assert box.x0 == pytest.approx(x0, abs=TOLERANCE), name
        assert box.x1 == pytest.approx(x1, abs=TOLERANCE), name
        middle = (box.y0 + box.y1) / 2
        assert middle == pytest.approx((y0 + y1) / 2, abs=2 * TOLERANCE), name


@pytest.mark.parametrize("document", UNREADABLE, ids=lambda d: d["file"])
def test_without_a_readable_text_layer_the_clerk_is_asked(document: dict[str, Any]) -> None:
    places = find_places((paper.DATA / document["file"]).read_bytes())
    assert places.text_layer == document["text_layer"]
    assert not places.complete
    for name, place in _places(document).items():
        assert not place.found
        assert place.box.page == document["anchors"][name]["page"]
        assert _overlap(place.box, document["anchors"][name]["box"]) > 0, f"the decree's box is near the {name}"


def _overlap(box: Box, other: list[float]) -> float:
    wide = min(box.x1, other[2]) - max(box.x0, other[0])
    high = min(box.y1, other[3]) - max(box.y0, other[1])
    return max(0, wide) * max(0, high)


def test_the_seal_is_of_actual_size_over_the_left_third_of_the_signature() -> None:
    signature = Box(1, 360, 600, 480, 700)
    seal = seal_box(signature, diameter_mm=36)
    assert (seal.width, seal.height) == pytest.approx((36 * MM, 36 * MM))
    assert seal.x1 == pytest.approx(400), "a third of 120 points is covered"
    assert (seal.y0 + seal.y1) / 2 == 650


def test_a_narrow_signature_area_is_widened_to_hold_name_and_time() -> None:
    assert signature_box(Area(Box(1, 400, 600, 440, 700))).width == pytest.approx(55 * MM)
    assert signature_box(Area(Box(1, 300, 600, 540, 700))).width == pytest.approx(240)


def test_default_places_lie_on_the_page() -> None:
    places = default_places(595, 842, 3, text_layer="none")
    for box in (places.number.box, places.day.box, places.month.box, places.signature.box):
        assert 0 < box.x0 < box.x1 < 595
        assert 0 < box.y0 < box.y1 < 842
    assert places.signature.box.page == 3
