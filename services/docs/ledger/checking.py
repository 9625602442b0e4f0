"""A look at the whole ledger from inside: what disk or hand damaged shows at once. Against whoever has the database only
the export and heads that others kept prove anything (`python -m vanthu_verify.ledger`).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.docs.ledger import merkle, store
from shared import db

CHUNK = 1000
NAMED = 50  # damaged entries that are named; more say nothing more


@dataclass(frozen=True, slots=True)
class Found:
    """`damaged` are positions whose entry is missing or is not what was hashed, `disagreeing` sizes of heads that say
    another root.
    """

    log_id: UUID
    entries: int
    heads: int
    damaged: tuple[int, ...]
    disagreeing: tuple[int, ...]

    @property
    def sound(self) -> bool:
        return not self.damaged and not self.disagreeing


def check(pool: db.Pool) -> Found:
    """One transaction a chunk, so that nothing waits for it."""
    with db.transaction(pool) as tx:
        tree = store.get_tree(tx)
        heads = [store.head_of(row) for row in store.list_heads(tx, before=None, limit=1_000_000)]
    roots = {tree.size: tree.root}
    damaged: list[int] = []
    peaks: list[bytes] = []
    sizes = sorted({head.size for head in heads} | {tree.size})
    for low, high in zip([0, *sizes], sizes, strict=False):
        for start in range(low, high, CHUNK):
            end = min(start + CHUNK, high)
            leaves, wrong = _leaves(pool, start, end)
            peaks, _ = merkle.grow(start, peaks, leaves)
            damaged += wrong
        roots[high] = merkle.root(peaks)
    disagreeing = sorted({head.size for head in heads if roots.get(head.size) != head.root})
    if roots[tree.size] != tree.root:
        disagreeing.append(tree.size)
    return Found(tree.log_id, tree.size, len(heads), tuple(damaged[:NAMED]), tuple(disagreeing))


def _leaves(pool: db.Pool, start: int, end: int) -> tuple[list[bytes], list[int]]:
    """The hashes of what stands there now, of what is missing the stored one, and the positions that are wrong."""
    with db.transaction(pool) as tx:
        store.see_whole(tx)
        rows = {row["pos"]: bytes(row["event"]) for row in store.list_entries(tx, start=start, end=end)}
        stored = {
            first + n: each
            for first, hashes in store.list_nodes(tx, 0, start=start, end=end)
            for n, each in enumerate(hashes)
        }
    leaves, wrong = [], []
    for position in range(start, end):
        now = merkle.leaf_hash(rows[position]) if position in rows else None
        if now is None or now != stored.get(position):
            wrong.append(position)
        leaves.append(now or stored.get(position, bytes(32)))
    return leaves, wrong
