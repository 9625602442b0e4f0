"""Facts as docs, signing and registry state them, about one document of one commune, and the records that carry them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from shared.events import Actor, BlobRef, Envelope, Event, docs, encode, registry, signing
from shared.ids import new_id
from shared.inbox import Record

NOW = datetime.now(UTC)
BLOB = BlobRef(prefix="docs", sha256="0" * 64, size=9, media_type="application/pdf")
_offsets = itertools.count()


def person(name: str, agency: UUID, /, *roles: registry.Role, **changed: Any) -> registry.PersonStated:
    person_id = new_id()
    post = registry.Post(post_id=new_id(), agency_id=agency, title="Văn thư", roles=roles, valid_from=date(2020, 1, 1))
    stated = registry.PersonStated(
        person_id=person_id,
        name=name,
        login=f"u{person_id.hex[-8:]}",
        email=f"u{person_id.hex[-8:]}@xa.example",
        active=True,
        posts=(post,),
    )
    return stated.model_copy(update=changed)


@dataclass(frozen=True)
class Story:
    """One document from submission to its status at the receiver, event by event."""

    agency: UUID = field(default_factory=new_id)
    receiver: UUID = field(default_factory=new_id)
    document: UUID = field(default_factory=new_id)
    delivery: UUID = field(default_factory=new_id)
    author: UUID = field(default_factory=new_id)
    leader: UUID = field(default_factory=new_id)
    by: Actor = field(default_factory=lambda: Actor(name="Lê Thị Hoa"))

    @property
    def descriptor(self) -> docs.Descriptor:
        return docs.Descriptor(
            agency_id=self.agency,
            agency_identifier="H01.01.02",
            agency_name="UBND xã Đông Hải",
            type_code="CV",
            type_name="Công văn",
            symbol="UBND-VX",
            abstract="V/v tổ chức hội nghị\nquý IV",
        )

    @property
    def issued_descriptor(self) -> docs.Descriptor:
        return self.descriptor.model_copy(update={"number": 12, "number_symbol": "12/UBND-VX"})

    def submitted(self, *reviewers: UUID) -> docs.DocumentSubmitted:
        return docs.DocumentSubmitted(
            by=self.by,
            at=NOW,
            document_id=self.document,
            agency_id=self.agency,
            descriptor=self.descriptor,
            parts=(),
            signers=(),
            reviewers=reviewers,
            author_id=self.author,
        )

    def returned(self, reason: str = "Sai thể thức mục 5b") -> docs.DocumentReturned:
        return docs.DocumentReturned(
            by=self.by,
            at=NOW,
            document_id=self.document,
            agency_id=self.agency,
            reason=reason,
            author_id=self.author,
        )

    def review(self, kind: type[Any], **more: Any) -> Any:
        """A fact about drafting and review."""
        title = "Công văn: V/v tổ chức hội nghị quý IV"
        return kind(by=self.by, at=NOW, document_id=self.document, agency_id=self.agency, title=title, **more)

    def workfile(self, kind: type[Any], **more: Any) -> Any:
        return kind(
            by=self.by,
            at=NOW,
            workfile_id=self.document,
            agency_id=self.agency,
            code="01.TCCB",
            title="Hồ sơ tuyển dụng",
            **more,
        )

    def prepared(self) -> signing.DocumentPrepared:
        return signing.DocumentPrepared(
            by=self.by, at=NOW, document_id=self.document, content=BLOB, page_count=1, waits_for=self.leader
        )

    def signed(self, waits_for: UUID | None = None) -> signing.DocumentSigned:
        return signing.DocumentSigned(
            by=self.by,
            at=NOW,
            document_id=self.document,
            content=BLOB,
            person_id=self.leader,
            signer_name="Trần Văn An",
            certificate_serial="01",
            level="PAdES-BASELINE-T",
            waits_for=waits_for,
        )

    def counter_sealed(self, *due: UUID) -> signing.DocumentCounterSealed:
        return signing.DocumentCounterSealed(
            by=self.by,
            at=NOW,
            document_id=self.document,
            agency_id=self.receiver,
            agency_name="Sở Tư pháp",
            content=BLOB,
            level="PAdES-BASELINE-T",
            lead_agency_id=self.agency,
            seals_due=due,
        )

    def refused(self, stage: Any = "prepare") -> signing.DocumentRefused:
        return signing.DocumentRefused(
            by=self.by,
            at=NOW,
            document_id=self.document,
            stage=stage,
            code="pdf_encrypted",
            reason_vi="Tệp có mật khẩu.",
            reason_en="The file has a password.",
        )

    def owing(self, *, final: bool = False) -> signing.DocumentOwing:
        return signing.DocumentOwing(
            document_id=self.document,
            level="PAdES-BASELINE-B",
            owes=("T",),
            since=NOW,
            final=final,
            code="debt_overdue",
            reason_vi="Máy chủ dấu thời gian chưa trả lời.",
            reason_en="The time-stamp server does not answer.",
            by=self.by,
            at=NOW,
        )

    def augmented(self, *, told: bool, owes: tuple[signing.Debt, ...] = ()) -> signing.DocumentAugmented:
        return signing.DocumentAugmented(
            document_id=self.document,
            content=BLOB,
            previous_sha256="c" * 64,
            level="PAdES-BASELINE-T",
            owes=owes,
            cause="debt",
            was_told=told,
            by=self.by,
            at=NOW,
        )

    def delayed(self, stage: Any = "seal", **more: Any) -> signing.DocumentDelayed:
        return signing.DocumentDelayed(
            by=self.by,
            at=NOW,
            document_id=self.document,
            stage=stage,
            **{
                "code": "tsa_away",
                "reason_vi": "Chưa lấy được dấu thời gian.",
                "reason_en": "No time stamp yet.",
                **more,
            },
        )

    def issued(self) -> docs.DocumentIssued:
        return docs.DocumentIssued(
            by=self.by,
            at=NOW,
            document_id=self.document,
            agency_id=self.agency,
            descriptor=self.issued_descriptor,
            content=BLOB,
            level="PAdES-BASELINE-LTA",
            author_id=self.author,
        )

    def dispatched(self, partner: str | None = None) -> docs.DeliveryDispatched:
        return docs.DeliveryDispatched(
            by=self.by,
            at=NOW,
            delivery_id=self.delivery,
            document_id=self.document,
            sender=self._party(self.agency, "UBND xã Đông Hải"),
            receiver=self._party(self.receiver, "Sở Nội vụ"),
            partner=partner,
            descriptor=self.issued_descriptor,
            signer_name="Trần Văn An",
            parts=(),
        )

    def status(self, status: str, **more: Any) -> docs.DeliveryStatusReported:
        return docs.DeliveryStatusReported(
            by=self.by,
            at=NOW,
            delivery_id=self.delivery,
            document_id=self.document,
            sender=self._party(self.agency, "UBND xã Đông Hải"),
            receiver=self._party(self.receiver, "Sở Nội vụ"),
            status=status,
            **more,
        )

    def chased(self, **more: Any) -> docs.DeliveryChased:
        return docs.DeliveryChased(
            by=self.by,
            at=NOW,
            delivery_id=self.delivery,
            document_id=self.document,
            sender=self._party(self.agency, "UBND xã Đông Hải"),
            receiver=self._party(self.receiver, "Sở Nội vụ"),
            status="03",
            **more,
        )

    def validated(self, indication: Any) -> signing.DocumentValidated:
        return signing.DocumentValidated(
            by=self.by,
            at=NOW,
            incoming_id=self.delivery,
            agency_id=self.receiver,
            sha256="0" * 64,
            indication=indication,
            reason_vi="Văn bản bị sửa sau khi ký.",
            reason_en="Changed after signing.",
        )

    @staticmethod
    def _party(agency: UUID, name: str) -> docs.Party:
        return docs.Party(agency_id=agency, identifier="H01", name=name)


def record(event: Event, seq: int = 1, **changed: Any) -> Record:
    """The event as Kafka brings it."""
    envelope = Envelope(id=new_id(), source="urn:vanthu:dev", seq=seq, time=NOW, data=event, topic=event.topic)
    envelope = replace(envelope, **changed)
    return Record(
        topic=event.topic,
        partition=0,
        offset=next(_offsets),
        key=event.key.encode(),
        value=encode(envelope),
        traceparent=None,
    )


def heartbeat() -> registry.Heartbeat:
    return registry.Heartbeat(of="registry.person", as_of=NOW)
