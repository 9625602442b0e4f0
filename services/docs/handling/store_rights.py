"""Who may read what is restricted within its agency: what was decided, and changes until somebody confirmed them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.store import json_of
from shared.db import Tx
from shared.events import Actor
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody or a unit named as a reader: by what it is known, and its name of then."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Restriction:
    people: tuple[Named, ...]
    units: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of access; unconfirmed it is warned of (NĐ 30 annex VI)."""

    id: UUID
    subject_id: UUID
    kind: str
    said: str
    by: Actor
    at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None


def find(tx: Tx, subject: UUID) -> Restriction | None:
    """None: everybody at the agency who opens documents may read it."""
    row = tx.execute("SELECT people, units FROM restriction WHERE subject_id = %s", [subject]).fetchone()
    return Restriction(_named(row["people"]), _named(row["units"])) if row else None


def readers_of(tx: Tx, subject: UUID) -> set[UUID]:
    """The keys that open what is restricted, those included that follow from having to do with it."""
    row = tx.execute("SELECT readers FROM restriction WHERE subject_id = %s", [subject]).fetchone()
    return set(row["readers"]) if row else set()


def save(tx: Tx, subject: UUID, agency_id: UUID, wanted: Restriction | None, keys: tuple[UUID, ...]) -> None:
    """What was decided, and at once what follows: on the document's row, in the search, for all that hangs on it."""
    if wanted is None:
        tx.execute("DELETE FROM restriction WHERE subject_id = %s", [subject])
    else:
        tx.execute(
            "INSERT INTO restriction (subject_id, agency_id, people, units, keys, readers) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (subject_id) DO UPDATE SET (people, units, keys) = (excluded.people, excluded.units, excluded.keys)",
            [subject, agency_id, _json(wanted.people), _json(wanted.units), list(keys), list(keys)],
        )
    tx.execute("SELECT know_anew(%s)", [subject])


def _json(named: tuple[Named, ...]) -> Jsonb:
    return Jsonb([{"key": each.key, "name": each.name} for each in named])


def _named(rows: list[dict[str, str]]) -> tuple[Named, ...]:
    return tuple(Named(**row) for row in rows)


# --- changes


def add_change(tx: Tx, agency_id: UUID, subject: UUID, kind: str, said: str, *, by: Actor, at: datetime) -> None:
    tx.execute(
        "INSERT INTO access_change (id, agency_id, subject_id, kind, said, actor, at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [new_id(), agency_id, subject, kind, said, json_of(by), at],
    )


def open_changes(tx: Tx, subject: UUID | None = None, limit: int = 200) -> list[Change]:
    """Those that nobody has confirmed, oldest first."""
    rows = tx.execute(
        "SELECT id, subject_id, kind, said, actor, at, confirmed_by, confirmed_at FROM access_change"
        " WHERE confirmed_at IS NULL AND (%(subject)s::uuid IS NULL OR subject_id = %(subject)s) ORDER BY id LIMIT %(limit)s",
        {"subject": subject, "limit": limit},
    ).fetchall()
    return [_change(row) for row in rows]


def confirm(tx: Tx, subject: UUID, by: Actor, at: datetime) -> None:
    tx.execute(
        "UPDATE access_change SET confirmed_by = %s, confirmed_at = %s WHERE subject_id = %s AND confirmed_at IS NULL",
        [by.name, at, subject],
    )


def _change(row: dict[str, Any]) -> Change:
    return Change(by=Actor.model_validate(row.pop("actor")), **row)


# --- the agency's policy


def is_need_to_know(tx: Tx, agency_id: UUID) -> bool:
    row = tx.execute("SELECT need_to_know FROM access_policy WHERE agency_id = %s", [agency_id]).fetchone()
    return bool(row and row["need_to_know"])


def save_policy(tx: Tx, agency_id: UUID, *, need_to_know: bool) -> None:
    tx.execute(
        "INSERT INTO access_policy (agency_id, need_to_know) VALUES (%s, %s)"
        " ON CONFLICT (agency_id) DO UPDATE SET need_to_know = excluded.need_to_know",
        [agency_id, need_to_know],
    )
