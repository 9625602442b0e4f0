"""The life of a document's PDF from "approved" on: prepared, signed, numbered and sealed, or given back.

Pure rules over facts: no clock, no database, no PDF. What a signature needs of people and certificates stands in
`authority.py`, the two calls of a signature in `session.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.signing.refusals import (
    ALREADY_SEALED,
    NOT_AWAITING_SIGNATURE,
    NUMBER_MISMATCH,
    SEAL_BEFORE_SIGNATURE,
    SIGNATURE_UNDER_WAY,
)
from services.signing.refusals_seal import COUNTER_SEALS_MISSING, NOT_A_CO_ISSUER, NOT_YOUR_TURN
from shared.errors import Rejected
from shared.events import Actor, BlobRef
from shared.events.docs import CounterSealDocument, Descriptor, Part, PrepareCopy, PrepareDocument, SealDocument
from shared.events.signing import Debt, DocumentCounterSealed, DocumentPrepared, DocumentSealed, DocumentSigned

SYSTEM = Actor(name="Hệ thống ký số", system="signing")
COPIES = ("SY", "SL", "TrS")  # sao y, sao lục, trích sao: signed by the agency alone (NĐ 30, art. 25)


class State(StrEnum):
    """`completing`: a verified raw signature waits to be embedded. `refused` and `cancelled` end until a new order."""

    PREPARING = "preparing"
    AWAITING_SIGNATURE = "awaiting_signature"
    COMPLETING = "completing"
    SIGNED = "signed"
    SEALING = "sealing"
    SEALED = "sealed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who shall sign, `ordinal` from 1, in that order or in any (Terms); each signs what stands then."""

    ordinal: int
    person_id: UUID
    post_id: UUID
    authority_id: UUID
    name: str
    post: str
    capacity: str
    block: tuple[str, ...]
    signed_at: datetime | None = None
    certificate_serial: str | None = None
    for_agency_id: UUID | None = None  # a co-issuer's, whose authority they sign under; else the leading agency's

    def acts_for(self, lead: UUID) -> UUID:
        """The agency for which they sign."""
        return self.for_agency_id or lead

    def actor(self, agency_id: UUID) -> Actor:
        """As stated in facts: the person in the post and capacity in which they sign."""
        return Actor(
            person_id=self.person_id,
            name=self.name,
            post=self.post,
            agency_id=self.acts_for(agency_id),
            capacity=self.capacity or None,
        )


@dataclass(frozen=True, slots=True)
class Numbering:
    """Number and printed date, fixed by docs; `by` is the clerk who issues and seals in person (NĐ 30, art. 32), `at`
    when they did.
    """

    number: int
    number_symbol: str
    issued_on: date
    by: Actor
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CoIssuer:
    """An agency that issues the document beside the one that leads; `asked` is its clerk once they ordered its seal."""

    ordinal: int
    agency_id: UUID
    name: str
    asked: Actor | None = None
    sealed_at: datetime | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed beside who signs. `annexes` are in files of their own, `sealed_annexes` the same once signed."""

    fixed_order: bool = False
    annexes: tuple[Part, ...] = ()
    co_issuers: tuple[CoIssuer, ...] = ()
    sealed_annexes: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `content` is the newest revision; `numbered` says that it has fields for number and date.

    `delayed` is the code of the reason last stated for waiting, so that each is stated once.
    """

    id: UUID
    agency_id: UUID
    state: State
    descriptor: Descriptor
    filename: str
    author_id: UUID
    signers: tuple[Signer, ...]
    content: BlobRef
    ordered_at: datetime
    waiting_since: datetime
    page_count: int | None = None
    numbered: bool = False
    completing: UUID | None = None
    numbering: Numbering | None = None
    level: str | None = None
    delayed: str | None = None
    version: int = 1
    terms: Terms = field(default_factory=Terms)

    @property
    def is_copy(self) -> bool:
        """A copy or extract that the agency certifies; it has no signers."""
        return self.descriptor.type_code in COPIES

    @property
    def seals_due(self) -> tuple[CoIssuer, ...]:
        """Co-issuers whose seal is not on the document yet."""
        return tuple(each for each in self.terms.co_issuers if each.sealed_at is None)

    @property
    def may_sign(self) -> tuple[Signer, ...]:
        """Whose turn it is: everybody who has not signed or, with a fixed order, the first of them."""
        open_ = tuple(s for s in self.signers if s.signed_at is None)
        return open_[:1] if self.terms.fixed_order else open_

    def signer_of(self, person_id: UUID | None) -> Signer | None:
        """The first place still open for this person, else the one they have signed in, else None."""
        own = [s for s in self.signers if s.person_id == person_id]
        return next((s for s in own if s.signed_at is None), own[0] if own else None)

    @property
    def next_signer(self) -> Signer | None:
        return next((s for s in self.signers if s.signed_at is None), None)


def order(command: PrepareDocument) -> Document:
    """A document that docs orders to be prepared."""
    return Document(
        id=command.document_id,
        agency_id=command.descriptor.agency_id,
        state=State.PREPARING,
        descriptor=command.descriptor,
        filename=command.filename,
        author_id=command.author_id,
        signers=tuple(
            Signer(
                ordinal=n,
                person_id=s.person_id,
                post_id=s.post_id,
                authority_id=s.authority_id,
                name=s.name,
                post=s.post,
                capacity=s.capacity,
                block=s.block,
                for_agency_id=s.agency.agency_id if s.agency else None,
            )
            for n, s in enumerate(command.signers, start=1)
        ),
        content=command.content,
        ordered_at=command.at,
        waiting_since=command.at,
        terms=Terms(
            fixed_order=command.signing_order == "fixed",
            annexes=command.annexes,
            co_issuers=tuple(
                CoIssuer(n, party.agency_id, party.name)
                for n, party in enumerate(command.co_issuers, start=1)
                if party.agency_id is not None
            ),
        ),
    )


def order_copy(command: PrepareCopy) -> Document:
    """A copy or extract that the agency will certify; nobody signs it."""
    return Document(
        id=command.document_id,
        agency_id=command.descriptor.agency_id,
        state=State.PREPARING,
        descriptor=command.descriptor,
        filename=command.filename,
        author_id=command.author_id,
        signers=(),
        content=command.content,
        ordered_at=command.at,
        waiting_since=command.at,
    )


def order_again(document: Document, command: PrepareDocument) -> Document | None:
    """A new round after a return; None when this order changes nothing: an older one, or the document is sealed."""
    if command.at <= document.ordered_at or document.state in (State.SEALING, State.SEALED):
        return None
    return replace(order(command), version=document.version)


def prepared(
    document: Document, content: BlobRef, *, pages: int, numbered: bool, at: datetime
) -> tuple[Document, DocumentPrepared]:
    """The fields are in; the first signer is told, or of a copy its clerk."""
    after = replace(
        document,
        state=State.SIGNED if document.is_copy else State.AWAITING_SIGNATURE,
        content=content,
        page_count=pages,
        numbered=numbered,
        delayed=None,
        waiting_since=at,
    )
    return after, DocumentPrepared(
        by=SYSTEM,
        at=at,
        document_id=document.id,
        content=content,
        page_count=pages,
        waits_for=document.author_id if document.is_copy else document.signers[0].person_id,
        copy_of_paper=document.is_copy,
        may_sign=tuple(dict.fromkeys(signer.person_id for signer in after.may_sign)),
    )


def refuse(document: Document) -> Document:
    """What was ordered can't be done; what stood before stands."""
    back = {State.SEALING: State.SIGNED, State.COMPLETING: State.AWAITING_SIGNATURE}
    return replace(document, state=back.get(document.state, State.REFUSED), completing=None, delayed=None)


def delay(document: Document, code: str) -> Document:
    """It waits for the reason with this code, which has been stated."""
    return replace(document, delayed=code)


def open_place(document: Document, person_id: UUID | None) -> Signer:
    """The place in which this person may sign now; Rejected when there is none."""
    signer = document.signer_of(person_id)
    if document.state is State.COMPLETING:
        raise Rejected(SIGNATURE_UNDER_WAY)
    if document.state is not State.AWAITING_SIGNATURE or signer is None or signer.signed_at is not None:
        raise Rejected(NOT_AWAITING_SIGNATURE)
    if signer not in document.may_sign:
        raise Rejected(NOT_YOUR_TURN, name=document.may_sign[0].name)
    return signer


def begin_completion(document: Document, preparation_id: UUID) -> Document:
    """A verified signature is to be embedded; nobody else's is until that is done."""
    return replace(document, state=State.COMPLETING, completing=preparation_id)


def signed(
    document: Document,
    ordinal: int,
    content: BlobRef,
    *,
    serial: str,
    level: str,
    at: datetime,
    cached_as_of: datetime | None = None,
    owes: tuple[Debt, ...] = (),
) -> tuple[Document, DocumentSigned]:
    """A signature stands in the PDF at `level`. `cached_as_of`: the CA's word was read from kept data.

    `owes` is what all signatures together still lack (longevity.py).
    """
    signers = tuple(
        replace(s, signed_at=at, certificate_serial=serial) if s.ordinal == ordinal else s for s in document.signers
    )
    signer = signers[ordinal - 1]
    after = replace(
        document,
        signers=signers,
        content=content,
        completing=None,
        level=level,
        delayed=None,
        waiting_since=at,
    )
    waiting = after.next_signer
    after = replace(after, state=State.AWAITING_SIGNATURE if waiting else State.SIGNED)
    return after, DocumentSigned(
        by=signer.actor(document.agency_id),
        at=at,
        document_id=document.id,
        content=content,
        person_id=signer.person_id,
        signer_name=signer.name,
        certificate_serial=serial,
        level=level,
        waits_for=waiting.person_id if waiting else None,
        authority_id=signer.authority_id,
        seals_due=() if waiting else tuple(each.agency_id for each in after.seals_due),
        cached_revocation_as_of=cached_as_of,
        owes=owes,
    )


def order_seal(document: Document, command: SealDocument) -> Document:
    """Take up docs' number; Rejected unless everybody has signed (NĐ 30, art. 32.2). Repeating it changes nothing."""
    numbering = Numbering(command.number, command.number_symbol, command.issued_on, command.by, command.at)
    if document.state in (State.SEALING, State.SEALED) and document.numbering is not None:
        if document.numbering.number != command.number:
            raise Rejected(ALREADY_SEALED, number=document.numbering.number_symbol)
        return document
    if document.state is not State.SIGNED:
        raise Rejected(SEAL_BEFORE_SIGNATURE)
    if document.seals_due:
        raise Rejected(COUNTER_SEALS_MISSING, names=", ".join(each.name for each in document.seals_due))
    if _leading_number(command.number_symbol) != command.number or command.agency_id != document.agency_id:
        raise Rejected(NUMBER_MISMATCH, number=command.number, symbol=command.number_symbol)
    terms = replace(document.terms, annexes=command.parts or document.terms.annexes)
    return replace(document, state=State.SEALING, numbering=numbering, terms=terms)


def order_counter_seal(document: Document, command: CounterSealDocument) -> tuple[Document, CoIssuer]:
    """A co-issuer's clerk wants their agency's seal on it; asking again changes nothing.

    Rejected unless everybody has signed and the number is not taken yet: it is the leading agency's to give, last.
    """
    own = next((each for each in document.terms.co_issuers if each.agency_id == command.co_agency_id), None)
    if own is None or command.agency_id != document.agency_id:
        raise Rejected(NOT_A_CO_ISSUER)
    if own.sealed_at is not None:
        return document, own
    if document.state is not State.SIGNED:
        raise Rejected(SEAL_BEFORE_SIGNATURE)
    asked = own if own.asked else replace(own, asked=command.by, asked_at=command.at)
    return _with_co_issuer(document, asked), asked


def counter_sealed(
    document: Document,
    agency_id: UUID,
    content: BlobRef,
    *,
    level: str,
    at: datetime,
    cached_as_of: datetime | None = None,
) -> tuple[Document, DocumentCounterSealed]:
    """A co-issuer's seal stands. `cached_as_of` as above."""
    own = next(each for each in document.terms.co_issuers if each.agency_id == agency_id)
    if own.asked is None or document.state is not State.SIGNED:
        raise Rejected(SEAL_BEFORE_SIGNATURE)
    after = replace(_with_co_issuer(document, replace(own, sealed_at=at)), content=content, level=level, delayed=None)
    return after, DocumentCounterSealed(
        by=own.asked,
        at=at,
        document_id=document.id,
        agency_id=agency_id,
        agency_name=own.name,
        content=content,
        level=level,
        lead_agency_id=document.agency_id,
        seals_due=tuple(each.agency_id for each in after.seals_due),
        cached_revocation_as_of=cached_as_of,
    )


def forget_counter_seal(document: Document, agency_id: UUID) -> Document:
    """The order for this agency's seal came to nothing; its clerk may ask again."""
    own = next(each for each in document.terms.co_issuers if each.agency_id == agency_id)
    return replace(_with_co_issuer(document, replace(own, asked=None, asked_at=None)), delayed=None)


def _with_co_issuer(document: Document, changed: CoIssuer) -> Document:
    others = (changed if each.ordinal == changed.ordinal else each for each in document.terms.co_issuers)
    return replace(document, terms=replace(document.terms, co_issuers=tuple(others)))


def check_seal(document: Document) -> Numbering:
    """The policy under which the seal key may be used: a number from docs, and every signature stands."""
    unsigned = not document.signers or document.next_signer is not None or document.seals_due
    if document.numbering is None or (unsigned and not document.is_copy):
        raise Rejected(SEAL_BEFORE_SIGNATURE)
    return document.numbering


def sealed(
    document: Document,
    content: BlobRef,
    *,
    level: str,
    at: datetime,
    cached_as_of: datetime | None = None,
    owes: tuple[Debt, ...] = (),
    annexes: tuple[Part, ...] = (),
) -> tuple[Document, DocumentSealed]:
    """Number, date and seal stand, at the best level that could be had. `cached_as_of` and `owes` as above; `annexes` as
    signed.
    """
    numbering = check_seal(document)
    after = replace(
        document,
        state=State.SEALED,
        content=content,
        level=level,
        delayed=None,
        waiting_since=at,
        terms=replace(document.terms, sealed_annexes=annexes),
    )
    return after, DocumentSealed(
        by=numbering.by,
        at=at,
        document_id=document.id,
        content=content,
        number=numbering.number,
        level=level,
        cached_revocation_as_of=cached_as_of,
        parts=annexes,
        owes=owes,
    )


def cancel(document: Document, at: datetime) -> Document | None:
    """Returned by docs at `at`; None when that was before the standing order, or too late."""
    if at < document.ordered_at or document.state in (State.SEALING, State.SEALED, State.CANCELLED):
        return None
    return replace(document, state=State.CANCELLED, completing=None, delayed=None)


def void(document: Document, number: int) -> Document | None:
    """The clerk gave this number up: a seal not yet made is not made; None when nothing changes."""
    if document.numbering is None or document.numbering.number != number:
        return None
    if document.state in (State.SIGNED, State.SEALING):
        return replace(document, state=State.SIGNED, numbering=None, delayed=None)
    return replace(document, state=State.CANCELLED) if document.state is State.SEALED else None


def _leading_number(symbol: str) -> int:
    """The number at the head of "05/UBND-VX"; 0 when there is none."""
    head = symbol.partition("/")[0].strip()
    return int(head) if head.isdecimal() else 0
