"""How much waits at an agency and for a person: counted in indexes of what is open, up to a bound, never by reading all."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import Tx

MOST = 1000  # further nobody counts: the page says that there are more
OUT = ("in_review", "preparing", "awaiting_signature", "signed", "sealing", "returned", "refused")
IN = ("01", "03", "04", "05")
_AGENCY = "nullif(current_setting('vanthu.agency', true), '')::uuid"


def count_documents(tx: Tx) -> dict[str, int]:
    """The agency's own documents on their way, by state."""
    return _by(tx, "document", "state", OUT)


def count_incoming(tx: Tx) -> dict[str, int]:
    """What arrived and is not done, by status."""
    return _by(tx, "incoming", "status", IN)


def _by(tx: Tx, table: str, column: str, values: tuple[str, ...]) -> dict[str, int]:
    rows = tx.execute(
        f"SELECT v AS value, n FROM unnest(%s::text[]) v, LATERAL (SELECT count(*) AS n FROM"  # noqa: S608  own names
        f" (SELECT FROM {table} t WHERE t.agency_id = {_AGENCY} AND t.{column} = v LIMIT %s) few) counted",
        [list(values), MOST],
    ).fetchall()
    return {row["value"]: row["n"] for row in rows}


def count_mine(tx: Tx, person_id: UUID) -> dict[str, int]:
    """What waits for one person: to be reviewed, signed, begun and finished."""
    asked = {"me": person_id, "open": Jsonb([{"person_id": str(person_id), "approved": False}]), "most": MOST}
    row = tx.execute(
        "SELECT"  # noqa: S608  own names
        f" (SELECT count(*) FROM (SELECT FROM document WHERE agency_id = {_AGENCY} AND state = 'in_review'"
        "   AND reviews @> %(open)s LIMIT %(most)s) r) AS to_review,"
        f" (SELECT count(*) FROM (SELECT FROM document WHERE agency_id = {_AGENCY} AND state = 'awaiting_signature'"
        "   AND waits_for = %(me)s LIMIT %(most)s) s) AS to_sign,"
        f" (SELECT count(*) FROM (SELECT FROM incoming WHERE agency_id = {_AGENCY} AND status IN ('04', '05')"
        "   AND status = '04' AND assignee_id = %(me)s LIMIT %(most)s) a) AS to_begin,"
        f" (SELECT count(*) FROM (SELECT FROM incoming WHERE agency_id = {_AGENCY} AND status IN ('04', '05')"
        "   AND status = '05' AND assignee_id = %(me)s LIMIT %(most)s) b) AS to_finish",
        asked,
    ).fetchone()
    return dict(row) if row else {}
