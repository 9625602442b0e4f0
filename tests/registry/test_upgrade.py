"""A province that has worked with an earlier release keeps what it has: newer migrations change rows, not only tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from shared import db
from tests.support.postgres import Database, Postgres

FIRST = "0001_registry.sql"


@pytest.fixture
def earlier(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database as the first release made it."""
    shutil.copytree(db.ROOT / "shared" / "migrations", tmp_path / "shared" / "migrations")
    own = tmp_path / "services" / "registry" / "migrations"
    own.mkdir(parents=True)
    shutil.copy(db.ROOT / "services" / "registry" / "migrations" / FIRST, own)
    made = postgres.bare("registry")
    with monkeypatch.context() as patch:
        patch.setattr(db, "ROOT", tmp_path)
        db.migrate(made.owner, "registry")
    yield made
    postgres.drop(made)


def test_certificates_of_an_earlier_release_have_a_stage_and_a_history(earlier: Database) -> None:
    with psycopg.connect(earlier.app) as tx:
        tx.execute(
            "INSERT INTO agency (id, identifier, name, folded, level, seal_mm, valid_from, version)"
            " VALUES (gen_random_uuid(), 'H37', 'UBND', 'ubnd', 'province', 36, '2020-01-01', 1)"
        )
        tx.execute(
            "INSERT INTO certificate (id, kind, agency_id, pem, chain_pem, fingerprint, spki_sha256, serial, not_before,"
            " not_after, status, version) SELECT gen_random_uuid(), 'seal', id, '-', '-', s, s, s, now() - interval '9 days',"
            " now() + interval '9 days', s, 1 FROM agency, unnest(ARRAY['active', 'revoked']) AS s"
        )
    db.migrate(earlier.owner, "registry")
    with psycopg.connect(earlier.app, row_factory=dict_row) as tx:
        tx.execute("SELECT set_config('vanthu.scope', '*', true)")
        history = tx.execute(
            "SELECT c.status, c.stage, s.stage AS then, s.since = c.not_before AS from_its_first_day"
            " FROM certificate c JOIN certificate_stage s ON s.certificate_id = c.id ORDER BY 1"
        ).fetchall()
    assert history == [
        {"status": status, "stage": status, "then": status, "from_its_first_day": True}
        for status in ("active", "revoked")
    ]
