"""Signing in two calls, so that the private key may be in a token on somebody else's machine.

1. begin_signature writes the update with an empty placeholder and builds the signed attributes.
2. The token signs the DER of these attributes; the client has recomputed the digest from the bytes it shows.
3. finish_signature verifies the raw signature against the certificate, has it time-stamped and embeds it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from services.signing import pdf_cms
from services.signing.appearance import Look
from services.signing.mechanism import DIGESTS, Mechanism
from services.signing.pdf_cms import check_key
from services.signing.pdf_draw import Canvas, draw
from services.signing.pdf_fields import (
    APPEND_ONLY,
    FILL_FORMS,
    SIGNATURES_EXIST,
    Field,
    add_fields,
    flag_signatures,
    lock_of,
    new_signature_field,
    page,
    standing,
)
from services.signing.pdf_file import Document
from services.signing.pdf_form import fill_field
from services.signing.pdf_gap import Gap, with_gap
from services.signing.pdf_objects import Name, string, write, write_string
from services.signing.pdf_open import updating
from services.signing.pdf_read import check_bytes
from services.signing.pdf_stamp import time_stamp
from services.signing.pdf_trust import TimeStampService
from services.signing.pdf_update import Update
from services.signing.refusals import BASE_CHANGED, KEY_TOO_WEAK, TSA_UNAVAILABLE
from shared.errors import Rejected

__all__ = ["PreparedSignature", "begin", "begin_signature", "check_key", "finish", "finish_signature", "verify"]

DIGEST = "sha256"
# Room for the signature, its time stamp with the TSA's chain, and attributes; certificates come on top.
_RESERVE = 16 * 1024
_DATE = "D:%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True)
class PreparedSignature:
    """What begin_signature hands over; it survives JSON, so the second call may reach another process.

    `update` is appended to the base document and holds the placeholder; `byte_range` are ISO 32000's four
    numbers; `document_digest` is over that range; `signed_attributes` is the DER to be signed (SET OF). `digest`
    names the hash of both.
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
    digest: str = DIGEST

    @property
    def digest_to_sign(self) -> bytes:
        """`digest` of the signed attributes, for devices that sign a digest; its length says which one it is."""
        return hashlib.new(self.digest, self.signed_attributes).digest()

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
        """What to_json gave, also an earlier release's, which knew SHA-256 only."""
        start, first, second, end = (int(v) for v in value["byte_range"])
        digest = str(value.get("digest", DIGEST))
        if digest not in DIGESTS:
            raise ValueError(digest)
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
            digest=digest,
        )


def begin_signature(
    pdf: bytes,
    field: str,
    *,
    certificate: bytes,
    chain: Sequence[bytes],
    look: Look | None,
    signed_at: datetime,
    mechanism: Mechanism,
    texts: Mapping[str, str] | None = None,
    reason: str | None = None,
    digest: str | None = None,
    certify: int | None = FILL_FORMS,
    create: bool = False,
) -> PreparedSignature:
    """Write a signature's update around an empty placeholder (ETSI EN 319 142-1, PAdES baseline).

    The first signature of a document certifies it with DocMDP P=`certify` (2 permits form filling; None: it only
    approves); later ones approve. `texts` are text fields filled in the same revision. Certificates are DER;
    `signed_at` is aware; `digest` is one of mechanism.DIGESTS, by default as strong as the key. `create` adds an
    invisible field where the document has none of this name. That the content may be signed at all was decided by
    `prepare` or `inspect`; here decide the form and the earlier signatures.
    """
    check_bytes(pdf)
    return begin(
        Document(pdf),
        field,
        certificate=certificate,
        chain=chain,
        look=look,
        signed_at=signed_at,
        mechanism=mechanism,
        texts=texts,
        reason=reason,
        digest=digest,
        certify=certify,
        create=create,
    )


def begin(
    document: Document,
    field: str,
    *,
    certificate: bytes,
    chain: Sequence[bytes],
    look: Look | None,
    signed_at: datetime,
    mechanism: Mechanism,
    texts: Mapping[str, str] | None = None,
    reason: str | None = None,
    digest: str | None = None,
    certify: int | None = FILL_FORMS,
    create: bool = False,
) -> PreparedSignature:
    """begin_signature for a document in two parts."""
    check_key(certificate, signed_at)
    digest = digest or pdf_cms.usual_digest(certificate)
    if digest not in DIGESTS:
        raise Rejected(KEY_TOO_WEAK)
    room = 2 * (_RESERVE + len(certificate) + sum(map(len, chain)))

    def write_update(update: Update) -> Gap:
        stands = standing(update)
        for name, text in (texts or {}).items():
            fill_field(update, stands.open(name, "/Tx"), text)
        new = create and field not in stands.fields
        return _write(
            update,
            _created(update, field) if new else stands.open(field, "/Sig"),
            look=look,
            room=room,
            entries=_entries(signed_at, reason),
            certify=None if stands.signed or stands.certified else certify,
        )

    gap = updating(document, write_update)
    base_sha256, document_digest = gap.digests(document, digest)
    return PreparedSignature(
        base_sha256=base_sha256,
        update=gap.update,
        byte_range=gap.byte_range(len(document)),
        document_digest=document_digest,
        signed_attributes=pdf_cms.signed_attributes(certificate, document_digest),
        certificate=certificate,
        chain=tuple(chain),
        mechanism=mechanism,
        field=field,
        digest=digest,
    )


def finish_signature(
    pdf: bytes, prepared: PreparedSignature, signature: bytes, *, time_stamps: TimeStampService | None
) -> bytes:
    """The signed document. Nothing is embedded before the raw signature was verified against the certificate.

    `signature` is as the device returned it: RSA as the number's bytes, ECDSA as r || s or DER. Without
    `time_stamps` the result is B-B and owes its time stamp.
    """
    return finish(Document(pdf), prepared, signature, time_stamps=time_stamps).to_bytes()


def finish(
    document: Document, prepared: PreparedSignature, signature: bytes, *, time_stamps: TimeStampService | None
) -> Document:
    """finish_signature for a document in two parts."""
    _, first, second, _ = prepared.byte_range
    gap = Gap(prepared.update, first - len(document), second - len(document))
    if not gap.sound or gap.digests(document, prepared.digest) != (prepared.base_sha256, prepared.document_digest):
        raise Rejected(BASE_CHANGED)
    signature = verify(prepared, signature)
    container = pdf_cms.container(
        prepared.signed_attributes,
        signature,
        certificate=prepared.certificate,
        chain=prepared.chain,
        mechanism=prepared.mechanism,
        digest=prepared.digest,
        time_stamp=time_stamp(time_stamps, signature, prepared.digest) if time_stamps else None,
    )
    try:
        return document.appended(gap.filled(container))
    except OverflowError as error:
        raise Rejected(TSA_UNAVAILABLE) from error


def verify(prepared: PreparedSignature, signature: bytes) -> bytes:
    """The signature in CMS form when it is the certificate's over the prepared attributes, else Rejected."""
    return pdf_cms.verified(
        prepared.signed_attributes,
        signature,
        certificate=prepared.certificate,
        mechanism=prepared.mechanism,
        digest=prepared.digest,
    )


def _write(update: Update, field: Field, *, look: Look | None, room: int, entries: bytes, certify: int | None) -> Gap:
    about = dict(field.about)
    if look is not None:
        _draw(update, about, look)
    signature = update.add()
    references = []
    if certify is not None:
        references.append(_transform("/DocMDP", {"/P": certify}))
        catalog = update.catalog()
        perms = update.follow(catalog.get("/Perms"))
        update.set(update.root, {**catalog, "/Perms": {**(perms or {}), "/DocMDP": signature}})
    lock = update.follow(about.get("/Lock"))
    if type(lock) is dict:
        found = lock_of(update, lock)
        named = {} if found.action == "/All" else {"/Fields": [string(each) for each in found.names]}
        # /P in the parameters is not the standard's but what Acrobat writes and readers look for.
        permission = certify if certify is not None else update.follow(lock.get("/P"))
        permits = {"/P": permission} if permission is not None else {}
        field_mdp = _transform("/FieldMDP", {"/Action": Name(found.action), **named, **permits})
        references.append({**field_mdp, "/Data": update.root})
    about["/V"] = signature
    update.set(field.ref, about)
    flag_signatures(update, SIGNATURES_EXIST | APPEND_ONLY)
    if references:
        entries += b"/Reference" + write(references)
    return with_gap(update, signature, b"/Type/Sig/SubFilter/ETSI.CAdES.detached" + entries, room)


def _transform(method: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "/Type": Name("/SigRef"),
        "/TransformMethod": Name(method),
        "/TransformParams": {"/Type": Name("/TransformParams"), "/V": Name("/1.2"), **parameters},
    }


def _entries(signed_at: datetime, reason: str | None) -> bytes:
    offset = signed_at.strftime("%z") or "+0000"
    date = f"{signed_at.strftime(_DATE)}{offset[:3]}'{offset[3:5]}'"
    said = b"/Reason" + write_string(string(reason)) if reason else b""
    return b"/Filter/Adobe.PPKLite/M(" + date.encode("ascii") + b")" + said


def _created(update: Update, name: str) -> Field:
    """An invisible field on the first page, which every validator permits also after a certification."""
    on, _ = page(update, 1, name)
    ref, about = new_signature_field(update, name, on, (0, 0, 0, 0))
    add_fields(update, [(ref, on)])
    return Field(name, ref, about, "/Sig", None)


def _draw(update: Update, about: dict[str, Any], look: Look) -> None:
    """Give an empty field its appearance; one without an area stays as it is."""
    x0, y0, x1, y1 = (float(update.follow(v)) for v in update.follow(about["/Rect"]))
    turned = update.follow(about.get("/MK"))
    rotation = int(update.follow(turned.get("/R", 0))) if type(turned) is dict else 0
    width, height = abs(x1 - x0), abs(y1 - y0)
    if width and height:
        if rotation in (90, 270):
            width, height = height, width
        canvas = Canvas(width, height)
        draw(canvas, look)
        about["/AP"] = {"/N": canvas.form(update, rotation)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value
