"""The contract with partners: one inbound, one outbound and one replies topic each.

Identity comes from the topic, since Kafka does not tell who produced; agencies are addressed by their national
identifiers; bytes travel over HTTP by digest, never in a message.
"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.envelope import Contract, Event, topic

INBOUND = topic("exchange.inbound.<partner>", "exchange", stated_by="<partner>", followed_by=("docs",), partitions=1)
OUTBOUND = topic("exchange.outbound.<partner>", "exchange", stated_by="docs", followed_by=("<partner>",), partitions=1)
REPLIES = topic("exchange.replies.<partner>", "exchange", stated_by="docs", followed_by=("<partner>",), partitions=1)


class AgencyRef(Contract):
    """An agency by its national identifier (QĐ 20/2020)."""

    identifier: str = Field(max_length=35)
    name: str


class File(Contract):
    """A file by digest. `href` is relative to the deployment's docs API; fetch and upload need the partner's token."""

    filename: str = Field(max_length=200)
    media_type: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    href: str | None = None


class Message(Contract):
    """What a document is to its reader, as in the edXML MessageHeader."""

    sender: AgencyRef
    type_code: str = Field(max_length=10)
    type_name: str = Field(max_length=100)
    number_symbol: str = Field(max_length=50)
    issued_on: date
    abstract: str = Field(max_length=500)
    urgency: int = Field(default=0, ge=0, le=4)
    signer_name: str = Field(max_length=100)
    files: tuple[File, ...] = Field(min_length=1)


class RelatedDocument(Contract):
    """What a document is to another one: `updates` or `replaces` one of the same sender, `answers` one that it got.
    `document_id` is the id of that other document's sender, as DocumentSent or DocumentDelivered gave it.
    """

    kind: Literal["updates", "replaces", "answers"]
    document_id: UUID
    number_symbol: str | None = Field(default=None, max_length=50)
    issued_on: date | None = None
    reason: str | None = Field(default=None, max_length=1000)


class DocumentSent(Event, type="vn.vanthu.exchange.document.sent.v1", topic=INBOUND, key="document_id"):
    """A partner sends a document to agencies of this deployment. The files were uploaded before."""

    document_id: UUID  # the partner's own id
    message: Message
    recipients: tuple[AgencyRef, ...] = Field(min_length=1)
    relations: tuple[RelatedDocument, ...] = ()  # at most 20


class StatusSent(Event, type="vn.vanthu.exchange.status.sent.v1", topic=INBOUND, key="delivery_id"):
    """A partner reports how a document that it got stands (01–06; 02 needs a reason). `reason_code` with 02: file_damaged,
    file_unreadable, signature_invalid, attachment_missing, metadata_wrong, wrong_recipient, duplicate, virus_found or
    type_not_taken says it in the sender's language; any other is taken as none.
    """

    delivery_id: UUID
    status: str = Field(pattern=r"^0[1-6]$")
    reason: str | None = Field(default=None, max_length=1000)
    staff: str = Field(max_length=100)
    at: AwareDatetime
    reason_code: str | None = Field(default=None, max_length=60)


class RecallSent(Event, type="vn.vanthu.exchange.recall.sent.v1", topic=INBOUND, key="delivery_id"):
    """A partner asks to take back what it sent (13). The answer comes as StatusReported: 15 agreed, the content is
    destroyed at the recipient; 16 refused, with the reason. After 16 it may be asked again.
    """

    delivery_id: UUID
    reason: str = Field(max_length=1000)
    staff: str = Field(max_length=100)
    at: AwareDatetime


class RecallAnswered(Event, type="vn.vanthu.exchange.recall.answered.v1", topic=INBOUND, key="delivery_id"):
    """A partner answers RecallRequested: it has destroyed the document (15), or refuses with a reason (16)."""

    delivery_id: UUID
    agreed: bool
    reason: str | None = Field(default=None, max_length=1000)
    staff: str = Field(max_length=100)
    at: AwareDatetime


class DocumentDelivered(Event, type="vn.vanthu.exchange.document.delivered.v1", topic=OUTBOUND, key="delivery_id"):
    """A document for an agency behind the partner."""

    delivery_id: UUID
    message: Message
    recipient: AgencyRef
    owes: tuple[str, ...] = ()  # what the signatures' proof lacks yet; DocumentRenewed follows
    document_id: UUID | None = None  # the sender's, which relations of later documents name
    relations: tuple[RelatedDocument, ...] = ()


class DocumentRenewed(Event, type="vn.vanthu.exchange.document.renewed.v1", topic=OUTBOUND, key="delivery_id"):
    """A better version of a delivered file: the same bytes with more proof of its signatures after them. Keep it instead;
    the earlier one stays valid and can still be fetched.
    """

    delivery_id: UUID
    file: File
    previous_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    level: str  # PAdES baseline level of the weakest signature
    owes: tuple[str, ...] = ()


class RecallRequested(Event, type="vn.vanthu.exchange.recall.requested.v1", topic=OUTBOUND, key="delivery_id"):
    """The sender asks to take a delivered document back (13): destroy it and answer with RecallAnswered, or refuse."""

    delivery_id: UUID
    reason: str
    at: AwareDatetime


class DeliveryUrged(Event, type="vn.vanthu.exchange.delivery.urged.v1", topic=OUTBOUND, key="delivery_id"):
    """The sender asks to get on with a delivered document, at most once a day."""

    delivery_id: UUID
    note: str | None = None
    at: AwareDatetime


class DeliveryRef(Contract):
    """Which delivery was made for which recipient."""

    recipient: AgencyRef
    delivery_id: UUID


class MessageAccepted(Event, type="vn.vanthu.exchange.message.accepted.v1", topic=REPLIES, key="message_id"):
    """The inbound message was taken in."""

    message_id: str
    document_id: UUID | None = None
    deliveries: tuple[DeliveryRef, ...] = ()


class MessageRejected(Event, type="vn.vanthu.exchange.message.rejected.v1", topic=REPLIES, key="message_id"):
    """The inbound message was refused whole; nothing of it was kept. `message_id` is topic:partition:offset when
    the message had no readable id.
    """

    message_id: str
    code: str
    detail_vi: str
    detail_en: str
    partition: int
    offset: int


class StatusReported(Event, type="vn.vanthu.exchange.status.reported.v1", topic=REPLIES, key="delivery_id"):
    """How a document that the partner sent stands at its recipient."""

    delivery_id: UUID
    document_id: UUID
    recipient: AgencyRef
    status: str
    reason: str | None = None
    reason_code: str | None = None
    at: AwareDatetime
    # With 15 and 16: what was asked, to take it back or to let a later document update or replace it.
    about: Literal["recall", "updates", "replaces"] | None = None


class ReceiptGiven(Event, type="vn.vanthu.exchange.receipt.given.v1", topic=REPLIES, key="delivery_id"):
    """The recipient's receipt under its own seal: proof of delivery that stands without this deployment. `text` names
    the files by digest; check it with `vanthu_verify.receipt`. Given again when its time stamp comes later.
    """

    delivery_id: UUID
    receipt_id: UUID
    text: str
    signature: str  # base64 of CMS SignedData, detached, over the UTF-8 bytes of the text
    stamped_at: AwareDatetime | None = None
