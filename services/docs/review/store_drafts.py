"""Drafts, their versions and what is being typed, in PostgreSQL, in the agency of the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs import store
from services.docs.document import Document
from services.docs.drafting import PartBody
from services.docs.review.drafts import Draft, Fields, PartField, Person
from services.docs.store import json_of
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import Actor, BlobRef

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A file as it was in a version."""

    kind: str
    filename: str
    content: BlobRef


@dataclass(frozen=True, slots=True)
class Edition:
    """A version of a draft or document: who made it how and when, the form and the files of then."""

    subject_id: UUID
    number: int
    act: str
    by: Actor
    at: datetime
    fields: Fields
    parts: tuple[KeptPart, ...]


@dataclass(frozen=True, slots=True)
class Typed:
    """What one person typed on version `base` and has not saved."""

    base: int
    fields: Fields
    at: datetime


# --- drafts


def get(tx: Tx, draft_id: UUID) -> Draft:
    return _draft(tx.execute("SELECT * FROM draft WHERE id = %s", [draft_id]).fetchone())


def find(tx: Tx, draft_id: UUID) -> Draft | None:
    row = tx.execute("SELECT * FROM draft WHERE id = %s", [draft_id]).fetchone()
    return _draft(row) if row else None


def lock(tx: Tx, draft_id: UUID) -> Draft:
    return _draft(tx.execute("SELECT * FROM draft WHERE id = %s FOR UPDATE", [draft_id]).fetchone())


def list_own(tx: Tx, person_id: UUID, before: UUID | None, limit: int) -> list[Draft]:
    """The drafts that somebody may edit, newest first."""
    rows = tx.execute(
        "SELECT * FROM draft WHERE state = 'draft' AND (%(before)s::uuid IS NULL OR id < %(before)s)"
        " AND (author_id = %(me)s OR editors @> jsonb_build_array(jsonb_build_object('person_id', %(me)s::text)))"
        " ORDER BY id DESC LIMIT %(limit)s",
        {"me": person_id, "before": before, "limit": limit},
    ).fetchall()
    return [_draft(row) for row in rows]


def add(tx: Tx, draft: Draft) -> None:
    tx.execute(
        "INSERT INTO draft (id, agency_id, author_id, author_name, editors, fields, state, version, made_at, changed_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            draft.id,
            draft.agency_id,
            draft.author.person_id,
            draft.author.name,
            _people(draft.editors),
            _form(draft.fields),
            draft.state,
            draft.version,
            draft.made_at,
            draft.changed_at,
        ],
    )


def save(tx: Tx, draft: Draft, *, seen: int) -> None:
    """`seen` is the version that was read; Rejected(stale_version) when the row is another by now."""
    done = tx.execute(
        "UPDATE draft SET (editors, fields, state, version, changed_at) = (%s, %s, %s, %s, %s)"
        " WHERE id = %s AND version = %s",
        [
            _people(draft.editors),
            _form(draft.fields),
            draft.state,
            draft.version,
            draft.changed_at,
            draft.id,
            seen,
        ],
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def _form(fields: Fields) -> Jsonb:
    return Jsonb(fields.model_dump(mode="json"))


def _people(people: Sequence[Person]) -> Jsonb:
    return Jsonb([asdict(each) | {"person_id": str(each.person_id)} for each in people])


def _draft(row: Row | None) -> Draft:
    if row is None:
        raise NotFound("dự thảo")
    return Draft(
        id=row["id"],
        agency_id=row["agency_id"],
        author=Person(row["author_id"], row["author_name"]),
        editors=tuple(Person(UUID(each["person_id"]), each["name"]) for each in row["editors"]),
        fields=Fields.model_validate(row["fields"]),
        state=row["state"],
        version=row["version"],
        made_at=row["made_at"],
        changed_at=row["changed_at"],
    )


# --- what is being typed


def put_typed(tx: Tx, draft: Draft, person_id: UUID, typed: Typed) -> None:
    tx.execute(
        "INSERT INTO typed (draft_id, agency_id, person_id, base, fields, at) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (draft_id, person_id) DO UPDATE SET (base, fields, at)"
        " = (excluded.base, excluded.fields, excluded.at)",
        [draft.id, draft.agency_id, person_id, typed.base, _form(typed.fields), typed.at],
    )


def find_typed(tx: Tx, draft_id: UUID, person_id: UUID) -> Typed | None:
    row = tx.execute(
        "SELECT base, fields, at FROM typed WHERE draft_id = %s AND person_id = %s", [draft_id, person_id]
    ).fetchone()
    return Typed(row["base"], Fields.model_validate(row["fields"]), row["at"]) if row else None


def drop_typed(tx: Tx, draft_id: UUID, person_id: UUID) -> None:
    tx.execute("DELETE FROM typed WHERE draft_id = %s AND person_id = %s", [draft_id, person_id])


# --- versions


def add_edition(tx: Tx, subject: UUID, agency: UUID, edition: Edition) -> None:
    tx.execute(
        "INSERT INTO edition (subject_id, agency_id, number, act, actor, at, fields, parts)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            subject,
            agency,
            edition.number,
            edition.act,
            json_of(edition.by),
            edition.at,
            _form(edition.fields),
            Jsonb([asdict(each) | {"content": each.content.model_dump(mode="json")} for each in edition.parts]),
        ],
    )


def next_number(tx: Tx, subject: UUID) -> int:
    """Of the next version; the draft or document is locked."""
    row = tx.execute(
        "SELECT coalesce(max(number), 0) + 1 AS n FROM edition WHERE subject_id = %s", [subject]
    ).fetchone()
    return int(row["n"]) if row else 1


def list_editions(tx: Tx, subject: UUID) -> list[Edition]:
    """Oldest first."""
    rows = tx.execute("SELECT * FROM edition WHERE subject_id = %s ORDER BY number", [subject]).fetchall()
    return [_edition(row) for row in rows]


def get_edition(tx: Tx, subject: UUID, number: int) -> Edition:
    row = tx.execute("SELECT * FROM edition WHERE subject_id = %s AND number = %s", [subject, number]).fetchone()
    if row is None:
        raise NotFound("phiên bản")
    return _edition(row)


def _edition(row: Row) -> Edition:
    return Edition(
        subject_id=row["subject_id"],
        number=row["number"],
        act=row["act"],
        by=Actor.model_validate(row["actor"]),
        at=row["at"],
        fields=Fields.model_validate(row["fields"]),
        parts=tuple(
            KeptPart(each["kind"], each["filename"], BlobRef.model_validate(each["content"])) for each in row["parts"]
        ),
    )


def record(tx: Tx, draft: Draft, act: str, *, by: Actor, at: datetime) -> None:
    """Keep the draft as it is now as a version, with its files."""
    files = store.find_files(tx, [each.file_id for each in draft.fields.parts])
    parts = tuple(
        KeptPart(each.kind, files[each.file_id].filename, files[each.file_id].content)
        for each in draft.fields.parts
        if each.file_id in files
    )
    number = next_number(tx, draft.id)
    add_edition(tx, draft.id, draft.agency_id, Edition(draft.id, number, act, by, at, draft.fields, parts))


def record_round(tx: Tx, held: Document, files: Sequence[PartBody], act: str, *, by: Actor, at: datetime) -> None:
    """Keep a round that was submitted without the draft's form; a draft that there is takes it over."""
    names = [each.filename[:200] for each in held.parts]
    fields = Fields(
        type_code=held.type_code,
        abstract=held.abstract,
        symbol=held.symbol,
        urgency=held.urgency,
        authority_id=held.signers[0].authority_id if held.signers else None,
        further_authority_ids=tuple(each.authority_id for each in held.signers[1:]),
        signing_order=held.terms.signing_order,
        co_issuers=tuple(each.agency.identifier for each in held.terms.co_issuers),
        workflow="",
        reviewer_ids=tuple(each.person_id for each in held.reviews[:20]),
        parts=tuple(
            PartField(file_id=each.file_id, kind=each.kind, filename=name)
            for each, name in zip(files, names, strict=True)
        ),
    )
    parts = tuple(KeptPart(each.kind, each.filename, each.content) for each in held.parts)
    number = next_number(tx, held.id)
    add_edition(tx, held.id, held.agency_id, Edition(held.id, number, act, by, at, fields, parts))
    if draft := find(tx, held.id):
        fresh = fields.model_copy(update={"note": draft.fields.note, "workflow": draft.fields.workflow})
        save(tx, replace(draft, fields=fresh, state="submitted", version=number, changed_at=at), seen=draft.version)
