"""A small province, and registry's real application on a real database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.devpki.server import Running, running
from services.registry import directory, store, store_certificates, trust
from services.registry.__main__ import RegistrySettings, api
from services.registry.agency import Agency, AgencyFacts
from services.registry.authority import AuthorityFacts
from services.registry.ca_development import DevelopmentCA
from services.registry.directory import Desk
from services.registry.issuance import today
from services.registry.period import Period
from services.registry.person import Person, PersonFacts, Post
from services.registry.scope import EVERYWHERE
from shared import db, telemetry
from shared.events import Actor, Event, decode
from shared.events.registry import Role
from shared.ids import new_id
from shared.tokens import Principal
from tests.registry.keys import now
from tests.support.http import Issuer, client
from tests.support.postgres import Database

SOURCE = "urn:vanthu:test"
SINCE = date(2020, 7, 1)
OFFICER = Actor(name="Dương Thị Mai Hoa")


def agency_facts(identifier: str = "H37", **changes: Any) -> AgencyFacts:
    facts = AgencyFacts(
        identifier=identifier, name="Ủy ban nhân dân tỉnh Lạng Sơn", level="province", period=Period(SINCE)
    )
    return replace(facts, **changes)


def person_facts(login: str, name: str, *posts: Post, **changes: Any) -> PersonFacts:
    return replace(PersonFacts(name=name, login=login, email=f"{login}@langson.example", posts=posts), **changes)


def a_post(agency_id: UUID, *roles: Role, title: str = "Văn thư", **changes: Any) -> Post:
    return replace(Post(id=new_id(), agency_id=agency_id, title=title, roles=roles, period=Period(SINCE)), **changes)


def authority_facts(agency: Agency, person: Person, **changes: Any) -> AuthorityFacts:
    facts = AuthorityFacts(
        agency_id=agency.id,
        person_id=person.id,
        post_id=person.facts.posts[0].id,
        capacity="KT.",
        block=("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"),
        period=Period(SINCE),
    )
    return replace(facts, **changes)


@dataclass(frozen=True, slots=True)
class Province:
    """UBND tỉnh with officer, clerk and leader; one commune with a clerk."""

    ubnd: Agency
    commune: Agency
    officer: Person
    clerk: Person
    leader: Person
    commune_clerk: Person


def settle(desk: Desk) -> Province:
    ubnd = directory.establish_agency(desk, agency_facts())
    commune = directory.establish_agency(
        desk,
        agency_facts("H37.22.001", name="Ủy ban nhân dân xã Nà Mỏ", level="commune", parent_id=ubnd.id),
    )

    def enter(login: str, name: str, agency: Agency, *roles: Role) -> Person:
        return directory.enter_person(desk, person_facts(login, name, a_post(agency.id, *roles)))

    return Province(
        ubnd=ubnd,
        commune=commune,
        officer=enter("canbo", "Dương Thị Mai Hoa", ubnd, "officer"),
        clerk=enter("tham.nt", "Nông Thị Thắm", ubnd, "clerk"),
        leader=enter("nguyet.bth", "Bế Thị Hồng Nguyệt", ubnd, "leader"),
        commune_clerk=enter("diep.ptm", "Phùng Thị Mai Diệp", commune, "clerk"),
    )


@contextmanager
def province_wide(pool: db.Pool) -> Iterator[db.Tx]:
    """A transaction that sees every agency's rows."""
    with db.transaction(pool) as tx:
        store.act_within(tx, EVERYWHERE)
        yield tx


@dataclass(frozen=True, slots=True)
class Office:
    """Registry at work: its pool, its application served, and tokens as portal mints them."""

    pool: db.Pool
    settings: RegistrySettings
    http: httpx.Client
    issuer: Issuer
    province: Province

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        with province_wide(self.pool) as tx:
            yield Desk(tx, OFFICER, SOURCE)

    def headers(self, person: Person, *, key: str | None = None) -> dict[str, str]:
        """As this person at their first post; `key` is an Idempotency-Key."""
        post = person.facts.posts[0]
        who = Principal(
            kind="person",
            name=person.name,
            roles=frozenset(post.roles),
            person_id=person.id,
            post_id=post.id,
            post=post.title,
            agency_id=post.agency_id,
        )
        return self.bearer(who) | {"Idempotency-Key": key or str(new_id())}

    def bearer(self, who: Principal) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(who, 'registry')}"}

    @property
    def officer(self) -> dict[str, str]:
        return self.headers(self.province.officer)

    def stated(self, topic: str) -> list[Event]:
        """What waits in the outbox for a topic, oldest first."""
        with db.transaction(self.pool) as tx:
            rows = tx.execute("SELECT payload FROM outbox WHERE topic = %s ORDER BY pos", [topic]).fetchall()
        return [decode(bytes(row["payload"]), topic=topic).data for row in rows]

    def publish(self) -> None:
        """As the relay leaves the outbox when all is published."""
        with db.transaction(self.pool) as tx:
            tx.execute("DELETE FROM outbox")


@pytest.fixture
def registry_database(database: Callable[[str], Database]) -> Database:
    return database("registry")


@pytest.fixture
def pool(registry_database: Database) -> Iterator[db.Pool]:
    opened = db.open_pool(registry_database.app, max_size=8)
    yield opened
    opened.close()
    telemetry.forget_heartbeats()


@pytest.fixture
def desk(pool: db.Pool) -> Iterator[Desk]:
    """One transaction for tests of rules on tables; what is in it is rolled back."""
    with pool.connection() as tx:
        store.act_within(tx, EVERYWHERE)
        yield Desk(tx, OFFICER, SOURCE)
        tx.rollback()


@pytest.fixture(scope="session")
def pki() -> Iterator[Running]:
    """The development PKI, served over HTTP."""
    with running() as served:
        yield served


@pytest.fixture
def ca(pki: Running) -> DevelopmentCA:
    return DevelopmentCA(pki.url, lambda: pki.secret)


@pytest.fixture
def settings(registry_database: Database, pki: Running) -> RegistrySettings:
    return RegistrySettings.model_validate(
        {
            "service": "registry",
            "database": registry_database.app,
            "kafka": "127.0.0.1:1",
            "kafka_user": "registry",
            "kafka_password": "none",
            "blobs": "memory:///",
            "port": 0,
            "worker_port": 0,
            "source": SOURCE,
            "portal_url": "http://127.0.0.1:1",
            "devpki_url": pki.url,
            "devpki_secret": pki.secret,
            "network_timeout": 60.0,  # two busy cores carry the authority too
        }
    )


@pytest.fixture
def office(pool: db.Pool, settings: RegistrySettings, pki: Running) -> Iterator[Office]:
    issuer = Issuer()
    with db.transaction(pool) as tx:
        issuer.trust(tx)
        province = settle(Desk(tx, OFFICER, SOURCE))
        store_certificates.pin(tx, trust.read_anchor(text(pki.root_pem), now()))
    with client(api(settings, pool)) as http:
        yield Office(pool, settings, http, issuer, province)


def text(pem: str | bytes) -> str:
    return pem if isinstance(pem, str) else pem.decode()


def tomorrow() -> date:
    return date.fromordinal(today().toordinal() + 1)


def yesterday() -> date:
    return date.fromordinal(today().toordinal() - 1)
