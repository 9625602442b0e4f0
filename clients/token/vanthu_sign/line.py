"""The line to a server: bounded, patient, and to one host only.

An answer that is too large, too slow, of another kind or from elsewhere is refused, whatever the server's reason. A cut
line or a restarting server is waited for with back-off; what is repeated carries the same Idempotency-Key.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from vanthu_sign.words import UNREACHABLE, Refused, shown, told
from vanthu_sign.words_sitting import (
    ANSWER_TOO_LARGE,
    ANSWER_TOO_SLOW,
    ANSWER_UNEXPECTED,
    OTHER_ORIGIN,
    REDIRECTED,
)

TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # the server works on a chunk of PDFs before it answers
PATIENCE = 45.0  # seconds that a cut line or a restarting server is waited for
JSON = "application/json"
MB = 1024 * 1024
JSON_LIMIT = 64 * MB  # a prepared pile: 25 updates of some 100 KB, in base64
ANSWER_TIME = 120.0  # seconds for one whole answer, and besides
SLOWEST = 20_000  # bytes a second of a line on which somebody still waits
REFUSED_BUSY = (429, 503)  # surely nothing was done
BUSY = (*REFUSED_BUSY, 502, 504)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: status and body, already within its limits."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The object in the body; of a failing server that says no JSON, only its status."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {"code": f"http_{self.status}"}


class Line:
    """HTTP to the hosts of one portal. `waits` hears the address when the line is cut and is tried again."""

    def __init__(
        self,
        *,
        stop: threading.Event | None = None,
        waits: Callable[[str], None] = lambda _where: None,
        patience: float = PATIENCE,
    ) -> None:
        headers = {"Accept": JSON, "Accept-Encoding": "identity"}  # packed answers could unpack to any size
        self._http = httpx.Client(timeout=TIMEOUT, headers=headers, follow_redirects=False)
        self._stop = stop or threading.Event()
        self._waits = waits
        self._patience = patience
        self.clock = timedelta()  # how far the server's clock is ahead of ours

    def now(self) -> datetime:
        """The time by the server's clock, as far as its last answer told."""
        return datetime.now(UTC) + self.clock

    def ask(
        self,
        method: str,
        url: str,
        *,
        limit: int = JSON_LIMIT,
        kind: str = JSON,
        once: bool = False,
        patience: float | None = None,
        **more: Any,
    ) -> Answer:
        """One request and its whole answer; repeated while the line is cut, for `patience` seconds at most (the line's own).

        `once`: the request may count only once (a refresh token does), so it is repeated only when it surely never
        arrived. `kind`: the content type that a good answer has; `limit` in bytes.
        """
        until, pause, said = time.monotonic() + (self._patience if patience is None else patience), 0.2, False
        passing = (httpx.ConnectError, httpx.ConnectTimeout) if once else (httpx.TransportError,)
        while True:
            error: httpx.TransportError | None = None
            try:
                answer = self._once(method, url, limit, kind, **more)
                if answer.status not in (REFUSED_BUSY if once else BUSY) or time.monotonic() > until:
                    return answer
            except httpx.TransportError as failed:
                error = failed
                if not isinstance(failed, passing) or time.monotonic() > until:
                    raise Refused(UNREACHABLE, where=url) from failed
            if not said and pause > 1.0:
                self._waits(url)
                said = True
            if self._stop.wait(pause + random.uniform(0, pause / 4)):  # noqa: S311  only spreads the tries
                raise Refused(UNREACHABLE, where=url) from error
            pause = min(pause * 2, 5.0)

    def close(self) -> None:
        self._http.close()

    def _once(self, method: str, url: str, limit: int, kind: str, **more: Any) -> Answer:
        where = origin(url)
        seconds = ANSWER_TIME + limit / SLOWEST
        until = time.monotonic() + seconds
        with self._http.stream(method, url, **more) as answer:
            if 300 <= answer.status_code < 400:
                raise Refused(REDIRECTED, where=where, target=_host_of(answer.headers.get("Location", "")))
            self._read_clock(answer)
            found = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            # A refusal is read whatever it is; a good answer has to be what was asked for.
            if answer.is_success and found != kind:
                raise Refused(ANSWER_UNEXPECTED, where=where, found=shown(found, 60) or "-")
            if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise Refused(ANSWER_UNEXPECTED, where=where, found=shown(answer.headers["Content-Encoding"], 60))
            if answer.is_error:
                limit = min(limit, MB)
            body = bytearray()
            for piece in answer.iter_raw(65536):
                body += piece
                if len(body) > limit:
                    raise Refused(ANSWER_TOO_LARGE, where=where, limit_mb=max(1, limit // MB))
                if time.monotonic() > until:
                    raise Refused(ANSWER_TOO_SLOW, where=where, seconds=f"{seconds:.0f}")
            return Answer(answer.status_code, bytes(body))

    def _read_clock(self, answer: httpx.Response) -> None:
        try:
            self.clock = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
        except (KeyError, ValueError, TypeError):
            return


def origin(url: str) -> str:
    """Scheme, host and port: what an address is named by in a sentence."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def check_origin(portal: str, url: str) -> str:
    """`url` when it is the portal's own host and no weaker scheme; Refused(other_origin) otherwise.

    A portal names the addresses of the services behind it; a token goes to none that is not on its host.
    """
    ours, theirs = urlsplit(portal), urlsplit(url)
    weaker = ours.scheme == "https" and theirs.scheme != "https"
    if theirs.hostname != ours.hostname or theirs.scheme not in ("https", "http") or weaker or theirs.username:
        raise Refused(OTHER_ORIGIN, where=origin(url))
    return url


def problem(found: dict[str, Any]) -> Refused:
    """A refusal of a service (RFC 9457) as ours."""
    return told(
        shown(found.get("code", "server_error"), 80),
        shown(found.get("detail_vi", "Máy chủ báo lỗi; hãy thử lại sau ít phút.")),
        shown(found.get("detail_en", "The server failed; try again in a few minutes.")),
    )


def _host_of(location: str) -> str:
    return shown(origin(location) if "://" in location else location, 120)
