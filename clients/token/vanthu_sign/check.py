"""What was shown is what is signed: everything that is checked before the key is used.

Nothing here trusts the server: it computes from the bytes that were fetched and shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms, tsp

from vanthu_sign.words import BYTES_DIFFER, DIGEST_DIFFERS, Refused

# PAdES (EN 319 142-1 clause 6.3) signs these; a signing time is forbidden there and anything else is a surprise.
ALLOWED = {"content_type", "message_digest", "signing_certificate_v2", "cms_algorithm_protection"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the server prepared for one document: the appended bytes, where the signature goes, what is to be signed."""

    update: bytes
    byte_range: tuple[int, int, int, int]
    signed_attributes: bytes


def check_base(base: bytes, announced_sha256: str) -> None:
    """The bytes fetched are those that were announced."""
    if hashlib.sha256(base).hexdigest() != announced_sha256:
        raise Refused(BYTES_DIFFER)


def check_prepared(base: bytes, prepared: Prepared, certificate: bytes) -> bytes:
    """The whole file that the signature will cover, once all of this holds; Refused(digest_differs) otherwise.

    1. The file is the shown base with something appended: nothing of what stood is replaced in place.
    2. The byte range is the whole file except one gap, and the gap lies in the appended part.
    3. The gap is an empty placeholder, so nothing but the signature can go there.
    4. The signed attributes are DER and hold no attribute that PAdES does not know.
    5. Their message digest is SHA-256 over the byte range, computed here.
    6. Their signing-certificate attribute names the token's certificate (RFC 5035).
    """
    # 1.
    document = base + prepared.update
    # 2.
    start, first, second, rest = prepared.byte_range
    if start != 0 or not len(base) <= first < second or second + rest != len(document):
        raise Refused(DIGEST_DIFFERS, what="ByteRange")
    # 3.
    gap = document[first:second]
    if gap[:1] != b"<" or gap[-1:] != b">" or gap[1:-1].strip(b"0"):
        raise Refused(DIGEST_DIFFERS, what="Contents")
    # 4.
    attributes = _attributes(prepared.signed_attributes)
    # 5.
    digest = hashlib.sha256(document[:first] + document[second:]).digest()
    if attributes["message_digest"].native != digest:
        raise Refused(DIGEST_DIFFERS, what="messageDigest")
    # 6.
    named = tsp.SigningCertificateV2.load(attributes["signing_certificate_v2"].dump())["certs"][0]
    if named["hash_algorithm"]["algorithm"].native != "sha256" or named["cert_hash"].native != _sha256(certificate):
        raise Refused(DIGEST_DIFFERS, what="signing-certificate-v2")
    return document


def _attributes(der: bytes) -> dict[str, Any]:
    try:
        parsed = cms.CMSAttributes.load(der, strict=True)
        found = {attribute["type"].native: attribute["values"] for attribute in parsed}
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(DIGEST_DIFFERS, what="signedAttrs") from error
    if set(found) - ALLOWED or not {"content_type", "message_digest", "signing_certificate_v2"} <= set(found):
        raise Refused(DIGEST_DIFFERS, what="signedAttrs")
    if len(found) != len(parsed) or any(len(values) != 1 for values in found.values()):
        raise Refused(DIGEST_DIFFERS, what="signedAttrs")
    if parsed.dump(force=True) != der or found["content_type"][0].native != "data":
        raise Refused(DIGEST_DIFFERS, what="signedAttrs")
    return {name: values[0] for name, values in found.items()}


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
