"""How often signing looks after what was begun and what runs out, and how early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`owing_for`: a debt that is older is told to people and counts as a risk; `margin`: how long before its end an archive
    time stamp is renewed; `renewals`: how many at a time; `every` in seconds.
    """

    owing_for: timedelta = timedelta(hours=2)
    margin: timedelta = timedelta(days=90)
    renewals: int = 50
    every: float = 30.0
