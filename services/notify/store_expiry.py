"""The tables behind notices of expiry: certificates, what waits for their holders, who oversees them, what was told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.notify.expiry import Certificate, Ending, Holder, Waiting
from shared.db import Tx
from shared.events import registry

COPIES = ("registry.agency", "registry.person", "registry.certificate")


def try_lock(tx: Tx) -> bool:
    """One worker at a time tells; the others skip their turn."""
    row = tx.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('notify.expiry', 0)) AS ok").fetchone()
    return bool(row and row["ok"])


def copies_as_of(tx: Tx) -> datetime | None:
    """How old the oldest copy is that a notice stands on; None when one has never been whole."""
    row = tx.execute(
        "SELECT min(as_of) AS at, count(*) AS n FROM registry_copy WHERE topic = ANY(%s)", [list(COPIES)]
    ).fetchone()
    return row["at"] if row and row["n"] == len(COPIES) else None


def save_certificate(tx: Tx, certificate: registry.CertificateStated) -> None:
    tx.execute(
        "INSERT INTO certificate (certificate_id, kind, person_id, agency_id, serial, not_before, not_after, status)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (certificate_id) DO UPDATE SET"
        " person_id = excluded.person_id, agency_id = excluded.agency_id, status = excluded.status",
        [
            certificate.certificate_id,
            certificate.kind,
            certificate.person_id,
            certificate.agency_id,
            certificate.serial,
            certificate.not_before,
            certificate.not_after,
            certificate.status,
        ],
    )


def save_waiting(tx: Tx, waiting: Waiting, *, at: datetime) -> None:
    """The newest fact about a document wins, whichever topic was read first."""
    tx.execute(
        "INSERT INTO waiting AS w (document_id, person_id, over, at) VALUES (%s, %s, %s, %s) ON CONFLICT (document_id)"
        " DO UPDATE SET person_id = excluded.person_id, over = excluded.over, at = excluded.at WHERE w.at <= excluded.at",
        [waiting.document_id, waiting.person_id, waiting.over, at],
    )


def list_ending(tx: Tx, before: datetime) -> list[Certificate]:
    """Active certificates that end before then and, of the same holders, those that may have replaced them."""
    rows = tx.execute(
        "WITH ending AS (SELECT kind, coalesce(person_id, agency_id) AS holder_id FROM certificate"
        "  WHERE status = 'active' AND not_after > now() AND not_after < %s)"
        " SELECT c.certificate_id AS id, c.kind, coalesce(c.person_id, c.agency_id) AS holder_id, c.serial, c.not_after,"
        " c.status FROM certificate c WHERE c.status = 'active' AND c.not_after > now()"
        " AND (c.kind, coalesce(c.person_id, c.agency_id)) IN (SELECT kind, holder_id FROM ending)",
        [before],
    ).fetchall()
    return [Certificate(**row) for row in rows]


def list_told(tx: Tx, certificates: Iterable[UUID]) -> dict[UUID, set[int]]:
    rows = tx.execute(
        "SELECT certificate_id, threshold FROM expiry_told WHERE certificate_id = ANY(%s)", [list(certificates)]
    ).fetchall()
    told: dict[UUID, set[int]] = {}
    for row in rows:
        told.setdefault(row["certificate_id"], set()).add(row["threshold"])
    return told


def add_told(tx: Tx, endings: Iterable[Ending]) -> None:
    with tx.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO expiry_told (certificate_id, threshold) VALUES (%s, %s)",
            [(ending.certificate.id, ending.threshold) for ending in endings],
        )


def holders(tx: Tx, certificates: Iterable[Certificate]) -> dict[UUID, Holder]:
    """Who answers for these certificates today: by their posts for a person's, by the agency for a seal."""
    people: set[UUID] = set()
    agencies: set[UUID] = set()
    for each in certificates:
        (people if each.kind == "person" else agencies).add(each.holder_id)
    return _people(tx, people) | _agencies(tx, agencies)


_TODAY = (
    "(now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date BETWEEN {0}.valid_from AND coalesce({0}.valid_until, 'infinity')"
)
# Officers of a district see it and what is beneath it (by identifier), all others the whole province.
_ROLE_HOLDERS = (
    "SELECT DISTINCT a.agency_id AS at, p.person_id, o.role FROM agency a"  # noqa: S608  our constant
    " JOIN (SELECT person_id, agency_id, unnest(roles) AS role, valid_from, valid_until FROM post) o ON true"
    " JOIN person p ON p.person_id = o.person_id AND p.active JOIN agency own ON own.agency_id = o.agency_id"
    f" WHERE a.agency_id = ANY(%s) AND {_TODAY.format('o')} AND ("
    " (o.role = 'clerk' AND o.agency_id = a.agency_id)"
    " OR (o.role = 'officer' AND (own.level IS DISTINCT FROM 'district' OR a.agency_id = own.agency_id"
    "  OR starts_with(a.identifier, own.identifier || '.'))))"
)


def _overseers(tx: Tx, agencies: Iterable[UUID]) -> dict[UUID, dict[str, list[UUID]]]:
    found: dict[UUID, dict[str, list[UUID]]] = {}
    for row in tx.execute(_ROLE_HOLDERS, [list(agencies)]).fetchall():
        found.setdefault(row["at"], {}).setdefault(row["role"], []).append(row["person_id"])
    return found


def _officers_of_province(tx: Tx) -> tuple[UUID, ...]:
    """Theirs is a certificate whose holder works nowhere any more."""
    rows = tx.execute(
        "SELECT DISTINCT person_id FROM post o JOIN person p USING (person_id) JOIN agency own USING (agency_id)"  # noqa: S608
        f" WHERE p.active AND 'officer' = ANY (o.roles) AND own.level IS DISTINCT FROM 'district' AND {_TODAY.format('o')}"
    ).fetchall()
    return tuple(sorted(row["person_id"] for row in rows))


def _people(tx: Tx, people: Iterable[UUID]) -> dict[UUID, Holder]:
    rows = tx.execute(
        "SELECT h.id, coalesce(p.name, '—') AS name, coalesce(p.active, false) AS active,"  # noqa: S608  our constant
        f" array(SELECT DISTINCT o.agency_id FROM post o WHERE o.person_id = h.id AND {_TODAY.format('o')}) AS agencies,"
        " (SELECT count(*) FROM waiting w WHERE w.person_id = h.id AND NOT w.over) AS waiting"
        " FROM unnest(%s::uuid[]) AS h (id) LEFT JOIN person p ON p.person_id = h.id",
        [list(people)],
    ).fetchall()
    overseers = _overseers(tx, {agency for row in rows for agency in row["agencies"]})
    nobodys = _officers_of_province(tx) if any(not row["agencies"] for row in rows) else ()
    return {
        row["id"]: Holder(
            name=row["name"],
            person_id=row["id"] if row["active"] else None,
            clerks=_together(overseers, row["agencies"], "clerk"),
            officers=_together(overseers, row["agencies"], "officer") if row["agencies"] else nobodys,
            waiting=row["waiting"],
        )
        for row in rows
    }


def _agencies(tx: Tx, agencies: Iterable[UUID]) -> dict[UUID, Holder]:
    rows = tx.execute(
        "SELECT h.id, coalesce(a.name, '—') AS name, (SELECT count(*) FROM waiting w JOIN document d USING (document_id)"
        "  WHERE d.agency_id = h.id AND w.person_id IS NULL AND NOT w.over) AS waiting"
        " FROM unnest(%s::uuid[]) AS h (id) LEFT JOIN agency a ON a.agency_id = h.id",
        [list(agencies)],
    ).fetchall()
    overseers = _overseers(tx, [row["id"] for row in rows])
    return {
        row["id"]: Holder(
            name=row["name"],
            person_id=None,
            clerks=_together(overseers, [row["id"]], "clerk"),
            officers=_together(overseers, [row["id"]], "officer"),
            waiting=row["waiting"],
        )
        for row in rows
    }


def _together(overseers: dict[UUID, dict[str, list[UUID]]], agencies: Iterable[UUID], role: str) -> tuple[UUID, ...]:
    return tuple(sorted({person for agency in agencies for person in overseers.get(agency, {}).get(role, ())}))
