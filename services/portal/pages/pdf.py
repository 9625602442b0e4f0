"""Passing a file from a service on to the browser, without holding it in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from urllib.parse import quote

import anyio
import httpx
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.portal.pages.visit import Visit

# Only what a PDF viewer inside a page of ours needs; the page's own policy would break the browsers' viewers.
POLICY = "object-src 'self'; frame-ancestors 'self'"


def relay(visit: Visit, service: str, path: str, *, filename: str, media_type: str = "application/pdf") -> Response:
    """The service's answer as it comes; with `?download` as a file to keep. An unchanged file is not sent again."""
    wanted = visit.request.headers.get("if-none-match")
    stack = ExitStack()
    answer = stack.enter_context(
        visit.api.download(service, path, {"If-None-Match": wanted} if wanted else {}),
    )
    etag = answer.headers.get("etag", "")
    headers = {"Cache-Control": "private, no-cache", "Content-Security-Policy": POLICY} | (
        {"ETag": etag} if etag else {}
    )
    if etag and etag == wanted:
        stack.close()
        return Response(status_code=304, headers=headers)
    kind = "attachment" if "download" in visit.request.query_params else "inline"
    headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(filename, safe='')}"
    if "content-encoding" not in answer.headers and "content-length" in answer.headers:
        headers["Content-Length"] = answer.headers["content-length"]

    return passing(answer, stack, media_type, headers)


def passing(answer: httpx.Response, opened: ExitStack, media_type: str, headers: dict[str, str]) -> Passing:
    """The open answer as an answer of ours; `opened` is closed with it."""
    body = _read(answer)
    opened.callback(body.close)
    return Passing(body, opened.close, media_type=media_type, headers=headers)


class Passing(StreamingResponse):
    """A body that is closed when the answer has ended, however it ended: a browser often leaves before the last byte."""

    def __init__(
        self, body: Generator[bytes, None, None], close: Callable[[], None], *, media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(body, media_type=media_type, headers=headers)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._close)


def _read(answer: httpx.Response) -> Generator[bytes, None, None]:
    yield from answer.iter_bytes()
