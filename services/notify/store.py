"""The tables of notify: copies, held facts, inboxes, preferences and mail attempts. The only SQL of this service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.notify.domain import Call, Clerks, Delivery, Document
from shared.db import Tx
from shared.errors import NotFound
from shared.events import Envelope, decode, encode, registry
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Notice:
    """One row of an inbox. `number` counts a person's notices from 1 without gaps."""

    id: UUID
    person_id: UUID
    number: int
    at: datetime
    title: str
    text: str
    reason: str | None
    link: str
    read_at: datetime | None
    done_at: datetime | None = None
    done_by: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What a notice comes from when that is no event: `source` and `id` together are unique, as an event's are."""

    source: str
    id: UUID
    time: datetime


COLUMNS = "id, person_id, number, at, title, text, reason, link, read_at, done_at, done_by"


def act_for_people(tx: Tx, people: Iterable[UUID]) -> None:
    """From here to the end of the transaction the notices of these people are visible, and no others'."""
    tx.execute("SELECT set_config('vanthu.people', %s, true)", [",".join(map(str, people))])


# --- what agencies keep for those who need to know it


def save_restricted(tx: Tx, agency_id: UUID, subject: UUID, *, restricted: bool) -> None:
    tx.execute(
        "INSERT INTO restricted (agency_id, subject_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
        if restricted
        else "DELETE FROM restricted WHERE agency_id = %s AND subject_id = %s",
        [agency_id, subject],
    )


def restricting(tx: Tx, subjects: Sequence[UUID]) -> set[UUID]:
    """The agencies that have restricted one of these."""
    rows = tx.execute("SELECT agency_id FROM restricted WHERE subject_id = ANY(%s)", [list(subjects)]).fetchall()
    return {row["agency_id"] for row in rows}


def save_policy(tx: Tx, agency_id: UUID, *, need_to_know: bool) -> None:
    tx.execute(
        "INSERT INTO need_to_know (agency_id) VALUES (%s) ON CONFLICT DO NOTHING"
        if need_to_know
        else "DELETE FROM need_to_know WHERE agency_id = %s",
        [agency_id],
    )


def needs_to_know(tx: Tx, agency_id: UUID) -> bool:
    return tx.execute("SELECT FROM need_to_know WHERE agency_id = %s", [agency_id]).rowcount > 0


# --- inboxes


def add_notices(tx: Tx, calls: Mapping[UUID, Call], event: Envelope | Cause) -> list[Notice]:
    """One notice for each person; none for whom this event has already made one. Returns the new ones."""
    people = sorted(calls)  # in one order, so that two workers' locks of inboxes never cross within an event
    act_for_people(tx, people)
    made = []
    for person in people:
        call = calls[person]
        if _is_there(tx, person, event) or (call.once_while_unread and _is_unread(tx, person, call)):
            continue
        row = tx.execute(
            f"INSERT INTO notice (id, person_id, number, event_source, event_id, at, title, text, reason, link)"  # noqa: S608
            f" VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {COLUMNS}",
            [
                new_id(),
                person,
                _next_number(tx, person),
                event.source,
                event.id,
                event.time,
                call.title,
                call.text,
                call.reason,
                call.link,
            ],
        ).fetchone()
        assert row is not None  # noqa: S101  RETURNING
        made.append(Notice(**row))
    return made


def _next_number(tx: Tx, person: UUID) -> int:
    row = tx.execute(
        "INSERT INTO inbox_number (person_id, last) VALUES (%s, 1)"
        " ON CONFLICT (person_id) DO UPDATE SET last = inbox_number.last + 1 RETURNING last",
        [person],
    ).fetchone()
    assert row is not None  # noqa: S101  RETURNING
    return int(row["last"])


def _is_there(tx: Tx, person: UUID, event: Envelope | Cause) -> bool:
    found = tx.execute(
        "SELECT FROM notice WHERE event_source = %s AND event_id = %s AND person_id = %s",
        [event.source, event.id, person],
    )
    return found.rowcount > 0


def _is_unread(tx: Tx, person: UUID, call: Call) -> bool:
    found = tx.execute(
        "SELECT FROM notice WHERE person_id = %s AND link = %s AND title = %s AND read_at IS NULL AND done_at IS NULL LIMIT 1",
        [person, call.link, call.title],
    )
    return found.rowcount > 0


def list_notices(tx: Tx, person: UUID, *, unread: bool, before: int | None, limit: int) -> list[Notice]:
    """Newest first; `before` is the number of the last notice of the page before."""
    rows = tx.execute(
        f"SELECT {COLUMNS} FROM notice WHERE person_id = %s AND (%s OR (read_at IS NULL AND done_at IS NULL))"  # noqa: S608
        " AND number < coalesce(%s, 9223372036854775807) ORDER BY number DESC LIMIT %s",
        [person, not unread, before, limit],
    ).fetchall()
    return [Notice(**row) for row in rows]


def count_unread(tx: Tx, person: UUID) -> int:
    """Open ones: neither read nor done."""
    row = tx.execute(
        "SELECT count(*) AS n FROM notice WHERE person_id = %s AND read_at IS NULL AND done_at IS NULL", [person]
    ).fetchone()
    return int(row["n"]) if row else 0


def list_newer(tx: Tx, after: Mapping[UUID, int], limit: int) -> list[Notice]:
    """The notices of several people beyond the number that each has, in the order of the numbers."""
    act_for_people(tx, after)
    rows = tx.execute(
        f"SELECT {', '.join('n.' + c for c in COLUMNS.split(', '))} FROM notice n"  # noqa: S608
        " JOIN unnest(%s::uuid[], %s::bigint[]) AS seen (person_id, number)"
        " ON n.person_id = seen.person_id AND n.number > seen.number ORDER BY n.number LIMIT %s",
        [list(after), list(after.values()), limit],
    ).fetchall()
    return [Notice(**row) for row in rows]


def last_number(tx: Tx, person: UUID) -> int:
    row = tx.execute("SELECT last FROM inbox_number WHERE person_id = %s", [person]).fetchone()
    return int(row["last"]) if row else 0


def mark_read(tx: Tx, person: UUID, notice_id: UUID) -> tuple[Notice, bool]:
    """The notice, and whether it was unread until now; NotFound for one that is not this person's."""
    row = tx.execute(
        f"SELECT {COLUMNS} FROM notice WHERE id = %s AND person_id = %s FOR UPDATE",  # noqa: S608
        [notice_id, person],
    ).fetchone()
    if row is None:
        raise NotFound("thông báo")
    if row["read_at"] is not None:
        return Notice(**row), False
    row = tx.execute(
        f"UPDATE notice SET read_at = now() WHERE id = %s RETURNING {COLUMNS}",  # noqa: S608
        [notice_id],
    ).fetchone()
    assert row is not None  # noqa: S101  locked above
    return Notice(**row), True


# --- preferences


def wants_mail(tx: Tx, person: UUID) -> bool:
    """E-mail unless the person has said no."""
    row = tx.execute("SELECT email FROM preference WHERE person_id = %s", [person]).fetchone()
    return bool(row["email"]) if row else True


def save_preference(tx: Tx, person: UUID, *, email: bool) -> datetime | None:
    """When it was changed; None when it was so already."""
    row = tx.execute(
        "INSERT INTO preference AS p (person_id, email) VALUES (%s, %s) ON CONFLICT (person_id)"
        " DO UPDATE SET email = excluded.email, changed_at = now() WHERE p.email <> excluded.email"
        " RETURNING changed_at",
        [person, email],
    ).fetchone()
    return row["changed_at"] if row else None


# --- mail


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a person's mail goes, and whether any should."""

    name: str
    email: str
    active: bool
    wants_mail: bool


def find_recipient(tx: Tx, person: UUID) -> Recipient | None:
    row = tx.execute(
        "SELECT p.name, p.email, p.active, coalesce(w.email, true) AS wants_mail"
        " FROM person p LEFT JOIN preference w USING (person_id) WHERE p.person_id = %s",
        [person],
    ).fetchone()
    return Recipient(**row) if row else None


def get_notice(tx: Tx, person: UUID, notice_id: UUID) -> Notice:
    act_for_people(tx, [person])
    row = tx.execute(
        f"SELECT {COLUMNS} FROM notice WHERE id = %s",  # noqa: S608
        [notice_id],
    ).fetchone()
    if row is None:
        raise NotFound("thông báo")
    return Notice(**row)


def add_attempt(tx: Tx, notice_id: UUID, attempt: int, outcome: str, detail: str | None = None) -> None:
    tx.execute(
        "INSERT INTO mail_attempt (notice_id, attempt, outcome, detail) VALUES (%s, %s, %s, %s)",
        [notice_id, attempt, outcome, detail[:500] if detail else None],
    )


# --- copies of the registry's states


def save_agency(tx: Tx, agency: registry.AgencyStated) -> None:
    tx.execute(
        "INSERT INTO agency (agency_id, name, partner, identifier, level) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (agency_id) DO UPDATE SET name = excluded.name, partner = excluded.partner,"
        " identifier = excluded.identifier, level = excluded.level",
        [agency.agency_id, agency.name, agency.partner, agency.identifier, agency.level],
    )


def save_person(tx: Tx, person: registry.PersonStated) -> None:
    """The person and all their posts, as last stated."""
    tx.execute(
        "INSERT INTO person (person_id, name, email, active) VALUES (%s, %s, %s, %s) ON CONFLICT (person_id)"
        " DO UPDATE SET name = excluded.name, email = excluded.email, active = excluded.active",
        [person.person_id, person.name, person.email, person.active],
    )
    tx.execute("DELETE FROM post WHERE person_id = %s", [person.person_id])
    for post in person.posts:
        tx.execute(
            "INSERT INTO post (post_id, person_id, agency_id, roles, valid_from, valid_until)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [post.post_id, person.person_id, post.agency_id, list(post.roles), post.valid_from, post.valid_until],
        )


def save_heartbeat(tx: Tx, topic: str, as_of: datetime) -> None:
    tx.execute(
        "INSERT INTO registry_copy (topic, as_of) VALUES (%s, %s)"
        " ON CONFLICT (topic) DO UPDATE SET as_of = greatest(registry_copy.as_of, excluded.as_of)",
        [topic, as_of],
    )


def people_are_known(tx: Tx) -> bool:
    """Whether all people stated before some moment have reached us: false until the first heartbeat."""
    return tx.execute("SELECT FROM registry_copy WHERE topic = 'registry.person'").rowcount > 0


def is_active(tx: Tx, person: UUID) -> bool:
    """False for somebody whom the registry says to be gone; somebody not stated here yet is let in."""
    row = tx.execute("SELECT active FROM person WHERE person_id = %s", [person]).fetchone()
    return row is None or bool(row["active"])


def is_behind_a_partner(tx: Tx, agency: UUID) -> bool:
    found = tx.execute("SELECT FROM agency WHERE agency_id = %s AND partner IS NOT NULL", [agency])
    return found.rowcount > 0


def list_clerks(tx: Tx, clerks: Clerks) -> list[UUID]:
    """The active people with a clerk's post in the agency, valid today (in Vietnam)."""
    rows = tx.execute(
        "SELECT DISTINCT person_id FROM post JOIN person USING (person_id)"
        " WHERE agency_id = %s AND 'clerk' = ANY (roles) AND active"
        " AND (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date BETWEEN valid_from AND coalesce(valid_until, 'infinity')"
        " ORDER BY person_id",
        [clerks.agency_id],
    ).fetchall()
    return [row["person_id"] for row in rows]


# --- copies of documents


def save_document(tx: Tx, document: Document) -> None:
    tx.execute(
        "INSERT INTO document (document_id, agency_id, author_id, title, symbol) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (document_id) DO UPDATE SET author_id = excluded.author_id, title = excluded.title,"
        " symbol = coalesce(excluded.symbol, document.symbol)",
        [document.id, document.agency_id, document.author_id, document.title, document.symbol],
    )


def find_document(tx: Tx, document_id: UUID) -> Document | None:
    row = tx.execute(
        "SELECT document_id AS id, agency_id, author_id, title, symbol FROM document WHERE document_id = %s",
        [document_id],
    ).fetchone()
    return Document(**row) if row else None


def save_delivery(tx: Tx, delivery: Delivery) -> None:
    tx.execute(
        "INSERT INTO delivery (delivery_id, title, symbol) VALUES (%s, %s, %s)"
        " ON CONFLICT (delivery_id) DO UPDATE SET title = excluded.title, symbol = excluded.symbol",
        [delivery.id, delivery.title, delivery.symbol],
    )


def find_delivery(tx: Tx, delivery_id: UUID) -> Delivery | None:
    row = tx.execute(
        "SELECT delivery_id AS id, title, symbol FROM delivery WHERE delivery_id = %s", [delivery_id]
    ).fetchone()
    return Delivery(**row) if row else None


# --- facts that wait


def lock_document(tx: Tx, document_id: UUID) -> None:
    """Held until the end of the transaction, whether we know the document or not.

    Without it one worker may save a document and see no fact waiting while another makes a fact wait for it.
    """
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(document_id)])


def hold_for_document(tx: Tx, document_id: UUID, envelope: Envelope) -> None:
    _hold(tx, "document", document_id, envelope)


def hold_for_clerks(tx: Tx, agency_id: UUID, envelope: Envelope) -> None:
    _hold(tx, "clerks", agency_id, envelope)


def _hold(tx: Tx, needs: str, of: UUID, envelope: Envelope) -> None:
    tx.execute(
        "INSERT INTO held (needs, of, topic, value, traceparent) VALUES (%s, %s, %s, %s, %s)",
        [needs, of, envelope.topic, encode(envelope), envelope.traceparent],
    )


def release_for_document(tx: Tx, document_id: UUID) -> list[Envelope]:
    """Take out the facts that waited for this document, oldest first."""
    return _release(tx, "needs = 'document' AND of = %s", [document_id])


def release_for_clerks(tx: Tx) -> list[Envelope]:
    """Take out the facts whose agency has a clerk by now, oldest first."""
    return _release(tx, "needs = 'clerks' AND of IN (SELECT agency_id FROM post WHERE 'clerk' = ANY (roles))", [])


def _release(tx: Tx, condition: str, params: list[Any]) -> list[Envelope]:
    rows = tx.execute(
        f"DELETE FROM held WHERE {condition} RETURNING id, topic, value, traceparent",  # type: ignore[arg-type,unused-ignore]  # noqa: S608
        params,
    ).fetchall()
    rows.sort(key=lambda row: int(row["id"]))
    return [decode(row["value"], topic=row["topic"], traceparent=row["traceparent"]) for row in rows]
