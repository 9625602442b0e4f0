"""The partners' document says what the code does, and what the code publishes is what the document says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import yaml

from shared.events import Envelope, encode
from shared.events.exchange import AgencyRef, MessageAccepted, MessageRejected, StatusReported
from shared.ids import new_id
from tests.contracts.asyncapi import FILE, document, text


def test_the_written_document_is_what_the_code_says() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "python -m tests.contracts.asyncapi"


def test_every_reference_leads_somewhere() -> None:
    whole = yaml.safe_load(text())

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found = whole
                for step in value["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(whole)
    assert {o["action"] for o in whole["operations"].values()} == {"send", "receive"}


RECIPIENT = AgencyRef(identifier="H37.01", name="Văn phòng Ủy ban nhân dân tỉnh")
SAMPLES = [
    MessageAccepted(message_id="1", document_id=new_id()),
    MessageRejected(message_id="1", code="not_json", detail_vi="Hỏng.", detail_en="Broken.", partition=0, offset=7),
    StatusReported(delivery_id=new_id(), document_id=new_id(), recipient=RECIPIENT, status="03", at=datetime.now(UTC)),
]


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_what_is_published_fits_the_document(event: Any) -> None:
    value = encode(Envelope(new_id(), "urn:vanthu:test", 1, datetime.now(UTC), event, event.topic))
    whole = document()
    schema = {**whole["components"]["messages"][type(event).__name__]["payload"], "components": whole["components"]}
    published = json.loads(value)
    jsonschema.Draft202012Validator(schema).validate(published)
    published["data"]["message_id" if "message_id" in published["data"] else "status"] = 5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(published)
