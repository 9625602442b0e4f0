"""A paper, a mail or a scan that the clerk enters as an incoming document: it has an arrival number like any other, and
nobody at the other end to whom its status would be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.docs.incoming import REGISTERED, Incoming, Validation
from services.docs.step import Step
from shared.events import Actor
from shared.events.docs import Descriptor, Part, Party, ValidateDocument

SIGNATURE_MARK = b"/ByteRange"
NOT_SIGNED = "NO_SIGNATURE"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent it: an agency that the registry knows, or what the clerk reads on the paper."""

    party: Party

    @property
    def words(self) -> str:
        """By which it is compared with what arrived before."""
        return self.party.identifier or self.party.name


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the clerk reads on the document (NĐ 30 annex VI, incoming)."""

    sender: Sender
    number_symbol: str
    dated: date | None
    type_code: str
    type_name: str
    abstract: str
    urgency: int
    signer_name: str


def register(
    arrival: Arrival, parts: tuple[Part, ...], *, incoming_id: UUID, ids: tuple[UUID, UUID], receiver: Party,
    number: int, signed: bool, by: Actor, at: datetime,
) -> Step[Incoming]:  # fmt: skip
    """Entered with its arrival number at once. A file that carries signatures is validated, and the verdict is shown;
    it does not send the document back, since there is nowhere to send it. `ids` are new ones for the delivery and the
    document, which are known to nobody else.
    """
    delivery_id, document_id = ids
    made = Incoming(
        id=incoming_id,
        delivery_id=delivery_id,
        document_id=document_id,
        sender=arrival.sender.party,
        receiver=receiver,
        descriptor=_descriptor(arrival, receiver),
        signer_name=arrival.signer_name,
        parts=parts,
        arrived_at=at,
        status=REGISTERED,
        arrival_number=number,
        validation=None if signed else _unsigned(),
    )
    order = ValidateDocument(
        incoming_id=incoming_id,
        agency_id=made.agency_id,
        content=parts[0].content,
        annexes=tuple(part for part in parts[1:] if signed),
        by=by,
        at=at,
    )
    return Step(made, "registered_from_intake", by, at, detail=str(number), tell=(order,) if signed else ())


def _descriptor(arrival: Arrival, receiver: Party) -> Descriptor:
    sender = arrival.sender.party
    symbol = arrival.number_symbol.partition("/")[2] or arrival.number_symbol
    return Descriptor(
        # Of an agency that is not in the registry there is no id; the receiver's stands for "known here only".
        agency_id=sender.agency_id or receiver.agency_id or UUID(int=0),
        agency_identifier=sender.identifier,
        agency_name=sender.name,
        type_code=arrival.type_code,
        type_name=arrival.type_name,
        symbol=symbol,
        abstract=arrival.abstract,
        urgency=arrival.urgency,
        number_symbol=arrival.number_symbol,
        issued_on=arrival.dated,
    )


def _unsigned() -> Validation:
    return Validation(
        indication="INDETERMINATE",
        sub_indication=NOT_SIGNED,
        code=None,
        reason_vi="Tệp không có chữ ký số: văn bản giấy hoặc bản quét do văn thư đăng ký; tính xác thực dựa vào bản gốc.",
        reason_en="The file carries no digital signature: a paper or scan registered by the clerk; its original is the proof.",
        signatures=(),
        report=None,
    )
