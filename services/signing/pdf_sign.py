"""Signing in two calls, so that the private key may be in a token on somebody else's machine.

1. begin_signature writes the update with an empty placeholder and builds the signed attributes.
2. The token signs the DER of these attributes; the client has recomputed the digest from the bytes it shows.
3. finish_signature verifies the raw signature against the certificate, has it time-stamped and embeds it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from asn1crypto import algos, cms
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import load_der_x509_certificate
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest, SignatureObject
from pyhanko.sign.signers.pdf_cms import ExternalSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from services.signing.appearance import Look
from services.signing.mechanism import Mechanism
from services.signing.pdf_draw import Canvas, draw, set_appearance
from services.signing.pdf_form import Revision, fill_text, find_field
from services.signing.pdf_read import BROKEN, inspect, lookup
from services.signing.pdf_trust import TimeStamps, TimeStampService, load
from services.signing.refusals import (
    BASE_CHANGED,
    CERTIFICATE_EXPIRED,
    KEY_TOO_WEAK,
    PDF_FIELD_MISSING,
    SIGNATURE_INVALID,
)
from shared.errors import PDF_DAMAGED, Rejected

DIGEST = "sha256"
# Room for the signature, its time stamp with the TSA's chain, and attributes; certificates come on top.
_RESERVE = 16 * 1024


@dataclass(frozen=True, slots=True)
class PreparedSignature:
    """What begin_signature hands over; it survives JSON, so the second call may reach another process.

    `update` is appended to the base document and holds the placeholder; `byte_range` are ISO 32000's four
    numbers; `document_digest` is SHA-256 over that range; `signed_attributes` is the DER to be signed (SET OF).
    """

    base_sha256: str
    update: bytes
    byte_range: tuple[int, int, int, int]
    document_digest: bytes
    signed_attributes: bytes
    certificate: bytes
    chain: tuple[bytes, ...]
    mechanism: Mechanism
    field: str

    @property
    def digest_to_sign(self) -> bytes:
        """SHA-256 of the signed attributes, for devices that sign a digest."""
        return hashlib.sha256(self.signed_attributes).digest()

    def document(self, base: bytes) -> bytes:
        """The bytes that the client gets, with the empty placeholder; Rejected(base_changed) on another base."""
        if hashlib.sha256(base).hexdigest() != self.base_sha256:
            raise Rejected(BASE_CHANGED)
        return base + self.update

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values, bytes in base64."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        start, first, second, end = (int(v) for v in value["byte_range"])
        return cls(
            base_sha256=value["base_sha256"],
            update=base64.b64decode(value["update"]),
            byte_range=(start, first, second, end),
            document_digest=base64.b64decode(value["document_digest"]),
            signed_attributes=base64.b64decode(value["signed_attributes"]),
            certificate=base64.b64decode(value["certificate"]),
            chain=tuple(base64.b64decode(c) for c in value["chain"]),
            mechanism=Mechanism(value["mechanism"]),
            field=value["field"],
        )


def begin_signature(
    pdf: bytes,
    field: str,
    *,
    certificate: bytes,
    chain: Sequence[bytes],
    look: Look,
    signed_at: datetime,
    mechanism: Mechanism,
    texts: Mapping[str, str] | None = None,
    reason: str | None = None,
    certify: int | None = 2,
) -> PreparedSignature:
    """Write a signature's update around an empty placeholder (ETSI EN 319 142-1, PAdES baseline).

    The first signature of a document certifies it with DocMDP P=`certify` (2 permits form filling; None: it only
    approves); later ones approve.
    `texts` are text fields filled in the same revision. Certificates are DER; `signed_at` is aware.
    """
    check_key(certificate, signed_at)
    facts = inspect(pdf)
    try:
        writer = Revision(pdf)
        for name, text in (texts or {}).items():
            fill_text(writer, name, text)
        lock = _open_field(writer, field, look)
        setup = _mdp(lock, certify=None if facts.signatures else certify)
        placeholder = SignatureObject(
            timestamp=signed_at,
            subfilter=SigSeedSubFilter.PADES,
            reason=reason,
            bytes_reserved=2 * (_RESERVE + len(certificate) + sum(map(len, chain))),
        )
        digest, document = _write(writer, field, placeholder, setup)
    except Rejected:
        raise
    except BROKEN as error:
        raise Rejected(PDF_DAMAGED) from error
    signer = _signer(certificate, chain, mechanism)
    attributes = asyncio.run(signer.signed_attrs(digest.document_digest, DIGEST, use_pades=True))
    return PreparedSignature(
        base_sha256=hashlib.sha256(pdf).hexdigest(),
        update=document[len(pdf) :],
        byte_range=_byte_range(digest, document),
        document_digest=digest.document_digest,
        signed_attributes=attributes.dump(),
        certificate=certificate,
        chain=tuple(chain),
        mechanism=mechanism,
        field=field,
    )


def finish_signature(
    pdf: bytes, prepared: PreparedSignature, signature: bytes, *, time_stamps: TimeStampService | None
) -> bytes:
    """The signed document. Nothing is embedded before the raw signature was verified against the certificate.

    `signature` is as the device returned it: RSA as the number's bytes, ECDSA as r || s or DER. Without
    `time_stamps` the result is B-B and owes its time stamp.
    """
    document = prepared.document(pdf)
    _, first, second, rest = prepared.byte_range
    covered = document[:first] + document[second : second + rest]
    if hashlib.sha256(covered).digest() != prepared.document_digest:
        raise Rejected(BASE_CHANGED)
    signature = verify(prepared, signature)
    signer = _signer(prepared.certificate, prepared.chain, prepared.mechanism, signature)
    container = asyncio.run(
        signer.async_sign_prescribed_attributes(
            DIGEST,
            cms.CMSAttributes.load(prepared.signed_attributes),
            timestamper=TimeStamps(time_stamps) if time_stamps else None,
        )
    )
    out = io.BytesIO(document)
    PreparedByteRangeDigest(prepared.document_digest, first, second).fill_with_cms(out, container)
    return out.getvalue()


def verify(prepared: PreparedSignature, signature: bytes) -> bytes:
    """The signature in CMS form when it is the certificate's over the prepared attributes, else Rejected."""
    key = load_der_x509_certificate(prepared.certificate).public_key()
    data = prepared.signed_attributes
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            signature = _as_der(signature, key)
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey) and prepared.mechanism is Mechanism.RSA_PSS:
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
            key.verify(signature, data, pss, hashes.SHA256())
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            raise Rejected(KEY_TOO_WEAK)
    except (InvalidSignature, ValueError):
        raise Rejected(SIGNATURE_INVALID) from None
    return signature


def check_key(certificate: bytes, at: datetime) -> None:
    """TT 15/2025: RSA of at least 2048 bits or ECDSA of at least 256, inside the certificate's validity."""
    try:
        loaded = load_der_x509_certificate(certificate)
        key = loaded.public_key()
    except ValueError:
        raise Rejected(SIGNATURE_INVALID) from None
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= 256
    )
    if not strong:
        raise Rejected(KEY_TOO_WEAK)
    if not loaded.not_valid_before_utc <= at <= loaded.not_valid_after_utc:
        raise Rejected(CERTIFICATE_EXPIRED)


def _open_field(writer: Revision, name: str, look: Look) -> Any:
    """Draw the appearance of an empty signature field; its lock dictionary or None."""
    _, field = find_field(writer, name)
    if lookup(field, "/FT") != "/Sig" or "/V" in field:
        raise Rejected(PDF_FIELD_MISSING, field=name)
    x0, y0, x1, y1 = (float(v) for v in field["/Rect"])
    rotation = int(lookup(lookup(field, "/MK", {}), "/R", 0))
    width, height = abs(x1 - x0), abs(y1 - y0)
    if width and height:
        if rotation in (90, 270):
            width, height = height, width
        canvas = Canvas(writer, width, height)
        draw(canvas, look)
        set_appearance(field, canvas.form(rotation))
        writer.update_container(field)
    return lookup(field, "/Lock")


def _mdp(lock: Any, *, certify: int | None) -> SigMDPSetup:
    return SigMDPSetup(
        md_algorithm=DIGEST,
        certify=certify is not None,
        field_lock=FieldMDPSpec.from_pdf_object(lock) if lock is not None else None,
        docmdp_perms=(
            MDPPerm(certify)
            if certify is not None
            else MDPPerm(int(lock["/P"]))
            if lock is not None and "/P" in lock
            else None
        ),
    )


def _write(
    writer: Revision, field: str, placeholder: SignatureObject, mdp: SigMDPSetup
) -> tuple[PreparedByteRangeDigest, bytes]:
    steps = PdfCMSEmbedder().write_cms(field, writer, existing_fields_only=True)
    next(steps)
    steps.send(SigObjSetup(sig_placeholder=placeholder, mdp_setup=mdp))
    out = io.BytesIO()
    digest, _ = steps.send(SigIOSetup(md_algorithm=DIGEST, output=out))
    return digest, out.getvalue()


def _byte_range(digest: PreparedByteRangeDigest, document: bytes) -> tuple[int, int, int, int]:
    end = digest.reserved_region_end
    return 0, digest.reserved_region_start, end, len(document) - end


def _signer(
    certificate: bytes, chain: Sequence[bytes], mechanism: Mechanism, signature: bytes | None = None
) -> ExternalSigner:
    algorithm: dict[str, Any] = {
        Mechanism.RSA_PKCS1: {"algorithm": "sha256_rsa"},
        Mechanism.RSA_PSS: {"algorithm": "rsassa_pss", "parameters": _pss_parameters()},
        Mechanism.ECDSA: {"algorithm": "sha256_ecdsa"},
    }[mechanism]
    return ExternalSigner(
        signing_cert=load(certificate),
        cert_registry=SimpleCertificateStore.from_certs([load(c) for c in chain]),
        signature_value=signature,
        signature_mechanism=algos.SignedDigestAlgorithm(algorithm),
        embed_roots=False,
    )


def _pss_parameters() -> algos.RSASSAPSSParams:
    digest = algos.DigestAlgorithm({"algorithm": DIGEST})
    return algos.RSASSAPSSParams(
        {
            "hash_algorithm": digest,
            "mask_gen_algorithm": algos.MaskGenAlgorithm({"algorithm": "mgf1", "parameters": digest}),
            "salt_length": 32,
        }
    )


def _as_der(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """PKCS#11 gives r || s, CMS wants the DER sequence."""
    size = (key.key_size + 7) // 8
    if len(signature) == 2 * size:
        r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
        return algos.DSASignature({"r": r, "s": s}).dump()  # type: ignore[no-any-return]
    return signature


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value
