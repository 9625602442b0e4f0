"""The agency's text-only signature on an annex or a copy: its own field, top right of page 1, and nothing else changed.

An annex is certified against any change. A copy is only approved: it may be copied and signed again, and what carries
signatures already must keep them.
"""

from __future__ import annotations

from datetime import datetime

from services.signing.appearance import TextLook
from services.signing.pdf_extend import Level, extend
from services.signing.pdf_form import Plan, SignerPlace, prepare
from services.signing.pdf_issue import Sealer
from services.signing.pdf_read import PdfFacts, inspect
from services.signing.pdf_sign import PreparedSignature, begin_signature, finish_signature
from services.signing.pdf_trust import TimeStampService, Trust
from services.signing.refusals import PDF_CERTIFIED_WITHOUT_FIELDS
from services.signing.text_spot import find_spot
from shared.errors import Rejected

NO_CHANGES = 1  # DocMDP: validation data and time stamps may follow, nothing else


def check_signable(pdf: bytes) -> PdfFacts:
    """Rejected when a signature can't be added, or would undo one that stands there."""
    facts = inspect(pdf)
    if facts.certified:
        raise Rejected(PDF_CERTIFIED_WITHOUT_FIELDS)
    return facts


def begin_with_text(
    pdf: bytes, look: TextLook, *, name: str, width_mm: float, lock: bool, sealer: Sealer, signed_at: datetime
) -> tuple[bytes, PreparedSignature]:
    """The file with a field for the agency's signature, and what its key shall sign, as sign_with_text describes."""
    facts = check_signable(pdf)
    taken = {*facts.signatures, *facts.empty_signature_fields}
    field = next(each for n in range(1, len(taken) + 2) if (each := f"{name}_{n}") not in taken)
    place = SignerPlace(field, find_spot(pdf, width_mm), look.text)
    base = prepare(pdf, Plan(signers=(place,), already_signed=facts.signatures))
    return base, begin_signature(
        base,
        field,
        certificate=sealer.certificate,
        chain=sealer.chain,
        look=look,
        signed_at=signed_at,
        mechanism=sealer.mechanism,
        certify=NO_CHANGES if lock and not facts.signatures else None,
    )


def sign_with_text(
    pdf: bytes,
    look: TextLook,
    *,
    name: str,
    width_mm: float,
    lock: bool,
    sealer: Sealer,
    signed_at: datetime,
    level: Level,
    trust: Trust,
    time_stamps: TimeStampService,
) -> bytes:
    """The file with the agency's signature as `level` wants it; `name` begins the field's name, `lock` certifies."""
    base, prepared = begin_with_text(
        pdf, look, name=name, width_mm=width_mm, lock=lock, sealer=sealer, signed_at=signed_at
    )
    raw = sealer.sign(prepared.digest_to_sign)
    made = finish_signature(base, prepared, raw, time_stamps=None if level is Level.B_B else time_stamps)
    if level in (Level.LT, Level.LTA):
        return extend(made, level=level, trust=trust, time_stamps=time_stamps)
    return made
