"""Every event type has a stored schema that the code still honours, and every event says what the rules demand."""

from __future__ import annotations

import copy
import re

import pytest

from shared.events import TOPICS, TYPES
from tests.contracts.schemas import FOLDER, current, incompatibilities, stored


@pytest.mark.parametrize("type_name", sorted(TYPES))
def test_the_stored_schema_is_what_the_code_says(type_name: str) -> None:
    old = stored(type_name)
    assert old is not None, f"no stored schema for {type_name}: python -m tests.contracts.schemas"
    assert incompatibilities(old, current(type_name)) == []
    assert old == current(type_name), "optional fields were added: python -m tests.contracts.schemas"


def test_no_schema_is_left_of_a_type_that_is_gone() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(TYPES)


@pytest.mark.parametrize("type_name", sorted(TYPES))
def test_types_and_topics_follow_one_naming_rule(type_name: str) -> None:
    event = TYPES[type_name]
    assert re.fullmatch(r"vn\.vanthu\.[a-z]+\.[a-z]+\.[a-z_]+\.v\d+", type_name)
    assert event.KEY in event.model_fields
    if event.TOPIC.kind != "exchange":
        assert event.TOPIC.name.split(".")[0] in {event.TOPIC.stated_by, "signing"}


def test_every_followed_topic_is_followed_by_a_service() -> None:
    services = {"docs", "signing", "registry", "notify", "portal", "<partner>"}
    for topic in TOPICS.values():
        assert {topic.stated_by, *topic.followed_by} <= services


def test_a_removed_field_a_new_duty_and_a_changed_type_are_all_found() -> None:
    old = current("vn.vanthu.docs.document.returned.v1")
    removed, demanded, retyped = copy.deepcopy(old), copy.deepcopy(old), copy.deepcopy(old)
    del removed["properties"]["reason"]
    demanded["properties"]["extra"] = {"type": "string"}
    demanded["required"].append("extra")
    retyped["properties"]["reason"]["type"] = "integer"
    gained = copy.deepcopy(old)
    gained["properties"]["extra"] = {"type": "string"}
    assert incompatibilities(old, removed) == ["/reason: removed"]
    assert incompatibilities(old, demanded) == ["/extra: required now, was not"]
    assert len(incompatibilities(old, retyped)) == 1
    assert incompatibilities(old, gained) == []
