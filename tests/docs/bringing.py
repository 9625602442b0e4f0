"""Bringing files to docs and having its worker do the steps: the real jobs, on the real database and file store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from services.docs.circulation import unfit
from services.docs.erasure import work as erasure
from services.docs.intake import work
from services.docs.intake.desk import Desk
from services.docs.intake.programs import Programs
from shared import db
from shared.ids import new_id
from shared.jobs import Runner
from shared.workshop import Workshop
from tests.docs.conftest import Docs, ok
from tests.docs.facts import Person

NOTHING = Programs(soffice=None, tesseract=None)
WORKSHOP = Workshop(size=1)  # one for all tests: its process takes a second to begin


@dataclass(slots=True)
class Intake:
    """Docs with its intake; `desk` may be changed to what the machine of a test has."""

    docs: Docs
    desk: Desk

    def work(self) -> None:
        """Until no job is due."""
        kinds = {**work.kinds(self.desk), **unfit.kinds(self.docs.settings.source), **self.sweeper().kinds}
        kinds.pop(erasure.SWEEP)
        runner = Runner(self.docs.pool, kinds, stop=threading.Event())
        while runner.run_one():
            pass

    def sweeper(self, **changed: Any) -> erasure.Sweeper:
        settings = self.docs.settings
        return erasure.Sweeper(
            self.docs.pool, self.desk.blobs, self.desk.store, settings.source, settings.partner_names, **changed
        )

    def hurry(self) -> None:
        """What waits for its time, to be tried again or to expire, is due now."""
        with db.transaction(self.docs.pool) as tx:
            tx.execute("UPDATE job SET run_at = now()")

    def use(self, **programs: Any) -> None:
        self.desk = replace(self.desk, programs=replace(self.desk.programs, **programs))

    def bring(self, person: Person, data: bytes, name: str = "cong-van.pdf", **more: Any) -> httpx.Response:
        return self.docs.http(person.principal).post(
            "/intake", params={"filename": name} | more, content=data, headers={"Idempotency-Key": str(new_id())}
        )

    def brought(self, person: Person, data: bytes, name: str = "cong-van.pdf") -> dict[str, Any]:
        """As it stands when the worker has done what it could."""
        made = ok(self.bring(person, data, name), 201)
        self.work()
        return self.item(person, made["id"])

    def item(self, person: Person, item_id: str | UUID) -> dict[str, Any]:
        found: dict[str, Any] = self.docs.get(person, f"/intake/{item_id}")
        return found

    def items(self, person: Person) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.docs.get(person, "/intake")["items"]
        return found

    @property
    def stored(self) -> Path:
        return Path(self.desk.store.removeprefix("file://"))

    def quarantined(self) -> list[Path]:
        """What lies in quarantine."""
        return [path for path in (self.stored / "docs" / "quarantine").rglob("*") if path.is_file()]

    def holds(self, data: bytes) -> bool:
        """Whether any file of the store has these bytes in it."""
        return any(data in path.read_bytes() for path in self.stored.rglob("*") if path.is_file())


def states(item: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in item["steps"]}


def codes(item: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["reason"]["code"] for step in item["steps"] if step["reason"]}


@contextmanager
def opened(docs: Docs) -> Iterator[Intake]:
    """On a machine that has no scanner and none of the programs."""
    desk: Desk = docs.app.state.intake
    yield Intake(docs, replace(desk, workshop=WORKSHOP, programs=NOTHING))
