"""The ledger in PostgreSQL: entries, the nodes of their tree, and its heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.docs.ledger import merkle, refusals
from services.docs.ledger.domain import Entry, Head, Tree
from services.docs.ledger.merkle import Node
from services.docs.step import Reason
from services.docs.store import reason_json
from services.docs.text import fold
from shared.db import Tx
from shared.errors import NotFound, Rejected

Row = dict[str, Any]


def see_whole(tx: Tx) -> None:
    """From here to the end of the transaction entries of all agencies are seen: for those who check the ledger itself."""
    tx.execute("SELECT set_config('vanthu.ledger', 'whole', true)")


# --- growing


def lock_tree(tx: Tx) -> Tree:
    """The tree, held until the end of the transaction: entries are appended by one at a time."""
    return _tree(tx.execute("SELECT log_id, size, peaks FROM ledger_tree FOR UPDATE").fetchone())


def get_tree(tx: Tx) -> Tree:
    return _tree(tx.execute("SELECT log_id, size, peaks FROM ledger_tree").fetchone())


def append(tx: Tx, entries: Sequence[Entry]) -> int:
    """Append those that are new, in their order; how many. An event counts once, however often it is delivered."""
    tree = lock_tree(tx)
    see_whole(tx)
    rows = tx.execute(
        "SELECT event_id, source FROM ledger_entry WHERE event_id = ANY(%s)", [[e.event_id for e in entries]]
    ).fetchall()
    known = {(row["event_id"], row["source"]) for row in rows}
    fresh: list[Entry] = []
    for entry in entries:
        if (entry.event_id, entry.source) not in known:
            known.add((entry.event_id, entry.source))
            fresh.append(entry)
    if not fresh:
        return 0
    peaks, made = merkle.grow(tree.size, tree.peaks, [merkle.leaf_hash(e.event) for e in fresh])
    with tx.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger_entry"
            " (pos, event_id, source, topic, key, seq, type, at, agency_id, person_id, subjects, event, kind)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    pos,
                    e.event_id,
                    e.source,
                    e.topic,
                    e.key,
                    e.seq,
                    e.type,
                    e.at,
                    e.agency_id,
                    e.person_id,
                    [*e.subjects],
                    e.event,
                    e.kind,
                )
                for pos, e in enumerate(fresh, start=tree.size)
            ],
        )
        cursor.executemany(
            "INSERT INTO ledger_node (level, index, hash) VALUES (%s, %s, %s)",
            [(level, index, digest) for (level, index), digest in made.items()],
        )
    tx.execute("UPDATE ledger_tree SET size = %s, peaks = %s", [tree.size + len(fresh), list(peaks)])
    return len(fresh)


# --- reading


def list_entries(tx: Tx, *, start: int, end: int) -> list[Row]:
    """Entries [start, end) that the transaction may see, in order."""
    return tx.execute("SELECT * FROM ledger_entry WHERE pos >= %s AND pos < %s ORDER BY pos", [start, end]).fetchall()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for: about one thing or a document's number, by a person or whoever is called so, of some
    kinds, of a period (from its first instant to before its end).
    """

    subject: UUID | None = None
    person: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    name: str = ""
    number: str = ""
    kinds: tuple[str, ...] = ()


def find_entries(tx: Tx, wanted: Wanted, *, before: int | None, limit: int) -> list[Row]:
    """Entries that the transaction may see, newest first."""
    subjects = _numbered(tx, wanted.number) if wanted.number else None
    people = _called(tx, wanted.name) if wanted.name else None
    return tx.execute(
        "SELECT * FROM ledger_entry WHERE (%(subject)s::uuid IS NULL OR subjects @> ARRAY[%(subject)s::uuid])"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s)"
        " AND (%(people)s::uuid[] IS NULL OR person_id = ANY(%(people)s))"
        " AND (%(subjects)s::uuid[] IS NULL OR subjects && %(subjects)s)"
        " AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))"
        " AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR at < %(until)s)"
        " AND (%(before)s::bigint IS NULL OR pos < %(before)s) ORDER BY pos DESC LIMIT %(limit)s",
        {
            "subject": wanted.subject,
            "person": wanted.person,
            "people": people,
            "subjects": subjects,
            "kinds": list(wanted.kinds) or None,
            "since": wanted.since,
            "until": wanted.until,
            "before": before,
            "limit": limit,
        },
    ).fetchall()


def _called(tx: Tx, name: str) -> list[UUID]:
    """People in whose name all these words stand, with or without their marks."""
    words = fold(name).split()
    rows = tx.execute("SELECT person_id, name FROM person").fetchall()
    return [row["person_id"] for row in rows if all(word in fold(row["name"]) for word in words)]


def _numbered(tx: Tx, number: str) -> list[UUID]:
    """What has this number and symbol, of what the transaction may see: documents and arrivals, with their deliveries."""
    rows = tx.execute(
        "SELECT d.id FROM document d WHERE lower(d.number_symbol) = lower(%(number)s)"
        " UNION SELECT v.id FROM document d JOIN delivery v ON v.document_id = d.id WHERE lower(d.number_symbol) = lower(%(number)s)"
        " UNION SELECT unnest(ARRAY[i.id, i.delivery_id]) FROM incoming i WHERE i.number_key = lower(%(number)s)",
        {"number": number.strip()},
    ).fetchall()
    return [row["id"] for row in rows]


def name_subjects(tx: Tx, subjects: Sequence[UUID]) -> dict[UUID, str]:
    """How documents and arrivals are called, by their ids and those of their deliveries; what is not there for the
    transaction has no name.
    """
    rows = tx.execute(
        "SELECT d.id, coalesce(d.number_symbol, d.type_name) AS number, d.abstract FROM document d WHERE d.id = ANY(%(ids)s)"
        " UNION ALL SELECT v.id, coalesce(d.number_symbol, d.type_name), d.abstract FROM delivery v"
        "  JOIN document d ON d.id = v.document_id WHERE v.id = ANY(%(ids)s)"
        " UNION ALL SELECT each.id, coalesce(i.descriptor ->> 'number_symbol', i.descriptor ->> 'type_name'),"
        "  i.descriptor ->> 'abstract' FROM incoming i CROSS JOIN LATERAL unnest(ARRAY[i.id, i.delivery_id]) each (id)"
        "  WHERE each.id = ANY(%(ids)s) AND (i.id = ANY(%(ids)s) OR i.delivery_id = ANY(%(ids)s))",
        {"ids": list(subjects)},
    ).fetchall()
    return {row["id"]: f"{row['number']}: {row['abstract']}"[:160] for row in rows}


def get_entry(tx: Tx, pos: int) -> Row:
    row = tx.execute("SELECT * FROM ledger_entry WHERE pos = %s", [pos]).fetchone()
    if row is None:
        raise NotFound("ledger entry")
    return row


def hashes(tx: Tx, nodes: Sequence[Node]) -> list[bytes]:
    """Stored hashes in the order asked for; Rejected(ledger_damaged) when one is not there."""
    rows = tx.execute(
        "SELECT n.hash FROM unnest(%s::smallint[], %s::bigint[]) WITH ORDINALITY AS w (level, index, place)"
        " LEFT JOIN ledger_node n USING (level, index) ORDER BY w.place",
        [[level for level, _ in nodes], [index for _, index in nodes]],
    ).fetchall()
    if any(row["hash"] is None for row in rows):
        raise Rejected(refusals.DAMAGED)
    return [bytes(row["hash"]) for row in rows]


def list_nodes(tx: Tx, level: int, *, start: int, end: int) -> list[tuple[int, list[bytes]]]:
    """Stored hashes of a level, [start, end): runs without a gap, each with the index of its first."""
    rows = tx.execute(
        "SELECT index, hash FROM ledger_node WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
        [level, start, end],
    ).fetchall()
    runs: list[tuple[int, list[bytes]]] = []
    for row in rows:
        if not runs or row["index"] != runs[-1][0] + len(runs[-1][1]):
            runs.append((row["index"], []))
        runs[-1][1].append(bytes(row["hash"]))
    return runs


def root_at(tx: Tx, size: int) -> bytes:
    """The root of the tree when it had this many leaves."""
    return merkle.root(hashes(tx, merkle.peak_nodes(size)))


# --- heads


def add_head(tx: Tx, head: Head) -> None:
    tx.execute(
        "INSERT INTO ledger_head (id, size, root, ordered_at) VALUES (%s, %s, %s, %s)",
        [head.id, head.size, head.root, head.ordered_at],
    )


def lock_head(tx: Tx, head_id: UUID) -> Head | None:
    row = tx.execute("SELECT * FROM ledger_head WHERE id = %s FOR UPDATE", [head_id]).fetchone()
    return head_of(row) if row else None


def seal_head(tx: Tx, head_id: UUID, signature: bytes, stamped_at: datetime | None) -> None:
    tx.execute(
        "UPDATE ledger_head SET signature = %s, stamped_at = %s, delayed = NULL WHERE id = %s",
        [signature, stamped_at, head_id],
    )


def delay_head(tx: Tx, head_id: UUID, reason: Reason) -> bool:
    """Keep why it waits; False when there is no such head."""
    if tx.execute("SELECT 1 AS one FROM ledger_head WHERE id = %s", [head_id]).fetchone() is None:
        return False
    tx.execute(
        "UPDATE ledger_head SET delayed = %s WHERE id = %s AND signature IS NULL", [reason_json(reason), head_id]
    )
    return True


def latest_head(tx: Tx, *, sealed: bool = False) -> Head | None:
    row = tx.execute(
        "SELECT * FROM ledger_head WHERE NOT %s OR signature IS NOT NULL ORDER BY ordered_at DESC, size DESC LIMIT 1",
        [sealed],
    ).fetchone()
    return head_of(row) if row else None


def list_heads(tx: Tx, *, before: datetime | None, limit: int) -> list[Row]:
    """Newest first, with the reason why one is not sealed yet."""
    return tx.execute(
        "SELECT * FROM ledger_head WHERE ordered_at < coalesce(%s::timestamptz, 'infinity') ORDER BY ordered_at DESC, size DESC LIMIT %s",
        [before, limit],
    ).fetchall()


def _tree(row: Row | None) -> Tree:
    assert row is not None  # noqa: S101  the migration makes the one row
    return Tree(row["log_id"], row["size"], tuple(bytes(p) for p in row["peaks"]))


def head_of(row: Row) -> Head:
    return Head(
        id=row["id"],
        size=row["size"],
        root=bytes(row["root"]),
        ordered_at=row["ordered_at"],
        signature=bytes(row["signature"]) if row["signature"] else None,
        stamped_at=row["stamped_at"],
    )
