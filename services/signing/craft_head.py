"""What runs in the workshop's processes for a head of the ledger's tree: CMS over its text, by the platform's seal key.

CAdES baseline (EN 319 122-1): detached, with signing time and signing certificate; B-T once there is a time stamp.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.signing.craft import Network, chain
from services.signing.keys import Keys, find_first_seal
from services.signing.refusals import TSA_NOT_BELIEVED, TSA_UNAVAILABLE
from shared.errors import Rejected


@dataclass(frozen=True, slots=True)
class SealedText:
    """The ContentInfo (DER), by which certificate (DER), and the time stamp's own time; None while it is owed."""

    cms: bytes
    certificate: bytes
    stamped_at: datetime | None


def seal_text(
    text: bytes,
    certificates: Sequence[tuple[bytes, str]],
    *,
    sealed_at: datetime,
    pss: bool,
    keys: Keys,
    network: Network,
) -> SealedText:
    """1. The certificate is checked on-line (TT 15/2025), unless `network.unchecked`. 2. Signed by the key in the device.
    3. Verified. 4. Time-stamped, or not while no believable stamp is to be had.
    """
    from services.signing import pdf as craft
    from services.signing import pdf_cms

    found = [(der, chain(pem)) for der, pem in certificates]
    sealer = find_first_seal(keys, found, pss=pss)
    certificate = sealer.certificate
    craft.check_certificate(
        certificate, sealer.chain, network.trust(), purpose=craft.SEAL_DOCUMENTS, unchecked=network.unchecked
    )
    pdf_cms.check_key(certificate, sealed_at)
    digest = pdf_cms.usual_digest(certificate)
    attributes = _attributes(certificate, hashlib.new(digest, text).digest(), sealed_at)
    signature = pdf_cms.verified(
        attributes,
        sealer.sign(hashlib.new(digest, attributes).digest()),
        certificate=certificate,
        mechanism=sealer.mechanism,
        digest=digest,
    )
    token, stamped_at = _stamp(signature, network)
    made = pdf_cms.container(
        attributes,
        signature,
        certificate=certificate,
        chain=sealer.chain,
        mechanism=sealer.mechanism,
        digest=digest,
        time_stamp=token,
    )
    return SealedText(made, certificate, stamped_at)


def stamp(cms: bytes, network: Network) -> tuple[bytes, datetime]:
    """The same signature with its time stamp; Rejected while none is to be had."""
    from asn1crypto import cms as asn1

    info = asn1.ContentInfo.load(cms)
    signer = info["content"]["signer_infos"][0]
    token, at = _asked(signer["signature"].native, network)
    value = asn1.ContentInfo.load(token)
    signer["unsigned_attrs"] = asn1.CMSAttributes([{"type": "signature_time_stamp_token", "values": [value]}])
    stamped: bytes = info.dump()
    return stamped, at


def _attributes(certificate: bytes, text_digest: bytes, at: datetime) -> bytes:
    """The DER that is signed, SET OF."""
    from asn1crypto import cms as asn1

    from services.signing import pdf_cms
    from services.signing.pdf_der import SET, tlv

    made = [
        asn1.CMSAttribute({"type": "content_type", "values": ["data"]}).dump(),
        asn1.CMSAttribute({"type": "message_digest", "values": [text_digest]}).dump(),
        asn1.CMSAttribute({"type": "signing_time", "values": [asn1.Time("utc_time", at.astimezone(UTC))]}).dump(),
        pdf_cms.certified(certificate).signing_certificate,
    ]
    return tlv(SET, b"".join(sorted(made)))


def _stamp(signature: bytes, network: Network) -> tuple[bytes | None, datetime | None]:
    try:
        return _asked(signature, network)
    except Rejected as error:
        if error.code not in (TSA_UNAVAILABLE.code, TSA_NOT_BELIEVED.code):
            raise
        return None, None


def _asked(signature: bytes, network: Network) -> tuple[bytes, datetime]:
    from services.signing import pdf_stamp

    token = pdf_stamp.time_stamp(network.time_stamps(), signature, "sha256")
    return token, _time_of(token)


def _time_of(token: bytes) -> datetime:
    from asn1crypto import cms as asn1

    info = asn1.ContentInfo.load(token)["content"]["encap_content_info"]["content"].parsed
    found: datetime = info["gen_time"].native
    return found
