"""Handing over a certificate on its device, and the receipt for it: signed with the new key, or on paper."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from services.registry import certificate, device, evidence, proceedings, stages, store, store_devices
from services.registry import store_procedures as procedures
from services.registry import store_receipts as receipts
from services.registry.certificate import Certificate
from services.registry.directory import Desk
from services.registry.refusals_lifecycle import RECEIPT_NOT_OWED, RECEIPT_PAPER, RECEIPT_SIGNATURE
from services.registry.store_receipts import Receipt
from services.registry.workdays import day_of
from shared.db import Tx
from shared.errors import Rejected
from shared.ids import new_id

TYPES = {"pki_token": "PKI Token", "sim_pki": "SIM PKI", "hsm": "HSM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is brought as a receipt: a signature over the text, or the reference of a scan with a reason."""

    kind: Literal["signed", "paper"]
    signature: bytes | None = None
    form: evidence.Form = "raw"
    reference: str | None = None
    reason: str | None = None


def text(tx: Tx, of: Certificate) -> str:
    """What the holder signs, UTF-8: always the same for the same certificate."""
    agency = store.get_agency(tx, of.managed_by)
    holder = store.get_person(tx, of.person_id).name if of.person_id else agency.name
    lines = [
        "BIÊN NHẬN BÀN GIAO CHỨNG THƯ CHỮ KÝ SỐ VÀ THIẾT BỊ LƯU KHÓA BÍ MẬT",
        f"Mã bản ghi: {of.id}",
        f"Người nhận: {holder}",
        f"Cơ quan quản lý trực tiếp: {agency.name} ({agency.facts.identifier})",
        f"Số hiệu chứng thư: {of.serial}",
        f"SHA-256 của chứng thư: {of.fingerprint}",
        f"Hiệu lực: {day_of(of.not_before):%d/%m/%Y} đến {day_of(of.not_after):%d/%m/%Y}",
    ]
    if of.device_id:
        found = store_devices.get(tx, of.device_id)
        lines.append(f"Thiết bị: {TYPES[found.type]} {found.model}, số sê-ri {found.serial}")
    lines.append("Tôi đã nhận thiết bị và chứng thư nêu trên, đã kiểm tra thông tin, tự giữ thiết bị và mã PIN.")
    return "\n".join(lines) + "\n"


def hand_over(desk: Desk, before: Certificate) -> Certificate:
    """The device leaves for its holder (a person, or the agency for its seal). `before` is locked by the caller."""
    after = stages.move(desk, certificate.hand_over(before), "hand_over_certificate")
    done = proceedings.handed_over(desk, after)
    if after.device_id:
        held = store_devices.lock(desk.tx, after.device_id)
        moved = device.hand_out(held, after.managed_by, after.person_id)
        stages.keep_device(desk, held, moved, "hand_out_device", procedure_id=done.id if done else None)
    return after


def confirm(desk: Desk, before: Certificate, proof: Proof) -> tuple[Certificate, Receipt]:
    """The receipt is kept as evidence, the certificate becomes active and its procedure is done."""
    after, stated = certificate.activate(before, device_gone=stages.device_gone(desk.tx, before))
    if stated is None and not receipts.list_receipts(desk.tx, before.id):
        raise Rejected(RECEIPT_NOT_OWED, serial=before.serial)
    body = text(desk.tx, before)
    if proof.kind == "signed" and not _signed(before, body, proof):
        raise Rejected(RECEIPT_SIGNATURE, serial=before.serial)
    if proof.kind == "paper" and not (proof.reference and proof.reason):
        raise Rejected(RECEIPT_PAPER)
    brought = procedures.find_by_result(desk.tx, before.id)
    receipt = Receipt(
        id=new_id(),
        certificate_id=before.id,
        procedure_id=brought.id if brought else None,
        device_id=before.device_id,
        managed_by=before.managed_by,
        person_id=before.person_id,
        kind=proof.kind,
        body=body,
        sha256=hashlib.sha256(body.encode()).hexdigest(),
        signature=proof.signature if proof.kind == "signed" else None,
        form=proof.form if proof.kind == "signed" else None,
        reference=proof.reference if proof.kind == "paper" else None,
        reason=proof.reason if proof.kind == "paper" else None,
        at=datetime.now(UTC),
        by=desk.by,
    )
    if stated is not None:
        receipts.add(desk.tx, receipt)
        stages.move(desk, (after, stated), "confirm_receipt")
        if brought and brought.state == "handed_over":
            proceedings.close(desk, brought)
    return after, receipt


def _signed(of: Certificate, body: str, proof: Proof) -> bool:
    return bool(proof.signature) and evidence.signed_by(of.pem, body.encode(), proof.signature or b"", proof.form)
