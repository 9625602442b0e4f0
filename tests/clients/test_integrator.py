"""The partners' SDK speaks the contract that the services speak, and looks at what it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from vanthu_integrator import FileDamaged, messages
from vanthu_integrator.__main__ import _parser, main
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


SEND = ["send", "--sender", "G22.99=Cổng", "--to", "H37", "--number", "1/CV", "--abstract", "a", "--signer", "b"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replies"], "VANTHU_PARTNER is not set"),
        ([*SEND, "a.pdf"], "VANTHU_PORTAL is not set"),
    ],
)
def test_a_setting_that_is_missing_is_named(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("VANTHU_PARTNER", "VANTHU_PORTAL", "VANTHU_CLIENT_SECRET", "VANTHU_KAFKA", "VANTHU_KAFKA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_date_in_another_order_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*SEND, "--date", "22/11/2026", "a.pdf"])
    assert "YYYY-MM-DD" in capsys.readouterr().err


def test_a_letter_is_what_is_sent_when_no_type_is_named() -> None:
    code, _, name = _parser().parse_args([*SEND, "a.pdf"]).type.partition("=")
    assert (code, name) == ("CV", "Công văn")
