"""Long-term validity: validation data in a DSS dictionary (LT) and document time stamps (LTA), nothing else.

What stands is never touched: each step is an incremental update that EN 319 142-1 calls an extension.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from asn1crypto import cms, x509
from pyhanko.sign.signers.pdf_signer import PdfTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.path import ValidationPath

from services.signing.pdf_form import Revision
from services.signing.pdf_read import BROKEN, open_reader
from services.signing.pdf_stamp import TimeStamps
from services.signing.pdf_trust import (
    TIME_STAMPS,
    TimeStampService,
    Trust,
    certificates_of,
    context,
    path_to_root,
)
from shared.errors import PDF_DAMAGED, Rejected

DIGEST = "sha256"
# Hexadecimal characters for a time stamp token with its chain.
_TOKEN_ROOM = 2 * 12 * 1024


class Level(StrEnum):
    """PAdES baseline levels (EN 319 142-1, clause 6)."""

    B_B = "PAdES-BASELINE-B"
    B_T = "PAdES-BASELINE-T"
    LT = "PAdES-BASELINE-LT"
    LTA = "PAdES-BASELINE-LTA"


def extend(pdf: bytes, *, level: Level, trust: Trust, time_stamps: TimeStampService) -> bytes:
    """The document with validation data for every signature and time stamp (LT), and a document time stamp (LTA).

    Fetches OCSP answers and CRLs; Rejected when a path or its revocation data can't be had, with nothing done.
    """
    try:
        extended = _add_validation_data(pdf, trust)
        return _add_time_stamp(extended, time_stamps) if level is Level.LTA else extended
    except Rejected:
        raise
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error


def add_time_stamp(pdf: bytes, *, time_stamps: TimeStampService) -> bytes:
    """The document under one more document time stamp, nothing else: proof that all in it existed (EN 319 142-1, 5.4.3).

    Nobody's certificate is looked at here: check before, what is stamped unchecked stays so.
    """
    try:
        return _add_time_stamp(pdf, time_stamps)
    except Rejected:
        raise
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error


def signature_time_stamp(signature: EmbeddedPdfSignature) -> cms.SignedData | None:
    """The signed data of the signature time stamp (unsigned attribute), if there is one."""
    attributes = signature.signer_info["unsigned_attrs"]
    for attribute in attributes if isinstance(attributes, cms.CMSAttributes) else ():
        if attribute["type"].native == "signature_time_stamp_token":
            return attribute["values"][0]["content"]
    return None


def embedded_certificates(signatures: Iterable[EmbeddedPdfSignature]) -> list[x509.Certificate]:
    """All certificates that signatures and time stamps carry, signers included."""
    found = []
    for signature in signatures:
        stamp = signature_time_stamp(signature)
        for data in filter(None, (signature.signed_data, stamp)):
            certificates = certificates_of(data)
            found += [certificates.signer_cert, *certificates.other_certs]
    return found


def _add_validation_data(pdf: bytes, trust: Trust) -> bytes:
    reader = open_reader(pdf)
    found = asyncio.run(_paths(list(reader.embedded_signatures), trust))
    writer = Revision(pdf)
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        paths=[path for path, _ in found],
        ocsps=[answer for within in _contexts(found) for answer in within.ocsps],
        crls=[one for within in _contexts(found) for one in within.crls],
    )
    return writer.to_bytes()


def _contexts(found: Iterable[tuple[ValidationPath, ValidationContext]]) -> list[ValidationContext]:
    return list({id(within): within for _, within in found}.values())


async def _paths(
    signatures: Sequence[EmbeddedPdfSignature], trust: Trust
) -> list[tuple[ValidationPath, ValidationContext]]:
    """The path of everybody who signed or stamped, with the context that holds its revocation data.

    1. Time stamps and signatures without one are judged as of now.
    2. A signature under a time stamp that is good itself stood at that time: what was revoked later does not undo it.
    """
    others = embedded_certificates(signatures)
    now = context(trust, others)
    found = []
    for signature in signatures:
        stamping = signature.sig_object_type == "/DocTimeStamp"
        token = signature_time_stamp(signature)
        proven = None
        if token is not None:
            path = await path_to_root(certificates_of(token).signer_cert, now, trust, purpose=TIME_STAMPS)
            found.append((path, now))
            proven = await _stamped_at(signature, token, now)
        purpose = TIME_STAMPS if stamping else None
        if proven is None:  # 1
            found.append((await path_to_root(signature.signer_cert, now, trust, purpose=purpose), now))
        else:  # 2
            then = context(trust, others, moment=proven, retroactive_revinfo=True)
            found.append((await path_to_root(signature.signer_cert, then, trust, purpose=purpose), then))
    return found


async def _stamped_at(
    signature: EmbeddedPdfSignature, token: cms.SignedData, within: ValidationContext
) -> datetime | None:
    """When the signature value was time-stamped, if the token is whole and about this very value."""
    value = signature.signer_info["signature"].native
    try:
        status = await validate_tst_signed_data(token, within, lambda algorithm: hashlib.new(algorithm, value).digest())
    except SignatureValidationError:
        return None
    at: datetime = status["timestamp"]
    return at if status["intact"] and status["valid"] else None


def _add_time_stamp(pdf: bytes, time_stamps: TimeStampService) -> bytes:
    """An invisible document time stamp. Its own validation data come with the next extension."""
    out = io.BytesIO()
    PdfTimeStamper(TimeStamps(time_stamps), readable_field_name="Dấu thời gian lưu trữ").timestamp_pdf(
        Revision(pdf), DIGEST, bytes_reserved=_TOKEN_ROOM, output=out
    )
    return out.getvalue()
