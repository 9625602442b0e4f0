"""The tables that lawyers and officers may edit: procedures with their limits, the limits of renewals, swapped days.

Each is a CSV under data/, replaced as a whole by a file of the deployment's own; read once when a process starts.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast, get_args

from services.registry import procedure
from services.registry.certificate import RenewalLimits
from services.registry.procedure import Clock, Rule
from services.registry.refusals_lifecycle import PROCEDURE_UNKNOWN
from services.registry.workdays import Kind, Workdays
from shared.errors import Rejected

_chosen: list[Catalogue] = []
DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the tables say."""

    rules: dict[str, Rule]
    limits: dict[str, int]
    clock: Clock
    renewal: RenewalLimits

    def rule(self, kind: str) -> Rule:
        if kind not in self.rules:
            raise Rejected(PROCEDURE_UNKNOWN, kind=kind[:60], known=", ".join(self.rules))
        return self.rules[kind]


def use(chosen: Catalogue) -> None:
    """From now on these tables count in this process; the composition root says so once."""
    _chosen[:] = [chosen]


def current() -> Catalogue:
    """The tables in use; the packaged ones when nothing else was said."""
    if not _chosen:
        use(load())
    return _chosen[0]


def load(procedures: Path | None = None, limits: Path | None = None, workdays: Path | None = None) -> Catalogue:
    """Read the tables. Raises ValueError that names file and line: a process with a wrong one does not start."""
    rules = {row["kind"]: _rule(row) for row in _rows(procedures or DATA / "procedures.csv")}
    figures = {row["name"]: int(row["value"]) for row in _rows(DATA / "limits.csv")}
    figures |= {row["name"]: int(row["value"]) for row in _rows(limits)} if limits else {}
    days = {date.fromisoformat(row["day"]): _kind(row) for row in _rows(workdays or DATA / "workdays.csv")}
    return Catalogue(
        rules=rules,
        limits=figures,
        clock=Clock(
            workdays=Workdays(days),
            handling_days=figures["handling_days"],
            hand_over_days=figures["hand_over_days"],
            soon_days=figures["soon_days"],
            soon_hours=figures["soon_hours"],
        ),
        renewal=RenewalLimits(
            times=figures["renewal_times"],
            days_left=figures["renewal_days_left"],
            days_added=figures["renewal_days_added"],
            change_keeps_end=bool(figures["change_keeps_end"]),
        ),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _rule(row: dict[str, str]) -> Rule:
    limit = int(row["limit"]) if row["limit"] else None
    return Rule(
        kind=row["kind"],
        form=row["form"],
        name_vi=row["name_vi"],
        name_en=row["name_en"],
        about=_one_of(row, "about", procedure.About),
        applicant=row["applicant"],
        receiver=row["receiver"],
        limit=limit,
        unit=_one_of(row, "unit", Literal["working_days", "hours"]) if limit else None,
        runs_from=_one_of(row, "runs_from", Literal["requested", "forwarded"]) if limit else None,
        answer=_one_of(row, "answer", procedure.Answer),
        source=row["source"],
        confirmed=row["confirmed"] == "yes",
    )


def _kind(row: dict[str, str]) -> Kind:
    return cast("Kind", _one_of(row, "kind", Kind))


def _one_of(row: dict[str, str], name: str, known: Any) -> Any:
    if row[name] not in get_args(known):
        raise ValueError(f"{row}: {name} is one of {', '.join(get_args(known))}")
    return row[name]
