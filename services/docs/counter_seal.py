"""The seal of an agency that issues a document beside the one that leads: after all signatures, before the number.

Each agency's own clerk asks for it. The leading agency's number and seal come last, since its seal forbids all changes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.docs import refusals, refusals_kinds
from services.docs.document import Document
from services.docs.step import Reason, Step
from shared.errors import Rejected
from shared.events import Actor, signing
from shared.events.docs import CounterSealDocument


def ask(document: Document, agency_id: UUID, by: Actor, at: datetime) -> Step[Document] | None:
    """A co-issuer's clerk orders their agency's seal; None when that was done and it is made or under way."""
    own = document.terms.co_issuer(agency_id)
    if own is None:
        raise Rejected(refusals_kinds.NOT_A_CO_ISSUER)
    if own.sealed_at is not None or (own.asked_by is not None and own.reason is None):
        return None
    if document.state != "signed":
        raise Rejected(refusals.NOT_SIGNED_YET)
    order = CounterSealDocument(
        document_id=document.id, agency_id=document.agency_id, co_agency_id=agency_id, by=by, at=at
    )
    asked = replace(own, asked_by=by.name, reason=None)
    after = replace(document, terms=document.terms.with_co_issuer(asked))
    return Step(after, "counter_seal_asked", by, at, detail=own.agency.name, tell=(order,))


def receive(document: Document, fact: signing.DocumentCounterSealed) -> Step[Document] | None:
    own = document.terms.co_issuer(fact.agency_id)
    if own is None or own.sealed_at is not None or document.state != "signed":
        return None
    sealed = replace(own, sealed_by=fact.by.name, sealed_at=fact.at, reason=None)
    after = replace(
        document, content=fact.content, level=fact.level, terms=document.terms.with_co_issuer(sealed), state_reason=None
    )
    return Step(after, "counter_sealed", fact.by, fact.at, detail=own.agency.name)


def receive_trouble(
    document: Document, fact: signing.DocumentRefused | signing.DocumentDelayed
) -> Step[Document] | None:
    """It waits, or was refused and may be asked for again; the reason stands beside the agency."""
    own = document.terms.co_issuer(fact.agency_id)
    reason = Reason(fact.code, fact.reason_vi, fact.reason_en)
    if own is None or own.sealed_at is not None or own.reason == reason:
        return None
    refused = isinstance(fact, signing.DocumentRefused)
    told = replace(own, reason=reason, asked_by=None if refused else own.asked_by)
    after = replace(document, terms=document.terms.with_co_issuer(told))
    act = "counter_seal_refused" if refused else "counter_seal_delayed"
    return Step(after, act, fact.by, fact.at, detail=own.agency.name)
