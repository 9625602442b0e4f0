"""The OCSP responder (RFC 6960, RFC 9654): says what the store says, at the moment it is asked.

Nothing is cached: a signature costs less than a look into a cache is worth, and a revocation shows at once.
asn1crypto reads and writes the messages, because one request may ask about several certificates and each
answer carries an archive cutoff.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from asn1crypto import algos, core, ocsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.der import BIT_STRING, CONTEXT_0, ENUMERATED, MALFORMED, OCTET_STRING, SEQUENCE, tlv
from deploy.devpki.hierarchy import Authority, Hierarchy
from deploy.devpki.issuing import serial_text
from deploy.devpki.store import Status, Store

FRESH_FOR = dt.timedelta(minutes=10)
NONCE_LIMIT = 32  # octets
CERT_ID_HASHES = ("sha1", "sha256", "sha384", "sha512")
log = logging.getLogger("vanthu.devpki.ocsp")

_REASONS = {  # RFC 5280 names to asn1crypto's
    "keyCompromise": "key_compromise",
    "cACompromise": "ca_compromise",
    "affiliationChanged": "affiliation_changed",
    "superseded": "superseded",
    "cessationOfOperation": "cessation_of_operation",
    "certificateHold": "certificate_hold",
    "privilegeWithdrawn": "privilege_withdrawn",
}
_BASIC = ocsp.ResponseType("basic_ocsp_response").dump()
_ECDSA_SHA256 = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}).dump()


class _Malformed(ValueError):
    """The request breaks RFC 6960 or a bound of ours."""


@dataclass(frozen=True, slots=True)
class _Question:
    ids: tuple[Any, ...]  # asn1crypto CertId
    nonce: bytes | None


class OcspResponder:
    def __init__(self, hierarchy: Hierarchy, database: Store) -> None:
        self._database = database
        self._authorities: dict[tuple[str, bytes, bytes], Authority] = {}
        self._responder_ids: dict[str, bytes] = {}
        for authority in hierarchy.authorities:
            signer = asn1_x509.Certificate.load(authority.ocsp.der)
            self._responder_ids[authority.name] = signer.public_key.sha1
            certificate = asn1_x509.Certificate.load(authority.ca.der)
            subject, key = certificate.subject.dump(), bytes(certificate.public_key["public_key"])
            for algorithm in CERT_ID_HASHES:
                hashed = hashlib.new(algorithm, subject).digest(), hashlib.new(algorithm, key).digest()
                self._authorities[(algorithm, *hashed)] = authority

    def answer(self, request: bytes) -> bytes:
        """The OCSPResponse (DER) to an OCSPRequest (DER); errors are answers too (§2.3)."""
        try:
            question = _read(request)
        except MALFORMED as error:
            log.info("malformed OCSP request: %s", error)
            return _error("malformed_request")
        # One signer answers the whole request, and it may speak for one CA only.
        authorities = {self._find_authority(one) for one in question.ids}
        authority = authorities.pop()
        if authority is None or authorities:
            return _error("unauthorized")
        return self._sign(authority, question)

    def _find_authority(self, cert_id: Any) -> Authority | None:
        key = (
            cert_id["hash_algorithm"]["algorithm"].native,
            cert_id["issuer_name_hash"].native,
            cert_id["issuer_key_hash"].native,
        )
        return self._authorities.get(key)

    def _sign(self, authority: Authority, question: _Question) -> bytes:
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        data: dict[str, Any] = {
            "responder_id": ocsp.ResponderId("by_key", self._responder_ids[authority.name]),
            "produced_at": now,
            "responses": [self._single(authority, one, now) for one in question.ids],
        }
        if question.nonce is not None:
            data["response_extensions"] = [{"extn_id": "nonce", "extn_value": core.OctetString(question.nonce)}]
        tbs = ocsp.ResponseData(data).dump()
        signature = authority.ocsp.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
        basic = tlv(
            SEQUENCE,
            tbs,
            _ECDSA_SHA256,
            tlv(BIT_STRING, b"\0", signature),
            tlv(CONTEXT_0, tlv(SEQUENCE, authority.ocsp.der)),
        )
        answer = tlv(SEQUENCE, _BASIC, tlv(OCTET_STRING, basic))
        return tlv(SEQUENCE, tlv(ENUMERATED, b"\0"), tlv(CONTEXT_0, answer))  # 0: successful

    def _single(self, authority: Authority, cert_id: Any, now: dt.datetime) -> dict[str, Any]:
        cutoff = authority.ca.certificate.not_valid_before_utc
        serial = serial_text(cert_id["serial_number"].native)
        return {
            "cert_id": cert_id,
            "cert_status": _cert_status(self._database.find_status(authority.name, serial)),
            "this_update": now,
            "next_update": now + FRESH_FOR,
            # We answer for expired certificates too, ever since the CA began (§4.4.4).
            "single_extensions": [{"extn_id": "archive_cutoff", "extn_value": core.GeneralizedTime(cutoff)}],
        }


def _cert_status(status: Status | None) -> Any:
    if status is None:
        return ocsp.CertStatus("unknown", ocsp.StatusUnknown())
    if status.reason is None:
        return ocsp.CertStatus("good", ocsp.StatusGood())
    revoked: dict[str, Any] = {"revocation_time": dt.datetime.fromtimestamp(status.revoked_at or 0, dt.UTC)}
    if status.reason in _REASONS:
        revoked["revocation_reason"] = _REASONS[status.reason]
    return ocsp.CertStatus("revoked", ocsp.RevokedInfo(revoked))


def _read(request: bytes) -> _Question:
    parsed = ocsp.OCSPRequest.load(request, strict=True)
    if not parsed.native:  # asn1crypto parses lazily; this visits every part
        raise _Malformed("empty")
    tbs = parsed["tbs_request"]
    ids = tuple(one["req_cert"] for one in tbs["request_list"])
    if not ids or tbs["version"].native != "v1":
        raise _Malformed("no question, or not version 1")
    if any(one["serial_number"].native < 0 for one in ids):
        raise _Malformed("negative serial")
    nonce = None
    for extension in tbs["request_extensions"]:
        kind = extension["extn_id"].native
        if kind == "nonce":
            nonce = extension["extn_value"].parsed.native
            if not isinstance(nonce, bytes) or not 1 <= len(nonce) <= NONCE_LIMIT:
                raise _Malformed("nonce length")
        elif extension["critical"].native and kind not in ("acceptable_responses", "preferred_signature_algorithms"):
            raise _Malformed(f"critical extension {kind}")
    return _Question(ids, nonce)


def _error(status: str) -> bytes:
    """An unsigned error answer; `status` is asn1crypto's name for an OCSPResponseStatus (§4.2.1)."""
    return bytes(ocsp.OCSPResponse({"response_status": status}).dump())


def internal_error() -> bytes:
    return _error("internal_error")
