"""Tasks in PostgreSQL, in the agency of the transaction."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.handling.domain import Extension, Holder, Task
from services.docs.step import Step
from services.docs.store import json_of, keep
from shared.db import Tx
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import Actor

MOST = 1000  # further nobody counts
TASK = (
    "SELECT id, agency_id, incoming_id, parent_id, part, person_id, name, unit, unit_id, instruction, due_on, giver,"
    " given_at, state, reason, percent, proposal, proposed_at, ended_at, extension, told, readers, version FROM task"
)
_AGENCY = "nullif(current_setting('vanthu.agency', true), '')::uuid"
# What arrived may be taken back by its sender: work on it is nobody's any more.
_ALIVE = "EXISTS (SELECT FROM incoming i WHERE i.id = t.incoming_id AND i.status IN ('03', '04', '05'))"
_MINE = "t.person_id = %(me)s OR (t.person_id IS NULL AND t.unit_key = %(headed)s)"
WHOSE = {"mine": _MINE, "unit": "t.unit_key = %(unit)s", "given": "t.given_by = %(me)s", "all": "true"}
WHEN = {
    "any": "true",
    "overdue": "t.due_on <= %(before)s",
    "due_soon": "t.due_on > %(before)s AND t.due_on <= %(soon)s",
}


def keep_task(tx: Tx, step: Step[Task], next_look: datetime | None, *, source: str, new: bool = False) -> None:
    """The next state, a line of its history, the fact, in one transaction."""
    keep(tx, step, _add if new else _save, subject=step.after.id, agency=step.after.agency_id, source=source)
    look_at(tx, step.after.id, next_look)


def _add(tx: Tx, task: Task) -> None:
    row = _row(task) | {"id": task.id, "agency_id": task.agency_id, "incoming_id": task.incoming_id}
    row |= {"parent_id": task.parent_id, "part": task.part, "given_by": task.giver.person_id}
    row |= {"giver": json_of(task.giver), "given_at": task.given_at}
    names = ", ".join(row)
    tx.execute(f"INSERT INTO task ({names}) VALUES ({', '.join(f'%({name})s' for name in row)})", row)  # noqa: S608  own names


def _save(tx: Tx, task: Task) -> None:
    row = _row(task)
    done = tx.execute(
        f"UPDATE task SET {', '.join(f'{name} = %({name})s' for name in row)}, version = version + 1"  # noqa: S608
        " WHERE id = %(id)s AND version = %(version)s",
        row | {"id": task.id, "version": task.version},
    )
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def _row(task: Task) -> dict[str, Any]:
    """What may change of a task."""
    asked = task.extension
    return {
        "person_id": task.holder.person_id,
        "name": task.holder.name,
        "unit": task.holder.unit,
        "unit_id": task.holder.unit_id,
        "unit_key": task.holder.unit_key,
        "instruction": task.instruction,
        "due_on": task.due_on,
        "state": task.state,
        "reason": task.reason,
        "percent": task.percent,
        "proposal": task.proposal,
        "proposed_at": task.proposed_at,
        "ended_at": task.ended_at,
        "extension": Jsonb(asdict(asked) | {"until": asked.until.isoformat(), "at": asked.at.isoformat()})
        if asked
        else None,
        "told": task.told,
        "readers": list(task.readers),
    }


def get(tx: Tx, task_id: UUID) -> Task:
    """One whose document the transaction may see; NotFound."""
    row = tx.execute(
        f"{TASK} t WHERE id = %s AND EXISTS (SELECT FROM incoming i WHERE i.id = t.incoming_id)", [task_id]
    ).fetchone()
    if row is None:
        raise NotFound("công việc")
    return _task(row)


def lock(tx: Tx, task_id: UUID) -> Task:
    row = tx.execute(f"{TASK} WHERE id = %s FOR UPDATE", [task_id]).fetchone()
    if row is None:
        raise NotFound("công việc")
    return _task(row)


def list_of(tx: Tx, incoming_id: UUID) -> list[Task]:
    """All of one document, in the order in which they were given."""
    rows = tx.execute(f"{TASK} WHERE incoming_id = %s ORDER BY id", [incoming_id]).fetchall()
    return [_task(row) for row in rows]


def list_tasks(tx: Tx, whose: str, when: str, asked: dict[str, Any]) -> list[tuple[Task, dict[str, Any]]]:
    """Open tasks, most pressing first, with what their documents are called. `whose` and `when` as in WHOSE and WHEN;
    `asked`: me, unit, headed, soon, before (the last working day before today: later deadlines run), skip, most.
    """
    rows = tx.execute(
        f"SELECT t.*, i.descriptor FROM ({TASK.replace(' FROM task', ', unit_key, given_by FROM task')}) t"  # noqa: S608  own words
        f" JOIN incoming i ON i.id = t.incoming_id AND i.status IN ('03', '04', '05')"
        f" WHERE t.agency_id = {_AGENCY} AND t.ended_at IS NULL AND ({WHOSE[whose]}) AND ({WHEN[when]})"
        " ORDER BY t.due_on NULLS LAST, t.id LIMIT %(most)s OFFSET %(skip)s",
        asked,
    ).fetchall()
    found = []
    for row in rows:
        about = row.pop("descriptor")
        row.pop("unit_key"), row.pop("given_by")
        found.append((_task(row), about))
    return found


def count_tasks(tx: Tx, asked: dict[str, Any]) -> dict[str, int]:
    """Of one person: open, due soon, overdue, given to others and proposed; each up to MOST."""
    wanted = {
        "open": f"({_MINE})",
        "due_soon": f"({_MINE}) AND {WHEN['due_soon']}",
        "overdue": f"({_MINE}) AND {WHEN['overdue']}",
        "to_decide": "t.given_by = %(me)s AND (t.state IN ('proposed', 'declined') OR t.extension IS NOT NULL)",
    }
    counts = ", ".join(
        f"(SELECT count(*) FROM (SELECT FROM task t WHERE t.agency_id = {_AGENCY} AND t.ended_at IS NULL"  # noqa: S608
        f" AND {condition} AND {_ALIVE} LIMIT {MOST}) few) AS {name}"
        for name, condition in wanted.items()
    )
    row = tx.execute(f"SELECT {counts}", asked).fetchone()
    return dict(row) if row else {}


def list_due(tx: Tx, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Tasks of the agency that are to be looked at, each with its document."""
    rows = tx.execute(
        "SELECT id, incoming_id FROM task WHERE next_look <= %s ORDER BY next_look LIMIT %s", [now, limit]
    ).fetchall()
    return [(row["id"], row["incoming_id"]) for row in rows]


def look_at(tx: Tx, task_id: UUID, at: datetime | None) -> None:
    """When the worker looks at it next; None: no more."""
    tx.execute("UPDATE task SET next_look = %s WHERE id = %s", [at, task_id])


def _task(row: dict[str, Any]) -> Task:
    asked = row.pop("extension")
    return Task(
        holder=Holder(row.pop("name"), row.pop("person_id"), row.pop("unit"), row.pop("unit_id")),
        giver=Actor.model_validate(row.pop("giver")),
        extension=Extension(
            date.fromisoformat(asked["until"]), asked["reason"], asked["by"], datetime.fromisoformat(asked["at"])
        )
        if asked
        else None,
        readers=tuple(row.pop("readers")),
        **row,
    )
