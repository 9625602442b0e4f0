"""Documents for tests: the samples, people with software keys, and the whole way from draft to archive.

Keys in this process stand for tokens; signing through real PKCS#11 is tested in tests/signing/test_keys.py.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from deploy.devpki.server import Running
from services.signing import appearance, pdf, placement

DATA = Path(__file__).parents[1] / "data"
SIGNER = pdf.signer_field(1)
NAME, POST, AGENCY = "Bế Thị Hồng Nguyệt", "PHÓ CHỦ TỊCH", "Ủy ban nhân dân tỉnh Lạng Sơn"
ISSUED_ON = date(2026, 1, 5)
PATIENT = 30.0  # seconds for a server that answers, however busy the machine


def sample(name: str) -> bytes:
    """A sample by the start of its file name: "01", "11b", "r6"."""
    (path,) = DATA.glob(f"{name}-*.pdf")
    return path.read_bytes()


@cache
def expectations() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DATA / "samples.json").read_text(encoding="utf-8"))
    return read


@dataclass(frozen=True, slots=True)
class SoftKey:
    """A pdf.Sealer whose key lies in memory."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificate: bytes
    chain: tuple[bytes, ...]
    mechanism: pdf.Mechanism

    def sign(self, digest: bytes) -> bytes:
        algorithm = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}[len(digest)]
        hashed = utils.Prehashed(algorithm)
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(digest, ec.ECDSA(hashed))
        if self.mechanism is pdf.Mechanism.RSA_PSS:
            return self.key.sign(digest, padding.PSS(padding.MGF1(algorithm), len(digest)), hashed)
        return self.key.sign(digest, padding.PKCS1v15(), hashed)


@cache
def _key(mechanism: pdf.Mechanism) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if mechanism is pdf.Mechanism.ECDSA:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def person(
    pki: Running, mechanism: pdf.Mechanism = pdf.Mechanism.RSA_PSS, *, not_after: datetime | None = None
) -> SoftKey:
    key = _key(mechanism)
    issued = pki.issue(key.public_key(), common_name=NAME, organisation=AGENCY, title=POST, not_after=not_after)
    return SoftKey(key, issued.der, (pki.pki.hierarchy.issuing.ca.der,), mechanism)


def agency(pki: Running, mechanism: pdf.Mechanism = pdf.Mechanism.ECDSA) -> SoftKey:
    key = _key(mechanism)
    issued = pki.issue(key.public_key(), common_name=AGENCY, profile="agency", organisation=AGENCY)
    return SoftKey(key, issued.der, (pki.pki.hierarchy.issuing.ca.der,), mechanism)


def trust(pki: Running, *, fetch: bool = True) -> pdf.Trust:
    return pdf.Trust(roots=(pki.pki.hierarchy.root.ca.der,), fetch=fetch, timeout=PATIENT)


believing = trust


def time_stamps(pki: Running) -> pdf.TimeStampService:
    return pdf.TimeStampService((pki.tsa_url,), timeout=PATIENT)


def plan(draft: bytes) -> pdf.Plan:
    """Fields where find_places has them, one signer."""
    places = placement.find_places(draft)
    signature = placement.signature_box(places.signature)
    return pdf.Plan(
        signers=(pdf.SignerPlace(SIGNER, signature, POST),),
        seal=pdf.SignerPlace(pdf.SEAL_FIELD, placement.seal_box(signature), "Con dấu"),
        number=places.number,
        day=places.day,
        month=places.month,
    )


def begin(prepared: bytes, key: SoftKey, field: str = SIGNER) -> pdf.PreparedSignature:
    at = datetime.now(UTC)
    return pdf.begin_signature(
        prepared,
        field,
        certificate=key.certificate,
        chain=key.chain,
        look=appearance.SignatureLook(NAME, POST, at),
        signed_at=at,
        mechanism=key.mechanism,
    )


def sign(prepared: bytes, key: SoftKey, pki: Running, field: str = SIGNER) -> bytes:
    begun = begin(prepared, key, field)
    return pdf.finish_signature(prepared, begun, key.sign(begun.digest_to_sign), time_stamps=time_stamps(pki))


def seal(
    signed: bytes,
    key: pdf.Sealer,
    pki: Running,
    level: pdf.Level = pdf.Level.LTA,
    *,
    numbered: bool = True,
    trust: pdf.Trust | None = None,
) -> bytes:
    day, month = appearance.printed_date(ISSUED_ON)
    return pdf.fill_number_and_seal(
        signed,
        number=appearance.printed_number(7) if numbered else None,
        day=day if numbered else None,
        month=month if numbered else None,
        sealer=key,
        look=appearance.SealLook(AGENCY),
        sealed_at=datetime.now(UTC),
        level=level,
        trust=trust or believing(pki),
        time_stamps=time_stamps(pki),
    )


def issue(draft: bytes, pki: Running, mechanism: pdf.Mechanism = pdf.Mechanism.RSA_PSS) -> bytes:
    """The whole way: fields, the leader's signature, number and date, the seal, LTA."""
    prepared = pdf.prepare(draft, plan(draft))
    return seal(sign(prepared, person(pki, mechanism), pki), agency(pki), pki)


def as_signed_elsewhere(pki: Running) -> bytes:
    """A document that carries an approval signature of somebody else's software, without our fields."""
    import io

    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    key = person(pki, pdf.Mechanism.RSA_PKCS1)
    from asn1crypto import keys, x509
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=x509.Certificate.load(key.certificate),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore.from_certs([x509.Certificate.load(c) for c in key.chain]),
    )
    about = PdfSignatureMetadata(field_name="Signature1", subfilter=SigSeedSubFilter.PADES)
    field = SigFieldSpec("Signature1", box=(350, 90, 460, 150))
    out = PdfSigner(about, signer, new_field_spec=field).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(sample("04"))))
    content: bytes = out.getvalue()
    return content


def as_word_writes_it(draft: bytes) -> bytes:
    """The draft with a hybrid-reference section (ISO 32000-2, 7.5.8.4), as word processors export it."""
    previous = int(re.findall(rb"startxref\s+(\d+)", draft)[-1])
    trailer = draft[draft.rindex(b"trailer") :]
    parts = (re.search(key + rb" (\d+(?: \d+ R)?)", trailer) for key in (b"/Size", b"/Root", b"/Info"))
    size, root, info = (part[1] for part in parts if part)
    first = int(size)
    out = draft + b"\n"
    hidden, stream = len(out), len(out) + len(b"%d 0 obj\n<</Hidden true>>\nendobj\n" % first)
    rows = b"".join(struct.pack(">BIH", 1, at, 0) for at in (hidden, stream))
    out += b"%d 0 obj\n<</Hidden true>>\nendobj\n" % first
    out += b"%d 0 obj\n<</Type/XRef/Size %d/W[1 4 2]/Index[%d 2]" % (first + 1, first + 2, first)
    out += b"/Root %b/Prev %d/Length %d>>\nstream\n%b\nendstream\nendobj\n" % (root, previous, len(rows), rows)
    table = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size %d/Root %b/Info %b" % (first + 2, root, info)
    return out + b"/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n" % (previous, stream, table)


def change_number(issued: bytes, number: str = "9999") -> bytes:
    """What a forger does: another number over the sealed one, as a well-formed incremental update."""
    from pyhanko.pdf_utils.generic import NameObject, TextStringObject

    from services.signing.pdf_draw import Canvas
    from services.signing.pdf_form import Revision, find_field, set_appearance

    writer = Revision(issued)
    _, field = find_field(writer, pdf.NUMBER_FIELD)
    canvas = Canvas(29, 16)
    canvas.text(number, 0, 4, 13, colour=appearance.BLACK)
    set_appearance(field, canvas.form(writer, 0))
    field[NameObject("/V")] = TextStringObject(number)
    writer.update_container(field)
    return writer.to_bytes()


def draw_over(issued: bytes) -> bytes:
    """Another forgery: an annotation that covers text, added after everything was signed."""
    from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NumberObject

    from services.signing.pdf_draw import Canvas
    from services.signing.pdf_form import Revision, set_appearance

    writer = Revision(issued)
    page, _ = writer.find_page_for_modification(0)
    canvas = Canvas(200, 60)
    canvas.text("Không còn hiệu lực", 5, 20, 18, colour=appearance.RED)
    annotation = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Stamp"),
            NameObject("/Rect"): ArrayObject(FloatObject(v) for v in (150, 400, 350, 460)),
            NameObject("/F"): NumberObject(4),
        }
    )
    set_appearance(annotation, canvas.form(writer, 0))
    writer.register_annotation(page, writer.add_object(annotation))
    return writer.to_bytes()
