"""Every way in which we sign: level × key and mechanism × digest × placement, made here, judged in test_matrix.py."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import product

import pikepdf
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from deploy.devpki.server import Running
from services.signing import appearance, pdf
from services.signing.mechanism import DIGESTS
from tests.interop import paper
from tests.interop.paper import SoftKey

SECOND = pdf.signer_field(2)
LEVELS = tuple(pdf.Level)
PLACEMENTS = ("upright", "rotated", "odd box", "invisible", "several signers", "numbered", "created")
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def _rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


KEYS: dict[str, tuple[Callable[[], Key], pdf.Mechanism]] = {
    "RSA-2048 PSS": (lambda: _rsa(2048), pdf.Mechanism.RSA_PSS),
    "RSA-2048 v1.5": (lambda: _rsa(2048), pdf.Mechanism.RSA_PKCS1),
    "RSA-3072 PSS": (lambda: _rsa(3072), pdf.Mechanism.RSA_PSS),
    "RSA-3072 v1.5": (lambda: _rsa(3072), pdf.Mechanism.RSA_PKCS1),
    "P-256": (lambda: ec.generate_private_key(ec.SECP256R1()), pdf.Mechanism.ECDSA),
    "P-384": (lambda: ec.generate_private_key(ec.SECP384R1()), pdf.Mechanism.ECDSA),
}


@dataclass(frozen=True, slots=True)
class Case:
    level: pdf.Level
    key: str
    digest: str
    placement: str

    @property
    def file(self) -> str:
        named = f"{self.level.rpartition('-')[2]} {self.key} {self.digest} {self.placement}"
        return f"{named.replace(' ', '-').replace('.', '')}.pdf"

    @property
    def signatures(self) -> int:
        return 2 if self.placement in ("several signers", "numbered") else 1


def every() -> list[Case]:
    return [Case(*one) for one in product(LEVELS, KEYS, DIGESTS, PLACEMENTS)]


def some() -> list[Case]:
    """A cut in which each level meets each placement, and each key each digest."""
    algorithms = list(product(KEYS, DIGESTS))
    return [
        Case(level, *algorithms[n % len(algorithms)], placement)
        for n, (level, placement) in enumerate(product(LEVELS, PLACEMENTS))
    ]


def make(cases: list[Case], pki: Running) -> Iterator[tuple[Case, bytes]]:
    """Each with its document."""
    people = {name: _person(pki, name) for name in KEYS}
    for case in cases:
        yield case, _made(case, people[case.key], pki)


def _made(case: Case, key: SoftKey, pki: Running) -> bytes:
    base = _prepared(case.placement)
    fields = (paper.SIGNER, SECOND) if case.placement == "several signers" else (paper.SIGNER,)
    for field in fields:
        base = _signed(base, field, case, key, pki)
    if case.placement == "numbered":
        return paper.seal(base, paper.agency(pki), pki, case.level)
    if case.level in (pdf.Level.LT, pdf.Level.LTA):
        return pdf.extend(base, level=case.level, trust=paper.trust(pki), time_stamps=_stamps(pki))
    return base


def _signed(base: bytes, field: str, case: Case, key: SoftKey, pki: Running) -> bytes:
    at = datetime.now(UTC)
    begun = pdf.begin_signature(
        base,
        field,
        certificate=key.certificate,
        chain=key.chain,
        look=None if case.placement == "created" else appearance.SignatureLook(paper.NAME, paper.POST, at),
        signed_at=at,
        mechanism=key.mechanism,
        digest=case.digest,
        create=case.placement == "created",
    )
    stamps = None if case.level is pdf.Level.B_B else _stamps(pki)
    return pdf.finish_signature(base, begun, key.sign(begun.digest_to_sign), time_stamps=stamps)


def _stamps(pki: Running) -> pdf.TimeStampService:
    return replace(paper.time_stamps(pki), trust=paper.trust(pki))


@cache
def _prepared(placement: str) -> bytes:
    """The document with its empty fields."""
    draft = {"rotated": lambda: paper.sample("11b"), "odd box": odd_box}.get(placement, lambda: paper.sample("01"))()
    plan = paper.plan(draft)
    if placement == "created":
        return draft
    if placement == "numbered":
        return pdf.prepare(draft, plan)
    bare = replace(plan, seal=None, number=None, day=None, month=None)
    if placement == "several signers":
        first = plan.signers[0]
        bare = replace(bare, signers=(first, pdf.SignerPlace(SECOND, first.box.moved(dy=-120), "Kế toán trưởng")))
    prepared = pdf.prepare(draft, bare)
    return _hidden(prepared) if placement == "invisible" else prepared


def odd_box() -> bytes:
    """A page whose boxes begin nowhere near the origin, the shown one smaller than the medium."""
    with pikepdf.open(io.BytesIO(paper.sample("01"))) as document:
        page = document.pages[0]
        left, bottom, right, top = (float(v) for v in page.mediabox)
        page.obj.MediaBox = pikepdf.Array([left - 137.5, bottom - 61, right + 40, top + 9.25])
        page.obj.CropBox = pikepdf.Array([left - 20, bottom - 11, right + 3, top + 2])
        return _saved(document)


def _hidden(prepared: bytes) -> bytes:
    """The same with a field of no size, as others prepare it."""
    with pikepdf.open(io.BytesIO(prepared)) as document:
        for field in document.Root.AcroForm.Fields:
            field.Rect = pikepdf.Array([0, 0, 0, 0])
        return _saved(document)


def _saved(document: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _person(pki: Running, name: str) -> SoftKey:
    make_key, mechanism = KEYS[name]
    key = make_key()
    issued = pki.issue(key.public_key(), common_name=paper.NAME, organisation=paper.AGENCY, title=paper.POST)
    return SoftKey(key, issued.der, (pki.pki.hierarchy.issuing.ca.der,), mechanism)
