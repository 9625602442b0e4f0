"""What runs in the workshop's processes when an agency's key signs: seals, annexes and copies. As craft: bytes and plain
values in and out, pyhanko imported on the first call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from services.signing.craft import Made, Network, chain
from services.signing.keys import Keys, SealKey, find_first_seal
from services.signing.longevity import LTA, lowest
from services.signing.refusals import PDF_CERTIFIED_WITHOUT_FIELDS, PDF_NO_CHANGES_ALLOWED
from services.signing.refusals_seal import COPY_FORBIDDEN
from shared.errors import Rejected

if TYPE_CHECKING:
    from services.signing.appearance import TextLook
    from services.signing.pdf_sign import PreparedSignature
    from services.signing.pdf_trust import Trust

_LOCKED = (PDF_CERTIFIED_WITHOUT_FIELDS.code, PDF_NO_CHANGES_ALLOWED.code)


@dataclass(frozen=True, slots=True)
class SealOrder:
    """What a seal shall say. `certificates` are (DER, chain in PEM), the preferred first; `number` None leaves
    number and date alone; `sealed_at` is aware; RSA keys sign RSASSA-PSS (TT 15/2025) when `pss`.

    `level` is the lowest of the signatures beneath the seal, `owing` says that something of their proof is missing.
    """

    number: int | None
    issued_on: date
    agency: str
    parent: str | None
    certificates: tuple[tuple[bytes, str], ...]
    sealed_at: datetime
    level: str
    owing: bool = False
    pss: bool = True
    picture: bytes | None = None  # of the seal (picture.py); without one it is drawn


def seal(pdf: bytes, order: SealOrder, *, keys: Keys, network: Network) -> Made:
    """Number, date, seal, and the best level that can be had now.

    1. The seal's certificate is checked on-line first (TT 15/2025).
    2. So are those of signatures that no time stamp proves yet: a seal over a revoked one would give it weight.
    3. Number, date and seal, with a time stamp where there is one; then LT and LTA.
    """
    from services.signing import pdf as craft
    from services.signing.appearance import SealLook, printed_date, printed_number

    sealer, trust, anchor = _checked(pdf, order, keys, network)
    day, month = printed_date(order.issued_on)
    numbered = order.number is not None
    half = craft.begin_seal(
        pdf,
        number=printed_number(order.number) if order.number is not None else None,
        day=day if numbered else None,
        month=month if numbered else None,
        sealer=sealer,
        look=SealLook(agency=order.agency, parent=order.parent, picture=order.picture),
        sealed_at=order.sealed_at,
    )
    return _at_best(pdf, half, sealer, network, trust, anchor=anchor, beneath=order.level)


def _checked(pdf: bytes, order: SealOrder, keys: Keys, network: Network) -> tuple[SealKey, Trust, str | None]:
    """The key to seal with, its certificate checked on-line, and whom it is believed by; what is owed beneath is judged too."""
    from services.signing import pdf as craft
    from services.signing import pdf_endure

    sealer = _sealer(keys, order)
    trust = network.trust()
    anchor = craft.check_certificate(
        sealer.certificate, sealer.chain, trust, purpose=craft.SEAL_DOCUMENTS, unchecked=network.unchecked
    )
    if order.owing:
        pdf_endure.judge_signers(pdf, trust=trust, time_stamps=network.time_stamps())
    return sealer, trust, anchor


def _at_best(
    base: bytes,
    half: PreparedSignature,
    sealer: SealKey,
    network: Network,
    trust: Trust,
    *,
    anchor: str | None,
    beneath: str,
    extend: bool = True,
) -> Made:
    """Signed by the agency's key at the best level that can be had now; `beneath` is the lowest of what stands there."""
    from services.signing import pdf as craft
    from services.signing import pdf_endure

    stamps = network.time_stamps()
    sealed, level = pdf_endure.finish_at_best(base, half, sealer.sign(half.digest_to_sign), time_stamps=stamps)
    made, all_at, missing = sealed, None, None
    if extend:
        have = craft.Level(lowest((beneath, level)))
        made, best, missing = pdf_endure.extend_at_best(sealed, have=have, trust=trust, time_stamps=stamps)
        all_at = None if made == sealed else best
    return Made(
        made,
        min(trust.used, default=None),
        level=level,
        field=half.field,
        unchecked=network.unchecked and all_at is None,
        certificate=sealer.certificate,
        anchor=anchor,
        algorithms=(half.digest, *pdf_endure.key_of(sealer.certificate)),
        all_at=all_at,
        stamp=pdf_endure.newest_stamp(made, trust),
        missing=missing,
    )


def counter_seal(pdf: bytes, order: SealOrder, field: str, *, keys: Keys, network: Network) -> Made:
    """A co-issuer's seal, number and date left alone; checked on-line first as any seal. The leading agency's seal brings
    it further than its time stamp.
    """
    from services.signing import pdf as craft
    from services.signing.appearance import SealLook

    sealer, trust, anchor = _checked(pdf, order, keys, network)
    half = craft.begin_seal(
        pdf,
        number=None,
        day=None,
        month=None,
        sealer=sealer,
        look=SealLook(agency=order.agency, parent=order.parent, picture=order.picture),
        sealed_at=order.sealed_at,
        field=field,
    )
    return _at_best(pdf, half, sealer, network, trust, anchor=anchor, beneath=order.level, extend=False)


def inspect_annex(pdf: bytes) -> None:
    """Rejected when the agency's signature can't be put on a file that goes beside the main text."""
    from services.signing import pdf as craft

    craft.check_signable(pdf)


def inspect_copy(pdf: bytes) -> int:
    """The number of pages; Rejected when what is copied can't carry one more signature."""
    from services.signing import pdf as craft

    with _unlocked():
        return craft.check_signable(pdf).pages


@contextmanager
def _unlocked() -> Iterator[None]:
    try:
        yield
    except Rejected as error:
        if error.code in _LOCKED:
            raise Rejected(COPY_FORBIDDEN) from error
        raise


def sign_annex(pdf: bytes, order: SealOrder, number_symbol: str, *, keys: Keys, network: Network) -> Made:
    """The agency's text-only signature on an annex in a file of its own (NĐ 30, annex I.III.1d), at the best level that
    can be had now.
    """
    from services.signing.appearance import annex_look
    from services.signing.text_spot import ANNEX_WIDTH_MM

    look = annex_look(number_symbol, order.sealed_at)
    alone = replace(order, level=LTA)
    return _with_text(pdf, alone, look, "vanthu_annex", ANNEX_WIDTH_MM, lock=True, keys=keys, network=network)


def certify_copy(pdf: bytes, order: SealOrder, form: str, *, keys: Keys, network: Network) -> Made:
    """The agency's text-only signature on a copy or extract, by the code of its form (NĐ 30, annex I, part II)."""
    from services.signing.appearance import copy_look
    from services.signing.text_spot import COPY_WIDTH_MM

    look = copy_look(form, order.agency, order.sealed_at)
    with _unlocked():
        return _with_text(pdf, order, look, "vanthu_copy", COPY_WIDTH_MM, lock=False, keys=keys, network=network)


def _with_text(
    pdf: bytes,
    order: SealOrder,
    look: TextLook,
    name: str,
    width_mm: float,
    *,
    lock: bool,
    keys: Keys,
    network: Network,
) -> Made:
    from services.signing import pdf as craft

    sealer = _sealer(keys, order)
    trust = network.trust()
    anchor = craft.check_certificate(
        sealer.certificate, sealer.chain, trust, purpose=craft.SEAL_DOCUMENTS, unchecked=network.unchecked
    )
    base, half = craft.begin_with_text(
        pdf, look, name=name, width_mm=width_mm, lock=lock, sealer=sealer, signed_at=order.sealed_at
    )
    return _at_best(base, half, sealer, network, trust, anchor=anchor, beneath=order.level)


def _sealer(keys: Keys, order: SealOrder) -> SealKey:
    found = [(certificate, chain(pem)) for certificate, pem in order.certificates]
    return find_first_seal(keys, found, pss=order.pss)
