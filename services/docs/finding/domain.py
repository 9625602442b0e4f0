"""What of a document is found, and what may be asked for. Pure: how it is kept and found stands in store.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal
from uuid import UUID

from services.docs.catalogue import ARRIVALS
from services.docs.document import Document
from services.docs.finding import lexemes
from services.docs.finding.lexemes import Text
from services.docs.incoming import Incoming
from services.docs.numbering import today

Kind = Literal["document", "incoming"]
Sort = Literal["relevance", "newest", "oldest", "number", "abstract", "party", "signer"]
LAYOUT = 1  # of an entry; entries of an earlier one are made again by the worker
DRAFTS = frozenset({"in_review", "returned", "refused"})  # states in which only the leading agency sees a document
MAX_RESULTS = 300  # counted and turned to: nobody turns to a sixteenth page, they ask more exactly, and lists take more
MAX_EXPORT = 5000
MAX_TEXT = 200_000  # characters of a document's files that are kept and searched
# Fields that are asked for by themselves, and the letters behind which their words stand in the index.
FIELDS: Mapping[str, str] = {
    "issuer": "i",
    "recipient": "r",
    "signer": "s",
    "author": "a",
    "handler": "h",
    "symbol": "y",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a document: its digest, and the digests of what it was before it was signed, which say the same."""

    ordinal: int
    sha256: str
    before: tuple[str, ...] = ()


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
    issuer: str = ""
    handler: str = ""
    register_code: str | None = None
    issued_on: date | None = None
    arrived_on: date | None = None
    arrival_number: int | None = None
    files: tuple[Source, ...] = ()

    @property
    def number(self) -> int | None:
        """That of the document, as its issuer counts."""
        digits = (self.number_symbol or "").partition("/")[0].strip()
        return int(digits) if digits.isdecimal() and len(digits) < 9 else None

    @property
    def texts(self) -> tuple[Text, ...]:
        """Its metadata as the index weighs it: number and abstract most."""
        out = self.kind == "document"
        return (
            Text(self.number_symbol or "", "A", FIELDS["symbol"]),
            Text(self.abstract, "A"),
            Text(self.type_name, "B"),
            Text(self.party, "C", FIELDS["recipient" if out else "issuer"]),
            # The reader's own agency would be found in everything that it issued: as a field only.
            Text("" if self.issuer == self.party else self.issuer, "C", FIELDS["issuer"], field_only=True),
            Text(self.signer, "C", FIELDS["signer"]),
            Text(self.author, "C", FIELDS["author"]),
            Text(self.handler, "C", FIELDS["handler"]),
        )

    @property
    def about(self) -> str:
        """The words of its metadata, as a tsvector."""
        return lexemes.vector(self.texts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search: words, and what the documents must be. Days from and until, both included."""

    words: str = ""
    kinds: tuple[Kind, ...] = ()
    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    registers: tuple[str, ...] = ()
    urgencies: tuple[int, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)  # by the names of FIELDS
    number: int | None = None
    arrival_number: int | None = None
    since: date | None = None
    until: date | None = None
    issued_since: date | None = None
    issued_until: date | None = None
    arrived_since: date | None = None
    arrived_until: date | None = None
    sort: Sort = "relevance"

    @property
    def fields_query(self) -> str | None:
        """The tsquery of the fields that are asked for."""
        found = (lexemes.of_field(FIELDS[name], typed) for name, typed in self.fields.items())
        return " & ".join(f"({each})" for each in found if each) or None

    @property
    def conditions(self) -> dict[str, Any]:
        """What is left to ask of the columns, as find_in_agency() takes it; what is not asked is not in it."""
        named = {
            "kind": list(self.kinds),
            "type": list(self.types),
            "state": list(self.states),
            "register": list(self.registers),
            "urgency": list(self.urgencies),
            "number": self.number,
            "arrival_number": self.arrival_number,
            **{name: _day(getattr(self, name)) for name in DAYS},
        }
        return {name: value for name, value in named.items() if value not in (None, [])}


DAYS = ("since", "until", "issued_since", "issued_until", "arrived_since", "arrived_until")


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


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
        issuer=f"{document.agency.name} ({document.agency.identifier})",
        register_code=n.register_code if n else None,
        issued_on=n.issued_on if n else None,
        files=tuple(_sources(document)),
    )


def _sources(document: Document) -> Iterator[Source]:
    """As submitted until it is issued, then as issued: in between only signatures are added."""
    submitted = {part.ordinal: part.content.sha256 for part in document.parts}
    for part in document.issued_parts if document.state == "issued" else document.parts:
        before = submitted.get(part.ordinal)
        same = before is None or before == part.content.sha256
        yield Source(part.ordinal, part.content.sha256, () if same or before is None else (before,))


def of_incoming(incoming: Incoming) -> Entry:
    """A document that arrived."""
    about = incoming.descriptor
    arrived = today(incoming.arrived_at)
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
        day=arrived,
        issuer=f"{about.agency_name} ({about.agency_identifier})",
        handler=incoming.assignee_name or "",
        register_code=ARRIVALS if incoming.arrival_number else None,
        issued_on=about.issued_on,
        arrived_on=arrived,
        arrival_number=incoming.arrival_number,
        files=tuple(Source(part.ordinal, part.content.sha256) for part in incoming.parts),
    )
