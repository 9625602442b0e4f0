"""What was shown is what is signed: everything that is checked before the key is used.

Nothing here trusts the server: it computes from the bytes that were fetched and shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms, tsp

from vanthu_sign.words import BYTES_DIFFER, DIGEST_DIFFERS, Refused

DIGESTS = ("sha256", "sha384", "sha512")
# PAdES (EN 319 142-1 clause 6.3) signs these; a signing time is forbidden there and anything else is a surprise.
ALLOWED = {"content_type", "message_digest", "signing_certificate_v2", "cms_algorithm_protection"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the server prepared for one document: the appended bytes, where the signature goes, what is to be signed."""

    update: bytes
    byte_range: tuple[int, int, int, int]
    signed_attributes: bytes
    digest: str = "sha256"  # of the byte range and of the signed attributes


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
    5. Their message digest is over the byte range, by one of DIGESTS, computed here.
    6. Their signing-certificate attribute names the token's certificate (RFC 5035).
    7. Where they name algorithms (RFC 6211), the digest is the one that the token will use.
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
    if prepared.digest not in DIGESTS:
        raise Refused(DIGEST_DIFFERS, what="digest_algorithm")
    hashed = hashlib.new(prepared.digest, document[:first])
    hashed.update(memoryview(document)[second:])
    if attributes["message_digest"].native != hashed.digest():
        raise Refused(DIGEST_DIFFERS, what="messageDigest")
    # 6.
    if not _names(attributes["signing_certificate_v2"].dump(), certificate):
        raise Refused(DIGEST_DIFFERS, what="signing-certificate-v2")
    # 7.
    protection = attributes.get("cms_algorithm_protection")
    if protection is not None and protection["digest_algorithm"]["algorithm"].native != prepared.digest:
        raise Refused(DIGEST_DIFFERS, what="cms-algorithm-protection")
    return document


def _names(attribute: bytes, certificate: bytes) -> bool:
    """Whether this signing-certificate-v2 names the certificate and no other one."""
    try:
        named = tsp.SigningCertificateV2.load(attribute)["certs"]
        algorithm = named[0]["hash_algorithm"]["algorithm"].native
        digest = named[0]["cert_hash"].native
    except (ValueError, TypeError, KeyError, IndexError):
        return False
    return len(named) == 1 and algorithm in DIGESTS and digest == hashlib.new(algorithm, certificate).digest()


def _attributes(der: bytes) -> dict[str, Any]:
    try:
        parsed = cms.CMSAttributes.load(der, strict=True)
        found = {attribute["type"].native: attribute["values"] for attribute in parsed}
        _ = parsed.native  # what is read later is read here, so that nothing in it fails there
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(DIGEST_DIFFERS, what="signedAttrs") from error
    if set(found) - ALLOWED or not {"content_type", "message_digest", "signing_certificate_v2"} <= set(found):
        raise Refused(DIGEST_DIFFERS, what="signedAttrs")
    if len(found) != len(parsed) or any(len(values) != 1 for values in found.values()):
        raise Refused(DIGEST_DIFFERS, what="signedAttrs")
    if parsed.dump(force=True) != der or found["content_type"][0].native != "data":
        raise Refused(DIGEST_DIFFERS, what="signedAttrs")
    return {name: values[0] for name, values in found.items()}
