"""Old rows of the inbox and old answers go, and what they kept from happening twice still does not happen twice."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from shared import db, sweep
from shared.ids import new_id
from tests.shared.facts import record, returned
from tests.shared.test_inbox import done, take
from tests.support.postgres import Database

OLD = timedelta(days=31)


def age(pool: db.Pool) -> None:
    with db.transaction(pool) as tx:
        tx.execute("UPDATE inbox SET received_at = now() - %s", [OLD])
        tx.execute("UPDATE idempotency SET created_at = now() - %s", [OLD])


def rows(pool: db.Pool, query: str) -> list[dict[str, object]]:
    with db.transaction(pool) as tx:
        return tx.execute(query).fetchall()  # type: ignore[arg-type,unused-ignore]


def test_a_replay_from_the_beginning_changes_nothing_after_the_inbox_was_swept(pool: db.Pool) -> None:
    document = new_id()
    facts = [record(returned(document, str(n)), n) for n in (1, 2, 3)]
    assert take(pool, *facts) == ["handled"] * 3
    with db.transaction(pool) as tx:
        assert sweep.sweep_inbox(tx) == 0, "nothing is old"
    age(pool)
    with db.transaction(pool) as tx:
        assert sweep.sweep_inbox(tx, limit=2) == 2
        assert sweep.sweep_inbox(tx, limit=2) == 1
    assert take(pool, *facts) == ["duplicate"] * 3
    assert done(pool, document) == ["1", "2", "3"]


def test_what_only_the_inbox_knows_stays(pool: db.Pool) -> None:
    document = new_id()
    assert take(pool, record(returned(document, "1"), 1), record(returned(document, "3"), 3)) == ["handled", "parked"]
    with db.transaction(pool) as tx:
        tx.execute(
            "INSERT INTO inbox (event_id, source, topic, key, seq) VALUES (%s, 'urn:x', 'exchange.inbound.motcua', 'k', 1)",
            [new_id()],
        )
    age(pool)
    with db.transaction(pool) as tx:
        assert sweep.sweep_inbox(tx) == 1
    left = {(row["topic"], row["seq"]) for row in rows(pool, "SELECT topic, seq FROM inbox")}
    assert left == {("docs.document", 3), ("exchange.inbound.motcua", 1)}
    assert take(pool, record(returned(document, "2"), 2)) == ["handled"]
    assert done(pool, document) == ["1", "2", "3"]


def test_old_answers_go_and_young_ones_stay(pool: db.Pool) -> None:
    with db.transaction(pool) as tx:
        tx.execute(
            "INSERT INTO idempotency (principal, key, fingerprint) SELECT 'p', n::text, 'f' FROM generate_series(1, 5) n"
        )
    age(pool)
    with db.transaction(pool) as tx:
        tx.execute("INSERT INTO idempotency (principal, key, fingerprint) VALUES ('p', 'new', 'f')")
        assert sweep.sweep_answers(tx, limit=3) == 3
        assert sweep.sweep_answers(tx) == 2
    assert [row["key"] for row in rows(pool, "SELECT key FROM idempotency")] == ["new"]


def test_old_rows_are_found_without_reading_those_that_are_not(pool: db.Pool, schema: Database) -> None:
    """A hundred thousand rows of today cost a round nothing."""
    with db.transaction(pool) as tx:
        for table, columns, values in (
            (
                "inbox",
                "event_id, source, topic, key, seq, received_at",
                "gen_random_uuid(), 's', 'docs.document', n::text, 1",
            ),
            ("idempotency", "principal, key, fingerprint, created_at", "'p', n::text, 'f'"),
        ):
            tx.execute(
                f"INSERT INTO {table} ({columns}) SELECT {values}, now() - interval '20 days' + n * interval '1 second'"  # noqa: S608
                " FROM generate_series(1, 50000) n"
            )
    with psycopg.connect(schema.owner, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE inbox, idempotency")  # as autovacuum does; new ranges are summarised, too
    with db.transaction(pool) as tx:
        for query, kept in ((sweep.OLD_INBOX, sweep.INBOX_KEPT), (sweep.OLD_ANSWERS, sweep.ANSWERS_KEPT)):
            plan = tx.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) {query}", [kept, sweep.BATCH]).fetchall()
            text = "\n".join(str(row["QUERY PLAN"]) for row in plan)
            assert "Bitmap" in text, text
            assert "Rows Removed by Filter" not in text, text
