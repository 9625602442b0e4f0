"""step-ca (smallstep/certificates) over its HTTP API, as a JWK provisioner.

What a certificate says is decided here: the one-time token carries the subject, the dates and the serial, signed with
the provisioner's key, and the provisioner's template (data/step_ca_template.json) puts nothing else in.

step-ca has no idempotency: an order whose answer was lost is signed a second time. So that this is the same certificate
and not a second one nobody knows, serial and dates follow from the order: a repetition differs in the signature value
at most, and one revocation ends all of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.registry.ca import TIMEOUT, Alone, Answer, Order, reached
from services.registry.refusals import CA_REFUSED, CA_UNREACHABLE
from services.registry.refusals_ca import CA_CANNOT_HOLD, CA_NOT_PINNED, CA_SETTINGS
from shared.errors import Rejected
from shared.ids import new_id

TOKEN_LIFE = 300  # seconds, as the `step` program gives its tokens
BACKDATE = timedelta(minutes=1)  # clocks of other machines lag
REASON_CODES = {  # RFC 5280 §5.3.1
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "privilegeWithdrawn": 9,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSettings:
    """`fingerprint` is the SHA-256 of the root's DER in hexadecimal; `key` gives the provisioner's private JWK (P-256).

    `days` is how long certificates live; the provisioner's maxTLSCertDuration has to allow it.
    """

    url: str
    fingerprint: str
    provisioner: str
    key: Callable[[], str]
    days: int = 730


class StepCA(Alone):
    name = "step-ca"
    answers_later = False

    def __init__(self, settings: StepSettings) -> None:
        self.settings = settings
        self.fingerprint = settings.fingerprint.replace(":", "").lower()
        self._trusted: ssl.SSLContext | None = None

    def issue(self, order: Order) -> Answer:
        csr = x509.load_pem_x509_csr(order.csr_pem.encode())
        start = order.not_before or order.ordered_at.replace(microsecond=0) - BACKDATE
        end = order.not_after or start + timedelta(days=self.settings.days)
        claims = {
            # The request may name anybody (a token's software writes what it likes); what counts is `vanthu`.
            "sub": _common_name(csr) or order.common_name,
            "sans": _alternative_names(csr),
            "cnf": {"x5rt#S256": _b64(hashlib.sha256(csr.public_bytes(serialization.Encoding.DER)).digest())},
            "vanthu": _subject(order),
        }
        found = self._post(
            "/1.0/sign",
            {
                "csr": order.csr_pem,
                "ott": self._token("/1.0/sign", claims),
                "notBefore": _rfc3339(start),
                "notAfter": _rfc3339(end),
            },
        )
        certificate, *chain = found["certChain"] if found.get("certChain") else (found["crt"], found["ca"])
        return Answer(pem=certificate, chain_pem="".join(_line_end(each) for each in chain))

    def end(self, serial: str, reason: str) -> None:
        """Revocation in step-ca is passive and final: a suspension can't be told, so its release need not be."""
        if reason == "removeFromCRL":
            return
        if reason not in REASON_CODES:
            raise Rejected(CA_CANNOT_HOLD)
        decimal = str(int(serial, 16))
        body = {
            "serial": decimal,
            "ott": self._token("/1.0/revoke", {"sub": decimal, "sans": []}),
            "reasonCode": REASON_CODES[reason],
            "reason": reason,
            "passive": True,
        }
        try:
            self._post("/1.0/revoke", body)
        except Rejected as refused:
            # Said before, and the answer was lost: the same again changes nothing.
            if "is already revoked" not in str(refused.params.get("reason_en")):
                raise

    def _token(self, path: str, claims: dict[str, Any]) -> str:
        """A one-time token: its id is stored by the CA, so each is made for one call."""
        try:
            key = ECKey.import_key(json.loads(self.settings.key()))
        except (ValueError, TypeError, AttributeError, JoseError) as error:
            raise Rejected(CA_SETTINGS, where="VANTHU_STEP_KEY") from error
        if not key.is_private or key.curve_name != "P-256":
            raise Rejected(CA_SETTINGS, where="VANTHU_STEP_KEY: P-256, d")
        now = int(time.time())
        common = {
            "iss": self.settings.provisioner,
            "aud": self.settings.url + path,
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_LIFE,
            "jti": new_id().hex,
        }
        # A key without an id of its own is known by its thumbprint (RFC 7638), as `step` names it.
        return jwt.encode({"alg": "ES256", "kid": key.kid or key.thumbprint()}, common | claims, key)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = reached(lambda: httpx.post(self.settings.url + path, json=body, verify=self._trust(), timeout=TIMEOUT))
        if answer.is_error:
            raise _refusal(answer)
        found: dict[str, Any] = answer.json()
        return found

    def _trust(self) -> ssl.SSLContext:
        """TLS under the pinned root alone: the CA may show any chain, it counts when it ends there."""
        if self._trusted is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=self._fetch_root_unverified_then_pin())
            self._trusted = context
        return self._trusted

    def _fetch_root_unverified_then_pin(self) -> str:
        """The root by its fingerprint. Who answers is not known yet: only the fingerprint makes it the root."""
        try:
            answer = httpx.get(f"{self.settings.url}/root/{self.fingerprint}", verify=False, timeout=TIMEOUT)  # noqa: S501
        except httpx.HTTPError as error:
            raise Rejected(CA_UNREACHABLE, why=type(error).__name__) from error
        try:
            root = x509.load_pem_x509_certificate(answer.json()["ca"].encode())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Rejected(CA_NOT_PINNED, url=self.settings.url) from error
        der = root.public_bytes(serialization.Encoding.DER)
        if hashlib.sha256(der).hexdigest() != self.fingerprint:
            raise Rejected(CA_NOT_PINNED, url=self.settings.url)
        return ssl.DER_cert_to_PEM_cert(der)


def serial_of(key: str) -> int:
    """The serial of an order: 159 bits of a digest, positive and of at most 20 octets (RFC 5280 §4.1.2.2).

    Order keys hold 74 random bits, more than the 64 that make serials unpredictable.
    """
    return (int.from_bytes(hashlib.sha256(b"vanthu order " + key.encode()).digest()[:20], "big") >> 1) | 1


def _subject(order: Order) -> dict[str, str]:
    names = {
        "profile": order.profile,
        "serial": hex(serial_of(order.key)),
        "common_name": order.common_name,
        "organisation": order.organisation,
        "organisation_id": order.organisation_id,
        "title": order.title,
        "email": order.email,
    }
    return {name: value for name, value in names.items() if value}


def _common_name(csr: x509.CertificateSigningRequest) -> str:
    names = csr.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _alternative_names(csr: x509.CertificateSigningRequest) -> list[str]:
    """What the request itself asks for: step-ca wants it repeated in the token. The template leaves all of it out."""
    try:
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names if hasattr(name, "value")]


def _refusal(answer: httpx.Response) -> Rejected:
    try:
        said = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        said = answer.reason_phrase
    return Rejected(CA_REFUSED, code=f"http_{answer.status_code}", reason_vi=said, reason_en=said)


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _line_end(pem: str) -> str:
    return pem if pem.endswith("\n") else pem + "\n"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
