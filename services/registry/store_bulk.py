"""Whole directories in and out of the tables by a few statements: for imports and exports."""

from __future__ import annotations

from collections.abc import Iterable

from services.registry import store, store_units
from services.registry.agency import Agency
from services.registry.names import fold
from services.registry.person import Person
from services.registry.planning import Directory
from services.registry.unit import Unit
from shared.db import Tx

PERSON_COLUMNS = "id, login, name, folded, email, active, version"
POST_COLUMNS = "id, person_id, ordinal, agency_id, title, unit, unit_id, roles, valid_from, valid_until, function"


def load(tx: Tx) -> Directory:
    """Everything that a row of a file may name; of units those in scope."""
    units = store_units.list_units(tx)
    return Directory(
        agencies={each.id: each for each in store.list_agencies(tx)},
        units={each.id: each for each in units},
        people={each.facts.login: each for each in store.list_everybody(tx)},
        held=store.list_identifiers_held(tx),
        codes={(each.facts.agency_id, each.facts.code): each.id for each in units},
    )


def save_agencies(tx: Tx, agencies: Iterable[Agency]) -> None:
    """Parents before their children. Raises Rejected(identifier_taken)."""
    for each in agencies:
        store.save_agency(tx, each)


def save_units(tx: Tx, units: Iterable[Unit]) -> None:
    """Parents before their children."""
    for each in units:
        store_units.save(tx, each)


def save_people(tx: Tx, people: Iterable[Person]) -> None:
    """Insert or replace with their posts; the caller holds the directory's lock, so log-ins were looked at."""
    kept = list(people)
    for table, columns in (("person", PERSON_COLUMNS), ("post", POST_COLUMNS)):
        tx.execute(f"CREATE TEMPORARY TABLE {table}_in ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA")  # noqa: S608  our own names
    with tx.cursor() as cursor, cursor.copy(f"COPY person_in ({PERSON_COLUMNS}) FROM STDIN") as copy:
        for each in kept:
            facts = each.facts
            row = (each.id, facts.login, facts.name, fold(facts.name), facts.email, facts.active, each.version)
            copy.write_row(row)
    with tx.cursor() as cursor, cursor.copy(f"COPY post_in ({POST_COLUMNS}) FROM STDIN") as copy:
        for each in kept:
            for ordinal, post in enumerate(each.facts.posts):
                where = (post.id, each.id, ordinal, post.agency_id, post.title, post.unit, post.unit_id)
                copy.write_row((*where, list(post.roles), post.period.start, post.period.until, post.function))
    tx.execute(
        "INSERT INTO person (id, login, name, folded, email, active, version) SELECT * FROM person_in"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded = excluded.folded, email = excluded.email,"
        " active = excluded.active, version = excluded.version"
    )
    tx.execute(
        f"INSERT INTO post ({POST_COLUMNS})"  # noqa: S608  our own names
        " SELECT * FROM post_in ON CONFLICT (id) DO UPDATE SET ordinal = excluded.ordinal, title = excluded.title,"
        " unit = excluded.unit, unit_id = excluded.unit_id, roles = excluded.roles, valid_from = excluded.valid_from,"
        " valid_until = excluded.valid_until, function = excluded.function"
    )
    tx.execute("DROP TABLE person_in, post_in")
