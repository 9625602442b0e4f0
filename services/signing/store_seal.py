"""What was agreed for a document beside its signers, its co-issuers, and each use of a seal key. The only SQL on them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.signing.domain import CoIssuer, Document, Terms
from services.signing.seal_policy import Use
from shared.db import Tx
from shared.events import Actor
from shared.events.docs import Part


def terms_row(terms: Terms) -> Jsonb:
    """What stands in the document's own row; `terms` reads it."""
    value = {
        "fixed_order": terms.fixed_order,
        "annexes": [part.model_dump(mode="json", exclude_none=True) for part in terms.annexes],
        "sealed_annexes": [part.model_dump(mode="json", exclude_none=True) for part in terms.sealed_annexes],
    }
    return Jsonb(value)


def save_co_issuers(tx: Tx, document: Document) -> None:
    """With the document's own row, in its transaction."""
    tx.execute(
        "DELETE FROM co_issuer WHERE document_id = %s AND ordinal > %s", [document.id, len(document.terms.co_issuers)]
    )
    for each in document.terms.co_issuers:
        tx.execute(
            "INSERT INTO co_issuer (document_id, ordinal, agency_id, co_agency_id, name, asked, sealed_at, asked_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (document_id, ordinal) DO UPDATE SET"
            " co_agency_id = excluded.co_agency_id, name = excluded.name, asked = excluded.asked,"
            " sealed_at = excluded.sealed_at, asked_at = excluded.asked_at",
            [
                document.id,
                each.ordinal,
                document.agency_id,
                each.agency_id,
                each.name,
                Jsonb(each.asked.model_dump(mode="json", exclude_none=True)) if each.asked else None,
                each.sealed_at,
                each.asked_at,
            ],
        )


def list_co_issuers(tx: Tx, documents: Iterable[UUID]) -> dict[UUID, tuple[CoIssuer, ...]]:
    """By document, in order."""
    rows = tx.execute(
        "SELECT document_id, ordinal, co_agency_id, name, asked, sealed_at, asked_at FROM co_issuer WHERE document_id = ANY(%s)"
        " ORDER BY ordinal",
        [list(documents)],
    ).fetchall()
    found: dict[UUID, tuple[CoIssuer, ...]] = {}
    for row in rows:
        each = CoIssuer(
            ordinal=row["ordinal"],
            agency_id=row["co_agency_id"],
            name=row["name"],
            asked=Actor.model_validate(row["asked"]) if row["asked"] else None,
            sealed_at=row["sealed_at"],
            asked_at=row["asked_at"],
        )
        found[row["document_id"]] = (*found.get(row["document_id"], ()), each)
    return found


def terms(value: dict[str, Any], co_issuers: tuple[CoIssuer, ...]) -> Terms:
    return Terms(
        fixed_order=value.get("fixed_order", False),
        annexes=tuple(Part.model_validate(part) for part in value.get("annexes", ())),
        sealed_annexes=tuple(Part.model_validate(part) for part in value.get("sealed_annexes", ())),
        co_issuers=co_issuers,
    )


def record_use(tx: Tx, owner: UUID, use: Use, at: datetime) -> bool:
    """Whether this is the first time that the key is used for just this; later tries are counted."""
    row = tx.execute(
        "INSERT INTO seal_use (document_id, agency_id, seal_agency_id, purpose, sha256, number_symbol, asked, detail,"
        " first_at, last_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (document_id, seal_agency_id, purpose, sha256) DO UPDATE SET uses = seal_use.uses + 1,"
        " last_at = excluded.last_at RETURNING uses",
        [
            use.document_id,
            owner,
            use.agency_id,
            use.purpose,
            use.sha256,
            use.number_symbol,
            Jsonb(use.asked.model_dump(mode="json", exclude_none=True)),
            Jsonb(use.detail()),
            at,
            at,
        ],
    ).fetchone()
    return row is not None and row["uses"] == 1
