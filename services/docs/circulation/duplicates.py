"""Whether what arrived has arrived before: the same identifier, or the same number, symbol and agency (NĐ 30 annex VI)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.docs.circulation import refusals
from services.docs.delivery import ENDED
from shared.errors import Rejected

Likeness = Literal["identifier", "number"]


@dataclass(frozen=True, slots=True)
class Twin:
    """Another arrival that looks like the same document. `identifier`: agency, date, number and symbol are the same, or
    it is the same document of its sender; `number`: number, symbol and agency within the year, of another date.

    `hidden`: the reader may not know it; nothing of it is said but whom to ask.
    """

    incoming_id: UUID
    document_id: UUID
    number_symbol: str | None
    issued_on: date | None
    abstract: str
    status: str
    arrival_number: int | None
    arrived_at: datetime
    like: Likeness
    ask: str
    hidden: bool = False

    @property
    def spoken(self) -> str:
        if self.hidden:
            return f"một văn bản mà bạn không được xem (hỏi {self.ask})"
        number = f"số đến {self.arrival_number}" if self.arrival_number else "chưa vào sổ"
        return f"{self.number_symbol or self.abstract} ({number}, đến {self.arrived_at:%d/%m/%Y})"


def standing(twins: Sequence[Twin]) -> list[Twin]:
    """Those that count: what was refused or taken back may well come again."""
    return [each for each in twins if each.status not in ENDED]


def check_registration(twins: Sequence[Twin], *, despite: bool) -> None:
    """The register is not to hold one document twice unless the clerk says that it must."""
    registered = [each for each in standing(twins) if each.arrival_number is not None]
    if registered and not despite:
        raise Rejected(refusals.LOOKS_LIKE_DUPLICATE, which="; ".join(each.spoken for each in registered[:3]))
