"""The stored JSON Schemas of all event types, and what may change in them: v1 may only gain optional fields.

`python -m tests.contracts.schemas` writes new and extended schemas, and refuses to write over an incompatible one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from shared.events import TYPES

FOLDER = Path(__file__).parent / "schemas"


def current(type_name: str) -> dict[str, Any]:
    """The schema of `data` for one event type, as the code has it now."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:{type_name}"}
    return schema | TYPES[type_name].model_json_schema(mode="serialization")


def stored(type_name: str) -> dict[str, Any] | None:
    file = FOLDER / f"{type_name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def incompatibilities(old: dict[str, Any], new: dict[str, Any], where: str = "") -> list[str]:
    """What an old reader or an old writer would trip over; empty when only optional fields were added."""
    found = []
    olds, news = old.get("properties", {}), new.get("properties", {})
    found += [f"{where}/{name}: removed" for name in olds.keys() - news.keys()]
    newly = set(new.get("required", [])) - set(old.get("required", []))
    found += [f"{where}/{name}: required now, was not" for name in newly]
    for name in olds.keys() & news.keys():
        keep = ("type", "format", "$ref", "const", "pattern", "maxLength", "minItems", "items", "enum")
        before, after = ({k: v[name].get(k) for k in keep} for v in (olds, news))
        if before != after and not _wider(before, after):
            found.append(f"{where}/{name}: {before} became {after}")
    for name in old.get("$defs", {}).keys() & new.get("$defs", {}).keys():
        found += incompatibilities(old["$defs"][name], new["$defs"][name], f"{where}#{name}")
    return found


def _wider(before: dict[str, Any], after: dict[str, Any]) -> bool:
    if before["enum"] and after["enum"]:
        return set(before["enum"]) <= set(after["enum"]) and before | {"enum": 0} == after | {"enum": 0}
    return False


def main() -> int:
    """Write all schemas; exit 1 and write nothing of a type whose change is incompatible."""
    FOLDER.mkdir(exist_ok=True)
    bad = 0
    for type_name in sorted(TYPES):
        old, new = stored(type_name), current(type_name)
        for problem in incompatibilities(old, new) if old else []:
            print(f"{type_name}{problem}: make a v2", file=sys.stderr)  # noqa: T201
            bad += 1
        if not bad:
            text = json.dumps(new, ensure_ascii=False, indent=1, sort_keys=True)
            (FOLDER / f"{type_name}.json").write_text(text + "\n", encoding="utf-8")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
