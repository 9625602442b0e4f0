"""What each later revision changed, and whether the signatures before it allow that."""

from __future__ import annotations

from dataclasses import dataclass

from vanthu_verify.candidates import Candidate, is_locked
from vanthu_verify.changes import Change, Kind
from vanthu_verify.document import Document
from vanthu_verify.objects import Damaged, only_blank
from vanthu_verify.report import ChangeReport, Modification, RevisionReport
from vanthu_verify.rules import compare

_PERMITTED = {1: Kind.VALIDATION_DATA, 2: Kind.FORM_FILLING, 3: Kind.ANNOTATION}
KINDS = {
    Kind.NONE: Modification.NONE,
    Kind.VALIDATION_DATA: Modification.LTA_UPDATES,
    Kind.FORM_FILLING: Modification.FORM_FILLING,
    Kind.ANNOTATION: Modification.ANNOTATIONS,
    Kind.FORBIDDEN: Modification.FORBIDDEN,
}


@dataclass(frozen=True, slots=True)
class Revision:
    """From one signed end to the next one, or to the end of the file."""

    start: int
    end: int
    changes: tuple[Change, ...]

    @property
    def kind(self) -> Kind:
        return max((change.kind for change in self.changes), default=Kind.NONE)


def read(document: Document, signatures: list[Candidate]) -> list[Revision]:
    """The steps between signed revisions; each is compared once, whoever signed before it."""
    data = document.data
    size = len(data)
    ends = sorted({one.end for one in signatures if one.whole})
    steps = []
    for start, end in zip(ends, [*ends[1:], size], strict=False):
        if only_blank(data, start, end):
            continue
        try:
            changes = compare(document.view(start), document.view(end))
        except Damaged:
            changes = (Change(Kind.FORBIDDEN, "unreadable", "/"),)
        steps.append(Revision(start, end, changes))
    return steps


def after(revisions: list[Revision], one: Candidate) -> list[Revision]:
    return [step for step in revisions if step.start >= one.end]


def modification(revisions: list[Revision], one: Candidate) -> Modification:
    """What came after a signature; FORBIDDEN when it went further than the signature permits."""
    changes = [change for step in after(revisions, one) for change in step.changes]
    if any(not allows(one, change) for change in changes):
        return Modification.FORBIDDEN
    return KINDS[max((change.kind for change in changes), default=Kind.NONE)]


def allows(one: Candidate, change: Change) -> bool:
    """ISO 32000-2, 12.8.2.2 to 12.8.2.4.

    1. Form filling at most, unless the signature itself permits less or more.
    2. Fields that it locks stay as they are.
    3. After a certification nothing new shows itself on a page (the sneaky signature attack).
    """
    if change.kind is Kind.NONE:
        return True
    levels = [level for level in (one.certification, one.permission) if level is not None]
    if change.kind > _PERMITTED[min(levels, default=2)]:  # 1
        return False
    if change.field is not None and change.what in ("form_filled", "signature"):  # 2
        existed = change.where.endswith("/V")
        if existed and is_locked(one, change.field):
            return False
    return not (change.appears and one.certification is not None and change.kind is not Kind.ANNOTATION)  # 3


def described(revisions: list[Revision], signatures: list[Candidate]) -> tuple[RevisionReport, ...]:
    found = []
    for step in revisions:
        before = [one for one in signatures if one.whole and one.end <= step.start]
        objecting = tuple(one.name for one in before if not all(allows(one, c) for c in step.changes))
        changes = tuple(ChangeReport(KINDS[c.kind].value, c.what, c.where[:200], c.field) for c in step.changes)
        found.append(RevisionReport(step.start, step.end, KINDS[step.kind].value, changes, not objecting, objecting))
    return tuple(found)


def changed_fields(revisions: list[Revision], one: Candidate) -> tuple[str, ...]:
    """Fields that somebody filled, signed or otherwise changed later."""
    changes = (change for step in after(revisions, one) for change in step.changes)
    return tuple(sorted({c.field for c in changes if c.field and c.what != "document_time_stamp"}))
