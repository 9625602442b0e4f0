"""The exchange contract, v1, as a partner sees it: what stands in `data` of the CloudEvents on its three topics.

Agencies are addressed by their national identifiers; files travel over HTTP by SHA-256, never in a message.
"""

from __future__ import annotations

from datetime import date
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


class DocumentSent(_Value):
    """You send: a document to agencies of the deployment, its files uploaded before."""

    document_id: UUID
    message: Message
    recipients: tuple[Agency, ...] = Field(min_length=1)


class StatusSent(_Value):
    """You send: how a document that you got stands (01 arrived … 06 done; 02 refused needs a reason)."""

    delivery_id: UUID
    status: str = Field(pattern=r"^0[1-6]$")
    reason: str | None = Field(default=None, max_length=1000)
    staff: str = Field(max_length=100)
    at: AwareDatetime


class DocumentDelivered(_Value):
    """You get, on outbound: a document for an agency behind you."""

    delivery_id: UUID
    message: Message
    recipient: Agency
    owes: tuple[str, ...] = ()  # what the signatures' proof lacks yet: a DocumentRenewed follows


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


TYPES: dict[str, type[_Value]] = {
    f"{PREFIX}document.sent.v1": DocumentSent,
    f"{PREFIX}status.sent.v1": StatusSent,
    f"{PREFIX}document.delivered.v1": DocumentDelivered,
    f"{PREFIX}document.renewed.v1": DocumentRenewed,
    f"{PREFIX}message.accepted.v1": MessageAccepted,
    f"{PREFIX}message.rejected.v1": MessageRejected,
    f"{PREFIX}status.reported.v1": StatusReported,
}
NAMES = {model: name for name, model in TYPES.items()}
