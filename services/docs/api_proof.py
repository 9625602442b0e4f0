"""HTTP for how good a document's proof must be (the agency's policy), and for the versions that a better one continued."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.docs import access, proof, store, store_proof
from services.docs.access import Acting, DoorDep, IfMatch
from services.docs.proof import Policy
from services.docs.views import Body, View
from shared import outbox
from shared.events.docs import DocsAct
from shared.events.signing import Debt

router = APIRouter(tags=["proof"])

# The head of the agency decides, or the registry's officer at a post there; a clerk would permit themselves.
Reader = Annotated[Acting, Depends(access.acting_as("clerk", "leader", "officer"))]
Head = Annotated[Acting, Depends(access.acting_as("leader", "officer"))]


class PolicyBody(Body):
    dispatch_level: Literal["B", "T", "LT", "LTA"]
    urgent_may_owe: bool
    unchecked_allowed: bool
    record_reading: bool = False  # whoever opens a document is entered in the ledger
    review_days: int | None = Field(default=None, ge=1, le=60, description="left out: as it is")


class PolicyView(View):
    """`may_change` says whether the reader may."""

    dispatch_level: str
    urgent_may_owe: bool
    unchecked_allowed: bool
    record_reading: bool
    review_days: int
    may_change: bool
    version: int


class VersionView(View):
    sha256: str
    size: int
    level: str | None
    until: datetime


class ProofView(View):
    """How a document's proof stands: what it owes, whether it is good enough to go, and the versions before."""

    level: str | None
    owes: tuple[Debt, ...]
    dispatch_level: str
    may_go: bool
    earlier: list[VersionView]


@router.get("/policy")
def get_policy(acting: Reader, response: Response) -> PolicyView:
    return _view(acting, acting.policy(), response)


@router.put("/policy")
def change_policy(body: PolicyBody, acting: Head, response: Response, if_match: IfMatch = None) -> PolicyView:
    """Holds for what is submitted or dispatched from now on."""
    held = acting.policy()
    access.check_version(if_match, held.version)
    wanted = replace(held, **body.model_dump(exclude_none=True))
    if wanted != held:
        store_proof.save_policy(acting.tx, acting.agency_id, wanted)
        act = DocsAct(
            by=acting.by,
            at=acting.now(),
            act="policy_changed",
            object_kind="agency",
            object_id=str(acting.agency_id),
            detail={name: str(value) for name, value in body.model_dump(exclude_none=True).items()},
        )
        outbox.put(acting.tx, act, source=acting.office.source)
    return _view(acting, acting.policy(), response)


def _view(acting: Acting, policy: Policy, response: Response) -> PolicyView:
    access.etag(response, policy.version)
    return PolicyView(
        dispatch_level=policy.dispatch_level,
        urgent_may_owe=policy.urgent_may_owe,
        unchecked_allowed=policy.unchecked_allowed,
        record_reading=policy.record_reading,
        review_days=policy.review_days,
        may_change=bool(acting.post.roles & {"leader", "officer"}),
        version=policy.version,
    )


@router.get("/documents/{document_id}/proof")
def get_proof(document_id: UUID, acting: access.Member) -> ProofView:
    held = store.get(acting.tx, document_id)
    policy = acting.policy()
    return ProofView(
        level=held.level,
        owes=held.owes,
        dispatch_level=policy.dispatch_level,
        may_go=held.state == "issued" and proof.may_go(held, policy),
        earlier=[VersionView(**row) for row in store_proof.list_versions(acting.tx, held.id)],
    )


@router.get("/documents/{document_id}/versions/{sha256}/content", response_class=Response)
def get_version(document_id: UUID, sha256: str, door: DoorDep) -> Response:
    """Bytes that stood before a better version came."""
    with door.open("clerk", "leader") as acting:
        held = store.get(acting.tx, document_id)
        content = store_proof.get_version(acting.tx, document_id, sha256)
        access.note_reading(acting, "document", document_id)
    return access.send_file(door.office.blobs, content, held.parts[0].filename)
