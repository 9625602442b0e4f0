"""HTTP for whoever holds a PDF, visitors included: is it authentic? The file is judged and not kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict
from starlette.requests import ClientDisconnect
from vanthu_verify import policy as policies

from services.signing import checking
from services.signing.checking import MAX_BYTES
from services.signing.desk import Desk
from services.signing.refusals_check import CHECK_TOO_LARGE, POLICY_UNKNOWN
from shared.errors import EMPTY_FILE, INVALID_REQUEST, Rejected
from shared.http import Who

router = APIRouter(tags=["checks"])


class PolicyView(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    vi: str
    en: str


class PolicyList(BaseModel):
    model_config = ConfigDict(frozen=True)

    items: list[PolicyView]


async def _body(request: Request, _who: Who) -> bytes:
    """The file, counted while it comes: a header may say anything."""
    found = bytearray()
    try:
        async for chunk in request.stream():
            found += chunk
            if len(found) > MAX_BYTES:
                raise Rejected(CHECK_TOO_LARGE, limit=MAX_BYTES // 1024 // 1024)
    except ClientDisconnect as error:
        raise Rejected(INVALID_REQUEST, where="/body") from error
    if not found:
        raise Rejected(EMPTY_FILE)
    return bytes(found)


@router.post("/checks")
def check(
    request: Request,
    who: Who,
    pdf: Annotated[bytes, Depends(_body)],
    policy: Annotated[str, Query(max_length=40)] = "default",
    at: AwareDatetime | None = None,
) -> dict[str, Any]:
    """The validation report of the PDF in the body (application/pdf), for now or for a past time."""
    known = policies.names()
    if policy not in known:
        raise Rejected(POLICY_UNKNOWN, name=policy, known=", ".join(known))
    desk: Desk = request.app.state.desk
    # What visitors hand in leaves nothing behind: nobody fills our disk with reports.
    keep = who.kind != "visitor"
    return checking.check(desk, request.app.state.checks, pdf, policy=policy, at=at, keep=keep)


@router.get("/policies")
def list_policies(_who: Who) -> PolicyList:
    """By which a file may be judged."""
    found = ((name, policies.get(name)) for name in policies.names())
    return PolicyList(items=[PolicyView(name=name, vi=each.vi, en=each.en) for name, each in found])
