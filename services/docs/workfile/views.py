"""Work files as they are shown: in a list, as a page with its contents, and packages on order."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from services.docs.access import Acting
from services.docs.store import histories
from services.docs.views import EntryView, ReasonView, View, entry_views
from services.docs.workfile import listing, store, store_erasure, subjects
from services.docs.workfile.domain import Consent, Kind, State, WorkFile
from services.docs.workfile.store import Export
from services.docs.workfile.subjects import Line as Content


class FileLine(View):
    """A file in a list. `archive_due`: by when it has to be in the archive."""

    id: UUID
    code: str
    title: str
    year: int
    state: State
    keeper: str
    keeper_id: UUID
    retention: str
    opened_on: date
    ended_on: date | None
    archive_due: date | None
    kept_until: date | None
    frozen: bool
    members: int


class FilePage(View):
    items: list[FileLine]
    next_cursor: str | None = None


class FilesView(View):
    items: list[FileLine]


class ConsentView(View):
    number: str
    day: date
    text: str
    by: str


class SubmissionView(View):
    minutes: str
    by: str
    at: datetime
    accepted_by: str | None
    accepted_at: datetime | None
    returned_because: str | None


class ErasureView(View):
    """Bytes that a service erased, by SHA-256: of one document, or (docs) of all that stood in the file."""

    document_id: UUID
    service: str
    at: datetime
    erased: tuple[str, ...]
    kept: tuple[str, ...]


class DisposalView(View):
    decision: str
    decided_on: date
    members: tuple[str, ...]
    by: str
    at: datetime
    erasures: list[ErasureView]


class MemberView(View):
    ordinal: int
    kind: Kind
    subject_id: UUID
    number_symbol: str | None
    dated: date | None
    abstract: str
    author: str
    pages: int | None
    note: str
    destroyed: bool


class ExportView(View):
    id: UUID
    state: str
    ordered_by: str
    ordered_at: datetime
    size: int | None
    sha256: str | None
    entries: int | None
    reason: ReasonView | None


class FileView(FileLine):
    heading: str
    basis: str
    outside_because: str | None
    construction: bool
    settled_on: date | None
    note: str
    held_back: ConsentView | None
    frozen_by: ConsentView | None
    submission: SubmissionView | None
    disposal: DisposalView | None
    contents: list[MemberView]
    unfinished: list[str]
    exports: list[ExportView]
    history: list[EntryView]
    version: int


def line_of(file: WorkFile, members: int) -> FileLine:
    return FileLine(
        id=file.id,
        code=file.place.code,
        title=file.title,
        year=file.year,
        state=file.state,
        keeper=file.keeper,
        keeper_id=file.keeper_id,
        retention=listing.retention(file.place.years),
        opened_on=file.opened_on,
        ended_on=file.ended_on,
        archive_due=file.archive_due,
        kept_until=file.kept_until,
        frozen=file.frozen is not None,
        members=members,
    )


def _consent(found: Consent | None) -> ConsentView | None:
    return ConsentView(number=found.number, day=found.day, text=found.text, by=found.by) if found else None


def view_of(acting: Acting, file: WorkFile) -> FileView:
    members = store.list_members(acting.tx, file.id)
    given, gone = file.submission, file.disposal
    return FileView(
        **line_of(file, len(members)).model_dump(),
        heading=file.place.heading,
        basis=file.place.basis,
        outside_because=file.outside_because,
        construction=file.construction,
        settled_on=file.settled_on,
        note=file.note,
        held_back=_consent(file.held_back),
        frozen_by=_consent(file.frozen),
        submission=SubmissionView(
            minutes=given.minutes,
            by=given.by,
            at=given.at,
            accepted_by=given.accepted_by,
            accepted_at=given.accepted_at,
            returned_because=given.returned_because,
        )
        if given
        else None,
        disposal=DisposalView(
            decision=gone.decision,
            decided_on=gone.decided_on,
            members=gone.members,
            by=gone.by,
            at=gone.at,
            erasures=[ErasureView.model_validate(asdict(each)) for each in store_erasure.list_of(acting.tx, file.id)],
        )
        if gone
        else None,
        contents=[_member_view(each) for each in subjects.lines(acting.tx, members)],
        unfinished=subjects.unfinished(acting.tx, members) if file.state == "open" else [],
        exports=[export_view(each) for each in store.list_exports(acting.tx, file.id)],
        history=entry_views(histories(acting.tx, [file.id])[file.id]),
        version=file.version,
    )


def _member_view(line: Content) -> MemberView:
    return MemberView(
        ordinal=line.member.ordinal,
        kind=line.member.kind,
        subject_id=line.member.subject_id,
        number_symbol=line.number_symbol,
        dated=line.dated,
        abstract=line.abstract,
        author=line.author,
        pages=line.pages,
        note="" if line.hidden else line.member.note,
        destroyed=line.destroyed,
    )


def export_view(found: Export) -> ExportView:
    return ExportView(
        id=found.id,
        state=found.state,
        ordered_by=found.ordered_by.name,
        ordered_at=found.ordered_at,
        size=found.content.size if found.content else None,
        sha256=found.content.sha256 if found.content else None,
        entries=found.entries,
        reason=ReasonView(**found.reason) if found.reason else None,
    )
