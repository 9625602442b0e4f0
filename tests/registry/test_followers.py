"""Whoever follows the registry ends with the right picture: one that starts from nothing, and one that was away a week.

On a real broker with the topics' own settings, except that segments are small and cleaned at once.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.server import Running
from services.docs.consumer import make_follower as docs_follower
from services.notify.consumer import follower as notify_follower
from services.registry import directory, issuance, pulse, store, store_certificates, trust
from services.registry.directory import Desk
from services.signing import copies
from services.signing.authority import check_fresh
from services.signing.consumer import follower as signing_follower
from shared import db, telemetry
from shared.bus import KafkaConsumer, KafkaPublisher
from shared.errors import Rejected
from shared.ids import new_id
from shared.inbox import Follower
from shared.outbox import Relay
from shared.settings import Settings
from tests.registry.conftest import (
    OFFICER,
    SOURCE,
    a_post,
    agency_facts,
    authority_facts,
    person_facts,
    province_wide,
    text,
)
from tests.registry.keys import now
from tests.support.kafka import Kafka
from tests.support.parts import until
from tests.support.postgres import Database

TOPICS = ("registry.agency", "registry.person", "registry.authority", "registry.certificate")
SMALL = {"segment.ms": "200", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "1000"}
COMPACTION = 120.0  # seconds: the cleaner looks around every 15
CAUGHT_UP = 180.0


@pytest.fixture
def topics(kafka: Kafka) -> Iterator[None]:
    """The registry's own topics, cleaned in seconds instead of hours while this test runs."""
    kafka.services()
    _configure(kafka, AlterConfigOpType.SET)
    yield
    _configure(kafka, AlterConfigOpType.DELETE)
    kafka.services()


def _configure(kafka: Kafka, what: AlterConfigOpType) -> None:
    admin = AdminClient(kafka.admin)  # must outlive the futures
    changes = [ConfigEntry(name, value, incremental_operation=what) for name, value in SMALL.items()]
    resources = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=changes) for topic in TOPICS]
    for future in admin.incremental_alter_configs(resources).values():
        future.result(30)


def settings_of(kafka: Kafka, service: str, database: str) -> Settings:
    told = kafka.environment(service)
    return Settings.model_validate(
        {
            "service": service,
            "database": database,
            "kafka": told["VANTHU_KAFKA"],
            "kafka_user": told["VANTHU_KAFKA_USER"],
            "kafka_password": told["VANTHU_KAFKA_PASSWORD"],
            "kafka_security": told["VANTHU_KAFKA_SECURITY"],
            "blobs": "memory:///",
            "port": 0,
            "worker_port": 0,
            "portal_url": "http://127.0.0.1:1",
            "source": SOURCE,
        }
    )


# --- the registry, and what happens in it


@dataclass(slots=True)
class Registry:
    """A registry at work: things happen in it, its relay publishes them, its heart beats."""

    pool: db.Pool
    conninfo: str
    kafka: Kafka
    pki: Running
    chance: random.Random
    changes: int = 0

    def found(self, agencies: int, leaders: int) -> None:
        """So many agencies; leaders with authority and certificate in turn."""
        with self._desk() as desk:
            store_certificates.pin(desk.tx, trust.read_anchor(text(self.pki.root_pem), now()))
            known = store.list_agencies(desk.tx)
            base = len(known)
            made = [
                directory.establish_agency(
                    desk, agency_facts(f"H37.{base + n:03}", name=f"Xã {base + n}", level="commune")
                )
                for n in range(agencies)
            ]
            for n in range(leaders):
                agency = made[n % len(made)]
                post = a_post(agency.id, "leader", title="Chủ tịch")
                person = directory.enter_person(
                    desk, person_facts(f"p{post.id.hex}", f"Lãnh đạo {'ABCDEGHIKL'[n % 10]}", post)
                )
                facts = authority_facts(agency, person, capacity="TM.", block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"))
                directory.grant_authority(desk, facts)
                issued = self.pki.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), common_name=person.name)
                whose = issuance.holder(desk.tx, person.id, None)
                issuance.enter(desk, text(issued.pem), text(issued.chain_pem), whose)
            self.changes += agencies + 3 * leaders

    def live_on(self, changes: int) -> None:
        """So many changes of any kind, as they come in an office."""
        acts = (self._rename, self._move, self._withdraw, self._certificate, self._certificate, self._leave)
        while changes:
            with self._desk() as desk:
                if self.chance.choice(acts)(desk):
                    self.changes += 1
                    changes -= 1

    def publish(self) -> None:
        """Everything stated so far and a heartbeat behind it, through the real relay."""
        with db.transaction(self.pool) as tx:
            pulse.beat(tx, SOURCE)
        stop = threading.Event()
        settings = settings_of(self.kafka, "registry", self.conninfo)
        relay = Relay(self.conninfo, KafkaPublisher(settings, stop=stop), stop=stop, interval=0.01)
        thread = threading.Thread(target=relay.run)
        thread.start()
        try:
            until(lambda: not self._waiting(), bound=CAUGHT_UP, what="the outbox to be empty")
            with db.transaction(self.pool) as tx:
                pulse.beat(tx, SOURCE)
            until(lambda: not self._waiting(), bound=CAUGHT_UP, what="the heartbeat to be out")
        finally:
            stop.set()
            thread.join()

    def _waiting(self) -> bool:
        """Acts are not followed here: the ledger's own tests do that."""
        with db.transaction(self.pool) as tx:
            return tx.execute("SELECT FROM outbox LIMIT 1").rowcount > 0

    @contextmanager
    def _desk(self) -> Iterator[Desk]:
        with province_wide(self.pool) as tx:
            yield Desk(tx, OFFICER, SOURCE)

    def _any(self, desk: Desk, table: str) -> UUID:
        ids = [row["id"] for row in desk.tx.execute(f"SELECT id FROM {table} ORDER BY id").fetchall()]  # type: ignore[arg-type,unused-ignore]  # noqa: S608
        found: UUID = self.chance.choice(ids)
        return found

    def _rename(self, desk: Desk) -> bool:
        agency = store.lock_agency(desk.tx, self._any(desk, "agency"))
        seal = float(self.chance.randrange(30, 42))
        if agency.facts.seal_mm == seal:
            return False
        directory.change_agency(desk, agency, replace(agency.facts, seal_mm=seal))
        return True

    def _move(self, desk: Desk) -> bool:
        person = store.lock_person(desk.tx, self._any(desk, "person"))
        if not person.facts.active:
            return False
        title = f"Chức vụ {self.chance.randrange(1000)}"
        posts = tuple(replace(post, title=title) for post in person.facts.posts)
        directory.change_person(desk, person, replace(person.facts, posts=posts, email=f"m{new_id().hex}@a.example"))
        return True

    def _leave(self, desk: Desk) -> bool:
        person = store.lock_person(desk.tx, self._any(desk, "person"))
        if not person.facts.active or self.chance.random() < 0.7:  # not everybody in one week
            return False
        directory.change_person(desk, person, replace(person.facts, active=False))
        return True

    def _withdraw(self, desk: Desk) -> bool:
        authority = store.lock_authority(desk.tx, self._any(desk, "authority"))
        if authority.withdrawn or self.chance.random() < 0.5:
            return False
        directory.withdraw_authority(desk, authority)
        return True

    def _certificate(self, desk: Desk) -> bool:
        before = store_certificates.lock(desk.tx, self._any(desk, "certificate"))
        if before.status == "active":
            if self.chance.random() < 0.3:
                issuance.revoke(desk, before, "superseded")
            else:
                issuance.suspend(desk, before, "xác minh")
            return True
        if before.status == "suspended":
            issuance.resume(desk, before)
            return True
        return False

    def picture(self) -> dict[str, Any]:
        """What every follower should know, from the source tables."""
        with province_wide(self.pool) as tx:
            return {
                "agencies": _table(tx, "SELECT id, identifier, name, seal_mm FROM agency"),
                "people": _table(tx, "SELECT id, name, active FROM person"),
                "posts": _table(tx, "SELECT id, person_id, agency_id, roles, valid_from, valid_until FROM post"),
                "titles": _table(tx, "SELECT id, title FROM post"),
                "emails": _table(tx, "SELECT id, email FROM person"),
                "authorities": _table(
                    tx, "SELECT id, agency_id, person_id, post_id, valid_from, valid_until, withdrawn FROM authority"
                ),
                "certificates": _table(tx, "SELECT id, person_id, status FROM certificate"),
            }


def _table(tx: db.Tx, query: str) -> dict[UUID, tuple[Any, ...]]:
    found = {}
    for row in tx.execute(query).fetchall():  # type: ignore[arg-type,unused-ignore]
        id_, *rest = row.values()
        found[id_] = tuple(tuple(value) if isinstance(value, list) else value for value in rest)
    return found


@pytest.fixture
def registry(pool: db.Pool, registry_database: Database, kafka: Kafka, topics: None, pki: Running) -> Registry:  # noqa: ARG001  set up for it
    return Registry(pool, registry_database.app, kafka, pki, random.Random(4))


# --- followers


POSTS = "SELECT {0}, person_id, agency_id, roles, valid_from, valid_until FROM post"
QUERIES: dict[str, dict[str, str]] = {
    "signing": {
        "agencies": "SELECT id, identifier, name, seal_mm FROM agency",
        "people": "SELECT id, name, active FROM person",
        "posts": POSTS.format("id"),
        "authorities": "SELECT id, agency_id, person_id, post_id, valid_from, valid_until, withdrawn FROM authority",
        "certificates": "SELECT id, person_id, status FROM certificate",
    },
    "docs": {
        "people": "SELECT person_id, name, active FROM person",
        "posts": POSTS.format("post_id"),
        "titles": "SELECT post_id, title FROM post",
        "authorities": (
            "SELECT authority_id, agency_id, person_id, post_id, valid_from, valid_until, withdrawn FROM authority"
        ),
        "certificates": "SELECT certificate_id, person_id, status FROM certificate",
    },
    "notify": {
        "people": "SELECT person_id, name, active FROM person",
        "emails": "SELECT person_id, email FROM person",
        "posts": POSTS.format("post_id"),
        "certificates": "SELECT certificate_id, person_id, status FROM certificate",
    },
}


@dataclass(slots=True)
class Copy:
    """One service's own follower and database; `group` keeps its place in the log between its days at work."""

    service: str
    pool: db.Pool
    settings: Settings
    group: str

    @contextmanager
    def at_work(self) -> Iterator[None]:
        known = {
            "signing": lambda: signing_follower(SOURCE),
            "docs": lambda: docs_follower(SOURCE, ()),
            "notify": notify_follower,
        }[self.service]()
        topics = tuple(topic for topic in known.topics if topic.startswith("registry."))
        stop = threading.Event()
        consumer = KafkaConsumer(self.settings, self.pool, Follower(self.group, topics, known.handlers), stop=stop)
        thread = threading.Thread(target=consumer.run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def catch_up(self, moment: datetime) -> None:
        """Until heartbeats say that everything stated before `moment` is here, then leave."""
        wanted = [topic for topic in TOPICS if self.service != "notify" or topic != "registry.authority"]

        def there() -> bool:
            return all(self.as_of(topic) >= moment for topic in wanted)

        with self.at_work():
            until(there, bound=CAUGHT_UP, what=f"{self.service} to catch up")

    def as_of(self, topic: str) -> datetime:
        with db.transaction(self.pool) as tx:
            row = tx.execute("SELECT as_of FROM registry_copy WHERE topic = %s", [topic]).fetchone()
        found: datetime = row["as_of"] if row else datetime.min.replace(tzinfo=UTC)
        return found

    def picture(self, *, of: dict[str, Any]) -> dict[str, Any]:
        """What it knows of the things in `of`: the log of a test run holds other tests' states as well."""
        with db.transaction(self.pool) as tx:
            found = {name: _table(tx, query) for name, query in QUERIES[self.service].items()}
        return {name: {key: row for key, row in rows.items() if key in of[name]} for name, rows in found.items()}

    def expected(self, of: dict[str, Any]) -> dict[str, Any]:
        return {name: of[name] for name in QUERIES[self.service]}


@pytest.fixture
def copy(database: Callable[[str], Database], kafka: Kafka) -> Iterator[Callable[[str], Copy]]:
    pools: list[db.Pool] = []

    def make(service: str) -> Copy:
        conninfo = database(service).app
        pools.append(db.open_pool(conninfo))
        return Copy(service, pools[-1], settings_of(kafka, service, conninfo), f"{service}-{new_id()}")

    yield make
    for pool in pools:
        pool.close()
    telemetry.forget_heartbeats()


def log_of(kafka: Kafka, topic: str) -> Counter[bytes]:
    """How many records of each key the topic still holds."""
    consumer = Consumer(kafka.admin | {"group.id": "reader", "enable.auto.commit": False})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), 30)
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: Counter[bytes] = Counter()
        while (at := consumer.position([TopicPartition(topic, 0)])[0].offset) < end:
            for message in consumer.consume(500, 0.5):
                assert not message.error(), (at, message.error())
                found[message.key() or b""] += 1
    finally:
        consumer.close()
    return found


def compact(registry: Registry, *, before: int) -> int:
    """Wait until the cleaner has left fewer records than that on the four topics; how many they hold then.

    A segment is cleaned once it is closed, and it is closed by what comes next: each look sends a heartbeat.
    """
    held = 0

    def cleaned() -> bool:
        nonlocal held
        registry.publish()
        held = sum(sum(log_of(registry.kafka, topic).values()) for topic in TOPICS)
        return held < before

    until(cleaned, bound=COMPACTION, what="the topics to be compacted")
    return held


def test_one_from_nothing_and_one_that_was_away_a_week_end_with_the_same_picture(
    registry: Registry, copy: Callable[[str], Copy], kafka: Kafka
) -> None:
    registry.found(agencies=20, leaders=30)
    registry.live_on(200)
    first_week = datetime.now(UTC)
    registry.publish()
    away, forgotten = copy("signing"), copy("signing")
    for each in (away, forgotten):
        each.catch_up(first_week)
    then = registry.picture()
    assert away.picture(of=then) == away.expected(then)

    registry.found(agencies=5, leaders=10)
    registry.live_on(400)
    registry.publish()
    with db.transaction(away.pool) as tx:
        stale = copies.as_of(tx)
    with pytest.raises(Rejected, match="registry_copy_stale"):
        check_fresh(stale, datetime.now(UTC) + timedelta(days=7), 60)  # it knows how old its copy is, and signs nothing
    source = registry.picture()
    assert away.picture(of=source) != away.expected(source), "it was away"
    written = sum(sum(log_of(kafka, topic).values()) for topic in TOPICS)
    held = compact(registry, before=written * 2 // 3)

    # A broker forgets the place of a group that has been away for a week: it begins anew, with the old copy.
    admin = AdminClient(kafka.admin)  # must outlive the futures
    for future in admin.delete_consumer_groups([forgotten.group]).values():
        future.result(30)
    new = {service: copy(service) for service in QUERIES}
    moment = datetime.now(UTC)
    registry.publish()
    for each in (away, forgotten, *new.values()):
        each.catch_up(moment)
        assert each.picture(of=source) == each.expected(source), each.service
        with db.transaction(each.pool) as tx:
            parked = tx.execute("SELECT key FROM parked WHERE topic = ANY(%s)", [list(TOPICS)]).fetchall()
        assert not {row["key"] for row in parked} & {str(key) for rows in source.values() for key in rows}
    with db.transaction(away.pool) as tx:
        check_fresh(copies.as_of(tx), moment, 60)  # as fresh as when all was told, however long the others took
    assert {row[1] for row in source["certificates"].values()} >= {"active", "suspended", "revoked"}
    print(f"{registry.changes} changes, {written} records, {held} after compaction; five followers equal the source")  # noqa: T201
