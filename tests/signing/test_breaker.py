"""A server that keeps silent is waited for once, not once a document."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from services.signing import pdf, pdf_trust
from services.signing.breaker import Breaker, Silent
from services.signing.pdf_stamp import time_stamp
from shared.errors import Rejected


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def silent(breaker: Breaker) -> None:
    with pytest.raises(TimeoutError), breaker.asking("a", timed_out=(TimeoutError,)):
        raise TimeoutError


def answered(breaker: Breaker, address: str = "a") -> None:
    with breaker.asking(address, timed_out=(TimeoutError,)):
        pass


def test_after_a_silence_one_asks_again_and_the_others_wait_for_its_answer() -> None:
    clock = Clock()
    breaker = Breaker(pause=20, clock=clock)
    answered(breaker)
    silent(breaker)
    with pytest.raises(Silent):
        answered(breaker)
    answered(breaker, "another address")
    clock.now += 20
    with breaker.asking("a", timed_out=(TimeoutError,)), pytest.raises(Silent):
        answered(breaker)
    answered(breaker)
    silent(breaker)
    clock.now += 20
    silent(breaker)
    with pytest.raises(Silent):
        answered(breaker)


def test_a_refusal_that_comes_at_once_closes_nothing() -> None:
    breaker = Breaker(clock=Clock())
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError), breaker.asking("a", timed_out=(TimeoutError,)):
            raise ConnectionRefusedError


@dataclass
class Listener:
    """Takes connections and says nothing."""

    url: str
    taken: list[socket.socket] = field(default_factory=list)


@contextmanager
def saying_nothing() -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Listener(f"http://127.0.0.1:{server.getsockname()[1]}/tsa")

        def take() -> None:
            while True:
                try:
                    found.taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        yield found
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for each in found.taken:
        each.close()


def test_a_pile_of_documents_waits_for_a_silent_server_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_trust, "_BREAKER", Breaker(pause=60))
    with saying_nothing() as listener:
        service = pdf.TimeStampService((listener.url,), timeout=0.5)
        begun = time.monotonic()
        for _ in range(50):
            with pytest.raises(Rejected) as refused:
                time_stamp(service, b"value", "sha256")
            assert refused.value.code == "tsa_unavailable"
        assert time.monotonic() - begun < 25, "50 × 2 × 0.5 s would be 50 s"
        assert len(listener.taken) == 1
