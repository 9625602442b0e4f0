"""A receipt: what the receiving agency says it got, in one canonical text that its seal is put on.

Whoever holds text and seal proves the delivery without this platform. The form is `vanthu receipt 1`, a line end, and a
JSON object in canonical form (keys sorted, no blanks, UTF-8), a line end.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from services.docs.incoming import Incoming
from shared.events.docs import Party

FORM = "vanthu receipt 1\n"
Kind = Literal["arrived", "registered"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """`given`: by the agency whose row it is; otherwise to it. No signature until it is sealed."""

    receipt_id: UUID
    delivery_id: UUID
    document_id: UUID
    kind: Kind
    given: bool
    text: str
    made_at: datetime
    signature: str | None = None
    stamped_at: datetime | None = None

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text.partition("\n")[2])
        return found


def text_of(arrived: Incoming, kind: Kind, receipt_id: UUID, at: datetime) -> str:
    """What is sealed: which document, which bytes by digest, who got it from whom, when, under which number."""
    said: dict[str, Any] = {
        "receipt_id": str(receipt_id),
        "kind": kind,
        "delivery_id": str(arrived.delivery_id),
        "document_id": str(arrived.document_id),
        "sender": _party(arrived.sender),
        "receiver": _party(arrived.receiver),
        "number_symbol": arrived.descriptor.number_symbol,
        "issued_on": arrived.descriptor.issued_on.isoformat() if arrived.descriptor.issued_on else None,
        "files": [{"filename": p.filename, "sha256": p.content.sha256, "size": p.content.size} for p in arrived.parts],
        "at": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "arrival_number": arrived.arrival_number,
    }
    body = {name: value for name, value in said.items() if value is not None}
    return FORM + json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def _party(party: Party) -> dict[str, str]:
    return {"identifier": party.identifier, "name": party.name}


@dataclass(frozen=True, slots=True)
class Seal:
    """Whose certificate a receipt's signature carries, as it says of itself."""

    subject: str
    issuer: str
    serial: str


def sealed_by(receipt: Receipt) -> Seal | None:
    """From the CMS in a receipt; None when it carries no certificate of a signer that can be read. Nothing is checked."""
    try:
        found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(receipt.signature or ""))
    except ValueError:
        return None
    for each in found:
        if not _is_authority(each):
            return Seal(_name(each.subject), _name(each.issuer), f"{each.serial_number:x}")
    return None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME) or name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def is_of(receipt: Receipt, digests: Collection[str]) -> bool:
    """Whether it names only files that were really sent: the issued ones, or better versions of them."""
    return {each["sha256"] for each in receipt.said["files"]} <= set(digests)
