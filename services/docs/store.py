"""Documents, files, deliveries and histories in PostgreSQL. The transaction says for which agency (row-level security)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import BaseModel, TypeAdapter

from services.docs.delivery import Asked, Delivery
from services.docs.document import Document, Review
from services.docs.finding import store as finding
from services.docs.numbering import Numbering
from services.docs.refusals_kinds import LEADING_AGENCY_ONLY
from services.docs.step import Reason, Step
from services.docs.terms import Terms
from shared import outbox
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import Actor, BlobRef
from shared.events.docs import Part, Party, Signer

Row = dict[str, Any]
TERMS = TypeAdapter(Terms)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file of an agency, not yet or already part of a document."""

    id: UUID
    agency_id: UUID
    person_id: UUID | None  # none of what came through a scan folder or a mailbox
    filename: str
    content: BlobRef
    page_count: int
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a history."""

    subject_id: UUID
    at: datetime
    act: str
    by: Actor
    detail: str | None


def json_of(value: BaseModel | Sequence[BaseModel] | None) -> Jsonb | None:
    if value is None:
        return None
    if isinstance(value, BaseModel):
        return Jsonb(value.model_dump(mode="json", exclude_none=True))
    return Jsonb([each.model_dump(mode="json", exclude_none=True) for each in value])


def reason_json(reason: Reason | None) -> Jsonb | None:
    return Jsonb(asdict(reason)) if reason else None


# --- a step is kept whole: the row, the line in its history, the facts


def keep(tx: Tx, step: Step[Any], save: Callable[[Tx, Any], None], *, subject: UUID, agency: UUID, source: str) -> None:
    """Save the next state, its history and its facts in one transaction; the row must be locked or new."""
    save(tx, step.after)
    tx.execute(
        "INSERT INTO history (agency_id, subject_id, at, act, actor, detail, about) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [agency, subject, step.at, step.act, json_of(step.by), step.detail, step.about],
    )
    for event in step.tell:
        outbox.put(tx, event, source=source)


def keep_document(tx: Tx, step: Step[Document], *, source: str, new: bool = False) -> None:
    keep(tx, step, add if new else save, subject=step.after.id, agency=step.after.agency_id, source=source)
    finding.put_document(tx, step.after)


def keep_delivery(tx: Tx, step: Step[Delivery], *, source: str, new: bool = False) -> None:
    keep(
        tx,
        step,
        add_delivery if new else save_delivery,
        subject=step.after.id,
        agency=step.after.agency_id,
        source=source,
    )


def histories(tx: Tx, subjects: Sequence[UUID]) -> dict[UUID, list[Entry]]:
    """The histories of several things, oldest line first."""
    rows = tx.execute(
        "SELECT subject_id, at, act, actor, detail FROM history WHERE subject_id = ANY(%s) ORDER BY pos",
        [list(subjects)],
    ).fetchall()
    found: dict[UUID, list[Entry]] = {subject: [] for subject in subjects}
    for row in rows:
        by = Actor.model_validate(row.pop("actor"))
        found[row["subject_id"]].append(Entry(by=by, **row))
    return found


# --- where things are


def add_whereabouts(tx: Tx, subject: UUID, kind: str, agency: UUID) -> None:
    tx.execute(
        "INSERT INTO whereabouts (subject_id, kind, agency_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [subject, kind, agency],
    )


def find_agency_of(tx: Tx, subject: UUID, kind: str) -> UUID | None:
    """The agency whose document or incoming document this is; None when it is none of ours."""
    row = tx.execute(
        "SELECT agency_id FROM whereabouts WHERE subject_id = %s AND kind = %s", [subject, kind]
    ).fetchone()
    return row["agency_id"] if row else None


# --- what was disposed of: the record stays, the content is gone


def find_disposal(tx: Tx, subject: UUID) -> str | None:
    """The decision by which a subject's content was destroyed."""
    row = tx.execute("SELECT decision FROM content_destroyed WHERE subject_id = %s", [subject]).fetchone()
    return row["decision"] if row else None


def destroyed_among(tx: Tx, subjects: Sequence[UUID]) -> set[UUID]:
    rows = tx.execute(
        "SELECT subject_id FROM content_destroyed WHERE subject_id = ANY(%s)", [list(subjects)]
    ).fetchall()
    return {row["subject_id"] for row in rows}


# --- files


def add_file(tx: Tx, file: StoredFile) -> None:
    tx.execute(
        "INSERT INTO file (id, agency_id, person_id, filename, content, page_count, uploaded_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            file.id,
            file.agency_id,
            file.person_id,
            file.filename,
            json_of(file.content),
            file.page_count,
            file.uploaded_at,
        ],
    )


def find_files(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, StoredFile]:
    rows = tx.execute(
        "SELECT id, agency_id, person_id, filename, content, page_count, uploaded_at FROM file WHERE id = ANY(%s)",
        [list(ids)],
    ).fetchall()
    return {row["id"]: StoredFile(**{**row, "content": BlobRef.model_validate(row["content"])}) for row in rows}


# --- documents

DOCUMENT_COLUMNS = (
    "id, agency_id, agency_identifier, agency_name, state, state_reason, type_code, type_name, symbol, abstract,"
    " urgency, signers, reviews, parts, content, level, owes, author_id, author_name, waits_for, register_code, year, number,"
    " number_symbol, issued_on, submitted_at, version"
)


# By name: a column that a newer release has made is nothing to code that still runs beside it.
_DOCUMENT = f"SELECT {DOCUMENT_COLUMNS}, terms FROM document"  # noqa: S608  own names


def get(tx: Tx, document_id: UUID) -> Document:
    return _document(tx.execute(f"{_DOCUMENT} WHERE id = %s", [document_id]).fetchone())


def lock(tx: Tx, document_id: UUID) -> Document:
    """The document, and nobody else changes it until the transaction ends.

    Of a document that their agency only issues too, people read everything and change nothing this way.
    """
    row = tx.execute(f"{_DOCUMENT} WHERE id = %s FOR UPDATE", [document_id]).fetchone()
    if row is None and tx.execute("SELECT FROM document WHERE id = %s", [document_id]).rowcount:
        raise Rejected(LEADING_AGENCY_ONLY)
    return _document(row)


def list_documents(tx: Tx, state: str | None, before: UUID | None, limit: int) -> list[Document]:
    """The agency's own and those that it issues too, newest first; `before` is the last id of the page before.

    Two queries, each with its index: one under both policies would read other agencies' rows on its way. What is not
    asked stands not in them: the plan that PostgreSQL keeps for all would read the whole agency for a rare state.
    """
    page = (
        f"{'state = %(state)s' if state else 'true'} AND {'id < %(before)s' if before else 'true'}"
        " ORDER BY id DESC LIMIT %(limit)s"
    )
    agency = "nullif(current_setting('vanthu.agency', true), '')::uuid"
    rows = tx.execute(
        f"({_DOCUMENT} WHERE agency_id = {agency} AND {page}) UNION ALL"  # noqa: S608  own words
        f" ({_DOCUMENT} WHERE agency_id <> {agency} AND id IN"
        f"  (SELECT c.document_id FROM co_issuer c WHERE c.agency_id = {agency}) AND {page}) ORDER BY id DESC LIMIT %(limit)s",
        {"state": state, "before": before, "limit": limit},
    ).fetchall()
    return [_document(row) for row in rows]


def add(tx: Tx, document: Document) -> None:
    add_whereabouts(tx, document.id, "document", document.agency_id)
    values = _document_values(document)
    tx.execute(
        f"INSERT INTO document ({DOCUMENT_COLUMNS}) VALUES ({', '.join(['%s'] * len(values))})",  # noqa: S608  own names
        values,
    )
    _save_terms(tx, document)


def save(tx: Tx, document: Document) -> None:
    """Raises Rejected(stale_version) when the row is no longer the one that was read."""
    values = _document_values(document)
    done = tx.execute(
        f"UPDATE document SET ({DOCUMENT_COLUMNS}) = ROW ({', '.join(['%s'] * len(values))})"  # noqa: S608  own names
        " WHERE id = %s AND version = %s",
        [*values[:-1], document.version + 1, document.id, document.version],
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)
    _save_terms(tx, document)


def _save_terms(tx: Tx, document: Document) -> None:
    tx.execute(
        "UPDATE document SET terms = %s WHERE id = %s",
        [Jsonb(TERMS.dump_python(document.terms, mode="json", exclude_defaults=True)), document.id],
    )
    agencies = [each.agency.agency_id for each in document.terms.co_issuers]
    tx.execute("DELETE FROM co_issuer WHERE document_id = %s AND agency_id <> ALL(%s)", [document.id, agencies])
    for agency_id in agencies:
        tx.execute(
            "INSERT INTO co_issuer (document_id, agency_id, lead_agency_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [document.id, agency_id, document.agency_id],
        )


def _document_values(document: Document) -> list[Any]:
    n = document.numbering
    return [
        document.id,
        document.agency_id,
        document.agency.identifier,
        document.agency.name,
        document.state,
        reason_json(document.state_reason),
        document.type_code,
        document.type_name,
        document.symbol,
        document.abstract,
        document.urgency,
        json_of(document.signers),
        Jsonb([asdict(r) | {"person_id": str(r.person_id)} for r in document.reviews]),
        json_of(document.parts),
        json_of(document.content),
        document.level,
        list(document.owes),
        document.author_id,
        document.author_name,
        document.waits_for,
        *((n.register_code, n.year, n.number, n.number_symbol, n.issued_on) if n else (None,) * 5),
        document.submitted_at,
        document.version,
    ]


def _document(row: Row | None) -> Document:
    if row is None:
        raise NotFound("văn bản")
    numbered = {k: row.pop(k) for k in ("register_code", "year", "number", "number_symbol", "issued_on")}
    party = Party(agency_id=row.pop("agency_id"), identifier=row.pop("agency_identifier"), name=row.pop("agency_name"))
    reviews = tuple(Review(**{**r, "person_id": UUID(r["person_id"])}) for r in row.pop("reviews"))
    reason = row.pop("state_reason")
    return Document(
        terms=TERMS.validate_python(row.pop("terms")),
        agency=party,
        reviews=reviews,
        state_reason=Reason(**reason) if reason else None,
        signers=tuple(Signer.model_validate(s) for s in row.pop("signers")),
        parts=tuple(Part.model_validate(p) for p in row.pop("parts")),
        content=BlobRef.model_validate(row.pop("content")),
        owes=tuple(row.pop("owes")),
        numbering=Numbering(**numbered) if numbered["number"] is not None else None,
        **row,
    )


# --- the sender's deliveries

DELIVERY = (
    "SELECT id, agency_id, document_id, receiver, partner, status, reason, reason_code, arrival_number, dispatched_at,"
    " dispatch_id, asked, chased_at, version FROM delivery"
)
ASKED = TypeAdapter(Asked)


def add_delivery(tx: Tx, delivery: Delivery) -> None:
    add_deliveries(tx, [delivery])


def add_deliveries(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    with tx.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO delivery (id, agency_id, document_id, receiver, receiver_identifier, partner, status,"
            " dispatched_at, dispatch_id, version) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0)",
            [
                [
                    each.id,
                    each.agency_id,
                    each.document_id,
                    json_of(each.receiver),
                    each.receiver.identifier,
                    each.partner,
                    each.status,
                    each.dispatched_at,
                    each.dispatch_id,
                ]
                for each in deliveries
            ],
        )


def keep_new_deliveries(tx: Tx, steps: Sequence[Step[Delivery]], *, source: str) -> None:
    """Of one dispatch: rows, histories and facts by a few statements, however many recipients there are."""
    add_deliveries(tx, [step.after for step in steps])
    with tx.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO history (agency_id, subject_id, at, act, actor, detail) VALUES (%s, %s, %s, %s, %s, %s)",
            [[s.after.agency_id, s.after.id, s.at, s.act, json_of(s.by), s.detail] for s in steps],
        )
    outbox.put_many(tx, [fact for step in steps for fact in step.tell], source=source)


def find_delivery_for_update(tx: Tx, delivery_id: UUID) -> Delivery | None:
    row = tx.execute(f"{DELIVERY} WHERE id = %s FOR UPDATE", [delivery_id]).fetchone()
    return _delivery(row) if row else None


def list_deliveries(tx: Tx, document_id: UUID) -> list[Delivery]:
    """In the order of sending, by recipient within one dispatch."""
    rows = tx.execute(
        f"{DELIVERY} WHERE document_id = %s ORDER BY dispatched_at, receiver_identifier", [document_id]
    ).fetchall()
    return [_delivery(row) for row in rows]


def lock_deliveries(tx: Tx, document_ids: Sequence[UUID]) -> list[Delivery]:
    """Those of some documents, always in one order: whoever wants several waits for the other."""
    rows = tx.execute(f"{DELIVERY} WHERE document_id = ANY(%s) ORDER BY id FOR UPDATE", [list(document_ids)]).fetchall()
    return [_delivery(row) for row in rows]


def save_delivery(tx: Tx, delivery: Delivery) -> None:
    done = tx.execute(
        "UPDATE delivery SET status = %s, reason = %s, reason_code = %s, arrival_number = %s, asked = %s,"
        " chased_at = %s, version = version + 1 WHERE id = %s AND version = %s",
        [
            delivery.status,
            delivery.reason,
            delivery.reason_code,
            delivery.arrival_number,
            asked_json(delivery.asked),
            delivery.chased_at,
            delivery.id,
            delivery.version,
        ],
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def asked_json(asked: Asked | None) -> Jsonb | None:
    return Jsonb(ASKED.dump_python(asked, mode="json")) if asked else None


def asked_of(value: Any) -> Asked | None:
    return ASKED.validate_python(value) if value else None


def _delivery(row: Row) -> Delivery:
    return Delivery(**{**row, "receiver": Party.model_validate(row["receiver"]), "asked": asked_of(row["asked"])})
