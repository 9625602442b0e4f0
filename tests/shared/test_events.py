"""The codec: what is encoded is a CloudEvent and comes back unchanged; what is not is refused with a stable code."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Envelope, MalformedEvent, decode, encode
from shared.ids import new_id
from tests.shared.facts import SOURCE, returned


@given(reason=st.text(max_size=200), seq=st.integers(min_value=1, max_value=2**53))
def test_an_event_comes_back_as_it_was(reason: str, seq: int) -> None:
    event = Envelope(new_id(), SOURCE, seq, datetime.now(UTC), returned(new_id(), reason), "docs.document")
    assert decode(encode(event), topic="docs.document") == event


def test_the_attributes_are_those_of_cloudevents_1_0() -> None:
    data = returned(new_id(), "đề nghị sửa thể thức")
    value = encode(Envelope(new_id(), SOURCE, 3, datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC), data, "docs.document"))
    document = json.loads(value)
    assert {
        k: document[k] for k in ("specversion", "source", "type", "subject", "time", "sequence", "partitionkey")
    } == {
        "specversion": "1.0",
        "source": SOURCE,
        "type": "vn.vanthu.docs.document.returned.v1",
        "subject": str(data.document_id),
        "time": "2026-11-22T01:02:03Z",
        "sequence": "3",
        "partitionkey": str(data.document_id),
    }
    assert "đề nghị" in value.decode()  # readable in an archive, not escaped


def test_what_a_newer_sender_adds_is_ignored() -> None:
    event = Envelope(new_id(), SOURCE, 1, datetime.now(UTC), returned(new_id()), "docs.document")
    document = json.loads(encode(event))
    document["data"]["added_in_v1_2"] = {"x": 1}
    document["someextension"] = "y"
    assert decode(json.dumps(document).encode(), topic="docs.document") == event


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_malformed_event(value: bytes) -> None:
    with pytest.raises(MalformedEvent) as refused:
        decode(value, topic="docs.document")
    assert refused.value.code in {"empty_message", "not_json", "bad_envelope", "unknown_type", "bad_data"}


def test_a_wrong_field_is_named() -> None:
    document = json.loads(encode(Envelope(new_id(), SOURCE, 1, datetime.now(UTC), returned(new_id()), "docs.document")))
    document["data"]["agency_id"] = "not a uuid"
    with pytest.raises(MalformedEvent) as refused:
        decode(json.dumps(document).encode(), topic="docs.document")
    assert refused.value.code == "bad_data"
    assert "data/agency_id" in refused.value.detail
