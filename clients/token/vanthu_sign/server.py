"""The services over HTTP: device log-in (RFC 8628), short access tokens, signing's two calls, and the registry."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from vanthu_sign.check import Prepared
from vanthu_sign.folder import locked, write_private
from vanthu_sign.line import JSON, MB, PATIENCE, Answer, Line, check_origin, problem
from vanthu_sign.words import LOGIN_DENIED, NOT_LOGGED_IN, PORTAL_ADDRESS, Refused
from vanthu_sign.words_sitting import ANSWER_TOO_LARGE, ANSWER_UNEXPECTED

__all__ = ["DeviceCode", "Server", "prepared_from", "problem"]

CLIENT_ID = "vanthu-sign"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PDF = "application/pdf"
CONTENT_LIMIT = 512 * MB
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the person types into the browser, and where."""

    user_code: str
    verification_uri: str
    complete_uri: str | None
    device_code: str
    interval: float
    expires_at: float


class Server:
    """One portal and the services behind it, as one person; the session lies in a file only they can read.

    `stop` ends waiting for a cut line, `patience` (seconds) bounds it, `waits` hears that one is waited for. May be used by several threads.
    """

    def __init__(
        self,
        home: Path,
        *,
        stop: threading.Event | None = None,
        waits: Callable[[str], None] = lambda _where: None,
        patience: float = PATIENCE,
    ) -> None:
        self._home = home
        self._file = home / "session.json"
        self._line = Line(stop=stop, waits=waits, patience=patience)
        self._session = self._read()
        self._access: dict[str, tuple[str, float]] = {}  # audience: token and when it ends
        self._lock = threading.RLock()

    @property
    def portal(self) -> str:
        """The portal's address; Refused(not_logged_in) before the first log-in."""
        about = self._session.get("portal")
        if not about:
            raise Refused(NOT_LOGGED_IN)
        return str(self._session.get("address") or about["token_endpoint"])

    def now(self) -> datetime:
        """The time by the server's clock."""
        return self._line.now()

    def close(self) -> None:
        """Let go of the connections; the log-in stays."""
        self._line.close()

    # log-in

    def begin_log_in(self, portal: str) -> DeviceCode:
        """Ask the portal for a code pair."""
        if not portal.startswith(("https://", "http://")):
            raise Refused(PORTAL_ADDRESS, where=portal)
        about = self._good(self._line.ask("GET", f"{portal.rstrip('/')}/.well-known/oauth-authorization-server")).json()
        try:
            for url in (about["token_endpoint"], about["device_authorization_endpoint"]):
                check_origin(portal, url)
            for url in about["vanthu_services"].values():
                check_origin(portal, url)
        except (KeyError, TypeError, AttributeError) as error:
            raise Refused(ANSWER_UNEXPECTED, where=portal, found="oauth-authorization-server") from error
        self._session = {"portal": about, "address": portal.rstrip("/")}
        form = {"client_id": CLIENT_ID}
        found = self._good(self._line.ask("POST", about["device_authorization_endpoint"], data=form)).json()
        return _expected(
            portal,
            lambda: DeviceCode(
                user_code=str(found["user_code"]),
                verification_uri=str(found["verification_uri"]),
                complete_uri=found.get("verification_uri_complete"),
                device_code=str(found["device_code"]),
                interval=min(60.0, max(0.0, float(found.get("interval", 5)))),
                expires_at=time.monotonic() + min(3600.0, float(found["expires_in"])),
            ),
        )

    def finish_log_in(self, code: DeviceCode) -> None:
        """Wait until the person has approved the code in the browser; Refused(login_denied) when it ends otherwise."""
        interval = code.interval
        while time.monotonic() < code.expires_at:
            time.sleep(interval)
            form = {
                "grant_type": DEVICE_CODE,
                "device_code": code.device_code,
                "client_id": CLIENT_ID,
                "audience": "signing",
            }
            answer = self._line.ask("POST", self._session["portal"]["token_endpoint"], once=True, data=form)
            if answer.status == 200:
                with locked(self._home / "session.lock", wait=True):
                    self._keep(answer.json())
                return
            error = answer.json().get("error")
            if error == "slow_down":
                interval += 5
            elif error != "authorization_pending":
                break
        raise Refused(LOGIN_DENIED)

    def log_out(self) -> None:
        self._file.unlink(missing_ok=True)
        self._session, self._access = {}, {}

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self._file.read_text())) if self._file.exists() else {}

    def _keep(self, answer: dict[str, Any]) -> None:
        self._session["refresh_token"] = answer.get("refresh_token", self._session.get("refresh_token"))
        write_private(self._file, json.dumps(self._session).encode())

    def _token(self, audience: str) -> str:
        with self._lock:
            token, until = self._access.get(audience, ("", 0.0))
            if until > time.monotonic():
                return token
            # A refresh token counts once: another window of ours may have used the one that we remember.
            with locked(self._home / "session.lock", wait=True):
                self._session = self._read() or self._session
                return self._refresh(audience)

    def _refresh(self, audience: str) -> str:
        if "refresh_token" not in self._session:
            raise Refused(NOT_LOGGED_IN)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._session["refresh_token"],
            "client_id": CLIENT_ID,
            "audience": audience,
        }
        endpoint = check_origin(self.portal, self._session["portal"]["token_endpoint"])
        # The portal takes a refresh token once more while nobody used its successor: an answer lost on the way.
        answer = self._line.ask("POST", endpoint, data=form)
        if answer.status in (429, 502, 503, 504):
            raise problem(answer.json())
        if answer.status != 200:
            raise Refused(NOT_LOGGED_IN)
        body = answer.json()
        self._keep(body)
        token, lifetime = _expected(endpoint, lambda: (str(body["access_token"]), float(body["expires_in"])))
        self._access[audience] = (token, time.monotonic() + lifetime - 30)
        return token

    @property
    def person_id(self) -> str:
        """Who is logged in. Read from the token without proof: it only chooses what to ask, the service judges."""
        claims = self._token("signing").split(".")[1]
        return str(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])

    # signing

    def tasks(self) -> list[dict[str, Any]]:
        """What waits for this person, over all pages."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(100):
            page = self._signing("GET", "/tasks", params={"cursor": cursor} if cursor else {}).json()
            found += _expected(self.portal, lambda page=page: [dict(each) for each in page["items"]])  # type: ignore[misc]
            cursor = page.get("next_cursor")
            if not cursor:
                return found
        raise Refused(ANSWER_TOO_LARGE, where=self.portal, limit_mb=0)

    def content(self, document_id: str, size: int = CONTENT_LIMIT) -> bytes:
        """The document's current bytes, which are `size` at most."""
        limit = min(CONTENT_LIMIT, max(0, size))
        return self._signing("GET", f"/documents/{document_id}/content", kind=PDF, limit=limit).body

    def prepare(self, certificate_pem: str, items: list[dict[str, str]], *, pss: bool = False) -> list[dict[str, Any]]:
        """The first call, for a list; each item comes back prepared or with its problem."""
        body = {"certificate_pem": certificate_pem, "items": items, "rsa_pss": pss}
        answer = self._signing("POST", "/preparations", json=body).json()
        return _expected(self.portal, lambda: [dict(each) for each in answer["items"]])

    def complete(self, items: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
        """The second call: preparation id and raw signature of each."""
        body = {"items": [{"preparation_id": p, "signature_b64": b64encode(s).decode()} for p, s in items]}
        answer = self._signing("POST", "/completions", json=body).json()
        return _expected(self.portal, lambda: [dict(each) for each in answer["items"]])

    def preparation(self, preparation_id: str) -> dict[str, Any]:
        return self._signing("GET", f"/preparations/{preparation_id}").json()

    def preparations(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """How these stand, by id; one of which the server says nothing in a list is asked for by itself."""
        answer = self._signing("GET", "/preparations", params={"id": list(ids)}).json()
        return _expected(self.portal, lambda: {str(each["preparation_id"]): dict(each) for each in answer["items"]})

    def report(self, said: dict[str, Any]) -> None:
        """Tell the operator's fleet view about this program; see report.py."""
        self._call("signing", "POST", "/clients", patience=1.0, json=said)

    def _signing(self, method: str, path: str, **more: Any) -> Answer:
        return self._call("signing", method, path, **more)

    # registry

    def registry(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """One call of the registry's API; its answer."""
        return self._call("registry", method, path, **more).json()

    def registry_items(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """A list of the registry, over all pages."""
        while True:
            page = self.registry("GET", path, params=query)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def _call(self, service: str, method: str, path: str, *, kind: str = JSON, **more: Any) -> Answer:
        token = self._token(service)  # without a log-in there are no addresses either
        headers = {"Authorization": f"Bearer {token}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        if kind != JSON:
            headers["Accept"] = kind
        base = check_origin(self.portal, self._session["portal"]["vanthu_services"][service].rstrip("/"))
        return self._good(self._line.ask(method, f"{base}/{service}/v1{path}", kind=kind, headers=headers, **more))

    def _good(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            raise problem(answer.json())
        return answer


def prepared_from(item: dict[str, Any]) -> Prepared:
    """A prepared item as it is checked; Refused(answer_unexpected) when it is none."""

    def read() -> Prepared:
        start, first, second, rest = (int(v) for v in item["byte_range"])
        return Prepared(
            update=b64decode(item["update_b64"], validate=True),
            byte_range=(start, first, second, rest),
            signed_attributes=b64decode(item["signed_attributes_b64"], validate=True),
            digest=str(item.get("digest_algorithm") or "sha256"),
        )

    return _expected("preparations", read)


def _expected(where: str, read: Callable[[], Got]) -> Got:
    """What is read from an answer; an answer without it is no answer of ours."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(ANSWER_UNEXPECTED, where=where, found=JSON) from error
