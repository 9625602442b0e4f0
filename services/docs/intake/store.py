"""What came in, its steps, and what was taken already, in PostgreSQL; each agency its own."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.intake.domain import Item, Origin, Passing
from services.docs.step import Reason
from services.docs.store import json_of, reason_json
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import BlobRef

Row = dict[str, Any]
WHAT = "tệp tiếp nhận"
# Who may not know of an arrival sees nothing of what it came as either: row-level security decides in `incoming`.
SEEN = "(used_for IS NULL OR EXISTS (SELECT FROM incoming i WHERE i.id = used_for))"


# --- items


def add(tx: Tx, item: Item) -> None:
    tx.execute(
        "INSERT INTO intake_item (id, agency_id, channel, kind, filename, origin, state, source, upload_id, media_type,"
        " pdf, reading, page_count, file_id, used_for, received_at, version)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0)",
        [
            item.id,
            item.agency_id,
            item.channel,
            item.kind,
            item.filename,
            _origin_json(item.origin),
            item.state,
            json_of(item.source),
            item.upload_id,
            item.media_type,
            json_of(item.pdf),
            json_of(item.reading),
            item.page_count,
            item.file_id,
            item.used_for,
            item.received_at,
        ],
    )
    for ordinal, step in enumerate(item.steps):
        tx.execute(
            "INSERT INTO intake_step (item_id, ordinal, agency_id, name, state, at, attempts, reason)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [item.id, ordinal, item.agency_id, step.name, step.state, step.at, step.attempts, reason_json(step.reason)],
        )


def save(tx: Tx, item: Item) -> None:
    """Raises Rejected(stale_version) when the row is no longer the one that was read."""
    done = tx.execute(
        "UPDATE intake_item SET state = %s, source = %s, upload_id = %s, media_type = %s, pdf = %s, reading = %s,"
        " page_count = %s, file_id = %s, used_for = %s, version = version + 1 WHERE id = %s AND version = %s",
        [
            item.state,
            json_of(item.source),
            item.upload_id,
            item.media_type,
            json_of(item.pdf),
            json_of(item.reading),
            item.page_count,
            item.file_id,
            item.used_for,
            item.id,
            item.version,
        ],
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)
    for ordinal, step in enumerate(item.steps):
        tx.execute(
            "UPDATE intake_step SET state = %s, at = %s, attempts = %s, reason = %s WHERE item_id = %s AND ordinal = %s",
            [step.state, step.at, step.attempts, reason_json(step.reason), item.id, ordinal],
        )


def get(tx: Tx, item_id: UUID) -> Item:
    row = tx.execute(f"SELECT * FROM intake_item WHERE id = %s AND {SEEN}", [item_id]).fetchone()  # noqa: S608
    return _one(tx, row)


def find(tx: Tx, item_id: UUID) -> Item | None:
    row = tx.execute("SELECT * FROM intake_item WHERE id = %s", [item_id]).fetchone()
    return _one(tx, row) if row else None


def lock(tx: Tx, item_id: UUID) -> Item:
    return _one(tx, tx.execute("SELECT * FROM intake_item WHERE id = %s FOR UPDATE", [item_id]).fetchone())


def list_of(tx: Tx, subject: UUID) -> list[Item]:
    """What came with an arrival, or what an arrival was registered from."""
    rows = tx.execute("SELECT * FROM intake_item WHERE used_for = %s ORDER BY filename, id", [subject]).fetchall()
    return _items(tx, rows)


def list_items(tx: Tx, state: str | None, before: UUID | None, limit: int) -> list[Item]:
    """Newest first; `before` is the last id of the page before."""
    rows = tx.execute(
        f"SELECT * FROM intake_item WHERE {SEEN} AND (%(state)s::text IS NULL OR state = %(state)s)"  # noqa: S608
        " AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"state": state, "before": before, "limit": limit},
    ).fetchall()
    return _items(tx, rows)


_HELD = (
    "(used_for = ANY(%(subjects)s) OR source ->> 'sha256' = ANY(%(digests)s) OR pdf ->> 'sha256' = ANY(%(digests)s))"
)


def contents_of_all(tx: Tx, subjects: list[UUID], digests: list[str]) -> list[BlobRef]:
    """What these arrivals came as, or what files of these digests were made of, and the texts read of them."""
    rows = tx.execute(
        f"SELECT source, pdf, reading FROM intake_item WHERE {_HELD}",  # noqa: S608  own words
        {"subjects": subjects, "digests": digests},
    ).fetchall()
    return [ref for row in rows for name in ("source", "pdf", "reading") if (ref := _blob(row[name]))]


def held_elsewhere(tx: Tx, digests: list[str], subjects: list[UUID], gone: list[str]) -> set[str]:
    """Those of these that other things came as, or were read from: two may have come as the same bytes."""
    rows = tx.execute(
        "SELECT ref ->> 'sha256' AS sha256 FROM intake_item,"
        " LATERAL unnest(ARRAY[source, pdf, reading]) ref WHERE ref ->> 'sha256' = ANY(%(digests)s)"
        " AND (used_for IS NULL OR used_for <> ALL(%(subjects)s))"
        " AND coalesce(pdf, source) ->> 'sha256' <> ALL(%(gone)s)",
        {"digests": digests, "subjects": subjects, "gone": gone},
    ).fetchall()
    return {row["sha256"] for row in rows}


def forget_contents(tx: Tx, subjects: list[UUID], digests: list[str]) -> None:
    """That they came stays, nothing of what was in them."""
    tx.execute(
        f"UPDATE intake_item SET source = NULL, pdf = NULL, reading = NULL, version = version + 1 WHERE {_HELD}",  # noqa: S608
        {"subjects": subjects, "digests": digests},
    )


def find_reading(tx: Tx, file_id: UUID) -> BlobRef | None:
    """Where the recognised text of a file lies, when it has any: pages apart by form feeds."""
    row = tx.execute("SELECT reading FROM intake_item WHERE file_id = %s", [file_id]).fetchone()
    return BlobRef.model_validate(row["reading"]) if row and row["reading"] else None


def _one(tx: Tx, row: Row | None) -> Item:
    if row is None:
        raise NotFound(WHAT)
    return _items(tx, [row])[0]


def _items(tx: Tx, rows: list[Row]) -> list[Item]:
    steps: dict[UUID, list[Passing]] = {row["id"]: [] for row in rows}
    found = tx.execute(
        "SELECT item_id, name, state, at, attempts, reason FROM intake_step WHERE item_id = ANY(%s) ORDER BY ordinal",
        [list(steps)],
    ).fetchall()
    for step in found:
        reason = step.pop("reason")
        steps[step.pop("item_id")].append(Passing(**step, reason=Reason(**reason) if reason else None))
    return [_item(row, tuple(steps[row["id"]])) for row in rows]


def _item(row: Row, steps: tuple[Passing, ...]) -> Item:
    origin = row.pop("origin")
    person = origin.get("person_id")
    source, pdf, reading = (_blob(row.pop(name)) for name in ("source", "pdf", "reading"))
    return Item(
        origin=Origin(**{**origin, "person_id": UUID(person) if person else None}),
        steps=steps,
        source=source,
        pdf=pdf,
        reading=reading,
        **row,
    )


def _blob(found: Row | None) -> BlobRef | None:
    return BlobRef.model_validate(found) if found else None


def _origin_json(origin: Origin) -> Jsonb:
    values = asdict(origin) | {"person_id": str(origin.person_id) if origin.person_id else None}
    return Jsonb({name: value for name, value in values.items() if value is not None})


# --- taken once


def take_once(tx: Tx, agency_id: UUID, key: str, *, outcome: str, at: datetime, detail: Row) -> bool:
    """True for whoever is first; whoever comes with the same key later, or at the same time, has nothing to do."""
    done = tx.execute(
        "INSERT INTO intake_taken (agency_id, key, outcome, taken_at, detail) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [agency_id, key, outcome, at, Jsonb(detail)],
    )
    return done.rowcount == 1


def find_taken(tx: Tx, agency_id: UUID, key: str) -> Row | None:
    return tx.execute("SELECT * FROM intake_taken WHERE agency_id = %s AND key = %s", [agency_id, key]).fetchone()


def find_mail(tx: Tx, agency_id: UUID, header: str) -> Row | None:
    """The newest mail taken whose header has this digest."""
    return tx.execute(
        "SELECT * FROM intake_taken WHERE agency_id = %s AND key LIKE 'mail:%%' AND detail ->> 'header' = %s"
        " ORDER BY taken_at DESC LIMIT 1",
        [agency_id, header],
    ).fetchone()


def answer(tx: Tx, agency_id: UUID, key: str, detail: Row, at: datetime) -> bool:
    """What the sender of a mail is told, once: False when it was before."""
    done = tx.execute(
        "UPDATE intake_taken SET answered_at = %s, detail = detail || %s WHERE agency_id = %s AND key = %s"
        " AND answered_at IS NULL",
        [at, Jsonb(detail), agency_id, key],
    )
    return done.rowcount == 1


def list_mails(tx: Tx, limit: int) -> list[Row]:
    """The newest mails with what their senders are told; those of whose items the reader may know of each."""
    return tx.execute(
        "SELECT * FROM intake_taken t WHERE key LIKE 'mail:%%' AND NOT EXISTS (SELECT FROM"
        "  jsonb_array_elements_text(t.detail -> 'items') n WHERE NOT EXISTS (SELECT FROM intake_item i WHERE i.id = n::uuid))"
        " ORDER BY taken_at DESC LIMIT %s",
        [limit],
    ).fetchall()


# --- arrivals that may be the same


def find_arrivals(tx: Tx, number_symbol: str, sender: str, dated: date | None) -> list[Row]:
    """Documents that arrived with that number and symbol from an agency of that name or identifier, on that day if it
    is known; those that were refused do not count.
    """
    return tx.execute(
        "SELECT id, arrival_number, sender ->> 'name' AS sender FROM incoming WHERE status <> '02'"
        " AND lower(descriptor ->> 'number_symbol') = lower(%(symbol)s)"
        " AND lower(%(sender)s) IN (lower(sender ->> 'name'), lower(sender ->> 'identifier'))"
        " AND (%(dated)s::date IS NULL OR descriptor ->> 'issued_on' IS NULL"
        "      OR (descriptor ->> 'issued_on')::date = %(dated)s) ORDER BY id",
        {"symbol": number_symbol, "sender": sender, "dated": dated},
    ).fetchall()
