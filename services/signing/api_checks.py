"""HTTP for whoever holds a PDF, visitors included: is it authentic? The file is judged and not kept."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict
from starlette.requests import ClientDisconnect
from vanthu_verify import policy as policies

from services.signing import checking
from services.signing.checking import MAX_BYTES, Counter, HandedIn
from services.signing.desk import Desk
from services.signing.refusals_check import CHECK_TOO_LARGE, POLICY_UNKNOWN, UPLOAD_TOO_SLOW
from shared.errors import EMPTY_FILE, INVALID_REQUEST, Rejected
from shared.http import Who

router = APIRouter(tags=["checks"])
UPLOAD_WITHIN = 15  # minutes: 50 MB at half a megabit a second


class PolicyView(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    vi: str
    en: str


class PolicyList(BaseModel):
    model_config = ConfigDict(frozen=True)

    items: list[PolicyView]


async def _file(request: Request, _who: Who) -> AsyncIterator[HandedIn]:
    """The body, in a file: a place is taken before the first byte is read, and no more than a piece is ever in memory."""
    counter: Counter = request.app.state.checks
    with counter.upload(), tempfile.TemporaryDirectory(prefix="vanthu-check-") as folder:
        path = Path(folder, "file.pdf")
        try:
            async with asyncio.timeout(UPLOAD_WITHIN * 60):
                sha256 = await _received(request, path)
        except TimeoutError as error:
            raise Rejected(UPLOAD_TOO_SLOW, minutes=UPLOAD_WITHIN) from error
        except ClientDisconnect as error:
            raise Rejected(INVALID_REQUEST, where="/body") from error
        yield HandedIn(path, sha256)


async def _received(request: Request, path: Path) -> str:
    """SHA-256 of what came, counted while it comes: a header may say anything."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BYTES:
                raise Rejected(CHECK_TOO_LARGE, limit=MAX_BYTES // 1024 // 1024)
            digest.update(chunk)
            out.write(chunk)
    if not size:
        raise Rejected(EMPTY_FILE)
    return digest.hexdigest()


@router.post("/checks")
def check(
    request: Request,
    who: Who,
    file: Annotated[HandedIn, Depends(_file, scope="function")],
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
    return checking.check(desk, request.app.state.checks, file, policy=policy, at=at, keep=keep)


@router.get("/policies")
def list_policies(_who: Who) -> PolicyList:
    """By which a file may be judged."""
    found = ((name, policies.get(name)) for name in policies.names())
    return PolicyList(items=[PolicyView(name=name, vi=each.vi, en=each.en) for name, each in found])
