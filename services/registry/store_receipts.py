"""Registry's tables: the only SQL about receipts of a hand-over and about challenges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import Tx
from shared.events import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was signed for: `body` is the text, `sha256` its digest, `form` how the signature is written.

    A paper receipt has the scan's `reference` and the reason instead of a signature.
    """

    id: UUID
    certificate_id: UUID
    procedure_id: UUID | None
    device_id: UUID | None
    managed_by: UUID
    person_id: UUID | None
    kind: Literal["signed", "paper"]
    body: str
    sha256: str
    signature: bytes | None
    form: Literal["raw", "cms"] | None
    reference: str | None
    reason: str | None
    at: datetime
    by: Actor


def add(tx: Tx, receipt: Receipt) -> None:
    row = {name: getattr(receipt, name) for name in Receipt.__dataclass_fields__}
    columns, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    row["by"] = Jsonb(receipt.by.model_dump(mode="json"))
    tx.execute(f"INSERT INTO receipt ({columns}) VALUES ({values})", row)  # noqa: S608  column names of ours


def list_receipts(tx: Tx, certificate_id: UUID) -> list[Receipt]:
    rows = tx.execute("SELECT * FROM receipt WHERE certificate_id = %s ORDER BY id", [certificate_id]).fetchall()
    return [_receipt(row) for row in rows]


def _receipt(row: dict[str, Any]) -> Receipt:
    values = {name: row[name] for name in Receipt.__dataclass_fields__}
    return Receipt(**values | {"by": Actor.model_validate(row["by"])})


def add_challenge(tx: Tx, challenge_id: UUID, nonce: str, person_id: UUID, until: datetime) -> None:
    tx.execute(
        "INSERT INTO certificate_challenge (id, nonce, person_id, until) VALUES (%s, %s, %s, %s)",
        [challenge_id, nonce, person_id, until],
    )


def take_challenge(tx: Tx, challenge_id: UUID, person_id: UUID, now: datetime) -> str | None:
    """The nonce, once, for whoever asked for it; none when there is none such or it has run out."""
    row = tx.execute(
        "DELETE FROM certificate_challenge WHERE id = %s AND person_id = %s RETURNING nonce, until",
        [challenge_id, person_id],
    ).fetchone()
    return str(row["nonce"]) if row and row["until"] >= now else None


def sweep_challenges(tx: Tx, now: datetime) -> int:
    return tx.execute("DELETE FROM certificate_challenge WHERE until < %s", [now]).rowcount
