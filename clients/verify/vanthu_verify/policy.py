"""Validation policies by class of document: what is demanded beyond the mathematics. The data are in policies.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import files
from typing import Any

from vanthu_verify.algorithms import Constraints


@dataclass(frozen=True, slots=True)
class Policy:
    """`key` is name and version. `revocation_required`: without revocation data nothing passes. `least_level` is
    "B", "T", "LT" or "LTA", what every signature must reach.
    """

    key: str
    vi: str
    en: str
    revocation_required: bool
    constraints: Constraints
    person_and_agency: bool = False
    least_level: str = "B"
    any_key_usage: bool = False


@cache
def _policies() -> dict[str, Policy]:
    read = tomllib.loads((files("vanthu_verify") / "policies.toml").read_text(encoding="utf-8"))
    constraints = _constraints(read["algorithms"])
    return {
        name: Policy(
            key=f"{name}-{one['version']}",
            vi=one["vi"],
            en=one["en"],
            revocation_required=one["revocation"] == "required",
            constraints=constraints,
            person_and_agency=one.get("person_and_agency", False),
            least_level=one.get("least_level", "B"),
            any_key_usage=one.get("any_key_usage", False),
        )
        for name, one in read["policies"].items()
    }


def _constraints(read: dict[str, Any]) -> Constraints:
    return Constraints(
        {name: _midnight(day) for name, day in read["hashes"].items()},
        tuple((one["kind"], one["bits"], _midnight(one["since"])) for one in read["keys"]),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def names() -> tuple[str, ...]:
    return tuple(_policies())


def get(name: str) -> Policy:
    """KeyError for a name that is not in the file."""
    return _policies()[name]
