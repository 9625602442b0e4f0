"""HTTP for receipts: those that a document's sender was given, each as one file that stands by itself."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from services.docs import store, store_proof
from services.docs.access import Acting, Member
from services.docs.circulation import receipts
from services.docs.circulation import store as kept
from services.docs.circulation.receipts import Receipt
from services.docs.document import Document
from services.docs.views import View
from shared.errors import NotFound

router = APIRouter()


class ReceiptView(View):
    """`matches`: it names the very files that were sent. Without `stamped_at` its time stamp is still owed."""

    receipt_id: UUID
    delivery_id: UUID
    kind: Literal["arrived", "registered"]
    receiver: str
    at: datetime
    arrival_number: int | None
    stamped_at: datetime | None
    matches: bool


class ReceiptList(View):
    items: list[ReceiptView]


class ReceiptFile(View):
    filename: str
    sha256: str
    size: int


class ReceiptPage(ReceiptView):
    """A receipt in words: what it proves, and under whose seal. `sealed_by` is what the certificate in it says, which is
    believed by whoever checks it against a root of their own.
    """

    document_id: UUID
    sender: str
    number_symbol: str | None
    issued_on: date | None
    files: list[ReceiptFile]
    sealed_by: str | None
    certificate_issuer: str | None
    certificate_serial: str | None


@router.get("/receipts/{receipt_id}/page")
def show_receipt(receipt_id: UUID, acting: Member) -> ReceiptPage:
    found = _find(acting, receipt_id)
    said, seal = found.said, receipts.sealed_by(found)
    sent = _digests(acting, store.get(acting.tx, found.document_id)) if not found.given else _named(found)
    return ReceiptPage(
        **_view(found, sent).model_dump(),
        document_id=found.document_id,
        sender=said["sender"]["name"],
        number_symbol=said.get("number_symbol"),
        issued_on=date.fromisoformat(said["issued_on"]) if said.get("issued_on") else None,
        files=[ReceiptFile(**each) for each in said["files"]],
        sealed_by=seal.subject if seal else None,
        certificate_issuer=seal.issuer if seal else None,
        certificate_serial=seal.serial if seal else None,
    )


def _named(receipt: Receipt) -> set[str]:
    return {each["sha256"] for each in receipt.said["files"]}


def _find(acting: Acting, receipt_id: UUID) -> Receipt:
    found = kept.find_receipt(acting.tx, receipt_id)
    if found is None or found.signature is None:
        raise NotFound("biên nhận")
    return found


@router.get("/documents/{document_id}/receipts")
def list_receipts(document_id: UUID, acting: Member) -> ReceiptList:
    held = store.get(acting.tx, document_id)
    sent = _digests(acting, held)
    return ReceiptList(items=[_view(each, sent) for each in kept.receipts_of(acting.tx, held.id)])


def _digests(acting: Acting, held: Document) -> set[str]:
    """Of all bytes that recipients may have got: as issued, and every better version."""
    earlier = store_proof.list_versions(acting.tx, held.id)
    return {part.content.sha256 for part in held.issued_parts} | {row["sha256"] for row in earlier}


def _view(receipt: Receipt, sent: set[str]) -> ReceiptView:
    said = receipt.said
    return ReceiptView(
        receipt_id=receipt.receipt_id,
        delivery_id=receipt.delivery_id,
        kind=receipt.kind,
        receiver=said["receiver"]["name"],
        at=datetime.fromisoformat(said["at"]),
        arrival_number=said.get("arrival_number"),
        stamped_at=receipt.stamped_at,
        matches=receipts.is_of(receipt, sent),
    )


@router.get("/receipts/{receipt_id}", response_class=Response)
def get_receipt(receipt_id: UUID, acting: Member) -> Response:
    """The receipt as one JSON file: the sealed text and the CMS signature over it. `vanthu_verify.receipt` checks it."""
    found = _find(acting, receipt_id)
    body = {"form": "vanthu receipt 1", "text": found.text, "signature": found.signature}
    return Response(
        json.dumps(body, ensure_ascii=False, indent=1),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="bien-nhan-{receipt_id}.json"'},
    )
