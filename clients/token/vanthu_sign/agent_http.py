"""HTTP/1.1 on loopback, as little of it as a browser's page needs: one request a connection, everything bounded.

A server of the standard library would take chunked bodies, kept connections and lines that trickle in for hours;
each of those is something that another program on this machine could hold the agent up with.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

HEAD = 16 * 1024  # bytes of request line and headers
BODY = 128 * 1024
DEADLINE = 5.0  # seconds for the whole request, however slowly it comes
AT_ONCE = 24  # connections; more are closed unread
METHODS = re.compile(rb"(OPTIONS|POST|GET|HEAD|PUT|DELETE|PATCH) (/[!-~]{0,500}) HTTP/1\.1")
HEADER = re.compile(rb"([A-Za-z0-9-]{1,64}):[ \t]*([^\r\n\0]*?)[ \t]*")
REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden"}


@dataclass(frozen=True, slots=True)
class Request:
    """Header names in lower case; none comes twice."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` becomes JSON; None sends none."""

    status: int
    body: dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


class Malformed(Exception):
    """Not the HTTP that a browser sends; the status says how."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(str(status))


Handler = Callable[[Request], Answer]
Admits = Callable[[tuple[str, int], tuple[str, int]], bool]


class Listener:
    """Listens on the first free one of `ports` of 127.0.0.1, and nowhere else.

    `admits` sees both ends of a connection before a byte of it is read.
    """

    def __init__(self, ports: tuple[int, ...], admits: Admits) -> None:
        self._socket = _bind(ports)
        self.port: int = self._socket.getsockname()[1]
        self._admits = admits
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._stopping = False

    def serve(self, handler: Handler) -> None:
        """Until `close` is called."""
        while not self._stopping:
            try:
                connection, peer = self._socket.accept()
            except OSError:
                return
            if self._stopping or not self._free.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._attend, args=(connection, peer, handler), daemon=True).start()

    def close(self) -> None:
        self._stopping = True
        # `accept` does not wake up when its socket is closed by another thread.
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            log.debug("nobody was waiting")
        self._socket.close()

    def _attend(self, connection: socket.socket, peer: tuple[str, int], handler: Handler) -> None:
        try:
            with connection:
                if not self._admits(peer, connection.getsockname()):
                    log.warning("a connection of somebody else was closed unread")
                    return
                _send(connection, _answer(connection, handler))
        except (OSError, TimeoutError) as error:
            log.info("a connection ended early: %s", type(error).__name__)
        finally:
            self._free.release()


def _bind(ports: tuple[int, ...]) -> socket.socket:
    for port in ports:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # On Windows the usual option would let another program take the port over.
        option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        listening.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            listening.bind(("127.0.0.1", port))
            listening.listen(AT_ONCE)
        except OSError:
            listening.close()
        else:
            return listening
    raise OSError("no free port")


def _answer(connection: socket.socket, handler: Handler) -> Answer:
    try:
        request = read(connection, until=time.monotonic() + DEADLINE)
    except Malformed as error:
        return Answer(error.status)
    answer = handler(request)
    polled = answer.status == 200 and request.path.endswith(("/status", "/state"))
    said = (answer.status, request.method, request.path, request.headers.get("origin", "-")[:200])
    log.log(logging.DEBUG if polled else logging.INFO, "%s %s %s from %s", *said)
    return answer


def read(connection: socket.socket, *, until: float) -> Request:
    """One request; Malformed for what is too large or none, TimeoutError when it is not whole by `until`."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        if len(data) > HEAD:
            raise Malformed(431)
        data += _receive(connection, until)
    if end > HEAD:
        raise Malformed(431)
    first, *lines = data[:end].split(b"\r\n")
    line = METHODS.fullmatch(first)
    if line is None:
        raise Malformed(400)
    headers = _headers(lines)
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not re.fullmatch(r"[0-9]{1,9}", length):
        raise Malformed(400)
    if int(length) > BODY:
        raise Malformed(413)
    body = data[end + 4 :]
    while len(body) < int(length):
        body += _receive(connection, until)
    if len(body) > int(length):
        raise Malformed(400)
    return Request(line[1].decode(), line[2].decode(), headers, body)


def _receive(connection: socket.socket, until: float) -> bytes:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    data = connection.recv(64 * 1024)
    if not data:
        raise ConnectionError("closed in the middle of a request")
    return data


def _headers(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        header = HEADER.fullmatch(line)
        name = header[1].decode().lower() if header else ""
        if header is None or name in found:
            raise Malformed(400)
        found[name] = header[2].decode("latin-1")
    return found


def _send(connection: socket.socket, answer: Answer) -> None:
    content = answer.content()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Connection": "close",
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Refused')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.settimeout(DEADLINE)
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + content)
