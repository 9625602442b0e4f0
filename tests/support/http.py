"""A service's real application behind a real uvicorn on a free port, and a token issuer as portal is one."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn
from fastapi import FastAPI
from joserfc.jwk import OKPKey

from shared.db import Tx
from shared.events.portal import KeyStated
from shared.tokens import Principal, mint

# For clients of what is served here without TLS: httpx reads the certificates of the whole world for each client, 30 ms.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Server(uvicorn.Server):
    """Begins and ends when it does, where uvicorn looks ten times a second: a fifth of a second for each of a thousand
    tests.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # it also sets the date that answers carry
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _turn in range(3):  # those at rest are closed then
            await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
            await server.wait_closed()
        await self.lifespan.shutdown()

    def end(self) -> None:
        self.should_exit = True
        if self.listening.is_set():
            self._loop.call_soon_threadsafe(self._told.set)


@contextmanager
def serve(app: FastAPI, *, grace: int = 30) -> Iterator[str]:
    """The base URL of the application while it is served; `grace` seconds for open connections at the end."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http="h11", log_config=None, access_log=False, timeout_graceful_shutdown=grace
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not server.listening.wait(0.1):
            assert thread.is_alive(), "the server ended before it began"
            assert time.monotonic() < deadline, "the server did not begin to listen"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.end()
        thread.join(60)


@contextmanager
def client(app: FastAPI, *, token: str | None = None) -> Iterator[httpx.Client]:
    """An HTTP client of the served application, with a bearer token when one is given."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with serve(app) as url, httpx.Client(base_url=url, headers=headers, timeout=60, verify=PLAIN) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Issuer:
    """Mints tokens as portal does. `stated` is what portal states about its key; `trust` takes it into a database."""

    key: OKPKey = field(
        default_factory=lambda: OKPKey.generate_key("Ed25519", {"kid": "test"}, private=True, auto_kid=False)
    )

    def stated(self) -> KeyStated:
        public = self.key.as_dict(private=False)
        return KeyStated(
            kid=str(self.key.kid),
            x=str(public["x"]),
            status="active",
            not_after=datetime.now(UTC) + timedelta(days=1),
        )

    def trust(self, tx: Tx) -> None:
        """As `shared.tokens.receive_key` leaves it, without the event."""
        key = self.stated()
        tx.execute(
            "INSERT INTO token_key (kid, x, status, not_after) VALUES (%s, %s, %s, %s)",
            [key.kid, key.x, key.status, key.not_after],
        )

    def token(self, principal: Principal, audience: str) -> str:
        return mint(principal, audience, self.key, time.time())
