"""The development PKI over HTTP, as its own process or inside a test (`running`).

Threads of the standard library: it starts in a fraction of a second and an answer costs about a millisecond.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import hmac
import json
import logging
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from deploy.devpki import ocsp, shapes, tsa
from deploy.devpki.hierarchy import MARK
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
TSA_REQUEST, TSA_ANSWER = "application/timestamp-query", "application/timestamp-reply"
log = logging.getLogger("vanthu.devpki")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  # as sent, without the query
    body: bytes
    headers: Any  # http.client.HTTPMessage: case-insensitive get()


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
    key = request.headers.get("Idempotency-Key", "").strip()
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
    sent = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if sent != wanted:
        raise Rejected(CONTENT_TYPE, wanted=wanted)


def _require_secret(pki: Pki, request: Request) -> None:
    sent = request.headers.get("Authorization", "")
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "vanthu-devpki"
    sys_version = ""
    timeout = 30  # seconds that a silent client may hold a thread
    wbufsize = -1  # headers and body leave in one piece
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._serve(self._read_and_answer)

    def do_POST(self) -> None:
        self._serve(self._read_and_answer)

    def _serve(self, work: Callable[[], Answer]) -> None:
        try:
            given = work()
        except Rejected as rejected:
            given = _problem(rejected)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            given = _problem(Rejected(INTERNAL, trace="-"))
        self.send_response(given.status)
        self.send_header("Content-Type", given.content_type)
        self.send_header("Content-Length", str(len(given.body)))
        self.send_header("Cache-Control", "no-store")  # a revocation shows at once
        if given.status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(given.body)

    def _read_and_answer(self) -> Answer:
        path = urlsplit(self.path).path if self.path.startswith("http") else self.path.partition("?")[0]
        request = Request(self.command, path, self._read_body(), self.headers)
        return answer(self.server.pki, request)

    def _read_body(self) -> bytes:
        if self.command == "GET":
            return b""
        length = self.headers.get("Content-Length", "")
        # What is not read would be taken for the next request: end the connection instead.
        if not length.isascii() or not length.isdigit():
            self.close_connection = True
            raise Rejected(LENGTH_REQUIRED)
        if int(length) > LIMIT:
            self.close_connection = True
            raise Rejected(TOO_LARGE, limit=LIMIT)
        return self.rfile.read(int(length))

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


class Server(ThreadingHTTPServer):
    """Bound at once, serving after `attach`: the port must be known before the certificates that name it."""

    daemon_threads = False  # joined on close, so that nothing writes to a closed store
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, host: str, port: int) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((host, port), _Handler)
        self.pki: Pki

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def attach(self, var: Path, base_url: str) -> None:
        self.pki = Pki(var, base_url)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.info("connection %s from %s broke: %r", request, client_address, sys.exception())

    def server_close(self) -> None:
        """Ends idle keep-alive connections, waits for answers under way, then closes the store."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        super().server_close()
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
def running(var: Path | None = None, *, port: int = 0) -> Iterator[Running]:
    """A development PKI on a free port of the loopback, in a thread; everything is released at the end.

    Without `var` its state is thrown away. To restart on kept state, give the same `var` and the same port:
    the certificates name that address.
    """
    with contextlib.ExitStack() as stack:
        home = var or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vanthu-devpki-")))
        server = Server("127.0.0.1", port)
        stack.callback(server.server_close)
        url = f"http://127.0.0.1:{server.port}"
        server.attach(home, url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="devpki")
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        yield Running(server, url)
