"""A signature in two calls: what is prepared for a token, for how long, and when its completion is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.signing.domain import Document, open_place
from services.signing.refusals import BASE_CHANGED, CERTIFICATE_REVOKED, PREPARATION_EXPIRED, PREPARATION_FAILED
from shared.errors import Rejected

LEASE = timedelta(minutes=15)  # reading a pile of documents between the two calls takes this long


class PreparationState(StrEnum):
    """As stored; "expired" is told by the clock, so nothing has to run when a lease ends."""

    PREPARED = "prepared"
    COMPLETING = "completing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Preparation:
    """One signature begun. `prepared` is pdf_sign.PreparedSignature as JSON, dropped when it is of no use any more."""

    id: UUID
    document_id: UUID
    agency_id: UUID
    person_id: UUID
    ordinal: int
    base_sha256: str
    certificate_id: UUID
    state: PreparationState
    expires_at: datetime
    prepared: dict[str, Any] | None = None
    signature: bytes | None = None
    problem: dict[str, str] | None = None
    cached_revocation_as_of: datetime | None = None
    notice: dict[str, str] | None = None

    def told_state(self, now: datetime) -> str:
        """The state as clients see it."""
        return "expired" if self.state is PreparationState.PREPARED and now > self.expires_at else self.state.value


def check_completion(preparation: Preparation, now: datetime) -> bool:
    """Whether a completion is to be taken up: False when it was before, so a repeated one is harmless.

    Rejected when the preparation is over or failed.
    """
    if preparation.state in (PreparationState.COMPLETING, PreparationState.COMPLETED):
        return False
    if preparation.state is PreparationState.FAILED:
        stopped = (preparation.problem or {}).get("code") == CERTIFICATE_REVOKED.code
        raise Rejected(CERTIFICATE_REVOKED if stopped else PREPARATION_FAILED)
    if now > preparation.expires_at or preparation.prepared is None:
        raise Rejected(PREPARATION_EXPIRED)
    return True


def check_base(document: Document, preparation: Preparation) -> None:
    """Rejected(base_changed) when the document has moved on since the preparation."""
    if document.content.sha256 != preparation.base_sha256:
        raise Rejected(BASE_CHANGED)
    if open_place(document, preparation.person_id).ordinal != preparation.ordinal:
        raise Rejected(BASE_CHANGED)
