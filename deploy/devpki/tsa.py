"""The time-stamping authority (RFC 3161, RFC 5816, ETSI EN 319 422): says when it saw a digest."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import threading
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki import store
from deploy.devpki.hierarchy import TSA_POLICY, Hierarchy
from deploy.devpki.store import Store

DIGEST_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
ACCURACY_SECONDS = 1
SERIALS_AT_ONCE = 256
log = logging.getLogger("vanthu.devpki.tsa")


class _Response(core.Sequence):  # type: ignore[misc]
    """TimeStampResp (§2.4.2); the library's own class demands a token even in a rejection."""

    _fields = [  # noqa: RUF012 - asn1crypto's way to declare
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


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
        self._key = hierarchy.tsa.key
        self._certificate = asn1_x509.Certificate.load(hierarchy.tsa.der)
        self._issuer = asn1_x509.Certificate.load(hierarchy.issuing.ca.der)
        self._serials = SerialNumbers(database)

    def answer(self, request: bytes) -> bytes:
        """The TimeStampResp (DER) to a TimeStampReq (DER); a refusal is a TimeStampResp too (§2.4.2)."""
        try:
            asked = _read(request)
        except _Rejection as rejection:
            log.info("time stamp rejected: %s", rejection.sentence)
            return reject(rejection.failure, rejection.sentence)
        response = _Response({"status": {"status": "granted"}, "time_stamp_token": self._token(asked)})
        return bytes(response.dump())

    def _token(self, asked: _Request) -> Any:
        info = {
            "version": "v1",
            "policy": TSA_POLICY.dotted_string,
            "message_imprint": asked.imprint,
            "serial_number": self._serials.take(),
            "gen_time": dt.datetime.now(dt.UTC).replace(microsecond=0),
            "accuracy": {"seconds": ACCURACY_SECONDS},
        }
        if asked.nonce is not None:
            info["nonce"] = asked.nonce
        content = tsp.TSTInfo(info).dump()
        attributes = self._signed_attributes(content)
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": self._certificate.issuer, "serial_number": self._certificate.serial_number},
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            # Signed is the plain SET OF, not its [0] form inside SignerInfo (RFC 5652 §5.4).
            "signature": self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
        }
        signed = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {
                "content_type": "tst_info",
                "content": core.ParsableOctetString(content),
            },
            "signer_infos": [signer],
        }
        if asked.wants_certificates:
            signed["certificates"] = [self._certificate, self._issuer]
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})

    def _signed_attributes(self, content: bytes) -> Any:
        """Content type, digest, and ESSCertIDv2 with SHA-256 (RFC 5816 §2.2.1)."""
        certificate_id = {
            "cert_hash": hashlib.sha256(self._certificate.dump()).digest(),
            "issuer_serial": {
                "issuer": [asn1_x509.GeneralName("directory_name", self._certificate.issuer)],
                "serial_number": self._certificate.serial_number,
            },
        }
        return cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
                {
                    "type": "signing_certificate_v2",
                    "values": [tsp.SigningCertificateV2({"certs": [certificate_id]})],
                },
            ],
        )


def _read(request: bytes) -> _Request:
    """Checks in the order of RFC 3161 §2.4.2's failure codes."""
    try:
        parsed = tsp.TimeStampReq.load(request, strict=True)
        native = parsed.native  # asn1crypto parses lazily; this visits every part
        algorithm = native["message_imprint"]["hash_algorithm"]["algorithm"]
        digest = native["message_imprint"]["hashed_message"]
    except (ValueError, TypeError, KeyError, OverflowError) as error:
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
    """A rejection (DER); `failure` is asn1crypto's name for a PKIFailureInfo."""
    status = {"status": "rejection", "status_string": [sentence], "fail_info": {failure}}
    return bytes(_Response({"status": status}).dump())
