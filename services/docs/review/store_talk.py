"""What is said about drafts and documents, and the opinions asked, in PostgreSQL, in the agency of the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.review.drafts import Person
from services.docs.review.opinions import Opinion, Request
from services.docs.review.workflow import Who
from services.docs.store import json_of
from shared.db import Tx
from shared.errors import NotFound
from shared.events import Actor

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where in the document: which part, which page (from 1), the words that are meant."""

    part: int = 0
    page: int | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    id: UUID
    subject_id: UUID
    agency_id: UUID
    answers: UUID | None
    by: Actor
    at: datetime
    text: str
    anchor: Anchor | None
    mentions: tuple[Person, ...]


# --- remarks


def add_remark(tx: Tx, remark: Remark) -> None:
    tx.execute(
        "INSERT INTO remark (id, agency_id, subject_id, answers, actor, at, text, anchor, mentions)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            remark.id,
            remark.agency_id,
            remark.subject_id,
            remark.answers,
            json_of(remark.by),
            remark.at,
            remark.text,
            Jsonb(asdict(remark.anchor)) if remark.anchor else None,
            Jsonb([asdict(each) | {"person_id": str(each.person_id)} for each in remark.mentions]),
        ],
    )


def list_remarks(tx: Tx, subject: UUID) -> list[Remark]:
    """Oldest first."""
    rows = tx.execute("SELECT * FROM remark WHERE subject_id = %s ORDER BY id", [subject]).fetchall()
    return [
        Remark(
            id=row["id"],
            subject_id=row["subject_id"],
            agency_id=row["agency_id"],
            answers=row["answers"],
            by=Actor.model_validate(row["actor"]),
            at=row["at"],
            text=row["text"],
            anchor=Anchor(**row["anchor"]) if row["anchor"] else None,
            mentions=tuple(Person(UUID(each["person_id"]), each["name"]) for each in row["mentions"]),
        )
        for row in rows
    ]


# --- opinions


def add_request(tx: Tx, request: Request, next_look: datetime | None) -> None:
    tx.execute(
        "INSERT INTO opinion_request (id, agency_id, subject_id, actor, at, question, due_at, asked, next_look)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            request.id,
            request.agency_id,
            request.subject_id,
            json_of(request.by),
            request.at,
            request.question,
            request.due_at,
            json_of(request.asked),
            next_look,
        ],
    )


def list_requests(tx: Tx, subject: UUID) -> list[Request]:
    """Oldest first."""
    rows = tx.execute("SELECT * FROM opinion_request WHERE subject_id = %s ORDER BY id", [subject]).fetchall()
    return [_request(row) for row in rows]


def lock_request(tx: Tx, request_id: UUID) -> Request:
    row = tx.execute("SELECT * FROM opinion_request WHERE id = %s FOR UPDATE", [request_id]).fetchone()
    if row is None:
        raise NotFound("yêu cầu ý kiến")
    return _request(row)


def save_request(tx: Tx, request: Request, next_look: datetime | None) -> None:
    tx.execute(
        "UPDATE opinion_request SET (reminded, closed_at, next_look) = (%s, %s, %s) WHERE id = %s",
        [request.reminded, request.closed_at, next_look, request.id],
    )


def list_due_requests(tx: Tx, now: datetime, limit: int) -> list[UUID]:
    rows = tx.execute(
        "SELECT id FROM opinion_request WHERE next_look <= %s ORDER BY next_look LIMIT %s", [now, limit]
    ).fetchall()
    return [row["id"] for row in rows]


def add_opinion(tx: Tx, agency: UUID, opinion: Opinion) -> bool:
    """False: this person has answered there already, and that answer stands."""
    done = tx.execute(
        "INSERT INTO opinion (request_id, agency_id, seat, person_id, actor, at, verdict, text)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            opinion.request_id,
            agency,
            opinion.seat,
            opinion.person_id,
            json_of(opinion.by),
            opinion.at,
            opinion.verdict,
            opinion.text,
        ],
    )
    return done.rowcount > 0


def list_opinions(tx: Tx, requests: Sequence[UUID]) -> list[Opinion]:
    rows = tx.execute(
        "SELECT request_id, seat, person_id, actor, at, verdict, text FROM opinion WHERE request_id = ANY(%s)"
        " ORDER BY at, seat",
        [list(requests)],
    ).fetchall()
    return [Opinion(by=Actor.model_validate(row.pop("actor")), **row) for row in rows]


def people_concerned(tx: Tx, subject: UUID) -> set[UUID]:
    """Who was mentioned on a draft: they read it."""
    return {each.person_id for remark in list_remarks(tx, subject) for each in remark.mentions}


def _request(row: Row) -> Request:
    return Request(
        id=row["id"],
        subject_id=row["subject_id"],
        agency_id=row["agency_id"],
        by=Actor.model_validate(row["actor"]),
        at=row["at"],
        question=row["question"],
        asked=tuple(Who.model_validate(each) for each in row["asked"]),
        due_at=row["due_at"],
        reminded=row["reminded"],
        closed_at=row["closed_at"],
    )
