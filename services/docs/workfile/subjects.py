"""What stands in a file, as its contents list says it, and what of it is not finished yet. Reads other areas' rows only.

Members are read live under the reader's own rights; need-to-know rules that hide a document hide it here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.docs import store, store_incoming, store_proof
from services.docs.circulation import store as circulation
from services.docs.document import Document
from services.docs.finding import store as finding
from services.docs.handling import store as handling
from services.docs.handling.domain import ENDED
from services.docs.incoming import Incoming
from services.docs.numbering import today
from services.docs.review import store_drafts
from services.docs.review.drafts import Draft
from services.docs.workfile.domain import Kind
from services.docs.workfile.refusals import EXPORT_OF_OTHERS, EXPORT_OUTDATED
from services.docs.workfile.store import Export, Member, list_members, may_know
from shared.db import Tx
from shared.errors import NotFound, Rejected
from shared.events import BlobRef

Subject = Document | Incoming | Draft
DONE_DOCUMENT = ("issued", "voided")
OPEN_INCOMING = {"01": "chưa vào sổ", "04": "đã giao, chưa xử lý", "05": "đang xử lý"}
HIDDEN = "(không được xem)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the contents list. `pages`: none when nobody has counted them."""

    member: Member
    number_symbol: str | None
    dated: date | None
    abstract: str
    author: str
    pages: int | None
    destroyed: bool = False
    hidden: bool = False
    parts: tuple[tuple[str, BlobRef], ...] = ()


def get(tx: Tx, kind: Kind, subject_id: UUID) -> Subject:
    """Raises NotFound."""
    if kind == "document":
        return store.get(tx, subject_id)
    if kind == "incoming":
        return store_incoming.get(tx, subject_id)
    return store_drafts.get(tx, subject_id)


def agency_of(tx: Tx, kind: Kind, subject_id: UUID) -> UUID:
    """Whose it is: of what agencies issue together the one that leads."""
    found = get(tx, kind, subject_id)
    return found.descriptor.agency_id if isinstance(found, Document) else found.agency_id


def name_of(found: Subject) -> str:
    if isinstance(found, Draft):
        return f"Dự thảo: {found.fields.abstract}"[:200]
    about = found.descriptor
    return f"{about.number_symbol or about.type_name}: {about.abstract}"[:200]


def lines(tx: Tx, members: Sequence[Member]) -> list[Line]:
    """In the contents list's order."""
    gone = store.destroyed_among(tx, [each.subject_id for each in members])
    return [line(tx, each, destroyed=each.subject_id in gone) for each in members]


def line(tx: Tx, member: Member, *, destroyed: bool) -> Line:
    try:
        found = get(tx, member.kind, member.subject_id)
    except NotFound:
        return Line(
            member=member,
            number_symbol=None,
            dated=None,
            abstract=HIDDEN,
            author="",
            pages=None,
            destroyed=destroyed,
            hidden=True,
        )
    parts = parts_of(tx, found)
    counted = [finding.find_pages(tx, ref.sha256) for _, ref in parts]
    pages = sum(n for n in counted if n) if counted and all(counted) else None
    common: dict[str, Any] = {"member": member, "pages": pages, "destroyed": destroyed, "parts": parts}
    if isinstance(found, Draft):
        return Line(
            **common,
            number_symbol=None,
            dated=today(found.changed_at),
            abstract=name_of(found),
            author=found.author.name,
        )
    about = found.descriptor
    author = found.sender.name if isinstance(found, Incoming) else about.agency_name
    started = found.arrived_at if isinstance(found, Incoming) else found.submitted_at
    return Line(
        **common,
        number_symbol=about.number_symbol,
        dated=about.issued_on or today(started),
        abstract=f"{about.type_name}: {about.abstract}",
        author=author,
    )


def parts_of(tx: Tx, found: Subject) -> tuple[tuple[str, BlobRef], ...]:
    """Files as they stand: of what was issued the sealed ones, of a draft those of its last version."""
    if isinstance(found, Document):
        parts = found.issued_parts if found.state == "issued" else (found.issued_parts[0], *found.parts[1:])
        return tuple((each.filename, each.content) for each in parts)
    if isinstance(found, Incoming):
        return tuple((each.filename, each.content) for each in found.parts) if not found.destroyed else ()
    editions = store_drafts.list_editions(tx, found.id)
    return tuple((each.filename, each.content) for each in editions[-1].parts) if editions else ()


def earlier(tx: Tx, kind: Kind, subject_id: UUID) -> list[store_drafts.Edition]:
    """The versions through which it was drafted; of a draft without the one that stands."""
    if kind == "incoming":
        return []
    found = store_drafts.list_editions(tx, subject_id)
    return found[:-1] if kind == "draft" else found


def all_content(tx: Tx, kind: Kind, subject_id: UUID) -> list[tuple[str, BlobRef]]:
    """Every file that ever was one of the subject's: what a disposal destroys."""
    found = get(tx, kind, subject_id)
    every = list(parts_of(tx, found))
    if isinstance(found, Document):
        every += [(part.filename, part.content) for part in found.parts]
    every += [
        (part.filename, part.content) for each in store_drafts.list_editions(tx, subject_id) for part in each.parts
    ]
    every += [
        (f"{row['sha256'][:12]}.pdf", store_proof.get_version(tx, subject_id, row["sha256"]))
        for row in store_proof.list_versions(tx, subject_id)
    ]
    return list({ref.sha256: (name, ref) for name, ref in reversed(every)}.values())


def check_package_known(tx: Tx, order: Export, *, mine: bool) -> None:
    """For whoever may not know, today, something of what was packed: Rejected(export_of_others), or of their own
    package Rejected(export_outdated).
    """
    members = list_members(tx, order.file_id)
    known = {each.member.subject_id for each in lines(tx, members) if each.abstract != HIDDEN}
    packed = {each.subject_id for each in members} if order.holds is None else set(order.holds)
    if packed <= known:
        return
    # What was taken out of the file since stands in no line.
    gone = packed - {each.subject_id for each in members}
    if packed - known - gone or not may_know(tx, sorted(gone)):
        raise Rejected(EXPORT_OUTDATED if mine else EXPORT_OF_OTHERS)


def unfinished(tx: Tx, members: Sequence[Member]) -> list[str]:
    """What keeps a file open: documents on their way, arrivals in work, drafts that are neither sent nor dropped."""
    found = []
    for each in members:
        try:
            subject = get(tx, each.kind, each.subject_id)
        except NotFound:
            found.append(HIDDEN)  # whoever may not see it can't say that it is finished
            continue
        if isinstance(subject, Document) and subject.state not in DONE_DOCUMENT:
            found.append(f"{name_of(subject)} (chưa ban hành)")
        elif isinstance(subject, Incoming) and subject.status in OPEN_INCOMING:
            found.append(f"{name_of(subject)} ({OPEN_INCOMING[subject.status]})")
        elif isinstance(subject, Incoming) and any(
            task.state not in ENDED for task in handling.list_of(tx, subject.id)
        ):
            found.append(f"{name_of(subject)} (còn việc được giao)")
        elif isinstance(subject, Draft) and subject.state == "draft":
            found.append(f"{name_of(subject)} (chưa trình)")
    return found


def related(tx: Tx, kind: Kind, subject_id: UUID) -> list[UUID]:
    """What a document answers, updates or is answered by, here: whose files are offered for it."""
    if kind == "document":
        kept = [*circulation.relations_of(tx, subject_id), *circulation.relations_to(tx, [subject_id])]
        named = {each for k in kept for each in (k.document_id, k.target, k.incoming_id) if each}
        return [*(named - {subject_id}), *circulation.arrivals_of(tx, [k.target for k in kept])]
    if kind == "incoming":
        held = store_incoming.get(tx, subject_id)
        kept = circulation.relations_to(tx, [held.document_id])
        return [*(each.document_id for each in kept), *(each.document.document_id for each in held.relations)]
    return []


def order_by_date(found: Sequence[Line]) -> list[UUID]:
    """Chronological, as a contents list is (annex VI: in time order); what was filed first before what was filed later."""
    last = date.max
    ordered = sorted(found, key=lambda each: (each.dated or last, each.member.filed_at, str(each.member.subject_id)))
    return [each.member.subject_id for each in ordered]


def printed_at(at: datetime) -> str:
    return f"{today(at):%d/%m/%Y}"
