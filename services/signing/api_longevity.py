"""HTTP for how long signatures last: the state of each signature of a document, and what is at risk."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from services.signing import batch, copies, longevity, reason, store, store_longevity
from services.signing.desk import Desk
from services.signing.domain import State
from services.signing.longevity import Signature
from services.signing.rhythm import Rhythm
from shared.db import Tx, act_for, transaction
from shared.errors import FORBIDDEN, Rejected
from shared.events.signing import Debt
from shared.http import Who
from shared.tokens import Principal

router = APIRouter(tags=["longevity"])

READERS = ("clerk", "leader")
OPERATOR = "operator"
MOST = 500


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class SignatureView(View):
    """One signature: its level, what it still owes, until when its proof stands. `kind` is person or seal."""

    field: str
    kind: str
    signer: str
    signed_at: datetime
    level: str
    owes: tuple[Debt, ...]
    proven_until: datetime | None


class SignatureList(View):
    """The document is as good as its weakest signature; `problem` is the code of what keeps a debt from being paid, with its
    sentence.
    """

    document_id: UUID
    level: str | None
    owes: tuple[Debt, ...]
    owing_since: datetime | None
    problem: str | None
    problem_vi: str | None
    problem_en: str | None
    proven_until: datetime | None
    items: list[SignatureView]


class RiskView(View):
    """`at` is since when something is owed or was repaired, or when a stamp ends; `code` why, with its sentence. What the
    document says is for its own agency only.
    """

    document_id: UUID
    agency_id: UUID
    risk: str
    level: str | None
    owes: tuple[Debt, ...]
    at: datetime | None
    code: str | None
    reason_vi: str | None
    reason_en: str | None
    number_symbol: str | None
    abstract: str | None


class RiskList(View):
    figures: dict[str, int]
    items: list[RiskView]


@router.get("/documents/{document_id}/signatures")
def list_signatures(document_id: UUID, request: Request, who: Who) -> SignatureList:
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as tx:
        if not copies.is_active(tx, who.person_id, who.post_id, (*READERS, OPERATOR)):
            raise Rejected(FORBIDDEN)
        document = batch.enter(tx, who, document_id)
        standing = store_longevity.get(tx, document.id, document.agency_id)
        until = store_longevity.proven_until(tx, document.id)
        found = store_longevity.list_signatures(tx, document.id)
    why = reason.of(standing.problem)
    target = longevity.SEALED_TARGET if document.state is State.SEALED else longevity.SIGNED_TARGET
    return SignatureList(
        document_id=document.id,
        level=standing.level,
        owes=standing.owes,
        owing_since=standing.owing_since,
        problem=standing.problem,
        problem_vi=why.vi if why else None,
        problem_en=why.en if why else None,
        proven_until=until,
        items=[_view(each, target, until if each.level == longevity.LTA else None) for each in found],
    )


@router.get("/at-risk")
def list_at_risk(request: Request, who: Who, limit: Annotated[int, Query(ge=1, le=MOST)] = MOST) -> RiskList:
    """What is at risk: in the bearer's agency; for an operator everywhere, then by ids and figures alone."""
    desk: Desk = request.app.state.desk
    rhythm: Rhythm = request.app.state.rhythm
    with transaction(desk.pool) as tx:
        _enter(tx, who)
        now = store.now(tx)
        rows = store_longevity.list_at_risk(tx, owing_for=rhythm.owing_for, margin=rhythm.margin, now=now, limit=limit)
        figures = store_longevity.count_at_risk(tx, owing_for=rhythm.owing_for, margin=rhythm.margin, now=now)
    return RiskList(figures=figures, items=[_risk(row) for row in rows])


def _risk(row: dict[str, Any]) -> RiskView:
    why = reason.of(row["code"])
    said = {"reason_vi": why.vi if why else None, "reason_en": why.en if why else None}
    return RiskView(**{**row, **said, "owes": tuple(row["owes"])})


def _enter(tx: Tx, who: Principal) -> None:
    """Decided on our copy of the registry: the token may be minutes older than a person's leave."""
    if copies.is_active(tx, who.person_id, who.post_id, (OPERATOR,)):
        store_longevity.watch(tx)
    elif copies.is_active(tx, who.person_id, who.post_id, READERS):
        act_for(tx, who.agency_id)
    else:
        raise Rejected(FORBIDDEN)


def _view(signature: Signature, target: str, until: datetime | None) -> SignatureView:
    return SignatureView(
        field=signature.field,
        kind=signature.kind,
        signer=signature.name,
        signed_at=signature.signed_at,
        level=signature.level,
        owes=longevity.debts(signature.level, target, unchecked=signature.unchecked),
        proven_until=until,
    )
