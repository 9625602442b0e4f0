"""The development PKI over HTTP, as its own process or inside a test (`running`).

uvicorn speaks HTTP. OCSP is answered by the loop itself, since most answers lie ready; what signs certificates, writes to
the disk or makes lists is done by a few threads.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import datetime as dt
import hmac
import json
import logging
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import uvicorn

from deploy.devpki import ocsp, shapes, tsa
from deploy.devpki.hierarchy import DEFAULT_KEYS, MARK
from deploy.devpki.issuing import (
    DEFAULT_DAYS,
    Issued,
    PublicKey,
    Subject,
    accept_key,
    read_csr,
    serial_text,
)
from deploy.devpki.pki import Pki
from deploy.devpki.refusals import (
    CONTENT_TYPE,
    LENGTH_REQUIRED,
    NO_SUCH_ADDRESS,
    OUTAGE,
    SECRET_WRONG,
    TOO_LARGE,
)
from deploy.devpki.store import Status
from shared.errors import IDEMPOTENCY_KEY_REQUIRED, INTERNAL, Rejected

LIMIT = 65536  # bytes of a request; the largest honest one is a CSR of some kilobytes
PEM, CERTIFICATE = "application/x-pem-file", "application/pkix-cert"
OCSP_REQUEST, OCSP_ANSWER = "application/ocsp-request", "application/ocsp-response"
RENEWED_EVERY = 5.0  # seconds; well below ocsp.AHEAD
TSA_REQUEST, TSA_ANSWER = "application/timestamp-query", "application/timestamp-reply"
log = logging.getLogger("vanthu.devpki")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  # as sent, without the query
    body: bytes
    headers: Mapping[str, str]  # names in lower case


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    content_type: str
    status: int = 200


def answer(pki: Pki, request: Request) -> Answer:
    """Routes a request; raises `Rejected`."""
    if request.method == "GET" and request.path.startswith("/ocsp/"):
        return _ocsp_by_get(pki, request)
    route = _ROUTES.get((request.method, request.path))
    if route is None:
        raise Rejected(NO_SUCH_ADDRESS, method=request.method, path=request.path)
    return route(pki, request)


def _about(_pki: Pki, _request: Request) -> Answer:
    return Answer(f"{MARK}\n".encode(), "text/plain; charset=utf-8")


def _health(pki: Pki, _request: Request) -> Answer:
    pki.database.revocation_version("issuing")  # raises when the file is gone or damaged
    return _json({"status": "ok"})


def _root_pem(pki: Pki, _request: Request) -> Answer:
    return Answer(pki.hierarchy.root.ca.pem, PEM)


def _chain_pem(pki: Pki, _request: Request) -> Answer:
    return Answer(pki.hierarchy.chain_pem, PEM)


def _root_der(pki: Pki, _request: Request) -> Answer:
    return Answer(pki.hierarchy.root.ca.der, CERTIFICATE)


def _issuing_der(pki: Pki, _request: Request) -> Answer:
    return Answer(pki.hierarchy.issuing.ca.der, CERTIFICATE)


def _tsa_der(pki: Pki, _request: Request) -> Answer:
    return Answer(pki.hierarchy.tsa.der, CERTIFICATE)


def _crl(pki: Pki, request: Request) -> Answer:
    _require_up(pki, "crl")
    name = request.path.removeprefix("/").removesuffix(".crl")
    return Answer(pki.crls[name].current(), "application/pkix-crl")


def _ocsp_by_post(pki: Pki, request: Request) -> Answer:
    _require_up(pki, "ocsp")
    _require_type(request, OCSP_REQUEST)
    return _ocsp(pki, request.body)


def _ocsp_by_get(pki: Pki, request: Request) -> Answer:
    """RFC 6960 appendix A.1: base64, then URL-encoded; a client that leaves the slashes plain is understood."""
    _require_up(pki, "ocsp")
    try:
        asked = base64.b64decode(unquote_to_bytes(request.path.removeprefix("/ocsp/")), validate=True)
    except binascii.Error:
        asked = b""
    return _ocsp(pki, asked)


def _ocsp(pki: Pki, asked: bytes) -> Answer:
    try:
        return Answer(pki.ocsp.answer(asked), OCSP_ANSWER)
    except Exception:
        log.exception("OCSP answer failed")
        return Answer(ocsp.internal_error(), OCSP_ANSWER)


def _time_stamp(pki: Pki, request: Request) -> Answer:
    _require_up(pki, "tsa")
    _require_type(request, TSA_REQUEST)
    try:
        return Answer(pki.tsa.answer(request.body), TSA_ANSWER)
    except Exception:
        log.exception("time stamp failed")
        return Answer(tsa.reject("system_failure", "The authority failed; try again."), TSA_ANSWER)


def _issue(pki: Pki, request: Request) -> Answer:
    _require_secret(pki, request)
    _require_up(pki, "issue")
    key = request.headers.get("idempotency-key", "").strip()
    if not key:
        raise Rejected(IDEMPOTENCY_KEY_REQUIRED)
    asked = shapes.read_issue(request.body)
    issued = pki.issue(
        read_csr(asked.csr),
        subject=asked.subject,
        profile=asked.profile,
        days=asked.days,
        not_before=asked.not_before,
        not_after=asked.not_after,
        idempotency_key=key,
    )
    return _json(shapes.show_issued(issued), status=201)


def _revoke(pki: Pki, request: Request) -> Answer:
    _require_secret(pki, request)
    _require_up(pki, "issue")
    asked = shapes.read_revoke(request.body)
    return _json(shapes.show_status(pki.revoke(asked.serial, asked.reason, at=asked.revoked_at)))


def _switch(pki: Pki, request: Request) -> Answer:
    _require_secret(pki, request)
    return _json(pki.switch(shapes.read_outage(request.body)))


_ROUTES: dict[tuple[str, str], Callable[[Pki, Request], Answer]] = {
    ("GET", "/"): _about,
    ("GET", "/healthz"): _health,
    ("GET", "/root.pem"): _root_pem,
    ("GET", "/chain.pem"): _chain_pem,
    ("GET", "/root.crt"): _root_der,
    ("GET", "/issuing.crt"): _issuing_der,
    ("GET", "/tsa.crt"): _tsa_der,
    ("GET", "/root.crl"): _crl,
    ("GET", "/issuing.crl"): _crl,
    ("POST", "/ocsp"): _ocsp_by_post,
    ("POST", "/tsa"): _time_stamp,
    ("POST", "/ca/issue"): _issue,
    ("POST", "/ca/revoke"): _revoke,
    ("POST", "/dev/outage"): _switch,
}


def _require_up(pki: Pki, what: str) -> None:
    if pki.is_out(what):
        raise Rejected(OUTAGE, what=what)


def _require_type(request: Request, wanted: str) -> None:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != wanted:
        raise Rejected(CONTENT_TYPE, wanted=wanted)


def _require_secret(pki: Pki, request: Request) -> None:
    sent = request.headers.get("authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {pki.secret}".encode()):
        raise Rejected(SECRET_WRONG)


def _json(data: Any, status: int = 200, content_type: str = "application/json") -> Answer:
    return Answer(json.dumps(data, ensure_ascii=False).encode(), content_type, status)


def _problem(rejected: Rejected) -> Answer:
    """RFC 9457, with the stable code and both sentences."""
    refusal, said = rejected.refusal, rejected.sentence
    problem = {
        "type": f"urn:vanthu:problem:{refusal.code}",
        "title": said.en,
        "status": refusal.status,
        "code": refusal.code,
        "detail": said.vi,
        "detail_en": said.en,
    }
    return _json(problem, refusal.status, "application/problem+json")


THREADS = 8  # that sign certificates and write; more only wait for each other
IDLE = 30  # seconds that a silent client keeps its connection
AT_ONCE = "/ocsp"  # answered without leaving the loop
Send = Callable[[dict[str, Any]], Any]
_COMMON = [(b"cache-control", b"no-store")]  # a revocation shows at once


class _App:
    """ASGI 3: reads a request, has it answered, sends the answer."""

    def __init__(self, pki: Pki, threads: ThreadPoolExecutor) -> None:
        self._pki = pki
        self._threads = threads

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Any], send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["raw_path"].decode("latin-1")
        close = False
        try:
            _check_length(scope["method"], headers)
        except Rejected as rejected:
            # What is not read would be taken for the next request: end the connection instead.
            given, close = _problem(rejected), True
        else:
            request = Request(scope["method"], path, await _read(receive), headers)
            if path.startswith(AT_ONCE):
                given = _answer_or_say(self._pki, request)
            else:
                loop = asyncio.get_running_loop()
                given = await loop.run_in_executor(self._threads, _answer_or_say, self._pki, request)
        shown = [
            (b"content-type", given.content_type.encode()),
            (b"content-length", str(len(given.body)).encode()),
            *_COMMON,
        ]
        if given.status == 401:
            shown.append((b"www-authenticate", b"Bearer"))
        if close:
            shown.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": given.status, "headers": shown})
        await send({"type": "http.response.body", "body": given.body})


def _check_length(method: str, headers: Mapping[str, str]) -> None:
    if method == "GET":
        return
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise Rejected(LENGTH_REQUIRED)
    if int(length) > LIMIT:
        raise Rejected(TOO_LARGE, limit=LIMIT)


async def _read(receive: Callable[[], Any]) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and len(body) <= LIMIT
    return body


def _answer_or_say(pki: Pki, request: Request) -> Answer:
    try:
        return answer(pki, request)
    except Rejected as rejected:
        return _problem(rejected)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return _problem(Rejected(INTERNAL, trace="-"))


class Server:
    """Bound at once, serving from `start` on: the port must be known before the certificates that name it."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Named as TCP, or asyncio does not switch Nagle's delay off and every answer takes 40 ms.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(1024)
        except OSError:
            self._socket.close()
            raise
        self.port = int(self._socket.getsockname()[1])
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="devpki")
        self._stop = threading.Event()
        self._running: list[threading.Thread] = []
        self._uvicorn: uvicorn.Server | None = None
        self.pki: Pki

    def start(self, var: Path, base_url: str, keys: str = DEFAULT_KEYS) -> None:
        """Makes or reads the hierarchy, then serves in threads of its own."""
        self.pki = Pki(var, base_url, keys)
        config = uvicorn.Config(
            _App(self.pki, self._threads),
            http="httptools",
            loop="asyncio",
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=5,
        )
        self._uvicorn = uvicorn.Server(config)
        serving = threading.Thread(target=self._uvicorn.run, args=([self._socket],), name="devpki")
        self._running = [serving, threading.Thread(target=self._renew, name="devpki-ahead")]
        for thread in self._running:
            thread.start()

    def _renew(self) -> None:
        """Answers that are asked for again and again are signed before they run out."""
        while not self._stop.wait(RENEWED_EVERY):
            try:
                self.pki.ocsp.renew_ahead()
            except Exception:
                log.exception("OCSP answers could not be renewed ahead; the next question signs them")

    def close(self) -> None:
        """Ends idle connections, waits for answers under way, then closes the store."""
        self._stop.set()
        if self._uvicorn:
            self._uvicorn.should_exit = True
        for thread in self._running:
            thread.join()
        self._threads.shutdown()
        self._socket.close()
        if hasattr(self, "pki"):
            self.pki.close()


class Running:
    """A server that runs in this process, with the CA's acts as plain calls; see `running`."""

    def __init__(self, server: Server, url: str) -> None:
        self.pki = server.pki
        self.url = url
        self.var = server.pki.var
        self.secret = server.pki.secret  # for Authorization: Bearer
        self.tsa_url = f"{url}/tsa"
        self.ocsp_url = f"{url}/ocsp"
        self.crl_url = f"{url}/issuing.crl"
        self.root_pem = server.pki.hierarchy.root.ca.pem
        self.chain_pem = server.pki.hierarchy.chain_pem
        self.root = server.pki.hierarchy.root.ca.certificate
        self.issuing = server.pki.hierarchy.issuing.ca.certificate

    def issue(
        self,
        csr_or_public_key: str | bytes | PublicKey,
        *,
        common_name: str,
        profile: str = "person",
        organisation: str | None = None,
        organisation_id: str | None = None,
        locality: str | None = None,
        title: str | None = None,
        email: str | None = None,
        days: int = DEFAULT_DAYS,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Issued:
        """As POST /ca/issue; a bare public key is taken without proof of possession."""
        if isinstance(csr_or_public_key, str | bytes):
            key = read_csr(csr_or_public_key)
        else:
            key = accept_key(csr_or_public_key)
        subject = Subject(
            common_name=common_name,
            organisation=organisation,
            organisation_id=organisation_id,
            locality=locality,
            title=title,
            email=email,
        )
        return self.pki.issue(
            key,
            subject=subject,
            profile=profile,
            days=days,
            not_before=not_before,
            not_after=not_after,
            idempotency_key=idempotency_key,
        )

    def revoke(self, serial: str | int, reason: str = "keyCompromise", *, at: dt.datetime | None = None) -> Status:
        """As POST /ca/revoke; `serial` as text or as the certificate's number."""
        return self.pki.revoke(serial if isinstance(serial, str) else serial_text(serial), reason, at=at)

    def outage(self, **switches: bool) -> dict[str, bool]:
        """Makes ocsp, crl, tsa or issue answer 503 (True) or serve again (False)."""
        return self.pki.switch(switches)


@contextlib.contextmanager
def running(var: Path | None = None, *, port: int = 0, keys: str = DEFAULT_KEYS) -> Iterator[Running]:
    """A development PKI on a free port of the loopback, in a thread; everything is released at the end.

    Without `var` its state is thrown away. To restart on kept state, give the same `var` and the same port:
    the certificates name that address.
    """
    with contextlib.ExitStack() as stack:
        home = var or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vanthu-devpki-")))
        server = Server("127.0.0.1", port)
        stack.callback(server.close)
        url = f"http://127.0.0.1:{server.port}"
        server.start(home, url, keys)
        yield Running(server, url)
