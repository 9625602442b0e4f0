"""What runs in the workshop's processes: bytes and plain values in, bytes and plain values out.

pyhanko and its companions are imported on the first call there, so that neither the API nor the worker pays for
them at its start. Nothing here knows the database.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from services.signing.kept import Kept
from services.signing.longevity import Stamp
from services.signing.mechanism import Mechanism
from services.signing.placing import DAY, MONTH, NUMBER, SEAL, Place, co_seal_place, signer_place
from shared.errors import Refusal, Rejected

if TYPE_CHECKING:
    from services.signing.pdf_trust import TimeStampService, Trust

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Network:
    """Whom we believe and whom we ask: `roots` are DER, `tsa` addresses are tried in order, `timeout` in seconds.

    `limits`, `revoked`, `kept` and `reuse` as in pdf_trust.Trust. `unchecked`: a certificate about which no CA says
    anything may sign all the same.
    """

    roots: tuple[bytes, ...]
    tsa: tuple[str, ...]
    timeout: float = 5.0
    limits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    kept: tuple[Kept, ...] = ()
    unchecked: bool = False
    reuse: timedelta = timedelta(hours=1)

    @property
    def snapshot(self) -> str:
        """A name for this set of roots, with what they are believed for, that does not depend on their order."""
        digests = sorted(hashlib.sha256(root).hexdigest() for root in self.roots)
        named = b"".join(bytes.fromhex(one) for one in digests)
        for digest in digests:
            if (limits := self.limits.get(digest)) is not None:
                named += f"{digest} {' '.join(sorted(limits))}".encode()
        return hashlib.sha256(named).hexdigest()

    def trust(self) -> Trust:
        from services.signing.pdf_trust import Trust

        return Trust(
            roots=self.roots,
            timeout=self.timeout,
            limits=self.limits,
            revoked=self.revoked,
            kept=self.kept,
            reuse=self.reuse,
        )

    def time_stamps(self) -> TimeStampService:
        from services.signing.pdf_trust import TimeStampService

        return TimeStampService(urls=self.tsa, timeout=self.timeout, trust=self.trust())


@dataclass(frozen=True, slots=True)
class Made:
    """A signed document. `cached_as_of`: the CA was silent, its word was read from data kept since then.

    `level` is the new signature's own; `field`, `certificate` (DER), `anchor` and `algorithms` likewise; `unchecked`: no CA
    said anything about its certificate. `all_at`: every signature was checked and brought to this level, or None;
    `missing` is why it is not a higher one.
    """

    pdf: bytes
    cached_as_of: datetime | None = None
    level: str = ""
    field: str = ""
    unchecked: bool = False
    certificate: bytes = b""
    anchor: str | None = None
    algorithms: tuple[str, ...] = ()
    all_at: str | None = None
    stamp: Stamp | None = None
    missing: Rejected | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Something about a place that the clerk should look at."""

    refusal: Refusal
    what: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document with its empty fields; `numbered` says that number and date have theirs.

    `pdf` is None when places are `missing` and somebody wants to be asked; `sizes` are the pages' as shown, in points.
    """

    pdf: bytes | None
    pages: int
    numbered: bool
    places: tuple[Place, ...]
    sizes: tuple[tuple[float, float], ...]
    notices: tuple[Told, ...]
    missing: tuple[str, ...]


def warm_validation() -> None:
    """Import what validation needs, once a process."""
    from services.signing import pdf_validate  # noqa: F401


def warm() -> None:
    """Import what signing needs and cut the typeface: some seconds, once a process."""
    from services.signing import pdf  # noqa: F401
    from services.signing.appearance import Face, typeface

    for face in Face:
        typeface(face)


Person = tuple[str, str, tuple[str, ...]]
"""A signer as looked for in the text: name, post, the printed lines of authority and post."""


CoSeal = tuple[int, str, float]
"""A co-issuer's seal: the index of its signer among the signers, its name, its seal's diameter in mm."""


def prepare(
    pdf: bytes,
    *,
    signers: Sequence[str],
    agency: str,
    seal_mm: float,
    people: Sequence[Person] = (),
    co_issuers: Sequence[CoSeal] = (),
    given: Sequence[Place] = (),
    ask: bool = False,
) -> Prepared:
    """Add the fields where they are `given`, else where the text has them, else where Decree 30/2020 does.

    `signers` and `agency` are read out by viewers at their fields; `people` are the signers in the same order. With
    `ask` nothing is added while a place is missing. A document that comes in already signed gets signature fields only
    (DESIGN §5.2).
    """
    from services.signing import pdf as craft
    from services.signing.layout import lay_out
    from services.signing.placement import Sought

    facts = craft.inspect(pdf)
    fresh = not facts.signatures
    sought = [Sought(*person) for person in people] or [Sought("", post) for post in signers]
    co_seals = [(at, size) for at, _, size in co_issuers]
    layout = lay_out(pdf, sought, seals=[(0, seal_mm), *co_seals], blanks=fresh, given=given)
    told = tuple(Told(n.refusal, n.what) for n in layout.notices)
    made = Prepared(None, facts.pages, fresh, layout.places, layout.pages, told, layout.missing)
    if ask and layout.missing:
        return made
    plan = craft.Plan(
        signers=tuple(
            craft.SignerPlace(craft.signer_field(n), layout.box(signer_place(n)), label)
            for n, label in enumerate(signers, start=1)
        ),
        seal=craft.SignerPlace(craft.SEAL_FIELD, layout.box(SEAL), agency),
        number=layout.blank(NUMBER),
        day=layout.blank(DAY),
        month=layout.blank(MONTH),
        already_signed=facts.signatures,
        co_seals=tuple(
            craft.SignerPlace(co_seal_field(n), layout.box(co_seal_place(n)), label)
            for n, (_, label, _) in enumerate(co_issuers, start=1)
        ),
    )
    return replace(made, pdf=craft.prepare(pdf, plan))


def checked_picture(png: bytes, kind: Literal["signature", "seal"]) -> bytes:
    """A picture for visible signatures as the decree wants it, or Rejected with what is wrong (picture.checked)."""
    from services.signing.picture import checked

    return checked(png, kind)


def draw_page(pdf: bytes, page: int, width: int) -> bytes:
    """A page as a PNG (page_image.draw_page)."""
    from services.signing.page_image import draw_page

    return draw_page(pdf, page, width)


def begin(
    pdf: bytes,
    *,
    ordinal: int,
    certificate: bytes,
    chain_pem: str,
    name: str,
    post: str,
    signed_at: datetime,
    pss: bool,
    picture: bytes | None = None,
) -> dict[str, Any]:
    """The first half of a signature (pdf_sign.PreparedSignature as JSON). RSA keys sign PKCS#1 v1.5 unless `pss`."""
    from services.signing import pdf as craft
    from services.signing.appearance import SignatureLook

    return craft.begin_signature(
        pdf,
        craft.signer_field(ordinal),
        certificate=certificate,
        chain=chain(chain_pem),
        look=SignatureLook(name=name, post=post, signed_at=signed_at, picture=picture),
        signed_at=signed_at,
        mechanism=mechanism(certificate, pss=pss),
    ).to_json()


def verify(prepared: dict[str, Any], signature: bytes) -> None:
    """Rejected(signature_invalid) when the raw signature is not the certificate's over what was prepared.

    A tenth of a millisecond over bytes of our own making: done where it is asked for, behind no PDF in a queue.
    """
    from services.signing import pdf_cms

    pdf_cms.verified(
        base64.b64decode(prepared["signed_attributes"]),
        signature,
        certificate=base64.b64decode(prepared["certificate"]),
        mechanism=Mechanism(prepared["mechanism"]),
        digest=str(prepared.get("digest", "sha256")),
    )


def finish(pdf: bytes, prepared: dict[str, Any], signature: bytes, *, network: Network) -> Made:
    """The signed document with its time stamp, or without one while none is to be had.

    1. TT 15/2025: the certificate is checked on-line against its CA before anything is embedded.
    2. The raw signature is verified once more, time-stamped and embedded.
    """
    from services.signing import pdf as craft
    from services.signing import pdf_endure

    half = craft.PreparedSignature.from_json(prepared)
    trust = network.trust()
    anchor = craft.check_certificate(
        half.certificate, half.chain, trust, purpose=craft.SIGN_DOCUMENTS, unchecked=network.unchecked
    )
    made, level = pdf_endure.finish_at_best(pdf, half, signature, time_stamps=network.time_stamps())
    return Made(
        made,
        min(trust.used, default=None),
        level=level,
        field=half.field,
        unchecked=network.unchecked,
        certificate=half.certificate,
        anchor=anchor,
        algorithms=(half.digest, *pdf_endure.key_of(half.certificate)),
    )


def co_seal_field(ordinal: int) -> str:
    """The signature field of the seal of co-issuer 1, 2, …"""
    return f"vanthu_co_seal_{ordinal}"


def mechanism(certificate: bytes, *, pss: bool) -> Mechanism:
    """How the key of this certificate signs."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import load_der_x509_certificate

    if isinstance(load_der_x509_certificate(certificate).public_key(), ec.EllipticCurvePublicKey):
        return Mechanism.ECDSA
    return Mechanism.RSA_PSS if pss else Mechanism.RSA_PKCS1


def chain(pem: str) -> tuple[bytes, ...]:
    """The certificates of a PEM text as DER."""
    parts = pem.split(_BEGIN)[1:]
    return tuple(ssl.PEM_cert_to_DER_cert(_BEGIN + part.partition(_END)[0] + _END) for part in parts)


def validate(pdf: bytes, *, network: Network, at: datetime | None = None, policy: str = "default") -> dict[str, Any]:
    """The validation report as JSON values (pdf_report.ValidationReport); Rejected for what is no PDF at all."""
    from services.signing.pdf_validate import validate

    return validate(pdf, network.trust(), at=at, policy=policy).to_json()
