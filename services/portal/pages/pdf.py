"""Passing a file from a service on to the browser, without holding it in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

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

    def body() -> Iterator[bytes]:
        with stack:
            yield from answer.iter_bytes()

    return StreamingResponse(body(), media_type=media_type, headers=headers)
