"""No act without a record: what somebody's request changed and no fact tells is stated as an act, in its own transaction.

Services state what they do in words of their own; this is the net beneath, for whatever they forget (invariant 9).
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from shared import db, outbox
from shared.errors import Rejected
from shared.events import TYPES, Act
from shared.tokens import Principal

log = logging.getLogger(__name__)

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What every service writes on the way of a request, whatever comes of it. Orders (outbox) and jobs are acts.
BOOKKEEPING = frozenset({"idempotency", "inbox", "followed", "outbox_sequence"})
WINDOW = 60.0  # seconds
REFUSALS = 20  # of one person told one by one within a window


@dataclass(slots=True)
class Throttle:
    """Of one process: who was told of how often since when, so that nobody floods the ledger by asking."""

    seen: dict[str, tuple[float, int]] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def say(self, who: str, now: float) -> dict[str, str] | None:
        """What to say beside a refusal of theirs at `now` (monotonic seconds); None: this one is not told by itself."""
        with self.guard:
            begun, count = self.seen.get(who, (now, 0))
            passed = max(count - REFUSALS, 0)
            if now - begun >= WINDOW:
                self.seen = {each: when for each, when in self.seen.items() if now - when[0] < WINDOW}
                self.seen[who] = (now, 1)
                return {"not_told_before": str(passed)} if passed else {}
            self.seen[who] = (begun, count + 1)
        if count + 1 == REFUSALS:
            return {"further": f"not told one by one for {math.ceil(WINDOW - now + begun)} s"}
        return {} if count < REFUSALS else None


@dataclass(frozen=True, slots=True)
class Recorder:
    """Of one service. `silent` are requests ("POST /files") that are no act by themselves, each with the reason why;
    `besides` its tables in which a change is none of what the service is for.
    """

    service: str
    source: str
    silent: Mapping[str, str] = field(default_factory=dict)
    besides: frozenset[str] = frozenset()
    throttle: Throttle = field(default_factory=Throttle)

    def state(self, tx: db.Tx, who: Principal, act: str, values: Mapping[str, Any], **detail: str) -> None:
        """An act of this service about whatever the request named last, else about the person."""
        kind = TYPES[f"vn.vanthu.{self.service}.act.recorded.v1"]
        assert issubclass(kind, Act)  # noqa: S101  the type of that name
        named = [(name, str(value)) for name, value in values.items()]
        about, subject = named[-1] if named else ("person_id", who.id)
        stated = kind(
            by=who.actor(),
            at=datetime.now(UTC),
            act=act,
            object_kind=about.removesuffix("_id"),
            object_id=subject[:100],
            detail={name: db.storable(value, 200) for name, value in named} | detail,
        )
        outbox.put(tx, stated, source=self.source)


@dataclass(slots=True)
class Watch:
    """One request that may change something; `scope` is its ASGI scope, in which the router leaves what it found."""

    recorder: Recorder
    scope: Mapping[str, Any]
    who: Principal | None = None
    told: set[int] = field(default_factory=set)  # transactions in which something was stated

    @property
    def path(self) -> str:
        """The route's, without the service's prefix."""
        route = str(getattr(self.scope.get("route"), "path", ""))
        return route.removeprefix(f"/{self.recorder.service}/v1")

    @property
    def changing(self) -> bool:
        return self.scope["method"] in CHANGING

    @property
    def request(self) -> str:
        return f"{self.scope['method']} {self.path}"

    def stated(self, tx: db.Tx) -> None:
        self.told.add(id(tx))

    def ending(self, tx: db.Tx) -> None:
        """Before the commit: whatever was written without a word is told now."""
        told = id(tx) in self.told
        self.told.discard(id(tx))
        if told or not self.changing or self.who is None or self.who.kind == "visitor":
            return
        if self.request in self.recorder.silent:
            return
        if db.changed(tx, besides=BOOKKEEPING | self.recorder.besides):
            act = f"{self.scope['method'].lower()} {self.path}"
            self.recorder.state(tx, self.who, act, self._values())

    def refused(self, pool: db.Pool, error: Rejected) -> None:
        """Somebody known tried what they may not do; it came to nothing, so it is told in a transaction of its own."""
        if self.who is None or self.who.kind == "visitor" or error.refusal.status != 403:
            return
        more = self.recorder.throttle.say(self.who.id, time.monotonic())
        if more is None:
            return
        try:
            with db.transaction(pool) as tx:
                detail = {"code": error.code, "request": self.request} | more
                self.recorder.state(tx, self.who, "refused", self._values(), **detail)
        except (psycopg.Error, Rejected) as failed:
            log.warning("a refusal could not be recorded: %s", failed)

    def _values(self) -> dict[str, Any]:
        """What the path names; ids only, since free text there may be anything."""
        found = {}
        for name, value in (self.scope.get("path_params") or {}).items():
            try:
                found[name] = str(value if isinstance(value, UUID) else UUID(str(value)))
            except ValueError:
                found[name] = db.storable(str(value), 60)
        return found


def known(who: Principal) -> None:
    """The present request is theirs; nothing when it is not watched."""
    if isinstance(watch := db.WATCH.get(), Watch):
        watch.who = who


def refused(pool: db.Pool, error: Rejected) -> None:
    """The present request is refused for want of rights."""
    if isinstance(watch := db.WATCH.get(), Watch):
        watch.refused(pool, error)
