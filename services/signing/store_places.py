"""Our tables of places: where a document's fields stand, and what an agency wants when they are not found. Only SQL."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from services.signing.placing import Place, Placing
from shared.db import Tx
from shared.events import Actor, BlobRef


def find(tx: Tx, document_id: UUID) -> Placing | None:
    """The places of the document's newest round that was prepared, if any."""
    row = tx.execute("SELECT * FROM document_place WHERE document_id = %s", [document_id]).fetchone()
    if row is None:
        return None
    return Placing(
        document_id=row["document_id"],
        agency_id=row["agency_id"],
        round=row["round"],
        approved=BlobRef.model_validate(row["approved"]),
        waits=row["waits"],
        pages=tuple((width, height) for width, height in row["pages"]),
        places=tuple(Place.from_json(each) for each in row["places"]),
        notices=tuple(row["notices"]),
        set_by=Actor.model_validate(row["set_by"]) if row["set_by"] else None,
        set_at=row["set_at"],
        version=row["version"],
    )


def save(tx: Tx, placing: Placing) -> None:
    """Write these places; whoever had the ones before has another version. The document's row is locked."""
    by = placing.set_by
    tx.execute(
        "INSERT INTO document_place (document_id, agency_id, round, version, approved, waits, pages, places,"
        " notices, set_by, set_at) VALUES (%s, %s, %s, 1, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (document_id) DO UPDATE SET round = excluded.round, version = document_place.version + 1,"
        " approved = excluded.approved, waits = excluded.waits, pages = excluded.pages,"
        " places = excluded.places, notices = excluded.notices, set_by = excluded.set_by, set_at = excluded.set_at",
        [
            placing.document_id,
            placing.agency_id,
            placing.round,
            Jsonb(placing.approved.model_dump(mode="json", exclude_none=True)),
            placing.waits,
            Jsonb([list(size) for size in placing.pages]),
            Jsonb([place.to_json() for place in placing.places]),
            Jsonb(list(placing.notices)),
            Jsonb(by.model_dump(mode="json", exclude_none=True)) if by else None,
            placing.set_at,
        ],
    )


def find_ask(tx: Tx, agency_id: UUID) -> bool | None:
    """Whether the agency wants its clerk asked; None where it never said."""
    row = tx.execute("SELECT ask FROM agency_placing WHERE agency_id = %s", [agency_id]).fetchone()
    return bool(row["ask"]) if row else None


def save_ask(tx: Tx, agency_id: UUID, *, ask: bool, by: Actor) -> None:
    tx.execute(
        "INSERT INTO agency_placing (agency_id, ask, set_by, set_at) VALUES (%s, %s, %s, now())"
        " ON CONFLICT (agency_id) DO UPDATE SET ask = excluded.ask, set_by = excluded.set_by, set_at = excluded.set_at",
        [agency_id, ask, Jsonb(by.model_dump(mode="json", exclude_none=True))],
    )
