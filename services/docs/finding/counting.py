"""How much waits at an agency and for a person: counted in indexes of what is open, up to a bound, never by reading all."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import Tx

MOST = 1000  # further nobody counts: the page says that there are more
OUT = ("in_review", "preparing", "awaiting_signature", "signed", "sealing", "returned", "refused")
IN = ("01", "03", "04", "05")
_AGENCY = "nullif(current_setting('vanthu.agency', true), '')::uuid"


@dataclass(frozen=True, slots=True)
class Open:
    """Documents on their way out by state, arrivals not done by status, and what waits for one person."""

    documents: dict[str, int]
    incoming: dict[str, int]
    mine: dict[str, int]


def _by(table: str, column: str, values: tuple[str, ...]) -> str:
    """So many of the agency's rows with each of the values, as JSON; each value has its place in an index."""
    return (
        f"(SELECT jsonb_object_agg(v, (SELECT count(*) FROM (SELECT FROM {table} t WHERE t.agency_id = {_AGENCY}"  # noqa: S608  own names
        f" AND t.{column} = v LIMIT %(most)s) few)) FROM unnest('{{{','.join(values)}}}'::text[]) v)"
    )


def _mine(table: str, asked: str) -> str:
    return f"(SELECT count(*) FROM (SELECT FROM {table} WHERE agency_id = {_AGENCY} AND {asked} LIMIT %(most)s) few)"  # noqa: S608


_MINE = {
    "to_review": _mine("document", "state = 'in_review' AND reviews @> %(open)s"),
    "to_sign": _mine("document", "state = 'awaiting_signature' AND waits_for = %(me)s"),
    # As the index of what is assigned says it, and then which of it.
    "to_begin": _mine("incoming", "status IN ('04', '05') AND status = '04' AND assignee_id = %(me)s"),
    "to_finish": _mine("incoming", "status IN ('04', '05') AND status = '05' AND assignee_id = %(me)s"),
}
_COUNT = (
    f"SELECT {_by('document', 'state', OUT)} AS documents, {_by('incoming', 'status', IN)} AS incoming, "
    + ", ".join(f"{query} AS {name}" for name, query in _MINE.items())
)


def count_open(tx: Tx, person_id: UUID) -> Open:
    """All of it in one question: the page that everybody opens first."""
    asked = {"me": person_id, "open": Jsonb([{"person_id": str(person_id), "approved": False}]), "most": MOST}
    row = tx.execute(_COUNT, asked).fetchone()
    assert row is not None  # noqa: S101  counts always give a row
    return Open(row.pop("documents"), row.pop("incoming"), row)
