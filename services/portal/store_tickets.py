"""The table of signing tickets."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from services.portal.ticket import Shown, Ticket
from shared.db import Tx


def add(tx: Tx, ticket: Ticket) -> None:
    documents = [{"document_id": str(each.document_id), "sha256": each.sha256} for each in ticket.documents]
    tx.execute(
        "INSERT INTO signing_ticket (ticket_hash, challenge, origin, person_id, post_id, documents, created_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            ticket.ticket_hash,
            ticket.challenge,
            ticket.origin,
            ticket.person_id,
            ticket.post_id,
            Jsonb(documents),
            ticket.created_at,
            ticket.expires_at,
        ],
    )


def lock(tx: Tx, ticket_hash: bytes) -> Ticket | None:
    """Two programs with one ticket are one after the other."""
    row = tx.execute("SELECT * FROM signing_ticket WHERE ticket_hash = %s FOR UPDATE", [ticket_hash]).fetchone()
    if row is None:
        return None
    documents = tuple(Shown(UUID(each["document_id"]), each["sha256"]) for each in row["documents"])
    return Ticket(**{**row, "ticket_hash": bytes(row["ticket_hash"]), "documents": documents})


def save(tx: Tx, ticket: Ticket) -> None:
    tx.execute(
        "UPDATE signing_ticket SET used_at = %s, grant_id = %s WHERE ticket_hash = %s",
        [ticket.used_at, ticket.grant_id, ticket.ticket_hash],
    )
