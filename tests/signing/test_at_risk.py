"""The one query of what is at risk, on the rows of a province: it reads what is at risk and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from services.signing import store_longevity
from shared import db
from tests.support.postgres import Database

AGENCIES, EACH = 231, 200
FILL = """
INSERT INTO stamp_authority (sha256, der, chain, not_after, anchor, algorithms) VALUES
    ('old', '', '{}', now() + interval '10 days', 'root', '{sha256,p256}'),
    ('new', '', '{}', now() + interval '9 years', 'root', '{sha256,p256}');
INSERT INTO ground (anchors, algorithms) VALUES ('{root}', '{sha256,rsa2048}');
INSERT INTO longevity (document_id, agency_id, level, owes, owing_since, ground, stamped_by, stamped_at)
SELECT gen_random_uuid(), lpad(to_hex(n / %(each)s + 1), 32, '0')::uuid, 'PAdES-BASELINE-LTA',
       CASE WHEN n %% 1000 = 7 THEN '{LTA}'::text[] ELSE '{}' END, CASE WHEN n %% 1000 = 7 THEN now() - interval '1 day' END,
       1, CASE WHEN n %% 1000 = 9 THEN 'old' ELSE 'new' END, now()
  FROM generate_series(0, %(all)s - 1) n;
"""


def test_what_is_at_risk_is_found_by_indexes_among_a_province_s_documents(
    database: Callable[[str], Database],
) -> None:
    made = database("signing")
    with psycopg.connect(made.admin, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")  # the documents themselves are not needed
        for statement in FILL.strip().rstrip(";").split(";\n"):
            admin.execute(statement, {"each": EACH, "all": AGENCIES * EACH})  # type: ignore[arg-type,unused-ignore]
        admin.execute("VACUUM ANALYZE")
    pool = db.open_pool(made.app)
    bounds = store_longevity.at_risk_bounds(timedelta(hours=2), timedelta(days=90), datetime.now(UTC)) | {"limit": 500}
    try:
        for agency, expected in (
            (None, {"owing": 47, "stamp_ending": 47}),
            (UUID(int=36), {"owing": 1, "stamp_ending": 1}),
        ):
            with db.transaction(pool, agency=agency) as tx:
                if agency is None:
                    store_longevity.watch(tx)
                took = []
                for _ in range(5):  # of which the quickest counts: the others say how busy the machine is
                    begun = time.perf_counter()
                    rows = tx.execute(store_longevity.AT_RISK, bounds).fetchall()
                    took.append(time.perf_counter() - begun)
                plan = tx.execute("EXPLAIN (ANALYZE, BUFFERS OFF) " + store_longevity.AT_RISK, bounds).fetchall()
            counts = {risk: sum(row["risk"] == risk for row in rows) for risk in expected}
            assert (len(rows), counts) == (sum(expected.values()), expected)
            told = "\n".join(row["QUERY PLAN"] for row in plan)
            assert not re.search(r"Seq Scan on longevity[^\n]*\(actual", told), told
            assert min(took) < 0.5
    finally:
        pool.close()
