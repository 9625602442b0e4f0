"""The people of three agencies and a partner, and the facts that registry and signing state about them and their work."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from shared.events import Actor, BlobRef, Envelope, Event, encode, registry, signing
from shared.events.exchange import AgencyRef, DocumentSent, File, Message
from shared.ids import new_id
from shared.inbox import Record
from shared.tokens import Principal

SINCE = date(2020, 1, 1)
SIGNING = Actor(name="Vanthu", system="signing")
PARTNER = "motcua"

_counter = itertools.count(1)
_sequences: dict[tuple[str, str], int] = {}


def record(event: Event, *, topic: str | None = None, seq: int | None = None, event_id: UUID | None = None) -> Record:
    """The Kafka record that a relay would publish next for the event's key."""
    name = topic or event.topic
    if seq is None:
        seq = _sequences[name, event.key] = _sequences.get((name, event.key), 0) + 1
    envelope = Envelope(
        id=event_id or new_id(), source="urn:vanthu:test", seq=seq, time=datetime.now(UTC), data=event, topic=name
    )
    return Record(name, 0, next(_counter), event.key.encode(), encode(envelope), None)


@dataclass(frozen=True, slots=True)
class Person:
    """A person with one post in one agency."""

    name: str
    title: str
    agency_id: UUID
    roles: tuple[registry.Role, ...]
    unit: str | None = None
    person_id: UUID = field(default_factory=new_id)
    post_id: UUID = field(default_factory=new_id)

    @property
    def principal(self) -> Principal:
        return Principal(
            kind="person",
            name=self.name,
            roles=frozenset(self.roles),
            person_id=self.person_id,
            post_id=self.post_id,
            post=self.title,
            agency_id=self.agency_id,
        )

    def stated(self, *, active: bool = True, until: date | None = None) -> registry.PersonStated:
        post = registry.Post(
            post_id=self.post_id,
            agency_id=self.agency_id,
            title=self.title,
            unit=self.unit,
            roles=self.roles,
            valid_from=SINCE,
            valid_until=until,
        )
        return registry.PersonStated(
            person_id=self.person_id,
            name=self.name,
            login=f"login_{self.person_id.hex}",
            email="nguoi.dung@example.vn",
            active=active,
            posts=(post,),
        )


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency with a clerk, a leader who may sign, and an officer; a partner's agency has nobody here."""

    identifier: str
    name: str
    partner: str | None = None
    agency_id: UUID = field(default_factory=new_id)
    authority_id: UUID = field(default_factory=new_id)
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, role: str) -> Person:
        return self.people[role]

    @property
    def clerk(self) -> Person:
        return self.people["clerk"]

    @property
    def leader(self) -> Person:
        return self.people["leader"]

    @property
    def ref(self) -> AgencyRef:
        return AgencyRef(identifier=self.identifier, name=self.name)

    def stated(self) -> registry.AgencyStated:
        return registry.AgencyStated(
            agency_id=self.agency_id,
            identifier=self.identifier,
            name=self.name,
            level="outside" if self.partner else "commune",
            partner=self.partner,
            valid_from=SINCE,
        )

    def authority(self, **changed: Any) -> registry.AuthorityStated:
        stated = registry.AuthorityStated(
            authority_id=self.authority_id,
            agency_id=self.agency_id,
            person_id=self.leader.person_id,
            post_id=self.leader.post_id,
            capacity="TM.",
            block=("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
            valid_from=SINCE,
        )
        return stated.model_copy(update=changed)


def agency(identifier: str, name: str, partner: str | None = None) -> Agency:
    made = Agency(identifier, name, partner)
    if partner is None:
        made.people["clerk"] = Person("Nông Thị Thu Hằng", "Văn thư", made.agency_id, ("clerk",))
        made.people["second clerk"] = Person("Hoàng Văn Đức", "Chuyên viên", made.agency_id, ("clerk",))
        made.people["leader"] = Person("Lương Quốc Khánh", "Chủ tịch", made.agency_id, ("leader",))
        made.people["officer"] = Person("Vi Thị Nguyệt", "Cán bộ danh mục", made.agency_id, ("officer",))
    return made


def states_of(*agencies: Agency) -> list[Event]:
    """What registry states about them, and that this is all."""
    events: list[Event] = []
    for each in agencies:
        events.append(each.stated())
        events += [person.stated() for person in each.people.values()]
        if each.people:
            events.append(each.authority())
    return events + heartbeats(datetime.now(UTC))


def heartbeats(as_of: datetime) -> list[Event]:
    return [
        registry.Heartbeat(of="registry.agency", as_of=as_of),
        registry.Heartbeat(of="registry.person", as_of=as_of),
        registry.Heartbeat(of="registry.authority", as_of=as_of),
    ]


# --- signing


def blob(digit: str = "a", size: int = 9) -> BlobRef:
    return BlobRef(prefix="signing", sha256=digit * 64, size=size, media_type="application/pdf")


def prepared(document: UUID, leader: Person, content: BlobRef | None = None) -> signing.DocumentPrepared:
    return signing.DocumentPrepared(
        document_id=document,
        content=content or blob("a"),
        page_count=1,
        waits_for=leader.person_id,
        by=SIGNING,
        at=datetime.now(UTC),
    )


def signed(document: UUID, leader: Person, waits_for: UUID | None = None) -> signing.DocumentSigned:
    return signing.DocumentSigned(
        document_id=document,
        content=blob("b"),
        person_id=leader.person_id,
        signer_name=leader.name,
        certificate_serial="01",
        level="PAdES-BASELINE-T",
        waits_for=waits_for,
        by=Actor(person_id=leader.person_id, name=leader.name),
        at=datetime.now(UTC),
    )


def sealed(document: UUID, number: int, content: BlobRef | None = None) -> signing.DocumentSealed:
    return signing.DocumentSealed(
        document_id=document,
        content=content or blob("c"),
        number=number,
        level="PAdES-BASELINE-LTA",
        by=SIGNING,
        at=datetime.now(UTC),
    )


def refused(document: UUID, stage: Any) -> signing.DocumentRefused:
    return signing.DocumentRefused(
        document_id=document,
        stage=stage,
        code="pdf_xfa",
        reason_vi="Biểu mẫu XFA không ký được.",
        reason_en="An XFA form can't be signed.",
        by=SIGNING,
        at=datetime.now(UTC),
    )


def delayed(subject: UUID, stage: Any, code: str = "tsa_unavailable") -> signing.DocumentDelayed:
    return signing.DocumentDelayed(
        document_id=subject,
        stage=stage,
        code=code,
        reason_vi="Chưa liên hệ được dịch vụ cấp dấu thời gian.",
        reason_en="The time-stamping service does not answer.",
        by=SIGNING,
        at=datetime.now(UTC),
    )


def validated(
    incoming: UUID, agency_id: UUID, indication: Any = "TOTAL_PASSED", **more: Any
) -> signing.DocumentValidated:
    failed = indication == "TOTAL_FAILED"
    return signing.DocumentValidated(
        incoming_id=incoming,
        agency_id=agency_id,
        sha256="c" * 64,
        indication=indication,
        reason_vi="Tệp đã bị sửa sau khi ký." if failed else "Chữ ký hợp lệ.",
        reason_en="The file was changed after signing." if failed else "The signatures are valid.",
        by=SIGNING,
        at=datetime.now(UTC),
        **more,
    )


# --- a partner's messages


def sent(of: Agency, *recipients: AgencyRef, digest: str, size: int, **message: Any) -> DocumentSent:
    return DocumentSent(
        document_id=new_id(),
        message=Message(
            sender=of.ref,
            type_code="TTr",
            type_name="Tờ trình",
            number_symbol="07/TTr-TTHCC",
            issued_on=date(2026, 3, 2),
            abstract="Đề nghị bổ sung máy quét cho bộ phận một cửa",
            signer_name="Đinh Thị Lan",
            files=(File(filename="to-trinh.pdf", media_type="application/pdf", size=size, sha256=digest),),
        ).model_copy(update=message),
        recipients=recipients,
    )
