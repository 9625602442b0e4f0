"""The people of the story, each working through public interfaces only: the portal's pages, the services' HTTP."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import httpx

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT = "vanthu-sign"
PATIENCE = 60.0  # seconds
Found = TypeVar("Found")


class Unexpected(Exception):
    """The stack did something that the story does not expect; the demo ends with this sentence."""


@dataclass(frozen=True, slots=True)
class Login:
    """One line of var/demo/logins.json."""

    login: str
    password: str
    name: str
    role: str
    agency: str
    agency_identifier: str


def expect(condition: object, sentence: str) -> None:
    """End the story when something differs from what it tells."""
    if not condition:
        raise Unexpected(sentence)


def eventually(look: Callable[[], Found | None], what: str, *, seconds: float = 120.0) -> Found:
    """Look until there is something to see; how long the stack may take is bounded."""
    until, pause = time.monotonic() + seconds, 0.1
    while True:
        if (found := look()) is not None:
            return found
        if time.monotonic() > until:
            raise Unexpected(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.3, 1.0)


def persist(client: httpx.Client, method: str, url: str, **more: Any) -> httpx.Response:
    """One request, sent again while its server restarts: what writes carries an Idempotency-Key or is a form of ours."""
    until, pause = time.monotonic() + PATIENCE, 0.2
    while True:
        try:
            answer = client.request(method, url, **more)
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
        else:
            if answer.status_code not in {502, 503} or time.monotonic() > until:
                return answer
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


class Person:
    """Somebody at a browser: a session at the portal, and tokens for the services as a program of theirs would get."""

    def __init__(self, portal: str, login: Login) -> None:
        self.login = login
        self.portal = portal
        self.browser = httpx.Client(base_url=portal, timeout=60, follow_redirects=True)
        self.http = httpx.Client(timeout=120)
        self._tokens: dict[str, tuple[str, float]] = {}
        self._refresh = ""
        self.services: dict[str, str] = {}

    def close(self) -> None:
        self.browser.close()
        self.http.close()

    def log_in(self) -> None:
        """By the form, with its CSRF value, as a browser does."""
        page = persist(self.browser, "GET", "/login")
        form = {"csrf": _hidden(page.text, "csrf"), "login": self.login.login, "password": self.login.password}
        answer = persist(self.browser, "POST", "/login", data=form)
        expect(answer.status_code == 200 and "/login" not in str(answer.url), f"{self.login.login} could not log in")
        if answer.url.path == "/post" or 'action="/post"' in answer.text:
            self._choose_post(answer.text)

    def _choose_post(self, page: str) -> None:
        """Who holds several posts says first for which of them this session works."""
        choices = [form for form in page.split('action="/post"')[1:] if self.login.agency in html.unescape(form)]
        expect(choices, f"{self.login.login} has no post at {self.login.agency}")
        form = {name: _hidden(choices[0], name) for name in ("csrf", "post_id", "next")}
        answer = persist(self.browser, "POST", "/post", data=form)
        expect(answer.is_success and answer.url.path != "/post", f"{self.login.login} could not choose a post")

    def approve(self, user_code: str) -> None:
        """Allow a program that shows this code (RFC 8628 §3.3)."""
        page = persist(self.browser, "GET", "/device", params={"user_code": user_code})
        form = {"csrf": _hidden(page.text, "csrf"), "user_code": user_code, "decision": "approve"}
        answer = persist(self.browser, "POST", "/device", data=form)
        expect(answer.is_success, f"the code {user_code} was not accepted: {answer.status_code}")

    def connect(self) -> None:
        """Get a refresh token by the device flow, approving our own code."""
        about = persist(self.http, "GET", f"{self.portal}/.well-known/oauth-authorization-server").json()
        self.services = about["vanthu_services"]
        code = persist(self.http, "POST", about["device_authorization_endpoint"], data={"client_id": CLIENT}).json()
        self.approve(code["user_code"])
        form = {"grant_type": DEVICE_CODE, "device_code": code["device_code"], "client_id": CLIENT, "audience": "docs"}
        self._keep("docs", persist(self.http, "POST", about["token_endpoint"], data=form))
        self._token_endpoint = about["token_endpoint"]

    def _keep(self, audience: str, answer: httpx.Response) -> None:
        expect(answer.status_code == 200, f"no token for {self.login.login}: {answer.text[:300]}")
        body = answer.json()
        self._refresh = body["refresh_token"]
        self._tokens[audience] = (body["access_token"], time.monotonic() + body["expires_in"] - 30)

    def _token(self, audience: str) -> str:
        token, until = self._tokens.get(audience, ("", 0.0))
        if until < time.monotonic():
            form = {
                "grant_type": "refresh_token",
                "refresh_token": self._refresh,
                "client_id": CLIENT,
                "audience": audience,
            }
            self._keep(audience, persist(self.http, "POST", self._token_endpoint, data=form))
            token = self._tokens[audience][0]
        return token

    def call(self, method: str, service: str, path: str, **more: Any) -> httpx.Response:
        """One request to a service as this person; the answer as it is, refusals included."""
        headers = {"Authorization": f"Bearer {self._token(service)}"} | more.pop("headers", {})
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid4()))
        return persist(self.http, method, f"{self.services[service]}/{service}/v1{path}", headers=headers, **more)

    def get(self, service: str, path: str, **more: Any) -> Any:
        answer = self.call("GET", service, path, **more)
        expect(answer.is_success, f"GET {service} {path}: {answer.status_code} {answer.text[:400]}")
        return answer.json()

    def post(self, service: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.call("POST", service, path, **({"json": body} if body is not None else {}), **more)
        expect(answer.is_success, f"POST {service} {path}: {answer.status_code} {answer.text[:400]}")
        return answer.json()


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    if found is None:
        raise Unexpected(f"the page has no hidden field {name}")
    return html.unescape(found.group(1))
