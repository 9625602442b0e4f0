"""Makes the schemas beside this file from CustomResourceDefinitions.

    python -m tests.contracts.crd.vendor SOURCE CRD.yaml…

`SOURCE` is project and version, as NOTICE names them. What a schema is for is kept: types, enumerations, bounds,
required fields. Descriptions, statuses and rules in CEL are left out. As the API server does with strict field
validation, a field that a schema does not name is an error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
DROPPED = frozenset({"description", "example", "externalDocs", "default"})
METADATA = {"type": "object"}  # checked by the rules for every object, not by kind


def trimmed(schema: dict[str, Any]) -> dict[str, Any]:
    """A structural schema of a CRD (OpenAPI 3.0 with Kubernetes' extensions) as JSON Schema."""
    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "properties":
            made[name] = {each: trimmed(inner) for each, inner in value.items()}
        elif name in {"items", "not"} or (name == "additionalProperties" and isinstance(value, dict)):
            made[name] = trimmed(value)
        elif name in {"allOf", "anyOf", "oneOf"}:
            made[name] = [trimmed(inner) for inner in value]
        elif name not in DROPPED and not name.startswith("x-") and name not in {"nullable", "format"}:
            made[name] = value
    if schema.get("x-kubernetes-int-or-string"):
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        made.pop("type", None)
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def closed(schema: Any, *, inside_choice: bool = False) -> Any:
    """The same, refusing fields that it does not name. The branches of a choice only name some of them."""
    if isinstance(schema, list):
        return [closed(each, inside_choice=inside_choice) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        name: {each: closed(inner, inside_choice=inside_choice) for each, inner in value.items()}
        if name == "properties"
        else closed(value, inside_choice=inside_choice or name in {"allOf", "anyOf", "oneOf", "not"})
        for name, value in schema.items()
    }
    if "properties" in made and not inside_choice and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return made


def preserved(schema: dict[str, Any]) -> dict[str, Any]:
    """Where the CRD keeps unknown fields, the schema allows them."""
    made = {
        name: {each: preserved(inner) for each, inner in value.items()}
        if name == "properties"
        else preserved(value)
        if isinstance(value, dict)
        else value
        for name, value in schema.items()
    }
    if made.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = True
    return made


def of_crd(crd: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """File name and schema of the stored version."""
    spec = crd["spec"]
    version = next(v for v in spec["versions"] if v["storage"])
    schema = preserved(version["schema"]["openAPIV3Schema"])
    schema["properties"].pop("status", None)
    made = closed(trimmed(schema))
    made["properties"] |= {"metadata": METADATA, "apiVersion": {"const": f"{spec['group']}/{version['name']}"}}
    kind = spec["names"]["kind"]
    made["properties"]["kind"] = {"const": kind}
    return f"{spec['group']}_{version['name']}_{kind}.json", made


def main(source: str, files: list[str]) -> None:
    for file in files:
        name, schema = of_crd(yaml.safe_load(Path(file).read_text(encoding="utf-8")))
        schema["$comment"] = f"made from {Path(file).name} of {source}"
        (HERE / name).write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
