"""Every key and digest that a Vietnamese signature may have, judged by our own validation and by pyHanko."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from deploy.devpki.server import Running, running
from services.signing import pdf
from services.signing.mechanism import DIGEST_OF_SIZE, DIGESTS
from services.signing.pdf_trust import load
from shared.errors import Rejected
from tests.interop import paper

HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
KEYS: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = {
    "rsa2048": rsa.generate_private_key(65537, 2048),
    "rsa3072": rsa.generate_private_key(65537, 3072),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
}
USUAL = {"rsa2048": "sha256", "rsa3072": "sha256", "p256": "sha256", "p384": "sha384", "p521": "sha512"}
WAYS = [
    (name, mechanism)
    for name, key in KEYS.items()
    for mechanism in pdf.Mechanism
    if isinstance(key, rsa.RSAPrivateKey) == (mechanism is not pdf.Mechanism.ECDSA)
]


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


def _holder(pki: Running, name: str, mechanism: pdf.Mechanism) -> paper.SoftKey:
    key = KEYS[name]
    issued = pki.issue(key.public_key(), common_name=paper.NAME, organisation=paper.AGENCY)
    return paper.SoftKey(key, issued.der, (pki.pki.hierarchy.issuing.ca.der,), mechanism)


def _raw(holder: paper.SoftKey, digest: bytes) -> bytes:
    """As a device signs: which hash it is follows from the digest's length."""
    algorithm = HASHES[DIGEST_OF_SIZE[len(digest)]]
    hashed = utils.Prehashed(algorithm)
    if isinstance(holder.key, ec.EllipticCurvePrivateKey):
        return holder.key.sign(digest, ec.ECDSA(hashed))
    if holder.mechanism is pdf.Mechanism.RSA_PSS:
        return holder.key.sign(digest, padding.PSS(padding.MGF1(algorithm), len(digest)), hashed)
    return holder.key.sign(digest, padding.PKCS1v15(), hashed)


def _begin(base: bytes, holder: paper.SoftKey, digest: str | None = None) -> pdf.PreparedSignature:
    return pdf.begin_signature(
        base,
        "Ky1",
        certificate=holder.certificate,
        chain=holder.chain,
        look=None,
        signed_at=datetime.now(UTC),
        mechanism=holder.mechanism,
        digest=digest,
        create=True,
    )


@pytest.mark.parametrize("digest", [None, *DIGESTS])
@pytest.mark.parametrize(("name", "mechanism"), WAYS)
def test_each_key_signs_with_each_digest(pki: Running, name: str, mechanism: pdf.Mechanism, digest: str | None) -> None:
    holder, base = _holder(pki, name, mechanism), paper.sample("04")
    begun = pdf.PreparedSignature.from_json(_begin(base, holder, digest).to_json())
    assert begun.digest == (digest or USUAL[name])
    assert len(begun.digest_to_sign) == hashlib.new(begun.digest).digest_size
    signed = pdf.finish_signature(base, begun, _raw(holder, begun.digest_to_sign), time_stamps=paper.time_stamps(pki))
    assert signed.startswith(base)

    report = pdf.validate(signed, paper.trust(pki))
    assert (report.indication, report.signatures[0].level) == (pdf.Indication.PASSED, pdf.Level.B_T)
    (embedded,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    roots = [load(root) for root in paper.trust(pki).roots]
    status = validate_pdf_signature(embedded, ValidationContext(trust_roots=roots, allow_fetching=False))
    assert (status.intact, status.valid, status.md_algorithm) == (True, True, begun.digest)


def test_a_preparation_that_an_earlier_release_stored_is_finished(pki: Running) -> None:
    holder, base = _holder(pki, "rsa2048", pdf.Mechanism.RSA_PKCS1), paper.sample("04")
    stored = _begin(base, holder).to_json()
    del stored["digest"]
    begun = pdf.PreparedSignature.from_json(stored)
    signed = pdf.finish_signature(base, begun, _raw(holder, begun.digest_to_sign), time_stamps=None)
    assert pdf.validate(signed, paper.trust(pki)).signatures[0].level == pdf.Level.B_B


def test_the_right_key_over_the_wrong_digest_is_refused(pki: Running) -> None:
    holder, base = _holder(pki, "p384", pdf.Mechanism.ECDSA), paper.sample("04")
    begun = _begin(base, holder)
    shorter = hashlib.sha256(begun.signed_attributes).digest()
    with pytest.raises(Rejected) as refused:
        pdf.finish_signature(base, begun, _raw(holder, shorter), time_stamps=None)
    assert refused.value.code == "signature_invalid"


@pytest.mark.parametrize("permission", [1, 2, 3, None])
def test_the_first_signature_says_what_may_change(pki: Running, permission: int | None) -> None:
    """DocMDP 1 shuts the document, 2 and 3 leave it open for others, without it the signature only approves."""
    holder, base = _holder(pki, "p256", pdf.Mechanism.ECDSA), paper.sample("04")
    begun = pdf.begin_signature(
        base,
        "Ky1",
        certificate=holder.certificate,
        chain=holder.chain,
        look=None,
        signed_at=datetime.now(UTC),
        mechanism=holder.mechanism,
        certify=permission,
        create=True,
    )
    signed = pdf.finish_signature(base, begun, _raw(holder, begun.digest_to_sign), time_stamps=None)
    (embedded,) = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    assert (embedded.docmdp_level.value if embedded.docmdp_level else None) == permission
    assert pdf.validate(signed, paper.trust(pki)).indication is pdf.Indication.PASSED

    def second() -> bytes:
        more = pdf.begin_signature(
            signed,
            "Ky2",
            certificate=holder.certificate,
            chain=holder.chain,
            look=None,
            signed_at=datetime.now(UTC),
            mechanism=holder.mechanism,
            create=True,
        )
        return pdf.finish_signature(signed, more, _raw(holder, more.digest_to_sign), time_stamps=None)

    if permission == 1:
        with pytest.raises(Rejected) as refused:
            second()
        assert refused.value.code == "pdf_no_changes_allowed"
    else:
        twice = second()
        report = pdf.validate(twice, paper.trust(pki))
        assert report.indication is pdf.Indication.PASSED
        assert [each.field for each in report.signatures] == ["Ky1", "Ky2"]
