"""Issuing: number and date onto the page and the agency's seal over it, in one incremental update."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.signing.appearance import SealLook
from services.signing.mechanism import Mechanism
from services.signing.pdf_extend import Level, extended
from services.signing.pdf_file import Document
from services.signing.pdf_form import DAY_FIELD, MONTH_FIELD, NUMBER_FIELD, SEAL_FIELD
from services.signing.pdf_read import check_bytes
from services.signing.pdf_sign import PreparedSignature, begin, finish
from services.signing.pdf_trust import TimeStampService, Trust


class Sealer(Protocol):
    """An agency's seal key that somebody else keeps (keys.py): certificates are DER."""

    @property
    def certificate(self) -> bytes: ...
    @property
    def chain(self) -> Sequence[bytes]: ...
    @property
    def mechanism(self) -> Mechanism: ...
    def sign(self, digest: bytes) -> bytes:
        """The raw signature over a digest, whose length says which one it is (mechanism.DIGEST_OF_SIZE)."""


def begin_seal(
    pdf: bytes,
    *,
    number: str | None,
    day: str | None,
    month: str | None,
    sealer: Sealer,
    look: SealLook,
    sealed_at: datetime,
    field: str = SEAL_FIELD,
) -> PreparedSignature:
    """Number and date, and what the seal's key shall sign over them, as fill_number_and_seal describes."""
    check_bytes(pdf)
    return _begin(
        Document(pdf), number=number, day=day, month=month, sealer=sealer, look=look, sealed_at=sealed_at, field=field
    )


def _begin(
    document: Document,
    *,
    number: str | None,
    day: str | None,
    month: str | None,
    sealer: Sealer,
    look: SealLook,
    sealed_at: datetime,
    field: str,
) -> PreparedSignature:
    texts = {NUMBER_FIELD: number, DAY_FIELD: day, MONTH_FIELD: month}
    return begin(
        document,
        field,
        certificate=sealer.certificate,
        chain=sealer.chain,
        look=look,
        signed_at=sealed_at,
        mechanism=sealer.mechanism,
        texts={name: text for name, text in texts.items() if text is not None},
    )


def fill_number_and_seal(
    pdf: bytes,
    *,
    number: str | None,
    day: str | None,
    month: str | None,
    sealer: Sealer,
    look: SealLook,
    sealed_at: datetime,
    level: Level,
    trust: Trust,
    time_stamps: TimeStampService,
    field: str = SEAL_FIELD,
) -> bytes:
    """Fill number and date, seal over both, then reach `level` (DESIGN §5.3).

    The seal's own field holds the lock over the signers' fields. Number, day and month come as printed
    (appearance.printed_number, printed_date); None leaves a field that the document does not have.
    """
    check_bytes(pdf)
    document = Document(pdf)
    prepared = _begin(
        document, number=number, day=day, month=month, sealer=sealer, look=look, sealed_at=sealed_at, field=field
    )
    raw = sealer.sign(prepared.digest_to_sign)
    document = finish(document, prepared, raw, time_stamps=None if level is Level.B_B else time_stamps)
    if level in (Level.LT, Level.LTA):
        document = extended(document, level=level, trust=trust, time_stamps=time_stamps)
    return document.to_bytes()
