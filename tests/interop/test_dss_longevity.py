"""EU DSS judges what was signed and sealed during outages, before and after its debts were paid, and a renewed archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.devpki.server import Running
from services.signing import craft, craft_proof, pdf, pdf_endure
from services.signing.longevity import LT, LTA, B, T
from services.signing.pdf_trust import load
from tests.interop import paper
from tests.interop.judge import FileVerdict, judge


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(tsa=False, ocsp=False, crl=False)


def network(pki: Running) -> craft.Network:
    return craft.Network(roots=(pki.pki.hierarchy.root.ca.der,), tsa=(pki.tsa_url,))


def augment(pki: Running, content: bytes, level: str, target: str = LTA) -> craft.Made:
    made = craft_proof.augment(content, level=level, target=target, network=network(pki))
    assert made.pdf.startswith(content), "what stands is never touched"
    return made


def signed_without_stamp(pki: Running, key: paper.SoftKey) -> bytes:
    draft = paper.sample("01")
    prepared = pdf.prepare(draft, paper.plan(draft))
    begun = paper.begin(prepared, key)
    raw = key.sign(begun.digest_to_sign)
    content, level = pdf_endure.finish_at_best(prepared, begun, raw, time_stamps=paper.time_stamps(pki))
    assert level == B
    return content


def sealed(pki: Running, signed: bytes, level: pdf.Level) -> bytes:
    return paper.seal(signed, paper.agency(pki), pki, level=level)


def verdicts(pki: Running, folder: Path, **contents: bytes) -> dict[str, FileVerdict]:
    (folder / "trust.pem").write_bytes(pki.root_pem)
    for name, content in contents.items():
        (folder / f"{name}.pdf").write_bytes(content)
    found = judge([folder / f"{name}.pdf" for name in contents], folder / "trust.pem")
    return {name.removesuffix(".pdf"): verdict for name, verdict in found.items()}


def levels(verdict: FileVerdict) -> list[str]:
    assert verdict.accepted, verdict
    return [one.level for one in verdict.signatures]


def test_dss_gives_each_step_of_a_debt_its_level(pki: Running, tmp_path: Path) -> None:
    """Signed and sealed at B while the TSA is away; then the time stamp; then validation data and the archive.

    For a signature without a time stamp of its own DSS takes the document time stamp as T (EN 319 142-1, 6.3), as
    we do.
    """
    person = paper.person(pki)
    pki.outage(tsa=True)
    signed = signed_without_stamp(pki, person)
    both = sealed(pki, signed, pdf.Level.B_B)
    pki.outage(tsa=False)
    stamped = augment(pki, signed, B, T)
    paid = augment(pki, both, B)
    sealed_later = sealed(pki, stamped.pdf, pdf.Level.LTA)
    over_an_unstamped = sealed(pki, signed, pdf.Level.LTA)
    found = verdicts(
        pki,
        tmp_path,
        signed=signed,
        both=both,
        stamped=stamped.pdf,
        paid=paid.pdf,
        sealed_later=sealed_later,
        over=over_an_unstamped,
    )
    assert levels(found["signed"]) == [B]
    assert levels(found["both"]) == [B, B]
    assert levels(found["stamped"]) == [T]
    assert levels(found["paid"]) == [LTA, LTA]
    assert levels(found["sealed_later"]) == [LTA, LTA]
    assert levels(found["over"]) == [LTA, LTA]
    ours = pdf.validate(paid.pdf, paper.trust(pki)).to_json()
    assert [(s["indication"], s["level"]) for s in ours["signatures"] if s["kind"] != "timestamp"] == [
        ("TOTAL_PASSED", LTA),
        ("TOTAL_PASSED", LTA),
    ]


@pytest.mark.full
def test_dss_gives_lt_while_the_archive_stamp_is_owed_and_lta_when_it_is_paid(pki: Running, tmp_path: Path) -> None:
    draft = paper.sample("01")
    signed = paper.sign(pdf.prepare(draft, paper.plan(draft)), paper.person(pki), pki)
    both = sealed(pki, signed, pdf.Level.B_T)
    pki.outage(tsa=True)
    first = augment(pki, both, T)
    assert (first.all_at, first.missing.code if first.missing else None) == (LT, "tsa_unavailable")
    pki.outage(tsa=False)
    second = augment(pki, first.pdf, LT)
    renewed = augment(pki, second.pdf, LTA)
    found = verdicts(pki, tmp_path, t=both, lt=first.pdf, lta=second.pdf, renewed=renewed.pdf)
    assert levels(found["t"]) == [T, T]
    assert levels(found["lt"]) == [LT, LT]
    assert levels(found["lta"]) == [LTA, LTA]
    assert levels(found["renewed"]) == [LTA, LTA]
    assert len(found["renewed"].timestamps) == len(found["lta"].timestamps) + 1


@pytest.mark.full
def test_a_person_s_certificate_that_ends_after_the_archive_changes_nothing(pki: Running, tmp_path: Path) -> None:
    """Paid with a document time stamp, then revoked: DSS still accepts, since existence before is proven."""
    person = paper.person(pki)
    pki.outage(tsa=True)
    signed = signed_without_stamp(pki, person)
    pki.outage(tsa=False)
    paid = augment(pki, sealed(pki, signed, pdf.Level.B_T), B)
    pki.revoke(load(person.certificate).serial_number, "superseded")
    found = verdicts(pki, tmp_path, paid=paid.pdf, unpaid=signed)
    assert levels(found["paid"]) == [LTA, LTA]
    assert not found["unpaid"].accepted
