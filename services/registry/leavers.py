"""What follows by itself when somebody leaves, moves or keeps a device too long: a to-do for the officer.

By the clock and not where posts are changed, since a post also ends by its date.
"""

from __future__ import annotations

from datetime import date

from services.registry import certificate, device, proceedings, stages, store, store_devices
from services.registry import store_certificates as certificates
from services.registry import store_procedures as procedures
from services.registry.directory import Desk
from services.registry.scope import EVERYWHERE
from shared.db import Tx
from shared.events import Actor

CLOCK = Actor(name="registry", system="registry clock")
BY_CLOCK = {"opened_by": "clock"}
AT_ONCE = 100


def follow_up(tx: Tx, source: str, today: date) -> int:
    """Open what is owed as of `today`; returns how many. Nothing is opened twice for one certificate.

    1. Left the public sector: revocation (affiliationChanged); an agency has ended: that of its seal. 2. Works at another agency: that one manages the
    certificate and the device from now on, and a change of content is asked for (NĐ 68/2024: no revocation).
    3. All on a device has ended: it is to be returned.
    """
    store.act_within(tx, EVERYWHERE)
    desk = Desk(tx, CLOCK, source)
    left = procedures.list_left(tx, today, AT_ONCE)  # 1
    for certificate_id in left:
        said = BY_CLOCK | {"reason_code": "affiliationChanged"}
        subject = proceedings.subject_of(tx, certificate_id=certificate_id, details=said)
        proceedings.request(desk, "revoke", subject, "Chủ chứng thư không còn giữ chức vụ")
    seals = procedures.list_seals_left(tx, today, AT_ONCE)
    for certificate_id in seals:
        said = BY_CLOCK | {"reason_code": "cessationOfOperation"}
        subject = proceedings.subject_of(tx, certificate_id=certificate_id, details=said)
        proceedings.request(desk, "revoke", subject, "Cơ quan đã kết thúc hoạt động")
    moved = procedures.list_moved(tx, today, AT_ONCE)  # 2
    for certificate_id, agency_id in moved:
        before = certificates.lock(tx, certificate_id)
        stages.move(desk, certificate.move_to(before, agency_id), "move_certificate")
        if before.device_id:
            on = store_devices.lock(tx, before.device_id)
            if on.place == "with_person" and on.person_id == before.person_id:
                stages.keep_device(desk, on, device.follow(on, agency_id), "move_device", reason="Chủ chuyển công tác")
        _ask_for_change(desk, before)
    owed = procedures.list_owed_devices(tx, today, AT_ONCE)  # 3
    for certificate_id in owed:
        ended = certificates.lock(tx, certificate_id)
        found = proceedings.subject_of(tx, device_id=ended.device_id, details=BY_CLOCK, about=certificate_id)
        proceedings.request(desk, "return_device", found, "Chứng thư trên thiết bị đã kết thúc")
    return len(left) + len(seals) + len(moved) + len(owed)


def _ask_for_change(desk: Desk, before: certificate.Certificate) -> None:
    if before.stage not in ("active", "suspended") or procedures.find_open(desk.tx, "change", before.id):
        return
    subject = proceedings.subject_of(desk.tx, certificate_id=before.id, details=BY_CLOCK)
    proceedings.request(desk, "change", subject, "Chủ chứng thư chuyển công tác")
