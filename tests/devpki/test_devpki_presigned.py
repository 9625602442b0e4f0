"""Answers that are kept and given again: never after their time, never after a change of status, never to a nonce."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from deploy.devpki import store
from deploy.devpki.issuing import Issued, Subject
from deploy.devpki.ocsp import AHEAD, FRESH_FOR, REUSED_FOR, OcspResponder
from deploy.devpki.pki import Pki
from deploy.devpki.server import Running, running
from deploy.devpki.store import Store
from shared.errors import Rejected
from tests.devpki.test_devpki_status import question
from tests.devpki.test_devpki_tsa import query
from tests.devpki.tools import Openssl, call

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
SECOND = dt.timedelta(seconds=1)
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


@dataclass
class Desk:
    """A responder whose clock is a value, on the real store."""

    pki: Pki
    now: dt.datetime

    def __post_init__(self) -> None:
        self.responder = OcspResponder(self.pki.hierarchy, self.pki.database, lambda: self.now)

    def issue(self) -> Issued:
        return self.pki.issue(KEY, subject=Subject("A"), profile="person")

    def ask(self, request: bytes) -> tuple[bytes, ocsp.OCSPResponse]:
        """The answer, checked: it is of its time and its signature is the signer's."""
        said = self.responder.answer(request)
        answer = ocsp.load_der_ocsp_response(said)
        assert answer.next_update_utc
        assert answer.this_update_utc <= self.now < answer.next_update_utc
        assert self.now - answer.this_update_utc < REUSED_FOR + SECOND
        assert answer.next_update_utc - answer.this_update_utc == FRESH_FOR
        signer = self.pki.hierarchy.issuing.ocsp.certificate.public_key()
        assert isinstance(signer, ec.EllipticCurvePublicKey)
        signer.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
        return said, answer

    def about(self, issued: Issued, nonce: bytes | None = None, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
        return question(issued.certificate, self.pki.hierarchy.issuing.ca.certificate, nonce=nonce, algorithm=algorithm)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    pki = Pki(tmp_path, "http://127.0.0.1:1")
    yield Desk(pki, dt.datetime.now(dt.UTC))
    pki.close()


def test_an_answer_is_given_again_for_a_minute_and_then_signed_anew(desk: Desk) -> None:
    asked = desk.about(desk.issue())
    first, _ = desk.ask(asked)
    desk.now += REUSED_FOR - SECOND
    again, _ = desk.ask(asked)
    assert again == first
    desk.now += SECOND
    fresh, answer = desk.ask(asked)
    assert fresh != first
    assert answer.produced_at_utc == desk.now.replace(microsecond=0)


def test_a_change_of_status_is_in_the_very_next_answer(desk: Desk) -> None:
    issued, other = desk.issue(), desk.issue()
    asked, beside = desk.about(issued), desk.about(other)
    neighbour, _ = desk.ask(beside)
    for reason, status in (("certificateHold", REVOKED), ("removeFromCRL", GOOD), ("keyCompromise", REVOKED)):
        desk.ask(asked)  # kept, with what was true before
        desk.pki.revoke(issued.serial, reason)
        assert desk.ask(asked)[1].certificate_status == status
    # The others' answers stand: one revocation does not have everything signed anew.
    assert desk.ask(beside)[0] == neighbour


def test_a_revocation_by_another_process_shows_as_soon(desk: Desk) -> None:
    issued = desk.issue()
    asked = desk.about(issued)
    assert desk.ask(asked)[1].certificate_status == GOOD
    elsewhere = Store(desk.pki.var / "devpki" / "state.sqlite")
    with elsewhere.transaction() as tx:
        store.save_status(tx, "issuing", store.Status(issued.serial, "superseded", int(desk.now.timestamp())))
    elsewhere.close()
    assert desk.ask(asked)[1].certificate_status == REVOKED


def test_an_unknown_certificate_is_known_the_moment_it_is_issued(desk: Desk) -> None:
    issued = desk.issue()
    asked = desk.about(issued)
    with desk.pki.database.transaction() as tx:
        tx.execute("DELETE FROM certificate WHERE serial = ?", (issued.serial,))
    assert desk.ask(asked)[1].certificate_status == UNKNOWN
    with desk.pki.database.transaction() as tx:
        store.add(tx, issued.serial, issuer="issuing", profile="person", der=issued.der, at=0)
    assert desk.ask(asked)[1].certificate_status == GOOD


def test_a_nonce_never_gets_a_kept_answer(desk: Desk) -> None:
    issued = desk.issue()
    plain, _ = desk.ask(desk.about(issued))
    asked = desk.about(issued, nonce=b"n" * 16)
    seen = {plain}
    for _ in range(3):
        desk.now += SECOND
        said, answer = desk.ask(asked)
        assert answer.produced_at_utc == desk.now.replace(microsecond=0)
        assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16
        seen.add(said)
    assert len(seen) == 4
    assert desk.ask(desk.about(issued))[0] == plain


def test_a_clock_that_was_set_back_gives_no_answer_of_the_future(desk: Desk) -> None:
    asked = desk.about(desk.issue())
    desk.ask(asked)
    desk.now -= 10 * SECOND
    desk.ask(asked)  # checks that it is of this moment


def test_what_is_asked_for_is_signed_before_it_runs_out_and_the_rest_is_forgotten(desk: Desk) -> None:
    wanted, once = desk.about(desk.issue()), desk.about(desk.issue())
    old, _ = desk.ask(wanted)
    desk.ask(once)
    desk.ask(wanted)
    assert desk.responder.renew_ahead() == 0
    desk.now += REUSED_FOR - AHEAD
    assert desk.responder.renew_ahead() == 1
    signed_at = desk.now.replace(microsecond=0)
    desk.now += SECOND
    new, answer = desk.ask(wanted)
    assert (new != old, answer.produced_at_utc) == (True, signed_at)
    assert desk.ask(once)[1].produced_at_utc == desk.now.replace(microsecond=0)


def test_a_renewal_ahead_says_what_is_true_by_then(desk: Desk) -> None:
    issued = desk.issue()
    asked = desk.about(issued)
    desk.ask(asked)
    desk.ask(asked)
    desk.pki.revoke(issued.serial, "keyCompromise")
    desk.now += REUSED_FOR - AHEAD
    assert desk.responder.renew_ahead() == 1
    assert desk.ask(asked)[1].certificate_status == REVOKED


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_in_between_each_answer_is_true_and_of_its_time(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    issued = [desk.issue() for _ in range(3)]
    held: dict[str, str | None] = {one.serial: None for one in issued}

    def ask() -> None:
        one = chance.choice(issued)
        nonce = chance.choice((None, None, None, b"nonce"))
        algorithm = chance.choice((hashes.SHA1(), hashes.SHA256()))  # noqa: S303  as clients ask
        _, answer = desk.ask(desk.about(one, nonce, algorithm))
        assert answer.certificate_status == (GOOD if held[one.serial] is None else REVOKED)
        assert answer.serial_number == one.certificate.serial_number

    def change() -> None:
        one = chance.choice(issued)
        reason = "removeFromCRL" if held[one.serial] else "certificateHold"
        desk.pki.revoke(one.serial, reason)
        held[one.serial] = None if reason == "removeFromCRL" else reason

    def wait() -> None:
        desk.now += dt.timedelta(seconds=chance.choice((1, 7, 19, 41, 59, 60, 61, 599, 600, 3600)))

    acts: tuple[Callable[[], object], ...] = (ask, ask, ask, ask, change, wait, desk.responder.renew_ahead)
    for _ in range(300):
        chance.choice(acts)()


def test_over_http_too_a_revocation_is_in_the_next_answer_of_every_connection() -> None:
    with running() as pki:
        issued = pki.issue(KEY, common_name="A")
        asked = question(issued.certificate, pki.issuing)

        def status() -> ocsp.OCSPCertStatus:
            reply = call(pki.ocsp_url, asked, Content_Type="application/ocsp-request")
            return ocsp.load_der_ocsp_response(reply.body).certificate_status

        with ThreadPoolExecutor(4) as pool:
            assert {each.result() for each in [pool.submit(status) for _ in range(40)]} == {GOOD}
            body = f'{{"serial": "{issued.serial}", "reason": "keyCompromise"}}'.encode()
            assert call(f"{pki.url}/ca/revoke", body, Authorization=f"Bearer {pki.secret}").status == 200
            assert {each.result() for each in [pool.submit(status) for _ in range(40)]} == {REVOKED}


# --- writing together


def test_one_key_that_comes_from_all_sides_at_once_gets_one_certificate(desk: Desk) -> None:
    meet = threading.Barrier(8)

    def issue(_: int) -> bytes:
        meet.wait()
        return desk.pki.issue(KEY, subject=Subject("A"), profile="person", idempotency_key="once").der

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(issue, range(8)))
    assert len(made) == 1
    with desk.pki.database.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM certificate WHERE profile = 'person'").fetchone() == (1,)


def test_what_fails_undoes_nobody_elses_work(desk: Desk) -> None:
    desk.pki.issue(KEY, subject=Subject("A"), profile="person", idempotency_key="taken")
    meet = threading.Barrier(8)

    def issue(number: int) -> str:
        meet.wait()
        # Half of them bring a key that was used for another request.
        key = f"own {number}" if number % 2 else "taken"
        try:
            return desk.pki.issue(KEY, subject=Subject("B"), profile="person", idempotency_key=key).serial
        except Rejected as rejected:
            return rejected.code

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(issue, range(8)))
    assert said.count("idempotency_key_reused") == 4
    for serial in said[1::2]:
        assert desk.pki.database.find_status("issuing", serial)


# --- other keys


@pytest.mark.parametrize("keys", ["p256", "rsa3072"])
def test_openssl_believes_a_pki_with_other_keys(tmp_path: Path, keys: str) -> None:
    with running(keys=keys) as pki:
        openssl = Openssl(tmp_path)
        _write(openssl, pki)
        openssl.write("person.pem", pki.issue(KEY, common_name="A").pem)
        assert "person.pem: OK" in openssl(
            "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "person.pem"
        )
        said = openssl(
            *("ocsp", "-url", pki.ocsp_url, "-CAfile", "root.pem", "-issuer", "issuing.pem", "-cert", "person.pem")
        )
        assert "Response verify OK" in said
        assert "person.pem: good" in said
        openssl.write("issuing.crl", call(pki.crl_url).body)
        said = openssl("crl", "-inform", "DER", "-in", "issuing.crl", "-verify", "-noout", "-CAfile", "issuing.pem")
        assert "verify OK" in said
        asked = query(cert_req=True)
        openssl.write("query", asked)
        openssl.write("reply", call(pki.tsa_url, asked, Content_Type="application/timestamp-query").body)
        assert "Verification: OK" in openssl(
            *(
                "ts",
                "-verify",
                "-queryfile",
                "query",
                "-in",
                "reply",
                "-CAfile",
                "root.pem",
                "-untrusted",
                "issuing.pem",
            )
        )


def _write(openssl: Openssl, pki: Running) -> None:
    issuing, root = pki.chain_pem.split(b"-----BEGIN CERTIFICATE-----\n")[1:]
    for name, content in (("issuing.pem", issuing), ("root.pem", root)):
        openssl.write(name, b"-----BEGIN CERTIFICATE-----\n" + content)
