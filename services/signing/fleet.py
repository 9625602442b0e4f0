"""The machines that people sign on: what each one's program said of itself, and what an operator should look at.

A report names nobody beyond the person's own id, holds no PIN and no document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

SOON = timedelta(days=30)
MOST_OF_ONE = 10  # programs of one person, the newest ones


@dataclass(frozen=True, slots=True)
class Client:
    """One program of one person. `problem` is the code of what was wrong with its token the last time, if anything;
    `tested_failed` the codes that its last self-test found, empty when all was well, None when it never ran.
    """

    client_id: UUID
    person_id: UUID
    agency_id: UUID
    reported_at: datetime
    occasion: str
    version: str
    system: str
    driver: str | None = None
    driver_version: str | None = None
    token_model: str | None = None
    certificate_not_after: datetime | None = None
    problem: str | None = None
    tested_at: datetime | None = None
    tested_failed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DriverFigures:
    """How many programs use a version of a driver, and how many of them had trouble with it."""

    driver: str
    version: str
    clients: int
    failing: int


def newest_version(clients: Iterable[Client]) -> str | None:
    """The newest version that anybody runs."""
    return max((client.version for client in clients), key=_number, default=None)


def attention(client: Client, newest: str | None, now: datetime) -> tuple[str, ...]:
    """Why somebody should look at this machine: codes, the most pressing first."""
    end = client.certificate_not_after
    found = []
    if end is not None and end <= now:
        found.append("certificate_ended")
    if client.problem:
        found.append("token_problem")
    if client.tested_failed:
        found.append("selftest_failed")
    if end is not None and now < end <= now + SOON:
        found.append("certificate_ends_soon")
    if newest is not None and _number(client.version) < _number(newest):
        found.append("version_old")
    return tuple(found)


def by_driver(clients: Sequence[Client]) -> list[DriverFigures]:
    """Each driver with its versions, the most troubled first."""
    counts: dict[tuple[str, str], list[bool]] = {}
    for client in clients:
        if client.driver:
            name = (client.driver, client.driver_version or "")
            counts.setdefault(name, []).append(bool(client.problem or client.tested_failed))
    found = [DriverFigures(*name, clients=len(each), failing=sum(each)) for name, each in counts.items()]
    return sorted(found, key=lambda row: (-row.failing, -row.clients, row.driver, row.version))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])
