"""A responder or a list that lies: a revoked certificate is never taken for a good one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from asn1crypto import ocsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.hierarchy import Authority, Identity
from deploy.devpki.ocsp import OcspResponder
from deploy.devpki.server import Running
from deploy.devpki.store import Status
from services.signing import pdf
from shared.errors import Rejected
from tests.interop import paper
from tests.interop.paper import SoftKey

YESTERDAY = dt.timedelta(days=1)
Responder = Callable[[bytes], bytes]


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(ocsp=False, crl=False)


def signer(pki: Running) -> tuple[SoftKey, str]:
    """A person of their own, and the serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    issued = pki.issue(key.public_key(), common_name=paper.NAME)
    chain = (pki.pki.hierarchy.issuing.ca.der,)
    return SoftKey(key, issued.der, chain, pdf.Mechanism.ECDSA), issued.serial


def stranger(pki: Running) -> Identity:
    """Somebody of the same CA who may not speak for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Identity(pki.issue(key.public_key(), common_name="Người khác").certificate, key)


def about_another(pki: Running) -> Responder:
    """Good, and well signed, but about somebody else's certificate."""
    other = pki.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), common_name="Người khác")
    honest = OcspResponder(pki.pki.hierarchy, pki.pki.database)

    def answer(request: bytes) -> bytes:
        asked = ocsp.OCSPRequest.load(request).copy()
        asked["tbs_request"]["request_list"][0]["req_cert"]["serial_number"] = other.certificate.serial_number
        return honest.answer(asked.dump(force=True))

    return answer


class Lenient(OcspResponder):
    """A responder to whom nobody is revoked; `nonce` is said instead of the one that was asked with."""

    nonce: bytes | None = None

    def _status(self, authority: Authority, cert_id: Any) -> Status | None:
        found = super()._status(authority, cert_id)
        return found and replace(found, reason=None, revoked_at=None)

    def _sign(self, authority: Authority, question: Any, statuses: Any, now: dt.datetime) -> bytes:
        return super()._sign(authority, replace(question, nonce=self.nonce or question.nonce), statuses, now)


def of_yesterday(pki: Running) -> Responder:
    """What the responder said before the revocation, given again."""
    return Lenient(pki.pki.hierarchy, pki.pki.database, clock=lambda: dt.datetime.now(dt.UTC) - YESTERDAY).answer


def wrongly_signed(pki: Running) -> Responder:
    """In the responder's name, with another key."""
    itself = pki.pki.hierarchy
    forged = Identity(itself.issuing.ocsp.certificate, ec.generate_private_key(ec.SECP256R1()))
    return Lenient(replace(itself, issuing=replace(itself.issuing, ocsp=forged)), pki.pki.database).answer


def by_a_stranger(pki: Running) -> Responder:
    itself = pki.pki.hierarchy
    return Lenient(replace(itself, issuing=replace(itself.issuing, ocsp=stranger(pki))), pki.pki.database).answer


def with_an_old_nonce(pki: Running) -> Responder:
    """Fresh and signed, the answer to another question."""
    responder = Lenient(pki.pki.hierarchy, pki.pki.database)
    responder.nonce = b"of another question"
    return responder.answer


LIES: dict[str, Callable[[Running], Responder]] = {
    "about another certificate": about_another,
    "of yesterday": of_yesterday,
    "wrongly signed": wrongly_signed,
    "by a stranger": by_a_stranger,
    "with an old nonce": with_an_old_nonce,
    "garbage": lambda _pki: lambda _request: b"\x30\x03garbage",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_responder_makes_nobody_good(pki: Running, monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    """With the list the truth is found, without it nothing is believed; the good are not refused for long."""
    key, serial = signer(pki)
    pki.revoke(serial)
    with monkeypatch.context() as patch:
        patch.setattr(pki.pki.ocsp, "answer", LIES[lie](pki))
        with pytest.raises(Rejected) as refused:
            pdf.check_certificate(key.certificate, key.chain, paper.trust(pki))
        assert refused.value.code == "certificate_revoked", "the list says so"
        pki.outage(crl=True)
        with pytest.raises(Rejected) as refused:
            pdf.check_certificate(key.certificate, key.chain, paper.trust(pki))
        assert refused.value.code == "revocation_unavailable"
    pki.outage(crl=False)
    fine, _ = signer(pki)
    pdf.check_certificate(fine.certificate, fine.chain, paper.trust(pki))


def test_a_list_by_somebody_else_or_of_yesterday_is_no_list(pki: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    key, serial = signer(pki)
    old = _list(pki, pki.pki.hierarchy.issuing.ca, dt.datetime.now(dt.UTC) - 2 * YESTERDAY)
    strange = _list(pki, stranger(pki), dt.datetime.now(dt.UTC))
    pki.revoke(serial)
    pki.outage(ocsp=True)
    for lie in (old, strange, b"\x30\x03garbage"):
        with monkeypatch.context() as patch:
            patch.setattr(pki.pki.crls["issuing"], "current", lambda lie=lie: lie)
            with pytest.raises(Rejected) as refused:
                pdf.check_certificate(key.certificate, key.chain, paper.trust(pki))
            assert refused.value.code == "revocation_unavailable"
    with pytest.raises(Rejected) as refused:
        pdf.check_certificate(key.certificate, key.chain, paper.trust(pki))
    assert refused.value.code == "certificate_revoked"


def _list(pki: Running, by: Identity, at: dt.datetime) -> bytes:
    """An empty list in the issuing CA's name, for one day from then."""
    from cryptography.hazmat.primitives.serialization import Encoding

    issuer = pki.pki.hierarchy.issuing.ca.certificate.subject
    made = x509.CertificateRevocationListBuilder().issuer_name(issuer).last_update(at).next_update(at + YESTERDAY)
    return made.add_extension(x509.CRLNumber(1), critical=False).sign(by.key, by.digest).public_bytes(Encoding.DER)
