"""The exchange contract, v1, as a partner sees it: what stands in `data` of the CloudEvents on its three topics.

Agencies are addressed by their national identifiers; files travel over HTTP by SHA-256, never in a message.
"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

PREFIX = "vn.vanthu.exchange."


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # v1 may gain optional fields


class Agency(_Value):
    """An agency by its national identifier (QĐ 20/2020/QĐ-TTg)."""

    identifier: str = Field(max_length=35)
    name: str


class File(_Value):
    """A file by digest; `href` is relative to the docs service of the deployment."""

    filename: str = Field(max_length=200)
    media_type: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    href: str | None = None


class Message(_Value):
    """What a document is to its reader."""

    sender: Agency
    type_code: str = Field(max_length=10)
    type_name: str = Field(max_length=100)
    number_symbol: str = Field(max_length=50)
    issued_on: date
    abstract: str = Field(max_length=500)
    urgency: int = Field(default=0, ge=0, le=4)
    signer_name: str = Field(max_length=100)
    files: tuple[File, ...] = Field(min_length=1)


class RelatedDocument(_Value):
    """What a document is to another: it updates or replaces an earlier one of its sender, or answers one that it got."""

    kind: Literal["updates", "replaces", "answers"]
    document_id: UUID
    number_symbol: str | None = Field(default=None, max_length=50)
    issued_on: date | None = None
    reason: str | None = Field(default=None, max_length=1000)


class DocumentSent(_Value):
    """You send: a document to agencies of the deployment, its files uploaded before."""

    document_id: UUID
    message: Message
    recipients: tuple[Agency, ...] = Field(min_length=1)
    relations: tuple[RelatedDocument, ...] = ()


class StatusSent(_Value):
    """You send: how a document that you got stands (01 arrived … 06 done; 02 refused needs a reason). With 02 a
    `reason_code` (file_damaged, file_unreadable, signature_invalid, attachment_missing, metadata_wrong, wrong_recipient,
    duplicate, virus_found, type_not_taken) is told to the sender's clerks in their language, your reason as you wrote it.
    """

    delivery_id: UUID
    status: str = Field(pattern=r"^0[1-6]$")
    reason: str | None = Field(default=None, max_length=1000)
    staff: str = Field(max_length=100)
    at: AwareDatetime
    reason_code: str | None = Field(default=None, max_length=60)


class RecallSent(_Value):
    """You send: you take back what you sent; the answer comes as StatusReported, 15 agreed or 16 refused."""

    delivery_id: UUID
    reason: str = Field(max_length=1000)
    staff: str = Field(max_length=100)
    at: AwareDatetime


class RecallAnswered(_Value):
    """You send: your answer to RecallRequested. Agreed means that you have destroyed the document; a refusal needs a reason."""

    delivery_id: UUID
    agreed: bool
    reason: str | None = Field(default=None, max_length=1000)
    staff: str = Field(max_length=100)
    at: AwareDatetime


class RecallRequested(_Value):
    """You get, on outbound: the sender asks to take a delivered document back."""

    delivery_id: UUID
    reason: str
    at: AwareDatetime


class DeliveryUrged(_Value):
    """You get, on outbound: the sender asks to get on with a delivered document."""

    delivery_id: UUID
    note: str | None = None
    at: AwareDatetime


class ReceiptGiven(_Value):
    """You get, on replies: the recipient's receipt under its own seal; `vanthu_verify.receipt` checks it without anybody."""

    delivery_id: UUID
    receipt_id: UUID
    text: str
    signature: str
    stamped_at: AwareDatetime | None = None


class DocumentDelivered(_Value):
    """You get, on outbound: a document for an agency behind you."""

    delivery_id: UUID
    message: Message
    recipient: Agency
    owes: tuple[str, ...] = ()  # what the signatures' proof lacks yet: a DocumentRenewed follows
    document_id: UUID | None = None  # the sender's, which relations of later documents name
    relations: tuple[RelatedDocument, ...] = ()


class DocumentRenewed(_Value):
    """You get, on outbound: a better version of a delivered file, the same bytes with more proof of its signatures."""

    delivery_id: UUID
    file: File
    previous_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    level: str
    owes: tuple[str, ...] = ()


class Delivery(_Value):
    """Which delivery was made for which recipient."""

    recipient: Agency
    delivery_id: UUID


class MessageAccepted(_Value):
    """You get, on replies: your message was taken in."""

    message_id: str
    document_id: UUID | None = None
    deliveries: tuple[Delivery, ...] = ()


class MessageRejected(_Value):
    """You get, on replies: your message was refused whole, and why; nothing of it was kept."""

    message_id: str
    code: str
    detail_vi: str
    detail_en: str
    partition: int
    offset: int


class StatusReported(_Value):
    """You get, on replies: how a document that you sent stands at its recipient."""

    delivery_id: UUID
    document_id: UUID
    recipient: Agency
    status: str
    reason: str | None = None
    reason_code: str | None = None
    at: AwareDatetime
    about: Literal["recall", "updates", "replaces"] | None = None  # with 15 and 16: what was asked


TYPES: dict[str, type[_Value]] = {
    f"{PREFIX}document.sent.v1": DocumentSent,
    f"{PREFIX}status.sent.v1": StatusSent,
    f"{PREFIX}recall.sent.v1": RecallSent,
    f"{PREFIX}recall.answered.v1": RecallAnswered,
    f"{PREFIX}recall.requested.v1": RecallRequested,
    f"{PREFIX}delivery.urged.v1": DeliveryUrged,
    f"{PREFIX}receipt.given.v1": ReceiptGiven,
    f"{PREFIX}document.delivered.v1": DocumentDelivered,
    f"{PREFIX}document.renewed.v1": DocumentRenewed,
    f"{PREFIX}message.accepted.v1": MessageAccepted,
    f"{PREFIX}message.rejected.v1": MessageRejected,
    f"{PREFIX}status.reported.v1": StatusReported,
}
NAMES = {model: name for name, model in TYPES.items()}
