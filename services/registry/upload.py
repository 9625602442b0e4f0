"""A certificate as people send it: PEM, DER or PKCS#7, alone or with its CA's. Pure: bytes in, PEM out."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from services.registry.refusals import PRIVATE_KEY_SENT
from services.registry.refusals_lifecycle import UPLOAD_UNREADABLE
from shared.errors import Rejected


def read(content: bytes) -> tuple[str, str]:
    """The holder's certificate and the CAs' that came along, as PEM. A private key among it is refused, whatever its
    wrapping (PEM, PKCS#8, PKCS#12).
    """
    _refuse_keys(content)
    found = _certificates(content)
    own = [each for each in found if not _is_ca(each)] or found[:1]
    if len(own) != 1:
        raise Rejected(UPLOAD_UNREADABLE)
    others = [each for each in found if each is not own[0]]
    return _pem(own[0]), "".join(_pem(each) for each in others)


def _certificates(content: bytes) -> list[x509.Certificate]:
    readers = (
        x509.load_pem_x509_certificates,
        lambda given: [x509.load_der_x509_certificate(given)],
        pkcs7.load_der_pkcs7_certificates,
        pkcs7.load_pem_pkcs7_certificates,
    )
    for read_it in readers:
        try:
            if found := read_it(content):
                return found
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    raise Rejected(UPLOAD_UNREADABLE)


def _refuse_keys(content: bytes) -> None:
    if b"PRIVATE KEY-----" in content:
        raise Rejected(PRIVATE_KEY_SENT)
    if content[:1] != b"\x30":
        return
    try:
        key: object = serialization.load_der_private_key(content, None)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    except TypeError:  # encrypted
        key = content
    if key is None and _is_pkcs12(content):
        key = content
    if key is not None:
        raise Rejected(PRIVATE_KEY_SENT)


def _is_pkcs12(content: bytes) -> bool:
    """Whether it is one at all, whatever its password: version 3, then the pkcs7-data of its safe (RFC 7292 §4)."""
    try:
        pkcs12.load_pkcs12(content, b"")
    except (ValueError, UnsupportedAlgorithm):
        return b"\x02\x01\x03\x30" in content[:12] and bytes.fromhex("06092a864886f70d0107") in content[:40]
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
