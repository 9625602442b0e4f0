"""The life of an outgoing document: submitted, reviewed, prepared, signed, numbered, sealed, issued.

Every function takes the document as it stands and returns the step to make, or None when that very thing has been
done already (a second click, a late event): nothing happens then. What is not allowed is Rejected.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.docs import numbering, refusals, refusals_kinds
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.numbering import Numbering
from services.docs.step import Reason, Step
from services.docs.terms import Terms
from shared.errors import Rejected
from shared.events import Actor, BlobRef, Event, signing
from shared.events.docs import (
    Descriptor,
    DocumentApproved,
    DocumentIssued,
    DocumentNumbered,
    DocumentReturned,
    DocumentSubmitted,
    NumberVoided,
    Part,
    Party,
    PrepareDocument,
    SealDocument,
    Signer,
)

State = Literal[
    "in_review", "preparing", "awaiting_signature", "signed", "sealing", "issued", "returned", "refused", "voided"
]


@dataclass(frozen=True, slots=True)
class Review:
    """One reviewer and whether they have approved."""

    person_id: UUID
    name: str
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A document of one agency. `content` is the current bytes of the main part, `parts` are what was submitted."""

    id: UUID
    agency: Party
    state: State
    type_code: str
    type_name: str
    symbol: str
    abstract: str
    urgency: int
    signers: tuple[Signer, ...]
    reviews: tuple[Review, ...]
    parts: tuple[Part, ...]
    content: BlobRef
    author_id: UUID
    author_name: str
    submitted_at: datetime
    level: str | None = None
    owes: tuple[signing.Debt, ...] = ()
    waits_for: UUID | None = None
    state_reason: Reason | None = None
    numbering: Numbering | None = None
    unchecked_allowed: bool = True  # the agency's policy of now, for the order to sign; not kept
    version: int = 0
    terms: Terms = field(default_factory=Terms)

    @property
    def agency_id(self) -> UUID:
        if self.agency.agency_id is None:
            raise ValueError("an own document's agency lives here")
        return self.agency.agency_id

    @property
    def descriptor(self) -> Descriptor:
        n = self.numbering
        return Descriptor(
            agency_id=self.agency_id,
            agency_identifier=self.agency.identifier,
            agency_name=self.agency.name,
            type_code=self.type_code,
            type_name=self.type_name,
            symbol=self.symbol,
            abstract=self.abstract,
            urgency=self.urgency,
            number=n.number if n else None,
            number_symbol=n.number_symbol if n else None,
            issued_on=n.issued_on if n else None,
        )

    @property
    def issued_parts(self) -> tuple[Part, ...]:
        """The parts as they are sent: the sealed main part and the annexes, which the agency signed too."""
        return (self.parts[0].model_copy(update={"content": self.content}), *(self.terms.annexes or self.parts[1:]))

    @property
    def is_copy(self) -> bool:
        """A copy or extract that the agency certifies; nobody signs it (NĐ 30 art. 25)."""
        kind = DOCUMENT_TYPES.get(self.type_code)
        return kind is not None and kind.copy

    @property
    def signed_for(self) -> str:
        """Whose name a recipient reads: the first signer's, of a copy the agency's."""
        return self.signers[0].name if self.signers else self.agency.name


# --- the clerk's and reviewers' acts


def submit(draft: Document, by: Actor, at: datetime, *, routed: bool = False) -> Step[Document]:
    """A draft enters: with reviewers, or on a workflow's route (`routed`), it waits for them; without it goes on to
    signing at once.
    """
    return _enter(draft, "submitted", by, at, routed=routed)


def resubmit(document: Document, revised: Document, by: Actor, at: datetime, *, routed: bool = False) -> Step[Document]:
    """A returned or refused document comes again with new parts; of its earlier reviews those count that its route keeps."""
    if document.state not in ("returned", "refused"):
        raise Rejected(refusals.NOT_RETURNED)
    if document.is_copy:
        raise Rejected(refusals_kinds.COPY_NOT_RESUBMITTED)
    anew = tuple(replace(r, approved=False) for r in revised.reviews)
    return _enter(revised if routed else replace(revised, reviews=anew), "resubmitted", by, at, routed=routed)


def _enter(draft: Document, act: str, by: Actor, at: datetime, *, routed: bool) -> Step[Document]:
    clean = replace(draft, state_reason=None, waits_for=None, level=None, owes=(), terms=draft.terms.afresh())
    fact = DocumentSubmitted(
        document_id=draft.id,
        agency_id=draft.agency_id,
        descriptor=draft.descriptor,
        parts=draft.parts,
        signers=draft.signers,
        reviewers=tuple(r.person_id for r in draft.reviews if not r.approved),
        author_id=draft.author_id,
        by=by,
        at=at,
    )
    if draft.reviews or routed:
        return Step(replace(clean, state="in_review"), act, by, at, tell=(fact,))
    return Step(replace(clean, state="preparing"), act, by, at, tell=(fact, *_approved(clean, by, at)))


def _approved(document: Document, by: Actor, at: datetime) -> tuple[Event, ...]:
    approved = DocumentApproved(document_id=document.id, agency_id=document.agency_id, by=by, at=at)
    order = PrepareDocument(
        document_id=document.id,
        descriptor=document.descriptor,
        content=document.parts[0].content,
        filename=document.parts[0].filename,
        signers=document.signers,
        author_id=document.author_id,
        signing_order=document.terms.signing_order,
        annexes=document.parts[1:],
        co_issuers=tuple(each.agency for each in document.terms.co_issuers),
        unchecked_allowed=document.unchecked_allowed,
        by=by,
        at=at,
    )
    return approved, order


def is_last_review(document: Document, person_id: UUID) -> bool:
    """Whether this reviewer's approval sends the document to its signer."""
    open_ = [r.person_id for r in document.reviews if not r.approved]
    return document.state == "in_review" and open_ == [person_id]


def approve(document: Document, person_id: UUID, by: Actor, at: datetime) -> Step[Document] | None:
    """A reviewer approves; after the last of them the document goes to signing."""
    own = next((r for r in document.reviews if r.person_id == person_id), None)
    if own is None:
        raise Rejected(refusals.NOT_A_REVIEWER)
    if own.approved:
        return None
    if document.state != "in_review":
        raise Rejected(refusals.NOT_IN_REVIEW)
    reviews = tuple(replace(r, approved=True) if r.person_id == person_id else r for r in document.reviews)
    if not all(r.approved for r in reviews):
        return Step(replace(document, reviews=reviews), "approved", by, at)
    return finish_review(document, reviews, by, at)


def finish_review(
    document: Document, reviews: tuple[Review, ...], by: Actor, at: datetime, detail: str | None = None
) -> Step[Document]:
    """Everybody who had to agree has: the document goes to signing."""
    ready = replace(document, reviews=reviews, state="preparing")
    return Step(ready, "approved", by, at, detail=detail, tell=_approved(ready, by, at))


def return_for_revision(
    document: Document, person_id: UUID, reason: str, by: Actor, at: datetime, *, stranded: bool = False
) -> Step[Document] | None:
    """A reviewer, or the leader instead of signing, gives the document back with a reason.

    `stranded`: who is to sign or to review may not or can't any more, and a clerk takes it back, since nobody else can;
    or the route says that it is this person's to give back.
    """
    if document.state == "returned":
        return None
    if document.state == "in_review":
        may = stranded or any(r.person_id == person_id for r in document.reviews)
    elif document.state == "awaiting_signature":
        may = stranded or any(s.person_id == person_id for s in document.signers)
    else:
        raise Rejected(refusals.CANNOT_RETURN_NOW)
    if not may:
        raise Rejected(refusals.NOT_YOURS_TO_RETURN)
    fact = DocumentReturned(
        document_id=document.id,
        agency_id=document.agency_id,
        reason=reason,
        author_id=document.author_id,
        by=by,
        at=at,
    )
    after = replace(
        document,
        state="returned",
        waits_for=None,
        state_reason=Reason("returned", vi=f"{by.name} trả lại: {reason}", en=f"Returned by {by.name}: {reason}"),
    )
    return Step(after, "returned", by, at, detail=reason, tell=(fact,))


# --- number, seal, void


def may_take_number(document: Document) -> bool:
    """False: it has its number already (a second click). Raises Rejected when it is not ready for one."""
    if document.numbering is not None:
        if document.state == "voided":
            raise Rejected(refusals.NUMBER_VOIDED, number_symbol=document.numbering.number_symbol)
        return False
    if document.state != "signed":
        raise Rejected(refusals.NOT_SIGNED_YET)
    if due := document.terms.seals_due:
        raise Rejected(refusals_kinds.COUNTER_SEALS_MISSING, names=", ".join(each.agency.name for each in due))
    return True


def issue(document: Document, *, register_code: str, number: int, day: date, by: Actor, at: datetime) -> Step[Document]:
    """Number and printed date are fixed here for good; the seal is ordered and retried with just this number."""
    may_take_number(document)
    symbol = numbering.printed(document.type_code, number, document.symbol, day.year)
    taken = Numbering(register_code, day.year, number, symbol, day)
    fact = DocumentNumbered(
        document_id=document.id,
        agency_id=document.agency_id,
        register_code=register_code,
        year=taken.year,
        number=number,
        number_symbol=taken.number_symbol,
        issued_on=day,
        by=by,
        at=at,
    )
    order = SealDocument(
        document_id=document.id,
        agency_id=document.agency_id,
        number=number,
        number_symbol=taken.number_symbol,
        issued_on=day,
        parts=document.parts[1:],
        by=by,
        at=at,
    )
    after = replace(document, state="sealing", numbering=taken, state_reason=None)
    return Step(after, "numbered", by, at, detail=taken.number_symbol, tell=(fact, order))


def void_number(document: Document, reason: str, by: Actor, at: datetime) -> Step[Document] | None:
    """A clerk gives the number up while the seal fails; the number stays in the book, the document ends."""
    if document.state == "voided":
        return None
    if document.state != "sealing" or document.numbering is None:
        raise Rejected(refusals.NOTHING_TO_VOID)
    fact = NumberVoided(
        document_id=document.id,
        agency_id=document.agency_id,
        number=document.numbering.number,
        reason=reason,
        by=by,
        at=at,
    )
    after = replace(
        document,
        state="voided",
        state_reason=Reason("voided", vi=f"Số đã hủy: {reason}", en=f"The number was given up: {reason}"),
    )
    return Step(after, "number_voided", by, at, detail=reason, tell=(fact,))


def check_issued(document: Document) -> None:
    """Nothing is dispatched before it is signed, numbered, dated and sealed (invariant 4)."""
    if document.state != "issued":
        raise Rejected(refusals.NOT_ISSUED)


# --- what signing states


def receive_prepared(document: Document, fact: signing.DocumentPrepared) -> Step[Document] | None:
    if document.state not in ("preparing", "awaiting_signature"):
        return None
    if document.is_copy:
        return Step(replace(document, state="signed", state_reason=None), "prepared", fact.by, fact.at)
    after = replace(
        document, state="awaiting_signature", content=fact.content, waits_for=fact.waits_for, state_reason=None
    )
    return Step(after, "prepared", fact.by, fact.at)


def receive_signed(document: Document, fact: signing.DocumentSigned) -> Step[Document] | None:
    """A signature that crossed with a return changes nothing but the history: the draft is being revised."""
    if document.state in ("preparing", "returned"):
        return Step(document, "signed_too_late", fact.by, fact.at, detail=fact.signer_name)
    if document.state != "awaiting_signature":
        return None
    after = replace(
        document,
        state="awaiting_signature" if fact.waits_for else "signed",
        content=fact.content,
        level=fact.level,
        owes=fact.owes,
        waits_for=fact.waits_for,
        state_reason=None,
        terms=replace(document.terms, signed=(*document.terms.signed, *_under(document, fact))),
    )
    return Step(after, "signed", fact.by, fact.at, detail=fact.signer_name)


def _under(document: Document, fact: signing.DocumentSigned) -> tuple[UUID, ...]:
    """The authority under which it was signed; told by the person where an older version of signing left it out."""
    if fact.authority_id is not None:
        return (fact.authority_id,)
    due = document.terms.unsigned(document.signers)
    return tuple(each.authority_id for each in due if each.person_id == fact.person_id)[:1]


def receive_sealed(document: Document, fact: signing.DocumentSealed) -> Step[Document] | None:
    """Issued; a seal that crossed with the voiding of its number stays unused."""
    if document.state == "voided":
        return Step(document, "sealed_too_late", fact.by, fact.at)
    if document.state != "sealing":
        return None
    if document.numbering is None or document.numbering.number != fact.number:
        raise Rejected(refusals.SEALED_OTHER_NUMBER, number=fact.number)
    terms = replace(document.terms, annexes=fact.parts)
    after = replace(
        document,
        state="issued",
        content=fact.content,
        level=fact.level,
        owes=fact.owes,
        state_reason=None,
        terms=terms,
    )
    issued = DocumentIssued(
        document_id=document.id,
        agency_id=document.agency_id,
        descriptor=after.descriptor,
        content=fact.content,
        level=fact.level,
        owes=fact.owes,
        author_id=document.author_id,
        by=fact.by,
        at=fact.at,
    )
    return Step(after, "issued", fact.by, fact.at, detail=after.descriptor.number_symbol, tell=(issued,))


PLACES_TO_CONFIRM = "places_to_confirm"  # signing's reason for waiting that only a clerk can end
STAGE_STATE = {"prepare": "preparing", "sign": "awaiting_signature", "seal": "sealing"}


def receive_refused(document: Document, fact: signing.DocumentRefused) -> Step[Document] | None:
    """Before a number was taken the document ends here and may be submitted again; after it only a clerk may void."""
    if document.state != STAGE_STATE[fact.stage]:
        return None
    reason = Reason(fact.code, fact.reason_vi, fact.reason_en)
    state: State = "sealing" if fact.stage == "seal" else "refused"
    after = replace(
        document, state=state, state_reason=reason, waits_for=None if state == "refused" else document.waits_for
    )
    return Step(after, f"{fact.stage}_refused", fact.by, fact.at, detail=fact.code)


def receive_delayed(document: Document, fact: signing.DocumentDelayed) -> Step[Document] | None:
    """It waits for something and will go on by itself; the reason is shown meanwhile."""
    reason = Reason(fact.code, fact.reason_vi, fact.reason_en)
    if document.state != STAGE_STATE.get(fact.stage) or document.state_reason == reason:
        return None
    return Step(replace(document, state_reason=reason), f"{fact.stage}_delayed", fact.by, fact.at, detail=fact.code)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whose turn it is: a role, and the person when there is one in particular."""

    role: Literal["reviewer", "leader", "clerk", "system"]
    name: str | None = None


def waiting_for(document: Document) -> Waiting | None:
    """None: nobody, it is at its end."""
    if document.state == "in_review":
        return Waiting("reviewer", next((r.name for r in document.reviews if not r.approved), None))
    if document.state == "awaiting_signature":
        due = document.terms.may_sign(document.signers)
        return Waiting("leader", ", ".join(dict.fromkeys(s.name for s in due)) or None)
    if document.state in ("preparing", "sealing"):
        asks = document.state_reason is not None and document.state_reason.code == PLACES_TO_CONFIRM
        return Waiting("clerk", document.author_name) if asks else Waiting("system")
    if document.state in ("signed", "issued"):
        seals = document.terms.seals_due if document.state == "signed" else ()
        return Waiting("clerk", ", ".join(each.agency.name for each in seals) or None)
    if document.state in ("returned", "refused"):
        return Waiting("clerk", document.author_name)
    return None
