"""A directory from a spreadsheet: previewed, then committed as it was previewed, all of it or nothing."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from services.registry import sheets, store, store_bulk, store_imports
from services.registry.agency import Agency
from services.registry.directory import Desk
from services.registry.planning import Directory, Officer, Plan
from services.registry.planning_people import plan_people
from services.registry.planning_structure import plan_agencies, plan_units
from services.registry.refusals_import import IMPORT_DONE, IMPORT_HAS_ERRORS, IMPORT_STALE
from services.registry.sheets import Book
from services.registry.store_imports import Import
from shared import outbox
from shared.db import storable
from shared.errors import Rejected
from shared.events.registry import RegistryAct
from shared.ids import new_id


def draw_up(book: Book, directory: Directory, by: Officer) -> Plan:
    """What the book would do to the directory; `directory` is changed to what it would be."""
    plan = Plan(directory, by)
    plan.begin(book)
    plan_agencies(plan, book.sheets.get("agencies", []))
    plan_units(plan, book.sheets.get("units", []))
    plan_people(plan, book.sheets.get("people", []))
    plan.errors.sort(key=lambda error: (list(plan.counts).index(error.sheet), error.row))
    return plan


def preview(
    desk: Desk, by: Officer, agency: Agency, filename: str, content: bytes, *, convert_tcvn3: bool = False
) -> Import:
    """Nothing changes but that the preview is kept. Raises Rejected for what is wrong with the file as a whole."""
    name = storable(filename, 200)
    book = sheets.read(name, content, convert_tcvn3=convert_tcvn3)
    plan = draw_up(book, store_bulk.load(desk.tx), by)
    made = Import(
        id=new_id(),
        managed_by=agency.id,
        filename=name,
        sha256=hashlib.sha256(content).hexdigest(),
        previewed_by=desk.by.name,
        previewed_at=datetime.now(UTC),
        counts=plan.counts,
        error_count=len(plan.errors),
        plan=plan.digest,
    )
    store_imports.add(desk.tx, made, book, plan.entries, plan.errors)
    return made


def commit(desk: Desk, by: Officer, import_id: UUID) -> Import:
    """What was previewed, by the rights of whoever commits it.

    Raises Rejected(import_has_errors), (import_done), or (import_stale) when the directory has changed so that the
    result would be another.
    """
    made, book = store_imports.lock(desk.tx, import_id)
    if made.committed_at is not None:
        raise Rejected(IMPORT_DONE, at=made.committed_at.isoformat(timespec="seconds"))
    if book is None:
        raise Rejected(IMPORT_HAS_ERRORS, count=made.error_count)
    store.lock_directory(desk.tx)
    plan = draw_up(book, store_bulk.load(desk.tx), by)
    if plan.errors or plan.digest != made.plan:
        raise Rejected(IMPORT_STALE)
    _save(desk, plan, made)
    store_imports.commit(desk.tx, made.id, desk.by.name, datetime.now(UTC))
    return store_imports.get(desk.tx, made.id)


def _save(desk: Desk, plan: Plan, made: Import) -> None:
    store_bulk.save_agencies(desk.tx, plan.agencies.values())
    store_bulk.save_units(desk.tx, plan.units.values())
    store_bulk.save_people(desk.tx, plan.people.values())
    outbox.put_many(desk.tx, plan.stated.values(), source=desk.source)
    at = datetime.now(UTC)
    acts = [
        RegistryAct(
            by=desk.by,
            at=at,
            act=each.act,
            object_kind=each.kind,
            object_id=str(each.id),
            detail=each.detail | {"import": str(made.id)},
        )
        for each in plan.acts
    ]
    outbox.put_many(desk.tx, acts, source=desk.source)
    desk.record("import_directory", "import", made.id, filename=made.filename, sha256=made.sha256)
