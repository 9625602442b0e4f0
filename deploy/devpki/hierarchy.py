"""The certificates that stand above everybody else's: root, issuing CA, their OCSP signers and the TSA.

Made once under a directory and read from there ever after. Every subject says that it is no real CA.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from deploy.devpki.refusals import ADDRESS_CHANGED
from shared.errors import Rejected

MARK = "VANTHU DEVELOPMENT - NOT A REAL CA"
# An arc made from a random UUID (ITU-T X.667): nobody registered it and nobody else can own it.
ARC = "2.25.147615239380471546027141647777731122797"
TSA_POLICY = x509.ObjectIdentifier(f"{ARC}.2.1")
INFRASTRUCTURE_POLICY = x509.ObjectIdentifier(f"{ARC}.1.9")
DAY = dt.timedelta(days=1)


PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KeyMaker = Callable[[], PrivateKey]
# `VANTHU_DEVPKI_KEYS`: how the CAs' keys are made, then those of the OCSP signers and the TSA.
KEYS: Mapping[str, tuple[KeyMaker, KeyMaker]] = {
    "p384": (lambda: ec.generate_private_key(ec.SECP384R1()), lambda: ec.generate_private_key(ec.SECP256R1())),
    "p256": (lambda: ec.generate_private_key(ec.SECP256R1()),) * 2,
    "rsa3072": (lambda: rsa.generate_private_key(65537, 3072),) * 2,
}
DEFAULT_KEYS = "p384"
# AlgorithmIdentifiers as they stand in a signed message (RFC 5758 §3.2: no parameters; RFC 4055 §5: NULL).
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def digest(self) -> hashes.SHA256 | hashes.SHA384:
        """The digest under which a CA signs: as strong as its key."""
        return _digest_of(self.key)

    @property
    def algorithm(self) -> bytes:
        """The AlgorithmIdentifier (DER) of what `sign` gives."""
        return _RSA_SHA256 if isinstance(self.key, rsa.RSAPrivateKey) else _ECDSA_SHA256

    def sign(self, content: bytes) -> bytes:
        """A signature with SHA-256; RSA by PKCS #1 v1.5."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(content, ec.ECDSA(hashes.SHA256()))

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA and the only OCSP signer that may speak for it (RFC 6960 §4.2.2.2). `name` is its file name in URLs."""

    name: str
    ca: Identity
    ocsp: Identity


@dataclass(frozen=True, slots=True)
class Hierarchy:
    root: Authority
    issuing: Authority
    tsa: Identity
    base_url: str
    chain_pem: bytes  # issuing CA, then root

    @property
    def authorities(self) -> tuple[Authority, Authority]:
        return self.root, self.issuing


def load_or_create(directory: Path, base_url: str, keys: str = DEFAULT_KEYS) -> Hierarchy:
    """The hierarchy in `directory`, made now if there is none; only then `keys` (of KEYS) counts.

    It appears under its name complete or not at all, so two processes that start together, or a kill
    half-way, never leave half a CA. Raises `Rejected` when the certificates name another address.
    """
    directory.mkdir(parents=True, exist_ok=True)
    home = directory / "hierarchy"
    if not home.exists():
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=directory))  # 0700
        _create(fresh, base_url, KEYS[keys])
        try:
            fresh.rename(home)
        except OSError:
            shutil.rmtree(fresh)
            if not home.exists():
                raise
    written = (home / "base_url").read_text().strip()
    if written != base_url:
        raise Rejected(ADDRESS_CHANGED, directory=directory, written=written, wanted=base_url)
    root = Authority("root", _load(home, "root"), _load(home, "root-ocsp"))
    issuing = Authority("issuing", _load(home, "issuing"), _load(home, "issuing-ocsp"))
    return Hierarchy(
        root=root,
        issuing=issuing,
        tsa=_load(home, "tsa"),
        base_url=base_url,
        chain_pem=issuing.ca.pem + root.ca.pem,
    )


def name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, MARK),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ],
    )


def key_usage(*, signature: bool = False, commitment: bool = False, certificates: bool = False) -> x509.KeyUsage:
    """digitalSignature, contentCommitment (nonRepudiation), keyCertSign with cRLSign; nothing else is ever set."""
    return x509.KeyUsage(
        digital_signature=signature,
        content_commitment=commitment,
        key_cert_sign=certificates,
        crl_sign=certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def builder(
    public_key: CertificatePublicKeyTypes,
    *,
    subject: x509.Name,
    issuer: x509.Certificate,
    validity: tuple[dt.datetime, dt.datetime],
) -> x509.CertificateBuilder:
    """A certificate under `issuer` with the key identifiers that every profile has (RFC 5280 §4.2.1.1–2)."""
    issuer_ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_ski), critical=False)
    )


def add_pointers(
    made: x509.CertificateBuilder, base_url: str, issuer_name: str, *, ocsp: bool = True
) -> x509.CertificateBuilder:
    """Where the issuer's certificate, its CRL and its OCSP responder are found."""
    access = [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier(f"{base_url}/{issuer_name}.crt"),
        ),
    ]
    if ocsp:
        where = x509.UniformResourceIdentifier(f"{base_url}/ocsp")
        access.insert(0, x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where))
    crl = x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(f"{base_url}/{issuer_name}.crl")],
        relative_name=None,
        reasons=None,
        crl_issuer=None,
    )
    return made.add_extension(x509.AuthorityInformationAccess(access), critical=False).add_extension(
        x509.CRLDistributionPoints([crl]), critical=False
    )


def policies(policy: x509.ObjectIdentifier) -> x509.CertificatePolicies:
    """One policy, with the mark as a notice that viewers show to the relying person."""
    notice = x509.UserNotice(notice_reference=None, explicit_text=MARK)
    return x509.CertificatePolicies([x509.PolicyInformation(policy, [notice])])


def _digest_of(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384:
    strong = isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256
    return hashes.SHA384() if strong else hashes.SHA256()


def _create(home: Path, base_url: str, keys: tuple[KeyMaker, KeyMaker]) -> None:
    ca_key, signer_key = keys
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    # Backdated, so that a certificate which is made to look long expired still lies within its CA's life.
    start = now - 5 * 365 * DAY
    root_key, issuing_key = ca_key(), ca_key()
    root = Identity(_root_certificate(root_key, (start, now + 20 * 365 * DAY)), root_key)
    issuing = Identity(_issuing_certificate(issuing_key, root, (start, now + 15 * 365 * DAY), base_url), issuing_key)
    life = (now - dt.timedelta(minutes=1), now + 10 * 365 * DAY)
    _save(home, "root", root)
    _save(home, "issuing", issuing)
    _save(home, "root-ocsp", _ocsp_signer(root, "root", signer_key(), life, base_url))
    _save(home, "issuing-ocsp", _ocsp_signer(issuing, "issuing", signer_key(), life, base_url))
    _save(home, "tsa", _tsa(issuing, signer_key(), life, base_url))
    (home / "base_url").write_text(base_url + "\n")


def _root_certificate(key: PrivateKey, validity: tuple[dt.datetime, dt.datetime]) -> x509.Certificate:
    ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    itself = name("Vanthu DEV Root CA")
    return (
        x509.CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(certificates=True), critical=True)
        .add_extension(ski, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False)
        .sign(key, _digest_of(key))
    )


def _issuing_certificate(
    key: PrivateKey,
    root: Identity,
    validity: tuple[dt.datetime, dt.datetime],
    base_url: str,
) -> x509.Certificate:
    made = builder(
        key.public_key(),
        subject=name("Vanthu DEV Public Service CA"),
        issuer=root.certificate,
        validity=validity,
    )
    any_policy = x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)
    return (
        add_pointers(made, base_url, "root")
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(certificates=True), critical=True)
        .add_extension(x509.CertificatePolicies([any_policy]), critical=False)
        .sign(root.key, root.digest)
    )


def _ocsp_signer(
    ca: Identity, ca_name: str, key: PrivateKey, validity: tuple[dt.datetime, dt.datetime], base_url: str
) -> Identity:
    """A delegated responder (RFC 6960 §4.2.2.2): no OCSP address of its own, since it would vouch for itself."""
    made = builder(
        key.public_key(),
        subject=name(f"Vanthu DEV {ca_name.capitalize()} OCSP"),
        issuer=ca.certificate,
        validity=validity,
    )
    certificate = (
        add_pointers(made, base_url, ca_name, ocsp=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .sign(ca.key, ca.digest)
    )
    return Identity(certificate, key)


def _tsa(ca: Identity, key: PrivateKey, validity: tuple[dt.datetime, dt.datetime], base_url: str) -> Identity:
    """RFC 3161 §2.3: the extended key usage is critical and timeStamping alone."""
    made = builder(key.public_key(), subject=name("Vanthu DEV TSA"), issuer=ca.certificate, validity=validity)
    certificate = (
        add_pointers(made, base_url, "issuing")
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signature=True, commitment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(policies(INFRASTRUCTURE_POLICY), critical=False)
        .sign(ca.key, ca.digest)
    )
    return Identity(certificate, key)


def _save(home: Path, stem: str, identity: Identity) -> None:
    pem = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle = os.open(home / f"{stem}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    (home / f"{stem}.pem").write_bytes(identity.pem)


def _load(home: Path, stem: str) -> Identity:
    key = serialization.load_pem_private_key((home / f"{stem}.key").read_bytes(), password=None)
    if not isinstance(key, PrivateKey):
        raise TypeError(f"{stem}.key holds no EC or RSA key")
    return Identity(x509.load_pem_x509_certificate((home / f"{stem}.pem").read_bytes()), key)
