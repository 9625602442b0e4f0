"""The portal's HTTP: OAuth for programs (RFC 6749, 8414, 8628), and the wiring of the pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import unquote_plus
from uuid import UUID

from fastapi import APIRouter, FastAPI, Form, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from services.portal import domain, refusals, store, store_tickets
from services.portal import ticket as tickets
from services.portal.clients import Services
from services.portal.domain import DeviceGrant
from services.portal.forms import MAX_FORM, MAX_PUBLIC, PUBLIC, WITH_FILES
from services.portal.keys import Issuer
from services.portal.pages import visit as visits
from services.portal.pages import wiring
from services.portal.throttle import try_password
from shared import http, outbox, tokens
from shared.db import Pool, Tx, transaction
from shared.errors import Refusal, Rejected
from shared.events.portal import PortalAct
from shared.http import AnonymousTx
from shared.ids import new_id
from shared.inbox import Follower
from shared.tokens import Principal

DEVICE_CLIENTS = ("vanthu-sign",)
AUDIENCES = ("docs", "signing", "registry", "notify")
TICKET = "urn:vanthu:params:oauth:grant-type:signing-ticket"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PASSING = frozenset({"session", "attempt"})  # tables: that somebody is still there, how often a password was tried
NO_STORE = {"Cache-Control": "no-store"}

router = APIRouter(tags=["oauth"])


def create(
    pool: Pool, issuer: Issuer, services: Mapping[str, str], *, url: str, source: str, follower: Follower
) -> FastAPI:
    """`services` are base URLs by name, `url` the portal's own as browsers know it."""
    large = {PUBLIC: MAX_PUBLIC * 1024 * 1024, WITH_FILES: MAX_FORM * 1024 * 1024}
    app = http.create_app("portal", pool, follower=follower, large=large, source=source, besides=PASSING)
    clients = Services(services, issuer)
    app.state.site = visits.Site(pool, clients, url.rstrip("/"), source, visits.make_templates())
    app.state.issuer = issuer
    app.include_router(router)
    wiring.add_pages(app, oauth_error=_as_oauth)

    @asynccontextmanager
    async def closing(_: FastAPI) -> Any:
        yield
        clients.close()

    app.router.lifespan_context = closing
    return app


# --- what programs may know before they log in


@router.get("/.well-known/oauth-authorization-server")
def metadata(request: Request) -> dict[str, Any]:
    """RFC 8414; `vanthu_services` says where each audience's API is."""
    site = visits.site_of(request)
    return {
        "issuer": site.url,
        "device_authorization_endpoint": f"{site.url}/oauth/device_authorization",
        "token_endpoint": f"{site.url}/oauth/token",
        "grant_types_supported": [DEVICE_CODE, TICKET, "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "response_types_supported": [],
        "vanthu_services": {name: site.services.urls[name] for name in AUDIENCES},
    }


# --- device flow (RFC 8628)


@router.post("/oauth/device_authorization")
def authorise_device(request: Request, tx: AnonymousTx, client_id: Annotated[str, Form()] = "") -> JSONResponse:
    """RFC 8628 §3.1 and §3.2."""
    if client_id not in DEVICE_CLIENTS:
        raise Rejected(refusals.INVALID_CLIENT)
    now = datetime.now(UTC)
    device_code = domain.new_secret()
    grant = DeviceGrant(
        device_hash=domain.digest(device_code),
        user_code=domain.new_user_code(),
        client_id=client_id,
        state="pending",
        person_id=None,
        post_id=None,
        poll_interval=domain.POLL_INTERVAL,
        polled_at=None,
        created_at=now,
        expires_at=now + domain.DEVICE_LIFETIME,
    )
    store.add_device_grant(tx, grant)
    page = f"{visits.site_of(request).url}/device"
    shown = domain.shown_user_code(grant.user_code)
    answer = {
        "device_code": device_code,
        "user_code": shown,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={shown}",
        "expires_in": int(domain.DEVICE_LIFETIME.total_seconds()),
        "interval": grant.poll_interval,
    }
    return JSONResponse(answer, headers=NO_STORE)


# --- tokens


class TokenRequest(BaseModel):
    """The form of RFC 6749 §4 with RFC 8707's idea of an audience, one service at a time."""

    model_config = ConfigDict(frozen=True)

    grant_type: str = ""
    audience: str = ""
    client_id: str = ""
    client_secret: str = ""
    device_code: str = ""
    refresh_token: str = ""
    ticket: str = ""
    code_verifier: str = ""


@router.post("/oauth/token")
def issue_token(
    request: Request,
    asked: Annotated[TokenRequest, Form()],
    authorization: Annotated[str | None, Header()] = None,
) -> JSONResponse:
    """Refusals that change something (a slower poll, an ended grant) are answered, not raised: they commit."""
    if asked.grant_type not in {DEVICE_CODE, TICKET, "refresh_token", "client_credentials"}:
        raise Rejected(refusals.UNSUPPORTED_GRANT_TYPE)
    if asked.audience not in AUDIENCES:
        raise Rejected(refusals.INVALID_TARGET, audience=asked.audience[:40])
    if asked.grant_type == "client_credentials":
        return _partner_token(request, asked, authorization)
    exchange = {DEVICE_CODE: _exchange_device_code, TICKET: _exchange_ticket}.get(
        asked.grant_type, _exchange_refresh_token
    )
    with transaction(request.app.state.pool) as tx:
        return exchange(request, tx, asked)


def _exchange_device_code(request: Request, tx: Tx, asked: TokenRequest) -> JSONResponse:
    now = datetime.now(UTC)
    grant = store.lock_device_grant(tx, domain.digest(asked.device_code))
    if grant is None:
        raise Rejected(refusals.INVALID_GRANT)
    after, outcome = domain.poll(grant, asked.client_id, now)
    store.save_device_grant(tx, after)
    if outcome != "approved" or after.person_id is None or after.post_id is None:
        return _as_oauth(refusals.OF_A_POLL[outcome])
    principal = _principal(tx, after.person_id, after.post_id)
    if principal is None:
        return _as_oauth(refusals.ACCESS_DENIED)
    grant_id = new_id()
    store.add_program_grant(
        tx, grant_id=grant_id, client_id=after.client_id, person_id=after.person_id, post_id=after.post_id, now=now
    )
    _state(request, tx, principal, "program_granted", client=after.client_id)
    return _tokens(request, asked, principal, refresh=_new_refresh_token(tx, grant_id, now))


def _exchange_ticket(request: Request, tx: Tx, asked: TokenRequest) -> JSONResponse:
    """A sitting's token for the program that the ticket was made for; what the ticket was made for comes beside it."""
    now = datetime.now(UTC)
    if asked.client_id not in DEVICE_CLIENTS:
        raise Rejected(refusals.INVALID_CLIENT)
    if asked.audience != tickets.AUDIENCE:
        raise Rejected(refusals.INVALID_TARGET, audience=asked.audience)
    ticket = store_tickets.lock(tx, domain.digest(asked.ticket))
    if ticket is None:
        raise Rejected(refusals.SIGNING_TICKET_INVALID)
    after, outcome = tickets.redeem(ticket, asked.code_verifier, now, grant_id=new_id())
    store_tickets.save(tx, after)
    begun = store.find_program_grant(tx, ticket.grant_id) if ticket.grant_id else None
    if outcome == "signing_ticket_used" and ticket.grant_id and begun and not begun["ended_at"]:
        store.end_program_grant(tx, ticket.grant_id, now, "signing ticket used twice")
        _state_end(request, tx, ticket.person_id, ticket.post_id, "signing_ticket_used_twice")
    if outcome != "redeemed" or after.grant_id is None:
        return _as_oauth(refusals.OF_A_TICKET[outcome])
    principal = _principal(tx, after.person_id, after.post_id)
    if principal is None:
        return _as_oauth(refusals.ACCESS_DENIED)
    store.add_program_grant(
        tx,
        grant_id=after.grant_id,
        client_id=asked.client_id,
        person_id=after.person_id,
        post_id=after.post_id,
        now=now,
        ends_at=now + tickets.SITTING,
        audience=tickets.AUDIENCE,
    )
    _state(request, tx, principal, "signing_ticket_redeemed", client=asked.client_id)
    made_for = {
        "origin": after.origin,
        "person": principal.name,
        "post": principal.post,
        "documents": [{"document_id": str(each.document_id), "sha256": each.sha256} for each in after.documents],
    }
    refresh = _new_refresh_token(tx, after.grant_id, now, tickets.SITTING)
    return _tokens(request, asked, principal, refresh=refresh, ticket=made_for)


def _exchange_refresh_token(request: Request, tx: Tx, asked: TokenRequest) -> JSONResponse:
    """RFC 6749 §6 with rotation; a token used twice ends its whole grant."""
    now = datetime.now(UTC)
    token = store.lock_refresh_token(tx, domain.digest(asked.refresh_token))
    if token is None:
        raise Rejected(refusals.INVALID_GRANT)
    outcome = domain.exchange(token, now)
    grant = store.find_program_grant(tx, token.grant_id)
    if outcome == "reused" and grant and not grant["ended_at"]:
        store.end_program_grant(tx, token.grant_id, now, "refresh token used twice")
        _state_end(request, tx, grant["person_id"], grant["post_id"], "refresh_token_used_twice")
    if outcome in {"reused", "over"} or grant is None or grant["client_id"] != asked.client_id:
        return _as_oauth(refusals.INVALID_GRANT)
    lifetime = (grant["ends_at"] - now) if grant["ends_at"] else domain.REFRESH_LIFETIME
    if grant["audience"] not in {None, asked.audience} or lifetime <= timedelta(0):
        return _as_oauth(refusals.INVALID_GRANT)
    principal = _principal(tx, grant["person_id"], grant["post_id"])
    if principal is None:
        store.end_program_grant(tx, token.grant_id, now, "post no longer held")
        _state_end(request, tx, grant["person_id"], grant["post_id"], "post_no_longer_held")
        return _as_oauth(refusals.INVALID_GRANT)
    refresh = _new_refresh_token(tx, token.grant_id, now, lifetime)
    store.replace_refresh_token(tx, token, domain.digest(refresh), now)
    return _tokens(request, asked, principal, refresh=refresh)


def _partner_token(request: Request, asked: TokenRequest, authorization: str | None) -> JSONResponse:
    """RFC 6749 §4.4: a partner's system for itself. What was typed is told only when it is a partner's name."""
    name, secret = _basic(authorization) or (asked.client_id, asked.client_secret)
    if not name or not secret:
        raise Rejected(refusals.INVALID_CLIENT)
    pool, address = request.app.state.pool, request.client.host if request.client else None
    principal = Principal(kind="partner", name=name, roles=frozenset({"partner"}), partner=name)
    try:
        try_password(
            pool,
            f"partner:{name[:100]}",
            secret[:1000],
            address=address,
            find_hash=lambda tx: store.find_partner_secret(tx, name),
            wrong=refusals.INVALID_CLIENT,
        )
    except Rejected as rejected:
        with transaction(pool) as tx:
            # While they must wait nothing is told: whoever asks on and on would fill the ledger.
            if rejected.refusal is refusals.INVALID_CLIENT and store.find_partner_secret(tx, name) is not None:
                _state(request, tx, principal, "log_in_failed", code=rejected.code, address=address or "")
        raise
    with transaction(pool) as tx:
        _state(request, tx, principal, "log_in", audience=asked.audience)
    return _tokens(request, asked, principal, refresh=None)


def _state(request: Request, tx: Tx, who: Principal, act: str, **detail: str) -> None:
    """An act of a program, for the person or the partner that it is for."""
    kind = "program" if who.kind == "person" else "partner"
    stated = PortalAct(by=who.actor(), at=datetime.now(UTC), act=act, object_kind=kind, object_id=who.id, detail=detail)
    outbox.put(tx, stated, source=visits.site_of(request).source)


def _state_end(request: Request, tx: Tx, person_id: UUID, post_id: UUID, why: str) -> None:
    """Somebody's grant was ended by ourselves."""
    held = _principal(tx, person_id, post_id)
    who = held or Principal(kind="person", name="?", roles=frozenset(), person_id=person_id)
    _state(request, tx, who, "program_stopped", why=why)


def _tokens(
    request: Request, asked: TokenRequest, principal: Principal, *, refresh: str | None, **more: Any
) -> JSONResponse:
    issuer: Issuer = request.app.state.issuer
    answer: dict[str, Any] = {
        "access_token": issuer.token(principal, asked.audience),
        "token_type": "Bearer",
        "expires_in": tokens.LIFETIME,
        **more,
    }
    if refresh:
        answer["refresh_token"] = refresh
    return JSONResponse(answer, headers=NO_STORE)


def _new_refresh_token(tx: Tx, grant_id: UUID, now: datetime, lifetime: timedelta = domain.REFRESH_LIFETIME) -> str:
    token = domain.new_secret()
    store.add_refresh_token(tx, token_hash=domain.digest(token), grant_id=grant_id, now=now, lifetime=lifetime)
    return token


def _principal(tx: Tx, person_id: UUID, post_id: UUID) -> Principal | None:
    """The person at that post, today; None when they no longer hold it."""
    person = store.find_person(tx, person_id)
    post = person.post_on(visits.today_in_vietnam(), post_id) if person else None
    return visits.principal_of(person, post) if person and post else None


def _basic(authorization: str | None) -> tuple[str, str] | None:
    """RFC 6749 §2.3.1: HTTP Basic with both parts form-encoded."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Rejected(refusals.INVALID_CLIENT) from error
    return unquote_plus(name), unquote_plus(secret)


def _as_oauth(refusal: Refusal, **params: Any) -> JSONResponse:
    """RFC 6749 §5.2, with both languages beside."""
    said = refusal.say(**params)
    headers = NO_STORE | ({"WWW-Authenticate": 'Basic realm="vanthu"'} if refusal.status == 401 else {})
    body = {"error": refusal.code, "error_description": said.en, "detail_vi": said.vi, "detail_en": said.en}
    return JSONResponse(body, status_code=refusal.status, headers=headers)
