"""What registry states: agencies, people, signing authority, certificates. State topics: the last state of a key.

One partition each: a follower that starts from nothing reads a few thousand rows, and a heartbeat behind the last
change on the same topic proves how old its copy is.
"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.envelope import Act, BlobRef, Contract, Event, topic

EVERYONE = ("docs", "signing", "notify", "portal", "registry")
FOLLOWERS = ("docs", "signing", "notify", "portal")
AGENCY = topic("registry.agency", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
PERSON = topic("registry.person", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
AUTHORITY = topic("registry.authority", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
CERTIFICATE = topic("registry.certificate", "state", stated_by="registry", followed_by=FOLLOWERS, partitions=1)
# Whom to believe, and what their CAs last said of the certificates registered here: for whoever checks signatures.
TRUST = topic("registry.trust", "state", stated_by="registry", followed_by=("signing",), partitions=1)
REVOCATION = topic("registry.revocation", "state", stated_by="registry", followed_by=("signing",), partitions=1)
ACT = topic("registry.act", "fact", stated_by="registry", followed_by=("docs",), partitions=6)

Role = Literal["clerk", "leader", "officer", "operator"]
Capacity = Literal["", "TM.", "Q.", "KT.", "TL.", "TUQ."]


class FormerName(Contract):
    """What an agency was called, both days included: a document of such a day shows this name."""

    name: str
    valid_from: date
    valid_until: date


class FormerIdentifier(Contract):
    """An identifier that an agency had, of QĐ 20/2020 or (13 characters) of QCVN 102:2016; no other agency gets it."""

    identifier: str = Field(max_length=35)
    valid_from: date
    valid_until: date


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
    former_names: tuple[FormerName, ...] = ()
    former_identifiers: tuple[FormerIdentifier, ...] = ()
    predecessor_ids: tuple[UUID, ...] = ()  # it came after these by a merger or split
    successor_ids: tuple[UUID, ...] = ()


# What somebody does at a post, whatever it is called: heads the agency or a unit or stands in for who does, keeps its
# registers (văn thư), or is one of its specialists.
PostFunction = Literal["head", "deputy", "unit_head", "unit_deputy", "registrar", "specialist"]


class Post(Contract):
    """One post of a person: where, as what, with which roles, from when to when (both days included). `function`: none
    where nobody has said it; the title may tell.
    """

    post_id: UUID
    agency_id: UUID
    title: str
    unit: str | None = None
    unit_id: UUID | None = None
    roles: tuple[Role, ...]
    valid_from: date
    valid_until: date | None = None
    function: PostFunction | None = None


class PersonStated(Event, type="vn.vanthu.registry.person.stated.v1", topic=PERSON, key="person_id"):
    """A person with all their posts. `active` false means: may do nothing any more, at once."""

    person_id: UUID
    name: str
    login: str
    email: str
    active: bool
    posts: tuple[Post, ...]


class AbsenceStated(Event, type="vn.vanthu.registry.absence.stated.v1", topic=PERSON, key="absence_id"):
    """Somebody is away, both days included; stated again when they come back earlier. The reason stays in registry."""

    absence_id: UUID
    person_id: UUID
    valid_from: date
    valid_until: date


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
    # A delegated authority: from which one, whose, and the document that says so. It is stated as ended with its source.
    delegated_from: UUID | None = None
    delegated_by: UUID | None = None
    basis: str | None = None  # number and symbol, e.g. "12/GUQ-UBND"
    basis_on: date | None = None


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


class AnchorStated(Event, type="vn.vanthu.registry.anchor.stated.v1", topic=TRUST, key="fingerprint"):
    """A pinned root CA: for what it vouches, from when until when, or that it was withdrawn.

    `fingerprint` is the SHA-256 of the DER in lower-case hex. Purposes: sign_documents (people), seal_documents
    (agencies), time_stamps; a reader ignores those that it does not know.
    """

    fingerprint: str = Field(pattern=r"^[0-9a-f]{64}$")
    pem: str
    purposes: tuple[str, ...]
    trusted_from: AwareDatetime
    trusted_until: AwareDatetime | None = None
    withdrawn_at: AwareDatetime | None = None
    withdrawn_reason: str | None = None


class TrustConfirmed(Event, type="vn.vanthu.registry.trust.confirmed.v1", topic=TRUST, key="name"):
    """As Heartbeat, for `registry.trust`: a follower that has had none for a while believes no stated anchor."""

    name: Literal["heartbeat"] = "heartbeat"
    as_of: AwareDatetime


class RevocationDataStated(Event, type="vn.vanthu.registry.revocation.stated.v1", topic=REVOCATION, key="data_id"):
    """An OCSP answer or CRL that registry fetched ahead and verified; `content` lies in registry's blobs.

    `data_id` names the question: this certificate at its responder (OCSP), or this address (CRL). `kind` is ocsp or
    crl. `certificate_id` is set when an OCSP answer is about a certificate registered here, not about a CA's or TSA's.
    """

    data_id: str
    kind: str
    url: str
    certificate_id: UUID | None = None
    issuer_sha256: str  # of the issuing CA's certificate (DER)
    serial: str | None = None  # lower-case hex
    status: str | None = None  # good, revoked, unknown
    content: BlobRef
    this_update: AwareDatetime
    next_update: AwareDatetime
