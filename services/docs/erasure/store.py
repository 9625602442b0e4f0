"""Which bytes anything refers to: every place of docs in which a digest stands that somebody may ask for, in one list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.docs.step import ourselves
from services.docs.store import json_of
from services.docs.store_exchange import as_partner
from services.docs.store_registry import list_agencies_ever
from shared.blobs import Held
from shared.db import Tx, act_for
from shared.events import BlobRef

# Rows of an agency: table, column, and the column that names the subject, where content is disposed of by subject.
OF_AGENCY = (
    ("file", "content", None),
    ("document", "parts", "id"),
    ("document", "content", "id"),
    ("document", "terms", "id"),
    ("earlier_version", "content", "subject_id"),
    ("edition", "parts", "subject_id"),
    ("incoming", "parts", "id"),
    ("incoming", "renewal", "id"),
    ("incoming", "renewed_annexes", "id"),
    ("intake_item", "source", None),
    ("intake_item", "pdf", None),
    ("intake_item", "reading", None),
    ("upload_piece", "content", None),
    ("book_print", "content", None),
    ("work_file_export", "content", None),
)
OF_PARTNER = (("partner_file", "content"), ("exchange_out", "parts"), ("exchange_out", "later"))
# `rendition` is asked for by itself: what was made of a file goes when the file does.


def _digests(table: str, column: str, subject: str | None = None) -> str:
    disposed = (
        f" WHERE NOT EXISTS (SELECT FROM content_destroyed c WHERE c.subject_id = t.{subject})" if subject else ""
    )
    return f"SELECT jsonb_path_query(t.{column}, 'lax $.**.sha256') #>> '{{}}' AS sha256 FROM {table} t{disposed}"  # noqa: S608  ours


_AGENCY = " UNION ALL ".join(_digests(*place) for place in OF_AGENCY)
_PARTNER = " UNION ALL ".join(_digests(*place) for place in OF_PARTNER)
_QUARANTINED = " UNION ALL ".join(
    f"SELECT {column} AS ref FROM {table}"  # noqa: S608  ours
    for table, column, _ in OF_AGENCY
    if table in ("intake_item", "upload_piece")
)


def referred_to(tx: Tx, partners: Iterable[str], *, begin: str = "", among: Sequence[str] | None = None) -> set[str]:
    """Digests that begin so, or of these, to which a row of anybody refers. The transaction's first question: all is read
    as it stood at one time, agency by agency, as row-level security has it. Reads all rows: for a job, not for a click.
    """
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    found: set[str] = set()
    asked: dict[str, Any] = {"begin": f"{begin}%", "among": list(among) if among is not None else None}
    where = "sha256 LIKE %(begin)s AND (%(among)s::text[] IS NULL OR sha256 = ANY(%(among)s))"
    for _ in _as_each_agency(tx):
        rows = tx.execute(f"SELECT DISTINCT sha256 FROM ({_AGENCY}) u WHERE {where}", asked)  # noqa: S608  own words
        found.update(row["sha256"] for row in rows)
    for _ in _as_each_partner(tx, partners):
        rows = tx.execute(f"SELECT DISTINCT sha256 FROM ({_PARTNER}) u WHERE {where}", asked)  # noqa: S608
        found.update(row["sha256"] for row in rows)
    return found


def _as_each_agency(tx: Tx) -> Iterator[None]:
    """Inside, the rows of one agency after the other are visible; afterwards nobody's."""
    for agency_id in list_agencies_ever(tx):
        act_for(tx, agency_id)
        yield
    act_for(tx, None)


def _as_each_partner(tx: Tx, partners: Iterable[str]) -> Iterator[None]:
    """The same for partners: those that are set up, and those that the directory names."""
    rows = tx.execute("SELECT DISTINCT partner FROM agency WHERE partner IS NOT NULL").fetchall()
    for partner in {*partners, *(row["partner"] for row in rows)}:
        with as_partner(tx, partner):
            yield


# --- what was made of files


def made_of(tx: Tx, begin: str) -> dict[str, set[str]]:
    """Digests of texts and pictures, by the file that they were made of; those whose own digest begins so."""
    rows = tx.execute(
        "SELECT sha256, content ->> 'sha256' AS made FROM rendition WHERE content ->> 'sha256' LIKE %s", [f"{begin}%"]
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["sha256"], set()).add(row["made"])
    return found


def list_sources(tx: Tx, begin: str, before: datetime) -> set[str]:
    """Files of which something was made before then."""
    rows = tx.execute(
        "SELECT DISTINCT sha256 FROM rendition WHERE sha256 LIKE %s AND made_at < %s", [f"{begin}%", before]
    )
    return {row["sha256"] for row in rows}


def made_only_of(tx: Tx, digests: Sequence[str]) -> list[BlobRef]:
    """Texts and pictures of these files which no other file has as well: an empty page looks like every other."""
    rows = tx.execute(
        "SELECT DISTINCT content FROM rendition r WHERE sha256 = ANY(%(of)s) AND NOT EXISTS (SELECT FROM rendition o"
        " WHERE o.content ->> 'sha256' = r.content ->> 'sha256' AND o.sha256 <> ALL(%(of)s))",
        {"of": list(digests)},
    ).fetchall()
    return [BlobRef.model_validate(row["content"]) for row in rows]


def forget_made_of(tx: Tx, digests: Collection[str]) -> None:
    tx.execute("DELETE FROM rendition WHERE sha256 = ANY(%s)", [list(digests)])


# --- set aside


def add_aside(tx: Tx, some: Sequence[Held], at: datetime) -> None:
    with tx.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO set_aside (sha256, size, put_at, set_aside_at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (sha256) DO UPDATE SET set_aside_at = excluded.set_aside_at",
            [(each.sha256, each.size, each.put_at, at) for each in some],
        )


def list_aside(tx: Tx, prefix: str, begin: str, before: datetime, limit: int) -> list[Held]:
    rows = tx.execute(
        "SELECT sha256, size, put_at FROM set_aside WHERE sha256 LIKE %s AND set_aside_at < %s ORDER BY set_aside_at LIMIT %s",
        [f"{begin}%", before, limit],
    ).fetchall()
    return [Held(prefix=prefix, **row) for row in rows]


def remove_aside(tx: Tx, digests: Iterable[str]) -> None:
    tx.execute("DELETE FROM set_aside WHERE sha256 = ANY(%s)", [list(digests)])


# --- quarantine, in which each item and upload has a prefix of its own


def in_quarantine(tx: Tx) -> set[tuple[str, str]]:
    """Prefix and digest of all that a row of anybody refers to there."""
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    found: set[tuple[str, str]] = set()
    for _ in _as_each_agency(tx):
        rows = tx.execute(
            f"SELECT ref ->> 'prefix' AS prefix, ref ->> 'sha256' AS sha256 FROM ({_QUARANTINED}) u"  # noqa: S608  own words
            " WHERE ref ->> 'prefix' LIKE 'docs/quarantine/%%'"
        )
        found.update((row["prefix"], row["sha256"]) for row in rows)
    return found


# --- what was given up, or may not be kept


def forget_given_up(tx: Tx, partners: Iterable[str], age: timedelta) -> int:
    """Uploaded files that became part of nothing, and what partners uploaded and sent no message about; how many."""
    count = 0
    for _ in _as_each_agency(tx):
        rows = tx.execute(_GIVEN_UP, {"age": age}).fetchall()
        if rows:
            gone = [row["id"] for row in rows]
            tx.execute("UPDATE intake_item SET file_id = NULL WHERE file_id = ANY(%s)", [gone])
            count += tx.execute("DELETE FROM file WHERE id = ANY(%s)", [gone]).rowcount
    for _ in _as_each_partner(tx, partners):
        count += tx.execute("DELETE FROM partner_file WHERE uploaded_at < now() - %s", [age]).rowcount
    return count


# A file that is ready in intake waits for somebody; one that was discarded does not.
_GIVEN_UP = (
    "SELECT f.id FROM file f WHERE f.uploaded_at < now() - %(age)s"
    " AND NOT EXISTS (SELECT FROM file_use u WHERE u.file_id = f.id)"
    " AND NOT EXISTS (SELECT FROM intake_item i WHERE i.file_id = f.id AND i.state <> 'discarded')"
    " AND f.id::text NOT IN (SELECT named FROM (SELECT fields FROM draft UNION ALL SELECT fields FROM typed) k,"
    "  LATERAL (SELECT jsonb_path_query(k.fields, 'lax $.**.file_id') #>> '{}' AS named) n WHERE named IS NOT NULL)"
    " LIMIT 1000 FOR UPDATE OF f SKIP LOCKED"
)


def forget_uploads(tx: Tx, partners: Iterable[str], digests: Sequence[str]) -> None:
    """A partner uploads it anew, should it ever be sent again."""
    for _ in _as_each_partner(tx, partners):
        tx.execute("DELETE FROM partner_file WHERE sha256 = ANY(%s)", [list(digests)])


def forget_arrival(tx: Tx, incoming_id: UUID) -> list[BlobRef]:
    """What an arrival came as is named no more; what still was on its way through intake stops. What was named there."""
    rows = tx.execute(
        "SELECT source, pdf, reading FROM intake_item WHERE used_for = %s FOR UPDATE", [incoming_id]
    ).fetchall()
    earlier = tx.execute(
        "DELETE FROM earlier_version WHERE subject_id = %s RETURNING content", [incoming_id]
    ).fetchall()
    tx.execute(
        "UPDATE intake_item SET source = NULL, pdf = NULL, reading = NULL, version = version + 1,"
        " state = CASE WHEN state IN ('working', 'failed') THEN 'discarded' ELSE state END WHERE used_for = %s",
        [incoming_id],
    )
    named = [raw for row in rows for raw in row.values()] + [row["content"] for row in earlier]
    return [BlobRef.model_validate(raw) for raw in named if raw]


def note_erased(tx: Tx, agency_id: UUID, subject_id: UUID, at: datetime, detail: str) -> None:
    tx.execute(
        "INSERT INTO history (agency_id, subject_id, at, act, actor, detail) VALUES (%s, %s, %s, %s, %s, %s)",
        [agency_id, subject_id, at, "content_erased", json_of(ourselves()), detail],
    )
