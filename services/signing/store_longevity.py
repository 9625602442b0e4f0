"""Our tables of levels, debts, stamps and repairs. The only SQL on them, and the one query of what is at risk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.signing.longevity import Longevity, Signature, Stamp, part_prefix
from services.signing.refusals_places import PLACES_TO_CONFIRM
from shared.db import Tx
from shared.events.signing import Debt
from shared.ids import new_id


def watch(tx: Tx) -> None:
    """From here on in this transaction ids, levels and dates of every agency's documents can be read, nothing else."""
    tx.execute("SELECT set_config('vanthu.watch', 'on', true)")


# --- one document


def begin(tx: Tx, document_id: UUID, agency_id: UUID, *, unchecked_allowed: bool) -> None:
    """With the order to prepare: under which policy signatures will stand."""
    tx.execute(
        "INSERT INTO longevity (document_id, agency_id, unchecked_allowed) VALUES (%s, %s, %s)"
        " ON CONFLICT (document_id) DO UPDATE SET unchecked_allowed = excluded.unchecked_allowed",
        [document_id, agency_id, unchecked_allowed],
    )


def get(tx: Tx, document_id: UUID, agency_id: UUID) -> Longevity:
    """As the document stands; the plain beginning for one that was ordered before this was kept."""
    row = tx.execute(
        "SELECT document_id, agency_id, unchecked_allowed, level, owes, owing_since, told_at, problem, stamped_by,"
        " stamped_at FROM longevity WHERE document_id = %s",
        [document_id],
    ).fetchone()
    return Longevity(**{**row, "owes": tuple(row["owes"])}) if row else Longevity(document_id, agency_id)


def put_signature(tx: Tx, signature: Signature) -> None:
    """Signed anew after a return, a field has a new signature."""
    s = signature
    tx.execute(
        "INSERT INTO signature (document_id, field, agency_id, kind, name, person_id, certificate_id, anchor,"
        " algorithms, signed_at, level, unchecked) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (document_id, field) DO UPDATE SET kind = excluded.kind, name = excluded.name,"
        " person_id = excluded.person_id, certificate_id = excluded.certificate_id, anchor = excluded.anchor,"
        " algorithms = excluded.algorithms, signed_at = excluded.signed_at, level = excluded.level,"
        " unchecked = excluded.unchecked",
        [
            s.document_id,
            s.field,
            s.agency_id,
            s.kind,
            s.name,
            s.person_id,
            s.certificate_id,
            s.anchor,
            list(s.algorithms),
            s.signed_at,
            s.level,
            s.unchecked,
        ],
    )


def list_signatures(tx: Tx, document_id: UUID) -> list[Signature]:
    rows = tx.execute(
        "SELECT * FROM signature WHERE document_id = %s ORDER BY signed_at, field", [document_id]
    ).fetchall()
    return [Signature(**{**row, "algorithms": tuple(row["algorithms"])}) for row in rows]


def raise_signatures(tx: Tx, document_id: UUID, level: str, *, part: int = 0) -> None:
    """An extension brings every signature of one file of the document to this level, its certificate checked."""
    tx.execute(
        "UPDATE signature SET level = %s, unchecked = false WHERE document_id = %s"
        " AND CASE WHEN %s = '' THEN field !~ '^annex-[0-9]+/' ELSE starts_with(field, %s) END",
        [level, document_id, part_prefix(part), part_prefix(part)],
    )


def put(
    tx: Tx,
    document_id: UUID,
    agency_id: UUID,
    *,
    level: str,
    owes: tuple[Debt, ...],
    at: datetime,
    stamp: Stamp | None,
) -> None:
    """How the document stands after a signature, a seal or an augmentation; a debt is as old as its first day."""
    if stamp:
        _put_authority(tx, stamp)
    since = at if owes else None
    tx.execute(
        "INSERT INTO longevity AS l (document_id, agency_id, level, owes, owing_since, ground, stamped_by, stamped_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (document_id) DO UPDATE SET level = excluded.level,"
        " owes = excluded.owes, ground = excluded.ground, problem = NULL,"
        " owing_since = CASE WHEN excluded.owing_since IS NULL THEN NULL ELSE coalesce(l.owing_since, excluded.owing_since) END,"
        " told_at = CASE WHEN excluded.owing_since IS NULL THEN NULL ELSE l.told_at END,"
        " stamped_by = coalesce(excluded.stamped_by, l.stamped_by), stamped_at = coalesce(excluded.stamped_at, l.stamped_at)",
        [
            document_id,
            agency_id,
            level,
            list(owes),
            since,
            _ground(tx, list_signatures(tx, document_id)),
            stamp.authority if stamp else None,
            stamp.at if stamp else None,
        ],
    )


def set_problem(tx: Tx, document_id: UUID, code: str) -> None:
    """The debt can't be paid as things are."""
    tx.execute("UPDATE longevity SET problem = %s WHERE document_id = %s", [code, document_id])


def set_told(tx: Tx, document_id: UUID, at: datetime) -> None:
    tx.execute("UPDATE longevity SET told_at = %s WHERE document_id = %s", [at, document_id])


def proven_until(tx: Tx, document_id: UUID) -> datetime | None:
    """The end of what the newest archive time stamp proves; None without one."""
    row = tx.execute(
        f"SELECT ends_at FROM longevity JOIN ({_STAMP_ENDS}) s ON s.sha256 = stamped_by WHERE document_id = %s",  # noqa: S608  ours
        [document_id],
    ).fetchone()
    return row["ends_at"] if row else None


def _put_authority(tx: Tx, stamp: Stamp) -> None:
    tx.execute(
        "INSERT INTO stamp_authority (sha256, der, chain, not_after, anchor, algorithms)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [stamp.authority, stamp.certificate, list(stamp.chain), stamp.not_after, stamp.anchor, list(stamp.algorithms)],
    )


def _ground(tx: Tx, signatures: Iterable[Signature]) -> int:
    anchors = sorted({s.anchor for s in signatures if s.anchor})
    algorithms = sorted({name for s in signatures for name in s.algorithms})
    row = tx.execute(
        "WITH made AS (INSERT INTO ground (anchors, algorithms) VALUES (%(anchors)s, %(algorithms)s)"
        " ON CONFLICT DO NOTHING RETURNING id)"
        " SELECT id FROM made UNION ALL"
        " SELECT id FROM ground WHERE anchors = %(anchors)s AND algorithms = %(algorithms)s LIMIT 1",
        {"anchors": anchors, "algorithms": algorithms},
    ).fetchone()
    if row is None:  # another transaction has just made the same one: its row is visible to the next statement
        return _ground(tx, signatures)
    found: int = row["id"]
    return found


# --- stamps

_STAMP_ENDS = (
    "SELECT a.*, least(a.not_after, (SELECT min(g.ends_at) FROM algorithm g WHERE g.name = ANY(a.algorithms))) AS ends_at"
    " FROM stamp_authority a"
)


@dataclass(frozen=True, slots=True)
class Authority:
    """A time-stamping certificate that documents rest on (DER, with its chain)."""

    sha256: str
    der: bytes
    chain: tuple[bytes, ...]


def list_unchecked_authorities(tx: Tx, before: datetime, limit: int) -> list[Authority]:
    """Those in their validity whose revocation was not asked for since, the longest unasked first."""
    rows = tx.execute(
        "SELECT sha256, der, chain FROM stamp_authority WHERE NOT revoked AND not_after > now()"
        " AND (checked_at IS NULL OR checked_at < %s) ORDER BY checked_at NULLS FIRST LIMIT %s",
        [before, limit],
    ).fetchall()
    return [Authority(row["sha256"], row["der"], tuple(row["chain"])) for row in rows]


def set_checked(tx: Tx, sha256: str, *, revoked: bool) -> None:
    tx.execute("UPDATE stamp_authority SET checked_at = now(), revoked = %s WHERE sha256 = %s", [revoked, sha256])


def hold_renewal(tx: Tx, document_id: UUID, until: datetime) -> None:
    """Stamps of the authority that this document rests on are not renewed before: no later end is to be had now."""
    tx.execute(
        "UPDATE stamp_authority SET held_until = %s WHERE sha256 = (SELECT stamped_by FROM longevity WHERE document_id = %s)",
        [until, document_id],
    )


def list_renewals(tx: Tx, margin: timedelta, limit: int) -> list[tuple[UUID, UUID]]:
    """(document, agency) whose archive stamp ends within the margin and is not being renewed, the oldest stamps first.

    At most `limit` renewals are under way at a time.
    """
    rows = tx.execute(
        f"SELECT l.document_id, l.agency_id FROM longevity l WHERE l.stamped_by = ANY(ARRAY("  # noqa: S608  ours
        f"  SELECT sha256 FROM ({_STAMP_ENDS}) s WHERE s.ends_at < now() + %(margin)s"
        "   AND (s.held_until IS NULL OR s.held_until < now())))"
        " AND NOT EXISTS (SELECT FROM job j WHERE j.subject = 'augment:' || l.document_id AND j.state = 'waiting')"
        " ORDER BY l.stamped_at LIMIT greatest(0, %(limit)s - ("
        "  SELECT count(*) FROM job WHERE kind = 'augment' AND state = 'waiting' AND (payload ->> 'renewal')::boolean))",
        {"margin": margin, "limit": limit},
    ).fetchall()
    return [(row["document_id"], row["agency_id"]) for row in rows]


def list_unread(tx: Tx, limit: int) -> list[tuple[UUID, UUID]]:
    """(document, agency) of which nobody knows yet what its proof rests on."""
    rows = tx.execute(
        "SELECT document_id, agency_id FROM longevity WHERE stamped_by IS NULL AND ground IS NULL AND level IS NOT NULL"
        " LIMIT %s",
        [limit],
    ).fetchall()
    return [(row["document_id"], row["agency_id"]) for row in rows]


# --- debts that people should hear of


def list_untold(tx: Tx, older_than: timedelta, limit: int) -> list[tuple[UUID, UUID]]:
    """(document, agency) that owe for longer and of which nobody was told."""
    rows = tx.execute(
        "SELECT document_id, agency_id FROM longevity WHERE owing_since < now() - %s AND told_at IS NULL"
        " ORDER BY owing_since LIMIT %s",
        [older_than, limit],
    ).fetchall()
    return [(row["document_id"], row["agency_id"]) for row in rows]


# --- what is at risk

_RISKS = f"""
    SELECT document_id, agency_id, 'owing' AS risk, level, owes, owing_since AS at, problem AS code
      FROM longevity WHERE owing_since < %(owing_before)s AND problem IS NULL
    UNION ALL
    SELECT document_id, agency_id, 'not_payable', level, owes, owing_since, problem
      FROM longevity WHERE owing_since IS NOT NULL AND problem IS NOT NULL
    UNION ALL
    SELECT l.document_id, l.agency_id, CASE WHEN s.ends_at < now() THEN 'stamp_ended' ELSE 'stamp_ending' END,
           l.level, l.owes, s.ends_at, NULL
      FROM ({_STAMP_ENDS}) s JOIN longevity l ON l.stamped_by = s.sha256 WHERE s.ends_at < %(ending_before)s
    UNION ALL
    SELECT l.document_id, l.agency_id, 'authority_revoked', l.level, l.owes, s.checked_at, NULL
      FROM stamp_authority s JOIN longevity l ON l.stamped_by = s.sha256 WHERE s.revoked
    UNION ALL
    (SELECT l.document_id, l.agency_id, 'anchor_withdrawn', l.level, l.owes, NULL::timestamptz, NULL
       FROM ground g JOIN trust_anchor t ON t.fingerprint = ANY(g.anchors) AND t.withdrawn
       JOIN longevity l ON l.ground = g.id
     UNION
     SELECT l.document_id, l.agency_id, 'anchor_withdrawn', l.level, l.owes, NULL, NULL
       FROM stamp_authority s JOIN trust_anchor t ON t.fingerprint = s.anchor AND t.withdrawn
       JOIN longevity l ON l.stamped_by = s.sha256)
    UNION ALL
    SELECT l.document_id, l.agency_id, 'algorithm_weak', l.level, l.owes, NULL, NULL
      FROM longevity l WHERE l.stamped_by IS NULL AND l.ground = ANY(ARRAY(SELECT g.id FROM ground g JOIN algorithm a
             ON a.name = ANY(g.algorithms) WHERE a.ends_at < %(ending_before)s))
    UNION ALL
    SELECT subject::uuid, (payload ->> 'agency_id')::uuid, 'waiting', NULL, '{{}}', created_at,
           split_part(last_error, ':', 1)
      FROM job WHERE created_at < %(owing_before)s AND kind = ANY(%(work)s) AND state = 'waiting'
       AND (current_setting('vanthu.watch', true) = 'on'
            OR payload ->> 'agency_id' = current_setting('vanthu.agency', true))
    UNION ALL
    SELECT document_id, agency_id, 'repaired', NULL, '{{}}', at, found || ': ' || done
      FROM repair WHERE at > %(repaired_after)s
"""  # noqa: S608  ours
AT_RISK = (
    f"SELECT r.*, d.numbering ->> 'number_symbol' AS number_symbol, d.descriptor ->> 'abstract' AS abstract"  # noqa: S608
    f" FROM (SELECT * FROM ({_RISKS}) every ORDER BY at NULLS FIRST, document_id LIMIT %(limit)s) r"
    " LEFT JOIN document d ON d.id = r.document_id ORDER BY r.at NULLS FIRST, r.document_id"
)
KEPT_REPAIRS = timedelta(days=7)


def list_at_risk(tx: Tx, *, owing_for: timedelta, margin: timedelta, now: datetime, limit: int) -> list[dict[str, Any]]:
    """document_id, agency_id, risk, level, owes, at, code, number_symbol, abstract; what is soonest or oldest first.

    One statement over whatever rows the transaction may see: an agency's own, or under `watch` everybody's, then without
    a word of what the documents say.
    """
    return tx.execute(AT_RISK, at_risk_bounds(owing_for, margin, now) | {"limit": limit}).fetchall()


def count_at_risk(tx: Tx, *, owing_for: timedelta, margin: timedelta, now: datetime) -> dict[str, int]:
    """How many documents there are of each risk, among the rows that the transaction may see."""
    rows = tx.execute(
        f"SELECT risk, count(*) AS n FROM ({_RISKS}) every GROUP BY risk ORDER BY risk",  # noqa: S608  ours
        at_risk_bounds(owing_for, margin, now),
    ).fetchall()
    return {row["risk"]: row["n"] for row in rows}


def at_risk_bounds(owing_for: timedelta, margin: timedelta, now: datetime) -> dict[str, Any]:
    """The parameters of AT_RISK but for its limit."""
    return {
        "owing_before": now - owing_for,
        "ending_before": now + margin,
        "repaired_after": now - KEPT_REPAIRS,
        "work": [*_JOBS.values(), "counter_seal"],
    }


# --- begun and not finished


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A document that nobody works on although its state says so: `found` is preparing, completing, sealing, owing or
    lost_signature (a raw signature was taken, its document knows nothing of it).
    """

    found: str
    document_id: UUID
    preparation_id: UUID | None = None


_JOBS = {"preparing": "prepare", "completing": "complete", "sealing": "seal"}


def list_unfinished(tx: Tx, agency_id: UUID, document_id: UUID | None = None) -> list[Unfinished]:
    """All of one agency, or what is wrong with one document. A running job's row is there until its result is.

    A document whose places somebody is asked to confirm waits for a person: it has no job, and is none of these.
    """
    case = " ".join(f"WHEN '{state}' THEN '{kind}'" for state, kind in _JOBS.items())
    rows = tx.execute(
        f"SELECT d.state AS found, d.id AS document_id, d.completing AS preparation_id FROM document d"  # noqa: S608  ours
        f" WHERE d.agency_id = %(agency)s AND d.state IN ('preparing', 'completing', 'sealing')"
        " AND NOT (d.state = 'preparing' AND d.delayed IS NOT DISTINCT FROM %(asked)s)"
        f" AND (%(document)s::uuid IS NULL OR d.id = %(document)s) AND NOT EXISTS (SELECT FROM job j"
        f"  WHERE j.subject = d.id::text AND j.state = 'waiting' AND j.kind = CASE d.state {case} END)"
        " UNION ALL"
        " SELECT 'lost_signature', p.document_id, p.id FROM preparation p JOIN document d ON d.id = p.document_id"
        " WHERE p.agency_id = %(agency)s AND p.state = 'completing' AND d.completing IS DISTINCT FROM p.id"
        " AND (%(document)s::uuid IS NULL OR d.id = %(document)s)"
        " UNION ALL"
        " SELECT 'owing', l.document_id, NULL FROM longevity l JOIN document d ON d.id = l.document_id"
        " WHERE l.agency_id = %(agency)s AND l.owing_since IS NOT NULL AND l.problem IS NULL"
        " AND d.state IN ('signed', 'sealed') AND (%(document)s::uuid IS NULL OR d.id = %(document)s) AND NOT EXISTS ("
        "  SELECT FROM job j WHERE j.subject = 'augment:' || l.document_id AND j.state = 'waiting')",
        {"agency": agency_id, "document": document_id, "asked": PLACES_TO_CONFIRM.code},
    ).fetchall()
    return [Unfinished(**row) for row in rows]


def list_agencies(tx: Tx) -> list[UUID]:
    return [row["id"] for row in tx.execute("SELECT id FROM agency ORDER BY id").fetchall()]


def add_repair(tx: Tx, agency_id: UUID, unfinished: Unfinished, done: str, at: datetime) -> None:
    tx.execute(
        "INSERT INTO repair (id, document_id, agency_id, found, done, at) VALUES (%s, %s, %s, %s, %s, %s)",
        [new_id(), unfinished.document_id, agency_id, unfinished.found, done, at],
    )
