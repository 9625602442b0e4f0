"""File lists, work files, their members and packages in PostgreSQL, in the agency of the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.docs import store as documents
from services.docs.step import Step
from services.docs.store import json_of
from services.docs.workfile.domain import Kind, WorkFile
from services.docs.workfile.listing import FileList, Line
from services.docs.workfile.refusals import ALREADY_FILED
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import Actor, BlobRef

Row = dict[str, Any]
WORK_FILE = TypeAdapter(WorkFile)

# --- the list


def find_list(tx: Tx, agency_id: UUID, year: int, *, lock: bool = False) -> FileList | None:
    row = tx.execute(
        f"SELECT * FROM file_list WHERE agency_id = %s AND year = %s{' FOR UPDATE' if lock else ''}",  # noqa: S608
        [agency_id, year],
    ).fetchone()
    if row is None:
        return None
    lines = tx.execute(
        "SELECT id, code, heading, title, years, basis, person, note, ended FROM file_list_entry"
        " WHERE agency_id = %s AND year = %s ORDER BY length(split_part(code, '.', 1)), code",
        [agency_id, year],
    ).fetchall()
    for name in ("drafted_by", "approved_by"):
        row[name] = Actor.model_validate(row[name]) if row[name] else None
    return FileList(**row, lines=tuple(Line(**each) for each in lines))


def save_list(tx: Tx, found: FileList) -> None:
    """The whole list; `version` is the one that was read. Raises Rejected(stale_version)."""
    values = [
        found.agency_id,
        found.year,
        json_of(found.drafted_by),
        json_of(found.approved_by),
        found.approved_at,
        found.basis,
    ]
    done = tx.execute(
        "INSERT INTO file_list AS l (agency_id, year, drafted_by, approved_by, approved_at, basis, version)"
        " VALUES (%s, %s, %s, %s, %s, %s, 1) ON CONFLICT (agency_id, year) DO UPDATE SET"
        " (drafted_by, approved_by, approved_at, basis, version)"
        " = ROW (excluded.drafted_by, excluded.approved_by, excluded.approved_at, excluded.basis, l.version + 1)"
        " WHERE l.version = %s",
        [*values, found.version],
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)
    tx.execute(
        "DELETE FROM file_list_entry WHERE agency_id = %s AND year = %s AND id <> ALL(%s)",
        [found.agency_id, found.year, [each.id for each in found.lines]],
    )
    with tx.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO file_list_entry (id, agency_id, year, code, heading, title, years, basis, person, note, ended)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET (code, heading, title,"
            " years, basis, person, note, ended) = ROW (excluded.code, excluded.heading, excluded.title, excluded.years,"
            " excluded.basis, excluded.person, excluded.note, excluded.ended)",
            [
                [
                    e.id,
                    found.agency_id,
                    found.year,
                    e.code,
                    e.heading,
                    e.title,
                    e.years,
                    e.basis,
                    e.person,
                    e.note,
                    e.ended,
                ]
                for e in found.lines
            ],
        )


# --- files


def keep(tx: Tx, step: Step[WorkFile], *, source: str, new: bool = False) -> None:
    file = step.after
    documents.keep(tx, step, add if new else save, subject=file.id, agency=file.agency_id, source=source)


def _values(file: WorkFile) -> list[Any]:
    return [
        file.place.entry_id,
        file.place.code,
        file.title,
        file.year,
        file.state,
        file.keeper_id,
        file.archive_due,
        file.warned,
        file.frozen is not None,
        Jsonb(WORK_FILE.dump_python(file, mode="json")),
    ]


COLUMNS = "entry_id, code, title, year, state, keeper_id, archive_due, warned, frozen, body"


def add(tx: Tx, file: WorkFile) -> None:
    tx.execute(
        f"INSERT INTO work_file (id, agency_id, {COLUMNS}) VALUES (%s, %s, {', '.join(['%s'] * 10)})",  # noqa: S608
        [file.id, file.agency_id, *_values(file)],
    )


def save(tx: Tx, file: WorkFile) -> None:
    done = tx.execute(
        f"UPDATE work_file SET ({COLUMNS}, version) = ROW ({', '.join(['%s'] * 10)}, version + 1)"  # noqa: S608
        " WHERE id = %s AND version = %s",
        [*_values(file), file.id, file.version],
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def get(tx: Tx, file_id: UUID, *, lock: bool = False) -> WorkFile:
    row = tx.execute(
        f"SELECT body, version FROM work_file WHERE id = %s{' FOR UPDATE' if lock else ''}",  # noqa: S608
        [file_id],
    ).fetchone()
    if row is None:
        raise NotFound("hồ sơ công việc")
    return _file(row)


def _file(row: Row) -> WorkFile:
    return WORK_FILE.validate_python(row["body"] | {"version": row["version"]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which files: all, or those of a state, a keeper, a year, with a document, or to be in the archive by a day."""

    state: str | None = None
    keeper: UUID | None = None
    year: int | None = None
    subject: UUID | None = None
    due_by: date | None = None


def list_files(tx: Tx, agency_id: UUID, wanted: Wanted, before: UUID | None, limit: int) -> list[tuple[WorkFile, int]]:
    """Newest first, each with how many members it has."""
    rows = tx.execute(
        "SELECT f.body, f.version, (SELECT count(*) FROM work_file_member m WHERE m.file_id = f.id)::int AS members"
        " FROM work_file f WHERE f.agency_id = %(agency)s AND (%(state)s::text IS NULL OR f.state = %(state)s)"
        " AND (%(keeper)s::uuid IS NULL OR f.keeper_id = %(keeper)s) AND (%(year)s::int IS NULL OR f.year = %(year)s)"
        " AND (%(subject)s::uuid IS NULL OR f.id IN (SELECT file_id FROM work_file_member WHERE subject_id = %(subject)s))"
        " AND (%(due)s::date IS NULL OR f.state = 'closed' AND f.archive_due <= %(due)s)"
        " AND (%(before)s::uuid IS NULL OR f.id < %(before)s) ORDER BY f.id DESC LIMIT %(limit)s",
        {
            "agency": agency_id,
            "state": wanted.state,
            "keeper": wanted.keeper,
            "year": wanted.year,
            "subject": wanted.subject,
            "due": wanted.due_by,
            "before": before,
            "limit": limit,
        },
    ).fetchall()
    return [(_file(row), row["members"]) for row in rows]


def list_to_warn(tx: Tx, agency_id: UUID, day: date, limit: int) -> list[UUID]:
    rows = tx.execute(
        "SELECT id FROM work_file WHERE agency_id = %s AND state = 'closed' AND archive_due <= %s AND NOT warned LIMIT %s",
        [agency_id, day, limit],
    ).fetchall()
    return [row["id"] for row in rows]


def list_submitted(tx: Tx, agency_id: UUID, minutes: str) -> list[WorkFile]:
    """What was handed over under these minutes, in the order of opening."""
    rows = tx.execute(
        "SELECT body, version FROM work_file WHERE agency_id = %s AND body #>> '{submission,minutes}' = %s ORDER BY id",
        [agency_id, minutes],
    ).fetchall()
    return [_file(row) for row in rows]


def try_lock(tx: Tx, key: int) -> bool:
    """Of several workers one does it."""
    row = tx.execute("SELECT pg_try_advisory_xact_lock(%s) AS ok", [key]).fetchone()
    return bool(row and row["ok"])


# --- what stands in them


@dataclass(frozen=True, slots=True)
class Member:
    """A reference from a file; `ordinal` is its place in the contents list."""

    ordinal: int
    kind: Kind
    subject_id: UUID
    filed_by: Actor
    filed_at: datetime
    note: str


def list_members(tx: Tx, file_id: UUID) -> list[Member]:
    rows = tx.execute(
        "SELECT ordinal, kind, subject_id, filed_by, filed_at, note FROM work_file_member WHERE file_id = %s ORDER BY ordinal",
        [file_id],
    ).fetchall()
    return [Member(**{**row, "filed_by": Actor.model_validate(row["filed_by"])}) for row in rows]


def count_members(tx: Tx, file_id: UUID) -> int:
    row = tx.execute("SELECT count(*)::int AS n FROM work_file_member WHERE file_id = %s", [file_id]).fetchone()
    return int(row["n"]) if row else 0


def add_member(tx: Tx, file: WorkFile, member: Member) -> None:
    """Raises Rejected(already_filed). The file is locked."""
    done = tx.execute(
        "INSERT INTO work_file_member (file_id, agency_id, ordinal, kind, subject_id, filed_by, filed_at, note)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (file_id, subject_id) DO NOTHING",
        [
            file.id,
            file.agency_id,
            member.ordinal,
            member.kind,
            member.subject_id,
            json_of(member.filed_by),
            member.filed_at,
            member.note,
        ],
    )
    if done.rowcount == 0:
        raise Rejected(ALREADY_FILED)


def remove_member(tx: Tx, file_id: UUID, subject_id: UUID) -> None:
    tx.execute("DELETE FROM work_file_member WHERE file_id = %s AND subject_id = %s", [file_id, subject_id])


def set_order(tx: Tx, file_id: UUID, subjects: Sequence[UUID]) -> None:
    """The contents list's order: 1 … n, without a gap."""
    tx.execute(
        "UPDATE work_file_member m SET ordinal = w.place FROM unnest(%s::uuid[]) WITH ORDINALITY AS w (subject, place)"
        " WHERE m.file_id = %s AND m.subject_id = w.subject",
        [list(subjects), file_id],
    )


def files_of(tx: Tx, subjects: Sequence[UUID]) -> list[tuple[WorkFile, UUID]]:
    """The files that any of these stand in, with the subject; newest first."""
    rows = tx.execute(
        "SELECT f.body, f.version, m.subject_id FROM work_file_member m JOIN work_file f ON f.id = m.file_id"
        " WHERE m.subject_id = ANY(%s) ORDER BY f.id DESC",
        [list(subjects)],
    ).fetchall()
    return [(_file(row), row["subject_id"]) for row in rows]


# --- packages


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    id: UUID
    agency_id: UUID
    file_id: UUID
    ordered_by: Actor
    ordered_at: datetime
    state: str = "waiting"
    content: BlobRef | None = None
    entries: int | None = None
    reason: dict[str, str] | None = None
    holds: list[UUID] | None = None  # subjects of the members whose content is in it


def add_export(tx: Tx, order: Export) -> None:
    tx.execute(
        "INSERT INTO work_file_export (id, agency_id, file_id, ordered_by, ordered_at, state) VALUES (%s, %s, %s, %s, %s, %s)",
        [order.id, order.agency_id, order.file_id, json_of(order.ordered_by), order.ordered_at, order.state],
    )


def get_export(tx: Tx, export_id: UUID) -> Export:
    row = tx.execute("SELECT * FROM work_file_export WHERE id = %s", [export_id]).fetchone()
    if row is None:
        raise NotFound("gói xuất hồ sơ")
    return _export(row)


def list_exports(tx: Tx, file_id: UUID, limit: int = 10) -> list[Export]:
    rows = tx.execute(
        "SELECT * FROM work_file_export WHERE file_id = %s ORDER BY id DESC LIMIT %s", [file_id, limit]
    ).fetchall()
    return [_export(row) for row in rows]


def end_export(
    tx: Tx,
    export_id: UUID,
    *,
    content: BlobRef | None,
    entries: int | None,
    reason: dict[str, str] | None,
    holds: Sequence[UUID] = (),
) -> None:
    failed = Jsonb(reason) if reason else None
    tx.execute(
        "UPDATE work_file_export SET state = %s, content = %s, entries = %s, reason = %s, holds = %s WHERE id = %s",
        ["done" if content else "failed", json_of(content), entries, failed, list(holds), export_id],
    )


def may_know(tx: Tx, subjects: Sequence[UUID]) -> bool:
    """Whether no restriction keeps any of these from the person of the transaction."""
    row = tx.execute("SELECT may_know_of(%s::uuid[]) AS known", [list(subjects)]).fetchone()
    return bool(row and row["known"])


def _export(row: Row) -> Export:
    content = BlobRef.model_validate(row["content"]) if row["content"] else None
    return Export(**{**row, "ordered_by": Actor.model_validate(row["ordered_by"]), "content": content})


# --- disposal


def add_destroyed(tx: Tx, file: WorkFile, subject_id: UUID, parts: Sequence[tuple[str, BlobRef]]) -> None:
    """The record of what a subject's content was; its earlier versions go with it."""
    decided = file.disposal
    if decided is None:
        raise ValueError("nothing is destroyed without a decision")
    tx.execute(
        "INSERT INTO content_destroyed (agency_id, subject_id, file_id, at, decision, parts)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            file.agency_id,
            subject_id,
            file.id,
            decided.at,
            decided.decision,
            Jsonb([{"filename": name, "content": ref.model_dump(mode="json")} for name, ref in parts]),
        ],
    )


def list_destroyed(tx: Tx, file_id: UUID) -> list[tuple[UUID, str, BlobRef]]:
    rows = tx.execute(
        "SELECT subject_id, parts FROM content_destroyed WHERE file_id = %s ORDER BY subject_id", [file_id]
    ).fetchall()
    return [
        (row["subject_id"], part["filename"], BlobRef.model_validate(part["content"]))
        for row in rows
        for part in row["parts"]
    ]


# Every place in which bytes of an agency's documents are named; what was disposed of names nothing any more.
_USED = (
    "WITH gone AS (SELECT subject_id FROM content_destroyed)"
    " SELECT p #>> '{content,sha256}' AS sha256 FROM document d, jsonb_array_elements(d.parts) p"
    "  WHERE d.id NOT IN (TABLE gone)"
    " UNION SELECT d.content ->> 'sha256' FROM document d WHERE d.id NOT IN (TABLE gone)"
    " UNION SELECT p #>> '{content,sha256}' FROM document d, jsonb_array_elements(d.terms -> 'annexes') p"
    "  WHERE jsonb_typeof(d.terms -> 'annexes') = 'array' AND d.id NOT IN (TABLE gone)"
    " UNION SELECT p #>> '{content,sha256}' FROM incoming i, jsonb_array_elements(i.parts) p WHERE i.id NOT IN (TABLE gone)"
    " UNION SELECT p #>> '{content,sha256}' FROM edition e, jsonb_array_elements(e.parts) p"
    "  WHERE e.subject_id NOT IN (TABLE gone)"
    " UNION SELECT content ->> 'sha256' FROM file WHERE uploaded_at > now() - interval '30 days'"
)


def used_elsewhere(tx: Tx, digests: Sequence[str]) -> set[str]:
    """Those that something of the transaction's agency still needs. Reads all its rows: for a job, not for a click."""
    rows = tx.execute(
        f"SELECT sha256 FROM ({_USED}) u WHERE sha256 = ANY(%s)",  # noqa: S608  own words
        [list(digests)],
    ).fetchall()
    return {row["sha256"] for row in rows}
