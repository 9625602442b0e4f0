"""Our copy of what docs says about need to know: whom an agency lets read a document of its own. The only SQL on it."""

from __future__ import annotations

from uuid import UUID

from shared.db import Tx, act_for
from shared.events.docs import DocumentAccessChanged


def keep(tx: Tx, fact: DocumentAccessChanged) -> None:
    """Restricted to these readers from now on, or open to everybody at the agency again."""
    act_for(tx, fact.agency_id)
    key = [fact.document_id, fact.agency_id]
    if not fact.restricted:
        tx.execute("DELETE FROM restriction WHERE document_id = %s AND agency_id = %s", key)
        return
    tx.execute(
        "INSERT INTO restriction (document_id, agency_id, readers) VALUES (%s, %s, %s)"
        " ON CONFLICT (document_id, agency_id) DO UPDATE SET readers = excluded.readers",
        [*key, list(fact.readers)],
    )


def is_kept_from(tx: Tx, document_id: UUID, person_id: UUID | None) -> bool:
    """Whether the agency that the transaction acts for keeps the document from this person of its own."""
    row = tx.execute("SELECT readers FROM restriction WHERE document_id = %s", [document_id]).fetchone()
    return row is not None and person_id not in row["readers"]
