"""Puts the pages into the application: routers, static files, what a refusal looks like, security headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.portal.pages import (
    authority,
    calendar,
    certificate,
    circulation,
    copies,
    device,
    directory,
    discussion,
    dispatch,
    document,
    draft,
    figures,
    fleet,
    handling,
    handmade,
    home,
    importing,
    incoming,
    intake,
    inventory,
    ledger,
    notice,
    pictures,
    places,
    preview,
    procedure,
    proof,
    registers,
    rights,
    search,
    session,
    signing,
    structure,
    submission,
    system,
    trust,
    verify,
    visit,
    workfile,
    workflow,
)
from shared.errors import INVALID_REQUEST, NotFound, Refusal, Rejected
from shared.http import problem

# submission, dispatch, proof and places before document, whose last route takes any act.
PAGES = (
    session,
    home,
    ledger,
    rights,
    submission,
    copies,
    circulation,
    dispatch,
    proof,
    places,
    discussion,
    preview,
    pictures,
    document,
    draft,
    workflow,
    workfile,
    calendar,
    handling,
    incoming,
    search,
    intake,
    signing,
    authority,
    notice,
    device,
    certificate,
    directory,
    structure,
    importing,
    procedure,
    inventory,
    figures,
    registers,
    fleet,
    handmade,
    trust,
    verify,
    system,
)

OAuthError = Callable[..., Response]
FOR_PROGRAMS = ("/portal/v1/", "/.well-known/")

CONTENT_SECURITY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; object-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def add_pages(app: FastAPI, *, oauth_error: OAuthError) -> None:
    for each in PAGES:
        app.include_router(each.router)
    app.mount("/static", StaticFiles(directory=visit.STATIC), name="static")
    app.add_middleware(Headers)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.state.oauth_error = oauth_error
    app.add_exception_handler(Rejected, _rejected)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(psycopg.DataError, _not_storable)
    app.add_exception_handler(visit.SignInNeeded, _sign_in)
    app.add_exception_handler(visit.PostNeeded, _choose_post)
    app.add_exception_handler(visit.FormOutdated, _show_again)


async def _rejected(request: Request, error: Exception) -> Response:
    """Programs get what their protocol says, people a page."""
    assert isinstance(error, Rejected)  # noqa: S101  registered for this class
    params: dict[str, Any] = error.params
    if request.url.path.startswith("/oauth/"):
        oauth_error: OAuthError = request.app.state.oauth_error
        return oauth_error(error.refusal, **params)
    if request.url.path.startswith(FOR_PROGRAMS):
        return problem(request, error.refusal, **params)
    return await run_in_threadpool(_refused_page, request, error)


def _refused_page(request: Request, error: Rejected) -> Response:
    """With the menu of whoever is logged in, so that they can go on."""
    try:
        return visit.open_visit(request, visit.site_of(request)).page("refused.html", error=error)
    except (visit.SignInNeeded, visit.PostNeeded, Rejected):
        return visit.plain_page(request, "refused.html", status=error.refusal.status, error=error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        return await _rejected(request, NotFound(request.url.path))
    refusal = Refusal(
        f"http_{error.status_code}",
        "Yêu cầu không được chấp nhận ({why}); hãy mở lại trang rồi thử lại.",
        "The request is not accepted ({why}); open the page again and try once more.",
        error.status_code,
    )
    return await _rejected(request, Rejected(refusal, why=error.detail))


async def _not_valid(request: Request, error: Exception) -> Response:
    """An address that was cut or typed wrongly: there is no such page. Otherwise it says which part is not as it is."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    where = error.errors()[0]["loc"]
    if where[0] == "path":
        return await _rejected(request, NotFound(request.url.path))
    return await _rejected(request, Rejected(INVALID_REQUEST, where="/" + "/".join(str(part) for part in where)[:200]))


async def _not_storable(request: Request, _error: Exception) -> Response:
    """NUL in something typed, for one: no database takes it, whichever field it was in."""
    return await _rejected(request, Rejected(INVALID_REQUEST, where=request.url.path))


async def _sign_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, visit.SignInNeeded)  # noqa: S101
    if request.method == "GET" and request.url.path != "/events":
        return RedirectResponse(visit.log_in_address(request), 303)
    return session.login_page(request, form=error.form, kept_path=request.url.path, ended=error.ended, status=401)


async def _choose_post(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/post", 303)


async def _show_again(request: Request, error: Exception) -> Response:
    assert isinstance(error, visit.FormOutdated)  # noqa: S101
    return session.kept_page(error.visit, error.form, request.url.path)


class Headers:
    """Security headers on every answer; static files are for ever (their address changes), pages are never kept."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cache = b"public, max-age=31536000, immutable" if scope["path"].startswith("/static/") else b"no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                present = {name.lower() for name, _ in headers}
                for name, value in (
                    (b"content-security-policy", CONTENT_SECURITY.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"same-origin"),
                    (b"cache-control", cache),
                ):
                    if name not in present:
                        headers.append((name, value))
            await send(message)

        await self.app(scope, receive, send_with_headers)
