"""SQL of the signing programs on people's machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from services.signing.fleet import MOST_OF_ONE, Client
from shared.db import Tx


def keep(tx: Tx, client: Client) -> None:
    """The last report of this program; what it does not say this time stays as it was said before.

    A problem belongs to the report: one without it says that there is none, except at a log-in, where no token is met.
    """
    tx.execute(
        "INSERT INTO client (client_id, person_id, agency_id, reported_at, occasion, version, system, driver,"
        "  driver_version, token_model, certificate_not_after, problem, tested_at, tested_failed)"
        " VALUES (%(client_id)s, %(person_id)s, %(agency_id)s, %(reported_at)s, %(occasion)s, %(version)s, %(system)s,"
        "  %(driver)s, %(driver_version)s, %(token_model)s, %(certificate_not_after)s, %(problem)s, %(tested_at)s,"
        "  %(tested_failed)s)"
        " ON CONFLICT (person_id, client_id) DO UPDATE SET agency_id = excluded.agency_id,"
        "  reported_at = excluded.reported_at, occasion = excluded.occasion, version = excluded.version,"
        "  system = excluded.system, driver = coalesce(excluded.driver, client.driver),"
        "  driver_version = coalesce(excluded.driver_version, client.driver_version),"
        "  token_model = coalesce(excluded.token_model, client.token_model),"
        "  certificate_not_after = coalesce(excluded.certificate_not_after, client.certificate_not_after),"
        "  problem = CASE excluded.occasion WHEN 'login' THEN client.problem ELSE excluded.problem END,"
        "  tested_at = coalesce(excluded.tested_at, client.tested_at),"
        "  tested_failed = coalesce(excluded.tested_failed, client.tested_failed)",
        _row(client),
    )
    # Nobody fills the table by inventing programs.
    tx.execute(
        "DELETE FROM client WHERE person_id = %s AND client_id NOT IN ("
        " SELECT client_id FROM client WHERE person_id = %s ORDER BY reported_at DESC LIMIT %s)",
        [client.person_id, client.person_id, MOST_OF_ONE],
    )


def sweep(tx: Tx) -> int:
    """Forget what was not heard of for 90 days, whoever's it is."""
    return tx.execute("DELETE FROM client WHERE reported_at < now() - interval '90 days'").rowcount


def list_agencies(tx: Tx) -> list[UUID]:
    """All that the registry knows."""
    return [row["id"] for row in tx.execute("SELECT id FROM agency").fetchall()]


def list_beneath(tx: Tx, agency_id: UUID) -> list[UUID]:
    """An agency and those beneath it."""
    rows = tx.execute(
        "WITH RECURSIVE beneath AS (SELECT id FROM agency WHERE id = %s"
        " UNION SELECT a.id FROM agency a JOIN beneath b ON a.parent_id = b.id) SELECT id FROM beneath",
        [agency_id],
    ).fetchall()
    return [row["id"] for row in rows]


def watch(tx: Tx, agencies: Sequence[UUID]) -> None:
    """From here on in this transaction the programs of these agencies' people are seen."""
    tx.execute("SELECT set_config('vanthu.fleet', %s, true)", [",".join(map(str, agencies))])


def list_seen(tx: Tx, limit: int) -> list[tuple[Client, str, str]]:
    """What the transaction may see, the last heard of first, with the names of person and agency."""
    rows = tx.execute(
        "SELECT c.*, coalesce(p.name, '') AS person_name, coalesce(a.name, '') AS agency_name FROM client c"
        " LEFT JOIN person p ON p.id = c.person_id LEFT JOIN agency a ON a.id = c.agency_id"
        " WHERE c.reported_at >= now() - interval '90 days' ORDER BY c.reported_at DESC LIMIT %s",
        [limit],
    ).fetchall()
    return [(_client(row), row.pop("person_name"), row.pop("agency_name")) for row in rows]


def _row(client: Client) -> dict[str, Any]:
    failed = client.tested_failed
    return {**asdict(client), "tested_failed": None if failed is None else list(failed)}


def _client(row: dict[str, Any]) -> Client:
    failed = row["tested_failed"]
    known = {name: row[name] for name in Client.__dataclass_fields__}
    return Client(**{**known, "tested_failed": None if failed is None else tuple(failed)})
