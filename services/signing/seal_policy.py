"""The policy under which an agency's seal key may be used (NĐ 30, art. 5.1 and 32.2). Rules over facts, no IO.

A `Use` says what is to be sealed, who asked for it and who signed it before; whoever has a `Permit` has had it checked.
What may be mended by somebody is waited for (status 503), since a number may have been taken already.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.signing.refusals import SEAL_BEFORE_SIGNATURE
from services.signing.refusals_seal import (
    NOT_A_CO_ISSUER,
    RECEIPT_UNREADABLE,
    SEAL_ASKED_BY_NOBODY,
    SEAL_ASKER_UNKNOWN,
    SEAL_NOT_PERMITTED,
    TREE_HEAD_UNREADABLE,
)
from shared.errors import Rejected
from shared.events import Actor

Purpose = Literal["document", "counter_seal", "copy", "tree_head", "receipt"]


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that stood before the seal; `certificate` is its serial number."""

    name: str
    certificate: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a seal key: over `sha256`, the revision that is sealed, for `asked`, in the name of `agency_id`.

    `missing` are people and agencies whose signature or seal is due before; `annexes` the digests of annexes in files
    of their own, which are signed under the same number.
    """

    purpose: Purpose
    document_id: UUID
    agency_id: UUID
    sha256: str
    asked: Actor
    number_symbol: str | None
    signed: tuple[Signed, ...] = ()
    missing: tuple[str, ...] = ()
    annexes: tuple[str, ...] = ()

    @property
    def signatures(self) -> int:
        """How many signatures this use takes."""
        return 1 + len(self.annexes)

    def detail(self) -> dict[str, str]:
        """What the ledger keeps of it beside who asked."""
        said = {
            "purpose": self.purpose,
            "agency_id": str(self.agency_id),
            "sha256": self.sha256,
            "number_symbol": self.number_symbol or "",
            "signed_by": "; ".join(f"{s.name} ({s.certificate}, {s.at.isoformat()})" for s in self.signed),
            "annexes": " ".join(self.annexes),
        }
        return {name: text for name, text in said.items() if text}


@dataclass(frozen=True, slots=True)
class Permit:
    """The use is allowed, with one of these certificates' keys (DER of their public keys)."""

    use: Use
    keys: frozenset[bytes]


def check(use: Use, *, is_clerk: bool) -> None:
    """Raises Rejected unless the seal may be put.

    1. A person asked for it, at the agency whose seal it is, and was a clerk there on that day: `is_clerk`.
    2. Whoever must sign before has signed; an agency's own copy of a paper has nobody to sign it.
    3. Everything but a counter-seal carries a number that docs gave it.
    """
    if use.asked.person_id is None or use.asked.system is not None:
        raise Rejected(SEAL_ASKED_BY_NOBODY)
    if use.asked.agency_id != use.agency_id:
        raise Rejected(NOT_A_CO_ISSUER if use.purpose == "counter_seal" else SEAL_ASKED_BY_NOBODY)
    if not is_clerk:
        raise Rejected(SEAL_ASKER_UNKNOWN, name=use.asked.name)
    if use.missing or (use.purpose != "copy" and not use.signed):
        raise Rejected(SEAL_BEFORE_SIGNATURE)
    if use.purpose != "counter_seal" and not use.number_symbol:
        raise Rejected(SEAL_BEFORE_SIGNATURE)


HEAD = re.compile(r"vanthu tree head 1\n([0-9a-f-]{36})\n(\d+)\n([0-9a-f]{64})\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n")


def check_head_text(text: str, log_id: UUID, size: int, root: str) -> None:
    """Raises Rejected(tree_head_unreadable) unless the text is a head's and says just that: under a seal nothing else passes
    as one, and no head as anything else.
    """
    found = HEAD.fullmatch(text)
    if found is None or found.groups() != (str(log_id), str(size), root):
        raise Rejected(TREE_HEAD_UNREADABLE)


def check_head(use: Use, *, identifier: str | None, sealer: str) -> None:
    """Raises Rejected unless a head of the ledger's tree may be sealed: docs itself asked for it, with the seal of the one
    agency that the operator named for it (`sealer`), whatever else docs says.
    """
    if use.asked.system != "docs" or use.asked.person_id is not None:
        raise Rejected(SEAL_NOT_PERMITTED)
    if not identifier or identifier != sealer:
        raise Rejected(SEAL_NOT_PERMITTED)


RECEIPT = "vanthu receipt 1\n"


def check_receipt(use: Use, text: str, *, identifier: str | None) -> None:
    """Raises Rejected unless a receipt may be sealed without a person: docs itself asked for it, the text is a receipt's and
    nothing else (one canonical form, so that under this seal nothing passes as anything else), and it is this very
    receipt of this very agency. NĐ 30 art. 21.2c has the system acknowledge.
    """
    if use.asked.system != "docs" or use.asked.person_id is not None:
        raise Rejected(SEAL_NOT_PERMITTED)
    first, _, body = text.partition("\n")
    try:
        said = json.loads(body)
        same = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
        claimed = (said["receipt_id"], said["receiver"]["identifier"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Rejected(RECEIPT_UNREADABLE) from error
    if f"{first}\n" != RECEIPT or body != same:
        raise Rejected(RECEIPT_UNREADABLE)
    if not identifier or claimed != (str(use.document_id), identifier):
        raise Rejected(SEAL_NOT_PERMITTED)
