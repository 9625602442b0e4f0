"""No act without a record: what somebody's request changed and no fact tells is stated as an act, in its own transaction.

Services state what they do in words of their own; this is the net beneath, for whatever they forget (invariant 9).
"""

from __future__ import annotations

import logging
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


@dataclass(frozen=True, slots=True)
class Recorder:
    """Of one service. `silent` are paths whose request is no act by itself, each with the reason why."""

    service: str
    source: str
    silent: Mapping[str, str]

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

    def stated(self, tx: db.Tx) -> None:
        self.told.add(id(tx))

    def ending(self, tx: db.Tx) -> None:
        """Before the commit: whatever was written without a word is told now."""
        told = id(tx) in self.told
        self.told.discard(id(tx))
        if told or self.who is None or self.who.kind == "visitor" or self.path in self.recorder.silent:
            return
        row = tx.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS wrote").fetchone()
        if row and row["wrote"]:
            act = f"{self.scope['method'].lower()} {self.path}"
            self.recorder.state(tx, self.who, act, self._values())

    def refused(self, pool: db.Pool, error: Rejected) -> None:
        """Somebody known tried what they may not do; it came to nothing, so it is told in a transaction of its own."""
        if self.who is None or self.who.kind == "visitor" or error.refusal.status != 403:
            return
        try:
            with db.transaction(pool) as tx:
                detail = {"code": error.code, "request": f"{self.scope['method']} {self.path}"}
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
