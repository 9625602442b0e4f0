"""docs/asyncapi.yaml: the partners' topics as AsyncAPI 3.1, made from the code's own catalogue of events.

`python -m tests.contracts.asyncapi` writes it; a test compares the written file with what the code says now.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from shared.events import TOPICS, TYPES
from shared.events.envelope import CONTENT_TYPE, MAX_EVENT_BYTES

FILE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
# The attributes of a CloudEvent in structured mode that a reader may count on; `sequence` is ours alone.
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "The same id again has no second effect."},
        "source": {"type": "string"},
        "subject": {"type": "string", "description": "The key of the record."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "sequence": {"type": "string", "description": "Counts the events of one key on one topic, from 1."},
    },
}


def document() -> dict[str, Any]:
    """The whole AsyncAPI document as plain values."""
    channels = {t.name.split(".")[1]: t for t in TOPICS.values() if t.kind == "exchange"}
    events = {name: event for name, event in sorted(TYPES.items()) if event.TOPIC.kind == "exchange"}
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Vanthu exchange",
            "version": "1.0.0",
            "license": {"name": "Apache-2.0"},
            "description": (
                "Three Kafka topics of your own. Identity comes from the topic; agencies are addressed by their national"
                f" identifiers; files travel over HTTP by SHA-256. A message has at most {MAX_EVENT_BYTES} bytes."
                " v1 may gain optional fields: ignore what you do not know. Delivery is at least once."
            ),
        },
        "defaultContentType": CONTENT_TYPE.partition(";")[0],
        "channels": {
            name: {
                "address": topic.name.replace("<partner>", "{partner}"),
                "parameters": {"partner": {"description": "Your name, as the operator gave it to you."}},
                "messages": {
                    event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
                    for event in events.values()
                    if event.TOPIC is topic
                },
                "bindings": {"kafka": {"partitions": topic.partitions}},
            }
            for name, topic in channels.items()
        },
        # AsyncAPI 3 describes the application, which is this deployment: it receives what partners send.
        "operations": {
            name: {
                "action": "receive" if topic.stated_by == "<partner>" else "send",
                "channel": {"$ref": f"#/channels/{name}"},
            }
            for name, topic in channels.items()
        },
        "components": {
            "messages": {event.__name__: _message(name, event) for name, event in events.items()},
            "schemas": {"CloudEvent": ENVELOPE},
        },
    }


def _message(type_name: str, event: Any) -> dict[str, Any]:
    data = event.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    own = {"type": "object", "properties": {"type": {"const": type_name}, "data": _inline(data)}}
    return {
        "name": type_name,
        "summary": " ".join((event.__doc__ or "").split()),
        "contentType": CONTENT_TYPE.partition(";")[0],
        "payload": {"allOf": [{"$ref": "#/components/schemas/CloudEvent"}, own]},
        "bindings": {"kafka": {"key": {"type": "string", "description": f"data/{event.KEY}"}}},
    }


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """References of pydantic replaced by what they refer to, so that each message can be read by itself."""
    definitions = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return resolve(definitions[value["$ref"].rsplit("/", 1)[1]])
            return {k: resolve(v) for k, v in value.items()}
        return [resolve(v) for v in value] if isinstance(value, list) else value

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def text() -> str:
    return yaml.safe_dump(document(), allow_unicode=True, sort_keys=False, width=110)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
