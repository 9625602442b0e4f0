"""What became of a row of leaves: which were changed, removed, inserted, moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 50  # positions named of a kind; more say nothing more


@dataclass(frozen=True, slots=True)
class Differences:
    """`removed` are positions before, the others positions now."""

    changed: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    inserted: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()

    @property
    def any(self) -> bool:
        return bool(self.changed or self.removed or self.inserted or self.moved)


def differences(before: Sequence[bytes], now: Sequence[bytes], *, grown: bool) -> Differences:
    """How `now` differs from `before`; with `grown` what follows the last of them is no difference. `before` is not empty.

    1. What both begin and end with alike is left out. 2. A leaf that only one side has was changed where the other side
    has a stranger at the same place, else removed or inserted. 3. Of what both have, the order is compared.
    """
    if grown:
        end = next((n for n in range(len(now), 0, -1) if now[n - 1] == before[-1]), len(before))
        now = now[:end]
    start = _alike(before, now)
    if start == len(before) == len(now):
        return Differences()
    tail = min(_alike(before[::-1], now[::-1]), len(before) - start, len(now) - start)  # 1
    old, new = before[start : len(before) - tail], now[start : len(now) - tail]
    in_old, in_new = Counter(old), Counter(new)
    gone = [n for n, leaf in enumerate(old) if leaf not in in_new]  # 2
    come = [n for n, leaf in enumerate(new) if leaf not in in_old]
    changed = sorted(set(gone) & set(come)) if len(gone) == len(come) or len(old) == len(new) else []
    place = {leaf: n for n, leaf in enumerate(old)}
    common = [(n, place[leaf]) for n, leaf in enumerate(new) if leaf in place]
    wanted = sorted(was for _, was in common)
    moved = [n for (n, was), right in zip(common, wanted, strict=True) if was != right]  # 3
    return Differences(
        _shown(changed, start),
        _shown([n for n in gone if n not in changed], start),
        _shown([n for n in come if n not in changed], start),
        _shown(moved, start),
    )


def _alike(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _shown(places: list[int], start: int) -> tuple[int, ...]:
    return tuple(start + n for n in places[:SHOWN])
