"""A file on its way through the portal: the connection to the service is given back, whenever the browser leaves."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack

import anyio
import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Message

from services.portal.pages.pdf import Passing, passing
from tests.support.http import serve

PIECE = b"%" * 65536


@pytest.fixture
def service() -> Iterator[str]:
    app = FastAPI()

    @app.get("/file")
    def file() -> StreamingResponse:
        return StreamingResponse((PIECE for _ in range(200)), media_type="application/pdf")

    with serve(app) as url:
        yield url


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
@pytest.mark.parametrize("leaves_after", [0, 1, 3])
def test_a_browser_that_leaves_early_leaves_no_connection_behind(
    service: str, leaves_after: int, spec_version: str
) -> None:
    """Left to the garbage collector, the connection may be closed by a thread that holds the pool's own lock."""
    only_one = httpx.Limits(max_connections=1)
    with httpx.Client(limits=only_one, timeout=httpx.Timeout(60, pool=30)) as http:
        stack = ExitStack()
        answer = passing(stack.enter_context(http.stream("GET", f"{service}/file")), stack, "application/pdf", {})
        gc.disable()
        try:
            _send_until(answer, leaves_after, spec_version)
            assert http.get(f"{service}/openapi.json").status_code == 200  # PoolTimeout while the first one stands open
        finally:
            gc.enable()


def _send_until(answer: Passing, pieces: int, spec_version: str) -> None:
    """A server's two ways to say that the browser is gone: a message, or an error on sending (ASGI 2.4)."""

    async def run() -> None:
        gone = anyio.Event()
        sent = 0

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal sent
            sent += message["type"] == "http.response.body"
            if sent >= pieces:
                gone.set()
                if spec_version == "2.4":
                    raise OSError
                await anyio.sleep_forever()

        await answer({"type": "http", "asgi": {"spec_version": spec_version}}, receive, send)

    if spec_version == "2.4":
        with pytest.raises(ClientDisconnect):
            anyio.run(run)
    else:
        anyio.run(run)
