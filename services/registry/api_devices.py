"""HTTP in front of the inventory of devices. A loss, a return, a locked PIN are procedures (api_procedures.py)."""

from __future__ import annotations

import csv
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from services.registry import device, issuance, stages, store, store_devices
from services.registry.device import Device, Pin, Place, Type
from services.registry.edge import Caller, Limit, Officer, Reader, Shape, Text, cursor_id, desk, etag
from services.registry.refusals_lifecycle import DEVICE_HOLDER
from shared.db import Tx as Transaction
from shared.errors import Rejected
from shared.http import OnceOnly, Tx, encode_cursor
from shared.ids import new_id

router = APIRouter()


class DeviceView(Shape):
    """`managed_by` keeps it in stock or answers for it; `person_id` has it in hand."""

    device_id: UUID
    serial: str
    type: Type
    model: str
    place: Place
    managed_by: UUID
    person_id: UUID | None
    pin: Pin
    version: int

    @classmethod
    def of(cls, found: Device) -> DeviceView:
        return cls(
            device_id=found.id,
            serial=found.serial,
            type=found.type,
            model=found.model,
            place=found.place,
            managed_by=found.managed_by,
            person_id=found.person_id,
            pin=found.pin,
            version=found.version,
        )


class DevicePage(Shape):
    items: list[DeviceView]
    next_cursor: str | None


class MoveView(Shape):
    act: str
    place: Place
    managed_by: UUID
    person_id: UUID | None
    procedure_id: UUID | None
    reason: str | None
    at: datetime
    by: str


class DeviceFile(DeviceView):
    """A device with what it carries (certificate ids, oldest first) and every move."""

    certificates: list[UUID]
    moves: list[MoveView]


class DevicesIn(Shape):
    """A delivery: serials as a list, or as text with one a line (a CSV: the first column; a heading "serial" is
    skipped). All or none is taken in. `agency_id` keeps them in stock; none: the caller's agency.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "pki_token", "model": "GCA-01", "list": "serial\n3A001\n3A002\n", "reason": "Đợt 3"}]
        }
    )

    type: Type
    model: Text = Field(min_length=1)
    serials: tuple[str, ...] = Field(default=(), max_length=5000)
    list: str = Field(default="", max_length=500_000)
    agency_id: UUID | None = None
    reason: Text | None = None

    def lines(self) -> tuple[str, ...]:
        text = self.list.removeprefix("\ufeff")
        rows = [row[0] for row in csv.reader(text.splitlines(), delimiter=";" if ";" in text else ",") if row]
        if rows and rows[0].strip().lower() in ("serial", "số sê-ri", "số serial"):
            rows = rows[1:]
        return (*self.serials, *rows)


class DevicesView(Shape):
    items: list[DeviceView]


@router.get("/devices")
def list_devices(
    *,
    tx: Tx,
    _who: Reader,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    place: Place | None = None,
    serial: str | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> DevicePage:
    """Those of the agencies that the reader oversees, and those in the reader's own hand."""
    found = store_devices.list_devices(
        tx,
        agency_id=agency_id,
        person_id=person_id,
        place=place,
        serial=serial,
        after=cursor_id(cursor),
        limit=limit + 1,
    )
    page, more = found[:limit], len(found) > limit
    items = [DeviceView.of(each) for each in page]
    return DevicePage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.get("/devices/{device_id}")
def get_device(device_id: UUID, tx: Tx, _who: Reader, response: Response) -> DeviceFile:
    found = store_devices.get(tx, device_id)
    etag(response, found.version)
    moves = [
        MoveView(
            act=move.act,
            place=move.place,
            managed_by=move.managed_by,
            person_id=move.person_id,
            procedure_id=move.procedure_id,
            reason=move.reason,
            at=move.at,
            by=move.by.name,
        )
        for move in store_devices.list_moves(tx, device_id)
    ]
    carries = store_devices.list_certificates(tx, device_id)
    return DeviceFile(**DeviceView.of(found).model_dump(), certificates=carries, moves=moves)


@router.post("/devices", status_code=201)
def receive_devices(body: DevicesIn, request: Request, tx: Tx, who: Officer, once: OnceOnly) -> DevicesView:
    """Into stock."""

    def act() -> DevicesView:
        keeper = who.require(tx, body.agency_id or who.agency.id)
        at = desk(request, tx, who)
        made = []
        for serial in device.read_serials(body.lines()):
            new = Device(id=new_id(), serial=serial, type=body.type, model=body.model, managed_by=keeper.id)
            made.append(stages.keep_device(at, None, new, "receive_device", reason=body.reason))
        return DevicesView(items=[DeviceView.of(each) for each in made])

    return once.run(act, DevicesView)


class HandOutIn(Shape):
    """To an agency; with `person_id` into that person's hand there."""

    agency_id: UUID
    person_id: UUID | None = None
    reason: Text | None = None


@router.post("/devices/{device_id}/hand-out")
def hand_out(device_id: UUID, body: HandOutIn, request: Request, tx: Tx, who: Officer) -> DeviceView:
    before = _lock(tx, who, device_id)
    agency = who.require(tx, body.agency_id)
    if body.person_id:
        person = store.get_person(tx, body.person_id)
        today = issuance.today()
        if not any(post.agency_id == agency.id and post.period.has(today) for post in person.facts.posts):
            raise Rejected(DEVICE_HOLDER, holder=person.name, agency=agency.name)
    after = device.hand_out(before, agency.id, body.person_id)
    kept = stages.keep_device(desk(request, tx, who), before, after, "hand_out_device", reason=body.reason)
    return DeviceView.of(kept)


def _lock(tx: Transaction, who: Caller, device_id: UUID) -> Device:
    before = store_devices.lock(tx, device_id)
    who.require(tx, before.managed_by)
    return before
