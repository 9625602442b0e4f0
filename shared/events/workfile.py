"""What docs states about work files, from the first document in one to its disposal."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from shared.events.envelope import Fact, topic

WORKFILE = topic("docs.workfile", "fact", stated_by="docs", followed_by=("docs", "notify"), partitions=6)


class WorkfileFact(Fact):
    """Common to all facts about a work file. `code` is the file list's, such as 01.TCCB."""

    workfile_id: UUID
    agency_id: UUID
    code: str
    title: str


class WorkfileOpened(WorkfileFact, type="vn.vanthu.docs.workfile.opened.v1", topic=WORKFILE, key="workfile_id"):
    """Somebody opened a file for a piece of work, under a line of the file list, or outside of it for a reason."""

    keeper_id: UUID
    outside_because: str | None = None


class WorkfileFiled(WorkfileFact, type="vn.vanthu.docs.workfile.filed.v1", topic=WORKFILE, key="workfile_id"):
    """A document, arrival or draft was put into a file, or (`taken_out`) taken out of it."""

    kind: Literal["document", "incoming", "draft"]
    subject_id: UUID
    taken_out: bool = False
    reason: str | None = None


class WorkfileStood(WorkfileFact, type="vn.vanthu.docs.workfile.stood.v1", topic=WORKFILE, key="workfile_id"):
    """How a file stands from now on, and why where that has a reason. `members`: how many stand in it."""

    act: Literal["closed", "reopened", "held_back", "frozen", "unfrozen", "accepted", "exported"]
    members: int
    reason: str | None = None
    archive_due: date | None = None


class WorkfileDue(WorkfileFact, type="vn.vanthu.docs.workfile.due.v1", topic=WORKFILE, key="workfile_id"):
    """A closed file has to be handed to the archive within 30 days (NĐ 30 annex VI.III.5b)."""

    keeper_id: UUID
    due_on: date


class WorkfileSubmitted(WorkfileFact, type="vn.vanthu.docs.workfile.submitted.v1", topic=WORKFILE, key="workfile_id"):
    """Handed to the archive, which has to accept or return it."""

    minutes: str
    members: int


class WorkfileReturned(WorkfileFact, type="vn.vanthu.docs.workfile.returned.v1", topic=WORKFILE, key="workfile_id"):
    """The archive does not take a file as it is, and says why."""

    keeper_id: UUID
    reason: str


class WorkfileDisposed(WorkfileFact, type="vn.vanthu.docs.workfile.disposed.v1", topic=WORKFILE, key="workfile_id"):
    """By a decision the content was destroyed; the record of it stays. `destroyed` are SHA-256 of what nothing else needs."""

    decision: str
    decided_on: date
    members: tuple[str, ...]
    destroyed: tuple[str, ...] = ()
