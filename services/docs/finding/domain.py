"""What of a document is found, and what may be asked for. Pure: how it is kept and found stands in store.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.docs.document import Document
from services.docs.finding import lexemes
from services.docs.incoming import Incoming
from services.docs.numbering import today

Kind = Literal["document", "incoming"]
MAX_RESULTS = 1000  # further pages are not turned by anybody: they ask more exactly


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found. `party`: whom it came from, or went to; `day`: of issue, submission or arrival."""

    agency_id: UUID
    id: UUID
    kind: Kind
    type_code: str
    type_name: str
    number_symbol: str | None
    abstract: str
    party: str
    signer: str
    state: str
    urgency: int
    day: date
    author: str = ""

    @property
    def about(self) -> str:
        """The words of its metadata, as a tsvector: number and abstract weigh most."""
        return lexemes.vector(
            (
                (self.number_symbol or "", "A"),
                (self.abstract, "A"),
                (self.type_name, "B"),
                (self.party, "C"),
                (self.signer, "C"),
                (self.author, "C"),
            )
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search: words, and what the documents must be."""

    words: str = ""
    kinds: tuple[Kind, ...] = ()
    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    urgent: bool = False
    since: date | None = None
    until: date | None = None
    by_rank: bool = True


def of_document(document: Document, recipients: str) -> Entry:
    """An outgoing document; `recipients` are the names of those who have it."""
    n = document.numbering
    return Entry(
        agency_id=document.agency_id,
        id=document.id,
        kind="document",
        type_code=document.type_code,
        type_name=document.type_name,
        number_symbol=n.number_symbol if n else document.symbol,
        abstract=document.abstract,
        party=recipients,
        signer=", ".join(s.name for s in document.signers),
        state=document.state,
        urgency=document.urgency,
        day=n.issued_on if n else today(document.submitted_at),
        author=document.author_name,
    )


def of_incoming(incoming: Incoming) -> Entry:
    """A document that arrived."""
    about = incoming.descriptor
    return Entry(
        agency_id=incoming.agency_id,
        id=incoming.id,
        kind="incoming",
        type_code=about.type_code,
        type_name=about.type_name,
        number_symbol=about.number_symbol,
        abstract=about.abstract,
        party=f"{incoming.sender.name} ({incoming.sender.identifier})",
        signer=incoming.signer_name,
        state=incoming.status,
        urgency=about.urgency,
        day=today(incoming.arrived_at),
    )
