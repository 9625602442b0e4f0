"""The hash tree of RFC 6962, §2.1, over leaves at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()


def leaf_of(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def joined(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """All whole subtrees over the leaves: `rows[level][index]`, level 0 the leaves."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.rows: list[Sequence[bytes]] = []
        row = leaves
        while row:
            self.rows.append(row)
            row = [joined(row[n], row[n + 1]) for n in range(0, len(row) - 1, 2)]

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
