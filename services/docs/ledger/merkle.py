"""The hash tree of RFC 6962, section 2.1: roots, inclusion and consistency proofs, over stored hashes of whole subtrees.

Pure. A node at (level, index) is the root over the leaves [index·2^level, (index+1)·2^level); level 0 are the leaves.
Only nodes whose leaves are all there are ever stored, so nothing stored ever changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

Node = tuple[int, int]  # level, index
Hashes = Callable[[Sequence[Node]], Sequence[bytes]]  # stored hashes, in the order asked for

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """MTH of one entry: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right); the prefix keeps a node from passing as an entry."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(size: int, peaks: Sequence[bytes], leaves: Sequence[bytes]) -> tuple[list[bytes], dict[Node, bytes]]:
    """Append leaf hashes to a tree of `size` leaves; the peaks afterwards, and every node that became whole.

    `peaks` are the roots of the whole subtrees that make up the tree, largest first: one for each bit of its size.
    """
    after, made = list(peaks), dict[Node, bytes]()
    for index, leaf in enumerate(leaves, start=size):
        level, carried, place = 0, leaf, index
        made[0, index] = leaf
        while place & 1:
            level, place, carried = level + 1, place >> 1, node_hash(after.pop(), carried)
            made[level, place] = carried
        after.append(carried)
    return after, made


def root(peaks: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of a tree with these peaks."""
    if not peaks:
        return EMPTY_ROOT
    *left, found = peaks
    for peak in reversed(left):
        found = node_hash(peak, found)
    return found


def inclusion(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the bottom up (section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    return _roots(list(_audit_path(index, 0, size)), hashes)


def consistency(first: int, second: int, hashes: Hashes) -> list[bytes]:
    """The proof that the tree of `first` leaves is the beginning of that of `second` (section 2.1.2)."""
    if not 0 < first <= second:
        raise ValueError("a tree is proven to be the beginning of a later one")
    return _roots(list(_subproof(first, 0, second, whole=True)), hashes)


def peak_nodes(size: int) -> list[Node]:
    """Where the peaks of a tree stand, largest first."""
    return list(_covering(0, size))


def _split(low: int, high: int) -> int:
    """The largest power of two smaller than the number of leaves, counted from `low`."""
    return low + (1 << ((high - low - 1).bit_length() - 1))


def _audit_path(index: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    if high - low == 1:
        return
    middle = _split(low, high)
    if index < middle:
        yield from _audit_path(index, low, middle)
        yield middle, high
    else:
        yield from _audit_path(index, middle, high)
        yield low, middle


def _subproof(first: int, low: int, high: int, *, whole: bool) -> Iterator[tuple[int, int]]:
    if first == high:
        if not whole:
            yield low, high
        return
    middle = _split(low, high)
    if first <= middle:
        yield from _subproof(first, low, middle, whole=whole)
        yield middle, high
    else:
        yield from _subproof(first, middle, high, whole=False)
        yield low, middle


def _covering(low: int, high: int) -> Iterator[Node]:
    """The whole subtrees over [low, high), left to right; `low` is aligned as RFC 6962 splits."""
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _roots(ranges: Sequence[tuple[int, int]], hashes: Hashes) -> list[bytes]:
    """The roots over the ranges, all their stored nodes asked for at once."""
    covering = [list(_covering(low, high)) for low, high in ranges]
    stored = iter(hashes([node for nodes in covering for node in nodes]))
    return [root([next(stored) for _ in nodes]) for nodes in covering]
