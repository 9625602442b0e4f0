"""Workflows and routes in PostgreSQL, in the agency of the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.docs import store_registry
from services.docs.numbering import today
from services.docs.review.people import Directory
from services.docs.review.route import Route
from services.docs.review.workflow import Workflow
from services.docs.store import json_of
from shared.db import Tx
from shared.errors import NotFound
from shared.events import Actor

ROUTE = TypeAdapter(Route)


def directory_of(tx: Tx, agency_id: UUID, day: datetime) -> Directory:
    """The people of an agency as they stand on the day of that moment in Viet Nam."""
    on = today(day)
    return Directory(
        day=on,
        posts=tuple(store_registry.list_posts_ever(tx, agency_id)),
        away=store_registry.away_until(tx, agency_id, on),
        delegates={who: tuple(to) for who, to in store_registry.delegates_of(tx, agency_id, on).items()},
    )


# --- workflows


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of an agency's workflow."""

    code: str
    version: int
    body: Workflow
    retired: bool
    by: Actor
    at: datetime


def list_workflows(tx: Tx) -> list[Kept]:
    """The newest version of each that is in use, by name."""
    rows = tx.execute(
        "SELECT * FROM (SELECT DISTINCT ON (code) * FROM workflow ORDER BY code, version DESC) AS newest WHERE NOT retired"
    ).fetchall()
    return sorted((_kept(row) for row in rows), key=lambda each: each.body.name)


def list_versions(tx: Tx, code: str) -> list[Kept]:
    """All versions of one, newest first; NotFound for an unknown code."""
    rows = tx.execute("SELECT * FROM workflow WHERE code = %s ORDER BY version DESC", [code]).fetchall()
    if not rows:
        raise NotFound("quy trình")
    return [_kept(row) for row in rows]


def lock_workflows(tx: Tx, agency_id: UUID) -> None:
    """One change of an agency's workflows at a time: a type belongs to one of them."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('workflow ' || %s, 0))", [str(agency_id)])


def add_workflow(tx: Tx, agency_id: UUID, kept: Kept) -> None:
    tx.execute(
        "INSERT INTO workflow (agency_id, code, version, body, retired, actor, at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            agency_id,
            kept.code,
            kept.version,
            Jsonb(kept.body.model_dump(mode="json", exclude_none=True)),
            kept.retired,
            json_of(kept.by),
            kept.at,
        ],
    )


def _kept(row: dict[str, object]) -> Kept:
    return Kept(
        code=str(row["code"]),
        version=int(str(row["version"])),
        body=Workflow.model_validate(row["body"]),
        retired=bool(row["retired"]),
        by=Actor.model_validate(row["actor"]),
        at=row["at"],  # type: ignore[arg-type]
    )


# --- routes; the document's row is the lock


def find_route(tx: Tx, document_id: UUID) -> Route | None:
    row = tx.execute("SELECT body FROM route WHERE document_id = %s", [document_id]).fetchone()
    return ROUTE.validate_python(row["body"]) if row else None


def save_route(tx: Tx, document_id: UUID, agency_id: UUID, route: Route, next_look: datetime | None) -> None:
    tx.execute(
        "INSERT INTO route (document_id, agency_id, body, next_look) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (document_id) DO UPDATE SET (body, next_look, version)"
        " = (excluded.body, excluded.next_look, route.version + 1)",
        [document_id, agency_id, Jsonb(ROUTE.dump_python(route, mode="json", exclude_none=True)), next_look],
    )


def rest(tx: Tx, document_id: UUID) -> None:
    """The worker looks at it no more: the document is not under review."""
    tx.execute("UPDATE route SET next_look = NULL WHERE document_id = %s", [document_id])


def list_due(tx: Tx, now: datetime, limit: int) -> list[UUID]:
    """Documents of the agency whose route is to be looked at."""
    rows = tx.execute(
        "SELECT document_id FROM route WHERE next_look <= %s ORDER BY next_look LIMIT %s", [now, limit]
    ).fetchall()
    return [row["document_id"] for row in rows]


def find_due(tx: Tx, document_id: UUID, now: datetime) -> Route | None:
    """The route, if it is still to be looked at."""
    row = tx.execute("SELECT body FROM route WHERE document_id = %s AND next_look <= %s", [document_id, now]).fetchone()
    return ROUTE.validate_python(row["body"]) if row else None


def list_without_route(tx: Tx, limit: int) -> list[UUID]:
    """Documents of the agency under review that have none on record."""
    rows = tx.execute(
        "SELECT id FROM document d WHERE state = 'in_review' AND NOT EXISTS (SELECT FROM route r WHERE r.document_id = d.id)"
        " AND reviews <> '[]' ORDER BY id LIMIT %s",
        [limit],
    ).fetchall()
    return [row["id"] for row in rows]


def drop_route(tx: Tx, document_id: UUID) -> None:
    """Of a document with a plain list of reviewers, which gets a new list."""
    tx.execute("DELETE FROM route WHERE document_id = %s", [document_id])
