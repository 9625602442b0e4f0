"""Arrived documents in PostgreSQL, visible to the receiving agency only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.docs.finding import store as finding
from services.docs.incoming import Destroyed, Incoming, Validation
from services.docs.step import Reason, Step
from services.docs.store import add_whereabouts, asked_json, json_of, keep, reason_json
from shared import jobs
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected

INCOMING = (
    "SELECT id, delivery_id, document_id, sender, receiver, descriptor, signer_name, parts, status, reason, reason_code,"
    " arrival_number, arrived_at, validation, delayed, assignee_id, assignee_name, owes, renewal, renewed_annexes, came_by, relations, asked,"
    " chased_at, destroyed, duplicate_of, version FROM incoming"
)
SEND_BACK = "send_back"  # the job that refuses an arrival whose file may not be taken; its subject is the arrival's id
DESTROYED = TypeAdapter(tuple[Destroyed, ...])
_READ = TypeAdapter(list[Incoming])


def keep_incoming(tx: Tx, step: Step[Incoming], *, source: str, new: bool = False) -> None:
    keep(tx, step, add if new else save, subject=step.after.id, agency=step.after.agency_id, source=source)
    finding.put_incoming(tx, step.after)


def order_to_send_back(
    tx: Tx, incoming_id: UUID, agency_id: UUID, reason: Reason, *, filename: str, forget: bool
) -> None:
    """In the transaction that found out why it may not be taken."""
    payload = {
        "agency_id": str(agency_id),
        "incoming_id": str(incoming_id),
        "reason": asdict(reason),
        "filename": filename,
        "forget": forget,
    }
    jobs.put(tx, SEND_BACK, str(incoming_id), payload)


def get(tx: Tx, incoming_id: UUID) -> Incoming:
    return _incoming(tx.execute(f"{INCOMING} WHERE id = %s", [incoming_id]).fetchone())


def find(tx: Tx, incoming_id: UUID) -> Incoming | None:
    row = tx.execute(f"{INCOMING} WHERE id = %s", [incoming_id]).fetchone()
    return _incoming(row) if row else None


def lock(tx: Tx, incoming_id: UUID) -> Incoming:
    return _incoming(tx.execute(f"{INCOMING} WHERE id = %s FOR UPDATE", [incoming_id]).fetchone())


def find_delivered_for_update(tx: Tx, delivery_id: UUID) -> Incoming | None:
    row = tx.execute(f"{INCOMING} WHERE delivery_id = %s FOR UPDATE", [delivery_id]).fetchone()
    return _incoming(row) if row else None


def list_incoming(tx: Tx, status: str | None, before: UUID | None, limit: int) -> list[Incoming]:
    """Newest first; `before` is the last id of the page before. Asked as `store.list_documents`, for the same reason."""
    asked = f"{'status = %(status)s' if status else 'true'} AND {'id < %(before)s' if before else 'true'}"
    rows = tx.execute(
        f"{INCOMING} WHERE {asked} ORDER BY id DESC LIMIT %(limit)s",
        {"status": status, "before": before, "limit": limit},
    ).fetchall()
    return _all(rows)


def add(tx: Tx, incoming: Incoming) -> None:
    add_whereabouts(tx, incoming.id, "incoming", incoming.agency_id)
    tx.execute(
        "INSERT INTO incoming (id, agency_id, delivery_id, document_id, sender, receiver, descriptor, signer_name, parts,"
        " status, arrival_number, validation, arrived_at, owes, came_by, relations, duplicate_of, version)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0)",
        [
            incoming.id,
            incoming.agency_id,
            incoming.delivery_id,
            incoming.document_id,
            json_of(incoming.sender),
            json_of(incoming.receiver),
            json_of(incoming.descriptor),
            incoming.signer_name,
            json_of(incoming.parts),
            incoming.status,
            incoming.arrival_number,
            _validation_json(incoming.validation),
            incoming.arrived_at,
            list(incoming.owes),
            incoming.came_by,
            json_of(incoming.relations),
            incoming.duplicate_of,
        ],
    )
    for each in incoming.relations:
        tx.execute(
            "INSERT INTO incoming_relation (agency_id, incoming_id, kind, target) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [incoming.agency_id, incoming.id, each.kind, each.document.document_id],
        )


def save(tx: Tx, incoming: Incoming) -> None:
    """Raises Rejected(stale_version) when the row is no longer the one that was read."""
    done = tx.execute(
        "UPDATE incoming SET status = %s, reason = %s, reason_code = %s, arrival_number = %s, validation = %s,"
        " delayed = %s, assignee_id = %s, assignee_name = %s, parts = %s, owes = %s, renewal = %s, renewed_annexes = %s, asked = %s,"
        " chased_at = %s, destroyed = %s, version = version + 1 WHERE id = %s AND version = %s",
        [
            incoming.status,
            incoming.reason,
            incoming.reason_code,
            incoming.arrival_number,
            _validation_json(incoming.validation),
            reason_json(incoming.delayed),
            incoming.assignee_id,
            incoming.assignee_name,
            json_of(incoming.parts),
            list(incoming.owes),
            json_of(incoming.renewal),
            json_of(incoming.renewed_annexes),
            asked_json(incoming.asked),
            incoming.chased_at,
            Jsonb(DESTROYED.dump_python(incoming.destroyed, mode="json")) if incoming.destroyed else None,
            incoming.id,
            incoming.version,
        ],
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def _validation_json(found: Validation | None) -> Jsonb | None:
    if found is None:
        return None
    return Jsonb(
        {
            "indication": found.indication,
            "sub_indication": found.sub_indication,
            "code": found.code,
            "reason_vi": found.reason_vi,
            "reason_en": found.reason_en,
            "signatures": [s.model_dump(mode="json", exclude_none=True) for s in found.signatures],
            "report": found.report.model_dump(mode="json") if found.report else None,
            "annexes": [each.model_dump(mode="json", exclude_none=True) for each in found.annexes],
            "policy": found.policy,
        }
    )


def _incoming(row: dict[str, Any] | None) -> Incoming:
    if row is None:
        raise NotFound("văn bản đến")
    return _all([row])[0]


def _all(rows: list[dict[str, Any]]) -> list[Incoming]:
    """The columns have the names of the fields, and JSON in them the shape: read at once, in a third of the time."""
    for row in rows:
        row["destroyed"] = row["destroyed"] or ()
    return _READ.validate_python(rows)
