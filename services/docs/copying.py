"""Copies and extracts that an agency certifies: sao y, sao lục, trích sao (NĐ 30, art. 25 and annex I, part II).

Which form may be made of what:
1. SY, sao y: of a paper, from its scan. An electronic document is not copied to an electronic one: it is sent as it is.
2. SL, sao lục: of a sao y, from its electronic file as it stands or from a scan of its paper.
3. TrS, trích sao: any part of any document, as a file made anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.docs import numbering, refusals_kinds
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.document import Document
from services.docs.incoming import COMPLETED, REGISTERED, Incoming
from services.docs.step import Step
from services.docs.terms import Original, Terms
from shared.errors import Rejected
from shared.events import Actor
from shared.events.docs import DocumentSubmitted, Part, Party, PrepareCopy

Form = Literal["SY", "SL", "TrS"]
MAX_ABSTRACT = 500


@dataclass(frozen=True, slots=True)
class Source:
    """What is copied; `certified` is the electronic file of a sao y, which alone may be copied as it stands."""

    original: Original
    certified: Part | None = None


def of_document(held: Document) -> Source:
    """A document that this agency issued."""
    number = held.numbering
    if held.state != "issued" or number is None:
        raise Rejected(refusals_kinds.COPY_SOURCE_NOT_READY)
    original = Original(held.agency.name, number.number_symbol, number.issued_on, held.abstract, document_id=held.id)
    return Source(original, held.issued_parts[0] if held.type_code == "SY" else None)


def of_incoming(held: Incoming) -> Source:
    """A document that arrived and was registered here."""
    about = held.descriptor
    if not REGISTERED <= held.status <= COMPLETED or about.number_symbol is None or about.issued_on is None:
        raise Rejected(refusals_kinds.COPY_SOURCE_NOT_READY)
    original = Original(about.agency_name, about.number_symbol, about.issued_on, about.abstract, incoming_id=held.id)
    return Source(original, held.parts[0] if about.type_code == "SY" else None)


def file_for(form: Form, source: Source | None, uploaded: Part | None) -> tuple[Original, Part]:
    """What is copied, and the file that the agency will sign; refuses a form that the decree does not know."""
    if source is None:
        raise Rejected(refusals_kinds.COPY_NEEDS_ORIGINAL)
    if form == "SL" and uploaded is None:
        if source.certified is None:
            raise Rejected(refusals_kinds.COPY_NOT_OF_A_COPY)
        return source.original, source.certified
    if uploaded is None:
        raise Rejected(refusals_kinds.COPY_NEEDS_FILE)
    return source.original, uploaded


def describe(form: Form, original: Original) -> str:
    """The abstract of a copy: what it is a copy of."""
    what = DOCUMENT_TYPES[form].vi
    day = f"{original.issued_on:%d/%m/%Y}"
    return f"{what} số {original.number_symbol} ngày {day} của {original.agency}: {original.abstract}"[:MAX_ABSTRACT]


@dataclass(frozen=True, slots=True)
class Clerk:
    """Who makes the copy, for which agency, under which policy of it (proof.Policy)."""

    agency: Party
    person_id: UUID
    name: str
    unchecked_allowed: bool = True


def make(
    copy_id: UUID, form: Form, symbol: str, *, original: Original, file: Part, clerk: Clerk, by: Actor, at: datetime
) -> Step[Document]:
    """It goes to signing, which looks whether the file can carry the agency's signature; then it gets its number."""
    kind = DOCUMENT_TYPES[form]
    part = Part(ordinal=0, kind="main", filename=file.filename, content=file.content)
    made = Document(
        id=copy_id,
        agency=clerk.agency,
        state="preparing",
        type_code=form,
        type_name=kind.vi,
        symbol=numbering.symbol_of(kind, symbol),
        abstract=describe(form, original),
        urgency=0,
        signers=(),
        reviews=(),
        parts=(part,),
        content=part.content,
        author_id=clerk.person_id,
        author_name=clerk.name,
        submitted_at=at,
        terms=Terms(original=original),
    )
    told = DocumentSubmitted(
        document_id=copy_id,
        agency_id=made.agency_id,
        descriptor=made.descriptor,
        parts=made.parts,
        signers=(),
        author_id=clerk.person_id,
        by=by,
        at=at,
    )
    order = PrepareCopy(
        document_id=copy_id,
        descriptor=made.descriptor,
        content=made.content,
        filename=part.filename,
        author_id=clerk.person_id,
        unchecked_allowed=clerk.unchecked_allowed,
        by=by,
        at=at,
    )
    return Step(made, "copy_made", by, at, detail=original.number_symbol, tell=(told, order))
