"""From the bytes of a document to the places of its fields: what was found, what a clerk gave, and what deserves a look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.signing.box import MM, Box
from services.signing.placement import Blank, Places, Sought, columns, find_places, place_seal
from services.signing.placing import (
    BLANKS,
    DAY,
    LINE_HEIGHT,
    MONTH,
    NUMBER,
    SEAL,
    Place,
    Size,
    co_seal_place,
    fitted,
    is_seal,
    signer_place,
)
from services.signing.refusals_places import (
    PLACE_BY_LAYOUT,
    PLACE_BY_POST,
    PLACE_COVERS_TEXT,
    PLACE_NOT_FOUND,
    SEAL_COVERS_RECIPIENTS,
    SEAL_MOVED,
)
from services.signing.text_layer import TextLayer, open_text_layer
from shared.errors import Refusal

_INTO_TEXT = 2.0  # points that a box may reach into a line before it covers it


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to look at; `what` names the place."""

    refusal: Refusal
    what: str


@dataclass(frozen=True, slots=True)
class Layout:
    """`pages` are sizes as shown, in points. `missing` are the places that nobody found and nobody gave."""

    places: tuple[Place, ...]
    pages: tuple[Size, ...]
    notices: tuple[Notice, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(place.what for place in self.places if not place.found)

    def box(self, what: str) -> Box:
        return next(place.box for place in self.places if place.what == what)

    def blank(self, what: str) -> Blank | None:
        """A place for number, day or month as pdf_form wants it; None where the document has none."""
        found = next((place for place in self.places if place.what == what), None)
        return Blank(found.box, found.box.y1 - LINE_HEIGHT / 4, found.found) if found else None


def lay_out(
    pdf: bytes,
    signers: Sequence[Sought],
    *,
    seals: Sequence[tuple[int, float]],
    blanks: bool,
    given: Sequence[Place] = (),
) -> Layout:
    """Places for each signer, the seals and, with `blanks`, number and date; those `given` stand as they are.

    `seals` are the leading agency's and then the co-issuers': over the signature of which signer, how many mm wide.
    """
    if given:
        diameters = {what: mm * MM for what, (_, mm) in zip(_seal_names(len(seals)), seals, strict=True)}
        places = tuple(replace(p, box=fitted(p.what, p.box, diameters.get(p.what, 0.0))) for p in given)
        with open_text_layer(pdf) as layer:
            return Layout(places, _sizes(layer), tuple(_covering(layer, places)))
    found = find_places(pdf, signers)
    boxes = columns(found.signatures, found.width)
    areas = zip(found.signatures, boxes, strict=True)
    stamped = [place_seal(boxes[at], mm, found.keep_clear) for at, mm in seals]
    named = zip(_seal_names(len(seals)), stamped, strict=True)
    places = (
        *(Place(signer_place(n), box, area.found, area.basis) for n, (area, box) in enumerate(areas, start=1)),
        *(Place(what, box, found=True, basis="signature") for what, (box, _) in named),
        *(_blank_places(found) if blanks else ()),
    )
    moved = any(moved for _, moved in stamped)
    notices = [*_findings(places), *_about_seals(places, found, moved=moved)]
    with open_text_layer(pdf) as layer:
        guessed = [p for p in places if not p.found]
        return Layout(places, _sizes(layer), (*notices, *_covering(layer, guessed)))


def _seal_names(count: int) -> list[str]:
    return [SEAL, *(co_seal_place(n) for n in range(1, count))]


def _blank_places(found: Places) -> Iterator[Place]:
    for what, blank in ((NUMBER, found.number), (DAY, found.day), (MONTH, found.month)):
        bottom = blank.baseline + LINE_HEIGHT / 4
        box = Box(blank.box.page, blank.box.x0, bottom - LINE_HEIGHT, blank.box.x1, bottom)
        yield Place(what, box, blank.found, "text" if blank.found else "default")


def _findings(places: Sequence[Place]) -> Iterator[Notice]:
    for place in places:
        if not place.found:
            yield Notice(PLACE_NOT_FOUND, place.what)
        elif place.basis == "post":
            yield Notice(PLACE_BY_POST, place.what)
        elif place.basis == "layout":
            yield Notice(PLACE_BY_LAYOUT, place.what)


def _about_seals(places: Sequence[Place], found: Places, *, moved: bool) -> Iterator[Notice]:
    seals = [place for place in places if is_seal(place.what)]
    covering = [seal for seal in seals if any(seal.box.overlap(text) > 0 for text in found.keep_clear)]
    for seal in covering:
        yield Notice(SEAL_COVERS_RECIPIENTS, seal.what)
    if moved and found.keep_clear and not covering:
        yield Notice(SEAL_MOVED, SEAL)


def _covering(layer: TextLayer, places: Sequence[Place]) -> Iterator[Notice]:
    """Places whose ink would lie over words; a seal may touch post and name, not the recipients."""
    for place in places:
        page = place.box.page - 1
        if not 0 <= page < len(layer) or is_seal(place.what):
            continue
        into = _INTO_TEXT if place.what in BLANKS else _INTO_TEXT * 2
        box = place.box.grown(-min(into, MM, place.box.height / 4))
        if any(box.overlap(piece.box) > 1 for piece in layer.page(page).pieces):
            yield Notice(PLACE_COVERS_TEXT, place.what)


def _sizes(layer: TextLayer) -> tuple[Size, ...]:
    return tuple((round(w, 2), round(h, 2)) for w, h in (layer.size(n) for n in range(len(layer))))
