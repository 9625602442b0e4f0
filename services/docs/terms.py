"""What belongs to a document beside its text: in which order it is signed, who issues it too, what it is a copy of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.docs.step import Reason
from shared.events.docs import Part, Party, Signer

SigningOrder = Literal["any", "fixed"]


@dataclass(frozen=True, slots=True)
class CoIssuer:
    """An agency that issues the document beside the one that leads. `reason`: why its seal waits or was refused."""

    agency: Party
    asked_by: str | None = None
    sealed_by: str | None = None
    sealed_at: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """What a copy or extract was made of; ids when it is a document of this agency or one that arrived here."""

    agency: str
    number_symbol: str
    issued_on: date
    abstract: str
    document_id: UUID | None = None
    incoming_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """`signed` are the authorities under which it was signed so far; `annexes` those in files of their own, signed by
    the agency.
    """

    signing_order: SigningOrder = "any"
    signed: tuple[UUID, ...] = ()
    co_issuers: tuple[CoIssuer, ...] = ()
    annexes: tuple[Part, ...] = ()
    original: Original | None = None

    def afresh(self) -> Terms:
        """For a new round: nothing is signed or sealed yet."""
        return replace(self, signed=(), annexes=(), co_issuers=tuple(CoIssuer(each.agency) for each in self.co_issuers))

    @property
    def seals_due(self) -> tuple[CoIssuer, ...]:
        return tuple(each for each in self.co_issuers if each.sealed_at is None)

    def co_issuer(self, agency_id: UUID | None) -> CoIssuer | None:
        return next((each for each in self.co_issuers if each.agency.agency_id == agency_id), None)

    def with_co_issuer(self, changed: CoIssuer) -> Terms:
        others = (changed if each.agency == changed.agency else each for each in self.co_issuers)
        return replace(self, co_issuers=tuple(others))

    def unsigned(self, signers: Sequence[Signer]) -> tuple[Signer, ...]:
        """Whose signature is due, in order."""
        return tuple(each for each in signers if each.authority_id not in self.signed)

    def may_sign(self, signers: Sequence[Signer]) -> tuple[Signer, ...]:
        """Whose turn it is: with a fixed order the next one's, else everybody's who has not signed."""
        due = self.unsigned(signers)
        return due[:1] if self.signing_order == "fixed" else due
