"""Registry's tables: SQL about agencies, people and authority.

Units and what became of agencies have store_units.py, whole directories store_bulk.py, certificates store_certificates.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from services.registry.agency import Agency, AgencyFacts, Past
from services.registry.authority import Authority, AuthorityFacts, Delegation
from services.registry.names import fold
from services.registry.period import Period
from services.registry.person import Person, PersonFacts, Post
from services.registry.refusals import IDENTIFIER_TAKEN, LOGIN_TAKEN
from services.registry.scope import Scope
from shared.db import Tx
from shared.errors import NotFound, Rejected

Row = dict[str, Any]


def act_within(tx: Tx, scope: Scope, person_id: UUID | None = None, agency_id: UUID | None = None) -> None:
    """From here to the end of the transaction: rows of the agencies in scope, the person's own, and what colleagues
    at the person's agency may see of each other.
    """
    tx.execute(
        "SELECT set_config('vanthu.scope', %s, true), set_config('vanthu.person', %s, true),"
        " set_config('vanthu.agency', %s, true)",
        [str(scope), str(person_id or ""), str(agency_id or "")],
    )


def lock_directory(tx: Tx) -> None:
    """For a whole import: nobody else changes agencies, people or authority until the commit; readers go on."""
    tx.execute("LOCK TABLE agency, unit, person, post, authority IN SHARE ROW EXCLUSIVE MODE")


# --- agencies


def get_agency(tx: Tx, agency_id: UUID) -> Agency:
    if found := find_agency(tx, agency_id):
        return found
    raise NotFound("cơ quan", "agency")


def find_agency(tx: Tx, agency_id: UUID | None) -> Agency | None:
    row = tx.execute("SELECT * FROM agency WHERE id = %s", [agency_id]).fetchone()
    return _agency(row) if row else None


def find_agency_by_identifier(tx: Tx, identifier: str) -> Agency | None:
    row = tx.execute("SELECT * FROM agency WHERE identifier = %s", [identifier]).fetchone()
    return _agency(row) if row else None


def find_agency_by_any_identifier(tx: Tx, identifier: str) -> Agency | None:
    """By any identifier that it has or had, old or new."""
    row = tx.execute(
        "SELECT a.* FROM agency a JOIN identifier_held h ON h.agency_id = a.id WHERE h.identifier = %s", [identifier]
    ).fetchone()
    return _agency(row) if row else None


def list_above(tx: Tx, agency_id: UUID | None) -> frozenset[UUID]:
    """The agency and all above it."""
    rows = tx.execute(
        "WITH RECURSIVE above AS (SELECT id, parent_id FROM agency WHERE id = %s"
        " UNION SELECT a.id, a.parent_id FROM agency a JOIN above ON a.id = above.parent_id) SELECT id FROM above",
        [agency_id],
    ).fetchall()
    return frozenset(row["id"] for row in rows)


def list_agencies_beneath(tx: Tx, ids: Iterable[UUID]) -> list[Agency]:
    """Those directly beneath, by identifier."""
    rows = tx.execute("SELECT * FROM agency WHERE parent_id = ANY(%s) ORDER BY identifier", [list(ids)]).fetchall()
    return [_agency(row) for row in rows]


def hold_agency(tx: Tx, agency_id: UUID) -> Agency:
    """It does not end while this transaction grants something on it."""
    tx.execute("SELECT FROM agency WHERE id = %s FOR SHARE", [agency_id])
    return get_agency(tx, agency_id)


def lock_agency(tx: Tx, agency_id: UUID) -> Agency:
    row = tx.execute("SELECT * FROM agency WHERE id = %s FOR UPDATE", [agency_id]).fetchone()
    if row is None:
        raise NotFound("cơ quan", "agency")
    return _agency(row)


def get_agencies(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Agency]:
    """Those of the ids that exist."""
    rows = tx.execute("SELECT * FROM agency WHERE id = ANY(%s)", [list(ids)]).fetchall()
    return {row["id"]: _agency(row) for row in rows}


def list_agencies(
    tx: Tx, *, query: str = "", level: str | None = None, after: str = "", limit: int | None = None
) -> list[Agency]:
    """By identifier, those whose name or identifier has `query` in it, with or without diacritics."""
    rows = tx.execute(
        "SELECT * FROM agency WHERE identifier > %(after)s AND (%(level)s::text IS NULL OR level = %(level)s)"
        " AND (strpos(folded, %(folded)s) > 0 OR strpos(lower(identifier), lower(%(query)s)) > 0)"
        " ORDER BY identifier LIMIT %(limit)s",
        {"after": after, "level": level, "folded": fold(query), "query": query.strip(), "limit": limit},
    ).fetchall()
    return [_agency(row) for row in rows]


def agency_values(agency: Agency) -> tuple[object, ...]:
    """As the table has its columns; an agency is found by its former names too."""
    facts = agency.facts
    names = dict.fromkeys((facts.name, *(each.value for each in agency.past if each.what == "name")))
    return (
        agency.id,
        facts.identifier,
        facts.old_identifier,
        facts.name,
        fold(" ".join(names)),
        facts.parent_id,
        facts.level,
        facts.partner,
        facts.email,
        facts.seal_mm,
        facts.period.start,
        facts.period.until,
        Jsonb([_past_row(each) for each in agency.past]),
        list(agency.predecessor_ids),
        list(agency.successor_ids),
        agency.version,
    )


def save_agency(tx: Tx, agency: Agency) -> None:
    """Insert or replace. Raises Rejected(identifier_taken) for an identifier that another one has, or had."""
    facts = agency.facts
    try:
        with tx.transaction():
            tx.execute(
                "INSERT INTO agency (id, identifier, old_identifier, name, folded, parent_id, level, partner, email,"
                " seal_mm, valid_from, valid_until, past, predecessor_ids, successor_ids, version)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (id) DO UPDATE SET identifier = excluded.identifier,"
                " old_identifier = excluded.old_identifier, name = excluded.name, folded = excluded.folded,"
                " parent_id = excluded.parent_id, partner = excluded.partner, email = excluded.email,"
                " seal_mm = excluded.seal_mm, valid_from = excluded.valid_from, valid_until = excluded.valid_until,"
                " past = excluded.past, predecessor_ids = excluded.predecessor_ids,"
                " successor_ids = excluded.successor_ids, version = excluded.version",
                list(agency_values(agency)),
            )
    except UniqueViolation as error:
        old = error.diag.constraint_name == "agency_old_identifier"
        raise Rejected(IDENTIFIER_TAKEN, identifier=facts.old_identifier if old else facts.identifier) from error
    hold_identifiers(tx, [agency])


def hold_identifiers(tx: Tx, agencies: Iterable[Agency]) -> None:
    """What they have or had is theirs from now on. Raises Rejected(identifier_taken)."""
    held = [(identifier, agency.id) for agency in agencies for identifier in sorted(agency.ever_held)]
    given = {"identifiers": [each[0] for each in held], "agencies": [each[1] for each in held]}
    tx.execute(
        "DELETE FROM identifier_held WHERE agency_id = ANY(%(agencies)s) AND identifier <> ALL(%(identifiers)s)", given
    )
    tx.execute(
        "INSERT INTO identifier_held (identifier, agency_id) SELECT * FROM unnest(%(identifiers)s::text[],"
        " %(agencies)s::uuid[]) ON CONFLICT DO NOTHING",
        given,
    )
    taken = tx.execute(
        "SELECT h.identifier FROM identifier_held h JOIN unnest(%(identifiers)s::text[], %(agencies)s::uuid[])"
        " AS w (identifier, agency_id) USING (identifier) WHERE h.agency_id <> w.agency_id LIMIT 1",
        given,
    ).fetchone()
    if taken:
        raise Rejected(IDENTIFIER_TAKEN, identifier=taken["identifier"])


def list_identifiers_held(tx: Tx) -> dict[str, UUID]:
    """Whose each identifier is or was."""
    rows = tx.execute("SELECT identifier, agency_id FROM identifier_held").fetchall()
    return {row["identifier"]: row["agency_id"] for row in rows}


def _past_row(past: Past) -> dict[str, str | None]:
    until = past.period.until
    return {
        "what": past.what,
        "value": past.value,
        "valid_from": past.period.start.isoformat(),
        "valid_until": until.isoformat() if until else None,
        "decision": past.decision,
    }


def _past(row: Row) -> Past:
    return Past(row["what"], row["value"], Period.of(row["valid_from"], row["valid_until"]), row["decision"])


def _agency(row: Row) -> Agency:
    return Agency(
        id=row["id"],
        version=row["version"],
        past=tuple(_past(each) for each in row["past"]),
        predecessor_ids=tuple(row["predecessor_ids"]),
        successor_ids=tuple(row["successor_ids"]),
        facts=AgencyFacts(
            identifier=row["identifier"],
            old_identifier=row["old_identifier"],
            name=row["name"],
            parent_id=row["parent_id"],
            level=row["level"],
            partner=row["partner"],
            email=row["email"],
            seal_mm=row["seal_mm"],
            period=Period(row["valid_from"], row["valid_until"]),
        ),
    )


# --- people

# A person is one row with the posts inside: one query, one snapshot.
PERSON = (
    "SELECT p.*, coalesce((SELECT jsonb_agg(to_jsonb(o) ORDER BY o.ordinal) FROM post o WHERE o.person_id = p.id),"
    " '[]'::jsonb) AS posts FROM person p"
)
# What row-level security says of certificates, said of people.
VISIBLE = (
    "(current_setting('vanthu.scope', true) = '*' OR p.id = acting_person() OR EXISTS (SELECT FROM post o"
    " JOIN agency a ON a.id = o.agency_id WHERE o.person_id = p.id AND in_scope(a.identifier)))"
)


def get_person(tx: Tx, person_id: UUID) -> Person:
    if found := find_person(tx, person_id):
        return found
    raise NotFound("người", "person")


def get_visible_person(tx: Tx, person_id: UUID) -> Person:
    """The acting person, or somebody with a post, now or once, at an agency in scope; NotFound otherwise."""
    row = tx.execute(f"{PERSON} WHERE p.id = %s AND {VISIBLE}", [person_id]).fetchone()
    if row is None:
        raise NotFound("người", "person")
    return _person(row)


def find_person(tx: Tx, person_id: UUID | None) -> Person | None:
    row = tx.execute(f"{PERSON} WHERE p.id = %s", [person_id]).fetchone()
    return _person(row) if row else None


def find_person_by_login(tx: Tx, login: str) -> Person | None:
    row = tx.execute(f"{PERSON} WHERE p.login = %s", [login]).fetchone()
    return _person(row) if row else None


def lock_person(tx: Tx, person_id: UUID) -> Person:
    """The posts belong to the person's row: whoever changes them holds it."""
    tx.execute("SELECT FROM person WHERE id = %s FOR UPDATE", [person_id])
    return get_person(tx, person_id)


def list_people_at(
    tx: Tx, *, agencies: Iterable[UUID] = (), units: Iterable[UUID] = (), lock: bool = False
) -> list[Person]:
    """Who has or had a post at one of these agencies or in one of these units, by log-in; their rows locked or not."""
    given = {"agencies": list(agencies), "units": list(units)}
    where = (
        "p.id IN (SELECT o.person_id FROM post o WHERE o.agency_id = ANY(%(agencies)s) OR o.unit_id = ANY(%(units)s))"
    )
    if lock:
        tx.execute(f"SELECT FROM person p WHERE {where} ORDER BY p.id FOR UPDATE", given)
    return [_person(row) for row in tx.execute(f"{PERSON} WHERE {where} ORDER BY p.login", given).fetchall()]


def list_people(
    tx: Tx, *, query: str = "", agency_id: UUID | None = None, after: str = "", limit: int | None = None
) -> list[Person]:
    """By log-in, those in scope whose name or log-in has `query` in it; of one agency: who has or had a post there."""
    rows = tx.execute(
        f"{PERSON} WHERE p.login > %(after)s AND (strpos(p.folded, %(folded)s) > 0 OR strpos(p.login, %(query)s) > 0)"
        " AND (%(agency)s::uuid IS NULL OR EXISTS"
        "  (SELECT FROM post o WHERE o.person_id = p.id AND o.agency_id = %(agency)s))"
        f" AND {VISIBLE}"
        " ORDER BY p.login LIMIT %(limit)s",
        {"after": after, "folded": fold(query), "query": query.strip(), "agency": agency_id, "limit": limit},
    ).fetchall()
    return [_person(row) for row in rows]


def list_everybody(tx: Tx) -> list[Person]:
    """Whether in scope or not: for a file whose rows must not be taken for new people."""
    return [_person(row) for row in tx.execute(PERSON).fetchall()]


def save_person(tx: Tx, person: Person) -> None:
    """Insert or replace, with the posts. Raises Rejected(login_taken); NotFound for a post of another person."""
    facts = person.facts
    try:
        with tx.transaction():
            tx.execute(
                "INSERT INTO person (id, login, name, folded, email, active, version) VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded = excluded.folded, email = excluded.email,"
                " active = excluded.active, version = excluded.version",
                [person.id, facts.login, facts.name, fold(facts.name), facts.email, facts.active, person.version],
            )
    except UniqueViolation as error:
        raise Rejected(LOGIN_TAKEN, login=facts.login) from error
    for ordinal, post in enumerate(facts.posts):
        kept = tx.execute(
            "INSERT INTO post (id, person_id, ordinal, agency_id, title, unit, unit_id, roles, valid_from,"
            " valid_until, function) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET ordinal = excluded.ordinal, title = excluded.title, unit = excluded.unit,"
            " unit_id = excluded.unit_id, roles = excluded.roles, valid_from = excluded.valid_from, valid_until = excluded.valid_until,"
            " function = excluded.function WHERE post.person_id = excluded.person_id",
            [
                post.id,
                person.id,
                ordinal,
                post.agency_id,
                post.title,
                post.unit,
                post.unit_id,
                list(post.roles),
                post.period.start,
                post.period.until,
                post.function,
            ],
        )
        if kept.rowcount == 0:
            raise NotFound("chức vụ", "post")  # it is somebody else's


def _person(row: Row) -> Person:
    return Person(
        id=row["id"],
        version=row["version"],
        facts=PersonFacts(
            name=row["name"],
            login=row["login"],
            email=row["email"],
            active=row["active"],
            posts=tuple(_post(each) for each in row["posts"]),
        ),
    )


def _post(row: Row) -> Post:
    """From JSON, where ids and dates are text."""
    return Post(
        id=UUID(row["id"]),
        agency_id=UUID(row["agency_id"]),
        title=row["title"],
        unit=row["unit"],
        unit_id=UUID(row["unit_id"]) if row["unit_id"] else None,
        roles=tuple(row["roles"]),
        period=Period.of(row["valid_from"], row["valid_until"]),
        function=row["function"],
    )


# --- signing authority


def get_authority(tx: Tx, authority_id: UUID) -> Authority:
    row = tx.execute("SELECT * FROM authority WHERE id = %s", [authority_id]).fetchone()
    if row is None:
        raise NotFound("thẩm quyền ký", "authority")
    return authority_of(row)


def lock_authority(tx: Tx, authority_id: UUID) -> Authority:
    tx.execute("SELECT FROM authority WHERE id = %s FOR UPDATE", [authority_id])
    return get_authority(tx, authority_id)


def list_authorities(
    tx: Tx,
    *,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> list[Authority]:
    """Oldest first."""
    rows = tx.execute(
        "SELECT * FROM authority WHERE (%(after)s::uuid IS NULL OR id > %(after)s)"
        " AND (%(agency)s::uuid IS NULL OR agency_id = %(agency)s)"
        " AND (%(person)s::uuid IS NULL OR person_id = %(person)s) ORDER BY id LIMIT %(limit)s",
        {"after": after, "agency": agency_id, "person": person_id, "limit": limit},
    ).fetchall()
    return [authority_of(row) for row in rows]


def save_authority(tx: Tx, authority: Authority) -> None:
    facts, delegation = authority.facts, authority.facts.delegation
    tx.execute(
        "INSERT INTO authority (id, agency_id, person_id, post_id, capacity, block, document_types, valid_from,"
        " valid_until, withdrawn, version, delegated_from, delegated_by, delegation_reason, basis, basis_on, absence_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET block = excluded.block, document_types = excluded.document_types,"
        " valid_from = excluded.valid_from, valid_until = excluded.valid_until, withdrawn = excluded.withdrawn,"
        " version = excluded.version",
        [
            authority.id,
            facts.agency_id,
            facts.person_id,
            facts.post_id,
            facts.capacity,
            list(facts.block),
            list(facts.document_types),
            facts.period.start,
            facts.period.until,
            authority.withdrawn,
            authority.version,
            delegation.source_id if delegation else None,
            delegation.by if delegation else None,
            delegation.reason if delegation else None,
            delegation.basis if delegation else None,
            delegation.basis_on if delegation else None,
            delegation.absence_id if delegation else None,
        ],
    )


def lock_delegated_from(tx: Tx, authority_id: UUID) -> list[Authority]:
    """What was passed on of an authority and stands."""
    rows = tx.execute(
        "SELECT * FROM authority WHERE delegated_from = %s AND NOT withdrawn ORDER BY id FOR UPDATE", [authority_id]
    ).fetchall()
    return [authority_of(row) for row in rows]


def lock_authorities_of(tx: Tx, agency_id: UUID) -> list[Authority]:
    """Those for an agency that stand."""
    rows = tx.execute(
        "SELECT * FROM authority WHERE agency_id = %s AND NOT withdrawn ORDER BY id FOR UPDATE", [agency_id]
    ).fetchall()
    return [authority_of(row) for row in rows]


def lock_passed_on_by(tx: Tx, person_id: UUID) -> list[Authority]:
    """The person's authorities of which something was passed on and stands."""
    rows = tx.execute(
        "SELECT * FROM authority u WHERE person_id = %s AND EXISTS"
        " (SELECT FROM authority d WHERE d.delegated_from = u.id AND NOT d.withdrawn) ORDER BY id FOR UPDATE",
        [person_id],
    ).fetchall()
    return [authority_of(row) for row in rows]


def authority_of(row: Row) -> Authority:
    delegation = None
    if row["delegated_from"] is not None:
        delegation = Delegation(
            source_id=row["delegated_from"],
            by=row["delegated_by"],
            reason=row["delegation_reason"],
            basis=row["basis"],
            basis_on=row["basis_on"],
            absence_id=row["absence_id"],
        )
    return Authority(
        id=row["id"],
        withdrawn=row["withdrawn"],
        version=row["version"],
        facts=AuthorityFacts(
            agency_id=row["agency_id"],
            person_id=row["person_id"],
            post_id=row["post_id"],
            capacity=row["capacity"],
            block=tuple(row["block"]),
            document_types=tuple(row["document_types"]),
            period=Period(row["valid_from"], row["valid_until"]),
            delegation=delegation,
        ),
    )
