"""What waits for a leader's signature. Signing itself happens in vanthu-sign, on the person's own machine: the page may
ask it to, with a ticket for the documents that were seen; no key and no PIN ever come near here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from services.portal import domain, store_tickets, ticket
from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit
from services.portal.refusals import SIGNING_LIST_CHANGED
from services.portal.ticket import Shown, Ticket
from shared import outbox
from shared.db import transaction
from shared.errors import INVALID_REQUEST, Rejected
from shared.events.portal import PortalAct
from shared.http import problem

router = APIRouter(include_in_schema=False)

# Where vanthu-sign's agent listens on the person's machine; it takes the first one that is free.
AGENT_PORTS = tuple(range(47210, 47215))


@router.get("/signing")
def show_tasks(visit: Reading) -> Response:
    visit.need("leader")
    return _page(visit)


def _page(visit: Visit, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    tasks, later = None, []
    try:
        found = visit.api.get("signing", "/tasks")
        tasks, later = found["items"], found["later"]
    except Rejected as rejected:
        error = error or rejected
    answer = visit.page(
        "signing.html", error=error, tasks=tasks, later=later, typed=typed or Form(), agent_ports=AGENT_PORTS
    )
    answer.headers["Content-Security-Policy"] = _policy()
    return answer


def _policy() -> str:
    """The one page that may speak with the agent, and with nothing else outside of the portal."""
    agent = " ".join(f"http://127.0.0.1:{port}" for port in AGENT_PORTS)
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {agent};"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@router.post("/signing/tickets")
def mint_ticket(request: Request, visit: Posting, form: Posted) -> Response:
    """For a script: the ticket, or a problem document. Made only for documents that wait, as they are now."""
    try:
        visit.need("leader")
        challenge, shown = _asked(visit, form)
    except Rejected as rejected:
        params: dict[str, Any] = rejected.params
        return problem(request, rejected.refusal, **params)
    made = {"ticket": _mint(visit, challenge, shown), "expires_in": int(ticket.LIFETIME.total_seconds())}
    return JSONResponse(made, 201, headers={"Cache-Control": "no-store"})


def _asked(visit: Visit, form: Form) -> tuple[str, tuple[Shown, ...]]:
    """The program's challenge, and documents of which each waits for this person with the digest that was shown."""
    challenge, shown = form.get("challenge"), ticket.documents_from(form.all("document"))
    if shown is None or not ticket.is_challenge(challenge):
        raise Rejected(INVALID_REQUEST, where="/document")
    waiting = {(task["document_id"], task["sha256"]) for task in visit.api.get("signing", "/tasks")["items"]}
    if any((str(each.document_id), each.sha256) not in waiting for each in shown):
        raise Rejected(SIGNING_LIST_CHANGED)
    return challenge, shown


def _mint(visit: Visit, challenge: str, shown: tuple[Shown, ...]) -> str:
    secret, now = domain.new_secret(), datetime.now(UTC)
    made = Ticket(
        ticket_hash=domain.digest(secret),
        challenge=challenge,
        origin=ticket.origin_of(visit.site.url),
        person_id=visit.person.person_id,
        post_id=visit.post.post_id,
        documents=shown,
        created_at=now,
        expires_at=now + ticket.LIFETIME,
    )
    act = PortalAct(
        by=visit.principal.actor(),
        at=now,
        act="signing_ticket_issued",
        object_kind="program",
        object_id=str(visit.person.person_id),
        detail={"documents": str(len(shown))},
    )
    with transaction(visit.site.pool) as tx:
        store_tickets.add(tx, made)
        outbox.put(tx, act, source=visit.site.source)
    return secret


@router.post("/signing/{document_id}/return")
def return_instead(visit: Posting, form: Posted, document_id: UUID) -> Response:
    try:
        visit.api.post("docs", f"/documents/{document_id}/return", {"reason": form.get("reason")}, key=form.get("once"))
    except Rejected as rejected:
        return _page(visit, error=rejected, typed=Form([*form.pairs, ("document_id", str(document_id))]))
    return visit.to("/signing", "returned")
