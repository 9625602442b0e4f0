"""The best level that can be had now, and what a later day adds to it: debts paid, archive time stamps renewed.

Built on the two steps that touch nothing that stands (pdf_extend): a DSS dictionary and document time stamps.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from asn1crypto import keys, x509

from services.signing import pdf_trust
from services.signing.longevity import Stamp
from services.signing.pdf_extend import Level, add_time_stamp, extend
from services.signing.pdf_read import BROKEN, open_reader
from services.signing.pdf_sign import PreparedSignature, finish_signature
from services.signing.pdf_trust import (
    TIME_STAMPS,
    TimeStampService,
    Trust,
    certificates_of,
    context,
    load,
    path_to_root,
)
from services.signing.refusals import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_REVOKED,
    REVOCATION_UNAVAILABLE,
    SIGNER_CERTIFICATE_ENDED,
    TSA_NOT_BELIEVED,
    TSA_UNAVAILABLE,
)
from shared.errors import PDF_DAMAGED, Rejected

# A stamp that is not believed is none; clocks that differ are waited for (clock_differs), since every stamp would lie.
_UNSTAMPED = frozenset({TSA_UNAVAILABLE.code, TSA_NOT_BELIEVED.code})
_AWAY = _UNSTAMPED | {REVOCATION_UNAVAILABLE.code}
_CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}


def finish_at_best(
    pdf: bytes, prepared: PreparedSignature, signature: bytes, *, time_stamps: TimeStampService
) -> tuple[bytes, Level]:
    """finish_signature at T, or at B while no time stamp is to be had. The raw signature is made once in either case."""
    try:
        return finish_signature(pdf, prepared, signature, time_stamps=time_stamps), Level.B_T
    except Rejected as error:
        if error.code not in _UNSTAMPED:
            raise
        return finish_signature(pdf, prepared, signature, time_stamps=None), Level.B_B


def extend_at_best(
    pdf: bytes, *, have: Level, trust: Trust, time_stamps: TimeStampService, want: Level = Level.LTA
) -> tuple[bytes, Level, Rejected | None]:
    """As far towards LTA as TSA and CAs let us now: the document, its level, and what was missing for more.

    `have` is the lowest level of its signatures; `want` T is enough for a document that still waits for its number, with
    validation data as evidence that a certificate was checked.

    1. A signature without a time stamp: every certificate is checked first, since a stamp over an unknown one would
       look as if it had been; then the document time stamp proves that it existed (T).
    2. Validation data for signatures and time stamps (LT), and a document time stamp over them (LTA).
    3. Without the TSA, LT is better than nothing.
    """
    try:
        if have is Level.B_B:
            extend(pdf, level=Level.LT, trust=trust, time_stamps=time_stamps)  # 1: a check, its result is not kept
            pdf, have = add_time_stamp(pdf, time_stamps=time_stamps), Level.B_T
            if want is Level.B_T:
                return pdf, have, None
        want = Level.LT if want is Level.B_T else want
        return extend(pdf, level=want, trust=trust, time_stamps=time_stamps), want, None  # 2
    except Rejected as error:
        if error.code not in _AWAY:
            raise
        if error.code not in _UNSTAMPED or have is not Level.B_T:
            return pdf, have, error
        missing = error
    try:
        return extend(pdf, level=Level.LT, trust=trust, time_stamps=time_stamps), Level.LT, missing  # 3
    except Rejected as error:
        if error.code not in _AWAY:
            raise
        return pdf, have, missing


def judge_signers(pdf: bytes, *, trust: Trust, time_stamps: TimeStampService) -> Rejected | None:
    """Why it can't be said now that everybody's certificate stood when they signed; Rejected when one did not."""
    try:
        with telling_of_signers():
            extend(pdf, level=Level.LT, trust=trust, time_stamps=time_stamps)
    except Rejected as error:
        if error.code not in _AWAY:
            raise
        return error
    return None


@contextmanager
def telling_of_signers() -> Iterator[None]:
    """A certificate that ended before its signature was proven is a signer's, and nothing that waiting could mend."""
    try:
        yield
    except Rejected as error:
        if error.code in (CERTIFICATE_REVOKED.code, CERTIFICATE_EXPIRED.code):
            raise Rejected(SIGNER_CERTIFICATE_ENDED) from error
        raise


def newest_stamp(pdf: bytes, trust: Trust) -> Stamp | None:
    """The document time stamp that proves everything below it; None without one. Asks nobody."""
    try:
        stamps = open_reader(pdf).embedded_timestamp_signatures
        if not stamps:
            return None
        found = certificates_of(stamps[-1].signed_data)
        info = stamps[-1].signed_data["encap_content_info"]["content"].parsed
        signer: x509.Certificate = found.signer_cert
        return Stamp(
            at=info["gen_time"].native,
            authority=hashlib.sha256(signer.dump()).hexdigest(),
            certificate=signer.dump(),
            chain=tuple(one.dump() for one in found.other_certs),
            not_after=signer.not_valid_after,
            anchor=root_of(signer.dump(), [one.dump() for one in found.other_certs], trust, purpose=TIME_STAMPS),
            algorithms=(info["message_imprint"]["hash_algorithm"]["algorithm"].native, *key_of(signer.dump())),
        )
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error


def root_of(certificate: bytes, chain: Sequence[bytes], trust: Trust, *, purpose: str | None = None) -> str | None:
    """SHA-256 (hex) of the root that a certificate leads to, None when we believe none. Asks nobody."""
    within = context(_silent(trust), [load(one) for one in chain], revocation_mode="none")
    try:
        path = asyncio.run(path_to_root(load(certificate), within, _silent(trust), purpose=purpose))
    except Rejected:
        return None
    return pdf_trust.root_of(path)


def key_of(certificate: bytes) -> tuple[str, ...]:
    """The names under which a certificate's key stands in the table of algorithms: ("rsa2048",), ("p256",)."""
    key: keys.PublicKeyInfo = load(certificate).public_key
    if key.algorithm == "ec":
        return (_CURVES.get(key.curve[1], str(key.curve[1])),)
    return (f"rsa{key.bit_size}",)


def _silent(trust: Trust) -> Trust:
    return Trust(roots=trust.roots, fetch=False, limits=trust.limits)
