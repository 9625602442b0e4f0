"""HTTP for copies and extracts that the agency certifies, for co-issuers' seals, and for who may sign elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.docs import copying, counter_seal, refusals, store, store_incoming, store_registry
from services.docs.access import Acting, Clerk, Line, Text, check_kept, note_step
from services.docs.copying import Form, Source
from services.docs.terms import Original
from services.docs.views import Body, View
from shared.db import act_for
from shared.errors import NotFound, Rejected
from shared.events.docs import Part
from shared.http import OnceOnly
from shared.ids import new_id

router = APIRouter(tags=["copies and co-issuers"])

Name = Annotated[Text, Field(min_length=1, max_length=200)]


class OriginalBody(Body):
    """A document that is not in this system, such as one on paper, as it is quoted."""

    agency: Name
    number_symbol: Annotated[Text, Field(min_length=1, max_length=60)]
    issued_on: date
    abstract: Line


class CopyBody(Body):
    """`document_id` or `incoming_id` names what is copied, else `original` does; `file_id` is the scan or extract."""

    form: Form
    symbol: Annotated[Text, Field(min_length=1, max_length=30)]
    file_id: UUID | None = None
    document_id: UUID | None = None
    incoming_id: UUID | None = None
    original: OriginalBody | None = None


class MadeView(View):
    id: UUID
    state: str
    version: int


class SealerView(View):
    """Who may sign for another agency."""

    authority_id: UUID
    person_name: str
    post: str
    block: tuple[str, ...]


class SealersView(View):
    identifier: str
    name: str
    authorities: list[SealerView]


@router.post("/copies", status_code=201)
def make_copy(body: CopyBody, acting: Clerk, once: OnceOnly) -> MadeView:
    """A copy or extract; the number is taken by `issue`, once signing has looked at the file."""

    def act() -> MadeView:
        original, file = copying.file_for(body.form, _source(acting, body), _uploaded(acting, body.file_id))
        clerk = copying.Clerk(acting.agency(), acting.person_id, acting.post.name, acting.policy().unchecked_allowed)
        step = copying.make(
            new_id(), body.form, body.symbol, original=original, file=file, clerk=clerk, by=acting.by, at=acting.now()
        )
        store.keep_document(acting.tx, step, source=acting.office.source, new=True)
        return MadeView(id=step.after.id, state=step.after.state, version=0)

    return once.run(act, MadeView)


def _source(acting: Acting, body: CopyBody) -> Source | None:
    if body.document_id:
        held = store.get(acting.tx, body.document_id)
        if held.agency_id != acting.agency_id:
            raise NotFound("văn bản")
        check_kept(acting.tx, held.id)
        return copying.of_document(held)
    if body.incoming_id:
        arrived = store_incoming.get(acting.tx, body.incoming_id)
        check_kept(acting.tx, arrived.id)
        return copying.of_incoming(arrived)
    if body.original:
        return Source(Original(**body.original.model_dump()))
    return None


def _uploaded(acting: Acting, file_id: UUID | None) -> Part | None:
    if file_id is None:
        return None
    found = store.find_files(acting.tx, [file_id]).get(file_id)
    if found is None:
        raise Rejected(refusals.FILE_UNKNOWN, file_id=file_id)
    return Part(ordinal=0, kind="main", filename=found.filename, content=found.content)


@router.post("/documents/{document_id}/counter-seal")
def ask_for_counter_seal(document_id: UUID, acting: Clerk) -> MadeView:
    """By a clerk of an agency that issues the document too: its own seal, under its own certificate."""
    seen = store.get(acting.tx, document_id)
    own = seen.terms.co_issuer(acting.agency_id)
    if own is not None:
        act_for(acting.tx, seen.agency_id)  # it is the leading agency's document, of which this is one step
        seen = store.lock(acting.tx, document_id)
    step = counter_seal.ask(seen, acting.agency_id, acting.by, acting.now())
    if step:
        store.keep_document(acting.tx, step, source=acting.office.source)
        note_step(acting, "document", document_id, step)
    after = store.get(acting.tx, document_id)
    return MadeView(id=after.id, state=after.state, version=after.version)


@router.get("/agencies/{identifier}/authorities")
def authorities_of(identifier: str, acting: Clerk, type_code: str | None = None) -> SealersView:
    """Who may sign for an agency of this deployment today, for a document that it issues together with others."""
    day = acting.today()
    agency = store_registry.find_agencies(acting.tx, [identifier.replace("\0", "")], day).get(identifier)
    if agency is None or agency.partner is not None:
        raise NotFound("cơ quan")
    found = store_registry.list_authorities(acting.tx, agency.agency_id, day)
    return SealersView(
        identifier=agency.identifier,
        name=agency.name,
        authorities=[
            SealerView(authority_id=a.authority_id, person_name=a.post.name, post=a.post.title, block=a.block)
            for a in found
            if type_code is None or a.covers(type_code)
        ],
    )
