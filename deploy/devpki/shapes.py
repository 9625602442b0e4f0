"""The JSON that /ca/issue, /ca/revoke and /dev/outage take and give; README.md shows examples."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, fields
from typing import Any

from deploy.devpki.issuing import DEFAULT_DAYS, HOLD, Issued, Subject
from deploy.devpki.store import Status
from shared.errors import INVALID_REQUEST, Rejected

OUTAGES = ("issue", "ocsp", "crl", "tsa")


@dataclass(frozen=True, slots=True)
class IssueRequest:
    csr: str
    subject: Subject
    profile: str
    days: int
    not_before: dt.datetime | None
    not_after: dt.datetime | None


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    serial: str
    reason: str
    revoked_at: dt.datetime | None


def read_issue(body: bytes) -> IssueRequest:
    data = _object(body, {"csr", "subject", "profile", "days", "not_before", "not_after"})
    names = {field.name for field in fields(Subject)}
    subject = data.get("subject")
    if not isinstance(subject, dict) or not names.issuperset(subject):
        raise Rejected(INVALID_REQUEST, where=f"subject ({', '.join(sorted(names))})")
    texts = {key: _text(subject, key, "subject.") for key in subject if subject[key] is not None}
    if "common_name" not in texts:
        raise Rejected(INVALID_REQUEST, where="subject.common_name")
    days = data.get("days", DEFAULT_DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 3650:
        raise Rejected(INVALID_REQUEST, where="days (1–3650)")
    return IssueRequest(
        csr=_text(data, "csr"),
        subject=Subject(**texts),
        profile=_text(data, "profile"),
        days=days,
        not_before=_time(data, "not_before"),
        not_after=_time(data, "not_after"),
    )


def read_revoke(body: bytes) -> RevokeRequest:
    data = _object(body, {"serial", "reason", "revoked_at"})
    serial = _text(data, "serial")
    if not serial.isascii() or any(c not in "0123456789abcdefABCDEF:" for c in serial):
        raise Rejected(INVALID_REQUEST, where="serial (hexadecimal)")
    return RevokeRequest(serial, _text(data, "reason"), _time(data, "revoked_at"))


def read_outage(body: bytes) -> dict[str, bool]:
    data = _object(body, set(OUTAGES))
    for key, value in data.items():
        if not isinstance(value, bool):
            raise Rejected(INVALID_REQUEST, where=f"{key} (true, false)")
    return data


def show_issued(issued: Issued) -> dict[str, str]:
    return {
        "serial": issued.serial,
        "certificate": issued.pem.decode(),
        "chain": issued.chain_pem.decode(),
        "not_before": issued.certificate.not_valid_before_utc.isoformat(),
        "not_after": issued.certificate.not_valid_after_utc.isoformat(),
    }


def show_status(status: Status) -> dict[str, str | None]:
    if status.reason is None or status.revoked_at is None:
        return {"serial": status.serial, "status": "good", "reason": None, "revoked_at": None}
    return {
        "serial": status.serial,
        "status": "on_hold" if status.reason == HOLD else "revoked",
        "reason": status.reason,
        "revoked_at": dt.datetime.fromtimestamp(status.revoked_at, dt.UTC).isoformat(),
    }


def _object(body: bytes, known: set[str]) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where="JSON") from error
    if not isinstance(data, dict):
        raise Rejected(INVALID_REQUEST, where="JSON")
    if unknown := sorted(set(data) - known):
        raise Rejected(INVALID_REQUEST, where=", ".join(unknown))
    return data


def _text(data: dict[str, Any], key: str, prefix: str = "") -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Rejected(INVALID_REQUEST, where=prefix + key)
    return value


def _time(data: dict[str, Any], key: str) -> dt.datetime | None:
    """RFC 3339 with an offset, or nothing."""
    value = data.get(key)
    if value is None:
        return None
    try:
        time = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Rejected(INVALID_REQUEST, where=key) from error
    if time.tzinfo is None:
        raise Rejected(INVALID_REQUEST, where=f"{key} (+07:00, Z)")
    return time
