"""Registry's tables: the only SQL about certificates, requests, trust anchors and heartbeats."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from services.registry.certificate import Certificate, CertificateRequest, Holder, RequestState
from services.registry.names import fold
from services.registry.refusals import CERTIFICATE_DUPLICATE, KEY_OF_ANOTHER, REQUEST_REPEATED
from services.registry.refusals_lifecycle import ALREADY_SUCCEEDED
from services.registry.trust import Anchor, read_anchor
from shared.db import Tx
from shared.errors import NotFound, Rejected
from shared.events import Actor

Row = dict[str, Any]
CERTIFICATE_FIELDS = tuple(f.name for f in fields(Certificate))
REQUEST_FIELDS = tuple(f.name for f in fields(CertificateRequest))


def get(tx: Tx, certificate_id: UUID) -> Certificate:
    row = tx.execute("SELECT * FROM certificate WHERE id = %s", [certificate_id]).fetchone()
    if row is None:
        raise NotFound("chứng thư", "certificate")
    return _certificate(row)


def lock(tx: Tx, certificate_id: UUID) -> Certificate:
    tx.execute("SELECT FROM certificate WHERE id = %s FOR UPDATE", [certificate_id])
    return get(tx, certificate_id)


def list_certificates(
    tx: Tx,
    *,
    person_id: UUID | None = None,
    agency_id: UUID | None = None,
    status: str | None = None,
    kind: str | None = None,
    query: str = "",
    ends_by: datetime | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[Certificate]:
    """Oldest first. `query` is part of the holder's name, with or without diacritics, or the beginning of a serial number;
    with `ends_by` those alone that may still be used and end by then.
    """
    rows = tx.execute(
        "SELECT * FROM certificate c WHERE (%(after)s::uuid IS NULL OR id > %(after)s)"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s)"
        " AND (%(agency)s::uuid IS NULL OR agency_id = %(agency)s)"
        " AND (%(status)s::text IS NULL OR status = %(status)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)"
        " AND (%(ends_by)s::timestamptz IS NULL OR (status IN ('active', 'suspended') AND not_after <= %(ends_by)s))"
        " AND (%(query)s = '' OR starts_with(serial, lower(%(query)s))"
        "  OR EXISTS (SELECT FROM person p WHERE p.id = c.person_id AND strpos(p.folded, %(folded)s) > 0)"
        "  OR EXISTS (SELECT FROM agency a WHERE a.id = c.agency_id AND strpos(a.folded, %(folded)s) > 0))"
        " ORDER BY id LIMIT %(limit)s",
        {
            "after": after,
            "person": person_id,
            "agency": agency_id,
            "status": status,
            "kind": kind,
            "query": query.strip(),
            "folded": fold(query),
            "ends_by": ends_by,
            "limit": limit,
        },
    ).fetchall()
    return [_certificate(row) for row in rows]


def lock_due(tx: Tx, at: datetime, limit: int) -> list[Certificate]:
    """Certificates that ended by themselves and do not say so yet."""
    rows = tx.execute(
        "SELECT * FROM certificate WHERE status IN ('active', 'suspended') AND not_after < %s"
        " ORDER BY not_after LIMIT %s FOR UPDATE",
        [at, limit],
    ).fetchall()
    return [_certificate(row) for row in rows]


def add(tx: Tx, certificate: Certificate) -> None:
    """Raises Rejected when it is registered already, or its key is another holder's."""
    # Two holders registering one key at the same time wait for each other here.
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [certificate.spki_sha256])
    other = tx.execute(
        "SELECT 1 AS one FROM certificate WHERE spki_sha256 = %s"
        " AND (person_id IS DISTINCT FROM %s OR agency_id IS DISTINCT FROM %s) LIMIT 1",
        [certificate.spki_sha256, certificate.person_id, certificate.agency_id],
    ).fetchone()
    same = tx.execute("SELECT 1 AS one FROM certificate WHERE fingerprint = %s", [certificate.fingerprint]).fetchone()
    if same:
        raise Rejected(CERTIFICATE_DUPLICATE, serial=certificate.serial)
    if other:
        raise Rejected(KEY_OF_ANOTHER, serial=certificate.serial)
    columns = ", ".join(CERTIFICATE_FIELDS)
    values = ", ".join(f"%({name})s" for name in CERTIFICATE_FIELDS)
    try:
        with tx.transaction():
            tx.execute(f"INSERT INTO certificate ({columns}) VALUES ({values})", _row(certificate, CERTIFICATE_FIELDS))  # noqa: S608  column names of ours
    except UniqueViolation as error:  # of certificate_successor; the others were looked at above
        raise Rejected(ALREADY_SUCCEEDED, serial=certificate.serial) from error


def save(tx: Tx, certificate: Certificate) -> None:
    """What can change: stage, status, reason, who manages it; the CA has yet to hear of it."""
    tx.execute(
        "UPDATE certificate SET stage = %s, status = %s, reason = %s, managed_by = %s, version = %s, ca_told_at = NULL,"
        " ca_problem = NULL WHERE id = %s",
        [
            certificate.stage,
            certificate.status,
            certificate.reason,
            certificate.managed_by,
            certificate.version,
            certificate.id,
        ],
    )


def note_stage(tx: Tx, certificate: Certificate, at: datetime, by: Actor) -> None:
    """The history from which any past day is counted."""
    tx.execute(
        "INSERT INTO certificate_stage (certificate_id, stage, status, managed_by, person_id, since, by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            certificate.id,
            certificate.stage,
            certificate.status,
            certificate.managed_by,
            certificate.person_id,
            at,
            by.name,
        ],
    )


def list_stages(tx: Tx, certificate_id: UUID) -> list[Row]:
    """stage, status, since, by; oldest first."""
    return tx.execute(
        "SELECT stage, status, since, by FROM certificate_stage WHERE certificate_id = %s ORDER BY id",
        [certificate_id],
    ).fetchall()


def note_ca(tx: Tx, certificate_id: UUID, *, problem: str | None) -> None:
    """The CA was told of the last change, or why not."""
    tx.execute(
        "UPDATE certificate SET ca_told_at = CASE WHEN %(problem)s::text IS NULL THEN now() END, ca_problem = %(problem)s"
        " WHERE id = %(id)s",
        {"problem": problem, "id": certificate_id},
    )


def ca_problem(tx: Tx, certificate_id: UUID) -> str | None:
    """Why the CA has not been told of the last change."""
    row = tx.execute("SELECT ca_problem FROM certificate WHERE id = %s", [certificate_id]).fetchone()
    return row["ca_problem"] if row else None


# --- requests


def add_request(tx: Tx, request: CertificateRequest, by: Actor) -> None:
    """Raises Rejected(request_repeated) when its key has a request that was not refused."""
    columns = ", ".join(REQUEST_FIELDS)
    values = ", ".join(f"%({name})s" for name in REQUEST_FIELDS)
    row = _row(request, REQUEST_FIELDS) | {"by": Jsonb(by.model_dump(mode="json"))}
    try:
        with tx.transaction():
            tx.execute(
                f"INSERT INTO certificate_request ({columns}, requested_by) VALUES ({values}, %(by)s)",  # noqa: S608  as above
                row,
            )
    except UniqueViolation as error:
        raise Rejected(REQUEST_REPEATED) from error


def get_request(tx: Tx, request_id: UUID) -> tuple[CertificateRequest, Actor]:
    """The request, and who made it."""
    row = tx.execute("SELECT * FROM certificate_request WHERE id = %s", [request_id]).fetchone()
    if row is None:
        raise NotFound("yêu cầu cấp chứng thư", "certificate request")
    return _request(row), Actor.model_validate(row["requested_by"])


def list_requests(
    tx: Tx,
    *,
    state: RequestState | None = None,
    person_id: UUID | None = None,
    agency_id: UUID | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[tuple[CertificateRequest, Actor]]:
    """Requests and who made each, the newest first."""
    rows = tx.execute(
        "SELECT * FROM certificate_request WHERE (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s)"
        " AND (%(agency)s::uuid IS NULL OR agency_id = %(agency)s)"
        " AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"state": state, "person": person_id, "agency": agency_id, "before": before, "limit": limit},
    ).fetchall()
    return [(_request(row), Actor.model_validate(row["requested_by"])) for row in rows]


def lock_request(tx: Tx, request_id: UUID) -> CertificateRequest:
    tx.execute("SELECT FROM certificate_request WHERE id = %s FOR UPDATE", [request_id])
    return get_request(tx, request_id)[0]


def find_live_request(tx: Tx, spki_sha256: str, holder: Holder) -> CertificateRequest | None:
    """The holder's request for that key, unless it was refused."""
    row = tx.execute(
        "SELECT * FROM certificate_request WHERE spki_sha256 = %s AND state <> 'refused'"
        " AND person_id IS NOT DISTINCT FROM %s AND agency_id IS NOT DISTINCT FROM %s",
        [spki_sha256, holder.person_id, holder.agency_id],
    ).fetchone()
    return _request(row) if row else None


def hurry(tx: Tx, subject: str) -> None:
    """Somebody asks again for what waits out a pause after a failure: it is due now."""
    tx.execute("UPDATE job SET run_at = now() WHERE subject = %s AND run_at > now()", [subject])


def save_request(tx: Tx, request: CertificateRequest) -> None:
    tx.execute(
        "UPDATE certificate_request SET state = %(state)s, certificate_id = %(certificate_id)s,"
        " problem_code = %(problem_code)s, problem_vi = %(problem_vi)s, problem_en = %(problem_en)s WHERE id = %(id)s",
        _row(request, REQUEST_FIELDS),
    )


# --- trust anchors


PURPOSE = {"person": "sign_documents", "seal": "seal_documents"}


def list_anchors(tx: Tx, kind: str | None = None) -> list[Anchor]:
    """The roots that are believed now for a kind of certificate, or for any."""
    rows = tx.execute(
        "SELECT pem, pinned_at FROM trust_anchor WHERE withdrawn_at IS NULL AND trusted_from <= now()"
        " AND (trusted_until IS NULL OR now() < trusted_until) AND purposes && %s::text[] ORDER BY fingerprint",
        [[PURPOSE[kind]] if kind else list(PURPOSE.values())],
    ).fetchall()
    return [read_anchor(row["pem"], row["pinned_at"]) for row in rows]


def pin(tx: Tx, anchor: Anchor) -> bool:
    """For every purpose from now on, without telling anybody; False when it was pinned already."""
    done = tx.execute(
        "INSERT INTO trust_anchor (fingerprint, subject, pem) VALUES (%s, %s, %s) ON CONFLICT (fingerprint)"
        " DO UPDATE SET withdrawn_at = NULL, pinned_at = now() WHERE trust_anchor.withdrawn_at IS NOT NULL",
        [anchor.fingerprint, anchor.subject, anchor.pem],
    )
    return done.rowcount == 1


# --- heartbeats


def oldest_unpublished(tx: Tx, topic: str, key: str) -> tuple[datetime, bool]:
    """As of when all that was stated on the topic is published, and whether an event of `key` still waits."""
    row = tx.execute(
        "SELECT coalesce(min(created_at), now()) AS as_of, coalesce(bool_or(key = %s), false) AS waits"
        " FROM outbox WHERE topic = %s",
        [key, topic],
    ).fetchone()
    assert row is not None  # noqa: S101  an aggregate gives one row
    return row["as_of"], row["waits"]


def try_lock_heartbeat(tx: Tx) -> bool:
    """One worker at a time beats; the others skip their turn."""
    row = tx.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('registry.heartbeat', 0)) AS ok").fetchone()
    return bool(row and row["ok"])


def _row(record: Any, names: tuple[str, ...]) -> Row:
    return {name: getattr(record, name) for name in names}


def _certificate(row: Row) -> Certificate:
    return Certificate(**{name: row[name] for name in CERTIFICATE_FIELDS})


def _request(row: Row) -> CertificateRequest:
    return CertificateRequest(**{name: row[name] for name in REQUEST_FIELDS})
