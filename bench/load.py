"""A bounded load on loopback: a few processes, one keep-alive connection each, for a given time.

The client is plain sockets, since a client library would cost more than the server that it measures.
"""

from __future__ import annotations

import itertools
import multiprocessing
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

CLIENTS = 4
LOOPBACK = "127.0.0.1"
Message = bytes


@contextmanager
def clients(count: int = CLIENTS) -> Iterator[ProcessPoolExecutor]:
    """Processes that are started and warm before anything is measured."""
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.2] * count))
        yield pool


def rate(pool: ProcessPoolExecutor, port: int, shares: Sequence[Sequence[Message]], seconds: float) -> float:
    """Answers a second; each client sends its share round and round, and every answer must be 200 or 201."""
    start = time.monotonic() + 0.1
    done = [pool.submit(_send, port, share, start, seconds) for share in shares]
    return sum(each.result() for each in done) / seconds


def post(path: str, body: bytes, **headers: str) -> Message:
    """A whole HTTP/1.1 request; header names are written with underscores."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: a\r\n{named}Content-Length: {len(body)}\r\n\r\n".encode() + body


def ask(port: int, message: Message) -> bytes:
    """The body of one answer."""
    with connect(port) as connection:
        return exchange(connection, message)


def _send(port: int, messages: Sequence[Message], start: float, seconds: float) -> int:
    count = 0
    with connect(port) as connection:
        time.sleep(max(0.0, start - time.monotonic()))
        end = start + seconds
        for message in itertools.cycle(messages):
            if time.monotonic() >= end:
                return count
            exchange(connection, message)
            count += 1
    return count


def connect(port: int) -> socket.socket:
    connection = socket.create_connection((LOOPBACK, port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(connection: socket.socket, message: Message) -> bytes:
    connection.sendall(message)
    answer = b""
    while (end := answer.find(b"\r\n\r\n")) < 0:
        answer += _more(connection)
    head = answer[:end].lower()
    if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
        raise ConnectionError(answer[:400].decode(errors="replace"))
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(answer) < end + 4 + length:
        answer += _more(connection)
    return answer[end + 4 :]


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise ConnectionError("the server closed the connection")
    return piece
