"""A device that holds keys (PKI Token, SIM PKI, HSM): where it is, who has it, whether its PIN is locked. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from services.registry.refusals_lifecycle import DEVICE_PIN, DEVICE_PLACE, DEVICE_SERIAL
from shared.errors import Rejected

Type = Literal["pki_token", "sim_pki", "hsm"]
Place = Literal["in_stock", "at_agency", "with_person", "returned", "lost"]
Pin = Literal["unlocked", "locked"]
HELD: tuple[Place, ...] = ("at_agency", "with_person")
GONE: tuple[Place, ...] = ("returned", "lost")
SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """`managed_by` keeps it in stock or answers for it; `person_id` has it in hand (place with_person)."""

    id: UUID
    serial: str
    type: Type
    model: str
    managed_by: UUID
    person_id: UUID | None = None
    place: Place = "in_stock"
    pin: Pin = "unlocked"
    version: int = 1


def read_serials(lines: Sequence[str]) -> tuple[str, ...]:
    """Serial numbers, each once; Rejected names the line that is wrong."""
    found: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        serial = line.strip().upper()
        if not SERIAL.fullmatch(serial) or serial in found:
            raise Rejected(DEVICE_SERIAL, line=number, serial=line.strip()[:60])
        found[serial] = number
    return tuple(found)


def check_usable(device: Device) -> None:
    """A certificate may be put on it."""
    _at(device, "in_stock", *HELD)


def hand_out(before: Device, managed_by: UUID, person_id: UUID | None) -> Device:
    """To an agency, or to a person there; from stock, or on from where it was."""
    _at(before, "in_stock", *HELD)
    if before.pin == "locked":
        raise Rejected(DEVICE_PIN, serial=before.serial, pin=before.pin)
    place: Place = "with_person" if person_id else "at_agency"
    return _change(before, managed_by=managed_by, person_id=person_id, place=place)


def follow(before: Device, managed_by: UUID) -> Device:
    """Its person works elsewhere now; the device went along."""
    _at(before, "with_person")
    return _change(before, managed_by=managed_by)


def take_back(before: Device) -> Device:
    """Returned (Mẫu 08); a lost one that was found is returned too."""
    _at(before, "in_stock", *HELD, "lost")
    return _change(before, place="returned", person_id=None)


def lose(before: Device) -> Device:
    """Lost (Mẫu 09); what is on it must not be used any more."""
    _at(before, "in_stock", *HELD)
    return _change(before, place="lost", person_id=None)


def lock_pin(before: Device) -> Device:
    """Too many wrong PINs: only the provider or its delegate unlocks it (Mẫu 06)."""
    _at(before, *HELD)
    return _change(before, pin="locked")


def unlock_pin(before: Device) -> Device:
    if before.pin != "locked":
        raise Rejected(DEVICE_PIN, serial=before.serial, pin=before.pin)
    _at(before, *HELD)
    return _change(before, pin="unlocked")


def _at(before: Device, *places: Place) -> None:
    if before.place not in places:
        raise Rejected(DEVICE_PLACE, serial=before.serial, place=before.place)


def _change(
    before: Device,
    *,
    managed_by: UUID | None = None,
    person_id: UUID | Literal["as it is"] | None = "as it is",
    place: Place | None = None,
    pin: Pin | None = None,
) -> Device:
    """The device as said; unchanged (the same version) when that is how it is."""
    after = replace(
        before,
        managed_by=managed_by or before.managed_by,
        person_id=before.person_id if person_id == "as it is" else person_id,
        place=place or before.place,
        pin=pin or before.pin,
    )
    return before if after == before else replace(after, version=before.version + 1)
