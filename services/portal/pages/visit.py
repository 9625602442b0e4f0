"""Who is at the browser, and the page that they get: sessions, form tokens, rendering. No page of its own."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.portal import domain, store, wording, wording_intake, wording_proof, wording_registry, wording_report
from services.portal.clients import Caller, Services
from services.portal.domain import Person, Post, Session
from services.portal.forms import Form, Posted
from services.portal.refusals import FORBIDDEN_PAGE
from shared import acts
from shared.db import Pool, transaction
from shared.errors import Rejected
from shared.tokens import Principal

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"
SESSION_COOKIE = "vanthu"
FORM_COOKIE = "vanthu_form"  # ties a log-in form to the browser that asked for it


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages stand on."""

    pool: Pool
    services: Services
    url: str  # of the portal, as browsers know it
    source: str
    templates: Environment

    @property
    def is_secure(self) -> bool:
        return self.url.startswith("https:")


def make_templates() -> Environment:
    """Undefined names raise: a page never shows a hole."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": wording.moment,
        "day": wording.day,
        "size": wording.size,
        "seconds": wording.seconds,
        "pairs": lambda rows, key, text: [(row[key], row[text]) for row in rows],
    }
    version = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))).hexdigest()[:12]
    environment.globals |= {
        "wording": wording,
        "report_words": wording_report,
        "intake_words": wording_intake,
        "registry_words": wording_registry,
        "proof_words": wording_proof,
        "state": wording.state,
        "version": version,
        "new_key": domain.new_secret,
        "session_limit": int(domain.WORKING_DAY.total_seconds()),
    }
    return environment


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is logged in and has chosen a post."""

    request: Request
    site: Site
    session: Session
    person: Person
    post: Post
    posts: tuple[Post, ...]

    @property
    def principal(self) -> Principal:
        return principal_of(self.person, self.post)

    @property
    def api(self) -> Caller:
        return self.site.services.as_person(self.principal)

    def has(self, *roles: str) -> bool:
        return bool(self.post.roles & set(roles))

    def need(self, *roles: str) -> None:
        """What a page is for; what may be done is decided by the service that is asked."""
        if not self.has(*roles):
            refused = Rejected(FORBIDDEN_PAGE, roles=", ".join(wording.ROLES[role] for role in roles))
            acts.refused(self.site.pool, refused)
            raise refused

    def page(
        self, template: str, *, error: Rejected | None = None, status: int | None = None, **values: Any
    ) -> Response:
        """The page; with an error its sentence stands on top and the status is the error's."""
        done = wording.DONE.get(self.request.query_params.get("done", ""))
        body = self.site.templates.get_template(template).render(
            visit=self,
            error=error,
            done=None if error else done,
            csrf=self.session.form_token(),
            path=self.request.url.path,
            **values,
        )
        return HTMLResponse(body, status or (error.refusal.status if error else 200))

    def to(self, path: str, done: str | None = None) -> Response:
        """After a form was taken in: see other, so that reloading repeats nothing."""
        return RedirectResponse(f"{path}?done={done}" if done else path, 303)


def principal_of(person: Person, post: Post) -> Principal:
    return Principal(
        kind="person",
        name=person.name,
        roles=post.roles,
        person_id=person.person_id,
        post_id=post.post_id,
        post=post.title,
        agency_id=post.agency_id,
    )


class SignInNeeded(Exception):
    """Nobody is logged in (any more): the log-in page comes, with what was typed."""

    def __init__(self, form: Form | None, *, ended: bool) -> None:
        self.form = form
        self.ended = ended


class PostNeeded(Exception):
    """Logged in, but for which post?"""

    def __init__(self, form: Form | None) -> None:
        self.form = form


class FormOutdated(Exception):
    """The form is of an earlier session: shown again, to be sent by its person."""

    def __init__(self, visit: Visit, form: Form) -> None:
        self.visit = visit
        self.form = form


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


TheSite = Annotated[Site, Depends(site_of)]


def read_session(request: Request, site: Site) -> tuple[Session | None, Person | None]:
    """The session of the cookie, over or not, and its person."""
    cookie = request.cookies.get(SESSION_COOKIE)
    if not cookie:
        return None, None
    with transaction(site.pool) as tx:
        session = store.find_session(tx, domain.digest(cookie))
        if session is None:
            return None, None
        now = datetime.now(UTC)
        if not session.is_over(now) and session.wants_touch(now):
            store.touch_session(tx, session.token_hash, now)
        return session, store.find_person(tx, session.person_id)


def open_visit(request: Request, site: Site, form: Form | None = None) -> Visit:
    session, person = read_session(request, site)
    now = datetime.now(UTC)
    if session is None or person is None or session.is_over(now) or not person.active:
        raise SignInNeeded(form, ended=session is not None)
    today = today_in_vietnam()
    post = person.post_on(today, session.post_id)
    if post is None:
        raise PostNeeded(form)
    acts.known(principal_of(person, post))
    return Visit(request, site, session, person, post, person.posts_on(today))


def today_in_vietnam() -> date:
    return datetime.now(wording.VIETNAM).date()


def _reading(request: Request, site: TheSite) -> Visit:
    return open_visit(request, site)


def _posting(request: Request, site: TheSite, form: Posted) -> Visit:
    visit = open_visit(request, site, form)
    if not visit.session.accepts(form.get("csrf")):
        raise FormOutdated(visit, form)
    return visit


Reading = Annotated[Visit, Depends(_reading)]
Posting = Annotated[Visit, Depends(_posting)]


# --- pages without a visit


def plain_page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page for somebody who is not logged in; its form is tied to the browser by a cookie."""
    site = site_of(request)
    cookie = request.cookies.get(FORM_COOKIE) or domain.new_secret()
    body = site.templates.get_template(template).render(
        visit=None, csrf=_form_proof(cookie), path=request.url.path, **{"error": None, "done": None, **values}
    )
    answer = HTMLResponse(body, status)
    set_cookie(answer, site, FORM_COOKIE, cookie, lifetime=timedelta(days=1))
    return answer


def is_our_plain_form(request: Request, form: Form) -> bool:
    cookie = request.cookies.get(FORM_COOKIE, "")
    return bool(cookie) and hmac.compare_digest(_form_proof(cookie).encode(), form.get("csrf").encode())


def _form_proof(cookie: str) -> str:
    return hashlib.sha256(b"form" + cookie.encode()).hexdigest()


def set_cookie(answer: Response, site: Site, name: str, value: str, *, lifetime: timedelta) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=site.is_secure,
    )


def log_in_address(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/login?next={quote(request.url.path + query, safe='')}"


def parts_of(loaders: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, Rejected]]:
    """Several independent answers for one page: what one service refuses or cannot say leaves the rest standing."""
    found: dict[str, Any] = {}
    missing: dict[str, Rejected] = {}
    for name, load in loaders.items():
        try:
            found[name] = load()
        except Rejected as rejected:
            missing[name] = rejected
    return found, missing
