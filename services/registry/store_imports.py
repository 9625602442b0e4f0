"""Tables of previewed and committed imports: the only SQL about them. Row-level security: of agencies in scope."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.registry.columns import Sheet
from services.registry.planning import Entry, Field, State
from services.registry.sheets import Book, RowError
from services.registry.store import Row
from shared.db import Tx, storable
from shared.errors import NotFound, Sentence

Counts = dict[Sheet, dict[State, int]]
BOOK = TypeAdapter(Book)
KEPT_DAYS = 30  # a preview that nobody committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A previewed file: `plan` is the digest of what committing it does; `counts` by sheet and state."""

    id: UUID
    managed_by: UUID
    filename: str
    sha256: str
    previewed_by: str
    previewed_at: datetime
    counts: Counts
    error_count: int
    plan: str
    committed_by: str | None = None
    committed_at: datetime | None = None


def add(tx: Tx, made: Import, book: Book, entries: Iterable[Entry], errors: Iterable[RowError]) -> None:
    """The book only when it can be committed."""
    tx.execute(
        "DELETE FROM directory_import WHERE committed_at IS NULL AND previewed_at < %s - make_interval(days => %s)",
        [made.previewed_at, KEPT_DAYS],
    )
    content = None if made.error_count else zlib.compress(BOOK.dump_json(book), 6)
    tx.execute(
        "INSERT INTO directory_import (id, managed_by, filename, sha256, previewed_by, previewed_at, counts, error_count,"
        " plan, content) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            made.id,
            made.managed_by,
            made.filename,
            made.sha256,
            made.previewed_by,
            made.previewed_at,
            Jsonb(made.counts),
            made.error_count,
            made.plan,
            content,
        ],
    )
    rows = [
        (position, each.sheet, each.row, storable(each.name), each.state, json.dumps(_fields(each), ensure_ascii=False))
        for position, each in enumerate(entries)
    ]
    # Not by COPY, which PostgreSQL refuses where row-level security holds.
    tx.execute(
        "INSERT INTO directory_import_row (import_id, position, sheet, row, name, state, fields) SELECT %s, u.*"
        " FROM unnest(%s::integer[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::jsonb[]) AS u",
        [made.id, *_columns(rows, 6)],
    )
    wrong = [
        (at, e.sheet, e.row, e.column, e.code, storable(e.sentence.vi), storable(e.sentence.en))
        for at, e in enumerate(errors)
    ]
    tx.execute(
        "INSERT INTO directory_import_error (import_id, position, sheet, row, column_name, code, vi, en) SELECT %s, u.*"
        " FROM unnest(%s::integer[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[]) AS u",
        [made.id, *_columns(wrong, 7)],
    )


def _fields(entry: Entry) -> list[list[str]]:
    return [[each.name, each.before, each.after] for each in entry.fields]


def _columns(rows: list[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[at] for row in rows] for at in range(width)]


def get(tx: Tx, import_id: UUID) -> Import:
    row = tx.execute("SELECT * FROM directory_import WHERE id = %s", [import_id]).fetchone()
    if row is None:
        raise NotFound("lần nhập danh bạ", "import")
    return _import(row)


def lock(tx: Tx, import_id: UUID) -> tuple[Import, Book | None]:
    """With what the file said, unless it was committed or has errors."""
    row = tx.execute("SELECT * FROM directory_import WHERE id = %s FOR UPDATE", [import_id]).fetchone()
    if row is None:
        raise NotFound("lần nhập danh bạ", "import")
    content = row["content"]
    return _import(row), BOOK.validate_json(zlib.decompress(content)) if content else None


def commit(tx: Tx, import_id: UUID, by: str, at: datetime) -> None:
    tx.execute(
        "UPDATE directory_import SET committed_by = %s, committed_at = %s, content = NULL WHERE id = %s",
        [by, at, import_id],
    )


def list_imports(tx: Tx, *, after: UUID | None, limit: int) -> list[Import]:
    """Newest first."""
    rows = tx.execute(
        "SELECT * FROM directory_import WHERE (%(after)s::uuid IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s",
        {"after": after, "limit": limit},
    ).fetchall()
    return [_import(row) for row in rows]


def list_entries(tx: Tx, import_id: UUID, *, after: int, limit: int) -> list[tuple[int, Entry]]:
    rows = tx.execute(
        "SELECT * FROM directory_import_row WHERE import_id = %s AND position > %s ORDER BY position LIMIT %s",
        [import_id, after, limit],
    ).fetchall()
    return [(row["position"], _entry(row)) for row in rows]


def list_errors(tx: Tx, import_id: UUID, *, after: int, limit: int) -> list[tuple[int, RowError]]:
    rows = tx.execute(
        "SELECT * FROM directory_import_error WHERE import_id = %s AND position > %s ORDER BY position LIMIT %s",
        [import_id, after, limit],
    ).fetchall()
    return [(row["position"], _error(row)) for row in rows]


def _import(row: Row) -> Import:
    return Import(
        id=row["id"],
        managed_by=row["managed_by"],
        filename=row["filename"],
        sha256=row["sha256"],
        previewed_by=row["previewed_by"],
        previewed_at=row["previewed_at"],
        counts=cast("Counts", row["counts"]),
        error_count=row["error_count"],
        plan=row["plan"],
        committed_by=row["committed_by"],
        committed_at=row["committed_at"],
    )


def _entry(row: Row) -> Entry:
    fields = tuple(Field(*each) for each in cast("list[Any]", row["fields"]))
    return Entry(row["sheet"], row["row"], row["name"], row["state"], fields)


def _error(row: Row) -> RowError:
    return RowError(row["sheet"], row["row"], row["column_name"], row["code"], Sentence(row["vi"], row["en"]))
