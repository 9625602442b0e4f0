"""What the portal does when the registry states agencies and people."""

from __future__ import annotations

from datetime import UTC, datetime

from services.portal import store
from services.portal.domain import as_login
from shared.db import Tx
from shared.events import Envelope
from shared.events.registry import AgencyStated, PersonStated
from shared.inbox import Follower


def follower() -> Follower:
    return Follower(
        "portal",
        ("registry.agency", "registry.person"),
        {AgencyStated: receive_agency, PersonStated: receive_person},
    )


def receive_agency(tx: Tx, envelope: Envelope) -> None:
    assert isinstance(envelope.data, AgencyStated)  # noqa: S101  registered for this type
    store.save_agency(tx, envelope.data)


def receive_person(tx: Tx, envelope: Envelope) -> None:
    """Somebody who is no longer active is logged out at once, programs included."""
    person = envelope.data
    assert isinstance(person, PersonStated)  # noqa: S101  registered for this type
    store.save_person(tx, person, as_login(person.login))
    if not person.active:
        store.end_all_of(tx, person.person_id, datetime.now(UTC), "not active")
