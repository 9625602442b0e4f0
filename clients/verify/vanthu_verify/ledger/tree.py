"""The hash tree of RFC 6962, §2.1, over leaves at hand."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

WIDTH = 32  # bytes of a hash
EMPTY = hashlib.sha256().digest()


def leaf_of(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def joined(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Hashes(Sequence[bytes]):
    """A row of hashes in 32 bytes each, where a list takes 73: a ledger has millions."""

    def __init__(self, some: Iterable[bytes] = ()) -> None:
        self._all = bytearray()
        for each in some:
            self.append(each)

    def append(self, one: bytes) -> None:
        if len(one) != WIDTH:
            raise ValueError("no hash of SHA-256")
        self._all += one

    def __len__(self) -> int:
        return len(self._all) // WIDTH

    def __iter__(self) -> Iterator[bytes]:
        return (bytes(self._all[at : at + WIDTH]) for at in range(0, len(self._all), WIDTH))

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        at = place if place >= 0 else place + len(self)
        if not 0 <= at < len(self):
            raise IndexError(place)
        return bytes(self._all[at * WIDTH : (at + 1) * WIDTH])


class Stored:
    """Roots of subtrees as lines of an export say them, by level and index; what is not there has none."""

    def __init__(self, lines: Iterable[tuple[int, int, list[bytes]]]) -> None:
        found: dict[int, list[tuple[int, Hashes]]] = {}
        for level, first, some in lines:
            found.setdefault(level, []).append((first, Hashes(some)))
        self._rows = {level: sorted(rows, key=lambda row: row[0]) for level, rows in found.items()}
        self._firsts = {level: [first for first, _ in rows] for level, rows in self._rows.items()}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def get(self, level: int, index: int, default: bytes) -> bytes:
        place = bisect_right(self._firsts.get(level, ()), index)
        if not place:
            return default
        first, some = self._rows[level][place - 1]
        return some[index - first] if index - first < len(some) else default

    def count(self, level: int) -> int:
        return sum(len(some) for _, some in self._rows.get(level, ()))


class Tree:
    """All whole subtrees over the leaves: `rows[level][index]`, level 0 the leaves."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.rows: list[Sequence[bytes]] = []
        row = leaves
        while row:
            self.rows.append(row)
            row = Hashes(joined(row[n], row[n + 1]) for n in range(0, len(row) - 1, 2))

    @property
    def size(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    def root(self, size: int) -> bytes:
        """Of the first `size` leaves."""
        if not size:
            return EMPTY
        peaks, low = [], 0
        while low < size:
            level = (size - low).bit_length() - 1
            peaks.append(self.rows[level][low >> level])
            low += 1 << level
        found = peaks.pop()
        for left in reversed(peaks):
            found = joined(left, found)
        return found


def climbs(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its audit path lead to (RFC 9162, §2.1.3.2); None when the path does not fit the place."""
    if not 0 <= index < size:
        return None
    found, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            found = joined(sibling, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = joined(found, sibling)
        index, last = index >> 1, last >> 1
    return found if last == 0 else None
