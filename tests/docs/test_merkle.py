"""The hash tree of RFC 6962: known answers, and proofs for every place of every small tree."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest

from services.docs.ledger import merkle
from services.docs.ledger.merkle import Node

# The test tree of the RFC 6962 reference implementation: its entries, and its roots by size.
ENTRIES = [
    bytes.fromhex(e)
    for e in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """The definition of section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()


class Log:
    """A tree that grows in pieces, as the sequencer's does, with its nodes kept."""

    def __init__(self, leaves: Sequence[bytes], piece: int) -> None:
        self.nodes: dict[Node, bytes] = {}
        self.peaks: list[bytes] = []
        for start in range(0, len(leaves), piece):
            self.peaks, made = merkle.grow(start, self.peaks, leaves[start : start + piece])
            assert not made.keys() & self.nodes.keys(), "a node that is whole never changes"
            self.nodes |= made

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        return [self.nodes[node] for node in nodes]


def climb(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.3.2: from a leaf and its path to the root."""
    found, last = leaf, size - 1
    for sibling in path:
        if index & 1 or index == last:
            found = merkle.node_hash(sibling, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = merkle.node_hash(found, sibling)
        index, last = index >> 1, last >> 1
    assert last == 0
    return found


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_of_the_standard(size: int) -> None:
    log = Log([merkle.leaf_hash(e) for e in ENTRIES[:size]], piece=3)
    assert merkle.root(log.peaks).hex() == ROOTS[size]


def test_an_empty_log_has_the_hash_of_nothing() -> None:
    assert merkle.root([]) == hashlib.sha256().digest()


@pytest.mark.parametrize("piece", [1, 2, 5, 64])
def test_every_entry_of_every_tree_is_proven(piece: int) -> None:
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(40)]
    log = Log(leaves, piece)
    for size in range(1, 41):
        wanted = plain_root(leaves[:size])
        assert merkle.root(log.hashes(merkle.peak_nodes(size))) == wanted
        for index in range(size):
            path = merkle.inclusion(index, size, log.hashes)
            assert climb(leaves[index], index, size, path) == wanted


def test_a_leaf_outside_the_tree_has_no_proof() -> None:
    log = Log([merkle.leaf_hash(b"a")], 1)
    for index, size in ((1, 1), (-1, 1), (0, 0)):
        with pytest.raises(ValueError, match="not in the tree"):
            merkle.inclusion(index, size, log.hashes)
