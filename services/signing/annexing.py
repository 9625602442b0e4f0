"""Annexes in files of their own: looked at before anybody signs, signed by the agency with the seal of the main text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.signing import craft, craft_seal
from services.signing.desk import PDF, Desk
from services.signing.domain import Document
from services.signing.keys import Keys
from services.signing.refusals_seal import ANNEX_UNUSABLE
from shared.errors import Rejected
from shared.events.docs import Part


def check(desk: Desk, document: Document) -> None:
    """Rejected, naming the file, when one can't carry the agency's signature: no number is taken for such a document.

    NĐ 30 has the signature shown on page 1 of every annex (annex I.III.1d), so an annex is a PDF.
    """
    for part in document.terms.annexes:
        try:
            desk.workshop.run(craft_seal.inspect_annex, desk.blobs.get(part.content))
        except Rejected as error:
            if error.refusal.status == 503:
                raise
            said = error.sentence
            raise Rejected(ANNEX_UNUSABLE, filename=part.filename, vi=said.vi, en=said.en) from error


@dataclass(frozen=True, slots=True)
class Signed:
    """An annex with the agency's signature, stored, and how that signature stands."""

    part: Part
    made: craft.Made


def sign(
    desk: Desk, document: Document, order: craft_seal.SealOrder, *, keys: Keys, network: craft.Network
) -> tuple[Signed, ...]:
    """The annexes with the agency's signature under the document's number, stored."""
    numbering = document.numbering
    assert numbering is not None  # noqa: S101  it is being sealed
    signed = []
    for part in document.terms.annexes:
        base = desk.blobs.get(part.content)
        made = desk.workshop.run(
            craft_seal.sign_annex, base, order, numbering.number_symbol, keys=keys, network=network
        )
        stored = part.model_copy(update={"content": desk.blobs.put(made.pdf, PDF)})
        signed.append(Signed(stored, replace(made, pdf=b"")))
    return tuple(signed)
