"""What a clerk's form names by ids, looked up and checked: files, signers of one or several agencies, reviewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.docs import numbering, refusals, refusals_kinds, standing, store, store_registry
from services.docs.access import Acting, Identifier, Line, Text
from services.docs.document import Document, Review
from services.docs.standing import Authority
from services.docs.terms import CoIssuer, SigningOrder, Terms
from services.docs.views import Body
from shared.errors import Rejected
from shared.events.docs import Part, Party, Signer


class PartBody(Body):
    file_id: UUID
    kind: Literal["main", "annex"]


class SubmitBody(Body):
    type_code: str = Field(max_length=10)
    symbol: Annotated[Text, Field(min_length=1, max_length=30)]
    abstract: Line
    urgency: int = Field(default=0, ge=0, le=3)  # NĐ 30 annex I.III.2b
    authority_id: UUID
    parts: list[PartBody] = Field(min_length=1, max_length=50)
    reviewer_ids: list[UUID] = Field(default=[], max_length=20)
    further_authority_ids: list[UUID] = Field(
        default=[], max_length=20, description="who signs beside the first, in order"
    )
    signing_order: SigningOrder = "any"
    co_issuers: list[Identifier] = Field(
        default=[], max_length=20, description="agencies that issue it too and seal it"
    )
    workflow: str | None = Field(
        default=None,
        max_length=40,
        description="code of the workflow that it goes through, auto for its type's; none: just the reviewers named",
    )


class ResubmitBody(Body):
    """What is left out stays as it was."""

    parts: list[PartBody] = Field(min_length=1, max_length=50)
    symbol: Annotated[Text, Field(min_length=1, max_length=30)] | None = None
    abstract: Line | None = None
    urgency: int | None = Field(default=None, ge=0, le=3)
    authority_id: UUID | None = None
    reviewer_ids: list[UUID] | None = Field(default=None, max_length=20)
    further_authority_ids: list[UUID] | None = Field(default=None, max_length=20)
    signing_order: SigningOrder | None = None
    co_issuers: list[Identifier] | None = Field(default=None, max_length=20)


def parts(acting: Acting, wanted: Sequence[PartBody]) -> tuple[Part, ...]:
    if [part.kind for part in wanted] != ["main"] + ["annex"] * (len(wanted) - 1):
        raise Rejected(refusals.MAIN_PART_FIRST)
    files = store.find_files(acting.tx, [part.file_id for part in wanted])
    for part in wanted:
        if part.file_id not in files:
            raise Rejected(refusals.FILE_UNKNOWN, file_id=part.file_id)
    return tuple(
        Part(
            ordinal=n,
            kind=part.kind,
            filename=files[part.file_id].filename,
            content=files[part.file_id].content,
        )
        for n, part in enumerate(wanted)
    )


def drafted(acting: Acting, body: SubmitBody, document_id: UUID) -> Document:
    """The document that a submission asks for; refuses with the reason what it names wrongly."""
    kind = standing.document_type(body.type_code)
    found = parts(acting, body.parts)
    agreed = terms(acting, body.signing_order, body.co_issuers)
    return Document(
        id=document_id,
        agency=acting.agency(),
        state="in_review",
        type_code=kind.code,
        type_name=kind.vi,
        symbol=numbering.symbol_of(kind, body.symbol),
        abstract=body.abstract,
        urgency=body.urgency,
        signers=signers(acting, [body.authority_id, *body.further_authority_ids], kind.code, agreed),
        reviews=reviews(acting, body.reviewer_ids),
        parts=found,
        content=found[0].content,
        author_id=acting.person_id,
        author_name=acting.post.name,
        submitted_at=acting.now(),
        terms=agreed,
        unchecked_allowed=acting.policy().unchecked_allowed,
    )


def revised(acting: Acting, held: Document, body: ResubmitBody) -> Document:
    """The document as it is submitted again; what the body leaves out stays."""
    if held.is_copy:
        raise Rejected(refusals_kinds.COPY_NOT_RESUBMITTED)
    kind = standing.document_type(held.type_code)
    found = parts(acting, body.parts)
    first, further = held.signers[0].authority_id, [each.authority_id for each in held.signers[1:]]
    asked = [
        body.authority_id or first,
        *(further if body.further_authority_ids is None else body.further_authority_ids),
    ]
    before = [each.agency.identifier for each in held.terms.co_issuers]
    agreed = terms(
        acting, body.signing_order or held.terms.signing_order, before if body.co_issuers is None else body.co_issuers
    )
    return replace(
        held,
        parts=found,
        content=found[0].content,
        symbol=numbering.symbol_of(kind, body.symbol) if body.symbol else held.symbol,
        abstract=body.abstract or held.abstract,
        urgency=held.urgency if body.urgency is None else body.urgency,
        signers=signers(acting, asked, held.type_code, agreed),
        terms=agreed,
        reviews=held.reviews if body.reviewer_ids is None else reviews(acting, body.reviewer_ids),
        unchecked_allowed=acting.policy().unchecked_allowed,
    )


def fresh(acting: Acting, held: Document) -> Document:
    """Before it goes to its signers: they must have authority on that very day, and sign as they stand on it."""
    known = store_registry.find_authorities(acting.tx, [each.authority_id for each in held.signers])
    day = acting.today()
    still = tuple(signer_still(held, each, known.get(each.authority_id), day) for each in held.signers)
    return replace(held, signers=still, unchecked_allowed=acting.policy().unchecked_allowed)


def reviews(acting: Acting, reviewer_ids: Sequence[UUID]) -> tuple[Review, ...]:
    if not reviewer_ids:
        return ()
    names = {
        post.person_id: post.name for post in store_registry.list_posts(acting.tx, acting.agency_id, acting.today())
    }
    if any(person not in names for person in reviewer_ids):
        raise Rejected(refusals.REVIEWER_UNKNOWN)
    return tuple(Review(person, names[person]) for person in dict.fromkeys(reviewer_ids))


def terms(acting: Acting, signing_order: SigningOrder, co_issuers: Sequence[str]) -> Terms:
    """The agencies that issue the document too, by national identifier; they live in this deployment."""
    day = acting.today()
    known = store_registry.find_agencies(acting.tx, list(co_issuers), day)
    found = []
    for identifier in dict.fromkeys(co_issuers):
        agency = known.get(identifier)
        if agency is None or agency.partner is not None or not agency.stands(day):
            raise Rejected(refusals_kinds.CO_ISSUER_UNKNOWN, identifier=identifier)
        if agency.agency_id == acting.agency_id:
            raise Rejected(refusals_kinds.CO_ISSUER_IS_LEADER, identifier=identifier)
        found.append(CoIssuer(agency.party))
    return Terms(signing_order=signing_order, co_issuers=tuple(found))


def signers(acting: Acting, authority_ids: Sequence[UUID], type_code: str, agreed: Terms) -> tuple[Signer, ...]:
    """The signers in this order, the first one of the acting agency; each co-issuer has at least one."""
    kind, day = standing.document_type(type_code), acting.today()
    known = store_registry.find_authorities(acting.tx, list(authority_ids))
    others = {each.agency.agency_id: each.agency for each in agreed.co_issuers}
    found: list[Signer] = []
    for n, authority_id in enumerate(authority_ids):
        authority = known.get(authority_id)
        theirs = others.get(authority.agency_id) if authority and n else None
        agency_id = theirs.agency_id if theirs and theirs.agency_id else acting.agency_id
        signer = standing.signer_by(authority, agency_id, kind, day)
        if any(each.authority_id == signer.authority_id for each in found):
            raise Rejected(refusals_kinds.SIGNER_REPEATED, name=signer.name)
        found.append(signer.model_copy(update={"agency": theirs}) if theirs else signer)
    for agency in others.values():
        if all(each.agency != agency for each in found):
            raise Rejected(refusals_kinds.CO_ISSUER_WITHOUT_SIGNER, name=agency.name)
    return tuple(found)


def signer_still(held: Document, signer: Signer, authority: Authority | None, day: date) -> Signer:
    """The signer as they stand on that day, for the agency for which they sign."""
    kind = standing.document_type(held.type_code)
    agency = _agency_of(held, signer)
    fresh = standing.signer_still(authority, agency, kind, day, signer.name)
    return fresh.model_copy(update={"agency": signer.agency})


def _agency_of(held: Document, signer: Signer) -> UUID:
    party: Party | None = signer.agency
    return party.agency_id if party and party.agency_id else held.agency_id
