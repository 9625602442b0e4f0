"""Invariant 6: what was shown is what is signed. Every way that a server could cheat is tried against the client."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from vanthu_sign.check import Prepared, check_base, check_prepared
from vanthu_sign.pile import file_names
from vanthu_sign.words import Refused

from services.signing import appearance, pdf, placement

SAMPLE = Path(__file__).parents[1] / "data" / "01-cong-van.pdf"
FIELD = pdf.signer_field(1)


@cache
def certificate(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@cache
def honest() -> tuple[bytes, Prepared]:
    """What signing's own core prepares for a sample."""
    draft = SAMPLE.read_bytes()
    places = placement.find_places(draft)
    plan = pdf.Plan(signers=(pdf.SignerPlace(FIELD, placement.signature_box(places.signature), "PHÓ CHỦ TỊCH"),))
    base = pdf.prepare(draft, plan)
    made = pdf.begin_signature(
        base,
        FIELD,
        certificate=certificate("Bế Thị Hồng Nguyệt"),
        chain=(),
        look=appearance.SignatureLook("Bế Thị Hồng Nguyệt", "Phó Chủ tịch", datetime.now(UTC)),
        signed_at=datetime.now(UTC),
        mechanism=pdf.Mechanism.ECDSA,
    )
    return base, Prepared(made.update, made.byte_range, made.signed_attributes)


def check(base: bytes, prepared: Prepared, who: str = "Bế Thị Hồng Nguyệt") -> bytes:
    return check_prepared(base, prepared, certificate(who))


def test_an_honest_preparation_is_the_whole_file_that_will_be_signed() -> None:
    base, prepared = honest()
    assert check(base, prepared) == base + prepared.update


def test_bytes_other_than_announced_are_not_signed() -> None:
    base, _ = honest()
    with pytest.raises(Refused) as refused:
        check_base(base + b" ", hashlib.sha256(base).hexdigest())
    assert refused.value.code == "bytes_differ"


def with_attributes(prepared: Prepared, change: Callable[[cms.CMSAttributes], cms.CMSAttributes]) -> Prepared:
    changed = change(cms.CMSAttributes.load(prepared.signed_attributes))
    return Prepared(prepared.update, prepared.byte_range, changed.dump(force=True))


def other_digest(attributes: cms.CMSAttributes) -> cms.CMSAttributes:
    kept = [a for a in attributes if a["type"].native != "message_digest"]
    return cms.CMSAttributes([*kept, cms.CMSAttribute({"type": "message_digest", "values": [b"\0" * 32]})])


def extra_attribute(attributes: cms.CMSAttributes) -> cms.CMSAttributes:
    time = cms.Time({"utc_time": datetime.now(UTC)})
    return cms.CMSAttributes([*attributes, cms.CMSAttribute({"type": "signing_time", "values": [time]})])


def without_certificate(attributes: cms.CMSAttributes) -> cms.CMSAttributes:
    return cms.CMSAttributes([a for a in attributes if a["type"].native != "signing_certificate_v2"])


def moved(prepared: Prepared, *, first: int = 0, second: int = 0, rest: int = 0) -> Prepared:
    start, a, b, c = prepared.byte_range
    return Prepared(prepared.update, (start, a + first, b + second, c + rest), prepared.signed_attributes)


CHEATS: dict[str, tuple[str, Callable[[Prepared], Prepared]]] = {
    "another document's digest": ("messageDigest", lambda p: with_attributes(p, other_digest)),
    "the page changed in the update": (
        "messageDigest",
        lambda p: Prepared(
            p.update[:200] + bytes((p.update[200] ^ 1,)) + p.update[201:], p.byte_range, p.signed_attributes
        ),
    ),
    "bytes behind the signed range": (
        "ByteRange",
        lambda p: Prepared(p.update + b"\n%%EOF\n", p.byte_range, p.signed_attributes),
    ),
    "a gap that reaches into the shown bytes": (
        "ByteRange",
        lambda p: Prepared(p.update, (0, 100, p.byte_range[2], p.byte_range[3]), p.signed_attributes),
    ),
    "a range that does not begin at the start": (
        "ByteRange",
        lambda p: Prepared(p.update, (5, *p.byte_range[1:]), p.signed_attributes),
    ),
    "a gap that is wider than the placeholder": ("Contents", lambda p: moved(p, second=4, rest=-4)),
    "a placeholder that is already filled": (
        "Contents",
        lambda p: Prepared(p.update.replace(b"<000000", b"<3082aa", 1), p.byte_range, p.signed_attributes),
    ),
    "an attribute that PAdES forbids": ("signedAttrs", lambda p: with_attributes(p, extra_attribute)),
    "no signing certificate": ("signedAttrs", lambda p: with_attributes(p, without_certificate)),
    "attributes that are no attributes": ("signedAttrs", lambda p: Prepared(p.update, p.byte_range, b"\x31\x03abc")),
    "bytes behind the attributes": (
        "signedAttrs",
        lambda p: Prepared(p.update, p.byte_range, p.signed_attributes + b"\0"),
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_server_that_cheats_gets_no_signature(cheat: str) -> None:
    where, change = CHEATS[cheat]
    base, prepared = honest()
    with pytest.raises(Refused) as refused:
        check(base, change(prepared))
    assert refused.value.code == "digest_differs"
    assert where in refused.value.en


def test_a_certificate_that_is_not_the_tokens_is_refused() -> None:
    base, prepared = honest()
    with pytest.raises(Refused) as refused:
        check(base, prepared, who="Mã Thế Khuê")
    assert "signing-certificate-v2" in refused.value.en


@pytest.mark.parametrize(
    ("digest", "document_id"),
    [
        ("../" * 3 + "x", "0199c0de-0000-7000-8000-000000000001"),
        ("a" * 64, "../../.config/autostart/x"),
        ("A" * 64, "/"),
    ],
)
def test_a_server_does_not_choose_where_files_are_written(digest: str, document_id: str) -> None:
    with pytest.raises(Refused):
        file_names({"sha256": digest, "document_id": document_id})
