"""HTTP to CAs and time-stamping authorities: bounded, without redirects, over connections that stay open between documents."""

from __future__ import annotations

import atexit
import http.client
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import requests

MAX_ANSWER = 8 * 1024 * 1024
BODY_WITHIN = 2  # times the time-out, for the whole of an answer
MAX_IDLE = 4  # connections kept for one server
_Key = tuple[str, str, int | None]
_lock = threading.Lock()
_idle: dict[_Key, list[http.client.HTTPConnection]] = {}


def ask(
    method: str, url: str, *, timeout: float, headers: Mapping[str, str], data: bytes | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body; requests.RequestException (an OSError) when the address or the answer is off.

    `timeout` is seconds for connecting and for each read. Behind a proxy, requests does it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise requests.exceptions.InvalidURL("address not permitted")
    if _has_proxy(parts.scheme, parts.hostname):
        return _through_requests(method, url, timeout=timeout, headers=headers, data=data)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    key = (parts.scheme, parts.hostname, parts.port)
    try:
        return _answered(key, method, path, timeout=timeout, headers=headers, data=data)
    except TimeoutError as error:
        raise requests.Timeout(str(error)) from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, requests.RequestException):
            raise
        raise requests.ConnectionError(str(error)) from error


@lru_cache(maxsize=256)
def _has_proxy(scheme: str, host: str) -> bool:
    """What the environment said when this host was asked first."""
    return scheme in getproxies() and not proxy_bypass(host)


def _answered(
    key: _Key, method: str, path: str, *, timeout: float, headers: Mapping[str, str], data: bytes | None
) -> tuple[int, Mapping[str, str], bytes]:
    """On the connection that is open, or on a new one when the other end has closed it meanwhile."""
    kept = _take(key)
    if kept is not None:
        try:
            return _once(key, kept, method, path, timeout=timeout, headers=headers, data=data)
        except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
            kept.close()
    return _once(key, _connect(key, timeout), method, path, timeout=timeout, headers=headers, data=data)


def _once(
    key: _Key,
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    timeout: float,
    headers: Mapping[str, str],
    data: bytes | None,
) -> tuple[int, Mapping[str, str], bytes]:
    answer: http.client.HTTPResponse | None = None
    try:
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.request(method, path, body=data, headers=dict(headers))
        answer = connection.getresponse()
        body = _read(answer.read1, time.monotonic() + BODY_WITHIN * timeout)
        answer.read()  # nothing is left: only this makes the answer close, and the connection one to be kept
        if answer.will_close or not answer.isclosed():
            connection.close()
        else:
            _keep(key, connection)
    except BaseException:
        if answer is not None:
            answer.close()  # it holds the socket by itself when the other end does not keep it open
        connection.close()
        raise
    else:
        return answer.status, answer.headers, body  # type: ignore[return-value]


def _connect(key: _Key, timeout: float) -> http.client.HTTPConnection:
    scheme, host, port = key
    made = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return made(host, port, timeout=timeout)


def _take(key: _Key) -> http.client.HTTPConnection | None:
    with _lock:
        waiting = _idle.get(key)
        return waiting.pop() if waiting else None


def _keep(key: _Key, connection: http.client.HTTPConnection) -> None:
    with _lock:
        waiting = _idle.setdefault(key, [])
        if len(waiting) < MAX_IDLE:
            waiting.append(connection)
            return
    connection.close()


@atexit.register
def close() -> None:
    """Let go of the connections that wait for a next document."""
    with _lock:
        waiting = [connection for connections in _idle.values() for connection in connections]
        _idle.clear()
    for connection in waiting:
        connection.close()


def _through_requests(
    method: str, url: str, *, timeout: float, headers: Mapping[str, str], data: bytes | None
) -> tuple[int, Mapping[str, str], bytes]:
    with requests.request(
        method, url, data=data, headers=dict(headers), timeout=timeout, stream=True, allow_redirects=False
    ) as answer:
        body = _read(lambda size: answer.raw.read1(size, decode_content=True), time.monotonic() + BODY_WITHIN * timeout)
        return answer.status_code, answer.headers, body


def _read(read1: Callable[[int], bytes], end: float) -> bytes:
    """The whole body, if it is not too large and there in time: each read is bounded too, but a trickle never ends."""
    body = b""
    while chunk := read1(65536):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise requests.exceptions.ContentDecodingError("answer too large")
        if time.monotonic() > end:
            raise requests.exceptions.ReadTimeout("answer too slow")
    return body
