"""A certificate or device moves on: state, history, event and act in the caller's transaction, for every use case."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from services.registry import certificate, device, store_devices
from services.registry import store_certificates as certificates
from services.registry.certificate import Certificate, MaybeMoved
from services.registry.device import Device
from services.registry.directory import Desk
from shared import jobs, outbox
from shared.db import Tx
from shared.events.registry import CertificateStated

TELL_CA = "tell_ca"


def enter(desk: Desk, made: Certificate, stated: CertificateStated, act: str) -> Certificate:
    """A new certificate; one that is active at once ends the one that it renews."""
    certificates.add(desk.tx, made)
    _say(desk, made, stated, act, kind=made.kind)
    if made.stage == "active":
        _end_predecessor(desk, made)
    return made


def move(desk: Desk, moved: MaybeMoved, act: str, told: str | None = None) -> Certificate:
    """The next stage; nothing when nothing changed. `told` is what its CA must hear (RFC 5280 §5.3.1), if any."""
    after, stated = moved
    if stated is None:
        return after
    certificates.save(desk.tx, after)
    _say(desk, after, stated, act, reason=after.reason or "")
    if told and after.issued_by:
        payload = {"certificate_id": str(after.id), "reason": told}
        jobs.put(desk.tx, TELL_CA, f"certificate:{after.id}", payload)
    if after.stage == "active":
        _end_predecessor(desk, after)
    return give_back_device(desk, after) if after.stage in certificate.ENDED else after


def device_gone(tx: Tx, of: Certificate) -> bool:
    """Whether it came on a device that is lost or returned; the device is locked."""
    return of.device_id is not None and store_devices.lock(tx, of.device_id).place in device.GONE


def give_back_device(desk: Desk, ended: Certificate) -> Certificate:
    """An ended certificate whose device is returned or lost says so."""
    on = store_devices.get(desk.tx, ended.device_id) if ended.device_id else None
    if on is None or on.place not in device.GONE:
        return ended
    how = certificate.DEVICE_RETURNED if on.place == "returned" else certificate.DEVICE_LOST
    return move(desk, certificate.give_back_device(ended, how), f"note_{how}")


def _end_predecessor(desk: Desk, made: Certificate) -> None:
    if made.renews is None or made.renews_by is None:
        return
    before = certificates.lock(desk.tx, made.renews)
    told = "superseded" if made.renews_by == "change" else None
    move(desk, certificate.succeed(before, made.renews_by), "supersede_certificate", told)


def _say(desk: Desk, after: Certificate, stated: CertificateStated, act: str, **detail: str) -> None:
    certificates.note_stage(desk.tx, after, datetime.now(UTC), desk.by)
    outbox.put(desk.tx, stated, source=desk.source)
    desk.record(act, "certificate", after.id, serial=after.serial, stage=after.stage, **detail)


def keep_device(
    desk: Desk,
    before: Device | None,
    after: Device,
    act: str,
    *,
    procedure_id: UUID | None = None,
    reason: str | None = None,
) -> Device:
    """A device as it is now; `before` is none when it comes into stock. Nothing when nothing changed."""
    if before is None:
        store_devices.add(desk.tx, after)
    elif after.version == before.version:
        return after
    else:
        store_devices.save(desk.tx, after)
    at = datetime.now(UTC)
    store_devices.note(desk.tx, after, act, at, desk.by, procedure_id=procedure_id, reason=reason)
    desk.record(act, "device", after.id, serial=after.serial, place=after.place, pin=after.pin)
    return after
