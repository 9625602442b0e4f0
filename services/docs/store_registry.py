"""Our copies of what registry states: agencies, people with their posts, signing authority, and how old the copy is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.docs.standing import Agency, Authority, Certificate, Post
from services.docs.text import fold
from shared.db import Tx
from shared.events.registry import (
    AbsenceStated,
    AgencyStated,
    AuthorityStated,
    CertificateStated,
    Heartbeat,
    PersonStated,
)

TRUSTED = ("registry.person", "registry.authority")  # the copies that signing and sealing stand on


def put_agency(tx: Tx, stated: AgencyStated) -> None:
    tx.execute(
        "INSERT INTO agency (agency_id, identifier, name, folded, level, partner, valid_from, valid_until, parent_id,"
        " successor_ids) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (agency_id) DO UPDATE SET"
        " (identifier, name, folded, level, partner, valid_from, valid_until, parent_id, successor_ids) ="
        " (excluded.identifier, excluded.name, excluded.folded, excluded.level, excluded.partner, excluded.valid_from,"
        " excluded.valid_until, excluded.parent_id, excluded.successor_ids)",
        [
            stated.agency_id,
            stated.identifier,
            stated.name,
            fold(f"{stated.identifier} {stated.name}"),
            stated.level,
            stated.partner,
            stated.valid_from,
            stated.valid_until,
            stated.parent_id,
            list(stated.successor_ids),
        ],
    )


def put_person(tx: Tx, stated: PersonStated) -> None:
    """The whole last state: posts that are no longer stated are gone."""
    tx.execute(
        "INSERT INTO person (person_id, name, active) VALUES (%s, %s, %s)"
        " ON CONFLICT (person_id) DO UPDATE SET (name, active) = (excluded.name, excluded.active)",
        [stated.person_id, stated.name, stated.active],
    )
    tx.execute("DELETE FROM post WHERE person_id = %s", [stated.person_id])
    for post in stated.posts:
        tx.execute(
            "INSERT INTO post (post_id, person_id, agency_id, title, roles, valid_from, valid_until, unit, unit_id, function)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                post.post_id,
                stated.person_id,
                post.agency_id,
                post.title,
                list(post.roles),
                post.valid_from,
                post.valid_until,
                post.unit,
                post.unit_id,
                post.function,
            ],
        )


def put_absence(tx: Tx, stated: AbsenceStated, seq: int) -> None:
    """Two groups read them (review/absences.py), so of two states the one with the higher sequence number stands."""
    tx.execute(
        "INSERT INTO absence AS a (absence_id, person_id, valid_from, valid_until, seq) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (absence_id) DO UPDATE SET (valid_from, valid_until, seq)"
        " = (excluded.valid_from, excluded.valid_until, excluded.seq) WHERE a.seq <= excluded.seq",
        [stated.absence_id, stated.person_id, stated.valid_from, stated.valid_until, seq],
    )


def put_authority(tx: Tx, stated: AuthorityStated) -> None:
    tx.execute(
        "INSERT INTO authority (authority_id, agency_id, person_id, post_id, capacity, block, document_types, valid_from,"
        " valid_until, withdrawn, delegated_from, basis, basis_on)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (authority_id) DO UPDATE SET (agency_id, person_id, post_id, capacity, block, document_types,"
        " valid_from, valid_until, withdrawn, delegated_from, basis, basis_on) = (excluded.agency_id,"
        " excluded.person_id, excluded.post_id, excluded.capacity, excluded.block, excluded.document_types,"
        " excluded.valid_from, excluded.valid_until, excluded.withdrawn, excluded.delegated_from, excluded.basis,"
        " excluded.basis_on)",
        [
            stated.authority_id,
            stated.agency_id,
            stated.person_id,
            stated.post_id,
            stated.capacity,
            list(stated.block),
            list(stated.document_types),
            stated.valid_from,
            stated.valid_until,
            stated.withdrawn,
            stated.delegated_from,
            stated.basis,
            stated.basis_on,
        ],
    )


def put_certificate(tx: Tx, stated: CertificateStated) -> None:
    """Of a person's enough to say why a document waits for them; of an agency's seal, which signing looks after, whether
    there is one.
    """
    if stated.person_id is None:
        tx.execute(
            "INSERT INTO seal_certificate (certificate_id, agency_id, not_before, not_after, status) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (certificate_id) DO UPDATE SET status = excluded.status",
            [stated.certificate_id, stated.agency_id, stated.not_before, stated.not_after, stated.status],
        )
        return
    tx.execute(
        "INSERT INTO certificate (certificate_id, person_id, not_before, not_after, status) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (certificate_id) DO UPDATE SET status = excluded.status",
        [stated.certificate_id, stated.person_id, stated.not_before, stated.not_after, stated.status],
    )


def sealing_among(tx: Tx, agencies: Sequence[UUID], now: datetime) -> set[UUID]:
    """Those that have a seal which may be used."""
    rows = tx.execute(
        "SELECT DISTINCT agency_id FROM seal_certificate WHERE agency_id = ANY(%s) AND status = 'active'"
        " AND not_before <= %s AND not_after >= %s",
        [list(agencies), now, now],
    ).fetchall()
    return {row["agency_id"] for row in rows}


def certificates_of(tx: Tx, people: Sequence[UUID]) -> dict[UUID, list[Certificate]]:
    """Everything registered for these people, whether it may be used or not."""
    rows = tx.execute(
        "SELECT person_id, not_before, not_after, status FROM certificate WHERE person_id = ANY(%s)", [list(people)]
    ).fetchall()
    found: dict[UUID, list[Certificate]] = {}
    for row in rows:
        found.setdefault(row.pop("person_id"), []).append(Certificate(**row))
    return found


def put_heartbeat(tx: Tx, beat: Heartbeat) -> None:
    tx.execute(
        "INSERT INTO registry_copy (topic, as_of) VALUES (%s, %s) ON CONFLICT (topic)"
        " DO UPDATE SET as_of = greatest(registry_copy.as_of, excluded.as_of)",
        [beat.of, beat.as_of],
    )


def oldest_copy(tx: Tx) -> datetime | None:
    """As of when all copies that signing stands on are complete; None when one was never heard of."""
    row = tx.execute(
        "SELECT count(*) AS n, min(as_of) AS oldest FROM registry_copy WHERE topic = ANY(%s)", [list(TRUSTED)]
    ).fetchone()
    return row["oldest"] if row and row["n"] == len(TRUSTED) else None


# --- agencies


def find_agency(tx: Tx, agency_id: UUID) -> Agency | None:
    return next(iter(find_agencies_by_id(tx, [agency_id]).values()), None)


def find_agencies_by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Agency]:
    """Those that are known here, in being or not."""
    rows = tx.execute(f"{AGENCY} WHERE agency_id = ANY(%s)", [list(ids)]).fetchall()
    return {row["agency_id"]: _agency(row) for row in rows}


def agencies_are_known(tx: Tx) -> bool:
    """Whether the registry has told us of agencies, and that it has told all: false on a system that has just begun."""
    row = tx.execute(
        "SELECT EXISTS (SELECT FROM registry_copy WHERE topic = 'registry.agency')"
        " AND EXISTS (SELECT FROM agency WHERE partner IS NULL) AS known"
    ).fetchone()
    return bool(row and row["known"])


def list_own_agencies(tx: Tx) -> list[UUID]:
    """The agencies that live here: each is looked at on its own (row-level security)."""
    rows = tx.execute("SELECT agency_id FROM agency WHERE partner IS NULL ORDER BY agency_id").fetchall()
    return [row["agency_id"] for row in rows]


def list_agencies_ever(tx: Tx) -> list[UUID]:
    """All that ever had rows here, those too that are behind a partner today."""
    rows = tx.execute("SELECT agency_id FROM agency UNION SELECT agency_id FROM whereabouts ORDER BY agency_id")
    return [row["agency_id"] for row in rows]


def find_ended_agencies(tx: Tx, identifiers: Sequence[str], day: date) -> dict[str, Agency]:
    """By an identifier that nobody has on that day: who had it last."""
    rows = tx.execute(
        f"{AGENCY} WHERE identifier = ANY(%s) AND valid_until < %s ORDER BY valid_until", [list(identifiers), day]
    ).fetchall()
    return {row["identifier"]: _agency(row) for row in rows}


def find_tree(tx: Tx, identifiers: Sequence[str], day: date) -> dict[str, list[Agency]]:
    """Of each of these agencies: itself and all beneath it that stand on that day, by identifier.

    An agency that has ended is walked through: those beneath it are not lost with it.
    """
    rows = tx.execute(
        "WITH RECURSIVE tree (root, agency_id, path) AS ("  # noqa: S608  own words
        "  SELECT identifier, agency_id, ARRAY[agency_id] FROM agency WHERE identifier = ANY(%(roots)s)"
        "   AND valid_from <= %(day)s AND coalesce(valid_until, 'infinity') >= %(day)s"
        "  UNION ALL SELECT t.root, a.agency_id, t.path || a.agency_id FROM tree t"
        "   JOIN agency a ON a.parent_id = t.agency_id WHERE a.agency_id <> ALL (t.path))"
        f" SELECT tree.root, found.* FROM tree JOIN ({AGENCY}) found USING (agency_id)"
        " WHERE valid_from <= %(day)s AND coalesce(valid_until, 'infinity') >= %(day)s ORDER BY identifier",
        {"roots": list(identifiers), "day": day},
    ).fetchall()
    found: dict[str, list[Agency]] = {}
    for row in rows:
        found.setdefault(row.pop("root"), []).append(_agency(row))
    return found


def find_agencies(tx: Tx, identifiers: Sequence[str], day: date) -> dict[str, Agency]:
    """By national identifier; of several that had one in the course of time, the one that stands on that day."""
    rows = tx.execute(
        f"{AGENCY} WHERE identifier = ANY(%s) AND valid_from <= %s AND coalesce(valid_until, 'infinity') >= %s",
        [list(identifiers), day, day],
    ).fetchall()
    return {row["identifier"]: _agency(row) for row in rows}


def search_agencies(tx: Tx, words: str, level: str | None, day: date, limit: int) -> list[Agency]:
    """Agencies that stand on that day whose identifier or name has all the words, marks ignored; by identifier."""
    patterns = [f"%{_literal(word)}%" for word in fold(words).split()]
    rows = tx.execute(
        f"{AGENCY} WHERE folded LIKE ALL (%s::text[]) AND (%s::text IS NULL OR level = %s)"
        " AND valid_from <= %s AND coalesce(valid_until, 'infinity') >= %s ORDER BY identifier LIMIT %s",
        [patterns, level, level, day, day, limit],
    ).fetchall()
    return [_agency(row) for row in rows]


AGENCY = (
    "SELECT agency_id, identifier, name, level, partner, valid_from, valid_until, parent_id, successor_ids FROM agency"
)


def _agency(row: dict[str, Any]) -> Agency:
    return Agency(**{**row, "successor_ids": tuple(row["successor_ids"])})


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# --- people and authority

POST = (
    "SELECT p.person_id, p.name, p.active, o.post_id, o.agency_id, o.title, o.roles, o.valid_from, o.valid_until,"
    " o.unit, o.unit_id, o.function FROM post o JOIN person p USING (person_id)"
)


def find_post(tx: Tx, person_id: UUID, post_id: UUID) -> Post | None:
    row = tx.execute(f"{POST} WHERE o.person_id = %s AND o.post_id = %s", [person_id, post_id]).fetchone()
    return _post(row) if row else None


def list_posts(tx: Tx, agency_id: UUID, day: date) -> list[Post]:
    """The posts held in an agency on that day, by name."""
    rows = tx.execute(f"{POST} WHERE o.agency_id = %s ORDER BY p.name, o.post_id", [agency_id]).fetchall()
    return [post for post in map(_post, rows) if post.holds(day)]


def list_posts_ever(tx: Tx, agency_id: UUID) -> list[Post]:
    """All posts of an agency, those that have ended or not begun too, by name."""
    rows = tx.execute(f"{POST} WHERE o.agency_id = %s ORDER BY p.name, o.post_id", [agency_id]).fetchall()
    return [_post(row) for row in rows]


def away_until(tx: Tx, agency_id: UUID, day: date) -> dict[UUID, date]:
    """Who of an agency is away on that day, and the last day of it."""
    rows = tx.execute(
        "SELECT person_id, max(valid_until) AS until FROM absence"
        " WHERE %s BETWEEN valid_from AND valid_until AND person_id IN (SELECT person_id FROM post WHERE agency_id = %s)"
        " GROUP BY person_id",
        [day, agency_id],
    ).fetchall()
    return {row["person_id"]: row["until"] for row in rows}


def delegates_of(tx: Tx, agency_id: UUID, day: date) -> dict[UUID, list[UUID]]:
    """To whom people of an agency have passed signing authority on, as it holds on that day."""
    rows = tx.execute(
        f"{AUTHORITY} WHERE a.agency_id = %s AND a.delegated_from IS NOT NULL ORDER BY a.authority_id", [agency_id]
    ).fetchall()
    found = [each for each in map(_authority, rows) if each.holds(day)]
    sources = find_authorities(tx, [each.delegated_from for each in found if each.delegated_from])
    delegates: dict[UUID, list[UUID]] = {}
    for each in found:
        source = sources.get(each.delegated_from) if each.delegated_from else None
        if source:
            delegates.setdefault(source.post.person_id, []).append(each.post.person_id)
    return delegates


def find_authority(tx: Tx, authority_id: UUID) -> Authority | None:
    row = tx.execute(f"{AUTHORITY} WHERE a.authority_id = %s", [authority_id]).fetchone()
    return _authority(row) if row else None


def find_authorities(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Authority]:
    """Those of the ids that are known here."""
    rows = tx.execute(f"{AUTHORITY} WHERE a.authority_id = ANY(%s)", [list(ids)]).fetchall()
    return {each.authority_id: each for each in map(_authority, rows)}


def list_authorities(tx: Tx, agency_id: UUID, day: date) -> list[Authority]:
    rows = tx.execute(f"{AUTHORITY} WHERE a.agency_id = %s ORDER BY p.name", [agency_id]).fetchall()
    return [each for each in map(_authority, rows) if each.holds(day)]


AUTHORITY = (
    "SELECT a.authority_id, a.capacity, a.block, a.document_types, a.valid_from, a.valid_until, a.withdrawn,"
    " a.delegated_from, a.basis, a.basis_on,"
    " a.agency_id AS for_agency, p.person_id, p.name, p.active, o.post_id, o.agency_id, o.title, o.roles,"
    " o.valid_from AS post_from, o.valid_until AS post_until"
    " FROM authority a JOIN post o ON (o.post_id, o.person_id) = (a.post_id, a.person_id)"
    " JOIN person p ON p.person_id = a.person_id"
)


def _post(row: dict[str, Any]) -> Post:
    return Post(**{**row, "roles": frozenset(row["roles"])})


def _authority(row: dict[str, Any]) -> Authority:
    post = {name: row.pop(name) for name in ("person_id", "name", "active", "post_id", "agency_id", "title", "roles")}
    return Authority(
        authority_id=row["authority_id"],
        capacity=row["capacity"],
        block=tuple(row["block"]),
        document_types=tuple(row["document_types"]),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        withdrawn=row["withdrawn"],
        delegated_from=row["delegated_from"],
        basis=row["basis"],
        basis_on=row["basis_on"],
        agency_id=row["for_agency"],
        post=_post({**post, "valid_from": row["post_from"], "valid_until": row["post_until"]}),
    )
