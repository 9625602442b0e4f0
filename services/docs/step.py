"""What an act makes of a thing: its next state, the facts to state, and the line in its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from shared.events import Actor, Envelope, Event

Thing = TypeVar("Thing")
Fact = TypeVar("Fact", bound=Event)

SYSTEM = "docs"


@dataclass(frozen=True, slots=True)
class Step(Generic[Thing]):
    """`act` is a stable name for the history, `detail` what the person added, such as a reason. `about`: another thing that
    the detail names; whoever may not read that one does not read the line.
    """

    after: Thing
    act: str
    by: Actor
    at: datetime
    detail: str | None = None
    tell: tuple[Event, ...] = ()
    about: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something stands where it stands, in both languages, with a stable code."""

    code: str
    vi: str
    en: str


def ourselves() -> Actor:
    """The actor of what no person did."""
    return Actor(name="Vanthu", system=SYSTEM)


def fact_of(envelope: Envelope, kind: type[Fact]) -> Fact:
    """An envelope's payload as the type that its handler is registered for."""
    if not isinstance(envelope.data, kind):
        raise TypeError(f"{envelope.type} came to the handler of {kind.TYPE}")
    return envelope.data
