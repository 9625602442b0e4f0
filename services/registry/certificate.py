"""A registered certificate through its life, and the request that leads to one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.registry.names import fold
from services.registry.refusals import (
    CERTIFICATE_ENDED,
    CERTIFICATE_OF_ANOTHER,
    CERTIFICATE_OTHER_EMAIL,
    CERTIFICATE_REVOKED,
    HOLDER_ENDED,
    REASON_UNKNOWN,
)
from services.registry.refusals_lifecycle import (
    CERTIFICATE_LIVES,
    CERTIFICATE_STAGE,
    DEVICE_GONE,
    NOT_HANDED_OVER,
    RENEWAL_EXTENDS_CHANGE,
    RENEWAL_LATE,
    RENEWAL_OF_ANOTHER,
    RENEWAL_REPEATED,
    RENEWAL_TOO_LONG,
    words,
)
from services.registry.trust import Checked
from shared.errors import Rejected
from shared.events.registry import CertificateStated

Kind = Literal["person", "seal"]
Status = Literal["active", "suspended", "revoked", "expired", "renewed"]
# A certificate that came on a device waits for its receipt: issued, handed_over, active. After its end the device
# that carried it is returned (Mẫu 08) or lost (Mẫu 09).
Stage = Literal[
    "issued",
    "handed_over",
    "active",
    "suspended",
    "renewed",
    "revoked",
    "expired",
    "device_returned",
    "device_lost",
]
Succession = Literal["renewal", "change"]
BEFORE_RECEIPT: tuple[Stage, ...] = ("issued", "handed_over")
LIVE: tuple[Stage, ...] = (*BEFORE_RECEIPT, "active", "suspended")
DEVICE_RETURNED: Literal["device_returned"] = "device_returned"
DEVICE_LOST: Literal["device_lost"] = "device_lost"
REVOCABLE: tuple[Stage, ...] = (*LIVE, "renewed")
ENDED: tuple[Stage, ...] = ("renewed", "revoked", "expired")
# RFC 5280 §5.3.1, those that concern a subscriber. A hold is a suspension, not a revocation.
REASONS = (
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
)
NAME_LIMIT = 64  # characters of a common name, X.520


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose certificate it is: a person's (token), or an agency's (its seal).

    `managed_by` is the agency that answers for it (cơ quan quản lý trực tiếp): the agency itself, or a person's.
    """

    kind: Kind
    id: UUID
    name: str
    managed_by: UUID
    may_hold: bool = True
    email: str = ""

    @property
    def person_id(self) -> UUID | None:
        return self.id if self.kind == "person" else None

    @property
    def agency_id(self) -> UUID | None:
        return self.id if self.kind == "seal" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """`fingerprint` is the SHA-256 of the DER; `issued_by` the CA adapter that must be told of its end, if any.

    `status` says whether it may be used, `stage` where it is in its life; `renews` the one that it comes after, and
    `renewals` how many times the line was renewed before it.
    """

    id: UUID
    kind: Kind
    person_id: UUID | None
    agency_id: UUID | None
    managed_by: UUID
    pem: str
    chain_pem: str
    fingerprint: str
    spki_sha256: str
    serial: str
    not_before: datetime
    not_after: datetime
    status: Status
    stage: Stage
    reason: str | None = None
    issued_by: str | None = None
    renews: UUID | None = None
    renews_by: Succession | None = None
    renewals: int = 0
    device_id: UUID | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalLimits:
    """How often and how far a certificate may be renewed; the decrees differ, so the figures are data."""

    times: int
    days_left: int
    days_added: int
    change_keeps_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """That a new certificate comes after `of`: renewed, or with changed content."""

    of: Certificate
    by: Succession
    limits: RenewalLimits


Moved = tuple[Certificate, CertificateStated]
MaybeMoved = tuple[Certificate, CertificateStated | None]

RequestState = Literal["requested", "issued", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """A request to the CA for one key; `device_id` holds it, when it is to be handed over with the certificate. Explicit dates are for tests and histories; none: the CA decides."""

    id: UUID
    kind: Kind
    person_id: UUID | None
    agency_id: UUID | None
    managed_by: UUID
    csr_pem: str
    spki_sha256: str
    not_before: datetime | None = None
    not_after: datetime | None = None
    procedure_id: UUID | None = None
    device_id: UUID | None = None
    state: RequestState = "requested"
    certificate_id: UUID | None = None
    problem_code: str | None = None
    problem_vi: str | None = None
    problem_en: str | None = None


def register(
    certificate_id: UUID,
    checked: Checked,
    holder: Holder,
    *,
    at: datetime,
    issued_by: str | None = None,
    device_id: UUID | None = None,
    after: Successor | None = None,
) -> Moved:
    """A checked certificate becomes its holder's. One that has ended by `at` is kept for the record, as expired.

    One on a device waits for the receipt; any other is active at once.
    """
    check_holder(holder)
    if fold(checked.common_name) != fold(common_name(holder.name)):
        raise Rejected(CERTIFICATE_OF_ANOTHER, subject=checked.common_name, holder=holder.name)
    _check_email(checked, holder)
    facts = checked.certificate
    if after:
        check_successor(after, holder, at, facts.not_valid_after_utc)
    stage: Stage = "issued" if device_id else "active"
    if at > facts.not_valid_after_utc:
        stage = "expired"
    certificate = Certificate(
        id=certificate_id,
        kind=holder.kind,
        person_id=holder.person_id,
        agency_id=holder.agency_id,
        managed_by=holder.managed_by,
        pem=checked.pem,
        chain_pem=checked.chain_pem,
        fingerprint=checked.fingerprint,
        spki_sha256=checked.spki_sha256,
        serial=checked.serial,
        not_before=facts.not_valid_before_utc,
        not_after=facts.not_valid_after_utc,
        status=_status(stage, "suspended"),
        stage=stage,
        issued_by=issued_by,
        renews=after.of.id if after else None,
        renews_by=after.by if after else None,
        renewals=after.of.renewals + (after.by == "renewal") if after else 0,
        device_id=device_id,
    )
    return certificate, state(certificate)


def _check_email(checked: Checked, holder: Holder) -> None:
    """Names repeat in a province: a certificate that says whose mail it is for is that person's alone."""
    named = checked.emails
    if holder.email and named and holder.email.casefold() not in {each.casefold() for each in named}:
        raise Rejected(CERTIFICATE_OTHER_EMAIL, found=", ".join(named), holder=holder.name, known=holder.email)


def check_renewable(before: Certificate, by: Succession, limits: RenewalLimits, at: datetime) -> None:
    """NĐ 68/2024 art. 9 and the decree before it: once only, and while enough days are left."""
    _require(before, "active", "suspended")
    if by == "change":
        return
    if before.renewals >= limits.times:
        raise Rejected(RENEWAL_REPEATED, serial=before.serial, times=limits.times)
    left = (before.not_after - at).days
    if left < limits.days_left:
        raise Rejected(RENEWAL_LATE, serial=before.serial, left=left, needed=limits.days_left)


def check_revocable(before: Certificate) -> None:
    """A key that was renewed is still good at its CA, and may be lost."""
    _require(before, *REVOCABLE)


def check_ended(before: Certificate) -> None:
    if before.stage in LIVE:
        raise Rejected(CERTIFICATE_LIVES, serial=before.serial)


def check_successor(after: Successor, holder: Holder, at: datetime, until: datetime) -> None:
    """The new one is the same holder's and ends no later than the rules allow. That it was in time was judged when it
    was requested.
    """
    before = after.of
    if before.stage not in LIVE and not (before.stage == "expired" and at > before.not_after):
        raise Rejected(CERTIFICATE_ENDED, serial=before.serial, **words("status", before.status))
    if (before.person_id, before.agency_id) != (holder.person_id, holder.agency_id):
        raise Rejected(RENEWAL_OF_ANOTHER, serial=before.serial)
    if after.by == "renewal" and before.renewals >= after.limits.times:
        raise Rejected(RENEWAL_REPEATED, serial=before.serial, times=after.limits.times)
    if after.by == "renewal" and until > before.not_after + timedelta(days=after.limits.days_added):
        raise Rejected(RENEWAL_TOO_LONG, days=after.limits.days_added, until=before.not_after.date().isoformat())
    if after.by == "change" and after.limits.change_keeps_end and until > before.not_after + timedelta(days=1):
        raise Rejected(RENEWAL_EXTENDS_CHANGE, until=before.not_after.date().isoformat())


def check_holder(holder: Holder) -> None:
    if not holder.may_hold:
        raise Rejected(HOLDER_ENDED, holder=holder.name)


def common_name(name: str) -> str:
    """A holder's name as a common name: whole, or its first words as far as X.520 allows."""
    if len(name) <= NAME_LIMIT:
        return name
    return name[: NAME_LIMIT + 1].rsplit(" ", 1)[0][:NAME_LIMIT]


def hand_over(before: Certificate) -> MaybeMoved:
    """The device with it leaves the office; the same again changes nothing."""
    if before.stage == "handed_over":
        return before, None
    _require(before, "issued")
    return _move(before, "handed_over", None)


def activate(before: Certificate, *, device_gone: bool = False) -> MaybeMoved:
    """The receipt is there: from now on it may be used; not when the device is lost or returned meanwhile."""
    if before.stage == "active":
        return before, None
    if before.stage == "issued":
        raise Rejected(NOT_HANDED_OVER, serial=before.serial)
    _require(before, "handed_over")
    if device_gone:
        raise Rejected(DEVICE_GONE, serial=before.serial)
    return _move(before, "active", None)


def succeed(before: Certificate, by: Succession) -> MaybeMoved:
    """Its successor became active: renewed, or superseded by one with changed content. Ended ones stay as they are."""
    if before.stage not in LIVE:
        return before, None
    return _move(before, "renewed", None) if by == "renewal" else _move(before, "revoked", "superseded")


def move_to(before: Certificate, managed_by: UUID) -> MaybeMoved:
    """Another agency answers for it, as its holder works there now; only a live one moves."""
    if before.managed_by == managed_by or before.stage not in LIVE:
        return before, None
    after = replace(before, managed_by=managed_by, version=before.version + 1)
    return after, state(after)


def check_reason(reason: str) -> None:
    """RFC 5280 §5.3.1; raises Rejected(revocation_reason_unknown)."""
    if reason not in REASONS:
        raise Rejected(REASON_UNKNOWN, reason=reason[:60], known=", ".join(REASONS))


def revoke(before: Certificate, reason: str) -> MaybeMoved:
    """For ever, at once; the same again changes nothing."""
    check_reason(reason)
    if before.status == "revoked":
        if before.reason != reason:
            raise Rejected(CERTIFICATE_REVOKED, serial=before.serial)
        return before, None
    check_revocable(before)
    return _move(before, "revoked", reason)


def suspend(before: Certificate, reason: str) -> MaybeMoved:
    """Until resumed; `reason` is for people. Before the receipt there is nothing to suspend: it can't be used."""
    if before.stage == "suspended":
        return before, None
    _require(before, "active")
    return _move(before, "suspended", reason)


def resume(before: Certificate, *, device_gone: bool = False) -> MaybeMoved:
    if before.stage == "active":
        return before, None
    if before.stage in BEFORE_RECEIPT:
        raise Rejected(NOT_HANDED_OVER, serial=before.serial)
    _require(before, "suspended")
    if device_gone:
        raise Rejected(DEVICE_GONE, serial=before.serial)
    return _move(before, "active", None)


def expire(before: Certificate, at: datetime) -> MaybeMoved:
    """What time did by itself; nothing when it has not ended yet, or was ended otherwise."""
    if before.stage not in LIVE or at <= before.not_after:
        return before, None
    return _move(before, "expired", None)


def give_back_device(before: Certificate, how: Literal["device_returned", "device_lost"]) -> MaybeMoved:
    """The device that carried it came back, or never will; only after the certificate has ended."""
    check_ended(before)
    if before.stage == how:
        return before, None
    _require(before, *ENDED, "device_lost")
    return _move(before, how, before.reason)


def _require(before: Certificate, *stages: Stage) -> None:
    if before.stage in stages:
        return
    if before.status == "revoked":
        raise Rejected(CERTIFICATE_REVOKED, serial=before.serial)
    if before.stage in LIVE:
        raise Rejected(CERTIFICATE_STAGE, serial=before.serial, **words("stage", before.stage))
    raise Rejected(CERTIFICATE_ENDED, serial=before.serial, **words("status", before.status))


def _status(stage: Stage, before: Status) -> Status:
    """Whether it may be used, for those who know no more than that."""
    if stage == "issued" or stage == "handed_over":  # noqa: PLR1714  mypy narrows one at a time
        return "suspended"
    if stage == "device_returned" or stage == "device_lost":  # noqa: PLR1714
        return before
    return stage


def _move(before: Certificate, stage: Stage, reason: str | None) -> Moved:
    after = replace(
        before, stage=stage, status=_status(stage, before.status), reason=reason, version=before.version + 1
    )
    return after, state(after)


def state(certificate: Certificate) -> CertificateStated:
    return CertificateStated(
        certificate_id=certificate.id,
        kind=certificate.kind,
        person_id=certificate.person_id,
        agency_id=certificate.agency_id,
        pem=certificate.pem,
        chain_pem=certificate.chain_pem,
        spki_sha256=certificate.spki_sha256,
        serial=certificate.serial,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        status=certificate.status,
        reason=certificate.reason,
        stage=certificate.stage,
        renews=certificate.renews,
    )
