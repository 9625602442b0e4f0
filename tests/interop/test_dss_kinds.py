"""Annexes, copies and documents of several agencies, judged by EU DSS, which did not make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.devpki.server import Running
from services.signing import appearance, pdf, placement, text_spot
from services.signing.craft import co_seal_field
from tests.interop import paper
from tests.interop.judge import FileVerdict, judge

SECOND, CO_SEAL = pdf.signer_field(2), co_seal_field(1)


def with_text(file: bytes, look: appearance.TextLook, key: paper.SoftKey, pki: Running, *, annex: bool) -> bytes:
    return pdf.sign_with_text(
        file,
        look,
        name="vanthu_annex" if annex else "vanthu_copy",
        width_mm=text_spot.ANNEX_WIDTH_MM if annex else text_spot.COPY_WIDTH_MM,
        lock=annex,
        sealer=key,
        signed_at=datetime.now(UTC),
        level=pdf.Level.LTA,
        trust=paper.trust(pki),
        time_stamps=paper.time_stamps(pki),
    )


def together(pki: Running) -> bytes:
    """Two leaders, the second agency's seal, then the leading agency's with the number, then the archive."""
    draft = paper.sample("01")
    plan = paper.plan(draft)
    box = plan.signers[0].box
    halves = replace(box, x1=box.middle[0]), replace(box, x0=box.middle[0])
    plan = replace(
        plan,
        signers=tuple(
            pdf.SignerPlace(field, half, paper.POST) for field, half in zip((paper.SIGNER, SECOND), halves, strict=True)
        ),
        co_seals=(pdf.SignerPlace(CO_SEAL, placement.seal_box(halves[1]), "Sở Tư pháp"),),
    )
    document, leader = pdf.prepare(draft, plan), paper.person(pki)
    for field in (SECOND, paper.SIGNER):  # in any order
        document = paper.sign(document, leader, pki, field)
    co_sealed = pdf.fill_number_and_seal(
        document,
        number=None,
        day=None,
        month=None,
        sealer=paper.agency(pki),
        look=appearance.SealLook("Sở Tư pháp"),
        sealed_at=datetime.now(UTC),
        level=pdf.Level.B_T,
        trust=paper.trust(pki),
        time_stamps=paper.time_stamps(pki),
        field=CO_SEAL,
    )
    return paper.seal(co_sealed, paper.agency(pki, pdf.Mechanism.RSA_PSS), pki)


@pytest.fixture(scope="module")
def made(pki: Running) -> dict[str, bytes]:
    at, seal, other = datetime.now(UTC), paper.agency(pki), paper.agency(pki, pdf.Mechanism.RSA_PSS)
    found = {
        "annex": with_text(paper.sample("04"), appearance.annex_look("05/QĐ-UBND", at), seal, pki, annex=True),
        "annex signed before": with_text(
            paper.as_signed_elsewhere(pki), appearance.annex_look("05/QĐ-UBND", at), seal, pki, annex=True
        ),
        "copy": with_text(paper.sample("09"), appearance.copy_look("SY", paper.AGENCY, at), seal, pki, annex=False),
        "extract": with_text(paper.sample("02"), appearance.copy_look("TrS", paper.AGENCY, at), seal, pki, annex=False),
        "together": together(pki),
    }
    found["copied again"] = with_text(
        found["copy"], appearance.copy_look("SL", "Sở Tư pháp", at), other, pki, annex=False
    )
    found["renumbered"] = paper.change_number(found["together"])
    for name in ("annex", "copy"):
        found[f"{name} drawn over"] = paper.draw_over(found[name])
    return found


@pytest.fixture(scope="module")
def verdicts(made: dict[str, bytes], pki: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileVerdict]:
    folder = tmp_path_factory.mktemp("kinds")
    trust = folder / "trust.pem"
    trust.write_bytes(pki.root_pem)
    for name, content in made.items():
        Path(folder, f"{name}.pdf").write_bytes(content)
    return judge([folder / f"{name}.pdf" for name in made], trust)


@pytest.mark.parametrize(
    ("name", "signatures"),
    [
        ("annex", 1),
        ("annex signed before", 2),
        ("copy", 1),
        ("extract", 1),
        ("copied again", 2),
        ("together", 4),
    ],
)
def test_everything_is_valid_for_the_archive(
    verdicts: dict[str, FileVerdict], made: dict[str, bytes], pki: Running, name: str, signatures: int
) -> None:
    verdict = verdicts[f"{name}.pdf"]
    assert verdict.accepted, verdict
    assert [s.level for s in verdict.signatures] == ["PAdES-BASELINE-LTA"] * signatures
    ours = pdf.validate(made[name], paper.trust(pki))
    assert ours.indication is pdf.Indication.PASSED


def test_a_number_changed_after_all_seals_is_objected_to_by_both(
    verdicts: dict[str, FileVerdict], made: dict[str, bytes], pki: Running
) -> None:
    verdict = verdicts["renumbered.pdf"]
    assert [s.field for s in verdict.signatures if not s.accepted] == [pdf.SEAL_FIELD]
    ours = pdf.validate(made["renumbered"], paper.trust(pki))
    assert ours.indication is pdf.Indication.FAILED
    assert [
        s.field for s in ours.signatures if s.kind == "signature" and s.indication is not pdf.Indication.PASSED
    ] == [pdf.SEAL_FIELD]


@pytest.mark.parametrize("name", ["annex", "copy"])
def test_what_is_drawn_over_is_objected_to(verdicts: dict[str, FileVerdict], name: str) -> None:
    verdict = verdicts[f"{name} drawn over.pdf"]
    assert not verdict.accepted
    assert verdict.signatures[0].objections
