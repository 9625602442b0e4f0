"""The sentence of a reason that was kept by its code alone: why a job waits, why a debt can't be paid.

The values that a sentence names are gone by then; each stands as three dots.
"""

from __future__ import annotations

from services.signing import (
    refusals,
    refusals_check,
    refusals_erasure,
    refusals_picture,
    refusals_places,
    refusals_seal,
)
from shared.errors import Refusal, Sentence

LISTS = (refusals, refusals_check, refusals_erasure, refusals_picture, refusals_places, refusals_seal)
KNOWN = {each.code: each for one in LISTS for each in vars(one).values() if isinstance(each, Refusal)}


class _Gone(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def of(code: str | None) -> Sentence | None:
    """None for a code that is no reason of ours, such as what the watchdog did."""
    found = KNOWN.get(code or "")
    if found is None:
        return None
    return Sentence(vi=found.vi.format_map(_Gone()), en=found.en.format_map(_Gone()))
