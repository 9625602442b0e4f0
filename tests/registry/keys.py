"""Keys, requests and certificates as tests need them, the bad ones included: each really made and really signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


def pem(thing: Any) -> str:
    return str(thing.public_bytes(serialization.Encoding.PEM).decode())


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def request(key: Any | None = None, common_name: str = "yêu cầu") -> str:
    """A PKCS#10 request, PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common_name))
    return pem(builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))


def usage(**true: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{each: true.get(each, False) for each in names})


SIGNS = usage(digital_signature=True, content_commitment=True)
MAIL = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)


@dataclass(frozen=True)
class Ca:
    """A root of a test's own."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    common_name: str = "Root của phép thử"

    @property
    def certificate(self) -> x509.Certificate:
        return self.sign(
            self.key.public_key(),
            self.common_name,
            key_usage=usage(key_cert_sign=True, crl_sign=True),
            extended=(),
            ca=True,
            days=(-3650, 3650),
        )

    def sign(
        self,
        key: Any,
        common_name: str = "Bế Thị Hồng Nguyệt",
        *,
        days: tuple[float, float] = (-1, 365),
        key_usage: x509.KeyUsage | None = SIGNS,
        extended: tuple[x509.ObjectIdentifier, ...] = MAIL,
        ca: bool = False,
    ) -> x509.Certificate:
        """A certificate for a public key; `days` from now."""
        ski = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common_name))
            .issuer_name(name(self.common_name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() + days[0] * DAY)
            .not_valid_after(now() + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False)
        )
        if key_usage is not None:
            builder = builder.add_extension(key_usage, critical=True)
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        return builder.sign(self.key, hashes.SHA256())
