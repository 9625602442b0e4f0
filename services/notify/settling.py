"""Which work a notice speaks of, and which facts end it: a notice whose work is done is open no more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.events import Event, docs, signing, workfile


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do about a subject: a document, a delivery, a task, a work file."""

    subject: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Work that is done, or nobody's any more; with a person it is done for them alone."""

    work: Work
    person_id: UUID | None = None


def work_of(event: Event) -> Work | None:
    """What those who are told of `event` have to do; None: it is to be read, and that is all."""
    rule = WORKS.get(type(event))
    return rule(event) if rule else None


def settled_by(event: Event) -> tuple[Settled, ...]:
    """What `event` ends. What it asks for itself begins afterwards."""
    rule = ENDS.get(type(event))
    return tuple(rule(event)) if rule else ()


# --- what is to be done


def _on_document(kind: str) -> Callable[[Any], Work]:
    return lambda event: Work(event.document_id, kind)


def _after_signing(event: signing.DocumentSigned) -> Work:
    if event.waits_for is not None:
        return Work(event.document_id, "sign")
    return Work(event.document_id, "counter_seal" if event.seals_due else "number")


def _reported(event: docs.DeliveryStatusReported) -> Work | None:
    kind = {"13": "answer_recall", "04": "handle"}.get(event.status)
    return Work(event.delivery_id, kind) if kind else None


def _of_task(event: docs.TaskChanged) -> Work | None:
    if event.act in ("proposed", "declined"):
        return Work(event.task_id, "decide")
    if event.act == "extension_asked":
        return Work(event.task_id, "extension")
    return Work(event.task_id, "task") if event.act in TO_WORK_ON else None


TO_WORK_ON = frozenset({"given", "reassigned", "returned", "due_soon", "overdue", "deadline_set"})
WORKS: Mapping[type[Event], Callable[[Any], Work | None]] = {
    docs.DocumentSubmitted: _on_document("review"),
    docs.ReviewAsked: _on_document("review"),
    docs.ReviewDue: _on_document("review"),
    docs.OpinionAsked: lambda event: Work(event.request_id, "opinion"),
    docs.DocumentReturned: _on_document("revise"),
    docs.DocumentIssued: _on_document("send"),
    docs.DeliveryDispatched: lambda event: Work(event.delivery_id, "register"),
    docs.DeliveryChased: lambda event: Work(event.delivery_id, "chased"),
    docs.DeliveryStatusReported: _reported,
    docs.TaskChanged: _of_task,
    workfile.WorkfileDue: lambda event: Work(event.workfile_id, "archive"),
    workfile.WorkfileSubmitted: lambda event: Work(event.workfile_id, "accept"),
    workfile.WorkfileReturned: lambda event: Work(event.workfile_id, "archive"),
    signing.DocumentPrepared: _on_document("sign"),
    signing.DocumentSigned: _after_signing,
    signing.DocumentCounterSealed: _on_document("number"),
    signing.DocumentRefused: _on_document("mend"),
    signing.DocumentDelayed: _on_document("delay"),
    signing.DocumentValidated: lambda event: Work(event.incoming_id, "look_at_signatures"),
}


# --- what is done


def _all(*kinds: str) -> Callable[[Any], Iterator[Settled]]:
    return lambda event: (Settled(Work(event.document_id, kind)) for kind in kinds)


def _answered(event: docs.ReviewAnswered) -> Iterator[Settled]:
    for person in event.people:
        yield Settled(Work(event.document_id, "review"), person)


def _signed(event: signing.DocumentSigned) -> Iterator[Settled]:
    yield Settled(Work(event.document_id, "sign"), event.person_id)
    yield Settled(Work(event.document_id, "delay"))
    if event.waits_for is None:
        yield Settled(Work(event.document_id, "sign"))


def _counter_sealed(event: signing.DocumentCounterSealed) -> Iterator[Settled]:
    if not event.seals_due:
        yield Settled(Work(event.document_id, "counter_seal"))


def _dispatched(event: docs.DeliveryDispatched) -> Iterator[Settled]:
    yield Settled(Work(event.document_id, "send"))


def _stood(event: docs.DeliveryStatusReported) -> Iterator[Settled]:
    """Registered, refused or taken back, it waits for no registration; each later status answers a chase."""
    if event.status in ("02", "03", "04", "05", "06") or (event.status == "15" and event.about in (None, "recall")):
        yield Settled(Work(event.delivery_id, "register"))
        yield Settled(Work(event.delivery_id, "chased"))
        if event.incoming_id is not None:
            yield Settled(Work(event.incoming_id, "look_at_signatures"))
    if event.status in ("15", "16") and event.about in (None, "recall"):
        yield Settled(Work(event.delivery_id, "answer_recall"))
    if event.status in ("04", "06", "15"):  # given to somebody else, done, or taken back
        yield Settled(Work(event.delivery_id, "handle"))


def _validated(event: signing.DocumentValidated) -> Iterator[Settled]:
    yield Settled(Work(event.incoming_id, "look_at_signatures"))  # by a newer verdict


def _task(event: docs.TaskChanged) -> Iterator[Settled]:
    over = event.act in ("closed", "called_off", "reassigned")
    if over or event.act in ("proposed", "declined"):
        yield Settled(Work(event.task_id, "task"))
    if over or event.act == "returned":
        yield Settled(Work(event.task_id, "decide"))
    if over or event.act in ("extension_granted", "extension_refused", "deadline_set"):
        yield Settled(Work(event.task_id, "extension"))
    if event.act in ("extension_granted", "deadline_set"):
        yield Settled(Work(event.task_id, "task"))  # what was said of the deadline holds no more


def _filed(event: workfile.WorkfileStood) -> Iterator[Settled]:
    if event.act == "accepted":
        yield Settled(Work(event.workfile_id, "accept"))
        yield Settled(Work(event.workfile_id, "archive"))


ENDS: Mapping[type[Event], Callable[[Any], Iterator[Settled]]] = {
    docs.DocumentSubmitted: _all("revise", "mend", "delay"),
    docs.ReviewAnswered: _answered,
    docs.DocumentApproved: _all("review"),
    docs.DocumentReturned: _all("review", "sign", "number", "counter_seal", "delay"),
    docs.DocumentNumbered: _all("number"),
    docs.NumberVoided: _all("mend", "send", "delay"),
    docs.DocumentIssued: _all("sign", "number", "delay", "mend"),
    docs.OpinionGiven: lambda event: iter([Settled(Work(event.request_id, "opinion"), event.by.person_id)]),
    docs.DeliveryDispatched: _dispatched,
    docs.DeliveryStatusReported: _stood,
    docs.TaskChanged: _task,
    workfile.WorkfileSubmitted: lambda event: iter([Settled(Work(event.workfile_id, "archive"))]),
    workfile.WorkfileReturned: lambda event: iter([Settled(Work(event.workfile_id, "accept"))]),
    workfile.WorkfileStood: _filed,
    signing.DocumentPrepared: _all("delay", "mend"),
    signing.DocumentSigned: _signed,
    signing.DocumentCounterSealed: _counter_sealed,
    signing.DocumentRefused: _all("sign", "delay"),
    signing.DocumentValidated: _validated,
}
