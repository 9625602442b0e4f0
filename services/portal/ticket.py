"""A ticket by which a person's own signing program gets a token for one sitting: the browser asks for it, the program
redeems it. Bound to the person, the documents as they were seen, the portal's origin and one program; used once.

The binding to the program is that of RFC 7636: the ticket names the SHA-256 of a secret that never left the program,
so a ticket that somebody else overheard is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

LIFETIME = timedelta(minutes=2)
SITTING = timedelta(hours=2)  # how long the program may go on with one ticket: 200 documents are read in that time
LARGEST = 500  # documents
AUDIENCE = "signing"

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 §4.2, S256
_DOCUMENT = re.compile(r"([0-9a-f-]{36}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Shown:
    """One document as the person saw it: its id and the SHA-256 of its bytes."""

    document_id: UUID
    sha256: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """`grant_id` is what the first use began; a second use ends it."""

    ticket_hash: bytes
    challenge: str
    origin: str
    person_id: UUID
    post_id: UUID
    documents: tuple[Shown, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    grant_id: UUID | None = None


Outcome = Literal["redeemed", "signing_ticket_invalid", "signing_ticket_expired", "signing_ticket_used"]


def is_challenge(value: str) -> bool:
    """BASE64URL(SHA-256(verifier)), RFC 7636 §4.2."""
    return _CHALLENGE.fullmatch(value) is not None


def documents_from(values: list[str]) -> tuple[Shown, ...] | None:
    """`<document id>:<sha256>` of each, in the order of the page; None for anything else, for none and for too many."""
    found = [_DOCUMENT.fullmatch(value) for value in values[: LARGEST + 1]]
    if not 0 < len(found) <= LARGEST or None in found:
        return None
    try:
        shown = tuple(Shown(UUID(each[1]), each[2]) for each in found if each)
    except ValueError:
        return None
    return shown if len({each.document_id for each in shown}) == len(shown) else None


def origin_of(url: str) -> str:
    """Scheme, host and port of an address as browsers write an origin (RFC 6454 §6.2)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def redeem(ticket: Ticket, verifier: str, now: datetime, *, grant_id: UUID) -> tuple[Ticket, Outcome]:
    """The ticket afterwards, and what its bearer is told. Whoever tries it uses it up, right or wrong."""
    if ticket.used_at is not None:
        return ticket, "signing_ticket_used"
    if now >= ticket.expires_at:
        return ticket, "signing_ticket_expired"
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    if not hmac.compare_digest(digest, ticket.challenge.encode()):
        return replace(ticket, used_at=now), "signing_ticket_invalid"
    return replace(ticket, used_at=now, grant_id=grant_id), "redeemed"
