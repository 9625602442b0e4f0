"""Server-Sent Events over a real uvicorn: live, after a reconnection, and only one's own."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from shared.ids import new_id
from tests.notify.conftest import Office
from tests.notify.facts import Story


@dataclass(slots=True)
class Message:
    """One event or comment as it came."""

    fields: dict[str, str] = field(default_factory=dict)
    comment: str = ""


def messages(response: httpx.Response) -> Iterator[Message]:
    """As WHATWG HTML §9.2.6 reads a stream."""
    current = Message()
    for line in response.iter_lines():
        if not line:
            yield current
            current = Message()
        elif line.startswith(":"):
            current.comment += line[1:]
        else:
            name, _, value = line.partition(": ")
            current.fields[name] = value


def notices(response: httpx.Response) -> Iterator[Message]:
    return (message for message in messages(response) if message.fields.get("event") == "notice")


def test_a_notice_appears_while_the_connection_is_open(office: Office) -> None:
    me, other = new_id(), new_id()
    office.hear(Story().submitted(me))  # before: not told again
    with office.http(me) as http, http.stream("GET", "/stream") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        coming = messages(response)
        assert next(coming).fields["retry"]
        office.hear(Story().submitted(other))
        office.hear(Story().submitted(me))
        found = next(message for message in coming if message.fields.get("event") == "notice")
    assert found.fields["id"] == "2"
    stated = json.loads(found.fields["data"])
    assert stated == office.notices(me)[0]


def test_a_reader_who_comes_back_gets_what_was_missed(office: Office) -> None:
    me = new_id()
    office.hear(*(Story().submitted(me) for _ in range(4)))
    headers = {"Last-Event-ID": "2"}
    with office.http(me, headers=headers) as http, http.stream("GET", "/stream") as response:
        coming = notices(response)
        assert [next(coming).fields["id"] for _ in range(2)] == ["3", "4"]
        office.hear(Story().submitted(me))
        assert next(coming).fields["id"] == "5"


def test_two_windows_and_two_people_share_one_poller(office: Office) -> None:
    me, other = new_id(), new_id()
    office.hear(Story().submitted(me), Story().submitted(other))

    def read(person: UUID, after: str) -> Generator[str]:
        with (
            office.http(person, headers={"Last-Event-ID": after}) as http,
            http.stream("GET", "/stream") as response,
        ):
            for message in notices(response):
                yield json.loads(message.fields["data"])["id"]

    behind, current, others = read(me, "0"), read(me, "1"), read(other, "0")
    first = next(behind)
    assert next(others) == office.notices(other)[0]["id"]
    office.hear(Story().submitted(me))
    second = office.notices(me)[0]["id"]
    assert (next(behind), next(current)) == (second, second)
    assert first != second
    for reader in (behind, current, others):
        reader.close()


def test_a_silent_connection_is_kept_by_comments(office: Office) -> None:
    with office.http(new_id()) as http, http.stream("GET", "/stream") as response:
        coming = messages(response)
        next(coming)
        assert next(coming).comment.strip() == "still here"


def test_a_connection_ends_with_its_token(office: Office) -> None:
    office.stream.longest = 0.3
    with office.http(new_id()) as http, http.stream("GET", "/stream") as response:
        found = list(messages(response))
    assert found[0].fields["retry"]
    assert office.stream.listeners == set()


def test_a_bad_place_to_go_on_is_refused(office: Office) -> None:
    with office.http(new_id(), headers={"Last-Event-ID": "later"}) as http:
        answer = http.get("/stream")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_poller_that_fails_lets_its_readers_go(office: Office, expected_errors: list[str]) -> None:
    expected_errors.append("the poller failed")
    with office.http(new_id()) as http, http.stream("GET", "/stream") as response:
        coming = messages(response)
        next(coming)
        with office.owner() as owner:
            owner.execute("ALTER TABLE notice RENAME TO away")
        assert all(message.comment for message in coming)  # ends
