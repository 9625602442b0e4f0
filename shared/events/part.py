"""What facts of docs and of signing are both made of: agencies, and the files of a document."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.events.envelope import BlobRef, Contract


class Party(Contract):
    """An agency as sender or receiver. Across deployments only `identifier` means anything."""

    agency_id: UUID | None = None
    identifier: str
    name: str


class Part(Contract):
    """One part of a document, in order; part 0 is the main text."""

    ordinal: int
    kind: Literal["main", "annex"]
    filename: str
    content: BlobRef
