"""The use cases on procedures: what a request does at once, and what its answer does to certificates and devices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from services.registry import catalogue, certificate, device, procedure, stages, store_devices
from services.registry import store_certificates as certificates
from services.registry import store_procedures as procedures
from services.registry.certificate import Certificate, Successor
from services.registry.device import Device
from services.registry.directory import Desk
from services.registry.procedure import Procedure, Rule, Subject
from services.registry.refusals_lifecycle import ANSWER_UNFIT, DEVICE_CARRIES, LOSS_STANDS
from shared.db import Tx
from shared.errors import Rejected
from shared.ids import new_id

HOLD = "certificateHold"
SUCCESSIONS: dict[str, certificate.Succession] = {"renew": "renewal", "change": "change"}


# --- the request


def subject_of(
    tx: Tx,
    *,
    certificate_id: UUID | None = None,
    device_id: UUID | None = None,
    details: dict[str, str] | None = None,
    about: UUID | None = None,
) -> Subject:
    """A certificate's or device's holder and agency, for a procedure about it, which is locked here.

    `about` is the certificate for which a device is to be returned.
    """
    if certificate_id:
        known = certificates.lock(tx, certificate_id)
        return Subject(
            managed_by=known.managed_by,
            person_id=known.person_id,
            agency_id=known.agency_id,
            certificate_id=known.id,
            device_id=known.device_id,
            details=details or {},
        )
    assert device_id is not None  # noqa: S101  one of the two
    found = _lock_device(tx, device_id)
    return Subject(
        managed_by=found.managed_by,
        person_id=found.person_id,
        device_id=found.id,
        certificate_id=about,
        details=details or {},
    )


def request(desk: Desk, kind: str, subject: Subject, reason: str | None = None) -> Procedure:
    """Open a procedure. What it is about is locked by the caller.

    A loss ends the use of what is on the device at once and orders its revocation; a locked PIN is noted.
    """
    tables = catalogue.current()
    rule = tables.rule(kind)
    at = datetime.now(UTC)
    made = procedure.request(new_id(), rule, subject, tables.clock, at=at, reason=reason)
    if made.certificate_id and kind in SUCCESSIONS:
        about = certificates.get(desk.tx, made.certificate_id)
        certificate.check_renewable(about, SUCCESSIONS[kind], tables.renewal, at)
    if made.certificate_id and kind == "revoke":
        about = certificates.get(desk.tx, made.certificate_id)
        certificate.check_revocable(about)
        certificate.check_reason(made.details.get("reason_code", "unspecified"))
    procedures.save(desk.tx, made, at, desk.by)
    desk.record("request_procedure", "procedure", made.id, kind=kind, state=made.state)
    if made.certificate_id and kind == "revoke" and made.details.get("reason_code") == "keyCompromise":
        _hold(desk, certificates.lock(desk.tx, made.certificate_id), reason)
    if made.device_id and rule.about == "device":
        _at_once(desk, made, rule)
    return made


def _hold(desk: Desk, about: Certificate, reason: str | None) -> None:
    """A key that is said to be lost or to have leaked is not used while the papers are on their way."""
    if about.stage == "active":
        stages.move(desk, certificate.suspend(about, reason or ""), "suspend_certificate", HOLD)


def _at_once(desk: Desk, made: Procedure, rule: Rule) -> None:
    assert made.device_id is not None  # noqa: S101  the caller looked
    about = _lock_device(desk.tx, made.device_id)
    if rule.answer == "unlocking":
        _move_device(desk, about, device.lock_pin(about), "report_locked_pin", made)
    elif rule.answer == "return":
        device.take_back(about)  # it may be returned at all
        for certificate_id in store_devices.list_certificates(desk.tx, about.id, live=True):
            certificate.check_ended(certificates.get(desk.tx, certificate_id))
    elif rule.answer == "loss":
        _move_device(desk, about, device.lose(about), "lose_device", made)
        for certificate_id in store_devices.list_certificates(desk.tx, about.id):
            on_it = certificates.lock(desk.tx, certificate_id)
            _hold(desk, on_it, made.reason)
            if on_it.stage in certificate.REVOCABLE and not procedures.find_open(desk.tx, "revoke", on_it.id):
                ordered = subject_of(
                    desk.tx, certificate_id=on_it.id, details={"reason_code": "keyCompromise", "follows": str(made.id)}
                )
                request(desk, "revoke", ordered, made.reason)


# --- on its way

Step = Callable[[Procedure, Rule], Procedure]


def approve(desk: Desk, before: Procedure) -> Procedure:
    """`before` is locked by the caller, here and below."""
    return _step(desk, before, "approve_procedure", lambda p, r: procedure.approve(p, r, _clock(), _now()))


def forward(desk: Desk, before: Procedure, reference: str | None) -> Procedure:
    return _step(desk, before, "forward_procedure", lambda p, r: procedure.forward(p, r, _clock(), _now(), reference))


def refuse(desk: Desk, before: Procedure, reason: str) -> Procedure:
    if before.kind == "lose_device":
        raise Rejected(LOSS_STANDS)
    return _step(desk, before, "refuse_procedure", lambda p, r: procedure.refuse(p, r, _clock(), _now(), reason))


def withdraw(desk: Desk, before: Procedure, reason: str) -> Procedure:
    """A loss stands once it is reported: its revocation runs. A PIN that was not locked after all is as it was."""
    if before.kind == "lose_device":
        raise Rejected(LOSS_STANDS)
    if before.kind == "recover" and before.device_id and before.is_open:
        on = store_devices.lock(desk.tx, before.device_id)
        _move_device(desk, on, device.unlock_pin(on), "unlock_pin", before)
    return _step(desk, before, "withdraw_procedure", lambda p, r: procedure.withdraw(p, r, _clock(), _now(), reason))


def answer(desk: Desk, before: Procedure, reference: str | None) -> Procedure:
    """The receiver did what was asked: revoked, unlocked, took the device back. It is done with that."""
    after = _step(desk, before, "answer_procedure", lambda p, r: procedure.answer(p, r, _clock(), _now(), reference))
    _carry_out(desk, after, catalogue.current().rule(after.kind))
    return close(desk, after)


def close(desk: Desk, before: Procedure) -> Procedure:
    """Done, when no receipt is owed."""
    owed = False
    if before.result_id:
        owed = certificates.get(desk.tx, before.result_id).stage in certificate.BEFORE_RECEIPT
    return _step(
        desk, before, "close_procedure", lambda p, r: procedure.close(p, r, _clock(), _now(), receipt=not owed)
    )


def _carry_out(desk: Desk, answered: Procedure, rule: Rule) -> None:
    if rule.answer == "revocation" and answered.certificate_id:
        about = certificates.lock(desk.tx, answered.certificate_id)
        reason = answered.details.get("reason_code", "unspecified")
        if about.stage in certificate.REVOCABLE:  # else time or somebody was faster
            stages.move(desk, certificate.revoke(about, reason), "revoke_certificate", reason)
    if rule.answer in ("unlocking", "return", "loss") and answered.device_id:
        on = _lock_device(desk.tx, answered.device_id)
        if rule.answer == "unlocking":
            _move_device(desk, on, device.unlock_pin(on), "unlock_pin", answered)
        elif rule.answer == "return":
            _move_device(desk, on, device.take_back(on), "return_device", answered)
        _give_back(desk, on.id)


def _give_back(desk: Desk, device_id: UUID) -> None:
    for certificate_id in store_devices.list_certificates(desk.tx, device_id):
        about = certificates.lock(desk.tx, certificate_id)
        if about.stage not in certificate.LIVE:
            stages.give_back_device(desk, about)


# --- answered by a certificate


def successor(tx: Tx, procedure_id: UUID | None) -> Successor | None:
    """What a certificate for this procedure comes after, if it renews or changes one. The old one is locked."""
    found = procedures.get(tx, procedure_id) if procedure_id else None
    if found is None or found.kind not in SUCCESSIONS or found.certificate_id is None:
        return None
    limits = catalogue.current().renewal
    return Successor(of=certificates.lock(tx, found.certificate_id), by=SUCCESSIONS[found.kind], limits=limits)


def check_answer(found: Procedure, person_id: UUID | None, agency_id: UUID | None) -> None:
    """A certificate may answer this procedure: it asked for one, was forwarded, and it is for the same holder."""
    rule = catalogue.current().rule(found.kind)
    same = (found.person_id, found.agency_id) == (person_id, agency_id)
    if rule.answer != "certificate" or found.state != "forwarded" or not same:
        raise Rejected(ANSWER_UNFIT, name=rule.name_vi)


def answered(desk: Desk, before: Procedure, made: Certificate) -> Procedure:
    """The certificate came; when nothing has to be handed over, that was all."""
    check_answer(before, made.person_id, made.agency_id)
    after = _step(desk, before, "answer_procedure", lambda p, r: procedure.answer_with(p, r, _clock(), _now(), made.id))
    return after if made.stage in certificate.BEFORE_RECEIPT else close(desk, after)


def handed_over(desk: Desk, made: Certificate) -> Procedure | None:
    """The procedure that brought a certificate goes along with its hand-over."""
    before = procedures.find_by_result(desk.tx, made.id)
    if before is None or before.state != "issued":
        return before
    return _step(desk, before, "hand_over_procedure", lambda p, r: procedure.hand_over(p, r, _clock(), _now()))


def check_device(tx: Tx, device_id: UUID, person_id: UUID | None, agency_id: UUID | None) -> Device:
    """A certificate of that holder may be on it: nothing valid of anybody else's is. Locked."""
    found = store_devices.lock(tx, device_id)
    for certificate_id in store_devices.list_certificates(tx, device_id, live=True):
        other = certificates.get(tx, certificate_id)
        if (other.person_id, other.agency_id) != (person_id, agency_id):
            raise Rejected(DEVICE_CARRIES, serial=found.serial)
    device.check_usable(found)
    return found


def _lock_device(tx: Tx, device_id: UUID) -> Device:
    """A device with the certificates on it, certificates first, as everywhere: two acts never wait for each other."""
    for certificate_id in sorted(store_devices.list_certificates(tx, device_id)):
        certificates.lock(tx, certificate_id)
    return store_devices.lock(tx, device_id)


def _move_device(desk: Desk, before: Device, after: Device, act: str, by: Procedure) -> None:
    stages.keep_device(desk, before, after, act, procedure_id=by.id, reason=by.reason)


def _step(desk: Desk, before: Procedure, act: str, step: Step) -> Procedure:
    after = step(before, catalogue.current().rule(before.kind))
    at = _now()
    procedures.save(desk.tx, after, at, desk.by)
    reason = (after.reason or "") if after.state in ("refused", "withdrawn") else ""
    desk.record(act, "procedure", after.id, kind=after.kind, state=after.state, reason=reason)
    return after


def _clock() -> procedure.Clock:
    return catalogue.current().clock


def _now() -> datetime:
    return datetime.now(UTC)
