"""The kernel's tests run on the real PostgreSQL and the real broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared import db, telemetry


@pytest.fixture
def schema(database: Any) -> Any:
    """A fresh database with the shared tables only, and one table of its own for effects."""
    made = database("shared")
    import psycopg

    with psycopg.connect(made.owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE effect (n bigint GENERATED ALWAYS AS IDENTITY, key text, what text)")
    return made


@pytest.fixture
def pool(schema: Any) -> Iterator[db.Pool]:
    opened = db.open_pool(schema.app, max_size=24)
    yield opened
    opened.close()
    telemetry.forget_heartbeats()
