"""May this person sign this document today, with this certificate? Decided on local copies of the registry's facts.

Each function returns every reason against it, so that a leader reads them all before the PIN, not one after another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.signing.domain import Signer
from services.signing.refusals import (
    AUTHORITY_NOT_VALID,
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_REGISTERED,
    CERTIFICATE_REVOKED,
    NO_CERTIFICATE,
    PERSON_INACTIVE,
    POST_NOT_VALID,
    REGISTRY_COPY_STALE,
)
from shared.errors import Rejected

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True, slots=True)
class Post:
    """A post of a person; both days included."""

    roles: tuple[str, ...]
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Authority:
    """The registry's word that a person may sign for an agency; no `document_types` means all."""

    agency_id: UUID
    person_id: UUID
    post_id: UUID
    document_types: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """A registered certificate; `der` and `chain_pem` (issuer first) are public."""

    id: UUID
    kind: str
    person_id: UUID | None
    agency_id: UUID | None
    der: bytes
    chain_pem: str
    spki_sha256: str
    serial: str
    not_before: datetime
    not_after: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the registry says about one signer: rows that it does not know are None or absent."""

    active: bool | None
    post: Post | None
    authority: Authority | None
    certificates: tuple[Certificate, ...]


def check_fresh(as_of: datetime | None, now: datetime, stale_after: float) -> None:
    """Fail closed: without a heartbeat in the last `stale_after` seconds a revocation may not have reached us."""
    if as_of is None or now - as_of > timedelta(seconds=stale_after):
        raise Rejected(REGISTRY_COPY_STALE, as_of=_spoken(as_of))


def problems(
    signer: Signer, standing: Standing, *, agency_id: UUID, type_code: str, now: datetime
) -> tuple[Rejected, ...]:
    """Why this signer may not sign now, apart from the certificate chosen; nothing when they may."""
    today = now.astimezone(VIETNAM).date()
    found = []
    if not standing.active:
        found.append(Rejected(PERSON_INACTIVE, name=signer.name))
    post = standing.post
    if post is None or "leader" not in post.roles or not _covers(post.valid_from, post.valid_until, today):
        found.append(Rejected(POST_NOT_VALID, post=signer.post))
    if not _authorises(standing.authority, signer, agency_id=agency_id, type_code=type_code, today=today):
        found.append(Rejected(AUTHORITY_NOT_VALID, name=signer.name))
    return tuple(found)


def certificate_problem(
    certificates: Iterable[Certificate], der: bytes, *, person_id: UUID, now: datetime
) -> Rejected | None:
    """Why this certificate may not be used by this person now, or None."""
    certificate = find(certificates, der)
    if certificate is None or certificate.kind != "person" or certificate.person_id != person_id:
        return Rejected(CERTIFICATE_NOT_REGISTERED)
    return unusable(certificate, now)


def find(certificates: Iterable[Certificate], der: bytes) -> Certificate | None:
    return next((c for c in certificates if c.der == der), None)


def unusable(certificate: Certificate, now: datetime) -> Rejected | None:
    """Suspended or revoked, or outside its validity."""
    if certificate.status in ("revoked", "suspended"):
        return Rejected(CERTIFICATE_REVOKED)
    if certificate.status != "active" or not certificate.not_before <= now <= certificate.not_after:
        return Rejected(CERTIFICATE_EXPIRED)
    return None


def no_usable(certificates: Iterable[Certificate], now: datetime) -> Rejected | None:
    """Why none of these certificates can be used: the newest one's reason; None when one can."""
    newest_first = sorted(certificates, key=lambda c: c.not_before, reverse=True)
    reasons = [unusable(c, now) for c in newest_first]
    if not reasons:
        return Rejected(NO_CERTIFICATE)
    return reasons[0] if all(reasons) else None


def _authorises(authority: Authority | None, signer: Signer, *, agency_id: UUID, type_code: str, today: date) -> bool:
    return (
        authority is not None
        and not authority.withdrawn
        and (authority.agency_id, authority.person_id, authority.post_id)
        == (agency_id, signer.person_id, signer.post_id)
        and _covers(authority.valid_from, authority.valid_until, today)
        and (not authority.document_types or type_code in authority.document_types)
    )


def _covers(start: date, end: date | None, day: date) -> bool:
    return start <= day and (end is None or day <= end)


def _spoken(at: datetime | None) -> str:
    return at.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y") if at else "—"
