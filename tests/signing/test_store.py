"""Rows of signing on the real database: who sees them, what guards them, that all of a document comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from services.signing import copies, domain, store, store_preparation
from services.signing.domain import Document, State
from services.signing.session import LEASE, Preparation, PreparationState
from shared import db
from shared.errors import NotFound
from shared.events import Actor, BlobRef, docs, registry
from tests.signing.office import AGENCY, OTHER, TOPICS, descriptor
from tests.support.postgres import Database

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
OURS, THEIRS = uuid4(), uuid4()


@pytest.fixture
def pool(database: Callable[[str], Database]) -> Iterator[db.Pool]:
    made = db.open_pool(database("signing").app)
    yield made
    made.close()


def blob(digit: str) -> BlobRef:
    return BlobRef(prefix="signing", sha256=digit * 64, size=10, media_type="application/pdf")


def document(*people: UUID) -> Document:
    command = docs.PrepareDocument(
        by=Actor(name="Văn thư"),
        at=NOW,
        document_id=uuid4(),
        descriptor=descriptor(),
        content=blob("0"),
        filename="công văn.pdf",
        signers=tuple(
            docs.Signer(
                person_id=person,
                post_id=uuid4(),
                authority_id=uuid4(),
                name="Nguyễn Văn Bình",
                post="Chủ tịch",
                capacity="TM.",
                block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
            )
            for person in people
        ),
        author_id=uuid4(),
    )
    return domain.order(command)


def added(pool: db.Pool, *people: UUID) -> Document:
    made, _ = domain.prepared(document(*people), blob("1"), pages=3, numbered=True, at=NOW)
    with db.transaction(pool, agency=AGENCY) as tx:
        store.add(tx, replace(made, content=blob("0")))
        store.save(tx, made, stage="prepared")
        return store.get(tx, made.id)


def preparation(of: Document, person: UUID) -> Preparation:
    return Preparation(
        id=uuid4(),
        document_id=of.id,
        agency_id=of.agency_id,
        person_id=person,
        ordinal=1,
        base_sha256=of.content.sha256,
        certificate_id=uuid4(),
        state=PreparationState.PREPARED,
        expires_at=NOW + LEASE,
        prepared={"update": "YQ=="},
    )


def test_all_of_a_document_comes_back(pool: db.Pool) -> None:
    first = added(pool, OURS, THEIRS)
    numbering = domain.Numbering(15, "15/UBND-VX", NOW.date(), Actor(name="Văn thư", agency_id=AGENCY))
    signers = (first.signers[0], replace(first.signers[1], signed_at=NOW, certificate_serial="0a"))
    changed = replace(
        first,
        state=State.SEALING,
        numbering=numbering,
        signers=signers,
        level="PAdES-BASELINE-LTA",
        delayed="tsa_unavailable",
        completing=uuid4(),
        waiting_since=NOW + timedelta(hours=1),
    )
    with db.transaction(pool, agency=AGENCY) as tx:
        store.save(tx, changed)
        assert store.get(tx, first.id) == replace(changed, version=first.version + 1)


def test_a_decision_on_an_older_version_is_not_written(pool: db.Pool) -> None:
    first = added(pool, OURS)
    with db.transaction(pool, agency=AGENCY) as tx:
        store.save(tx, replace(first, state=State.SIGNED))
    with pytest.raises(store.Superseded), db.transaction(pool, agency=AGENCY) as tx:
        store.save(tx, replace(first, state=State.CANCELLED))
    with db.transaction(pool, agency=AGENCY) as tx:
        assert store.get(tx, first.id).state is State.SIGNED


def test_a_preparation_is_completed_once(pool: db.Pool) -> None:
    made = preparation(added(pool, OURS), OURS)
    with db.transaction(pool, agency=AGENCY) as tx:
        store_preparation.add(tx, made)
        store_preparation.begin_completions(tx, {made.id: b"signature"})
        with pytest.raises(store.Superseded):
            store_preparation.begin_completions(tx, {made.id: b"another"})
        store_preparation.end(tx, made.id)
        found = store_preparation.get(tx, made.id, OURS)
        assert (found.state, found.prepared, found.signature) == (PreparationState.COMPLETED, None, b"signature")
        with pytest.raises(NotFound):
            store_preparation.get(tx, made.id, THEIRS)


TABLES = ("document", "signer", "revision", "preparation", "withdrawal", "validation")


def counts(tx: db.Tx) -> list[int]:
    found = [tx.execute(f"SELECT count(*) AS n FROM {table}").fetchone() for table in TABLES]  # noqa: S608
    return [row["n"] for row in found if row]


def test_an_agency_sees_its_own_rows_and_nobody_elses(pool: db.Pool) -> None:
    made = added(pool, OURS)
    with db.transaction(pool, agency=AGENCY) as tx:
        store_preparation.add(tx, preparation(made, OURS))
        store.add_withdrawal(tx, made.id, AGENCY, at=NOW)
        store.add_validation(tx, uuid4(), AGENCY, blob("2"), at=NOW)
        assert counts(tx) == [1, 1, 1, 1, 1, 1]
    for whose in (OTHER, None):
        with db.transaction(pool, agency=whose) as tx:
            assert counts(tx) == [0, 0, 0, 0, 0, 0]
            assert store.find(tx, made.id) is None
            assert tx.execute("UPDATE document SET level = 'x'").rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction(pool, agency=OTHER) as tx:
        store.add(tx, document(OURS))


def test_a_signer_of_another_agency_sees_what_waits_for_them(pool: db.Pool) -> None:
    made = added(pool, OURS, THEIRS)
    added(pool, OURS)
    with db.transaction(pool, agency=OTHER) as tx:
        store.act_for_person(tx, THEIRS)
        assert counts(tx)[0] == 1
        [waiting] = store.list_waiting_for(tx, THEIRS)
        assert (waiting.id, [s.person_id for s in waiting.signers]) == (made.id, [OURS, THEIRS])
    with db.transaction(pool, agency=AGENCY) as tx:
        done, _ = domain.signed(made, 2, blob("3"), serial="0a", level="PAdES-BASELINE-T", at=NOW)
        store.save(tx, done)
        assert store.list_waiting_for(tx, THEIRS) == []


def test_dropped_work_is_gone(pool: db.Pool) -> None:
    from shared import jobs

    made = added(pool, OURS)
    with db.transaction(pool, agency=AGENCY) as tx:
        for kind in ("prepare", "complete", "seal"):
            jobs.put(tx, kind, str(made.id), {})
        jobs.put(tx, "seal", str(uuid4()), {})
        store.drop_jobs(tx, made.id, "prepare", "complete")
        row = tx.execute("SELECT count(*) AS n FROM job").fetchone()
        assert row == {"n": 2}


def test_the_oldest_copy_says_how_old_our_word_is(pool: db.Pool) -> None:
    with db.transaction(pool) as tx:
        for topic in TOPICS[:3]:
            copies.keep_heartbeat(tx, registry.Heartbeat(of=topic, as_of=NOW))
        assert copies.as_of(tx) is None, "a copy that was never whole is no copy"
        copies.keep_heartbeat(tx, registry.Heartbeat(of=TOPICS[3], as_of=NOW - timedelta(minutes=1)))
        assert copies.as_of(tx) == NOW - timedelta(minutes=1)
        copies.keep_heartbeat(tx, registry.Heartbeat(of=TOPICS[3], as_of=NOW - timedelta(minutes=9)))
        assert copies.as_of(tx) == NOW - timedelta(minutes=1), "an old heartbeat does not make us older"


def test_a_post_given_to_somebody_else_is_theirs(pool: db.Pool) -> None:
    post = registry.Post(
        post_id=uuid4(),
        agency_id=AGENCY,
        title="Chủ tịch",
        roles=("leader",),
        valid_from=NOW.date() - timedelta(days=9),
    )
    with db.transaction(pool) as tx:
        for person, posts in ((OURS, (post,)), (THEIRS, (post,)), (OURS, ())):
            stated = registry.PersonStated(
                person_id=person, name="Bình", login=str(person), email="a@b.vn", active=True, posts=posts
            )
            copies.keep_person(tx, stated)
        assert not copies.is_active(tx, OURS, post.post_id, ["leader"])
        assert copies.is_active(tx, THEIRS, post.post_id, ["leader"])
        assert not copies.is_active(tx, THEIRS, post.post_id, ["clerk"])


def test_reports_are_kept_by_bytes_policy_and_roots(pool: db.Pool) -> None:
    with db.transaction(pool) as tx:
        store.add_report(tx, "a" * 64, "p1", "roots", {"indication": "TOTAL_PASSED"})
        store.add_report(tx, "a" * 64, "p1", "roots", {"indication": "TOTAL_FAILED"})
        assert store.find_report(tx, "a" * 64, "p1", "roots") == {"indication": "TOTAL_PASSED"}
        assert store.find_report(tx, "a" * 64, "p2", "roots") is None
        assert store.find_report(tx, "a" * 64, "p1", "others") is None
