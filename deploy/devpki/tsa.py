"""The time-stamping authority (RFC 3161, RFC 5816, ETSI EN 319 422): says when it saw a digest."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import threading
from dataclasses import dataclass
from typing import Any

from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1_x509

from deploy.devpki import store
from deploy.devpki.der import CONTEXT_0, INTEGER, MALFORMED, OCTET_STRING, SEQUENCE, SET, set_of, tlv
from deploy.devpki.hierarchy import TSA_POLICY, Hierarchy
from deploy.devpki.store import Store

DIGEST_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
ACCURACY_SECONDS = 1
SERIALS_AT_ONCE = 256
log = logging.getLogger("vanthu.devpki.tsa")


class _Rejection(ValueError):
    """`failure` is asn1crypto's name for a PKIFailureInfo."""

    def __init__(self, failure: str, sentence: str) -> None:
        self.failure = failure
        self.sentence = sentence
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class _Request:
    imprint: Any  # asn1crypto MessageImprint, given back byte for byte
    nonce: int | None
    wants_certificates: bool


class SerialNumbers:
    """Serials that are never given twice: a block is written down as used before its first number is given.

    A restart loses the rest of a block, which RFC 3161 allows; one write pays for 256 time stamps.
    """

    def __init__(self, database: Store) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._next = self._end = 0

    def take(self) -> int:
        with self._lock:
            if self._next == self._end:
                with self._database.transaction() as tx:
                    self._end = store.advance(tx, "tsa serial", SERIALS_AT_ONCE) + 1
                self._next = self._end - SERIALS_AT_ONCE
            self._next += 1
            return self._next - 1


class TimeStampAuthority:
    def __init__(self, hierarchy: Hierarchy, database: Store) -> None:
        self._signer = hierarchy.tsa
        self._serials = SerialNumbers(database)
        certificate = asn1_x509.Certificate.load(hierarchy.tsa.der)
        self._certificates = (hierarchy.tsa.der, hierarchy.issuing.ca.der)
        self._signer_id = cms.IssuerAndSerialNumber(
            {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
        ).dump()
        self._certificate_id = _signing_certificate(certificate)

    def answer(self, request: bytes) -> bytes:
        """The TimeStampResp (DER) to a TimeStampReq (DER); a refusal is a TimeStampResp too (§2.4.2)."""
        try:
            asked = _read(request)
        except _Rejection as rejection:
            log.info("time stamp rejected: %s", rejection.sentence)
            return reject(rejection.failure, rejection.sentence)
        info: dict[str, Any] = {
            "version": "v1",
            "policy": TSA_POLICY.dotted_string,
            "message_imprint": asked.imprint,
            "serial_number": self._serials.take(),
            "gen_time": dt.datetime.now(dt.UTC).replace(microsecond=0),
            "accuracy": {"seconds": ACCURACY_SECONDS},
        }
        if asked.nonce is not None:
            info["nonce"] = asked.nonce
        token = self._sign(tsp.TSTInfo(info).dump(), with_certificates=asked.wants_certificates)
        return tlv(SEQUENCE, _GRANTED, token)

    def _sign(self, content: bytes, *, with_certificates: bool) -> bytes:
        """The TimeStampToken: CMS SignedData (RFC 5652 §5) around a TSTInfo."""
        digest = tlv(OCTET_STRING, hashlib.sha256(content).digest())
        attributes = (
            _CONTENT_TYPE,
            tlv(SEQUENCE, _MESSAGE_DIGEST, tlv(SET, digest)),
            self._certificate_id,
        )
        # Signed is the plain SET OF; inside SignerInfo the same octets stand under [0] (§5.4).
        signature = self._signer.sign(set_of(SET, *attributes))
        signer = tlv(
            SEQUENCE,
            tlv(INTEGER, b"\x01"),
            self._signer_id,
            _SHA256,
            set_of(CONTEXT_0, *attributes),
            self._signer.algorithm,
            tlv(OCTET_STRING, signature),
        )
        signed = tlv(
            SEQUENCE,
            tlv(INTEGER, b"\x03"),
            tlv(SET, _SHA256),
            tlv(SEQUENCE, _TST_INFO, tlv(CONTEXT_0, tlv(OCTET_STRING, content))),
            set_of(CONTEXT_0, *self._certificates) if with_certificates else b"",
            tlv(SET, signer),
        )
        return tlv(SEQUENCE, _SIGNED_DATA, tlv(CONTEXT_0, signed))


_TST_INFO = cms.ContentType("tst_info").dump()
_SIGNED_DATA = cms.ContentType("signed_data").dump()
_MESSAGE_DIGEST = cms.CMSAttributeType("message_digest").dump()
_CONTENT_TYPE = cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}).dump()
_SHA256 = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
_GRANTED = tsp.PKIStatusInfo({"status": "granted"}).dump()


def _signing_certificate(certificate: Any) -> bytes:
    """The attribute that binds the signature to its certificate: ESSCertIDv2 with SHA-256 (RFC 5816 §2.2.1)."""
    certificate_id = {
        "cert_hash": hashlib.sha256(certificate.dump()).digest(),
        "issuer_serial": {
            "issuer": [asn1_x509.GeneralName("directory_name", certificate.issuer)],
            "serial_number": certificate.serial_number,
        },
    }
    value = tsp.SigningCertificateV2({"certs": [certificate_id]})
    return bytes(cms.CMSAttribute({"type": "signing_certificate_v2", "values": [value]}).dump())


def _read(request: bytes) -> _Request:
    """Checks in the order of RFC 3161 §2.4.2's failure codes."""
    try:
        parsed = tsp.TimeStampReq.load(request, strict=True)
        native = parsed.native  # asn1crypto parses lazily; this visits every part
        algorithm = native["message_imprint"]["hash_algorithm"]["algorithm"]
        digest = native["message_imprint"]["hashed_message"]
    except MALFORMED as error:
        raise _Rejection("bad_data_format", "The request is no TimeStampReq.") from error
    if native["version"] != "v1":
        raise _Rejection("bad_request", "Only version 1 is known.")
    if algorithm not in DIGEST_SIZES:
        raise _Rejection("bad_alg", "Use SHA-256, SHA-384 or SHA-512.")
    if len(digest) != DIGEST_SIZES[algorithm]:
        raise _Rejection("bad_data_format", f"A {algorithm} digest has {DIGEST_SIZES[algorithm]} octets.")
    if native["req_policy"] not in (None, TSA_POLICY.dotted_string):
        raise _Rejection("unaccepted_policy", f"Only policy {TSA_POLICY.dotted_string} is served.")
    if native["extensions"]:
        raise _Rejection("unaccepted_extensions", "No extension is served.")
    return _Request(parsed["message_imprint"], native["nonce"], bool(native["cert_req"]))


def reject(failure: str, sentence: str) -> bytes:
    """A rejection (DER), without a token; `failure` is asn1crypto's name for a PKIFailureInfo."""
    status = {"status": "rejection", "status_string": [sentence], "fail_info": {failure}}
    return tlv(SEQUENCE, tsp.PKIStatusInfo(status).dump())
