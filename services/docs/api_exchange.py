"""HTTP for partners' systems: the bytes that their messages and ours name by digest. Everything else is on Kafka."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.docs import access, store_exchange
from services.docs.access import DoorDep, UploadDep
from services.docs.catalogue import STATUSES
from services.docs.circulation.refusals import CONTENT_DESTROYED
from services.docs.delivery import TAKEN_BACK
from services.docs.intake.api_upload import screen
from services.docs.views import View
from shared.errors import EMPTY_FILE, NotFound, Rejected
from shared.events.exchange import AgencyRef, Message
from shared.http import encode_cursor

router = APIRouter(prefix="/exchange", tags=["exchange"], dependencies=[Depends(access.partner_only)])

PDF_START = b"%PDF-"


class PartnerFileView(View):
    sha256: str
    size: int
    media_type: str
    filename: str


class PartnerDeliveryView(View):
    delivery_id: UUID
    message: Message
    recipient: AgencyRef
    status: str
    status_vi: str
    delivered_at: datetime


class PartnerDeliveryPage(View):
    items: list[PartnerDeliveryView]
    next_cursor: str | None


@router.post("/files", status_code=201)
def upload(file: UploadDep, door: DoorDep, request: Request) -> PartnerFileView:
    """A file that a message will name by its digest, so the digest is the key: sending it again changes nothing.

    Whether it is a well signed PDF is found by validation at the receiver, with the answer on the replies topic.
    """
    partner = access.partner_name(door.who)
    data = file.path.read_bytes()
    if not data:
        raise Rejected(EMPTY_FILE)
    screen(request, file)
    media_type = "application/pdf" if data.startswith(PDF_START) else "application/octet-stream"
    content = door.office.blobs.put(data, media_type)
    with door.open_for_partner() as tx:
        store_exchange.put_file(tx, partner, file.filename, content, datetime.now(UTC))
    return PartnerFileView(sha256=content.sha256, size=content.size, media_type=media_type, filename=file.filename)


@router.get("/deliveries")
def list_deliveries(door: DoorDep, cursor: str | None = None) -> PartnerDeliveryPage:
    """What was delivered to agencies behind the partner, newest first: for catching up after an outage."""
    before = access.cursor_id(cursor)
    with door.open_for_partner() as tx:
        found = store_exchange.list_out(tx, before, access.PAGE + 1)
    items = found[: access.PAGE]
    more = encode_cursor(items[-1].delivery_id) if len(found) > access.PAGE else None
    return PartnerDeliveryPage(
        items=[
            PartnerDeliveryView(
                delivery_id=each.delivery_id,
                message=each.message,
                recipient=AgencyRef(identifier=each.receiver.identifier, name=each.receiver.name),
                status=each.status,
                status_vi=STATUSES[each.status],
                delivered_at=each.delivered_at,
            )
            for each in items
        ],
        next_cursor=more,
    )


@router.get("/deliveries/{delivery_id}/files/{sha256}", response_class=Response)
def get_file(delivery_id: UUID, sha256: str, door: DoorDep) -> Response:
    with door.open_for_partner() as tx:
        held = store_exchange.get_out(tx, delivery_id)
    if held.status == TAKEN_BACK and held.asked and held.asked.answered_at:
        raise Rejected(CONTENT_DESTROYED, sender=held.sender.name, day=f"{held.asked.answered_at:%d/%m/%Y}")
    part = held.file(sha256)
    if part is None:
        raise NotFound("tệp")
    return access.send_file(door.office.blobs, part.content, part.filename)
