"""What CAs say is believed only when they really said it, asked at permitted addresses alone, and never waited for without end."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from deploy.devpki.server import Running
from services.registry import revocation, status_data
from services.registry.revocation import Reach
from services.registry.status_data import Answer, Question
from shared.errors import Rejected
from tests.registry.keys import DAY, Ca, name, now, usage

KEY = ec.generate_private_key(ec.SECP256R1())
CA = Ca()
REACH = Reach(timeout=30.0)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(ocsp=False, crl=False, tsa=False)


# --- what is believed (an authority of the test's own, so that every lie can really be told)


def subject() -> x509.Certificate:
    return CA.sign(KEY.public_key())


def responder(*, nocheck: bool = True, eku: bool = True, by: Ca = CA) -> tuple[x509.Certificate, Any]:
    """A certificate for answering in the CA's place, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("OCSP của phép thử"))
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - DAY)
        .not_valid_after(now() + DAY)
        .add_extension(usage(digital_signature=True), critical=True)
    )
    if eku:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
    if nocheck:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    return builder.sign(by.key, hashes.SHA256()), key


def said(
    about: x509.Certificate,
    signer: tuple[x509.Certificate, Any],
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    at: datetime | None = None,
    lasts: timedelta | None = HOUR,
) -> bytes:
    at = at or now()
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=about,
            issuer=CA.certificate,
            algorithm=hashes.SHA1(),  # noqa: S303  as it was asked
            cert_status=status,
            this_update=at,
            next_update=at + lasts if lasts else None,
            revocation_time=at if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer[0])
        .certificates([signer[0]])
    )
    return builder.sign(signer[1], hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def asked(certificate: x509.Certificate) -> Question:
    return Question("ocsp", "http://ca.test/ocsp", CA.certificate, certificate)


def refused(code: str) -> Any:
    return pytest.raises(Rejected, match=f"^{code}:")


def test_a_delegate_of_the_ca_and_the_ca_itself_are_believed() -> None:
    one = subject()
    assert status_data.read(asked(one), said(one, responder()), now()).status == "good"
    own = said(one, (CA.certificate, CA.key), status=ocsp.OCSPCertStatus.REVOKED)
    found = status_data.read(asked(one), own, now())
    assert (found.status, found.reason) == ("revoked", "keyCompromise")


@pytest.mark.parametrize(
    "signer",
    [
        lambda: responder(eku=False),
        lambda: responder(nocheck=False),
        lambda: responder(by=Ca()),
        lambda: (subject(), KEY),
    ],
    ids=["not for OCSP", "to be checked itself", "of another CA with the same name", "any of the CA's certificates"],
)
def test_who_has_no_delegation_is_not_believed(signer: Callable[[], tuple[x509.Certificate, Any]]) -> None:
    one = subject()
    with refused("status_signer_not_authorised"):
        status_data.read(asked(one), said(one, signer()), now())


def test_an_answer_about_another_certificate_or_of_another_time_is_not_believed() -> None:
    one, other = subject(), subject()
    with refused("status_of_another"):
        status_data.read(asked(one), said(other, responder()), now())
    for stale in (said(one, responder(), at=now() - 2 * HOUR), said(one, responder(), at=now() + HOUR)):
        with refused("status_stale"):
            status_data.read(asked(one), stale, now())
    with refused("status_stale"):
        status_data.read(asked(one), said(one, responder(), lasts=None), now())


def test_a_changed_or_unreadable_answer_is_not_believed() -> None:
    one = subject()
    good = said(one, responder())
    tbs = ocsp.load_der_ocsp_response(good).tbs_response_bytes
    at = good.index(tbs) + tbs.index(b"Z\xa0\x11\x18\x0f")  # thisUpdate's end, and nextUpdate behind it
    changed = bytearray(good)
    changed[at - 1] ^= 1
    with pytest.raises(Rejected, match=r"^status_(signature_wrong|unreadable|stale):"):
        status_data.read(asked(one), bytes(changed), now())
    for noise in (b"", b"\x30\x03\x0a\x01\x00", b"<html>", good[:-5]):
        with refused("status_unreadable"):
            status_data.read(asked(one), noise, now())
    unauthorised = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    with refused("status_refused"):
        status_data.read(asked(one), unauthorised.public_bytes(serialization.Encoding.DER), now())


def crl(*revoked: int, by: Ca = CA, at: datetime | None = None, extension: x509.ExtensionType | None = None) -> bytes:
    at = at or now()
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(at).next_update(at + DAY)
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        builder = builder.add_revoked_certificate(entry)
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_only_the_cas_own_complete_fresh_list_is_believed() -> None:
    question = Question("crl", "http://ca.test/ca.crl", CA.certificate)
    good = status_data.read(question, crl(77), now())
    assert status_data.revoked_in(good.content, 77)
    assert not status_data.revoked_in(good.content, 78)
    indirect = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(question.url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=True,
        only_contains_attribute_certs=False,
    )
    for code, bad in {
        "status_signature_wrong": crl(by=Ca()),
        "status_of_another": crl(by=Ca(common_name="Root khác")),
        "status_stale": crl(at=now() - 2 * DAY),
        "status_list_partial": crl(extension=indirect),
        "status_unreadable": b"<html>",
    }.items():
        with refused(code):
            status_data.read(question, bad, now())


def test_answers_are_renewed_at_half_their_life_spread_out_and_at_least_hourly() -> None:
    at = now()
    half = [status_data.ask_again_at(Answer(b"", at, at + 10 * timedelta(minutes=1), "good"), at, lambda c=c: c) - at  # type: ignore[misc]
            for c in (0.0, 0.5, 0.999)]  # fmt: skip
    assert half[0] < half[1] < half[2]
    assert timedelta(minutes=4, seconds=29) <= half[0]
    assert half[2] <= timedelta(minutes=5, seconds=31)
    assert status_data.ask_again_at(Answer(b"", at, at + 30 * DAY), at) == at + HOUR


# --- what may be asked


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ldap://ca.test/cn=crl", "http://user:secret@ca.test/", "http://", "http://[", "gopher://x"],
)
def test_only_plain_web_addresses_are_asked(url: str) -> None:
    assert not status_data.may_ask(url, None)
    with refused("status_address_not_permitted"):
        revocation.request("GET", url, REACH, headers={})


def test_the_operator_says_which_hosts_may_be_asked(pki: Running) -> None:
    assert not status_data.may_ask(pki.crl_url, frozenset({"ca.gov.vn"}))
    assert status_data.may_ask(pki.crl_url, frozenset({"127.0.0.1"}))
    with refused("status_address_not_permitted"):
        revocation.request("GET", pki.crl_url, Reach(frozenset({"ca.gov.vn"})), headers={})


@contextmanager
def answering(act: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A web server of its own on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            act(self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/ca.crl"
        finally:
            server.shutdown()
            thread.join()


def test_a_redirect_is_not_followed(pki: Running) -> None:
    def redirect(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", pki.crl_url)
        request.end_headers()

    with answering(redirect) as url, refused("status_unreachable"):
        revocation.request("GET", url, REACH, headers={})


def test_an_answer_without_end_is_cut_off() -> None:
    def flood(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65536)
        except OSError:
            return

    with answering(flood) as url, refused("status_unreadable"):
        revocation.request("GET", url, Reach(timeout=30.0), headers={})


def test_a_server_that_drips_is_given_up() -> None:
    """Each byte comes in time, the whole never would: what counts is the whole."""
    gone = threading.Event()

    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while not gone.wait(0.05):
                request.wfile.write(b"x")
        except OSError:
            return

    with answering(drip) as url:
        try:
            with refused("status_unreachable"):
                revocation.request("GET", url, Reach(timeout=0.3), headers={})
        finally:
            gone.set()


def test_the_addresses_asked_are_those_that_the_certificate_names(pki: Running) -> None:
    issued = pki.issue(KEY.public_key(), common_name="A").certificate
    found = {(one.kind, one.url) for one in status_data.questions(issued, pki.issuing)}
    access = issued.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    [named] = [one.access_location.value for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
    assert found == {("ocsp", named), ("crl", pki.crl_url)}
    assert list(status_data.questions(CA.certificate, CA.certificate)) == []


# --- one certificate now


def test_the_ca_is_asked_what_it_says_now(pki: Running) -> None:
    issued = pki.issue(KEY.public_key(), common_name="A")
    assert revocation.standing(issued.certificate, pki.issuing, REACH).status == "good"
    pki.outage(ocsp=True)
    assert revocation.standing(issued.certificate, pki.issuing, REACH).status == "good", "the list says so too"
    pki.revoke(issued.serial, "keyCompromise")
    by_list = revocation.standing(issued.certificate, pki.issuing, REACH)
    pki.outage(ocsp=False)
    by_ocsp = revocation.standing(issued.certificate, pki.issuing, REACH)
    assert (by_list.status, by_list.reason, by_list.revoked_at) == ("revoked", "keyCompromise", by_ocsp.revoked_at)
    assert (by_ocsp.status, by_ocsp.reason) == ("revoked", "keyCompromise")
    pki.outage(ocsp=True, crl=True)
    silent = revocation.standing(issued.certificate, pki.issuing, REACH)
    assert silent.status == "unreachable"
    assert silent.problem is not None
    assert silent.problem.code == "status_unreachable"
