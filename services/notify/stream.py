"""Notices as they come, over Server-Sent Events (WHATWG HTML §9.2): one poller a process, however many listen.

The poller asks PostgreSQL once a turn for everybody who listens here. It goes by the number in each person's inbox,
which has no gaps and becomes visible in order, so neither a slow commit nor a reconnection loses a notice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from services.notify import store
from services.notify.store import Notice
from shared.db import Pool, transaction
from shared.errors import Rejected
from shared.tokens import LIFETIME

log = logging.getLogger(__name__)

BATCH = 500


@dataclass(eq=False, slots=True)
class Listener:
    """One open connection: whose, the number of the last notice that it has been given, and what waits for it (None: the end)."""

    person_id: UUID
    number: int
    queue: asyncio.Queue[Notice | None] = field(default_factory=asyncio.Queue)


class Stream:
    """The connections of this process and their poller, which runs while there is one."""

    def __init__(
        self, pool: Pool, *, interval: float = 0.5, heartbeat: float = 15.0, longest: float = LIFETIME
    ) -> None:
        self.pool = pool
        self.interval = interval
        self.heartbeat = heartbeat
        # A connection ends with the token that opened it; the reader comes back with a new one and Last-Event-ID.
        self.longest = longest
        self.listeners: set[Listener] = set()
        self.poller: asyncio.Task[None] | None = None

    async def listen(self, person_id: UUID, after: int) -> AsyncIterator[str]:
        """The lines of one connection: notices beyond the number `after`, a comment when there is nothing."""
        listener = Listener(person_id, after)
        self.listeners.add(listener)
        if self.poller is None or self.poller.done():
            self.poller = asyncio.create_task(self._poll())
        ends = asyncio.get_running_loop().time() + self.longest
        try:
            yield "retry: 2000\n\n"
            while (left := ends - asyncio.get_running_loop().time()) > 0:
                try:
                    notice = await asyncio.wait_for(listener.queue.get(), min(self.heartbeat, left))
                except TimeoutError:
                    yield ": still here\n\n"  # keeps proxies from closing, and finds readers who are gone
                else:
                    if notice is None:
                        return
                    yield as_event(notice)
        finally:
            self.listeners.discard(listener)

    async def _poll(self) -> None:
        try:
            while self.listeners:
                if await self._turn() < BATCH:
                    await asyncio.sleep(self.interval)
        except Exception:
            log.exception("stream: the poller failed; its readers are let go and come back")
            for listener in self.listeners:
                listener.queue.put_nowait(None)

    async def _turn(self) -> int:
        try:
            newer = await asyncio.to_thread(self._read, self._wanted())
        except (psycopg.OperationalError, Rejected) as error:
            log.warning("stream: database not reachable, trying again: %s", str(error).splitlines()[0])
            return 0
        for notice in newer:
            self._give(notice)
        return len(newer)

    def _wanted(self) -> dict[UUID, int]:
        """The least number of each person who listens: one person may have several windows open."""
        wanted: dict[UUID, int] = {}
        for listener in self.listeners:
            wanted[listener.person_id] = min(listener.number, wanted.get(listener.person_id, listener.number))
        return wanted

    def _read(self, wanted: dict[UUID, int]) -> list[Notice]:
        with transaction(self.pool) as tx:
            return store.list_newer(tx, wanted, BATCH)

    def _give(self, notice: Notice) -> None:
        for listener in self.listeners:
            if listener.person_id == notice.person_id and listener.number < notice.number:
                listener.number = notice.number
                listener.queue.put_nowait(notice)


def as_view(notice: Notice) -> dict[str, object]:
    """A notice as its reader gets it, the same in the list and in the stream."""
    return {
        "id": str(notice.id),
        "at": notice.at.isoformat(),
        "title": notice.title,
        "text": f"{notice.text} Lý do: {notice.reason}" if notice.reason else notice.text,
        "link": notice.link,
        "read": notice.read_at is not None,
        "done": notice.done_at is not None,
        "done_by": notice.done_by,
    }


def as_event(notice: Notice) -> str:
    """JSON has no line breaks of its own, so that one `data` line holds it."""
    return f"id: {notice.number}\nevent: notice\ndata: {json.dumps(as_view(notice), ensure_ascii=False)}\n\n"
