"""What a validation says: the words of ETSI EN 319 102-1, and one plain sentence in each language first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Indication(StrEnum):
    """EN 319 102-1, clause 5.1.2."""

    PASSED = "TOTAL_PASSED"
    INDETERMINATE = "INDETERMINATE"
    FAILED = "TOTAL_FAILED"


class Modification(StrEnum):
    """What was added after a signature: nothing, validation data, form filling, annotations, or something else."""

    NONE = "NONE"
    LTA_UPDATES = "LTA_UPDATES"
    FORM_FILLING = "FORM_FILLING"
    ANNOTATIONS = "ANNOTATIONS"
    FORBIDDEN = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same for people in both languages."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Whom the certificate names, without identity numbers (TT 15/2025: issuer, signer, unit, validity)."""

    name: str
    organisation: str
    issuer: str
    serial: str
    sha256: str
    valid_from: datetime
    valid_to: datetime
    agency: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One certificate of the chain, the signer's first. `revocation` is "ocsp", "crl" or None, `revocation_origin`
    "dss", "signature", "fetched", "kept" or None; `revoked` when, None for good; `anchor` marks the trusted one.
    """

    name: str
    issuer: str
    sha256: str
    valid_from: datetime
    valid_to: datetime
    anchor: bool = False
    revocation: str | None = None
    revocation_origin: str | None = None
    revocation_at: datetime | None = None
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One building block of the standard with its outcome: "PASSED", "INDETERMINATE", "FAILED" or "IGNORED"."""

    name: str
    clause: str
    outcome: str
    subindication: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StampReport:
    """A time stamp inside a signature."""

    indication: Indication
    subindication: str | None
    time: datetime | None
    authority: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """One change of a later revision. `kind` is a Modification, `what` a stable code, `where` a path in the file."""

    kind: str
    what: str
    where: str
    field: str | None


@dataclass(frozen=True, slots=True)
class RevisionReport:
    """What came after a signed revision: bytes `start` to `end`, and for each signature before it whether it allows it."""

    start: int
    end: int
    kind: str
    changes: tuple[ChangeReport, ...]
    allowed: bool
    forbidden_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One filled signature field, document time stamps included. `reasons` are stable codes, empty when all is well.

    `intact` says whether digest and signature value verify, whoever the signer is; None when that can't be told.
    `time` is the best proven time and `claimed_time` what the signer wrote; `coverage` is
    "ENTIRE_FILE", "ENTIRE_REVISION", "CONTIGUOUS_BLOCK_FROM_START" or "UNCLEAR".
    """

    field: str
    kind: str
    indication: Indication
    subindication: str | None
    reasons: tuple[str, ...]
    intact: bool | None = None
    level: str | None = None
    signer: Signer | None = None
    time: datetime | None = None
    claimed_time: datetime | None = None
    modification: Modification | None = None
    changed_fields: tuple[str, ...] = ()
    coverage: str = "UNCLEAR"
    sub_filter: str | None = None
    algorithm: str | None = None
    certification: int | None = None
    chain: tuple[Link, ...] = ()
    stamps: tuple[StampReport, ...] = ()
    blocks: tuple[Block, ...] = ()
    also_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The whole document. `problems` are stable codes about the file or the policy rather than one signature."""

    sentence: Sentence
    indication: Indication
    subindication: str | None
    document_sha256: str
    validated_at: datetime
    signatures: tuple[SignatureReport, ...] = ()
    problems: tuple[str, ...] = ()
    policy: str = ""
    past: bool = False
    revisions: tuple[RevisionReport, ...] = ()
    unsigned_fields: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values only; times in ISO 8601 with offset."""
        value: dict[str, Any] = _plain(asdict(self))
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value
