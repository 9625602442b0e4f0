"""People and agencies as the registry states them, for tests of logging in."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from shared.events import Envelope, Event, encode, registry
from shared.ids import new_id
from shared.inbox import Record

_offsets = itertools.count()


def record(event: Event, *, seq: int = 1) -> Record:
    envelope = Envelope(new_id(), "urn:vanthu:test", seq, datetime.now(UTC), event, event.topic)
    return Record(event.topic, 0, next(_offsets), event.key.encode(), encode(envelope), None)


def agency(name: str = "UBND xã Đông Hải", **changed: Any) -> registry.AgencyStated:
    number = next(_offsets)
    stated = registry.AgencyStated(
        agency_id=new_id(),
        identifier=f"H26.{number}",
        name=name,
        level="commune",
        valid_from=date(2020, 1, 1),
    )
    return stated.model_copy(update=changed)


def post(agency_id: UUID, title: str, *roles: registry.Role, **changed: Any) -> registry.Post:
    made = registry.Post(post_id=new_id(), agency_id=agency_id, title=title, roles=roles, valid_from=date(2020, 1, 1))
    return made.model_copy(update=changed)


def person(login: str, *posts: registry.Post, name: str = "Lê Thị Hoa", **changed: Any) -> registry.PersonStated:
    stated = registry.PersonStated(
        person_id=new_id(), name=name, login=login, email=f"{login}@xa.example", active=True, posts=posts
    )
    return stated.model_copy(update=changed)
