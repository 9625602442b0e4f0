"""Long-term validity: validation data in a DSS dictionary (LT) and document time stamps (LTA), nothing else.

What stands is never touched: each step is an incremental update that EN 319 142-1 calls an extension.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable
from enum import StrEnum

from asn1crypto import cms, x509
from pyhanko.sign.signers.pdf_signer import PdfTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.path import ValidationPath

from services.signing.pdf_form import Revision
from services.signing.pdf_read import BROKEN, open_reader
from services.signing.pdf_trust import (
    TIME_STAMPS,
    TimeStamps,
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
    within = context(trust, embedded_certificates(reader.embedded_signatures))
    paths = asyncio.run(_paths(reader.embedded_signatures, within, trust))
    writer = Revision(pdf)
    DocumentSecurityStore.supply_dss_in_writer(writer, None, paths=paths, validation_context=within)
    return writer.to_bytes()


async def _paths(
    signatures: Iterable[EmbeddedPdfSignature], within: ValidationContext, trust: Trust
) -> list[ValidationPath]:
    paths = []
    for signature in signatures:
        stamping = signature.sig_object_type == "/DocTimeStamp"
        purpose = TIME_STAMPS if stamping else None
        paths.append(await path_to_root(signature.signer_cert, within, trust, purpose=purpose))
        token = signature_time_stamp(signature)
        if token is not None:
            paths.append(await path_to_root(certificates_of(token).signer_cert, within, trust, purpose=TIME_STAMPS))
    return paths


def _add_time_stamp(pdf: bytes, time_stamps: TimeStampService) -> bytes:
    """An invisible document time stamp. Its own validation data come with the next extension."""
    out = io.BytesIO()
    PdfTimeStamper(TimeStamps(time_stamps), readable_field_name="Dấu thời gian lưu trữ").timestamp_pdf(
        Revision(pdf), DIGEST, bytes_reserved=_TOKEN_ROOM, output=out
    )
    return out.getvalue()
