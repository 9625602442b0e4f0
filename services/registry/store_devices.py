"""Registry's tables: the only SQL about devices, their moves and states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from services.registry.certificate import LIVE
from services.registry.device import Device
from services.registry.refusals_lifecycle import DEVICE_KNOWN
from shared.db import Tx
from shared.errors import NotFound, Rejected
from shared.events import Actor
from shared.ids import new_id

FIELDS = tuple(f.name for f in fields(Device))


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What was done with a device: `place`, `managed_by` and `person_id` are those after it."""

    act: str
    place: str
    managed_by: UUID
    person_id: UUID | None
    procedure_id: UUID | None
    reason: str | None
    at: datetime
    by: Actor


def add(tx: Tx, device: Device) -> None:
    """Raises Rejected(device_known)."""
    try:
        with tx.transaction():
            tx.execute(
                "INSERT INTO device (id, serial, type, model, managed_by, person_id, place, pin, version)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [getattr(device, name) for name in FIELDS],
            )
    except UniqueViolation as error:
        raise Rejected(DEVICE_KNOWN, serial=device.serial) from error


def save(tx: Tx, device: Device) -> None:
    tx.execute(
        "UPDATE device SET managed_by = %s, person_id = %s, place = %s, pin = %s, version = %s WHERE id = %s",
        [device.managed_by, device.person_id, device.place, device.pin, device.version, device.id],
    )


def note(
    tx: Tx, device: Device, act: str, at: datetime, by: Actor, *, procedure_id: UUID | None, reason: str | None
) -> None:
    """The move for people, the state for counting any past day."""
    tx.execute(
        "INSERT INTO device_move (id, device_id, managed_by, person_id, act, place, procedure_id, reason, at, by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            new_id(),
            device.id,
            device.managed_by,
            device.person_id,
            act,
            device.place,
            procedure_id,
            reason,
            at,
            Jsonb(by.model_dump(mode="json")),
        ],
    )
    tx.execute(
        "INSERT INTO device_state (device_id, type, place, pin, managed_by, person_id, since, by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [device.id, device.type, device.place, device.pin, device.managed_by, device.person_id, at, by.name],
    )


def get(tx: Tx, device_id: UUID) -> Device:
    row = tx.execute("SELECT * FROM device WHERE id = %s", [device_id]).fetchone()
    if row is None:
        raise NotFound("thiết bị", "device")
    return _device(row)


def lock(tx: Tx, device_id: UUID) -> Device:
    tx.execute("SELECT FROM device WHERE id = %s FOR UPDATE", [device_id])
    return get(tx, device_id)


def list_devices(
    tx: Tx,
    *,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    place: str | None = None,
    serial: str | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[Device]:
    """Oldest first."""
    rows = tx.execute(
        "SELECT * FROM device WHERE (%(after)s::uuid IS NULL OR id > %(after)s)"
        " AND (%(agency)s::uuid IS NULL OR managed_by = %(agency)s)"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s)"
        " AND (%(place)s::text IS NULL OR place = %(place)s)"
        " AND (%(serial)s::text IS NULL OR serial = upper(%(serial)s)) ORDER BY id LIMIT %(limit)s",
        {"after": after, "agency": agency_id, "person": person_id, "place": place, "serial": serial, "limit": limit},
    ).fetchall()
    return [_device(row) for row in rows]


def list_moves(tx: Tx, device_id: UUID) -> list[Move]:
    """Oldest first."""
    rows = tx.execute("SELECT * FROM device_move WHERE device_id = %s ORDER BY id", [device_id]).fetchall()
    names = [f.name for f in fields(Move) if f.name != "by"]
    return [Move(by=Actor.model_validate(row["by"]), **{name: row[name] for name in names}) for row in rows]


def list_certificates(tx: Tx, device_id: UUID, *, live: bool = False) -> list[UUID]:
    """Ids of what it carries, oldest first; `live`: what has not ended."""
    stages: Sequence[str] | None = LIVE if live else None
    rows = tx.execute(
        "SELECT id FROM certificate WHERE device_id = %(id)s AND (%(stages)s::text[] IS NULL OR stage = ANY(%(stages)s))"
        " ORDER BY id",
        {"id": device_id, "stages": list(stages) if stages else None},
    ).fetchall()
    return [row["id"] for row in rows]


def _device(row: dict[str, Any]) -> Device:
    return Device(**{name: row[name] for name in FIELDS})
