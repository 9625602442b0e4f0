"""The people of `bench.signing`: software keys with certificates of the development PKI, one set of files for every side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from deploy.devpki.issuing import Subject
from deploy.devpki.pki import Pki
from services.signing import pdf

DIGEST = utils.Prehashed(hashes.SHA256())
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


@dataclass(frozen=True, slots=True)
class Person:
    """A pdf.Sealer. `algorithm` is what EU DSS is told (PSS, PLAIN or ECDSA), `file` the key's name in the folder."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificate: bytes
    chain: tuple[bytes, ...]
    mechanism: pdf.Mechanism
    algorithm: str
    file: Path

    def sign(self, digest: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(digest, ec.ECDSA(DIGEST))
        return self.key.sign(digest, PSS if self.mechanism is pdf.Mechanism.RSA_PSS else padding.PKCS1v15(), DIGEST)


def bare(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, digest: bytes) -> bytes:
    """A signature over a digest as the development PKI's own keys make them: ECDSA, or PKCS #1 v1.5."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(digest, ec.ECDSA(DIGEST))
    return key.sign(digest, padding.PKCS1v15(), DIGEST)


def kind(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """What a key is called in the results."""
    return key.curve.name if isinstance(key, ec.EllipticCurvePrivateKey) else f"RSA-{key.key_size}"


def people(pki: Pki, folder: Path) -> dict[str, Person]:
    """A leader for each way to sign, by the name that the results use, and `seal`."""
    rsa_key, ec_key = rsa.generate_private_key(65537, 3072), ec.generate_private_key(ec.SECP256R1())
    made: dict[str, Callable[[], Person]] = {
        "RSA-3072 PSS": lambda: _person(pki, folder, "pss", rsa_key, pdf.Mechanism.RSA_PSS),
        "RSA-3072 v1.5": lambda: _person(pki, folder, "plain", rsa_key, pdf.Mechanism.RSA_PKCS1),
        "P-256": lambda: _person(pki, folder, "ecdsa", ec_key, pdf.Mechanism.ECDSA),
        "seal": lambda: _person(
            pki, folder, "seal", rsa.generate_private_key(65537, 3072), pdf.Mechanism.RSA_PSS, profile="agency"
        ),
    }
    return {name: make() for name, make in made.items()}


def _person(
    pki: Pki,
    folder: Path,
    name: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    mechanism: pdf.Mechanism,
    *,
    profile: str = "person",
) -> Person:
    subject = Subject("Bế Thị Hồng Nguyệt", organisation="Ủy ban nhân dân tỉnh Lạng Sơn")
    issued = pki.issue(key.public_key(), subject=subject, profile=profile)
    issuing = pki.hierarchy.issuing.ca
    file = folder / name
    encodings = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.with_suffix(".key").write_bytes(key.private_bytes(serialization.Encoding.DER, *encodings))
    file.with_suffix(".key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *encodings))
    file.with_suffix(".crt").write_bytes(issued.pem)
    file.with_suffix(".pem").write_bytes(issued.pem + issuing.pem)
    algorithm = {pdf.Mechanism.RSA_PSS: "PSS", pdf.Mechanism.RSA_PKCS1: "PLAIN", pdf.Mechanism.ECDSA: "ECDSA"}
    return Person(key, issued.der, (issuing.der,), mechanism, algorithm[mechanism], file)


def opened(file: Path, mechanism: pdf.Mechanism) -> Person:
    """A person whose files lie there, for another process."""
    key = serialization.load_der_private_key(file.with_suffix(".key").read_bytes(), password=None)
    own, *chain = x509.load_pem_x509_certificates(file.with_suffix(".pem").read_bytes())
    ders = [one.public_bytes(serialization.Encoding.DER) for one in (own, *chain)]
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return Person(key, ders[0], tuple(ders[1:]), mechanism, "", file)
