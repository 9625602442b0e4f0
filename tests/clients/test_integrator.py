"""The partners' SDK speaks the contract that the services speak, and looks at what it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from vanthu_integrator import FileDamaged, messages
from vanthu_integrator.files import check

from shared.events import TYPES

SDK = Path(messages.__file__).parent


def shape(schema: dict[str, Any], where: dict[str, Any] | None = None) -> dict[str, Any]:
    """Properties with their types and duties, references followed, titles and descriptions left out."""
    definitions = where or schema.get("$defs", {})
    if "$ref" in schema:
        return shape(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    kept = {
        k: v for k, v in schema.items() if k in {"type", "format", "pattern", "maxLength", "minItems", "const", "enum"}
    }
    if "properties" in schema:
        kept["properties"] = {name: shape(each, definitions) for name, each in schema["properties"].items()}
        kept["required"] = sorted(schema.get("required", []))
    if "items" in schema:
        kept["items"] = shape(schema["items"], definitions)
    if "anyOf" in schema:
        kept["anyOf"] = [shape(each, definitions) for each in schema["anyOf"]]
    return kept


@pytest.mark.parametrize("type_name", sorted(messages.TYPES))
def test_the_sdk_and_the_services_agree(type_name: str) -> None:
    theirs = shape(TYPES[type_name].model_json_schema(mode="serialization"))
    ours = shape(messages.TYPES[type_name].model_json_schema(mode="serialization"))
    assert ours == theirs


def test_the_sdk_knows_every_partner_message() -> None:
    assert set(messages.TYPES) == {name for name, event in TYPES.items() if event.TOPIC.kind == "exchange"}


def test_the_sdk_needs_nothing_of_the_services() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in SDK.glob("*.py"))
    assert "from shared" not in sources
    assert "from services" not in sources


def test_damaged_bytes_are_not_taken() -> None:
    file = messages.File(filename="a.pdf", media_type="application/pdf", size=3, sha256="0" * 64)
    for data in (b"abc", b"ab"):
        with pytest.raises(FileDamaged):
            check(file, data)
