"""Earlier versions of documents, and the agencies' policies, in PostgreSQL. Seen by the agency alone (row-level security)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from services.docs.proof import Policy
from services.docs.store import json_of
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import BlobRef


def get_policy(tx: Tx, agency_id: UUID) -> Policy:
    """The agency's own, or the one that holds until it sets any."""
    row = tx.execute(
        "SELECT dispatch_level, urgent_may_owe, unchecked_allowed, record_reading, review_days, version"
        " FROM policy WHERE agency_id = %s",
        [agency_id],
    ).fetchone()
    return Policy(**row) if row else Policy()


def save_policy(tx: Tx, agency_id: UUID, policy: Policy) -> None:
    """Raises Rejected(stale_version) when somebody else has changed it since it was read."""
    done = tx.execute(
        "INSERT INTO policy AS p (agency_id, dispatch_level, urgent_may_owe, unchecked_allowed, record_reading, review_days,"
        " version) VALUES (%(agency)s, %(level)s, %(urgent)s, %(unchecked)s, %(reading)s, %(days)s, 1) ON CONFLICT (agency_id) DO UPDATE SET"
        " dispatch_level = excluded.dispatch_level, urgent_may_owe = excluded.urgent_may_owe,"
        " unchecked_allowed = excluded.unchecked_allowed, record_reading = excluded.record_reading,"
        " review_days = excluded.review_days, version = p.version + 1 WHERE p.version = %(version)s",
        {
            "agency": agency_id,
            "level": policy.dispatch_level,
            "urgent": policy.urgent_may_owe,
            "unchecked": policy.unchecked_allowed,
            "reading": policy.record_reading,
            "days": policy.review_days,
            "version": policy.version,
        },
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def add_version(
    tx: Tx, subject: UUID, agency_id: UUID, content: BlobRef, *, level: str | None, until: datetime
) -> None:
    tx.execute(
        "INSERT INTO earlier_version (subject_id, agency_id, sha256, content, level, until)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [subject, agency_id, content.sha256, json_of(content), level, until],
    )


def list_versions(tx: Tx, subject: UUID) -> list[dict[str, Any]]:
    """sha256, size, level, until; the oldest first."""
    return tx.execute(
        "SELECT sha256, (content ->> 'size')::bigint AS size, level, until FROM earlier_version WHERE subject_id = %s"
        " ORDER BY until",
        [subject],
    ).fetchall()


def get_version(tx: Tx, subject: UUID, sha256: str) -> BlobRef:
    row = tx.execute(
        "SELECT content FROM earlier_version WHERE subject_id = %s AND sha256 = %s", [subject, sha256]
    ).fetchone()
    if row is None:
        raise NotFound("phiên bản")
    return BlobRef.model_validate(row["content"])
