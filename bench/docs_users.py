"""Twenty people at work on docs over HTTP: each has a connection of their own and the next request ready when the answer is there."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from bench import load


@dataclass(frozen=True, slots=True)
class Timed:
    """How long the answers took, in milliseconds, and what was asked a second."""

    count: int
    p50: float
    p99: float
    worst: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Visit:
    """Of how many seconds; `pause` seconds between an answer and the next request, on average."""

    seconds: float
    pause: float = 0.0


def measure(pool: ProcessPoolExecutor, ports: Sequence[int], shares: Sequence[Sequence[bytes]], visit: Visit) -> Timed:
    """Each share is one person's requests, sent round and round; people are spread over the API's processes."""
    people = [(ports[n % len(ports)], list(share)) for n, share in enumerate(shares)]
    took = sorted(pool.submit(_work, people, visit).result())
    return Timed(
        count=len(took),
        p50=_share(took, 0.50),
        p99=_share(took, 0.99),
        worst=took[-1] * 1000,
        per_second=len(took) / visit.seconds,
    )


def _share(took: Sequence[float], part: float) -> float:
    return took[min(len(took) - 1, int(len(took) * part))] * 1000


def _work(people: Sequence[tuple[int, list[bytes]]], visit: Visit) -> list[float]:
    """In a process of its own, a thread for each person: they wait most of the time."""
    took: list[list[float]] = [[] for _ in people]
    start = time.monotonic() + 0.3
    threads = [
        threading.Thread(target=_person, args=(port, requests, visit, start), kwargs={"took": took[n], "seed": n})
        for n, (port, requests) in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(took), "somebody got no answer"
    return list(itertools.chain.from_iterable(took))


def _person(port: int, requests: Sequence[bytes], visit: Visit, start: float, *, took: list[float], seed: int) -> None:
    dice = Random(seed)
    connection = load.connect(port)
    try:
        time.sleep(max(0.0, start - time.monotonic()) + dice.random() * (visit.pause or 0.02))
        for request in itertools.cycle(requests):
            began = time.monotonic()
            if began >= start + visit.seconds:
                return
            load.exchange(connection, request)
            took.append(time.monotonic() - began)
            if visit.pause:
                time.sleep(dice.uniform(0.5, 1.5) * visit.pause)
    finally:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def get(path: str, token: str) -> bytes:
    return f"GET /docs/v1{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
