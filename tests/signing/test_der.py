"""CMS by other people's software may be BER: it is read as the same, soon, and what is no CMS is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from services.signing.pdf_der import OCTETS, NotDer, first, parts, rewritten, tlv
from services.signing.pdf_signed_data import read

CONSTRUCTED = 0x20
END = b"\0\0"


def container() -> bytes:
    """What is signed is inside."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Người ký")]), datetime.now(UTC)
    certificate = (x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=1))).sign(
        key, hashes.SHA256()
    )
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"V/v " * 100).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def ber(der: bytes) -> bytes:
    """Without lengths wherever values hold others, long strings in pieces, sets the other way round."""
    out = b""
    for part in parts(der):
        if part.tag & CONSTRUCTED:
            inner = parts(part.content)
            turned = reversed(inner) if part.tag in (0x31, 0xA0) else inner
            out += bytes((part.tag, 0x80)) + b"".join(ber(one.whole) for one in turned) + END
        elif part.tag == OCTETS and len(part.content) > 100:
            halves = tlv(OCTETS, part.content[:50]), tlv(OCTETS, part.content[50:])
            out += bytes((OCTETS | CONSTRUCTED, 0x80)) + b"".join(halves) + END
        else:
            out += part.whole
    return out


def test_ber_is_read_as_the_der_that_it_says() -> None:
    der = container()
    written = ber(der)
    with pytest.raises(NotDer):
        first(written).parts()
    assert rewritten(written) == der == rewritten(der)
    assert read(written + b"\0" * 100) == read(der)
    assert read(der).content == b"V/v " * 100


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x80\x02\x01\x07",
        b"\x30\x05\x02\x01\x07",
        b"\x30\x02\x02\x05abcde",
        b"\x04\x80abc\0\0",
    ],
)
def test_what_is_cut_off_is_refused(octets: bytes) -> None:
    with pytest.raises(NotDer):
        rewritten(octets)


def test_what_is_nested_without_end_is_refused_and_what_is_deep_costs_one_pass() -> None:
    with pytest.raises(NotDer):
        rewritten(b"\x30\x80" * 100_000)
    deep = b"\x02\x01\x07"
    for _ in range(60):
        deep = b"\x30\x80" + deep + END
    assert len(rewritten(deep)) < len(deep)
