"""Which policy judges what arrived: rules by type of document and by the way on which it came. Data, no IO."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

DEFAULT = "default"
_CONDITIONS = {"types", "came_by"}
_FIELDS = _CONDITIONS | {"policy", "annex"}


@dataclass(frozen=True, slots=True)
class Rule:
    """None for a condition that fits everything; patterns as in data/validation_rules.toml."""

    policy: str
    annex: str = DEFAULT
    types: tuple[str, ...] | None = None
    came_by: tuple[str, ...] | None = None

    def fits(self, type_code: str | None, came_by: str | None) -> bool:
        return _fits(self.types, type_code) and _fits(self.came_by, came_by)


@dataclass(frozen=True, slots=True)
class Rules:
    """In order: the first that fits decides."""

    rules: tuple[Rule, ...] = ()

    def policy_for(self, type_code: str | None, came_by: str | None, *, annex: bool = False) -> str:
        """The name of the policy for a document of this type that came this way, or for a file beside its main text."""
        for rule in self.rules:
            if rule.fits(type_code, came_by):
                return rule.annex if annex else rule.policy
        return DEFAULT


def read(text: str, policies: Collection[str]) -> Rules:
    """The rules of a TOML text; ValueError, in a sentence, for what is no such text or names a policy that is unknown."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"no TOML: {error}") from error
    rules = found.pop("rules", [])
    if found or not isinstance(rules, list):
        raise ValueError(f"only [[rules]] may stand here, not {', '.join(found) or 'rules = …'}")
    return Rules(tuple(_rule(n, one, policies) for n, one in enumerate(rules, start=1)))


def _rule(n: int, one: Mapping[str, Any], policies: Collection[str]) -> Rule:
    if unknown := sorted(set(one) - _FIELDS):
        raise ValueError(f"rule {n}: {', '.join(unknown)} is unknown; there are {', '.join(sorted(_FIELDS))}")
    for name in ("policy", "annex"):
        if one.get(name, DEFAULT) not in policies or (name == "policy" and name not in one):
            raise ValueError(f"rule {n}: {name} must be one of {', '.join(policies)}")
    for name in _CONDITIONS & set(one):
        if not isinstance(one[name], list) or not all(isinstance(each, str) for each in one[name]):
            raise ValueError(f"rule {n}: {name} must be a list of texts")
    conditions = {name: tuple(one[name]) for name in _CONDITIONS & set(one)}
    return Rule(one["policy"], one.get("annex", DEFAULT), **conditions)


def _fits(patterns: tuple[str, ...] | None, value: str | None) -> bool:
    return patterns is None or (value is not None and any(fnmatchcase(value, pattern) for pattern in patterns))
