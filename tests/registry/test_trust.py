"""Which certificates are let in: each bad one is really made, and refused for its own reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from deploy.devpki.server import Running
from services.registry import trust
from services.registry.trust import Anchor
from shared.errors import Rejected
from tests.registry.conftest import text
from tests.registry.keys import DAY, Ca, now, pem, request, usage

CA = Ca()
ROOT = CA.certificate
P256 = ec.generate_private_key(ec.SECP256R1())


def refused(code: str) -> Any:
    return pytest.raises(Rejected, match=f"^{code}:")


@pytest.fixture
def anchor() -> Anchor:
    return trust.read_anchor(pem(ROOT), now())


def check(certificate: x509.Certificate | str, anchor: Anchor | None, chain: str = "") -> trust.Checked:
    given = certificate if isinstance(certificate, str) else pem(certificate)
    return trust.check(given, chain, [anchor] if anchor else [], now())


GOOD: dict[str, Callable[[], Any]] = {
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
}
WEAK: dict[str, Callable[[], Any]] = {
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505  weak on purpose
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "P-192": lambda: ec.generate_private_key(ec.SECP192R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_certificate_passes_with_its_chain_up_to_the_anchor(kind: str, anchor: Anchor) -> None:
    certificate = CA.sign(GOOD[kind]().public_key())
    checked = check(certificate, anchor)
    assert checked.chain_pem == anchor.pem
    assert int(checked.serial, 16) == certificate.serial_number
    assert checked.common_name == "Bế Thị Hồng Nguyệt"


@pytest.mark.parametrize("kind", WEAK)
def test_a_weak_or_foreign_key_is_refused_by_its_name(kind: str, anchor: Anchor) -> None:
    key = WEAK[kind]()
    with refused("certificate_key_weak"):
        check(CA.sign(key.public_key()), anchor)


@pytest.mark.parametrize(
    ("days", "code"),
    [((-400, -1), "certificate_expired"), ((1, 400), "certificate_not_yet_valid")],
)
def test_a_certificate_is_entered_within_its_time(days: tuple[float, float], code: str, anchor: Anchor) -> None:
    with refused(code):
        check(CA.sign(P256.public_key(), days=days), anchor)


BAD_USAGE: dict[str, dict[str, Any]] = {
    "no key usage": {"key_usage": None},
    "key agreement": {"key_usage": usage(key_agreement=True)},
    "certificate signing": {"key_usage": usage(digital_signature=True, key_cert_sign=True)},
    "a CA": {"ca": True},
    "TLS": {"extended": (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)},
    "time stamps": {"extended": (ExtendedKeyUsageOID.TIME_STAMPING,)},
}


@pytest.mark.parametrize("what", BAD_USAGE)
def test_a_certificate_for_something_else_is_refused(what: str, anchor: Anchor) -> None:
    with refused("certificate_wrong_usage"):
        check(CA.sign(P256.public_key(), **BAD_USAGE[what]), anchor)


def test_content_commitment_alone_is_enough(anchor: Anchor) -> None:
    assert check(CA.sign(P256.public_key(), key_usage=usage(content_commitment=True), extended=()), anchor)


def test_who_vouches_for_themselves_is_not_believed(anchor: Anchor) -> None:
    itself = Ca(key=P256, common_name="Bế Thị Hồng Nguyệt")
    with refused("certificate_self_signed"):
        check(itself.sign(P256.public_key()), anchor)


def test_without_a_path_to_a_pinned_anchor_there_is_no_trust(anchor: Anchor, pki: Running) -> None:
    stranger = Ca(common_name="Root của phép thử")  # same name, another key
    with refused("certificate_untrusted"):
        check(stranger.sign(P256.public_key()), anchor)
    with refused("certificate_untrusted"):
        check(CA.sign(P256.public_key()), None)
    issued = pki.issue(P256.public_key(), common_name="Bế Thị Hồng Nguyệt", profile="person")
    root = trust.read_anchor(text(pki.root_pem), now())
    with refused("certificate_untrusted"):
        check(text(issued.pem), root)  # its issuing CA did not come along
    checked = check(text(issued.pem), root, text(issued.chain_pem))
    assert checked.chain_pem.count("BEGIN CERTIFICATE") == 2
    # The chain that came along is a suggestion: what is kept leads to the anchor, whatever else was sent.
    noise = pem(stranger.certificate) + text(issued.chain_pem)
    assert check(text(issued.pem), root, noise).chain_pem == checked.chain_pem


def test_the_development_cas_service_certificates_sign_no_documents(pki: Running) -> None:
    root = trust.read_anchor(text(pki.root_pem), now())
    issued = pki.issue(P256.public_key(), common_name="cổng", profile="service")
    with refused("certificate_wrong_usage"):
        check(text(issued.pem), root, text(issued.chain_pem))


def test_what_is_no_certificate_is_said_so(anchor: Anchor) -> None:
    good = pem(CA.sign(P256.public_key()))
    for garbage in ("", "văn thư", good[:200], good + good, request()):
        with refused("certificate_unreadable"):
            check(garbage, anchor)
    with refused("certificate_chain_unreadable"):
        check(good, anchor, "rác")


def test_a_private_key_is_neither_taken_nor_kept(anchor: Anchor) -> None:
    key = P256.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    with refused("private_key_sent"):
        check(pem(CA.sign(P256.public_key())) + key, anchor)
    with refused("private_key_sent"):
        trust.read_csr(request() + key)


def test_sha1_is_not_safe_any_more(anchor: Anchor) -> None:
    # Signed by hand: the library that makes the other certificates does not sign with SHA-1 any more.
    parsed = asn1.Certificate.load(CA.sign(P256.public_key()).public_bytes(serialization.Encoding.DER))
    parsed["tbs_certificate"]["signature"]["algorithm"] = "sha1_ecdsa"
    parsed["signature_algorithm"]["algorithm"] = "sha1_ecdsa"
    parsed["signature_value"] = CA.key.sign(parsed["tbs_certificate"].dump(force=True), ec.ECDSA(hashes.SHA1()))  # noqa: S303
    with refused("certificate_digest_weak"):
        check(pem(x509.load_der_x509_certificate(parsed.dump(force=True))), anchor)


def test_a_request_proves_possession_of_a_strong_key() -> None:
    assert trust.read_csr(request(P256)) == trust.spki_sha256(P256.public_key())
    with refused("certificate_key_weak"):
        trust.read_csr(request(WEAK["RSA-1024"]()))
    with refused("request_unreadable"):
        trust.read_csr("không phải CSR")
    csr = x509.load_pem_x509_csr(request(P256).encode())
    der = bytearray(csr.public_bytes(serialization.Encoding.DER))
    der[der.index("yêu cầu".encode())] ^= 1  # another subject under the same signature
    changed = x509.load_der_x509_csr(bytes(der))
    with refused("request_unproved"):
        trust.read_csr(pem(changed))


def test_only_a_ca_that_is_valid_now_is_pinned_and_only_the_expected_one(anchor: Anchor) -> None:
    with refused("anchor_unsuitable"):
        trust.read_anchor(pem(CA.sign(P256.public_key())), now())
    with refused("anchor_unsuitable"):
        trust.read_anchor(pem(ROOT), now() + timedelta(days=5000))
    with refused("anchor_fingerprint_differs"):
        trust.read_anchor(pem(ROOT), now(), "00" * 32)
    colons = ":".join(anchor.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    assert trust.read_anchor(pem(ROOT), now(), colons) == anchor


def test_an_ended_certificate_is_judged_as_of_its_last_day_for_the_record(anchor: Anchor) -> None:
    ended = CA.sign(P256.public_key(), days=(-20, -1))
    last: datetime = trust.last_moment(pem(ended))
    assert trust.check(pem(ended), "", [anchor], last).certificate == ended
    assert last < now() - DAY / 2
