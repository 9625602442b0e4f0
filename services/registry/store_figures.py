"""Counting what the registry holds and held. The only SQL of the figures.

A certificate or device counts where its newest row not after the day says, so the count must see rows of agencies that
the reader does not oversee: one that moved away is not theirs any more. It therefore reads with the whole province's
scope, filters by the reader's patterns itself, and gives out numbers only; then the reader's own scope holds again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.registry import store
from services.registry.figures import (
    KINDS,
    LEVELS,
    STATES,
    CertificateCount,
    Coverage,
    DeviceCount,
    MonthCount,
    Standing,
)
from services.registry.scope import EVERYWHERE, Scope
from shared.db import Tx

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose figures are asked for, and for whom the transaction acts otherwise."""

    scope: Scope
    person_id: UUID | None = None
    agency_id: UUID | None = None


@contextmanager
def _counting(tx: Tx, reader: Reader) -> Iterator[str]:
    store.act_within(tx, EVERYWHERE)
    yield str(reader.scope)
    store.act_within(tx, reader.scope, reader.person_id, reader.agency_id)


def standing(tx: Tx, reader: Reader, on: date, now: datetime) -> Standing:
    """How it stood at the end of `on` in Vietnam, or stands now when that is still to come."""
    facts: dict[str, object] = {"until": min(_end_of(on), now), "on": on}
    with _counting(tx, reader) as patterns:
        facts |= {"patterns": patterns}
        counted = tx.execute(_STANDING, facts).fetchall()
        devices = tuple(DeviceCount(**row) for row in tx.execute(_DEVICES, facts).fetchall())
        agencies = tx.execute(_AGENCIES, facts).fetchall()
        leaders = tx.execute(_LEADERS, facts).fetchall()
    levels = {row["id"]: row["level"] for row in agencies}
    certificates: Counter[tuple[str, str, str]] = Counter()
    for row in counted:
        if row["managed_by"] in levels:
            certificates[row["kind"], levels[row["managed_by"]], row["state"]] += row["count"]
    equipped = {holder for row in counted for holder in row["holders"]}
    return Standing(
        on=on,
        certificates=tuple(
            CertificateCount(level, kind, state, count)
            for (kind, level, state), count in sorted(certificates.items(), key=lambda item: _order(*item[0]))
        ),
        devices=devices,
        coverage=tuple(
            _coverage(
                level,
                agencies={row["id"] for row in agencies if row["level"] == level and row["open"]},
                leaders={row["person_id"] for row in leaders if levels.get(row["agency_id"]) == level},
                equipped=equipped,
            )
            for level in LEVELS
        ),
    )


def _order(kind: str, level: str, state: str) -> tuple[int, int, int]:
    return KINDS.index(kind), (*LEVELS, "outside").index(level), STATES.index(state)


def _coverage(level: str, *, agencies: set[UUID], leaders: set[UUID], equipped: set[UUID]) -> Coverage:
    """`equipped`: agencies and people with a usable certificate, wherever it is managed."""
    return Coverage(
        level=level,
        agencies=len(agencies),
        agencies_with_seal=len(agencies & equipped),
        leaders=len(leaders),
        leaders_with_certificate=len(leaders & equipped),
    )


def issued(tx: Tx, reader: Reader, first: date, last: date) -> tuple[MonthCount, ...]:
    """Certificates by the month in which their validity began, where they were first registered; both days included."""
    with _counting(tx, reader) as patterns:
        rows = tx.execute(_ISSUED, {"start": _start_of(first), "until": _end_of(last), "patterns": patterns}).fetchall()
    return tuple(MonthCount(**row) for row in rows)


def expiring(tx: Tx, reader: Reader, months: int, now: datetime) -> tuple[MonthCount, ...]:
    """Certificates that are good (or suspended) now, by the month in which they end: this one and the next ones."""
    this = now.astimezone(VIETNAM).date().replace(day=1)
    end = this.month - 1 + months
    until = _start_of(date(this.year + end // 12, end % 12 + 1, 1))
    with _counting(tx, reader) as patterns:
        rows = tx.execute(_EXPIRING, {"now": now, "until": until, "patterns": patterns}).fetchall()
    return tuple(MonthCount(**row) for row in rows)


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)


def _end_of(day: date) -> datetime:
    return _start_of(day + timedelta(days=1))


_KIND = f"CASE c.kind WHEN 'seal' THEN '{KINDS[0]}' ELSE '{KINDS[1]}' END"
_LEVEL_ORDER = "array_position(ARRAY['province', 'district', 'commune', 'outside'], a.level)"

# Each certificate as the newest row of its history before `until` says. Its end counts from that moment, whenever
# somebody noticed; a device that came back says nothing about the certificate that was on it.
_NEWEST = (
    "WITH newest AS (SELECT DISTINCT ON (s.certificate_id) s.certificate_id, s.managed_by,"
    " CASE WHEN s.stage IN ('device_returned', 'device_lost') THEN s.status ELSE s.stage END AS stage"
    " FROM certificate_stage s WHERE s.since < %(until)s ORDER BY s.certificate_id, s.since DESC, s.id DESC),"
    " standing AS (SELECT c.id, c.kind, c.person_id, c.agency_id, c.not_before, c.not_after, n.managed_by,"
    "  CASE WHEN n.stage IN ('issued', 'handed_over', 'active', 'suspended') AND c.not_after < %(until)s"
    "   THEN 'expired' ELSE n.stage END AS state"
    " FROM newest n JOIN certificate c ON c.id = n.certificate_id)"
)

_STANDING = (
    f"{_NEWEST} SELECT c.managed_by, {_KIND} AS kind, c.state, count(*)::int AS count,"  # noqa: S608  our constants
    " coalesce(array_agg(coalesce(c.person_id, c.agency_id)) FILTER (WHERE c.state = 'active' AND c.not_before < %(until)s),"
    "  '{}') AS holders FROM standing c GROUP BY 1, 2, 3"
)

_DEVICES = (
    "WITH newest AS (SELECT DISTINCT ON (s.device_id) s.type, s.place, s.pin, s.managed_by FROM device_state s"  # noqa: S608
    "  WHERE s.since < %(until)s ORDER BY s.device_id, s.since DESC, s.id DESC)"
    " SELECT a.level, n.type, n.place, n.pin, count(*)::int AS count FROM newest n JOIN agency a ON a.id = n.managed_by"
    " WHERE matches_scope(a.identifier, %(patterns)s)"
    f" GROUP BY 1, 2, 3, 4 ORDER BY min({_LEVEL_ORDER}), 2, 3, 4"
)

_AGENCIES = (
    "SELECT id, level, level <> 'outside' AND %(on)s BETWEEN valid_from AND coalesce(valid_until, 'infinity') AS open"
    " FROM agency WHERE matches_scope(identifier, %(patterns)s)"
)

_LEADERS = (
    "SELECT DISTINCT g.agency_id, g.person_id FROM authority g JOIN person p ON p.id = g.person_id"
    " WHERE %(on)s BETWEEN g.valid_from AND coalesce(g.valid_until, 'infinity')"
    " AND (NOT g.withdrawn OR g.withdrawn_at >= %(until)s) AND (p.active OR p.inactive_since >= %(until)s)"
)

_MONTH = "to_char({0} AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM')"

_ISSUED = (
    "WITH first AS (SELECT DISTINCT ON (s.certificate_id) s.certificate_id, s.managed_by FROM certificate_stage s"  # noqa: S608
    "  ORDER BY s.certificate_id, s.since, s.id)"
    f" SELECT {_MONTH.format('c.not_before')} AS month, a.level, {_KIND} AS kind, count(*)::int AS count"
    " FROM certificate c JOIN first f ON f.certificate_id = c.id JOIN agency a ON a.id = f.managed_by"
    " WHERE c.not_before >= %(start)s AND c.not_before < %(until)s AND matches_scope(a.identifier, %(patterns)s)"
    f" GROUP BY 1, 2, 3 ORDER BY 1, min({_LEVEL_ORDER}), 3"
)

_EXPIRING = (
    f"SELECT {_MONTH.format('c.not_after')} AS month, a.level, {_KIND} AS kind, count(*)::int AS count,"  # noqa: S608
    " (count(*) FILTER (WHERE EXISTS (SELECT FROM certificate o WHERE o.kind = c.kind AND o.status = 'active'"
    "   AND coalesce(o.person_id, o.agency_id) = coalesce(c.person_id, c.agency_id) AND o.not_after > c.not_after"
    "   AND o.id <> c.id)))::int AS replaced"
    " FROM certificate c JOIN agency a ON a.id = c.managed_by WHERE c.status IN ('active', 'suspended')"
    " AND c.not_after >= %(now)s AND c.not_after < %(until)s AND matches_scope(a.identifier, %(patterns)s)"
    f" GROUP BY 1, 2, 3 ORDER BY 1, min({_LEVEL_ORDER}), 3"
)
