"""The services over HTTP: device log-in (RFC 8628), short access tokens, signing's two calls, and the registry."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from vanthu_sign.check import Prepared
from vanthu_sign.words import LOGIN_DENIED, NOT_LOGGED_IN, PORTAL_ADDRESS, UNREACHABLE, Refused, told

CLIENT_ID = "vanthu-sign"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
PATIENCE = 30.0  # seconds that a cut line or a restarting server is waited for


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
    """One portal and the services behind it, as one person; the session lies in a file only they can read."""

    def __init__(self, home: Path) -> None:
        self._file = home / "session.json"
        self._http = httpx.Client(timeout=TIMEOUT, headers={"Accept": "application/json"})
        self._session: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._access: dict[str, tuple[str, float]] = {}  # audience: token and when it ends

    # log-in

    def begin_log_in(self, portal: str) -> DeviceCode:
        """Ask the portal for a code pair."""
        if not portal.startswith(("https://", "http://")):
            raise Refused(PORTAL_ADDRESS, where=portal)
        about = self._send("GET", f"{portal.rstrip('/')}/.well-known/oauth-authorization-server").json()
        self._session = {"portal": about}
        found = self._send("POST", about["device_authorization_endpoint"], data={"client_id": CLIENT_ID}).json()
        return DeviceCode(
            user_code=found["user_code"],
            verification_uri=found["verification_uri"],
            complete_uri=found.get("verification_uri_complete"),
            device_code=found["device_code"],
            interval=float(found.get("interval", 5)),
            expires_at=time.monotonic() + float(found["expires_in"]),
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
            answer = self._post(self._session["portal"]["token_endpoint"], form)
            if answer.status_code == 200:
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
        self._session = {}

    def _keep(self, answer: dict[str, Any]) -> None:
        self._session["refresh_token"] = answer.get("refresh_token", self._session.get("refresh_token"))
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(self._session))
        new.replace(self._file)

    def _token(self, audience: str) -> str:
        token, until = self._access.get(audience, ("", 0.0))
        if until > time.monotonic():
            return token
        if "refresh_token" not in self._session:
            raise Refused(NOT_LOGGED_IN)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._session["refresh_token"],
            "client_id": CLIENT_ID,
            "audience": audience,
        }
        answer = self._post(self._session["portal"]["token_endpoint"], form)
        if answer.status_code != 200:
            raise Refused(NOT_LOGGED_IN)
        body = answer.json()
        self._keep(body)
        self._access[audience] = (body["access_token"], time.monotonic() + body["expires_in"] - 30)
        return str(body["access_token"])

    @property
    def person_id(self) -> str:
        """Who is logged in. Read from the token without proof: it only chooses what to ask, the service judges."""
        claims = self._token("registry").split(".")[1]
        return str(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])

    # signing

    def tasks(self) -> list[dict[str, Any]]:
        """What waits for this person, over all pages."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self._signing("GET", "/tasks", params={"cursor": cursor} if cursor else {}).json()
            found += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return found

    def content(self, document_id: str) -> bytes:
        """The document's current bytes."""
        return self._signing("GET", f"/documents/{document_id}/content").content

    def prepare(self, certificate_pem: str, items: list[dict[str, str]]) -> list[dict[str, Any]]:
        """The first call, for a list; each item comes back prepared or with its problem."""
        body = {"certificate_pem": certificate_pem, "items": items}
        return list(self._signing("POST", "/preparations", json=body).json()["items"])

    def complete(self, items: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
        """The second call: preparation id and raw signature of each."""
        body = {"items": [{"preparation_id": p, "signature_b64": b64encode(s).decode()} for p, s in items]}
        return list(self._signing("POST", "/completions", json=body).json()["items"])

    def preparation(self, preparation_id: str) -> dict[str, Any]:
        return dict(self._signing("GET", f"/preparations/{preparation_id}").json())

    def _signing(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._call("signing", method, path, **more)

    # registry

    def registry(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """One call of the registry's API; its answer."""
        return dict(self._call("registry", method, path, **more).json())

    def registry_items(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """A list of the registry, over all pages."""
        while True:
            page = self.registry("GET", path, params=query)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def _call(self, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        token = self._token(service)  # without a log-in there are no addresses either
        headers = {"Authorization": f"Bearer {token}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        base = self._session["portal"]["vanthu_services"][service].rstrip("/")
        return self._send(method, f"{base}/{service}/v1{path}", headers=headers, **more)

    def _post(self, url: str, form: dict[str, str]) -> httpx.Response:
        # A refresh token counts once: sent again only when the first request surely never arrived.
        return self._persist("POST", url, (httpx.ConnectError, httpx.ConnectTimeout), data=form)

    def _send(self, method: str, url: str, **more: Any) -> httpx.Response:
        # Everything else may be repeated: readings, and writings under the same Idempotency-Key.
        answer = self._persist(method, url, (httpx.TransportError,), **more)
        if answer.is_error:
            raise problem(_json(answer))
        return answer

    def _persist(
        self, method: str, url: str, passing: tuple[type[httpx.TransportError], ...], **more: Any
    ) -> httpx.Response:
        """One request, tried again while the line is cut or the server starts again, for half a minute at most."""
        until, pause = time.monotonic() + PATIENCE, 0.2
        while True:
            try:
                answer = self._http.request(method, url, **more)
            except httpx.TransportError as error:
                if not isinstance(error, passing) or time.monotonic() > until:
                    raise Refused(UNREACHABLE, where=url) from error
            else:
                if answer.status_code != 503 or time.monotonic() > until:
                    return answer
            time.sleep(pause)
            pause = min(pause * 2, 3.0)


def problem(found: dict[str, Any]) -> Refused:
    """A refusal of a service (RFC 9457) as ours."""
    return told(
        str(found.get("code", "server_error")),
        str(found.get("detail_vi", "Máy chủ báo lỗi; hãy thử lại sau ít phút.")),
        str(found.get("detail_en", "The server failed; try again in a few minutes.")),
    )


def prepared_from(item: dict[str, Any]) -> Prepared:
    start, first, second, rest = (int(v) for v in item["byte_range"])
    return Prepared(
        update=b64decode(item["update_b64"]),
        byte_range=(start, first, second, rest),
        signed_attributes=b64decode(item["signed_attributes_b64"]),
    )


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        return dict(answer.json())
    except ValueError:
        return {"code": f"http_{answer.status_code}"}
