"""Invariants 2 and 3: effects happen once and in order, and a poison event stops nobody but its own key."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared import db
from shared.db import Tx
from shared.events import Envelope
from shared.events.docs import DocumentReturned
from shared.events.portal import KeyStated
from shared.ids import new_id
from shared.inbox import Follower, Record, list_parked, park
from shared.tokens import receive_key
from tests.shared.facts import effects, key_state, record, returned


class Poison(Exception):
    pass


def note(tx: Tx, envelope: Envelope) -> None:
    """The handler under test: one effect an event; refuses what says so."""
    data = envelope.data
    assert isinstance(data, DocumentReturned)
    if data.reason.startswith("poison"):
        raise Poison(data.reason)
    tx.execute("INSERT INTO effect (key, what) VALUES (%s, %s)", [envelope.key, data.reason])


FOLLOWER = Follower("test", ("docs.document", "portal.key"), {DocumentReturned: note, KeyStated: receive_key})


def take(pool: db.Pool, *records: Record) -> list[str]:
    outcomes = []
    for one in records:
        with db.transaction(pool) as tx:
            outcomes.append(FOLLOWER.take(tx, one))
    return outcomes


def done(pool: db.Pool, key: UUID) -> list[str]:
    with db.transaction(pool) as tx:
        return effects(tx, key)


def test_redelivery_changes_nothing(pool: db.Pool) -> None:
    document = new_id()
    one = record(returned(document, "a"), 1)
    assert take(pool, one, one) == ["handled", "duplicate"]
    assert done(pool, document) == ["a"]


def test_an_old_event_under_a_new_id_changes_nothing(pool: db.Pool) -> None:
    document = new_id()
    assert take(pool, record(returned(document, "a"), 1), record(returned(document, "b"), 2)) == ["handled"] * 2
    assert take(pool, record(returned(document, "again"), 1, offset=9)) == ["duplicate"]
    assert done(pool, document) == ["a", "b"]


def test_the_first_event_seen_sets_the_base(pool: db.Pool) -> None:
    document = new_id()
    assert take(pool, record(returned(document, "seven"), 7), record(returned(document, "eight"), 8)) == ["handled"] * 2


def test_a_gap_waits_for_what_is_missing_and_then_runs_in_order(pool: db.Pool) -> None:
    document = new_id()
    outcomes = take(
        pool,
        record(returned(document, "1"), 1),
        record(returned(document, "3"), 3),
        record(returned(document, "4"), 4),
        record(returned(document, "2"), 2),
        record(returned(document, "5"), 5),
    )
    assert outcomes == ["handled", "parked", "parked", "handled", "handled"]
    assert done(pool, document) == ["1", "2", "3", "4", "5"]
    with db.transaction(pool) as tx:
        assert list_parked(tx) == []


def test_a_parked_event_keeps_the_later_ones_of_its_key_behind_it_and_one_replay_mends_all(pool: db.Pool) -> None:
    bad, good = new_id(), new_id()
    take(pool, record(returned(bad, "1"), 1))
    poison = record(returned(bad, "poison"), 2)
    with pytest.raises(Poison), db.transaction(pool) as tx:
        FOLLOWER.take(tx, poison)
    with db.transaction(pool) as tx:
        park(tx, poison, "Poison", "poison")
    assert take(pool, record(returned(bad, "3"), 3), record(returned(good, "x"), 1)) == ["parked", "handled"]
    assert done(pool, bad) == ["1"]
    with db.transaction(pool) as tx:
        assert FOLLOWER.replay(tx, "docs.document", str(bad)) == (0, "poison")
    mended = Follower("test", (), {DocumentReturned: note_mended})
    with db.transaction(pool) as tx:
        assert mended.replay(tx, "docs.document", str(bad)) == (2, None)
    assert done(pool, bad) == ["1", "mended", "3"]
    assert take(pool, poison) == ["duplicate"]


def note_mended(tx: Tx, envelope: Envelope) -> None:
    data = envelope.data
    assert isinstance(data, DocumentReturned)
    what = "mended" if data.reason == "poison" else data.reason
    tx.execute("INSERT INTO effect (key, what) VALUES (%s, %s)", [envelope.key, what])


def test_the_first_event_of_a_key_may_be_the_poison(pool: db.Pool) -> None:
    document = new_id()
    poison = record(returned(document, "poison"), 1)
    with db.transaction(pool) as tx:
        park(tx, poison, "Poison", "poison")
    assert take(pool, record(returned(document, "2"), 2)) == ["parked"]
    assert done(pool, document) == []


def test_of_states_the_newest_wins_and_gaps_do_not_matter(pool: db.Pool) -> None:
    outcomes = take(
        pool, record(key_state("k", "one"), 1), record(key_state("k", "nine"), 9), record(key_state("k", "five"), 5)
    )
    assert outcomes == ["handled", "handled", "duplicate"]
    with db.transaction(pool) as tx:
        assert [r["x"] for r in tx.execute("SELECT x FROM token_key WHERE kid = 'k'").fetchall()] == ["nine"]


KEY_EVENT = b'{"specversion":"1.0","type":"vn.vanthu.portal.key.stated.v1","id":"0199c0de-0000-7000-8000-000000000001","source":"x",'


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "empty_message"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"{}", "bad_envelope"),
        (b'{"specversion":"1.0","type":"vn.vanthu.unheard.of.v1"}', "unknown_type"),
        (b'{"specversion":"1.0","type":"vn.vanthu.portal.key.stated.v1","id":"x","data":{}}', "bad_envelope"),
        (b" " * 1_000_000, "message_too_large"),
        (b'{"specversion":"1.0","sequence":' + b"1" * 5000 + b"}", "not_json"),
        (KEY_EVENT + b'"time":"2026-01-01T00:00:00Z","sequence":1e400,"data":{}}', "bad_envelope"),
    ],
)
def test_bytes_that_are_no_event_are_parked_with_the_reason(pool: db.Pool, value: bytes | None, code: str) -> None:
    assert take(pool, Record("docs.document", 0, 5, b"\xff", value, None)) == ["parked"]
    with db.transaction(pool) as tx:
        (row,) = list_parked(tx)
    assert row["code"] == code
    assert row["key"] == "0:5"


def test_one_key_on_two_topics_counts_apart(pool: db.Pool) -> None:
    document = new_id()
    take(pool, record(returned(document, "a"), 1))
    with db.transaction(pool) as tx:
        rows = tx.execute("SELECT topic, last_seq FROM followed WHERE key = %s", [str(document)]).fetchall()
    assert [(r["topic"], r["last_seq"]) for r in rows] == [("docs.document", 1)]


def test_whatever_its_key_headers_and_fault_a_record_can_be_parked(pool: db.Pool) -> None:
    with db.transaction(pool) as tx:
        park(tx, Record("docs.document", 0, 7, b"\x00", b"{", "\x00"), "Poison", "a\x00b \ud800", seq=0)
        (row,) = list_parked(tx)
    assert row["key"] == "0:7"
    assert row["reason"] == "a\ufffdb ?"


def test_what_was_parked_and_came_again_is_not_done_twice(pool: db.Pool) -> None:
    """The offset was not committed: the event is delivered once more, and this time its handler can."""
    document = new_id()
    take(pool, record(returned(document, "1"), 1))
    second, third = record(returned(document, "2"), 2), record(returned(document, "3"), 3)
    with db.transaction(pool) as tx:
        park(tx, second, "Poison", "was not to be had")
    assert take(pool, third, second) == ["parked", "handled"]
    with db.transaction(pool) as tx:
        assert list_parked(tx) == []
    with db.transaction(pool) as tx:
        park(tx, second, "Poison", "parked by the consumer that was slower")
    with db.transaction(pool) as tx:
        assert FOLLOWER.replay(tx, "docs.document", str(document)) == (1, None)
    assert done(pool, document) == ["1", "2", "3"]


def test_a_state_that_was_overtaken_is_not_parked(pool: db.Pool) -> None:
    take(pool, record(key_state("k", "two"), 2))
    with db.transaction(pool) as tx:
        assert park(tx, record(key_state("k", "one"), 1), "Poison", "poison") == "duplicate"
        assert list_parked(tx) == []
