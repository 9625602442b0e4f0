"""Our table of preparations: signatures begun, for one document or for a pile. The only SQL on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.signing.session import Preparation, PreparationState
from services.signing.store import Place, Superseded
from shared.db import Tx
from shared.errors import NotFound

_ABOUT = (
    "id, document_id, agency_id, person_id, ordinal, base_sha256, certificate_id, state, signature, problem, expires_at,"
    " cached_revocation_as_of, notice"
)


def add(tx: Tx, preparation: Preparation) -> None:
    tx.execute(
        "INSERT INTO preparation (id, document_id, agency_id, person_id, ordinal, base_sha256, certificate_id, state,"
        " prepared, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            preparation.id,
            preparation.document_id,
            preparation.agency_id,
            preparation.person_id,
            preparation.ordinal,
            preparation.base_sha256,
            preparation.certificate_id,
            preparation.state,
            Jsonb(preparation.prepared),
            preparation.expires_at,
        ],
    )


def get(tx: Tx, preparation_id: UUID, person_id: UUID | None) -> Preparation:
    """The person's own preparation; NotFound for anybody else's."""
    found = find(tx, preparation_id)
    if found is None or found.person_id != person_id:
        raise NotFound("lần ký", "preparation")
    return found


def find(tx: Tx, preparation_id: UUID) -> Preparation | None:
    row = tx.execute(f"SELECT {_ABOUT}, prepared FROM preparation WHERE id = %s", [preparation_id]).fetchone()  # noqa: S608  our constant
    return _made(row) if row else None


def list_told(tx: Tx, ids: Sequence[UUID], person_id: UUID | None) -> list[Preparation]:
    """How these stand, as far as they are the person's own; without what was prepared, which is large."""
    rows = tx.execute(
        f"SELECT {_ABOUT} FROM preparation WHERE id = ANY(%s) AND person_id = %s",  # noqa: S608  our constant
        [list(ids), person_id],
    ).fetchall()
    return [_made(row) for row in rows]


def list_to_complete(tx: Tx, ids: Sequence[UUID], person_id: UUID | None) -> dict[UUID, Preparation]:
    """By id, as far as they are the person's own, with what a raw signature is verified by: all but the PDF's bytes."""
    rows = tx.execute(
        f"SELECT {_ABOUT}, prepared - 'update' AS prepared FROM preparation WHERE id = ANY(%s) AND person_id = %s",  # noqa: S608  our constant
        [list(ids), person_id],
    ).fetchall()
    return {row["id"]: _made(row) for row in rows}


def _made(row: dict[str, Any]) -> Preparation:
    return Preparation(**{**row, "state": PreparationState(row["state"])})


def begin_completions(tx: Tx, signatures: Mapping[UUID, bytes]) -> None:
    """The raw signatures, by preparation, are taken, each once."""
    done = tx.execute(
        "UPDATE preparation p SET state = 'completing', signature = t.signature"
        " FROM unnest(%s::uuid[], %s::bytea[]) AS t (id, signature) WHERE p.id = t.id AND p.state = 'prepared'",
        [list(signatures), list(signatures.values())],
    )
    if done.rowcount != len(signatures):
        raise Superseded


def end(
    tx: Tx,
    preparation_id: UUID,
    *,
    problem: dict[str, str] | None = None,
    cached_as_of: datetime | None = None,
    notice: dict[str, str] | None = None,
) -> None:
    """Completed, with a notice for the signer, or failed with a problem; what was prepared is of no use any more."""
    tx.execute(
        "UPDATE preparation SET state = %s, problem = %s, cached_revocation_as_of = %s, notice = %s, prepared = NULL"
        " WHERE id = %s",
        [
            "failed" if problem else "completed",
            Jsonb(problem) if problem else None,
            cached_as_of,
            Jsonb(notice) if notice else None,
            preparation_id,
        ],
    )


def fail_all(tx: Tx, document_id: UUID, problem: dict[str, str]) -> None:
    """All that is under way for this document comes to nothing."""
    tx.execute(
        "UPDATE preparation SET state = 'failed', problem = %s, prepared = NULL"
        " WHERE document_id = %s AND state IN ('prepared', 'completing')",
        [Jsonb(problem), document_id],
    )


_UNDER_WAY = "certificate_id = %s AND (state = 'completing' OR (state = 'prepared' AND expires_at > now()))"


def list_places_with(tx: Tx, certificate_id: UUID) -> list[Place]:
    """Where a signature with this certificate is under way."""
    rows = tx.execute(
        f"SELECT DISTINCT agency_id, document_id FROM preparation WHERE {_UNDER_WAY} ORDER BY 1, 2",  # noqa: S608  ours
        [certificate_id],
    ).fetchall()
    return [Place(**row) for row in rows]


def fail_all_with(tx: Tx, certificate_id: UUID, problem: dict[str, str]) -> dict[UUID, UUID]:
    """All that is under way with this certificate comes to nothing; preparation → document."""
    rows = tx.execute(
        f"UPDATE preparation SET state = 'failed', problem = %s, prepared = NULL WHERE {_UNDER_WAY}"  # noqa: S608  ours
        " RETURNING id, document_id",
        [Jsonb(problem), certificate_id],
    ).fetchall()
    return {row["id"]: row["document_id"] for row in rows}


def forget_expired(tx: Tx, person_id: UUID) -> None:
    """Expired preparations of a person keep their row, for a clear answer, not their bytes."""
    tx.execute(
        "UPDATE preparation SET prepared = NULL WHERE person_id = %s AND state = 'prepared'"
        " AND prepared IS NOT NULL AND expires_at < now()",
        [person_id],
    )
