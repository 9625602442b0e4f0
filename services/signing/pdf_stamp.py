"""Time stamps (RFC 3161): asked for, and looked at before they are believed."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache

from asn1crypto import algos, cms, tsp, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import load_der_x509_certificate

from services.signing.mechanism import DIGESTS
from services.signing.pdf_trust import TimeStampService, post
from services.signing.refusals import TSA_UNAVAILABLE
from shared.errors import Rejected

_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class _Lies(ValueError):
    """The authority answered something else than was asked."""


def time_stamp(service: TimeStampService, value: bytes, digest: str) -> bytes:
    """The token (DER) over `digest` of the value; Rejected(tsa_unavailable) when no server gives a good one.

    A token is good when it says granted, repeats digest and nonce, and is signed by the certificate it carries.
    Whether that certificate is believed is judged with its path, before anything relies on the stamp.
    """
    imprint = hashlib.new(digest, value).digest()
    nonce = int.from_bytes(os.urandom(8))
    request = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {"hash_algorithm": {"algorithm": digest}, "hashed_message": imprint},
            "nonce": nonce,
            "cert_req": True,
        }
    ).dump()
    last: Exception | None = None
    for url in service.urls * service.tries:
        try:
            return _checked(post(url, request, headers=_HEADERS, timeout=service.timeout), imprint, digest, nonce)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, InvalidSignature) as error:
            last = error
    raise Rejected(TSA_UNAVAILABLE) from last


def _checked(answer: bytes, imprint: bytes, digest: str, nonce: int) -> bytes:
    said = tsp.TimeStampResp.load(answer)
    if said["status"]["status"].native not in ("granted", "granted_with_mods"):
        raise _Lies("not granted")
    token = said["time_stamp_token"]
    signed = token["content"]
    info = signed["encap_content_info"]["content"].parsed
    about = info["message_imprint"]
    if about["hashed_message"].native != imprint or about["hash_algorithm"]["algorithm"].native != digest:
        raise _Lies("imprint differs")
    if info["nonce"].native != nonce:
        raise _Lies("nonce differs")
    _check_signature(signed)
    dumped: bytes = token.dump()
    return dumped


def _check_signature(signed: cms.SignedData) -> None:
    """RFC 5652, 5.4 and 5.6: the digest of the content, then the signature over the attributes."""
    (signer,) = signed["signer_infos"]
    algorithm = signer["digest_algorithm"]["algorithm"].native
    if algorithm not in DIGESTS:
        raise _Lies("digest algorithm")
    content = signed["encap_content_info"]["content"]
    attributes = {each["type"].native: each["values"] for each in signer["signed_attrs"]}
    if attributes["message_digest"][0].native != hashlib.new(algorithm, bytes(content)).digest():
        raise _Lies("content differs")
    key = _key(_certificate(signed, signer["sid"]))
    over = signer["signed_attrs"].untag().dump()
    _verify(key, signer["signature_algorithm"], signer["signature"].native, over, algorithm)


def _certificate(signed: cms.SignedData, sid: cms.SignerIdentifier) -> bytes:
    for choice in signed["certificates"]:
        each = choice.chosen
        if not isinstance(each, x509.Certificate):
            continue
        if sid.name == "issuer_and_serial_number":
            wanted = sid.chosen
            if each.serial_number == wanted["serial_number"].native and each.issuer == wanted["issuer"]:
                return bytes(each.dump())
        elif each.key_identifier == sid.chosen.native:
            return bytes(each.dump())
    raise _Lies("no certificate")


@lru_cache(maxsize=32)
def _key(certificate: bytes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    key = load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise _Lies("key")
    return key


def _verify(
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    algorithm: algos.SignedDigestAlgorithm,
    signature: bytes,
    over: bytes,
    digest: str,
) -> None:
    hashed = _HASHES[digest]
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, over, ec.ECDSA(hashed))
    elif algorithm.signature_algo == "rsassa_pss":
        key.verify(signature, over, padding.PSS(padding.MGF1(hashed), padding.PSS.AUTO), hashed)
    else:
        key.verify(signature, over, padding.PKCS1v15(), hashed)
