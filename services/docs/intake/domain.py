"""What comes in and the steps that it passes, whichever way it came: each step is seen with its time and reason, and
can be done again. No IO.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.docs.intake import refusals
from services.docs.step import Reason
from shared.errors import Refusal, Rejected
from shared.events import BlobRef

Channel = Literal["web", "rest", "kafka", "folder", "mail"]
State = Literal["working", "ready", "refused", "failed", "discarded", "used"]
StepState = Literal["due", "waiting", "done", "skipped", "refused", "failed"]

STEPS = ("received", "type", "size", "virus", "convert", "secrecy", "text", "ready")
# The stamp of secrecy is looked for twice: in the text that the file has, and in what was read from its pictures.
PATIENCE = 8  # tries at a tool that dies or hangs before somebody has to look
_OVER: frozenset[StepState] = frozenset({"done", "skipped"})


@dataclass(frozen=True, slots=True)
class Passing:
    """One step of one item. `waiting`: something is away, it is tried again by itself. `skipped`: not needed or not set
    up, `reason` says which.
    """

    name: str
    state: StepState = "due"
    at: datetime | None = None
    attempts: int = 0
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Who or what brought it: a person, or the sender of a mail, or a scanner's file name."""

    name: str
    person_id: UUID | None = None
    subject: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """Something that came in. `source` is what came, byte for byte; `pdf` what was made of it, when it was no PDF."""

    id: UUID
    agency_id: UUID
    channel: Channel
    filename: str
    origin: Origin
    received_at: datetime
    kind: str = "intake"
    state: State = "working"
    source: BlobRef | None = None
    upload_id: UUID | None = None
    media_type: str | None = None
    pdf: BlobRef | None = None
    reading: BlobRef | None = None
    page_count: int | None = None
    file_id: UUID | None = None
    used_for: UUID | None = None
    steps: tuple[Passing, ...] = tuple(Passing(name) for name in STEPS)
    version: int = 0

    def step(self, name: str) -> Passing:
        return next(each for each in self.steps if each.name == name)

    @property
    def next_step(self) -> str | None:
        """What has to be done now; None when nothing has."""
        if self.state != "working":
            return None
        return next((each.name for each in self.steps if each.state not in _OVER), None)

    @property
    def reason(self) -> Reason | None:
        """Why it stands where it stands."""
        return next((s.reason for s in self.steps if s.state in {"waiting", "refused", "failed"}), None)

    @property
    def usable(self) -> BlobRef | None:
        """The PDF that drafts and arrivals take: what came, if it is one."""
        return self.pdf or self.source


def reason_of(refusal: Refusal, **params: object) -> Reason:
    said = refusal.say(**params)
    return Reason(refusal.code, said.vi, said.en)


def reason_from(error: Rejected) -> Reason:
    return Reason(error.code, error.sentence.vi, error.sentence.en)


def _with(item: Item, name: str, state: StepState, at: datetime, reason: Reason | None) -> Item:
    _check_turn(item, name)
    steps = tuple(
        replace(each, state=state, at=at, reason=reason, attempts=each.attempts + 1) if each.name == name else each
        for each in item.steps
    )
    return replace(item, steps=steps)


def _check_turn(item: Item, name: str) -> None:
    if item.next_step != name:
        raise ValueError(f"it is not the turn of {name} but of {item.next_step}")


def passed(item: Item, name: str, at: datetime, note: Reason | None = None) -> Item:
    """The step went well; after the last one the item is ready, or used where it came for a purpose of its own."""
    after = _with(item, name, "done", at, note)
    if name != STEPS[-1]:
        return after
    return replace(after, state="used" if item.used_for else "ready")


def skipped(item: Item, name: str, at: datetime, why: Reason) -> Item:
    return _with(item, name, "skipped", at, why)


def waits(item: Item, name: str, at: datetime, why: Reason) -> Item:
    """What the step needs is away (the scanner, a store): it is tried again by itself, for as long as it takes."""
    return _with(item, name, "waiting", at, why)


def stumbled(item: Item, name: str, at: datetime, why: Reason) -> Item:
    """A tool died or hung: tried again a few times, then it waits for a person."""
    if item.step(name).attempts + 1 >= PATIENCE:
        return failed(item, name, at, why)
    return _with(item, name, "waiting", at, why)


def refused(item: Item, name: str, at: datetime, why: Reason) -> Item:
    """The file itself will not do; trying again would say the same."""
    return replace(_with(item, name, "refused", at, why), state="refused")


def failed(item: Item, name: str, at: datetime, why: Reason) -> Item:
    """Not the file's fault: once somebody has seen to it, the step can be done again."""
    return replace(_with(item, name, "failed", at, why), state="failed")


def purged(item: Item) -> Item:
    """Nothing of the content is referred to any more."""
    return replace(item, source=None, pdf=None, reading=None, upload_id=None)


def retry(item: Item, at: datetime) -> Item | None:
    """Do the step that failed or waits again; None when it is about to be done anyway. What was passed stays passed."""
    if item.state == "working":
        waiting = next((each for each in item.steps if each.state == "waiting"), None)
        return _again(item, waiting.name, at) if waiting else None
    if item.state not in {"failed", "refused"}:
        raise Rejected(refusals.NOTHING_TO_RETRY)
    if item.source is None and item.upload_id is None:
        raise Rejected(refusals.CONTENT_PURGED)
    stopped = next(each for each in item.steps if each.state in {"failed", "refused"})
    return _again(replace(item, state="working"), stopped.name, at)


def _again(item: Item, name: str, at: datetime) -> Item:
    steps = tuple(
        Passing(each.name, at=at, attempts=0 if item.state == "failed" else each.attempts)
        if each.name == name
        else each
        for each in item.steps
    )
    return replace(item, steps=steps)


def discard(item: Item) -> Item | None:
    """Somebody does not want it: nothing of it is kept but that it came. None: done before."""
    if item.state == "discarded":
        return None
    if item.state == "used" or item.used_for is not None:
        raise Rejected(refusals.ALREADY_USED)
    return replace(purged(item), state="discarded")


def use(item: Item, used_for: UUID | None = None) -> Item:
    """It became part of a draft, or an incoming document."""
    if item.state not in {"ready", "used"} or item.file_id is None:
        raise Rejected(refusals.NOT_READY)
    if item.used_for is not None and used_for is not None:
        raise Rejected(refusals.ALREADY_USED)
    return replace(item, state="used", used_for=used_for or item.used_for)
