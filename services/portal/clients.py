"""The other services' HTTP APIs, called as the person who sits at the browser. Their refusals become ours, unchanged."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import httpx

from services.portal.keys import Issuer
from services.portal.refusals import SERVICE_DOWN, TOKEN_NOT_ACCEPTED
from services.portal.wording_fields import invalid
from shared import telemetry
from shared.errors import INVALID_REQUEST, Refusal, Rejected
from shared.tokens import Principal

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(15.0, connect=2.0)
UPLOAD_TIMEOUT = httpx.Timeout(120.0, connect=2.0)
CHUNK = 64 * 1024
AWAY = 2.0  # seconds
CONFLICT = ("differences", "merged", "version", "saved_by", "saved_at")  # what comes with stale_version of a draft

IN_WORDS = {
    "docs": "văn bản",
    "signing": "ký số",
    "registry": "danh bạ",
    "notify": "thông báo",
    "portal": "cổng",
}


@dataclass(frozen=True, slots=True)
class Services:
    """Where the services are (base URLs by name) and whose tokens they believe."""

    urls: Mapping[str, str]
    issuer: Issuer
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT, trust_env=False))
    away: dict[str, float] = field(default_factory=dict)  # service → monotonic time at which it did not answer

    def as_person(self, principal: Principal) -> Caller:
        return Caller(self, principal)

    def close(self) -> None:
        self.http.close()


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls on behalf of one person. `service` is one of docs, signing, registry, notify; `path` follows /<service>/v1."""

    services: Services
    principal: Principal

    def get(self, service: str, path: str, **query: Any) -> Any:
        """The JSON answer; raises Rejected with the service's own code and sentences."""
        return self._call(service, "GET", path, params={k: v for k, v in query.items() if v not in (None, "")}).json()

    def post(self, service: str, path: str, body: Any = None, *, key: str) -> Any:
        """`key` is the form's Idempotency-Key: a second click gets the first one's answer."""
        answer = self._call(
            service, "POST", path, json=body if body is not None else {}, headers={"Idempotency-Key": key}
        )
        return answer.json() if answer.content else None

    def put(self, service: str, path: str, body: Any, *, version: str | None = None) -> Any:
        """`version` is what the form was made from: when somebody was faster, the answer is stale_version."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        answer = self._call(service, "PUT", path, json=body, headers=headers)
        return answer.json() if answer.content else None

    def delete(self, service: str, path: str, **query: Any) -> None:
        self._call(service, "DELETE", path, params=query)

    def upload(self, service: str, path: str, file: BinaryIO, *, key: str, **query: Any) -> Any:
        """Sends a file without holding it in memory."""
        return self._call(
            service,
            "POST",
            path,
            params=query,
            content=_chunks(file),
            headers={"Idempotency-Key": key, "Content-Type": "application/octet-stream"},
            timeout=UPLOAD_TIMEOUT,
        ).json()

    def pass_on(
        self, service: str, method: str, path: str, *, headers: Mapping[str, str], content: bytes
    ) -> httpx.Response:
        """The service's own answer, refusals too: for what the browser's script and the service settle between them."""
        with self._answering(service):
            return self.services.http.request(
                method,
                self._url(service, path),
                headers={**self._headers(service), **headers},
                content=content,
                timeout=UPLOAD_TIMEOUT,
            )

    def send_file(self, service: str, path: str, name: str, file: BinaryIO, *, key: str, **fields: str) -> Any:
        """A file with its name and what is said of it, as a form."""
        return self._call(
            service,
            "POST",
            path,
            data=fields,
            files={"file": (name, file)},
            headers={"Idempotency-Key": key},
            timeout=UPLOAD_TIMEOUT,
        ).json()

    @contextmanager
    def download(self, service: str, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """An open answer to read from; raises as `get` does. Whoever opens it closes it: a download that is left to the
        garbage collector may be closed inside the connection pool, by the thread that holds the pool's lock.
        """
        with self._answering(service):
            request = self.services.http.build_request(
                "GET", self._url(service, path), headers={**self._headers(service), **headers}
            )
            answer = self.services.http.send(request, stream=True)
            if answer.status_code >= 400:
                answer.read()
        try:
            _check(service, answer)
            yield answer
        finally:
            answer.close()

    def stream(self, service: str, path: str, last_event_id: str | None) -> AsyncIterator[bytes]:
        """The bytes of an event stream as they come, until either side ends it. Made outside of the event loop,
        since a token may need the database; read inside it.
        """
        headers = self._headers(service) | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        return _read_stream(service, self._url(service, path), headers)

    def _call(self, service: str, method: str, path: str, **request: Any) -> httpx.Response:
        own = request.pop("headers", {})
        with self._answering(service):
            headers = {**self._headers(service), **own}
            answer = self.services.http.request(method, self._url(service, path), headers=headers, **request)
        _check(service, answer)
        return answer

    @contextmanager
    def _answering(self, service: str) -> Iterator[None]:
        """A service that did not answer a moment ago is not waited for again: a page asks it several things."""
        if time.monotonic() - self.services.away.get(service, -AWAY) < AWAY:
            raise Rejected(SERVICE_DOWN, what=IN_WORDS[service])
        try:
            with telemetry.span(f"call {service}", kind=telemetry.SpanKind.CLIENT):
                yield
        except httpx.TransportError as error:
            log.warning("%s does not answer: %s", service, error)
            if isinstance(error, httpx.ConnectError | httpx.TimeoutException):
                self.services.away[service] = time.monotonic()
            raise Rejected(SERVICE_DOWN, what=IN_WORDS[service]) from error

    def _url(self, service: str, path: str) -> str:
        return f"{self.services.urls[service].rstrip('/')}/{service}/v1{path}"

    def _headers(self, service: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.services.issuer.token(self.principal, service)}"}
        if traceparent := telemetry.current_traceparent():
            headers["traceparent"] = traceparent
        return headers


async def _read_stream(service: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    timeout = httpx.Timeout(None, connect=2.0)
    async with (
        httpx.AsyncClient(timeout=timeout, trust_env=False) as http,
        http.stream("GET", url, headers=headers) as answer,
    ):
        if answer.status_code >= 400:
            await answer.aread()
        _check(service, answer)
        async for chunk in answer.aiter_raw():
            yield chunk


def _check(service: str, answer: httpx.Response) -> None:
    """RFC 9457 back into a Rejected."""
    if answer.status_code < 400:
        return
    if answer.status_code == 401:
        raise Rejected(TOKEN_NOT_ACCEPTED, what=IN_WORDS[service])
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict) or "code" not in problem:
        log.error("%s answered %s without a problem document", service, answer.status_code)
        raise Rejected(SERVICE_DOWN, what=IN_WORDS[service])
    raise Rejected(
        Refusal(
            str(problem["code"]),
            vi=_literal(_in_words(problem)),
            en=_literal(problem.get("detail_en") or problem.get("detail")),
            status=answer.status_code,
        ),
        **{name: problem[name] for name in CONFLICT if name in problem},
    )


def _in_words(problem: dict[str, Any]) -> Any:
    """The Vietnamese sentence; where a service names places in the request, what stands beside the boxes instead."""
    errors = problem.get("errors")
    if problem["code"] == INVALID_REQUEST.code and isinstance(errors, list):
        return invalid(errors)
    return problem.get("detail_vi") or problem.get("detail")


def _literal(sentence: Any) -> str:
    """Parameters were filled in over there: braces that are left are the sentence's own."""
    return str(sentence or "").replace("{", "{{").replace("}", "}}")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk
