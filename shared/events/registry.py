"""What registry states: agencies, people, signing authority, certificates. State topics: the last state of a key.

One partition each: a follower that starts from nothing reads a few thousand rows, and a heartbeat behind the last
change on the same topic proves how old its copy is.
"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.envelope import Act, Contract, Event, topic

EVERYONE = ("docs", "signing", "notify", "portal", "registry")
FOLLOWERS = ("docs", "signing", "notify", "portal")
AGENCY = topic("registry.agency", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
PERSON = topic("registry.person", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
AUTHORITY = topic("registry.authority", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
CERTIFICATE = topic("registry.certificate", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
ACT = topic("registry.act", "fact", stated_by="registry", followed_by=("docs",), partitions=6)

Role = Literal["clerk", "leader", "officer", "operator"]
Capacity = Literal["", "TM.", "Q.", "KT.", "TL.", "TUQ."]


class AgencyStated(Event, type="vn.vanthu.registry.agency.stated.v1", topic=AGENCY, key="agency_id"):
    """An agency as it is now. `partner` names the Kafka partner through which it is reached; none: it lives here."""

    agency_id: UUID
    identifier: str = Field(max_length=35)  # QĐ 20/2020 art. 4
    old_identifier: str | None = Field(default=None, max_length=13)  # QCVN 102:2016
    name: str
    parent_id: UUID | None = None
    level: Literal["province", "district", "commune", "outside"]
    partner: str | None = None
    email: str | None = None
    seal_mm: float = 36.0  # not fixed by law: a setting of the agency
    valid_from: date
    valid_until: date | None = None


class Post(Contract):
    """One post of a person: where, as what, with which roles, from when to when (both days included)."""

    post_id: UUID
    agency_id: UUID
    title: str
    unit: str | None = None
    roles: tuple[Role, ...]
    valid_from: date
    valid_until: date | None = None


class PersonStated(Event, type="vn.vanthu.registry.person.stated.v1", topic=PERSON, key="person_id"):
    """A person with all their posts. `active` false means: may do nothing any more, at once."""

    person_id: UUID
    name: str
    login: str
    email: str
    active: bool
    posts: tuple[Post, ...]


class AuthorityStated(Event, type="vn.vanthu.registry.authority.stated.v1", topic=AUTHORITY, key="authority_id"):
    """Who may sign for an agency, in which capacity (NĐ 30 art. 13), from when to when; no types means all types."""

    authority_id: UUID
    agency_id: UUID
    person_id: UUID
    post_id: UUID
    capacity: Capacity
    block: tuple[str, ...]  # the lines above the name, e.g. ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")
    document_types: tuple[str, ...] = ()
    valid_from: date
    valid_until: date | None = None
    withdrawn: bool = False


class CertificateStated(
    Event, type="vn.vanthu.registry.certificate.stated.v1", topic=CERTIFICATE, key="certificate_id"
):
    """A certificate registered here: a person's (token) or an agency's (seal key), and whether it may be used.

    `stage` says where it is in its life, more finely than `status`: issued, handed_over (both not yet to be used),
    active, suspended, renewed, revoked, expired, device_returned, device_lost. `renews` is the one that it comes after.
    """

    certificate_id: UUID
    kind: Literal["person", "seal"]
    person_id: UUID | None = None
    agency_id: UUID | None = None
    pem: str
    chain_pem: str
    spki_sha256: str
    serial: str
    not_before: AwareDatetime
    not_after: AwareDatetime
    status: Literal["active", "suspended", "revoked", "expired", "renewed"]
    reason: str | None = None
    stage: str | None = None
    renews: UUID | None = None


class Heartbeat(Event, type="vn.vanthu.registry.heartbeat.stated.v1", topic=AUTHORITY, key="name"):
    """Everything stated before this on the same topic is all there was to state at `as_of`.

    Published through the same outbox as the states, so a stuck relay shows as a stale copy. One key per topic.
    """

    name: Literal["heartbeat"] = "heartbeat"
    of: Literal["registry.agency", "registry.person", "registry.authority", "registry.certificate"]
    as_of: AwareDatetime

    @property
    def topic(self) -> str:
        return self.of


class RegistryAct(Act, type="vn.vanthu.registry.act.recorded.v1", topic=ACT, key="object_id"):
    """An act on the registry, for the ledger."""
