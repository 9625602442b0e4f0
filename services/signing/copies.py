"""Our copies of what the registry states: agencies, people, posts, authority, certificates. The only SQL on them."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.signing.authority import Authority, Certificate, Post, Standing
from services.signing.domain import Signer
from shared.db import Tx
from shared.events.registry import (
    AgencyStated,
    AuthorityStated,
    CertificateStated,
    Heartbeat,
    PersonStated,
)

TOPICS = ("registry.agency", "registry.person", "registry.authority", "registry.certificate")


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency as its seal shows it; `seal_mm` is the diameter."""

    name: str
    parent: str | None
    seal_mm: float


def keep_agency(tx: Tx, agency: AgencyStated) -> None:
    tx.execute(
        "INSERT INTO agency (id, identifier, name, parent_id, seal_mm) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id)"
        " DO UPDATE SET identifier = excluded.identifier, name = excluded.name, parent_id = excluded.parent_id,"
        " seal_mm = excluded.seal_mm",
        [agency.agency_id, agency.identifier, agency.name, agency.parent_id, agency.seal_mm],
    )


def keep_person(tx: Tx, person: PersonStated) -> None:
    """The person with exactly these posts; a post that moved to somebody else is theirs now."""
    tx.execute(
        "INSERT INTO person (id, name, active) VALUES (%s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, active = excluded.active",
        [person.person_id, person.name, person.active],
    )
    tx.execute("DELETE FROM post WHERE person_id = %s", [person.person_id])
    for post in person.posts:
        tx.execute(
            "INSERT INTO post (id, person_id, agency_id, roles, valid_from, valid_until)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET person_id = excluded.person_id,"
            " agency_id = excluded.agency_id, roles = excluded.roles, valid_from = excluded.valid_from,"
            " valid_until = excluded.valid_until",
            [
                post.post_id,
                person.person_id,
                post.agency_id,
                list(post.roles),
                post.valid_from,
                post.valid_until,
            ],
        )


def keep_authority(tx: Tx, authority: AuthorityStated) -> None:
    tx.execute(
        "INSERT INTO authority (id, agency_id, person_id, post_id, document_types, valid_from, valid_until, withdrawn)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET agency_id = excluded.agency_id,"
        " person_id = excluded.person_id, post_id = excluded.post_id, document_types = excluded.document_types,"
        " valid_from = excluded.valid_from, valid_until = excluded.valid_until, withdrawn = excluded.withdrawn",
        [
            authority.authority_id,
            authority.agency_id,
            authority.person_id,
            authority.post_id,
            list(authority.document_types),
            authority.valid_from,
            authority.valid_until,
            authority.withdrawn,
        ],
    )


def keep_certificate(tx: Tx, certificate: CertificateStated) -> None:
    tx.execute(
        "INSERT INTO certificate (id, kind, person_id, agency_id, der, chain_pem, spki_sha256, serial, not_before,"
        " not_after, status) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
        " kind = excluded.kind, person_id = excluded.person_id, agency_id = excluded.agency_id, der = excluded.der,"
        " chain_pem = excluded.chain_pem, spki_sha256 = excluded.spki_sha256, serial = excluded.serial,"
        " not_before = excluded.not_before, not_after = excluded.not_after, status = excluded.status",
        [
            certificate.certificate_id,
            certificate.kind,
            certificate.person_id,
            certificate.agency_id,
            ssl.PEM_cert_to_DER_cert(certificate.pem),
            certificate.chain_pem,
            certificate.spki_sha256,
            certificate.serial,
            certificate.not_before,
            certificate.not_after,
            certificate.status,
        ],
    )


def keep_heartbeat(tx: Tx, heartbeat: Heartbeat) -> None:
    tx.execute(
        "INSERT INTO registry_copy (topic, as_of) VALUES (%s, %s)"
        " ON CONFLICT (topic) DO UPDATE SET as_of = greatest(registry_copy.as_of, excluded.as_of)",
        [heartbeat.of, heartbeat.as_of],
    )


def as_of(tx: Tx) -> datetime | None:
    """How old the oldest of our copies is; None when one has never been whole."""
    row = tx.execute(
        "SELECT min(as_of) AS at, count(*) AS n FROM registry_copy WHERE topic = ANY(%s)", [list(TOPICS)]
    ).fetchone()
    return row["at"] if row and row["n"] == len(TOPICS) else None


def is_parked(tx: Tx, keys: Iterable[UUID]) -> bool:
    """Whether the registry stated something of one of these that we could not take in: it may be a revocation."""
    found = tx.execute(
        "SELECT FROM parked WHERE topic = ANY(%s) AND key = ANY(%s) LIMIT 1", [list(TOPICS), [str(key) for key in keys]]
    )
    return found.rowcount > 0


def standing(tx: Tx, signer: Signer) -> Standing:
    """What the registry says about one signer."""
    person = tx.execute("SELECT active FROM person WHERE id = %s", [signer.person_id]).fetchone()
    post = tx.execute(
        "SELECT roles, valid_from, valid_until FROM post WHERE id = %s AND person_id = %s",
        [signer.post_id, signer.person_id],
    ).fetchone()
    authority = tx.execute(
        "SELECT agency_id, person_id, post_id, document_types, valid_from, valid_until, withdrawn"
        " FROM authority WHERE id = %s",
        [signer.authority_id],
    ).fetchone()
    return Standing(
        active=person["active"] if person else None,
        post=Post(**{**post, "roles": tuple(post["roles"])}) if post else None,
        authority=(
            Authority(**{**authority, "document_types": tuple(authority["document_types"])}) if authority else None
        ),
        certificates=certificates_of(tx, signer.person_id),
    )


def is_active(tx: Tx, person_id: UUID | None, post_id: UUID | None, roles: Sequence[str]) -> bool:
    """Whether this person is active and holds this post today with one of the roles."""
    row = tx.execute(
        "SELECT 1 AS one FROM person p JOIN post o ON o.person_id = p.id WHERE p.id = %s AND o.id = %s AND p.active"
        " AND o.roles && %s::text[] AND (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"
        "  BETWEEN o.valid_from AND coalesce(o.valid_until, 'infinity')",
        [person_id, post_id, list(roles)],
    ).fetchone()
    return row is not None


def was_clerk(tx: Tx, person_id: UUID | None, agency_id: UUID, at: datetime) -> bool:
    """Whether the registry says of this person that they were a clerk of the agency on the day of `at`."""
    row = tx.execute(
        "SELECT 1 AS one FROM person p JOIN post o ON o.person_id = p.id WHERE p.id = %s AND o.agency_id = %s"
        " AND 'clerk' = ANY(o.roles) AND (%s::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"
        "  BETWEEN o.valid_from AND coalesce(o.valid_until, 'infinity')",
        [person_id, agency_id, at],
    ).fetchone()
    return row is not None


def certificates_of(tx: Tx, person_id: UUID) -> tuple[Certificate, ...]:
    rows = tx.execute(
        f"SELECT {_CERTIFICATE} FROM certificate WHERE kind = 'person' AND person_id = %s",  # noqa: S608  our constant
        [person_id],
    ).fetchall()
    return tuple(Certificate(**row) for row in rows)


def seal_certificates_of(tx: Tx, agency_id: UUID) -> tuple[Certificate, ...]:
    """An agency's seal certificates, newest first."""
    rows = tx.execute(
        f"SELECT {_CERTIFICATE} FROM certificate WHERE kind = 'seal' AND agency_id = %s ORDER BY not_before DESC, id",  # noqa: S608
        [agency_id],
    ).fetchall()
    return tuple(Certificate(**row) for row in rows)


def get_certificate(tx: Tx, certificate_id: UUID) -> Certificate | None:
    row = tx.execute(
        f"SELECT {_CERTIFICATE} FROM certificate WHERE id = %s",  # noqa: S608
        [certificate_id],
    ).fetchone()
    return Certificate(**row) if row else None


def find_agency(tx: Tx, agency_id: UUID) -> Agency | None:
    row = tx.execute(
        "SELECT a.name, p.name AS parent, a.seal_mm FROM agency a LEFT JOIN agency p ON p.id = a.parent_id"
        " WHERE a.id = %s",
        [agency_id],
    ).fetchone()
    return Agency(**row) if row else None


def find_identifier(tx: Tx, agency_id: UUID) -> str | None:
    row = tx.execute("SELECT identifier FROM agency WHERE id = %s", [agency_id]).fetchone()
    return row["identifier"] if row else None


_CERTIFICATE = "id, kind, person_id, agency_id, der, chain_pem, spki_sha256, serial, not_before, not_after, status"
