"""A person allows a program (vanthu-sign) to act for them, by the code that it shows (RFC 8628 §3.3)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal import domain, store
from services.portal.domain import DeviceGrant
from services.portal.forms import Posted
from services.portal.pages.visit import Posting, Reading, Visit
from services.portal.refusals import TOO_MANY_TRIES, USER_CODE_UNKNOWN
from shared import outbox
from shared.db import Tx, transaction
from shared.errors import Rejected
from shared.events.portal import PortalAct

router = APIRouter(include_in_schema=False)


@router.get("/device")
def show_device(visit: Reading, user_code: Annotated[str, Query(max_length=40)] = "") -> Response:
    """With a code (from the program's link) only the decision is left; the code is shown to be compared."""
    code = domain.as_user_code(user_code)
    return visit.page("device.html", code=domain.shown_user_code(code) if code else "")


@router.post("/device")
def decide(visit: Posting, form: Posted) -> Response:
    code = domain.as_user_code(form.get("user_code"))
    approved = form.get("decision") == "approve"
    try:
        with transaction(visit.site.pool) as tx:
            grant = _lock(tx, visit, code)
            if grant is not None:
                _decide(tx, visit, grant, approved=approved)
        error = None if grant else Rejected(USER_CODE_UNKNOWN)  # not raised inside: the wrong try is counted
    except Rejected as rejected:
        error = rejected
    if error:
        return visit.page("device.html", error=error, code=form.get("user_code"))
    return visit.to("/device", "device_approved" if approved else "device_denied")


def _lock(tx: Tx, visit: Visit, code: str) -> DeviceGrant | None:
    """The pending grant of the code; none for a wrong one, which is counted (RFC 8628 §5.1)."""
    subject, now = f"device:{visit.person.person_id}", datetime.now(UTC)
    attempts = store.lock_attempts(tx, subject)
    if wait := domain.wait_before_next(attempts, now):
        raise Rejected(TOO_MANY_TRIES, wait=math.ceil(wait.total_seconds()))
    grant = store.lock_device_grant_by_user_code(tx, code)
    if grant is None or not grant.may_be_decided(now):
        store.save_attempts(tx, subject, domain.count_attempt(attempts, now))
        return None
    store.forget_attempts(tx, subject)
    return grant


def _decide(tx: Tx, visit: Visit, grant: DeviceGrant, *, approved: bool) -> None:
    after = replace(
        grant,
        state="approved" if approved else "denied",
        person_id=visit.person.person_id,
        post_id=visit.post.post_id,
    )
    store.save_device_grant(tx, after)
    act = PortalAct(
        by=visit.principal.actor(),
        at=datetime.now(UTC),
        act="device_approved" if approved else "device_denied",
        object_kind="program",
        object_id=str(visit.person.person_id),
        detail={"client": grant.client_id},
    )
    outbox.put(tx, act, source=visit.site.source)
