"""HTTP for the receiver's side of circulation: what is asked of it, what it looks like, its chain."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import UUID

from fastapi import APIRouter, Response

from services.docs import access, incoming, numbering, store_incoming, store_numbering
from services.docs.access import Acting, Clerk, DoorDep, IfMatch, Member, ReasonLine
from services.docs.circulation import duplicates, receiving, refusals, stamp
from services.docs.circulation import store as kept
from services.docs.circulation.stamp import Stamp
from services.docs.circulation.views import (
    ArrivalView,
    ChainView,
    DestroyedView,
    asked_view,
    named_view,
    twin_view,
)
from services.docs.incoming import Incoming
from services.docs.views import Body, View
from shared.errors import NotFound, Rejected

router = APIRouter()


class RecallAnswerBody(Body):
    """`agreed`: the content is destroyed here. A refusal needs its reason."""

    agreed: bool = False
    reason: ReasonLine | None = None


class WhereView(View):
    incoming_id: UUID


@router.get("/arrivals/{delivery_id}")
def find(delivery_id: UUID, acting: Member) -> WhereView:
    """Which incoming document a delivery became here: notices speak of deliveries."""
    found = kept.incoming_of(acting.tx, delivery_id)
    if found is None:
        raise NotFound("văn bản đến")
    return WhereView(incoming_id=found)


@router.get("/incoming/{incoming_id}/circulation")
def show(incoming_id: UUID, acting: Member) -> ArrivalView:
    return _view(acting, store_incoming.get(acting.tx, incoming_id))


@router.get("/incoming/{incoming_id}/print", response_class=Response)
def print_stamped(incoming_id: UUID, door: DoorDep) -> Response:
    """The main part to print, with the incoming stamp (ĐẾN): a rendition, marked as a print. The signed file stays as it is."""
    with door.open("clerk", "leader") as acting:
        held = store_incoming.get(acting.tx, incoming_id)
        if held.arrival_number is None or not held.parts:
            raise Rejected(refusals.NOT_STAMPED_YET)
        at = acting.now().astimezone(numbering.PAPER_ZONE)
        wanted = Stamp(
            agency=held.receiver.name,
            number=held.arrival_number,
            day=f"{store_numbering.entered_on(acting.tx, held.id):%d/%m/%Y}",
            passed_to=held.assignee_name or "",
            file_notation=kept.file_notation(acting.tx, held.id),
            marked=f"Bản in từ hệ thống Vanthu lúc {at:%H:%M} ngày {at:%d/%m/%Y}; không phải bản gốc có chữ ký số",
        )
        part = held.parts[0]
        access.note_reading(acting, "incoming", incoming_id)
    with tempfile.NamedTemporaryFile(prefix="vanthu-print-", suffix=".pdf") as file:
        file.write(door.office.blobs.get(part.content))
        file.flush()
        made = door.office.workshop.run(stamp.rendition, Path(file.name), wanted)
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": 'inline; filename="ban-in.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


@router.post("/incoming/{incoming_id}/recall-answer")
def answer_recall(incoming_id: UUID, body: RecallAnswerBody, acting: Clerk, if_match: IfMatch = None) -> ArrivalView:
    """Give it back (15), which destroys its content here, or keep it, with a reason (16)."""
    held = store_incoming.lock(acting.tx, incoming_id)
    if body.agreed:
        step = incoming.agree_to_recall(held, body.reason, acting.by, acting.now())
    elif body.reason is None:
        raise Rejected(refusals.DECLINED_WITHOUT_REASON)
    else:
        step = incoming.decline_recall(held, body.reason, acting.by, acting.now())
    if step:
        access.check_version(if_match, held.version)
        receiving.keep_recall(acting.tx, step, source=acting.office.source)
    return _view(acting, store_incoming.get(acting.tx, incoming_id))


def _view(acting: Acting, held: Incoming) -> ArrivalView:
    return ArrivalView(
        incoming_id=held.id,
        asked=asked_view(held.asked),
        chased_at=held.chased_at,
        destroyed=[DestroyedView(filename=d.filename, sha256=d.sha256, size=d.size) for d in held.destroyed],
        twins=[twin_view(each) for each in duplicates.standing(kept.twins_of(acting.tx, held))],
        chain=_chain(acting, held),
    )


def _chain(acting: Acting, held: Incoming) -> ChainView:
    """By what arrived here, and by the documents with which the agency answered it."""
    arrived = kept.arrived_relations_to(acting.tx, [held.document_id])
    later = {row["incoming_id"]: store_incoming.get(acting.tx, row["incoming_id"]) for row in arrived}
    answers = kept.relations_to(acting.tx, [held.document_id])
    way = kept.arrived_replacements(acting.tx, held.document_id)
    targets = [each.document.document_id for each in held.relations]
    hidden = kept.hidden_among(acting.tx, targets) if targets else set()
    names = kept.named_documents(
        acting.tx,
        [*targets, *(each.document_id for each in later.values()), *(each.document_id for each in answers), *way],
    )
    return ChainView(
        follows=[
            named_view(
                each.kind,
                names.get(each.document.document_id),
                document_id=each.document.document_id,
                number_symbol=None if each.document.document_id in hidden else each.document.number_symbol,
                issued_on=None if each.document.document_id in hidden else each.document.issued_on,
                reason=each.reason,
            )
            for each in held.relations
        ],
        followed_by=[
            named_view(
                row["kind"],
                names.get(later[row["incoming_id"]].document_id),
                document_id=later[row["incoming_id"]].document_id,
            )
            for row in arrived
        ]
        + [
            named_view("answers", names.get(each.document_id), document_id=each.document_id, reason=each.reason)
            for each in answers
            if each.kind == "answers"
        ],
        current=named_view("replaces", names.get(way[-1]), document_id=way[-1]) if len(way) > 1 else None,
    )
