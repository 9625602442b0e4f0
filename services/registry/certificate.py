"""A registered certificate through its life, and the request that leads to one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.registry.names import fold
from services.registry.refusals import (
    CERTIFICATE_ENDED,
    CERTIFICATE_OF_ANOTHER,
    CERTIFICATE_REVOKED,
    HOLDER_ENDED,
    REASON_UNKNOWN,
)
from services.registry.trust import Checked
from shared.errors import Rejected
from shared.events.registry import CertificateStated

Kind = Literal["person", "seal"]
Status = Literal["active", "suspended", "revoked", "expired", "renewed"]
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

    @property
    def person_id(self) -> UUID | None:
        return self.id if self.kind == "person" else None

    @property
    def agency_id(self) -> UUID | None:
        return self.id if self.kind == "seal" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """`fingerprint` is the SHA-256 of the DER; `issued_by` the CA adapter that must be told of its end, if any."""

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
    reason: str | None = None
    issued_by: str | None = None
    version: int = 1


RequestState = Literal["requested", "issued", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """A request to the CA for one key. Explicit dates are for tests and histories; none: the CA decides."""

    id: UUID
    kind: Kind
    person_id: UUID | None
    agency_id: UUID | None
    managed_by: UUID
    csr_pem: str
    spki_sha256: str
    not_before: datetime | None = None
    not_after: datetime | None = None
    state: RequestState = "requested"
    certificate_id: UUID | None = None
    problem_code: str | None = None
    problem_vi: str | None = None
    problem_en: str | None = None


def register(
    certificate_id: UUID, checked: Checked, holder: Holder, *, at: datetime, issued_by: str | None = None
) -> tuple[Certificate, CertificateStated]:
    """A checked certificate becomes its holder's. One that has ended by `at` is kept for the record, as expired."""
    check_holder(holder)
    if fold(checked.common_name) != fold(common_name(holder.name)):
        raise Rejected(CERTIFICATE_OF_ANOTHER, subject=checked.common_name, holder=holder.name)
    facts = checked.certificate
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
        status="active" if at <= facts.not_valid_after_utc else "expired",
        issued_by=issued_by,
    )
    return certificate, state(certificate)


def check_holder(holder: Holder) -> None:
    if not holder.may_hold:
        raise Rejected(HOLDER_ENDED, holder=holder.name)


def common_name(name: str) -> str:
    """A holder's name as a common name: whole, or its first words as far as X.520 allows."""
    if len(name) <= NAME_LIMIT:
        return name
    return name[: NAME_LIMIT + 1].rsplit(" ", 1)[0][:NAME_LIMIT]


def revoke(before: Certificate, reason: str) -> tuple[Certificate, CertificateStated | None]:
    """For ever, at once; the same again changes nothing."""
    if reason not in REASONS:
        raise Rejected(REASON_UNKNOWN, reason=reason[:60], known=", ".join(REASONS))
    if before.status == "revoked":
        if before.reason != reason:
            raise Rejected(CERTIFICATE_REVOKED, serial=before.serial)
        return before, None
    if before.status not in {"active", "suspended"}:
        raise Rejected(CERTIFICATE_ENDED, serial=before.serial, status=before.status)
    return _move(before, "revoked", reason)


def suspend(before: Certificate, reason: str) -> tuple[Certificate, CertificateStated | None]:
    """Until resumed; `reason` is for people."""
    if before.status == "suspended":
        return before, None
    _require(before, "active")
    return _move(before, "suspended", reason)


def resume(before: Certificate) -> tuple[Certificate, CertificateStated | None]:
    if before.status == "active":
        return before, None
    _require(before, "suspended")
    return _move(before, "active", None)


def expire(before: Certificate, at: datetime) -> tuple[Certificate, CertificateStated | None]:
    """What time did by itself; nothing when it has not ended yet, or was ended otherwise."""
    if before.status not in {"active", "suspended"} or at <= before.not_after:
        return before, None
    return _move(before, "expired", None)


def _require(before: Certificate, status: Status) -> None:
    if before.status == "revoked":
        raise Rejected(CERTIFICATE_REVOKED, serial=before.serial)
    if before.status != status:
        raise Rejected(CERTIFICATE_ENDED, serial=before.serial, status=before.status)


def _move(before: Certificate, status: Status, reason: str | None) -> tuple[Certificate, CertificateStated]:
    after = replace(before, status=status, reason=reason, version=before.version + 1)
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
    )
