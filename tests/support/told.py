"""Invariant 9 seen from the rows: whatever transaction of a request left a row left a fact or an act with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from shared.acts import BOOKKEEPING
from shared.events import TYPES, Fact

FACTS = sorted(name for name, kind in TYPES.items() if kind.TOPIC.kind == "fact" and issubclass(kind, Fact))


def mark(owner: psycopg.Connection[Any]) -> int:
    """Transactions that begin after this one are newer."""
    row = owner.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    assert row
    return int(row[0])


def told_since(owner: psycopg.Connection[Any], since: int) -> list[str]:
    """The types of facts and acts in the outbox of transactions after `since`, in their order."""
    rows = owner.execute(
        "SELECT type FROM outbox WHERE xmin::text::bigint > %s AND type = ANY(%s) ORDER BY pos", [since, FACTS]
    ).fetchall()
    return [row[0] for row in rows]


def untold(owner: psycopg.Connection[Any], since: int, *, besides: Collection[str] = ()) -> list[str]:
    """Tables in which a transaction after `since` left a row without any fact or act; `owner` sees every row.

    What came in by events is told by whoever stated them: such transactions left a row in the inbox.
    """
    left_out = BOOKKEEPING | {"outbox", "token_key", "schema_version", *besides}
    tables = [
        row[0]
        for row in owner.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        if row[0] not in left_out
    ]
    rows = SQL(" UNION ALL ").join(
        SQL("SELECT DISTINCT {} AS name, xmin::text::bigint AS tx FROM {} WHERE xmin::text::bigint > {}").format(
            Literal(name), Identifier(name), Literal(since)
        )
        for name in tables
    )
    query = SQL(
        "SELECT name FROM ({}) AS wrote WHERE tx NOT IN (SELECT xmin::text::bigint FROM outbox WHERE type = ANY({}))"
        " AND tx NOT IN (SELECT xmin::text::bigint FROM inbox) AND tx NOT IN (SELECT xmin::text::bigint FROM followed)"
        " ORDER BY 1"
    ).format(rows, Literal(FACTS))
    return [row[0] for row in owner.execute(query)]
