"""The places of a document as data: what stands where, who may move it, and what is no place for it.

Pure rules. Boxes are in points on the page as shown (placement.py finds them).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.signing.box import MM, Box
from services.signing.domain import Document, State
from services.signing.refusals import PLACE_OUTSIDE_PAGE
from services.signing.refusals_places import (
    PLACE_TOO_SMALL,
    PLACE_UNKNOWN,
    PLACES_FIXED,
    PLACES_NOT_READY,
    PLACES_OVERLAP,
)
from shared.errors import Rejected
from shared.events import Actor, BlobRef

NUMBER, DAY, MONTH, SEAL = "number", "day", "month", "seal"
BLANKS = (NUMBER, DAY, MONTH)
LABELS = {NUMBER: "số văn bản", DAY: "ngày ban hành", MONTH: "tháng ban hành", SEAL: "con dấu"}
CLERK = "clerk"  # the basis of what a person placed
LEAST_SIGNATURE = (30, 12)  # mm
LEAST_BLANK = (4, 3)
LINE_HEIGHT = 16.25  # points of a blank's field, of which a quarter lies below the base line
TOLERANCE = 1.0

Size = tuple[float, float]


def co_seal_place(ordinal: int) -> str:
    """What the place of a co-issuer's seal is called."""
    return f"co_seal_{ordinal}"


def is_seal(what: str) -> bool:
    return what == SEAL or what.startswith("co_seal_")


def signer_place(ordinal: int) -> str:
    """What the place of the signer with this ordinal is called."""
    return f"signer_{ordinal}"


@dataclass(frozen=True, slots=True)
class Place:
    """One field: `what` it is for, `basis` how it was found (placement.Area), or "clerk" when a person put it there."""

    what: str
    box: Box
    found: bool
    basis: str

    def to_json(self) -> dict[str, Any]:
        b = self.box
        box = [round(v, 2) for v in (b.x0, b.y0, b.x1, b.y1)]
        return {"what": self.what, "page": b.page, "box": box, "found": self.found, "basis": self.basis}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Place:
        return cls(value["what"], Box(value["page"], *value["box"]), value["found"], value["basis"])


@dataclass(frozen=True, slots=True)
class Placing:
    """The places of one round of a document. `pages` are the sizes as shown; `waits`: the clerk has to confirm them."""

    document_id: UUID
    agency_id: UUID
    round: datetime
    approved: BlobRef
    waits: bool
    pages: tuple[Size, ...]
    places: tuple[Place, ...]
    notices: tuple[dict[str, str], ...] = ()
    set_by: Actor | None = None
    set_at: datetime | None = None
    version: int = 1

    @property
    def given(self) -> tuple[Place, ...]:
        """What a person decided; nothing while it is only what was found."""
        return self.places if self.set_by else ()


def label(what: str, document: Document) -> str:
    """A place as people name it: the signer with their post, or what is filled in."""
    named = {signer_place(s.ordinal): f"{s.name} ({s.post})" for s in document.signers}
    named |= {co_seal_place(c.ordinal): f"con dấu {c.name}" for c in document.terms.co_issuers}
    return named.get(what) or LABELS.get(what, what)


def is_movable(document: Document, placing: Placing | None) -> bool:
    """Until the first signature is handed in; not while the document is being prepared."""
    if placing is None or placing.round != document.ordered_at:
        return False
    waits = document.state is State.PREPARING and placing.waits
    unsigned = document.state is State.AWAITING_SIGNATURE and all(s.signed_at is None for s in document.signers)
    return waits or unsigned


def move(
    document: Document, placing: Placing, wanted: Sequence[tuple[str, Box]], *, by: Actor, at: datetime
) -> Placing:
    """The clerk's places instead; what is not named stays. Rejected when one can't be, with nothing changed."""
    if not is_movable(document, placing):
        preparing = document.state is State.PREPARING
        raise Rejected(PLACES_NOT_READY if preparing else PLACES_FIXED)
    known = {place.what: place for place in placing.places}
    for what, box in wanted:
        if what not in known:
            raise Rejected(PLACE_UNKNOWN, what=what[:40])
        known[what] = Place(what, fitted(what, box, known[what].box.width), found=True, basis=CLERK)
    places = tuple(replace(place, found=True, basis=CLERK) for place in known.values())
    check(places, placing.pages, {what: label(what, document) for what in known})
    return replace(placing, places=places, waits=False, set_by=by, set_at=at)


def prepare_again(document: Document, placing: Placing, at: datetime) -> Document:
    """The document back at its approved bytes, to get its fields anew: what was begun over the older ones is stale."""
    return replace(
        document,
        state=State.PREPARING,
        content=placing.approved,
        delayed=None,
        waiting_since=at,
    )


def fitted(what: str, box: Box, diameter: float) -> Box:
    """A seal keeps its actual size, `diameter` points, around its middle; a blank the height of its line above its
    lower edge.
    """
    if is_seal(what):
        (x, y), half = box.middle, diameter / 2
        return Box(box.page, x - half, y - half, x + half, y + half)
    if what in BLANKS:
        return replace(box, y0=box.y1 - LINE_HEIGHT)
    return box


def check(places: Sequence[Place], pages: Sequence[Size], labels: Mapping[str, str]) -> None:
    """Rejected for a place outside of its page, too small to be read, or over another one (the seal lies over all)."""
    for place in places:
        box, name = place.box, labels[place.what]
        if not 1 <= box.page <= len(pages) or not _is_inside(box, pages[box.page - 1]):
            raise Rejected(PLACE_OUTSIDE_PAGE, field=name, page=box.page)
        if not is_seal(place.what):
            width, height = LEAST_BLANK if place.what in BLANKS else LEAST_SIGNATURE
            if box.width < width * MM - 0.1 or box.height < height * MM - 0.1:
                raise Rejected(PLACE_TOO_SMALL, label=name, width=width, height=height)
    for one, other in itertools.combinations([p for p in places if not is_seal(p.what)], 2):
        if one.box.overlap(other.box) > 1:
            raise Rejected(PLACES_OVERLAP, label=labels[one.what], other=labels[other.what])


def _is_inside(box: Box, size: Size) -> bool:
    width, height = size
    right_way = box.x0 < box.x1 and box.y0 < box.y1
    near = box.x0 >= -TOLERANCE and box.y0 >= -TOLERANCE
    return right_way and near and box.x1 <= width + TOLERANCE and box.y1 <= height + TOLERANCE
