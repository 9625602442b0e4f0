"""A service's real application behind a real uvicorn on a free port, and a token issuer as portal is one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn
from fastapi import FastAPI
from joserfc.jwk import OKPKey

from shared.db import Tx
from shared.events.portal import KeyStated
from shared.tokens import Principal, mint


@contextmanager
def serve(app: FastAPI, *, grace: int = 1) -> Iterator[str]:
    """The base URL of the application while it is served; `grace` seconds for open connections at the end."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http="h11", log_config=None, access_log=False, timeout_graceful_shutdown=grace
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server ended before it began"
            assert time.monotonic() < deadline, "the server did not begin to listen"
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def client(app: FastAPI, *, token: str | None = None) -> Iterator[httpx.Client]:
    """An HTTP client of the served application, with a bearer token when one is given."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with serve(app) as url, httpx.Client(base_url=url, headers=headers, timeout=30) as made:
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
