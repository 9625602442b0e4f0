"""Logging in and out, and the choice of post. Who somebody is comes from `_authenticate` alone: an identity provider
(OIDC) will be a second way to the same `_begin`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.portal import domain, passwords, store, wording
from services.portal.domain import Person, Session
from services.portal.forms import Form, Posted, local_path, unkeep
from services.portal.pages import visit as visits
from services.portal.pages.visit import SESSION_COOKIE, Site, TheSite, plain_page
from services.portal.refusals import NO_POST_TODAY, PERSON_NOT_KNOWN_YET, POST_NOT_YOURS, WRONG_PASSWORD
from services.portal.throttle import try_password
from shared import outbox
from shared.db import Tx, transaction
from shared.errors import Rejected
from shared.events import Actor
from shared.events.portal import PortalAct

router = APIRouter(include_in_schema=False)

REOPENED = ("/documents/new", "/drafts/")  # forms long enough to be looked over again before they are sent


@router.get("/login")
def show_login(request: Request, site: TheSite, next: Annotated[str, Query()] = "/") -> Response:
    session, _ = visits.read_session(request, site)
    if session and not session.is_over(datetime.now(UTC)):
        return RedirectResponse(local_path(next) or "/", 303)
    return login_page(request, next_path=next, ended=session is not None)


def login_page(
    request: Request,
    *,
    form: Form | None = None,
    kept_path: str = "",
    next_path: str = "/",
    login: str = "",
    ended: bool = False,
    error: Rejected | None = None,
    status: int = 200,
) -> Response:
    """`form` is what was typed when the session ended; it goes along and comes back after the log-in."""
    return plain_page(
        request,
        "login.html",
        status=error.refusal.status if error else status,
        kept=form.kept() if form else "",
        kept_path=kept_path,
        kept_shown=_shown(form.pairs) if form else [],
        next_path=local_path(next_path) or "/",
        login=login,
        ended=ended,
        error=error,
    )


@router.post("/login")
def log_in(request: Request, site: TheSite, form: Posted) -> Response:
    kept = Form(unkeep(form.get("kept"))) if form.get("kept") else None
    again = partial(
        login_page,
        request,
        form=kept,
        kept_path=form.get("kept_path"),
        next_path=form.get("next"),
        login=form.get("login"),
    )
    if not visits.is_our_plain_form(request, form):
        # Cookies were cleared or the page is a day old: nothing is wrong with what was typed.
        return again(ended=True)
    try:
        person = _authenticate(request, site, form)
        token, session = _begin(request, site, person)
    except Rejected as rejected:
        return again(error=rejected)
    answer = _after(request, site, session, person, form)
    # As long as a session can last: whether it still does is decided here, and an ended one is told apart from none.
    visits.set_cookie(answer, site, SESSION_COOKIE, token, lifetime=domain.LONGEST_SESSION)
    return answer


def _authenticate(request: Request, site: Site, form: Form) -> Person:
    """A local account's password; raises Rejected and leaves a trace of every failure."""
    login = domain.as_login(form.get("login"))
    password = next((value for name, value in form.pairs if name == "password"), "")  # blanks belong to it
    address = request.client.host if request.client else None
    try:
        matched = try_password(
            site.pool,
            f"login:{login}",
            password[:1000],
            address=address,
            find_hash=lambda tx: store.find_password(tx, login),
            wrong=WRONG_PASSWORD,
        )
        with transaction(site.pool) as tx:
            if passwords.is_outdated(matched):
                store.save_password(tx, login, passwords.make(password))
            return _person_of(tx, login)
    except Rejected as rejected:
        with transaction(site.pool) as tx:
            _state_failure(tx, site, login, rejected, address)
        raise


def _person_of(tx: Tx, login: str) -> Person:
    person = store.find_person_by_login(tx, login)
    if person is None:
        raise Rejected(PERSON_NOT_KNOWN_YET)
    if not person.posts_on(visits.today_in_vietnam()):
        raise Rejected(NO_POST_TODAY)
    return person


def _state_failure(tx: Tx, site: Site, login: str, rejected: Rejected, address: str | None) -> None:
    """What was typed goes into the ledger only when it is somebody's name: people type passwords into name fields."""
    known = store.find_password(tx, login) is not None
    person = store.find_person_by_login(tx, login)
    act = PortalAct(
        by=Actor(person_id=person.person_id if person else None, name=login if known else "?"),
        at=datetime.now(UTC),
        act="log_in_failed",
        object_kind="account",
        object_id=login if known else "unknown",
        detail={"code": rejected.code, "address": address or ""},
    )
    outbox.put(tx, act, source=site.source)


def _begin(request: Request, site: Site, person: Person) -> tuple[str, Session]:
    """A session, for the only post or the one chosen before; otherwise the post is asked for next."""
    token = domain.new_secret()
    now = datetime.now(UTC)
    earlier, _ = visits.read_session(request, site)
    before = earlier.post_id if earlier and earlier.person_id == person.person_id else None
    today = visits.today_in_vietnam()
    post = person.post_on(today, before) or person.post_on(today, None)
    session = domain.begin_session(token, person.person_id, post.post_id if post else None, now)
    with transaction(site.pool) as tx:
        if earlier:
            store.end_session(tx, earlier.token_hash, now)
        store.add_session(tx, session)
        _state(tx, site, person, "log_in", post.agency_id if post else None)
    return token, session


def _state(tx: Tx, site: Site, person: Person, act: str, agency_id: UUID | None, **detail: str) -> None:
    stated = PortalAct(
        by=Actor(person_id=person.person_id, name=person.name, agency_id=agency_id),
        at=datetime.now(UTC),
        act=act,
        object_kind="session",
        object_id=str(person.person_id),
        detail=detail,
    )
    outbox.put(tx, stated, source=site.source)


def _after(request: Request, site: Site, session: Session, person: Person, form: Form) -> Response:
    """Where to go: choose a post, back to what was typed, or on."""
    kept, kept_path = form.get("kept"), local_path(form.get("kept_path"))
    next_path = local_path(form.get("next")) or "/"
    post = person.post_on(visits.today_in_vietnam(), session.post_id)
    if post is None:
        if kept and kept_path:
            return _post_page(site, session, person, kept=kept, kept_path=kept_path, next_path=next_path)
        return RedirectResponse("/post", 303)
    if kept and kept_path:
        visit = visits.Visit(request, site, session, person, post, person.posts_on(visits.today_in_vietnam()))
        return kept_page(visit, Form(unkeep(kept)), kept_path)
    return RedirectResponse(next_path, 303)


def kept_page(visit: visits.Visit, form: Form, path: str) -> Response:
    """What was typed, shown to the one who logged in, to be sent or dropped by them."""
    return visit.page(
        "kept.html",
        fields=[pair for pair in unkeep(form.kept()) if pair[0] != "password"],
        shown=_shown(form.pairs),
        action=path,
        reopens=path.startswith(REOPENED),
    )


def _shown(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(wording.FIELDS[name], value) for name, value in pairs if name in wording.FIELDS and value]


# --- choice of post


@router.get("/post")
def show_posts(request: Request, site: TheSite) -> Response:
    session, person = _signed_in(request, site, None)
    return _post_page(site, session, person)


def _post_page(
    site: Site,
    session: Session,
    person: Person,
    *,
    kept: str = "",
    kept_path: str = "",
    next_path: str = "/",
    error: Rejected | None = None,
) -> Response:
    body = site.templates.get_template("post.html").render(
        visit=None,
        error=error,
        done=None,
        csrf=session.form_token(),
        path="/post",
        person=person,
        posts=person.posts_on(visits.today_in_vietnam()),
        chosen=session.post_id,
        kept=kept,
        kept_path=kept_path,
        next_path=next_path,
    )
    return HTMLResponse(body, error.refusal.status if error else 200)


@router.post("/post")
def choose_post(request: Request, site: TheSite, form: Posted) -> Response:
    session, person = _signed_in(request, site, form)
    carried = {"kept": form.get("kept"), "kept_path": form.get("kept_path"), "next_path": form.get("next")}
    wanted = next(
        (p for p in person.posts_on(visits.today_in_vietnam()) if str(p.post_id) == form.get("post_id")), None
    )
    if wanted is None or not session.accepts(form.get("csrf")):
        error = Rejected(POST_NOT_YOURS) if wanted is None else None
        return _post_page(site, session, person, error=error, **carried)
    with transaction(site.pool) as tx:
        store.choose_post(tx, session.token_hash, wanted.post_id)
        _state(tx, site, person, "post_chosen", wanted.agency_id, post=wanted.title)
    chosen = replace(session, post_id=wanted.post_id)
    return _after(request, site, chosen, person, form)


def _signed_in(request: Request, site: Site, form: Form | None) -> tuple[Session, Person]:
    session, person = visits.read_session(request, site)
    if session is None or person is None or session.is_over(datetime.now(UTC)) or not person.active:
        raise visits.SignInNeeded(form, ended=session is not None)
    return session, person


@router.post("/logout")
def log_out(request: Request, site: TheSite, form: Posted) -> Response:
    session, person = visits.read_session(request, site)
    answer = RedirectResponse("/login", 303)
    if session and person and session.accepts(form.get("csrf")):
        with transaction(site.pool) as tx:
            store.end_session(tx, session.token_hash, datetime.now(UTC))
            post = person.post_on(visits.today_in_vietnam(), session.post_id)
            _state(tx, site, person, "log_out", post.agency_id if post else None)
        answer.delete_cookie(SESSION_COOKIE)
    return answer
