"""The exchange with partners: what a partner's message must hold, and the words in which ours go out.

Identity comes from the topic, so every claim in a message is checked against the partner that the topic belongs to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.docs import refusals
from services.docs.delivery import Asked
from services.docs.standing import Agency
from services.docs.text import clean
from shared.errors import Rejected
from shared.events import Actor, BlobRef
from shared.events.docs import DeliveryDispatched, Descriptor, Part, Party, Relation
from shared.events.exchange import AgencyRef, DocumentSent, File, Message

MAX_FILES, MAX_SENT_TO, MAX_RELATIONS = 50, 1000, 20  # of one message; what is made of each must fit into one event too
FILE_PATH = "/docs/v1/exchange/deliveries/{delivery_id}/files/{sha256}"


@dataclass(frozen=True, slots=True)
class SentDelivery:
    """A delivery that a partner made to an agency here, as the partner is told about it."""

    delivery_id: UUID
    partner: str
    document_id: UUID
    fingerprint: str
    recipient: AgencyRef
    status: str
    received_at: datetime
    sender: Party | None = None  # none of those from before this was kept
    receiver: Party | None = None
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class OutDelivery:
    """A delivery to an agency behind a partner, as that partner sees it."""

    delivery_id: UUID
    partner: str
    document_id: UUID
    sender: Party
    receiver: Party
    message: Message
    parts: tuple[Part, ...]
    status: str
    delivered_at: datetime
    later: tuple[Part, ...] = ()  # better versions of the parts, in the order in which they came
    asked: Asked | None = None

    def file(self, sha256: str) -> Part | None:
        return next((p for p in (*self.parts, *self.later) if p.content.sha256 == sha256), None)

    def newest(self, ordinal: int) -> Part:
        """How this part stands at the partner."""
        return next(p for p in (*reversed(self.later), *self.parts) if p.ordinal == ordinal)


def fingerprint(sent: DocumentSent) -> str:
    """The same document sent again has the same one; SHA-256, hex."""
    body = sent.model_dump(mode="json", exclude=None if sent.relations else {"relations"})
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read_sent(sent: DocumentSent) -> DocumentSent:
    """The message with its texts made NFC; Rejected(text_not_allowed) for blank ones and control characters,
    Rejected(too_many_entries) for more files or recipients than one message may name.
    """
    for what, entries, limit in (
        ("files", sent.message.files, MAX_FILES),
        ("recipients", sent.recipients, MAX_SENT_TO),
        ("relations", sent.relations, MAX_RELATIONS),
    ):
        if len(entries) > limit:
            raise Rejected(refusals.TOO_MANY_ENTRIES, what=what, count=len(entries), limit=limit)
    body = _cleaned(sent.model_dump(mode="json", exclude_none=True), "data")
    try:
        return DocumentSent.model_validate(body)
    except ValidationError as error:  # NFC makes a few letters longer
        where = "/".join(map(str, ("data", *error.errors()[0]["loc"])))
        raise Rejected(refusals.TEXT_NOT_ALLOWED, where=where) from error


def read_reason(reason: str | None) -> str | None:
    """A status report's reason as one clean line; a blank one is none."""
    if reason is None or not reason.strip():
        return None
    return str(_cleaned(reason, "data/reason"))


def _cleaned(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {k: _cleaned(v, f"{where}/{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [_cleaned(v, f"{where}/{n}") for n, v in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        text = clean(value)
    except ValueError as error:
        raise Rejected(refusals.TEXT_NOT_ALLOWED, where=where) from error
    if not text:
        raise Rejected(refusals.TEXT_NOT_ALLOWED, where=where)
    return text


def check_sender(sender: Agency | None, sent: DocumentSent, partner: str, day: date) -> Agency:
    """A partner speaks for its own agencies only."""
    if sender is None or sender.partner != partner or not sender.stands(day):
        raise Rejected(refusals.SENDER_NOT_YOURS, identifier=sent.message.sender.identifier)
    return sender


def check_local(recipients: Sequence[Agency]) -> None:
    away = [a.identifier for a in recipients if a.partner is not None]
    if away:
        raise Rejected(refusals.RECIPIENT_NOT_HERE, identifiers=", ".join(away))


def check_date(sent: DocumentSent, day: date) -> None:
    if sent.message.issued_on > day:
        raise Rejected(refusals.ISSUED_IN_FUTURE, day=sent.message.issued_on.isoformat())


def parts_of(files: Sequence[File], uploaded: Mapping[str, BlobRef]) -> tuple[Part, ...]:
    """The parts of an arrived document: bytes that the partner uploaded, by digest and size; the first is the main."""
    for file in files:
        found = uploaded.get(file.sha256)
        if found is None or found.size != file.size:
            raise Rejected(refusals.FILE_NOT_UPLOADED, sha256=file.sha256, size=file.size)
    return tuple(
        Part(ordinal=n, kind="annex" if n else "main", filename=file.filename, content=uploaded[file.sha256])
        for n, file in enumerate(files)
    )


def dispatched(
    sent: DocumentSent,
    *,
    delivery_id: UUID,
    sender: Agency,
    recipient: Agency,
    parts: tuple[Part, ...],
    relations: tuple[Relation, ...] = (),
    partner: str,
    at: datetime,
) -> DeliveryDispatched:
    """A partner's document as one of our deliveries: from here on it travels like any other."""
    message = sent.message
    number, _, symbol = message.number_symbol.partition("/")
    return DeliveryDispatched(
        delivery_id=delivery_id,
        document_id=sent.document_id,
        sender=sender.party,
        receiver=recipient.party,
        descriptor=Descriptor(
            agency_id=sender.agency_id,
            agency_identifier=sender.identifier,
            agency_name=sender.name,
            type_code=message.type_code,
            type_name=message.type_name,
            symbol=symbol or message.number_symbol,
            abstract=message.abstract,
            urgency=message.urgency,
            number=int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None,
            number_symbol=message.number_symbol,
            issued_on=message.issued_on,
        ),
        signer_name=message.signer_name,
        parts=parts,
        relations=relations,
        by=Actor(name=sender.name, agency_id=sender.agency_id, system=f"partner:{partner}"),
        at=at,
    )


def message_for_partner(fact: DeliveryDispatched) -> Message:
    """Our document in the partner's words; the files are fetched by `href` with the partner's token."""
    about = fact.descriptor
    if about.number_symbol is None or about.issued_on is None:
        raise ValueError("only issued documents are dispatched")
    return Message(
        sender=AgencyRef(identifier=fact.sender.identifier, name=fact.sender.name),
        type_code=about.type_code,
        type_name=about.type_name,
        number_symbol=about.number_symbol,
        issued_on=about.issued_on,
        abstract=about.abstract,
        urgency=about.urgency,
        signer_name=fact.signer_name,
        files=tuple(file_for_partner(part, fact.delivery_id) for part in fact.parts),
    )


def file_for_partner(part: Part, delivery_id: UUID) -> File:
    """A part by digest, with the address at which the partner fetches it."""
    return File(
        filename=part.filename,
        media_type=part.content.media_type,
        size=part.content.size,
        sha256=part.content.sha256,
        href=FILE_PATH.format(delivery_id=delivery_id, sha256=part.content.sha256),
    )
