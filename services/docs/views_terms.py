"""What an answer says of a document's signers, of the agencies that issue it, and of what it is a copy of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.docs.document import Document
from services.docs.terms import CoIssuer
from services.docs.views import PartyView, ReasonView, View, party_view, reason_view
from shared.events.docs import Signer


class SignerView(View):
    person_id: UUID
    name: str
    post: str
    capacity: str
    block: tuple[str, ...]
    basis: str | None = None  # the document by which the authority was delegated


class SignerPlaceView(SignerView):
    """A signer with their place; `may_sign`: it is their turn. `agency` when it is not the one that leads."""

    authority_id: UUID
    signed: bool
    may_sign: bool
    agency: PartyView | None


class CoIssuerView(View):
    """`state`: due, under_way, sealed; `reason` says why a seal waits or was refused."""

    agency_id: UUID | None
    identifier: str
    name: str
    state: str
    sealed_by: str | None
    sealed_at: datetime | None
    reason: ReasonView | None


class OriginalView(View):
    agency: str
    number_symbol: str
    issued_on: date
    abstract: str
    document_id: UUID | None
    incoming_id: UUID | None


def terms_view(held: Document) -> dict[str, Any]:
    """The fields of a document's answer that come from its terms."""
    turn = held.terms.may_sign(held.signers) if held.state == "awaiting_signature" else ()
    original = held.terms.original
    return {
        "signers": [_place(held, each, may_sign=each in turn) for each in held.signers],
        "signing_order": held.terms.signing_order,
        "co_issuers": [_co_issuer(each) for each in held.terms.co_issuers],
        "original": OriginalView(
            agency=original.agency,
            number_symbol=original.number_symbol,
            issued_on=original.issued_on,
            abstract=original.abstract,
            document_id=original.document_id,
            incoming_id=original.incoming_id,
        )
        if original
        else None,
    }


def _place(held: Document, signer: Signer, *, may_sign: bool) -> SignerPlaceView:
    return SignerPlaceView(
        **signer.model_dump(include=set(SignerView.model_fields)),
        authority_id=signer.authority_id,
        signed=signer.authority_id in held.terms.signed,
        may_sign=may_sign,
        agency=party_view(signer.agency) if signer.agency else None,
    )


def _co_issuer(held: CoIssuer) -> CoIssuerView:
    state = "sealed" if held.sealed_at else "under_way" if held.asked_by else "due"
    return CoIssuerView(
        agency_id=held.agency.agency_id,
        identifier=held.agency.identifier,
        name=held.agency.name,
        state=state,
        sealed_by=held.sealed_by,
        sealed_at=held.sealed_at,
        reason=reason_view(held.reason),
    )
