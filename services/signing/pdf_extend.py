"""Long-term validity: validation data in a DSS dictionary (LT) and document time stamps (LTA), nothing else.

What stands is never touched: each step is an incremental update that EN 319 142-1 calls an extension.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from asn1crypto import cms
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from services.signing.mechanism import DIGESTS
from services.signing.pdf_evidence import Evidence, evidence
from services.signing.pdf_fields import (
    APPEND_ONLY,
    SIGNATURES_EXIST,
    add_fields,
    fields,
    flag_signatures,
    new_signature_field,
    page,
)
from services.signing.pdf_file import Document, decoded
from services.signing.pdf_gap import Gap, with_gap
from services.signing.pdf_objects import Malformed, Name, Ref, Stream
from services.signing.pdf_open import updating
from services.signing.pdf_read import BROKEN, check_bytes
from services.signing.pdf_signed_data import SignedData, read
from services.signing.pdf_stamp import stamp_digest
from services.signing.pdf_stamped import imprint_of, stamped_at
from services.signing.pdf_trust import TIME_STAMPS, TimeStampService, Trust
from services.signing.pdf_update import Update
from services.signing.refusals import TSA_UNAVAILABLE
from shared.errors import PDF_DAMAGED, Rejected

DIGEST = "sha256"
# Hexadecimal digits for a time stamp token with its chain.
_TOKEN_ROOM = 2 * 12 * 1024
_STAMP_LABEL = "Dấu thời gian lưu trữ"
_STAMP_FIELD = "vanthu_archive"
_ASSUMED_MAX = 64 * 1024 * 1024


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
    check_bytes(pdf)
    return extended(Document(pdf), level=level, trust=trust, time_stamps=time_stamps).to_bytes()


def extended(document: Document, *, level: Level, trust: Trust, time_stamps: TimeStampService) -> Document:
    """Extend for a document in two parts."""
    document = document.appended(updating(document, lambda update: _with_validation_data(update, trust)))
    return _stamped(document, time_stamps) if level is Level.LTA else document


def add_time_stamp(pdf: bytes, *, time_stamps: TimeStampService) -> bytes:
    """The document under one more document time stamp, nothing else: proof that all in it existed (EN 319 142-1, 5.4.3).

    Nobody's certificate is looked at here: check before, what is stamped unchecked stays so.
    """
    check_bytes(pdf)
    return _stamped(Document(pdf), time_stamps).to_bytes()


def signature_time_stamp(signature: EmbeddedPdfSignature) -> cms.SignedData | None:
    """The signed data of the signature time stamp (unsigned attribute), if there is one."""
    token = _token(signature.signer_info)
    return token["content"] if token is not None else None


def _signatures(update: Update) -> Iterator[tuple[SignedData, bool]]:
    """Every signature in the form, and whether it is a document time stamp."""
    for field in fields(update):
        if field.kind == "/Sig" and type(field.value) is dict:
            contents = update.follow(field.value.get("/Contents"))
            if type(contents) is not bytes:
                raise Malformed("a signature without its value")
            yield read(contents), update.follow(field.value.get("/SubFilter")) == "/ETSI.RFC3161"


def _token(signer: cms.SignerInfo) -> cms.ContentInfo | None:
    attributes = signer["unsigned_attrs"]
    for attribute in attributes if isinstance(attributes, cms.CMSAttributes) else ():
        if attribute["type"].native == "signature_time_stamp_token":
            return attribute["values"][0]
    return None


def _with_validation_data(update: Update, trust: Trust) -> bytes:
    try:
        found = _evidence(list(_signatures(update)), trust)
    except Rejected:
        raise
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error
    catalog = update.catalog()
    where = catalog.get("/DSS")
    store = update.follow(where)
    store = dict(store) if type(store) is dict else {"/Type": Name("/DSS")}
    for key, items in (
        ("/Certs", [each for one in found for each in one.certificates]),
        ("/OCSPs", [each for one in found for each in one.ocsps]),
        ("/CRLs", [each for one in found for each in one.crls]),
    ):
        _store(update, store, key, items)
    if type(where) is Ref:
        update.set(where, store)
    else:
        update.set(update.root, {**catalog, "/DSS": update.add(store)})
    return update.finish()[0]


def _store(update: Update, store: dict[str, Any], key: str, items: list[bytes]) -> None:
    """Add what the list does not hold yet."""
    refs = list(update.follow(store.get(key)) or ())
    there = set()
    for ref in refs:
        stream = update.follow(ref)
        if isinstance(stream, Stream):
            there.add(decoded(update, stream, _ASSUMED_MAX))
    refs += [update.add(Stream({}, item)) for item in dict.fromkeys(items) if item not in there]
    if refs:
        store[key] = refs


def _evidence(signatures: Sequence[tuple[SignedData, bool]], trust: Trust) -> list[Evidence]:
    """The proof for everybody who signed or stamped.

    1. Time stamps and signatures without one are judged as of now.
    2. A signature under a time stamp that is good itself stood at that time: what was revoked later does not undo it.
    """
    stamps = {each.token: read(each.token) for each, _ in signatures if each.token is not None}
    everybody = (*(each for each, _ in signatures), *stamps.values())
    others = list({one: None for each in everybody for one in (each.signer, *each.others)})
    found = []
    for each, stamping in signatures:
        proven: datetime | None = None
        if each.token is not None:
            found.append(evidence(stamps[each.token].signer, others, trust, purpose=TIME_STAMPS, proven=None))
            digest, imprint = imprint_of(each.token)
            if digest in DIGESTS and imprint == hashlib.new(digest, each.value).digest():
                proven = stamped_at(each.token, imprint)
        purpose = TIME_STAMPS if stamping else None
        found.append(evidence(each.signer, others, trust, purpose=purpose, proven=proven))
    return found


def _stamped(document: Document, time_stamps: TimeStampService) -> Document:
    """An invisible document time stamp. Its own validation data come with the next extension."""
    gap = updating(document, _stamp_gap)
    token = stamp_digest(time_stamps, gap.digest(document, DIGEST), DIGEST)
    try:
        return document.appended(gap.filled(token))
    except OverflowError as error:
        raise Rejected(TSA_UNAVAILABLE) from error


def _stamp_gap(update: Update) -> Gap:
    taken = {field.name for field in fields(update)}
    name = next(each for n in range(1, len(taken) + 2) if (each := f"{_STAMP_FIELD}_{n}") not in taken)
    on, _ = page(update, 1, name)
    ref, about = new_signature_field(update, name, on, (0, 0, 0, 0), label=_STAMP_LABEL)
    add_fields(update, [(ref, on)])
    about["/V"] = stamp = update.add()
    flag_signatures(update, SIGNATURES_EXIST | APPEND_ONLY)
    return with_gap(update, stamp, b"/Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161", _TOKEN_ROOM)
