"""HTTP for the mails that brought documents: what each was, and what its sender was told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter

from services.docs.access import Member
from services.docs.intake import store
from services.docs.standing import sees_all
from services.docs.views import View

router = APIRouter(tags=["intake"])
NEWEST = 50


class MailView(View):
    """`outcome`: `taken`, or the code for which the whole mail was refused. `silence`: why its sender gets no answer."""

    sender: str
    subject: str
    received_at: datetime
    outcome: str
    answered_at: datetime | None
    answer: list[str]
    silence: str | None
    items: list[UUID]


class MailPage(View):
    """`withheld`: the reader is none of those to whom mails are shown; there may be some."""

    items: list[MailView]
    withheld: bool = False


@router.get("/intake-mails")
def list_mails(acting: Member) -> MailPage:
    """The newest mails to the agency, those too that brought nothing, for its registrar and its head: what somebody wrote
    to the agency is nobody else's before it is given to them. Of what became restricted for those who may know of it.
    """
    if not sees_all(acting.post):
        return MailPage(items=[], withheld=True)
    return MailPage(items=[_view(row) for row in store.list_mails(acting.tx, NEWEST)])


def _view(row: store.Row) -> MailView:
    detail = row["detail"]
    return MailView(
        sender=detail["sender"],
        subject=detail["subject"],
        received_at=row["taken_at"],
        outcome=row["outcome"],
        answered_at=row["answered_at"],
        answer=detail.get("answer") or detail["left"],
        silence=detail.get("silence"),
        items=[UUID(each) for each in detail["items"]],
    )
