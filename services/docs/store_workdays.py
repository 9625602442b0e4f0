"""The table of days off and swapped days: one list per province and per agency, read by all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs import store_registry
from services.docs.workdays import Calendar, SaidDay, calendar_of, scopes_of
from shared.db import Tx
from shared.events import Actor


def list_days(tx: Tx, scopes: Sequence[str], first: date | None = None, last: date | None = None) -> list[SaidDay]:
    """Widest scope first, then by day."""
    rows = tx.execute(
        "SELECT scope, day, kind, name FROM calendar_day WHERE scope = ANY(%s)"
        " AND day BETWEEN coalesce(%s, '-infinity'::date) AND coalesce(%s, 'infinity'::date)"
        " ORDER BY length(scope), day",
        [list(scopes), first, last],
    ).fetchall()
    return [SaidDay(**row) for row in rows]


def put_day(tx: Tx, said: SaidDay, *, by: Actor, at: datetime) -> bool:
    """Whether it was said otherwise, or not at all, before."""
    done = tx.execute(
        "INSERT INTO calendar_day AS d (scope, day, kind, name, actor, at) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (scope, day) DO UPDATE SET (kind, name, actor, at)"
        " = (excluded.kind, excluded.name, excluded.actor, excluded.at)"
        " WHERE (d.kind, d.name) IS DISTINCT FROM (excluded.kind, excluded.name)",
        [said.scope, said.day, said.kind, said.name, Jsonb(by.model_dump(mode="json", exclude_none=True)), at],
    )
    return done.rowcount > 0


def remove_day(tx: Tx, scope: str, day: date) -> bool:
    """Whether it was there."""
    return tx.execute("DELETE FROM calendar_day WHERE scope = %s AND day = %s", [scope, day]).rowcount > 0


def calendar_for(tx: Tx, agency_id: UUID) -> Calendar:
    """The working time of an agency."""
    agency = store_registry.find_agency(tx, agency_id)
    return calendar_of(list_days(tx, scopes_of(agency.identifier)) if agency else ())
